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
    Err(AwsError::not_in_local_aws(format!("the operation codepipeline {operation}")))
}
