//! `StartPipelineExecution`.

use super::constraints::{
    CLIENT_REQUEST_TOKEN, Constraints, NAME, REVISION, VARIABLE_NAME, VARIABLE_VALUE, invalid,
};
use super::declaration::Declaration;
use super::engine;
use super::records::{Execution, ExecutionStatus, Pipeline, Place, Revision, Trigger};
use super::{SERVICE, authorize};
use crate::caller::Caller;
use crate::error::AwsError;
use crate::names::Arn;
use crate::services::parse_input;
use crate::world::World;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// How many executions of one pipeline may go on at once.
pub(super) const EXECUTIONS_MAX: usize = 50;
const OVERRIDES_MAX: usize = 50;
const VARIABLES_MAX: usize = 50;
const REVISION_TYPES: &[&str] = &["COMMIT_ID", "IMAGE_DIGEST", "S3_OBJECT_VERSION_ID", "S3_OBJECT_KEY"];

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Input {
    name: Option<String>,
    #[serde(default)]
    variables: Vec<Variable>,
    client_request_token: Option<String>,
    #[serde(default)]
    source_revisions: Vec<SourceRevision>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Variable {
    name: Option<String>,
    value: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct SourceRevision {
    action_name: Option<String>,
    revision_type: Option<String>,
    revision_value: Option<String>,
}

/// Starts an execution, or finds the one that the same token started before.
pub(super) fn start_pipeline_execution(
    world: &mut World,
    caller: &Caller,
    input: Value,
) -> Result<Value, AwsError> {
    let input: Input = parse_input(SERVICE, "StartPipelineExecution", input)?;
    let name = input.check()?.to_owned();
    authorize(world, caller, "StartPipelineExecution", &name)?;
    let id = engine::run(world, &caller.account, &name, |engine| {
        let forgotten = engine.world.settings.unconfirmed.start_token_is_forgotten;
        let token = input.client_request_token.as_ref().filter(|_| !forgotten);
        if let Some(known) = token.and_then(|token| engine.pipeline.start_tokens.get(token)) {
            return Ok(known.clone());
        }
        let overrides = input.overrides(&engine.pipeline.declaration)?;
        let variables = input.variables(&engine.pipeline.declaration)?;
        check_limit(&engine.pipeline)?;
        let trigger =
            Trigger { trigger_type: "StartPipelineExecution".to_owned(), trigger_detail: caller.arn() };
        let mut execution = new_execution(engine.world, &engine.pipeline, trigger);
        if !engine.world.settings.unconfirmed.source_revision_comes_late {
            execution.revisions = told_revisions(engine.world, &engine.pipeline, &overrides);
        }
        execution.overrides = overrides;
        execution.variables.extend(variables);
        if let Some(token) = token {
            engine.pipeline.start_tokens.insert(token.clone(), execution.id.clone());
        }
        Ok(engine.begin(execution))
    })?;
    Ok(json!({ "pipelineExecutionId": id }))
}

/// Starts an execution for an EventBridge rule whose target the pipeline is.
///
/// # Errors
/// When the rule's role may not, or there is no such pipeline.
pub(crate) fn start_for_rule(
    world: &mut World,
    caller: &Caller,
    pipeline: &Arn,
    rule_arn: &str,
) -> Result<(), AwsError> {
    let name = &pipeline.resource;
    authorize(world, caller, "StartPipelineExecution", name)?;
    engine::run(world, &caller.account, name, |engine| {
        check_limit(&engine.pipeline)?;
        let trigger =
            Trigger { trigger_type: "CloudWatchEvent".to_owned(), trigger_detail: rule_arn.to_owned() };
        let execution = new_execution(engine.world, &engine.pipeline, trigger);
        Ok(engine.begin(execution))
    })
    .map(|_| ())
}

/// An execution that waits for the first stage.
pub(super) fn new_execution(world: &mut World, pipeline: &Pipeline, trigger: Trigger) -> Execution {
    let declared = &pipeline.declaration.variables;
    Execution {
        id: world.ids.uuid(),
        version: pipeline.declaration.version,
        mode: pipeline.declaration.mode(),
        rollback_target: None,
        status: ExecutionStatus::InProgress,
        trigger,
        started: world.now(),
        updated: world.now(),
        attempt: 1,
        overrides: BTreeMap::new(),
        variables: declared
            .iter()
            .filter_map(|it| Some((it.name.clone(), it.default_value.clone()?)))
            .collect(),
        stop: None,
        revisions: BTreeMap::new(),
        artifacts: BTreeMap::new(),
        place: Place::Before(0),
        stages: Vec::new(),
        actions: Vec::new(),
    }
}

/// Refuses one execution too many.
///
/// # Errors
/// `ConcurrentPipelineExecutionsLimitExceededException`.
pub(super) fn check_limit(pipeline: &Pipeline) -> Result<(), AwsError> {
    let going_on = pipeline.executions.iter().filter(|execution| execution.status.is_going_on()).count();
    if going_on < EXECUTIONS_MAX {
        return Ok(());
    }
    Err(AwsError::new(
        "ConcurrentPipelineExecutionsLimitExceededException",
        format!(
            "The pipeline '{}' has {going_on} executions in progress; the limit is {EXECUTIONS_MAX}",
            pipeline.declaration.name
        ),
    ))
}

fn told_revisions(
    world: &World,
    pipeline: &Pipeline,
    overrides: &BTreeMap<String, String>,
) -> BTreeMap<String, Revision> {
    let told = |action: &super::declaration::ActionDeclaration| {
        let revision = Revision {
            artifact: action.output_artifacts.first()?.name.clone(),
            id: overrides.get(&action.name)?.clone(),
            summary: None,
            url: None,
            created: world.now(),
        };
        Some((action.name.clone(), revision))
    };
    pipeline.declaration.sources().filter_map(told).collect()
}

impl Input {
    fn check(&self) -> Result<&str, AwsError> {
        let mut constraints = Constraints::default();
        let name = constraints.required("name", self.name.as_deref(), &NAME);
        constraints.optional(
            "clientRequestToken",
            self.client_request_token.as_deref(),
            &CLIENT_REQUEST_TOKEN,
        );
        constraints.length("variables", self.variables.len(), 0, VARIABLES_MAX);
        for (index, variable) in self.variables.iter().enumerate() {
            let at = format!("variables.{}.member", index + 1);
            constraints.required(&format!("{at}.name"), variable.name.as_deref(), &VARIABLE_NAME);
            constraints.required(&format!("{at}.value"), variable.value.as_deref(), &VARIABLE_VALUE);
        }
        constraints.length("sourceRevisions", self.source_revisions.len(), 0, OVERRIDES_MAX);
        for (index, revision) in self.source_revisions.iter().enumerate() {
            let at = format!("sourceRevisions.{}.member", index + 1);
            constraints.required(&format!("{at}.actionName"), revision.action_name.as_deref(), &NAME);
            constraints.required(
                &format!("{at}.revisionValue"),
                revision.revision_value.as_deref(),
                &REVISION,
            );
            if revision.revision_type.is_none() {
                constraints.missing(&format!("{at}.revisionType"));
            }
            constraints.one_of(
                &format!("{at}.revisionType"),
                revision.revision_type.as_deref(),
                REVISION_TYPES,
            );
        }
        constraints.finish()?;
        Ok(name)
    }

    fn overrides(&self, declaration: &Declaration) -> Result<BTreeMap<String, String>, AwsError> {
        let pipeline = &declaration.name;
        if !self.source_revisions.is_empty() && !declaration.is_v2() {
            return Err(invalid(format!(
                "sourceRevisions need the pipeline type V2; pipeline '{pipeline}' has the type V1"
            )));
        }
        let mut overrides = BTreeMap::new();
        for revision in &self.source_revisions {
            let action = revision.action_name.clone().unwrap_or_default();
            let value = revision.revision_value.clone().unwrap_or_default();
            let revision_type = revision.revision_type.as_deref().unwrap_or_default();
            if !declaration.sources().any(|source| source.name == action) {
                return Err(invalid(format!("Pipeline '{pipeline}' has no source action '{action}'")));
            }
            if revision_type != "COMMIT_ID" {
                return Err(invalid(format!(
                    "Source action '{action}' is a CodeCommit source: it takes a COMMIT_ID, no {revision_type}"
                )));
            }
            if overrides.insert(action.clone(), value).is_some() {
                return Err(invalid(format!("sourceRevisions names the source action '{action}' twice")));
            }
        }
        Ok(overrides)
    }

    fn variables(&self, declaration: &Declaration) -> Result<BTreeMap<String, String>, AwsError> {
        let mut variables = BTreeMap::new();
        for variable in &self.variables {
            let name = variable.name.clone().unwrap_or_default();
            if !declaration.variables.iter().any(|declared| declared.name == name) {
                return Err(invalid(format!("Pipeline '{}' has no variable '{name}'", declaration.name)));
            }
            variables.insert(name, variable.value.clone().unwrap_or_default());
        }
        let unset = declaration
            .variables
            .iter()
            .find(|declared| declared.default_value.is_none() && !variables.contains_key(&declared.name));
        match unset {
            Some(unset) => Err(invalid(format!("The variable '{}' has no default and no value", unset.name))),
            None => Ok(variables),
        }
    }
}
