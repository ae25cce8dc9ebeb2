//! AWS CloudFormation: stacks of the project's own templates, SAM's functions included. A stack is made, changed
//! and deleted at once: when the request is answered, its status is final.

mod change_sets;
mod describe;
mod engine;
mod intrinsics;
mod operations;
mod order;
mod parameters;
mod plan;
mod properties;
mod resources;
mod sam;
mod stack;
mod template;
#[cfg(test)]
mod tests;
mod yaml;

use crate::caller::Caller;
use crate::error::AwsError;
use crate::names::AccountId;
use crate::services::{Service, parse_input};
use crate::world::World;
use intrinsics::Place;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use stack::Stack;
use std::collections::BTreeMap;
use std::path::Path;

/// What one account holds of this service.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct State {
    /// By name.
    stacks: BTreeMap<String, Stack>,
    /// Oldest first.
    deleted: Vec<Stack>,
}

/// The longest template that a request can carry; a longer one comes from S3, as `sam deploy` does it.
const TEMPLATE_BODY_BYTES_MAX: usize = 51_200;

/// Carries out one operation.
pub(crate) fn call(
    world: &mut World,
    caller: &Caller,
    operation: &str,
    input: Value,
) -> Result<Value, AwsError> {
    let body = input.get("TemplateBody").and_then(Value::as_str);
    if let Some(bytes) = body.map(str::len).filter(|bytes| *bytes > TEMPLATE_BODY_BYTES_MAX) {
        let text = format!(
            "1 validation error detected: the templateBody has {bytes} bytes; Member must have length less than or \
             equal to {TEMPLATE_BODY_BYTES_MAX}"
        );
        return Err(AwsError::new("ValidationError", text));
    }
    carry_out(world, caller, operation, input)
}

fn carry_out(world: &mut World, caller: &Caller, operation: &str, input: Value) -> Result<Value, AwsError> {
    match operation {
        "CreateStack" => operations::create_stack(world, caller, input),
        "UpdateStack" => operations::update_stack(world, caller, input),
        "DeleteStack" => operations::delete_stack(world, caller, input),
        "DescribeStacks" => describe::describe_stacks(world, caller, input),
        "DescribeStackResources" => describe::describe_stack_resources(world, caller, input),
        "ListStackResources" => describe::list_stack_resources(world, caller, input),
        "DescribeStackEvents" => describe::describe_stack_events(world, caller, input),
        "ListStacks" => describe::list_stacks(world, caller, input),
        "ListExports" => describe::list_exports(world, caller, input),
        "GetTemplate" => describe::get_template(world, caller, input),
        "GetTemplateSummary" => describe::get_template_summary(world, caller, input),
        "ValidateTemplate" => describe::validate_template(world, caller, input),
        "CreateChangeSet" => change_sets::create_change_set(world, caller, input),
        "DescribeChangeSet" => change_sets::describe_change_set(world, caller, input),
        "ListChangeSets" => change_sets::list_change_sets(world, caller, input),
        "ExecuteChangeSet" => change_sets::execute_change_set(world, caller, input),
        "DeleteChangeSet" => change_sets::delete_change_set(world, caller, input),
        _ => Err(AwsError::not_in_local_aws(format!("the operation cloudformation {operation}"))),
    }
}

/// Deploys a template in the name of the account's administrator, as if it came from S3: makes the stack, or updates it, or, when it
/// says what is there already, takes the functions' executables in again. Of a stack that is there, parameters
/// that are not given keep their values. Functions come from
/// `functions_directory`, in which each executable bears its `Binary`'s name.
///
/// # Errors
/// What the template does wrong, or why the stack was rolled back.
pub fn deploy(
    world: &mut World,
    account: &AccountId,
    stack_name: &str,
    template_text: &str,
    parameters: &BTreeMap<String, String>,
    functions_directory: &Path,
) -> Result<(), AwsError> {
    world.settings.functions_directory = Some(functions_directory.to_owned());
    let caller = Caller::administrator(account);
    let there = world.account(account)?.cloudformation.stacks.get(stack_name);
    let exists = there.is_some();
    let kept = there.into_iter().flat_map(|stack| stack.parameters.keys());
    let declared = template::Template::parse(template_text)?.parameters;
    let kept = kept.filter(|key| !parameters.contains_key(*key) && declared.contains_key(*key));
    let given: Vec<Value> = parameters
        .iter()
        .map(|(key, value)| json!({"ParameterKey": key, "ParameterValue": value}))
        .chain(kept.map(|key| json!({"ParameterKey": key, "UsePreviousValue": true})))
        .collect();
    let input = json!({
        "StackName": stack_name,
        "TemplateBody": template_text,
        "Parameters": given,
        "Capabilities": ["CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"],
    });
    let operation = if exists { "UpdateStack" } else { "CreateStack" };
    match carry_out(world, &caller, operation, input) {
        Err(error) if error.message == "No updates are to be performed." => {
            operations::take_executables_in(world, &caller, stack_name)?;
        }
        other => {
            other?;
        }
    }
    let stack = find(world, &caller, stack_name)?;
    if matches!(stack.status.as_str(), "CREATE_COMPLETE" | "UPDATE_COMPLETE") {
        return Ok(());
    }
    let reason = stack.reason.as_deref().unwrap_or("no reason was noted");
    Err(AwsError::new("StackFailed", format!("the stack {stack_name} is {}: {reason}", stack.status)))
}

/// A stack by its name, or by its id also after it was deleted.
fn find<'a>(world: &'a World, caller: &Caller, name: &str) -> Result<&'a Stack, AwsError> {
    let state = &world.account(&caller.account)?.cloudformation;
    state
        .stacks
        .get(name)
        .or_else(|| state.stacks.values().chain(&state.deleted).find(|stack| stack.id == name))
        .ok_or_else(|| no_such_stack(name))
}

fn find_mut<'a>(world: &'a mut World, caller: &Caller, id: &str) -> Result<&'a mut Stack, AwsError> {
    let stacks = world.account_mut(&caller.account)?.cloudformation.stacks.values_mut();
    stacks.into_iter().find(|stack| stack.id == id).ok_or_else(|| no_such_stack(id))
}

fn no_such_stack(name: &str) -> AwsError {
    AwsError::new("ValidationError", format!("Stack with id {name} does not exist"))
}

/// Where a stack of this name and id lies.
fn place(world: &World, caller: &Caller, stack_name: &str, stack_id: &str) -> Place {
    Place {
        account: caller.account.clone(),
        region: world.region.clone(),
        stack_name: stack_name.to_owned(),
        stack_id: stack_id.to_owned(),
        exports: exports(world, &caller.account),
    }
}

/// The exports of all stacks of an account.
fn exports(world: &World, account: &AccountId) -> BTreeMap<String, String> {
    let stacks = world.account(account).map(|state| state.cloudformation.stacks.values());
    stacks
        .into_iter()
        .flatten()
        .flat_map(exports_of)
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

fn exports_of(stack: &Stack) -> impl Iterator<Item = (&String, &String)> {
    stack.outputs.iter().filter_map(|output| Some((output.export.as_ref()?, &output.value)))
}

fn stack_arn(world: &World, caller: &Caller, name: &str, unique: &str) -> String {
    world.arn("cloudformation", &caller.account, &format!("stack/{name}/{unique}"))
}

fn parse<T: DeserializeOwned>(operation: &str, input: Value) -> Result<T, AwsError> {
    parse_input(Service::CloudFormation, operation, input)
}
