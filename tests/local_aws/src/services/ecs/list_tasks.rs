//! Finding and describing tasks.

use super::clusters::Cluster;
use super::names;
use super::service_inputs::LaunchType;
use super::services::EcsService;
use super::tasks::Task;
use super::{authorization, clusters, paging, services};
use crate::caller::Caller;
use crate::error::AwsError;
use crate::services::{Service, parse_input};
use crate::world::World;
use serde::Deserialize;
use serde_json::{Value, json};

const DESCRIBED_MAX: usize = 100;
const PAGE_USUAL: usize = 100;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ListTasksInput {
    cluster: Option<String>,
    service_name: Option<String>,
    family: Option<String>,
    started_by: Option<String>,
    desired_status: Option<DesiredStatus>,
    launch_type: Option<LaunchType>,
    next_token: Option<String>,
    max_results: Option<i64>,
}

#[derive(Deserialize, Clone, Copy, PartialEq)]
#[serde(rename_all = "UPPERCASE")]
enum DesiredStatus {
    Running,
    /// Allowed, and never any task's.
    Pending,
    Stopped,
}

pub(super) fn list(world: &mut World, caller: &Caller, input: Value) -> Result<Value, AwsError> {
    let input: ListTasksInput = parse_input(Service::Ecs, "ListTasks", input)?;
    let cluster = names::cluster_of_input(caller, input.cluster.as_deref())?;
    authorization::in_cluster(world, caller, "ecs:ListTasks", "*", &cluster)?;
    if input.started_by.is_some() && (input.service_name.is_some() || input.family.is_some()) {
        return Err(AwsError::new(
            "InvalidParameterException",
            "startedBy must be the only filter when it is used.",
        ));
    }
    let found = clusters::active(world, &caller.account, &cluster)?;
    let wanted = match input.service_name.as_deref() {
        None => None,
        Some(text) => {
            let name = names::service_of_input(caller, &cluster, text)?;
            services::service(world, &caller.account, &name)?;
            Some(name)
        }
    };
    let desired = input.desired_status.unwrap_or(DesiredStatus::Running);
    let arns = all(found)
        .filter(|(service, _)| wanted.as_ref().is_none_or(|name| *name == service.name))
        .filter(|(service, _)| input.launch_type.is_none_or(|wanted| wanted == service.launch_type))
        .filter(|(_, task)| input.started_by.as_ref().is_none_or(|by| *by == task.deployment))
        .filter(|(_, task)| input.family.as_deref().is_none_or(|family| is_of_family(task, family)))
        .filter(|(_, task)| match desired {
            DesiredStatus::Running => task.is_wanted(),
            DesiredStatus::Pending => false,
            DesiredStatus::Stopped => !task.is_wanted(),
        })
        .map(|(_, task)| names::task_arn(world, &caller.account, &cluster, &task.id))
        .collect();
    Ok(paging::page(arns, input.max_results, input.next_token.as_deref(), PAGE_USUAL)?
        .into_answer("taskArns"))
}

fn all(cluster: &Cluster) -> impl Iterator<Item = (&EcsService, &Task)> {
    cluster.services.values().flat_map(|service| service.tasks.iter().map(move |task| (service, task)))
}

fn is_of_family(task: &Task, family: &str) -> bool {
    let name = task.task_definition.rsplit('/').next().unwrap_or_default();
    name.rsplit_once(':').is_some_and(|(found, _)| found == family)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct DescribeTasksInput {
    cluster: Option<String>,
    #[serde(default)]
    tasks: Vec<String>,
    /// Tasks have no tags of their own here, so there is nothing to leave out.
    #[serde(default, rename = "include")]
    _include: Vec<IncludedField>,
}

#[derive(Deserialize)]
#[serde(rename_all = "UPPERCASE")]
enum IncludedField {
    Tags,
}

pub(super) fn describe(world: &mut World, caller: &Caller, input: Value) -> Result<Value, AwsError> {
    let input: DescribeTasksInput = parse_input(Service::Ecs, "DescribeTasks", input)?;
    let cluster = names::cluster_of_input(caller, input.cluster.as_deref())?;
    if input.tasks.is_empty() {
        return Err(AwsError::new("InvalidParameterException", "Tasks cannot be empty."));
    }
    if input.tasks.len() > DESCRIBED_MAX {
        return Err(AwsError::new(
            "InvalidParameterException",
            format!("{} tasks were named; at most {DESCRIBED_MAX} can be.", input.tasks.len()),
        ));
    }
    let found = clusters::active(world, &caller.account, &cluster)?;
    let (mut tasks, mut failures) = (Vec::new(), Vec::new());
    for text in &input.tasks {
        let path = names::short_name(caller, text, "task")?.unwrap_or_default();
        let id = match path.split_once('/') {
            Some((named, id)) if named == cluster => id,
            Some(_) => "",
            None => &path,
        };
        let arn = names::task_arn(world, &caller.account, &cluster, id);
        authorization::in_cluster(world, caller, "ecs:DescribeTasks", &arn, &cluster)?;
        match all(found).find(|(_, task)| task.id == id) {
            Some((service, task)) => tasks.push(task.shown(world, &caller.account, service)),
            None => failures.push(json!({ "arn": arn, "reason": "MISSING" })),
        }
    }
    Ok(json!({ "tasks": tasks, "failures": failures }))
}
