//! To be written.

use crate::caller::Caller;
use crate::error::AwsError;
use crate::names::AccountId;
use crate::world::World;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What one account holds of this service.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct State {}

/// What this service asked to be woken for.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Timer {}

/// Goes on where a timer was set.
pub(crate) fn due(_world: &mut World, _account: &AccountId, timer: Timer) {
    match timer {}
}

/// Carries out one operation.
pub(crate) fn call(
    _world: &mut World,
    _caller: &Caller,
    operation: &str,
    _input: Value,
) -> Result<Value, AwsError> {
    Err(AwsError::not_in_local_aws(format!("the operation lambda {operation}")))
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
/// event again, or answers who waits.
pub fn finished(_world: &mut World, _request_id: &str, _ended: Ended) {}

/// Queues an asynchronous invocation, as EventBridge and Scheduler make them: errors are tried again and
/// end at the function's dead-letter queue or on-failure destination.
///
/// # Errors
/// When there is no such function, or its policy does not let the caller invoke it.
pub(crate) fn invoke_asynchronously(
    _world: &mut World,
    _caller: &Caller,
    _function_arn: &str,
    _payload: String,
) -> Result<(), AwsError> {
    Ok(())
}

/// Tells the event source mappings of this queue that a message is (again) visible.
pub(crate) fn messages_arrived(_world: &mut World, _account: &AccountId, _queue_arn: &str) {}
