//! One commit for all services that change, as far as one commit reaches.

use super::{Change, Decided, RevisionsFacts};
use crate::plan::{CommitFiles, CopyImage, MAXIMUM_COMMIT_BYTES, MAXIMUM_FILES, Plan, Step, Then};
use crate::trailers::{CommitMessage, Trailers};

/// The plan of what was decided. Services whose files do not fit any more are left out with their decisions: they are
/// decided again at the commit that this one makes.
pub(super) fn plan(facts: &RevisionsFacts, decided: Vec<Decided>) -> Plan {
    let mut plan = Plan::default();
    let mut changes: Vec<Change> = Vec::new();
    let mut copies: Vec<CopyImage> = Vec::new();
    for Decided { tags, change, copies: own_copies, then, decisions } in decided {
        if let Some(change) = change {
            if !fits(&changes, &change) {
                plan.then = Then::DecideAgain;
                continue;
            }
            changes.push(change);
        }
        if then == Then::DecideAgain {
            plan.then = then;
        }
        plan.steps.extend(tags.into_iter().map(Step::TagImage));
        own_copies.into_iter().for_each(|copy| join(&mut copies, copy));
        plan.decisions.extend(decisions);
    }
    if !changes.is_empty() {
        plan.steps.push(Step::CommitFiles(commit(facts, changes)));
    }
    // A copy can take long; what needs none does not wait for it.
    plan.steps.extend(copies.into_iter().map(Step::CopyImage));
    plan
}

/// Several services with one image: one copy.
fn join(copies: &mut Vec<CopyImage>, copy: CopyImage) {
    let is_same = |other: &&mut CopyImage| {
        (&other.from, &other.to, &other.digest) == (&copy.from, &copy.to, &copy.digest)
    };
    match copies.iter_mut().find(is_same) {
        Some(other) => other.services.extend(copy.services),
        None => copies.push(copy),
    }
}

fn fits(changes: &[Change], change: &Change) -> bool {
    let files = || changes.iter().chain([change]).flat_map(|change| &change.files);
    files().count() <= MAXIMUM_FILES
        && files().map(|file| file.text.len()).sum::<usize>() <= MAXIMUM_COMMIT_BYTES
}

fn commit(facts: &RevisionsFacts, changes: Vec<Change>) -> CommitFiles {
    let (mut headlines, mut files, mut services) = (Vec::new(), Vec::new(), Vec::new());
    for Change { headline, files: own, trailers } in changes {
        headlines.push(headline);
        files.extend(own);
        services.push(trailers);
    }
    let trailers = Trailers { actor: Some(facts.actor.to_string()), events: facts.events.clone(), services };
    CommitFiles {
        repository: facts.repository.name.clone(),
        branch: facts.repository.branch.clone(),
        parent: facts.tip.clone(),
        files,
        message: CommitMessage::of_services(&headlines, trailers),
    }
}
