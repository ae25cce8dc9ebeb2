//! Rules and targets.

use crate::error::AwsError;
use crate::services::Service;
use chrono::Duration;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// What a bus does with events that match.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Rule {
    pub(super) pattern: Option<String>,
    pub(super) schedule: Option<String>,
    pub(super) enabled: bool,
    pub(super) description: Option<String>,
    pub(super) role_arn: Option<String>,
    pub(super) tags: BTreeMap<String, String>,
    pub(super) targets: BTreeMap<String, Target>,
}

/// Where a rule sends events.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Target {
    pub(super) id: String,
    pub(super) arn: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) role_arn: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) input: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) input_path: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) dead_letter_config: Option<DeadLetterConfig>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) retry_policy: Option<RetryPolicy>,
}

/// Where undeliverable events go.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(crate) struct DeadLetterConfig {
    pub(crate) arn: Option<String>,
}

/// How long delivery is tried. The local accounts' targets take an event or refuse it for good, so nothing
/// is ever tried again; the policy is checked and kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(crate) struct RetryPolicy {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) maximum_retry_attempts: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) maximum_event_age_in_seconds: Option<u32>,
}

impl RetryPolicy {
    pub(crate) fn check(&self) -> Result<(), AwsError> {
        let attempts = self.maximum_retry_attempts.is_none_or(|attempts| attempts <= 185);
        let age = self.maximum_event_age_in_seconds.is_none_or(|age| (60..=86_400).contains(&age));
        if attempts && age {
            return Ok(());
        }
        let text = "the retry policy is invalid: expected MaximumRetryAttempts 0 to 185 and MaximumEventAgeInSeconds 60 to 86400";
        Err(AwsError::new("ValidationException", text))
    }
}

/// What `InputPath` selects: `$` or a path of plain names, `$.detail.repository-name`.
pub(super) fn select<'a>(path: &str, event: &'a Value) -> Option<&'a Value> {
    let rest = path.strip_prefix('$')?;
    rest.split('.').skip(1).try_fold(event, |value, name| value.get(name))
}

/// Whether [`select`] knows this kind of path.
pub(super) fn is_plain_path(path: &str) -> bool {
    let plain = |character: char| character.is_ascii_alphanumeric() || matches!(character, '-' | '_');
    path.strip_prefix('$').is_some_and(|rest| {
        rest.is_empty()
            || rest
                .strip_prefix('.')
                .is_some_and(|names| names.split('.').all(|name| !name.is_empty() && name.chars().all(plain)))
    })
}

/// The span of `rate(5 minutes)`.
///
/// # Errors
/// `ValidationException` for what is no such expression; `NotInLocalAws` for `cron(..)` and `at(..)`.
pub(crate) fn rate(service: Service, expression: &str) -> Result<Duration, AwsError> {
    if expression.starts_with("cron(") || expression.starts_with("at(") {
        return Err(AwsError::not_in_local_aws(format!("the {} expression {expression}", service.name())));
    }
    let invalid = || {
        let text = format!("Parameter ScheduleExpression is not valid: {expression}");
        AwsError::new("ValidationException", text)
    };
    let inner =
        expression.strip_prefix("rate(").and_then(|rest| rest.strip_suffix(')')).ok_or_else(invalid)?;
    let (count, unit) = inner.trim().split_once(' ').ok_or_else(invalid)?;
    let count: i64 = count.parse().ok().filter(|count| (1..=525_600).contains(count)).ok_or_else(invalid)?;
    // EventBridge insists on the singular for 1; Scheduler does not mind.
    let singular_matters = service == Service::Events;
    let span = match (unit.trim(), count) {
        ("minute", 1) => Duration::minutes(count),
        ("hour", 1) => Duration::hours(count),
        ("day", 1) => Duration::days(count),
        ("minutes", count) if count > 1 || !singular_matters => Duration::minutes(count),
        ("hours", count) if count > 1 || !singular_matters => Duration::hours(count),
        ("days", count) if count > 1 || !singular_matters => Duration::days(count),
        ("minute", count) if !singular_matters => Duration::minutes(count),
        ("hour", count) if !singular_matters => Duration::hours(count),
        ("day", count) if !singular_matters => Duration::days(count),
        _ => return Err(invalid()),
    };
    Ok(span)
}
