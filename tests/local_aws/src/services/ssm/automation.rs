//! Automation executions: one step after the other, each an invocation of a Lambda function that the step waits for.

use super::document::{Content, Step};
use super::documents;
use super::substitute::substitute;
use crate::caller::Caller;
use crate::clock::epoch;
use crate::error::AwsError;
use crate::names::AccountId;
use crate::services::iam;
use crate::services::lambda::{self, Ended};
use crate::world::World;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// An execution of a document, whose content is the one at its start.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Execution {
    document: String,
    version: u32,
    content: Content,
    parameters: BTreeMap<String, Value>,
    executed_by: String,
    started: DateTime<Utc>,
    ended: Option<DateTime<Utc>>,
    status: Status,
    failure: Option<String>,
    steps: Vec<Done>,
}

/// A step that has begun.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Done {
    id: String,
    name: String,
    started: DateTime<Utc>,
    ended: Option<DateTime<Utc>>,
    status: Status,
    inputs: Value,
    outputs: BTreeMap<String, Vec<String>>,
    failure: Option<String>,
}

/// How far an execution or a step is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Status {
    InProgress,
    Success,
    Failed,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct StartInput {
    document_name: String,
    document_version: Option<String>,
    #[serde(default)]
    parameters: BTreeMap<String, Vec<String>>,
    mode: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct GetInput {
    automation_execution_id: String,
}

/// Starts an execution; its first step begins at once.
pub(super) fn start(world: &mut World, caller: &Caller, input: StartInput) -> Result<Value, AwsError> {
    let StartInput { document_name: name, document_version, parameters, mode } = input;
    let resource =
        format!("automation-definition/{name}:{}", document_version.as_deref().unwrap_or("$DEFAULT"));
    let arn = world.arn("ssm", &caller.account, &resource);
    iam::authorize(world, caller, "ssm:StartAutomationExecution", &arn, &[])?;
    documents::only_newest(document_version.as_deref())?;
    if let Some(other) = mode.filter(|mode| mode != "Auto") {
        return Err(AwsError::not_in_local_aws(format!("the Automation mode {other}")));
    }
    let document = documents::find(world, caller, &name).map_err(|_| {
        let text = format!("Automation definition {name} not found");
        AwsError::new("AutomationDefinitionNotFoundException", text)
    })?;
    let (content, version) = (document.content.clone(), document.version);
    let parameters = content.values(&parameters)?;
    if let Some(role) = &content.assume_role {
        let passed = [("iam:PassedToService", "ssm.amazonaws.com")];
        iam::authorize(world, caller, "iam:PassRole", role, &passed)?;
        iam::check_service_role(world, &caller.account, role, "ssm.amazonaws.com")
            .map_err(|error| AwsError::new("InvalidAutomationExecutionParametersException", error.message))?;
    }
    let id = world.ids.uuid();
    let execution = Execution {
        document: name,
        version,
        content,
        parameters,
        executed_by: caller.arn(),
        started: world.now(),
        ended: None,
        status: Status::InProgress,
        failure: None,
        steps: Vec::new(),
    };
    world.account_mut(&caller.account)?.ssm.executions.insert(id.clone(), execution);
    begin_next(world, caller, &id);
    Ok(json!({ "AutomationExecutionId": id }))
}

/// Begins with the step that is due, in the name of the document's role; without one, of whoever started it.
fn begin_next(world: &mut World, starter: &Caller, id: &str) {
    let account = starter.account.clone();
    let (now, region, step_id) = (world.now(), world.region.clone(), world.ids.uuid());
    let Some(execution) = execution_mut(world, &account, id) else { return };
    let ended_early = execution.steps.last().is_some_and(|done| {
        execution.content.main_steps.iter().any(|step| step.name == done.name && step.is_end)
    });
    let next = execution.content.main_steps.get(execution.steps.len()).cloned();
    let Some(step) = next.filter(|_| !ended_early) else {
        (execution.status, execution.ended) = (Status::Success, Some(now));
        return;
    };
    let mut variables = execution.parameters.clone();
    variables.insert("automation:EXECUTION_ID".to_owned(), json!(id));
    variables.insert("global:ACCOUNT_ID".to_owned(), json!(account));
    variables.insert("global:REGION".to_owned(), json!(region));
    let caller = match execution.content.assume_role.as_deref().and_then(iam::role_of_arn) {
        Some((account, role)) => Caller::role(&account, role, &format!("Automation-{id}")),
        None => starter.clone(),
    };
    let inputs = inputs(&step, &variables);
    execution.steps.push(Done {
        id: step_id,
        name: step.name.clone(),
        started: now,
        ended: None,
        status: Status::InProgress,
        inputs: inputs.as_ref().cloned().unwrap_or_default(),
        outputs: BTreeMap::new(),
        failure: None,
    });
    let begun = inputs.and_then(|inputs| {
        let payload = inputs.get("Payload").and_then(Value::as_str).unwrap_or("{}").to_owned();
        lambda::invoke_for_automation(world, &caller, &step.inputs.function_name, payload, id)
    });
    if let Err(error) = begun {
        fail(world, &account, id, &format!("{}: {}", error.code, error.message));
    }
}

fn inputs(step: &Step, variables: &BTreeMap<String, Value>) -> Result<Value, AwsError> {
    let payload = match (&step.inputs.input_payload, &step.inputs.payload) {
        (Some(map), None) => substitute(map, variables)?.to_string(),
        (None, Some(text)) => match substitute(&json!(text), variables)? {
            Value::String(text) => text,
            other => other.to_string(),
        },
        (None, None) => "{}".to_owned(),
        (Some(_), Some(_)) => {
            return Err(AwsError::not_in_local_aws("a step with both InputPayload and Payload"));
        }
    };
    Ok(json!({
        "FunctionName": step.inputs.function_name, "InvocationType": "RequestResponse", "Payload": payload,
    }))
}

/// Takes note of the answer that an execution's step has waited for.
pub(crate) fn invoked(world: &mut World, account: &AccountId, id: &str, ended: Ended) {
    match ended {
        // That a function's error fails the step is unconfirmed: it is what the step's name for it, FunctionError, suggests.
        Ended::Error(error) => fail(world, account, id, &format!("the function failed: {error}")),
        Ended::Answer(payload) => {
            let now = world.now();
            let Some(execution) = execution_mut(world, account, id) else { return };
            if let Some(step) = execution.steps.last_mut() {
                (step.status, step.ended) = (Status::Success, Some(now));
                step.outputs.insert("StatusCode".to_owned(), vec!["200".to_owned()]);
                step.outputs.insert("Payload".to_owned(), vec![payload]);
            }
            // A later step of a document without a role would run in the name of whoever started it.
            begin_next(world, &Caller::administrator(account), id);
        }
    }
}

fn fail(world: &mut World, account: &AccountId, id: &str, why: &str) {
    let now = world.now();
    let Some(execution) = execution_mut(world, account, id) else { return };
    if let Some(step) = execution.steps.last_mut() {
        (step.status, step.ended, step.failure) = (Status::Failed, Some(now), Some(why.to_owned()));
        execution.failure = Some(format!("Step fails when it is {} action. {why}", step.name));
    }
    (execution.status, execution.ended) = (Status::Failed, Some(now));
}

fn execution_mut<'a>(world: &'a mut World, account: &AccountId, id: &str) -> Option<&'a mut Execution> {
    world.account_mut(account).ok()?.ssm.executions.get_mut(id)
}

