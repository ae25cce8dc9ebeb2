//! AWS CodePipeline: pipelines whose executions take a commit and deploy it to ECS.
//!
//! The source artifact is no ZIP file in a bucket but the commit itself; the roles must have their rights to
//! the bucket all the same.

mod action_history;
mod action_types;
mod admission;
mod announcements;
mod approvals;
mod constraints;
mod declaration;
mod deploy_action;
mod engine;
mod history;
mod pages;
mod pipelines;
mod polling;
mod records;
mod retry;
mod rollback;
mod source_action;
mod start;
mod state;
mod stop;
mod structure;
mod tags;
#[cfg(test)]
mod tests;
mod transitions;
mod work;

use crate::caller::Caller;
use crate::error::AwsError;
use crate::names::AccountId;
use crate::services::{Service, iam};
use crate::world::World;
use records::Pipeline;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

pub(crate) use start::start_for_rule;

const SERVICE: Service = Service::CodePipeline;

/// What one account holds of this service.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct State {
    pipelines: BTreeMap<String, Pipeline>,
}

/// What this service asked to be woken for.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Timer {
    /// An action has something to do.
    ActionGoesOn {
        /// The pipeline's name.
        pipeline: String,
        /// The execution's id.
        execution: String,
        /// The action execution's id.
        action: String,
    },
    /// An execution that nobody has to wait for ends its stop.
    StopCompletes {
        /// The pipeline's name.
        pipeline: String,
        /// The execution's id.
        execution: String,
    },
    /// The source actions look for new tips.
    SourcesPolled {
        /// The pipeline's name.
        pipeline: String,
        /// The pipeline's own id: a deleted one's timer must not wake its namesake.
        id: String,
    },
}

/// Goes on where a timer was set.
pub(crate) fn due(world: &mut World, account: &AccountId, timer: Timer) {
    // A pipeline or execution that is gone by now has nothing left to do.
    match timer {
        Timer::ActionGoesOn { pipeline, execution, action } => {
            let _done = engine::run(world, account, &pipeline, |engine| Ok(engine.work(&execution, &action)));
        }
        Timer::StopCompletes { pipeline, execution } => {
            let _done = engine::run(world, account, &pipeline, |engine| Ok(engine.finish_stop(&execution)));
        }
        Timer::SourcesPolled { pipeline, id } => polling::due(world, account, &pipeline, &id),
    }
}

/// Carries out one operation.
pub(crate) fn call(
    world: &mut World,
    caller: &Caller,
    operation: &str,
    input: Value,
) -> Result<Value, AwsError> {
    match operation {
        "CreatePipeline" => pipelines::create_pipeline(world, caller, input),
        "DeletePipeline" => pipelines::delete_pipeline(world, caller, input),
        "DisableStageTransition" => transitions::disable_stage_transition(world, caller, input),
        "EnableStageTransition" => transitions::enable_stage_transition(world, caller, input),
        "GetPipeline" => pipelines::get_pipeline(world, caller, input),
        "GetPipelineExecution" => history::get_pipeline_execution(world, caller, input),
        "GetPipelineState" => state::get_pipeline_state(world, caller, input),
        "ListActionExecutions" => action_history::list_action_executions(world, caller, input),
        "ListPipelineExecutions" => history::list_pipeline_executions(world, caller, input),
        "ListPipelines" => pipelines::list_pipelines(world, caller, input),
        "ListTagsForResource" => tags::list_tags_for_resource(world, caller, input),
        "PutApprovalResult" => approvals::put_approval_result(world, caller, input),
        "RetryStageExecution" => retry::retry_stage_execution(world, caller, input),
        "RollbackStage" => rollback::rollback_stage(world, caller, input),
        "StartPipelineExecution" => start::start_pipeline_execution(world, caller, input),
        "StopPipelineExecution" => stop::stop_pipeline_execution(world, caller, input),
        "TagResource" => tags::tag_resource(world, caller, input),
        "UntagResource" => tags::untag_resource(world, caller, input),
        "UpdatePipeline" => pipelines::update_pipeline(world, caller, input),
        _ => Err(AwsError::not_in_local_aws(format!("the operation codepipeline {operation}"))),
    }
}

/// Asks IAM about a pipeline, stage (`<pipeline>/<stage>`) or action (`<pipeline>/<stage>/<action>`).
fn authorize(world: &World, caller: &Caller, operation: &str, resource: &str) -> Result<(), AwsError> {
    let arn = world.arn("codepipeline", &caller.account, resource);
    iam::authorize(world, caller, &format!("codepipeline:{operation}"), &arn, &[])
}

fn pipeline<'a>(world: &'a World, account: &AccountId, name: &str) -> Result<&'a Pipeline, AwsError> {
    let found = world.account(account)?.codepipeline.pipelines.get(name);
    found.ok_or_else(|| pipeline_not_found(account, name))
}

fn pipeline_not_found(account: &AccountId, name: &str) -> AwsError {
    AwsError::new(
        "PipelineNotFoundException",
        format!("Account '{account}' does not have a pipeline with name '{name}'"),
    )
}

fn stage_not_found(pipeline: &str, stage: &str) -> AwsError {
    AwsError::new("StageNotFoundException", format!("The pipeline '{pipeline}' has no stage '{stage}'"))
}

fn execution_not_found(pipeline: &str, id: &str) -> AwsError {
    AwsError::new(
        "PipelineExecutionNotFoundException",
        format!("The pipeline '{pipeline}' has no execution {id}"),
    )
}

/// A reply without the members that have no value: AWS leaves them out.
fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(members) => {
            let there = members.into_iter().filter(|(_, value)| !value.is_null());
            Value::Object(there.map(|(name, value)| (name, without_nulls(value))).collect::<Map<_, _>>())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(without_nulls).collect()),
        other => other,
    }
}
