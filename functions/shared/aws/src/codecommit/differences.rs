//! What differs between two commits.

use super::{PAGES_MAX, SERVICE, parsed};
use crate::connection::Clients;
use crate::error::{CallError, code_of};
use aws_sdk_codecommit::types::ChangeTypeEnum;
use domain::names::{BlobId, CommitId, RepositoryName};

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

impl Clients {
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
                .codecommit()
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
