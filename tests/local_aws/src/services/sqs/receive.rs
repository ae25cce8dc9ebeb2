//! Receiving, deleting and hiding messages.

use super::queue::Receipt;
use super::queues::{address, missing};
use super::send::{answer_batch, check_batch};
use super::{Address, Received, admit, changed, delete_received, digests, invalid_receipt, queue_mut, take};
use crate::caller::Caller;
use crate::error::AwsError;
use crate::world::World;
use chrono::Duration;
use serde::Deserialize;
use serde_json::{Map, Value, json};

const MESSAGES_MAX: usize = 10;
const VISIBILITY_SECONDS_MAX: u32 = 43_200;
const WAIT_SECONDS_MAX: u32 = 20;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct ReceiveMessageInput {
    queue_url: Option<String>,
    #[serde(default)]
    attribute_names: Vec<String>,
    #[serde(default)]
    message_system_attribute_names: Vec<String>,
    #[serde(default)]
    message_attribute_names: Vec<String>,
    max_number_of_messages: Option<usize>,
    visibility_timeout: Option<u32>,
    wait_time_seconds: Option<u32>,
}

/// Answers at once, without `Messages` when there are none: whoever serves the request waits and asks again.
pub(super) fn receive(
    world: &mut World,
    caller: &Caller,
    input: ReceiveMessageInput,
) -> Result<Value, AwsError> {
    let address = address(input.queue_url)?;
    admit(world, caller, "sqs:ReceiveMessage", &address, &[])?;
    let most = input.max_number_of_messages.unwrap_or(1);
    if !(1..=MESSAGES_MAX).contains(&most) {
        return Err(out_of_range("MaxNumberOfMessages", &most.to_string(), "Must be between 1 and 10"));
    }
    check_visibility(input.visibility_timeout)?;
    if let Some(wait) = input.wait_time_seconds.filter(|wait| *wait > WAIT_SECONDS_MAX) {
        return Err(out_of_range("WaitTimeSeconds", &wait.to_string(), "Must be >= 0 and <= 20"));
    }
    let received = take(world, &address, most, input.visibility_timeout)?;
    if received.is_empty() {
        return Ok(json!({}));
    }
    let mut system = input.attribute_names;
    system.extend(input.message_system_attribute_names);
    let messages: Vec<Value> =
        received.iter().map(|received| shown(received, &system, &input.message_attribute_names)).collect();
    Ok(json!({ "Messages": messages }))
}

fn out_of_range(name: &str, value: &str, expected: &str) -> AwsError {
    let text = format!("Value {value} for parameter {name} is invalid. Reason: {expected}, if provided.");
    AwsError::new("InvalidParameterValue", text)
}

fn check_visibility(seconds: Option<u32>) -> Result<(), AwsError> {
    match seconds.filter(|seconds| *seconds > VISIBILITY_SECONDS_MAX) {
        Some(seconds) => {
            Err(out_of_range("VisibilityTimeout", &seconds.to_string(), "Must be >= 0 and <= 43200"))
        }
        None => Ok(()),
    }
}

fn shown(received: &Received, system: &[String], wanted: &[String]) -> Value {
    let message = &received.message;
    let mut members = Map::from_iter([
        ("MessageId".to_owned(), json!(message.message_id)),
        ("ReceiptHandle".to_owned(), json!(received.receipt_handle)),
        ("MD5OfBody".to_owned(), json!(digests::of_body(&message.body))),
        ("Body".to_owned(), json!(message.body)),
    ]);
    let mut attributes = message.system_attributes();
    attributes.retain(|name, _| system.iter().any(|wanted| wanted == "All" || wanted == name));
    if !attributes.is_empty() {
        members.insert("Attributes".to_owned(), json!(attributes));
    }
    let mut own = message.attributes.clone();
    own.retain(|name, _| wanted.iter().any(|wanted| is_wanted(wanted, name)));
    if let Some(digest) = digests::of_attributes(&own) {
        members.insert("MD5OfMessageAttributes".to_owned(), json!(digest));
        members.insert("MessageAttributes".to_owned(), json!(own));
    }
    Value::Object(members)
}

