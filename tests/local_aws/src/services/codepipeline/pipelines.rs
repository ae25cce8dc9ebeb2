//! Pipelines themselves: `CreatePipeline`, `GetPipeline`, `UpdatePipeline`, `DeletePipeline`, `ListPipelines`.

use super::constraints::{Constraints, NAME};
use super::declaration::Declaration;
use super::engine::{self, Engine};
use super::records::{ExecutionStatus, Pipeline, Trigger};
use super::tags::{self, Tag};
use super::{SERVICE, authorize, pages, polling, start, structure};
use crate::caller::Caller;
use crate::clock;
use crate::error::AwsError;
use crate::names::Arn;
use crate::services::{iam, parse_input};
use crate::world::World;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;

const PIPELINES_MAX: usize = 1000;
const POLLING_PIPELINES_MAX: usize = 300;
const PAGE_MAX: usize = 1000;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct CreatePipeline {
    pipeline: Option<Declaration>,
    #[serde(default)]
    tags: Vec<Tag>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct GetPipeline {
    name: Option<String>,
    version: Option<i64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct UpdatePipeline {
    pipeline: Option<Declaration>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct DeletePipeline {
    name: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ListPipelines {
    next_token: Option<String>,
    max_results: Option<i64>,
}

/// Makes a pipeline and runs it once.
pub(super) fn create_pipeline(world: &mut World, caller: &Caller, input: Value) -> Result<Value, AwsError> {
    let input: CreatePipeline = parse_input(SERVICE, "CreatePipeline", input)?;
    let mut declaration = checked(world, input.pipeline)?;
    let name = declaration.name.clone();
    let tags = tags::with(&BTreeMap::new(), &input.tags)?;
    authorize(world, caller, "CreatePipeline", &name)?;
    if !tags.is_empty() {
        authorize(world, caller, "TagResource", &name)?;
    }
    check_role(world, caller, &declaration)?;
    declaration.version = 1;
    let pipeline = Pipeline {
        id: world.ids.uuid(),
        versions: vec![declaration.clone()],
        declaration,
        created: world.now(),
        updated: world.now(),
        tags,
        executions: Vec::new(),
        transitions: BTreeMap::new(),
        start_tokens: BTreeMap::new(),
        known_tips: BTreeMap::new(),
        polling: false,
        entries: 0,
    };
    let answer = json!({ "pipeline": pipeline.declaration, "tags": tags::list(&pipeline.tags) });
    let pipelines = &mut world.account_mut(&caller.account)?.codepipeline.pipelines;
    if pipelines.contains_key(&name) {
        return Err(AwsError::new(
            "PipelineNameInUseException",
            format!("A pipeline with name '{name}' already exists in account '{}'", caller.account),
        ));
    }
    check_quotas(pipelines, polling::polls(&pipeline))?;
    pipelines.insert(name.clone(), pipeline);
    engine::run(world, &caller.account, &name, |engine| {
        let trigger = Trigger { trigger_type: "CreatePipeline".to_owned(), trigger_detail: caller.arn() };
        let execution = start::new_execution(engine.world, &engine.pipeline, trigger);
        engine.begin(execution);
        engine.keep_polling();
        Ok(())
    })?;
    Ok(answer)
}

/// Shows a pipeline's structure.
pub(super) fn get_pipeline(world: &mut World, caller: &Caller, input: Value) -> Result<Value, AwsError> {
    let input: GetPipeline = parse_input(SERVICE, "GetPipeline", input)?;
    let mut constraints = Constraints::default();
    let name = constraints.required("name", input.name.as_deref(), &NAME);
    constraints.range("version", input.version, 1, i64::MAX);
    constraints.finish()?;
    authorize(world, caller, "GetPipeline", name)?;
    let arn = world.arn("codepipeline", &caller.account, name);
    let pipeline = super::pipeline(world, &caller.account, name)?;
    let version = input.version.unwrap_or(pipeline.declaration.version);
    let Some(declaration) = pipeline.structure(version) else {
        return Err(AwsError::new(
            "PipelineVersionNotFoundException",
            format!("The pipeline '{name}' has no version {version}"),
        ));
    };
    Ok(json!({
        "pipeline": declaration,
        "metadata": {
            "pipelineArn": arn,
            "created": clock::epoch(pipeline.created),
            "updated": clock::epoch(pipeline.updated),
        },
    }))
}

/// Gives a pipeline another structure. What was running through the old one is cancelled.
pub(super) fn update_pipeline(world: &mut World, caller: &Caller, input: Value) -> Result<Value, AwsError> {
    let input: UpdatePipeline = parse_input(SERVICE, "UpdatePipeline", input)?;
    let mut declaration = checked(world, input.pipeline)?;
    let name = declaration.name.clone();
    authorize(world, caller, "UpdatePipeline", &name)?;
    check_role(world, caller, &declaration)?;
    let updated = engine::run(world, &caller.account, &name, |engine| {
        engine.cancel_all();
        declaration.version = engine.pipeline.declaration.version + 1;
        engine.pipeline.declaration = declaration.clone();
        engine.pipeline.versions.push(declaration);
        engine.pipeline.updated = engine.world.now();
        engine.keep_polling();
        Ok(engine.pipeline.declaration.clone())
    });
    match updated {
        Ok(declaration) => Ok(json!({ "pipeline": declaration })),
        // `PipelineNotFoundException` is none of the errors that AWS's model gives this operation.
        Err(error) if error.code == "PipelineNotFoundException" => {
            Err(structure::invalid_structure(error.message))
        }
        Err(error) => Err(error),
    }
}

/// Forgets a pipeline and its history. One that is not there is no error.
pub(super) fn delete_pipeline(world: &mut World, caller: &Caller, input: Value) -> Result<Value, AwsError> {
    let input: DeletePipeline = parse_input(SERVICE, "DeletePipeline", input)?;
    let mut constraints = Constraints::default();
    let name = constraints.required("name", input.name.as_deref(), &NAME);
    constraints.finish()?;
    authorize(world, caller, "DeletePipeline", name)?;
    world.account_mut(&caller.account)?.codepipeline.pipelines.remove(name);
    Ok(json!({}))
}

/// Lists pipelines by name.
pub(super) fn list_pipelines(world: &mut World, caller: &Caller, input: Value) -> Result<Value, AwsError> {
    let input: ListPipelines = parse_input(SERVICE, "ListPipelines", input)?;
    let mut constraints = Constraints::default();
    constraints.range("maxResults", input.max_results, 1, 1000);
    constraints.finish()?;
    iam::authorize(world, caller, "codepipeline:ListPipelines", "*", &[])?;
    let pipelines = &world.account(&caller.account)?.codepipeline.pipelines;
    let all: Vec<(&String, &Pipeline)> = pipelines.iter().collect();
    let size = pages::size(input.max_results, PAGE_MAX);
    let (page, next) = pages::page("pipelines", all, |(name, _)| name, input.next_token.as_deref(), size)?;
    let summary = |(name, pipeline): (&String, &Pipeline)| {
        json!({
            "name": name,
            "version": pipeline.declaration.version,
            "pipelineType": pipeline.declaration.pipeline_type,
            "executionMode": pipeline.declaration.execution_mode,
            "created": clock::epoch(pipeline.created),
            "updated": clock::epoch(pipeline.updated),
        })
    };
    let shown: Vec<Value> = page.into_iter().map(summary).collect();
    Ok(super::without_nulls(json!({ "pipelines": shown, "nextToken": next })))
}

fn checked(world: &World, declaration: Option<Declaration>) -> Result<Declaration, AwsError> {
    let Some(declaration) = declaration else {
        let mut constraints = Constraints::default();
        constraints.missing("pipeline");
        constraints.finish()?;
        return Err(structure::invalid_structure("The pipeline is missing"));
    };
    structure::check(&declaration, &world.region)?;
    Ok(declaration)
}

fn check_role(world: &World, caller: &Caller, declaration: &Declaration) -> Result<(), AwsError> {
    let role = &declaration.role_arn;
    let context = [("iam:PassedToService", "codepipeline.amazonaws.com")];
    iam::authorize(world, caller, "iam:PassRole", role, &context)?;
    if Arn::parse(role).is_none_or(|arn| arn.account != caller.account.as_str()) {
        return Err(AwsError::access_denied(
            &caller.arn(),
            "iam:PassRole",
            role,
            "the role belongs to another account",
        ));
    }
    iam::check_service_role(world, &caller.account, role, "codepipeline.amazonaws.com").map_err(|_error| {
        structure::invalid_structure(format!(
            "CodePipeline is not authorized to perform AssumeRole on role {role}"
        ))
    })
}

fn check_quotas(pipelines: &BTreeMap<String, Pipeline>, polls: bool) -> Result<(), AwsError> {
    let polling = pipelines.values().filter(|pipeline| polling::polls(pipeline)).count();
    let (count, limit, what) = if polls && polling >= POLLING_PIPELINES_MAX {
        (polling, POLLING_PIPELINES_MAX, "pipelines that poll for source changes")
    } else {
        (pipelines.len(), PIPELINES_MAX, "pipelines")
    };
    if count < limit {
        return Ok(());
    }
    Err(AwsError::new(
        "LimitExceededException",
        format!("There are {count} {what} in this account and Region; the limit is {limit}"),
    ))
}

impl Engine<'_> {
    fn cancel_all(&mut self) {
        let going_on: Vec<String> = self
            .pipeline
            .executions
            .iter()
            .filter(|execution| execution.status.is_going_on())
            .map(|execution| execution.id.clone())
            .collect();
        for id in going_on {
            self.drop_actions(&id, "CANCELED");
            if let Some(stage) = self.stage_of(&id) {
                self.leave_stage(&id, &stage, ExecutionStatus::Cancelled, "CANCELED");
            }
            self.end(&id, ExecutionStatus::Cancelled, "CANCELED");
        }
    }
}
