//! A queue's attributes.

use crate::clock::seconds;
use crate::error::AwsError;
use chrono::Duration;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// Where messages go that were received too often.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Redrive {
    pub(crate) dead_letter_target_arn: String,
    pub(crate) max_receive_count: u32,
}

/// What a queue was told about itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct QueueSettings {
    pub(crate) visibility_timeout: u32,
    pub(crate) message_retention_period: u32,
    pub(crate) delay_seconds: u32,
    pub(crate) receive_wait_seconds: u32,
    pub(crate) maximum_message_size: u32,
    pub(crate) sqs_managed_encryption: bool,
    pub(crate) policy: Option<Value>,
    pub(crate) redrive: Option<Redrive>,
    pub(crate) redrive_allow: Option<Value>,
}

impl Default for QueueSettings {
    fn default() -> Self {
        Self {
            visibility_timeout: 30,
            message_retention_period: 345_600,
            delay_seconds: 0,
            receive_wait_seconds: 0,
            maximum_message_size: 1_048_576,
            sqs_managed_encryption: true,
            policy: None,
            redrive: None,
            redrive_allow: None,
        }
    }
}

impl QueueSettings {
    /// These settings with the given attributes changed.
    pub(crate) fn with(&self, attributes: &BTreeMap<String, String>) -> Result<Self, AwsError> {
        let mut settings = self.clone();
        for (name, value) in attributes {
            settings.set(name, value)?;
        }
        Ok(settings)
    }

    fn set(&mut self, name: &str, value: &str) -> Result<(), AwsError> {
        match name {
            "VisibilityTimeout" => self.visibility_timeout = number(name, value, 0, 43_200)?,
            "MessageRetentionPeriod" => self.message_retention_period = number(name, value, 60, 1_209_600)?,
            "DelaySeconds" => self.delay_seconds = number(name, value, 0, 900)?,
            "ReceiveMessageWaitTimeSeconds" => self.receive_wait_seconds = number(name, value, 0, 20)?,
            "MaximumMessageSize" => self.maximum_message_size = number(name, value, 1024, 1_048_576)?,
            "SqsManagedSseEnabled" => {
                self.sqs_managed_encryption = value.parse().map_err(|_| invalid_value(name))?;
            }
            "Policy" => self.policy = document(name, value)?,
            "RedriveAllowPolicy" => self.redrive_allow = document(name, value)?,
            "RedrivePolicy" => {
                self.redrive = document(name, value)?.map(|policy| redrive(&policy)).transpose()?;
            }
            "FifoQueue"
            | "ContentBasedDeduplication"
            | "DeduplicationScope"
            | "FifoThroughputLimit"
            | "KmsMasterKeyId"
            | "KmsDataKeyReusePeriodSeconds" => {
                return Err(AwsError::not_in_local_aws(format!("the queue attribute {name}")));
            }
            _ => return Err(AwsError::new("InvalidAttributeName", format!("Unknown Attribute {name}."))),
        }
        Ok(())
    }

    /// The attributes that were set or have a default, as text.
    pub(crate) fn attributes(&self) -> BTreeMap<String, String> {
        let mut attributes = BTreeMap::from([
            ("VisibilityTimeout", self.visibility_timeout.to_string()),
            ("MessageRetentionPeriod", self.message_retention_period.to_string()),
            ("DelaySeconds", self.delay_seconds.to_string()),
            ("ReceiveMessageWaitTimeSeconds", self.receive_wait_seconds.to_string()),
            ("MaximumMessageSize", self.maximum_message_size.to_string()),
            ("SqsManagedSseEnabled", self.sqs_managed_encryption.to_string()),
        ]);
        attributes.extend(self.policy.as_ref().map(|policy| ("Policy", policy.to_string())));
        attributes
            .extend(self.redrive_allow.as_ref().map(|policy| ("RedriveAllowPolicy", policy.to_string())));
        attributes.extend(self.redrive.as_ref().map(|redrive| {
            let policy = serde_json::json!({
                "deadLetterTargetArn": redrive.dead_letter_target_arn,
                "maxReceiveCount": redrive.max_receive_count,
            });
            ("RedrivePolicy", policy.to_string())
        }));
        attributes.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }

    /// How long a received message stays hidden.
    pub(crate) fn visibility(&self) -> Duration {
        seconds(f64::from(self.visibility_timeout))
    }
}

fn number(name: &str, value: &str, least: u32, most: u32) -> Result<u32, AwsError> {
    value.parse().ok().filter(|number| (least..=most).contains(number)).ok_or_else(|| invalid_value(name))
}

fn invalid_value(name: &str) -> AwsError {
    AwsError::new("InvalidAttributeValue", format!("Invalid value for the parameter {name}."))
}

/// A JSON document; the empty string takes it away.
fn document(name: &str, value: &str) -> Result<Option<Value>, AwsError> {
    if value.is_empty() {
        return Ok(None);
    }
    let parsed: Value = serde_json::from_str(value).map_err(|_| invalid_value(name))?;
    if parsed.is_object() { Ok(Some(parsed)) } else { Err(invalid_value(name)) }
}

fn redrive(policy: &Value) -> Result<Redrive, AwsError> {
    let invalid = |reason: &str| {
        let text = format!("Value {policy} for parameter RedrivePolicy is invalid. Reason: {reason}");
        AwsError::new("InvalidParameterValue", text)
    };
    let target = policy.get("deadLetterTargetArn").and_then(Value::as_str);
    let target = target.ok_or_else(|| {
        invalid("Redrive policy does not contain mandatory attribute: deadLetterTargetArn.")
    })?;
    let count = policy
        .get("maxReceiveCount")
        .ok_or_else(|| invalid("Redrive policy does not contain mandatory attribute: maxReceiveCount."))?;
    let count = match count {
        Value::String(text) => text.parse().ok(),
        other => other.as_u64(),
    };
    let count = count.and_then(|count| u32::try_from(count).ok()).filter(|count| (1..=1000).contains(count));
    let count = count.ok_or_else(|| invalid("Invalid value for maxReceiveCount: expected 1 to 1000."))?;
    Ok(Redrive { dead_letter_target_arn: target.to_owned(), max_receive_count: count })
}
