//! A forced push: the new tip is the truth. It is announced with both ids, and what people had held or put into quarantine
//! at the old tip is written again, since nobody asked to lose it.

use std::collections::BTreeMap;

use crate::decision::{Decision, DecisionKind};
use crate::facts::{ApplicationTip, DeploymentRepository, FileFact, HoldFact};
use crate::hold::{Hold, HoldFile, HoldState, Quarantined};
use crate::names::{BlobId, CommitId, EnvironmentName, EventId, ServiceId};
use crate::plan::{CommitFiles, FileContent, MAXIMUM_FILES, Notification, Plan, Step, Then};
use crate::refusal::Refusal;
use crate::text::one_line;
use crate::time::Timestamp;
use crate::trailers::{CommitMessage, ServiceTrailers, Trailers};
use crate::wake_up::Function;

const WHO_CHARACTERS: usize = 200;

/// Everything that follows from a forced push depends on this.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForcedFacts {
    /// When it was read.
    pub now: Timestamp,
    /// The environment that this is.
    pub environment: EnvironmentName,
    /// The event that told of it.
    pub event: EventId,
    /// The deployment repository.
    pub repository: DeploymentRepository,
    /// What its branch pointed to before.
    pub old: CommitId,
    /// What it was forced to.
    pub new: CommitId,
    /// Who did it, as AWS tells.
    pub by: Option<String>,
    /// The commit at which the files were read.
    pub tip: CommitId,
    /// The services of which the old tip and the new say something else.
    pub services: BTreeMap<ServiceId, ForcedService>,
}

/// What is read of one service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForcedService {
    /// Whether rules name it: others move by themselves in no case.
    pub has_rules: bool,
    /// The tip of its application.
    pub application: ApplicationTip,
    /// Its files at the old tip.
    pub old: ForcedFiles,
    /// Its files at the commit that the branch was forced to.
    pub new: ForcedFiles,
    /// Its files at the tip.
    pub tip: ForcedFiles,
    /// Whether a commit for this very event has written its holds again before.
    pub is_written: bool,
}

/// The files of a service at one commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForcedFiles {
    /// The id of its `revision.json`, if it is there.
    pub revision: Option<BlobId>,
    /// Its `hold.json`.
    pub hold: HoldFact,
}

/// What is announced, and what is written again.
#[must_use]
pub fn decide(facts: &ForcedFacts) -> Plan {
    let what = what_happened(facts);
    let because = format!("{what}; the new tip is the truth");
    let announced = Decision { service: None, kind: DecisionKind::ByHand, because, refusal: None };
    let mut plan = Plan::nothing(announced);
    let mut written: Vec<(ServiceId, FileContent)> = Vec::new();
    for (service, read) in &facts.services {
        match again(read, &what, facts.now) {
            Ok(Some(file)) => written.push((service.clone(), hold_file(service, &file))),
            Ok(None) => {}
            Err(refusal) => plan.decisions.push(Decision::refused(service, refusal)),
        }
        // Later than this, it is an event that came late or twice.
        if facts.tip == facts.new {
            plan.steps.push(Step::Notify(notification(&facts.environment, service, &what)));
        }
    }
    let then = if written.len() > MAXIMUM_FILES { Then::DecideAgain } else { Then::Done };
    written.truncate(MAXIMUM_FILES);
    if !written.is_empty() {
        for (service, _) in &written {
            let because = "what was held or in quarantine before the forced push is written again";
            plan.decisions.push(Decision::of(service, DecisionKind::Held, because));
        }
        // The commit comes first: a notification that fails must not keep it from being made.
        let said = (vec![what], vec![facts.event.clone()]);
        let commit = commit_files(&facts.repository, &facts.tip, said, written);
        plan.steps.insert(0, Step::CommitFiles(commit));
    }
    Plan { then, ..plan }
}

fn what_happened(facts: &ForcedFacts) -> String {
    let DeploymentRepository { name, branch } = &facts.repository;
    let by = facts.by.as_deref().map_or_else(|| "somebody".to_owned(), |by| one_line(by, WHO_CHARACTERS));
    format!("{by} forced {branch} of {name} from {} to {}", facts.old, facts.new)
}

