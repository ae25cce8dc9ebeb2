//! Operations on rules, and scheduled rules.

use super::bus::BusAddress;
use super::buses::{Tag, page_size, with_token};
use super::rule::{self, Rule};
use super::{DEFAULT_BUS, ServiceEvent, Timer, delivery, envelope, invalid, pattern};
use crate::caller::Caller;
use crate::error::AwsError;
use crate::names::AccountId;
use crate::services::{Service, Timer as AnyTimer, iam, page};
use crate::world::World;
use serde::Deserialize;
use serde_json::{Map, Value, json};

const RULES_PER_BUS_MAX: usize = 300;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct PutRuleInput {
    name: String,
    schedule_expression: Option<String>,
    event_pattern: Option<String>,
    state: Option<String>,
    description: Option<String>,
    role_arn: Option<String>,
    #[serde(default)]
    tags: Vec<Tag>,
    event_bus_name: Option<String>,
}

/// Makes a rule or replaces all but its targets and tags.
pub(super) fn put(world: &mut World, caller: &Caller, input: PutRuleInput) -> Result<Value, AwsError> {
    check_name(&input.name)?;
    let address = BusAddress::own(input.event_bus_name.as_deref(), caller)?;
    let arn = address.rule_arn(world, &input.name);
    iam::authorize(world, caller, "events:PutRule", &arn, &[])?;
    let enabled = match input.state.as_deref() {
        None | Some("ENABLED") => true,
        Some("DISABLED") => false,
        Some(other) => return Err(AwsError::not_in_local_aws(format!("the rule state {other}"))),
    };
    if input.event_pattern.is_none() && input.schedule_expression.is_none() {
        return Err(invalid("Parameter(s) EventPattern or ScheduleExpression must be specified."));
    }
    if let Some(text) = &input.event_pattern {
        pattern::check(text)?;
    }
    if let Some(expression) = &input.schedule_expression {
        if address.name != DEFAULT_BUS {
            return Err(invalid("ScheduleExpression is supported only on the default event bus."));
        }
        rule::rate(Service::Events, expression)?;
    }
    let bus = address.bus_mut(world)?;
    if !bus.rules.contains_key(&input.name) && bus.rules.len() >= RULES_PER_BUS_MAX {
        let text = "The requested resource exceeds the maximum number allowed.";
        return Err(AwsError::new("LimitExceededException", text));
    }
    let old = bus.rules.remove(&input.name).unwrap_or_default();
    let mut tags = old.tags;
    tags.extend(input.tags.into_iter().map(|tag| (tag.key, tag.value)));
    let new = Rule {
        pattern: input.event_pattern,
        schedule: input.schedule_expression,
        enabled,
        description: input.description,
        role_arn: input.role_arn,
        tags,
        targets: old.targets,
    };
    bus.rules.insert(input.name.clone(), new);
    wind_up(world, &address, &input.name);
    Ok(json!({ "RuleArn": arn }))
}

fn check_name(name: &str) -> Result<(), AwsError> {
    let allowed = |character: char| character.is_ascii_alphanumeric() || matches!(character, '.' | '-' | '_');
    if !name.is_empty() && name.len() <= 64 && name.chars().all(allowed) {
        return Ok(());
    }
    let text = "expected 1 to 64 letters, digits, dots, hyphens and underscores";
    Err(invalid(format!("the rule name `{}` is invalid: {text}", name.escape_debug())))
}

/// Sets the timer of a scheduled rule anew, one interval from now.
fn wind_up(world: &mut World, address: &BusAddress, name: &str) {
    if address.name != DEFAULT_BUS {
        return;
    }
    let timer = Timer::Fire { rule: name.to_owned() };
    world
        .forget_timers(&address.account, |other| matches!(other, AnyTimer::Events(other) if *other == timer));
    let rule = address.rule(world, name).ok().filter(|rule| rule.enabled);
    let span = rule.and_then(|rule| rule.schedule.as_deref());
    if let Some(Ok(span)) = span.map(|expression| rule::rate(Service::Events, expression)) {
        world.set_timer(&address.account, span, AnyTimer::Events(timer));
    }
}

