//! A schedule.

use crate::names::AccountId;
use crate::services::events::{DeadLetterConfig, RetryPolicy};
use crate::world::World;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// When, and what then.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Schedule {
    pub(super) expression: String,
    pub(super) time_zone: String,
    pub(super) description: Option<String>,
    pub(super) enabled: bool,
    pub(super) target: Target,
    pub(super) created: DateTime<Utc>,
    pub(super) modified: DateTime<Utc>,
}

/// Where a schedule goes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Target {
    pub(super) arn: String,
    pub(super) role_arn: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) input: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) dead_letter_config: Option<DeadLetterConfig>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) retry_policy: Option<RetryPolicy>,
}

/// A schedule's ARN.
pub(super) fn arn(world: &World, account: &AccountId, name: &str) -> String {
    world.arn("scheduler", account, &format!("schedule/default/{name}"))
}
