//! Queues and their policies.

use super::{Identity, Work, answered, identity};
use crate::error::AwsError;
use crate::services::Service;
use crate::services::cloudformation::properties::Properties;
use serde_json::{Map, Value, json};

const ATTRIBUTES: [&str; 12] = [
    "ContentBasedDeduplication",
    "DelaySeconds",
    "FifoQueue",
    "KmsDataKeyReusePeriodSeconds",
    "KmsMasterKeyId",
    "MaximumMessageSize",
    "MessageRetentionPeriod",
    "ReceiveMessageWaitTimeSeconds",
    "RedriveAllowPolicy",
    "RedrivePolicy",
    "SqsManagedSseEnabled",
    "VisibilityTimeout",
];

/// What an attribute is when the template no longer names it.
const DEFAULTS: [(&str, &str); 6] = [
    ("DelaySeconds", "0"),
    ("MessageRetentionPeriod", "345600"),
    ("ReceiveMessageWaitTimeSeconds", "0"),
    ("RedrivePolicy", ""),
    ("SqsManagedSseEnabled", "true"),
    ("VisibilityTimeout", "30"),
];

pub(super) fn create_queue(work: &mut Work<'_>, mut properties: Properties) -> Result<Identity, AwsError> {
    let name = properties.text("QueueName")?;
    let name = work.name(name, 80);
    let attributes = attributes(&mut properties)?;
    let tags = tags(&mut properties)?;
    properties.finish()?;
    let input = json!({"QueueName": name, "Attributes": attributes, "tags": tags});
    let url = answered(&work.call(Service::Sqs, "CreateQueue", input)?, "/QueueUrl")?;
    let arn = work.arn("sqs", &name);
    Ok(identity(url.clone(), [("Arn", arn), ("QueueName", name), ("QueueUrl", url)]))
}

pub(super) fn update_queue(
    work: &mut Work<'_>,
    there: &Identity,
    old: &Map<String, Value>,
    new: &Map<String, Value>,
) -> Result<Identity, AwsError> {
    work.only(old, new, &ATTRIBUTES)?;
    let mut properties = work.properties(new.clone());
    let mut attributes = attributes(&mut properties)?;
    for name in old.keys().filter(|name| !new.contains_key(*name)) {
        let default = DEFAULTS.iter().find(|(attribute, _)| attribute == name).ok_or_else(|| {
            AwsError::not_in_local_aws(format!("an update that takes {name} away from a queue"))
        })?;
        attributes.insert(name.clone(), json!(default.1));
    }
    let input = json!({"QueueUrl": there.physical_id, "Attributes": attributes});
    work.call(Service::Sqs, "SetQueueAttributes", input)?;
    Ok(there.clone())
}

pub(super) fn delete_queue(work: &mut Work<'_>, there: &Identity, _: Properties) -> Result<(), AwsError> {
    work.call(Service::Sqs, "DeleteQueue", json!({"QueueUrl": there.physical_id})).map(|_| ())
}

pub(super) fn create_policy(work: &mut Work<'_>, mut properties: Properties) -> Result<Identity, AwsError> {
    put_policy(work, &mut properties)?;
    properties.finish()?;
    Ok(identity(work.generated_name(80), []))
}

pub(super) fn update_policy(
    work: &mut Work<'_>,
    there: &Identity,
    old: &Map<String, Value>,
    new: &Map<String, Value>,
) -> Result<Identity, AwsError> {
    work.only(old, new, &["PolicyDocument"])?;
    let mut properties = work.properties(new.clone());
    put_policy(work, &mut properties)?;
    Ok(there.clone())
}

pub(super) fn delete_policy(
    work: &mut Work<'_>,
    _: &Identity,
    mut properties: Properties,
) -> Result<(), AwsError> {
    for url in properties.texts("Queues")? {
        let input = json!({"QueueUrl": url, "Attributes": {"Policy": ""}});
        work.call(Service::Sqs, "SetQueueAttributes", input)?;
    }
    Ok(())
}

fn put_policy(work: &mut Work<'_>, properties: &mut Properties) -> Result<(), AwsError> {
    let document = properties.value("PolicyDocument").unwrap_or(Value::Null).to_string();
    for url in properties.texts("Queues")? {
        let input = json!({"QueueUrl": url, "Attributes": {"Policy": document}});
        work.call(Service::Sqs, "SetQueueAttributes", input)?;
    }
    Ok(())
}

fn attributes(properties: &mut Properties) -> Result<Map<String, Value>, AwsError> {
    let mut attributes = Map::new();
    for name in ATTRIBUTES {
        let value = match properties.value(name) {
            None => continue,
            Some(Value::String(text)) => text,
            Some(other) => other.to_string(),
        };
        attributes.insert(name.to_owned(), Value::String(value));
    }
    Ok(attributes)
}

/// `[{Key, Value}]` as a map.
pub(super) fn tags(properties: &mut Properties) -> Result<Map<String, Value>, AwsError> {
    let mut tags = Map::new();
    for tag in properties.list("Tags")? {
        let mut tag = Properties::of_value("a tag", tag)?;
        tags.insert(tag.required("Key")?, Value::String(tag.required("Value")?));
    }
    Ok(tags)
}
