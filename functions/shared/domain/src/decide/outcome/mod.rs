//! `on_deployment_change`: how a deployment went, and what follows.
//!
//! Truth is what ECS says of the service deployment. Which commit it deployed, the pipeline execution tells during whose
//! Deploy action it was created.

mod belongs;
mod by_hand;
pub mod cause;
mod facts;
mod failed;
mod healthy;
mod revert;
mod tell;
mod verified;

pub use facts::{EarlierRevision, OutcomeFacts};
pub use failed::MAXIMUM_RECENT_REVERTS;
pub use tell::told_in;

use belongs::{Belongs, Deployed};

use crate::decision::{Decision, DecisionKind};
use crate::evidence::Evidence;
use crate::facts::{Breaker, Deployment, DeploymentStatus, Execution, ExecutionKind, Trigger};
use crate::plan::{Plan, Step, Then};

/// How the deployment went that the facts begin with, and what follows from it.
#[must_use]
pub fn decide(facts: &OutcomeFacts) -> Plan {
    let decided = |kind, because: String| Plan::nothing(Decision::of(&facts.service, kind, because));
    let Some(deployment) = facts.deployments.first() else {
        return match belongs::without_deployment(facts) {
            Some(deployed) => failed::before_ecs(facts, &deployed),
            None => decided(DecisionKind::Nothing, "ECS tells of no deployment".to_owned()),
        };
    };
    let deployed = match belongs::belongs(facts, deployment) {
        Belongs::Execution(deployed) => deployed,
        Belongs::NotYet(Execution { id, .. }) => {
            let because = format!("it belongs to execution {id}, whose source is not known yet");
            return Plan { then: Then::LookAgain, ..decided(DecisionKind::Undecided, because) };
        }
        Belongs::ByHand if made_the_service(facts, deployment) => {
            let because =
                "ECS tells of one deployment, which no pipeline execution made: the service was made with it";
            return decided(DecisionKind::Nothing, because.to_owned());
        }
        Belongs::ByHand => return decided(DecisionKind::ByHand, by_hand_because(deployment)),
    };
    match deployment.status {
        DeploymentStatus::Pending | DeploymentStatus::InProgress | DeploymentStatus::StopRequested => {
            rolling(facts, deployment, &deployed)
        }
        DeploymentStatus::Successful => succeeded(facts, deployment, &deployed),
        DeploymentStatus::Stopped => {
            let reason = deployment.reason.as_deref().unwrap_or("ECS tells no reason");
            let because = format!("the deployment was stopped: {reason}");
            if by_hand::is_told(facts) {
                let because = format!("{because}; that a person rolled it back was told already");
                return decided(DecisionKind::Nothing, because);
            }
            if is_current(facts, &deployed) {
                failed::only_told(facts, &deployed, None, &because)
            } else {
                overtaken(facts, &deployed, &because)
            }
        }
        // The circuit breaker has tripped, or an alarm went off: that is known before the rollback is over.
        DeploymentStatus::RollbackRequested
        | DeploymentStatus::RollbackInProgress
        | DeploymentStatus::RollbackSuccessful
        | DeploymentStatus::RollbackFailed => failed::failed(facts, deployment, &deployed),
    }
}

/// The same for several deployments of one service, the newest first. The older are answered before the newer: what went well
/// is what a later failure goes back to. An older one was answered in its own turn, unless something of it is still to do.
#[must_use]
pub fn decide_all(facts: &[OutcomeFacts]) -> Plan {
    let mut said: Vec<Evidence> = Vec::new();
    let mut whole = Plan::default();
    for (place, facts) in facts.iter().enumerate().rev() {
        let mut facts = facts.clone();
        facts.evidence.extend(said.iter().cloned());
        let plan = decide(&facts);
        said.extend(plan.steps.iter().filter_map(|step| match step {
            Step::PutEvidence(evidence) => Some(evidence.clone()),
            _ => None,
        }));
        if place == 0 || !plan.steps.is_empty() || plan.then == Then::LookAgain {
            whole = whole.and(plan);
        }
    }
    whole
}

