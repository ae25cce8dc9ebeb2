//! To be written.

use crate::caller::Caller;
use crate::error::AwsError;
use crate::names::AccountId;
use crate::world::World;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What one account holds of this service.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct State {}

/// What this service asked to be woken for.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Timer {}

/// Goes on where a timer was set.
pub(crate) fn due(_world: &mut World, _account: &AccountId, timer: Timer) {
    match timer {}
}

/// Carries out one operation.
pub(crate) fn call(
    _world: &mut World,
    _caller: &Caller,
    operation: &str,
    _input: Value,
) -> Result<Value, AwsError> {
    Err(AwsError::not_in_local_aws(format!("the operation events {operation}")))
}

/// An event that a service is about to emit on its account's default bus.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ServiceEvent {
    /// `aws.ecr`, …
    pub source: String,
    /// `ECR Image Action`, …
    pub detail_type: String,
    /// ARNs; often none.
    pub resources: Vec<String>,
    /// What happened.
    pub detail: Value,
}

/// Emits an event of an AWS service: makes the envelope (id, time, account, Region), applies event faults,
/// and after `settings.timing.event_delivery` matches it against the default bus's rules.
pub fn emit(_world: &mut World, _account: &AccountId, _event: ServiceEvent) {}
