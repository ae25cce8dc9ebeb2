//! What makes a pipeline's structure valid.

use super::action_types::{self, ActionKind, invalid_action};
use super::constraints::{
    ARTIFACT_NAME, BUCKET, CONFIGURATION_KEY, CONFIGURATION_VALUE, Constraints, NAME, ROLE_ARN,
    VARIABLE_NAME, VARIABLE_VALUE,
};
use super::declaration::{ActionDeclaration, Declaration, StageDeclaration};
use crate::error::AwsError;
use std::collections::BTreeSet;

const STAGES_MIN: usize = 2;
const STAGES_MAX: usize = 50;
const ACTIONS_MAX: usize = 500;
const PARALLEL_ACTIONS_MAX: usize = 50;
const VARIABLES_MAX: usize = 50;
const CATEGORIES: &[&str] = &["Source", "Build", "Deploy", "Test", "Invoke", "Approval", "Compute"];
const OWNERS: &[&str] = &["AWS", "ThirdParty", "Custom"];

/// Checks a structure that somebody wants to have.
///
/// # Errors
/// `ValidationException` for members, `InvalidStructureException`, `InvalidStageDeclarationException` and
/// `InvalidActionDeclarationException` for what they say together, `NotInLocalAws` for what is not here.
pub(super) fn check(declaration: &Declaration, region: &str) -> Result<(), AwsError> {
    check_members(declaration)?;
    check_type(declaration)?;
    let count = declaration.stages.len();
    if !(STAGES_MIN..=STAGES_MAX).contains(&count) {
        return Err(invalid_structure(format!(
            "Pipeline '{}' has {count} stages; it must have between {STAGES_MIN} and {STAGES_MAX}",
            declaration.name
        )));
    }
    if declaration.artifact_store.is_none() {
        return Err(invalid_structure(format!("Pipeline '{}' must have an artifactStore", declaration.name)));
    }
    if declaration.stages.iter().map(|stage| stage.actions.len()).sum::<usize>() > ACTIONS_MAX {
        return Err(AwsError::new(
            "LimitExceededException",
            format!("A pipeline has at most {ACTIONS_MAX} actions"),
        ));
    }
    let mut names = BTreeSet::new();
    let mut artifacts = BTreeSet::new();
    for (index, stage) in declaration.stages.iter().enumerate() {
        if !names.insert(&stage.name) {
            return Err(AwsError::new(
                "InvalidStageDeclarationException",
                format!("Two stages have the name '{}'; stage names must be unique", stage.name),
            ));
        }
        check_stage(stage, index == 0)?;
        for action in &stage.actions {
            check_action(action, region)?;
        }
        check_artifacts(stage, &mut artifacts)?;
    }
    Ok(())
}

fn check_members(declaration: &Declaration) -> Result<(), AwsError> {
    let mut constraints = Constraints::default();
    required(&mut constraints, "pipeline.name", &declaration.name, &NAME);
    required(&mut constraints, "pipeline.roleArn", &declaration.role_arn, &ROLE_ARN);
    if let Some(store) = &declaration.artifact_store {
        constraints.one_of("pipeline.artifactStore.type", Some(&store.store_type), &["S3"]);
        required(&mut constraints, "pipeline.artifactStore.location", &store.location, &BUCKET);
    }
    let modes = ["QUEUED", "SUPERSEDED", "PARALLEL"];
    constraints.one_of("pipeline.executionMode", Some(&declaration.execution_mode), &modes);
    constraints.one_of("pipeline.pipelineType", Some(&declaration.pipeline_type), &["V1", "V2"]);
    constraints.range("pipeline.version", Some(declaration.version), 1, i64::MAX);
    constraints.length("pipeline.variables", declaration.variables.len(), 0, VARIABLES_MAX);
    for (index, variable) in declaration.variables.iter().enumerate() {
        let at = format!("pipeline.variables.{}.member", index + 1);
        required(&mut constraints, &format!("{at}.name"), &variable.name, &VARIABLE_NAME);
        let default = variable.default_value.as_deref();
        constraints.optional(&format!("{at}.defaultValue"), default, &VARIABLE_VALUE);
    }
    if declaration.stages.is_empty() {
        constraints.missing("pipeline.stages");
    }
    for (index, stage) in declaration.stages.iter().enumerate() {
        check_stage_members(&mut constraints, &format!("pipeline.stages.{}.member", index + 1), stage);
    }
    constraints.finish()
}

fn check_stage_members(constraints: &mut Constraints, at: &str, stage: &StageDeclaration) {
    required(constraints, &format!("{at}.name"), &stage.name, &NAME);
    for (index, action) in stage.actions.iter().enumerate() {
        let at = format!("{at}.actions.{}.member", index + 1);
        required(constraints, &format!("{at}.name"), &action.name, &NAME);
        let id = &action.action_type_id;
        constraints.one_of(&format!("{at}.actionTypeId.category"), Some(&id.category), CATEGORIES);
        constraints.one_of(&format!("{at}.actionTypeId.owner"), Some(&id.owner), OWNERS);
        for (member, value) in [("provider", &id.provider), ("version", &id.version)] {
            if value.is_empty() {
                constraints.missing(&format!("{at}.actionTypeId.{member}"));
            }
        }
        constraints.range(&format!("{at}.runOrder"), Some(action.run_order), 1, 999);
        constraints.range(&format!("{at}.timeoutInMinutes"), action.timeout_in_minutes, 5, 86_400);
        for (key, value) in &action.configuration {
            constraints.text(&format!("{at}.configuration"), key, &CONFIGURATION_KEY);
            constraints.text(&format!("{at}.configuration.{key}"), value, &CONFIGURATION_VALUE);
        }
        for artifact in action.input_artifacts.iter().chain(&action.output_artifacts) {
            required(constraints, &format!("{at}.artifacts.name"), &artifact.name, &ARTIFACT_NAME);
        }
        constraints.optional(&format!("{at}.namespace"), action.namespace.as_deref(), &VARIABLE_NAME);
    }
}

