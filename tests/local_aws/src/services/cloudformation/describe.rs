//! Looking at stacks.

use super::stack::Stack;
use super::template::Template;
use super::{exports_of, find, parameters, parse, plan, stack_arn};
use crate::caller::Caller;
use crate::error::AwsError;
use crate::services::{form, iam, page};
use crate::world::World;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeSet;

const PAGE: usize = 100;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct StackNameInput {
    stack_name: Option<String>,
    logical_resource_id: Option<String>,
    next_token: Option<String>,
}

pub(super) fn describe_stacks(world: &mut World, caller: &Caller, input: Value) -> Result<Value, AwsError> {
    let input: StackNameInput = parse("DescribeStacks", input)?;
    let stacks: Vec<&Stack> = match &input.stack_name {
        Some(name) => vec![find(world, caller, name)?],
        None => world.account(&caller.account)?.cloudformation.stacks.values().collect(),
    };
    let arn = match stacks.as_slice() {
        [one] if input.stack_name.is_some() => one.id.clone(),
        _ => stack_arn(world, caller, "*", "*"),
    };
    iam::authorize(world, caller, "cloudformation:DescribeStacks", &arn, &[])?;
    listed("Stacks", stacks.into_iter().map(Stack::describe), input.next_token.as_deref())
}

pub(super) fn list_stacks(world: &mut World, caller: &Caller, input: Value) -> Result<Value, AwsError> {
    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "PascalCase", deny_unknown_fields)]
    struct Input {
        #[serde(default, deserialize_with = "form::list")]
        stack_status_filter: Vec<String>,
        next_token: Option<String>,
    }
    let input: Input = parse("ListStacks", input)?;
    iam::authorize(world, caller, "cloudformation:ListStacks", "*", &[])?;
    let state = &world.account(&caller.account)?.cloudformation;
    let wanted = |stack: &&Stack| {
        input.stack_status_filter.is_empty() || input.stack_status_filter.contains(&stack.status)
    };
    let stacks = state.stacks.values().chain(&state.deleted).filter(wanted).map(Stack::summary);
    listed("StackSummaries", stacks, input.next_token.as_deref())
}

pub(super) fn describe_stack_resources(
    world: &mut World,
    caller: &Caller,
    input: Value,
) -> Result<Value, AwsError> {
    let input: StackNameInput = parse("DescribeStackResources", input)?;
    let stack = named(world, caller, "DescribeStackResources", input.stack_name)?;
    let wanted = |id: &str| input.logical_resource_id.as_deref().is_none_or(|wanted| wanted == id);
    let resources: Vec<Value> = stack
        .members
        .iter()
        .filter(|member| wanted(&member.logical_id))
        .map(|member| {
            let mut shown = member.describe();
            if let Some(members) = shown.as_object_mut() {
                members.insert("StackName".to_owned(), json!(stack.name));
                members.insert("StackId".to_owned(), json!(stack.id));
                members.insert("Timestamp".to_owned(), form::time(member.at));
            }
            shown
        })
        .collect();
    Ok(json!({"StackResources": resources}))
}

pub(super) fn list_stack_resources(
    world: &mut World,
    caller: &Caller,
    input: Value,
) -> Result<Value, AwsError> {
    let input: StackNameInput = parse("ListStackResources", input)?;
    let stack = named(world, caller, "ListStackResources", input.stack_name)?;
    let resources = stack.members.iter().map(|member| {
        let mut shown = member.describe();
        if let Some(members) = shown.as_object_mut() {
            members.insert("LastUpdatedTimestamp".to_owned(), form::time(member.at));
        }
        shown
    });
    listed("StackResourceSummaries", resources, input.next_token.as_deref())
}

pub(super) fn describe_stack_events(
    world: &mut World,
    caller: &Caller,
    input: Value,
) -> Result<Value, AwsError> {
    let input: StackNameInput = parse("DescribeStackEvents", input)?;
    let stack = named(world, caller, "DescribeStackEvents", input.stack_name)?;
    listed("StackEvents", stack.describe_events(), input.next_token.as_deref())
}

