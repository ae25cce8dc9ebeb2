//! One call, from the caller's name to the journal's line.

use super::credentials;
use crate::caller::Caller;
use crate::error::AwsError;
use crate::faults::CallFaultKind;
use crate::journal::Entry;
use crate::services::ecr::staging;
use crate::services::{Service, sqs};
use crate::shared::LocalAws;
use crate::world::World;
use axum::http::HeaderMap;
use serde_json::Value;
use std::time::Duration;
use tokio::time::Instant;

/// The longest text of one member in a journal line.
const SUBJECT_MEMBER_CHARACTERS_MAX: usize = 64;

/// How the reply is to be sent, when not simply as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Delivery {
    /// As it is.
    Whole,
    /// Cut off in the middle of its body.
    Truncated,
    /// With one byte of its body changed.
    Corrupted,
    /// Not at all: the connection closes.
    Dropped,
}

/// What became of a call.
#[derive(Debug)]
pub(crate) struct Performed {
    pub(crate) answer: Result<Value, AwsError>,
    pub(crate) delivery: Delivery,
}

impl Performed {
    fn refused(error: AwsError) -> Self {
        Self { answer: Err(error), delivery: Delivery::Whole }
    }
}

/// Carries out a signed request's operation: caller, faults, the service, the journal.
pub(crate) async fn perform(
    local: &LocalAws,
    headers: &HeaderMap,
    service: Service,
    operation: &str,
    input: Value,
) -> Performed {
    let caller = credentials::caller(&local.lock(), headers);
    let caller = match caller {
        Ok(caller) => caller,
        Err(error) => return Performed::refused(error),
    };
    let (input, _reservation) = staged(local, &caller, service, operation, input).await;
    let (wait, fault) = {
        let mut world = local.lock();
        (longest_wait(&world, service, operation, &input), fault(&mut world, &caller, service, operation))
    };
    let deadline = Instant::now() + wait;
    loop {
        // Created before looking, so that a message which arrives in between still wakes this call.
        let changed = local.changed();
        let performed =
            with_fault(&mut local.lock(), &caller, service, operation, input.clone(), fault.as_ref());
        let nothing_yet = matches!(&performed.answer, Ok(answer) if answer.get("Messages").is_none());
        let looks_again =
            !wait.is_zero() && nothing_yet && tokio::time::timeout_at(deadline, changed).await.is_ok();
        if !looks_again {
            write_down(&mut local.lock(), &caller, service, operation, &input, &performed);
            local.notify();
            return performed;
        }
    }
}

/// Brings a layer part's bytes to disk before the call, so that nobody waits for the world meanwhile.
async fn staged(
    local: &LocalAws,
    caller: &Caller,
    service: Service,
    operation: &str,
    input: Value,
) -> (Value, Option<staging::Reservation>) {
    if (service, operation) != (Service::Ecr, "UploadLayerPart") {
        return (input, None);
    }
    let (local, caller) = (local.clone(), caller.clone());
    tokio::task::spawn_blocking(move || staging::stage(&local, &caller, input)).await.unwrap_or_default()
}

/// How long a call may wait for something to answer: only a queue's long poll does.
fn longest_wait(world: &World, service: Service, operation: &str, input: &Value) -> Duration {
    match (service, operation) {
        (Service::Sqs, "ReceiveMessage") => {
            Duration::from_secs(sqs::receive_wait_seconds(world, input).min(20))
        }
        _ => Duration::ZERO,
    }
}

/// Carries out an operation for a known caller, with faults and journal.
pub(crate) fn perform_as(
    world: &mut World,
    caller: &Caller,
    service: Service,
    operation: &str,
    input: &Value,
) -> Performed {
    let fault = fault(world, caller, service, operation);
    let performed = with_fault(world, caller, service, operation, input.clone(), fault.as_ref());
    write_down(world, caller, service, operation, input, &performed);
    performed
}

fn fault(world: &mut World, caller: &Caller, service: Service, operation: &str) -> Option<CallFaultKind> {
    world.faults.for_call(service.name(), operation, caller.short_name())
}