/// Whether git says what was deployed, and no newer execution was for it: it may have been put there again since.
fn is_current(facts: &OutcomeFacts, deployed: &Deployed<'_>) -> bool {
    let mut newer = facts.executions.iter().take_while(|execution| execution.id != deployed.execution.id);
    facts.revision.blob() == Some(deployed.blob)
        && newer.all(|newer| newer.source.blob() != Some(deployed.blob))
}

/// A deployment that made way for what git says now is no failure; its commit tells what became of it.
fn overtaken(facts: &OutcomeFacts, deployed: &Deployed<'_>, because: &str) -> Plan {
    let because = format!("{because}; git says something else already");
    let steps: Vec<Step> =
        tell::comment(facts, deployed, DecisionKind::Overtaken, &because).into_iter().collect();
    if steps.is_empty() {
        let because = format!("{because}; this was told already");
        return Plan::nothing(Decision::of(&facts.service, DecisionKind::Nothing, because));
    }
    let decision = Decision::of(&facts.service, DecisionKind::Overtaken, because);
    Plan { steps, decisions: vec![decision], then: Then::Done }
}

/// Whether a deployment is the one that a service is created with. Until a pipeline deploys it there is nothing to tell.
fn made_the_service(facts: &OutcomeFacts, deployment: &Deployment) -> bool {
    let none_deployed = facts.executions.iter().all(|execution| execution.deploy.is_none());
    facts.deployments.len() == 1 && none_deployed && deployment.status == DeploymentStatus::Successful
}

fn by_hand_because(deployment: &Deployment) -> String {
    let how = match deployment.status {
        DeploymentStatus::Successful => "and went well",
        DeploymentStatus::Pending | DeploymentStatus::InProgress | DeploymentStatus::StopRequested => {
            "and is rolling"
        }
        DeploymentStatus::Stopped => "and was stopped",
        DeploymentStatus::RollbackRequested
        | DeploymentStatus::RollbackInProgress
        | DeploymentStatus::RollbackSuccessful
        | DeploymentStatus::RollbackFailed => "and went wrong",
    };
    format!("no pipeline execution deployed {}: it was made by hand, {how}", deployment.arn)
}

fn rolling(facts: &OutcomeFacts, deployment: &Deployment, deployed: &Deployed<'_>) -> Plan {
    let age = facts.now.since(deployment.created_at);
    let watched = match deployment.breaker {
        Breaker::Disabled => false,
        Breaker::Monitoring | Breaker::Triggered => true,
    };
    if watched || age < facts.stalled_after {
        let because = format!("execution {} is being rolled out", deployed.execution.id);
        return Plan::nothing(Decision::of(&facts.service, DecisionKind::Rolling, because));
    }
    let because = format!(
        "the rollout has taken {} minutes, and without a circuit breaker ECS would not tell a failure; look at its tasks, and turn the deployment circuit breaker on",
        age.as_secs() / 60
    );
    let steps = tell::notify(facts, deployed, DecisionKind::Stalled, &because);
    let decision = Decision::of(&facts.service, DecisionKind::Stalled, because);
    Plan { steps, decisions: vec![decision], then: Then::Done }
}

fn succeeded(facts: &OutcomeFacts, deployment: &Deployment, deployed: &Deployed<'_>) -> Plan {
    let is_persons_rollback = deployed.execution.kind == ExecutionKind::Rollback
        && deployed.execution.trigger == Trigger::ManualRollback;
    let noticed = if is_persons_rollback { by_hand::rolled_back_in_pipeline(facts, deployed) } else { None };
    match noticed {
        Some(plan) => plan,
        None => verified::verified(facts, deployment, deployed),
    }
}

#[cfg(test)]
mod by_hand_tests;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
