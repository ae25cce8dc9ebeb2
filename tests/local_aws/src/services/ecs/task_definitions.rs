//! Task definitions: families of numbered revisions that never change.

use super::container_definitions::{self, ContainerDefinition};
use super::tags::{self, Tag};
use super::tasks::without_nulls;
use super::{authorization, names, paging};
use crate::caller::Caller;
use crate::clock::epoch;
use crate::error::AwsError;
use crate::names::AccountId;
use crate::services::{Service, iam, parse_input};
use crate::world::World;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

const DOCUMENT_BYTES_MAX: usize = 64 * 1024;
const PAGE_USUAL: usize = 100;

/// One revision of a family.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct TaskDefinition {
    family: String,
    revision: u32,
    pub(super) active: bool,
    pub(super) definition: Definition,
    registered_at: DateTime<Utc>,
    registered_by: String,
    deregistered_at: Option<DateTime<Utc>>,
    pub(super) tags: Vec<Tag>,
}

/// What a person writes in it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Definition {
    #[serde(default)]
    pub(super) container_definitions: Vec<ContainerDefinition>,
    #[serde(skip_serializing_if = "Option::is_none")]
    task_role_arn: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    execution_role_arn: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    network_mode: Option<NetworkMode>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    requires_compatibilities: Vec<Compatibility>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) cpu: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) memory: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    runtime_platform: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ephemeral_storage: Option<Value>,
    #[serde(default = "nothing")]
    volumes: Value,
    #[serde(default = "nothing")]
    placement_constraints: Value,
}

