//! The commits that one commit has and another has not, as `git log` tells them. CodeCommit has no such call, so the
//! history is walked, newest first, until everything that is left belongs to both.

use crate::connection::Clients;
use crate::error::{CallError, code_of};
use domain::names::{CommitId, RepositoryName};
use domain::time::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

const SERVICE: &str = "CodeCommit";
const OPERATION: &str = "BatchGetCommits";
/// CodeCommit's own limit for one `BatchGetCommits`.
const COMMITS_PER_CALL: usize = 100;
/// How many commits are looked at before the answer is cut off.
const COMMITS_MAX: usize = 1_000;

/// By how much the clocks of those who committed are believed to differ.
const CLOCKS_DIFFER: Duration = Duration::from_secs(24 * 60 * 60);

/// A commit of an application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceCommit {
    /// Its id.
    pub id: CommitId,
    /// Its parents.
    pub parents: Vec<CommitId>,
    /// The name in its author line.
    pub author: String,
    /// The first line of its message.
    pub subject: String,
    /// When it was committed.
    pub at: Timestamp,
}

/// What one commit has and another has not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceLog {
    /// The commits, newest first.
    pub commits: Vec<SourceCommit>,
    /// Whether all of them were found before the walk was cut off.
    pub is_whole: bool,
}

/// The walk: what is known, what is still to be looked at, and what belongs to the other commit.
#[derive(Default)]
struct Walk {
    known: BTreeMap<CommitId, SourceCommit>,
    excluded: BTreeSet<CommitId>,
    open: BTreeSet<(Timestamp, CommitId)>,
}

impl Clients {
    /// The commits that `has` reaches and `has_not` does not, newest first. None when either is not in the repository.
    ///
    /// # Errors
    /// When CodeCommit gives no usable answer.
    pub async fn commits_between(
        &self,
        repository: &RepositoryName,
        has_not: &CommitId,
        has: &CommitId,
    ) -> Result<Option<SourceLog>, CallError> {
        let begin = [has_not.clone(), has.clone()];
        let mut walk = Walk::default();
        let Some(found) = self.source_commits(repository, &begin).await? else { return Ok(None) };
        walk.add(found);
        walk.exclude(has_not.clone());
        while let Some(commit) = walk.next() {
            let unknown = walk.unknown_parents(&commit);
            let Some(found) = self.source_commits(repository, &unknown).await? else { return Ok(None) };
            walk.look_at(&commit, found);
        }
        Ok(Some(walk.log()))
    }

    /// The commits with these ids; none when one of them is not there.
    async fn source_commits(
        &self,
        repository: &RepositoryName,
        ids: &[CommitId],
    ) -> Result<Option<Vec<SourceCommit>>, CallError> {
        let unique: BTreeSet<&CommitId> = ids.iter().collect();
        let unique: Vec<String> = unique.into_iter().map(ToString::to_string).collect();
        let thing = format!("repository {repository}");
        let mut commits = Vec::new();
        for part in unique.chunks(COMMITS_PER_CALL) {
            let sent = self
                .codecommit()
                .batch_get_commits()
                .repository_name(repository.as_str())
                .set_commit_ids(Some(part.to_vec()));
            let answer = match sent.send().await {
                Ok(answer) => answer,
                Err(error) if code_of(&error) == Some("CommitIdDoesNotExistException") => return Ok(None),
                Err(error) => return Err(CallError::from_sdk(SERVICE, OPERATION, thing, error)),
            };
            if !answer.errors().is_empty() {
                return Ok(None);
            }
            for commit in answer.commits() {
                commits.push(read(&thing, commit)?);
            }
        }
        Ok(Some(commits))
    }
}

impl Walk {
    fn add(&mut self, found: Vec<SourceCommit>) {
        for commit in found {
            self.open.insert((commit.at, commit.id.clone()));
            self.known.insert(commit.id.clone(), commit);
        }
    }

    /// Marks a commit, and whatever is known of its history, as the other's.
    fn exclude(&mut self, id: CommitId) {
        let mut waiting = vec![id];
        while let Some(id) = waiting.pop() {
            let parents = self.known.get(&id).map(|commit| commit.parents.clone()).unwrap_or_default();
            if self.excluded.insert(id) {
                waiting.extend(parents);
            }
        }
    }

    /// Whether what is open can change the answer: something may be found that is not the other's, or something that was
    /// found may turn out to be. Clocks differ, and two commits of one second have no order.
    fn goes_on(&self) -> bool {
        if self.open.iter().any(|(_, id)| !self.excluded.contains(id)) {
            return true;
        }
        let found = self.known.values().filter(|commit| !self.excluded.contains(&commit.id));
        let oldest = found.map(|commit| commit.at).min();
        oldest.is_some_and(|oldest| self.open.iter().any(|(at, _)| at.plus(CLOCKS_DIFFER) >= oldest))
    }

    /// The commit to look at next, the youngest first.
    fn next(&mut self) -> Option<SourceCommit> {
        if !self.goes_on() || self.known.len() >= COMMITS_MAX {
            return None;
        }
        let (_, id) = self.open.pop_last()?;
        self.known.get(&id).cloned()
    }

