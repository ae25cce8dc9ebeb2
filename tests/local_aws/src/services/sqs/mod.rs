//! Amazon SQS: standard queues, with dead-letter queues and redrive.

mod address;
mod digests;
mod move_task;
mod queue;
mod queues;
mod receive;
mod send;
mod settings;
#[cfg(test)]
mod tests;

use super::access::{self, Resource};
use super::{Service, Timer as AnyTimer, lambda};
use crate::caller::{Caller, Identity};
use crate::error::AwsError;
use crate::names::AccountId;
use crate::world::World;
pub(crate) use address::Address;
pub(crate) use digests::{of_attributes as md5_of_attributes, of_body as md5_of_body};
pub(crate) use queue::{Message, MessageAttribute, Received};
use queue::{Queue, Receipt};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// What one account holds of this service.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct State {
    queues: BTreeMap<String, Queue>,
    move_tasks: Vec<move_task::MoveTask>,
}

/// What this service asked to be woken for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Timer {
    /// A delayed or hidden message of this queue becomes visible.
    Visible(String),
}

/// Goes on where a timer was set.
pub(crate) fn due(world: &mut World, account: &AccountId, timer: Timer) {
    let Timer::Visible(name) = timer;
    if let Ok(queue) = queue_mut(world, account, &name) {
        queue.wakes_at = None;
        changed(world, account, &name);
    }
}

/// Carries out one operation.
pub(crate) fn call(
    world: &mut World,
    caller: &Caller,
    operation: &str,
    input: Value,
) -> Result<Value, AwsError> {
    match operation {
        "CreateQueue" => queues::create(world, caller, parse(operation, input)?),
        "GetQueueUrl" => queues::url(world, caller, parse(operation, input)?),
        "GetQueueAttributes" => queues::attributes(world, caller, parse(operation, input)?),
        "SetQueueAttributes" => queues::set_attributes(world, caller, parse(operation, input)?),
        "ListQueues" => queues::list(world, caller, &parse(operation, input)?),
        "DeleteQueue" => queues::delete(world, caller, parse(operation, input)?),
        "PurgeQueue" => queues::purge(world, caller, parse(operation, input)?),
        "TagQueue" => queues::tag(world, caller, parse(operation, input)?),
        "UntagQueue" => queues::untag(world, caller, parse(operation, input)?),
        "ListQueueTags" => queues::tags(world, caller, parse(operation, input)?),
        "SendMessage" => send::send(world, caller, parse(operation, input)?),
        "SendMessageBatch" => send::send_batch(world, caller, parse(operation, input)?),
        "ReceiveMessage" => receive::receive(world, caller, parse(operation, input)?),
        "DeleteMessage" => receive::delete(world, caller, parse(operation, input)?),
        "DeleteMessageBatch" => receive::delete_batch(world, caller, parse(operation, input)?),
        "ChangeMessageVisibility" => receive::change_visibility(world, caller, parse(operation, input)?),
        "ChangeMessageVisibilityBatch" => {
            receive::change_visibility_batch(world, caller, parse(operation, input)?)
        }
        "StartMessageMoveTask" => move_task::start(world, caller, parse(operation, input)?),
        "ListMessageMoveTasks" => move_task::list(world, caller, &parse(operation, input)?),
        _ => Err(AwsError::not_in_local_aws(format!("the operation sqs {operation}"))),
    }
}

fn parse<T: serde::de::DeserializeOwned>(operation: &str, input: Value) -> Result<T, AwsError> {
    super::parse_input(Service::Sqs, operation, input)
}

