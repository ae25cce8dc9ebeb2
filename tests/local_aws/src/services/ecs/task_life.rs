//! A task's life: placed, pulled, started, healthy or not, drained, gone.

use super::announcements::{self, ServiceNews};
use super::names::ServiceName;
use super::rollout::{self, wake};
use super::services;
use super::tasks::{Container, Fate, Stop, StopCode, Task, TaskStatus};
use super::{Wake, images, task_definitions};
use crate::error::AwsError;
use crate::faults::TaskFaultKind;
use crate::names::AccountId;
use crate::services::ecr::PulledImage;
use crate::world::World;

/// The label of an image whose container exits with this code soon after it starts.
const EXIT_CODE_LABEL: &str = "local-aws.exit-code";
/// The label of an image whose container fails its health check when it says `unhealthy`.
const HEALTH_LABEL: &str = "local-aws.health";
/// What a container that is told to stop exits with.
const EXIT_CODE_OF_STOPPED: i32 = 143;

/// Places tasks of a deployment, as many as can be placed.
///
/// # Errors
/// When the service is gone.
pub(super) fn place(
    world: &mut World,
    account: &AccountId,
    name: &ServiceName,
    deployment: &str,
    count: u32,
) -> Result<(), AwsError> {
    let service = services::service(world, account, name)?;
    let Some(primary) = service.primary().filter(|primary| primary.id == deployment) else { return Ok(()) };
    let arn = primary.task_definition.clone();
    let Some(definition) = task_definitions::by_arn(world, account, &arn).map(|it| it.definition.clone())
    else {
        return Ok(());
    };
    let task_start = world.settings.timing.task_start;
    let mut started = Vec::new();
    let mut refused = None;
    for _ in 0..count {
        let fault = match world.faults.for_task(&name.cluster, &name.service) {
            Some(TaskFaultKind::NoPlacement(reason)) => {
                refused = Some((placement_text(&reason), reason));
                break;
            }
            Some(TaskFaultKind::NoCapacity) => {
                refused = Some((NO_CAPACITY.to_owned(), "RESOURCE:FARGATE".to_owned()));
                break;
            }
            fault @ (Some(TaskFaultKind::NoSecrets | TaskFaultKind::Hang) | None) => fault,
        };
        let task = Task::placed(world, deployment, &arn, &definition, fault);
        started.push(task.id.clone());
        services::service_mut(world, account, name)?.tasks.push(task);
    }
    for task in &started {
        announcements::task_changed(world, account, name, task)?;
        wake(world, account, name, task_start, Wake::TaskStarts(task.clone()));
    }
    if !started.is_empty() {
        let text = format!("has started {} tasks: {}.", started.len(), listed(&started));
        announcements::message(world, account, name, &text)?;
    }
    let Some((text, reason)) = refused else { return Ok(()) };
    announcements::message(world, account, name, &text)?;
    announcements::service_acted(world, account, name, ServiceNews::TaskPlacementFailure(reason))?;
    rollout::count_failure(world, account, name, deployment)
}

const NO_CAPACITY: &str = "was unable to place a task. Reason: Capacity is unavailable at this time. Please try \
                           again later or in a different availability zone.";

fn placement_text(reason: &str) -> String {
    format!(
        "was unable to place a task because no container instance met all of its requirements. Reason: {reason}."
    )
}

fn listed(tasks: &[String]) -> String {
    tasks.iter().map(|task| format!("(task {task})")).collect::<Vec<_>>().join(" ")
}

/// Changes a task and lets everybody know. A task that is gone is left alone.
fn change(
    world: &mut World,
    account: &AccountId,
    name: &ServiceName,
    task: &str,
    how: impl FnOnce(&mut Task),
) -> Result<(), AwsError> {
    let now = world.now();
    let Some(task) = services::service_mut(world, account, name)?.task_mut(task) else { return Ok(()) };
    how(task);
    task.updated_at = now;
    task.version += 1;
    let id = task.id.clone();
    announcements::task_changed(world, account, name, &id)
}

