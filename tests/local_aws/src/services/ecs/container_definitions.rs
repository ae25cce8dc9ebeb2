//! What a task definition says of one container.

use crate::error::AwsError;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeSet;

const CONTAINERS_MAX: usize = 10;
const NAME_LENGTH_MAX: usize = 255;
const IMAGE_LENGTH_MAX: usize = 255;

/// One container. Only what decides the fate of a rollout is read; the rest is kept and shown as it came.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ContainerDefinition {
    #[serde(default)]
    pub(super) name: String,
    #[serde(default)]
    pub(super) image: String,
    #[serde(default)]
    cpu: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    memory: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    memory_reservation: Option<i64>,
    #[serde(default = "yes")]
    pub(super) essential: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    version_consistency: Option<VersionConsistency>,
    #[serde(default = "none")]
    port_mappings: Value,
    #[serde(default = "none")]
    environment: Value,
    #[serde(default = "none")]
    mount_points: Value,
    #[serde(default = "none")]
    volumes_from: Value,
    #[serde(default = "none")]
    system_controls: Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    entry_point: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    command: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    secrets: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    environment_files: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    log_configuration: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    firelens_configuration: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    health_check: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    linux_parameters: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    depends_on: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    start_timeout: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stop_timeout: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    working_directory: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    readonly_root_filesystem: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    docker_labels: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ulimits: Option<Value>,
}

/// Whether all tasks of a deployment run the digest that the tag had when it began.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum VersionConsistency {
    Enabled,
    Disabled,
}

fn yes() -> bool {
    true
}

fn none() -> Value {
    json!([])
}

impl ContainerDefinition {
    pub(super) fn keeps_its_digest(&self) -> bool {
        self.version_consistency != Some(VersionConsistency::Disabled)
    }

    pub(super) fn has_secrets(&self) -> bool {
        self.secrets.as_ref().and_then(Value::as_array).is_some_and(|secrets| !secrets.is_empty())
    }
}

/// Checks the containers of a task definition. `task_has_memory`: the task as a whole says how much.
///
/// # Errors
/// `ClientException`, as AWS words it.
pub(super) fn check(containers: &[ContainerDefinition], task_has_memory: bool) -> Result<(), AwsError> {
    let refuse = |message: String| Err(AwsError::new("ClientException", message));
    if containers.is_empty() {
        return refuse("Container list cannot be empty.".to_owned());
    }
    if containers.len() > CONTAINERS_MAX {
        return refuse(format!(
            "{} containers were given; a task definition can have {CONTAINERS_MAX}.",
            containers.len()
        ));
    }
    let mut names = BTreeSet::new();
    for container in containers {
        let name = &container.name;
        if name.is_empty() {
            return refuse("Container.name should not be null or empty.".to_owned());
        }
        let letters = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
        if !letters || name.len() > NAME_LENGTH_MAX {
            return refuse(
                "Container.name contains invalid characters. Up to 255 letters (uppercase and lowercase), \
                 numbers, hyphens, and underscores are allowed."
                    .to_owned(),
            );
        }
        if !names.insert(name) {
            return refuse(format!("Container name {name} is used more than once; it must be unique."));
        }
        check_image(&container.image)?;
        if !task_has_memory && container.memory.is_none() && container.memory_reservation.is_none() {
            return refuse(format!(
                "Invalid setting for container '{name}'. At least one of 'memory' or 'memoryReservation' must \
                 be specified."
            ));
        }
    }
    if !containers.iter().any(|container| container.essential) {
        return refuse("A task definition must have at least one essential container.".to_owned());
    }
    Ok(())
}

fn check_image(image: &str) -> Result<(), AwsError> {
    if image.is_empty() {
        return Err(AwsError::new("ClientException", "Container.image should not be null or empty."));
    }
    let letters = image.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_:./#@".contains(&byte));
    if !letters || image.len() > IMAGE_LENGTH_MAX {
        return Err(AwsError::new(
            "ClientException",
            format!("Container.image contains invalid characters or is too long: {}", image.escape_debug()),
        ));
    }
    Ok(())
}
