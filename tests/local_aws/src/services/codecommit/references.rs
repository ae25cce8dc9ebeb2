//! Branches and tags: where they really are, where they were when last announced, and the events that say
//! so. `git push` changes references on disk while nobody holds the world, so every write first announces
//! what a push has done meanwhile, and only then does its own.

use super::git::Swap;
use super::repositories::Opened;
use crate::caller::Caller;
use crate::error::AwsError;
use crate::services::events::{self, ServiceEvent};
use crate::world::World;
use gix::ObjectId;
use serde_json::json;
use std::collections::BTreeMap;

/// Announces every difference between the references on disk and the ones announced last, as done by
/// whoever is pushing. (Nobody: somebody changed the folder by hand, or the local accounts ended in a push.)
pub(super) fn reconcile(world: &mut World, opened: &Opened) -> Result<(), AwsError> {
    let real = opened.git.references()?;
    let repository = opened.repository(world)?;
    let announced: BTreeMap<String, ObjectId> = repository
        .announced
        .iter()
        .filter_map(|(name, id)| Some((name.clone(), ObjectId::from_hex(id.as_bytes()).ok()?)))
        .collect();
    if real == announced {
        return Ok(());
    }
    let pusher = repository.pusher.clone().unwrap_or_else(|| Caller::administrator(&opened.account).arn());
    let names: std::collections::BTreeSet<&String> = real.keys().chain(announced.keys()).collect();
    for name in names {
        let (old, new) = (announced.get(name).copied(), real.get(name).copied());
        if old != new {
            announce(world, opened, name, old, new, &pusher)?;
        }
    }
    choose_default_branch(world, opened, &real)
}

/// Moves a branch from exactly `expected` to `new` and announces it.
pub(super) fn swap_branch(
    world: &mut World,
    opened: &Opened,
    branch: &str,
    expected: Option<ObjectId>,
    new: Option<ObjectId>,
    caller_arn: &str,
) -> Result<Swap, AwsError> {
    reconcile(world, opened)?;
    let name = format!("refs/heads/{branch}");
    let swap = opened.git.swap_reference(&name, expected, new)?;
    if swap == Swap::Done {
        announce(world, opened, &name, expected, new, caller_arn)?;
        if opened.repository(world)?.default_branch.is_none() {
            let real = opened.git.references()?;
            choose_default_branch(world, opened, &real)?;
        }
    }
    Ok(swap)
}

/// The first branch becomes the default one; of several that came with one push, `main` or else the first
/// by name. (AWS does not say which.)
fn choose_default_branch(
    world: &mut World,
    opened: &Opened,
    real: &BTreeMap<String, ObjectId>,
) -> Result<(), AwsError> {
    let mut branches: Vec<&str> = real.keys().filter_map(|name| name.strip_prefix("refs/heads/")).collect();
    branches.sort_by_key(|name| (*name != "main", *name));
    let repository = opened.repository_mut(world)?;
    if let (None, Some(first)) = (&repository.default_branch, branches.first()) {
        opened.git.set_head(first)?;
        repository.default_branch = Some((*first).to_owned());
    }
    Ok(())
}

/// Emits `CodeCommit Repository State Change` for one reference and remembers where it is now.
fn announce(
    world: &mut World,
    opened: &Opened,
    full_name: &str,
    old: Option<ObjectId>,
    new: Option<ObjectId>,
    caller_arn: &str,
) -> Result<(), AwsError> {
    let now = world.now();
    let repository = opened.repository_mut(world)?;
    match new {
        Some(id) => repository.announced.insert(full_name.to_owned(), id.to_string()),
        None => repository.announced.remove(full_name),
    };
    repository.modified = now;
    let (kind, short_name) = match full_name.strip_prefix("refs/tags/") {
        Some(name) => ("tag", name),
        None => ("branch", full_name.strip_prefix("refs/heads/").unwrap_or(full_name)),
    };
    let event = match (old, new) {
        (None, _) => "referenceCreated",
        (Some(_), Some(_)) => "referenceUpdated",
        (Some(_), None) => "referenceDeleted",
    };
    let mut detail = json!({
        "event": event,
        "repositoryName": opened.name,
        "repositoryId": repository.id,
        "referenceType": kind,
        "referenceName": short_name,
        "referenceFullName": full_name,
        "callerUserArn": caller_arn,
    });
    if let Some(members) = detail.as_object_mut() {
        members.extend(new.map(|id| ("commitId".to_owned(), json!(id.to_string()))));
        members.extend(old.map(|id| ("oldCommitId".to_owned(), json!(id.to_string()))));
    }
    let event = ServiceEvent {
        source: "aws.codecommit".to_owned(),
        detail_type: "CodeCommit Repository State Change".to_owned(),
        resources: vec![world.arn("codecommit", &opened.account, &opened.name)],
        detail,
    };
    events::emit(world, &opened.account, event);
    Ok(())
}
