//! Services: so many tasks of a task definition, kept running.

use super::deployment_configuration::DeploymentConfiguration;
use super::deployments::{Deployment, ServiceDeployment};
use super::names::{self, ServiceName};
use super::service_inputs::{
    self, CreateServiceInput, DeleteServiceInput, LaunchType, NetworkConfiguration, PropagateTags,
    Rebalancing, UpdateServiceInput,
};
use super::service_revisions::ServiceRevision;
use super::tags::{self, Tag};
use super::tasks::Task;
use super::{authorization, clusters, rollout, show_services, task_definitions};
use crate::caller::Caller;
use crate::error::AwsError;
use crate::names::AccountId;
use crate::services::{Service, parse_input};
use crate::world::World;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::VecDeque;

/// A service of ECS.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct EcsService {
    pub(super) name: ServiceName,
    pub(super) status: ServiceStatus,
    pub(super) desired_count: u32,
    pub(super) task_definition: String,
    pub(super) launch_type: LaunchType,
    pub(super) platform_version: Option<String>,
    pub(super) network_configuration: Option<NetworkConfiguration>,
    pub(super) configuration: DeploymentConfiguration,
    pub(super) availability_zone_rebalancing: Rebalancing,
    pub(super) propagate_tags: PropagateTags,
    pub(super) enable_ecs_managed_tags: bool,
    pub(super) enable_execute_command: bool,
    pub(super) tags: Vec<Tag>,
    pub(super) created_at: DateTime<Utc>,
    pub(super) created_by: String,
    /// Newest first.
    pub(super) messages: VecDeque<ServiceMessage>,
    /// Newest first; the first is the primary one.
    pub(super) deployments: Vec<Deployment>,
    /// All service deployments, newest first.
    pub(super) history: Vec<ServiceDeployment>,
    pub(super) revisions: Vec<ServiceRevision>,
    /// Oldest first; those that stopped stay for an hour.
    pub(super) tasks: Vec<Task>,
    /// The ARN of the service revision that was deployed completely last.
    pub(super) last_completed: Option<String>,
    /// It has what it should have, and people were told.
    pub(super) steady: bool,
}

/// How a service stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(super) enum ServiceStatus {
    Active,
    Draining,
    Inactive,
}

/// What a service tells people about itself.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct ServiceMessage {
    pub(super) id: String,
    pub(super) created_at: DateTime<Utc>,
    pub(super) text: String,
}

impl EcsService {
    /// The newest deployment.
    pub(super) fn primary(&self) -> Option<&Deployment> {
        self.deployments.first()
    }

    pub(super) fn deployment_mut(&mut self, id: &str) -> Option<&mut Deployment> {
        self.deployments.iter_mut().find(|deployment| deployment.id == id)
    }

    pub(super) fn service_deployment(&self, arn: &str) -> Option<&ServiceDeployment> {
        self.history.iter().find(|deployment| deployment.arn == arn)
    }

    pub(super) fn service_deployment_mut(&mut self, arn: &str) -> Option<&mut ServiceDeployment> {
        self.history.iter_mut().find(|deployment| deployment.arn == arn)
    }

    pub(super) fn revision(&self, arn: &str) -> Option<&ServiceRevision> {
        self.revisions.iter().find(|revision| revision.arn == arn)
    }

    pub(super) fn revision_mut(&mut self, arn: &str) -> Option<&mut ServiceRevision> {
        self.revisions.iter_mut().find(|revision| revision.arn == arn)
    }

    pub(super) fn task(&self, id: &str) -> Option<&Task> {
        self.tasks.iter().find(|task| task.id == id)
    }

    pub(super) fn task_mut(&mut self, id: &str) -> Option<&mut Task> {
        self.tasks.iter_mut().find(|task| task.id == id)
    }
}

/// A service of an active cluster, whatever its status.
///
/// # Errors
/// `ClusterNotFoundException`, `ServiceNotFoundException`.
pub(super) fn service<'a>(
    world: &'a World,
    account: &AccountId,
    name: &ServiceName,
) -> Result<&'a EcsService, AwsError> {
    clusters::active(world, account, &name.cluster)?.services.get(&name.service).ok_or_else(not_found)
}

/// A service of an active cluster, whatever its status, to change it.
///
/// # Errors
/// `ClusterNotFoundException`, `ServiceNotFoundException`.
pub(super) fn service_mut<'a>(
    world: &'a mut World,
    account: &AccountId,
    name: &ServiceName,
) -> Result<&'a mut EcsService, AwsError> {
    let cluster = clusters::active_mut(world, account, &name.cluster)?;
    cluster.services.get_mut(&name.service).ok_or_else(not_found)
}

fn not_found() -> AwsError {
    AwsError::new("ServiceNotFoundException", "Service not found.")
}

