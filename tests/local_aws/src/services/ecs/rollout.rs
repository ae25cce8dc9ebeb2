//! Rollouts: a service on its way to what it should be, in the world's time.

use super::announcements::{self, DeploymentNews, ServiceNews};
use super::deployment_configuration::CircuitBreaker;
use super::deployments::{BreakerStatus, Deployment, DeploymentStatus, RolloutState, ServiceDeployment};
use super::names::ServiceName;
use super::scheduling::{self, Moves};
use super::service_revisions::ServiceRevision;
use super::services::{self, ServiceStatus};
use super::{Timer, Wake, images, rollback, task_life};
use crate::clock;
use crate::error::AwsError;
use crate::names::AccountId;
use crate::world::World;
use chrono::Duration;

/// How many failed tasks in a row make ECS say that tasks cannot be started.
const IMPAIRED_AFTER: u32 = 3;
/// The longest wait before failing tasks are tried again, so that a deployment which fails for ever costs one
/// timer every few minutes.
const RETRY_DELAY_MAX_SECONDS: f64 = 300.0;
/// How long stopped tasks can still be described.
const STOPPED_TASKS_STAY: Duration = Duration::hours(1);

/// Sets a timer of this service.
pub(super) fn wake(world: &mut World, account: &AccountId, name: &ServiceName, seconds: f64, wake: Wake) {
    let timer = Timer { service: name.clone(), wake };
    world.set_timer(account, clock::seconds(seconds), crate::services::Timer::Ecs(timer));
}

/// Makes a service deployment of what the service says now. It supersedes one that is still going on.
///
/// # Errors
/// When the service is gone.
pub(super) fn deploy(world: &mut World, account: &AccountId, name: &ServiceName) -> Result<(), AwsError> {
    let now = world.now();
    let service = services::service_mut(world, account, name)?;
    for running in &mut service.history {
        if matches!(running.status, DeploymentStatus::Pending | DeploymentStatus::InProgress) {
            running.become_status(DeploymentStatus::StopRequested, now, Some(SUPERSEDED));
        }
    }
    let task_definition = service.task_definition.clone();
    let (configuration, desired) = (service.configuration.clone(), service.desired_count);
    let mut sources: Vec<String> = Vec::new();
    for deployment in &service.deployments {
        let has_tasks = service.tasks.iter().any(|task| task.is_there() && task.deployment == deployment.id);
        if has_tasks && !sources.contains(&deployment.revision) {
            sources.push(deployment.revision.clone());
        }
    }

    let revision = ServiceRevision::made(world, account, name, &task_definition);
    let made = ServiceDeployment::made(world, account, name, &revision.arn, sources, &configuration, desired);
    let deployment = Deployment::made(world, &made.arn, &revision.arn, &task_definition);
    let arn = made.arn.clone();
    let service = services::service_mut(world, account, name)?;
    service.revisions.push(revision);
    service.history.insert(0, made);
    add_primary(service, deployment);
    wake(world, account, name, 0.0, Wake::DeploymentBegins(arn));
    Ok(())
}

/// Why a service deployment ended that another one overtook. AWS documents the state, not the words.
const SUPERSEDED: &str = "Service deployment stopped because a new service deployment was started.";

/// Puts a deployment first. Those behind it that have no tasks left are forgotten, except the one it replaces.
pub(super) fn add_primary(service: &mut services::EcsService, deployment: Deployment) {
    let tasks = &service.tasks;
    let replaced = service.deployments.first().map(|deployment| deployment.id.clone());
    service.deployments.retain(|old| {
        Some(&old.id) == replaced.as_ref()
            || tasks.iter().any(|task| task.is_there() && task.deployment == old.id)
    });
    service.deployments.insert(0, deployment);
    service.steady = false;
}

/// A pending service deployment begins; those that it supersedes end.
///
/// # Errors
/// When the service is gone.
pub(super) fn begin(
    world: &mut World,
    account: &AccountId,
    name: &ServiceName,
    arn: &str,
) -> Result<(), AwsError> {
    let now = world.now();
    let service = services::service_mut(world, account, name)?;
    let pending = service.service_deployment(arn).is_some_and(|it| it.status == DeploymentStatus::Pending);
    if !pending || service.status != ServiceStatus::Active {
        return Ok(());
    }
    for other in service.history.iter_mut().filter(|other| other.arn != arn) {
        match other.status {
            DeploymentStatus::StopRequested => other.become_status(DeploymentStatus::Stopped, now, None),
            DeploymentStatus::RollbackRequested | DeploymentStatus::RollbackInProgress => {
                other.become_status(DeploymentStatus::RollbackFailed, now, Some(SUPERSEDED));
            }
            _ => {}
        }
    }
    if let Some(deployment) = service.service_deployment_mut(arn) {
        deployment.become_status(DeploymentStatus::InProgress, now, None);
        deployment.started_at = Some(now);
    }
    let Some(primary) = service.deployments.first_mut() else { return Ok(()) };
    primary.begun = true;
    primary.updated_at = now;
    let (id, reason, revision) = (primary.id.clone(), primary.reason.clone(), primary.revision.clone());
    announcements::deployment_changed(world, account, name, DeploymentNews::InProgress, &id, &reason)?;
    resolve_digests(world, account, name, &revision)?;
    reconcile(world, account, name)
}

