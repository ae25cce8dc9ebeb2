//! Whether a pipeline is the service's own, and can be started at a commit.

use super::StartsFacts;
use crate::facts::{
    DeployAction, ExecutionMode, PipelineDescription, PipelineFact, PipelineType, Polling, SourceAction,
};
use crate::names::{ActionName, PipelineName, ServiceId};
use crate::refusal::Refusal;
use crate::text::one_line;

const SHOWN_CHARACTERS: usize = 200;

/// The source action to start the pipeline with.
pub(super) fn source_action(
    facts: &StartsFacts,
    service: &ServiceId,
    name: &PipelineName,
    pipeline: &PipelineFact,
) -> Result<ActionName, Refusal> {
    let pipeline = match pipeline {
        PipelineFact::Missing => return Err(Refusal::PipelineMissing { pipeline: name.clone() }),
        PipelineFact::Found(description) => description,
    };
    match pipeline.pipeline_type {
        PipelineType::V1 => return Err(Refusal::PipelineV1 { pipeline: name.clone() }),
        PipelineType::V2 => {}
    }
    match pipeline.execution_mode {
        ExecutionMode::Queued => {}
        mode @ (ExecutionMode::Superseded | ExecutionMode::Parallel) => {
            return Err(Refusal::PipelineMode { pipeline: name.clone(), mode: mode.to_string() });
        }
    }
    deploys_only(service, name, pipeline)?;
    source(facts, name, pipeline)
}

/// A pipeline that deploys another service too would deploy it unasked.
fn deploys_only(
    service: &ServiceId,
    name: &PipelineName,
    pipeline: &PipelineDescription,
) -> Result<(), Refusal> {
    let file = service.revision_path();
    let is_own = |action: &DeployAction| {
        action.cluster.as_ref() == Some(&service.cluster)
            && action.service.as_ref() == Some(&service.service)
            && action.file == file.as_str()
    };
    if !pipeline.deploys.is_empty() && pipeline.deploys.iter().all(is_own) {
        return Ok(());
    }
    let found = list(pipeline.deploys.iter().map(|action| {
        let cluster = action.cluster.as_ref().map_or("?", |cluster| cluster.as_str());
        let service = action.service.as_ref().map_or("?", |service| service.as_str());
        format!("{cluster}/{service} with {}", action.file)
    }));
    let (pipeline, service) = (name.clone(), service.clone());
    Err(Refusal::PipelineDeploy { pipeline, service, file: file.to_string(), found })
}

fn source(
    facts: &StartsFacts,
    name: &PipelineName,
    pipeline: &PipelineDescription,
) -> Result<ActionName, Refusal> {
    let is_own = |action: &&SourceAction| {
        action.repository.as_ref() == Some(&facts.repository.name)
            && action.branch.as_ref() == Some(&facts.repository.branch)
    };
    let Some(action) = pipeline.sources.iter().find(is_own) else {
        let found = list(pipeline.sources.iter().map(|action| {
            let repository = action.repository.as_ref().map_or("?", |repository| repository.as_str());
            let branch = action.branch.as_ref().map_or("?", |branch| branch.as_str());
            format!("{repository}, branch {branch}")
        }));
        let (repository, branch) = (facts.repository.name.clone(), facts.repository.branch.clone());
        return Err(Refusal::PipelineSource { pipeline: name.clone(), repository, branch, found });
    };
    match action.polling {
        Polling::Off => Ok(action.name.clone()),
        Polling::On => Err(Refusal::PipelinePolls { pipeline: name.clone(), action: action.name.clone() }),
    }
}

fn list(found: impl Iterator<Item = String>) -> String {
    let found: Vec<String> = found.collect();
    if found.is_empty() { "none".to_owned() } else { one_line(&found.join("; "), SHOWN_CHARACTERS) }
}
