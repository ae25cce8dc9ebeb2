//! Operations on event source mappings.

use super::batch;
use super::function::{self, located};
use super::mapping::Mapping;
use crate::caller::Caller;
use crate::error::AwsError;
use crate::names::AccountId;
use crate::services::{iam, page, sqs};
use crate::world::World;
use serde::Deserialize;
use serde_json::{Value, json};

const PAGE_MAX: usize = 100;
const BATCH_SIZE_DEFAULT: u32 = 10;
const BATCH_SIZE_MAX: u32 = 10_000;
const BATCH_SIZE_WITHOUT_WINDOW_MAX: u32 = 10;
const WINDOW_SECONDS_MAX: u32 = 300;
const ITEM_FAILURES: &str = "ReportBatchItemFailures";

/// What creating and updating have in common; each refuses what only the other takes.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MappingInput {
    #[serde(rename = "UUID")]
    uuid: Option<String>,
    #[serde(rename = "EventSourceArn")]
    event_source_arn: Option<String>,
    #[serde(rename = "FunctionName")]
    function_name: Option<String>,
    #[serde(rename = "Enabled")]
    enabled: Option<bool>,
    #[serde(rename = "BatchSize")]
    batch_size: Option<u32>,
    #[serde(rename = "MaximumBatchingWindowInSeconds")]
    window_seconds: Option<u32>,
    #[serde(rename = "FunctionResponseTypes")]
    function_response_types: Option<Vec<String>>,
    #[serde(rename = "ScalingConfig")]
    scaling_config: Option<ScalingConfig>,
    #[serde(rename = "FilterCriteria")]
    filter_criteria: Option<FilterCriteria>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct ScalingConfig {
    maximum_concurrency: Option<u32>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct FilterCriteria {
    #[serde(default)]
    filters: Vec<Value>,
}

fn invalid(text: impl Into<String>) -> AwsError {
    AwsError::new("InvalidParameterValueException", text)
}

pub(super) fn create(world: &mut World, caller: &Caller, input: &MappingInput) -> Result<Value, AwsError> {
    if input.uuid.is_some() {
        return Err(AwsError::not_in_local_aws("UUID of lambda CreateEventSourceMapping"));
    }
    iam::authorize(world, caller, "lambda:CreateEventSourceMapping", "*", &[])?;
    let account = &caller.account;
    let queue_arn = input.event_source_arn.clone().ok_or_else(|| invalid("EventSourceArn is missing"))?;
    let queue = sqs::Address::of_arn(&queue_arn).map_err(|_| {
        AwsError::not_in_local_aws(format!("event source mappings from {queue_arn}: only SQS queues"))
    })?;
    if queue.account != *account {
        return Err(AwsError::not_in_local_aws(format!(
            "event source mappings from another account: {queue_arn}"
        )));
    }
    let given = input.function_name.as_deref().ok_or_else(|| invalid("FunctionName is missing"))?;
    let (owner, function) = located(given, account)?;
    if owner != *account {
        return Err(invalid(format!("the function {given} lies in another account")));
    }
    check_not_there(world, account, &queue_arn, &function)?;
    let mut mapping = Mapping {
        uuid: String::new(),
        function,
        queue_arn,
        batch_size: BATCH_SIZE_DEFAULT,
        window_seconds: 0,
        reports_item_failures: false,
        maximum_concurrency: None,
        enabled: true,
        modified: world.now(),
        last_result: "No records processed".to_owned(),
        gathered: Vec::new(),
        gathers_until: None,
        throttled: Vec::new(),
    };
    apply(&mut mapping, input)?;
    check_against_queue(world, account, &mapping, &queue)?;
    mapping.uuid = world.ids.uuid();
    let uuid = mapping.uuid.clone();
    world.account_mut(account)?.lambda.mappings.insert(uuid.clone(), mapping);
    batch::poll(world, account, &uuid);
    shown(world, account, &uuid, "Creating")
}

fn check_not_there(
    world: &World,
    account: &AccountId,
    queue_arn: &str,
    function: &str,
) -> Result<(), AwsError> {
    let mut mappings = world.account(account)?.lambda.mappings.values();
    let there = mappings.find(|other| other.queue_arn == *queue_arn && other.function == function);
    match there {
        Some(other) => {
            let text = format!(
                "An event source mapping with SQS arn (\" {queue_arn} \") and function (\" {function} \") already exists. Please update or delete the existing mapping with UUID {}",
                other.uuid
            );
            Err(AwsError::new("ResourceConflictException", text).with_status(409))
        }
        None => Ok(()),
    }
}

fn apply(mapping: &mut Mapping, input: &MappingInput) -> Result<(), AwsError> {
    if input.filter_criteria.as_ref().is_some_and(|criteria| !criteria.filters.is_empty()) {
        return Err(AwsError::not_in_local_aws("FilterCriteria of an event source mapping"));
    }
    mapping.enabled = input.enabled.unwrap_or(mapping.enabled);
    mapping.batch_size = input.batch_size.unwrap_or(mapping.batch_size);
    mapping.window_seconds = input.window_seconds.unwrap_or(mapping.window_seconds);
    if let Some(types) = &input.function_response_types {
        if let Some(other) = types.iter().find(|kind| *kind != ITEM_FAILURES) {
            return Err(invalid(format!("the response type `{other}` is invalid: expected {ITEM_FAILURES}")));
        }
        mapping.reports_item_failures = !types.is_empty();
    }
    if let Some(scaling) = &input.scaling_config {
        mapping.maximum_concurrency = scaling.maximum_concurrency;
    }
    check(mapping)
}

fn check(mapping: &Mapping) -> Result<(), AwsError> {
    let (size, window) = (mapping.batch_size, mapping.window_seconds);
    if !(1..=BATCH_SIZE_MAX).contains(&size) {
        return Err(invalid(format!("the batch size {size} is invalid: expected 1 to {BATCH_SIZE_MAX}")));
    }
    if window > WINDOW_SECONDS_MAX {
        return Err(invalid(format!("the batching window {window} is invalid: expected 0 to 300 seconds")));
    }
    if size > BATCH_SIZE_WITHOUT_WINDOW_MAX && window == 0 {
        return Err(invalid(
            "Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than 10",
        ));
    }
    match mapping.maximum_concurrency.filter(|most| !(2..=1000).contains(most)) {
        Some(most) => Err(invalid(format!("the maximum concurrency {most} is invalid: expected 2 to 1000"))),
        None => Ok(()),
    }
}

fn check_against_queue(
    world: &World,
    account: &AccountId,
    mapping: &Mapping,
    queue: &sqs::Address,
) -> Result<(), AwsError> {
    let hidden = sqs::visibility_timeout(world, queue).map_err(|_| {
        let text = "Error occurred while ReceiveMessage. SQS Error Code: AWS.SimpleQueueService.NonExistentQueue. SQS Error Message: The specified queue does not exist.";
        invalid(text)
    })?;
    let function = &function::function(world, account, &mapping.function)?.function;
    if function.timeout > hidden {
        return Err(invalid(format!(
            "Queue visibility timeout: {hidden} seconds is less than Function timeout: {} seconds",
            function.timeout
        )));
    }
    let poller = Caller::role(account, function.role_name(), &function.name);
    for action in ["ReceiveMessage", "DeleteMessage", "GetQueueAttributes"] {
        let allowed = iam::authorize(world, &poller, &format!("sqs:{action}"), &mapping.queue_arn, &[]);
        allowed.map_err(|_| {
            invalid(format!("The provided execution role does not have permissions to call {action} on SQS"))
        })?;
    }
    Ok(())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct UuidInput {
    #[serde(rename = "UUID")]
    uuid: String,
}

pub(super) fn get(world: &mut World, caller: &Caller, input: &UuidInput) -> Result<Value, AwsError> {
    admit(world, caller, "lambda:GetEventSourceMapping", &input.uuid)?;
    let state = mapping(world, &caller.account, &input.uuid)?.state();
    shown(world, &caller.account, &input.uuid, state)
}

pub(super) fn update(world: &mut World, caller: &Caller, input: &MappingInput) -> Result<Value, AwsError> {
    if input.event_source_arn.is_some() {
        return Err(AwsError::not_in_local_aws("EventSourceArn of lambda UpdateEventSourceMapping"));
    }
    let uuid = input.uuid.clone().unwrap_or_default();
    admit(world, caller, "lambda:UpdateEventSourceMapping", &uuid)?;
    let account = &caller.account;
    if let Some(given) = &input.function_name {
        let (_, name) = located(given, account)?;
        function::function(world, account, &name)?;
        batch::mapping_mut(world, account, &uuid)?.function = name;
    }
    let now = world.now();
    let mapping = batch::mapping_mut(world, account, &uuid)?;
    apply(mapping, input)?;
    mapping.modified = now;
    let state = if mapping.enabled { "Updating" } else { "Disabling" };
    batch::poll(world, account, &uuid);
    shown(world, account, &uuid, state)
}

pub(super) fn delete(world: &mut World, caller: &Caller, input: &UuidInput) -> Result<Value, AwsError> {
    admit(world, caller, "lambda:DeleteEventSourceMapping", &input.uuid)?;
    let answer = shown(world, &caller.account, &input.uuid, "Deleting")?;
    world.account_mut(&caller.account)?.lambda.mappings.remove(&input.uuid);
    batch::forget_window(world, &caller.account, &input.uuid);
    Ok(answer)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct ListEventSourceMappingsInput {
    event_source_arn: Option<String>,
    function_name: Option<String>,
    marker: Option<String>,
    max_items: Option<usize>,
}

pub(super) fn list(
    world: &mut World,
    caller: &Caller,
    input: &ListEventSourceMappingsInput,
) -> Result<Value, AwsError> {
    iam::authorize(world, caller, "lambda:ListEventSourceMappings", "*", &[])?;
    let account = &caller.account;
    let function = match &input.function_name {
        Some(given) => Some(located(given, account)?.1),
        None => None,
    };
    let mappings = world.account(account)?.lambda.mappings.values().filter(|mapping| {
        input.event_source_arn.as_ref().is_none_or(|arn| *arn == mapping.queue_arn)
            && function.as_ref().is_none_or(|name| *name == mapping.function)
    });
    let size = input.max_items.unwrap_or(PAGE_MAX).clamp(1, PAGE_MAX);
    let shown = mappings.map(|mapping| mapping.shown(world, account, mapping.state()));
    let (mappings, next) =
        page::page(shown, size, input.marker.as_deref(), "InvalidParameterValueException")?;
    let mut answer = json!({ "EventSourceMappings": mappings });
    if let (Some(members), Some(next)) = (answer.as_object_mut(), next) {
        members.insert("NextMarker".to_owned(), json!(next));
    }
    Ok(answer)
}

fn admit(world: &World, caller: &Caller, action: &str, uuid: &str) -> Result<(), AwsError> {
    mapping(world, &caller.account, uuid)?;
    let arn = world.arn("lambda", &caller.account, &format!("event-source-mapping:{uuid}"));
    iam::authorize(world, caller, action, &arn, &[])
}

fn mapping<'a>(world: &'a World, account: &AccountId, uuid: &str) -> Result<&'a Mapping, AwsError> {
    world.account(account)?.lambda.mappings.get(uuid).ok_or_else(batch::no_such_mapping)
}

fn shown(world: &World, account: &AccountId, uuid: &str, state: &str) -> Result<Value, AwsError> {
    Ok(mapping(world, account, uuid)?.shown(world, account, state))
}
