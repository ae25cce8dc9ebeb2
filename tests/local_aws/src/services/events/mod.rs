//! Amazon EventBridge: buses, rules, and the way of events to their targets.

mod bus;
mod buses;
mod delivery;
mod pattern;
mod permissions;
mod put_events;
mod rule;
mod rules;
mod targets;
#[cfg(test)]
mod tests;

use super::Service;
use crate::caller::Caller;
use crate::error::AwsError;
use crate::names::AccountId;
use crate::world::World;
use bus::Bus;
pub(crate) use rule::{DeadLetterConfig, RetryPolicy, rate};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// The bus that every account has and that AWS's services emit on.
pub(crate) const DEFAULT_BUS: &str = "default";

/// What one account holds of this service.
#[derive(Debug, Serialize, Deserialize)]
pub struct State {
    buses: BTreeMap<String, Bus>,
    undelivered: Vec<Undelivered>,
}

impl Default for State {
    fn default() -> Self {
        Self { buses: BTreeMap::from([(DEFAULT_BUS.to_owned(), Bus::default())]), undelivered: Vec::new() }
    }
}

impl State {
    /// Events that could reach neither their target nor a dead-letter queue, oldest first.
    pub fn undelivered(&self) -> &[Undelivered] {
        &self.undelivered
    }
}

/// An event that was lost on its way: AWS would drop it in silence.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Undelivered {
    /// The event's id.
    pub event_id: String,
    /// The rule that matched it, or the bus that is not there.
    pub rule_arn: String,
    /// Where it should have gone; empty for a bus that is not there.
    pub target_arn: String,
    /// EventBridge's error code, such as `NO_PERMISSIONS`.
    pub error_code: String,
    /// What was wrong.
    pub error_message: String,
}

/// What this service asked to be woken for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Timer {
    /// An event arrives at a bus.
    Arrive {
        /// The bus's name.
        bus: String,
        /// The whole envelope.
        event: Value,
        /// It was forwarded from another bus, so it is not forwarded again.
        forwarded: bool,
    },
    /// A scheduled rule fires.
    Fire {
        /// The rule's name, on the default bus.
        rule: String,
    },
}

/// Goes on where a timer was set.
pub(crate) fn due(world: &mut World, account: &AccountId, timer: Timer) {
    match timer {
        Timer::Arrive { bus, event, forwarded } => delivery::arrived(world, account, &bus, &event, forwarded),
        Timer::Fire { rule } => rules::fire(world, account, &rule),
    }
}

/// Carries out one operation.
pub(crate) fn call(
    world: &mut World,
    caller: &Caller,
    operation: &str,
    input: Value,
) -> Result<Value, AwsError> {
    match operation {
        "CreateEventBus" => buses::create(world, caller, parse(operation, input)?),
        "DescribeEventBus" => buses::describe(world, caller, &parse(operation, input)?),
        "ListEventBuses" => buses::list(world, caller, &parse(operation, input)?),
        "DeleteEventBus" => buses::delete(world, caller, &parse(operation, input)?),
        "PutPermission" => permissions::put(world, caller, &parse(operation, input)?),
        "RemovePermission" => permissions::remove(world, caller, parse(operation, input)?),
        "PutRule" => rules::put(world, caller, parse(operation, input)?),
        "DescribeRule" => rules::describe(world, caller, &parse(operation, input)?),
        "ListRules" => rules::list(world, caller, &parse(operation, input)?),
        "DeleteRule" => rules::delete(world, caller, &parse(operation, input)?),
        "EnableRule" => rules::enable(world, caller, &parse(operation, input)?),
        "DisableRule" => rules::disable(world, caller, &parse(operation, input)?),
        "PutTargets" => targets::put(world, caller, parse(operation, input)?),
        "RemoveTargets" => targets::remove(world, caller, &parse(operation, input)?),
        "ListTargetsByRule" => targets::list(world, caller, &parse(operation, input)?),
        "ListRuleNamesByTarget" => targets::rule_names(world, caller, &parse(operation, input)?),
        "PutEvents" => put_events::put(world, caller, parse(operation, input)?),
        "TestEventPattern" => pattern::test(world, caller, &parse(operation, input)?),
        _ => Err(AwsError::not_in_local_aws(format!("the operation events {operation}"))),
    }
}

fn parse<T: DeserializeOwned>(operation: &str, input: Value) -> Result<T, AwsError> {
    super::parse_input(Service::Events, operation, input)
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
pub fn emit(world: &mut World, account: &AccountId, event: ServiceEvent) {
    let id = world.ids.uuid();
    let envelope = envelope(world, account, &id, event);
    delivery::send(world, account, DEFAULT_BUS, &envelope);
}

/// An event as rules and targets see it.
fn envelope(world: &World, account: &AccountId, id: &str, event: ServiceEvent) -> Value {
    let members = [
        ("version", json!("0")),
        ("id", json!(id)),
        ("detail-type", Value::String(event.detail_type)),
        ("source", Value::String(event.source)),
        ("account", json!(account)),
        ("time", json!(time_text(world.now()))),
        ("region", json!(world.region)),
        ("resources", json!(event.resources)),
        ("detail", event.detail),
    ];
    members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect::<Map<_, _>>().into()
}

/// A time as envelopes have it: whole seconds, UTC.
fn time_text(time: chrono::DateTime<chrono::Utc>) -> String {
    time.format("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// AWS's answer to input that its model does not allow.
fn invalid(text: impl Into<String>) -> AwsError {
    AwsError::new("ValidationException", text)
}
