//! Files, folders, blobs, commits and differences.

use super::*;
use expect_test::expect;

fn specified(specifier: &str) -> Value {
    json!({ "repositoryName": "deployment", "commitSpecifier": specifier })
}

#[test]
fn an_empty_repository_has_no_commit_to_read() {
    let mut world = world_with_repository();
    let name = json!({ "repositoryName": "deployment" });
    for (operation, input) in [
        ("GetFile", json!({ "filePath": "a" })),
        ("GetFolder", json!({ "folderPath": "/" })),
        ("GetDifferences", json!({ "afterCommitSpecifier": "HEAD" })),
        ("ListFileCommitHistory", json!({ "filePath": "a" })),
    ] {
        assert_eq!(code(&mut world, operation, with(name.clone(), input)), "CommitDoesNotExistException");
    }
    let branch = with(name, json!({ "branchName": "main" }));
    assert_eq!(code(&mut world, "GetBranch", branch), "BranchDoesNotExistException");
}

#[test]
fn a_file_is_read_at_every_kind_of_specifier() {
    let mut world = world_with_repository();
    let first = commit(&mut world, "first", &[("a/b", "1")]);
    let second = commit(&mut world, "second", &[("a/b", "2")]);
    let at = |world: &mut World, specifier: &str| {
        let file = ok(world, "GetFile", with(specified(specifier), json!({ "filePath": "/a/b" })));
        (file["commitId"].as_str().unwrap().to_owned(), file["fileContent"].as_str().unwrap().to_owned())
    };
    assert_eq!(at(&mut world, &first), (first, base64("1")));
    for specifier in ["main", "HEAD", "refs/heads/main", &second] {
        assert_eq!(at(&mut world, specifier), (second.clone(), base64("2")));
    }
    let file = ok(&mut world, "GetFile", json!({ "repositoryName": "deployment", "filePath": "a/b" }));
    expect![[r#"
        {
          "blobId": "d8263ee9860594d2806b0dfd1bfd17528b0ba2a4",
          "commitId": "5bc7a885d4b2693c70db015ac7199839f12084e8",
          "fileContent": "Mg==",
          "fileMode": "NORMAL",
          "filePath": "a/b",
          "fileSize": 1
        }"#]]
    .assert_eq(&serde_json::to_string_pretty(&file).unwrap());
    let blob = json!({ "repositoryName": "deployment", "blobId": file["blobId"] });
    assert_eq!(ok(&mut world, "GetBlob", blob), json!({ "content": base64("2") }));
}

#[test]
fn what_cannot_be_read_is_refused_by_its_own_code() {
    let mut world = world_with_repository();
    commit(&mut world, "first", &[("a/b", "1")]);
    let missing = "0123456789012345678901234567890123456789";
    let file = |specifier: &str, path: Value| with(specified(specifier), json!({ "filePath": path }));
    for (input, expected) in [
        (file("main", json!("none")), "FileDoesNotExistException"),
        (file("main", json!("a")), "FileDoesNotExistException"),
        (file("main", json!(null)), "PathRequiredException"),
        (file("main", json!("a/../b")), "InvalidPathException"),
        (file("none", json!("a/b")), "CommitDoesNotExistException"),
        (file(missing, json!("a/b")), "CommitDoesNotExistException"),
        (file("a..b", json!("a/b")), "InvalidCommitException"),
    ] {
        assert_eq!(code(&mut world, "GetFile", input.clone()), expected, "{input}");
    }
    let folder = |path: Value| with(specified("main"), json!({ "folderPath": path }));
    assert_eq!(code(&mut world, "GetFolder", folder(json!("none"))), "FolderDoesNotExistException");
    assert_eq!(code(&mut world, "GetFolder", folder(json!("a/b"))), "FolderDoesNotExistException");
    assert_eq!(code(&mut world, "GetFolder", folder(json!(""))), "PathRequiredException");
    for (blob, expected) in [
        (json!(null), "BlobIdRequiredException"),
        (json!("x"), "InvalidBlobIdException"),
        (json!(missing), "BlobIdDoesNotExistException"),
    ] {
        let input = json!({ "repositoryName": "deployment", "blobId": blob });
        assert_eq!(code(&mut world, "GetBlob", input), expected);
    }
}

#[test]
fn a_file_above_six_megabytes_is_too_large() {
    let mut world = world_with_repository();
    let large = vec![b'x'; 6 * 1024 * 1024 + 1];
    let push = super::super::Push {
        repository: "deployment",
        branch: "main",
        person: "ann",
        put: &[("large", &large)],
        message: "large",
        ..Default::default()
    };
    super::super::push(&mut world, &account(), &push).unwrap();
    let input = json!({ "repositoryName": "deployment", "filePath": "large" });
    assert_eq!(code(&mut world, "GetFile", input), "FileTooLargeException");
}

#[test]
fn a_folder_lists_what_lies_in_it() {
    let mut world = world_with_repository();
    let first = commit(&mut world, "first", &[("a/b/c", "1"), ("a/d", "2")]);
    let modes = json!({
        "repositoryName": "deployment", "branchName": "main", "parentCommitId": first,
        "putFiles": [{ "filePath": "a/link", "fileContent": base64("d"), "fileMode": "SYMLINK" }],
    });
    ok(&mut world, "CreateCommit", modes);
    let folder = ok(&mut world, "GetFolder", with(specified("main"), json!({ "folderPath": "/a/" })));
    expect![[r#"
        {
          "commitId": "bb44bcc1f492c49ba82e2ba920d6ee86642885c8",
          "files": [
            {
              "absolutePath": "a/d",
              "blobId": "d8263ee9860594d2806b0dfd1bfd17528b0ba2a4",
              "fileMode": "NORMAL",
              "relativePath": "d"
            }
          ],
          "folderPath": "a",
          "subFolders": [
            {
              "absolutePath": "a/b",
              "relativePath": "b",
              "treeId": "1ee1f4c080b27aa734e5044432853ac498cf0df6"
            }
          ],
          "subModules": [],
          "symbolicLinks": [
            {
              "absolutePath": "a/link",
              "blobId": "c59d9b6344f1af00e504ba698129f07a34bbed8d",
              "fileMode": "SYMLINK",
              "relativePath": "link"
            }
          ],
          "treeId": "0d88eff0c91ff5a5e7293e7c67dea24391b88a39"
        }"#]]
    .assert_eq(&serde_json::to_string_pretty(&folder).unwrap());
}

#[test]
fn commits_are_read_one_by_one_and_in_batches() {
    let mut world = world_with_repository();
    let first = commit(&mut world, "first", &[("a", "1")]);
    let missing = "0123456789012345678901234567890123456789";
    let batch = json!({ "repositoryName": "deployment", "commitIds": [first, missing, "main"] });
    let answer = ok(&mut world, "BatchGetCommits", batch);
    assert_eq!(answer["commits"][0]["message"], "first");
    let codes: Vec<&str> = answer["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|error| error["errorCode"].as_str().unwrap())
        .collect();
    assert_eq!(codes, ["CommitIdDoesNotExistException", "InvalidCommitIdException"]);
    for (ids, expected) in [
        (json!([]), "CommitIdsListRequiredException"),
        (json!(vec![first; 101]), "CommitIdsLimitExceededException"),
    ] {
        let input = json!({ "repositoryName": "deployment", "commitIds": ids });
        assert_eq!(code(&mut world, "BatchGetCommits", input), expected);
    }
    for (id, expected) in [
        (json!(null), "CommitIdRequiredException"),
        (json!("abc"), "InvalidCommitIdException"),
        (json!(missing), "CommitIdDoesNotExistException"),
    ] {
        let input = json!({ "repositoryName": "deployment", "commitId": id });
        assert_eq!(code(&mut world, "GetCommit", input), expected);
    }
}

fn differences(world: &mut World, input: Value) -> Vec<String> {
    let answer = ok(world, "GetDifferences", with(json!({ "repositoryName": "deployment" }), input));
    let line = |difference: &Value| {
        let side = |name: &str| {
            let blob = &difference[name];
            format!("{} {}", blob["path"].as_str().unwrap_or("-"), blob["mode"].as_str().unwrap_or("-"))
        };
        format!(
            "{} {} -> {}",
            difference["changeType"].as_str().unwrap(),
            side("beforeBlob"),
            side("afterBlob")
        )
    };
    answer["differences"].as_array().unwrap().iter().map(line).collect()
}

#[test]
fn a_commit_does_not_differ_from_itself() {
    let mut world = world_with_repository();
    let first = commit(&mut world, "first", &[("a/b", "1")]);
    let same = json!({ "beforeCommitSpecifier": first, "afterCommitSpecifier": "main" });
    assert_eq!(differences(&mut world, same), Vec::<String>::new());
}

#[test]
fn differences_name_what_was_added_changed_and_deleted() {
    let mut world = world_with_repository();
    let first = commit(&mut world, "first", &[("a/b", "1"), ("a/c", "2"), ("d", "3"), ("e/f", "4")]);
    let second = ok(
        &mut world,
        "CreateCommit",
        json!({
            "repositoryName": "deployment", "branchName": "main", "parentCommitId": first,
            "putFiles": [
                { "filePath": "a/b", "fileContent": base64("new") },
                { "filePath": "g/h", "fileContent": base64("5") },
            ],
            "deleteFiles": [{ "filePath": "e/f" }],
            "setFileModes": [{ "filePath": "d", "fileMode": "EXECUTABLE" }],
        }),
    );
    let second = second["commitId"].as_str().unwrap();
    let both = json!({ "beforeCommitSpecifier": first, "afterCommitSpecifier": second });
    expect![[r#"
        [
            "M a/b 100644 -> a/b 100644",
            "M d 100644 -> d 100755",
            "D e/f 100644 -> - -",
            "A - - -> g/h 100644",
        ]
    "#]]
    .assert_debug_eq(&differences(&mut world, both.clone()));
    let one_folder = with(both.clone(), json!({ "afterPath": "a" }));
    expect![[r#"
        [
            "M a/b 100644 -> a/b 100644",
        ]
    "#]]
    .assert_debug_eq(&differences(&mut world, one_folder));
    let all = json!({ "afterCommitSpecifier": first });
    expect![[r#"
        [
            "A - - -> a/b 100644",
            "A - - -> a/c 100644",
            "A - - -> d 100644",
            "A - - -> e/f 100644",
        ]
    "#]]
    .assert_debug_eq(&differences(&mut world, all));
    let none = with(both.clone(), json!({ "repositoryName": "deployment", "afterPath": "none" }));
    assert_eq!(code(&mut world, "GetDifferences", none), "PathDoesNotExistException");
    let without = json!({ "repositoryName": "deployment" });
    assert_eq!(code(&mut world, "GetDifferences", without), "CommitRequiredException");
    let lower_case = with(both, json!({ "repositoryName": "deployment", "maxResults": 1 }));
    assert_eq!(code(&mut world, "GetDifferences", lower_case), "NotInLocalAws");
}

#[test]
fn differences_come_in_pages() {
    let mut world = world_with_repository();
    commit(&mut world, "first", &[("a", "1"), ("b", "2"), ("c", "3")]);
    let input = json!({ "repositoryName": "deployment", "afterCommitSpecifier": "main", "MaxResults": 2 });
    let page = ok(&mut world, "GetDifferences", input.clone());
    assert_eq!(page["differences"].as_array().unwrap().len(), 2);
    let next = with(input.clone(), json!({ "NextToken": page["NextToken"] }));
    let rest = ok(&mut world, "GetDifferences", next.clone());
    assert_eq!(rest["differences"][0]["afterBlob"]["path"], "c");
    assert_eq!(rest.get("NextToken"), None);
    commit(&mut world, "second", &[("a", "2")]);
    assert_eq!(code(&mut world, "GetDifferences", next), "InvalidContinuationTokenException");
    let zero = with(input, json!({ "MaxResults": 0 }));
    assert_eq!(code(&mut world, "GetDifferences", zero), "InvalidMaxResultsException");
}
