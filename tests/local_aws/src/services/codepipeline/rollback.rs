//! `RollbackStage`: an earlier execution's artifacts once more through one stage.

use super::admission;
use super::constraints::{Constraints, NAME, UUID};
use super::engine::{self, Engine};
use super::records::{ExecutionStatus, Trigger};
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
    target_pipeline_execution_id: Option<String>,
}

/// Starts an execution of type ROLLBACK.
pub(super) fn rollback_stage(world: &mut World, caller: &Caller, input: Value) -> Result<Value, AwsError> {
    let input: Input = parse_input(SERVICE, "RollbackStage", input)?;
    let mut constraints = Constraints::default();
    let name = constraints.required("pipelineName", input.pipeline_name.as_deref(), &NAME);
    let stage = constraints.required("stageName", input.stage_name.as_deref(), &NAME);
    let target = input.target_pipeline_execution_id.as_deref();
    let target = constraints.required("targetPipelineExecutionId", target, &UUID);
    constraints.finish()?;
    authorize(world, caller, "RollbackStage", &format!("{name}/{stage}"))?;
    let id = engine::run(world, &caller.account, name, |engine| {
        let index = engine.check_rollback(stage, target)?;
        start::check_limit(&engine.pipeline)?;
        engine
            .roll_back(index, target, caller)
            .ok_or_else(|| unable(format!("There is no execution {target} to roll back to")))
    })?;
    Ok(json!({ "pipelineExecutionId": id }))
}

impl Engine<'_> {
    fn check_rollback(&self, stage: &str, target: &str) -> Result<usize, AwsError> {
        let pipeline = &self.pipeline;
        let declaration = &pipeline.declaration;
        let Some(index) = declaration.stage_index(stage) else {
            return Err(super::stage_not_found(&declaration.name, stage));
        };
        if !declaration.is_v2() || declaration.execution_mode == "PARALLEL" {
            return Err(unable(format!(
                "Stage rollback needs the pipeline type V2 and another execution mode than PARALLEL; pipeline \
                 '{}' has {} and {}",
                declaration.name, declaration.pipeline_type, declaration.execution_mode
            )));
        }
        if index == 0 {
            return Err(unable(format!(
                "The stage '{stage}' is the source stage, which cannot be rolled back"
            )));
        }
        let Some(execution) = pipeline.execution(target) else {
            return Err(super::execution_not_found(&declaration.name, target));
        };
        if execution.version != declaration.version {
            return Err(AwsError::new(
                "PipelineExecutionOutdatedException",
                format!(
                    "The execution {target} ran version {} of the pipeline, which now has version {}",
                    execution.version, declaration.version
                ),
            ));
        }
        if execution.rollback_target.is_some() {
            return Err(unable(format!("The execution {target} is a rollback itself")));
        }
        if execution.stage(stage).map(|run| run.status) != Some(ExecutionStatus::Succeeded) {
            return Err(unable(format!("The execution {target} has not succeeded in the stage '{stage}'")));
        }
        if admission::is_locked(pipeline, index) {
            return Err(unable(format!("The stage '{stage}' is running")));
        }
        Ok(index)
    }

    fn roll_back(&mut self, stage: usize, target: &str, caller: &Caller) -> Option<String> {
        let trigger = Trigger { trigger_type: "ManualRollback".to_owned(), trigger_detail: caller.arn() };
        let mut execution = start::new_execution(self.world, &self.pipeline, trigger);
        let earlier = self.pipeline.execution(target)?;
        execution.rollback_target = Some(target.to_owned());
        execution.revisions = earlier.revisions.clone();
        execution.artifacts = earlier.artifacts.clone();
        execution.variables = earlier.variables.clone();
        let id = execution.id.clone();
        self.pipeline.executions.push(execution);
        self.tell_pipeline(&id, "STARTED");
        self.enter(&id, stage);
        Some(id)
    }
}

fn unable(message: String) -> AwsError {
    AwsError::new("UnableToRollbackStageException", message)
}
