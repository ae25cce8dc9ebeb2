//! The ECS deploy action: a new revision of the service's task definition with other images.
//!
//! The requests are built and the replies read by functions that know no world, so that they can be tried
//! with replies that no service gave.

use super::action_types::{self, DEPLOYMENT_TIMEOUT_MAX};
use super::declaration::ActionDeclaration;
use super::records::{Artifact, Failure, Rollout};
use super::source_action::configured;
use crate::caller::Caller;
use crate::error::AwsError;
use crate::services::{self, Service, codecommit, iam};
use crate::world::World;
use chrono::Duration;
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// AWS's limit for an image definitions file.
const FILE_SIZE_MAX: usize = 100 * 1024;
/// The file that is read when the action names none.
const FILE_NAME_DEFAULT: &str = "imagedefinitions.json";
/// What a new revision takes over from the old one. What ECS adds by itself (ARN, revision, status, …) is
/// refused as input.
const TAKEN_OVER: &[&str] = &[
    "family",
    "taskRoleArn",
    "executionRoleArn",
    "networkMode",
    "containerDefinitions",
    "volumes",
    "placementConstraints",
    "requiresCompatibilities",
    "cpu",
    "memory",
    "pidMode",
    "ipcMode",
    "proxyConfiguration",
    "inferenceAccelerators",
    "ephemeralStorage",
    "runtimePlatform",
    "enableFaultInjection",
];

/// One entry of an image definitions file.
#[derive(Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ImageDefinition {
    name: String,
    image_uri: String,
}

/// How far a rollout is.
#[derive(Debug, PartialEq)]
pub(super) enum Progress {
    /// The deployment that the action started is complete.
    Complete,
    /// It is not; also when ECS has put another one in its place, which the action does not notice.
    GoingOn,
}

/// Where a deploy action deploys to.
struct Target {
    cluster: String,
    service: String,
}

/// Reads the file, registers the new revision and updates the service.
pub(super) fn begin(
    world: &mut World,
    role: &Caller,
    action: &ActionDeclaration,
    artifact: &Artifact,
) -> Result<Rollout, Failure> {
    let target = Target::of(action);
    let images = read_file(world, role, action, artifact)?;
    let described = call(world, role, &target, "DescribeServices", target.describe())?;
    let used = used_task_definition(&described, &target)?;
    let input = json!({ "taskDefinition": used, "include": ["TAGS"] });
    let current = call(world, role, &target, "DescribeTaskDefinition", input)?;
    let revision = revised(&current, &images)?;
    let registered = call(world, role, &target, "RegisterTaskDefinition", revision)?;
    let Some(arn) = registered.pointer("/taskDefinition/taskDefinitionArn") else {
        return Err(Failure::job_failed("ECS registered a task definition without an ARN"));
    };
    let input = json!({ "cluster": target.cluster, "service": target.service, "taskDefinition": arn });
    let updated = call(world, role, &target, "UpdateService", input)?;
    let Some(deployment) = primary_deployment(&updated) else {
        return Err(Failure::job_failed(format!(
            "ECS shows no PRIMARY deployment of the service {}",
            target.service
        )));
    };
    Ok(Rollout { deployment, deadline: world.now() + Duration::minutes(timeout(action)) })
}

/// Looks how far the rollout is.
pub(super) fn look(
    world: &mut World,
    role: &Caller,
    action: &ActionDeclaration,
    rollout: &Rollout,
) -> Result<Progress, Failure> {
    let target = Target::of(action);
    let described = call(world, role, &target, "DescribeServices", target.describe())?;
    let progress = progress(&described, &rollout.deployment);
    if progress == Progress::GoingOn && world.now() >= rollout.deadline {
        return Err(Failure::job_failed(format!(
            "The deployment {} of the service {} did not complete within {} minutes: the action has timed out",
            rollout.deployment,
            target.service,
            timeout(action)
        )));
    }
    Ok(progress)
}

/// The service's page in the console.
pub(super) fn service_url(region: &str, action: &ActionDeclaration) -> String {
    let target = Target::of(action);
    format!(
        "https://{region}.console.aws.amazon.com/ecs/home?region={region}#/clusters/{}/services/{}/events",
        target.cluster, target.service
    )
}

impl Target {
    fn of(action: &ActionDeclaration) -> Self {
        Self { cluster: configured(action, "ClusterName"), service: configured(action, "ServiceName") }
    }

    fn describe(&self) -> Value {
        json!({ "cluster": self.cluster, "services": [self.service] })
    }
}

fn read_file(
    world: &mut World,
    role: &Caller,
    action: &ActionDeclaration,
    artifact: &Artifact,
) -> Result<Vec<ImageDefinition>, Failure> {
    let object = format!("arn:aws:s3:::{}/{}", artifact.bucket, artifact.key);
    iam::authorize(world, role, "s3:GetObject", &object, &[]).map_err(|error| {
        Failure::permission(format!(
            "Unable to access the artifact with Amazon S3 object key '{}' located in the Amazon S3 artifact \
             bucket '{}': {}",
            artifact.key, artifact.bucket, error.message
        ))
    })?;
    let name = action.configuration.get("FileName").map_or(FILE_NAME_DEFAULT, String::as_str);
    let bytes = codecommit::file_at(world, &role.account, &artifact.repository, &artifact.commit, name)
        .map_err(|error| Failure::job_failed(format!("The artifact cannot be read: {}", error.message)))?;
    let Some(bytes) = bytes else {
        return Err(Failure::configuration(format!(
            "Did not find the image definition file {name} in the input artifacts ZIP file. Verify the file is \
             stored in your pipeline's Amazon S3 artifact bucket: {} key: {}",
            artifact.bucket, artifact.key
        )));
    };
    image_definitions(name, &bytes)
}