pub(super) fn create(world: &mut World, caller: &Caller, input: Value) -> Result<Value, AwsError> {
    const OPERATION: &str = "CreateService";
    let refuse = |message: &str| Err(AwsError::new("InvalidParameterException", message));
    let input: CreateServiceInput = parse_input(Service::Ecs, OPERATION, input)?;
    let cluster = names::cluster_of_input(caller, input.cluster.as_deref())?;
    let name = ServiceName { cluster, service: input.service_name.clone().unwrap_or_default() };
    if !names::is_name(&name.service) {
        return refuse(
            "Service name must be 1 to 255 letters (uppercase and lowercase), numbers, underscores, and hyphens.",
        );
    }
    authorization::on_service(world, caller, "ecs:CreateService", &name)?;
    let arn = names::service_arn(world, &caller.account, &name);
    authorization::to_tag_on_creation(world, caller, OPERATION, &arn, &input.tags)?;
    tags::check(&input.tags)?;

    let existing = clusters::active(world, &caller.account, &name.cluster)?.services.get(&name.service);
    match existing.map(|service| service.status) {
        Some(ServiceStatus::Active) => return refuse("Creation of service was not idempotent."),
        Some(ServiceStatus::Draining) => return refuse("Unable to Start a service that is still Draining."),
        Some(ServiceStatus::Inactive) | None => {}
    }
    let Some(task_definition) = input.task_definition.as_deref().filter(|text| !text.is_empty()) else {
        return refuse("TaskDefinition cannot be blank.");
    };
    let task_definition = service_inputs::active_task_definition(world, caller, task_definition)?;
    let launch_type = input.launch_type.unwrap_or(LaunchType::Ec2);
    service_inputs::check_fit(task_definition, launch_type, input.network_configuration.as_ref())?;
    let task_definition = task_definitions::arn_of(world, &caller.account, task_definition);
    let Some(desired_count) = input.desired_count else {
        return refuse("desiredCount is required when the scheduling strategy is REPLICA.");
    };
    let service = EcsService {
        name: name.clone(),
        status: ServiceStatus::Active,
        desired_count: service_inputs::checked_desired_count(desired_count)?,
        task_definition,
        launch_type,
        platform_version: match launch_type {
            LaunchType::Fargate => Some(input.platform_version.unwrap_or_else(|| "LATEST".to_owned())),
            LaunchType::Ec2 => input.platform_version,
        },
        network_configuration: input.network_configuration,
        configuration: DeploymentConfiguration::default()
            .changed_by(input.deployment_configuration.unwrap_or_default())?,
        availability_zone_rebalancing: input.availability_zone_rebalancing.unwrap_or(Rebalancing::Enabled),
        propagate_tags: input.propagate_tags.unwrap_or(PropagateTags::None),
        enable_ecs_managed_tags: input.enable_ecs_managed_tags,
        enable_execute_command: input.enable_execute_command,
        tags: input.tags,
        created_at: world.now(),
        created_by: caller.arn(),
        messages: VecDeque::new(),
        deployments: Vec::new(),
        history: Vec::new(),
        revisions: Vec::new(),
        tasks: Vec::new(),
        last_completed: None,
        steady: false,
    };
    let cluster = clusters::active_mut(world, &caller.account, &name.cluster)?;
    cluster.services.insert(name.service.clone(), service);
    rollout::deploy(world, &caller.account, &name)?;
    answer(world, caller, &name)
}

pub(super) fn update(world: &mut World, caller: &Caller, input: Value) -> Result<Value, AwsError> {
    let input: UpdateServiceInput = parse_input(Service::Ecs, "UpdateService", input)?;
    let name = name_of_input(caller, input.cluster.as_deref(), input.service.as_deref())?;
    authorization::on_service(world, caller, "ecs:UpdateService", &name)?;
    let service = service(world, &caller.account, &name)?;
    if service.status != ServiceStatus::Active {
        return Err(AwsError::new("ServiceNotActiveException", "Service was not ACTIVE."));
    }
    let task_definition = match input.task_definition.as_deref() {
        None => service.task_definition.clone(),
        Some(text) => {
            let found = service_inputs::active_task_definition(world, caller, text)?;
            service_inputs::check_fit(found, service.launch_type, service.network_configuration.as_ref())?;
            task_definitions::arn_of(world, &caller.account, found)
        }
    };
    let configuration =
        service.configuration.changed_by(input.deployment_configuration.unwrap_or_default())?;
    let desired_count =
        input.desired_count.map_or(Ok(service.desired_count), service_inputs::checked_desired_count)?;

    let service = service_mut(world, &caller.account, &name)?;
    let other = service.task_definition != task_definition;
    service.task_definition = task_definition;
    service.configuration = configuration;
    service.desired_count = desired_count;
    if other || input.force_new_deployment {
        rollout::deploy(world, &caller.account, &name)?;
    } else {
        rollout::reconcile(world, &caller.account, &name)?;
    }
    answer(world, caller, &name)
}

pub(super) fn delete(world: &mut World, caller: &Caller, input: Value) -> Result<Value, AwsError> {
    let input: DeleteServiceInput = parse_input(Service::Ecs, "DeleteService", input)?;
    let name = name_of_input(caller, input.cluster.as_deref(), input.service.as_deref())?;
    authorization::on_service(world, caller, "ecs:DeleteService", &name)?;
    let service = service_mut(world, &caller.account, &name)?;
    if service.status != ServiceStatus::Active {
        return Err(not_found());
    }
    if service.desired_count > 0 && !input.force {
        return Err(AwsError::new(
            "InvalidParameterException",
            "The service cannot be stopped while the primary deployment is scaled above 0.",
        ));
    }
    service.desired_count = 0;
    service.status = ServiceStatus::Draining;
    let answer = answer(world, caller, &name)?;
    rollout::reconcile(world, &caller.account, &name)?;
    Ok(answer)
}

/// The service that a request names.
///
/// # Errors
/// `InvalidParameterException` when it names none.
pub(super) fn name_of_input(
    caller: &Caller,
    cluster: Option<&str>,
    service: Option<&str>,
) -> Result<ServiceName, AwsError> {
    let cluster = names::cluster_of_input(caller, cluster)?;
    match service.filter(|text| !text.is_empty()) {
        Some(text) => names::service_of_input(caller, &cluster, text),
        None => Err(AwsError::new("InvalidParameterException", "Service cannot be blank.")),
    }
}

fn answer(world: &World, caller: &Caller, name: &ServiceName) -> Result<Value, AwsError> {
    let service = service(world, &caller.account, name)?;
    Ok(json!({ "service": show_services::shown(world, &caller.account, service, true) }))
}
