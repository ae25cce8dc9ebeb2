//! How services show themselves.

use super::deployments::{Deployment, RolloutState};
use super::names;
use super::paging;
use super::service_inputs::LaunchType;
use super::services::{EcsService, ServiceStatus};
use super::tasks::without_nulls;
use super::{authorization, clusters};
use crate::caller::Caller;
use crate::clock::epoch;
use crate::error::AwsError;
use crate::names::AccountId;
use crate::services::{Service, parse_input};
use crate::world::World;
use serde::Deserialize;
use serde_json::{Value, json};

const DESCRIBED_MAX: usize = 10;
const PAGE_USUAL: usize = 10;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct DescribeServicesInput {
    cluster: Option<String>,
    #[serde(default)]
    services: Vec<String>,
    #[serde(default)]
    include: Vec<IncludedField>,
}

#[derive(Deserialize)]
#[serde(rename_all = "UPPERCASE")]
enum IncludedField {
    Tags,
}

pub(super) fn describe(world: &mut World, caller: &Caller, input: Value) -> Result<Value, AwsError> {
    let input: DescribeServicesInput = parse_input(Service::Ecs, "DescribeServices", input)?;
    let cluster = names::cluster_of_input(caller, input.cluster.as_deref())?;
    if input.services.is_empty() {
        return Err(AwsError::new("InvalidParameterException", "Services cannot be empty."));
    }
    if input.services.len() > DESCRIBED_MAX {
        return Err(AwsError::new(
            "InvalidParameterException",
            format!("{} services were named; at most {DESCRIBED_MAX} can be.", input.services.len()),
        ));
    }
    let with_tags = matches!(input.include.as_slice(), [IncludedField::Tags, ..]);
    let (mut services, mut failures) = (Vec::new(), Vec::new());
    for text in &input.services {
        let name = names::service_of_input(caller, &cluster, text)?;
        authorization::on_service(world, caller, "ecs:DescribeServices", &name)?;
        match clusters::active(world, &caller.account, &cluster)?.services.get(&name.service) {
            Some(service) => services.push(shown(world, &caller.account, service, with_tags)),
            None => failures.push(json!({
                "arn": names::service_arn(world, &caller.account, &name),
                "reason": "MISSING",
            })),
        }
    }
    Ok(json!({ "services": services, "failures": failures }))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ListServicesInput {
    cluster: Option<String>,
    next_token: Option<String>,
    max_results: Option<i64>,
    launch_type: Option<LaunchType>,
}

pub(super) fn list(world: &mut World, caller: &Caller, input: Value) -> Result<Value, AwsError> {
    let input: ListServicesInput = parse_input(Service::Ecs, "ListServices", input)?;
    let cluster = names::cluster_of_input(caller, input.cluster.as_deref())?;
    authorization::in_cluster(world, caller, "ecs:ListServices", "*", &cluster)?;
    let services = clusters::active(world, &caller.account, &cluster)?.services.values();
    let arns = services
        .filter(|service| service.status == ServiceStatus::Active)
        .filter(|service| input.launch_type.is_none_or(|wanted| wanted == service.launch_type))
        .map(|service| names::service_arn(world, &caller.account, &service.name))
        .collect();
    Ok(paging::page(arns, input.max_results, input.next_token.as_deref(), PAGE_USUAL)?
        .into_answer("serviceArns"))
}

/// A service as every operation shows it.
pub(super) fn shown(world: &World, account: &AccountId, service: &EcsService, with_tags: bool) -> Value {
    let deployments = service.deployments.iter().enumerate();
    let deployments: Vec<Value> =
        deployments.map(|(place, deployment)| deployment_shown(service, deployment, place == 0)).collect();
    let events: Vec<Value> = service
        .messages
        .iter()
        .map(|message| {
            json!({ "id": message.id, "createdAt": epoch(message.created_at), "message": message.text })
        })
        .collect();
    Value::Object(without_nulls(json!({
        "serviceArn": names::service_arn(world, account, &service.name),
        "serviceName": service.name.service,
        "clusterArn": names::cluster_arn(world, account, &service.name.cluster),
        "loadBalancers": [],
        "serviceRegistries": [],
        "status": service.status,
        "desiredCount": service.desired_count,
        "runningCount": service.tasks.iter().filter(|task| task.is_running()).count(),
        "pendingCount": service.tasks.iter().filter(|task| task.is_pending()).count(),
        "launchType": service.launch_type,
        "platformVersion": service.platform_version,
        "taskDefinition": service.task_definition,
        "deploymentConfiguration": service.configuration.shown(),
        "taskSets": [],
        "deployments": deployments,
        "events": events,
        "createdAt": epoch(service.created_at),
        "currentServiceDeployment": service.history.first().map(|deployment| &deployment.arn),
        "currentServiceRevisions": current_revisions(service),
        "placementConstraints": [],
        "placementStrategy": [],
        "networkConfiguration": service.network_configuration,
        "schedulingStrategy": "REPLICA",
        "deploymentController": { "type": "ECS" },
        "createdBy": service.created_by,
        "enableECSManagedTags": service.enable_ecs_managed_tags,
        "propagateTags": service.propagate_tags,
        "enableExecuteCommand": service.enable_execute_command,
        "availabilityZoneRebalancing": service.availability_zone_rebalancing,
        "tags": with_tags.then_some(&service.tags),
    })))
}

/// How many tasks of a deployment are wanted, run, and are on their way.
struct Counts {
    wanted: usize,
    running: usize,
    pending: usize,
}

fn counts(service: &EcsService, deployments: &[&str]) -> Counts {
    let tasks = || service.tasks.iter().filter(|task| deployments.contains(&task.deployment.as_str()));
    Counts {
        wanted: tasks().filter(|task| task.is_wanted()).count(),
        running: tasks().filter(|task| task.is_running()).count(),
        pending: tasks().filter(|task| task.is_pending()).count(),
    }
}

fn deployment_shown(service: &EcsService, deployment: &Deployment, primary: bool) -> Value {
    let counts = counts(service, &[&deployment.id]);
    let desired = if primary && deployment.state != RolloutState::Failed {
        json!(service.desired_count)
    } else {
        json!(counts.wanted)
    };
    Value::Object(without_nulls(json!({
        "id": deployment.id,
        "status": if primary { "PRIMARY" } else { "ACTIVE" },
        "taskDefinition": deployment.task_definition,
        "desiredCount": desired,
        "pendingCount": counts.pending,
        "runningCount": counts.running,
        "failedTasks": deployment.failed_tasks,
        "createdAt": epoch(deployment.created_at),
        "updatedAt": epoch(deployment.updated_at),
        "launchType": service.launch_type,
        "platformVersion": service.platform_version,
        "networkConfiguration": service.network_configuration,
        "rolloutState": deployment.state.name(),
        "rolloutStateReason": deployment.reason,
    })))
}

/// The service revisions that have tasks, or shall have.
fn current_revisions(service: &EcsService) -> Vec<Value> {
    let mut arns: Vec<&str> = Vec::new();
    for (place, deployment) in service.deployments.iter().enumerate() {
        let has_tasks = service.tasks.iter().any(|task| task.is_there() && task.deployment == deployment.id);
        if (place == 0 || has_tasks) && !arns.contains(&deployment.revision.as_str()) {
            arns.push(&deployment.revision);
        }
    }
    arns.into_iter().map(|arn| revision_summary(service, arn)).collect()
}

/// A service revision and its tasks.
pub(super) fn revision_summary(service: &EcsService, arn: &str) -> Value {
    let of_revision = service.deployments.iter().filter(|deployment| deployment.revision == arn);
    let ids: Vec<&str> = of_revision.map(|deployment| deployment.id.as_str()).collect();
    let counts = counts(service, &ids);
    let is_primary = service
        .primary()
        .is_some_and(|primary| primary.revision == arn && primary.state != RolloutState::Failed);
    let requested = if is_primary { json!(service.desired_count) } else { json!(counts.wanted) };
    json!({
        "arn": arn,
        "requestedTaskCount": requested,
        "runningTaskCount": counts.running,
        "pendingTaskCount": counts.pending,
    })
}
