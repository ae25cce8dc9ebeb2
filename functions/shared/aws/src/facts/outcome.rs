//! What is read before an outcome is told. What only a failure needs is read only then.

use super::SERVICES_AT_ONCE;
use super::files::{read_hold, read_last_change, read_revision, read_rules};
use super::revisions::read_application_if_allowed;
use super::starts::{execution, images_in, read_children_of};
use crate::codecommit::At;
use crate::codepipeline::ExecutionSummary;
use crate::connection::Clients;
use crate::error::CallError;
use crate::stack::Stack;
use domain::decide::outcome::{EarlierRevision, OutcomeFacts, told_in};
use domain::decision::DecisionKind;
use domain::evidence::Evidence;
use domain::facts::{
    DeployWindow, Deployment, DeploymentStatus, Execution, ExecutionStatus, FileFact, IndexChildren,
    PipelineFact, RevisionAtSource, RulesFact, RulesOfService,
};
use domain::names::{
    CommitId, EventId, ExecutionId, ImageDigest, ImageRepositoryName, PipelineName, ServiceId,
};
use domain::revision::RevisionFile;
use domain::time::Timestamp;
use domain::trailers::Trailers;
use futures_util::{StreamExt, TryStreamExt, stream};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use tokio::try_join;

/// How many deployments of a service are looked at.
const DEPLOYMENTS_MAX: usize = 5;
/// How many executions of its pipeline are looked at.
const EXECUTIONS_MAX: u16 = 10;
/// How many earlier revisions are looked through for a healthy one.
const EARLIER_MAX: usize = 20;
/// In what time reverts are counted.
const REVERTS_WITHIN: Duration = Duration::from_secs(600);
/// For how long the outcome of a deployment is told that is no longer the newest.
const TOLD_WITHIN: Duration = Duration::from_secs(1800);
/// For how long after its beginning an outcome may still be untold: long enough for what failed at night to be mended in the
/// morning.
pub(super) const UNTOLD_WITHIN: Duration = Duration::from_secs(24 * 3_600);
/// How many commits are walked back at most to count them.
const COMMITS_WALKED_MAX: usize = 30;

type Images = BTreeSet<(ImageRepositoryName, ImageDigest)>;

/// What was found about a service.
#[derive(Debug)]
pub enum OutcomeRead {
    /// The deployment repository has no such branch.
    NoBranch,
    /// Neither the rules nor a `revision.json` name the service: it is nobody's affair here.
    NotNamed(CommitId),
    /// What its outcomes depend on could not be read at this tip.
    Unread(CommitId, CallError),
    /// What its outcomes depend on: of its newest deployment, and of the one before if that ended lately.
    Facts(Vec<OutcomeFacts>),
}

/// Reads what the outcome of a service's newest deployments depends on.
///
/// # Errors
/// When the rules cannot be read.
pub async fn read_outcome(
    clients: &Clients,
    stack: &Stack,
    service: &ServiceId,
    events: &[EventId],
    now: Timestamp,
) -> Result<OutcomeRead, CallError> {
    let repository = &stack.repository;
    let Some((tip, rules)) = read_rules(clients, repository).await? else { return Ok(OutcomeRead::NoBranch) };
    Ok(match Box::pin(read_outcome_at(clients, stack, service, (events, now), (&tip, rules))).await {
        Ok(Some(facts)) => OutcomeRead::Facts(facts),
        Ok(None) => OutcomeRead::NotNamed(tip),
        Err(error) => OutcomeRead::Unread(tip, error),
    })
}

