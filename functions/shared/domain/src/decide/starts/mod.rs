//! `on_commit`: which pipelines are owed a start.
//!
//! A start is owed when the revision's content at the tip differs from the content at the source commit of the pipeline's
//! newest execution, or was put there again since that execution ended, and the service does not run exactly these images
//! already. It is made at the tip that was read, and again where an earlier start arrived after it. What somebody else started at
//! an earlier content is left alone, and what a person forced the branch to is held first.

mod facts;
mod forced;
mod owed;
mod pipeline;

pub use facts::{Asked, StartFacts, StartsFacts};
pub use forced::{ForcedFrom, may_be_forced_from};
use owed::Owed;

use crate::decision::{Decision, DecisionKind};
use crate::facts::{DeploymentStatus, ExecutionStatus, FileFact, LastChange, RunningService, runs};
use crate::names::{ActionName, BlobId, PipelineName, RequestToken, ServiceId};
use crate::plan::{Plan, StartPipeline, Step, Then};
use crate::refusal::Refusal;
use crate::revision::RevisionFile;
use crate::text::one_line;
use crate::trailers::Trailers;
use crate::wake_up::Function;

const AUTHOR_CHARACTERS: usize = 80;

/// Which pipelines are started at the tip, and why the others are not. A service that is refused leaves the others alone.
#[must_use]
pub fn decide(facts: &StartsFacts) -> Plan {
    if facts.services.is_empty() {
        let because = "no revision.json has changed".to_owned();
        return Plan::nothing(Decision {
            service: None,
            kind: DecisionKind::Ignored,
            because,
            refusal: None,
        });
    }
    let held = forced::holds(facts);
    let others = facts.services.iter().filter(|(service, _)| held.steps_of(service).next().is_none());
    // The starts come first: they are made at the tip that was read, which the holds move, and no hold that cannot be written
    // keeps them. What is held is started by the next sweep: decided again at once, all would be started at the new tip too.
    others
        .map(|(service, read)| decide_service(facts, service, read))
        .fold(Plan::default(), Plan::and)
        .and(held)
}

fn decide_service(facts: &StartsFacts, service: &ServiceId, read: &StartFacts) -> Plan {
    let decided = |kind, because: String| Plan::nothing(Decision::of(service, kind, because));
    let refused = |refusal| Plan::nothing(Decision::refused(service, refusal));
    let FileFact::Present { blob, content } = &read.revision else {
        return decided(DecisionKind::Ignored, "its revision.json was removed".to_owned());
    };
    if let Some(because) = overtaken(read, blob) {
        return decided(DecisionKind::Overtaken, because);
    }
    let revision = match content {
        Ok(revision) => revision,
        Err(error) => return refused(Refusal::InvalidRevision(error.clone())),
    };
    let (pipeline, action) = match usable_pipeline(facts, service, read) {
        Ok(pipeline) => pipeline,
        Err(refusal) => return refused(refusal),
    };
    if let Some(because) = written_afterwards(service, read, revision) {
        return decided(DecisionKind::AlreadyRuns, because);
    }
    let why = match owed::owed(facts, read, pipeline, blob) {
        Owed::Yes(why) => why,
        Owed::First => match read.asked {
            Asked::Commit { .. } => format!("it is the first execution of {pipeline}"),
            // Towpath commits what should be deployed: if that was its commit, its start was refused or got lost.
            Asked::WakeUp if is_by_towpath(service, read, revision) => {
                format!("it is the first execution of {pipeline}, which Towpath's own commit is owed")
            }
            Asked::WakeUp => {
                let because =
                    format!("{pipeline} has no execution; a commit to its revision.json starts the first");
                return decided(DecisionKind::NeverDeployed, because);
            }
        },
        Owed::No(why) => return decided(DecisionKind::Nothing, why),
        Owed::RolledBack(why) => return decided(DecisionKind::Ignored, why),
        Owed::Undecided(why) => {
            return Plan { then: Then::LookAgain, ..decided(DecisionKind::Undecided, why) };
        }
        Owed::Refused(refusal) => return refused(refusal),
    };
    if runs_exactly(read, revision) {
        return decided(
            DecisionKind::AlreadyRuns,
            "it runs exactly these images, and nothing is rolling".to_owned(),
        );
    }
    let because = format!("{why}{}", remarks(service, read, revision));
    start(facts, (service, read), pipeline, action, because)
}

/// An event whose content is not at the tip any more starts nothing: what replaced it has its own event.
fn overtaken(read: &StartFacts, tip: &BlobId) -> Option<String> {
    match &read.asked {
        Asked::WakeUp => None,
        Asked::Commit { blob: Some(blob), .. } if blob == tip => None,
        Asked::Commit { commit, .. } => {
            Some(format!("what commit {} put there was replaced by a later commit", commit.short()))
        }
    }
}

