//! A deployment that went wrong: told, and where the rules say so and nobody did anything since, put right.

use super::OutcomeFacts;
use super::belongs::Deployed;
use super::cause::{Cause, Fault, cause};
use super::healthy::{OwnImage, differing, is_quarantined_in_git, last_healthy, own_images};
use super::revert::{self, Remedy};
use super::{by_hand, tell};
use crate::decision::{Decision, DecisionKind};
use crate::facts::{Deployment, FileFact, RulesOfService};
use crate::hold::HoldState;
use crate::plan::{Plan, Then};
use crate::refusal::Refusal;
use crate::rules::OnFailure;

/// So many services may be reverted within ten minutes before a person must look: more of them fail together for a reason
/// that no image has.
pub const MAXIMUM_RECENT_REVERTS: usize = 5;

pub(super) fn failed(facts: &OutcomeFacts, deployment: &Deployment, deployed: &Deployed<'_>) -> Plan {
    let cause = cause(deployment.reason.as_deref(), &facts.stopped_tasks, &facts.messages);
    match cause.fault {
        Fault::Person => by_hand::rolled_back_in_ecs(facts, deployed, &cause.sentence),
        Fault::Environment => {
            let because = format!("{}; this is not the image's fault, so git stays as it is", cause.sentence);
            only_told(facts, deployed, None, &because)
        }
        // What stopped it may be what git says now.
        Fault::Unknown if !super::is_current(facts, deployed) => {
            super::overtaken(facts, deployed, &cause.sentence)
        }
        Fault::Unknown => {
            let because = format!(
                "{}; nobody knows whether it is the image's fault, so git stays as it is",
                cause.sentence
            );
            only_told(facts, deployed, None, &because)
        }
        Fault::Image => by_image(facts, deployed, &cause),
    }
}

fn by_image(facts: &OutcomeFacts, deployed: &Deployed<'_>, cause: &Cause) -> Plan {
    let known: Vec<OwnImage<'_>> = own_images(facts, deployed.revision)
        .into_iter()
        .filter(|image| is_quarantined_in_git(facts, image))
        .collect();
    if !known.is_empty() {
        return revert::finish(facts, deployed, cause, &known);
    }
    let remedy = match remedy(facts, deployed) {
        Ok(remedy) => remedy,
        Err(Obstacle::Refused(refusal)) => return only_told(facts, deployed, Some(refusal), &cause.sentence),
        Err(Obstacle::NotAsked(why)) => {
            return only_told(facts, deployed, None, &format!("{}; {why}", cause.sentence));
        }
    };
    if remedy.bad.is_empty() {
        let because = format!(
            "{}; its images are those of the last healthy revision, so git stays as it is",
            cause.sentence
        );
        return only_told(facts, deployed, None, &because);
    }
    revert::remedy(facts, deployed, cause, &remedy)
}

/// Why nothing is put right.
enum Obstacle {
    /// A person has to do something.
    Refused(Refusal),
    /// It is not wanted.
    NotAsked(&'static str),
}

/// What is to be done, or why nothing is.
fn remedy<'a>(facts: &'a OutcomeFacts, deployed: &Deployed<'a>) -> Result<Remedy<'a>, Obstacle> {
    let on_failure = match facts.rules.of_service(&facts.service) {
        RulesOfService::Named(rules) => rules.on_failure,
        // A service without rules is deployed and can be rolled back; nothing else is done to it.
        RulesOfService::NotNamed => OnFailure::Notify,
        RulesOfService::Invalid(error) => {
            return Err(Obstacle::Refused(Refusal::InvalidRules(error.clone())));
        }
    };
    if on_failure == OnFailure::Notify {
        return Err(Obstacle::NotAsked("its rules ask only to be told"));
    }
    nobody_decided_otherwise(facts, deployed)?;
    if let FileFact::Present { content: Err(error), .. } = &facts.hold {
        return Err(Obstacle::Refused(Refusal::InvalidHold(error.clone())));
    }
    if is_held(facts) {
        return Err(Obstacle::NotAsked("a hold keeps its revision where it is"));
    }
    if facts.recent_reverts >= MAXIMUM_RECENT_REVERTS {
        return Err(Obstacle::Refused(Refusal::TooManyReverts { count: facts.recent_reverts }));
    }
    let healthy = last_healthy(facts, deployed.revision);
    let bad = match (healthy, facts.earlier.first()) {
        (Some(healthy), _) => differing(facts, deployed.revision, &healthy.file),
        // Nothing healthy is known: what is new is what is bad.
        (None, Some(before)) => differing(facts, deployed.revision, &before.file),
        (None, None) => own_images(facts, deployed.revision),
    };
    Ok(Remedy { on_failure, healthy, bad })
}

/// Whether a hold names the revision at the tip and has not ended. Which commit its application is at does not matter
/// here: to leave the revision where it is undoes nobody's act.
fn is_held(facts: &OutcomeFacts) -> bool {
    let hold = facts.hold.content().and_then(|file| file.hold.as_ref());
    hold.zip(facts.revision.blob())
        .is_some_and(|(hold, blob)| hold.state(blob, None, facts.now) == HoldState::Counts)
}

/// Only what Towpath itself moved, and nobody touched since, is put right by Towpath; and nothing that was itself put back.
fn nobody_decided_otherwise(facts: &OutcomeFacts, deployed: &Deployed<'_>) -> Result<(), Obstacle> {
    let Some(change) = &facts.last_change else {
        return Err(Obstacle::Refused(Refusal::PersonCommitted { commit: deployed.commit.clone() }));
    };
    let current = facts.revision.content();
    let Some(trailers) = current.and_then(|revision| change.trailers(&facts.service, revision)) else {
        return Err(Obstacle::Refused(Refusal::PersonCommitted { commit: change.commit.clone() }));
    };
    if facts.revision.blob() != Some(deployed.blob) {
        // Towpath has moved on to something newer, whose outcome is told in its turn.
        return Err(Obstacle::NotAsked("git has moved on to another revision since"));
    }
    match trailers.decision {
        Some(DecisionKind::Reverted | DecisionKind::RolledBack) => {
            Err(Obstacle::Refused(Refusal::RevertFailed { commit: change.commit.clone() }))
        }
        Some(_) | None => Ok(()),
    }
}

/// An execution that failed on its own way: no image is at fault, since none was tried.
pub(super) fn before_ecs(facts: &OutcomeFacts, deployed: &Deployed<'_>) -> Plan {
    let pipeline = facts.pipeline.as_ref().map_or("the pipeline", |pipeline| pipeline.as_str());
    let because = format!(
        "execution {} of {pipeline} failed before ECS deployed anything; its failed action tells why, such as a missing permission or a container that the task definition does not have; mend it, then retry the execution or commit again",
        deployed.execution.id
    );
    only_told(facts, deployed, None, &because)
}

/// The failure is told, and nothing else is done.
pub(super) fn only_told(
    facts: &OutcomeFacts,
    deployed: &Deployed<'_>,
    refusal: Option<Refusal>,
    because: &str,
) -> Plan {
    let because = match &refusal {
        Some(refusal) => format!("{because}; {refusal}"),
        None => because.to_owned(),
    };
    let steps = tell::notify(facts, deployed, DecisionKind::Failed, &because);
    if steps.is_empty() {
        let because = format!("{because}; this was told already");
        return Plan::nothing(Decision::of(&facts.service, DecisionKind::Nothing, because));
    }
    let decision = Decision { refusal, ..Decision::of(&facts.service, DecisionKind::Failed, because) };
    Plan { steps, decisions: vec![decision], then: Then::Done }
}
