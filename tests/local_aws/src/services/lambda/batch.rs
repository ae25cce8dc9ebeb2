//! What an event source mapping does: it receives, gathers, invokes, and deletes what succeeded. What
//! failed comes back by the queue's visibility timeout.

use super::invoke::{self, BatchItem, Origin};
use super::mapping::Mapping;
use super::{Ended, Timer, function};
use crate::caller::Caller;
use crate::clock::seconds;
use crate::error::AwsError;
use crate::names::AccountId;
use crate::services::sqs::{self, Received};
use crate::services::{Timer as AnyTimer, iam};
use crate::world::World;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

/// The longest payload of one invocation.
const BATCH_BYTES_MAX: usize = 6 * 1024 * 1024;

/// What a record adds to its body: names, ids, digests, the receipt handle.
const RECORD_BYTES: usize = 1024;

pub(super) fn poll_all_of_queue(world: &mut World, account: &AccountId, queue_arn: &str) {
    poll_all(world, account, |mapping| mapping.queue_arn == queue_arn);
}

pub(super) fn poll_all_of_function(world: &mut World, account: &AccountId, function: &str) {
    poll_all(world, account, |mapping| mapping.function == function);
}

fn poll_all(world: &mut World, account: &AccountId, matches: impl Fn(&Mapping) -> bool) {
    let Ok(state) = world.account(account) else { return };
    let mappings = state.lambda.mappings.values().filter(|mapping| matches(mapping));
    let uuids: Vec<String> = mappings.map(|mapping| mapping.uuid.clone()).collect();
    for uuid in uuids {
        poll(world, account, &uuid);
    }
}

pub(super) fn window_ended(world: &mut World, account: &AccountId, uuid: &str) {
    poll(world, account, uuid);
}

/// Receives what there is and begins as many batches as the mapping may have under way.
pub(super) fn poll(world: &mut World, account: &AccountId, uuid: &str) {
    retry_throttled(world, account, uuid);
    while let Some(room) = room(world, account, uuid) {
        let received = match receive(world, account, uuid, room) {
            Ok(received) => received,
            Err(error) => {
                note_result(world, account, uuid, format!("PROBLEM: {}", error.message));
                return;
            }
        };
        let now = world.now();
        let Ok(mapping) = mapping_mut(world, account, uuid) else { return };
        mapping.gathered.extend(received);
        if mapping.gathered.is_empty() {
            return;
        }
        let full = mapping.gathered.len() >= usize::try_from(mapping.batch_size).unwrap_or(usize::MAX);
        let until = mapping.gathers_until;
        if full || mapping.window_seconds == 0 || until.is_some_and(|until| until <= now) {
            flush(world, account, uuid);
        } else {
            if until.is_none() {
                let window = seconds(f64::from(mapping.window_seconds));
                mapping.gathers_until = Some(now + window);
                world.set_timer(account, window, AnyTimer::Lambda(Timer::Window(uuid.to_owned())));
            }
            return;
        }
    }
}

/// How many more messages the batch that is being gathered can take; `None` when no batch may begin.
fn room(world: &World, account: &AccountId, uuid: &str) -> Option<usize> {
    let state = &world.account(account).ok()?.lambda;
    let mapping = state.mappings.get(uuid).filter(|mapping| mapping.enabled)?;
    let of_this =
        |origin: &Origin| matches!(origin, Origin::Batch { mapping, .. } if mapping.as_str() == uuid);
    let running = state.pending.values().filter(|pending| of_this(&pending.origin)).count();
    if running + mapping.throttled.len() >= mapping.pollers() {
        return None;
    }
    let size = usize::try_from(mapping.batch_size).unwrap_or(usize::MAX);
    Some(size.saturating_sub(mapping.gathered.len()))
}

