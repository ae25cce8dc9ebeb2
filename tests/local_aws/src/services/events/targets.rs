//! Operations on a rule's targets.

use super::bus::BusAddress;
use super::buses::{page_size, with_token};
use super::invalid;
use super::rule::{Target, is_plain_path};
use super::rules::admit;
use crate::caller::Caller;
use crate::error::AwsError;
use crate::names::Arn;
use crate::services::{iam, page, sqs};
use crate::world::World;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeSet;

const TARGETS_PER_RULE_MAX: usize = 5;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct PutTargetsInput {
    rule: String,
    event_bus_name: Option<String>,
    targets: Vec<Target>,
}

/// Adds targets, or replaces those with the same ids.
pub(super) fn put(world: &mut World, caller: &Caller, input: PutTargetsInput) -> Result<Value, AwsError> {
    let bus = input.event_bus_name.as_deref();
    let address = admit(world, caller, "events:PutTargets", bus, &input.rule)?;
    if input.targets.is_empty() {
        return Err(invalid("the list of targets is empty: expected 1 to 100"));
    }
    input.targets.iter().try_for_each(check)?;
    let passed = [("iam:PassedToService", "events.amazonaws.com")];
    for role in input.targets.iter().filter_map(|target| target.role_arn.as_deref()) {
        iam::authorize(world, caller, "iam:PassRole", role, &passed)?;
        if iam::role_of_arn(role).is_none_or(|(account, _)| account != caller.account) {
            return Err(AwsError::access_denied(
                &caller.arn(),
                "iam:PassRole",
                role,
                "the role belongs to another account",
            ));
        }
    }
    let targets = &mut address.rule_mut(world, &input.rule)?.targets;
    let ids: BTreeSet<&String> =
        targets.keys().chain(input.targets.iter().map(|target| &target.id)).collect();
    if ids.len() > TARGETS_PER_RULE_MAX {
        let text = "The requested resource exceeds the maximum number allowed.";
        return Err(AwsError::new("LimitExceededException", text));
    }
    targets.extend(input.targets.into_iter().map(|target| (target.id.clone(), target)));
    Ok(json!({ "FailedEntryCount": 0, "FailedEntries": [] }))
}

fn check(target: &Target) -> Result<(), AwsError> {
    let allowed = |character: char| character.is_ascii_alphanumeric() || matches!(character, '.' | '-' | '_');
    if target.id.is_empty() || target.id.len() > 64 || !target.id.chars().all(allowed) {
        let text = "expected 1 to 64 letters, digits, dots, hyphens and underscores";
        return Err(invalid(format!("the target id `{}` is invalid: {text}", target.id.escape_debug())));
    }
    check_arn(target)?;
    if target.input.is_some() && target.input_path.is_some() {
        return Err(invalid("Only one of Input, InputPath, or InputTransformer must be provided."));
    }
    if let Some(input) = &target.input
        && serde_json::from_str::<serde::de::IgnoredAny>(input).is_err()
    {
        return Err(invalid(format!("Parameter Input of target {} is not valid JSON.", target.id)));
    }
    if let Some(path) = target.input_path.as_ref().filter(|path| !is_plain_path(path)) {
        return Err(AwsError::not_in_local_aws(format!("the InputPath {path}: only plain names, $.a.b")));
    }
    if let Some(queue) = target.dead_letter_config.as_ref().and_then(|config| config.arn.as_deref()) {
        sqs::Address::of_arn(queue)
            .map_err(|_| invalid(format!("the dead-letter queue {queue} is not a standard SQS queue")))?;
    }
    target.retry_policy.as_ref().map_or(Ok(()), super::rule::RetryPolicy::check)
}

fn check_arn(target: &Target) -> Result<(), AwsError> {
    let arn = Arn::parse(&target.arn);
    let service = arn.as_ref().map(|arn| arn.service.as_str());
    match service {
        Some("sqs" | "lambda" | "sns") => Ok(()),
        Some("codepipeline") => match &target.role_arn {
            Some(_) => Ok(()),
            None => Err(invalid(format!("RoleArn is required for target {}.", target.arn))),
        },
        Some("events") if BusAddress::of_arn(&target.arn).is_some() => match &target.role_arn {
            Some(_) => Ok(()),
            None => Err(invalid(format!("RoleArn is required for target {}.", target.arn))),
        },
        Some(other) => {
            Err(AwsError::not_in_local_aws(format!("rule targets of {other}, such as {}", target.arn)))
        }
        None => Err(invalid(format!(
            "Parameter {} is not valid. Reason: Provided Arn is not in correct format.",
            target.arn
        ))),
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct RemoveTargetsInput {
    rule: String,
    event_bus_name: Option<String>,
    ids: Vec<String>,
    #[serde(default, rename = "Force")]
    _force: bool,
}

pub(super) fn remove(
    world: &mut World,
    caller: &Caller,
    input: &RemoveTargetsInput,
) -> Result<Value, AwsError> {
    let bus = input.event_bus_name.as_deref();
    let address = admit(world, caller, "events:RemoveTargets", bus, &input.rule)?;
    let targets = &mut address.rule_mut(world, &input.rule)?.targets;
    targets.retain(|id, _| !input.ids.contains(id));
    Ok(json!({ "FailedEntryCount": 0, "FailedEntries": [] }))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct ListTargetsByRuleInput {
    rule: String,
    event_bus_name: Option<String>,
    next_token: Option<String>,
    limit: Option<usize>,
}

pub(super) fn list(
    world: &mut World,
    caller: &Caller,
    input: &ListTargetsByRuleInput,
) -> Result<Value, AwsError> {
    let bus = input.event_bus_name.as_deref();
    let address = admit(world, caller, "events:ListTargetsByRule", bus, &input.rule)?;
    let targets = address.rule(world, &input.rule)?.targets.values();
    let size = page_size(input.limit)?;
    let (targets, next) = page::page(targets, size, input.next_token.as_deref(), "ValidationException")?;
    Ok(with_token(json!({ "Targets": targets }), next))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct ListRuleNamesByTargetInput {
    target_arn: String,
    event_bus_name: Option<String>,
    next_token: Option<String>,
    limit: Option<usize>,
}

pub(super) fn rule_names(
    world: &mut World,
    caller: &Caller,
    input: &ListRuleNamesByTargetInput,
) -> Result<Value, AwsError> {
    let bus = input.event_bus_name.as_deref();
    let address = admit(world, caller, "events:ListRuleNamesByTarget", bus, "*")?;
    let rules = address.bus(world)?.rules.iter();
    let names = rules
        .filter(|(_, rule)| rule.targets.values().any(|target| target.arn == input.target_arn))
        .map(|(name, _)| name);
    let size = page_size(input.limit)?;
    let (names, next) = page::page(names, size, input.next_token.as_deref(), "ValidationException")?;
    Ok(with_token(json!({ "RuleNames": names }), next))
}
