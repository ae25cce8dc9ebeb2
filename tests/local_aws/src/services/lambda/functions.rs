//! Reading functions, and their reserved concurrency.

use super::function::{self, check_qualifier, function_mut, located};
use crate::caller::Caller;
use crate::error::AwsError;
use crate::names::AccountId;
use crate::services::access::{self, Resource};
use crate::services::{iam, page};
use crate::world::World;
use serde::Deserialize;
use serde_json::{Value, json};

const PAGE_MAX: usize = 50;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct FunctionInput {
    pub(super) function_name: String,
    pub(super) qualifier: Option<String>,
}

/// Finds the function and lets the caller in.
pub(super) fn admit(
    world: &World,
    caller: &Caller,
    action: &str,
    function_name: &str,
    qualifier: Option<&str>,
    context: &[(&str, &str)],
) -> Result<(AccountId, String), AwsError> {
    let (account, name) = located(function_name, &caller.account)?;
    check_qualifier(&name, qualifier)?;
    let arn = function::arn(world, &account, &name);
    let policy = function::function(world, &account, &name)?.policy_document();
    let resource = Resource { arn: &arn, owner: &account, policy: policy.as_ref() };
    access::authorize(world, caller, action, resource, context)?;
    Ok((account, name))
}

pub(super) fn get(world: &mut World, caller: &Caller, input: &FunctionInput) -> Result<Value, AwsError> {
    let qualifier = input.qualifier.as_deref();
    let (account, name) = admit(world, caller, "lambda:GetFunction", &input.function_name, qualifier, &[])?;
    let held = function::function(world, &account, &name)?;
    let mut answer = json!({
        "Configuration": held.configuration(&function::arn(world, &account, &name)),
        "Code": { "RepositoryType": "S3", "Location": format!("file://{}", held.function.executable.display()) },
    });
    if let Some(members) = answer.as_object_mut() {
        if !held.function.tags.is_empty() {
            members.insert("Tags".to_owned(), json!(held.function.tags));
        }
        if let Some(reserved) = held.function.reserved_concurrency {
            members.insert("Concurrency".to_owned(), json!({ "ReservedConcurrentExecutions": reserved }));
        }
    }
    Ok(answer)
}

pub(super) fn get_configuration(
    world: &mut World,
    caller: &Caller,
    input: &FunctionInput,
) -> Result<Value, AwsError> {
    let qualifier = input.qualifier.as_deref();
    let (account, name) =
        admit(world, caller, "lambda:GetFunctionConfiguration", &input.function_name, qualifier, &[])?;
    Ok(function::function(world, &account, &name)?.configuration(&function::arn(world, &account, &name)))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct ListFunctionsInput {
    function_version: Option<String>,
    marker: Option<String>,
    max_items: Option<usize>,
}

pub(super) fn list(world: &mut World, caller: &Caller, input: ListFunctionsInput) -> Result<Value, AwsError> {
    iam::authorize(world, caller, "lambda:ListFunctions", "*", &[])?;
    if let Some(other) = input.function_version.filter(|version| version != "ALL") {
        let text = format!("the FunctionVersion `{other}` is invalid: expected ALL");
        return Err(AwsError::new("InvalidParameterValueException", text));
    }
    let size = input.max_items.unwrap_or(PAGE_MAX).clamp(1, PAGE_MAX);
    let functions = world
        .account(&caller.account)?
        .lambda
        .functions
        .values()
        .map(|held| held.configuration(&function::arn(world, &caller.account, &held.function.name)));
    let (functions, next) =
        page::page(functions, size, input.marker.as_deref(), "InvalidParameterValueException")?;
    let mut answer = json!({ "Functions": functions });
    if let (Some(members), Some(next)) = (answer.as_object_mut(), next) {
        members.insert("NextMarker".to_owned(), json!(next));
    }
    Ok(answer)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct PutFunctionConcurrencyInput {
    function_name: String,
    reserved_concurrent_executions: u32,
}

pub(super) fn put_concurrency(
    world: &mut World,
    caller: &Caller,
    input: &PutFunctionConcurrencyInput,
) -> Result<Value, AwsError> {
    let (account, name) =
        admit(world, caller, "lambda:PutFunctionConcurrency", &input.function_name, None, &[])?;
    let reserved = input.reserved_concurrent_executions;
    if reserved > 900 {
        let text = "Specified ReservedConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below its minimum value of [100].";
        return Err(AwsError::new("InvalidParameterValueException", text));
    }
    function_mut(world, &account, &name)?.function.reserved_concurrency = Some(reserved);
    Ok(json!({ "ReservedConcurrentExecutions": reserved }))
}

pub(super) fn get_concurrency(
    world: &mut World,
    caller: &Caller,
    input: &FunctionInput,
) -> Result<Value, AwsError> {
    let (account, name) =
        admit(world, caller, "lambda:GetFunctionConcurrency", &input.function_name, None, &[])?;
    Ok(match function::function(world, &account, &name)?.function.reserved_concurrency {
        Some(reserved) => json!({ "ReservedConcurrentExecutions": reserved }),
        None => json!({}),
    })
}

pub(super) fn delete_concurrency(
    world: &mut World,
    caller: &Caller,
    input: &FunctionInput,
) -> Result<Value, AwsError> {
    let (account, name) =
        admit(world, caller, "lambda:DeleteFunctionConcurrency", &input.function_name, None, &[])?;
    function_mut(world, &account, &name)?.function.reserved_concurrency = None;
    Ok(json!({}))
}
