//! Creating, updating and deleting stacks.

use super::engine::Engine;
use super::parameters::Parameter;
use super::plan::Plan;
use super::resources::{self, Work};
use super::stack::{Stack, Tag};
use super::{find, find_mut, parse, place, stack_arn};
use crate::caller::Caller;
use crate::error::AwsError;
use crate::services::{form, iam};
use crate::world::World;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// What stacks are made and changed with.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct StackInput {
    pub(super) stack_name: Option<String>,
    pub(super) template_body: Option<String>,
    #[serde(default, deserialize_with = "form::flag")]
    pub(super) use_previous_template: Option<bool>,
    #[serde(default, deserialize_with = "form::list")]
    pub(super) parameters: Vec<Parameter>,
    #[serde(default, deserialize_with = "form::list")]
    pub(super) capabilities: Vec<String>,
    #[serde(default, deserialize_with = "form::list")]
    pub(super) tags: Vec<Tag>,
    #[serde(default, deserialize_with = "form::list", rename = "NotificationARNs")]
    pub(super) notification_arns: Vec<String>,
    #[serde(rename = "TemplateURL")]
    pub(super) template_url: Option<String>,
    #[serde(rename = "RoleARN")]
    pub(super) role_arn: Option<String>,
    pub(super) on_failure: Option<String>,
    #[serde(default, deserialize_with = "form::flag")]
    pub(super) disable_rollback: Option<bool>,
    /// Nothing here takes longer than a moment.
    #[serde(default, deserialize_with = "form::number", rename = "TimeoutInMinutes")]
    pub(super) _timeout_in_minutes: Option<i64>,
    #[serde(rename = "ClientRequestToken")]
    pub(super) _client_request_token: Option<String>,
}

impl StackInput {
    /// The stack's name, once everything that is not done here is ruled out.
    pub(super) fn checked_name(&self) -> Result<String, AwsError> {
        let refused = [
            ("TemplateURL", self.template_url.is_some()),
            ("RoleARN", self.role_arn.is_some()),
            ("NotificationARNs", !self.notification_arns.is_empty()),
            ("DisableRollback", self.disable_rollback == Some(true)),
            ("OnFailure", self.on_failure.as_deref().is_some_and(|choice| choice != "ROLLBACK")),
        ];
        if let Some((member, _)) = refused.iter().find(|(_, given)| *given) {
            return Err(AwsError::not_in_local_aws(format!("{member} of a stack as it was given")));
        }
        form::required("stackName", self.stack_name.clone())
    }

    /// The template that was given, or the stack's own.
    pub(super) fn template(&self, stack: Option<&Stack>) -> Result<String, AwsError> {
        match (&self.template_body, self.use_previous_template, stack) {
            (Some(text), _, _) => Ok(text.clone()),
            (None, Some(true), Some(stack)) => Ok(stack.template.clone()),
            _ => Err(AwsError::new(
                "ValidationError",
                "Either Template URL or Template Body must be specified.",
            )),
        }
    }
}

pub(super) fn create_stack(world: &mut World, caller: &Caller, input: Value) -> Result<Value, AwsError> {
    let input: StackInput = parse("CreateStack", input)?;
    let name = input.checked_name()?;
    check_new_name(&name)?;
    iam::authorize(world, caller, "cloudformation:CreateStack", &stack_arn(world, caller, &name, "*"), &[])?;
    if world.account(&caller.account)?.cloudformation.stacks.contains_key(&name) {
        return Err(AwsError::new("AlreadyExistsException", format!("Stack [{name}] already exists")));
    }
    let plan = Plan::new(&input.template(None)?, &input.parameters, None)?;
    plan.check_capabilities(&input.capabilities, true)?;
    plan.check_order(&place(world, caller, &name, ""))?;
    let stack = new_stack(world, caller, &name, input.capabilities, input.tags);
    let id = stack.id.clone();
    let stack = run(world, caller, stack, |engine| engine.create(&plan));
    world.account_mut(&caller.account)?.cloudformation.stacks.insert(name, stack);
    Ok(json!({"StackId": id}))
}

pub(super) fn update_stack(world: &mut World, caller: &Caller, input: Value) -> Result<Value, AwsError> {
    let input: StackInput = parse("UpdateStack", input)?;
    let name = input.checked_name()?;
    let stack = find(world, caller, &name)?;
    iam::authorize(world, caller, "cloudformation:UpdateStack", &stack.id, &[])?;
    check_updatable(stack)?;
    let plan = Plan::new(&input.template(Some(stack))?, &input.parameters, Some(&stack.parameters))?;
    plan.check_capabilities(&input.capabilities, true)?;
    plan.check_order(&place(world, caller, &stack.name, &stack.id))?;
    let current = current_plan(stack)?;
    if plan.says_the_same_as(&current) && (input.tags.is_empty() || input.tags == stack.tags) {
        return Err(AwsError::new("ValidationError", "No updates are to be performed."));
    }
    let id = update(world, caller, &name, &plan, input.capabilities, input.tags)?;
    Ok(json!({"StackId": id}))
}

