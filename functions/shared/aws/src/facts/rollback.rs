//! What is read before a rollback: the service's history, what the registry still has of it, and what deploys it now.

use super::SERVICES_AT_ONCE;
use super::files::{read_hold, read_last_change, read_revision, read_rules};
use super::outcome::read_evidence;
use super::revisions::{read_application, read_images};
use super::starts::{execution, images_in, read_children_of};
use crate::codecommit::{At, Version};
use crate::connection::Clients;
use crate::error::CallError;
use crate::stack::Stack;
use domain::decide::rollback::{Answered, Earlier, RollbackFacts};
use domain::facts::{Execution, FileFact, PipelineFact, RepositoryImages, RevisionAtSource, RulesOfService};
use domain::names::{CommitId, ImageDigest, ImageRepositoryName, PipelineName, ServiceId};
use domain::revision::RevisionFile;
use domain::rules::ServiceRules;
use domain::time::Timestamp;
use domain::wake_up::Function;
use futures_util::{StreamExt, TryStreamExt, stream};
use std::collections::{BTreeMap, BTreeSet};
use tokio::try_join;

/// How many deployments of a service are looked at: only the newest can be rolling.
const DEPLOYMENTS_MAX: usize = 1;
/// How many earlier revisions a person can choose from.
const EARLIER_MAX: usize = 50;
/// How many rollbacks and releases are looked through for one that answers the same request: more do not happen while an
/// execution runs.
const ANSWERED_MAX: usize = 20;
/// How many executions of its pipeline are looked at: more do not wait in one pipeline.
const EXECUTIONS_MAX: u16 = 50;

/// Reads what a rollback of a service depends on. None when the deployment repository has no such branch.
///
/// # Errors
/// When a call gives no usable answer.
pub async fn read_rollback(
    clients: &Clients,
    stack: &Stack,
    service: &ServiceId,
    now: Timestamp,
) -> Result<Option<RollbackFacts>, CallError> {
    let repository = &stack.repository;
    let Some((tip, rules)) = read_rules(clients, repository).await? else { return Ok(None) };
    let named = match rules.of_service(service) {
        RulesOfService::Named(rules) => Some(rules),
        RulesOfService::NotNamed | RulesOfService::Invalid(_) => None,
    };
    let hold_path = service.hold_path();
    // Without an upstream nothing is promoted, and nobody is there to be woken.
    let owner = named.map(ServiceRules::owner).filter(|owner| match owner {
        Function::PromoteImage => stack.upstream.is_some(),
        _ => true,
    });
    let pipeline = stack.pipeline_of(service, named).ok();
    let (revision, hold, last_change, answered, application, deployments, executions) = try_join!(
        read_revision(clients, repository, service, &tip),
        read_hold(clients, repository, service, &tip),
        read_last_change(clients, repository, service, &tip),
        clients.history(&repository.name, &hold_path, &tip, ANSWERED_MAX),
        read_application(clients, named),
        clients.deployments(service, DEPLOYMENTS_MAX),
        read_executions(clients, stack, service, pipeline.as_ref()),
    )?;
    let earlier = match revision {
        FileFact::Absent => Vec::new(),
        FileFact::Present { .. } => read_earlier(clients, stack, service, &tip).await?,
    };
    let files = || earlier.iter().map(|earlier| &earlier.file).chain(revision.content());
    let images = read_all_images(clients, stack, files()).await?;
    let there: BTreeSet<_> = files()
        .flat_map(|file| images_in(&stack.registry, file))
        .chain(tagged(stack, files(), &images))
        .filter(|(repository, digest)| has(&images, repository, digest))
        .collect();
    let deployments = deployments.unwrap_or_default();
    // The children only tell whether what rolls is what stays.
    let rolls = deployments.first().is_some_and(|newest| newest.status.is_rolling());
    let indexes = if rolls { there.clone() } else { BTreeSet::new() };
    let (evidence, children) =
        try_join!(read_evidence(clients, &there), read_children_of(clients, &indexes))?;
    Ok(Some(RollbackFacts {
        now,
        environment: stack.environment.clone(),
        repository: repository.clone(),
        tip,
        registry: stack.registry.clone(),
        revision,
        hold,
        last_change,
        answered: answered.into_iter().map(answered_by).collect(),
        owner,
        application,
        earlier,
        images,
        evidence,
        pipeline,
        executions,
        deployments,
        children,
    }))
}

