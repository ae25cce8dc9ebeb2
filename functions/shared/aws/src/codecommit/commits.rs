//! Commits: the tips of branches, what a commit says, and those that Towpath adds.

use super::{SERVICE, parsed};
use crate::connection::Clients;
use crate::error::{CREATE_COMMIT, CallError, code_of};
use crate::once::Answer;
use aws_sdk_codecommit::types::{DeleteFileEntry, PutFileEntry};
use aws_smithy_types::Blob;
use domain::names::{BranchName, CommitId, FilePath, RepositoryName};
use domain::time::Timestamp;
use domain::trailers::{AUTHOR_EMAIL, AUTHOR_NAME};
use std::collections::BTreeSet;
use std::time::Duration;

/// How many commits are walked back to find out whether a branch was forced.
const WALKED_MAX: usize = 200;
/// By how much the clocks of two committers may differ.
const CLOCKS_DIFFER: Duration = Duration::from_secs(24 * 3600);

/// A commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    /// Its id.
    pub id: CommitId,
    /// The first parent; none for a root commit.
    pub parent: Option<CommitId>,
    /// The other parents of a merge.
    pub merged: Vec<CommitId>,
    /// Its message.
    pub message: String,
    /// The name in its author line.
    pub author: String,
    /// The name in its committer line.
    pub committer: String,
    /// When it was committed.
    pub at: Timestamp,
}

impl Commit {
    /// All its parents.
    pub fn parents(&self) -> impl Iterator<Item = &CommitId> {
        self.parent.iter().chain(&self.merged)
    }
}

/// What became of a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Committed {
    /// It is the branch's tip.
    Done(CommitId),
    /// The branch has moved on since the facts were read: read and decide again.
    TipMoved,
    /// The files already have this content.
    NoChange,
}

/// One file of a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileChange {
    /// Written, whether it was there or not.
    Put(FilePath, Vec<u8>),
    /// Removed.
    Delete(FilePath),
}

/// A commit to make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewCommit<'a> {
    /// The repository.
    pub repository: &'a RepositoryName,
    /// The branch.
    pub branch: &'a BranchName,
    /// The tip that the decision was made on.
    pub parent: &'a CommitId,
    /// The whole message, trailers included.
    pub message: &'a str,
    /// What changes.
    pub files: Vec<FileChange>,
}

impl Clients {
    /// What a branch points to; none when there is no such branch, or the repository is empty.
    ///
    /// # Errors
    /// When CodeCommit gives no usable answer.
    pub async fn branch_tip(
        &self,
        repository: &RepositoryName,
        branch: &BranchName,
    ) -> Result<Option<CommitId>, CallError> {
        let thing = format!("branch {branch} of {repository}");
        let sent =
            self.codecommit().get_branch().repository_name(repository.as_str()).branch_name(branch.as_str());
        let answer = match sent.send().await {
            Ok(answer) => answer,
            Err(error) if code_of(&error) == Some("BranchDoesNotExistException") => return Ok(None),
            Err(error) => return Err(CallError::from_sdk(SERVICE, "GetBranch", thing, error)),
        };
        let id = answer.branch().and_then(|branch| branch.commit_id());
        parsed("GetBranch", &thing, "commitId", id).map(Some)
    }

    /// Adds a commit to a branch, if its tip is still the parent.
    ///
    /// A reply that was lost is looked for: when the tip is a commit with this parent and this message, it
    /// is ours.
    ///
    /// # Errors
    /// When CodeCommit refuses the commit, or gives no usable answer and the branch does not tell either.
    pub async fn commit(&self, commit: &NewCommit<'_>) -> Result<Committed, CallError> {
        let NewCommit { repository, branch, parent, message, files } = commit;
        let thing = format!("branch {branch} of {repository}");
        let mut sent = self
            .codecommit()
            .create_commit()
            .repository_name(repository.as_str())
            .branch_name(branch.as_str())
            .parent_commit_id(parent.as_str())
            .author_name(AUTHOR_NAME)
            .email(AUTHOR_EMAIL)
            .commit_message(*message);
        for file in files {
            sent = match file {
                FileChange::Put(path, content) => sent.put_files(put_entry(&thing, path, content)?),
                FileChange::Delete(path) => sent.delete_files(delete_entry(&thing, path)?),
            };
        }
        let error = match sent.send().await {
            Ok(answer) => {
                return parsed(CREATE_COMMIT, &thing, "commitId", answer.commit_id()).map(Committed::Done);
            }
            Err(error) => error,
        };
        match code_of(&error) {
            Some("NoChangeException") => Ok(Committed::NoChange),
            Some("ParentCommitIdOutdatedException") => self.own_commit_or(commit, Committed::TipMoved).await,
            _ => {
                let error = CallError::from_sdk(SERVICE, CREATE_COMMIT, thing, error);
                if !error.is_transient() {
                    return Err(error);
                }
                // The effect is unknown: what the branch says now is the answer.
                match self.own_commit_or(commit, Committed::TipMoved).await {
                    Ok(Committed::Done(id)) => Ok(Committed::Done(id)),
                    Ok(Committed::TipMoved | Committed::NoChange) | Err(_) => Err(error),
                }
            }
        }
    }

