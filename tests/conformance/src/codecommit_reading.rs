//! CodeCommit: files, folders, differences, histories.

use crate::answers::Question;
use crate::check::{Check, Stop, Verdict};
use crate::expect::{holds, list, number, refused, same, text, texts};
use crate::resources::{GitRepository, put_file};
use crate::scene::Scene;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};

/// A commit id that no repository has.
const NO_COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";
/// How many calls are made at most to be throttled once.
const CALLS_TO_PROVOKE_MAX: usize = 4000;
/// How many callers make them at once.
const CALLERS_TO_PROVOKE: usize = 16;

/// The checks of this file.
pub const CHECKS: &[Check] = &[
    check("GetFile by branch gives the commit that it read", file_by_branch),
    check("A file comes back byte for byte under git's blob id", bytes_of_a_file),
    check("A file, a commit or a path that is not there has its own code", missing_files),
    check("GetFolder lists files and folders at every depth, the root as /", folders),
    check("GetBlob gives a blob's bytes", blobs),
    check("Differences without a before are all additions", differences_of_the_first_commit),
    check("Differences say what was added, modified and deleted", differences),
    check("Differences come in pages that lose and repeat nothing", differences_in_pages),
    check("Differences can be asked for one folder", differences_of_a_folder),
    check("A file's history has the commits that changed it, linked by their children", history),
    check("A file's history comes in pages", history_in_pages),
    check("BatchGetCommits gives what it has and an error for each that it has not", commits_by_the_batch),
    check("GetCommit refuses what is no full commit id", commit_ids),
    check("Too many calls are throttled", throttling),
];

const fn check(name: &'static str, run: fn(&Scene) -> Verdict) -> Check {
    Check::new("codecommit", name, run)
}

fn file_by_branch(scene: &Scene) -> Verdict {
    let (repository, first) = GitRepository::with_files(scene, &[("a", "one")])?;
    let second = repository.commit(Some(&first), &[("a", "two")], "m")?;
    for (specifier, commit, content) in [
        (Some("main"), &second, "two"),
        (Some("refs/heads/main"), &second, "two"),
        (Some(first.as_str()), &first, "one"),
        (None, &second, "two"),
    ] {
        let mut input = json!({ "filePath": "a" });
        if let (Some(specifier), Some(members)) = (specifier, input.as_object_mut()) {
            members.insert("commitSpecifier".to_owned(), json!(specifier));
        }
        let file = repository.call("GetFile", input)?;
        same(format!("the commit of {specifier:?}"), &text(&file, "/commitId")?, commit)?;
        same("the content", &text(&file, "/fileContent")?, &STANDARD.encode(content))?;
        same("the path", &text(&file, "/filePath")?, &"a")?;
    }
    Ok(())
}

fn bytes_of_a_file(scene: &Scene) -> Verdict {
    let repository = GitRepository::new(scene)?;
    let content: Vec<u8> = (0..=255).chain(*b"\r\n\r\n no line end").collect();
    let empty = put_file("empty", b"");
    let input = json!({ "putFiles": [put_file("d/ä b.bin", &content), empty] });
    repository.create_commit(None, input)?;
    let file = repository.call("GetFile", json!({ "filePath": "d/ä b.bin" }))?;
    same("the content", &text(&file, "/fileContent")?, &STANDARD.encode(&content))?;
    same("the blob id", &text(&file, "/blobId")?, &client::digest::git_blob(&content))?;
    same("the size", &number(&file, "/fileSize")?, &272.0)?;
    same("the mode", &text(&file, "/fileMode")?, &"NORMAL")?;
    let file = repository.call("GetFile", json!({ "filePath": "empty" }))?;
    same("the empty content", &text(&file, "/fileContent")?, &"")
}

fn missing_files(scene: &Scene) -> Verdict {
    let (repository, _) = GitRepository::with_files(scene, &[("a", "one"), ("d/b", "two")])?;
    let get = |input: Value| repository.call("GetFile", input);
    refused(get(json!({ "filePath": "b" })), &["FileDoesNotExistException"])?;
    refused(get(json!({ "filePath": "d" })), &["FileDoesNotExistException"])?;
    refused(get(json!({})), &["PathRequiredException"])?;
    let commit = json!({ "filePath": "a", "commitSpecifier": NO_COMMIT });
    refused(get(commit), &["CommitDoesNotExistException"])?;
    let branch = json!({ "filePath": "a", "commitSpecifier": "no-such-branch" });
    refused(get(branch), &["CommitDoesNotExistException"])?;
    Ok(())
}

