//! Comments on commits.

use super::SERVICE;
use crate::connection::Clients;
use crate::error::CallError;
use aws_sdk_codecommit::types::CommentsForComparedCommit;
use domain::names::{CommitId, RepositoryName, RequestToken};

/// How many pages of a commit's comments are read.
const COMMENT_PAGES_MAX: usize = 10;

impl Clients {
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
                .codecommit()
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
            .codecommit()
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
