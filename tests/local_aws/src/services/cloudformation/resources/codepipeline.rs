//! Pipelines.

use super::{Identity, Work, answered, camel_case, identity, lower_first, without_nulls};
use crate::error::AwsError;
use crate::services::Service;
use crate::services::cloudformation::parameters::text;
use crate::services::cloudformation::properties::Properties;
use serde_json::{Map, Value, json};

/// What a pipeline's declaration consists of, beside its name.
const DECLARATION: [&str; 8] = [
    "ArtifactStore",
    "ArtifactStores",
    "ExecutionMode",
    "PipelineType",
    "RoleArn",
    "Stages",
    "Triggers",
    "Variables",
];

pub(super) fn create(work: &mut Work<'_>, mut properties: Properties) -> Result<Identity, AwsError> {
    let name = properties.text("Name")?;
    let name = work.name(name, 100);
    let _only_for_updates = properties.flag("RestartExecutionOnUpdate")?;
    let tags =
        Some(camel_case(Value::Array(properties.list("Tags")?), &[])).filter(|tags| *tags != json!([]));
    let pipeline = declaration(&name, properties)?;
    let input = without_nulls(json!({"pipeline": pipeline, "tags": tags}));
    let answer = work.call(Service::CodePipeline, "CreatePipeline", input)?;
    Ok(made(&answer, answered(&answer, "/pipeline/name")?))
}

pub(super) fn update(
    work: &mut Work<'_>,
    there: &Identity,
    old: &Map<String, Value>,
    new: &Map<String, Value>,
) -> Result<Identity, AwsError> {
    let mut changeable = DECLARATION.to_vec();
    changeable.push("RestartExecutionOnUpdate");
    work.only(old, new, &changeable)?;
    let mut properties = work.properties(new.clone());
    let restart = properties.flag("RestartExecutionOnUpdate")?.unwrap_or(false);
    let _unchanged = (properties.value("Name"), properties.value("Tags"));
    let pipeline = declaration(&there.physical_id, properties)?;
    let answer = work.call(Service::CodePipeline, "UpdatePipeline", json!({"pipeline": pipeline}))?;
    if restart {
        work.call(Service::CodePipeline, "StartPipelineExecution", json!({"name": there.physical_id}))?;
    }
    Ok(made(&answer, there.physical_id.clone()))
}

pub(super) fn delete(work: &mut Work<'_>, there: &Identity, _: Properties) -> Result<(), AwsError> {
    work.call(Service::CodePipeline, "DeletePipeline", json!({"name": there.physical_id})).map(|_| ())
}

fn made(answer: &Value, name: String) -> Identity {
    let version = answer.pointer("/pipeline/version").map(text).unwrap_or_default();
    identity(name, [("Version", version)])
}

fn declaration(name: &str, mut properties: Properties) -> Result<Value, AwsError> {
    let mut declaration = Map::new();
    declaration.insert("name".to_owned(), json!(name));
    for member in DECLARATION {
        if let Some(value) = properties.value(member) {
            let value = camel_case(value, &["Configuration"]);
            declaration.insert(lower_first(member), value);
        }
    }
    properties.finish()?;
    let mut declaration = Value::Object(declaration);
    configuration_as_text(&mut declaration);
    Ok(declaration)
}

/// An action's configuration holds text only; templates also write numbers and flags.
fn configuration_as_text(declaration: &mut Value) {
    let stages = declaration.get_mut("stages").and_then(Value::as_array_mut).into_iter().flatten();
    let actions = stages.filter_map(|stage| stage.get_mut("actions")?.as_array_mut()).flatten();
    for configuration in actions.filter_map(|action| action.get_mut("configuration")?.as_object_mut()) {
        configuration.values_mut().for_each(|value| *value = Value::String(text(value)));
    }
}
