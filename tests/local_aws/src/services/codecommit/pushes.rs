//! `git push`: who may, whose turn it is, and what it changed. The work itself is git's, in [`crate::wire`],
//! outside of the world; here is also a person's push without git, for people who are simulated.

use super::commit_files::{Changes, FileChange, FileContent};
use super::git::{Git, Swap};
use super::repositories::{Opened, authorize, find, folder};
use super::{checks, commits, references};
use crate::caller::Caller;
use crate::error::AwsError;
use crate::names::AccountId;
use crate::world::World;
use gix::ObjectId;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

/// Whose turn it is to push to a repository: one at a time, so that each change has one author.
#[derive(Debug, Clone, Default)]
pub(crate) struct Turn(Arc<tokio::sync::Mutex<()>>);

impl Turn {
    /// Waits until nobody else pushes; the guard ends the turn.
    pub(crate) async fn take(&self) -> tokio::sync::OwnedMutexGuard<()> {
        self.0.clone().lock_owned().await
    }
}

/// What a push asks of one reference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ReferenceChange {
    /// Where the client believes it to be; all zeros for a new one.
    pub(crate) old: String,
    /// Where it shall be; all zeros to delete it.
    pub(crate) new: String,
    /// `refs/heads/main`, …
    pub(crate) name: String,
}

/// A repository that git is about to be run on.
#[derive(Debug)]
pub(crate) struct Served {
    /// Its id, which stays its own when another of the same name comes.
    pub(crate) id: String,
    /// Where it lies.
    pub(crate) folder: PathBuf,
    /// Whose turn it is to push.
    pub(crate) turn: Turn,
}

/// The repository that somebody wants to clone or fetch.
///
/// # Errors
/// `AccessDeniedException` and `RepositoryDoesNotExistException`, and what is wrong with the name.
pub(crate) fn open_for_pull(world: &World, caller: &Caller, name: &str) -> Result<Served, AwsError> {
    served(world, caller, name, "GitPull", &[])
}

/// The repository that somebody wants to push to. Without references (the client asks where they are), IAM
/// is asked without the condition key `codecommit:References`, as AWS does it.
///
/// # Errors
/// As [`open_for_pull`].
pub(crate) fn open_for_push(
    world: &World,
    caller: &Caller,
    name: &str,
    changes: &[ReferenceChange],
) -> Result<Served, AwsError> {
    served(world, caller, name, "GitPush", changes)
}

fn served(
    world: &World,
    caller: &Caller,
    name: &str,
    action: &str,
    changes: &[ReferenceChange],
) -> Result<Served, AwsError> {
    let name = checks::repository_name(Some(name.to_owned()))?;
    if changes.is_empty() {
        authorize(world, caller, action, &name, None)?;
    }
    for change in changes {
        authorize(world, caller, action, &name, Some(&change.name))?;
    }
    let repository = find(world, &caller.account, &name)?;
    Ok(Served {
        id: repository.id.clone(),
        folder: folder(world, &caller.account, &repository.id),
        turn: repository.turn.clone(),
    })
}

/// Git is about to change references in the name of this person. Call it in one's turn.
///
/// # Errors
/// When the repository is gone meanwhile.
pub(crate) fn push_begins(
    world: &mut World,
    account: &AccountId,
    repository_id: &str,
    pusher_arn: &str,
) -> Result<(), AwsError> {
    let opened = by_id(world, account, repository_id)?;
    references::reconcile(world, &opened)?;
    opened.repository_mut(world)?.pusher = Some(pusher_arn.to_owned());
    Ok(())
}

/// Git has ended: announces what it changed. Call it before one's turn ends, also when git failed.
///
/// # Errors
/// When the repository is gone meanwhile.
pub(crate) fn push_ended(
    world: &mut World,
    account: &AccountId,
    repository_id: &str,
) -> Result<(), AwsError> {
    let opened = by_id(world, account, repository_id)?;
    let reconciled = references::reconcile(world, &opened);
    opened.repository_mut(world)?.pusher = None;
    reconciled
}

fn by_id(world: &World, account: &AccountId, repository_id: &str) -> Result<Opened, AwsError> {
    let repositories = &world.account(account)?.codecommit.repositories;
    let found = repositories.iter().find(|(_, repository)| repository.id == repository_id);
    let (name, _) = found.ok_or_else(|| {
        AwsError::new("RepositoryDoesNotExistException", format!("the repository {repository_id} is gone"))
    })?;
    Opened::find(world, account, name)
}

/// One commit that a person makes by hand and pushes, without the limits of the API.
#[derive(Debug, Clone, Default)]
pub struct Push<'push> {
    /// The repository's name.
    pub repository: &'push str,
    /// The branch, without `refs/heads/`; made if it is not there.
    pub branch: &'push str,
    /// The person's user name in IAM; also the commit's author.
    pub person: &'push str,
    /// The commit that the person started from: the branch's tip when absent.
    pub parent: Option<&'push str>,
    /// Paths and their new contents.
    pub put: &'push [(&'push str, &'push [u8])],
    /// Paths to delete; one that is not there is no mistake.
    pub delete: &'push [&'push str],
    /// The commit message.
    pub message: &'push str,
    /// Overwrites what others have pushed since `parent`.
    pub force: bool,
}

