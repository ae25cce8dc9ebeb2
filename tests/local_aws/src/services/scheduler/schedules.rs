//! Operations on schedules.

use super::fire::wind_up;
use super::invalid;
use super::schedule::{Schedule, Target, arn};
use crate::caller::Caller;
use crate::clock::epoch;
use crate::error::AwsError;
use crate::names::{AccountId, Arn};
use crate::services::{Service, events, iam, page, sqs};
use crate::world::World;
use serde::Deserialize;
use serde_json::{Value, json};

const PAGE_MAX: usize = 100;
const PRINCIPAL: &str = "scheduler.amazonaws.com";

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct ScheduleInput {
    name: String,
    group_name: Option<String>,
    schedule_expression: String,
    schedule_expression_timezone: Option<String>,
    description: Option<String>,
    state: Option<String>,
    flexible_time_window: FlexibleTimeWindow,
    target: Target,
    /// Only guards against repeated requests: creating again is a conflict anyway, updating again changes
    /// nothing.
    #[serde(rename = "ClientToken")]
    _client_token: Option<String>,
    action_after_completion: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct FlexibleTimeWindow {
    mode: String,
}

pub(super) fn create(world: &mut World, caller: &Caller, input: ScheduleInput) -> Result<Value, AwsError> {
    let name = input.name.clone();
    let arn = admit(world, caller, "scheduler:CreateSchedule", input.group_name.as_deref(), &name)?;
    let schedule = checked(world, caller, input)?;
    let schedules = &mut world.account_mut(&caller.account)?.scheduler.schedules;
    if schedules.contains_key(&name) {
        let text = format!("Schedule {name} already exists.");
        return Err(AwsError::new("ConflictException", text).with_status(409));
    }
    schedules.insert(name.clone(), schedule);
    // A rate begins at once when no start date says otherwise.
    let at_once = crate::clock::seconds(world.settings.timing.event_delivery);
    wind_up(world, &caller.account, &name, at_once);
    Ok(json!({ "ScheduleArn": arn }))
}

/// Replaces everything that a schedule says, also what the request leaves out.
pub(super) fn update(world: &mut World, caller: &Caller, input: ScheduleInput) -> Result<Value, AwsError> {
    let name = input.name.clone();
    let arn = admit(world, caller, "scheduler:UpdateSchedule", input.group_name.as_deref(), &name)?;
    let created = schedule(world, &caller.account, &name)?.created;
    let schedule = Schedule { created, ..checked(world, caller, input)? };
    let interval = events::rate(Service::Scheduler, &schedule.expression)?;
    world.account_mut(&caller.account)?.scheduler.schedules.insert(name.clone(), schedule);
    wind_up(world, &caller.account, &name, interval);
    Ok(json!({ "ScheduleArn": arn }))
}

fn checked(world: &World, caller: &Caller, input: ScheduleInput) -> Result<Schedule, AwsError> {
    let plain = |character: char| character.is_ascii_alphanumeric() || matches!(character, '.' | '-' | '_');
    if input.name.is_empty() || input.name.len() > 64 || !input.name.chars().all(plain) {
        let text = "expected 1 to 64 letters, digits, dots, hyphens and underscores";
        return Err(invalid(format!("the schedule name `{}` is invalid: {text}", input.name.escape_debug())));
    }
    events::rate(Service::Scheduler, &input.schedule_expression)?;
    if input.flexible_time_window.mode != "OFF" {
        let mode = input.flexible_time_window.mode;
        return Err(AwsError::not_in_local_aws(format!("the FlexibleTimeWindow mode {mode}")));
    }
    if let Some(action) = input.action_after_completion.filter(|action| action != "NONE") {
        return Err(AwsError::not_in_local_aws(format!("ActionAfterCompletion {action}")));
    }
    let enabled = match input.state.as_deref() {
        None | Some("ENABLED") => true,
        Some("DISABLED") => false,
        Some(other) => {
            return Err(invalid(format!("the state `{other}` is invalid: expected ENABLED or DISABLED")));
        }
    };
    check_target(world, caller, &input.target)?;
    let now = world.now();
    Ok(Schedule {
        expression: input.schedule_expression,
        time_zone: input.schedule_expression_timezone.unwrap_or_else(|| "UTC".to_owned()),
        description: input.description,
        enabled,
        target: input.target,
        created: now,
        modified: now,
    })
}

fn check_target(world: &World, caller: &Caller, target: &Target) -> Result<(), AwsError> {
    match Arn::parse(&target.arn) {
        Some(arn) if arn.service == "sqs" || (arn.service == "lambda" && !arn.region.is_empty()) => {}
        Some(_) => {
            return Err(AwsError::not_in_local_aws(format!(
                "the schedule target {}: only SQS and Lambda",
                target.arn
            )));
        }
        None => return Err(invalid(format!("Provided Arn is not in correct format: {}", target.arn))),
    }
    if let Some(queue) = target.dead_letter_config.as_ref().and_then(|config| config.arn.as_deref()) {
        sqs::Address::of_arn(queue)
            .map_err(|_| invalid(format!("the dead-letter queue {queue} is not a standard SQS queue")))?;
    }
    if let Some(policy) = &target.retry_policy {
        policy.check()?;
    }
    let passed = [("iam:PassedToService", PRINCIPAL)];
    iam::authorize(world, caller, "iam:PassRole", &target.role_arn, &passed)?;
    iam::check_service_role(world, &caller.account, &target.role_arn, PRINCIPAL).map_err(|_| {
        invalid("The execution role you provide must allow AWS EventBridge Scheduler to assume the role.")
    })
}

/// Finds out the ARN and lets the caller in.
fn admit(
    world: &World,
    caller: &Caller,
    action: &str,
    group: Option<&str>,
    name: &str,
) -> Result<String, AwsError> {
    if let Some(group) = group.filter(|group| *group != "default") {
        return Err(AwsError::not_in_local_aws(format!("the schedule group {group}: only `default`")));
    }
    let arn = arn(world, &caller.account, name);
    iam::authorize(world, caller, action, &arn, &[])?;
    Ok(arn)
}

fn schedule<'a>(world: &'a World, account: &AccountId, name: &str) -> Result<&'a Schedule, AwsError> {
    world.account(account)?.scheduler.schedules.get(name).ok_or_else(|| {
        let text = format!("Schedule {name} does not exist.");
        AwsError::new("ResourceNotFoundException", text).with_status(404)
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct NameInput {
    name: String,
    group_name: Option<String>,
    #[serde(rename = "ClientToken")]
    _client_token: Option<String>,
}

pub(super) fn get(world: &mut World, caller: &Caller, input: &NameInput) -> Result<Value, AwsError> {
    let group = input.group_name.as_deref();
    let arn = admit(world, caller, "scheduler:GetSchedule", group, &input.name)?;
    let schedule = schedule(world, &caller.account, &input.name)?;
    let mut shown = json!({
        "Arn": arn,
        "Name": input.name,
        "GroupName": "default",
        "ScheduleExpression": schedule.expression,
        "ScheduleExpressionTimezone": schedule.time_zone,
        "State": state(schedule),
        "FlexibleTimeWindow": { "Mode": "OFF" },
        "ActionAfterCompletion": "NONE",
        "Target": schedule.target,
        "CreationDate": epoch(schedule.created),
        "LastModificationDate": epoch(schedule.modified),
    });
    if let (Some(members), Some(description)) = (shown.as_object_mut(), &schedule.description) {
        members.insert("Description".to_owned(), json!(description));
    }
    Ok(shown)
}

fn state(schedule: &Schedule) -> &'static str {
    if schedule.enabled { "ENABLED" } else { "DISABLED" }
}

pub(super) fn delete(world: &mut World, caller: &Caller, input: &NameInput) -> Result<Value, AwsError> {
    let group = input.group_name.as_deref();
    admit(world, caller, "scheduler:DeleteSchedule", group, &input.name)?;
    schedule(world, &caller.account, &input.name)?;
    world.account_mut(&caller.account)?.scheduler.schedules.remove(&input.name);
    wind_up(world, &caller.account, &input.name, chrono::Duration::zero());
    Ok(json!({}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct ListSchedulesInput {
    group_name: Option<String>,
    #[serde(default)]
    name_prefix: String,
    state: Option<String>,
    next_token: Option<String>,
    max_results: Option<usize>,
}

pub(super) fn list(
    world: &mut World,
    caller: &Caller,
    input: &ListSchedulesInput,
) -> Result<Value, AwsError> {
    admit(world, caller, "scheduler:ListSchedules", input.group_name.as_deref(), "*")?;
    let size = input.max_results.unwrap_or(PAGE_MAX);
    if !(1..=PAGE_MAX).contains(&size) {
        return Err(invalid(format!("MaxResults {size} is invalid: expected 1 to {PAGE_MAX}")));
    }
    let schedules = world.account(&caller.account)?.scheduler.schedules.iter();
    let shown = schedules
        .filter(|(name, _)| name.starts_with(&input.name_prefix))
        .filter(|(_, schedule)| input.state.as_ref().is_none_or(|wanted| wanted == state(schedule)))
        .map(|(name, schedule)| {
            json!({
                "Arn": arn(world, &caller.account, name),
                "Name": name,
                "GroupName": "default",
                "State": state(schedule),
                "Target": { "Arn": schedule.target.arn },
                "CreationDate": epoch(schedule.created),
                "LastModificationDate": epoch(schedule.modified),
            })
        });
    let (schedules, next) = page::page(shown, size, input.next_token.as_deref(), "ValidationException")?;
    let mut answer = json!({ "Schedules": schedules });
    if let (Some(members), Some(next)) = (answer.as_object_mut(), next) {
        members.insert("NextToken".to_owned(), json!(next));
    }
    Ok(answer)
}