/// A scheduled rule fires: its own targets get an event that no pattern is asked about.
pub(super) fn fire(world: &mut World, account: &AccountId, name: &str) {
    let address = BusAddress { account: account.clone(), name: DEFAULT_BUS.to_owned() };
    let id = world.ids.uuid();
    let event = ServiceEvent {
        source: "aws.events".to_owned(),
        detail_type: "Scheduled Event".to_owned(),
        resources: vec![address.rule_arn(world, name)],
        detail: json!({}),
    };
    let event = envelope(world, account, &id, event);
    delivery::to_targets(world, &address, name, &event, false);
    wind_up(world, &address, name);
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct RuleInput {
    name: String,
    event_bus_name: Option<String>,
}

/// Finds a rule and lets the caller in.
pub(super) fn admit(
    world: &World,
    caller: &Caller,
    action: &str,
    bus: Option<&str>,
    rule: &str,
) -> Result<BusAddress, AwsError> {
    let address = BusAddress::own(bus, caller)?;
    iam::authorize(world, caller, action, &address.rule_arn(world, rule), &[])?;
    Ok(address)
}

pub(super) fn describe(world: &mut World, caller: &Caller, input: &RuleInput) -> Result<Value, AwsError> {
    let bus = input.event_bus_name.as_deref();
    let address = admit(world, caller, "events:DescribeRule", bus, &input.name)?;
    let rule = address.rule(world, &input.name)?;
    let mut shown = shown(world, &address, &input.name, rule);
    shown.insert("CreatedBy".to_owned(), json!(address.account));
    Ok(Value::Object(shown))
}

fn shown(world: &World, address: &BusAddress, name: &str, rule: &Rule) -> Map<String, Value> {
    let mut shown = Map::from_iter([
        ("Name".to_owned(), json!(name)),
        ("Arn".to_owned(), json!(address.rule_arn(world, name))),
        ("State".to_owned(), json!(if rule.enabled { "ENABLED" } else { "DISABLED" })),
        ("EventBusName".to_owned(), json!(address.name)),
    ]);
    let optional = [
        ("EventPattern", &rule.pattern),
        ("ScheduleExpression", &rule.schedule),
        ("Description", &rule.description),
        ("RoleArn", &rule.role_arn),
    ];
    for (name, value) in optional {
        shown.extend(value.iter().map(|value| (name.to_owned(), json!(value))));
    }
    shown
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct ListRulesInput {
    #[serde(default)]
    name_prefix: String,
    event_bus_name: Option<String>,
    next_token: Option<String>,
    limit: Option<usize>,
}

pub(super) fn list(world: &mut World, caller: &Caller, input: &ListRulesInput) -> Result<Value, AwsError> {
    let address = admit(world, caller, "events:ListRules", input.event_bus_name.as_deref(), "*")?;
    let rules = address.bus(world)?.rules.iter();
    let rules = rules
        .filter(|(name, _)| name.starts_with(&input.name_prefix))
        .map(|(name, rule)| shown(world, &address, name, rule));
    let size = page_size(input.limit)?;
    let (rules, next) = page::page(rules, size, input.next_token.as_deref(), "ValidationException")?;
    Ok(with_token(json!({ "Rules": rules }), next))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct DeleteRuleInput {
    name: String,
    event_bus_name: Option<String>,
    #[serde(default, rename = "Force")]
    _force: bool,
}

/// Deletes a rule; one that is not there is no error, as in AWS.
pub(super) fn delete(world: &mut World, caller: &Caller, input: &DeleteRuleInput) -> Result<Value, AwsError> {
    let bus = input.event_bus_name.as_deref();
    let address = admit(world, caller, "events:DeleteRule", bus, &input.name)?;
    let rules = &mut address.bus_mut(world)?.rules;
    if rules.get(&input.name).is_some_and(|rule| !rule.targets.is_empty()) {
        return Err(invalid("Rule can't be deleted since it has targets."));
    }
    rules.remove(&input.name);
    wind_up(world, &address, &input.name);
    Ok(json!({}))
}

pub(super) fn enable(world: &mut World, caller: &Caller, input: &RuleInput) -> Result<Value, AwsError> {
    switch(world, caller, "events:EnableRule", input, true)
}

pub(super) fn disable(world: &mut World, caller: &Caller, input: &RuleInput) -> Result<Value, AwsError> {
    switch(world, caller, "events:DisableRule", input, false)
}

fn switch(
    world: &mut World,
    caller: &Caller,
    action: &str,
    input: &RuleInput,
    enabled: bool,
) -> Result<Value, AwsError> {
    let address = admit(world, caller, action, input.event_bus_name.as_deref(), &input.name)?;
    let rule = address.rule_mut(world, &input.name)?;
    let switched = rule.enabled != enabled;
    rule.enabled = enabled;
    if switched {
        wind_up(world, &address, &input.name);
    }
    Ok(json!({}))
}
