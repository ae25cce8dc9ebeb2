//! Asynchronous events: accepted at once, tried up to three times, then sent where failures go.

use super::event_invoke_config::{EVENT_AGE_SECONDS_DEFAULT, RETRIES_DEFAULT};
use super::function::{self, function_mut, timestamp};
use super::functions::admit;
use super::invoke::{self, Origin};
use super::{Ended, Timer, Undelivered};
use crate::caller::Caller;
use crate::clock::seconds;
use crate::error::AwsError;
use crate::names::AccountId;
use crate::services::{Timer as AnyTimer, sqs};
use crate::world::World;
use chrono::{DateTime, Duration, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// An event on its way through a function.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Event {
    function: String,
    payload: String,
    accepted: DateTime<Utc>,
    attempts: u32,
    /// What the last attempt ended with.
    error: Option<String>,
}

/// Queues an asynchronous invocation, as EventBridge and Scheduler make them: errors are tried again and
/// end at the function's dead-letter queue or on-failure destination.
///
/// # Errors
/// When there is no such function, or its policy does not let the caller invoke it.
pub(crate) fn invoke_asynchronously(
    world: &mut World,
    caller: &Caller,
    function_arn: &str,
    payload: String,
) -> Result<(), AwsError> {
    invoke_asynchronously_for(world, caller, function_arn, payload, None)
}

/// [`invoke_asynchronously`] on behalf of a rule or schedule, for `aws:SourceArn` in the function's policy.
///
/// # Errors
/// As [`invoke_asynchronously`].
pub(crate) fn invoke_asynchronously_for(
    world: &mut World,
    caller: &Caller,
    function_arn: &str,
    payload: String,
    source_arn: Option<&str>,
) -> Result<(), AwsError> {
    let source_account = caller.account.to_string();
    let mut context = vec![("aws:SourceAccount", source_account.as_str())];
    context.extend(source_arn.map(|arn| ("aws:SourceArn", arn)));
    let (account, name) = admit(world, caller, "lambda:InvokeFunction", function_arn, None, &context)?;
    accept(world, &account, &name, payload);
    Ok(())
}

/// Accepts an event and begins with it if the function has room. Returns its request id.
pub(super) fn accept(world: &mut World, account: &AccountId, name: &str, payload: String) -> String {
    let request_id = world.ids.uuid();
    let event = Event { function: name.to_owned(), payload, accepted: world.now(), attempts: 0, error: None };
    if let Ok(state) = world.account_mut(account) {
        state.lambda.events.insert(request_id.clone(), event);
    }
    begin(world, account, &request_id);
    request_id
}

/// Tries an event, now or as soon as the function has room.
pub(super) fn begin(world: &mut World, account: &AccountId, request_id: &str) {
    let now = world.now();
    let Some(event) = event_mut(world, account, request_id) else { return };
    let (function, payload, accepted) = (event.function.clone(), event.payload.clone(), event.accepted);
    if now > accepted + event_age_max(world, account, &function) {
        give_up(world, account, request_id, "EventAgeExceeded");
        return;
    }
    if invoke::has_room(world, account, &function) {
        if let Some(event) = event_mut(world, account, request_id) {
            event.attempts += 1;
        }
        invoke::begin(world, account, &function, request_id, payload, Origin::Event);
    } else if let Ok(held) = function_mut(world, account, &function) {
        held.waiting.push_back(request_id.to_owned());
    } else {
        give_up(world, account, request_id, "RetriesExhausted");
    }
}

/// Begins with the events that waited for room.
pub(super) fn begin_waiting(world: &mut World, account: &AccountId, function: &str) {
    while invoke::has_room(world, account, function) {
        let waiting = function_mut(world, account, function).ok().and_then(|held| held.waiting.pop_front());
        let Some(request_id) = waiting else { return };
        begin(world, account, &request_id);
    }
}

/// Takes note of how an attempt ended.
pub(super) fn ended(world: &mut World, account: &AccountId, request_id: &str, ended: &Ended) {
    let now = world.now();
    let first_delay = world.settings.timing.async_retry_delay;
    let error = match ended {
        Ended::Answer(_) => {
            if let Ok(state) = world.account_mut(account) {
                state.lambda.events.remove(request_id);
            }
            return;
        }
        Ended::Error(error) => error.clone(),
    };
    let Some(event) = event_mut(world, account, request_id) else { return };
    event.error = Some(error);
    let (function, attempts, accepted) = (event.function.clone(), event.attempts, event.accepted);
    if attempts > retries_max(world, account, &function) {
        give_up(world, account, request_id, "RetriesExhausted");
        return;
    }
    let delay = seconds(first_delay * f64::from(attempts));
    if now + delay > accepted + event_age_max(world, account, &function) {
        give_up(world, account, request_id, "EventAgeExceeded");
        return;
    }
    world.set_timer(account, delay, AnyTimer::Lambda(Timer::Retry(request_id.to_owned())));
}