pub(super) fn get(world: &mut World, caller: &Caller, input: &GetInput) -> Result<Value, AwsError> {
    let id = &input.automation_execution_id;
    let arn = world.arn("ssm", &caller.account, &format!("automation-execution/{id}"));
    iam::authorize(world, caller, "ssm:GetAutomationExecution", &arn, &[])?;
    let execution = world.account(&caller.account)?.ssm.executions.get(id).ok_or_else(|| {
        let text = format!("Automation execution {id} not found");
        AwsError::new("AutomationExecutionNotFoundException", text)
    })?;
    Ok(json!({ "AutomationExecution": shown(id, execution) }))
}

fn shown(id: &str, execution: &Execution) -> Value {
    let parameters: BTreeMap<&String, [String; 1]> =
        execution.parameters.iter().map(|(name, value)| (name, [text(value)])).collect();
    let outputs: BTreeMap<&String, Vec<String>> = execution
        .content
        .outputs
        .iter()
        .filter_map(|output| {
            let (step, name) = output.split_once('.')?;
            let step = execution.steps.iter().find(|done| done.name == step)?;
            Some((output, step.outputs.get(name)?.clone()))
        })
        .collect();
    let mut shown = json!({
        "AutomationExecutionId": id, "DocumentName": execution.document,
        "DocumentVersion": execution.version.to_string(), "ExecutionStartTime": epoch(execution.started),
        "AutomationExecutionStatus": execution.status, "StepExecutionsTruncated": false, "Mode": "Auto",
        "Parameters": parameters, "Outputs": outputs, "ExecutedBy": execution.executed_by,
        "StepExecutions": execution.steps.iter().map(shown_step).collect::<Vec<_>>(),
    });
    if let Some(members) = shown.as_object_mut() {
        add_ending(members, execution.ended, execution.failure.as_deref());
    }
    shown
}

fn shown_step(step: &Done) -> Value {
    let inputs: BTreeMap<&String, String> =
        step.inputs.as_object().into_iter().flatten().map(|(name, value)| (name, text(value))).collect();
    let mut shown = json!({
        "StepExecutionId": step.id, "StepName": step.name, "Action": "aws:invokeLambdaFunction",
        "StepStatus": step.status, "ExecutionStartTime": epoch(step.started), "OnFailure": "Abort",
        "Inputs": inputs, "Outputs": step.outputs,
    });
    if let Some(members) = shown.as_object_mut() {
        add_ending(members, step.ended, step.failure.as_deref());
    }
    shown
}

fn add_ending(members: &mut Map<String, Value>, ended: Option<DateTime<Utc>>, failure: Option<&str>) {
    if let Some(ended) = ended {
        members.insert("ExecutionEndTime".to_owned(), epoch(ended));
    }
    if let Some(failure) = failure {
        members.insert("FailureMessage".to_owned(), json!(failure));
    }
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
