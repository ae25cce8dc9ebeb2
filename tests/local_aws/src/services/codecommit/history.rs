//! The history of one file: the commits that gave it another content, as git tells it (a merge that
//! changed nothing follows the parent it agrees with). A rename is followed when the content stayed the
//! same; git would also follow a similar one.

use super::git::{Commit, Git};
use super::repositories::Opened;
use super::{checks, commits, pages, specifiers};
use crate::caller::Caller;
use crate::error::AwsError;
use crate::world::World;
use gix::ObjectId;
use serde::Deserialize;
use serde_json::{Value, json};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

/// How many versions a page has when nobody says; AWS does not publish its number.
const VERSIONS_PER_PAGE: usize = 100;
/// How many versions a page may have; AWS does not publish its number.
const VERSIONS_PER_PAGE_MAX: usize = 1000;
/// How many commits and lookups a repository's memory holds before it starts anew.
const REMEMBERED_MAX: usize = 200_000;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ListInput {
    repository_name: Option<String>,
    commit_specifier: Option<String>,
    file_path: Option<String>,
    max_results: Option<i64>,
    next_token: Option<String>,
}

pub(super) fn list(world: &mut World, caller: &Caller, input: ListInput) -> Result<Value, AwsError> {
    let path = checks::path(input.file_path)?;
    let size = checks::max_results(input.max_results, VERSIONS_PER_PAGE, VERSIONS_PER_PAGE_MAX)?;
    let opened = Opened::allowed(world, caller, "ListFileCommitHistory", input.repository_name, None)?;
    let start = specifiers::resolve(world, &opened, input.commit_specifier.as_deref())?.id;
    let listing = format!("ListFileCommitHistory {} {start} {path}", opened.name);
    let offset = pages::offset(&listing, input.next_token.as_deref())?;
    let oldest_first = world.settings.unconfirmed.history_is_oldest_first;
    // One more than the page shows tells whether there is another page.
    let wanted = if oldest_first { usize::MAX } else { offset.saturating_add(size).saturating_add(1) };
    let memory = std::mem::take(&mut opened.repository_mut(world)?.memory);
    let mut walk = Walk { git: &opened.git, memory, versions: Vec::new() };
    let walked = walk.run(Place { commit: start, path }, wanted);
    let Walk { memory, mut versions, .. } = walk;
    opened.repository_mut(world)?.memory = memory;
    walked?;
    if oldest_first {
        versions.reverse();
    }
    let shown = versions.iter().map(Version::shown).collect();
    Ok(pages::page(&listing, shown, offset, size).answer("revisionDag"))
}

/// What was read of a repository's history: objects never change, so it stays true.
#[derive(Debug, Default)]
pub(super) struct Memory {
    commits: HashMap<ObjectId, Arc<Commit>>,
    blobs: HashMap<(ObjectId, String), Option<ObjectId>>,
}

/// A file's path at a commit.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Place {
    commit: ObjectId,
    path: String,
}

/// A content that the file once got.
struct Version {
    commit: Arc<Commit>,
    blob: ObjectId,
    path: String,
    children: BTreeSet<ObjectId>,
}

/// What is found at a place: the content that its commit gave the file, if it did, and where to look on.
#[derive(Clone)]
struct Step {
    commit: Arc<Commit>,
    changed: Option<ObjectId>,
    next: Vec<Place>,
}

struct Walk<'git> {
    git: &'git Git,
    memory: Memory,
    versions: Vec<Version>,
}

impl Version {
    fn shown(&self) -> Value {
        json!({
            "commit": commits::shown(&self.commit),
            "blobId": self.blob.to_string(),
            "path": self.path,
            "revisionChildren": self.children.iter().map(ToString::to_string).collect::<Vec<_>>(),
        })
    }
}