/// Notes which digests the tags mean now. An image that is not there is left to the tasks, which will say so.
fn resolve_digests(
    world: &mut World,
    account: &AccountId,
    name: &ServiceName,
    revision: &str,
) -> Result<(), AwsError> {
    let service = services::service(world, account, name)?;
    let mut found = service.revision(revision).map(|it| it.images.clone()).unwrap_or_default();
    for image in found.iter_mut().filter(|image| image.keeps_its_digest) {
        image.digest = images::pull(world, account, &image.image).ok().map(|pulled| pulled.digest);
    }
    if let Some(revision) = services::service_mut(world, account, name)?.revision_mut(revision) {
        revision.images = found;
    }
    Ok(())
}

/// Makes the next moves of a service, until there are none to make now.
///
/// # Errors
/// When the service is gone.
pub(super) fn reconcile(world: &mut World, account: &AccountId, name: &ServiceName) -> Result<(), AwsError> {
    let now = world.now();
    let service = services::service_mut(world, account, name)?;
    service.tasks.retain(|task| task.stopped_at.is_none_or(|stopped| now - stopped < STOPPED_TASKS_STAY));
    let Moves { start, stop, blocked, settled } = scheduling::next_moves(service);
    if start > 0 || !stop.is_empty() {
        service.steady = false;
    }
    if settled {
        return settle(world, account, name);
    }
    let primary = service.primary().map(|primary| primary.id.clone()).unwrap_or_default();
    if !stop.is_empty() {
        let reason = format!("Scaling activity initiated by (deployment {primary})");
        task_life::stop(world, account, name, &stop, &reason)?;
        // What stopped at once has made room.
        return reconcile(world, account, name);
    }
    if start > 0 {
        task_life::place(world, account, name, &primary, start)?;
    }
    if blocked {
        tell_blocked(world, account, name)?;
    }
    Ok(())
}

fn tell_blocked(world: &mut World, account: &AccountId, name: &ServiceName) -> Result<(), AwsError> {
    let service = services::service_mut(world, account, name)?;
    let Some(primary) = service.deployments.first_mut().filter(|primary| !primary.blocked) else {
        return Ok(());
    };
    primary.blocked = true;
    let text = "was unable to stop or start tasks during a deployment because of the service deployment \
                configuration. Update the minimumHealthyPercent or maximumPercent value and try again.";
    announcements::message(world, account, name, text)
}

/// The service has what it should have: a deployment that was going on is complete.
fn settle(world: &mut World, account: &AccountId, name: &ServiceName) -> Result<(), AwsError> {
    let now = world.now();
    let service = services::service_mut(world, account, name)?;
    if service.status == ServiceStatus::Draining {
        service.status = ServiceStatus::Inactive;
        // Deleting a service deletes its service deployments.
        service.history.clear();
        service.deployments.clear();
        return Ok(());
    }
    let Some(primary) = service.deployments.first_mut() else { return Ok(()) };
    if primary.begun && primary.state == RolloutState::InProgress {
        primary.state = RolloutState::Completed;
        primary.reason = format!("ECS deployment {} completed.", primary.id);
        primary.updated_at = now;
        let primary = primary.clone();
        service.deployments.truncate(1);
        service.last_completed = Some(primary.revision.clone());
        service.steady = false;
        if let Some(deployment) = service.service_deployment_mut(&primary.service_deployment) {
            let status = if primary.is_rollback {
                DeploymentStatus::RollbackSuccessful
            } else {
                DeploymentStatus::Successful
            };
            deployment.become_status(status, now, None);
        }
        let text = format!("(deployment {}) deployment completed.", primary.id);
        announcements::message(world, account, name, &text)?;
        let news = DeploymentNews::Completed;
        announcements::deployment_changed(world, account, name, news, &primary.id, &primary.reason)?;
    }
    let service = services::service_mut(world, account, name)?;
    if !service.steady {
        service.steady = true;
        announcements::message(world, account, name, "has reached a steady state.")?;
        announcements::service_acted(world, account, name, ServiceNews::SteadyState)?;
    }
    Ok(())
}

