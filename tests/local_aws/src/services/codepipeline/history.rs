//! What executions were there: `GetPipelineExecution`, `ListPipelineExecutions`.

use super::constraints::{Constraints, NAME, UUID};
use super::records::{Execution, ExecutionStatus, Pipeline};
use super::{SERVICE, authorize, pages, pipeline, without_nulls};
use crate::caller::Caller;
use crate::clock;
use crate::error::AwsError;
use crate::services::parse_input;
use crate::world::World;
use serde::Deserialize;
use serde_json::{Value, json};

const PAGE_MAX: usize = 100;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct GetPipelineExecution {
    pipeline_name: Option<String>,
    pipeline_execution_id: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ListPipelineExecutions {
    pipeline_name: Option<String>,
    max_results: Option<i64>,
    filter: Option<Filter>,
    next_token: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Filter {
    succeeded_in_stage: Option<SucceededInStage>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct SucceededInStage {
    stage_name: Option<String>,
}

/// Shows one execution.
pub(super) fn get_pipeline_execution(
    world: &mut World,
    caller: &Caller,
    input: Value,
) -> Result<Value, AwsError> {
    let input: GetPipelineExecution = parse_input(SERVICE, "GetPipelineExecution", input)?;
    let mut constraints = Constraints::default();
    let name = constraints.required("pipelineName", input.pipeline_name.as_deref(), &NAME);
    let id = constraints.required("pipelineExecutionId", input.pipeline_execution_id.as_deref(), &UUID);
    constraints.finish()?;
    authorize(world, caller, "GetPipelineExecution", name)?;
    let pipeline = pipeline(world, &caller.account, name)?;
    let Some(execution) = pipeline.execution(id) else { return Err(super::execution_not_found(name, id)) };
    let revisions = execution.revisions.values().map(|revision| {
        json!({
            "name": revision.artifact,
            "revisionId": revision.id,
            "revisionSummary": revision.summary,
            "created": clock::epoch(revision.created),
            "revisionUrl": revision.url,
        })
    });
    let variables =
        execution.variables.iter().map(|(name, value)| json!({ "name": name, "resolvedValue": value }));
    Ok(without_nulls(json!({
        "pipelineExecution": {
            "pipelineName": name,
            "pipelineVersion": execution.version,
            "pipelineExecutionId": id,
            "status": execution.status.name(),
            "artifactRevisions": revisions.collect::<Vec<Value>>(),
            "variables": variables.collect::<Vec<Value>>(),
            "trigger": execution.trigger,
            "executionMode": execution.mode,
            "executionType": execution.execution_type(),
            "rollbackMetadata": rollback_metadata(execution),
        }
    })))
}

/// Lists executions, the newest first.
pub(super) fn list_pipeline_executions(
    world: &mut World,
    caller: &Caller,
    input: Value,
) -> Result<Value, AwsError> {
    let input: ListPipelineExecutions = parse_input(SERVICE, "ListPipelineExecutions", input)?;
    let mut constraints = Constraints::default();
    let name = constraints.required("pipelineName", input.pipeline_name.as_deref(), &NAME);
    constraints.range("maxResults", input.max_results, 1, 100);
    let in_stage = input.filter.as_ref().and_then(|filter| filter.succeeded_in_stage.as_ref());
    let in_stage = in_stage.and_then(|filter| filter.stage_name.as_deref());
    constraints.optional("filter.succeededInStage.stageName", in_stage, &NAME);
    constraints.finish()?;
    authorize(world, caller, "ListPipelineExecutions", name)?;
    let pipeline = pipeline(world, &caller.account, name)?;
    let listed =
        |execution: &&Execution| in_stage.is_none_or(|stage| succeeded_in(pipeline, execution, stage));
    let all: Vec<&Execution> = pipeline.executions.iter().rev().filter(listed).collect();
    let size = pages::size(input.max_results, PAGE_MAX);
    let token = input.next_token.as_deref();
    let (page, next) = pages::page(&format!("executions:{name}"), all, |it| &it.id, token, size)?;
    let summaries: Vec<Value> = page.into_iter().map(summary).collect();
    Ok(without_nulls(json!({ "pipelineExecutionSummaries": summaries, "nextToken": next })))
}

/// Only executions of the present structure count.
fn succeeded_in(pipeline: &Pipeline, execution: &Execution, stage: &str) -> bool {
    execution.version == pipeline.declaration.version
        && execution.stage(stage).is_some_and(|run| run.status == ExecutionStatus::Succeeded)
}

fn summary(execution: &Execution) -> Value {
    let revisions = execution.revisions.iter().map(|(action, revision)| {
        json!({
            "actionName": action,
            "revisionId": revision.id,
            "revisionSummary": revision.summary,
            "revisionUrl": revision.url,
        })
    });
    json!({
        "pipelineExecutionId": execution.id,
        "status": execution.status.name(),
        "startTime": clock::epoch(execution.started),
        "lastUpdateTime": clock::epoch(execution.updated),
        "sourceRevisions": revisions.collect::<Vec<Value>>(),
        "trigger": execution.trigger,
        "stopTrigger": execution.stop.as_ref().map(|stop| json!({ "reason": stop.reason })),
        "executionMode": execution.mode,
        "executionType": execution.execution_type(),
        "rollbackMetadata": rollback_metadata(execution),
    })
}

fn rollback_metadata(execution: &Execution) -> Option<Value> {
    let target = execution.rollback_target.as_ref()?;
    Some(json!({ "rollbackTargetPipelineExecutionId": target }))
}
