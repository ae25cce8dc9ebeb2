//! `StopPipelineExecution`, and what becomes of an execution that stops.

use super::constraints::{Constraints, NAME, STOP_REASON, UUID};
use super::engine::{self, Engine};
use super::records::{ActionStatus, ExecutionStatus, Stop};
use super::{SERVICE, Timer, authorize};
use crate::caller::Caller;
use crate::clock;
use crate::error::AwsError;
use crate::services::{self, parse_input};
use crate::world::World;
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Input {
    pipeline_name: Option<String>,
    pipeline_execution_id: Option<String>,
    #[serde(default)]
    abandon: bool,
    reason: Option<String>,
}

/// Stops an execution: after the actions that go on now, or without waiting for them.
pub(super) fn stop_pipeline_execution(
    world: &mut World,
    caller: &Caller,
    input: Value,
) -> Result<Value, AwsError> {
    let input: Input = parse_input(SERVICE, "StopPipelineExecution", input)?;
    let mut constraints = Constraints::default();
    let name = constraints.required("pipelineName", input.pipeline_name.as_deref(), &NAME);
    let id = constraints.required("pipelineExecutionId", input.pipeline_execution_id.as_deref(), &UUID);
    constraints.optional("reason", input.reason.as_deref(), &STOP_REASON);
    constraints.finish()?;
    authorize(world, caller, "StopPipelineExecution", name)?;
    let stop = Stop { abandon: input.abandon, reason: input.reason.clone() };
    engine::run(world, &caller.account, name, |engine| engine.stop(id, stop))?;
    Ok(json!({ "pipelineExecutionId": id }))
}

impl Engine<'_> {
    fn stop(&mut self, id: &str, stop: Stop) -> Result<(), AwsError> {
        let Some(execution) = self.pipeline.execution(id) else {
            return Err(not_stoppable(id, "there is no such execution"));
        };
        let stopping = match execution.status {
            ExecutionStatus::InProgress => false,
            ExecutionStatus::Stopping => true,
            other => return Err(not_stoppable(id, &format!("its status is {}", other.name()))),
        };
        let abandons_already = execution.stop.as_ref().is_some_and(|earlier| earlier.abandon);
        if stopping && (abandons_already || !stop.abandon) {
            return Err(AwsError::new(
                "DuplicatedStopRequestException",
                format!(
                    "The pipeline execution {id} is already in a Stopping state; only a stop and wait can become a stop and abandon"
                ),
            ));
        }
        let abandon = stop.abandon;
        self.take_stop(id, stop);
        if !stopping {
            self.tell_pipeline(id, "STOPPING");
            if let Some(stage) = self.stage_of(id) {
                self.leave_stage(id, &stage, ExecutionStatus::Stopping, "STOPPING");
            }
        }
        if abandon {
            self.drop_actions(id, "ABANDONED");
        }
        let waits = self.pipeline.execution(id).is_some_and(|it| !it.actions_in_progress().is_empty());
        if !waits {
            let timer = Timer::StopCompletes {
                pipeline: self.pipeline.declaration.name.clone(),
                execution: id.to_owned(),
            };
            let after = clock::seconds(self.world.settings.timing.pipeline_action);
            self.world.set_timer(self.account, after, services::Timer::CodePipeline(timer));
        }
        Ok(())
    }

    fn take_stop(&mut self, id: &str, stop: Stop) -> Option<()> {
        let execution = self.touch(id)?;
        execution.status = ExecutionStatus::Stopping;
        execution.stop = Some(stop);
        Some(())
    }

    /// Ends a stop, once no action of the execution goes on.
    pub(super) fn finish_stop(&mut self, id: &str) -> Option<()> {
        let execution = self.pipeline.execution(id)?;
        if execution.status != ExecutionStatus::Stopping || !execution.actions_in_progress().is_empty() {
            return None;
        }
        if let Some(stage) = self.stage_of(id) {
            if self.is_done(id, &stage) {
                self.leave_stage(id, &stage, ExecutionStatus::Succeeded, "SUCCEEDED");
            } else {
                self.leave_stage(id, &stage, ExecutionStatus::Stopped, "STOPPED");
            }
        }
        self.end(id, ExecutionStatus::Stopped, "STOPPED");
        self.advance();
        Some(())
    }

    fn is_done(&self, id: &str, stage: &str) -> bool {
        let Some(execution) = self.pipeline.execution(id) else { return false };
        let declared = self.pipeline.declaration.stage(stage).map_or(0, |stage| stage.actions.len());
        let done = execution.stage(stage).into_iter().flat_map(|run| run.current.values()).filter(|action| {
            execution.action(action).is_some_and(|action| action.status == ActionStatus::Succeeded)
        });
        done.count() == declared
    }
}

fn not_stoppable(id: &str, because: &str) -> AwsError {
    AwsError::new(
        "PipelineExecutionNotStoppableException",
        format!("The pipeline execution {id} cannot be stopped: {because}"),
    )
}