fn answered_by(version: Version) -> Answered {
    Answered { commit: version.commit.id, message: version.commit.message }
}

type Images = BTreeMap<ImageRepositoryName, RepositoryImages>;

/// The revisions before the one at the tip, newest first. One that cannot be read is none to go back to.
async fn read_earlier(
    clients: &Clients,
    stack: &Stack,
    service: &ServiceId,
    tip: &CommitId,
) -> Result<Vec<Earlier>, CallError> {
    let repository = &stack.repository.name;
    let versions = clients.history(repository, &service.revision_path(), tip, EARLIER_MAX + 1).await?;
    let read = stream::iter(versions.into_iter().skip(1))
        .map(|version| async {
            let content = clients.blob(repository, &version.blob).await?;
            let Version { commit, blob } = version;
            let file = RevisionFile::parse(&content).ok();
            let (message, commit) = (commit.message, commit.id);
            Ok::<_, CallError>(file.map(|file| Earlier { commit, message, blob, file }))
        })
        .buffered(SERVICES_AT_ONCE)
        .try_collect::<Vec<_>>()
        .await?;
    Ok(read.into_iter().flatten().collect())
}

async fn read_all_images<'a>(
    clients: &Clients,
    stack: &Stack,
    files: impl Iterator<Item = &'a RevisionFile>,
) -> Result<Images, CallError> {
    let repositories: BTreeSet<&ImageRepositoryName> = files
        .flat_map(RevisionFile::entries)
        .filter_map(|entry| entry.image.repository_in(&stack.registry))
        .collect();
    stream::iter(repositories)
        .map(|repository| async {
            Ok::<_, CallError>((repository.clone(), read_images(clients, repository).await?))
        })
        .buffer_unordered(SERVICES_AT_ONCE)
        .try_collect()
        .await
}

/// The images that bear the tags which a person wrote into revisions.
fn tagged<'a>(
    stack: &Stack,
    files: impl Iterator<Item = &'a RevisionFile>,
    images: &Images,
) -> Vec<(ImageRepositoryName, ImageDigest)> {
    let entries = files.flat_map(RevisionFile::entries);
    let found = entries.filter_map(|entry| {
        let (repository, tag) = (entry.image.repository_in(&stack.registry)?, entry.image.tag()?);
        let RepositoryImages::Listed(listed) = images.get(repository)? else { return None };
        let image = listed.iter().find(|image| image.tags.contains(tag))?;
        Some((repository.clone(), image.digest.clone()))
    });
    found.collect()
}

fn has(images: &Images, repository: &ImageRepositoryName, digest: &ImageDigest) -> bool {
    match images.get(repository) {
        Some(RepositoryImages::Listed(listed)) => listed.iter().any(|image| image.digest == *digest),
        Some(RepositoryImages::Missing | RepositoryImages::Unreadable(_)) | None => false,
    }
}

/// The open executions among the pipeline's newest, with the blobs at their commits: only those can be stopped.
async fn read_executions(
    clients: &Clients,
    stack: &Stack,
    service: &ServiceId,
    pipeline: Option<&PipelineName>,
) -> Result<Vec<Execution>, CallError> {
    let Some(pipeline) = pipeline else { return Ok(Vec::new()) };
    let PipelineFact::Found(described) = clients.pipeline(pipeline).await? else { return Ok(Vec::new()) };
    let source_action = described.sources.first().map(|source| &source.name);
    let summaries = clients.executions(pipeline, source_action, EXECUTIONS_MAX).await?.unwrap_or_default();
    stream::iter(summaries.into_iter().filter(|summary| summary.status.is_open()))
        .map(|summary| async {
            let source = read_source(clients, stack, service, summary.source.clone()).await?;
            Ok::<_, CallError>(execution(summary, source))
        })
        .buffered(SERVICES_AT_ONCE)
        .try_collect()
        .await
}

async fn read_source(
    clients: &Clients,
    stack: &Stack,
    service: &ServiceId,
    commit: Option<CommitId>,
) -> Result<RevisionAtSource, CallError> {
    let Some(commit) = commit else { return Ok(RevisionAtSource::Unknown) };
    let path = service.revision_path();
    let file = clients.file(&stack.repository.name, At::Commit(&commit), &path).await?;
    Ok(RevisionAtSource::Blob { commit, blob: file.map(|file| file.blob) })
}
