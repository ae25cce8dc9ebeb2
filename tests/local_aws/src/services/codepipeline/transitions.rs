//! `DisableStageTransition` and `EnableStageTransition`.

use super::constraints::{Constraints, DISABLED_REASON, NAME};
use super::engine;
use super::records::{Pipeline, Transition};
use super::{SERVICE, authorize};
use crate::caller::Caller;
use crate::error::AwsError;
use crate::services::parse_input;
use crate::world::World;
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Disable {
    pipeline_name: Option<String>,
    stage_name: Option<String>,
    transition_type: Option<String>,
    reason: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Enable {
    pipeline_name: Option<String>,
    stage_name: Option<String>,
    transition_type: Option<String>,
}

/// Parks executions before a stage.
pub(super) fn disable_stage_transition(
    world: &mut World,
    caller: &Caller,
    input: Value,
) -> Result<Value, AwsError> {
    let input: Disable = parse_input(SERVICE, "DisableStageTransition", input)?;
    let mut constraints = Constraints::default();
    let name = constraints.required("pipelineName", input.pipeline_name.as_deref(), &NAME);
    let stage = constraints.required("stageName", input.stage_name.as_deref(), &NAME);
    let outbound = check_type(&mut constraints, input.transition_type.as_deref());
    let reason = constraints.required("reason", input.reason.as_deref(), &DISABLED_REASON);
    constraints.finish()?;
    authorize(world, caller, "DisableStageTransition", &format!("{name}/{stage}"))?;
    engine::run(world, &caller.account, name, |engine| {
        let stage = entered(&engine.pipeline, stage, outbound)?;
        let transition = Transition {
            enabled: false,
            changed_by: caller.arn(),
            changed_at: engine.world.now(),
            disabled_reason: Some(reason.to_owned()),
        };
        engine.pipeline.transitions.insert(stage, transition);
        Ok(())
    })?;
    Ok(json!({}))
}

/// Lets the parked executions pass.
pub(super) fn enable_stage_transition(
    world: &mut World,
    caller: &Caller,
    input: Value,
) -> Result<Value, AwsError> {
    let input: Enable = parse_input(SERVICE, "EnableStageTransition", input)?;
    let mut constraints = Constraints::default();
    let name = constraints.required("pipelineName", input.pipeline_name.as_deref(), &NAME);
    let stage = constraints.required("stageName", input.stage_name.as_deref(), &NAME);
    let outbound = check_type(&mut constraints, input.transition_type.as_deref());
    constraints.finish()?;
    authorize(world, caller, "EnableStageTransition", &format!("{name}/{stage}"))?;
    engine::run(world, &caller.account, name, |engine| {
        let stage = entered(&engine.pipeline, stage, outbound)?;
        let transition = Transition {
            enabled: true,
            changed_by: caller.arn(),
            changed_at: engine.world.now(),
            disabled_reason: None,
        };
        engine.pipeline.transitions.insert(stage, transition);
        engine.advance();
        Ok(())
    })?;
    Ok(json!({}))
}

/// Whether the transition out of the stage is meant.
fn check_type(constraints: &mut Constraints, transition_type: Option<&str>) -> bool {
    if transition_type.is_none() {
        constraints.missing("transitionType");
    }
    constraints.one_of("transitionType", transition_type, &["Inbound", "Outbound"]);
    transition_type == Some("Outbound")
}

/// The stage that the transition leads into.
fn entered(pipeline: &Pipeline, stage: &str, outbound: bool) -> Result<String, AwsError> {
    let declaration = &pipeline.declaration;
    let Some(index) = declaration.stage_index(stage) else {
        return Err(super::stage_not_found(&declaration.name, stage));
    };
    let entered = if outbound { index + 1 } else { index };
    match declaration.stages.get(entered) {
        Some(stage) if entered > 0 => Ok(stage.name.clone()),
        _ => Err(AwsError::not_in_local_aws(format!(
            "a transition {} the codepipeline stage '{stage}', which is the {} one",
            if outbound { "out of" } else { "into" },
            if outbound { "last" } else { "first" }
        ))),
    }
}
