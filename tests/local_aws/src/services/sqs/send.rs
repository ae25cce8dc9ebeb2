//! Sending messages.

use super::queues::{address, missing};
use super::{Address, Message, MessageAttribute, admit, changed, digests, queue, queue_mut, sender_id};
use crate::caller::Caller;
use crate::error::AwsError;
use crate::world::World;
use chrono::Duration;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

const BATCH_ENTRIES_MAX: usize = 10;
const BATCH_BYTES_MAX: usize = 1_048_576;
const ATTRIBUTES_MAX: usize = 10;
const DELAY_SECONDS_MAX: u32 = 900;
const ENTRY_ID_CHARACTERS_MAX: usize = 80;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct SendMessageInput {
    queue_url: Option<String>,
    message_body: Option<String>,
    delay_seconds: Option<u32>,
    #[serde(default)]
    message_attributes: BTreeMap<String, MessageAttribute>,
}

/// A message before it lies in a queue.
pub(super) struct Outgoing {
    pub(super) body: String,
    pub(super) attributes: BTreeMap<String, MessageAttribute>,
    pub(super) delay: Option<u32>,
}

impl Outgoing {
    fn bytes(&self) -> usize {
        let attributes = self.attributes.iter().map(|(name, attribute)| {
            let value = attribute.string_value.as_ref().or(attribute.binary_value.as_ref());
            name.len() + attribute.data_type.len() + value.map_or(0, String::len)
        });
        self.body.len() + attributes.sum::<usize>()
    }
}

pub(super) fn send(world: &mut World, caller: &Caller, input: SendMessageInput) -> Result<Value, AwsError> {
    let address = address(input.queue_url)?;
    admit(world, caller, "sqs:SendMessage", &address, &[])?;
    let body = input.message_body.ok_or_else(|| missing("MessageBody"))?;
    let outgoing = Outgoing { body, attributes: input.message_attributes, delay: input.delay_seconds };
    put(world, caller, &address, outgoing).map(Value::Object)
}

/// Checks a message and puts it on its queue; returns what the sender is told.
pub(super) fn put(
    world: &mut World,
    caller: &Caller,
    address: &Address,
    outgoing: Outgoing,
) -> Result<Map<String, Value>, AwsError> {
    check(world, address, &outgoing)?;
    let now = world.now();
    let message_id = world.ids.uuid();
    let mut answer = Map::new();
    answer.insert("MessageId".to_owned(), json!(message_id));
    answer.insert("MD5OfMessageBody".to_owned(), json!(digests::of_body(&outgoing.body)));
    answer.extend(
        digests::of_attributes(&outgoing.attributes)
            .map(|digest| ("MD5OfMessageAttributes".to_owned(), json!(digest))),
    );
    let queue = queue_mut(world, &address.account, &address.name)?;
    let delay = outgoing.delay.unwrap_or(queue.settings.delay_seconds);
    queue.put(Message {
        message_id,
        body: outgoing.body,
        attributes: outgoing.attributes,
        sender_id: sender_id(caller),
        sent: now,
        visible_at: now + Duration::seconds(i64::from(delay)),
        receive_count: 0,
        first_received: None,
        dead_letter_source: None,
    });
    changed(world, &address.account, &address.name);
    Ok(answer)
}

fn check(world: &World, address: &Address, outgoing: &Outgoing) -> Result<(), AwsError> {
    let invalid = |text: String| AwsError::new("InvalidParameterValue", text);
    if outgoing.body.is_empty() {
        return Err(missing("MessageBody"));
    }
    if !outgoing.body.chars().all(is_allowed) {
        let text = "Invalid characters found. Valid unicode characters are #x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF";
        return Err(AwsError::new("InvalidMessageContents", text));
    }
    let longest = queue(world, &address.account, &address.name)?.settings.maximum_message_size;
    if outgoing.bytes() > usize::try_from(longest).unwrap_or(usize::MAX) {
        return Err(invalid(format!(
            "One or more parameters are invalid. Reason: Message must be shorter than {longest} bytes."
        )));
    }
    if let Some(delay) = outgoing.delay.filter(|delay| *delay > DELAY_SECONDS_MAX) {
        return Err(invalid(format!(
            "Value {delay} for parameter DelaySeconds is invalid. Reason: DelaySeconds must be >= 0 and <= 900."
        )));
    }
    if outgoing.attributes.len() > ATTRIBUTES_MAX {
        let count = outgoing.attributes.len();
        return Err(invalid(format!(
            "Number of message attributes [{count}] exceeds the allowed maximum [10]."
        )));
    }
    outgoing.attributes.iter().try_for_each(|(name, attribute)| check_attribute(name, attribute))
}

