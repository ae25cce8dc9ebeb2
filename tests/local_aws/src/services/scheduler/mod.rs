//! Amazon EventBridge Scheduler: `rate(..)` schedules that invoke a function or fill a queue.

mod fire;
mod schedule;
mod schedules;
#[cfg(test)]
mod tests;

use super::Service;
use crate::caller::Caller;
use crate::error::AwsError;
use crate::names::AccountId;
use crate::world::World;
use schedule::Schedule;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// What one account holds of this service.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct State {
    /// By name; all in the group `default`, the only one there is.
    schedules: BTreeMap<String, Schedule>,
    undelivered: Vec<Undelivered>,
}

impl State {
    /// Firings that reached neither their target nor a dead-letter queue, oldest first.
    pub fn undelivered(&self) -> &[Undelivered] {
        &self.undelivered
    }
}

/// A firing that was lost: AWS would drop it in silence.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Undelivered {
    /// The schedule's name.
    pub schedule: String,
    /// What was wrong.
    pub because: String,
}

/// What this service asked to be woken for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Timer {
    /// The schedule of this name fires.
    Fire(String),
}

/// Goes on where a timer was set.
pub(crate) fn due(world: &mut World, account: &AccountId, timer: Timer) {
    let Timer::Fire(name) = timer;
    fire::fire(world, account, &name);
}

/// Carries out one operation.
pub(crate) fn call(
    world: &mut World,
    caller: &Caller,
    operation: &str,
    input: Value,
) -> Result<Value, AwsError> {
    match operation {
        "CreateSchedule" => schedules::create(world, caller, parse(operation, input)?),
        "UpdateSchedule" => schedules::update(world, caller, parse(operation, input)?),
        "GetSchedule" => schedules::get(world, caller, &parse(operation, input)?),
        "DeleteSchedule" => schedules::delete(world, caller, &parse(operation, input)?),
        "ListSchedules" => schedules::list(world, caller, &parse(operation, input)?),
        _ => Err(AwsError::not_in_local_aws(format!("the operation scheduler {operation}"))),
    }
}

fn parse<T: DeserializeOwned>(operation: &str, input: Value) -> Result<T, AwsError> {
    super::parse_input(Service::Scheduler, operation, input)
}

/// AWS's answer to input that its model does not allow.
fn invalid(text: impl Into<String>) -> AwsError {
    AwsError::new("ValidationException", text)
}
