//! Differences between two commits. A renamed file is one deleted and one added: AWS documents no rename
//! detection here.

use super::git::{Commit, Git};
use super::repositories::Opened;
use super::{checks, pages, specifiers};
use crate::caller::Caller;
use crate::error::AwsError;
use crate::world::World;
use gix::ObjectId;
use gix::objs::tree::EntryMode;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// How many differences a page has when nobody says; AWS does not publish its number.
const DIFFERENCES_PER_PAGE: usize = 100;
/// How many differences a page may have; AWS does not publish its number.
const DIFFERENCES_PER_PAGE_MAX: usize = 1000;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct GetInput {
    repository_name: Option<String>,
    before_commit_specifier: Option<String>,
    after_commit_specifier: Option<String>,
    before_path: Option<String>,
    after_path: Option<String>,
    #[serde(rename = "MaxResults")]
    max_results: Option<i64>,
    #[serde(rename = "NextToken")]
    next_token: Option<String>,
}

pub(super) fn get(world: &mut World, caller: &Caller, input: GetInput) -> Result<Value, AwsError> {
    let after =
        checks::required(input.after_commit_specifier, "CommitRequiredException", "afterCommitSpecifier")?;
    let size = checks::max_results(input.max_results, DIFFERENCES_PER_PAGE, DIFFERENCES_PER_PAGE_MAX)?;
    let before_path = input.before_path.map(|path| checks::folder_path(Some(path))).transpose()?;
    let after_path = input.after_path.map(|path| checks::folder_path(Some(path))).transpose()?;
    let opened = Opened::allowed(world, caller, "GetDifferences", input.repository_name, None)?;
    let after = specifiers::resolve(world, &opened, Some(&after))?;
    let before = input
        .before_commit_specifier
        .as_deref()
        .map(|specifier| specifiers::resolve(world, &opened, Some(specifier)))
        .transpose()?;
    let git = &opened.git;
    check_path(git, before.as_ref(), before_path.as_deref())?;
    check_path(git, Some(&after), after_path.as_deref())?;
    // One path alone is meant on both sides.
    let after_path_or = after_path.as_deref().or(before_path.as_deref()).unwrap_or("");
    let before_path_or = before_path.as_deref().or(after_path.as_deref()).unwrap_or("");
    let listing = format!(
        "GetDifferences {} {:?} {} {before_path_or} {after_path_or}",
        opened.name,
        before.as_ref().map(|commit| commit.id.to_string()),
        after.id,
    );
    let offset = pages::offset(&listing, input.next_token.as_deref())?;
    let before_side = before.map(|commit| side(git, &commit, before_path_or)).transpose()?.flatten();
    let after_side = side(git, &after, after_path_or)?;
    let mut differences = Vec::new();
    compare(git, before_side, after_side, &mut differences)?;
    let shown: Vec<Value> = differences.iter().map(Difference::shown).collect();
    Ok(pages::page(&listing, shown, offset, size).answer_with_token("differences", "NextToken"))
}

/// A path that the request names for a commit must be there.
fn check_path(git: &Git, commit: Option<&Commit>, path: Option<&str>) -> Result<(), AwsError> {
    let (Some(commit), Some(path)) = (commit, path) else { return Ok(()) };
    match side(git, commit, path)? {
        Some(_) => Ok(()),
        None => Err(AwsError::new(
            "PathDoesNotExistException",
            format!("there is no {path} at commit {}", commit.id),
        )),
    }
}

/// A file or folder of one commit.
#[derive(Debug, Clone, PartialEq)]
struct Side {
    path: String,
    mode: EntryMode,
    id: ObjectId,
}

/// A file that differs, as it was and as it is.
struct Difference {
    before: Option<Side>,
    after: Option<Side>,
}

impl Difference {
    fn shown(&self) -> Value {
        let blob = |side: &Side| json!({ "blobId": side.id.to_string(), "path": side.path, "mode": format!("{:06o}", side.mode.value()) });
        match (&self.before, &self.after) {
            (Some(before), Some(after)) => {
                json!({ "changeType": "M", "beforeBlob": blob(before), "afterBlob": blob(after) })
            }
            (Some(before), None) => json!({ "changeType": "D", "beforeBlob": blob(before) }),
            (None, Some(after)) => json!({ "changeType": "A", "afterBlob": blob(after) }),
            (None, None) => json!({}),
        }
    }
}

fn side(git: &Git, commit: &Commit, path: &str) -> Result<Option<Side>, AwsError> {
    if path.is_empty() {
        let mode = gix::objs::tree::EntryKind::Tree.into();
        return Ok(Some(Side { path: String::new(), mode, id: commit.tree }));
    }
    let entry = git.entry_at(commit.tree, path)?;
    Ok(entry.map(|entry| Side { path: path.to_owned(), mode: entry.mode, id: entry.id }))
}

/// Goes down both sides at once, in the order of names; equal folders are not opened.
fn compare(
    git: &Git,
    before: Option<Side>,
    after: Option<Side>,
    differences: &mut Vec<Difference>,
) -> Result<(), AwsError> {
    if let (Some(before), Some(after)) = (&before, &after)
        && before.id == after.id
        && before.mode == after.mode
    {
        return Ok(());
    }
    let (before_children, after_children) = (children(git, before.as_ref())?, children(git, after.as_ref())?);
    let file = |side: Option<Side>| side.filter(|side| !side.mode.is_tree());
    let (before, after) = (file(before), file(after));
    if before.is_some() || after.is_some() {
        differences.push(Difference { before, after });
    }
    let names: std::collections::BTreeSet<&String> =
        before_children.keys().chain(after_children.keys()).collect();
    for name in names {
        compare(git, before_children.get(name).cloned(), after_children.get(name).cloned(), differences)?;
    }
    Ok(())
}

fn children(git: &Git, side: Option<&Side>) -> Result<BTreeMap<String, Side>, AwsError> {
    let Some(folder) = side.filter(|side| side.mode.is_tree()) else { return Ok(BTreeMap::new()) };
    let path = |name: &str| match folder.path.as_str() {
        "" => name.to_owned(),
        path => format!("{path}/{name}"),
    };
    let entries = git.tree(folder.id)?.into_iter();
    let side = |entry: super::git::Entry| {
        let path = path(&entry.name);
        (entry.name, Side { path, mode: entry.mode, id: entry.id })
    };
    Ok(entries.map(side).collect())
}

/// The files that a commit has and a later one no longer has: path and content.
pub(super) fn removed(
    git: &Git,
    before: &Commit,
    after: &Commit,
) -> Result<Vec<(String, ObjectId)>, AwsError> {
    let mut differences = Vec::new();
    compare(git, side(git, before, "")?, side(git, after, "")?, &mut differences)?;
    let gone = differences.into_iter().filter(|difference| difference.after.is_none());
    Ok(gone.filter_map(|difference| difference.before).map(|side| (side.path, side.id)).collect())
}
