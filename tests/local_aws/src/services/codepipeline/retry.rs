//! `RetryStageExecution`.

use super::constraints::{Constraints, NAME, UUID};
use super::engine::{self, Engine};
use super::records::{ActionStatus, ExecutionStatus, Place};
use super::{SERVICE, authorize, start};
use crate::caller::Caller;
use crate::error::AwsError;
use crate::services::parse_input;
use crate::world::World;
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Input {
    pipeline_name: Option<String>,
    stage_name: Option<String>,
    pipeline_execution_id: Option<String>,
    retry_mode: Option<String>,
}

/// Runs a stage that failed or was stopped once more, in the same execution.
pub(super) fn retry_stage_execution(
    world: &mut World,
    caller: &Caller,
    input: Value,
) -> Result<Value, AwsError> {
    let input: Input = parse_input(SERVICE, "RetryStageExecution", input)?;
    let mut constraints = Constraints::default();
    let name = constraints.required("pipelineName", input.pipeline_name.as_deref(), &NAME);
    let stage = constraints.required("stageName", input.stage_name.as_deref(), &NAME);
    let id = constraints.required("pipelineExecutionId", input.pipeline_execution_id.as_deref(), &UUID);
    if input.retry_mode.is_none() {
        constraints.missing("retryMode");
    }
    constraints.one_of("retryMode", input.retry_mode.as_deref(), &["FAILED_ACTIONS", "ALL_ACTIONS"]);
    constraints.finish()?;
    authorize(world, caller, "RetryStageExecution", &format!("{name}/{stage}"))?;
    let all = input.retry_mode.as_deref() == Some("ALL_ACTIONS");
    engine::run(world, &caller.account, name, |engine| {
        engine.check_retry(id, stage)?;
        engine.retry(id, stage, all);
        Ok(())
    })?;
    Ok(json!({ "pipelineExecutionId": id }))
}

impl Engine<'_> {
    fn check_retry(&self, id: &str, stage: &str) -> Result<(), AwsError> {
        let pipeline = &self.pipeline;
        if pipeline.declaration.stage(stage).is_none() {
            return Err(super::stage_not_found(&pipeline.declaration.name, stage));
        }
        let parallel = pipeline.declaration.execution_mode == "PARALLEL";
        let latest = pipeline.latest_in(stage).map(|(execution, _)| execution.id.as_str());
        let Some(execution) = pipeline.execution(id).filter(|_| parallel || latest == Some(id)) else {
            return Err(AwsError::new(
                "NotLatestPipelineExecutionException",
                format!("The execution {id} is not the latest one in the stage '{stage}'"),
            ));
        };
        let status = execution.stage(stage).map(|run| run.status);
        let retryable = matches!(status, Some(ExecutionStatus::Failed | ExecutionStatus::Stopped));
        if !retryable || execution.status.is_going_on() || execution.version != pipeline.declaration.version {
            return Err(AwsError::new(
                "StageNotRetryableException",
                format!(
                    "The stage '{stage}' of the execution {id} cannot be retried: it must have failed or been \
                     stopped, and the pipeline must not have changed since"
                ),
            ));
        }
        start::check_limit(pipeline)
    }

    fn retry(&mut self, id: &str, stage: &str, all: bool) -> Option<()> {
        let now = self.world.now();
        let index = self.pipeline.declaration.stage_index(stage)?;
        self.pipeline.entries += 1;
        let entry = self.pipeline.entries;
        let execution = self.touch(id)?;
        execution.status = ExecutionStatus::InProgress;
        execution.stop = None;
        execution.attempt += 1;
        execution.place = Place::In(index);
        let succeeded: Vec<String> = execution
            .actions
            .iter()
            .filter(|run| run.status == ActionStatus::Succeeded)
            .map(|run| run.id.clone())
            .collect();
        let run = execution.stage_mut(stage)?;
        run.status = ExecutionStatus::InProgress;
        run.started = now;
        run.entry = entry;
        run.retries += 1;
        run.current.retain(|_, action| !all && succeeded.contains(action));
        self.tell_pipeline(id, "RESUMED");
        self.tell_stage(id, stage, "RESUMED");
        self.go_on_in_stage(id)
    }
}
