//! SQS: what a queue promises.

use crate::check::{Check, Stop, Verdict};
use crate::expect::{holds, list, refused, same, text, texts};
use crate::resources::Queue;
use crate::scene::Scene;
use client::wait::{Seen, until};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// The checks of this file.
pub const CHECKS: &[Check] = &[
    check("A message is received until it is deleted", receive_and_delete),
    check("A received message is invisible for its time", visibility),
    check("A message can be made visible at once", visibility_zero),
    check("A message that is received too often goes to the dead-letter queue", redrive),
    check("Batches take ten messages with different ids", batches),
    check("A queue is found by its name and knows its ARN", names),
    check("A queue that is not there has its own code", missing_queue),
    check("A receipt handle that is none is refused", bad_receipt),
    check("A message waits for its delay", delay),
];

const fn check(name: &'static str, run: fn(&Scene) -> Verdict) -> Check {
    Check::new("sqs", name, run)
}

/// Receives until a message comes.
fn one(scene: &Scene, queue: &Queue<'_>) -> Result<Value, Stop> {
    let mut refusal = None;
    let received = until("a message", scene.patience(), || match queue.receive(1) {
        Ok(messages) => match messages.into_iter().next() {
            Some(message) => Seen::Done(Some(message)),
            None => Seen::NotYet("no message".to_owned()),
        },
        Err(error) => {
            refusal = Some(error);
            Seen::Done(None)
        }
    })?;
    match (received, refusal) {
        (Some(message), _) => Ok(message),
        (None, Some(error)) => Err(error.into()),
        (None, None) => Err(Stop::Failed("expected a message, saw none".to_owned())),
    }
}

fn receive_and_delete(scene: &Scene) -> Verdict {
    let queue = Queue::new(scene, &json!({}))?;
    same("no messages", &queue.receive(0)?.len(), &0)?;
    let body = "{\"ä\": \"one\"}\n";
    let sent = queue.call("SendMessage", json!({ "MessageBody": body }))?;
    text(&sent, "/MessageId")?;
    same("the length of the MD5", &text(&sent, "/MD5OfMessageBody")?.len(), &32)?;
    let message = one(scene, &queue)?;
    same("the body", &text(&message, "/Body")?, &body)?;
    same("its MD5", &text(&message, "/MD5OfBody")?, &text(&sent, "/MD5OfMessageBody")?)?;
    same("its id", &text(&message, "/MessageId")?, &text(&sent, "/MessageId")?)?;
    same("its count", &text(&message, "/Attributes/ApproximateReceiveCount")?, &"1")?;
    queue.call("DeleteMessage", json!({ "ReceiptHandle": text(&message, "/ReceiptHandle")? }))?;
    same("no messages", &queue.receive(0)?.len(), &0)
}

fn visibility(scene: &Scene) -> Verdict {
    let queue = Queue::new(scene, &json!({ "VisibilityTimeout": "1" }))?;
    queue.call("SendMessage", json!({ "MessageBody": "one" }))?;
    let first = one(scene, &queue)?;
    same("nothing while it is invisible", &queue.receive(0)?.len(), &0)?;
    let again = one(scene, &queue)?;
    same("the same message", &text(&again, "/MessageId")?, &text(&first, "/MessageId")?)?;
    same("its count", &text(&again, "/Attributes/ApproximateReceiveCount")?, &"2")
}

fn visibility_zero(scene: &Scene) -> Verdict {
    let queue = Queue::new(scene, &json!({ "VisibilityTimeout": "600" }))?;
    queue.call("SendMessage", json!({ "MessageBody": "one" }))?;
    let message = one(scene, &queue)?;
    let receipt = text(&message, "/ReceiptHandle")?;
    let now = json!({ "ReceiptHandle": receipt, "VisibilityTimeout": 0 });
    queue.call("ChangeMessageVisibility", now)?;
    let again = one(scene, &queue)?;
    same("its count", &text(&again, "/Attributes/ApproximateReceiveCount")?, &"2")
}

fn redrive(scene: &Scene) -> Verdict {
    let dead = Queue::new(scene, &json!({}))?;
    let policy = json!({ "deadLetterTargetArn": dead.arn, "maxReceiveCount": 2 }).to_string();
    let attributes = json!({ "VisibilityTimeout": "0", "RedrivePolicy": policy });
    let queue = Queue::new(scene, &attributes)?;
    let sent = queue.call("SendMessage", json!({ "MessageBody": "bad" }))?;
    for _ in 0..2 {
        one(scene, &queue)?;
    }
    let letter = until("the dead letter", scene.patience(), || {
        let left = queue.receive(0).map_or(0, |messages| messages.len());
        match dead.receive(0).ok().and_then(|messages| messages.into_iter().next()) {
            Some(letter) => Seen::Done(letter),
            None => Seen::NotYet(format!("{left} messages in the queue, none in the dead-letter queue")),
        }
    })?;
    same("the body", &text(&letter, "/Body")?, &"bad")?;
    same("the id", &text(&letter, "/MessageId")?, &text(&sent, "/MessageId")?)
}

