//! The history of a file.

use super::commits::{Commit, read_commit};
use super::{SERVICE, parsed};
use crate::connection::Clients;
use crate::error::{CallError, code_of};
use crate::once::Answer;
use domain::names::{BlobId, CommitId, FilePath, RepositoryName};
use domain::time::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

/// How many pages of one file's history are read to find its newest version.
const HISTORY_PAGES_MAX: usize = 20;

/// A version of a file: the content, and the commit that gave it to the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    /// The commit.
    pub commit: Commit,
    /// The content's id.
    pub blob: BlobId,
}

impl Clients {
    /// The newest versions of a file, newest first, at most `count`. The order of CodeCommit's answer is not
    /// documented, so it is put in order here: a version comes before those it was made from.
    ///
    /// # Errors
    /// When CodeCommit gives no usable answer.
    pub async fn history(
        &self,
        repository: &RepositoryName,
        path: &FilePath,
        at: &CommitId,
        count: usize,
    ) -> Result<Vec<Version>, CallError> {
        let key = (repository.clone(), at.clone(), path.clone(), count);
        let ask = async { self.ask_history(repository, path, at, count).await.map(Answer::Lasting) };
        self.known.histories.ask(key, Box::pin(ask)).await
    }

    async fn ask_history(
        &self,
        repository: &RepositoryName,
        path: &FilePath,
        at: &CommitId,
        count: usize,
    ) -> Result<Vec<Version>, CallError> {
        let thing = format!("{path} of {repository} up to {at}");
        let mut found = Vec::new();
        let mut next = None;
        for _ in 0..HISTORY_PAGES_MAX {
            let sent = self
                .codecommit()
                .list_file_commit_history()
                .repository_name(repository.as_str())
                .file_path(path.as_str())
                .commit_specifier(at.as_str())
                .set_next_token(next);
            let page = match sent.send().await {
                Ok(page) => page,
                Err(error) if code_of(&error) == Some("FileDoesNotExistException") => return Ok(Vec::new()),
                Err(error) => {
                    return Err(CallError::from_sdk(SERVICE, "ListFileCommitHistory", thing, error));
                }
            };
            for version in page.revision_dag() {
                found.push(read_version(&thing, version)?);
            }
            next = page.next_token;
            let complete = next.is_none() || (found.len() > count && begins_with_newest(&found));
            if complete {
                break;
            }
        }
        let mut versions = newest_first(found);
        versions.truncate(count);
        Ok(versions)
    }
}

/// A version with the ids of those made from it, until the order is known.
struct FoundVersion {
    version: Version,
    children: Vec<String>,
}

fn read_version(
    thing: &str,
    found: &aws_sdk_codecommit::types::FileVersion,
) -> Result<FoundVersion, CallError> {
    let operation = "ListFileCommitHistory";
    let commit = found
        .commit()
        .ok_or_else(|| CallError::malformed(SERVICE, operation, thing, "a version without a commit"))?;
    let blob = parsed(operation, thing, "blobId", found.blob_id())?;
    let version = Version { commit: read_commit(operation, thing, commit)?, blob };
    Ok(FoundVersion { version, children: found.revision_children().to_vec() })
}

/// Whether the first version is one that nothing was made from, so that the answer comes newest first.
fn begins_with_newest(found: &[FoundVersion]) -> bool {
    found.first().is_some_and(|first| first.children.is_empty())
}

/// Puts versions in an order in which each comes before those it was made from; among those free, the youngest first.
fn newest_first(found: Vec<FoundVersion>) -> Vec<Version> {
    let mut waiting: BTreeMap<String, FoundVersion> =
        found.into_iter().map(|found| (found.version.commit.id.to_string(), found)).collect();
    // For each version, how many of those made from it are still waiting, and which versions wait for it.
    let mut children: BTreeMap<String, usize> = BTreeMap::new();
    let mut parents: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (id, found) in &waiting {
        for child in found.children.iter().filter(|child| waiting.contains_key(*child)) {
            *children.entry(id.clone()).or_default() += 1;
            parents.entry(child.clone()).or_default().push(id.clone());
        }
    }
    let is_free = |id: &&String| !children.contains_key(*id);
    let mut free: BTreeSet<(Timestamp, String)> = waiting
        .keys()
        .filter(is_free)
        .filter_map(|id| Some((waiting.get(id)?.version.commit.at, id.clone())))
        .collect();
    let mut ordered = Vec::with_capacity(waiting.len());
    while let Some((_, id)) = free.pop_last() {
        ordered.extend(waiting.remove(&id).map(|found| found.version));
        for parent in parents.remove(&id).unwrap_or_default() {
            let Some(count) = children.get_mut(&parent) else { continue };
            *count -= 1;
            if *count == 0 {
                free.extend(waiting.get(&parent).map(|found| (found.version.commit.at, parent.clone())));
            }
        }
    }
    // Those of a circle, which git cannot make.
    ordered.extend(waiting.into_values().map(|found| found.version));
    ordered
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(number: u32, seconds: i64, children: &[u32]) -> FoundVersion {
        let id = |number: u32| format!("{number:040x}");
        let commit = Commit {
            id: CommitId::parse(&id(number)).unwrap(),
            parent: None,
            merged: Vec::new(),
            message: String::new(),
            author: String::new(),
            committer: String::new(),
            at: Timestamp::from_epoch_seconds(seconds),
        };
        let version = Version { commit, blob: BlobId::parse(&id(number)).unwrap() };
        FoundVersion { version, children: children.iter().map(|child| id(*child)).collect() }
    }

    fn order(found: Vec<FoundVersion>) -> Vec<String> {
        let versions = newest_first(found);
        versions.iter().map(|version| version.commit.id.as_str().trim_start_matches('0').to_owned()).collect()
    }

    #[test]
    fn no_versions_have_no_order() {
        assert_eq!(order(Vec::new()), Vec::<String>::new());
    }

    #[test]
    fn a_version_comes_before_those_it_was_made_from_whatever_their_clocks_say() {
        // 1 ← 2 ← 3, committed on machines whose clocks go wrong; and answered oldest first.
        assert_eq!(
            order(vec![version(1, 900, &[2]), version(2, 500, &[3]), version(3, 100, &[])]),
            ["3", "2", "1"]
        );
        // 2 and 3 were both made from 1: the younger first.
        assert_eq!(
            order(vec![version(2, 200, &[]), version(3, 300, &[]), version(1, 100, &[2, 3])]),
            ["3", "2", "1"]
        );
    }

    #[test]
    fn a_long_history_is_put_in_order_in_no_time() {
        let newest = 5_000;
        let versions = (1..=newest).map(|number| {
            let children: &[u32] = if number < newest { &[number + 1] } else { &[] };
            version(number, i64::from(number), children)
        });
        assert_eq!(order(versions.collect()).len(), 5_000);
    }
}
