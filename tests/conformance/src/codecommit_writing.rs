//! CodeCommit: commits through the API.

use crate::answers::Question;
use crate::check::{Check, Stop, Verdict};
use crate::expect::{holds, list, refused, same, text, texts};
use crate::resources::{GitRepository, put_file};
use crate::scene::Scene;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

/// The largest file that the API takes.
const FILE_BYTES_MAX: usize = 6 * 1024 * 1024;
/// A commit id that no repository has.
const NO_COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

/// The checks of this file.
pub const CHECKS: &[Check] = &[
    check("A repository's name is taken once", repository_names),
    check("An empty repository has no branch", no_branch_in_an_empty_repository),
    check("The first commit needs no parent and makes the branch", first_commit),
    check("A later commit must name its parent", parent_required),
    check("A commit on an old parent is refused", parent_outdated),
    check("A parent that is no commit of the repository is refused", parent_unknown),
    check("Of two commits on one parent at the same moment one is refused", racing_commits),
    check("A commit that changes nothing is refused and moves nothing", no_change),
    check("A commit without files is refused", no_files),
    check("A hundred files fit into a commit, one more does not", a_hundred_files),
    check("A file of more than 6 MB is refused", large_file),
    check("One path may stand in a commit once", same_path),
    check("A file that is not there cannot be deleted", delete_missing),
    check("A deleted file goes and its empty folder with it", delete_file),
    check("A file cannot lie where a folder is, nor a folder where a file is", path_conflicts),
    check("Content and source of a file exclude each other", content_and_source),
    check("A file can be moved and made executable", move_and_mode),
    check("Paths that leave the repository are refused", bad_paths),
    check("A commit keeps author, email and message", author_and_message),
    check("A commit to a branch that is not there is refused", missing_branch),
    check("A repository that is not there is named in the refusal's code", missing_repository),
    check("PutFile refuses content that is there already", put_same_file),
    check("A comment on a commit names its author and needs content", comments),
];

const fn check(name: &'static str, run: fn(&Scene) -> Verdict) -> Check {
    Check::new("codecommit", name, run)
}

fn repository_names(scene: &Scene) -> Verdict {
    let repository = GitRepository::new(scene)?;
    refused(repository.call("CreateRepository", json!({})), &["RepositoryNameExistsException"])?;
    let bad = json!({ "repositoryName": "a/b" });
    refused(scene.call("codecommit", "CreateRepository", &bad), &["InvalidRepositoryNameException"])?;
    let metadata = repository.call("GetRepository", json!({}))?;
    same("the name", &text(&metadata, "/repositoryMetadata/repositoryName")?, &repository.name)?;
    let arn = scene.arn("codecommit", &repository.name);
    same("the ARN", &text(&metadata, "/repositoryMetadata/Arn")?, &arn)?;
    holds("there is no default branch yet", metadata.pointer("/repositoryMetadata/defaultBranch").is_none())
}

fn no_branch_in_an_empty_repository(scene: &Scene) -> Verdict {
    let repository = GitRepository::new(scene)?;
    let branch = json!({ "branchName": "main" });
    refused(repository.call("GetBranch", branch), &["BranchDoesNotExistException"])?;
    let file = json!({ "filePath": "a" });
    refused(repository.call("GetFile", file), &["CommitDoesNotExistException"])?;
    Ok(())
}

fn first_commit(scene: &Scene) -> Verdict {
    let repository = GitRepository::new(scene)?;
    let input = json!({ "putFiles": [put_file("a/b.txt", b"one")] });
    let made = repository.create_commit(None, input)?;
    same("the branch", &repository.tip()?, &text(&made, "/commitId")?)?;
    same("the path added", &text(&made, "/filesAdded/0/absolutePath")?, &"a/b.txt")?;
    same("its mode", &text(&made, "/filesAdded/0/fileMode")?, &"NORMAL")?;
    let blob = client::digest::git_blob(b"one");
    same("its blob id", &text(&made, "/filesAdded/0/blobId")?, &blob)?;
    same("the files updated", &list(&made, "/filesUpdated").len(), &0)?;
    let metadata = repository.call("GetRepository", json!({}))?;
    same("the default branch", &text(&metadata, "/repositoryMetadata/defaultBranch")?, &"main")
}

fn parent_required(scene: &Scene) -> Verdict {
    let (repository, _) = GitRepository::with_files(scene, &[("a", "one")])?;
    refused(repository.commit(None, &[("a", "two")], "m"), &["ParentCommitIdRequiredException"])?;
    Ok(())
}

