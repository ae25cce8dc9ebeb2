//! Operations on log groups and streams.

use super::{Group, Stream, admit, arn, group, group_mut, invalid};
use crate::caller::Caller;
use crate::error::AwsError;
use crate::services::{iam, page};
use crate::world::World;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

const PAGE_MAX: usize = 50;
const RETENTION_DAYS: [u32; 22] =
    [1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653];

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct CreateLogGroupInput {
    log_group_name: String,
    #[serde(default)]
    tags: BTreeMap<String, String>,
    log_group_class: Option<String>,
}

pub(super) fn create(
    world: &mut World,
    caller: &Caller,
    input: CreateLogGroupInput,
) -> Result<Value, AwsError> {
    let name = input.log_group_name;
    check_name(&name)?;
    if let Some(class) = input.log_group_class.filter(|class| class != "STANDARD") {
        return Err(AwsError::not_in_local_aws(format!("the log group class {class}")));
    }
    let arn = format!("{}:*", arn(world, &caller.account, &name));
    iam::authorize(world, caller, "logs:CreateLogGroup", &arn, &[])?;
    let now = world.now();
    let groups = &mut world.account_mut(&caller.account)?.logs.groups;
    if groups.contains_key(&name) {
        let text = "The specified log group already exists";
        return Err(AwsError::new("ResourceAlreadyExistsException", text));
    }
    groups.insert(name, Group { tags: input.tags, ..Group::new(now) });
    Ok(json!({}))
}