/// Carries an update out; the stack is there and can be updated.
pub(super) fn update(
    world: &mut World,
    caller: &Caller,
    name: &str,
    plan: &Plan,
    capabilities: Vec<String>,
    tags: Vec<Tag>,
) -> Result<String, AwsError> {
    let mut stack = find(world, caller, name)?.clone();
    stack.capabilities = capabilities;
    stack.updated = Some(world.now());
    if !tags.is_empty() {
        stack.tags = tags;
    }
    let stack = run(world, caller, stack, |engine| engine.update(plan));
    let id = stack.id.clone();
    *find_mut(world, caller, &id)? = stack;
    Ok(id)
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct DeleteStackInput {
    stack_name: Option<String>,
    #[serde(rename = "ClientRequestToken")]
    _client_request_token: Option<String>,
}

pub(super) fn delete_stack(world: &mut World, caller: &Caller, input: Value) -> Result<Value, AwsError> {
    let input: DeleteStackInput = parse("DeleteStack", input)?;
    let name = form::required("stackName", input.stack_name)?;
    // Deleting what is not there is no error.
    let Ok(stack) = find(world, caller, &name).cloned() else { return Ok(json!({})) };
    iam::authorize(world, caller, "cloudformation:DeleteStack", &stack.id, &[])?;
    if stack.status == "DELETE_COMPLETE" {
        return Ok(json!({}));
    }
    let exported: BTreeSet<&String> =
        stack.outputs.iter().filter_map(|output| output.export.as_ref()).collect();
    let stacks = &world.account(&caller.account)?.cloudformation.stacks;
    let used = stacks
        .values()
        .flat_map(|other| other.imports.iter().map(move |import| (import, &other.name)))
        .find(|(import, _)| exported.contains(import));
    if let Some((export, user)) = used {
        return Err(AwsError::new(
            "ValidationError",
            format!("Export {export} cannot be deleted as it is in use by {user}"),
        ));
    }
    let name = stack.name.clone();
    let mut engine = Engine { world: &mut *world, caller, stack };
    engine.delete();
    let stack = engine.stack;
    let state = &mut world.account_mut(&caller.account)?.cloudformation;
    if stack.status == "DELETE_COMPLETE" {
        state.stacks.remove(&name);
        state.deleted.push(stack);
    } else {
        state.stacks.insert(name, stack);
    }
    Ok(json!({}))
}

/// A stack of which nothing is there yet.
pub(super) fn new_stack(
    world: &mut World,
    caller: &Caller,
    name: &str,
    capabilities: Vec<String>,
    tags: Vec<Tag>,
) -> Stack {
    let unique = world.ids.uuid();
    Stack {
        name: name.to_owned(),
        id: stack_arn(world, caller, name, &unique),
        status: "REVIEW_IN_PROGRESS".to_owned(),
        reason: None,
        description: None,
        parameters: BTreeMap::new(),
        hidden: BTreeSet::new(),
        template: String::new(),
        capabilities,
        tags,
        created: world.now(),
        updated: None,
        deleted: None,
        members: Vec::new(),
        outputs: Vec::new(),
        imports: BTreeSet::new(),
        events: Vec::new(),
        change_sets: BTreeMap::new(),
    }
}

/// The stack after the engine has worked on it.
pub(super) fn run(
    world: &mut World,
    caller: &Caller,
    stack: Stack,
    carry_out: impl FnOnce(&mut Engine<'_>),
) -> Stack {
    let mut engine = Engine { world, caller, stack };
    carry_out(&mut engine);
    engine.stack
}

/// The plan that the stack was last carried out with.
pub(super) fn current_plan(stack: &Stack) -> Result<Plan, AwsError> {
    let parameters: Vec<Parameter> = stack
        .parameters
        .iter()
        .map(|(key, value)| Parameter {
            parameter_key: key.clone(),
            parameter_value: Some(value.clone()),
            use_previous_value: None,
        })
        .collect();
    Plan::new(&stack.template, &parameters, None)
}

pub(super) fn check_updatable(stack: &Stack) -> Result<(), AwsError> {
    if matches!(stack.status.as_str(), "CREATE_COMPLETE" | "UPDATE_COMPLETE" | "UPDATE_ROLLBACK_COMPLETE") {
        return Ok(());
    }
    let text = format!("Stack:{} is in {} state and can not be updated.", stack.id, stack.status);
    Err(AwsError::new("ValidationError", text))
}

pub(super) fn check_new_name(name: &str) -> Result<(), AwsError> {
    form::name("stackName", name, 128, "-")?;
    if name.starts_with(|first: char| first.is_ascii_alphabetic()) {
        return Ok(());
    }
    Err(AwsError::new(
        "ValidationError",
        format!("the stack name `{name}` is invalid: expected a letter first"),
    ))
}

/// Takes the executables of a stack's functions in again: they were built anew, or lie elsewhere now.
pub(super) fn take_executables_in(world: &mut World, caller: &Caller, name: &str) -> Result<(), AwsError> {
    let stack = find(world, caller, name)?.clone();
    let functions = stack.members.iter().filter(|member| member.kind == "AWS::Lambda::Function");
    for member in functions {
        let mut work = Work {
            world: &mut *world,
            caller,
            stack_name: &stack.name,
            logical_id: &member.logical_id,
            kind: &member.kind,
        };
        resources::update(&mut work, &member.identity(), &member.properties, &member.properties)?;
    }
    Ok(())
}