/// The same, at a tip whose rules are known. None when neither the rules nor a `revision.json` name the service.
pub(super) async fn read_outcome_at(
    clients: &Clients,
    stack: &Stack,
    service: &ServiceId,
    (events, now): (&[EventId], Timestamp),
    (tip, rules): (&CommitId, RulesFact),
) -> Result<Option<Vec<OutcomeFacts>>, CallError> {
    let repository = &stack.repository;
    let named = match rules.of_service(service) {
        RulesOfService::Named(rules) => Some(rules),
        RulesOfService::NotNamed | RulesOfService::Invalid(_) => None,
    };
    let revision = read_revision(clients, repository, service, tip).await?;
    if revision == FileFact::Absent && rules.of_service(service) == RulesOfService::NotNamed {
        return Ok(None);
    }
    let pipeline = stack.pipeline_of(service, named).ok();
    let (hold, last_change, application, deployments, executed) = try_join!(
        read_hold(clients, repository, service, tip),
        read_last_change(clients, repository, service, tip),
        read_application_if_allowed(clients, named),
        clients.deployments(service, DEPLOYMENTS_MAX),
        read_executed(clients, service, pipeline.as_ref()),
    )?;
    let deployments = deployments.unwrap_or_default();
    // What a failure goes back to may have been told to nobody for longer.
    let is_failing = deployments.first().is_some_and(|newest| has_failed(newest.status));
    let told_within = if is_failing { UNTOLD_WITHIN } else { TOLD_WITHIN };
    let ended_lately = deployments
        .get(1)
        .and_then(|second| second.finished_at)
        .is_some_and(|at| now.since(at) < told_within);
    let of_service = OutcomeFacts {
        now,
        environment: stack.environment.clone(),
        events: events.to_vec(),
        repository: repository.clone(),
        tip: tip.clone(),
        registry: stack.registry.clone(),
        service: service.clone(),
        rules,
        revision,
        hold,
        last_change,
        application,
        deployments: Vec::new(),
        pipeline,
        executions: Vec::new(),
        children: IndexChildren::new(),
        gone: BTreeSet::new(),
        evidence: Vec::new(),
        stopped_tasks: Vec::new(),
        messages: Vec::new(),
        earlier: Vec::new(),
        recent_reverts: 0,
        told: Vec::new(),
        stalled_after: stack.stalled_after,
    };
    let newest = deployments.first();
    let older = deployments.get(1..).filter(|_| ended_lately);
    let of_deployments = [Some(deployments.as_slice()), older]
        .into_iter()
        .flatten()
        .map(|deployments| (deployments, deployments.first().and_then(|newest| owner(&executed, newest))));
    let failed = failed_before_ecs(&executed, newest, now).map(|id| (&[][..], Some(id)));
    let mut all: Vec<OutcomeFacts> = stream::iter(of_deployments.chain(failed))
        .map(|outcome| Box::pin(read_deployment(clients, stack, &of_service, &executed, outcome)))
        .buffered(SERVICES_AT_ONCE)
        .try_collect()
        .await?;
    let (current, children, evidence) = read_images_of(clients, stack, &all).await?;
    let gone: BTreeSet<ImageDigest> = current
        .into_iter()
        .map(|(_, digest)| digest)
        .filter(|digest| !children.contains_key(digest))
        .collect();
    for facts in &mut all {
        facts.gone.clone_from(&gone);
        facts.children.clone_from(&children);
        facts.evidence.clone_from(&evidence);
    }
    Ok(Some(all))
}

/// What the registry tells of the images of all these facts together, those that are deployed now first: one image is asked
/// about once.
async fn read_images_of(
    clients: &Clients,
    stack: &Stack,
    all: &[OutcomeFacts],
) -> Result<(Images, IndexChildren, Vec<Evidence>), CallError> {
    let images_of = |file| images_in(&stack.registry, file);
    let current =
        all.iter().flat_map(|facts| revisions_of(&facts.executions).chain(facts.revision.content()));
    let current: Images = current.flat_map(images_of).collect();
    let earlier = all.iter().flat_map(|facts| &facts.earlier).flat_map(|earlier| images_of(&earlier.file));
    let images: Images = earlier.chain(current.iter().cloned()).collect();
    let (children, evidence) =
        try_join!(read_children_of(clients, &current), read_evidence(clients, &images))?;
    Ok((current, children, evidence))
}

/// The newest execution, where it failed lately and has made no deployment.
fn failed_before_ecs<'a>(
    executed: &'a Executed,
    newest: Option<&Deployment>,
    now: Timestamp,
) -> Option<&'a ExecutionId> {
    let summary = executed.summaries.first().filter(|summary| summary.status == ExecutionStatus::Failed)?;
    let started_at = summary.started_at?;
    let made_one = newest.is_some_and(|newest| newest.created_at >= started_at);
    (now.since(started_at) < UNTOLD_WITHIN && !made_one).then_some(&summary.id)
}

