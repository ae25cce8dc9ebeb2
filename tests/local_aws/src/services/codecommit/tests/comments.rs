//! Comments on compared commits.

use super::*;

fn two_commits() -> (World, String, String) {
    let mut world = world_with_repository();
    let first = commit(&mut world, "first", &[("a", "1\n2\n")]);
    let second = commit(&mut world, "second", &[("a", "1\n3\n")]);
    (world, first, second)
}

fn input(before: &str, after: &str) -> Value {
    json!({
        "repositoryName": "deployment", "beforeCommitId": before, "afterCommitId": after,
        "content": "deployed", "clientRequestToken": "t1",
    })
}

#[test]
fn commits_without_comments_have_none() {
    let (mut world, first, second) = two_commits();
    let about = json!({ "repositoryName": "deployment", "beforeCommitId": first, "afterCommitId": second });
    let found = ok(&mut world, "GetCommentsForComparedCommit", about);
    assert_eq!(found, json!({ "commentsForComparedCommitData": [] }));
}

#[test]
fn a_comment_is_posted_once_and_found_again() {
    let (mut world, first, second) = two_commits();
    let posted = ok(&mut world, "PostCommentForComparedCommit", input(&first, &second));
    assert_eq!(ok(&mut world, "PostCommentForComparedCommit", input(&first, &second)), posted);
    assert_eq!(posted["comment"]["authorArn"], "arn:aws:iam::111111111111:user/administrator");
    let about = json!({ "repositoryName": "deployment", "beforeCommitId": first, "afterCommitId": second });
    let found = ok(&mut world, "GetCommentsForComparedCommit", about);
    let data = found["commentsForComparedCommitData"].as_array().unwrap();
    assert_eq!((data.len(), &data[0]["comments"]), (1, &json!([posted["comment"]])));
    let one = ok(&mut world, "GetComment", json!({ "commentId": posted["comment"]["commentId"] }));
    assert_eq!(one["comment"], posted["comment"]);
    let other = with(input(&first, &second), json!({ "content": "other" }));
    assert_eq!(
        code(&mut world, "PostCommentForComparedCommit", other),
        "IdempotencyParameterMismatchException"
    );
}

#[test]
fn a_comment_on_the_first_commit_needs_no_other() {
    let (mut world, first, second) = two_commits();
    let alone = |id: &str| with(input(id, id), json!({ "beforeCommitId": null }));
    ok(&mut world, "PostCommentForComparedCommit", alone(&first));
    assert_eq!(code(&mut world, "PostCommentForComparedCommit", alone(&second)), "CommitIdRequiredException");
}

#[test]
fn a_comment_can_be_about_a_line() {
    let (mut world, first, second) = two_commits();
    let at = |location: Value| {
        with(input(&first, &second), json!({ "location": location, "clientRequestToken": null }))
    };
    let line = json!({ "filePath": "a", "filePosition": 2, "relativeFileVersion": "AFTER" });
    let posted = ok(&mut world, "PostCommentForComparedCommit", at(line.clone()));
    assert_eq!(posted["location"], line);
    assert!(posted["beforeBlobId"].is_string() && posted["afterBlobId"].is_string());
    for (location, expected) in [
        (json!({ "filePath": "a", "filePosition": 3 }), "InvalidFilePositionException"),
        (json!({ "filePath": "b" }), "PathDoesNotExistException"),
        (json!({ "filePosition": 1 }), "PathRequiredException"),
        (json!({ "filePath": "a", "relativeFileVersion": "NOW" }), "InvalidRelativeFileVersionEnumException"),
    ] {
        assert_eq!(code(&mut world, "PostCommentForComparedCommit", at(location)), expected);
    }
}

#[test]
fn a_bad_comment_is_refused_by_its_own_code() {
    let (mut world, first, second) = two_commits();
    let missing = "0123456789012345678901234567890123456789";
    for (change, expected) in [
        (json!({ "afterCommitId": null }), "CommitIdRequiredException"),
        (json!({ "afterCommitId": "main" }), "InvalidCommitIdException"),
        (json!({ "afterCommitId": missing }), "CommitDoesNotExistException"),
        (json!({ "beforeCommitId": second }), "BeforeCommitIdAndAfterCommitIdAreSameException"),
        (json!({ "content": "" }), "CommentContentRequiredException"),
        (json!({ "content": "x".repeat(10_241) }), "CommentContentSizeLimitExceededException"),
    ] {
        let input = with(input(&first, &second), change.clone());
        assert_eq!(code(&mut world, "PostCommentForComparedCommit", input), expected, "{change}");
    }
    assert_eq!(code(&mut world, "GetComment", json!({})), "CommentIdRequiredException");
    assert_eq!(code(&mut world, "GetComment", json!({ "commentId": "x y" })), "InvalidCommentIdException");
    assert_eq!(code(&mut world, "GetComment", json!({ "commentId": "abc" })), "CommentDoesNotExistException");
}

#[test]
fn comments_come_in_pages() {
    let (mut world, first, second) = two_commits();
    for number in 0..3 {
        let input = with(
            input(&first, &second),
            json!({ "content": format!("{number}"), "clientRequestToken": null }),
        );
        ok(&mut world, "PostCommentForComparedCommit", input);
    }
    let about = json!({
        "repositoryName": "deployment", "beforeCommitId": first, "afterCommitId": second, "maxResults": 2,
    });
    let page = ok(&mut world, "GetCommentsForComparedCommit", about.clone());
    assert_eq!(page["commentsForComparedCommitData"][0]["comments"].as_array().unwrap().len(), 2);
    let next = with(about, json!({ "nextToken": page["nextToken"] }));
    let rest = ok(&mut world, "GetCommentsForComparedCommit", next);
    assert_eq!(rest["commentsForComparedCommitData"][0]["comments"][0]["content"], "2");
    assert_eq!(rest.get("nextToken"), None);
}
