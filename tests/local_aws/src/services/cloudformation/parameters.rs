//! Parameters: the values that a stack was given, held against what its template allows.

use super::template::{ParameterDeclaration, Template};
use crate::error::AwsError;
use crate::services::form;
use regex_lite::Regex;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// A parameter of a request.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Parameter {
    pub(super) parameter_key: String,
    #[serde(default)]
    pub(super) parameter_value: Option<String>,
    #[serde(default, deserialize_with = "form::flag", skip_serializing)]
    pub(super) use_previous_value: Option<bool>,
}

/// The values of all parameters: given, kept from before, or by default.
///
/// # Errors
/// `ValidationError` for one that is missing, unknown or not allowed.
pub(super) fn resolve(
    template: &Template,
    given: &[Parameter],
    previous: Option<&BTreeMap<String, String>>,
) -> Result<BTreeMap<String, String>, AwsError> {
    let unknown: Vec<&str> = given
        .iter()
        .map(|parameter| parameter.parameter_key.as_str())
        .filter(|key| !template.parameters.contains_key(*key))
        .collect();
    if !unknown.is_empty() {
        return Err(validation(format!("Parameters: [{}] do not exist in the template", unknown.join(", "))));
    }
    let mut values = BTreeMap::new();
    let mut missing = Vec::new();
    for (key, declaration) in &template.parameters {
        let parameter = given.iter().rev().find(|parameter| parameter.parameter_key == *key);
        let kept = parameter
            .filter(|parameter| parameter.use_previous_value == Some(true))
            .and_then(|_| previous.and_then(|previous| previous.get(key)).cloned());
        let value = parameter.and_then(|parameter| parameter.parameter_value.clone()).or(kept);
        match value.or_else(|| declaration.default.as_ref().map(text)) {
            Some(value) => {
                check(key, declaration, &value)?;
                values.insert(key.clone(), value);
            }
            None => missing.push(key.as_str()),
        }
    }
    if missing.is_empty() {
        Ok(values)
    } else {
        Err(validation(format!("Parameters: [{}] must have values", missing.join(", "))))
    }
}

fn check(key: &str, declaration: &ParameterDeclaration, value: &str) -> Result<(), AwsError> {
    match declaration.kind.as_str() {
        "String" | "CommaDelimitedList" => {}
        "Number" if value.parse::<f64>().is_ok_and(f64::is_finite) => {}
        "Number" => return Err(validation(format!("Parameter '{key}' must be a number, not `{value}`"))),
        other => return Err(AwsError::not_in_local_aws(format!("the parameter type {other} of {key}"))),
    }
    let refused = |constraint: String| {
        let expected = declaration.constraint_description.clone().unwrap_or(constraint);
        Err(validation(format!("Parameter '{key}' is `{}`; expected {expected}", value.escape_debug())))
    };
    if let Some(pattern) = &declaration.allowed_pattern {
        let regex = Regex::new(&format!("^(?:{pattern})$")).map_err(|error| {
            validation(format!("AllowedPattern of {key} is no regular expression: {error}"))
        })?;
        if !regex.is_match(value) {
            return refused(format!("a value that matches {pattern}"));
        }
    }
    if !declaration.allowed_values.is_empty()
        && !declaration.allowed_values.iter().any(|allowed| text(allowed) == value)
    {
        return refused(format!("one of {}", Value::Array(declaration.allowed_values.clone())));
    }
    let number: Option<f64> = value.parse().ok().filter(|_| declaration.kind == "Number");
    let least = declaration.min_value.zip(number).is_some_and(|(least, number)| number < least);
    let most = declaration.max_value.zip(number).is_some_and(|(most, number)| number > most);
    if least || most {
        return refused(format!("{:?} to {:?}", declaration.min_value, declaration.max_value));
    }
    let length = value.chars().count();
    if declaration.min_length.is_some_and(|least| length < least)
        || declaration.max_length.is_some_and(|most| length > most)
    {
        return refused(format!("{:?} to {:?} characters", declaration.min_length, declaration.max_length));
    }
    Ok(())
}

/// The declarations as ValidateTemplate answers them.
pub(super) fn describe(template: &Template) -> Value {
    let described: Vec<Value> = template
        .parameters
        .iter()
        .map(|(key, declaration)| {
            let mut shown = json!({"ParameterKey": key, "NoEcho": declaration.no_echo.unwrap_or(false)});
            if let Some(members) = shown.as_object_mut() {
                if let Some(default) = &declaration.default {
                    members.insert("DefaultValue".to_owned(), json!(text(default)));
                }
                if let Some(description) = &declaration.description {
                    members.insert("Description".to_owned(), json!(description));
                }
            }
            shown
        })
        .collect();
    json!(described)
}

/// The declarations as GetTemplateSummary answers them.
pub(super) fn describe_with_types(template: &Template) -> Value {
    let mut described = describe(template);
    let shown = described.as_array_mut().into_iter().flatten().filter_map(Value::as_object_mut);
    for (members, declaration) in shown.zip(template.parameters.values()) {
        members.insert("ParameterType".to_owned(), json!(declaration.kind));
        let allowed: Vec<String> = declaration.allowed_values.iter().map(text).collect();
        members.insert("ParameterConstraints".to_owned(), json!({"AllowedValues": allowed}));
    }
    described
}

/// A scalar as text.
pub(super) fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn validation(message: String) -> AwsError {
    AwsError::new("ValidationError", message)
}