/// What the outcome of the first of these deployments depends on, or else of this execution, which is the one that made it,
/// beside what was read of the service and what the registry tells.
async fn read_deployment(
    clients: &Clients,
    stack: &Stack,
    of_service: &OutcomeFacts,
    executed: &Executed,
    (deployments, owner): (&[Deployment], Option<&ExecutionId>),
) -> Result<OutcomeFacts, CallError> {
    let service = &of_service.service;
    let newest = deployments.first();
    let executions = read_executions(clients, stack, service, executed, owner).await?;
    let owned = executions.iter().find(|execution| Some(&execution.id) == owner);
    let deployed = owned.and_then(|execution| execution.source.commit()).cloned();
    let failing = newest.is_some_and(|newest| has_failed(newest.status));
    let since = newest.map_or(of_service.now, |newest| newest.created_at);
    let of_failure = async {
        if !failing {
            return Ok((Vec::new(), Vec::new(), Vec::new(), 0));
        }
        try_join!(
            read_earlier(clients, stack, service, deployed.as_ref().unwrap_or(&of_service.tip)),
            clients.stopped_tasks(service),
            clients.service_messages(service, since),
            read_recent_reverts(clients, stack, &of_service.tip, of_service.now),
        )
    };
    let told = read_told(clients, stack, service, deployed.as_ref());
    let ((earlier, stopped_tasks, messages, recent_reverts), told) = try_join!(of_failure, told)?;
    Ok(OutcomeFacts {
        deployments: deployments.to_vec(),
        executions,
        stopped_tasks,
        messages,
        earlier,
        recent_reverts,
        told,
        ..of_service.clone()
    })
}

/// Whether a deployment ended otherwise than well, or is going to: only then it matters why, and what was before.
fn has_failed(status: DeploymentStatus) -> bool {
    match status {
        DeploymentStatus::Stopped
        | DeploymentStatus::RollbackRequested
        | DeploymentStatus::RollbackInProgress
        | DeploymentStatus::RollbackSuccessful
        | DeploymentStatus::RollbackFailed => true,
        DeploymentStatus::Pending
        | DeploymentStatus::InProgress
        | DeploymentStatus::StopRequested
        | DeploymentStatus::Successful => false,
    }
}

/// What a service's pipeline has executed lately; nothing when there is none that deploys the service.
#[derive(Debug, Default)]
struct Executed {
    /// The newest executions.
    summaries: Vec<ExecutionSummary>,
    /// While their Deploy actions ran.
    windows: BTreeMap<ExecutionId, DeployWindow>,
}

async fn read_executed(
    clients: &Clients,
    service: &ServiceId,
    pipeline: Option<&PipelineName>,
) -> Result<Executed, CallError> {
    let Some(pipeline) = pipeline else { return Ok(Executed::default()) };
    let described = match clients.pipeline(pipeline).await? {
        PipelineFact::Found(description) => description,
        PipelineFact::Missing => return Ok(Executed::default()),
    };
    let deploys = described.deploys.iter().find(|deploy| {
        deploy.cluster.as_ref() == Some(&service.cluster) && deploy.service.as_ref() == Some(&service.service)
    });
    let Some(deploy) = deploys else { return Ok(Executed::default()) };
    let source_action = described.sources.first().map(|source| &source.name);
    let (summaries, windows) = try_join!(
        clients.executions(pipeline, source_action, EXECUTIONS_MAX),
        clients.deploy_windows(pipeline, &deploy.name),
    )?;
    Ok(Executed { summaries: summaries.unwrap_or_default(), windows })
}

/// The execution during whose Deploy action a deployment was created; none when it was made by hand.
fn owner<'a>(executed: &'a Executed, deployment: &Deployment) -> Option<&'a ExecutionId> {
    let was_deploying = |id: &&ExecutionId| {
        executed.windows.get(*id).is_some_and(|window| window.contains(deployment.created_at))
    };
    executed.summaries.iter().map(|summary| &summary.id).find(was_deploying)
}

/// The revisions at the commits of executions that were read with the file.
fn revisions_of(executions: &[Execution]) -> impl Iterator<Item = &RevisionFile> {
    executions.iter().filter_map(|execution| match &execution.source {
        RevisionAtSource::File { revision, .. } => revision.content(),
        RevisionAtSource::Unknown | RevisionAtSource::Blob { .. } => None,
    })
}