fn folders(scene: &Scene) -> Verdict {
    let files = [("a", "1"), ("c/s/revision.json", "2"), ("c/t/revision.json", "3"), ("c/x", "4")];
    let (repository, first) = GitRepository::with_files(scene, &files)?;
    let root = repository.call("GetFolder", json!({ "folderPath": "/", "commitSpecifier": "main" }))?;
    same("the commit", &text(&root, "/commitId")?, &first)?;
    same("the files of /", &texts(&root, "/files", "absolutePath"), &["a"])?;
    same("the folders of /", &texts(&root, "/subFolders", "absolutePath"), &["c"])?;
    let folder = repository.call("GetFolder", json!({ "folderPath": "c" }))?;
    same("the files of c", &texts(&folder, "/files", "absolutePath"), &["c/x"])?;
    same("relative", &texts(&folder, "/files", "relativePath"), &["x"])?;
    same("blob ids", &texts(&folder, "/files", "blobId"), &[client::digest::git_blob(b"4")])?;
    same("the folders of c", &texts(&folder, "/subFolders", "absolutePath"), &["c/s", "c/t"])?;
    same("relative", &texts(&folder, "/subFolders", "relativePath"), &["s", "t"])?;
    let missing = repository.call("GetFolder", json!({ "folderPath": "nowhere" }));
    refused(missing, &["FolderDoesNotExistException"])?;
    let unnamed = repository.call("GetFolder", json!({}));
    refused(unnamed, &["PathRequiredException"])?;
    Ok(())
}

fn blobs(scene: &Scene) -> Verdict {
    let (repository, _) = GitRepository::with_files(scene, &[("a", "one")])?;
    let blob = client::digest::git_blob(b"one");
    let got = repository.call("GetBlob", json!({ "blobId": blob }))?;
    same("the content", &text(&got, "/content")?, &STANDARD.encode("one"))?;
    let missing = repository.call("GetBlob", json!({ "blobId": NO_COMMIT }));
    refused(missing, &["BlobIdDoesNotExistException"])?;
    refused(repository.call("GetBlob", json!({})), &["BlobIdRequiredException"])?;
    refused(repository.call("GetBlob", json!({ "blobId": "xyz" })), &["InvalidBlobIdException"])?;
    Ok(())
}

fn changes(differences: &[Value]) -> BTreeSet<String> {
    let side = |change: &Value, name: &str| {
        change.pointer(&format!("/{name}/path")).and_then(Value::as_str).unwrap_or("-").to_owned()
    };
    let kind = |change: &Value| change.get("changeType").and_then(Value::as_str).unwrap_or("?").to_owned();
    let all = differences.iter();
    all.map(|change| format!("{} {} {}", kind(change), side(change, "beforeBlob"), side(change, "afterBlob")))
        .collect()
}

fn set(lines: &[&str]) -> BTreeSet<String> {
    lines.iter().map(|line| (*line).to_owned()).collect()
}

fn differences_of_the_first_commit(scene: &Scene) -> Verdict {
    let (repository, first) = GitRepository::with_files(scene, &[("a", "one"), ("d/b", "two")])?;
    let reply = repository.call("GetDifferences", json!({ "afterCommitSpecifier": first }))?;
    let seen = list(&reply, "/differences");
    same("the differences", &changes(&seen), &set(&["A - a", "A - d/b"]))?;
    let blobs: BTreeSet<Option<&str>> =
        seen.iter().map(|change| change.pointer("/afterBlob/blobId").and_then(Value::as_str)).collect();
    let expected = [client::digest::git_blob(b"one"), client::digest::git_blob(b"two")];
    same("the blobs", &blobs, &expected.iter().map(|blob| Some(blob.as_str())).collect())?;
    let modes: BTreeSet<Option<&str>> =
        seen.iter().map(|change| change.pointer("/afterBlob/mode").and_then(Value::as_str)).collect();
    same("the modes", &modes, &[Some("100644")].into_iter().collect())?;
    let unnamed = repository.call("GetDifferences", json!({}));
    refused(unnamed, &["CommitRequiredException"])?;
    let unknown = repository.call("GetDifferences", json!({ "afterCommitSpecifier": NO_COMMIT }));
    refused(unknown, &["CommitDoesNotExistException"])?;
    Ok(())
}

fn differences(scene: &Scene) -> Verdict {
    let (repository, first) = GitRepository::with_files(scene, &[("a", "1"), ("b", "2"), ("d/c", "3")])?;
    let input = json!({
        "putFiles": [put_file("a", b"changed"), put_file("new/x", b"4")],
        "deleteFiles": [{ "filePath": "b" }],
    });
    let second = text(&repository.create_commit(Some(&first), input)?, "/commitId")?;
    let between = |before: &str, after: &str| {
        let input = json!({ "beforeCommitSpecifier": before, "afterCommitSpecifier": after });
        repository.call("GetDifferences", input)
    };
    let forth = list(&between(&first, "main")?, "/differences");
    same("the differences", &changes(&forth), &set(&["M a a", "D b -", "A - new/x"]))?;
    let back = list(&between(&second, &first)?, "/differences");
    same("the way back", &changes(&back), &set(&["M a a", "A - b", "D new/x -"]))?;
    same("nothing between a commit and itself", &list(&between(&first, &first)?, "/differences").len(), &0)
}

