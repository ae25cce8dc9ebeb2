//! Who else may invoke a function.

use super::function::{self, function_mut};
use super::functions::{FunctionInput, admit};
use crate::caller::Caller;
use crate::error::AwsError;
use crate::names::AccountId;
use crate::world::World;
use serde::Deserialize;
use serde_json::{Map, Value, json};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct AddPermissionInput {
    function_name: String,
    statement_id: String,
    action: String,
    principal: String,
    source_arn: Option<String>,
    source_account: Option<String>,
    qualifier: Option<String>,
}

pub(super) fn add(world: &mut World, caller: &Caller, input: &AddPermissionInput) -> Result<Value, AwsError> {
    let qualifier = input.qualifier.as_deref();
    let (account, name) = admit(world, caller, "lambda:AddPermission", &input.function_name, qualifier, &[])?;
    if !input.action.starts_with("lambda:") && input.action != "*" {
        let text = format!("the action `{}` is invalid: expected lambda:<action> or *", input.action);
        return Err(AwsError::new("InvalidParameterValueException", text));
    }
    let statement = statement(input, &function::arn(world, &account, &name))?;
    let policy = &mut function_mut(world, &account, &name)?.policy;
    if policy.iter().any(|other| other.get("Sid") == statement.get("Sid")) {
        let text = format!(
            "The statement id ({}) provided already exists. Please provide a new statement id, or remove the existing statement.",
            input.statement_id
        );
        return Err(AwsError::new("ResourceConflictException", text).with_status(409));
    }
    policy.push(statement.clone());
    Ok(json!({ "Statement": statement.to_string() }))
}

fn statement(input: &AddPermissionInput, arn: &str) -> Result<Value, AwsError> {
    let mut condition = Map::new();
    if let Some(account) = &input.source_account {
        condition.insert("StringEquals".to_owned(), json!({ "AWS:SourceAccount": account }));
    }
    if let Some(source) = &input.source_arn {
        condition.insert("ArnLike".to_owned(), json!({ "AWS:SourceArn": source }));
    }
    let mut statement = json!({
        "Sid": input.statement_id,
        "Effect": "Allow",
        "Principal": principal(&input.principal)?,
        "Action": input.action,
        "Resource": arn,
    });
    if let Some(members) = statement.as_object_mut().filter(|_| !condition.is_empty()) {
        members.insert("Condition".to_owned(), Value::Object(condition));
    }
    Ok(statement)
}

fn principal(text: &str) -> Result<Value, AwsError> {
    if text == "*" {
        return Ok(json!("*"));
    }
    if text.parse::<AccountId>().is_ok() {
        return Ok(json!({ "AWS": format!("arn:aws:iam::{text}:root") }));
    }
    if text.starts_with("arn:") {
        return Ok(json!({ "AWS": text }));
    }
    if text.ends_with(".amazonaws.com") {
        return Ok(json!({ "Service": text }));
    }
    let text =
        format!("The provided principal was invalid. Please check the principal and try again: {text}");
    Err(AwsError::new("InvalidParameterValueException", text))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct RemovePermissionInput {
    function_name: String,
    statement_id: String,
    qualifier: Option<String>,
}

pub(super) fn remove(
    world: &mut World,
    caller: &Caller,
    input: &RemovePermissionInput,
) -> Result<Value, AwsError> {
    let qualifier = input.qualifier.as_deref();
    let (account, name) =
        admit(world, caller, "lambda:RemovePermission", &input.function_name, qualifier, &[])?;
    let policy = &mut function_mut(world, &account, &name)?.policy;
    let before = policy.len();
    policy.retain(|statement| statement.get("Sid") != Some(&json!(input.statement_id)));
    if policy.len() == before {
        let text = format!("Statement {} is not found in resource policy.", input.statement_id);
        return Err(AwsError::new("ResourceNotFoundException", text).with_status(404));
    }
    Ok(json!({}))
}

pub(super) fn get(world: &mut World, caller: &Caller, input: &FunctionInput) -> Result<Value, AwsError> {
    let qualifier = input.qualifier.as_deref();
    let (account, name) = admit(world, caller, "lambda:GetPolicy", &input.function_name, qualifier, &[])?;
    let held = function::function(world, &account, &name)?;
    let policy = held.policy_document().ok_or_else(|| {
        let text = "The resource you requested does not exist.";
        AwsError::new("ResourceNotFoundException", text).with_status(404)
    })?;
    Ok(json!({ "Policy": policy.to_string(), "RevisionId": held.revision_id }))
}