fn parent_outdated(scene: &Scene) -> Verdict {
    let (repository, first) = GitRepository::with_files(scene, &[("a", "one")])?;
    let second = repository.commit(Some(&first), &[("a", "two")], "m")?;
    refused(repository.commit(Some(&first), &[("b", "three")], "m"), &["ParentCommitIdOutdatedException"])?;
    same("the branch", &repository.tip()?, &second)
}

fn parent_unknown(scene: &Scene) -> Verdict {
    let (repository, _) = GitRepository::with_files(scene, &[("a", "one")])?;
    let files = [("a", "two")];
    refused(repository.commit(Some(NO_COMMIT), &files, "m"), &["ParentCommitDoesNotExistException"])?;
    refused(repository.commit(Some("main"), &files, "m"), &["InvalidParentCommitIdException"])?;
    Ok(())
}

fn racing_commits(scene: &Scene) -> Verdict {
    let (repository, first) = GitRepository::with_files(scene, &[("a", "one")])?;
    let input = |file: &str| {
        json!({
            "repositoryName": repository.name,
            "branchName": "main",
            "parentCommitId": first,
            "putFiles": [put_file(file, b"new")],
        })
    };
    let (left, right) = (input("left"), input("right"));
    let aws = &scene.aws;
    let (left, right) = std::thread::scope(|threads| {
        let other = threads.spawn(|| aws.call("codecommit", "CreateCommit", &left));
        (aws.call("codecommit", "CreateCommit", &right), other.join())
    });
    let right = right.map_err(|_| Stop::Failed("expected a reply, saw a panic".to_owned()))?;
    let (winner, loser) = match (left, right) {
        (Ok(winner), loser) | (loser, Ok(winner)) => (winner, loser),
        (Err(error), Err(_)) => return Err(error.into()),
    };
    refused(loser, &["ParentCommitIdOutdatedException"])?;
    same("the branch", &repository.tip()?, &text(&winner, "/commitId")?)
}

fn no_change(scene: &Scene) -> Verdict {
    let (repository, first) = GitRepository::with_files(scene, &[("a", "one")])?;
    refused(repository.commit(Some(&first), &[("a", "one")], "m"), &["NoChangeException"])?;
    same("the branch", &repository.tip()?, &first)
}

fn no_files(scene: &Scene) -> Verdict {
    let (repository, first) = GitRepository::with_files(scene, &[("a", "one")])?;
    let empty = json!({ "putFiles": [], "deleteFiles": [] });
    refused(repository.create_commit(Some(&first), empty), &["FileEntryRequiredException"])?;
    Ok(())
}

fn a_hundred_files(scene: &Scene) -> Verdict {
    let repository = GitRepository::new(scene)?;
    let files = |count: usize| -> Vec<Value> {
        (0..count).map(|file| put_file(&format!("d/{file:03}"), b"content")).collect()
    };
    let many = json!({ "putFiles": files(101) });
    refused(repository.create_commit(None, many), &["MaximumFileEntriesExceededException"])?;
    let made = repository.create_commit(None, json!({ "putFiles": files(100) }))?;
    same("the files added", &list(&made, "/filesAdded").len(), &100)?;
    let first = text(&made, "/commitId")?;
    let deletions: Vec<Value> = (0..60).map(|file| json!({ "filePath": format!("d/{file:03}") })).collect();
    let others: Vec<Value> = (0..41).map(|file| put_file(&format!("e/{file}"), b"content")).collect();
    let mixed = json!({ "putFiles": others, "deleteFiles": deletions });
    refused(repository.create_commit(Some(&first), mixed), &["MaximumFileEntriesExceededException"])?;
    Ok(())
}

fn large_file(scene: &Scene) -> Verdict {
    let repository = GitRepository::new(scene)?;
    let large = vec![b'x'; FILE_BYTES_MAX + 1];
    let input = json!({ "putFiles": [put_file("large", &large)] });
    refused(repository.create_commit(None, input), &["FileContentSizeLimitExceededException"])?;
    Ok(())
}

fn same_path(scene: &Scene) -> Verdict {
    let (repository, first) = GitRepository::with_files(scene, &[("a", "one")])?;
    let twice = json!({ "putFiles": [put_file("b", b"1"), put_file("b", b"2")] });
    refused(repository.create_commit(Some(&first), twice), &["SamePathRequestException"])?;
    let both = json!({ "putFiles": [put_file("a", b"1")], "deleteFiles": [{ "filePath": "a" }] });
    refused(repository.create_commit(Some(&first), both), &["SamePathRequestException"])?;
    let nested = json!({ "putFiles": [put_file("x", b"1"), put_file("x/y", b"2")] });
    refused(repository.create_commit(Some(&first), nested), &["PutFileEntryConflictException"])?;
    Ok(())
}