fn differences_in_pages(scene: &Scene) -> Verdict {
    let repository = GitRepository::new(scene)?;
    let mut parent: Option<String> = None;
    for part in 0..2 {
        let files: Vec<Value> =
            (0..75).map(|file| put_file(&format!("p{part}/{file:03}"), b"content")).collect();
        let made = repository.create_commit(parent.as_deref(), json!({ "putFiles": files }))?;
        parent = Some(text(&made, "/commitId")?);
    }
    let input = json!({ "repositoryName": repository.name, "afterCommitSpecifier": "main", "MaxResults": 7 });
    let pages = scene.pages("codecommit", "GetDifferences", &input, "differences", "NextToken")?;
    let largest = pages.iter().map(Vec::len).max().unwrap_or_default();
    holds(format!("no page has more than 7 differences (one has {largest})"), largest <= 7)?;
    let all: Vec<Value> = pages.concat();
    same("the differences", &all.len(), &150)?;
    same("different ones", &changes(&all).len(), &150)?;
    let input = json!({ "repositoryName": repository.name, "afterCommitSpecifier": "main" });
    let pages = scene.pages("codecommit", "GetDifferences", &input, "differences", "NextToken")?;
    let sizes: Vec<usize> = pages.iter().map(Vec::len).collect();
    scene.answer(Question::DifferencesPage, format!("pages of {sizes:?} for 150 differences"));
    same("the differences", &changes(&pages.concat()).len(), &150)?;
    let bad = json!({ "afterCommitSpecifier": "main", "NextToken": "no such token" });
    refused(repository.call("GetDifferences", bad), &["InvalidContinuationTokenException"])?;
    Ok(())
}

fn differences_of_a_folder(scene: &Scene) -> Verdict {
    let (repository, first) = GitRepository::with_files(scene, &[("a", "1"), ("d/b", "2"), ("dd/c", "3")])?;
    let input = json!({ "afterCommitSpecifier": first, "afterPath": "d" });
    let seen = list(&repository.call("GetDifferences", input)?, "/differences");
    same("the differences", &changes(&seen), &set(&["A - d/b"]))?;
    let input = json!({ "afterCommitSpecifier": first, "afterPath": "nowhere" });
    refused(repository.call("GetDifferences", input), &["PathDoesNotExistException"])?;
    Ok(())
}

/// A file with three versions among other commits: the ids of the commits that changed it, oldest first.
fn file_with_history<'a>(scene: &'a Scene) -> Result<(GitRepository<'a>, Vec<String>), Stop> {
    let (repository, first) = GitRepository::with_files(scene, &[("s/revision.json", "1")])?;
    let other = repository.commit(Some(&first), &[("other", "x")], "other")?;
    let second = repository.commit(Some(&other), &[("s/revision.json", "2")], "second")?;
    let other = repository.commit(Some(&second), &[("other", "y")], "other")?;
    let third = repository.commit(Some(&other), &[("s/revision.json", "3")], "third")?;
    Ok((repository, vec![first, second, third]))
}

fn history(scene: &Scene) -> Verdict {
    let (repository, versions) = file_with_history(scene)?;
    let input = json!({ "filePath": "s/revision.json", "commitSpecifier": "main" });
    let reply = repository.call("ListFileCommitHistory", input)?;
    let revisions = list(&reply, "/revisionDag");
    let commit = |revision: &Value| {
        revision.pointer("/commit/commitId").and_then(Value::as_str).unwrap_or("-").to_owned()
    };
    let seen: Vec<String> = revisions.iter().map(commit).collect();
    let newest_first: Vec<String> = versions.iter().rev().cloned().collect();
    let order = match &seen {
        order if *order == newest_first => "newest first",
        order if *order == versions => "oldest first",
        _ => "neither by age",
    };
    scene.answer(Question::HistoryOrder, order);
    let unordered: BTreeSet<&String> = seen.iter().collect();
    same("the commits", &unordered, &versions.iter().collect())?;
    for revision in &revisions {
        let index = versions.iter().position(|version| *version == commit(revision)).unwrap_or_default();
        let expected: Vec<&String> = versions.get(index + 1).into_iter().collect();
        let children = list(revision, "/revisionChildren");
        let children: Vec<&str> = children.iter().filter_map(Value::as_str).collect();
        same(format!("the children of version {index}"), &children, &expected)?;
        let blob = client::digest::git_blob((index + 1).to_string().as_bytes());
        same("its blob", &text(revision, "/blobId")?, &blob)?;
        same("its path", &text(revision, "/path")?, &"s/revision.json")?;
        text(revision, "/commit/message")?;
        text(revision, "/commit/author/date")?;
    }
    Ok(())
}

