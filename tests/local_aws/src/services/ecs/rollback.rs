//! The way back: after the circuit breaker, or when a person stops a deployment.

use super::announcements::{self, DeploymentNews};
use super::deployments::{Deployment, DeploymentStatus, Rollback, RolloutState};
use super::names::ServiceName;
use super::rollout;
use super::services;
use crate::error::AwsError;
use crate::names::AccountId;
use crate::world::World;

const BREAKER_TRIPPED: &str = "ECS deployment circuit breaker: tasks failed to start.";
const ROLLED_BACK_BY_BREAKER: &str =
    "Service deployment rolled back because the circuit breaker threshold was exceeded.";
const NO_CANDIDATE: &str = "No rollback candidate was found to run the rollback.";
/// AWS documents neither of these two sentences.
const STOPPED_BY_BREAKER: &str =
    "Service deployment stopped because the circuit breaker threshold was exceeded.";
const ROLLED_BACK_BY_HAND: &str =
    "Service deployment rolled back because StopServiceDeployment asked for it.";

/// Too many tasks of the primary deployment failed.
///
/// # Errors
/// When the service is gone.
pub(super) fn breaker_tripped(
    world: &mut World,
    account: &AccountId,
    name: &ServiceName,
    failed: &Deployment,
) -> Result<(), AwsError> {
    fail(world, account, name, &failed.id, BREAKER_TRIPPED)?;
    let text = format!("(deployment {}) deployment failed: tasks failed to start.", failed.id);
    announcements::message(world, account, name, &text)?;
    let news = DeploymentNews::Failed;
    announcements::deployment_changed(world, account, name, news, &failed.id, BREAKER_TRIPPED)?;

    let now = world.now();
    let service = services::service_mut(world, account, name)?;
    let Some(whole) = service.service_deployment_mut(&failed.service_deployment) else { return Ok(()) };
    let goes_back = whole.configuration.breaker().is_some_and(|breaker| breaker.rollback);
    if failed.is_rollback {
        whole.become_status(DeploymentStatus::RollbackFailed, now, None);
        Ok(())
    } else if goes_back {
        roll_back(world, account, name, &failed.service_deployment, ROLLED_BACK_BY_BREAKER)
    } else {
        whole.become_status(DeploymentStatus::Stopped, now, Some(STOPPED_BY_BREAKER));
        Ok(())
    }
}

/// A deployment that starts no more tasks.
fn fail(
    world: &mut World,
    account: &AccountId,
    name: &ServiceName,
    deployment: &str,
    reason: &str,
) -> Result<(), AwsError> {
    let now = world.now();
    if let Some(failed) = services::service_mut(world, account, name)?.deployment_mut(deployment) {
        failed.state = RolloutState::Failed;
        failed.reason = reason.to_owned();
        failed.updated_at = now;
    }
    Ok(())
}

/// A service deployment that a person stopped begins to roll back, unless it was superseded by now.
///
/// # Errors
/// When the service is gone.
pub(super) fn begin_by_hand(
    world: &mut World,
    account: &AccountId,
    name: &ServiceName,
    arn: &str,
) -> Result<(), AwsError> {
    let service = services::service(world, account, name)?;
    let requested =
        service.service_deployment(arn).is_some_and(|it| it.status == DeploymentStatus::RollbackRequested);
    let is_primary = service.primary().is_some_and(|primary| primary.service_deployment == arn);
    if !requested || !is_primary {
        return Ok(());
    }
    roll_back(world, account, name, arn, ROLLED_BACK_BY_HAND)
}

/// Starts the deployment of the service revision that was deployed completely last.
fn roll_back(
    world: &mut World,
    account: &AccountId,
    name: &ServiceName,
    arn: &str,
    reason: &str,
) -> Result<(), AwsError> {
    let now = world.now();
    let service = services::service_mut(world, account, name)?;
    let left = service.primary().map(|primary| primary.id.clone()).unwrap_or_default();
    let candidate = service.last_completed.as_deref().and_then(|last| service.revision(last)).cloned();
    let Some(whole) = service.service_deployment_mut(arn) else { return Ok(()) };
    let Some(candidate) = candidate else {
        whole.become_status(DeploymentStatus::RollbackFailed, now, Some(NO_CANDIDATE));
        // The breaker's own words stay where it tripped.
        let stands = service.primary().is_some_and(|primary| primary.state != RolloutState::Failed);
        return if stands { fail(world, account, name, &left, NO_CANDIDATE) } else { Ok(()) };
    };
    whole.become_status(DeploymentStatus::RollbackInProgress, now, Some(reason));
    whole.rollback =
        Some(Rollback { reason: reason.to_owned(), started_at: now, revision: candidate.arn.clone() });

    let mut back = Deployment::made(world, arn, &candidate.arn, &candidate.task_definition);
    back.begun = true;
    back.is_rollback = true;
    if reason == ROLLED_BACK_BY_BREAKER {
        back.reason = format!("ECS deployment circuit breaker: rolling back to deploymentId {}.", back.id);
    }
    let (id, words) = (back.id.clone(), back.reason.clone());
    let service = services::service_mut(world, account, name)?;
    service.task_definition = candidate.task_definition;
    rollout::add_primary(service, back);
    announcements::message(world, account, name, &format!("rolling back to deployment {id}."))?;
    announcements::deployment_changed(world, account, name, DeploymentNews::InProgress, &id, &words)?;
    rollout::reconcile(world, account, name)
}
