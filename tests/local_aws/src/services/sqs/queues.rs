//! Operations on queues.

use super::queue::Queue;
use super::settings::QueueSettings;
use super::{Address, admit, changed, queue, queue_mut};
use crate::caller::Caller;
use crate::error::AwsError;
use crate::services::{iam, page};
use crate::world::World;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;

const NAME_CHARACTERS_MAX: usize = 80;
const LIST_PAGE_MAX: usize = 1000;
const TAGS_MAX: usize = 50;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct CreateQueueInput {
    queue_name: Option<String>,
    #[serde(default)]
    attributes: BTreeMap<String, String>,
    #[serde(default, rename = "tags")]
    tags: BTreeMap<String, String>,
}

pub(super) fn create(world: &mut World, caller: &Caller, input: CreateQueueInput) -> Result<Value, AwsError> {
    let name = input.queue_name.ok_or_else(|| missing("QueueName"))?;
    check_name(&name)?;
    let address = Address { account: caller.account.clone(), name };
    iam::authorize(world, caller, "sqs:CreateQueue", &address.arn(world), &[])?;
    let settings = QueueSettings::default().with(&input.attributes)?;
    check_tags(input.tags.len())?;
    check_redrive(world, &address, &settings)?;
    let now = world.now();
    let queues = &mut world.account_mut(&caller.account)?.sqs.queues;
    if let Some(existing) = queues.get(&address.name) {
        let there = existing.settings.attributes();
        let wanted = settings.attributes();
        if let Some(other) = input.attributes.keys().find(|name| there.get(*name) != wanted.get(*name)) {
            let text = format!(
                "A queue already exists with the same name and a different value for attribute {other}"
            );
            return Err(AwsError::new("QueueNameExists", text));
        }
    } else {
        let mut queue = Queue::new(&address.name, settings, now);
        queue.tags = input.tags;
        queues.insert(address.name.clone(), queue);
    }
    Ok(json!({ "QueueUrl": address.url(world) }))
}

fn check_name(name: &str) -> Result<(), AwsError> {
    if name.ends_with(".fifo") {
        return Err(AwsError::not_in_local_aws(format!("FIFO queues, such as {name}")));
    }
    let allowed = |character: char| character.is_ascii_alphanumeric() || matches!(character, '-' | '_');
    if name.is_empty() || name.len() > NAME_CHARACTERS_MAX || !name.chars().all(allowed) {
        let text = "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length";
        return Err(AwsError::new("InvalidParameterValue", text));
    }
    Ok(())
}

fn check_redrive(world: &World, address: &Address, settings: &QueueSettings) -> Result<(), AwsError> {
    let Some(redrive) = &settings.redrive else { return Ok(()) };
    let target = Address::of_arn(&redrive.dead_letter_target_arn);
    let there = target.is_ok_and(|target| {
        target.account == address.account && queue(world, &target.account, &target.name).is_ok()
    });
    if there {
        return Ok(());
    }
    let text = format!(
        "Value {} for parameter RedrivePolicy is invalid. Reason: Dead letter target does not exist.",
        redrive.dead_letter_target_arn
    );
    Err(AwsError::new("InvalidParameterValue", text))
}

fn check_tags(count: usize) -> Result<(), AwsError> {
    if count > TAGS_MAX {
        return Err(AwsError::new("InvalidParameterValue", "Too many tags added for queue: 50 at most."));
    }
    Ok(())
}

