//! How long and how often an asynchronous event is tried, and where it goes when that did not help.

use super::function::{self, function_mut};
use super::functions::{FunctionInput, admit};
use crate::caller::Caller;
use crate::clock::epoch;
use crate::error::AwsError;
use crate::services::sqs;
use crate::world::World;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

pub(super) const RETRIES_DEFAULT: u32 = 2;
pub(super) const EVENT_AGE_SECONDS_DEFAULT: u32 = 21_600;

/// A function's settings for asynchronous invocation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct EventInvokeConfig {
    pub(super) maximum_retry_attempts: Option<u32>,
    pub(super) maximum_event_age_in_seconds: Option<u32>,
    pub(super) on_failure: Option<String>,
    modified: DateTime<Utc>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct PutFunctionEventInvokeConfigInput {
    function_name: String,
    qualifier: Option<String>,
    maximum_retry_attempts: Option<u32>,
    maximum_event_age_in_seconds: Option<u32>,
    destination_config: Option<DestinationConfig>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct DestinationConfig {
    on_success: Option<Destination>,
    on_failure: Option<Destination>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Destination {
    destination: Option<String>,
}

pub(super) fn put(
    world: &mut World,
    caller: &Caller,
    input: PutFunctionEventInvokeConfigInput,
) -> Result<Value, AwsError> {
    let action = "lambda:PutFunctionEventInvokeConfig";
    let (account, name) =
        admit(world, caller, action, &input.function_name, input.qualifier.as_deref(), &[])?;
    check_range("MaximumRetryAttempts", input.maximum_retry_attempts, 0, 2)?;
    check_range("MaximumEventAgeInSeconds", input.maximum_event_age_in_seconds, 60, 21_600)?;
    let destinations = input.destination_config;
    let (on_success, on_failure) =
        destinations.map_or((None, None), |config| (config.on_success, config.on_failure));
    if on_success.is_some_and(|destination| destination.destination.is_some()) {
        return Err(AwsError::not_in_local_aws("an asynchronous invocation's OnSuccess destination"));
    }
    let on_failure = on_failure.and_then(|destination| destination.destination);
    if let Some(arn) = &on_failure {
        check_destination(arn)?;
    }
    let config = EventInvokeConfig {
        maximum_retry_attempts: input.maximum_retry_attempts,
        maximum_event_age_in_seconds: input.maximum_event_age_in_seconds,
        on_failure,
        modified: world.now(),
    };
    let answer = shown(&config, &function::arn(world, &account, &name));
    function_mut(world, &account, &name)?.event_invoke_config = Some(config);
    Ok(answer)
}

fn check_range(name: &str, value: Option<u32>, least: u32, most: u32) -> Result<(), AwsError> {
    match value.filter(|value| !(least..=most).contains(value)) {
        Some(value) => {
            let text = format!("the {name} {value} is invalid: expected {least} to {most}");
            Err(AwsError::new("InvalidParameterValueException", text))
        }
        None => Ok(()),
    }
}

/// Queues only; AWS knows topics, functions and buses too.
pub(super) fn check_destination(arn: &str) -> Result<(), AwsError> {
    match sqs::Address::of_arn(arn) {
        Ok(_) => Ok(()),
        Err(_) if arn.starts_with("arn:") => {
            Err(AwsError::not_in_local_aws(format!("the failure destination {arn}: only SQS queues")))
        }
        Err(_) => {
            let text = format!("the destination `{arn}` is invalid: expected an ARN");
            Err(AwsError::new("InvalidParameterValueException", text))
        }
    }
}

pub(super) fn get(world: &mut World, caller: &Caller, input: &FunctionInput) -> Result<Value, AwsError> {
    let action = "lambda:GetFunctionEventInvokeConfig";
    let (account, name) =
        admit(world, caller, action, &input.function_name, input.qualifier.as_deref(), &[])?;
    let arn = function::arn(world, &account, &name);
    let config = &function::function(world, &account, &name)?.event_invoke_config;
    config.as_ref().map(|config| shown(config, &arn)).ok_or_else(|| not_there(&arn))
}

pub(super) fn delete(world: &mut World, caller: &Caller, input: &FunctionInput) -> Result<Value, AwsError> {
    let action = "lambda:DeleteFunctionEventInvokeConfig";
    let (account, name) =
        admit(world, caller, action, &input.function_name, input.qualifier.as_deref(), &[])?;
    let arn = function::arn(world, &account, &name);
    let config = function_mut(world, &account, &name)?.event_invoke_config.take();
    config.map(|_| json!({})).ok_or_else(|| not_there(&arn))
}

fn not_there(arn: &str) -> AwsError {
    let text = format!("The function {arn} doesn't have an EventInvokeConfig");
    AwsError::new("ResourceNotFoundException", text).with_status(404)
}

fn shown(config: &EventInvokeConfig, arn: &str) -> Value {
    let mut shown = json!({
        "FunctionArn": format!("{arn}:$LATEST"),
        "LastModified": epoch(config.modified),
        "DestinationConfig": { "OnSuccess": {}, "OnFailure": {} },
    });
    if let Some(members) = shown.as_object_mut() {
        if let Some(attempts) = config.maximum_retry_attempts {
            members.insert("MaximumRetryAttempts".to_owned(), json!(attempts));
        }
        if let Some(age) = config.maximum_event_age_in_seconds {
            members.insert("MaximumEventAgeInSeconds".to_owned(), json!(age));
        }
        if let Some(arn) = &config.on_failure {
            let destinations = json!({ "OnSuccess": {}, "OnFailure": { "Destination": arn } });
            members.insert("DestinationConfig".to_owned(), destinations);
        }
    }
    shown
}
