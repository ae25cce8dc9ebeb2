//! Amazon ECS: clusters, task definitions, services, and rollouts that take time. Containers do not run: what
//! one would do is read from its image's labels (see [`super::ecr::PulledImage`]).

mod announcements;
mod authorization;
mod clusters;
mod container_definitions;
mod deployment_configuration;
mod deployments;
mod images;
mod list_tasks;
mod names;
mod paging;
mod rollback;
mod rollout;
mod scheduling;
mod service_deployments;
mod service_inputs;
mod service_revisions;
mod services;
mod show_services;
mod tags;
mod task_definitions;
mod task_life;
mod tasks;

#[cfg(test)]
mod tests;

use crate::caller::Caller;
use crate::error::AwsError;
use crate::names::AccountId;
use crate::world::World;
use names::ServiceName;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// What one account holds of this service.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct State {
    /// By name; a deleted cluster stays, inactive.
    clusters: BTreeMap<String, clusters::Cluster>,
    /// By family, then by revision; a deregistered revision stays, inactive.
    task_definitions: BTreeMap<String, BTreeMap<u32, task_definitions::TaskDefinition>>,
    /// What images do in tests that have no registry.
    #[cfg(test)]
    #[serde(skip)]
    images: BTreeMap<String, Result<super::ecr::PulledImage, String>>,
    /// Every event so far.
    #[cfg(test)]
    #[serde(skip)]
    announced: Vec<(chrono::DateTime<chrono::Utc>, super::events::ServiceEvent)>,
}

/// What this service asked to be woken for. What it names may be gone by then; then nothing happens.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Timer {
    service: ServiceName,
    wake: Wake,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
enum Wake {
    /// A pending service deployment (its ARN) begins.
    DeploymentBegins(String),
    /// A service deployment (its ARN) that a person stopped begins to roll back.
    RollbackBegins(String),
    /// A deployment (its id) may start tasks again after some failed.
    RetryIsDue(String),
    /// A task (its id) pulls its images and starts its containers.
    TaskStarts(String),
    /// A task's (its id) containers turn out healthy, unhealthy or gone.
    TaskSettles(String),
    /// A stopping task (its id) has drained.
    TaskDrained(String),
}

/// Goes on where a timer was set.
pub(crate) fn due(world: &mut World, account: &AccountId, timer: Timer) {
    let Timer { service, wake } = timer;
    let outcome = match wake {
        Wake::DeploymentBegins(arn) => rollout::begin(world, account, &service, &arn),
        Wake::RollbackBegins(arn) => rollback::begin_by_hand(world, account, &service, &arn),
        Wake::RetryIsDue(deployment) => rollout::retry(world, account, &service, &deployment),
        Wake::TaskStarts(task) => task_life::start(world, account, &service, &task),
        Wake::TaskSettles(task) => task_life::settle(world, account, &service, &task),
        Wake::TaskDrained(task) => task_life::drained(world, account, &service, &task),
    };
    // A timer outlives the service it was set for: nobody waits for its answer.
    drop(outcome);
}

/// Carries out one operation.
pub(crate) fn call(
    world: &mut World,
    caller: &Caller,
    operation: &str,
    input: Value,
) -> Result<Value, AwsError> {
    match operation {
        "CreateCluster" => clusters::create(world, caller, input),
        "DescribeClusters" => clusters::describe(world, caller, input),
        "ListClusters" => clusters::list(world, caller, input),
        "DeleteCluster" => clusters::delete(world, caller, input),
        "RegisterTaskDefinition" => task_definitions::register(world, caller, input),
        "DescribeTaskDefinition" => task_definitions::describe(world, caller, input),
        "ListTaskDefinitions" => task_definitions::list(world, caller, input),
        "DeregisterTaskDefinition" => task_definitions::deregister(world, caller, input),
        "CreateService" => services::create(world, caller, input),
        "UpdateService" => services::update(world, caller, input),
        "DeleteService" => services::delete(world, caller, input),
        "DescribeServices" => show_services::describe(world, caller, input),
        "ListServices" => show_services::list(world, caller, input),
        "ListTasks" => list_tasks::list(world, caller, input),
        "DescribeTasks" => list_tasks::describe(world, caller, input),
        "ListServiceDeployments" => service_deployments::list(world, caller, input),
        "DescribeServiceDeployments" => service_deployments::describe(world, caller, input),
        "StopServiceDeployment" => service_deployments::stop(world, caller, input),
        "DescribeServiceRevisions" => service_revisions::describe(world, caller, input),
        "TagResource" => tags::tag(world, caller, input),
        "UntagResource" => tags::untag(world, caller, input),
        "ListTagsForResource" => tags::list(world, caller, input),
        _ => Err(AwsError::not_in_local_aws(format!("the operation ecs {operation}"))),
    }
}
