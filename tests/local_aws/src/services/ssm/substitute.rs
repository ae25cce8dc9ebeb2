//! `{{ Name }}` in a step's inputs.

use crate::error::AwsError;
use serde_json::Value;
use std::collections::BTreeMap;

/// A step's input with its variables replaced. A text that is one variable takes on the variable's type.
pub(super) fn substitute(input: &Value, variables: &BTreeMap<String, Value>) -> Result<Value, AwsError> {
    match input {
        Value::String(text) => in_text(text, variables),
        Value::Array(items) => items
            .iter()
            .map(|item| substitute(item, variables))
            .collect::<Result<Vec<_>, _>>()
            .map(Value::from),
        Value::Object(members) => members
            .iter()
            .map(|(name, value)| Ok((name.clone(), substitute(value, variables)?)))
            .collect::<Result<serde_json::Map<_, _>, AwsError>>()
            .map(Value::from),
        scalar => Ok(scalar.clone()),
    }
}

fn in_text(text: &str, variables: &BTreeMap<String, Value>) -> Result<Value, AwsError> {
    let mut filled = String::new();
    let mut rest = text;
    while let Some((before, from)) = rest.split_once("{{") {
        let Some((name, after)) = from.split_once("}}") else { break };
        let value = variables.get(name.trim()).ok_or_else(|| {
            AwsError::not_in_local_aws(format!("the variable {} of an Automation document", name.trim()))
        })?;
        if before.is_empty() && after.is_empty() && filled.is_empty() {
            return Ok(value.clone());
        }
        filled.push_str(before);
        match value {
            Value::String(text) => filled.push_str(text),
            other => filled.push_str(&other.to_string()),
        }
        rest = after;
    }
    filled.push_str(rest);
    Ok(Value::String(filled))
}
