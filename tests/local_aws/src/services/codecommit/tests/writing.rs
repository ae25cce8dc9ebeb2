//! CreateCommit, PutFile and DeleteFile.

use super::*;
use expect_test::expect;

fn put_input(parent: &str, path: &str, content: &str) -> Value {
    json!({
        "repositoryName": "deployment", "branchName": "main", "parentCommitId": parent,
        "authorName": "Ann", "email": "ann@example.com", "commitMessage": "change",
        "putFiles": [{ "filePath": path, "fileContent": base64(content) }],
    })
}

#[test]
fn a_commit_that_changes_nothing_is_refused_and_makes_no_event() {
    let mut world = world_with_repository();
    let first = commit(&mut world, "first", &[("a/b", "1")]);
    emitted(&mut world);
    assert_eq!(code(&mut world, "CreateCommit", put_input(&first, "a/b", "1")), "NoChangeException");
    assert_eq!((tip(&world, "main"), emitted(&mut world)), (first, vec![]));
}

#[test]
fn a_commit_adds_updates_deletes_and_says_so() {
    let mut world = world_with_repository();
    let first = commit(&mut world, "first", &[("a/b", "1"), ("a/c", "2"), ("run", "3"), ("same", "4")]);
    wait(&mut world, 10);
    let input = with(
        put_input(&first, "a/b", "new"),
        json!({
            "putFiles": [
                { "filePath": "a/b", "fileContent": base64("new") },
                { "filePath": "d/e/f", "fileContent": base64("deep"), "fileMode": "EXECUTABLE" },
                { "filePath": "same", "fileContent": base64("4") },
            ],
            "deleteFiles": [{ "filePath": "/a/c" }],
            "setFileModes": [{ "filePath": "run", "fileMode": "EXECUTABLE" }],
        }),
    );
    let answer = ok(&mut world, "CreateCommit", input);
    expect![[r#"
        {
          "commitId": "46cba1093008f21174c14f22b6b06eac3e75d285",
          "filesAdded": [
            {
              "absolutePath": "d/e/f",
              "blobId": "d1f857b3cc128d202d3547d90541d78e7761853e",
              "fileMode": "EXECUTABLE"
            }
          ],
          "filesDeleted": [
            {
              "absolutePath": "a/c",
              "blobId": "d8263ee9860594d2806b0dfd1bfd17528b0ba2a4",
              "fileMode": "NORMAL"
            }
          ],
          "filesUpdated": [
            {
              "absolutePath": "a/b",
              "blobId": "3e5126c4e761fd09582fc517918a1601b218dff0",
              "fileMode": "NORMAL"
            },
            {
              "absolutePath": "run",
              "blobId": "e440e5c842586965a7fb77deda2eca68612b1f53",
              "fileMode": "EXECUTABLE"
            }
          ],
          "treeId": "4a5e0aad334600409b360e63f461d054bfb4563c"
        }"#]]
    .assert_eq(&serde_json::to_string_pretty(&answer).unwrap());
    assert_eq!(content(&world, "a/b").as_deref(), Some("new"));
    assert_eq!(content(&world, "d/e/f").as_deref(), Some("deep"));
    assert_eq!(content(&world, "a/c"), None);
    let shown = ok(
        &mut world,
        "GetCommit",
        json!({ "repositoryName": "deployment", "commitId": answer["commitId"] }),
    );
    expect![[r#"
        {
          "commit": {
            "additionalData": "",
            "author": {
              "date": "1795248010 +0000",
              "email": "ann@example.com",
              "name": "Ann"
            },
            "commitId": "46cba1093008f21174c14f22b6b06eac3e75d285",
            "committer": {
              "date": "1795248010 +0000",
              "email": "ann@example.com",
              "name": "Ann"
            },
            "message": "change",
            "parents": [
              "6fc4e4048475d0266a421092fb8d0399c6b6e7d3"
            ],
            "treeId": "4a5e0aad334600409b360e63f461d054bfb4563c"
          }
        }"#]]
    .assert_eq(&serde_json::to_string_pretty(&shown).unwrap());
    expect![[r#"
        [
            "referenceCreated refs/heads/main -..6fc4e40 by administrator",
            "referenceUpdated refs/heads/main 6fc4e40..46cba10 by administrator",
        ]
    "#]]
    .assert_debug_eq(&emitted(&mut world));
}

#[test]
fn an_event_has_the_members_that_aws_gives_it() {
    let mut world = world_with_repository();
    let first = commit(&mut world, "first", &[("a", "1")]);
    let caller = Caller::role(&account(), "writer", "on_image_push");
    let input = put_input(&first, "a", "2");
    // Roles are IAM's matter; this one may do everything.
    let policy = json!({ "Version": "2012-10-17", "Statement": { "Effect": "Allow", "Action": "*", "Resource": "*" } });
    let trust = json!({ "Version": "2012-10-17", "Statement": { "Effect": "Allow", "Principal": { "AWS": "*" }, "Action": "sts:AssumeRole" } });
    let iam = |world: &mut World, operation: &str, input: Value| {
        world
            .call(&administrator(), Service::Iam, operation, input)
            .unwrap_or_else(|error| panic!("{error}"));
    };
    iam(
        &mut world,
        "CreateRole",
        json!({ "RoleName": "writer", "AssumeRolePolicyDocument": trust.to_string() }),
    );
    iam(
        &mut world,
        "PutRolePolicy",
        json!({ "RoleName": "writer", "PolicyName": "all", "PolicyDocument": policy.to_string() }),
    );
    world.call(&caller, Service::CodeCommit, "CreateCommit", input).unwrap();
    let events = emitted_events(&mut world);
    expect![[r#"
        {
          "account": "111111111111",
          "detail": {
            "callerUserArn": "arn:aws:sts::111111111111:assumed-role/writer/on_image_push",
            "commitId": "b28eb9013a081745438ff50298d8b3d7bc6d0875",
            "event": "referenceUpdated",
            "oldCommitId": "a95fc0de867aa660a36e36f587d10bb7dfe930fa",
            "referenceFullName": "refs/heads/main",
            "referenceName": "main",
            "referenceType": "branch",
            "repositoryId": "910a2dec-8902-4cc1-beeb-8da1658eec67",
            "repositoryName": "deployment"
          },
          "detail-type": "CodeCommit Repository State Change",
          "id": "e099ec6c-d736-4ca5-85e7-bb0f12278575",
          "region": "eu-west-1",
          "resources": [
            "arn:aws:codecommit:eu-west-1:111111111111:deployment"
          ],
          "source": "aws.codecommit",
          "time": "2026-11-21T08:00:00Z",
          "version": "0"
        }"#]]
    .assert_eq(&serde_json::to_string_pretty(events.last().unwrap()).unwrap());
}

#[test]
fn a_commit_on_an_old_parent_is_refused() {
    let mut world = world_with_repository();
    let first = commit(&mut world, "first", &[("a", "1")]);
    let second = commit(&mut world, "second", &[("a", "2")]);
    let input = put_input(&first, "a", "3");
    assert_eq!(code(&mut world, "CreateCommit", input.clone()), "ParentCommitIdOutdatedException");
    let missing = "0123456789012345678901234567890123456789";
    for (change, expected) in [
        (json!({ "parentCommitId": null }), "ParentCommitIdRequiredException"),
        (json!({ "parentCommitId": "main" }), "InvalidParentCommitIdException"),
        (json!({ "parentCommitId": missing }), "ParentCommitDoesNotExistException"),
        (json!({ "branchName": "other" }), "BranchDoesNotExistException"),
    ] {
        assert_eq!(
            code(&mut world, "CreateCommit", with(input.clone(), change.clone())),
            expected,
            "{change}"
        );
    }
    assert_eq!(tip(&world, "main"), second);
}

#[test]
fn the_first_commit_has_no_parent() {
    let mut world = world_with_repository();
    let missing = "0123456789012345678901234567890123456789";
    let input = put_input(missing, "a", "1");
    assert_eq!(code(&mut world, "CreateCommit", input.clone()), "ParentCommitDoesNotExistException");
    ok(&mut world, "CreateCommit", with(input, json!({ "parentCommitId": null })));
}

#[test]
fn a_malformed_commit_is_refused_by_its_own_code() {
    let mut world = world_with_repository();
    let first = commit(&mut world, "first", &[("a/b", "1"), ("c", "2"), ("d/.gitkeep", "")]);
    let good = put_input(&first, "x", "1");
    let put = |entry: Value| json!({ "putFiles": [entry] });
    let file = |path: &str| json!({ "filePath": path, "fileContent": "eA==" });
    let many: Vec<Value> = (0..101).map(|number| file(&format!("f{number}"))).collect();
    let deep = "d/".repeat(21) + "f";
    for (change, expected) in [
        (json!({ "putFiles": null }), "FileEntryRequiredException"),
        (json!({ "putFiles": many }), "MaximumFileEntriesExceededException"),
        (put(json!({ "filePath": "x" })), "SourceFileOrContentRequiredException"),
        (
            put(json!({ "filePath": "x", "fileContent": "eA==", "sourceFile": { "filePath": "c" } })),
            "FileContentAndSourceFileSpecifiedException",
        ),
        (put(json!({ "fileContent": "eA==" })), "PathRequiredException"),
        (put(file("../x")), "InvalidPathException"),
        (put(file("a/../../b")), "InvalidPathException"),
        (put(file("a//b")), "InvalidPathException"),
        (put(file("a/")), "InvalidPathException"),
        (put(file(".git/config")), "InvalidPathException"),
        (put(file("a\u{1}b")), "InvalidPathException"),
        (put(file(&deep)), "InvalidPathException"),
        (put(file(&"x".repeat(4097))), "InvalidPathException"),
        (
            put(json!({ "filePath": "x", "fileContent": "eA==", "fileMode": "0644" })),
            "InvalidFileModeException",
        ),
        (put(file("a")), "FileNameConflictsWithDirectoryNameException"),
        (put(file("c/d")), "DirectoryNameConflictsWithFileNameException"),
        (json!({ "putFiles": [file("x"), file("x/y")] }), "PutFileEntryConflictException"),
        (json!({ "putFiles": [file("x"), file("x")] }), "SamePathRequestException"),
        (
            json!({ "putFiles": [file("c")], "deleteFiles": [{ "filePath": "c" }] }),
            "SamePathRequestException",
        ),
        (json!({ "deleteFiles": [{ "filePath": "none" }] }), "FileDoesNotExistException"),
        (json!({ "deleteFiles": [{ "filePath": "a" }] }), "FileDoesNotExistException"),
        (json!({ "setFileModes": [{ "filePath": "c" }] }), "FileModeRequiredException"),
        (
            put(json!({ "filePath": "x", "sourceFile": { "filePath": "d/.gitkeep" } })),
            "RestrictedSourceFileException",
        ),
        (put(json!({ "filePath": "x", "sourceFile": { "filePath": "none" } })), "FileDoesNotExistException"),
        (json!({ "authorName": "x".repeat(300) }), "NameLengthExceededException"),
        (json!({ "email": "a<b>" }), "InvalidEmailException"),
        (json!({ "commitMessage": "x".repeat(256 * 1024 + 1) }), "CommitMessageLengthExceededException"),
        (put(json!({ "filePath": "x", "fileContent": "%" })), "SerializationException"),
    ] {
        assert_eq!(code(&mut world, "CreateCommit", with(good.clone(), change)), expected);
    }
    assert_eq!(tip(&world, "main"), first);
}

#[test]
fn a_commit_has_room_for_six_megabytes_a_file_and_seven_together() {
    let mut world = world_with_repository();
    let first = commit(&mut world, "first", &[("a", "1")]);
    let file = |path: &str, bytes: usize| json!({ "filePath": path, "fileContent": STANDARD.encode(vec![b'x'; bytes]) });
    let six = 6 * 1024 * 1024;
    let good = put_input(&first, "x", "1");
    for (files, expected) in [
        (vec![file("x", six + 1)], "FileContentSizeLimitExceededException"),
        (vec![file("x", six), file("y/z", 1024 * 1024 + 1)], "FileContentSizeLimitExceededException"),
        (vec![file("x/a", six), file("x/b", 1)], "FolderContentSizeLimitExceededException"),
    ] {
        assert_eq!(
            code(&mut world, "CreateCommit", with(good.clone(), json!({ "putFiles": files }))),
            expected
        );
    }
    ok(&mut world, "CreateCommit", with(good, json!({ "putFiles": [file("x", six)] })));
}

#[test]
fn files_are_copied_and_moved() {
    let mut world = world_with_repository();
    let first = commit(&mut world, "first", &[("a/b", "1"), ("c", "2")]);
    let files = json!({ "putFiles": [
        { "filePath": "copy", "sourceFile": { "filePath": "c" } },
        { "filePath": "moved", "sourceFile": { "filePath": "a/b", "isMove": true } },
    ] });
    ok(&mut world, "CreateCommit", with(put_input(&first, "x", ""), files));
    let found = ["a/b", "c", "copy", "moved"].map(|path| content(&world, path));
    assert_eq!(found, [None, Some("2".to_owned()), Some("2".to_owned()), Some("1".to_owned())]);
}

#[test]
fn an_emptied_folder_goes_unless_it_is_to_be_kept() {
    let mut world = world_with_repository();
    let first = commit(&mut world, "first", &[("a/b/c", "1"), ("d/e/f", "2"), ("d/g", "3"), ("h", "4")]);
    let delete = |parent: &str, paths: &[&str], keep: bool| {
        let files: Vec<Value> = paths.iter().map(|path| json!({ "filePath": path })).collect();
        with(
            put_input(parent, "x", ""),
            json!({ "putFiles": null, "deleteFiles": files, "keepEmptyFolders": keep }),
        )
    };
    let second = ok(&mut world, "CreateCommit", delete(&first, &["a/b/c"], false));
    let root = ok(&mut world, "GetFolder", json!({ "repositoryName": "deployment", "folderPath": "/" }));
    assert_eq!(root["subFolders"].as_array().unwrap().len(), 1, "{root}");
    let second = second["commitId"].as_str().unwrap();
    let third = ok(&mut world, "CreateCommit", delete(second, &["d/e/f", "d/g"], true));
    assert_eq!(third["filesAdded"][0]["absolutePath"], "d/e/.gitkeep", "{third}");
    assert_eq!(third["filesAdded"].as_array().unwrap().len(), 1);
}

#[test]
fn put_file_makes_one_commit_and_refuses_the_same_content() {
    let mut world = world_with_repository();
    let input = json!({
        "repositoryName": "deployment", "branchName": "main", "filePath": "a/b", "fileContent": base64("1"),
        "name": "Ann", "email": "ann@example.com",
    });
    let first = ok(&mut world, "PutFile", input.clone());
    assert_eq!(content(&world, "a/b").as_deref(), Some("1"));
    assert_eq!(code(&mut world, "PutFile", input.clone()), "ParentCommitIdRequiredException");
    let again = with(input, json!({ "parentCommitId": first["commitId"] }));
    assert_eq!(code(&mut world, "PutFile", again.clone()), "SameFileContentException");
    let empty = with(again.clone(), json!({ "fileContent": "" }));
    assert_eq!(code(&mut world, "PutFile", empty), "FileContentRequiredException");
    let second = ok(&mut world, "PutFile", with(again, json!({ "fileContent": base64("2") })));
    assert_eq!(second["commitId"], json!(tip(&world, "main")));
    let (_, message) = super::super::branch_tip(&world, &account(), "deployment", "main").unwrap();
    assert_eq!(message, "Edited a/b");
}

#[test]
fn delete_file_makes_one_commit() {
    let mut world = world_with_repository();
    let first = commit(&mut world, "first", &[("a/b", "1"), ("c", "2")]);
    let input = json!({
        "repositoryName": "deployment", "branchName": "main", "filePath": "/a/b", "parentCommitId": first,
    });
    let without = with(input.clone(), json!({ "parentCommitId": null }));
    assert_eq!(code(&mut world, "DeleteFile", without), "ParentCommitIdRequiredException");
    let answer = ok(&mut world, "DeleteFile", input);
    assert_eq!(answer["filePath"], "a/b");
    assert_eq!(content(&world, "a/b"), None);
    let again = json!({
        "repositoryName": "deployment", "branchName": "main", "filePath": "a/b",
        "parentCommitId": answer["commitId"],
    });
    assert_eq!(code(&mut world, "DeleteFile", again), "FileDoesNotExistException");
}

#[test]
fn hundreds_of_commits_go_on_one_another() {
    let mut world = world_with_repository();
    for number in 0..300 {
        commit(&mut world, "more", &[("cluster1/webapp1/revision.json", &format!("[{number}]"))]);
    }
    assert_eq!(content(&world, "cluster1/webapp1/revision.json").as_deref(), Some("[299]"));
    assert_eq!(emitted(&mut world).len(), 300);
}