/// The service's pipeline with its source action, if it can be used and the service exists.
fn usable_pipeline<'a>(
    facts: &StartsFacts,
    service: &ServiceId,
    read: &'a StartFacts,
) -> Result<(&'a PipelineName, ActionName), Refusal> {
    let name = read.pipeline_name.as_ref().map_err(|error| Refusal::PipelineName(error.clone()))?;
    let action = pipeline::source_action(facts, service, name, &read.pipeline)?;
    match read.runs {
        RunningService::Missing => Err(Refusal::ServiceMissing { service: service.clone() }),
        RunningService::NeverDeployed | RunningService::Deployed { .. } => Ok((name, action)),
    }
}

/// Whether the service runs exactly these images, with nothing rolling or queued that would change that.
fn runs_exactly(read: &StartFacts, revision: &RevisionFile) -> bool {
    let RunningService::Deployed { images, status } = &read.runs else { return false };
    let is_settled = match status {
        DeploymentStatus::Successful | DeploymentStatus::RollbackSuccessful => true,
        DeploymentStatus::Pending
        | DeploymentStatus::InProgress
        | DeploymentStatus::StopRequested
        | DeploymentStatus::Stopped
        | DeploymentStatus::RollbackRequested
        | DeploymentStatus::RollbackInProgress
        | DeploymentStatus::RollbackFailed => false,
    };
    // An execution that is being stopped begins no new action.
    let is_queued = read.executions.iter().any(|execution| execution.status == ExecutionStatus::InProgress);
    is_settled && !is_queued && runs(images, revision, &read.children)
}

/// Whether the commit only says what a person does in ECS: to deploy it would counter the rollback that is under way. One
/// that fails is made up for by the sweep.
fn written_afterwards(service: &ServiceId, read: &StartFacts, revision: &RevisionFile) -> Option<String> {
    let change = read.last_change.as_ref()?;
    let is_rollback = change.trailers(service, revision)?.decision == Some(DecisionKind::RolledBack);
    let noticed = Trailers::parse(&change.message).actor == Some(Function::OnDeploymentChange.to_string());
    let RunningService::Deployed { images, status } = &read.runs else { return None };
    let goes_back = match status {
        // What it goes back to is told a little later.
        DeploymentStatus::RollbackRequested => true,
        DeploymentStatus::RollbackInProgress | DeploymentStatus::RollbackSuccessful => {
            runs(images, revision, &read.children)
        }
        DeploymentStatus::Pending
        | DeploymentStatus::InProgress
        | DeploymentStatus::StopRequested
        | DeploymentStatus::Stopped
        | DeploymentStatus::Successful
        | DeploymentStatus::RollbackFailed => false,
    };
    let because = "a person rolled it back in ECS to exactly these images, and the commit only says so";
    (is_rollback && noticed && goes_back).then(|| because.to_owned())
}

/// Whether Towpath's own commit put the revision there.
fn is_by_towpath(service: &ServiceId, read: &StartFacts, revision: &RevisionFile) -> bool {
    read.last_change.as_ref().is_some_and(|change| change.trailers(service, revision).is_some())
}

/// What the record says beside the reason: a person's commit is obeyed, and recorded with what Towpath would not have done.
fn remarks(service: &ServiceId, read: &StartFacts, revision: &RevisionFile) -> String {
    let mut remarks = String::new();
    let by_hand = |change: &&LastChange| change.trailers(service, revision).is_none();
    if let Some(change) = read.last_change.as_ref().filter(by_hand) {
        remarks += &format!("; committed by hand by {}", one_line(change.who(), AUTHOR_CHARACTERS));
    }
    for entry in revision.entries() {
        let quarantined = entry
            .image
            .digest()
            .and_then(|digest| read.hold.content()?.quarantined(&entry.container, digest));
        if let Some(quarantined) = quarantined {
            let (container, reason) = (&entry.container, &quarantined.reason);
            remarks +=
                &format!("; the image of {container} is in quarantine ({reason}), and a person wants it");
        }
    }
    remarks
}

fn start(
    facts: &StartsFacts,
    (service, read): (&ServiceId, &StartFacts),
    pipeline: &PipelineName,
    source_action: ActionName,
    because: String,
) -> Plan {
    let repository = &facts.repository.name;
    let step = Step::StartPipeline(StartPipeline {
        service: service.clone(),
        pipeline: pipeline.clone(),
        source_action,
        commit: facts.tip.clone(),
        token: match owed::overtaken_by(read, &facts.tip) {
            None => RequestToken::of_start(repository, service, &facts.tip),
            Some(newer) => RequestToken::of_start_after(repository, service, &facts.tip, newer),
        },
    });
    Plan { steps: vec![step], ..Plan::nothing(Decision::of(service, DecisionKind::Started, because)) }
}

#[cfg(test)]
mod tests;