fn batches(scene: &Scene) -> Verdict {
    let queue = Queue::new(scene, &json!({}))?;
    let entries = |count: usize| -> Vec<Value> {
        (0..count).map(|n| json!({ "Id": format!("m{n}"), "MessageBody": format!("body {n}") })).collect()
    };
    let send = |entries: &[Value]| queue.call("SendMessageBatch", json!({ "Entries": entries }));
    refused(send(&entries(11)), &["TooManyEntriesInBatchRequest"])?;
    refused(send(&[]), &["EmptyBatchRequest"])?;
    let twice = [entries(1), entries(1)].concat();
    refused(send(&twice), &["BatchEntryIdsNotDistinct"])?;
    let sent = send(&entries(10))?;
    same("the messages sent", &list(&sent, "/Successful").len(), &10)?;
    let mut bodies = BTreeSet::new();
    let received = until("ten messages", scene.patience(), || {
        let messages = queue.receive(1).unwrap_or_default();
        bodies.extend(texts(&json!({ "all": messages }), "/all", "Body"));
        if bodies.len() == 10 {
            Seen::Done(messages)
        } else {
            Seen::NotYet(format!("{} messages", bodies.len()))
        }
    })?;
    let receipts: Vec<Value> = received
        .iter()
        .enumerate()
        .map(|(n, message)| json!({ "Id": format!("m{n}"), "ReceiptHandle": message.get("ReceiptHandle") }))
        .collect();
    let deleted = queue.call("DeleteMessageBatch", json!({ "Entries": receipts }))?;
    same("the failures", &list(&deleted, "/Failed").len(), &0)
}

fn names(scene: &Scene) -> Verdict {
    let queue = Queue::new(scene, &json!({ "VisibilityTimeout": "42" }))?;
    let name = queue.arn.rsplit(':').next().unwrap_or_default();
    let found = scene.call("sqs", "GetQueueUrl", &json!({ "QueueName": name }))?;
    same("the address", &text(&found, "/QueueUrl")?, &queue.url)?;
    let attributes = queue.call("GetQueueAttributes", json!({ "AttributeNames": ["All"] }))?;
    same("the ARN", &text(&attributes, "/Attributes/QueueArn")?, &queue.arn)?;
    same("an attribute", &text(&attributes, "/Attributes/VisibilityTimeout")?, &"42")?;
    same("no messages", &text(&attributes, "/Attributes/ApproximateNumberOfMessages")?, &"0")
}

fn missing_queue(scene: &Scene) -> Verdict {
    let name = scene.name("missing");
    let found = scene.call("sqs", "GetQueueUrl", &json!({ "QueueName": name }));
    refused(found, &["QueueDoesNotExist"])?;
    let queue = Queue::new(scene, &json!({}))?;
    let url = queue.url.replace(queue.arn.rsplit(':').next().unwrap_or_default(), &name);
    let sent = scene.call("sqs", "SendMessage", &json!({ "QueueUrl": url, "MessageBody": "x" }));
    refused(sent, &["QueueDoesNotExist"])?;
    Ok(())
}

fn bad_receipt(scene: &Scene) -> Verdict {
    let queue = Queue::new(scene, &json!({}))?;
    let deleted = queue.call("DeleteMessage", json!({ "ReceiptHandle": "none" }));
    refused(deleted, &["ReceiptHandleIsInvalid"])?;
    let many = queue.call("ReceiveMessage", json!({ "MaxNumberOfMessages": 11 }));
    refused(many, &["InvalidParameterValue", "InvalidParameterValueException", "ReadCountOutOfRange"])?;
    Ok(())
}

fn delay(scene: &Scene) -> Verdict {
    let queue = Queue::new(scene, &json!({}))?;
    queue.call("SendMessage", json!({ "MessageBody": "later", "DelaySeconds": 1 }))?;
    same("nothing yet", &queue.receive(0)?.len(), &0)?;
    let message = one(scene, &queue)?;
    holds("it came", text(&message, "/Body")? == "later")
}
