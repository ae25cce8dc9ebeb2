//! What actions were there: `ListActionExecutions`.

use super::constraints::{Constraints, NAME, UUID};
use super::declaration::{ActionDeclaration, ExecutionMode};
use super::records::{ActionRun, Execution, Pipeline};
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
struct Input {
    pipeline_name: Option<String>,
    filter: Option<Filter>,
    max_results: Option<i64>,
    next_token: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Filter {
    pipeline_execution_id: Option<String>,
}

/// Lists the actions that executions started, the newest first.
pub(super) fn list_action_executions(
    world: &mut World,
    caller: &Caller,
    input: Value,
) -> Result<Value, AwsError> {
    let input: Input = parse_input(SERVICE, "ListActionExecutions", input)?;
    let mut constraints = Constraints::default();
    let name = constraints.required("pipelineName", input.pipeline_name.as_deref(), &NAME);
    let wanted = input.filter.as_ref().and_then(|filter| filter.pipeline_execution_id.as_deref());
    constraints.optional("filter.pipelineExecutionId", wanted, &UUID);
    constraints.range("maxResults", input.max_results, 1, 100);
    constraints.finish()?;
    authorize(world, caller, "ListActionExecutions", name)?;
    let region = world.region.clone();
    let pipeline = pipeline(world, &caller.account, name)?;
    if let Some(id) = wanted.filter(|id| pipeline.execution(id).is_none()) {
        return Err(super::execution_not_found(name, id));
    }
    let executions = pipeline.executions.iter().filter(|it| wanted.is_none_or(|id| id == it.id));
    let mut all: Vec<(&Execution, &ActionRun)> =
        executions.flat_map(|it| it.actions.iter().map(move |action| (it, action))).collect();
    all.sort_by_key(|(_, action)| action.started);
    all.reverse();
    let size = pages::size(input.max_results, PAGE_MAX);
    let token = input.next_token.as_deref();
    let list = format!("actions:{name}:{}", wanted.unwrap_or_default());
    let (page, next) = pages::page(&list, all, |(_, action)| &action.id, token, size)?;
    let details: Vec<Value> =
        page.into_iter().map(|(execution, action)| detail(&region, pipeline, execution, action)).collect();
    Ok(without_nulls(json!({ "actionExecutionDetails": details, "nextToken": next })))
}

fn detail(region: &str, pipeline: &Pipeline, execution: &Execution, run: &ActionRun) -> Value {
    let declared = pipeline.action_of(execution.version, run);
    json!({
        "pipelineExecutionId": execution.id,
        "actionExecutionId": run.id,
        "pipelineVersion": execution.version,
        "stageName": run.stage,
        "actionName": run.action,
        "startTime": clock::epoch(run.started),
        "lastUpdateTime": clock::epoch(run.updated),
        "updatedBy": run.updated_by,
        "status": run.status.name(),
        "input": declared.map(|action| input(region, execution, action)),
        "output": declared.map(|action| output(execution, run, action)),
    })
}

fn input(region: &str, execution: &Execution, action: &ActionDeclaration) -> Value {
    let inputs = action.input_artifacts.iter().filter_map(|it| located(execution, &it.name));
    json!({
        "actionTypeId": action.action_type_id,
        "configuration": action.configuration,
        "resolvedConfiguration": action.configuration,
        "region": action.region.as_deref().unwrap_or(region),
        "inputArtifacts": inputs.collect::<Vec<Value>>(),
        "namespace": action.namespace,
    })
}

fn output(execution: &Execution, run: &ActionRun, action: &ActionDeclaration) -> Value {
    let outputs = action.output_artifacts.iter().filter_map(|it| located(execution, &it.name));
    let result = &run.result;
    // Where executions run in parallel, this is the only place that tells an approval's token.
    let token = run.token.as_ref().filter(|_| execution.mode == ExecutionMode::Parallel);
    json!({
        "outputArtifacts": outputs.collect::<Vec<Value>>(),
        "executionResult": {
            "externalExecutionId": result.external_id.as_ref().or(token),
            "externalExecutionSummary": result.summary,
            "externalExecutionUrl": result.url,
            "errorDetails": result.error,
        },
        "outputVariables": result.variables,
    })
}

fn located(execution: &Execution, name: &str) -> Option<Value> {
    let artifact = execution.artifacts.get(name)?;
    Some(json!({ "name": name, "s3location": { "bucket": artifact.bucket, "key": artifact.key } }))
}
