//! What ECS tells: events on the account's bus, and the messages that a service shows.

use super::names::{self, ServiceName};
use super::services::{self, ServiceMessage};
use super::tasks::without_nulls;
use crate::error::AwsError;
use crate::names::AccountId;
use crate::services::events::{self, ServiceEvent};
use crate::world::World;
use chrono::SecondsFormat;
use serde_json::{Value, json};

/// How many messages a service shows.
const MESSAGES_MAX: usize = 100;

/// What a deployment can announce.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DeploymentNews {
    InProgress,
    Completed,
    Failed,
}

/// Announces how a deployment stands.
///
/// # Errors
/// When the service is gone.
pub(super) fn deployment_changed(
    world: &mut World,
    account: &AccountId,
    name: &ServiceName,
    news: DeploymentNews,
    deployment: &str,
    reason: &str,
) -> Result<(), AwsError> {
    let (event_type, event_name) = match news {
        DeploymentNews::InProgress => ("INFO", "SERVICE_DEPLOYMENT_IN_PROGRESS"),
        DeploymentNews::Completed => ("INFO", "SERVICE_DEPLOYMENT_COMPLETED"),
        DeploymentNews::Failed => ("ERROR", "SERVICE_DEPLOYMENT_FAILED"),
    };
    let detail = json!({
        "eventType": event_type,
        "eventName": event_name,
        "deploymentId": deployment,
        "updatedAt": world.now().to_rfc3339_opts(SecondsFormat::Secs, true),
        "reason": reason,
    });
    let resource = names::service_arn(world, account, name);
    emit(world, account, "ECS Deployment State Change", resource, detail)
}

/// What a service can announce about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ServiceNews {
    SteadyState,
    TaskStartImpaired,
    /// Why, such as `RESOURCE:MEMORY`.
    TaskPlacementFailure(String),
}

/// Announces how a service fares.
///
/// # Errors
/// When the service is gone.
pub(super) fn service_acted(
    world: &mut World,
    account: &AccountId,
    name: &ServiceName,
    news: ServiceNews,
) -> Result<(), AwsError> {
    let (event_type, event_name, reason) = match news {
        ServiceNews::SteadyState => ("INFO", "SERVICE_STEADY_STATE", None),
        ServiceNews::TaskStartImpaired => ("WARN", "SERVICE_TASK_START_IMPAIRED", None),
        ServiceNews::TaskPlacementFailure(reason) => {
            ("ERROR", "SERVICE_TASK_PLACEMENT_FAILURE", Some(reason))
        }
    };
    let detail = json!({
        "eventType": event_type,
        "eventName": event_name,
        "reason": reason,
        "clusterArn": names::cluster_arn(world, account, &name.cluster),
        "createdAt": world.now().to_rfc3339_opts(SecondsFormat::Millis, true),
    });
    let resource = names::service_arn(world, account, name);
    emit(world, account, "ECS Service Action", resource, Value::Object(without_nulls(detail)))
}

/// Announces what a task has become.
///
/// # Errors
/// When the service is gone.
pub(super) fn task_changed(
    world: &mut World,
    account: &AccountId,
    name: &ServiceName,
    task: &str,
) -> Result<(), AwsError> {
    let service = services::service(world, account, name)?;
    let Some(task) = service.task(task) else { return Ok(()) };
    let detail = task.event_detail(world, account, service);
    let resource = names::task_arn(world, account, &name.cluster, &task.id);
    emit(world, account, "ECS Task State Change", resource, detail)
}

/// Adds a message to those that the service shows: `(service <name>) <text>`.
///
/// # Errors
/// When the service is gone.
pub(super) fn message(
    world: &mut World,
    account: &AccountId,
    name: &ServiceName,
    text: &str,
) -> Result<(), AwsError> {
    let message = ServiceMessage {
        id: world.ids.uuid(),
        created_at: world.now(),
        text: format!("(service {}) {text}", name.service),
    };
    let messages = &mut services::service_mut(world, account, name)?.messages;
    messages.push_front(message);
    messages.truncate(MESSAGES_MAX);
    Ok(())
}

fn emit(
    world: &mut World,
    account: &AccountId,
    detail_type: &str,
    resource: String,
    detail: Value,
) -> Result<(), AwsError> {
    let event = ServiceEvent {
        source: "aws.ecs".to_owned(),
        detail_type: detail_type.to_owned(),
        resources: vec![resource],
        detail,
    };
    #[cfg(test)]
    {
        let now = world.now();
        world.account_mut(account)?.ecs.announced.push((now, event.clone()));
    }
    events::emit(world, account, event);
    Ok(())
}
