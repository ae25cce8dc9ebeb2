//! What is read before pipelines are started.

use super::SERVICES_AT_ONCE;
use super::files::{read_hold, read_last_change, read_revision, read_rules};
use super::forced::{is_newest_in_history, read_forced_from};
use super::unread::{Unread, apart};
use crate::codecommit::At;
use crate::codepipeline::ExecutionSummary;
use crate::connection::Clients;
use crate::error::CallError;
use crate::stack::Stack;
use domain::decide::starts::{Asked, StartFacts, StartsFacts};
use domain::facts::{
    Execution, ExecutionKind, IndexChildren, PipelineFact, RevisionAtSource, RevisionFact, RulesFact,
    RulesOfService, RunningService, Trigger, runs,
};
use domain::names::{
    ActionName, CommitId, EcrRegistry, ImageDigest, ImageRepositoryName, PipelineName, ServiceId,
};
use domain::revision::RevisionFile;
use domain::time::Timestamp;
use futures_util::{StreamExt, TryStreamExt, stream};
use std::collections::{BTreeMap, BTreeSet};
use tokio::{join, try_join};

/// How many executions are looked through for the newest whose source is known.
const EXECUTIONS_MAX: u16 = 20;

/// Reads what the starts depend on, for these services, and says which could not be read. None when the deployment
/// repository has no such branch.
///
/// # Errors
/// When the rules, or the commit at the branch's tip, cannot be read.
pub async fn read_starts(
    clients: &Clients,
    stack: &Stack,
    asked: &BTreeMap<ServiceId, Vec<Asked>>,
    now: Timestamp,
) -> Result<Option<(StartsFacts, Vec<Unread>)>, CallError> {
    let Some((tip, rules)) = read_rules(clients, &stack.repository).await? else { return Ok(None) };
    let StartsRead { facts, deployed_at: _, unread } =
        read_starts_at(clients, stack, asked, now, (&tip, &rules)).await?;
    Ok(Some((facts, unread)))
}

/// What was read for starts.
pub(super) struct StartsRead {
    pub(super) facts: StartsFacts,
    /// When each service's newest deployment was created.
    pub(super) deployed_at: BTreeMap<ServiceId, Timestamp>,
    pub(super) unread: Vec<Unread>,
}

/// The same as [`read_starts`], at a tip whose rules are known.
pub(super) async fn read_starts_at(
    clients: &Clients,
    stack: &Stack,
    asked: &BTreeMap<ServiceId, Vec<Asked>>,
    now: Timestamp,
    (tip, rules): (&CommitId, &RulesFact),
) -> Result<StartsRead, CallError> {
    let services = stream::iter(asked)
        .map(|(service, asked)| async {
            let read = read_start(clients, stack, service, asked, rules, tip);
            (service.clone(), Box::pin(read).await)
        })
        .buffer_unordered(SERVICES_AT_ONCE)
        .collect::<Vec<_>>();
    let made = clients.commit_by_id(&stack.repository.name, tip);
    let (services, made) = join!(services, made);
    let (services, unread) = apart(services);
    let tip_made_at = made?.map(|commit| commit.at);
    let deployed_at =
        services.iter().filter_map(|(service, (_, deployed_at))| Some((service.clone(), (*deployed_at)?)));
    let deployed_at = deployed_at.collect();
    let services = services.into_iter().map(|(service, (read, _))| (service, read)).collect();
    let (environment, repository) = (stack.environment.clone(), stack.repository.clone());
    let facts = StartsFacts { now, environment, repository, tip: tip.clone(), tip_made_at, services };
    Ok(StartsRead { facts, deployed_at, unread })
}

async fn read_start(
    clients: &Clients,
    stack: &Stack,
    service: &ServiceId,
    asked: &[Asked],
    rules: &RulesFact,
    tip: &CommitId,
) -> Result<(StartFacts, Option<Timestamp>), CallError> {
    let named = match rules.of_service(service) {
        RulesOfService::Named(rules) => Some(rules),
        RulesOfService::NotNamed | RulesOfService::Invalid(_) => None,
    };
    let pipeline_name = stack.pipeline_of(service, named);
    let repository = &stack.repository;
    let (revision, hold, last_change, (pipeline, executions), (runs, deployed_at)) = try_join!(
        read_revision(clients, repository, service, tip),
        read_hold(clients, repository, service, tip),
        read_last_change(clients, repository, service, tip),
        read_pipeline(clients, stack, service, pipeline_name.as_ref().ok(), tip),
        clients.running(service),
    )?;
    let children = read_children(clients, &stack.registry, &revision, &runs).await?;
    let started_change = match started_and_left(&revision, &executions, &runs, &children) {
        Some(commit) => read_last_change(clients, repository, service, commit).await?,
        None => None,
    };
    let asked = Asked::that_counts(asked, revision.blob());
    let at_tip = (tip, revision.blob(), last_change.as_ref());
    let is_newest_in_history =
        Box::pin(is_newest_in_history(clients, stack, service, (tip, revision.blob()), &executions)).await?;
    let forced = match named {
        Some(rules) => {
            Box::pin(read_forced_from(clients, stack, (service, rules), at_tip, &executions)).await?
        }
        None => None,
    };
    let facts = StartFacts {
        started_change: started_change.map(|change| change.commit),
        asked,
        revision,
        hold,
        last_change,
        pipeline_name,
        pipeline,
        executions,
        is_newest_in_history,
        forced,
        runs,
        children,
    };
    Ok((facts, deployed_at))
}

