//! What an Automation document says.

use crate::error::AwsError;
use regex_lite::Regex;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// The longest value of a parameter.
const VALUE_CHARACTERS_MAX: usize = 512;

/// An Automation document. What it can say beyond this is refused by name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Content {
    schema_version: String,
    #[serde(default)]
    pub(super) description: String,
    pub(super) assume_role: Option<String>,
    #[serde(default)]
    pub(super) parameters: BTreeMap<String, Parameter>,
    pub(super) main_steps: Vec<Step>,
    #[serde(default)]
    pub(super) outputs: Vec<String>,
}

/// A parameter of a document.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Parameter {
    #[serde(rename = "type")]
    pub(super) kind: ParameterKind,
    #[serde(default)]
    pub(super) description: String,
    pub(super) default: Option<Value>,
    allowed_pattern: Option<String>,
    allowed_values: Option<Vec<Value>>,
}

/// A parameter's type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum ParameterKind {
    String,
    Boolean,
}

/// A step of a document.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Step {
    pub(super) name: String,
    pub(super) action: Action,
    #[serde(default)]
    description: String,
    timeout_seconds: Option<u32>,
    on_failure: Option<OnFailure>,
    #[serde(default)]
    pub(super) is_end: bool,
    pub(super) inputs: InvokeInputs,
}

/// What a step does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Action {
    #[serde(rename = "aws:invokeLambdaFunction")]
    InvokeLambdaFunction,
}

/// What follows when a step fails: the execution fails too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum OnFailure {
    Abort,
}

/// What a function is invoked with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct InvokeInputs {
    pub(super) function_name: String,
    invocation_type: Option<InvocationType>,
    pub(super) input_payload: Option<Value>,
    pub(super) payload: Option<String>,
}

/// How it is invoked: the step waits for the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum InvocationType {
    RequestResponse,
}

fn invalid(text: impl Into<String>) -> AwsError {
    AwsError::new("InvalidDocumentContent", text)
}

/// A parameter's value that the document does not take.
fn invalid_parameter(text: impl Into<String>) -> AwsError {
    AwsError::new("InvalidAutomationExecutionParametersException", text)
}

impl Content {
    /// Reads a document's JSON.
    pub(super) fn parse(text: &str) -> Result<Self, AwsError> {
        let content: Self = serde_json::from_str(text).map_err(|error| {
            let problem = error.to_string();
            if problem.starts_with("unknown field") || problem.starts_with("unknown variant") {
                AwsError::not_in_local_aws(format!("this of an Automation document: {problem}"))
            } else {
                invalid(format!("JSON not well-formed. {problem}"))
            }
        })?;
        if content.schema_version != "0.3" {
            let version = &content.schema_version;
            return Err(invalid(format!(
                "schemaVersion {version:?} of an Automation document; expected 0.3"
            )));
        }
        if content.main_steps.is_empty() {
            return Err(invalid("mainSteps has no step"));
        }
        for (name, parameter) in &content.parameters {
            if let Some(pattern) = &parameter.allowed_pattern {
                Regex::new(pattern)
                    .map_err(|error| invalid(format!("allowedPattern of parameter {name}: {error}")))?;
            }
            // A default that its own pattern forbids would fail every execution.
            if parameter.default.is_some() {
                parameter.value(name, None).map_err(|error| invalid(error.message))?;
            }
        }
        Ok(content)
    }

    /// The values of all parameters for an execution: those that were given, else the defaults.
    pub(super) fn values(
        &self,
        given: &BTreeMap<String, Vec<String>>,
    ) -> Result<BTreeMap<String, Value>, AwsError> {
        if let Some(unknown) = given.keys().find(|name| !self.parameters.contains_key(*name)) {
            return Err(invalid_parameter(format!(
                "Parameter {unknown} is not defined in the Automation document"
            )));
        }
        let value = |(name, parameter): (&String, &Parameter)| {
            let given = match given.get(name).map(Vec::as_slice) {
                None => None,
                Some([one]) => Some(one.as_str()),
                Some(several) => {
                    let count = several.len();
                    return Err(invalid_parameter(format!(
                        "Parameter {name} has {count} values; expected one"
                    )));
                }
            };
            Ok((name.clone(), parameter.value(name, given)?))
        };
        self.parameters.iter().map(value).collect()
    }
}

impl Parameter {
    fn value(&self, name: &str, given: Option<&str>) -> Result<Value, AwsError> {
        let text = match (given, &self.default) {
            (Some(given), _) => given.to_owned(),
            (None, Some(Value::String(default))) => default.clone(),
            (None, Some(default)) => default.to_string(),
            (None, None) => {
                return Err(invalid_parameter(format!(
                    "Parameter {name} is required and has no value or default"
                )));
            }
        };
        let value = match (self.kind, text.as_str()) {
            (ParameterKind::Boolean, "true" | "True") => Value::Bool(true),
            (ParameterKind::Boolean, "false" | "False") => Value::Bool(false),
            (ParameterKind::Boolean, other) => {
                return Err(invalid_parameter(format!(
                    "Parameter {name} is {other:?}; expected true or false"
                )));
            }
            (ParameterKind::String, _) => Value::String(text.clone()),
        };
        if text.chars().count() > VALUE_CHARACTERS_MAX {
            return Err(invalid_parameter(format!(
                "Parameter {name} is longer than {VALUE_CHARACTERS_MAX} characters"
            )));
        }
        let fits = |pattern: &String| Regex::new(pattern).is_ok_and(|regex| regex.is_match(&text));
        if let Some(pattern) = self.allowed_pattern.as_ref().filter(|pattern| !fits(pattern)) {
            return Err(invalid_parameter(format!(
                "Parameter {name} is {text:?}, which does not match the allowedPattern {pattern}"
            )));
        }
        if let Some(allowed) = self.allowed_values.as_ref().filter(|allowed| !allowed.contains(&value)) {
            let allowed = Value::from(allowed.clone());
            return Err(invalid_parameter(format!(
                "Parameter {name} is {text:?}; expected one of {allowed}"
            )));
        }
        Ok(value)
    }
}