/// A task of this deployment failed, or could not even be placed: the circuit breaker counts it, and the next
/// tries wait longer.
///
/// # Errors
/// When the service is gone.
pub(super) fn count_failure(
    world: &mut World,
    account: &AccountId,
    name: &ServiceName,
    deployment: &str,
) -> Result<(), AwsError> {
    let now = world.now();
    let service = services::service_mut(world, account, name)?;
    let desired = service.desired_count;
    let is_primary = service.primary().is_some_and(|primary| primary.id == deployment);
    let Some(failed) = service.deployment_mut(deployment) else { return Ok(()) };
    failed.failed_tasks += 1;
    failed.updated_at = now;
    if !is_primary || failed.state == RolloutState::Failed {
        return Ok(());
    }
    let failed = failed.clone();
    if failed.state == RolloutState::InProgress {
        let Some(whole) = service.service_deployment_mut(&failed.service_deployment) else { return Ok(()) };
        whole.updated_at = now;
        if !failed.is_rollback {
            whole.failure_count += 1;
        }
        if let Some(breaker) = whole.configuration.breaker() {
            whole.threshold = breaker.threshold(desired);
            let count = if failed.is_rollback { failed.failed_tasks } else { whole.failure_count };
            if count >= whole.threshold {
                whole.breaker = BreakerStatus::Triggered;
                return rollback::breaker_tripped(world, account, name, &failed);
            }
        }
    }
    if failed.failed_tasks >= IMPAIRED_AFTER && !failed.impaired {
        tell_impaired(world, account, name, deployment)?;
    }
    wait_before_retry(world, account, name, deployment)
}

fn tell_impaired(
    world: &mut World,
    account: &AccountId,
    name: &ServiceName,
    deployment: &str,
) -> Result<(), AwsError> {
    if let Some(deployment) = services::service_mut(world, account, name)?.deployment_mut(deployment) {
        deployment.impaired = true;
    }
    let text = "is unable to consistently start tasks successfully. For more information, see the \
                Troubleshooting section of the Amazon ECS Developer Guide.";
    announcements::message(world, account, name, text)?;
    announcements::service_acted(world, account, name, ServiceNews::TaskStartImpaired)
}

/// Each wait is twice as long as the one before. There is never more than one timer for a deployment.
fn wait_before_retry(
    world: &mut World,
    account: &AccountId,
    name: &ServiceName,
    deployment: &str,
) -> Result<(), AwsError> {
    let first = world.settings.timing.task_start;
    let service = services::service_mut(world, account, name)?;
    let Some(waiting) = service.deployment_mut(deployment).filter(|it| !it.waiting) else { return Ok(()) };
    waiting.waiting = true;
    let doublings = i32::try_from(waiting.retries).unwrap_or(i32::MAX);
    waiting.retries = waiting.retries.saturating_add(1);
    let delay = (first * 2f64.powi(doublings)).min(RETRY_DELAY_MAX_SECONDS);
    wake(world, account, name, delay, Wake::RetryIsDue(deployment.to_owned()));
    Ok(())
}

/// A deployment that waited may start tasks again.
///
/// # Errors
/// When the service is gone.
pub(super) fn retry(
    world: &mut World,
    account: &AccountId,
    name: &ServiceName,
    deployment: &str,
) -> Result<(), AwsError> {
    let service = services::service_mut(world, account, name)?;
    let Some(waiting) = service.deployment_mut(deployment) else { return Ok(()) };
    waiting.waiting = false;
    reconcile(world, account, name)
}

/// A task of this deployment turned out healthy: failures before it are forgotten.
///
/// # Errors
/// When the service is gone.
pub(super) fn forget_failures(
    world: &mut World,
    account: &AccountId,
    name: &ServiceName,
    deployment: &str,
) -> Result<(), AwsError> {
    let service = services::service_mut(world, account, name)?;
    let Some(healthy) = service.deployment_mut(deployment) else { return Ok(()) };
    healthy.failed_tasks = 0;
    healthy.retries = 0;
    let (is_rollback, whole) = (healthy.is_rollback, healthy.service_deployment.clone());
    let Some(whole) = service.service_deployment_mut(&whole).filter(|_| !is_rollback) else { return Ok(()) };
    if whole.configuration.breaker().is_none_or(CircuitBreaker::resets_on_healthy_task) {
        whole.failure_count = 0;
    }
    Ok(())
}
