//! Event patterns. Checked here for EventBridge's grammar, matched by quamina, which knows neither `$or`
//! nor every operator; what it does not know is refused by name.

use super::invalid;
use crate::caller::Caller;
use crate::error::AwsError;
use crate::services::iam;
use crate::world::World;
use quamina::Quamina;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::cell::RefCell;
use std::collections::HashMap;

const PATTERN_BYTES_MAX: usize = 4096;
/// How many patterns are kept ready.
const READY_MAX: usize = 256;

/// EventBridge's own limit on the combinations that `$or` makes.
const COMBINATIONS_MAX: usize = 1000;

/// What an envelope must have before `TestEventPattern` looks at it.
const ENVELOPE: [&str; 7] = ["id", "account", "source", "time", "region", "resources", "detail-type"];

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct TestEventPatternInput {
    event_pattern: String,
    event: String,
}

pub(super) fn test(
    world: &mut World,
    caller: &Caller,
    input: &TestEventPatternInput,
) -> Result<Value, AwsError> {
    iam::authorize(world, caller, "events:TestEventPattern", "*", &[])?;
    check(&input.event_pattern)?;
    let event: Value = serde_json::from_str(&input.event)
        .map_err(|_| invalid("Parameter Event is not valid. Reason: it is not JSON."))?;
    if let Some(missing) = ENVELOPE.iter().find(|member| event.get(member).is_none()) {
        return Err(invalid(format!("Parameter Event is not valid. Reason: it has no `{missing}`.")));
    }
    Ok(json!({ "Result": matches(&input.event_pattern, &event.to_string()) }))
}

/// Refuses what EventBridge refuses, and by name what only the local accounts cannot match.
pub(super) fn check(pattern: &str) -> Result<(), AwsError> {
    combined(pattern).map(drop)
}

thread_local! {
    /// The patterns that were used lately, ready to match: to make one ready takes far longer than to match it.
    static READY: RefCell<HashMap<String, Option<Quamina<u8>>>> = RefCell::default();
}

/// Whether an event matches. A pattern that [`check`] refuses matches nothing.
pub(super) fn matches(pattern: &str, event: &str) -> bool {
    READY.with_borrow_mut(|ready| {
        if !ready.contains_key(pattern) {
            if ready.len() >= READY_MAX {
                ready.clear();
            }
            ready.insert(pattern.to_owned(), combined(pattern).ok());
        }
        let quamina = ready.get(pattern).and_then(Option::as_ref);
        quamina.is_some_and(|quamina| quamina.has_matches(event.as_bytes()).unwrap_or(false))
    })
}

fn combined(pattern: &str) -> Result<Quamina<u8>, AwsError> {
    if pattern.len() > PATTERN_BYTES_MAX {
        return Err(malformed(format!("it has more than {PATTERN_BYTES_MAX} bytes")));
    }
    let parsed: Value =
        serde_json::from_str(pattern).map_err(|error| malformed(format!("it is not JSON: {error}")))?;
    let Value::Object(members) = parsed else { return Err(malformed("it is not an object")) };
    if members.is_empty() {
        return Err(malformed("it is empty"));
    }
    let mut quamina = Quamina::new();
    for alternative in alternatives(&members)? {
        let text = Value::Object(alternative).to_string();
        quamina.add_pattern(0, &text).map_err(|error| malformed(error.to_string()))?;
    }
    Ok(quamina)
}

fn malformed(reason: impl std::fmt::Display) -> AwsError {
    let text = format!("Event pattern is not valid. Reason: {reason}");
    AwsError::new("InvalidEventPatternException", text)
}

/// The pattern without `$or`: one pattern for every combination of choices.
fn alternatives(pattern: &Map<String, Value>) -> Result<Vec<Map<String, Value>>, AwsError> {
    let mut combinations = vec![Map::new()];
    for (name, value) in pattern {
        let choices = match value {
            Value::Array(choices) if name == "$or" => or(choices)?,
            Value::Object(nested) => wrapped(name, alternatives(nested)?),
            Value::Array(values) => {
                check_values(name, values)?;
                vec![Map::from_iter([(name.clone(), value.clone())])]
            }
            _ => return Err(malformed(format!("\"{name}\" must be an object or an array"))),
        };
        if combinations.len() * choices.len() > COMBINATIONS_MAX {
            return Err(malformed(format!("its $or makes more than {COMBINATIONS_MAX} combinations")));
        }
        let products: Result<Vec<_>, AwsError> = combinations
            .iter()
            .flat_map(|left| choices.iter().map(|right| merged(left.clone(), right.clone())))
            .collect();
        combinations = products?;
    }
    Ok(combinations)
}

fn or(choices: &[Value]) -> Result<Vec<Map<String, Value>>, AwsError> {
    if choices.len() < 2 {
        return Err(malformed("$or must have at least two alternatives"));
    }
    let mut all = Vec::new();
    for choice in choices {
        match choice {
            Value::Object(choice) if !choice.is_empty() => all.extend(alternatives(choice)?),
            _ => return Err(malformed("every alternative of $or must be an object that is not empty")),
        }
    }
    Ok(all)
}

fn wrapped(name: &str, nested: Vec<Map<String, Value>>) -> Vec<Map<String, Value>> {
    nested.into_iter().map(|nested| Map::from_iter([(name.to_owned(), Value::Object(nested))])).collect()
}

/// Both patterns together, objects member by member. No field may have two conditions.
fn merged(mut left: Map<String, Value>, right: Map<String, Value>) -> Result<Map<String, Value>, AwsError> {
    for (name, value) in right {
        let value = match (left.remove(&name), value) {
            (Some(Value::Object(left)), Value::Object(right)) => Value::Object(merged(left, right)?),
            (None, value) => value,
            _ => return Err(malformed(format!("\"{name}\" is given both within $or and beside it"))),
        };
        left.insert(name, value);
    }
    Ok(left)
}

fn check_values(name: &str, values: &[Value]) -> Result<(), AwsError> {
    if values.is_empty() {
        return Err(malformed(format!("\"{name}\" is an empty array")));
    }
    values.iter().try_for_each(|value| match value {
        Value::Object(matcher) => check_matcher(name, matcher),
        Value::Array(_) => Err(malformed(format!("\"{name}\" has an array in its array"))),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Ok(()),
    })
}

fn check_matcher(name: &str, matcher: &Map<String, Value>) -> Result<(), AwsError> {
    let mut members = matcher.iter();
    let (Some((operator, value)), None) = (members.next(), members.next()) else {
        return Err(malformed(format!("a match expression of \"{name}\" must have one member")));
    };
    match operator.as_str() {
        "prefix" | "suffix" | "anything-but" if value.is_object() => Err(AwsError::not_in_local_aws(
            format!("the event pattern operator {operator} with another operator inside, in \"{name}\""),
        )),
        "wildcard" if value.as_str().is_some_and(|value| value.contains("**")) => {
            Err(malformed(format!("consecutive wildcard characters in \"{name}\"")))
        }
        "prefix" | "suffix" | "anything-but" | "exists" | "numeric" | "equals-ignore-case" | "wildcard"
        | "cidr" => Ok(()),
        other => Err(malformed(format!("Unrecognized match type {other}"))),
    }
}