/// A pending task pulls its images, and its containers run or it stops.
///
/// # Errors
/// When the service is gone.
pub(super) fn start(
    world: &mut World,
    account: &AccountId,
    name: &ServiceName,
    id: &str,
) -> Result<(), AwsError> {
    let service = services::service(world, account, name)?;
    let Some(task) = service.task(id).filter(|task| task.is_pending()).cloned() else { return Ok(()) };
    match task.fault {
        Some(TaskFaultKind::Hang) => return Ok(()),
        Some(TaskFaultKind::NoSecrets) => {
            let reason = "ResourceInitializationError: unable to pull secrets or registry auth: execution \
                          resource retrieval failed: unable to retrieve secret from asm: service call has been \
                          retried 1 time(s): secret not found";
            return failed_to_start(world, account, name, &task, task.containers.clone(), reason);
        }
        _ => {}
    }
    let mut containers = task.containers.clone();
    for container in &mut containers {
        match pull(world, account, name, &task.deployment, container) {
            Ok(pulled) => {
                container.fate = fate_of(&pulled);
                container.image_digest = Some(if world.settings.unconfirmed.task_reports_child_digest {
                    pulled.platform_digest
                } else {
                    pulled.digest
                });
            }
            Err(reason) => {
                container.reason = Some(reason.clone());
                return failed_to_start(world, account, name, &task, containers, &reason);
            }
        }
    }
    let fails = containers.iter().any(|container| container.essential && container.fate != Fate::Runs);
    let now = world.now();
    change(world, account, name, id, |task| {
        task.containers = containers;
        for container in &mut task.containers {
            container.status = TaskStatus::Running;
        }
        task.status = TaskStatus::Running;
        task.started_at = Some(now);
    })?;
    // A container that fails does so before anybody would have called it healthy.
    let task_healthy = world.settings.timing.task_healthy;
    let settles = if fails { task_healthy / 2.0 } else { task_healthy };
    wake(world, account, name, settles, Wake::TaskSettles(id.to_owned()));
    Ok(())
}

/// Pulls a container's image: by the digest that its service revision resolved, or as it is named; then the first
/// digest found is the revision's.
fn pull(
    world: &mut World,
    account: &AccountId,
    name: &ServiceName,
    deployment: &str,
    container: &Container,
) -> Result<PulledImage, String> {
    let gone = |error: AwsError| error.to_string();
    let service = services::service(world, account, name).map_err(gone)?;
    let revision = service.deployments.iter().find(|it| it.id == deployment).map(|it| it.revision.clone());
    let revision = revision.unwrap_or_default();
    let known = service.revision(&revision).and_then(|revision| {
        revision.images.iter().find(|image| image.container == container.name)?.digest.clone()
    });
    if let Some(digest) = known {
        return images::pull(world, account, &images::by_digest(&container.image, &digest));
    }
    let pulled = images::pull(world, account, &container.image)?;
    let service = services::service_mut(world, account, name).map_err(gone)?;
    let image = service
        .revision_mut(&revision)
        .and_then(|revision| revision.images.iter_mut().find(|image| image.container == container.name));
    if let Some(image) = image.filter(|image| image.keeps_its_digest) {
        image.digest = Some(pulled.digest.clone());
    }
    Ok(pulled)
}

fn fate_of(image: &PulledImage) -> Fate {
    if let Some(code) = image.labels.get(EXIT_CODE_LABEL) {
        return Fate::Exits(code.trim().parse().unwrap_or(1));
    }
    match image.labels.get(HEALTH_LABEL).map(String::as_str) {
        Some("unhealthy") => Fate::TurnsUnhealthy,
        _ => Fate::Runs,
    }
}

fn failed_to_start(
    world: &mut World,
    account: &AccountId,
    name: &ServiceName,
    task: &Task,
    containers: Vec<Container>,
    reason: &str,
) -> Result<(), AwsError> {
    let now = world.now();
    change(world, account, name, &task.id, |task| {
        task.containers = containers;
        task.stopping_at = Some(now);
        task.stop = Some(Stop { code: StopCode::TaskFailedToStart, reason: reason.to_owned() });
        be_stopped(task, now, None);
    })?;
    rollout::count_failure(world, account, name, &task.deployment)?;
    rollout::reconcile(world, account, name)
}

