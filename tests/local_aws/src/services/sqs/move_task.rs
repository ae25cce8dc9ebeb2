//! Redrive: messages of a dead-letter queue go back to where they came from.

use super::{Address, Message, admit, changed, queue, queue_mut};
use crate::caller::Caller;
use crate::error::AwsError;
use crate::world::World;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// A finished redrive. It happens at once: the local accounts do not throttle it.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct MoveTask {
    source_arn: String,
    destination_arn: Option<String>,
    moved: usize,
    started: DateTime<Utc>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct StartMessageMoveTaskInput {
    source_arn: String,
    destination_arn: Option<String>,
}

pub(super) fn start(
    world: &mut World,
    caller: &Caller,
    input: StartMessageMoveTaskInput,
) -> Result<Value, AwsError> {
    let source = existing(world, &input.source_arn)?;
    admit(world, caller, "sqs:StartMessageMoveTask", &source, &[])?;
    let is_dead_letter_queue = world.account(&source.account)?.sqs.queues.values().any(|queue| {
        queue
            .settings
            .redrive
            .as_ref()
            .is_some_and(|redrive| redrive.dead_letter_target_arn == input.source_arn)
    });
    if !is_dead_letter_queue {
        let text = "Source queue must be configured as a Dead Letter Queue.";
        return Err(AwsError::new("InvalidParameterValue", text));
    }
    let destination = input.destination_arn.as_deref().map(|arn| existing(world, arn)).transpose()?;
    let now = world.now();
    let moved = put_back(world, &source, destination.as_ref(), now)?;
    let handle =
        STANDARD.encode(json!({"taskId": world.ids.uuid(), "sourceArn": input.source_arn}).to_string());
    let task = MoveTask {
        source_arn: input.source_arn,
        destination_arn: input.destination_arn,
        moved,
        started: now,
    };
    world.account_mut(&source.account)?.sqs.move_tasks.push(task);
    Ok(json!({ "TaskHandle": handle }))
}

fn existing(world: &World, arn: &str) -> Result<Address, AwsError> {
    let address = Address::of_arn(arn)?;
    queue(world, &address.account, &address.name).map_err(|_| {
        let text = "The resource that you specified for the SourceArn parameter doesn't exist.";
        AwsError::new("ResourceNotFoundException", text).with_status(404)
    })?;
    Ok(address)
}

/// Moves every visible message to the destination, or to the queue that it was moved away from.
fn put_back(
    world: &mut World,
    source: &Address,
    destination: Option<&Address>,
    now: DateTime<Utc>,
) -> Result<usize, AwsError> {
    let dead = queue_mut(world, &source.account, &source.name)?;
    let (movable, kept) = std::mem::take(&mut dead.messages).into_iter().partition(|(_, message)| {
        message.visible_at <= now && (destination.is_some() || message.dead_letter_source.is_some())
    });
    dead.messages = kept;
    let mut moved = 0;
    for (sequence, message) in movable {
        let origin = message.dead_letter_source.as_deref().and_then(|arn| Address::of_arn(arn).ok());
        let target = destination.cloned().or(origin);
        let there = target.filter(|target| queue(world, &target.account, &target.name).is_ok());
        let Some(target) = there else {
            queue_mut(world, &source.account, &source.name)?.messages.insert(sequence, message);
            continue;
        };
        let fresh = Message {
            receive_count: 0,
            first_received: None,
            dead_letter_source: None,
            sent: now,
            visible_at: now,
            ..message
        };
        queue_mut(world, &target.account, &target.name)?.put(fresh);
        changed(world, &target.account, &target.name);
        moved += 1;
    }
    changed(world, &source.account, &source.name);
    Ok(moved)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct ListMessageMoveTasksInput {
    source_arn: String,
    max_results: Option<usize>,
}

pub(super) fn list(
    world: &mut World,
    caller: &Caller,
    input: &ListMessageMoveTasksInput,
) -> Result<Value, AwsError> {
    let source = existing(world, &input.source_arn)?;
    admit(world, caller, "sqs:ListMessageMoveTasks", &source, &[])?;
    let tasks = world.account(&source.account)?.sqs.move_tasks.iter().rev();
    let tasks = tasks.filter(|task| task.source_arn == input.source_arn);
    let results: Vec<Value> = tasks
        .take(input.max_results.unwrap_or(1).clamp(1, 10))
        .map(|task| {
            let mut result = json!({
                "Status": "COMPLETED",
                "SourceArn": task.source_arn,
                "ApproximateNumberOfMessagesMoved": task.moved,
                "ApproximateNumberOfMessagesToMove": task.moved,
                "StartedTimestamp": task.started.timestamp_millis(),
            });
            if let (Some(members), Some(arn)) = (result.as_object_mut(), &task.destination_arn) {
                members.insert("DestinationArn".to_owned(), json!(arn));
            }
            result
        })
        .collect();
    Ok(json!({ "Results": results }))
}