/// `All`, a name, or the beginning of one before `.*`.
fn is_wanted(wanted: &str, name: &str) -> bool {
    let prefix = wanted.strip_suffix(".*");
    wanted == "All" || wanted == name || prefix.is_some_and(|prefix| name.starts_with(prefix))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct DeleteMessageInput {
    queue_url: Option<String>,
    receipt_handle: Option<String>,
}

pub(super) fn delete(
    world: &mut World,
    caller: &Caller,
    input: DeleteMessageInput,
) -> Result<Value, AwsError> {
    let address = address(input.queue_url)?;
    admit(world, caller, "sqs:DeleteMessage", &address, &[])?;
    let handle = input.receipt_handle.ok_or_else(|| missing("ReceiptHandle"))?;
    delete_received(world, &address, &handle)?;
    Ok(json!({}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct DeleteMessageBatchInput {
    queue_url: Option<String>,
    #[serde(default)]
    entries: Vec<DeleteEntry>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct DeleteEntry {
    id: String,
    receipt_handle: String,
}

pub(super) fn delete_batch(
    world: &mut World,
    caller: &Caller,
    input: DeleteMessageBatchInput,
) -> Result<Value, AwsError> {
    let address = address(input.queue_url)?;
    admit(world, caller, "sqs:DeleteMessage", &address, &[])?;
    check_batch(input.entries.iter().map(|entry| entry.id.as_str()))?;
    answer_batch(input.entries, |entry| {
        let deleted = delete_received(world, &address, &entry.receipt_handle);
        (entry.id, deleted.map(|()| Map::new()))
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct ChangeMessageVisibilityInput {
    queue_url: Option<String>,
    receipt_handle: Option<String>,
    visibility_timeout: Option<u32>,
}

pub(super) fn change_visibility(
    world: &mut World,
    caller: &Caller,
    input: ChangeMessageVisibilityInput,
) -> Result<Value, AwsError> {
    let address = address(input.queue_url)?;
    admit(world, caller, "sqs:ChangeMessageVisibility", &address, &[])?;
    let handle = input.receipt_handle.ok_or_else(|| missing("ReceiptHandle"))?;
    let seconds = input.visibility_timeout.ok_or_else(|| missing("VisibilityTimeout"))?;
    hide(world, &address, &handle, seconds)?;
    Ok(json!({}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct ChangeMessageVisibilityBatchInput {
    queue_url: Option<String>,
    #[serde(default)]
    entries: Vec<VisibilityEntry>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct VisibilityEntry {
    id: String,
    receipt_handle: String,
    visibility_timeout: Option<u32>,
}

pub(super) fn change_visibility_batch(
    world: &mut World,
    caller: &Caller,
    input: ChangeMessageVisibilityBatchInput,
) -> Result<Value, AwsError> {
    let address = address(input.queue_url)?;
    admit(world, caller, "sqs:ChangeMessageVisibility", &address, &[])?;
    check_batch(input.entries.iter().map(|entry| entry.id.as_str()))?;
    answer_batch(input.entries, |entry| {
        let seconds = entry.visibility_timeout.unwrap_or_default();
        let hidden = hide(world, &address, &entry.receipt_handle, seconds);
        (entry.id, hidden.map(|()| Map::new()))
    })
}

fn hide(world: &mut World, address: &Address, handle: &str, seconds: u32) -> Result<(), AwsError> {
    check_visibility(Some(seconds))?;
    let now = world.now();
    let queue = queue_mut(world, &address.account, &address.name)?;
    let receipt = Receipt::parse(handle, &address.name).ok_or_else(invalid_receipt)?;
    let message = queue.held(&receipt).ok_or_else(|| {
        let text = format!("Value {handle} for parameter ReceiptHandle is invalid. Reason: Message does not exist or is not available for visibility timeout change.");
        AwsError::new("InvalidParameterValue", text)
    })?;
    if message.visible_at <= now {
        return Err(AwsError::new("MessageNotInflight", "The specified message isn't in flight."));
    }
    message.visible_at = now + Duration::seconds(i64::from(seconds));
    changed(world, &address.account, &address.name);
    Ok(())
}