impl Walk<'_> {
    /// Finds versions, newest first, until there are enough. While there is but one place to look on, none
    /// other can come before it; where the history forks, all that is left is put in order first.
    fn run(&mut self, start: Place, wanted: usize) -> Result<(), AwsError> {
        let mut frontier = BTreeMap::from([(start, BTreeSet::new())]);
        while self.versions.len() < wanted {
            if frontier.len() > 1 {
                return self.run_in_order(frontier);
            }
            let Some((place, children)) = frontier.pop_first() else { break };
            let step = self.step(&place)?;
            self.visit(&place, &step, children, &mut frontier);
        }
        Ok(())
    }

    /// Visits every place only after all places that lead to it; of those that may come next, the one with
    /// the youngest commit.
    fn run_in_order(&mut self, mut frontier: BTreeMap<Place, BTreeSet<ObjectId>>) -> Result<(), AwsError> {
        let mut steps: HashMap<Place, Step> = HashMap::new();
        let mut waits: HashMap<Place, usize> = HashMap::new();
        let mut unread: Vec<Place> = frontier.keys().cloned().collect();
        while let Some(place) = unread.pop() {
            if steps.contains_key(&place) {
                continue;
            }
            let step = self.step(&place)?;
            for next in &step.next {
                *waits.entry(next.clone()).or_default() += 1;
                unread.push(next.clone());
            }
            steps.insert(place, step);
        }
        let age = |steps: &HashMap<Place, Step>, place: &Place| {
            Reverse(steps.get(place).map_or(0, |step| step.commit.seconds()))
        };
        let mut ready: BTreeSet<(Reverse<i64>, Place)> = frontier
            .keys()
            .filter(|place| !waits.contains_key(place))
            .map(|place| (age(&steps, place), place.clone()))
            .collect();
        while let Some((_, place)) = ready.pop_first() {
            let children = frontier.remove(&place).unwrap_or_default();
            let Some(step) = steps.get(&place).cloned() else { continue };
            self.visit(&place, &step, children, &mut frontier);
            for next in step.next {
                let Some(count) = waits.get_mut(&next) else { continue };
                *count -= 1;
                if *count == 0 {
                    ready.insert((age(&steps, &next), next));
                }
            }
        }
        Ok(())
    }

    /// Notes the version, and tells the places that follow which version comes after theirs.
    fn visit(
        &mut self,
        place: &Place,
        step: &Step,
        children: BTreeSet<ObjectId>,
        frontier: &mut BTreeMap<Place, BTreeSet<ObjectId>>,
    ) {
        let newer = if step.changed.is_some() { BTreeSet::from([place.commit]) } else { children.clone() };
        for next in &step.next {
            frontier.entry(next.clone()).or_default().extend(newer.iter().copied());
        }
        if let Some(blob) = step.changed {
            self.versions.push(Version {
                commit: step.commit.clone(),
                blob,
                path: place.path.clone(),
                children,
            });
        }
    }

    fn step(&mut self, place: &Place) -> Result<Step, AwsError> {
        let commit = self.commit(place.commit)?;
        let here = self.blob(commit.tree, &place.path)?;
        let mut parents = Vec::new();
        for parent in &commit.parents {
            let parent = self.commit(*parent)?;
            let there = self.blob(parent.tree, &place.path)?;
            if there == here {
                let next = vec![Place { commit: parent.id, path: place.path.clone() }];
                return Ok(Step { commit, changed: None, next });
            }
            parents.push((parent, there));
        }
        let mut next = Vec::new();
        for (parent, there) in parents {
            let renamed = match (here, there) {
                (Some(blob), None) => self.renamed_from(&commit, &parent, blob)?,
                _ => None,
            };
            next.push(Place { commit: parent.id, path: renamed.unwrap_or_else(|| place.path.clone()) });
        }
        Ok(Step { commit, changed: here, next })
    }

    /// The path that a parent had this very content at, and the commit no longer has.
    fn renamed_from(
        &self,
        commit: &Commit,
        parent: &Commit,
        blob: ObjectId,
    ) -> Result<Option<String>, AwsError> {
        let removed = super::differences::removed(self.git, parent, commit)?;
        Ok(removed.into_iter().find(|(_, id)| *id == blob).map(|(path, _)| path))
    }

    fn commit(&mut self, id: ObjectId) -> Result<Arc<Commit>, AwsError> {
        if let Some(commit) = self.memory.commits.get(&id) {
            return Ok(commit.clone());
        }
        let read = self.git.commit(id)?.ok_or_else(|| commits::no_such_id(&id.to_string()))?;
        let commit = Arc::new(read);
        if self.memory.commits.len() >= REMEMBERED_MAX {
            self.memory.commits.clear();
        }
        self.memory.commits.insert(id, commit.clone());
        Ok(commit)
    }

    fn blob(&mut self, tree: ObjectId, path: &str) -> Result<Option<ObjectId>, AwsError> {
        let key = (tree, path.to_owned());
        if let Some(found) = self.memory.blobs.get(&key) {
            return Ok(*found);
        }
        let entry = self.git.entry_at(tree, path)?.filter(|entry| entry.mode.is_blob_or_symlink());
        let found = entry.map(|entry| entry.id);
        if self.memory.blobs.len() >= REMEMBERED_MAX {
            self.memory.blobs.clear();
        }
        self.memory.blobs.insert(key, found);
        Ok(found)
    }
}
