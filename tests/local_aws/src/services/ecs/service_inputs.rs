//! What CreateService and UpdateService are asked.

use super::deployment_configuration::DeploymentConfigurationInput;
use super::tags::Tag;
use super::task_definitions::{self, TaskDefinition};
use crate::caller::Caller;
use crate::error::AwsError;
use crate::world::World;
use serde::{Deserialize, Serialize};

const DESIRED_MAX: i64 = 5000;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct CreateServiceInput {
    pub(super) cluster: Option<String>,
    pub(super) service_name: Option<String>,
    pub(super) task_definition: Option<String>,
    pub(super) desired_count: Option<i64>,
    pub(super) launch_type: Option<LaunchType>,
    pub(super) platform_version: Option<String>,
    pub(super) deployment_configuration: Option<DeploymentConfigurationInput>,
    pub(super) network_configuration: Option<NetworkConfiguration>,
    #[serde(rename = "schedulingStrategy")]
    _scheduling_strategy: Option<SchedulingStrategy>,
    #[serde(rename = "deploymentController")]
    _deployment_controller: Option<DeploymentController>,
    pub(super) availability_zone_rebalancing: Option<Rebalancing>,
    #[serde(default)]
    pub(super) tags: Vec<Tag>,
    #[serde(default, rename = "enableECSManagedTags")]
    pub(super) enable_ecs_managed_tags: bool,
    pub(super) propagate_tags: Option<PropagateTags>,
    #[serde(default)]
    pub(super) enable_execute_command: bool,
    /// Read, so that clients which always send one can be served; a second creation is refused either way.
    #[serde(rename = "clientToken")]
    _client_token: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct UpdateServiceInput {
    pub(super) cluster: Option<String>,
    pub(super) service: Option<String>,
    pub(super) desired_count: Option<i64>,
    pub(super) task_definition: Option<String>,
    pub(super) deployment_configuration: Option<DeploymentConfigurationInput>,
    #[serde(default)]
    pub(super) force_new_deployment: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct DeleteServiceInput {
    pub(super) cluster: Option<String>,
    pub(super) service: Option<String>,
    #[serde(default)]
    pub(super) force: bool,
}

/// Where tasks run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(super) enum LaunchType {
    Ec2,
    Fargate,
}

#[derive(Deserialize)]
#[serde(rename_all = "UPPERCASE")]
enum SchedulingStrategy {
    Replica,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DeploymentController {
    #[serde(rename = "type")]
    _type: DeploymentControllerType,
}

#[derive(Deserialize)]
#[serde(rename_all = "UPPERCASE")]
enum DeploymentControllerType {
    Ecs,
}

/// Whether tasks are spread over zones again; kept and shown only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(super) enum Rebalancing {
    Enabled,
    Disabled,
}

/// Whose tags tasks get; kept and shown only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(super) enum PropagateTags {
    TaskDefinition,
    Service,
    None,
}

/// Which network tasks are in; kept and shown only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct NetworkConfiguration {
    awsvpc_configuration: AwsvpcConfiguration,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct AwsvpcConfiguration {
    subnets: Vec<String>,
    #[serde(default)]
    security_groups: Vec<String>,
    #[serde(default = "disabled")]
    assign_public_ip: Rebalancing,
}

fn disabled() -> Rebalancing {
    Rebalancing::Disabled
}

/// How many tasks there shall be.
///
/// # Errors
/// `InvalidParameterException` for less than none or more than ECS allows.
pub(super) fn checked_desired_count(count: i64) -> Result<u32, AwsError> {
    u32::try_from(count).ok().filter(|_| count <= DESIRED_MAX).ok_or_else(|| {
        AwsError::new(
            "InvalidParameterException",
            format!("desiredCount was {count}; it must be between 0 and {DESIRED_MAX}"),
        )
    })
}

/// The active task definition that a request names.
///
/// # Errors
/// `ClientException` when there is none.
pub(super) fn active_task_definition<'a>(
    world: &'a World,
    caller: &Caller,
    text: &str,
) -> Result<&'a TaskDefinition, AwsError> {
    let found = task_definitions::find(world, caller, text)?
        .ok_or_else(|| AwsError::new("ClientException", "TaskDefinition not found."))?;
    if !found.active {
        return Err(AwsError::new("ClientException", "TaskDefinition is inactive"));
    }
    Ok(found)
}

/// Checks that a task definition, a launch type and a network fit together.
///
/// # Errors
/// `InvalidParameterException`, as AWS words it.
pub(super) fn check_fit(
    task_definition: &TaskDefinition,
    launch_type: LaunchType,
    network: Option<&NetworkConfiguration>,
) -> Result<(), AwsError> {
    let refuse = |message: &str| Err(AwsError::new("InvalidParameterException", message));
    if launch_type == LaunchType::Fargate && !task_definition.fits_fargate() {
        return refuse("Task definition does not support launch_type FARGATE.");
    }
    match (task_definition.needs_network_configuration(), network) {
        (true, None) => {
            refuse("Network Configuration must be provided when networkMode 'awsvpc' is specified.")
        }
        (false, Some(_)) => {
            refuse("Network Configuration is not valid for the given networkMode of this task definition.")
        }
        (true, Some(network)) if network.awsvpc_configuration.subnets.is_empty() => {
            refuse("subnets can not be empty.")
        }
        _ => Ok(()),
    }
}
