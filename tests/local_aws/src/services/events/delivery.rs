//! The way of an event: from its source to a bus, from the bus by its rules to targets, and from there to
//! dead-letter queues.

use super::bus::BusAddress;
use super::rule::{Target, select};
use super::{Timer, Undelivered, pattern, put_events};
use crate::caller::Caller;
use crate::clock::seconds;
use crate::error::AwsError;
use crate::faults::EventFaultKind;
use crate::names::AccountId;
use crate::names::Arn;
use crate::services::{Timer as AnyTimer, codepipeline, iam, lambda, sns, sqs};
use crate::world::World;
use serde_json::Value;
use std::collections::BTreeMap;

const PRINCIPAL: &str = "events.amazonaws.com";

/// How many lost events are remembered.
const UNDELIVERED_KEPT_MAX: usize = 10_000;

/// Sends an event on its way to a bus, with the faults that were ordered for it.
pub(super) fn send(world: &mut World, account: &AccountId, bus: &str, event: &Value) {
    let source = event.get("source").and_then(Value::as_str).unwrap_or_default().to_owned();
    let usual = seconds(world.settings.timing.event_delivery);
    let arrivals = match world.faults.for_event(&source) {
        None => vec![usual],
        Some(EventFaultKind::Drop) => Vec::new(),
        Some(EventFaultKind::Duplicate) => vec![usual, usual],
        Some(EventFaultKind::Delay(late)) => vec![usual + seconds(late)],
    };
    for after in arrivals {
        let timer = Timer::Arrive { bus: bus.to_owned(), event: event.clone(), forwarded: false };
        world.set_timer(account, after, AnyTimer::Events(timer));
    }
}

/// Hands an event to the targets of every rule of the bus that matches it.
pub(super) fn arrived(world: &mut World, account: &AccountId, bus: &str, event: &Value, forwarded: bool) {
    let address = BusAddress { account: account.clone(), name: bus.to_owned() };
    let Ok(bus) = address.bus(world) else { return };
    let text = event.to_string();
    let matching: Vec<String> = bus
        .rules
        .iter()
        .filter(|(_, rule)| rule.enabled)
        .filter(|(_, rule)| rule.pattern.as_ref().is_some_and(|rule| pattern::matches(rule, &text)))
        .map(|(name, _)| name.clone())
        .collect();
    for rule in matching {
        to_targets(world, &address, &rule, event, forwarded);
    }
}

/// Why a target did not get its event.
struct Refused {
    code: &'static str,
    message: String,
}

impl From<AwsError> for Refused {
    fn from(error: AwsError) -> Self {
        let code = match error.code.as_str() {
            "AccessDeniedException" | "AuthorizationError" => "NO_PERMISSIONS",
            "NotFound"
            | "QueueDoesNotExist"
            | "ResourceNotFoundException"
            | "UnrecognizedClientException" => "NO_RESOURCE",
            "InvalidParameterValue" | "InvalidMessageContents" => "INVALID_PARAMETER",
            _ => "ERROR_FROM_TARGET",
        };
        Self { code, message: error.message }
    }
}

/// Hands an event to every target of one rule.
pub(super) fn to_targets(world: &mut World, bus: &BusAddress, rule: &str, event: &Value, forwarded: bool) {
    let Ok(targets) = bus.rule(world, rule).map(|rule| rule.targets.clone()) else { return };
    let rule_arn = bus.rule_arn(world, rule);
    for target in targets.values() {
        if let Err(refused) = to_target(world, bus, &rule_arn, target, event, forwarded) {
            to_dead_letters(world, bus, &rule_arn, target, event, refused);
        }
    }
}