/// A service's `hold.json` with what the forced push took out of it; none if nothing is missing, or it was written again
/// before: what was released later does not come back with a late event.
pub(super) fn again(read: &ForcedService, what: &str, now: Timestamp) -> Result<Option<HoldFile>, Refusal> {
    let ForcedService { has_rules, application, old, new, tip, is_written } = read;
    if *is_written {
        return Ok(None);
    }
    if let FileFact::Present { content: Err(error), .. } = &tip.hold {
        return Err(Refusal::InvalidHold(error.clone()));
    }
    let present = tip.hold.content().cloned().unwrap_or_default();
    let before = old.hold.content().cloned().unwrap_or_default();
    // What the forced push left is anybody's to change since.
    let left = new.hold.content().cloned().unwrap_or_default();
    let is_lost = |image: &Quarantined| left.quarantined(&image.container, &image.digest).is_none();
    let mut file = present.with_quarantined(before.quarantine.into_iter().filter(is_lost));
    let counts = |hold: &Hold| {
        let state = tip.revision.as_ref().map(|revision| hold.state(revision, application.commit(), now));
        state == Some(HoldState::Counts)
    };
    // Somebody held it, or released it, since the push: that was a later act than the push.
    let is_decided =
        |hold: &Hold| tip.revision.as_ref() == Some(&hold.revision) && left.hold.as_ref() != Some(hold);
    if !file.hold.as_ref().is_some_and(|hold| counts(hold) || is_decided(hold)) {
        let forced = tip.revision.as_ref().filter(|revision| {
            *has_rules && old.revision.as_ref() != Some(*revision) && new.revision.as_ref() == Some(*revision)
        });
        let held = before
            .hold
            .filter(|hold| counts(hold) && left.hold.as_ref() != Some(hold))
            .or_else(|| forced.map(|revision| by_force(revision, application, what, now)));
        file.hold = held.or(file.hold);
    }
    Ok((file != present).then_some(file))
}

/// The hold of a revision that a person forced the branch back, or on, to. Its commit may bear Towpath's trailers, and would
/// not be known for a person's act without this.
fn by_force(revision: &BlobId, application: &ApplicationTip, what: &str, now: Timestamp) -> Hold {
    Hold {
        revision: revision.clone(),
        application_commit: application.commit().cloned(),
        reason: what.to_owned(),
        by: Function::OnCommit.to_string(),
        at: now,
        until: None,
    }
}

pub(super) fn hold_file(service: &ServiceId, file: &HoldFile) -> FileContent {
    FileContent { path: service.hold_path(), text: file.text() }
}

pub(super) fn commit_files(
    repository: &DeploymentRepository,
    tip: &CommitId,
    (body, events): (Vec<String>, Vec<EventId>),
    written: Vec<(ServiceId, FileContent)>,
) -> CommitFiles {
    let trailers = |service: &ServiceId| ServiceTrailers {
        service: service.clone(),
        decision: Some(DecisionKind::Held),
        approved_by: Vec::new(),
        containers: Vec::new(),
    };
    let services = written.iter().map(|(service, _)| trailers(service)).collect();
    CommitFiles {
        repository: repository.name.clone(),
        branch: repository.branch.clone(),
        parent: tip.clone(),
        files: written.into_iter().map(|(_, file)| file).collect(),
        message: CommitMessage {
            subject: "Holds written again after a forced push".to_owned(),
            body,
            trailers: Trailers { actor: Some(Function::OnCommit.to_string()), events, services },
        },
    }
}

pub(super) fn notification(environment: &EnvironmentName, service: &ServiceId, what: &str) -> Notification {
    let subject = format!("{environment} {service}: the deployment branch was forced");
    let text = format!(
        "{what}. What the new tip says of {service} is the truth now, and differs from what the old one said."
    );
    Notification { service: service.clone(), subject, text }
}

#[cfg(test)]
mod tests;
