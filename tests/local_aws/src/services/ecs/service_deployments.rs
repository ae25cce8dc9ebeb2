//! The history of a service, as its service deployments tell it.

use super::deployments::{DeploymentStatus, ServiceDeployment};
use super::names::{self, ServiceName};
use super::rollout;
use super::service_revisions::check_count;
use super::services::{self, EcsService};
use super::show_services::revision_summary;
use super::tasks::without_nulls;
use super::{Wake, authorization, paging};
use crate::caller::Caller;
use crate::clock::epoch;
use crate::error::AwsError;
use crate::names::AccountId;
use crate::services::{Service, parse_input};
use crate::world::World;
use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::{Value, json};

const PAGE_USUAL: usize = 20;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ListServiceDeploymentsInput {
    service: Option<String>,
    cluster: Option<String>,
    #[serde(default)]
    status: Vec<DeploymentStatus>,
    #[serde(default)]
    created_at: CreatedAt,
    next_token: Option<String>,
    max_results: Option<i64>,
}

/// Seconds since the epoch.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct CreatedAt {
    before: Option<f64>,
    after: Option<f64>,
}

impl CreatedAt {
    fn holds(&self, time: DateTime<Utc>) -> bool {
        let seconds = epoch(time).as_f64().unwrap_or_default();
        self.before.is_none_or(|before| seconds < before) && self.after.is_none_or(|after| seconds > after)
    }
}

pub(super) fn list(world: &mut World, caller: &Caller, input: Value) -> Result<Value, AwsError> {
    let input: ListServiceDeploymentsInput = parse_input(Service::Ecs, "ListServiceDeployments", input)?;
    let name = services::name_of_input(caller, input.cluster.as_deref(), input.service.as_deref())?;
    authorization::on_service(world, caller, "ecs:ListServiceDeployments", &name)?;
    let service = services::service(world, &caller.account, &name)?;
    let found = service.history.iter().filter(|deployment| {
        (input.status.is_empty() || input.status.contains(&deployment.status))
            && input.created_at.holds(deployment.created_at)
    });
    let briefs = found.map(|deployment| brief(world, &caller.account, &name, deployment)).collect();
    Ok(paging::page(briefs, input.max_results, input.next_token.as_deref(), PAGE_USUAL)?
        .into_answer("serviceDeployments"))
}

