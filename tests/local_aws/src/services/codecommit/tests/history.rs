//! The history of one file.

use super::*;

/// One line per version, newest first: message, path, messages of its children.
fn history(world: &mut World, input: Value) -> (Vec<String>, Option<String>) {
    let base = json!({ "repositoryName": "deployment", "filePath": "a" });
    let answer = ok(world, "ListFileCommitHistory", with(base, input));
    let message = |world: &World, id: &str| {
        let opened = super::super::Opened::find(world, &account(), "deployment").unwrap();
        opened.git.commit(id.parse().unwrap()).unwrap().unwrap().message
    };
    let mut lines = Vec::new();
    for version in answer["revisionDag"].as_array().unwrap() {
        let children = version["revisionChildren"].as_array().unwrap();
        let children: Vec<String> = children.iter().map(|id| message(world, id.as_str().unwrap())).collect();
        lines.push(format!(
            "{} {} <- {}",
            version["commit"]["message"].as_str().unwrap(),
            version["path"].as_str().unwrap(),
            children.join(" "),
        ));
    }
    (lines, answer["nextToken"].as_str().map(str::to_owned))
}

#[test]
fn a_file_that_never_was_has_no_history() {
    let mut world = world_with_repository();
    commit(&mut world, "first", &[("b", "1")]);
    assert_eq!(history(&mut world, json!({})), (vec![], None));
}

#[test]
fn only_commits_that_changed_the_file_count() {
    let mut world = world_with_repository();
    commit(&mut world, "one", &[("a", "1")]);
    commit(&mut world, "other", &[("b", "1")]);
    commit(&mut world, "two", &[("a", "2")]);
    commit(&mut world, "another", &[("b", "2")]);
    assert_eq!(history(&mut world, json!({})).0, ["two a <- ", "one a <- two"]);
    world.settings.unconfirmed.history_is_oldest_first = true;
    assert_eq!(history(&mut world, json!({})).0, ["one a <- two", "two a <- "]);
}

#[test]
fn a_history_comes_in_pages() {
    let mut world = world_with_repository();
    for message in ["one", "two", "three"] {
        commit(&mut world, message, &[("a", message)]);
    }
    let (page, token) = history(&mut world, json!({ "maxResults": 2 }));
    assert_eq!(page, ["three a <- ", "two a <- three"]);
    let (rest, end) = history(&mut world, json!({ "maxResults": 2, "nextToken": token }));
    assert_eq!((rest, end), (vec!["one a <- two".to_owned()], None));
    let wrong = json!({ "repositoryName": "deployment", "filePath": "b", "nextToken": token });
    assert_eq!(code(&mut world, "ListFileCommitHistory", wrong), "InvalidContinuationTokenException");
    let zero = json!({ "repositoryName": "deployment", "filePath": "b", "maxResults": 0 });
    assert_eq!(code(&mut world, "ListFileCommitHistory", zero), "InvalidMaxResultsException");
}

#[test]
fn a_moved_file_keeps_its_history() {
    let mut world = world_with_repository();
    commit(&mut world, "one", &[("old", "1")]);
    let second = commit(&mut world, "two", &[("old", "2")]);
    let moved = json!({
        "repositoryName": "deployment", "branchName": "main", "parentCommitId": second, "commitMessage": "move",
        "putFiles": [{ "filePath": "a", "sourceFile": { "filePath": "old", "isMove": true } }],
    });
    ok(&mut world, "CreateCommit", moved);
    assert_eq!(history(&mut world, json!({})).0, ["move a <- ", "two old <- move", "one old <- two"]);
}

#[test]
fn a_deleted_file_has_the_history_before() {
    let mut world = world_with_repository();
    let first = commit(&mut world, "one", &[("a", "1"), ("b", "1")]);
    let delete = json!({
        "repositoryName": "deployment", "branchName": "main", "parentCommitId": first, "filePath": "a",
    });
    ok(&mut world, "DeleteFile", delete);
    commit(&mut world, "again", &[("a", "2")]);
    assert_eq!(history(&mut world, json!({})).0, ["again a <- ", "one a <- again"]);
}

#[test]
fn a_merge_tells_both_sides_even_at_one_moment() {
    let mut world = world_with_repository();
    let base = commit(&mut world, "base", &[("a", "1")]);
    let branch = json!({ "repositoryName": "deployment", "branchName": "side", "commitId": base });
    ok(&mut world, "CreateBranch", branch);
    commit_on(&mut world, "side", "left", &[("a", "left")]);
    commit(&mut world, "right one", &[("a", "right")]);
    commit(&mut world, "right two", &[("a", "right two")]);
    // The API has no merge here: git made this one, with its own content for the file.
    let opened = super::super::Opened::find(&world, &account(), "deployment").unwrap();
    let parents = [tip(&world, "main"), tip(&world, "side")].map(|id| id.parse().unwrap());
    let blob = opened.git.write_blob(b"both").unwrap();
    let edit = super::super::git::Edit::Put(gix::objs::tree::EntryKind::Blob, blob);
    let edits = [("a".to_owned(), edit)].into();
    let tree = opened.git.edit_tree(super::super::git::Git::empty_tree(), &edits).unwrap();
    let merge = opened.git.write_commit(tree, &parents, ("Ann", ""), "merge", world.now()).unwrap();
    let (lines, _) = history(&mut world, json!({ "commitSpecifier": merge.to_string() }));
    let position = |start: &str| lines.iter().position(|line| line.starts_with(start)).unwrap();
    assert_eq!((lines.len(), position("merge"), position("base")), (5, 0, 4), "{lines:?}");
    assert!(position("right two") < position("right one"), "{lines:?}");
    assert!(lines.contains(&"left a <- merge".to_owned()), "{lines:?}");
    let base = &lines[4];
    assert!(base.contains("left") && base.contains("right one"), "{base}");
}
