//! Moves executions from stage to stage.
//!
//! A pipeline is taken out of its account while the engine works on it, so that the engine may call other
//! services meanwhile. Nothing that those do looks at pipelines.

use super::admission;
use super::announcements::{tell_action, tell_pipeline, tell_stage};
use super::records::{
    ActionResult, ActionRun, ActionStatus, Execution, ExecutionStatus, Pipeline, Place, StageRun,
};
use crate::caller::Caller;
use crate::error::AwsError;
use crate::names::AccountId;
use crate::world::World;
use std::collections::BTreeMap;

/// A pipeline at work.
pub(super) struct Engine<'a> {
    pub(super) world: &'a mut World,
    pub(super) account: &'a AccountId,
    pub(super) pipeline: Pipeline,
}

/// Works on a pipeline.
///
/// # Errors
/// `PipelineNotFoundException`, or what the work ends with.
pub(super) fn run<Answer>(
    world: &mut World,
    account: &AccountId,
    name: &str,
    work: impl FnOnce(&mut Engine<'_>) -> Result<Answer, AwsError>,
) -> Result<Answer, AwsError> {
    let taken = world.account_mut(account)?.codepipeline.pipelines.remove(name);
    let pipeline = taken.ok_or_else(|| super::pipeline_not_found(account, name))?;
    let mut engine = Engine { world, account, pipeline };
    let answer = work(&mut engine);
    let Engine { world, pipeline, .. } = engine;
    world.account_mut(account)?.codepipeline.pipelines.insert(name.to_owned(), pipeline);
    answer
}

impl Engine<'_> {
    /// Adds an execution and lets it go as far as it can. Returns its id.
    pub(super) fn begin(&mut self, execution: Execution) -> String {
        let id = execution.id.clone();
        self.pipeline.executions.push(execution);
        self.tell_pipeline(&id, "STARTED");
        self.advance();
        id
    }

    /// Lets everybody pass who may.
    pub(super) fn advance(&mut self) {
        while let Some((id, stage)) = admission::next_entry(&self.pipeline) {
            self.enter(&id, stage);
        }
        for id in admission::overtaken(&self.pipeline) {
            self.end(&id, ExecutionStatus::Superseded, "SUPERSEDED");
        }
    }

    /// Puts an execution into a stage that is free for it, for the first time.
    pub(super) fn enter(&mut self, id: &str, stage: usize) -> Option<()> {
        let name = self.pipeline.declaration.stages.get(stage)?.name.clone();
        self.pipeline.entries += 1;
        let run = StageRun {
            name: name.clone(),
            status: ExecutionStatus::InProgress,
            started: self.world.now(),
            entry: self.pipeline.entries,
            retries: 0,
            current: BTreeMap::new(),
        };
        let execution = self.touch(id)?;
        execution.place = Place::In(stage);
        execution.stages.push(run);
        self.tell_stage(id, &name, "STARTED");
        self.go_on_in_stage(id)
    }

    /// Starts the next actions of the stage that the execution is in, or leaves the stage.
    pub(super) fn go_on_in_stage(&mut self, id: &str) -> Option<()> {
        let execution = self.pipeline.execution(id)?;
        let Place::In(index) = execution.place else { return None };
        let stage = self.pipeline.declaration.stages.get(index)?.clone();
        let run = execution.stage(&stage.name)?;
        let state_of = |action: &str| Some(execution.action(run.current.get(action)?)?.status);
        let states: Vec<ActionStatus> = run.current.keys().filter_map(|action| state_of(action)).collect();
        if states.contains(&ActionStatus::InProgress) {
            return None;
        }
        let failed = states.iter().any(|state| *state != ActionStatus::Succeeded);
        let open = || stage.actions.iter().filter(|action| !run.current.contains_key(&action.name));
        let next = open().map(|action| action.run_order).min();
        let next_actions: Vec<String> = open()
            .filter(|action| Some(action.run_order) == next)
            .map(|action| action.name.clone())
            .collect();
        if execution.status == ExecutionStatus::Stopping {
            self.finish_stop(id);
        } else if failed {
            self.leave_stage(id, &stage.name, ExecutionStatus::Failed, "FAILED");
            self.end(id, ExecutionStatus::Failed, "FAILED");
            self.advance();
        } else if next_actions.is_empty() {
            self.leave_stage(id, &stage.name, ExecutionStatus::Succeeded, "SUCCEEDED");
            self.pass_on(id, index);
            self.advance();
        } else {
            for action in next_actions {
                self.start_action(id, &stage.name, &action);
            }
        }
        Some(())
    }

    /// Ends an action and goes on in its stage.
    pub(super) fn settle(
        &mut self,
        id: &str,
        action_id: &str,
        status: ActionStatus,
        result: ActionResult,
    ) -> Option<()> {
        let now = self.world.now();
        let execution = self.touch(id)?;
        let run = execution.action_mut(action_id)?;
        run.status = status;
        run.updated = now;
        run.result = result;
        let state = if status == ActionStatus::Succeeded { "SUCCEEDED" } else { "FAILED" };
        self.tell_action(id, action_id, state);
        self.go_on_in_stage(id)
    }

    /// Sets a stage's state within an execution and tells it.
    pub(super) fn leave_stage(
        &mut self,
        id: &str,
        stage: &str,
        status: ExecutionStatus,
        state: &str,
    ) -> Option<()> {
        self.touch(id)?.stage_mut(stage)?.status = status;
        self.tell_stage(id, stage, state);
        Some(())
    }

    /// Ends an execution and tells it.
    pub(super) fn end(&mut self, id: &str, status: ExecutionStatus, state: &str) -> Option<()> {
        let execution = self.touch(id)?;
        execution.status = status;
        execution.place = Place::Ended;
        self.tell_pipeline(id, state);
        Some(())
    }

    /// Ends what goes on of an execution's actions without waiting for them.
    pub(super) fn drop_actions(&mut self, id: &str, state: &str) -> Option<()> {
        let now = self.world.now();
        for action_id in self.pipeline.execution(id)?.actions_in_progress() {
            let run = self.touch(id)?.action_mut(&action_id)?;
            run.status = ActionStatus::Abandoned;
            run.updated = now;
            self.tell_action(id, &action_id, state);
        }
        Some(())
    }

    /// The name of the stage that an execution is in.
    pub(super) fn stage_of(&self, id: &str) -> Option<String> {
        let Place::In(index) = self.pipeline.execution(id)?.place else { return None };
        Some(self.pipeline.declaration.stages.get(index)?.name.clone())
    }

    /// The pipeline's role, as it acts for one execution.
    pub(super) fn role(&self, session: &str) -> Caller {
        let arn = &self.pipeline.declaration.role_arn;
        let name = arn.rsplit('/').next().unwrap_or_default();
        Caller::role(self.account, name, session)
    }

    /// An execution that is about to change.
    pub(super) fn touch(&mut self, id: &str) -> Option<&mut Execution> {
        let now = self.world.now();
        let execution = self.pipeline.execution_mut(id)?;
        execution.updated = now;
        Some(execution)
    }

    /// Tells an execution's state.
    pub(super) fn tell_pipeline(&mut self, id: &str, state: &str) {
        if let Some(execution) = self.pipeline.execution(id) {
            tell_pipeline(self.world, self.account, &self.pipeline, execution, state);
        }
    }

    /// Tells a stage's state.
    pub(super) fn tell_stage(&mut self, id: &str, stage: &str, state: &str) {
        let execution = self.pipeline.execution(id);
        if let Some((execution, stage)) = execution.and_then(|it| Some((it, it.stage(stage)?))) {
            tell_stage(self.world, self.account, &self.pipeline, execution, stage, state);
        }
    }

    /// Tells an action's state.
    pub(super) fn tell_action(&mut self, id: &str, action_id: &str, state: &str) {
        let execution = self.pipeline.execution(id);
        if let Some((execution, action)) = execution.and_then(|it| Some((it, it.action(action_id)?))) {
            tell_action(self.world, self.account, &self.pipeline, execution, action, state);
        }
    }

    /// After a stage: to the next one, or to the end. A stage rollback is about its stage alone.
    fn pass_on(&mut self, id: &str, stage: usize) {
        let last = stage + 1 >= self.pipeline.declaration.stages.len();
        let Some(execution) = self.touch(id) else { return };
        if last || execution.rollback_target.is_some() {
            self.end(id, ExecutionStatus::Succeeded, "SUCCEEDED");
        } else {
            execution.place = Place::Before(stage + 1);
        }
    }

    fn start_action(&mut self, id: &str, stage: &str, action: &str) -> Option<()> {
        let now = self.world.now();
        let action_id = self.world.ids.uuid();
        let run = ActionRun {
            id: action_id.clone(),
            stage: stage.to_owned(),
            action: action.to_owned(),
            status: ActionStatus::InProgress,
            started: now,
            updated: now,
            updated_by: None,
            result: ActionResult::default(),
            token: None,
            rollout: None,
        };
        let execution = self.touch(id)?;
        execution.actions.push(run);
        execution.stage_mut(stage)?.current.insert(action.to_owned(), action_id.clone());
        self.prepare(id, &action_id);
        self.tell_action(id, &action_id, "STARTED");
        Some(())
    }
}