/// The error code that clients of SQS's former query protocol know, for the header `x-amzn-query-error`.
pub(crate) fn query_error_code(code: &str) -> &str {
    match code {
        "QueueDoesNotExist" => "AWS.SimpleQueueService.NonExistentQueue",
        "QueueNameExists" => "QueueAlreadyExists",
        "BatchEntryIdsNotDistinct" => "AWS.SimpleQueueService.BatchEntryIdsNotDistinct",
        "BatchRequestTooLong" => "AWS.SimpleQueueService.BatchRequestTooLong",
        "EmptyBatchRequest" => "AWS.SimpleQueueService.EmptyBatchRequest",
        "InvalidBatchEntryId" => "AWS.SimpleQueueService.InvalidBatchEntryId",
        "MessageNotInflight" => "AWS.SimpleQueueService.MessageNotInflight",
        "PurgeQueueInProgress" => "AWS.SimpleQueueService.PurgeQueueInProgress",
        "TooManyEntriesInBatchRequest" => "AWS.SimpleQueueService.TooManyEntriesInBatchRequest",
        "UnsupportedOperation" => "AWS.SimpleQueueService.UnsupportedOperation",
        "AccessDeniedException" => "AccessDenied",
        other => other,
    }
}

/// How long a `ReceiveMessage` may wait for a message: what it says itself, else what its queue says.
pub(crate) fn receive_wait_seconds(world: &World, input: &Value) -> u64 {
    if let Some(seconds) = input.get("WaitTimeSeconds").and_then(Value::as_u64) {
        return seconds;
    }
    let address = input.get("QueueUrl").and_then(Value::as_str).and_then(|url| Address::of_url(url).ok());
    let queue = address.as_ref().and_then(|address| queue(world, &address.account, &address.name).ok());
    queue.map_or(0, |queue| u64::from(queue.settings.receive_wait_seconds))
}

/// A message that a service puts on a queue.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Delivery<'a> {
    /// The body.
    pub(crate) body: String,
    /// Values beside the body.
    pub(crate) attributes: BTreeMap<String, MessageAttribute>,
    /// On whose behalf, for `aws:SourceArn` in the queue's policy.
    pub(crate) source_arn: Option<&'a str>,
}

/// A message that an AWS service (EventBridge, Scheduler, a dead-letter redrive) puts on a queue.
///
/// # Errors
/// When there is no such queue, or its policy does not let the caller send.
pub(crate) fn deliver(
    world: &mut World,
    caller: &Caller,
    queue_arn: &str,
    body: String,
) -> Result<(), AwsError> {
    deliver_for(world, caller, queue_arn, Delivery { body, ..Delivery::default() })
}

/// [`deliver`], with attributes and the ARN it comes from.
///
/// # Errors
/// As [`deliver`].
pub(crate) fn deliver_for(
    world: &mut World,
    caller: &Caller,
    queue_arn: &str,
    delivery: Delivery<'_>,
) -> Result<(), AwsError> {
    let address = Address::of_arn(queue_arn)?;
    let source_account = caller.account.to_string();
    let mut context = vec![("aws:SourceAccount", source_account.as_str())];
    context.extend(delivery.source_arn.map(|arn| ("aws:SourceArn", arn)));
    admit(world, caller, "sqs:SendMessage", &address, &context)?;
    let outgoing = send::Outgoing { body: delivery.body, attributes: delivery.attributes, delay: None };
    send::put(world, caller, &address, outgoing).map(drop)
}

/// Lets the caller in, if the caller's policies and the queue's allow the action.
fn admit(
    world: &World,
    caller: &Caller,
    action: &str,
    address: &Address,
    context: &[(&str, &str)],
) -> Result<(), AwsError> {
    let policy = queue(world, &address.account, &address.name)?.settings.policy.as_ref();
    let arn = address.arn(world);
    let resource = Resource { arn: &arn, owner: &address.account, policy };
    access::authorize(world, caller, action, resource, context)
}

/// Receives up to `most` messages of a queue; those received too often go to its dead-letter queue instead.
///
/// # Errors
/// When there is no such queue.
pub(crate) fn take(
    world: &mut World,
    address: &Address,
    most: usize,
    hidden: Option<u32>,
) -> Result<Vec<Received>, AwsError> {
    let now = world.now();
    queue_mut(world, &address.account, &address.name)?.expire(now);
    bury(world, address)?;
    let queue = queue_mut(world, &address.account, &address.name)?;
    let hidden =
        hidden.map_or(queue.settings.visibility(), |span| chrono::Duration::seconds(i64::from(span)));
    let received = queue.receive(now, most, hidden);
    set_wake_up(world, &address.account, &address.name);
    Ok(received)
}