/// The entries of an image definitions file.
fn image_definitions(name: &str, bytes: &[u8]) -> Result<Vec<ImageDefinition>, Failure> {
    if bytes.len() > FILE_SIZE_MAX {
        return Err(Failure::configuration(format!(
            "The image definitions file {name} has {} bytes; the limit is {FILE_SIZE_MAX}",
            bytes.len()
        )));
    }
    match serde_json::from_slice::<Vec<ImageDefinition>>(bytes) {
        Ok(images) if !images.is_empty() => Ok(images),
        _ => Err(Failure::configuration(format!(
            "The image definitions file {name} contains invalid JSON format"
        ))),
    }
}

/// The task definition that the service uses now.
fn used_task_definition(described: &Value, target: &Target) -> Result<String, Failure> {
    let service = described.pointer("/services/0").filter(|service| service["status"] != "INACTIVE");
    let Some(service) = service else {
        return Err(Failure::configuration(format!(
            "The AWS ECS service {} does not exist in the cluster {}",
            target.service, target.cluster
        )));
    };
    let controller = service.pointer("/deploymentController/type").and_then(Value::as_str).unwrap_or("ECS");
    if controller != "ECS" {
        return Err(Failure::configuration(format!(
            "The AWS ECS service {} has the deployment controller {controller}; this action needs ECS",
            target.service
        )));
    }
    let used = service.get("taskDefinition").and_then(Value::as_str);
    used.map(str::to_owned).ok_or_else(|| {
        Failure::configuration(format!("The AWS ECS service {} has no task definition", target.service))
    })
}

/// The next revision of a task definition: the same, with the named containers' images replaced.
fn revised(current: &Value, images: &[ImageDefinition]) -> Result<Value, Failure> {
    let mut next = Map::new();
    for name in TAKEN_OVER {
        let value = current.pointer(&format!("/taskDefinition/{name}"));
        if let Some(value) = value.filter(|value| !value.is_null()) {
            next.insert((*name).to_owned(), value.clone());
        }
    }
    if let Some(tags) =
        current.get("tags").filter(|tags| tags.as_array().is_some_and(|tags| !tags.is_empty()))
    {
        next.insert("tags".to_owned(), tags.clone());
    }
    let mut none = Vec::new();
    let containers = next.get_mut("containerDefinitions").and_then(Value::as_array_mut).unwrap_or(&mut none);
    for image in images {
        let container = containers.iter_mut().find(|container| container["name"] == image.name.as_str());
        let Some(container) = container.and_then(Value::as_object_mut) else {
            return Err(Failure::configuration(format!(
                "The AWS ECS container {} does not exist",
                image.name
            )));
        };
        container.insert("image".to_owned(), json!(image.image_uri));
    }
    Ok(Value::Object(next))
}

/// The deployment that an update of the service started.
fn primary_deployment(updated: &Value) -> Option<String> {
    let deployments = updated.pointer("/service/deployments")?.as_array()?;
    let primary = deployments.iter().find(|deployment| deployment["status"] == "PRIMARY")?;
    primary.get("id")?.as_str().map(str::to_owned)
}

fn progress(described: &Value, deployment: &str) -> Progress {
    let deployments = described.pointer("/services/0/deployments").and_then(Value::as_array);
    let ours = deployments.into_iter().flatten().find(|found| found["id"] == deployment);
    match ours {
        // One that was complete before another took its place counts, too.
        Some(ours) if ours["rolloutState"] == "COMPLETED" => Progress::Complete,
        _ => Progress::GoingOn,
    }
}

fn timeout(action: &ActionDeclaration) -> i64 {
    let configured = action.configuration.get("DeploymentTimeout");
    configured.and_then(|text| action_types::minutes(text)).unwrap_or(DEPLOYMENT_TIMEOUT_MAX)
}

fn call(
    world: &mut World,
    role: &Caller,
    target: &Target,
    operation: &str,
    input: Value,
) -> Result<Value, Failure> {
    services::call(world, role, Service::Ecs, operation, input)
        .map_err(|error| failure(&error, target, operation))
}

fn failure(error: &AwsError, target: &Target, operation: &str) -> Failure {
    match error.code.as_str() {
        "AccessDeniedException" => Failure::permission(format!(
            "The provided role does not have sufficient permissions to access ECS: {}",
            error.message
        )),
        "ClusterNotFoundException" => {
            Failure::configuration(format!("The AWS ECS cluster {} does not exist", target.cluster))
        }
        "ServiceNotFoundException" | "ServiceNotActiveException" => Failure::configuration(format!(
            "The AWS ECS service {} does not exist in the cluster {}",
            target.service, target.cluster
        )),
        code => Failure::job_failed(format!("{operation}: {code}: {}", error.message)),
    }
}

#[cfg(test)]
mod tests;
