//! Amazon CloudWatch Logs: what functions wrote, to be read by people.

mod filter;
mod groups;
mod read;
#[cfg(test)]
mod tests;

use super::Service;
use crate::caller::Caller;
use crate::error::AwsError;
use crate::names::AccountId;
use crate::services::iam;
use crate::world::World;
use chrono::{DateTime, Utc};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::{BTreeMap, VecDeque};

/// How many events a stream keeps; older ones are dropped.
const EVENTS_PER_STREAM_MAX: usize = 10_000;

/// The longest message; what is longer is cut off.
const MESSAGE_BYTES_MAX: usize = 256 * 1024;

/// What one account holds of this service.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct State {
    groups: BTreeMap<String, Group>,
}

/// A log group.
#[derive(Debug, Serialize, Deserialize)]
struct Group {
    created: DateTime<Utc>,
    retention_days: Option<u32>,
    tags: BTreeMap<String, String>,
    streams: BTreeMap<String, Stream>,
}

/// A log stream.
#[derive(Debug, Serialize, Deserialize)]
struct Stream {
    created: DateTime<Utc>,
    events: VecDeque<LogEvent>,
    /// Counts every event that was ever written.
    written: u64,
}

/// A line.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct LogEvent {
    number: u64,
    at: DateTime<Utc>,
    message: String,
}

/// Carries out one operation.
pub(crate) fn call(
    world: &mut World,
    caller: &Caller,
    operation: &str,
    input: Value,
) -> Result<Value, AwsError> {
    match operation {
        "CreateLogGroup" => groups::create(world, caller, parse(operation, input)?),
        "DeleteLogGroup" => groups::delete(world, caller, parse(operation, input)?),
        "CreateLogStream" => groups::create_stream(world, caller, parse(operation, input)?),
        "PutRetentionPolicy" => groups::put_retention(world, caller, parse(operation, input)?),
        "DeleteRetentionPolicy" => groups::delete_retention(world, caller, parse(operation, input)?),
        "DescribeLogGroups" => groups::describe(world, caller, parse(operation, input)?),
        "DescribeLogStreams" => groups::describe_streams(world, caller, parse(operation, input)?),
        "GetLogEvents" => read::get(world, caller, parse(operation, input)?),
        "FilterLogEvents" => read::filter(world, caller, parse(operation, input)?),
        _ => Err(AwsError::not_in_local_aws(format!("the operation logs {operation}"))),
    }
}

fn parse<T: DeserializeOwned>(operation: &str, input: Value) -> Result<T, AwsError> {
    super::parse_input(Service::Logs, operation, input)
}

/// Adds lines to a log stream, making group and stream if they are not there.
pub(crate) fn append(world: &mut World, account: &AccountId, group: &str, stream: &str, lines: &[String]) {
    let now = world.now();
    let Ok(state) = world.account_mut(account) else { return };
    let group = state.logs.groups.entry(group.to_owned()).or_insert_with(|| Group::new(now));
    let stream = group.streams.entry(stream.to_owned()).or_insert_with(|| Stream::new(now));
    for line in lines.iter().filter(|line| !line.is_empty()) {
        if stream.events.len() >= EVENTS_PER_STREAM_MAX {
            stream.events.pop_front();
        }
        let end = line.floor_char_boundary(MESSAGE_BYTES_MAX);
        let message = line.get(..end).unwrap_or_default().to_owned();
        stream.written += 1;
        stream.events.push_back(LogEvent { number: stream.written, at: now, message });
    }
}

/// The lines that one invocation of a function wrote, from its START line to the end of its stream, cut off at
/// the front to `bytes` bytes.
pub(crate) fn lines_of_request(
    world: &World,
    account: &AccountId,
    group: &str,
    request_id: &str,
    bytes: usize,
) -> String {
    let start = format!("START RequestId: {request_id} ");
    let group = world.account(account).ok().and_then(|state| state.logs.groups.get(group));
    let mut streams = group.into_iter().flat_map(|group| group.streams.values());
    let written = streams.find_map(|stream| {
        let first = stream.events.iter().rposition(|event| event.message.starts_with(&start))?;
        Some(stream.events.range(first..).map(|event| format!("{}\n", event.message)).collect::<String>())
    });
    let text = written.unwrap_or_default();
    let cut = text.ceil_char_boundary(text.len().saturating_sub(bytes));
    text.get(cut..).unwrap_or_default().to_owned()
}

impl Group {
    fn new(now: DateTime<Utc>) -> Self {
        Self { created: now, retention_days: None, tags: BTreeMap::new(), streams: BTreeMap::new() }
    }
}

impl Stream {
    fn new(now: DateTime<Utc>) -> Self {
        Self { created: now, events: VecDeque::new(), written: 0 }
    }
}

/// Finds out which group is meant and lets the caller in.
fn admit(
    world: &World,
    caller: &Caller,
    action: &str,
    name: Option<String>,
    identifier: Option<String>,
) -> Result<String, AwsError> {
    let group = match (name, identifier) {
        (Some(name), None) => name,
        (None, Some(identifier)) => match identifier.split_once(":log-group:") {
            Some((_, name)) => name.trim_end_matches(":*").to_owned(),
            None => identifier,
        },
        _ => return Err(invalid("either logGroupName or logGroupIdentifier must be given")),
    };
    iam::authorize(world, caller, action, &format!("{}:*", arn(world, &caller.account, &group)), &[])?;
    Ok(group)
}

fn arn(world: &World, account: &AccountId, group: &str) -> String {
    world.arn("logs", account, &format!("log-group:{group}"))
}

fn group<'a>(world: &'a World, account: &AccountId, name: &str) -> Result<&'a Group, AwsError> {
    world.account(account)?.logs.groups.get(name).ok_or_else(no_group)
}

fn group_mut<'a>(world: &'a mut World, account: &AccountId, name: &str) -> Result<&'a mut Group, AwsError> {
    world.account_mut(account)?.logs.groups.get_mut(name).ok_or_else(no_group)
}

fn no_group() -> AwsError {
    AwsError::new("ResourceNotFoundException", "The specified log group does not exist.")
}

fn no_stream() -> AwsError {
    AwsError::new("ResourceNotFoundException", "The specified log stream does not exist.")
}

fn invalid(text: impl Into<String>) -> AwsError {
    AwsError::new("InvalidParameterException", text)
}
