//! CodeCommit: what stands in a repository, and the commits that Towpath adds.
//! <https://docs.aws.amazon.com/codecommit/latest/APIReference/>

mod history;

use crate::connection::Clients;
use crate::error::{CallError, code_of};
use crate::once::Answer;
use aws_sdk_codecommit::types::{ChangeTypeEnum, CommentsForComparedCommit, DeleteFileEntry, PutFileEntry};
use aws_smithy_types::Blob;
use domain::names::{BlobId, BranchName, CommitId, FilePath, RepositoryName, RequestToken};
use domain::time::Timestamp;
use domain::trailers::{AUTHOR_EMAIL, AUTHOR_NAME};

const SERVICE: &str = "CodeCommit";
/// How many pages of a listing are read at most: at 100 files a page, 100,000 files.
const PAGES_MAX: usize = 1_000;
/// How many pages of a commit's comments are read.
const COMMENT_PAGES_MAX: usize = 10;

/// Where to read: what a branch points to at that moment, or one commit.
#[derive(Debug, Clone, Copy)]
pub enum At<'a> {
    /// The branch's tip.
    Tip(&'a BranchName),
    /// This commit.
    Commit(&'a CommitId),
}

impl At<'_> {
    fn specifier(self) -> String {
        match self {
            Self::Tip(branch) => format!("refs/heads/{branch}"),
            Self::Commit(commit) => commit.to_string(),
        }
    }
}

/// A file's content, and the commit it was read at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// The commit that the read resolved to.
    pub commit: CommitId,
    /// The content's id.
    pub blob: BlobId,
    /// The content.
    pub content: Vec<u8>,
}

/// A file that one commit has and the other has not, or has otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Its path; what cannot be a path of ours stays text.
    pub path: String,
    /// Its content before; none when it was added.
    pub before: Option<BlobId>,
    /// Its content after; none when it was deleted.
    pub after: Option<BlobId>,
}

/// A commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    /// Its id.
    pub id: CommitId,
    /// The first parent; none for a root commit.
    pub parent: Option<CommitId>,
    /// Its message.
    pub message: String,
    /// The name in its author line.
    pub author: String,
    /// When it was committed.
    pub at: Timestamp,
}