fn nothing() -> Value {
    json!([])
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum NetworkMode {
    Bridge,
    Host,
    Awsvpc,
    None,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
enum Compatibility {
    Ec2,
    Fargate,
}

impl TaskDefinition {
    pub(super) fn needs_network_configuration(&self) -> bool {
        self.definition.network_mode == Some(NetworkMode::Awsvpc)
    }

    pub(super) fn fits_fargate(&self) -> bool {
        self.definition.requires_compatibilities.contains(&Compatibility::Fargate)
    }
}

/// The input is the definition beside the family and the tags, so those are taken out before the rest is read.
pub(super) fn register(world: &mut World, caller: &Caller, mut input: Value) -> Result<Value, AwsError> {
    const OPERATION: &str = "RegisterTaskDefinition";
    let size = input.to_string().len();
    let mut take = |member: &str| input.as_object_mut().and_then(|members| members.remove(member));
    let family: String = parse_input(Service::Ecs, OPERATION, take("family").unwrap_or_else(|| json!("")))?;
    let tags: Vec<Tag> = parse_input(Service::Ecs, OPERATION, take("tags").unwrap_or_else(nothing))?;
    let definition: Definition = parse_input(Service::Ecs, OPERATION, input)?;

    if !names::is_name(&family) {
        return Err(AwsError::new(
            "ClientException",
            "Family contains invalid characters. Up to 255 letters (uppercase and lowercase), numbers, hyphens, \
             and underscores are allowed.",
        ));
    }
    let every_revision = world.arn("ecs", &caller.account, &format!("task-definition/{family}:*"));
    iam::authorize(world, caller, "ecs:RegisterTaskDefinition", &every_revision, &[])?;
    authorization::to_tag_on_creation(world, caller, OPERATION, &every_revision, &tags)?;
    for role in [&definition.task_role_arn, &definition.execution_role_arn].into_iter().flatten() {
        authorization::to_pass_role(world, caller, role)?;
    }
    if size > DOCUMENT_BYTES_MAX {
        return Err(AwsError::new(
            "ClientException",
            format!("Actual length: '{size}'. Max allowed length is '{DOCUMENT_BYTES_MAX}' bytes."),
        ));
    }
    tags::check(&tags)?;
    container_definitions::check(&definition.container_definitions, definition.memory.is_some())?;
    if definition.requires_compatibilities.contains(&Compatibility::Fargate) {
        check_for_fargate(&definition)?;
    }

    let (registered_at, registered_by) = (world.now(), caller.arn());
    let revisions =
        world.account_mut(&caller.account)?.ecs.task_definitions.entry(family.clone()).or_default();
    let revision = revisions.last_key_value().map_or(0, |(last, _)| *last) + 1;
    let registered = TaskDefinition {
        family,
        revision,
        active: true,
        definition,
        registered_at,
        registered_by,
        deregistered_at: None,
        tags,
    };
    revisions.insert(revision, registered.clone());
    Ok(json!({ "taskDefinition": shown(world, &caller.account, &registered)?, "tags": registered.tags }))
}

/// What Fargate asks of a task definition.
fn check_for_fargate(definition: &Definition) -> Result<(), AwsError> {
    let refuse = |message: String| Err(AwsError::new("ClientException", message));
    if definition.network_mode != Some(NetworkMode::Awsvpc) {
        return refuse("Fargate only supports network mode ‘awsvpc’.".to_owned());
    }
    let Some(cpu) = &definition.cpu else {
        return refuse("Fargate requires that 'cpu' be defined at the task level.".to_owned());
    };
    let Some(memory) = &definition.memory else {
        return refuse("Fargate requires that 'memory' be defined at the task level.".to_owned());
    };
    let (Ok(units), Ok(mebibytes)) = (cpu.parse::<u32>(), memory.parse::<u32>()) else {
        return Err(AwsError::not_in_local_aws(format!(
            "cpu `{cpu}` with memory `{memory}`: write CPU units and MiB as plain numbers"
        )));
    };
    if !fargate_has(units, mebibytes) {
        return refuse(format!(
            "No Fargate configuration exists for given values: {cpu} CPU, {memory} memory. See the Amazon ECS \
             documentation for the valid values."
        ));
    }
    let private =
        definition.container_definitions.iter().any(|container| container.image.contains(".dkr.ecr."));
    if private && definition.execution_role_arn.is_none() {
        return refuse(
            "Fargate requires task definition to have execution role ARN to support ECR images.".to_owned(),
        );
    }
    if definition.container_definitions.iter().any(ContainerDefinition::has_secrets)
        && definition.execution_role_arn.is_none()
    {
        return refuse("When you are specifying container secrets, you must also specify a value for 'executionRoleArn'.".to_owned());
    }
    Ok(())
}

/// The sizes of tasks that Fargate offers, in CPU units and MiB.
fn fargate_has(units: u32, mebibytes: u32) -> bool {
    let (least, most, step) = match units {
        256 => return [512, 1024, 2048].contains(&mebibytes),
        512 => (1024, 4096, 1024),
        1024 => (2048, 8192, 1024),
        2048 => (4096, 16_384, 1024),
        4096 => (8192, 30_720, 1024),
        8192 => (16_384, 61_440, 4096),
        16_384 => (32_768, 122_880, 8192),
        _ => return false,
    };
    (least..=most).contains(&mebibytes) && mebibytes.is_multiple_of(step)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct DescribeTaskDefinitionInput {
    task_definition: Option<String>,
    #[serde(default)]
    include: Vec<IncludedField>,
}

#[derive(Deserialize)]
#[serde(rename_all = "UPPERCASE")]
enum IncludedField {
    Tags,
}

pub(super) fn describe(world: &mut World, caller: &Caller, input: Value) -> Result<Value, AwsError> {
    let input: DescribeTaskDefinitionInput = parse_input(Service::Ecs, "DescribeTaskDefinition", input)?;
    authorization::on_everything(world, caller, "ecs:DescribeTaskDefinition")?;
    let found = find(world, caller, input.task_definition.as_deref().unwrap_or_default())?
        .ok_or_else(|| AwsError::new("ClientException", "Unable to describe task definition."))?;
    let with_tags = matches!(input.include.as_slice(), [IncludedField::Tags, ..]);
    let shown = shown(world, &caller.account, found)?;
    let answer = json!({ "taskDefinition": shown, "tags": with_tags.then_some(&found.tags) });
    Ok(Value::Object(without_nulls(answer)))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ListTaskDefinitionsInput {
    family_prefix: Option<String>,
    status: Option<ListedStatus>,
    sort: Option<Sort>,
    next_token: Option<String>,
    max_results: Option<i64>,
}

#[derive(Deserialize, PartialEq)]
#[serde(rename_all = "UPPERCASE")]
enum ListedStatus {
    Active,
    Inactive,
}

#[derive(Deserialize, PartialEq)]
#[serde(rename_all = "UPPERCASE")]
enum Sort {
    Asc,
    Desc,
}

pub(super) fn list(world: &mut World, caller: &Caller, input: Value) -> Result<Value, AwsError> {
    let input: ListTaskDefinitionsInput = parse_input(Service::Ecs, "ListTaskDefinitions", input)?;
    authorization::on_everything(world, caller, "ecs:ListTaskDefinitions")?;
    let active = input.status != Some(ListedStatus::Inactive);
    let families = world.account(&caller.account)?.ecs.task_definitions.iter();
    let mut arns: Vec<String> = families
        .filter(|(family, _)| input.family_prefix.as_ref().is_none_or(|wanted| wanted == *family))
        .flat_map(|(_, revisions)| revisions.values())
        .filter(|definition| definition.active == active)
        .map(|definition| arn_of(world, &caller.account, definition))
        .collect();
    if input.sort == Some(Sort::Desc) {
        arns.reverse();
    }
    Ok(paging::page(arns, input.max_results, input.next_token.as_deref(), PAGE_USUAL)?
        .into_answer("taskDefinitionArns"))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct DeregisterTaskDefinitionInput {
    task_definition: Option<String>,
}

pub(super) fn deregister(world: &mut World, caller: &Caller, input: Value) -> Result<Value, AwsError> {
    let input: DeregisterTaskDefinitionInput = parse_input(Service::Ecs, "DeregisterTaskDefinition", input)?;
    authorization::on_everything(world, caller, "ecs:DeregisterTaskDefinition")?;
    let text = input.task_definition.unwrap_or_default();
    if !text.rsplit('/').next().is_some_and(|name| name.contains(':')) {
        return Err(AwsError::new("InvalidParameterException", "Revision is missing."));
    }
    let now = world.now();
    let found = find_mut(world, caller, &text)?;
    if !found.active {
        return Err(AwsError::new("ClientException", "The specified task definition is already inactive."));
    }
    found.active = false;
    found.deregistered_at = Some(now);
    let found = found.clone();
    Ok(json!({ "taskDefinition": shown(world, &caller.account, &found)? }))
}

/// The revision that a text means: a family (its newest active one), `<family>:<revision>`, or an ARN.
///
/// # Errors
/// `InvalidParameterException` for another account's ARN.
pub(super) fn find<'a>(
    world: &'a World,
    caller: &Caller,
    text: &str,
) -> Result<Option<&'a TaskDefinition>, AwsError> {
    let families = &world.account(&caller.account)?.ecs.task_definitions;
    let Some((family, revision)) = family_and_revision(caller, text)? else { return Ok(None) };
    let Some(revisions) = families.get(&family) else { return Ok(None) };
    Ok(match revision {
        Some(revision) => revisions.get(&revision),
        None => revisions.values().rev().find(|definition| definition.active),
    })
}

/// The revision that `<family>:<revision>` or an ARN means, to change it.
///
/// # Errors
/// `ClientException` when it is not there, `InvalidParameterException` for another account's ARN.
pub(super) fn find_mut<'a>(
    world: &'a mut World,
    caller: &Caller,
    text: &str,
) -> Result<&'a mut TaskDefinition, AwsError> {
    let missing = || AwsError::new("ClientException", "Unable to describe task definition.");
    let (family, revision) = family_and_revision(caller, text)?.ok_or_else(missing)?;
    let families = &mut world.account_mut(&caller.account)?.ecs.task_definitions;
    let revision = revision.ok_or_else(missing)?;
    families.get_mut(&family).and_then(|revisions| revisions.get_mut(&revision)).ok_or_else(missing)
}

/// The task definition that a service of this account names.
pub(super) fn by_arn<'a>(world: &'a World, account: &AccountId, arn: &str) -> Option<&'a TaskDefinition> {
    find(world, &Caller::administrator(account), arn).ok().flatten()
}

