//! The invariants that every commit of Towpath keeps.

use crate::StagedService;
use crate::model::{Author, Model, View};
use crate::observe::{Commit, digests};
use crate::violation::Violation;
use chrono::{DateTime, Utc};
use serde_json::Value;
use std::collections::BTreeSet;

/// Checks one commit that somebody made.
///
/// # Errors
/// What it breaks.
pub fn check(commit: &Commit, view: View<'_>, now: DateTime<Utc>) -> Result<(), Violation> {
    if commit.author == Author::Person {
        return Ok(());
    }
    let is_own = |path: &&String| path.ends_with("/revision.json") || path.ends_with("/hold.json");
    if let Some(path) = commit.paths.iter().find(|path| !is_own(path)) {
        return broken(9, commit, format!("it changes {path}, which is not Towpath's"));
    }
    if let Some(path) = commit.paths.iter().find(|path| !commit.after.files.contains_key(*path)) {
        return broken(10, commit, format!("it deletes {path}"));
    }
    let services: BTreeSet<&str> =
        commit.paths.iter().filter_map(|path| path.rsplit_once('/').map(|(service, _)| service)).collect();
    for name in services {
        let services = view.environment.services();
        let Some(service) = services.iter().copied().find(|service| service.id() == name) else {
            return broken(9, commit, format!("{name} is no service"));
        };
        let Some(decision) = commit.decision(name) else {
            return broken(1, commit, format!("no trailer says what was decided about {name}"));
        };
        quarantine_stays(commit, service, decision)?;
        if commit.paths.contains(&format!("{name}/revision.json")) {
            match decision {
                "moved" => moved(commit, service, view, now)?,
                "reverted" => reverted(commit, service, view.model)?,
                "rolled_back" => rolled_back(commit, service, view)?,
                other => return broken(3, commit, format!("{name}'s revision was changed by {other}")),
            }
        }
    }
    Ok(())
}

fn broken(invariant: u8, commit: &Commit, mut what: String) -> Result<(), Violation> {
    let subject = commit.message.lines().next().unwrap_or_default();
    let id = commit.id.get(..8).unwrap_or_default();
    what.insert_str(0, &format!("commit {id} ({subject}): "));
    Err(Violation { invariant, what })
}

/// Whoever is in quarantine stays there until a person releases it.
fn quarantine_stays(commit: &Commit, service: StagedService, decision: &str) -> Result<(), Violation> {
    if decision == "released" {
        return Ok(());
    }
    for container in service.containers {
        let after = commit.after.quarantine(&service.id(), container);
        let before = commit.before.quarantine(&service.id(), container);
        if let Some(digest) = before.iter().find(|digest| !after.contains(digest)) {
            return broken(3, commit, format!("{digest} leaves the quarantine of {container} by {decision}"));
        }
    }
    Ok(())
}

/// An automatic move: to what the rules select, forward, and past no person and no hold.
fn moved(
    commit: &Commit,
    service: StagedService,
    view: View<'_>,
    now: DateTime<Utc>,
) -> Result<(), Violation> {
    let id = service.id();
    let hold = HoldState::of(commit, service, view, now);
    if hold == HoldState::Counts {
        return broken(3, commit, format!("{id} moves although its hold counts"));
    }
    if commit.before.changed_by.get(&id) == Some(&Author::Person) && hold != HoldState::Lifted {
        return broken(3, commit, format!("{id} moves away from what a person put there"));
    }
    if let Some(tip) = commit.before.rolled_back.get(&id)
        && (service.application.is_none() || view.deeds.application_tip() == Some(tip))
        && hold != HoldState::Lifted
    {
        return broken(3, commit, format!("{id} moves although it was rolled back and not released"));
    }
    for container in service.containers {
        let Some(digest) = commit.after.digest(&id, container) else {
            return broken(1, commit, format!("{container} has no digest"));
        };
        let before = commit.before.digest(&id, container);
        if before.as_ref() == Some(&digest) {
            continue;
        }
        if commit.before.quarantine(&id, container).contains(&digest) {
            return broken(3, commit, format!("{container} moves to {digest}, which is in quarantine"));
        }
        in_order(commit, service, container, view, (before, digest))?;
    }
    Ok(())
}