fn receive(
    world: &mut World,
    account: &AccountId,
    uuid: &str,
    most: usize,
) -> Result<Vec<Received>, AwsError> {
    if most == 0 {
        return Ok(Vec::new());
    }
    let mapping = mapping_mut(world, account, uuid)?;
    let (queue_arn, function) = (mapping.queue_arn.clone(), mapping.function.clone());
    let poller = poller(world, account, &function)?;
    iam::authorize(world, &poller, "sqs:ReceiveMessage", &queue_arn, &[])?;
    sqs::take(world, &sqs::Address::of_arn(&queue_arn)?, most, None)
}

fn poller(world: &World, account: &AccountId, function: &str) -> Result<Caller, AwsError> {
    let held = function::function(world, account, function)?;
    Ok(Caller::role(account, held.function.role_name(), function))
}

/// Sends what was gathered to the function.
fn flush(world: &mut World, account: &AccountId, uuid: &str) {
    forget_window(world, account, uuid);
    let Ok(mapping) = mapping_mut(world, account, uuid) else { return };
    mapping.gathers_until = None;
    let gathered = std::mem::take(&mut mapping.gathered);
    for batch in payloads(gathered) {
        begin(world, account, uuid, batch);
    }
}

/// Takes back the timer of the batching window.
pub(super) fn forget_window(world: &mut World, account: &AccountId, uuid: &str) {
    let timer = Timer::Window(uuid.to_owned());
    world.forget_timers(account, |other| matches!(other, AnyTimer::Lambda(other) if *other == timer));
}

/// Splits messages so that no payload is longer than Lambda takes.
fn payloads(gathered: Vec<Received>) -> Vec<Vec<Received>> {
    let mut batches: Vec<Vec<Received>> = Vec::new();
    let mut bytes = usize::MAX;
    for received in gathered {
        let more = received.message.body.len() + RECORD_BYTES;
        match batches.last_mut().filter(|_| bytes.saturating_add(more) <= BATCH_BYTES_MAX) {
            Some(batch) => {
                batch.push(received);
                bytes += more;
            }
            None => {
                batches.push(vec![received]);
                bytes = more;
            }
        }
    }
    batches
}

fn begin(world: &mut World, account: &AccountId, uuid: &str, batch: Vec<Received>) {
    let Ok(mapping) = mapping_mut(world, account, uuid) else { return };
    let (function, queue_arn) = (mapping.function.clone(), mapping.queue_arn.clone());
    if !invoke::has_room(world, account, &function) {
        note_result(world, account, uuid, "PROBLEM: Function call was throttled".to_owned());
        if let Ok(mapping) = mapping_mut(world, account, uuid) {
            mapping.throttled.push(batch);
        }
        return;
    }
    let records: Vec<Value> =
        batch.iter().map(|received| record(received, &queue_arn, &world.region)).collect();
    let messages = batch
        .into_iter()
        .map(|received| BatchItem {
            message_id: received.message.message_id,
            receipt_handle: received.receipt_handle,
        })
        .collect();
    let request_id = world.ids.uuid();
    let payload = json!({ "Records": records }).to_string();
    let origin = Origin::Batch { mapping: uuid.to_owned(), messages };
    invoke::begin(world, account, &function, &request_id, payload, origin);
}

/// Tries throttled batches again; those whose messages are visible again already are let go.
fn retry_throttled(world: &mut World, account: &AccountId, uuid: &str) {
    let now = world.now();
    let Ok(mapping) = mapping_mut(world, account, uuid) else { return };
    let throttled = std::mem::take(&mut mapping.throttled);
    for batch in throttled {
        if batch.iter().all(|received| received.message.visible_at > now) {
            begin(world, account, uuid, batch);
        }
    }
}

