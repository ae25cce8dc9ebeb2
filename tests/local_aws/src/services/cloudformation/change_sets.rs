//! Change sets: an update that is looked at before it is carried out.

use super::operations::{StackInput, check_new_name, check_updatable, current_plan, new_stack, run, update};
use super::parameters::Parameter;
use super::plan::Plan;
use super::stack::{Stack, Tag};
use super::{find, find_mut, parse, place, stack_arn};
use crate::caller::Caller;
use crate::error::AwsError;
use crate::services::{form, iam};
use crate::world::World;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

const NOTHING_TO_CHANGE: &str =
    "The submitted information didn't contain changes. Submit different information to create a change set.";

/// An update that waits to be carried out.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct ChangeSet {
    name: String,
    id: String,
    creates: bool,
    status: String,
    reason: Option<String>,
    execution_status: String,
    description: Option<String>,
    template: String,
    parameters: Vec<Parameter>,
    capabilities: Vec<String>,
    tags: Vec<Tag>,
    changes: Vec<(String, String, String)>,
    created: DateTime<Utc>,
}

impl ChangeSet {
    fn summary(&self, stack: &Stack) -> Value {
        json!({
            "ChangeSetName": self.name,
            "ChangeSetId": self.id,
            "StackName": stack.name,
            "StackId": stack.id,
            "Description": self.description,
            "Status": self.status,
            "StatusReason": self.reason,
            "ExecutionStatus": self.execution_status,
            "CreationTime": form::time(self.created),
        })
    }

