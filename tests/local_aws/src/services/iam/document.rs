//! Policy documents: read strictly, so that an element which would not be judged is refused by name.

use crate::error::AwsError;
use serde::Deserialize;
use serde::de::Deserializer;
use serde_json::Value;
use std::collections::BTreeMap;

/// A policy document.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Document {
    #[serde(default)]
    version: Option<String>,
    #[serde(default)]
    #[expect(dead_code, reason = "a document may carry an id, which nothing depends on")]
    id: Option<String>,
    #[serde(deserialize_with = "one_or_many")]
    pub(super) statement: Vec<Statement>,
}

/// What a statement does to the requests that it matches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub(super) enum Effect {
    Allow,
    Deny,
}

/// One statement.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Statement {
    #[serde(default)]
    #[expect(dead_code, reason = "a statement's name is for people")]
    sid: Option<String>,
    pub(super) effect: Effect,
    #[serde(default)]
    pub(super) principal: Option<Value>,
    #[serde(default, deserialize_with = "one_or_many")]
    pub(super) action: Vec<String>,
    #[serde(default, deserialize_with = "one_or_many")]
    pub(super) not_action: Vec<String>,
    #[serde(default, deserialize_with = "one_or_many")]
    pub(super) resource: Vec<String>,
    #[serde(default, deserialize_with = "one_or_many")]
    pub(super) not_resource: Vec<String>,
    #[serde(default)]
    pub(super) condition: BTreeMap<String, BTreeMap<String, Values>>,
}

/// One value or several: strings, or the booleans and numbers that people write for them.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Values(#[serde(deserialize_with = "one_or_many")] Vec<Value>);

impl Values {
    /// The values as text.
    pub(super) fn texts(&self) -> impl Iterator<Item = String> {
        self.0.iter().map(|value| match value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        })
    }
}

/// What a document is attached to; it decides which elements must and must not be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// To a role: no principal, but resources.
    Identity,
    /// To a resource: principals, and resources except where the service leaves them out.
    Resource,
    /// A role's trust: principals, no resources.
    Trust,
}

/// The condition keys that some service of the local accounts hands over; `*` stands for the name of a tag. A
/// condition on another key would never be judged rightly, so it is refused.
const CONDITION_KEYS: [&str; 18] = [
    "aws:PrincipalAccount",
    "aws:PrincipalArn",
    "aws:RequestTag/*",
    "aws:ResourceAccount",
    "aws:ResourceTag/*",
    "aws:SecureTransport",
    "aws:SourceAccount",
    "aws:SourceArn",
    "codecommit:References",
    "ecr:ResourceTag/*",
    "ecs:CreateAction",
    "ecs:cluster",
    "ecs:service",
    "ecs:task-definition",
    "events:detail-type",
    "events:source",
    "iam:PassedToService",
    "sts:ExternalId",
];

/// The services that hand over the keys of tags: `aws:ResourceTag/…` and `aws:RequestTag/…`.
const SERVICES_WITH_TAG_KEYS: [&str; 2] = ["codecommit", "ecr"];

impl Document {
    /// Reads and checks a document.
    ///
    /// # Errors
    /// `MalformedPolicyDocument` for what AWS would not take; `NotInLocalAws` for what AWS would judge and
    /// the local accounts cannot.
    pub(super) fn parse(document: &Value, kind: Kind) -> Result<Self, AwsError> {
        let parsed: Self = match document {
            Value::String(text) => serde_json::from_str(text),
            other => Self::deserialize(other),
        }
        .map_err(|error| {
            let text = error.to_string();
            if text.contains("NotPrincipal") {
                AwsError::not_in_local_aws("the policy element NotPrincipal")
            } else {
                malformed(&text)
            }
        })?;
        if parsed.version.as_deref().is_some_and(|version| version != "2012-10-17" && version != "2008-10-17")
        {
            return Err(malformed("Version must be 2012-10-17"));
        }
        for statement in &parsed.statement {
            statement.check(kind)?;
        }
        Ok(parsed)
    }
}

impl Statement {
    fn check(&self, kind: Kind) -> Result<(), AwsError> {
        if self.action.is_empty() == self.not_action.is_empty() {
            return Err(malformed("a statement must have either Action or NotAction"));
        }
        if self.principal.is_some() == (kind == Kind::Identity) {
            return Err(malformed(if kind == Kind::Identity {
                "Policy document should not specify a principal."
            } else {
                "Missing required field Principal"
            }));
        }
        let resources = usize::from(!self.resource.is_empty()) + usize::from(!self.not_resource.is_empty());
        match kind {
            Kind::Trust if resources > 0 => return Err(malformed("Has prohibited field Resource")),
            Kind::Identity if resources != 1 => {
                return Err(malformed("a statement must have either Resource or NotResource"));
            }
            Kind::Resource if resources > 1 => {
                return Err(malformed("a statement cannot have both Resource and NotResource"));
            }
            _ => {}
        }
        for action in self.action.iter().chain(&self.not_action) {
            if action != "*" && action.split_once(':').is_none_or(|(service, _)| service.contains('*')) {
                return Err(malformed(&format!(
                    "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.: `{action}`"
                )));
            }
        }
        for resource in self.resource.iter().chain(&self.not_resource) {
            no_variable(resource)?;
            if resource != "*" && (!resource.starts_with("arn:") || resource.splitn(6, ':').count() < 6) {
                return Err(malformed(&format!("Resource {resource} must be in ARN format or \"*\".")));
            }
        }
        super::conditions::check(&self.condition, &CONDITION_KEYS)?;
        self.check_tag_keys()?;
        if let Some(principal) = &self.principal {
            super::principals::check(principal)?;
        }
        Ok(())
    }
}

impl Statement {
    /// Refuses a condition on tags for an action whose service would not hand them over.
    fn check_tag_keys(&self) -> Result<(), AwsError> {
        let mut keys = self.condition.values().flat_map(BTreeMap::keys);
        let Some(key) = keys.find(|key| key.contains("Tag/")) else { return Ok(()) };
        let unjudged = |action: &&String| {
            let service = action.split(':').next().unwrap_or_default();
            !SERVICES_WITH_TAG_KEYS.iter().any(|known| known.eq_ignore_ascii_case(service))
        };
        match self.action.iter().chain(&self.not_action).find(unjudged) {
            Some(action) => Err(AwsError::not_in_local_aws(format!("the condition key {key} for {action}"))),
            None => Ok(()),
        }
    }
}

/// Refuses `${aws:…}`: nothing here knows what to put in its place.
pub(super) fn no_variable(text: &str) -> Result<(), AwsError> {
    if text.contains("${") {
        return Err(AwsError::not_in_local_aws(format!("policy variables, as in `{text}`")));
    }
    Ok(())
}

/// IAM's word for a document that it does not take.
pub(super) fn malformed(what: &str) -> AwsError {
    AwsError::new("MalformedPolicyDocument", format!("Syntax errors in policy: {what}"))
}

fn one_or_many<'de, D: Deserializer<'de>, T: serde::de::DeserializeOwned>(
    deserializer: D,
) -> Result<Vec<T>, D::Error> {
    let value = Value::deserialize(deserializer)?;
    let values = match value {
        Value::Array(values) => values,
        one => vec![one],
    };
    values.into_iter().map(|value| T::deserialize(value).map_err(serde::de::Error::custom)).collect()
}
