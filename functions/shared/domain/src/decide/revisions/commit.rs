//! One commit for all services that change, as far as one commit reaches.

use super::{Change, Decided, RevisionsFacts};
use crate::plan::{CommitFiles, MAXIMUM_COMMIT_BYTES, MAXIMUM_FILES, Plan, Step, Then};
use crate::trailers::{CommitMessage, Trailers};

/// How many services a subject names.
const NAMED_SERVICES: usize = 3;

/// The plan of what was decided. Services whose files do not fit any more are left out with their decisions: they are
/// decided again at the commit that this one makes.
pub(super) fn plan(facts: &RevisionsFacts, decided: Vec<Decided>) -> Plan {
    let mut plan = Plan::default();
    let mut changes: Vec<Change> = Vec::new();
    for Decided { change, decisions } in decided {
        if let Some(change) = change {
            if !fits(&changes, &change) {
                plan.then = Then::DecideAgain;
                continue;
            }
            changes.push(change);
        }
        plan.decisions.extend(decisions);
    }
    if !changes.is_empty() {
        plan.steps.push(Step::CommitFiles(commit(facts, changes)));
    }
    plan
}

fn fits(changes: &[Change], change: &Change) -> bool {
    let files = || changes.iter().chain([change]).flat_map(|change| &change.files);
    files().count() <= MAXIMUM_FILES
        && files().map(|file| file.text.len()).sum::<usize>() <= MAXIMUM_COMMIT_BYTES
}

fn commit(facts: &RevisionsFacts, changes: Vec<Change>) -> CommitFiles {
    let lines: Vec<String> =
        changes.iter().map(|change| format!("{}: {}", change.service, change.headline)).collect();
    let (subject, body) = match lines.as_slice() {
        [only] => (only.clone(), Vec::new()),
        _ => (subject(&changes), lines),
    };
    let (files, services) = changes.into_iter().map(|change| (change.files, change.trailers)).unzip();
    let files: Vec<Vec<_>> = files;
    let trailers = Trailers { actor: Some(facts.actor.to_string()), events: facts.events.clone(), services };
    CommitFiles {
        repository: facts.repository.name.clone(),
        branch: facts.repository.branch.clone(),
        parent: facts.tip.clone(),
        files: files.into_iter().flatten().collect(),
        message: CommitMessage { subject, body, trailers },
    }
}

fn subject(changes: &[Change]) -> String {
    let named: Vec<String> =
        changes.iter().take(NAMED_SERVICES).map(|change| change.service.to_string()).collect();
    let more = if changes.len() > NAMED_SERVICES { ", …" } else { "" };
    format!("{} services: {}{more}", changes.len(), named.join(", "))
}
