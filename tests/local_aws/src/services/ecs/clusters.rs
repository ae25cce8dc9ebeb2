//! Clusters: nothing but names that hold services.

use super::names;
use super::services::{EcsService, ServiceStatus};
use super::tags::{self, Tag};
use super::{authorization, paging, tasks};
use crate::caller::Caller;
use crate::error::AwsError;
use crate::names::AccountId;
use crate::services::{Service, iam, parse_input};
use crate::world::World;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;

const DESCRIBED_MAX: usize = 100;
const PAGE_USUAL: usize = 100;

/// A cluster.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Cluster {
    name: String,
    active: bool,
    pub(super) tags: Vec<Tag>,
    /// By name; a deleted service stays, inactive.
    pub(super) services: BTreeMap<String, EcsService>,
}

/// An active cluster.
///
/// # Errors
/// `ClusterNotFoundException`.
pub(super) fn active<'a>(world: &'a World, account: &AccountId, name: &str) -> Result<&'a Cluster, AwsError> {
    let found = world.account(account)?.ecs.clusters.get(name);
    found.filter(|cluster| cluster.active).ok_or_else(not_found)
}

/// An active cluster, to change it.
///
/// # Errors
/// `ClusterNotFoundException`.
pub(super) fn active_mut<'a>(
    world: &'a mut World,
    account: &AccountId,
    name: &str,
) -> Result<&'a mut Cluster, AwsError> {
    let found = world.account_mut(account)?.ecs.clusters.get_mut(name);
    found.filter(|cluster| cluster.active).ok_or_else(not_found)
}