    /// The branch's tip, if it is exactly this commit; `otherwise` if it is not.
    async fn own_commit_or(
        &self,
        commit: &NewCommit<'_>,
        otherwise: Committed,
    ) -> Result<Committed, CallError> {
        let Some(tip) = self.branch_tip(commit.repository, commit.branch).await? else {
            return Ok(otherwise);
        };
        let found = self.commit_by_id(commit.repository, &tip).await?;
        let is_ours = found.is_some_and(|found| {
            found.parent.as_ref() == Some(commit.parent)
                && found.message.trim_end() == commit.message.trim_end()
        });
        Ok(if is_ours { Committed::Done(tip) } else { otherwise })
    }

    /// Whether a branch that moved from `old` to `new` was forced: no way leads from the new tip back to the old one. A
    /// history too long to be walked is taken for an ordinary one.
    ///
    /// # Errors
    /// When CodeCommit gives no usable answer.
    pub async fn is_forced(
        &self,
        repository: &RepositoryName,
        old: &CommitId,
        new: &CommitId,
    ) -> Result<bool, CallError> {
        let Some(tip) = self.commit_by_id(repository, new).await? else { return Ok(false) };
        if tip.parents().any(|parent| parent == old) {
            return Ok(false);
        }
        let Some(before) = self.commit_by_id(repository, old).await? else { return Ok(true) };
        // What was committed well before the old tip cannot have it among its ancestors.
        let too_old = before.at.minus(CLOCKS_DIFFER);
        let mut waiting: Vec<CommitId> = tip.parents().cloned().collect();
        let mut seen: BTreeSet<CommitId> = waiting.iter().cloned().collect();
        for _ in 0..WALKED_MAX {
            let Some(id) = waiting.pop() else { return Ok(true) };
            if id == *old {
                return Ok(false);
            }
            let Some(commit) = self.commit_by_id(repository, &id).await? else { continue };
            if commit.at >= too_old {
                waiting.extend(commit.parents().filter(|parent| seen.insert((*parent).clone())).cloned());
            }
        }
        Ok(waiting.is_empty())
    }

    /// A commit; none when it is not there.
    ///
    /// # Errors
    /// When CodeCommit gives no usable answer.
    pub async fn commit_by_id(
        &self,
        repository: &RepositoryName,
        commit: &CommitId,
    ) -> Result<Option<Commit>, CallError> {
        let ask = async {
            Ok(match self.ask_commit(repository, commit).await? {
                None => Answer::Passing(None),
                found => Answer::Lasting(found),
            })
        };
        self.known.commits.ask((repository.clone(), commit.clone()), Box::pin(ask)).await
    }

    async fn ask_commit(
        &self,
        repository: &RepositoryName,
        commit: &CommitId,
    ) -> Result<Option<Commit>, CallError> {
        let thing = format!("commit {commit} of {repository}");
        let sent =
            self.codecommit().get_commit().repository_name(repository.as_str()).commit_id(commit.as_str());
        let answer = match sent.send().await {
            Ok(answer) => answer,
            Err(error) if code_of(&error) == Some("CommitIdDoesNotExistException") => return Ok(None),
            Err(error) => return Err(CallError::from_sdk(SERVICE, "GetCommit", thing, error)),
        };
        answer.commit().map(|commit| read_commit("GetCommit", &thing, commit)).transpose()
    }
}

fn put_entry(thing: &str, path: &FilePath, content: &[u8]) -> Result<PutFileEntry, CallError> {
    let entry = PutFileEntry::builder().file_path(path.as_str()).file_content(Blob::new(content)).build();
    entry.map_err(|error| CallError::malformed(SERVICE, CREATE_COMMIT, thing, error))
}

fn delete_entry(thing: &str, path: &FilePath) -> Result<DeleteFileEntry, CallError> {
    let entry = DeleteFileEntry::builder().file_path(path.as_str()).build();
    entry.map_err(|error| CallError::malformed(SERVICE, CREATE_COMMIT, thing, error))
}

pub(super) fn read_commit(
    operation: &'static str,
    thing: &str,
    commit: &aws_sdk_codecommit::types::Commit,
) -> Result<Commit, CallError> {
    let parents = commit.parents().iter().map(|parent| parsed(operation, thing, "parents", Some(parent)));
    let mut parents = parents.collect::<Result<Vec<CommitId>, _>>()?.into_iter();
    // "<seconds since 1970> <offset>", as git writes it.
    let date = commit.committer().and_then(|committer| committer.date()).unwrap_or_default();
    let seconds = date.split(' ').next().and_then(|seconds| seconds.parse().ok()).unwrap_or_default();
    Ok(Commit {
        id: parsed(operation, thing, "commitId", commit.commit_id())?,
        parent: parents.next(),
        merged: parents.collect(),
        message: commit.message().unwrap_or_default().to_owned(),
        author: commit.author().and_then(|author| author.name()).unwrap_or_default().to_owned(),
        committer: commit.committer().and_then(|committer| committer.name()).unwrap_or_default().to_owned(),
        at: Timestamp::from_epoch_seconds(seconds),
    })
}