fn be_stopped(task: &mut Task, now: chrono::DateTime<chrono::Utc>, exit_code: Option<i32>) {
    task.status = TaskStatus::Stopped;
    task.healthy = false;
    task.stopped_at = Some(now);
    for container in &mut task.containers {
        if container.status == TaskStatus::Running {
            container.exit_code = container.exit_code.or(exit_code);
        }
        container.status = TaskStatus::Stopped;
    }
}

/// A running task's containers turn out as their images foretell.
///
/// # Errors
/// When the service is gone.
pub(super) fn settle(
    world: &mut World,
    account: &AccountId,
    name: &ServiceName,
    id: &str,
) -> Result<(), AwsError> {
    let now = world.now();
    let service = services::service(world, account, name)?;
    let Some(task) = service.task(id).filter(|task| task.is_running()) else { return Ok(()) };
    let deployment = task.deployment.clone();
    let essential = || task.containers.iter().filter(|container| container.essential);
    let exits = essential().any(|container| matches!(container.fate, Fate::Exits(_)));
    let unhealthy = essential().any(|container| container.fate == Fate::TurnsUnhealthy);
    if exits {
        change(world, account, name, id, |task| {
            for container in &mut task.containers {
                exit(container);
            }
            let reason = "Essential container in task exited".to_owned();
            task.stopping_at = Some(now);
            task.stop = Some(Stop { code: StopCode::EssentialContainerExited, reason });
            be_stopped(task, now, Some(EXIT_CODE_OF_STOPPED));
        })?;
        rollout::count_failure(world, account, name, &deployment)?;
    } else if unhealthy {
        announcements::message(
            world,
            account,
            name,
            &format!("(task {id}) failed container health checks."),
        )?;
        stop(world, account, name, &[id.to_owned()], "Task failed container health checks")?;
        rollout::count_failure(world, account, name, &deployment)?;
    } else {
        change(world, account, name, id, |task| {
            task.healthy = true;
            for container in &mut task.containers {
                exit(container);
            }
        })?;
        rollout::forget_failures(world, account, name, &deployment)?;
    }
    rollout::reconcile(world, account, name)
}

/// A container whose image says so exits; if it is not essential, its task goes on.
fn exit(container: &mut Container) {
    if let Fate::Exits(code) = container.fate {
        container.exit_code = Some(code);
        container.status = TaskStatus::Stopped;
    }
}

/// Tells tasks to stop. What runs drains first; what is still pending is gone at once.
///
/// # Errors
/// When the service is gone.
pub(super) fn stop(
    world: &mut World,
    account: &AccountId,
    name: &ServiceName,
    tasks: &[String],
    reason: &str,
) -> Result<(), AwsError> {
    let now = world.now();
    let drain = world.settings.timing.task_drain;
    let (mut running, mut pending) = (Vec::new(), Vec::new());
    for id in tasks {
        let service = services::service(world, account, name)?;
        let Some(task) = service.task(id).filter(|task| task.is_wanted()) else { continue };
        let runs = task.is_running();
        change(world, account, name, id, |task| {
            task.stopping_at = Some(now);
            task.healthy = false;
            task.stop = Some(Stop { code: StopCode::ServiceSchedulerInitiated, reason: reason.to_owned() });
            if runs { task.status = TaskStatus::Deactivating } else { be_stopped(task, now, None) }
        })?;
        if runs {
            wake(world, account, name, drain, Wake::TaskDrained(id.clone()));
            running.push(id.clone());
        } else {
            pending.push(id.clone());
        }
    }
    if !running.is_empty() {
        let text = format!("has stopped {} running tasks: {}.", running.len(), listed(&running));
        announcements::message(world, account, name, &text)?;
    }
    if !pending.is_empty() {
        let text = format!("stopped {} pending tasks.", pending.len());
        announcements::message(world, account, name, &text)?;
    }
    Ok(())
}

/// A stopping task has drained.
///
/// # Errors
/// When the service is gone.
pub(super) fn drained(
    world: &mut World,
    account: &AccountId,
    name: &ServiceName,
    id: &str,
) -> Result<(), AwsError> {
    let now = world.now();
    let service = services::service(world, account, name)?;
    if service.task(id).is_none_or(|task| task.status != TaskStatus::Deactivating) {
        return Ok(());
    }
    change(world, account, name, id, |task| be_stopped(task, now, Some(EXIT_CODE_OF_STOPPED)))?;
    rollout::reconcile(world, account, name)
}