fn event_mut<'a>(world: &'a mut World, account: &AccountId, request_id: &str) -> Option<&'a mut Event> {
    world.account_mut(account).ok()?.lambda.events.get_mut(request_id)
}

fn retries_max(world: &World, account: &AccountId, name: &str) -> u32 {
    let held = function::function(world, account, name).ok();
    let config = held.and_then(|held| held.event_invoke_config.as_ref());
    config.and_then(|config| config.maximum_retry_attempts).unwrap_or(RETRIES_DEFAULT)
}

fn event_age_max(world: &World, account: &AccountId, name: &str) -> Duration {
    let held = function::function(world, account, name).ok();
    let config = held.and_then(|held| held.event_invoke_config.as_ref());
    let age = config.and_then(|config| config.maximum_event_age_in_seconds);
    Duration::seconds(i64::from(age.unwrap_or(EVENT_AGE_SECONDS_DEFAULT)))
}

/// Sends an event to the on-failure destination and to the dead-letter queue, as far as there are any.
fn give_up(world: &mut World, account: &AccountId, request_id: &str, condition: &str) {
    let Ok(state) = world.account_mut(account) else { return };
    let Some(event) = state.lambda.events.remove(request_id) else { return };
    let held = function::function(world, account, &event.function).ok();
    let destination =
        held.and_then(|held| held.event_invoke_config.as_ref()).and_then(|config| config.on_failure.clone());
    let dead_letters = held.and_then(|held| held.function.dead_letter_arn.clone());
    let role = held.map(|held| held.function.role_name().to_owned()).unwrap_or_default();
    let caller = Caller::role(account, &role, &event.function);
    let mut problems = Vec::new();
    if let Some(arn) = &destination {
        let record = record(world, account, request_id, &event, condition).to_string();
        problems.extend(sqs::deliver(world, &caller, arn, record).err());
    }
    if let Some(arn) = &dead_letters {
        let delivery = sqs::Delivery {
            body: event.payload.clone(),
            attributes: dead_letter_attributes(request_id, &event),
            source_arn: None,
        };
        problems.extend(sqs::deliver_for(world, &caller, arn, delivery).err());
    }
    if destination.is_none() && dead_letters.is_none() {
        note_undelivered(
            world,
            account,
            request_id,
            &event,
            format!("{condition}, and it has no destination"),
        );
    }
    for problem in problems {
        note_undelivered(world, account, request_id, &event, format!("{condition}, and {problem}"));
    }
}

fn note_undelivered(
    world: &mut World,
    account: &AccountId,
    request_id: &str,
    event: &Event,
    because: String,
) {
    let undelivered =
        Undelivered { function: event.function.clone(), request_id: request_id.to_owned(), because };
    if let Ok(state) = world.account_mut(account) {
        state.lambda.undelivered.push(undelivered);
    }
}

/// What an on-failure destination receives.
fn record(world: &World, account: &AccountId, request_id: &str, event: &Event, condition: &str) -> Value {
    let arn = function::arn(world, account, &event.function);
    let parsed = |text: &str| serde_json::from_str(text).unwrap_or_else(|_| json!(text));
    let mut record = json!({
        "version": "1.0",
        "timestamp": timestamp(world.now()),
        "requestContext": {
            "requestId": request_id,
            "functionArn": format!("{arn}:$LATEST"),
            "condition": condition,
            "approximateInvokeCount": event.attempts,
        },
        "requestPayload": parsed(&event.payload),
    });
    if let (Some(members), Some(error)) = (record.as_object_mut(), &event.error) {
        let context =
            json!({ "statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled" });
        members.insert("responseContext".to_owned(), context);
        members.insert("responsePayload".to_owned(), parsed(error));
    }
    record
}

/// What stands beside the event in a function's dead-letter queue.
fn dead_letter_attributes(request_id: &str, event: &Event) -> BTreeMap<String, sqs::MessageAttribute> {
    let error: Value =
        event.error.as_deref().and_then(|error| serde_json::from_str(error).ok()).unwrap_or_default();
    let message = error.get("errorMessage").and_then(Value::as_str).unwrap_or("no attempt was made");
    let shortened: String = message.chars().take(1024).collect();
    let mut code = sqs::MessageAttribute::text("200");
    code.data_type = "Number".to_owned();
    BTreeMap::from([
        ("RequestID".to_owned(), sqs::MessageAttribute::text(request_id)),
        ("ErrorCode".to_owned(), code),
        ("ErrorMessage".to_owned(), sqs::MessageAttribute::text(shortened)),
    ])
}