fn delete_missing(scene: &Scene) -> Verdict {
    let (repository, first) = GitRepository::with_files(scene, &[("a", "one")])?;
    let input = json!({ "deleteFiles": [{ "filePath": "b" }] });
    refused(repository.create_commit(Some(&first), input), &["FileDoesNotExistException"])?;
    Ok(())
}

fn delete_file(scene: &Scene) -> Verdict {
    let (repository, first) = GitRepository::with_files(scene, &[("a", "one"), ("d/b", "two")])?;
    let input = json!({ "deleteFiles": [{ "filePath": "d/b" }] });
    let made = repository.create_commit(Some(&first), input)?;
    same("the files deleted", &texts(&made, "/filesDeleted", "absolutePath"), &["d/b"])?;
    let gone = repository.call("GetFolder", json!({ "folderPath": "d" }));
    refused(gone, &["FolderDoesNotExistException"])?;
    let root = repository.call("GetFolder", json!({ "folderPath": "/" }))?;
    same("the files left", &texts(&root, "/files", "absolutePath"), &["a"])
}

fn path_conflicts(scene: &Scene) -> Verdict {
    let (repository, first) = GitRepository::with_files(scene, &[("a", "one"), ("d/b", "two")])?;
    let file = repository.commit(Some(&first), &[("d", "file")], "m");
    refused(file, &["FileNameConflictsWithDirectoryNameException"])?;
    let folder = repository.commit(Some(&first), &[("a/b", "file")], "m");
    refused(folder, &["DirectoryNameConflictsWithFileNameException"])?;
    Ok(())
}

fn content_and_source(scene: &Scene) -> Verdict {
    let (repository, first) = GitRepository::with_files(scene, &[("a", "one")])?;
    let neither = json!({ "putFiles": [{ "filePath": "b" }] });
    refused(repository.create_commit(Some(&first), neither), &["SourceFileOrContentRequiredException"])?;
    let mut both = put_file("b", b"two");
    if let Some(members) = both.as_object_mut() {
        members.insert("sourceFile".to_owned(), json!({ "filePath": "a" }));
    }
    let both = json!({ "putFiles": [both] });
    refused(repository.create_commit(Some(&first), both), &["FileContentAndSourceFileSpecifiedException"])?;
    Ok(())
}

fn move_and_mode(scene: &Scene) -> Verdict {
    let (repository, first) = GitRepository::with_files(scene, &[("a", "one"), ("c", "two")])?;
    let moved = json!({ "filePath": "b", "sourceFile": { "filePath": "a", "isMove": true } });
    let modes = json!([{ "filePath": "c", "fileMode": "EXECUTABLE" }]);
    let made =
        repository.create_commit(Some(&first), json!({ "putFiles": [moved], "setFileModes": modes }))?;
    same("the files deleted", &texts(&made, "/filesDeleted", "absolutePath"), &["a"])?;
    let file = repository.call("GetFile", json!({ "filePath": "b" }))?;
    same("the content", &text(&file, "/fileContent")?, &STANDARD.encode("one"))?;
    let file = repository.call("GetFile", json!({ "filePath": "c" }))?;
    same("the mode", &text(&file, "/fileMode")?, &"EXECUTABLE")
}

fn bad_paths(scene: &Scene) -> Verdict {
    let (repository, first) = GitRepository::with_files(scene, &[("a", "one")])?;
    for path in ["../a", "d/../../a", "d//a"] {
        let outcome = repository.commit(Some(&first), &[(path, "two")], "m");
        refused(outcome, &["InvalidPathException"]).map_err(|stop| named(path, stop))?;
    }
    let empty = repository.commit(Some(&first), &[("", "two")], "m");
    refused(empty, &["PathRequiredException", "InvalidPathException"])?;
    Ok(())
}

fn author_and_message(scene: &Scene) -> Verdict {
    let repository = GitRepository::new(scene)?;
    let message = "Zeile eins – ä\n\nService: a/b";
    let input = json!({
        "putFiles": [put_file("a", b"one")],
        "authorName": "Ada Lovelace",
        "email": "ada@example.com",
        "commitMessage": message,
    });
    let made = repository.create_commit(None, input)?;
    let commit = repository.call("GetCommit", json!({ "commitId": text(&made, "/commitId")? }))?;
    for who in ["author", "committer"] {
        same(who, &text(&commit, &format!("/commit/{who}/name"))?, &"Ada Lovelace")?;
        same(who, &text(&commit, &format!("/commit/{who}/email"))?, &"ada@example.com")?;
        let date = text(&commit, &format!("/commit/{who}/date"))?;
        let (seconds, zone) = date.split_once(' ').unwrap_or_default();
        let well = seconds.parse::<u64>().is_ok() && zone.len() == 5;
        holds(format!("the date `{date}` is `<seconds> <+hhmm>`"), well)?;
    }
    let kept = text(&commit, "/commit/message")?;
    let end = if kept == message { "as it was sent" } else { "with a line end" };
    scene.answer(Question::CommitMessage, end);
    same("the message", &kept.trim_end_matches('\n'), &message)?;
    same("the tree", &text(&commit, "/commit/treeId")?, &text(&made, "/treeId")?)?;
    same("the parents", &list(&commit, "/commit/parents").len(), &0)
}