    fn unknown_parents(&self, commit: &SourceCommit) -> Vec<CommitId> {
        commit.parents.iter().filter(|parent| !self.known.contains_key(*parent)).cloned().collect()
    }

    fn look_at(&mut self, commit: &SourceCommit, parents: Vec<SourceCommit>) {
        self.add(parents);
        if self.excluded.contains(&commit.id) {
            commit.parents.iter().cloned().for_each(|parent| self.exclude(parent));
        }
    }

    fn log(mut self) -> SourceLog {
        let is_whole = !self.goes_on();
        self.known.retain(|id, _| !self.excluded.contains(id));
        let mut children: BTreeMap<CommitId, usize> = BTreeMap::new();
        for parent in self.known.values().flat_map(|commit| &commit.parents) {
            *children.entry(parent.clone()).or_default() += 1;
        }
        // A commit comes before those it was made from; among those free, the youngest first.
        let is_free = |commit: &&SourceCommit| !children.contains_key(&commit.id);
        let free = self.known.values().filter(is_free);
        let mut free: BTreeSet<_> = free.map(|commit| (commit.at, commit.id.clone())).collect();
        let mut commits = Vec::with_capacity(self.known.len());
        while let Some((_, id)) = free.pop_last() {
            let Some(commit) = self.known.remove(&id) else { continue };
            for parent in &commit.parents {
                let Some(count) = children.get_mut(parent) else { continue };
                *count = count.saturating_sub(1);
                if *count == 0 {
                    free.extend(self.known.get(parent).map(|commit| (commit.at, commit.id.clone())));
                }
            }
            commits.push(commit);
        }
        SourceLog { commits, is_whole }
    }
}

fn read(thing: &str, commit: &aws_sdk_codecommit::types::Commit) -> Result<SourceCommit, CallError> {
    let parsed =
        |member, text: Option<&str>| CallError::parsed::<CommitId>(SERVICE, OPERATION, thing, member, text);
    let date = commit.committer().and_then(|committer| committer.date()).unwrap_or_default();
    let seconds = date.split(' ').next().and_then(|seconds| seconds.parse().ok()).unwrap_or_default();
    let subject = commit.message().unwrap_or_default().lines().next().unwrap_or_default();
    Ok(SourceCommit {
        id: parsed("commitId", commit.commit_id())?,
        parents: commit
            .parents()
            .iter()
            .map(|parent| parsed("parents", Some(parent)))
            .collect::<Result<_, _>>()?,
        author: commit.author().and_then(|author| author.name()).unwrap_or_default().to_owned(),
        subject: subject.to_owned(),
        at: Timestamp::from_epoch_seconds(seconds),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: u32) -> CommitId {
        CommitId::parse(&format!("{number:040x}")).unwrap()
    }

    fn commit(number: u32, seconds: i64, parents: &[u32]) -> SourceCommit {
        SourceCommit {
            id: id(number),
            parents: parents.iter().map(|parent| id(*parent)).collect(),
            author: String::new(),
            subject: String::new(),
            at: Timestamp::from_epoch_seconds(seconds),
        }
    }

    /// The walk through a whole history, as the calls would tell it.
    fn walked(history: &[SourceCommit], has_not: u32, has: u32) -> Vec<SourceCommit> {
        let tell = |ids: &[CommitId]| -> Vec<SourceCommit> {
            history.iter().filter(|commit| ids.contains(&commit.id)).cloned().collect()
        };
        let mut walk = Walk::default();
        walk.add(tell(&[id(has_not), id(has)]));
        walk.exclude(id(has_not));
        while let Some(commit) = walk.next() {
            let unknown = walk.unknown_parents(&commit);
            walk.look_at(&commit, tell(&unknown));
        }
        let log = walk.log();
        assert!(log.is_whole);
        log.commits
    }

    #[test]
    fn a_commit_has_nothing_that_it_has_not() {
        assert_eq!(walked(&[commit(1, 1, &[])], 1, 1), []);
    }

    #[test]
    fn what_belongs_to_both_is_left_out_whatever_the_clocks_say() {
        // 1 ← 2 ← 3, all of one second, or with a clock that goes wrong; with ids in either order.
        for seconds in [[10, 10, 10], [10, 900, 30], [30, 20, 10]] {
            let [first, second, third] = seconds;
            let history = [commit(1, first, &[]), commit(2, second, &[1]), commit(3, third, &[2])];
            assert_eq!(walked(&history, 3, 1), [], "{seconds:?}");
            assert_eq!(walked(&history, 2, 3), [commit(3, third, &[2])], "{seconds:?}");
            let turned = [commit(9, first, &[]), commit(8, second, &[9]), commit(7, third, &[8])];
            assert_eq!(walked(&turned, 7, 9), [], "{seconds:?}");
        }
    }

    #[test]
    fn a_commit_comes_before_those_it_was_made_from() {
        let (two, three) = (commit(2, 90, &[1]), commit(3, 10, &[1]));
        let (base, merge) = (commit(1, 10, &[]), commit(4, 10, &[2, 3]));
        let history = [base, two.clone(), three.clone(), merge.clone()];
        assert_eq!(walked(&history, 1, 4), [merge.clone(), two.clone(), three.clone()]);
        assert_eq!(walked(&history, 3, 4), [merge, two]);
    }
}