/// Moves what was received too often to the dead-letter queue, if that is there.
fn bury(world: &mut World, address: &Address) -> Result<(), AwsError> {
    let now = world.now();
    let queue = queue(world, &address.account, &address.name)?;
    let Some(redrive) = &queue.settings.redrive else { return Ok(()) };
    let Ok(target) = Address::of_arn(&redrive.dead_letter_target_arn) else { return Ok(()) };
    if self::queue(world, &target.account, &target.name).is_err() {
        return Ok(());
    }
    let source = address.arn(world);
    let dead = queue_mut(world, &address.account, &address.name)?.take_dead(now);
    if dead.is_empty() {
        return Ok(());
    }
    let graveyard = queue_mut(world, &target.account, &target.name)?;
    for message in dead {
        graveyard.put(Message { dead_letter_source: Some(source.clone()), ..message });
    }
    changed(world, &target.account, &target.name);
    Ok(())
}

/// Deletes a received message; an outdated receipt deletes nothing, as in a standard queue.
///
/// # Errors
/// When there is no such queue, or the handle is none of its receipts.
pub(crate) fn delete_received(world: &mut World, address: &Address, handle: &str) -> Result<(), AwsError> {
    let queue = queue_mut(world, &address.account, &address.name)?;
    let receipt = Receipt::parse(handle, &address.name).ok_or_else(invalid_receipt)?;
    queue.delete(&receipt);
    set_wake_up(world, &address.account, &address.name);
    Ok(())
}

/// How long the queue hides what was received, in seconds.
///
/// # Errors
/// When there is no such queue.
pub(crate) fn visibility_timeout(world: &World, address: &Address) -> Result<u32, AwsError> {
    Ok(queue(world, &address.account, &address.name)?.settings.visibility_timeout)
}

fn invalid_receipt() -> AwsError {
    AwsError::new("ReceiptHandleIsInvalid", "The input receipt handle is invalid.")
}

/// Tells the event source mappings of a queue whose messages changed, and sets its timer.
fn changed(world: &mut World, account: &AccountId, name: &str) {
    let now = world.now();
    set_wake_up(world, account, name);
    let visible = queue(world, account, name).is_ok_and(|queue| queue.counts(now).visible > 0);
    if visible {
        let arn = world.arn("sqs", account, name);
        lambda::messages_arrived(world, account, &arn);
    }
}

/// Makes the queue's one timer ring when its next hidden message becomes visible.
fn set_wake_up(world: &mut World, account: &AccountId, name: &str) {
    let now = world.now();
    let Ok(queue) = queue_mut(world, account, name) else { return };
    let next = queue.next_visible(now);
    if queue.wakes_at == next {
        return;
    }
    queue.wakes_at = next;
    let timer = Timer::Visible(name.to_owned());
    world.forget_timers(account, |other| matches!(other, AnyTimer::Sqs(other) if *other == timer));
    if let Some(next) = next {
        world.set_timer(account, next - now, AnyTimer::Sqs(timer));
    }
}

fn queue<'a>(world: &'a World, account: &AccountId, name: &str) -> Result<&'a Queue, AwsError> {
    let state = world.account(account).map_err(|_| queue_does_not_exist())?;
    state.sqs.queues.get(name).ok_or_else(queue_does_not_exist)
}

fn queue_mut<'a>(world: &'a mut World, account: &AccountId, name: &str) -> Result<&'a mut Queue, AwsError> {
    let state = world.account_mut(account).map_err(|_| queue_does_not_exist())?;
    state.sqs.queues.get_mut(name).ok_or_else(queue_does_not_exist)
}

fn queue_does_not_exist() -> AwsError {
    AwsError::new("QueueDoesNotExist", "The specified queue does not exist.")
}

/// The sender as messages show it: an account for people and services, a role's session by its name.
fn sender_id(caller: &Caller) -> String {
    match &caller.identity {
        Identity::Role { role, session } => format!("{role}:{session}"),
        Identity::Administrator | Identity::Service(_) => caller.account.to_string(),
    }
}