pub(super) fn missing(name: &str) -> AwsError {
    AwsError::new("MissingParameter", format!("The request must contain the parameter {name}."))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct GetQueueUrlInput {
    queue_name: Option<String>,
    #[serde(rename = "QueueOwnerAWSAccountId")]
    owner: Option<String>,
}

pub(super) fn url(world: &mut World, caller: &Caller, input: GetQueueUrlInput) -> Result<Value, AwsError> {
    let name = input.queue_name.ok_or_else(|| missing("QueueName"))?;
    let account = match input.owner {
        None => caller.account.clone(),
        Some(owner) => owner.parse().map_err(|text: String| AwsError::new("InvalidParameterValue", text))?,
    };
    let address = Address { account, name };
    admit(world, caller, "sqs:GetQueueUrl", &address, &[])?;
    Ok(json!({ "QueueUrl": address.url(world) }))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct GetQueueAttributesInput {
    queue_url: Option<String>,
    #[serde(default)]
    attribute_names: Vec<String>,
}

pub(super) fn attributes(
    world: &mut World,
    caller: &Caller,
    input: GetQueueAttributesInput,
) -> Result<Value, AwsError> {
    let address = address(input.queue_url)?;
    admit(world, caller, "sqs:GetQueueAttributes", &address, &[])?;
    let now = world.now();
    let arn = address.arn(world);
    let queue = queue_mut(world, &address.account, &address.name)?;
    queue.expire(now);
    let mut attributes = queue.settings.attributes();
    let counts = queue.counts(now);
    let computed = [
        ("ApproximateNumberOfMessages", counts.visible.to_string()),
        ("ApproximateNumberOfMessagesNotVisible", counts.in_flight.to_string()),
        ("ApproximateNumberOfMessagesDelayed", counts.delayed.to_string()),
        ("CreatedTimestamp", queue.created.timestamp().to_string()),
        ("LastModifiedTimestamp", queue.modified.timestamp().to_string()),
        ("QueueArn", arn),
    ];
    attributes.extend(computed.map(|(name, value)| (name.to_owned(), value)));
    let optional = ["Policy", "RedrivePolicy", "RedriveAllowPolicy"];
    for name in &input.attribute_names {
        if name != "All" && !optional.contains(&name.as_str()) && !attributes.contains_key(name) {
            return Err(AwsError::new("InvalidAttributeName", format!("Unknown Attribute {name}.")));
        }
    }
    if !input.attribute_names.iter().any(|name| name == "All") {
        attributes.retain(|name, _| input.attribute_names.contains(name));
    }
    Ok(if attributes.is_empty() { json!({}) } else { json!({ "Attributes": attributes }) })
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct SetQueueAttributesInput {
    queue_url: Option<String>,
    #[serde(default)]
    attributes: BTreeMap<String, String>,
}

pub(super) fn set_attributes(
    world: &mut World,
    caller: &Caller,
    input: SetQueueAttributesInput,
) -> Result<Value, AwsError> {
    let address = address(input.queue_url)?;
    admit(world, caller, "sqs:SetQueueAttributes", &address, &[])?;
    let settings = queue(world, &address.account, &address.name)?.settings.with(&input.attributes)?;
    check_redrive(world, &address, &settings)?;
    let now = world.now();
    let queue = queue_mut(world, &address.account, &address.name)?;
    queue.settings = settings;
    queue.modified = now;
    Ok(json!({}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct ListQueuesInput {
    #[serde(default)]
    queue_name_prefix: String,
    next_token: Option<String>,
    max_results: Option<usize>,
}

pub(super) fn list(world: &mut World, caller: &Caller, input: &ListQueuesInput) -> Result<Value, AwsError> {
    iam::authorize(world, caller, "sqs:ListQueues", "*", &[])?;
    let size = input.max_results.unwrap_or(LIST_PAGE_MAX);
    if !(1..=LIST_PAGE_MAX).contains(&size) {
        let text = format!(
            "Value {size} for parameter MaxResults is invalid. Reason: Must be between 1 and 1000, if provided."
        );
        return Err(AwsError::new("InvalidParameterValue", text));
    }
    let queues = &world.account(&caller.account)?.sqs.queues;
    let names = queues.keys().filter(|name| name.starts_with(&input.queue_name_prefix));
    let (names, next) = page::page(names, size, input.next_token.as_deref(), "InvalidParameterValue")?;
    // Without MaxResults, SQS gives the first thousand and no token.
    let next = next.filter(|_| input.max_results.is_some());
    let urls: Vec<String> = names
        .into_iter()
        .map(|name| Address { account: caller.account.clone(), name: name.clone() }.url(world))
        .collect();
    let mut answer = serde_json::Map::new();
    if !urls.is_empty() {
        answer.insert("QueueUrls".to_owned(), json!(urls));
    }
    answer.extend(next.map(|next| ("NextToken".to_owned(), json!(next))));
    Ok(Value::Object(answer))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct QueueUrlInput {
    queue_url: Option<String>,
}

pub(super) fn delete(world: &mut World, caller: &Caller, input: QueueUrlInput) -> Result<Value, AwsError> {
    let address = address(input.queue_url)?;
    admit(world, caller, "sqs:DeleteQueue", &address, &[])?;
    clear(world, &address)?;
    world.account_mut(&address.account)?.sqs.queues.remove(&address.name);
    Ok(json!({}))
}

pub(super) fn purge(world: &mut World, caller: &Caller, input: QueueUrlInput) -> Result<Value, AwsError> {
    let address = address(input.queue_url)?;
    admit(world, caller, "sqs:PurgeQueue", &address, &[])?;
    clear(world, &address)?;
    Ok(json!({}))
}

fn clear(world: &mut World, address: &Address) -> Result<(), AwsError> {
    queue_mut(world, &address.account, &address.name)?.messages.clear();
    changed(world, &address.account, &address.name);
    Ok(())
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct TagQueueInput {
    queue_url: Option<String>,
    tags: BTreeMap<String, String>,
}

pub(super) fn tag(world: &mut World, caller: &Caller, input: TagQueueInput) -> Result<Value, AwsError> {
    let address = address(input.queue_url)?;
    admit(world, caller, "sqs:TagQueue", &address, &[])?;
    let queue = queue_mut(world, &address.account, &address.name)?;
    let new = input.tags.keys().filter(|key| !queue.tags.contains_key(*key)).count();
    check_tags(queue.tags.len() + new)?;
    queue.tags.extend(input.tags);
    Ok(json!({}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct UntagQueueInput {
    queue_url: Option<String>,
    tag_keys: Vec<String>,
}

pub(super) fn untag(world: &mut World, caller: &Caller, input: UntagQueueInput) -> Result<Value, AwsError> {
    let address = address(input.queue_url)?;
    admit(world, caller, "sqs:UntagQueue", &address, &[])?;
    queue_mut(world, &address.account, &address.name)?.tags.retain(|key, _| !input.tag_keys.contains(key));
    Ok(json!({}))
}

pub(super) fn tags(world: &mut World, caller: &Caller, input: QueueUrlInput) -> Result<Value, AwsError> {
    let address = address(input.queue_url)?;
    admit(world, caller, "sqs:ListQueueTags", &address, &[])?;
    let tags = &queue(world, &address.account, &address.name)?.tags;
    Ok(if tags.is_empty() { json!({}) } else { json!({ "Tags": tags }) })
}

pub(super) fn address(url: Option<String>) -> Result<Address, AwsError> {
    Address::of_url(&url.ok_or_else(|| missing("QueueUrl"))?)
}
