//! Schedules firing.

use super::schedule::{Schedule, arn};
use super::{Timer, Undelivered};
use crate::caller::Caller;
use crate::error::AwsError;
use crate::names::AccountId;
use crate::services::{Service, Timer as AnyTimer, events, lambda, sqs};
use crate::world::World;
use chrono::Duration;
use serde_json::json;
use std::collections::BTreeMap;

/// How many lost firings are remembered.
const UNDELIVERED_KEPT_MAX: usize = 10_000;

/// Makes the schedule's one timer ring after this span; a schedule that is off or gone has none.
pub(super) fn wind_up(world: &mut World, account: &AccountId, name: &str, after: Duration) {
    let timer = Timer::Fire(name.to_owned());
    world.forget_timers(account, |other| matches!(other, AnyTimer::Scheduler(other) if *other == timer));
    let schedule = world.account(account).ok().and_then(|state| state.scheduler.schedules.get(name));
    if schedule.is_some_and(|schedule| schedule.enabled) {
        world.set_timer(account, after, AnyTimer::Scheduler(timer));
    }
}

/// Hands the schedule's input to its target and sets the next timer.
pub(super) fn fire(world: &mut World, account: &AccountId, name: &str) {
    let Ok(state) = world.account(account) else { return };
    let Some(schedule) = state.scheduler.schedules.get(name).cloned() else { return };
    let input = input(world, account, name, &schedule);
    if let Err(error) = deliver(world, account, name, &schedule, input.clone()) {
        to_dead_letters(world, account, name, &schedule, input, &error);
    }
    if let Ok(interval) = events::rate(Service::Scheduler, &schedule.expression) {
        wind_up(world, account, name, interval);
    }
}

/// The target's input with Scheduler's own words filled in, or the event that Scheduler makes.
fn input(world: &mut World, account: &AccountId, name: &str, schedule: &Schedule) -> String {
    let id = world.ids.uuid();
    let arn = arn(world, account, name);
    let time = world.now().format("%Y-%m-%dT%H:%M:%SZ").to_string();
    match &schedule.target.input {
        Some(input) => input
            .replace("<aws.scheduler.schedule-arn>", &arn)
            .replace("<aws.scheduler.scheduled-time>", &time)
            .replace("<aws.scheduler.execution-id>", &id)
            .replace("<aws.scheduler.attempt-number>", "1"),
        None => json!({
            "version": "0",
            "id": id,
            "detail-type": "Scheduled Event",
            "source": "aws.scheduler",
            "account": account,
            "time": time,
            "region": world.region,
            "resources": [arn],
            "detail": "{}",
        })
        .to_string(),
    }
}

fn deliver(
    world: &mut World,
    account: &AccountId,
    name: &str,
    schedule: &Schedule,
    input: String,
) -> Result<(), AwsError> {
    let caller = caller(account, name, schedule);
    if schedule.target.arn.starts_with("arn:aws:lambda:") {
        lambda::invoke_asynchronously(world, &caller, &schedule.target.arn, input)
    } else {
        sqs::deliver(world, &caller, &schedule.target.arn, input)
    }
}

fn caller(account: &AccountId, name: &str, schedule: &Schedule) -> Caller {
    let role = schedule.target.role_arn.rsplit('/').next().unwrap_or_default();
    Caller::role(account, role, name)
}

fn to_dead_letters(
    world: &mut World,
    account: &AccountId,
    name: &str,
    schedule: &Schedule,
    input: String,
    error: &AwsError,
) {
    let queue = schedule.target.dead_letter_config.as_ref().and_then(|config| config.arn.as_deref());
    let arn = arn(world, account, name);
    let because = match queue {
        None => error.to_string(),
        Some(queue) => {
            let attributes = [
                ("SCHEDULE_ARN", arn.as_str()),
                ("TARGET_ARN", &schedule.target.arn),
                ("ERROR_CODE", &error.code),
                ("ERROR_MESSAGE", &error.message),
                ("RETRY_ATTEMPTS", "0"),
            ];
            let attributes: BTreeMap<_, _> = attributes
                .map(|(name, value)| (name.to_owned(), sqs::MessageAttribute::text(value)))
                .into_iter()
                .collect();
            let delivery = sqs::Delivery { body: input, attributes, source_arn: None };
            match sqs::deliver_for(world, &caller(account, name, schedule), queue, delivery) {
                Ok(()) => return,
                Err(second) => format!("{error}; and the dead-letter queue: {second}"),
            }
        }
    };
    if let Ok(state) = world.account_mut(account) {
        let kept = &mut state.scheduler.undelivered;
        if kept.len() >= UNDELIVERED_KEPT_MAX {
            kept.remove(0);
        }
        kept.push(Undelivered { schedule: name.to_owned(), because });
    }
}