/// A message as the function sees it.
fn record(received: &Received, queue_arn: &str, region: &str) -> Value {
    let message = &received.message;
    let attributes: Map<String, Value> = message
        .attributes
        .iter()
        .map(|(name, attribute)| {
            let mut shown = json!({
                "stringListValues": [], "binaryListValues": [], "dataType": attribute.data_type,
            });
            if let Some(members) = shown.as_object_mut() {
                members.extend(attribute.string_value.iter().map(|v| ("stringValue".to_owned(), json!(v))));
                members.extend(attribute.binary_value.iter().map(|v| ("binaryValue".to_owned(), json!(v))));
            }
            (name.clone(), shown)
        })
        .collect();
    let mut record = json!({
        "messageId": message.message_id,
        "receiptHandle": received.receipt_handle,
        "body": message.body,
        "attributes": message.system_attributes(),
        "messageAttributes": attributes,
        "md5OfBody": sqs::md5_of_body(&message.body),
        "eventSource": "aws:sqs",
        "eventSourceARN": queue_arn,
        "awsRegion": region,
    });
    let digest = sqs::md5_of_attributes(&message.attributes);
    if let (Some(members), Some(digest)) = (record.as_object_mut(), digest) {
        members.insert("md5OfMessageAttributes".to_owned(), json!(digest));
    }
    record
}

/// Deletes the messages that a batch succeeded with.
pub(super) fn ended(
    world: &mut World,
    account: &AccountId,
    uuid: &str,
    messages: &[BatchItem],
    ended: &Ended,
) {
    let Ok(mapping) = mapping_mut(world, account, uuid) else { return };
    let failed = match ended {
        Ended::Error(_) => None,
        Ended::Answer(_) if !mapping.reports_item_failures => Some(BTreeSet::new()),
        Ended::Answer(answer) => failed_items(answer, messages),
    };
    let (queue_arn, function) = (mapping.queue_arn.clone(), mapping.function.clone());
    let Some(failed) = failed else {
        note_result(world, account, uuid, "PROBLEM: Function call failed".to_owned());
        return;
    };
    let deleted = delete(world, account, &function, &queue_arn, || {
        messages.iter().filter(|item| !failed.contains(&item.message_id))
    });
    let result = match deleted {
        Ok(()) => "OK".to_owned(),
        Err(error) => format!("PROBLEM: {}", error.message),
    };
    note_result(world, account, uuid, result);
}

fn delete<'a, I: Iterator<Item = &'a BatchItem>>(
    world: &mut World,
    account: &AccountId,
    function: &str,
    queue_arn: &str,
    succeeded: impl Fn() -> I,
) -> Result<(), AwsError> {
    let poller = poller(world, account, function)?;
    iam::authorize(world, &poller, "sqs:DeleteMessage", queue_arn, &[])?;
    let queue = sqs::Address::of_arn(queue_arn)?;
    succeeded().try_for_each(|item| sqs::delete_received(world, &queue, &item.receipt_handle))
}

/// The ids of the messages that the function names as failed; `None` when the answer is malformed or
/// names a message that was not in the batch, which fails them all.
fn failed_items(answer: &str, messages: &[BatchItem]) -> Option<BTreeSet<String>> {
    if answer.trim().is_empty() {
        return Some(BTreeSet::new());
    }
    let answer: Value = serde_json::from_str(answer).ok()?;
    let failures = match answer.get("batchItemFailures") {
        None | Some(Value::Null) => return Some(BTreeSet::new()),
        Some(failures) => failures.as_array()?,
    };
    failures
        .iter()
        .map(|failure| {
            let id = failure.get("itemIdentifier")?.as_str()?;
            messages.iter().any(|item| item.message_id == id).then(|| id.to_owned())
        })
        .collect()
}

fn note_result(world: &mut World, account: &AccountId, uuid: &str, result: String) {
    if let Ok(mapping) = mapping_mut(world, account, uuid) {
        mapping.last_result = result;
    }
}

pub(super) fn mapping_mut<'a>(
    world: &'a mut World,
    account: &AccountId,
    uuid: &str,
) -> Result<&'a mut Mapping, AwsError> {
    world.account_mut(account)?.lambda.mappings.get_mut(uuid).ok_or_else(no_such_mapping)
}

pub(super) fn no_such_mapping() -> AwsError {
    AwsError::new("ResourceNotFoundException", "The resource you requested does not exist.").with_status(404)
}