fn is_allowed(character: char) -> bool {
    matches!(character, '\t' | '\n' | '\r' | '\u{20}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
}

fn check_attribute(name: &str, attribute: &MessageAttribute) -> Result<(), AwsError> {
    let kind = attribute.data_type.split('.').next().unwrap_or_default();
    let value = match kind {
        "String" | "Number" => &attribute.string_value,
        "Binary" => &attribute.binary_value,
        _ => {
            let text = format!(
                "The type of message (user) attribute '{name}' is invalid. You must use only the following supported type prefixes: Binary, Number, String."
            );
            return Err(AwsError::new("InvalidParameterValue", text));
        }
    };
    if value.as_deref().is_none_or(str::is_empty) {
        let text =
            format!("The message (user) attribute '{name}' must contain a non-empty value of type '{kind}'.");
        return Err(AwsError::new("InvalidParameterValue", text));
    }
    Ok(())
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct SendMessageBatchInput {
    queue_url: Option<String>,
    #[serde(default)]
    entries: Vec<SendEntry>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct SendEntry {
    id: String,
    message_body: String,
    delay_seconds: Option<u32>,
    #[serde(default)]
    message_attributes: BTreeMap<String, MessageAttribute>,
}

pub(super) fn send_batch(
    world: &mut World,
    caller: &Caller,
    input: SendMessageBatchInput,
) -> Result<Value, AwsError> {
    let address = address(input.queue_url)?;
    admit(world, caller, "sqs:SendMessage", &address, &[])?;
    check_batch(input.entries.iter().map(|entry| entry.id.as_str()))?;
    let bytes: usize = input.entries.iter().map(|entry| entry.message_body.len()).sum();
    if bytes > BATCH_BYTES_MAX {
        let text = format!(
            "Batch requests cannot be longer than {BATCH_BYTES_MAX} bytes. You have sent {bytes} bytes."
        );
        return Err(AwsError::new("BatchRequestTooLong", text));
    }
    answer_batch(input.entries, |entry| {
        let outgoing = Outgoing {
            body: entry.message_body,
            attributes: entry.message_attributes,
            delay: entry.delay_seconds,
        };
        (entry.id, put(world, caller, &address, outgoing))
    })
}

/// The rules for every batch: 1 to 10 entries with distinct, plain ids.
pub(super) fn check_batch<'a>(ids: impl Iterator<Item = &'a str>) -> Result<(), AwsError> {
    let ids: Vec<&str> = ids.collect();
    if ids.is_empty() {
        return Err(AwsError::new("EmptyBatchRequest", "There should be at least one entry in the request."));
    }
    if ids.len() > BATCH_ENTRIES_MAX {
        let text = format!(
            "Maximum number of entries per request are {BATCH_ENTRIES_MAX}. You have sent {}.",
            ids.len()
        );
        return Err(AwsError::new("TooManyEntriesInBatchRequest", text));
    }
    let plain = |character: char| character.is_ascii_alphanumeric() || matches!(character, '-' | '_');
    let valid = |id: &&str| !id.is_empty() && id.len() <= ENTRY_ID_CHARACTERS_MAX && id.chars().all(plain);
    if !ids.iter().all(valid) {
        let text = "A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can be at most 80 letters long.";
        return Err(AwsError::new("InvalidBatchEntryId", text));
    }
    let mut seen = BTreeSet::new();
    match ids.iter().find(|id| !seen.insert(**id)) {
        Some(id) => Err(AwsError::new("BatchEntryIdsNotDistinct", format!("Id {id} repeated."))),
        None => Ok(()),
    }
}

/// Carries out a batch entry by entry: one that fails leaves the others alone.
pub(super) fn answer_batch<T>(
    entries: Vec<T>,
    mut act: impl FnMut(T) -> (String, Result<Map<String, Value>, AwsError>),
) -> Result<Value, AwsError> {
    let (mut successful, mut failed) = (Vec::new(), Vec::new());
    for entry in entries {
        match act(entry) {
            (id, Ok(mut answer)) => {
                answer.insert("Id".to_owned(), json!(id));
                successful.push(Value::Object(answer));
            }
            (id, Err(error)) => failed.push(json!({
                "Id": id, "SenderFault": error.status < 500, "Code": error.code, "Message": error.message,
            })),
        }
    }
    // Both members are required, so that clients may read them without a look whether they are there.
    Ok(json!({ "Successful": successful, "Failed": failed }))
}