/// Commits and pushes as a person would with git, at this moment of the world, and emits the event.
/// Returns the commit's id.
///
/// # Errors
/// `NonFastForward` when the branch is no longer at `parent` and the push is not forced;
/// `RepositoryDoesNotExistException`; `ParentCommitDoesNotExistException`; what is wrong with a name or path.
pub fn push(world: &mut World, account: &AccountId, push: &Push<'_>) -> Result<String, AwsError> {
    let branch = checks::branch_name(Some(push.branch.to_owned()))?;
    let opened = Opened::find(world, account, push.repository)?;
    let tip = opened.git.reference(&format!("refs/heads/{branch}"))?;
    let parent = match push.parent {
        Some(id) => Some(existing(&opened.git, id)?),
        None => tip,
    };
    if parent != tip && !push.force {
        return Err(non_fast_forward(&branch));
    }
    let mut files = Vec::new();
    let base = match parent {
        Some(id) => opened.git.commit(id)?.ok_or_else(|| commits::no_such_id(&id.to_string()))?.tree,
        None => Git::empty_tree(),
    };
    for (path, content) in push.put {
        let path = checks::path(Some((*path).to_owned()))?;
        files.push(FileChange::Put { path, mode: None, content: FileContent::Bytes(content.to_vec()) });
    }
    for path in push.delete {
        let path = checks::path(Some((*path).to_owned()))?;
        if opened.git.entry_at(base, &path)?.is_some() {
            files.push(FileChange::Delete { path });
        }
    }
    let (tree, _) = Changes { files, keep_empty_folders: false }.apply(&opened.git, base)?;
    let email = format!("{}@example.com", push.person);
    let parents: Vec<ObjectId> = parent.into_iter().collect();
    let commit = opened.git.write_commit(tree, &parents, (push.person, &email), push.message, world.now())?;
    move_branch(world, &opened, &branch, tip, commit, push.person)?;
    Ok(commit.to_string())
}

/// Pushes a commit that the repository has already: a branch back to an old state, or a new branch.
///
/// # Errors
/// As [`push`]; without `force`, the branch's tip must be an ancestor of the commit.
pub fn push_existing(
    world: &mut World,
    account: &AccountId,
    repository: &str,
    branch: &str,
    commit_id: &str,
    person: &str,
    force: bool,
) -> Result<(), AwsError> {
    let branch = checks::branch_name(Some(branch.to_owned()))?;
    let opened = Opened::find(world, account, repository)?;
    let commit = existing(&opened.git, commit_id)?;
    let tip = opened.git.reference(&format!("refs/heads/{branch}"))?;
    if tip == Some(commit) {
        return Ok(());
    }
    if let Some(tip) = tip.filter(|_| !force)
        && !is_ancestor(&opened.git, tip, commit)?
    {
        return Err(non_fast_forward(&branch));
    }
    move_branch(world, &opened, &branch, tip, commit, person)
}

/// A person's `git push <remote> <commit>:<branch>` from one account's repository to the one of the same name in
/// another account.
#[derive(Debug, Clone)]
pub struct PushAcross<'push> {
    /// The repository's name in both accounts.
    pub repository: &'push str,
    /// The account in which the commit is.
    pub from: &'push AccountId,
    /// The account that gets it.
    pub to: &'push AccountId,
    /// The commit.
    pub commit_id: &'push str,
    /// The branch there, without `refs/heads/`; made if it is not there.
    pub branch: &'push str,
    /// The person's user name in IAM.
    pub person: &'push str,
    /// Also when the branch's tip is no ancestor of the commit, as `+` asks for.
    pub force: bool,
}

/// Pushes a commit across, with all that it reaches, at this moment of the world, and emits the event.
///
/// # Errors
/// As [`push_existing`].
pub fn push_across(world: &mut World, push: &PushAcross<'_>) -> Result<(), AwsError> {
    let source = Opened::find(world, push.from, push.repository)?;
    let target = Opened::find(world, push.to, push.repository)?;
    let commit = existing(&source.git, push.commit_id)?;
    target.git.fetch(&source.git, commit)?;
    push_existing(world, push.to, push.repository, push.branch, push.commit_id, push.person, push.force)
}

fn move_branch(
    world: &mut World,
    opened: &Opened,
    branch: &str,
    tip: Option<ObjectId>,
    commit: ObjectId,
    person: &str,
) -> Result<(), AwsError> {
    let arn = person_arn(&opened.account, person);
    match references::swap_branch(world, opened, branch, tip, Some(commit), &arn)? {
        Swap::Done => Ok(()),
        Swap::Moved => Err(non_fast_forward(branch)),
    }
}

/// The ARN under which events name a person who pushes.
pub(crate) fn person_arn(account: &AccountId, person: &str) -> String {
    format!("arn:aws:iam::{account}:user/{person}")
}

fn existing(git: &Git, id: &str) -> Result<ObjectId, AwsError> {
    let found = match checks::object_id(id) {
        Some(id) => git.commit(id)?,
        None => None,
    };
    let missing = || {
        AwsError::new(
            "ParentCommitDoesNotExistException",
            format!("there is no commit {id} in this repository"),
        )
    };
    Ok(found.ok_or_else(missing)?.id)
}

fn is_ancestor(git: &Git, ancestor: ObjectId, of: ObjectId) -> Result<bool, AwsError> {
    let (mut seen, mut left) = (BTreeSet::new(), vec![of]);
    while let Some(id) = left.pop() {
        if id == ancestor {
            return Ok(true);
        }
        if seen.insert(id) {
            left.extend(git.commit(id)?.map(|commit| commit.parents).unwrap_or_default());
        }
    }
    Ok(false)
}

/// As git puts it to the person; no error code of AWS, for this is not its API.
fn non_fast_forward(branch: &str) -> AwsError {
    AwsError::new("NonFastForward", format!("branch {branch} has moved on: fetch first, or push with force"))
}
