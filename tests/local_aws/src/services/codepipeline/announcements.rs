//! The events that tell what happens to executions, stages and actions.

use super::declaration::ActionDeclaration;
use super::records::{ActionRun, Execution, Pipeline, StageRun};
use crate::names::AccountId;
use crate::services::events::{self, ServiceEvent};
use crate::world::World;
use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Map, Value, json};

/// Tells a change of an execution's state, in the event's own words (`STARTED`, `SUCCEEDED`, …).
pub(super) fn tell_pipeline(
    world: &mut World,
    account: &AccountId,
    pipeline: &Pipeline,
    execution: &Execution,
    state: &str,
) {
    let mut detail = detail(pipeline, execution, execution.started, state);
    if state == "STARTED" {
        let trigger = &execution.trigger;
        detail.insert(
            "execution-trigger".to_owned(),
            json!({ "trigger-type": trigger.trigger_type, "trigger-detail": trigger.trigger_detail }),
        );
    }
    if state == "STOPPING"
        && let Some(reason) = execution.stop.as_ref().and_then(|stop| stop.reason.as_ref())
    {
        detail.insert("stop-execution-comments".to_owned(), json!(reason));
    }
    emit(world, account, pipeline, "CodePipeline Pipeline Execution State Change", detail);
}

/// Tells a change of a stage's state.
pub(super) fn tell_stage(
    world: &mut World,
    account: &AccountId,
    pipeline: &Pipeline,
    execution: &Execution,
    stage: &StageRun,
    state: &str,
) {
    let mut detail = detail(pipeline, execution, stage.started, state);
    detail.insert("stage".to_owned(), json!(stage.name));
    emit(world, account, pipeline, "CodePipeline Stage Execution State Change", detail);
}

/// Tells a change of an action's state.
pub(super) fn tell_action(
    world: &mut World,
    account: &AccountId,
    pipeline: &Pipeline,
    execution: &Execution,
    action: &ActionRun,
    state: &str,
) {
    let mut detail = detail(pipeline, execution, action.started, state);
    detail.insert("stage".to_owned(), json!(action.stage));
    detail.insert("action".to_owned(), json!(action.action));
    detail.insert("action-execution-id".to_owned(), json!(action.id));
    detail.insert("region".to_owned(), json!(world.region));
    if let Some(declaration) = pipeline.action_of(execution.version, action) {
        let id = &declaration.action_type_id;
        detail.insert(
            "type".to_owned(),
            json!({
                "owner": id.owner, "provider": id.provider, "category": id.category, "version": id.version,
            }),
        );
        add_artifacts(&mut detail, declaration, execution, state);
    }
    let result = execution_result(action);
    if !result.is_empty() {
        detail.insert("execution-result".to_owned(), Value::Object(result));
    }
    emit(world, account, pipeline, "CodePipeline Action Execution State Change", detail);
}

/// What all three kinds of event say. Numbers are floats there, although they count.
fn detail(
    pipeline: &Pipeline,
    execution: &Execution,
    started: DateTime<Utc>,
    state: &str,
) -> Map<String, Value> {
    #[expect(clippy::cast_precision_loss, reason = "versions are counted by people's edits, far below 2^53")]
    let version = execution.version as f64;
    let mut detail = Map::new();
    detail.insert("pipeline".to_owned(), json!(pipeline.declaration.name));
    detail.insert("execution-id".to_owned(), json!(execution.id));
    detail.insert("start-time".to_owned(), json!(started.to_rfc3339_opts(SecondsFormat::Millis, true)));
    detail.insert("state".to_owned(), json!(state));
    detail.insert("version".to_owned(), json!(version));
    detail.insert("pipeline-execution-attempt".to_owned(), json!(f64::from(execution.attempt)));
    detail
}

fn add_artifacts(
    detail: &mut Map<String, Value>,
    declaration: &ActionDeclaration,
    execution: &Execution,
    state: &str,
) {
    let located = |name: &str| {
        let artifact = execution.artifacts.get(name)?;
        Some(json!({ "name": name, "s3location": { "bucket": artifact.bucket, "key": artifact.key } }))
    };
    let inputs: Vec<Value> =
        declaration.input_artifacts.iter().filter_map(|artifact| located(&artifact.name)).collect();
    if !inputs.is_empty() {
        detail.insert("input-artifacts".to_owned(), Value::Array(inputs));
    }
    let outputs: Vec<Value> =
        declaration.output_artifacts.iter().filter_map(|artifact| located(&artifact.name)).collect();
    if state == "SUCCEEDED" && !outputs.is_empty() {
        detail.insert("output-artifacts".to_owned(), Value::Array(outputs));
    }
}

fn execution_result(action: &ActionRun) -> Map<String, Value> {
    let result = &action.result;
    let summary = result.summary.as_deref().or(result.error.as_ref().map(|error| error.message.as_str()));
    let code = result.error.as_ref().map(|error| error.code.as_str());
    [
        ("external-execution-url", result.url.as_deref()),
        ("external-execution-summary", summary),
        ("external-execution-id", result.external_id.as_deref()),
        ("error-code", code),
    ]
    .into_iter()
    .filter_map(|(name, value)| Some((name.to_owned(), json!(value?))))
    .collect()
}

fn emit(
    world: &mut World,
    account: &AccountId,
    pipeline: &Pipeline,
    detail_type: &str,
    detail: Map<String, Value>,
) {
    let resource = world.arn("codepipeline", account, &pipeline.declaration.name);
    let event = ServiceEvent {
        source: "aws.codepipeline".to_owned(),
        detail_type: detail_type.to_owned(),
        resources: vec![resource],
        detail: Value::Object(detail),
    };
    events::emit(world, account, event);
}
