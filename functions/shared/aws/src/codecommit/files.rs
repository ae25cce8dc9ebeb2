//! Files, by path or by their content's id.

use super::{SERVICE, parsed};
use crate::connection::Clients;
use crate::error::{CallError, code_of};
use crate::once::Answer;
use domain::names::{BlobId, BranchName, CommitId, FilePath, RepositoryName};

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

impl Clients {
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
        let asked = Box::pin(self.ask_file(repository, at, path));
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
            .codecommit()
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
            let sent =
                self.codecommit().get_blob().repository_name(repository.as_str()).blob_id(blob.as_str());
            let answer = sent.send().await.map_err(|error| {
                CallError::from_sdk(SERVICE, "GetBlob", format!("blob {blob} of {repository}"), error)
            })?;
            Ok(Answer::Lasting(answer.content.into_inner()))
        };
        self.known.blobs.ask((repository.clone(), blob.clone()), Box::pin(ask)).await
    }
}