    fn describe(&self, stack: &Stack) -> Value {
        let mut described = self.summary(stack);
        let changes: Vec<Value> = self
            .changes
            .iter()
            .map(|(action, id, kind)| {
                let there = stack.members.iter().find(|member| member.logical_id == *id);
                json!({"Type": "Resource", "ResourceChange": {
                    "Action": action,
                    "LogicalResourceId": id,
                    "PhysicalResourceId": there.map(|member| &member.physical_id),
                    "ResourceType": kind,
                    "Replacement": (action == "Modify").then_some("False"),
                    "Scope": [],
                    "Details": [],
                }})
            })
            .collect();
        if let Some(members) = described.as_object_mut() {
            members.insert("Changes".to_owned(), json!(changes));
            members.insert("Parameters".to_owned(), json!(self.parameters));
            members.insert("Capabilities".to_owned(), json!(self.capabilities));
            members.insert("Tags".to_owned(), json!(self.tags));
        }
        described
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct CreateChangeSetInput {
    change_set_name: Option<String>,
    change_set_type: Option<String>,
    description: Option<String>,
    #[serde(flatten)]
    rest: serde_json::Map<String, Value>,
}

pub(super) fn create_change_set(world: &mut World, caller: &Caller, input: Value) -> Result<Value, AwsError> {
    let CreateChangeSetInput { change_set_name, change_set_type, description, rest } =
        parse("CreateChangeSet", input)?;
    let input: StackInput = parse("CreateChangeSet", Value::Object(rest))?;
    let stack_name = input.checked_name()?;
    let name = form::required("changeSetName", change_set_name)?;
    form::name("changeSetName", &name, 128, "-")?;
    let creates = match change_set_type.as_deref() {
        Some("CREATE") => true,
        None | Some("UPDATE") => false,
        Some(other) => return Err(AwsError::not_in_local_aws(format!("the ChangeSetType {other}"))),
    };
    let there = find(world, caller, &stack_name).ok().cloned();
    let arn =
        there.as_ref().map_or_else(|| stack_arn(world, caller, &stack_name, "*"), |stack| stack.id.clone());
    iam::authorize(world, caller, "cloudformation:CreateChangeSet", &arn, &[])?;
    let mut stack = match there {
        Some(stack) if creates && stack.status != "REVIEW_IN_PROGRESS" => {
            return Err(AwsError::new(
                "ValidationError",
                format!(
                    "Stack [{}] already exists and cannot be created again with the changeSet [{name}].",
                    stack.name
                ),
            ));
        }
        Some(stack) => stack,
        None if creates => {
            check_new_name(&stack_name)?;
            new_stack(world, caller, &stack_name, Vec::new(), Vec::new())
        }
        None => return Err(super::no_such_stack(&stack_name)),
    };
    if !creates {
        check_updatable(&stack)?;
    }
    let template = input.template(Some(&stack))?;
    let plan = Plan::new(&template, &input.parameters, Some(&stack.parameters))?;
    plan.check_capabilities(&input.capabilities, false)?;
    plan.check_order(&place(world, caller, &stack.name, &stack.id))?;
    let before = if creates { None } else { Some(current_plan(&stack)?) };
    let nothing = before.as_ref().is_some_and(|before| plan.says_the_same_as(before));
    let unique = world.ids.uuid();
    let id = world.arn("cloudformation", &caller.account, &format!("changeSet/{name}/{unique}"));
    let change_set = ChangeSet {
        name: name.clone(),
        id: id.clone(),
        creates,
        status: if nothing { "FAILED" } else { "CREATE_COMPLETE" }.to_owned(),
        reason: nothing.then(|| NOTHING_TO_CHANGE.to_owned()),
        execution_status: if nothing { "UNAVAILABLE" } else { "AVAILABLE" }.to_owned(),
        description,
        template,
        parameters: plan
            .parameters
            .iter()
            .map(|(key, value)| Parameter {
                parameter_key: key.clone(),
                parameter_value: Some(value.clone()),
                use_previous_value: None,
            })
            .collect(),
        capabilities: input.capabilities,
        tags: input.tags,
        changes: plan
            .changes_from(before.as_ref())
            .into_iter()
            .map(|(action, id, kind)| (action.to_owned(), id, kind))
            .collect(),
        created: world.now(),
    };
    if stack.change_sets.contains_key(&name) {
        let text = format!("ChangeSet {name} already exists");
        return Err(AwsError::new("AlreadyExistsException", text));
    }
    let stack_id = stack.id.clone();
    stack.change_sets.insert(name, change_set);
    world.account_mut(&caller.account)?.cloudformation.stacks.insert(stack.name.clone(), stack);
    Ok(json!({"Id": id, "StackId": stack_id}))
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct ChangeSetInput {
    change_set_name: Option<String>,
    stack_name: Option<String>,
    #[serde(rename = "NextToken")]
    _next_token: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct ExecuteChangeSetInput {
    change_set_name: Option<String>,
    stack_name: Option<String>,
    #[serde(default, deserialize_with = "form::flag")]
    disable_rollback: Option<bool>,
    #[serde(rename = "ClientRequestToken")]
    _client_request_token: Option<String>,
}

pub(super) fn describe_change_set(
    world: &mut World,
    caller: &Caller,
    input: Value,
) -> Result<Value, AwsError> {
    let (stack, change_set) = described(world, caller, "DescribeChangeSet", input)?;
    Ok(change_set.describe(&stack))
}

pub(super) fn list_change_sets(world: &mut World, caller: &Caller, input: Value) -> Result<Value, AwsError> {
    let input: ChangeSetInput = parse("ListChangeSets", input)?;
    let stack = find(world, caller, &form::required("stackName", input.stack_name)?)?;
    iam::authorize(world, caller, "cloudformation:ListChangeSets", &stack.id, &[])?;
    let summaries: Vec<Value> =
        stack.change_sets.values().map(|change_set| change_set.summary(stack)).collect();
    Ok(json!({"Summaries": summaries}))
}

pub(super) fn delete_change_set(world: &mut World, caller: &Caller, input: Value) -> Result<Value, AwsError> {
    let (stack, change_set) = described(world, caller, "DeleteChangeSet", input)?;
    find_mut(world, caller, &stack.id)?.change_sets.remove(&change_set.name);
    Ok(json!({}))
}

pub(super) fn execute_change_set(
    world: &mut World,
    caller: &Caller,
    input: Value,
) -> Result<Value, AwsError> {
    let input: ExecuteChangeSetInput = parse("ExecuteChangeSet", input)?;
    if input.disable_rollback == Some(true) {
        return Err(AwsError::not_in_local_aws("cloudformation ExecuteChangeSet with DisableRollback"));
    }
    let (mut stack, change_set) =
        named(world, caller, "ExecuteChangeSet", input.change_set_name, input.stack_name.as_deref())?;
    if change_set.execution_status != "AVAILABLE" {
        return Err(AwsError::new(
            "InvalidChangeSetStatus",
            format!(
                "ChangeSet [{}] cannot be executed in its current execution status of [{}]",
                change_set.id, change_set.execution_status
            ),
        ));
    }
    let plan = Plan::new(&change_set.template, &change_set.parameters, None)?;
    // Whatever else was prepared was prepared for a stack that is no more.
    stack.change_sets.clear();
    if change_set.creates {
        stack.capabilities = change_set.capabilities;
        stack.tags = change_set.tags;
        let stack = run(world, caller, stack, |engine| engine.create(&plan));
        world.account_mut(&caller.account)?.cloudformation.stacks.insert(stack.name.clone(), stack);
    } else {
        check_updatable(&stack)?;
        find_mut(world, caller, &stack.id)?.change_sets.clear();
        update(world, caller, &stack.name, &plan, change_set.capabilities, change_set.tags)?;
    }
    Ok(json!({}))
}

fn described(
    world: &World,
    caller: &Caller,
    operation: &str,
    input: Value,
) -> Result<(Stack, ChangeSet), AwsError> {
    let input: ChangeSetInput = parse(operation, input)?;
    named(world, caller, operation, input.change_set_name, input.stack_name.as_deref())
}

/// The change set that a request names: by its ARN, or by its name and its stack's.
fn named(
    world: &World,
    caller: &Caller,
    operation: &str,
    change_set_name: Option<String>,
    stack_name: Option<&str>,
) -> Result<(Stack, ChangeSet), AwsError> {
    let name = form::required("changeSetName", change_set_name)?;
    let stacks = &world.account(&caller.account)?.cloudformation.stacks;
    let found = stacks
        .values()
        .filter(|stack| stack_name.is_none_or(|name| stack.name == name || stack.id == name))
        .find_map(|stack| {
            let mut change_sets = stack.change_sets.values();
            let by_name = stack_name.is_some();
            let change_set =
                change_sets.find(|change_set| change_set.id == name || by_name && change_set.name == name)?;
            Some((stack.clone(), change_set.clone()))
        });
    let (stack, change_set) = found.ok_or_else(|| {
        AwsError::new("ChangeSetNotFound", format!("ChangeSet [{name}] does not exist")).with_status(404)
    })?;
    iam::authorize(world, caller, &format!("cloudformation:{operation}"), &stack.id, &[])?;
    Ok((stack, change_set))
}