/// The source commit of the newest execution for this content, where it has ended and the service runs something else.
fn started_and_left<'a>(
    revision: &RevisionFact,
    executions: &'a [Execution],
    running: &RunningService,
    children: &IndexChildren,
) -> Option<&'a CommitId> {
    let (file, blob) = (revision.content()?, revision.blob());
    let execution = executions.iter().find(|execution| execution.source.blob() == blob)?;
    let runs_it = match running {
        RunningService::Deployed { images, .. } => runs(images, file, children),
        RunningService::NeverDeployed | RunningService::Missing => false,
    };
    execution.source.commit().filter(|_| !execution.status.is_open() && !runs_it)
}

async fn read_pipeline(
    clients: &Clients,
    stack: &Stack,
    service: &ServiceId,
    pipeline: Option<&PipelineName>,
    tip: &CommitId,
) -> Result<(PipelineFact, Vec<Execution>), CallError> {
    let Some(pipeline) = pipeline else { return Ok((PipelineFact::Missing, Vec::new())) };
    let fact = clients.pipeline(pipeline).await?;
    let PipelineFact::Found(description) = &fact else { return Ok((fact, Vec::new())) };
    let ours = description.sources.iter().find(|source| {
        source.repository.as_ref() == Some(&stack.repository.name)
            && source.branch.as_ref() == Some(&stack.repository.branch)
    });
    let source_action = ours.map(|source| source.name.clone());
    let executions =
        read_executions(clients, stack, service, (pipeline, tip), source_action.as_ref()).await?;
    Ok((fact, executions))
}

/// The newest executions up to the first run (not a rollback) whose source is known, with the service's revision
/// there. Where somebody else started that one, up to the first that nobody else did. Behind them the one that was started at
/// the tip, if there is one: its token is used up.
async fn read_executions(
    clients: &Clients,
    stack: &Stack,
    service: &ServiceId,
    (pipeline, tip): (&PipelineName, &CommitId),
    source_action: Option<&ActionName>,
) -> Result<Vec<Execution>, CallError> {
    let summaries = clients.executions(pipeline, source_action, EXECUTIONS_MAX).await?.unwrap_or_default();
    let mut executions = Vec::new();
    let mut is_enough = false;
    for summary in summaries {
        if is_enough && summary.source.as_ref() != Some(tip) {
            continue;
        }
        let source = match &summary.source {
            None => RevisionAtSource::Unknown,
            Some(commit) => {
                let at = At::Commit(commit);
                let file = clients.file(&stack.repository.name, at, &service.revision_path()).await?;
                RevisionAtSource::Blob { commit: commit.clone(), blob: file.map(|file| file.blob) }
            }
        };
        let is_known = source != RevisionAtSource::Unknown && summary.kind == ExecutionKind::Standard;
        is_enough |= is_known && !matches!(summary.trigger, Trigger::StartedBy(_));
        executions.push(execution(summary, source));
    }
    Ok(executions)
}

/// An execution of which nobody asked when its Deploy action ran.
pub(super) fn execution(summary: ExecutionSummary, source: RevisionAtSource) -> Execution {
    let ExecutionSummary { id, status, kind, trigger, started_at, source: _ } = summary;
    Execution { id, status, kind, trigger, started_at, source, deploy: None }
}

/// The children of the revision's indexes, asked for only where the texts alone do not tell that it runs.
async fn read_children(
    clients: &Clients,
    registry: &EcrRegistry,
    revision: &RevisionFact,
    running: &RunningService,
) -> Result<IndexChildren, CallError> {
    let none = IndexChildren::new();
    let (Some(file), RunningService::Deployed { images, .. }) = (revision.content(), running) else {
        return Ok(none);
    };
    if runs(images, file, &none) || images.iter().all(|image| image.digest.is_none()) {
        return Ok(none);
    }
    read_children_of(clients, &images_in(registry, file)).await
}

/// The images of a revision that lie in this registry and are named by digest.
pub(super) fn images_in(
    registry: &EcrRegistry,
    file: &RevisionFile,
) -> BTreeSet<(ImageRepositoryName, ImageDigest)> {
    let entries = file.entries().iter();
    let ours =
        entries.filter_map(|entry| Some((entry.image.repository_in(registry)?, entry.image.digest()?)));
    ours.map(|(repository, digest)| (repository.clone(), digest.clone())).collect()
}

/// The children of each of these images that is there; a single image has none.
pub(super) async fn read_children_of(
    clients: &Clients,
    images: &BTreeSet<(ImageRepositoryName, ImageDigest)>,
) -> Result<IndexChildren, CallError> {
    stream::iter(images)
        .map(|(repository, digest)| async {
            Ok::<_, CallError>((digest.clone(), clients.index_children(repository, digest).await?))
        })
        .buffer_unordered(SERVICES_AT_ONCE)
        .try_filter_map(|(digest, children)| {
            std::future::ready(Ok(children.map(|children| (digest, children))))
        })
        .try_collect()
        .await
}
