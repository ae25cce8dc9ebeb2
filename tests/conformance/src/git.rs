//! CodeCommit: real git against it.

use crate::check::{Check, Stop, Verdict};
use crate::expect::{holds, same, text};
use crate::resources::GitRepository;
use crate::scene::Scene;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use client::Git;
use client::git::GitError;
use serde_json::json;

const ADA: &str = "Ada <ada@example.com>";

/// The checks of this file.
pub const CHECKS: &[Check] = &[
    check("The first push makes the branch", first_push),
    check("A pushed commit and a commit of the API follow each other", mixed_commits),
    check("A push that is no fast-forward is refused unless it is forced", forced_push),
    check("A push of an old commit to the branch moves it back", push_back),
    check("Several references go in one push", several_references),
    check("A repository that is not there cannot be cloned", missing_repository),
];

const fn check(name: &'static str, run: fn(&Scene) -> Verdict) -> Check {
    Check::new("git", name, run)
}

/// A clone, with the credentials that fit the place.
///
/// # Errors
/// What git says; not tried where there are no credentials for git.
pub fn clone(scene: &Scene, repository: &str) -> Result<Git, Stop> {
    Ok(Git::clone_from(&address(scene, repository)?)?)
}

fn address(scene: &Scene, repository: &str) -> Result<String, Stop> {
    if let Some(endpoint) = &scene.aws.endpoint {
        return Ok(client::git::address("person", endpoint, &scene.account, repository));
    }
    let Some((user, password)) = &scene.options.git_credentials else {
        let why = "git needs HTTPS git credentials: set CODECOMMIT_GIT_USER and CODECOMMIT_GIT_PASSWORD";
        return Err(Stop::NotTried(why.to_owned()));
    };
    let password = client::aws::percent_encoded(password);
    let host = format!("git-codecommit.{}.amazonaws.com", scene.aws.region);
    Ok(format!("https://{user}:{password}@{host}/v1/repos/{repository}"))
}

fn first_push(scene: &Scene) -> Verdict {
    let repository = GitRepository::new(scene)?;
    let git = clone(scene, &repository.name)?;
    let content = b"\x00\xff binary \r\n";
    git.write("d/a", content)?;
    let commit = git.commit(ADA, "Begin\n\nService: a/b")?;
    git.push()?;
    same("the branch", &repository.tip()?, &commit)?;
    let file = repository.call("GetFile", json!({ "filePath": "d/a" }))?;
    same("the content", &text(&file, "/fileContent")?, &STANDARD.encode(content))?;
    let seen = repository.call("GetCommit", json!({ "commitId": commit }))?;
    same("the author", &text(&seen, "/commit/author/name")?, &"Ada")?;
    same("the message", &text(&seen, "/commit/message")?, &"Begin\n\nService: a/b\n")
}

fn mixed_commits(scene: &Scene) -> Verdict {
    let (repository, first) = GitRepository::with_files(scene, &[("a", "one")])?;
    let git = clone(scene, &repository.name)?;
    same("the clone", &git.head()?, &first)?;
    git.write("a", "two")?;
    let second = git.commit(ADA, "Second")?;
    git.push()?;
    let third = repository.commit(Some(&second), &[("b", "three")], "Third")?;
    same("what git fetches", &git.update()?, &third)?;
    same("the file of the API", &git.read("b")?.as_deref(), &Some(b"three".as_slice()))?;
    git.run(&["fsck", "--strict", "--no-progress"])?;
    Ok(())
}

fn forced_push(scene: &Scene) -> Verdict {
    let (repository, first) = GitRepository::with_files(scene, &[("a", "one")])?;
    let git = clone(scene, &repository.name)?;
    let other = repository.commit(Some(&first), &[("a", "two")], "Meanwhile")?;
    git.write("a", "three")?;
    let mine = git.commit(ADA, "Mine")?;
    not_pushed(git.push())?;
    same("the branch", &repository.tip()?, &other)?;
    git.force_push()?;
    same("the branch", &repository.tip()?, &mine)
}

fn push_back(scene: &Scene) -> Verdict {
    let (repository, first) = GitRepository::with_files(scene, &[("a", "one")])?;
    repository.commit(Some(&first), &[("a", "two")], "Second")?;
    let git = clone(scene, &repository.name)?;
    git.push_refs("origin", &[&format!("+{first}:refs/heads/main")])?;
    same("the branch", &repository.tip()?, &first)
}

fn several_references(scene: &Scene) -> Verdict {
    let (repository, first) = GitRepository::with_files(scene, &[("a", "one")])?;
    let git = clone(scene, &repository.name)?;
    git.write("a", "two")?;
    let second = git.commit(ADA, "Second")?;
    git.push_refs(
        "origin",
        &["HEAD:refs/heads/main", &format!("{first}:refs/heads/old"), "HEAD:refs/tags/v1"],
    )?;
    same("main", &repository.tip()?, &second)?;
    let old = repository.call("GetBranch", json!({ "branchName": "old" }))?;
    same("old", &text(&old, "/branch/commitId")?, &first)?;
    git.push_refs("origin", &[":refs/heads/old"])?;
    let gone = repository.call("GetBranch", json!({ "branchName": "old" }));
    crate::expect::refused(gone, &["BranchDoesNotExistException"])?;
    Ok(())
}

fn missing_repository(scene: &Scene) -> Verdict {
    let address = address(scene, &scene.name("missing"))?;
    match Git::clone_from(&address) {
        Ok(_) => Err(Stop::Failed("expected git to refuse, saw a clone".to_owned())),
        Err(error) => holds(format!("git ends with 128: {error}"), error.code == Some(128)),
    }
}

fn not_pushed(pushed: Result<String, GitError>) -> Verdict {
    match pushed {
        Ok(text) => Err(Stop::Failed(format!("expected the push to be refused, saw {text}"))),
        Err(_) => Ok(()),
    }
}