fn brief(world: &World, account: &AccountId, name: &ServiceName, deployment: &ServiceDeployment) -> Value {
    Value::Object(without_nulls(json!({
        "serviceDeploymentArn": deployment.arn,
        "serviceArn": names::service_arn(world, account, name),
        "clusterArn": names::cluster_arn(world, account, &name.cluster),
        "startedAt": deployment.started_at.map(epoch),
        "createdAt": epoch(deployment.created_at),
        "finishedAt": deployment.finished_at.map(epoch),
        "targetServiceRevisionArn": deployment.target,
        "status": deployment.status,
        "statusReason": deployment.status_reason,
    })))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct DescribeServiceDeploymentsInput {
    #[serde(default)]
    service_deployment_arns: Vec<String>,
}

pub(super) fn describe(world: &mut World, caller: &Caller, input: Value) -> Result<Value, AwsError> {
    let input: DescribeServiceDeploymentsInput =
        parse_input(Service::Ecs, "DescribeServiceDeployments", input)?;
    check_count("serviceDeploymentArns", input.service_deployment_arns.len())?;
    let (mut deployments, mut failures) = (Vec::new(), Vec::new());
    for arn in &input.service_deployment_arns {
        let (name, _) = names::of_service_history(caller, arn, "service-deployment")?;
        authorization::on_service_history(world, caller, "ecs:DescribeServiceDeployments", &name, arn)?;
        let service = services::service(world, &caller.account, &name).ok();
        match service.and_then(|service| Some((service, service.service_deployment(arn)?))) {
            Some((service, found)) => deployments.push(shown(world, &caller.account, service, found)),
            None => failures.push(json!({ "arn": arn, "reason": "MISSING" })),
        }
    }
    Ok(json!({ "serviceDeployments": deployments, "failures": failures }))
}

fn shown(world: &World, account: &AccountId, service: &EcsService, deployment: &ServiceDeployment) -> Value {
    let sources = deployment.sources.iter().map(|arn| revision_summary(service, arn));
    let rollback = deployment.rollback.as_ref().map(|rollback| {
        json!({
            "reason": rollback.reason,
            "startedAt": epoch(rollback.started_at),
            "serviceRevisionArn": rollback.revision,
        })
    });
    Value::Object(without_nulls(json!({
        "serviceDeploymentArn": deployment.arn,
        "serviceArn": names::service_arn(world, account, &service.name),
        "clusterArn": names::cluster_arn(world, account, &service.name.cluster),
        "createdAt": epoch(deployment.created_at),
        "startedAt": deployment.started_at.map(epoch),
        "finishedAt": deployment.finished_at.map(epoch),
        "stoppedAt": deployment.stopped_at.map(epoch),
        "updatedAt": epoch(deployment.updated_at),
        "sourceServiceRevisions": sources.collect::<Vec<_>>(),
        "targetServiceRevision": revision_summary(service, &deployment.target),
        "status": deployment.status,
        "statusReason": deployment.status_reason,
        "deploymentConfiguration": deployment.configuration.shown(),
        "rollback": rollback,
        "deploymentCircuitBreaker": {
            "status": deployment.breaker,
            "failureCount": deployment.failure_count,
            "threshold": deployment.threshold,
        },
        "alarms": { "status": "DISABLED", "alarmNames": [], "triggeredAlarmNames": [] },
    })))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct StopServiceDeploymentInput {
    service_deployment_arn: Option<String>,
    stop_type: Option<StopType>,
}

#[derive(Deserialize, PartialEq)]
#[serde(rename_all = "UPPERCASE")]
enum StopType {
    Abort,
    Rollback,
}

pub(super) fn stop(world: &mut World, caller: &Caller, input: Value) -> Result<Value, AwsError> {
    let input: StopServiceDeploymentInput = parse_input(Service::Ecs, "StopServiceDeployment", input)?;
    let arn = input.service_deployment_arn.unwrap_or_default();
    let (name, _) = names::of_service_history(caller, &arn, "service-deployment")?;
    authorization::on_service_history(world, caller, "ecs:StopServiceDeployment", &name, &arn)?;
    if input.stop_type == Some(StopType::Abort) {
        return Err(AwsError::new(
            "InvalidParameterException",
            "stopType ABORT is not valid; the valid value is ROLLBACK.",
        ));
    }
    let now = world.now();
    let missing = || AwsError::new("ServiceDeploymentNotFoundException", "Service deployment not found.");
    let service = services::service_mut(world, &caller.account, &name).map_err(|_| missing())?;
    let found = service.service_deployment_mut(&arn).ok_or_else(missing)?;
    match found.status {
        DeploymentStatus::Pending | DeploymentStatus::InProgress => {
            found.become_status(DeploymentStatus::RollbackRequested, now, None);
            rollout::wake(world, &caller.account, &name, 0.0, Wake::RollbackBegins(arn.clone()));
        }
        // It goes on as it is.
        DeploymentStatus::StopRequested
        | DeploymentStatus::RollbackRequested
        | DeploymentStatus::RollbackInProgress => {}
        DeploymentStatus::Stopped
        | DeploymentStatus::Successful
        | DeploymentStatus::RollbackSuccessful
        | DeploymentStatus::RollbackFailed => {
            return Err(AwsError::new(
                "ConflictException",
                format!("The service deployment {arn} has finished; it cannot be stopped."),
            ));
        }
    }
    Ok(json!({ "serviceDeploymentArn": arn }))
}
