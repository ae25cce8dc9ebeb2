//! What a pipeline looks like now: `GetPipelineState`.

use super::action_types::ActionKind;
use super::admission;
use super::constraints::{Constraints, NAME};
use super::declaration::{ActionDeclaration, ExecutionMode, StageDeclaration};
use super::deploy_action;
use super::records::{ActionRun, ActionStatus, Execution, Pipeline};
use super::source_action;
use super::{SERVICE, authorize, pipeline, without_nulls};
use crate::caller::Caller;
use crate::clock;
use crate::error::AwsError;
use crate::services::parse_input;
use crate::world::World;
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Input {
    name: Option<String>,
}

/// Shows who is in which stage, who waits for it, and how its actions are.
pub(super) fn get_pipeline_state(
    world: &mut World,
    caller: &Caller,
    input: Value,
) -> Result<Value, AwsError> {
    let input: Input = parse_input(SERVICE, "GetPipelineState", input)?;
    let mut constraints = Constraints::default();
    let name = constraints.required("name", input.name.as_deref(), &NAME);
    constraints.finish()?;
    authorize(world, caller, "GetPipelineState", name)?;
    let region = world.region.clone();
    let pipeline = pipeline(world, &caller.account, name)?;
    let stages = pipeline.declaration.stages.iter().enumerate();
    let states: Vec<Value> =
        stages.map(|(index, stage)| stage_state(&region, pipeline, index, stage)).collect();
    Ok(without_nulls(json!({
        "pipelineName": name,
        "pipelineVersion": pipeline.declaration.version,
        "stageStates": states,
        "created": clock::epoch(pipeline.created),
        "updated": clock::epoch(pipeline.updated),
    })))
}

fn stage_state(region: &str, pipeline: &Pipeline, index: usize, stage: &StageDeclaration) -> Value {
    let inbound: Vec<Value> = admission::waiting_before(pipeline, index)
        .map(|execution| stage_execution(execution, execution.status.name()))
        .collect();
    let latest = pipeline.latest_in(&stage.name);
    let retries = latest.map(|(_, run)| run.retries).filter(|retries| *retries > 0);
    let actions: Vec<Value> =
        stage.actions.iter().map(|action| action_state(region, pipeline, stage, action)).collect();
    json!({
        "stageName": stage.name,
        "inboundExecution": inbound.first(),
        "inboundExecutions": inbound,
        "inboundTransitionState": transition_state(pipeline, &stage.name),
        "actionStates": actions,
        "latestExecution": latest.map(|(execution, run)| stage_execution(execution, run.status.name())),
        "retryStageMetadata": retries.map(|retries| {
            json!({ "manualStageRetryAttempt": retries, "latestRetryTrigger": "ManualStageRetry" })
        }),
    })
}

fn stage_execution(execution: &Execution, status: &str) -> Value {
    json!({ "pipelineExecutionId": execution.id, "status": status, "type": execution.execution_type() })
}

fn transition_state(pipeline: &Pipeline, stage: &str) -> Value {
    match pipeline.transitions.get(stage) {
        None => json!({ "enabled": true }),
        Some(transition) => json!({
            "enabled": transition.enabled,
            "lastChangedBy": transition.changed_by,
            "lastChangedAt": clock::epoch(transition.changed_at),
            "disabledReason": transition.disabled_reason,
        }),
    }
}

fn action_state(
    region: &str,
    pipeline: &Pipeline,
    stage: &StageDeclaration,
    action: &ActionDeclaration,
) -> Value {
    let runs = pipeline.executions.iter().flat_map(|execution| {
        let runs =
            execution.actions.iter().filter(|run| run.stage == stage.name && run.action == action.name);
        runs.map(move |run| (execution, run))
    });
    let latest = runs.max_by_key(|(_, run)| run.started);
    let revision = latest.and_then(|(execution, _)| execution.revisions.get(&action.name));
    json!({
        "actionName": action.name,
        "currentRevision": revision.map(|revision| json!({
            "revisionId": revision.id,
            "revisionChangeId": revision.id,
            "created": clock::epoch(revision.created),
        })),
        "latestExecution": latest.map(|(execution, run)| action_execution(execution, run)),
        "entityUrl": entity_url(region, action),
        "revisionUrl": revision.map(|revision| &revision.url),
    })
}

fn action_execution(execution: &Execution, run: &ActionRun) -> Value {
    let asks = run.status == ActionStatus::InProgress && execution.mode != ExecutionMode::Parallel;
    json!({
        "actionExecutionId": run.id,
        "status": run.status.name(),
        "summary": run.result.summary.as_ref().filter(|summary| !summary.is_empty()),
        "lastStatusChange": clock::epoch(run.updated),
        "token": run.token.as_ref().filter(|_| asks),
        "lastUpdatedBy": run.updated_by,
        "externalExecutionId": run.result.external_id,
        "externalExecutionUrl": run.result.url,
        "errorDetails": run.result.error,
    })
}

fn entity_url(region: &str, action: &ActionDeclaration) -> Option<String> {
    match ActionKind::of(&action.action_type_id).ok()? {
        ActionKind::CodeCommitSource => {
            let repository = source_action::configured(action, "RepositoryName");
            let branch = source_action::configured(action, "BranchName");
            Some(source_action::branch_url(region, &repository, &branch))
        }
        ActionKind::EcsDeploy => Some(deploy_action::service_url(region, action)),
        ActionKind::ManualApproval => None,
    }
}