fn missing_branch(scene: &Scene) -> Verdict {
    let (repository, first) = GitRepository::with_files(scene, &[("a", "one")])?;
    let input = json!({
        "branchName": "other",
        "parentCommitId": first,
        "putFiles": [put_file("a", b"two")],
    });
    refused(repository.call("CreateCommit", input), &["BranchDoesNotExistException"])?;
    repository.call("CreateBranch", json!({ "branchName": "other", "commitId": first }))?;
    let input = json!({
        "branchName": "other",
        "parentCommitId": first,
        "putFiles": [put_file("a", b"two")],
    });
    let other = text(&repository.call("CreateCommit", input)?, "/commitId")?;
    let again = repository.call("CreateBranch", json!({ "branchName": "main", "commitId": other }));
    refused(again, &["BranchNameExistsException"])?;
    same("the branch main", &repository.tip()?, &first)
}

fn missing_repository(scene: &Scene) -> Verdict {
    let missing = json!({ "repositoryName": scene.name("missing"), "branchName": "main" });
    refused(scene.call("codecommit", "GetBranch", &missing), &["RepositoryDoesNotExistException"])?;
    let unnamed = json!({ "branchName": "main" });
    refused(scene.call("codecommit", "GetBranch", &unnamed), &["RepositoryNameRequiredException"])?;
    let bad = json!({ "repositoryName": "a b", "branchName": "main" });
    refused(scene.call("codecommit", "GetBranch", &bad), &["InvalidRepositoryNameException"])?;
    let (repository, _) = GitRepository::with_files(scene, &[("a", "one")])?;
    refused(repository.call("GetBranch", json!({})), &["BranchNameRequiredException"])?;
    Ok(())
}

fn put_same_file(scene: &Scene) -> Verdict {
    let (repository, first) = GitRepository::with_files(scene, &[("a", "one")])?;
    let input = |content: &str| {
        json!({
            "branchName": "main",
            "filePath": "a",
            "fileContent": STANDARD.encode(content),
            "parentCommitId": first,
        })
    };
    refused(repository.call("PutFile", input("one")), &["SameFileContentException"])?;
    let put = repository.call("PutFile", input("two"))?;
    same("the branch", &repository.tip()?, &text(&put, "/commitId")?)?;
    same("the blob id", &text(&put, "/blobId")?, &client::digest::git_blob(b"two"))
}

fn comments(scene: &Scene) -> Verdict {
    let (repository, first) = GitRepository::with_files(scene, &[("a", "one")])?;
    let second = repository.commit(Some(&first), &[("a", "two")], "m")?;
    let post = |before: &str, after: &str, content: &str| {
        let input = json!({ "beforeCommitId": before, "afterCommitId": after, "content": content });
        repository.call("PostCommentForComparedCommit", input)
    };
    let posted = post(&first, &second, "It runs.")?;
    same("the content", &text(&posted, "/comment/content")?, &"It runs.")?;
    let author = text(&posted, "/comment/authorArn")?;
    holds(format!("the author `{author}` is of this account"), author.contains(&scene.account))?;
    refused(post(&first, &first, "x"), &["BeforeCommitIdAndAfterCommitIdAreSameException"])?;
    refused(post(&first, &second, ""), &["CommentContentRequiredException"])?;
    refused(post(&first, NO_COMMIT, "x"), &["CommitDoesNotExistException"])?;
    refused(post(&first, &second, &"x".repeat(10_241)), &["CommentContentSizeLimitExceededException"])?;
    let initial = json!({ "afterCommitId": first, "content": "The first." });
    repository.call("PostCommentForComparedCommit", initial)?;
    Ok(())
}

fn named(what: &str, stop: Stop) -> Stop {
    match stop {
        Stop::Failed(text) => Stop::Failed(format!("`{what}`: {text}")),
        Stop::NotTried(why) => Stop::NotTried(why),
    }
}
