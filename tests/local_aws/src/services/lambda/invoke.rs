//! Beginning invocations, and answering those who wait for them.

use super::function::function;
use super::functions::admit;
use super::{Ended, Invocation, asynchronous};
use crate::caller::Caller;
use crate::error::AwsError;
use crate::names::AccountId;
use crate::world::World;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

const REQUEST_BYTES_MAX: usize = 6_291_556;
const EVENT_BYTES_MAX: usize = 1_048_576;
/// How many answers are kept for callers that never fetch theirs.
const ANSWERS_KEPT_MAX: usize = 1000;

/// Why an invocation runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) enum Origin {
    /// Somebody waits for the answer.
    Request,
    /// A step of this Automation execution waits for the answer.
    Automation(String),
    /// An asynchronous event, kept under the same request id.
    Event,
    /// A batch of a queue's messages.
    Batch {
        /// The event source mapping's UUID.
        mapping: String,
        /// The messages.
        messages: Vec<BatchItem>,
    },
}

/// One message of a batch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct BatchItem {
    pub(super) message_id: String,
    pub(super) receipt_handle: String,
}

/// An invocation that has begun.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Pending {
    pub(super) function: String,
    pub(super) origin: Origin,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct InvokeInput {
    function_name: String,
    qualifier: Option<String>,
    invocation_type: Option<String>,
    #[serde(rename = "LogType")]
    _log_type: Option<String>,
    /// JSON text; nothing means `{}`.
    payload: Option<String>,
}

/// Begins an invocation. The answer of a `RequestResponse` comes later, by [`take_answer`].
pub(super) fn invoke(world: &mut World, caller: &Caller, input: InvokeInput) -> Result<Value, AwsError> {
    let action = "lambda:InvokeFunction";
    let (account, name) =
        admit(world, caller, action, &input.function_name, input.qualifier.as_deref(), &[])?;
    let payload = input.payload.filter(|payload| !payload.is_empty()).unwrap_or_else(|| "{}".to_owned());
    if let Err(error) = serde_json::from_str::<serde::de::IgnoredAny>(&payload) {
        let text = format!("Could not parse request body into json: {error}");
        return Err(AwsError::new("InvalidRequestContentException", text));
    }
    match input.invocation_type.as_deref().unwrap_or("RequestResponse") {
        "DryRun" => Ok(json!({ "StatusCode": 204 })),
        "Event" => {
            check_size(&payload, EVENT_BYTES_MAX)?;
            let request_id = asynchronous::accept(world, &account, &name, payload);
            Ok(json!({ "StatusCode": 202, "RequestId": request_id }))
        }
        "RequestResponse" => {
            check_size(&payload, REQUEST_BYTES_MAX)?;
            if !has_room(world, &account, &name) {
                let text = "Rate Exceeded.";
                let reason = "ReservedFunctionConcurrentInvocationLimitExceeded";
                return Err(AwsError::new("TooManyRequestsException", text)
                    .with_status(429)
                    .with_member("Reason", reason));
            }
            let request_id = world.ids.uuid();
            begin(world, &account, &name, &request_id, payload, Origin::Request);
            Ok(json!({ "StatusCode": 200, "RequestId": request_id, "ExecutedVersion": "$LATEST" }))
        }
        other => {
            let text = format!(
                "the invocation type `{other}` is invalid: expected Event, RequestResponse or DryRun"
            );
            Err(AwsError::new("InvalidParameterValueException", text))
        }
    }
}

/// Begins an invocation whose answer goes to a step of an Automation execution.
///
/// # Errors
/// When there is no such function, the caller may not invoke it, or it has no room.
pub(crate) fn invoke_for_automation(
    world: &mut World,
    caller: &Caller,
    function_name: &str,
    payload: String,
    execution: &str,
) -> Result<(), AwsError> {
    let (account, name) = admit(world, caller, "lambda:InvokeFunction", function_name, None, &[])?;
    check_size(&payload, REQUEST_BYTES_MAX)?;
    if !has_room(world, &account, &name) {
        return Err(AwsError::new("TooManyRequestsException", "Rate Exceeded.").with_status(429));
    }
    let request_id = world.ids.uuid();
    begin(world, &account, &name, &request_id, payload, Origin::Automation(execution.to_owned()));
    Ok(())
}

fn check_size(payload: &str, most: usize) -> Result<(), AwsError> {
    if payload.len() <= most {
        return Ok(());
    }
    let text = format!("Request must be smaller than {most} bytes for the InvokeFunction operation");
    Err(AwsError::new("RequestTooLargeException", text).with_status(413))
}

/// Whether the function's concurrency leaves room for one more.
pub(super) fn has_room(world: &World, account: &AccountId, name: &str) -> bool {
    let Ok(held) = function(world, account, name) else { return false };
    let Ok(state) = world.account(account) else { return false };
    let running = state.lambda.pending.values().filter(|pending| pending.function == name).count();
    running < held.concurrency()
}

/// Hands an invocation to whoever carries it out.
pub(super) fn begin(
    world: &mut World,
    account: &AccountId,
    function: &str,
    request_id: &str,
    payload: String,
    origin: Origin,
) {
    let Ok(state) = world.account_mut(account) else { return };
    let pending = Pending { function: function.to_owned(), origin };
    state.lambda.pending.insert(request_id.to_owned(), pending);
    world.invocations.push(Invocation {
        request_id: request_id.to_owned(),
        account: account.clone(),
        function: function.to_owned(),
        payload,
    });
}

/// Keeps an answer until it is fetched.
pub(super) fn answered(world: &mut World, account: &AccountId, request_id: &str, ended: Ended) {
    let Ok(state) = world.account_mut(account) else { return };
    if state.lambda.answers.len() >= ANSWERS_KEPT_MAX {
        state.lambda.answers.pop_first();
    }
    state.lambda.answers.insert(request_id.to_owned(), ended);
}

/// Fetches the answer of a `RequestResponse` invocation, once it is there.
pub fn take_answer(world: &mut World, account: &AccountId, request_id: &str) -> Option<Ended> {
    world.account_mut(account).ok()?.lambda.answers.remove(request_id)
}