fn history_in_pages(scene: &Scene) -> Verdict {
    let (repository, versions) = file_with_history(scene)?;
    let input = json!({ "repositoryName": repository.name, "filePath": "s/revision.json", "maxResults": 1 });
    let pages = scene.pages("codecommit", "ListFileCommitHistory", &input, "revisionDag", "nextToken")?;
    let largest = pages.iter().map(Vec::len).max().unwrap_or_default();
    holds(format!("no page has more than one version (one has {largest})"), largest <= 1)?;
    let seen: BTreeSet<String> = pages
        .concat()
        .iter()
        .filter_map(|revision| {
            revision.pointer("/commit/commitId").and_then(Value::as_str).map(str::to_owned)
        })
        .collect();
    same("the commits", &seen, &versions.into_iter().collect())?;
    let input = json!({ "repositoryName": repository.name, "filePath": "s/revision.json" });
    let pages = scene.pages("codecommit", "ListFileCommitHistory", &input, "revisionDag", "nextToken")?;
    let sizes: Vec<usize> = pages.iter().map(Vec::len).collect();
    scene.answer(Question::HistoryPage, format!("pages of {sizes:?} for 3 versions"));
    Ok(())
}

fn commits_by_the_batch(scene: &Scene) -> Verdict {
    let (repository, first) = GitRepository::with_files(scene, &[("a", "one")])?;
    let second = repository.commit(Some(&first), &[("a", "two")], "m")?;
    let get = |ids: &[&str]| repository.call("BatchGetCommits", json!({ "commitIds": ids }));
    let reply = get(&[&first, &second, NO_COMMIT])?;
    let seen: BTreeSet<String> = texts(&reply, "/commits", "commitId").into_iter().collect();
    same("the commits", &seen, &[first.clone(), second.clone()].into_iter().collect())?;
    same("the errors", &texts(&reply, "/errors", "commitId"), &[NO_COMMIT])?;
    let code = texts(&reply, "/errors", "errorCode").concat();
    let says_so = ["CommitDoesNotExistException", "CommitIdDoesNotExistException"].contains(&code.as_str());
    holds(format!("the error's code `{code}` says that the commit is not there"), says_so)?;
    let many: Vec<String> = (0..101).map(|number| format!("{number:040x}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    refused(get(&many), &["CommitIdsLimitExceededException"])?;
    refused(get(&[]), &["CommitIdsListRequiredException"])?;
    Ok(())
}

fn commit_ids(scene: &Scene) -> Verdict {
    let (repository, first) = GitRepository::with_files(scene, &[("a", "one")])?;
    let get = |id: &str| repository.call("GetCommit", json!({ "commitId": id }));
    get(&first)?;
    refused(get(NO_COMMIT), &["CommitIdDoesNotExistException"])?;
    let short = first.get(..7).unwrap_or_default();
    refused(get(short), &["InvalidCommitIdException", "CommitIdDoesNotExistException"])?;
    refused(repository.call("GetCommit", json!({})), &["CommitIdRequiredException"])?;
    Ok(())
}

fn throttling(scene: &Scene) -> Verdict {
    if !scene.options.provoke_throttling {
        return Err(Stop::NotTried(
            "it takes thousands of calls: allow it with --provoke-throttling".to_owned(),
        ));
    }
    let (repository, _) = GitRepository::with_files(scene, &[("a", "one")])?;
    let input = json!({ "repositoryName": repository.name, "branchName": "main" });
    let aws = &scene.aws;
    let throttled = AtomicBool::new(false);
    let call = || {
        for _ in 0..CALLS_TO_PROVOKE_MAX / CALLERS_TO_PROVOKE {
            if throttled.load(Ordering::Relaxed) {
                break;
            }
            if let Err(error) = aws.call("codecommit", "GetBranch", &input) {
                throttled.store(true, Ordering::Relaxed);
                return Some(error);
            }
        }
        None
    };
    let refusal = std::thread::scope(|threads| {
        let callers: Vec<_> = (0..CALLERS_TO_PROVOKE).map(|_| threads.spawn(call)).collect();
        callers.into_iter().filter_map(|caller| caller.join().ok().flatten()).next()
    });
    let Some(refusal) = refusal else {
        scene.answer(Question::ThrottleFormat, format!("none in {CALLS_TO_PROVOKE_MAX} calls"));
        return Err(Stop::NotTried(format!("{CALLS_TO_PROVOKE_MAX} calls were not throttled")));
    };
    let format = if refusal.body.trim_start().starts_with('<') { "XML" } else { "JSON" };
    scene.answer(Question::ThrottleFormat, format!("{format}, status {}, {}", refusal.status, refusal.code));
    same("the code", &refusal.code, &"ThrottlingException")
}