fn not_found() -> AwsError {
    AwsError::new("ClusterNotFoundException", "Cluster not found.")
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct CreateClusterInput {
    cluster_name: Option<String>,
    #[serde(default)]
    tags: Vec<Tag>,
}

pub(super) fn create(world: &mut World, caller: &Caller, input: Value) -> Result<Value, AwsError> {
    let input: CreateClusterInput = parse_input(Service::Ecs, "CreateCluster", input)?;
    authorization::on_everything(world, caller, "ecs:CreateCluster")?;
    let name = input.cluster_name.unwrap_or_else(|| "default".to_owned());
    if !names::is_name(&name) {
        return Err(AwsError::new(
            "InvalidParameterException",
            "Cluster name must be 1 to 255 letters, numbers, hyphens and underscores.",
        ));
    }
    tags::check(&input.tags)?;
    let arn = names::cluster_arn(world, &caller.account, &name);
    authorization::to_tag_on_creation(world, caller, "CreateCluster", &arn, &input.tags)?;
    let clusters = &mut world.account_mut(&caller.account)?.ecs.clusters;
    // Creating a cluster that is there is no error: AWS answers with it, unchanged.
    if !clusters.get(&name).is_some_and(|cluster| cluster.active) {
        let cluster =
            Cluster { name: name.clone(), active: true, tags: input.tags, services: BTreeMap::new() };
        clusters.insert(name.clone(), cluster);
    }
    Ok(json!({ "cluster": shown(world, &caller.account, active(world, &caller.account, &name)?, true) }))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct DescribeClustersInput {
    #[serde(default)]
    clusters: Vec<String>,
    #[serde(default)]
    include: Vec<ClusterField>,
}

#[derive(Deserialize, PartialEq)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum ClusterField {
    Settings,
    Tags,
}

pub(super) fn describe(world: &mut World, caller: &Caller, input: Value) -> Result<Value, AwsError> {
    let input: DescribeClustersInput = parse_input(Service::Ecs, "DescribeClusters", input)?;
    if input.clusters.len() > DESCRIBED_MAX {
        return Err(AwsError::new(
            "InvalidParameterException",
            format!("Clusters cannot be more than {DESCRIBED_MAX}."),
        ));
    }
    let wanted = if input.clusters.is_empty() { vec!["default".to_owned()] } else { input.clusters };
    let (mut clusters, mut failures) = (Vec::new(), Vec::new());
    for text in wanted {
        let name = names::cluster_of_input(caller, Some(&text))?;
        let arn = names::cluster_arn(world, &caller.account, &name);
        iam::authorize(world, caller, "ecs:DescribeClusters", &arn, &[])?;
        match world.account(&caller.account)?.ecs.clusters.get(&name) {
            Some(cluster) => {
                let with_tags = input.include.contains(&ClusterField::Tags);
                clusters.push(shown(world, &caller.account, cluster, with_tags));
            }
            None => failures.push(json!({ "arn": arn, "reason": "MISSING" })),
        }
    }
    Ok(json!({ "clusters": clusters, "failures": failures }))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ListClustersInput {
    next_token: Option<String>,
    max_results: Option<i64>,
}

pub(super) fn list(world: &mut World, caller: &Caller, input: Value) -> Result<Value, AwsError> {
    let input: ListClustersInput = parse_input(Service::Ecs, "ListClusters", input)?;
    authorization::on_everything(world, caller, "ecs:ListClusters")?;
    let clusters = world.account(&caller.account)?.ecs.clusters.values();
    let arns = clusters
        .filter(|cluster| cluster.active)
        .map(|cluster| names::cluster_arn(world, &caller.account, &cluster.name))
        .collect();
    Ok(paging::page(arns, input.max_results, input.next_token.as_deref(), PAGE_USUAL)?
        .into_answer("clusterArns"))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct DeleteClusterInput {
    cluster: Option<String>,
}

pub(super) fn delete(world: &mut World, caller: &Caller, input: Value) -> Result<Value, AwsError> {
    let input: DeleteClusterInput = parse_input(Service::Ecs, "DeleteCluster", input)?;
    if input.cluster.as_deref().is_none_or(str::is_empty) {
        return Err(AwsError::new("InvalidParameterException", "Cluster can not be blank."));
    }
    let name = names::cluster_of_input(caller, input.cluster.as_deref())?;
    let arn = names::cluster_arn(world, &caller.account, &name);
    iam::authorize(world, caller, "ecs:DeleteCluster", &arn, &[("ecs:cluster", &arn)])?;
    let cluster = active_mut(world, &caller.account, &name)?;
    if cluster.services.values().any(|service| service.status == ServiceStatus::Active) {
        return Err(AwsError::new(
            "ClusterContainsServicesException",
            "The Cluster cannot be deleted while Services are active.",
        ));
    }
    if cluster.services.values().flat_map(|service| &service.tasks).any(tasks::Task::is_there) {
        return Err(AwsError::new(
            "ClusterContainsTasksException",
            "The Cluster cannot be deleted while Tasks are active.",
        ));
    }
    cluster.active = false;
    cluster.services.clear();
    let cluster = world.account(&caller.account)?.ecs.clusters.get(&name).ok_or_else(not_found)?;
    Ok(json!({ "cluster": shown(world, &caller.account, cluster, true) }))
}

fn shown(world: &World, account: &AccountId, cluster: &Cluster, with_tags: bool) -> Value {
    let all_tasks = || cluster.services.values().flat_map(|service| &service.tasks);
    let services = cluster.services.values();
    json!({
        "clusterArn": names::cluster_arn(world, account, &cluster.name),
        "clusterName": cluster.name,
        "status": if cluster.active { "ACTIVE" } else { "INACTIVE" },
        "registeredContainerInstancesCount": 0,
        "runningTasksCount": all_tasks().filter(|task| task.is_running()).count(),
        "pendingTasksCount": all_tasks().filter(|task| task.is_pending()).count(),
        "activeServicesCount": services.filter(|service| service.status == ServiceStatus::Active).count(),
        "statistics": [],
        "tags": if with_tags { json!(cluster.tags) } else { json!([]) },
        "settings": [],
        "capacityProviders": [],
        "defaultCapacityProviderStrategy": [],
    })
}