fn to_target(
    world: &mut World,
    bus: &BusAddress,
    rule_arn: &str,
    target: &Target,
    event: &Value,
    forwarded: bool,
) -> Result<(), Refused> {
    let body = input(target, event)?;
    let caller = match &target.role_arn {
        Some(role) => {
            iam::service_session(world, &bus.account, role, PRINCIPAL, rule_arn).ok_or_else(|| {
                let message = format!("EventBridge cannot assume the role {role}");
                Refused { code: "NO_PERMISSIONS", message }
            })?
        }
        None => Caller::service(&bus.account, PRINCIPAL),
    };
    if let Some(next) = BusAddress::of_arn(&target.arn) {
        return forward(world, &caller, &next, event, forwarded);
    }
    if target.arn.starts_with("arn:aws:lambda:") {
        lambda::invoke_asynchronously_for(world, &caller, &target.arn, body, Some(rule_arn))?;
    } else if let Some(pipeline) = Arn::parse(&target.arn).filter(|arn| arn.service == "codepipeline") {
        codepipeline::start_for_rule(world, &caller, &pipeline, rule_arn)?;
    } else if target.arn.starts_with("arn:aws:sns:") {
        sns::publish(world, &caller, &target.arn, rule_arn, body)?;
    } else {
        let delivery = sqs::Delivery { body, source_arn: Some(rule_arn), ..sqs::Delivery::default() };
        sqs::deliver_for(world, &caller, &target.arn, delivery)?;
    }
    Ok(())
}

/// What the target is told: the event, a part of it, or a constant.
fn input(target: &Target, event: &Value) -> Result<String, Refused> {
    match (&target.input, &target.input_path) {
        (Some(input), _) => Ok(input.clone()),
        (None, None) => Ok(event.to_string()),
        (None, Some(path)) => select(path, event).map(Value::to_string).ok_or_else(|| Refused {
            code: "INVALID_PARAMETER",
            message: format!("the event has nothing at the InputPath {path}"),
        }),
    }
}

/// Hands an event to another bus, as it is. It goes one hop and no further.
fn forward(
    world: &mut World,
    caller: &Caller,
    next: &BusAddress,
    event: &Value,
    forwarded: bool,
) -> Result<(), Refused> {
    if forwarded {
        return Err(Refused {
            code: "THIRD_ACCOUNT_HOP_DETECTED",
            message: "an event that was forwarded once is not forwarded again".to_owned(),
        });
    }
    next.bus(world)?;
    let member = |name: &str| event.get(name).and_then(Value::as_str);
    put_events::admit(world, caller, next, member("source"), member("detail-type"))?;
    let timer = Timer::Arrive { bus: next.name.clone(), event: event.clone(), forwarded: true };
    let after = seconds(world.settings.timing.event_delivery);
    world.set_timer(&next.account, after, AnyTimer::Events(timer));
    Ok(())
}

fn to_dead_letters(
    world: &mut World,
    bus: &BusAddress,
    rule_arn: &str,
    target: &Target,
    event: &Value,
    refused: Refused,
) {
    let queue = target.dead_letter_config.as_ref().and_then(|config| config.arn.clone());
    let mut lost = Undelivered {
        event_id: event.get("id").and_then(Value::as_str).unwrap_or_default().to_owned(),
        rule_arn: rule_arn.to_owned(),
        target_arn: target.arn.clone(),
        error_code: refused.code.to_owned(),
        error_message: refused.message,
    };
    let Some(queue) = queue else {
        note_undelivered(world, &bus.account, lost);
        return;
    };
    // Nothing here is worth another try, so no attempts were made and no condition was exhausted.
    let attributes = [
        ("RULE_ARN", rule_arn),
        ("TARGET_ARN", &target.arn),
        ("ERROR_CODE", &lost.error_code),
        ("ERROR_MESSAGE", &lost.error_message),
        ("RETRY_ATTEMPTS", "0"),
    ];
    let attributes: BTreeMap<_, _> = attributes
        .map(|(name, value)| (name.to_owned(), sqs::MessageAttribute::text(value)))
        .into_iter()
        .collect();
    let delivery = sqs::Delivery { body: event.to_string(), attributes, source_arn: Some(rule_arn) };
    let caller = Caller::service(&bus.account, PRINCIPAL);
    if let Err(error) = sqs::deliver_for(world, &caller, &queue, delivery) {
        lost.error_message = format!("{}; and the dead-letter queue: {}", lost.error_message, error.message);
        note_undelivered(world, &bus.account, lost);
    }
}

/// Remembers an event that AWS would lose in silence.
pub(super) fn note_undelivered(world: &mut World, account: &AccountId, lost: Undelivered) {
    if let Ok(state) = world.account_mut(account) {
        let kept = &mut state.events.undelivered;
        if kept.len() >= UNDELIVERED_KEPT_MAX {
            kept.remove(0);
        }
        kept.push(lost);
    }
}