fn family_and_revision(caller: &Caller, text: &str) -> Result<Option<(String, Option<u32>)>, AwsError> {
    let Some(name) = names::short_name(caller, text, "task-definition")? else { return Ok(None) };
    Ok(match name.split_once(':') {
        None => Some((name, None)),
        Some((family, revision)) => revision.parse().ok().map(|number| (family.to_owned(), Some(number))),
    })
}

pub(super) fn arn_of(world: &World, account: &AccountId, definition: &TaskDefinition) -> String {
    world.arn("ecs", account, &format!("task-definition/{}:{}", definition.family, definition.revision))
}

fn shown(world: &World, account: &AccountId, found: &TaskDefinition) -> Result<Value, AwsError> {
    let definition = serde_json::to_value(&found.definition).map_err(|error| {
        AwsError::new("ServerException", format!("the task definition cannot be shown: {error}"))
            .with_status(500)
    })?;
    let mut shown = without_nulls(json!({
        "taskDefinitionArn": arn_of(world, account, found),
        "family": found.family,
        "revision": found.revision,
        "status": if found.active { "ACTIVE" } else { "INACTIVE" },
        "requiresAttributes": [],
        "compatibilities": if found.fits_fargate() { json!(["EC2", "FARGATE"]) } else { json!(["EC2"]) },
        "registeredAt": epoch(found.registered_at),
        "registeredBy": found.registered_by,
        "deregisteredAt": found.deregistered_at.map(epoch),
    }));
    shown.extend(without_nulls(definition));
    Ok(Value::Object(shown))
}