fn check_name(name: &str) -> Result<(), AwsError> {
    let allowed = |character: char| {
        character.is_ascii_alphanumeric() || matches!(character, '.' | '-' | '_' | '/' | '#')
    };
    if !name.is_empty() && name.len() <= 512 && name.chars().all(allowed) {
        return Ok(());
    }
    let text = "expected 1 to 512 letters, digits and . - _ / #";
    Err(invalid(format!("the log group name `{}` is invalid: {text}", name.escape_debug())))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct LogGroupInput {
    log_group_name: String,
}

pub(super) fn delete(world: &mut World, caller: &Caller, input: LogGroupInput) -> Result<Value, AwsError> {
    let name = admit(world, caller, "logs:DeleteLogGroup", Some(input.log_group_name), None)?;
    group(world, &caller.account, &name)?;
    world.account_mut(&caller.account)?.logs.groups.remove(&name);
    Ok(json!({}))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct CreateLogStreamInput {
    log_group_name: String,
    log_stream_name: String,
}

pub(super) fn create_stream(
    world: &mut World,
    caller: &Caller,
    input: CreateLogStreamInput,
) -> Result<Value, AwsError> {
    let name = admit(world, caller, "logs:CreateLogStream", Some(input.log_group_name), None)?;
    let stream = input.log_stream_name;
    if stream.is_empty() || stream.len() > 512 || stream.contains([':', '*']) {
        let text = "expected 1 to 512 characters without : and *";
        return Err(invalid(format!("the log stream name `{}` is invalid: {text}", stream.escape_debug())));
    }
    let now = world.now();
    let streams = &mut group_mut(world, &caller.account, &name)?.streams;
    if streams.contains_key(&stream) {
        let text = "The specified log stream already exists";
        return Err(AwsError::new("ResourceAlreadyExistsException", text));
    }
    streams.insert(stream, Stream::new(now));
    Ok(json!({}))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct PutRetentionPolicyInput {
    log_group_name: String,
    retention_in_days: u32,
}

pub(super) fn put_retention(
    world: &mut World,
    caller: &Caller,
    input: PutRetentionPolicyInput,
) -> Result<Value, AwsError> {
    let name = admit(world, caller, "logs:PutRetentionPolicy", Some(input.log_group_name), None)?;
    let days = input.retention_in_days;
    if !RETENTION_DAYS.contains(&days) {
        let text = RETENTION_DAYS.map(|days| days.to_string()).join(", ");
        return Err(invalid(format!("the retention {days} is invalid: expected one of {text} days")));
    }
    group_mut(world, &caller.account, &name)?.retention_days = Some(days);
    Ok(json!({}))
}

pub(super) fn delete_retention(
    world: &mut World,
    caller: &Caller,
    input: LogGroupInput,
) -> Result<Value, AwsError> {
    let name = admit(world, caller, "logs:DeleteRetentionPolicy", Some(input.log_group_name), None)?;
    group_mut(world, &caller.account, &name)?.retention_days = None;
    Ok(json!({}))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct DescribeLogGroupsInput {
    log_group_name_prefix: Option<String>,
    log_group_name_pattern: Option<String>,
    next_token: Option<String>,
    limit: Option<usize>,
}

pub(super) fn describe(
    world: &mut World,
    caller: &Caller,
    input: DescribeLogGroupsInput,
) -> Result<Value, AwsError> {
    iam::authorize(world, caller, "logs:DescribeLogGroups", "*", &[])?;
    if input.log_group_name_prefix.is_some() && input.log_group_name_pattern.is_some() {
        return Err(invalid(
            "LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters.",
        ));
    }
    let prefix = input.log_group_name_prefix.unwrap_or_default();
    let pattern = input.log_group_name_pattern.unwrap_or_default().to_lowercase();
    let groups = world.account(&caller.account)?.logs.groups.iter();
    let groups = groups
        .filter(|(name, _)| name.starts_with(&prefix) && name.to_lowercase().contains(&pattern))
        .map(|(name, group)| shown(&arn(world, &caller.account, name), name, group));
    let size = page_size(input.limit)?;
    let (groups, next) = page::page(groups, size, input.next_token.as_deref(), "InvalidParameterException")?;
    Ok(with_token(json!({ "logGroups": groups }), next))
}

fn shown(arn: &str, name: &str, group: &Group) -> Value {
    let events = group.streams.values().flat_map(|stream| &stream.events);
    let mut shown = Map::from_iter([
        ("logGroupName".to_owned(), json!(name)),
        ("creationTime".to_owned(), json!(group.created.timestamp_millis())),
        ("metricFilterCount".to_owned(), json!(0)),
        ("arn".to_owned(), json!(format!("{arn}:*"))),
        ("logGroupArn".to_owned(), json!(arn)),
        ("logGroupClass".to_owned(), json!("STANDARD")),
        ("storedBytes".to_owned(), json!(events.map(|event| event.message.len()).sum::<usize>())),
    ]);
    shown.extend(group.retention_days.map(|days| ("retentionInDays".to_owned(), json!(days))));
    Value::Object(shown)
}

fn page_size(limit: Option<usize>) -> Result<usize, AwsError> {
    let size = limit.unwrap_or(PAGE_MAX);
    if (1..=PAGE_MAX).contains(&size) {
        return Ok(size);
    }
    Err(invalid(format!("the limit {size} is invalid: expected 1 to {PAGE_MAX}")))
}

fn with_token(mut answer: Value, token: Option<String>) -> Value {
    if let (Some(members), Some(token)) = (answer.as_object_mut(), token) {
        members.insert("nextToken".to_owned(), json!(token));
    }
    answer
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct DescribeLogStreamsInput {
    log_group_name: Option<String>,
    log_group_identifier: Option<String>,
    #[serde(default)]
    log_stream_name_prefix: String,
    order_by: Option<String>,
    #[serde(default)]
    descending: bool,
    next_token: Option<String>,
    limit: Option<usize>,
}

pub(super) fn describe_streams(
    world: &mut World,
    caller: &Caller,
    input: DescribeLogStreamsInput,
) -> Result<Value, AwsError> {
    let action = "logs:DescribeLogStreams";
    let name = admit(world, caller, action, input.log_group_name, input.log_group_identifier)?;
    let by_time = match input.order_by.as_deref() {
        None | Some("LogStreamName") => false,
        Some("LastEventTime") if !input.log_stream_name_prefix.is_empty() => {
            return Err(invalid("Cannot order by LastEventTime with a logStreamNamePrefix."));
        }
        Some("LastEventTime") => true,
        Some(other) => {
            let text = "expected LogStreamName or LastEventTime";
            return Err(invalid(format!("orderBy `{other}` is invalid: {text}")));
        }
    };
    let group = group(world, &caller.account, &name)?;
    let streams = group.streams.iter();
    let mut streams: Vec<_> =
        streams.filter(|(name, _)| name.starts_with(&input.log_stream_name_prefix)).collect();
    if by_time {
        streams.sort_by_key(|(_, stream)| stream.events.back().map(|event| event.at));
    }
    if input.descending {
        streams.reverse();
    }
    let group_arn = arn(world, &caller.account, &name);
    let shown = streams.into_iter().map(|(name, stream)| shown_stream(&group_arn, name, stream));
    let size = page_size(input.limit)?;
    let (streams, next) = page::page(shown, size, input.next_token.as_deref(), "InvalidParameterException")?;
    Ok(with_token(json!({ "logStreams": streams }), next))
}

fn shown_stream(group_arn: &str, name: &str, stream: &Stream) -> Value {
    let mut shown = Map::from_iter([
        ("logStreamName".to_owned(), json!(name)),
        ("creationTime".to_owned(), json!(stream.created.timestamp_millis())),
        ("arn".to_owned(), json!(format!("{group_arn}:log-stream:{name}"))),
        ("storedBytes".to_owned(), json!(0)),
    ]);
    if let (Some(first), Some(last)) = (stream.events.front(), stream.events.back()) {
        shown.insert("firstEventTimestamp".to_owned(), json!(first.at.timestamp_millis()));
        shown.insert("lastEventTimestamp".to_owned(), json!(last.at.timestamp_millis()));
        shown.insert("lastIngestionTime".to_owned(), json!(last.at.timestamp_millis()));
    }
    Value::Object(shown)
}