pub(super) fn list_exports(world: &mut World, caller: &Caller, input: Value) -> Result<Value, AwsError> {
    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "PascalCase", deny_unknown_fields)]
    struct Input {
        next_token: Option<String>,
    }
    let input: Input = parse("ListExports", input)?;
    iam::authorize(world, caller, "cloudformation:ListExports", "*", &[])?;
    let stacks = world.account(&caller.account)?.cloudformation.stacks.values();
    let exports = stacks.flat_map(|stack| {
        exports_of(stack)
            .map(|(name, value)| json!({"ExportingStackId": stack.id, "Name": name, "Value": value}))
    });
    listed("Exports", exports, input.next_token.as_deref())
}

pub(super) fn get_template(world: &mut World, caller: &Caller, input: Value) -> Result<Value, AwsError> {
    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "PascalCase", deny_unknown_fields)]
    struct Input {
        stack_name: Option<String>,
        template_stage: Option<String>,
    }
    let input: Input = parse("GetTemplate", input)?;
    if input.template_stage.as_deref().is_some_and(|stage| stage != "Original") {
        return Err(AwsError::not_in_local_aws("GetTemplate with TemplateStage Processed"));
    }
    let stack = named(world, caller, "GetTemplate", input.stack_name)?;
    Ok(json!({"TemplateBody": stack.template, "StagesAvailable": ["Original"]}))
}

pub(super) fn validate_template(world: &mut World, caller: &Caller, input: Value) -> Result<Value, AwsError> {
    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "PascalCase", deny_unknown_fields)]
    struct Input {
        template_body: Option<String>,
    }
    let input: Input = parse("ValidateTemplate", input)?;
    iam::authorize(world, caller, "cloudformation:ValidateTemplate", "*", &[])?;
    let text = form::required("templateBody", input.template_body)?;
    let template = Template::parse(&text)?;
    let expands = template.is_serverless().then_some("CAPABILITY_AUTO_EXPAND");
    let capabilities: Vec<&str> =
        plan::capabilities(&template.resources).into_iter().chain(expands).collect();
    Ok(json!({
        "Description": template.description,
        "Parameters": parameters::describe(&template),
        "Capabilities": capabilities,
    }))
}

pub(super) fn get_template_summary(
    world: &mut World,
    caller: &Caller,
    input: Value,
) -> Result<Value, AwsError> {
    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "PascalCase", deny_unknown_fields)]
    struct Input {
        stack_name: Option<String>,
        template_body: Option<String>,
    }
    let input: Input = parse("GetTemplateSummary", input)?;
    let text = match (input.stack_name, input.template_body) {
        (Some(name), None) => named(world, caller, "GetTemplateSummary", Some(name))?.template.clone(),
        (None, Some(text)) => {
            iam::authorize(world, caller, "cloudformation:GetTemplateSummary", "*", &[])?;
            text
        }
        _ => {
            let text = "expected one of StackName and TemplateBody";
            return Err(AwsError::new("ValidationError", text));
        }
    };
    let template = Template::parse(&text)?;
    let kinds: BTreeSet<&str> = template.resources.values().map(|resource| resource.kind.as_str()).collect();
    let transforms = template.is_serverless().then_some("AWS::Serverless-2016-10-31");
    Ok(json!({
        "Description": template.description,
        "Version": "2010-09-09",
        "Parameters": parameters::describe_with_types(&template),
        "Capabilities": plan::capabilities(&template.resources).into_iter().collect::<Vec<_>>(),
        "ResourceTypes": kinds,
        "DeclaredTransforms": transforms.into_iter().collect::<Vec<_>>(),
    }))
}

fn named<'a>(
    world: &'a World,
    caller: &Caller,
    operation: &str,
    name: Option<String>,
) -> Result<&'a Stack, AwsError> {
    let stack = find(world, caller, &form::required("stackName", name)?)?;
    iam::authorize(world, caller, &format!("cloudformation:{operation}"), &stack.id, &[])?;
    Ok(stack)
}

fn listed(member: &str, items: impl Iterator<Item = Value>, token: Option<&str>) -> Result<Value, AwsError> {
    let (items, next) = page::page(items, PAGE, token, "ValidationError")?;
    Ok(json!({member: items, "NextToken": next}))
}