/// A version of a file: the content, and the commit that gave it to the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    /// The commit.
    pub commit: Commit,
    /// The content's id.
    pub blob: BlobId,
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
            self.codecommit.get_branch().repository_name(repository.as_str()).branch_name(branch.as_str());
        let answer = match sent.send().await {
            Ok(answer) => answer,
            Err(error) if code_of(&error) == Some("BranchDoesNotExistException") => return Ok(None),
            Err(error) => return Err(CallError::from_sdk(SERVICE, "GetBranch", thing, error)),
        };
        let id = answer.branch().and_then(|branch| branch.commit_id());
        parsed("GetBranch", &thing, "commitId", id).map(Some)
    }

    /// A file; none when the commit has no such file, or the repository is empty.
    ///
    /// # Errors
    /// When CodeCommit gives no usable answer.
    pub async fn file(
        &self,
        repository: &RepositoryName,
        at: At<'_>,
        path: &FilePath,
    ) -> Result<Option<File>, CallError> {
        let asked = self.ask_file(repository, at, path);
        match at {
            At::Tip(_) => match asked.await? {
                Answer::Lasting(file) | Answer::Passing(file) => Ok(file),
            },
            At::Commit(commit) => {
                self.known.files.ask((repository.clone(), commit.clone(), path.clone()), asked).await
            }
        }
    }

    async fn ask_file(
        &self,
        repository: &RepositoryName,
        at: At<'_>,
        path: &FilePath,
    ) -> Result<Answer<Option<File>>, CallError> {
        let thing = format!("{path} of {repository} at {}", at.specifier());
        let sent = self
            .codecommit
            .get_file()
            .repository_name(repository.as_str())
            .commit_specifier(at.specifier())
            .file_path(path.as_str());
        let answer = match sent.send().await {
            Ok(answer) => answer,
            Err(error) => {
                return match code_of(&error) {
                    Some("FileDoesNotExistException") => Ok(Answer::Lasting(None)),
                    Some("CommitDoesNotExistException") => Ok(Answer::Passing(None)),
                    _ => Err(CallError::from_sdk(SERVICE, "GetFile", thing, error)),
                };
            }
        };
        Ok(Answer::Lasting(Some(File {
            commit: parsed("GetFile", &thing, "commitId", Some(answer.commit_id()))?,
            blob: parsed("GetFile", &thing, "blobId", Some(answer.blob_id()))?,
            content: answer.file_content.into_inner(),
        })))
    }

    /// A file's content by its id.
    ///
    /// # Errors
    /// When CodeCommit gives no usable answer.
    pub async fn blob(&self, repository: &RepositoryName, blob: &BlobId) -> Result<Vec<u8>, CallError> {
        let ask = async {
            let sent = self.codecommit.get_blob().repository_name(repository.as_str()).blob_id(blob.as_str());
            let answer = sent.send().await.map_err(|error| {
                CallError::from_sdk(SERVICE, "GetBlob", format!("blob {blob} of {repository}"), error)
            })?;
            Ok(Answer::Lasting(answer.content.into_inner()))
        };
        self.known.blobs.ask((repository.clone(), blob.clone()), ask).await
    }

    /// What differs between two commits, or every file of one when there is no `before`. None when `before`
    /// is no longer there, as after a forced push.
    ///
    /// # Errors
    /// When CodeCommit gives no usable answer, or more pages than any repository of ours has.
    pub async fn differences(
        &self,
        repository: &RepositoryName,
        before: Option<&CommitId>,
        after: &CommitId,
    ) -> Result<Option<Vec<Difference>>, CallError> {
        let thing = format!("{repository} up to {after}");
        let mut differences = Vec::new();
        let mut next = None;
        for _ in 0..PAGES_MAX {
            let sent = self
                .codecommit
                .get_differences()
                .repository_name(repository.as_str())
                .set_before_commit_specifier(before.map(ToString::to_string))
                .after_commit_specifier(after.as_str())
                .set_next_token(next);
            let page = match sent.send().await {
                Ok(page) => page,
                Err(error) if code_of(&error) == Some("CommitDoesNotExistException") => return Ok(None),
                Err(error) => return Err(CallError::from_sdk(SERVICE, "GetDifferences", thing, error)),
            };
            for difference in page.differences() {
                differences.push(read_difference(&thing, difference)?);
            }
            next = page.next_token;
            if next.is_none() {
                return Ok(Some(differences));
            }
        }
        Err(CallError::malformed(SERVICE, "GetDifferences", thing, format!("more than {PAGES_MAX} pages")))
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
            .codecommit
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
                return parsed("CreateCommit", &thing, "commitId", answer.commit_id()).map(Committed::Done);
            }
            Err(error) => error,
        };
        match code_of(&error) {
            Some("NoChangeException") => Ok(Committed::NoChange),
            Some("ParentCommitIdOutdatedException") => self.own_commit_or(commit, Committed::TipMoved).await,
            _ => {
                let error = CallError::from_sdk(SERVICE, "CreateCommit", thing, error);
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
        self.known.commits.ask((repository.clone(), commit.clone()), ask).await
    }

    async fn ask_commit(
        &self,
        repository: &RepositoryName,
        commit: &CommitId,
    ) -> Result<Option<Commit>, CallError> {
        let thing = format!("commit {commit} of {repository}");
        let sent =
            self.codecommit.get_commit().repository_name(repository.as_str()).commit_id(commit.as_str());
        let answer = match sent.send().await {
            Ok(answer) => answer,
            Err(error) if code_of(&error) == Some("CommitIdDoesNotExistException") => return Ok(None),
            Err(error) => return Err(CallError::from_sdk(SERVICE, "GetCommit", thing, error)),
        };
        answer.commit().map(|commit| read_commit("GetCommit", &thing, commit)).transpose()
    }

    /// The texts of the comments on a commit, compared with its parent.
    ///
    /// # Errors
    /// When CodeCommit gives no usable answer.
    pub async fn comments(
        &self,
        repository: &RepositoryName,
        before: Option<&CommitId>,
        commit: &CommitId,
    ) -> Result<Vec<String>, CallError> {
        let operation = "GetCommentsForComparedCommit";
        let mut texts = Vec::new();
        let mut next = None;
        for _ in 0..COMMENT_PAGES_MAX {
            let sent = self
                .codecommit
                .get_comments_for_compared_commit()
                .repository_name(repository.as_str())
                .set_before_commit_id(before.map(ToString::to_string))
                .after_commit_id(commit.as_str())
                .set_next_token(next);
            let thing = format!("commit {commit} of {repository}");
            let page =
                sent.send().await.map_err(|error| CallError::from_sdk(SERVICE, operation, thing, error))?;
            let comments =
                page.comments_for_compared_commit_data().iter().flat_map(CommentsForComparedCommit::comments);
            texts.extend(comments.filter_map(|comment| comment.content().map(str::to_owned)));
            next = page.next_token;
            if next.is_none() {
                break;
            }
        }
        Ok(texts)
    }

    /// Writes a comment on a commit. The token makes a repetition the same comment.
    ///
    /// # Errors
    /// When CodeCommit gives no usable answer.
    pub async fn comment(
        &self,
        repository: &RepositoryName,
        before: Option<&CommitId>,
        commit: &CommitId,
        text: &str,
        token: &RequestToken,
    ) -> Result<(), CallError> {
        let sent = self
            .codecommit
            .post_comment_for_compared_commit()
            .repository_name(repository.as_str())
            .set_before_commit_id(before.map(ToString::to_string))
            .after_commit_id(commit.as_str())
            .content(text)
            .client_request_token(token.as_str());
        let thing = format!("commit {commit} of {repository}");
        match sent.send().await {
            Ok(_) => Ok(()),
            Err(error) => Err(CallError::from_sdk(SERVICE, "PostCommentForComparedCommit", thing, error)),
        }
    }
}