/// The newest executions with the windows of their Deploy actions, and the file for the one that is told of.
async fn read_executions(
    clients: &Clients,
    stack: &Stack,
    service: &ServiceId,
    executed: &Executed,
    owner: Option<&ExecutionId>,
) -> Result<Vec<Execution>, CallError> {
    stream::iter(&executed.summaries)
        .map(|summary| async {
            let window = executed.windows.get(&summary.id).copied();
            let is_owner = owner == Some(&summary.id);
            let source = read_source(clients, stack, service, summary, is_owner).await?;
            Ok::<_, CallError>(Execution { deploy: window, ..execution(summary.clone(), source) })
        })
        .buffered(SERVICES_AT_ONCE)
        .try_collect()
        .await
}

async fn read_source(
    clients: &Clients,
    stack: &Stack,
    service: &ServiceId,
    summary: &ExecutionSummary,
    is_owner: bool,
) -> Result<RevisionAtSource, CallError> {
    let repository = &stack.repository;
    let Some(commit) = summary.source.clone() else { return Ok(RevisionAtSource::Unknown) };
    if is_owner {
        let (revision, found) = try_join!(
            read_revision(clients, repository, service, &commit),
            clients.commit_by_id(&repository.name, &commit),
        )?;
        let message = found.map(|found| found.message).unwrap_or_default();
        return Ok(RevisionAtSource::File { commit, revision, message });
    }
    let file = clients.file(&repository.name, At::Commit(&commit), &service.revision_path()).await?;
    Ok(RevisionAtSource::Blob { commit, blob: file.map(|file| file.blob) })
}

/// The revisions before the one at a commit, newest first. One that cannot be read is none to go back to.
async fn read_earlier(
    clients: &Clients,
    stack: &Stack,
    service: &ServiceId,
    commit: &CommitId,
) -> Result<Vec<EarlierRevision>, CallError> {
    let repository = &stack.repository.name;
    let versions = clients.history(repository, &service.revision_path(), commit, EARLIER_MAX + 1).await?;
    let read = stream::iter(versions.into_iter().skip(1))
        .map(|version| async {
            let content = clients.blob(repository, &version.blob).await?;
            let file = RevisionFile::parse(&content).ok();
            let (commit, blob) = (version.commit.id, version.blob);
            Ok::<_, CallError>(file.map(|file| EarlierRevision { commit, blob, file }))
        })
        .buffered(SERVICES_AT_ONCE)
        .try_collect::<Vec<_>>()
        .await?;
    Ok(read.into_iter().flatten().collect())
}

/// How many services were reverted lately, by the branch's newest commits.
async fn read_recent_reverts(
    clients: &Clients,
    stack: &Stack,
    tip: &CommitId,
    now: Timestamp,
) -> Result<usize, CallError> {
    let mut next = Some(tip.clone());
    let mut reverts = 0;
    for _ in 0..COMMITS_WALKED_MAX {
        let Some(id) = next else { break };
        let Some(commit) = clients.commit_by_id(&stack.repository.name, &id).await? else { break };
        if now.since(commit.at) > REVERTS_WITHIN {
            break;
        }
        let services = Trailers::parse(&commit.message).services;
        reverts += services.iter().filter(|service| service.decision == Some(DecisionKind::Reverted)).count();
        next = commit.parent;
    }
    Ok(reverts)
}

pub(super) async fn read_evidence(clients: &Clients, images: &Images) -> Result<Vec<Evidence>, CallError> {
    let all = stream::iter(images)
        .map(|(repository, digest)| clients.evidence(repository, digest))
        .buffer_unordered(SERVICES_AT_ONCE)
        .try_collect::<Vec<_>>()
        .await?;
    Ok(all.into_iter().flatten().collect())
}

/// The outcomes that comments at a commit tell already.
async fn read_told(
    clients: &Clients,
    stack: &Stack,
    service: &ServiceId,
    commit: Option<&CommitId>,
) -> Result<Vec<DecisionKind>, CallError> {
    let Some(commit) = commit else { return Ok(Vec::new()) };
    let repository = &stack.repository.name;
    let Some(found) = clients.commit_by_id(repository, commit).await? else { return Ok(Vec::new()) };
    let comments = clients.comments(repository, found.parent.as_ref(), commit).await?;
    Ok(comments.iter().filter_map(|comment| told_in(comment, service)).collect())
}
