//! A template: its sections, checked by name.

use super::yaml;
use crate::error::AwsError;
use serde::Deserialize;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// The longest template.
const TEMPLATE_BYTES_MAX: usize = 1_048_576;
const RESOURCES_MAX: usize = 500;

/// A template, read and checked.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Template {
    #[serde(default, rename = "AWSTemplateFormatVersion")]
    version: Option<String>,
    #[serde(default)]
    pub(super) description: Option<String>,
    #[serde(default)]
    transform: Option<Value>,
    #[serde(default)]
    #[expect(dead_code, reason = "metadata of a template are for tools")]
    metadata: Option<Value>,
    #[serde(default)]
    pub(super) globals: Map<String, Value>,
    #[serde(default)]
    pub(super) parameters: BTreeMap<String, ParameterDeclaration>,
    #[serde(default)]
    pub(super) mappings: Map<String, Value>,
    #[serde(default)]
    pub(super) conditions: BTreeMap<String, Value>,
    pub(super) resources: BTreeMap<String, Resource>,
    #[serde(default)]
    pub(super) outputs: BTreeMap<String, Output>,
}

/// What a parameter may be.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct ParameterDeclaration {
    #[serde(rename = "Type")]
    pub(super) kind: String,
    #[serde(default)]
    pub(super) default: Option<Value>,
    #[serde(default)]
    pub(super) allowed_values: Vec<Value>,
    #[serde(default)]
    pub(super) allowed_pattern: Option<String>,
    #[serde(default)]
    pub(super) constraint_description: Option<String>,
    #[serde(default)]
    pub(super) description: Option<String>,
    #[serde(default)]
    pub(super) min_value: Option<f64>,
    #[serde(default)]
    pub(super) max_value: Option<f64>,
    #[serde(default)]
    pub(super) min_length: Option<usize>,
    #[serde(default)]
    pub(super) max_length: Option<usize>,
    #[serde(default)]
    pub(super) no_echo: Option<bool>,
}

/// A resource as it is declared.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Resource {
    #[serde(rename = "Type")]
    pub(super) kind: String,
    #[serde(default)]
    pub(super) condition: Option<String>,
    #[serde(default)]
    pub(super) depends_on: DependsOn,
    #[serde(default)]
    pub(super) deletion_policy: Option<String>,
    #[serde(default)]
    pub(super) update_replace_policy: Option<String>,
    #[serde(default)]
    pub(super) metadata: Map<String, Value>,
    #[serde(default)]
    pub(super) properties: Map<String, Value>,
}

/// Resources that must be there before.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(untagged)]
pub(super) enum DependsOn {
    /// One of them.
    One(String),
    /// Several, or none.
    Many(Vec<String>),
}

impl Default for DependsOn {
    fn default() -> Self {
        Self::Many(Vec::new())
    }
}

impl DependsOn {
    /// Their logical ids.
    pub(super) fn ids(&self) -> &[String] {
        match self {
            Self::One(id) => std::slice::from_ref(id),
            Self::Many(ids) => ids,
        }
    }
}

/// A value that the stack tells.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Output {
    #[serde(default)]
    pub(super) description: Option<String>,
    #[serde(default)]
    pub(super) condition: Option<String>,
    pub(super) value: Value,
    #[serde(default)]
    pub(super) export: Option<Export>,
}

/// A name under which other stacks can import a value.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Export {
    pub(super) name: Value,
}

impl Template {
    /// Reads a template and checks what can be seen without parameters.
    ///
    /// # Errors
    /// `ValidationError`, or `NotInLocalAws` for sections and transforms that are not done here.
    pub(super) fn parse(text: &str) -> Result<Self, AwsError> {
        if text.is_empty() || text.len() > TEMPLATE_BYTES_MAX {
            return Err(invalid(&format!(
                "the template has {} bytes; expected 1 to {TEMPLATE_BYTES_MAX}",
                text.len()
            )));
        }
        let value = yaml::parse(text)?;
        for section in ["Rules", "Hooks"] {
            if value.get(section).is_some() {
                return Err(AwsError::not_in_local_aws(format!("the template section {section}")));
            }
        }
        let template = Self::deserialize(value)
            .map_err(|error| invalid(&format!("Invalid template property or properties: {error}")))?;
        template.check()?;
        Ok(template)
    }

    /// Whether the SAM transform is asked for.
    pub(super) fn is_serverless(&self) -> bool {
        self.transform.is_some()
    }

    fn check(&self) -> Result<(), AwsError> {
        if self.version.as_deref().is_some_and(|version| version != "2010-09-09") {
            return Err(invalid("Value of AWSTemplateFormatVersion must be 2010-09-09"));
        }
        match &self.transform {
            None => {}
            Some(Value::String(name)) if name == "AWS::Serverless-2016-10-31" => {}
            Some(other) => return Err(AwsError::not_in_local_aws(format!("the transform {other}"))),
        }
        if !self.is_serverless() && !self.globals.is_empty() {
            return Err(invalid("Invalid template property or properties [Globals]"));
        }
        if self.resources.is_empty() || self.resources.len() > RESOURCES_MAX {
            return Err(invalid("At least one Resources member must be defined, and at most 500"));
        }
        for (id, resource) in &self.resources {
            check_logical_id(id)?;
            for policy in [&resource.deletion_policy, &resource.update_replace_policy].into_iter().flatten() {
                if policy != "Retain" && policy != "Delete" {
                    return Err(AwsError::not_in_local_aws(format!("the DeletionPolicy {policy} of {id}")));
                }
            }
            if let Some(condition) =
                resource.condition.as_ref().filter(|condition| !self.conditions.contains_key(*condition))
            {
                return Err(invalid(&format!(
                    "Template error: resource {id} uses the undefined condition {condition}"
                )));
            }
        }
        self.outputs.keys().try_for_each(|id| check_logical_id(id))
    }
}

fn check_logical_id(id: &str) -> Result<(), AwsError> {
    if id.is_empty() || id.len() > 255 || !id.chars().all(|character| character.is_ascii_alphanumeric()) {
        return Err(invalid(&format!(
            "the logical id `{}` is invalid: expected letters and digits",
            id.escape_debug()
        )));
    }
    Ok(())
}

/// CloudFormation's word for a template or request that it does not take.
pub(super) fn invalid(what: &str) -> AwsError {
    AwsError::new("ValidationError", format!("Template format error: {what}"))
}