fn put_entry(thing: &str, path: &FilePath, content: &[u8]) -> Result<PutFileEntry, CallError> {
    let entry = PutFileEntry::builder().file_path(path.as_str()).file_content(Blob::new(content)).build();
    entry.map_err(|error| CallError::malformed(SERVICE, "CreateCommit", thing, error))
}

fn delete_entry(thing: &str, path: &FilePath) -> Result<DeleteFileEntry, CallError> {
    let entry = DeleteFileEntry::builder().file_path(path.as_str()).build();
    entry.map_err(|error| CallError::malformed(SERVICE, "CreateCommit", thing, error))
}

fn read_difference(
    thing: &str,
    difference: &aws_sdk_codecommit::types::Difference,
) -> Result<Difference, CallError> {
    let (before, after) = (difference.before_blob(), difference.after_blob());
    let blob = |metadata: Option<&aws_sdk_codecommit::types::BlobMetadata>| {
        let id = metadata.and_then(|metadata| metadata.blob_id());
        id.map(|id| parsed("GetDifferences", thing, "blobId", Some(id))).transpose()
    };
    let path = after.or(before).and_then(|metadata| metadata.path()).unwrap_or_default().to_owned();
    match difference.change_type() {
        Some(ChangeTypeEnum::Deleted) => Ok(Difference { path, before: blob(before)?, after: None }),
        Some(ChangeTypeEnum::Added) => Ok(Difference { path, before: None, after: blob(after)? }),
        _ => Ok(Difference { path, before: blob(before)?, after: blob(after)? }),
    }
}

fn read_commit(
    operation: &'static str,
    thing: &str,
    commit: &aws_sdk_codecommit::types::Commit,
) -> Result<Commit, CallError> {
    let parent = commit.parents().first().map(|parent| parsed(operation, thing, "parents", Some(parent)));
    // "<seconds since 1970> <offset>", as git writes it.
    let date = commit.committer().and_then(|committer| committer.date()).unwrap_or_default();
    let seconds = date.split(' ').next().and_then(|seconds| seconds.parse().ok()).unwrap_or_default();
    Ok(Commit {
        id: parsed(operation, thing, "commitId", commit.commit_id())?,
        parent: parent.transpose()?,
        message: commit.message().unwrap_or_default().to_owned(),
        author: commit.author().and_then(|author| author.name()).unwrap_or_default().to_owned(),
        at: Timestamp::from_epoch_seconds(seconds),
    })
}

/// A name in an answer.
fn parsed<T: std::str::FromStr>(
    operation: &'static str,
    thing: &str,
    member: &str,
    text: Option<&str>,
) -> Result<T, CallError>
where
    T::Err: std::fmt::Display,
{
    CallError::parsed(SERVICE, operation, thing, member, text)
}