/// A missing text was read as an empty one.
fn required(constraints: &mut Constraints, member: &str, value: &str, rule: &super::constraints::Text) {
    constraints.required(member, Some(value).filter(|value| !value.is_empty()), rule);
}

fn check_type(declaration: &Declaration) -> Result<(), AwsError> {
    if declaration.is_v2() {
        return Ok(());
    }
    if declaration.execution_mode != "SUPERSEDED" {
        return Err(invalid_structure(format!(
            "The execution mode {} needs the pipeline type V2; pipeline '{}' has the type V1",
            declaration.execution_mode, declaration.name
        )));
    }
    if !declaration.variables.is_empty() {
        return Err(invalid_structure(format!(
            "Pipeline variables need the pipeline type V2; pipeline '{}' has the type V1",
            declaration.name
        )));
    }
    Ok(())
}

fn check_stage(stage: &StageDeclaration, first: bool) -> Result<(), AwsError> {
    let name = &stage.name;
    if stage.actions.is_empty() {
        return Err(invalid_stage(format!("Stage '{name}' must have at least one action")));
    }
    let mut names = BTreeSet::new();
    for action in &stage.actions {
        if !names.insert(&action.name) {
            return Err(invalid_action(format!(
                "Two actions in stage '{name}' have the name '{}'; action names must be unique in a stage",
                action.name
            )));
        }
        let source = action.action_type_id.category == "Source";
        if first && !source {
            return Err(invalid_structure(format!(
                "The first stage must have source actions only; '{}' in stage '{name}' is none",
                action.name
            )));
        }
        if !first && source {
            return Err(invalid_structure(format!(
                "Only the first stage may have source actions; '{}' is in stage '{name}'",
                action.name
            )));
        }
        let beside = stage.actions.iter().filter(|other| other.run_order == action.run_order).count();
        if beside > PARALLEL_ACTIONS_MAX {
            return Err(AwsError::new(
                "LimitExceededException",
                format!(
                    "At most {PARALLEL_ACTIONS_MAX} actions of a stage run at once; '{name}' has {beside}"
                ),
            ));
        }
    }
    Ok(())
}

fn check_action(action: &ActionDeclaration, region: &str) -> Result<(), AwsError> {
    let kind = ActionKind::of(&action.action_type_id)?;
    let name = &action.name;
    for (noun, found, expected) in [
        ("input", action.input_artifacts.len(), kind.inputs()),
        ("output", action.output_artifacts.len(), kind.outputs()),
    ] {
        if found != expected {
            return Err(invalid_action(format!(
                "Action '{name}' has {found} {noun} artifacts; its provider takes exactly {expected}"
            )));
        }
    }
    if action.timeout_in_minutes.is_some() && kind != ActionKind::ManualApproval {
        return Err(invalid_action(format!(
            "Action '{name}' has timeoutInMinutes, which only manual approvals may have"
        )));
    }
    if let Some(elsewhere) = action.region.as_deref().filter(|wanted| *wanted != region) {
        return Err(AwsError::not_in_local_aws(format!(
            "codepipeline actions in another Region ({elsewhere})"
        )));
    }
    action_types::check_configuration(kind, action)
}

/// An input must have been the output of an action that certainly ran before.
fn check_artifacts(stage: &StageDeclaration, known: &mut BTreeSet<String>) -> Result<(), AwsError> {
    let mut actions: Vec<&ActionDeclaration> = stage.actions.iter().collect();
    actions.sort_by_key(|action| action.run_order);
    for beside in actions.chunk_by(|first, second| first.run_order == second.run_order) {
        for action in beside {
            for artifact in &action.input_artifacts {
                if !known.contains(&artifact.name) {
                    return Err(invalid_structure(format!(
                        "Input artifact '{}' of action '{}' is no output artifact of an action before it",
                        artifact.name, action.name
                    )));
                }
            }
        }
        for artifact in beside.iter().flat_map(|action| &action.output_artifacts) {
            if !known.insert(artifact.name.clone()) {
                return Err(invalid_structure(format!(
                    "Output artifact '{}' is declared twice; output artifact names must be unique",
                    artifact.name
                )));
            }
        }
    }
    Ok(())
}

/// `InvalidStructureException` with this text.
pub(super) fn invalid_structure(message: impl Into<String>) -> AwsError {
    AwsError::new("InvalidStructureException", message)
}

fn invalid_stage(message: impl Into<String>) -> AwsError {
    AwsError::new("InvalidStageDeclarationException", message)
}