fn write_down(
    world: &mut World,
    caller: &Caller,
    service: Service,
    operation: &str,
    input: &Value,
    performed: &Performed,
) {
    let answer = match (&performed.answer, performed.delivery) {
        (_, Delivery::Dropped) => "no reply".to_owned(),
        (_, Delivery::Truncated) => "truncated reply".to_owned(),
        (_, Delivery::Corrupted) => "corrupted reply".to_owned(),
        (Ok(_), Delivery::Whole) => "ok".to_owned(),
        (Err(error), Delivery::Whole) => error.code.clone(),
    };
    let entry = Entry {
        number: 0,
        at: world.now(),
        account: caller.account.to_string(),
        caller: caller.short_name().to_owned(),
        service: service.name().to_owned(),
        operation: operation.to_owned(),
        subject: subject(input),
        answer,
    };
    world.journal.write(entry);
}

fn with_fault(
    world: &mut World,
    caller: &Caller,
    service: Service,
    operation: &str,
    input: Value,
    fault: Option<&CallFaultKind>,
) -> Performed {
    let whole = |answer| Performed { answer, delivery: Delivery::Whole };
    let internal = || AwsError::new("InternalFailure", "told to fail").with_status(500);
    match fault {
        None => whole(world.call(caller, service, operation, input)),
        Some(CallFaultKind::Throttle) => whole(Err(AwsError::new("ThrottlingException", "Rate exceeded"))),
        Some(CallFaultKind::Deny) => {
            let action = format!("{}:{operation}", service.name());
            whole(Err(AwsError::access_denied(&caller.arn(), &action, "*", "it was told to fail")))
        }
        Some(CallFaultKind::Error(code)) => whole(Err(AwsError::new(code, "told to fail"))),
        Some(CallFaultKind::ServerError) => whole(Err(internal())),
        Some(CallFaultKind::DropRequest) => {
            Performed { answer: Err(internal()), delivery: Delivery::Dropped }
        }
        Some(CallFaultKind::DropReply) => {
            Performed { answer: world.call(caller, service, operation, input), delivery: Delivery::Dropped }
        }
        Some(CallFaultKind::ServerErrorAfterEffect) => {
            let answer = world.call(caller, service, operation, input);
            whole(answer.and_then(|_| Err(internal())))
        }
        Some(CallFaultKind::TruncateReply) => {
            Performed { answer: world.call(caller, service, operation, input), delivery: Delivery::Truncated }
        }
        Some(CallFaultKind::CorruptReply) => {
            Performed { answer: world.call(caller, service, operation, input), delivery: Delivery::Corrupted }
        }
    }
}

/// What the call is about: its members in a line, without bodies, contents and secrets.
fn subject(input: &Value) -> String {
    let Value::Object(members) = input else { return String::new() };
    let shown = members.iter().filter(|(name, _)| !is_bulk(name));
    shown.map(|(name, value)| format!("{name}={}", member_text(value))).collect::<Vec<_>>().join(" ")
}

fn is_bulk(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    [
        "content",
        "manifest",
        "blob",
        "message",
        "body",
        "token",
        "payload",
        "policy",
        "definition",
        "pattern",
        "zip",
    ]
    .iter()
    .any(|bulk| name.contains(bulk) && name != "imagemanifestmediatype")
}

fn member_text(value: &Value) -> String {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => format!("[{}]", items.iter().map(member_text).collect::<Vec<_>>().join(",")),
        Value::Object(_) => format!("{{{}}}", subject(value)),
        Value::Null | Value::Bool(_) | Value::Number(_) => value.to_string(),
    };
    let escaped = text.escape_debug().to_string();
    match escaped.char_indices().nth(SUBJECT_MEMBER_CHARACTERS_MAX) {
        Some((cut, _)) if !value.is_array() && !value.is_object() => {
            format!("{}…", escaped.get(..cut).unwrap_or_default())
        }
        _ => escaped,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_journal_line_names_things_and_hides_contents() {
        let input = json!({"repositoryName": "deployment", "commitMessage": "secret", "putFiles": [{"filePath": "a/b", "fileContent": "eA=="}]});
        assert_eq!(subject(&input), "putFiles=[{filePath=a/b}] repositoryName=deployment");
    }
}
