//! Reading log events.

use super::filter::Filter;
use super::{LogEvent, admit, group, invalid, no_stream};
use crate::caller::Caller;
use crate::error::AwsError;
use crate::services::page;
use crate::world::World;
use serde::Deserialize;
use serde_json::{Value, json};

const PAGE_MAX: usize = 10_000;

/// Whether an event lies in the span: from the start on, up to but without the end.
fn in_span(event: &LogEvent, start: Option<i64>, end: Option<i64>) -> bool {
    let at = event.at.timestamp_millis();
    start.is_none_or(|start| at >= start) && end.is_none_or(|end| at < end)
}

fn page_size(limit: Option<usize>) -> Result<usize, AwsError> {
    let size = limit.unwrap_or(PAGE_MAX);
    if (1..=PAGE_MAX).contains(&size) {
        return Ok(size);
    }
    Err(invalid(format!("the limit {size} is invalid: expected 1 to {PAGE_MAX}")))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct GetLogEventsInput {
    log_group_name: Option<String>,
    log_group_identifier: Option<String>,
    log_stream_name: String,
    start_time: Option<i64>,
    end_time: Option<i64>,
    next_token: Option<String>,
    limit: Option<usize>,
    #[serde(default)]
    start_from_head: bool,
}

/// Pages as CloudWatch's: `f/<n>` goes on behind event `n`, `b/<n>` ends before it, and at an end the same
/// token comes back.
pub(super) fn get(world: &mut World, caller: &Caller, input: GetLogEventsInput) -> Result<Value, AwsError> {
    let action = "logs:GetLogEvents";
    let name = admit(world, caller, action, input.log_group_name, input.log_group_identifier)?;
    let group = group(world, &caller.account, &name)?;
    let stream = group.streams.get(&input.log_stream_name).ok_or_else(no_stream)?;
    let size = page_size(input.limit)?;
    let in_span: Vec<&LogEvent> =
        stream.events.iter().filter(|event| in_span(event, input.start_time, input.end_time)).collect();
    let token = input.next_token.as_deref().map(read_token).transpose()?;
    let events: Vec<&LogEvent> = match token {
        Some(Token::Forward(after)) => {
            in_span.iter().filter(|event| event.number > after).take(size).copied().collect()
        }
        None if input.start_from_head => in_span.iter().take(size).copied().collect(),
        Some(Token::Backward(before)) => {
            last(in_span.iter().filter(|event| event.number < before).copied().collect(), size)
        }
        None => last(in_span, size),
    };
    let (first, last) = match (events.first(), events.last(), token) {
        (Some(first), Some(last), _) => (first.number, last.number),
        (_, _, Some(Token::Forward(after))) => (after + 1, after),
        (_, _, Some(Token::Backward(before))) => (before, before.saturating_sub(1)),
        _ => (1, 0),
    };
    let shown: Vec<Value> = events
        .iter()
        .map(|event| {
            let at = event.at.timestamp_millis();
            json!({ "timestamp": at, "message": event.message, "ingestionTime": at })
        })
        .collect();
    Ok(json!({
        "events": shown,
        "nextForwardToken": format!("f/{last}"),
        "nextBackwardToken": format!("b/{first}"),
    }))
}

fn last(events: Vec<&LogEvent>, size: usize) -> Vec<&LogEvent> {
    let skipped = events.len().saturating_sub(size);
    events.into_iter().skip(skipped).collect()
}

#[derive(Clone, Copy)]
enum Token {
    Forward(u64),
    Backward(u64),
}

fn read_token(text: &str) -> Result<Token, AwsError> {
    let number = |prefix| text.strip_prefix(prefix).and_then(|number| number.parse().ok());
    let forward = number("f/").map(Token::Forward);
    forward
        .or_else(|| number("b/").map(Token::Backward))
        .ok_or_else(|| invalid(format!("The specified nextToken is invalid: {text}")))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct FilterLogEventsInput {
    log_group_name: Option<String>,
    log_group_identifier: Option<String>,
    log_stream_names: Option<Vec<String>>,
    log_stream_name_prefix: Option<String>,
    start_time: Option<i64>,
    end_time: Option<i64>,
    #[serde(default)]
    filter_pattern: String,
    next_token: Option<String>,
    limit: Option<usize>,
    #[serde(rename = "interleaved")]
    _interleaved: Option<bool>,
}

pub(super) fn filter(
    world: &mut World,
    caller: &Caller,
    input: FilterLogEventsInput,
) -> Result<Value, AwsError> {
    let action = "logs:FilterLogEvents";
    let name = admit(world, caller, action, input.log_group_name, input.log_group_identifier)?;
    if input.log_stream_names.is_some() && input.log_stream_name_prefix.is_some() {
        return Err(invalid("logStreamNames and logStreamNamePrefix cannot be given together."));
    }
    let filter = Filter::parse(&input.filter_pattern)?;
    let group = group(world, &caller.account, &name)?;
    let wanted = |stream: &String| {
        input.log_stream_names.as_ref().is_none_or(|names| names.contains(stream))
            && input.log_stream_name_prefix.as_ref().is_none_or(|prefix| stream.starts_with(prefix))
    };
    let streams = group.streams.iter().filter(|(name, _)| wanted(name));
    let mut events: Vec<(&String, &LogEvent)> = streams
        .flat_map(|(name, stream)| stream.events.iter().map(move |event| (name, event)))
        .filter(|(_, event)| in_span(event, input.start_time, input.end_time))
        .filter(|(_, event)| filter.matches(&event.message))
        .collect();
    events.sort_by_key(|(name, event)| (event.at, *name, event.number));
    let shown = events.into_iter().map(|(name, event)| {
        let at = event.at.timestamp_millis();
        json!({
            "logStreamName": name,
            "timestamp": at,
            "message": event.message,
            "ingestionTime": at,
            "eventId": format!("{at:020}{name}{:012}", event.number),
        })
    });
    let size = page_size(input.limit)?;
    let (events, next) = page::page(shown, size, input.next_token.as_deref(), "InvalidParameterException")?;
    let mut answer = json!({ "events": events, "searchedLogStreams": [] });
    if let (Some(members), Some(next)) = (answer.as_object_mut(), next) {
        members.insert("nextToken".to_owned(), json!(next));
    }
    Ok(answer)
}