fn in_order(
    commit: &Commit,
    service: StagedService,
    container: &str,
    view: View<'_>,
    (before, digest): (Option<String>, String),
) -> Result<(), Violation> {
    let model = view.model;
    let Some(image) = model.image(container, &digest) else {
        return broken(1, commit, format!("nobody pushed {digest} to {container}"));
    };
    if service.application.is_some() {
        let was_tip = view.deeds.application_tips.iter().any(|(tip, _)| *tip == image.tag);
        return if was_tip {
            Ok(())
        } else {
            broken(2, commit, format!("{container} moves to the build of {}, which was no tip", image.tag))
        };
    }
    let Some(place) = model.place(container, &digest) else {
        return broken(2, commit, format!("{container} moves to {}, which its rule leaves out", image.tag));
    };
    let before = before.and_then(|before| model.place(container, &before));
    if before.is_some_and(|before| before > place) {
        return broken(2, commit, format!("{container} moves back to {}", image.tag));
    }
    Ok(())
}

/// A revert: to content that was there before, from images that are bad, which are in quarantine from then on.
fn reverted(commit: &Commit, service: StagedService, model: &Model) -> Result<(), Violation> {
    let id = service.id();
    if commit.before.changed_by.get(&id) == Some(&Author::Person) {
        return broken(3, commit, format!("{id} is reverted from what a person put there"));
    }
    let text = commit.after.revision(&id).map(|file| file.text.clone()).unwrap_or_default();
    let contents = commit.contents.get(&id);
    if !contents.is_some_and(|contents| contents.contains(&text)) {
        return broken(2, commit, format!("{id} is reverted to a content that it never had"));
    }
    let before = commit.before.revision(&id).map(|file| digests(&file.text)).unwrap_or_default();
    let after = digests(&text);
    let left: Vec<_> =
        before.iter().filter(|(container, digest)| after.get(*container) != Some(*digest)).collect();
    if left.iter().all(|(_, digest)| model.is_good(digest)) {
        return broken(3, commit, format!("{id} is reverted, and nothing of it is bad"));
    }
    for (container, digest) in left {
        if !commit.after.quarantine(&id, container).contains(digest) {
            return broken(3, commit, format!("{digest} is left without a quarantine"));
        }
    }
    Ok(())
}

/// A rollback: asked for, and with the hold of what it puts there.
fn rolled_back(commit: &Commit, service: StagedService, view: View<'_>) -> Result<(), Violation> {
    let id = service.id();
    if !view.deeds.rollbacks.contains(&id) {
        return broken(2, commit, format!("nobody asked to roll {id} back"));
    }
    let blob = commit.after.revision(&id).map(|file| file.blob.clone()).unwrap_or_default();
    if text(&commit.after.hold(&id), "/hold/revision") != blob {
        return broken(3, commit, format!("{id} is rolled back without a hold"));
    }
    Ok(())
}

/// How a hold stands to the revision that it was put on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HoldState {
    Counts,
    Lifted,
    No,
}

impl HoldState {
    /// The state before a commit. An application that has moved since the hold may have lifted it.
    fn of(commit: &Commit, service: StagedService, view: View<'_>, now: DateTime<Utc>) -> Self {
        let id = service.id();
        let blob = commit.before.revision(&id).map(|file| file.blob.clone());
        Self::at(&commit.before.hold(&id), blob.as_deref(), view, now)
    }

    pub(crate) fn at(file: &Value, blob: Option<&str>, view: View<'_>, now: DateTime<Utc>) -> Self {
        if file.get("hold").is_none() || blob != Some(&text(file, "/hold/revision")) {
            return Self::No;
        }
        let named = text(file, "/hold/application_commit");
        let held_at = text(file, "/hold/at").parse::<DateTime<Utc>>().unwrap_or(now);
        let moved_since = view.deeds.application_tips.iter().any(|(_, at)| *at >= held_at);
        let tip = view.deeds.application_tip();
        if !named.is_empty() && (tip != Some(&named) || moved_since) {
            return Self::Lifted;
        }
        match text(file, "/hold/until").parse::<DateTime<Utc>>() {
            Ok(until) if until <= now => Self::Lifted,
            _ => Self::Counts,
        }
    }
}

fn text(value: &Value, pointer: &str) -> String {
    crate::observe::text(value, pointer)
}
