//! AWS Lambda: functions, what invokes them, and what becomes of their invocations. The executables run
//! outside the world (see [`crate::runtime`]); here is recorded what is to run and how it ended.

mod asynchronous;
mod batch;
mod event_invoke_config;
mod function;
mod functions;
mod invoke;
mod mapping;
mod mappings;
mod permissions;
#[cfg(test)]
mod tests;

use super::Service;
use crate::caller::Caller;
use crate::error::AwsError;
use crate::names::AccountId;
use crate::world::World;
pub(crate) use asynchronous::{invoke_asynchronously, invoke_asynchronously_for};
pub use function::{Function, create_function, delete_function, found, update_function};
pub(crate) use function::{HeldFunction, arn as function_arn, function, log_group};
pub(crate) use invoke::invoke_for_automation;
pub use invoke::take_answer;
use invoke::{Origin, Pending};
use mapping::Mapping;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// What one account holds of this service.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct State {
    functions: BTreeMap<String, HeldFunction>,
    mappings: BTreeMap<String, Mapping>,
    /// Invocations that have begun, by request id.
    pending: BTreeMap<String, Pending>,
    /// Asynchronous events that are not done with, by request id.
    events: BTreeMap<String, asynchronous::Event>,
    /// Answers that somebody waits for, by request id.
    answers: BTreeMap<String, Ended>,
    /// Asynchronous events that failed for good and could not be sent anywhere.
    undelivered: Vec<Undelivered>,
}

impl State {
    /// Asynchronous events that failed for good and have no destination, or one that could not be reached.
    pub fn undelivered(&self) -> &[Undelivered] {
        &self.undelivered
    }
}

/// An asynchronous event that was given up.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Undelivered {
    /// The function that did not take it.
    pub function: String,
    /// Its request id.
    pub request_id: String,
    /// `RetriesExhausted` or `EventAgeExceeded`, and why it went nowhere else.
    pub because: String,
}

/// What this service asked to be woken for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Timer {
    /// An event source mapping's batching window ends.
    Window(String),
    /// The asynchronous event of this request id is tried again.
    Retry(String),
}

/// Goes on where a timer was set.
pub(crate) fn due(world: &mut World, account: &AccountId, timer: Timer) {
    match timer {
        Timer::Window(mapping) => batch::window_ended(world, account, &mapping),
        Timer::Retry(request_id) => asynchronous::begin(world, account, &request_id),
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
        "Invoke" => invoke::invoke(world, caller, parse(operation, input)?),
        "GetFunction" => functions::get(world, caller, &parse(operation, input)?),
        "GetFunctionConfiguration" => functions::get_configuration(world, caller, &parse(operation, input)?),
        "ListFunctions" => functions::list(world, caller, parse(operation, input)?),
        "PutFunctionConcurrency" => functions::put_concurrency(world, caller, &parse(operation, input)?),
        "GetFunctionConcurrency" => functions::get_concurrency(world, caller, &parse(operation, input)?),
        "DeleteFunctionConcurrency" => {
            functions::delete_concurrency(world, caller, &parse(operation, input)?)
        }
        "AddPermission" => permissions::add(world, caller, &parse(operation, input)?),
        "RemovePermission" => permissions::remove(world, caller, &parse(operation, input)?),
        "GetPolicy" => permissions::get(world, caller, &parse(operation, input)?),
        "PutFunctionEventInvokeConfig" => event_invoke_config::put(world, caller, parse(operation, input)?),
        "GetFunctionEventInvokeConfig" => event_invoke_config::get(world, caller, &parse(operation, input)?),
        "DeleteFunctionEventInvokeConfig" => {
            event_invoke_config::delete(world, caller, &parse(operation, input)?)
        }
        "CreateEventSourceMapping" => mappings::create(world, caller, &parse(operation, input)?),
        "GetEventSourceMapping" => mappings::get(world, caller, &parse(operation, input)?),
        "ListEventSourceMappings" => mappings::list(world, caller, &parse(operation, input)?),
        "UpdateEventSourceMapping" => mappings::update(world, caller, &parse(operation, input)?),
        "DeleteEventSourceMapping" => mappings::delete(world, caller, &parse(operation, input)?),
        _ => Err(AwsError::not_in_local_aws(format!("the operation lambda {operation}"))),
    }
}

fn parse<T: DeserializeOwned>(operation: &str, input: Value) -> Result<T, AwsError> {
    super::parse_input(Service::Lambda, operation, input)
}

/// A function's turn to run: somebody outside the world (the runtime driver, or a test in process)
/// carries it out and reports back with [`finished`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Invocation {
    /// Unique among all invocations: the Lambda request id.
    pub request_id: String,
    /// The account the function lives in.
    pub account: AccountId,
    /// The function's name.
    pub function: String,
    /// The event, as JSON text.
    pub payload: String,
}

/// How an invocation ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Ended {
    /// With this answer, as JSON text.
    Answer(String),
    /// With an error that the function reported, crashed with or timed out with, as JSON text.
    Error(String),
}

/// Takes note of how an invocation ended: deletes or returns the batch's messages, tries an asynchronous
/// event again, or answers who waits. An unknown request id is nobody's and changes nothing.
pub fn finished(world: &mut World, request_id: &str, ended: Ended) {
    let accounts = world.account_ids();
    let found = accounts.into_iter().find_map(|account| {
        let pending = world.account_mut(&account).ok()?.lambda.pending.remove(request_id)?;
        Some((account, pending))
    });
    let Some((account, pending)) = found else { return };
    match pending.origin {
        Origin::Request => invoke::answered(world, &account, request_id, ended),
        Origin::Automation(execution) => super::ssm::invoked(world, &account, &execution, ended),
        Origin::Event => asynchronous::ended(world, &account, request_id, &ended),
        Origin::Batch { mapping, messages } => batch::ended(world, &account, &mapping, &messages, &ended),
    }
    asynchronous::begin_waiting(world, &account, &pending.function);
    batch::poll_all_of_function(world, &account, &pending.function);
}

/// Tells the event source mappings of this queue that a message is (again) visible.
pub(crate) fn messages_arrived(world: &mut World, account: &AccountId, queue_arn: &str) {
    batch::poll_all_of_queue(world, account, queue_arn);
}

/// Whether a function runs, or is about to.
pub(crate) fn is_running(world: &World) -> bool {
    let pending =
        |account: &AccountId| world.account(account).is_ok_and(|account| !account.lambda.pending.is_empty());
    !world.invocations.is_empty() || world.account_ids().iter().any(pending)
}

/// Begins again what was running when the state was saved: asynchronous events start over, batches come
/// back by their queue's visibility timeout, and whoever waited for an answer is gone.
pub fn resume(world: &mut World) {
    for account in world.account_ids() {
        let Ok(state) = world.account_mut(&account) else { continue };
        let pending = std::mem::take(&mut state.lambda.pending);
        state.lambda.answers.clear();
        for (request_id, pending) in pending {
            match pending.origin {
                Origin::Event => asynchronous::begin(world, &account, &request_id),
                Origin::Automation(execution) => {
                    let error = Ended::Error("the local accounts were stopped meanwhile".to_owned());
                    super::ssm::invoked(world, &account, &execution, error);
                }
                Origin::Request | Origin::Batch { .. } => {}
            }
        }
    }
}
