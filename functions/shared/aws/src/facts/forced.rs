//! What is read after the deployment branch was forced.

use super::SERVICES_AT_ONCE;
use super::files::{read_changes, read_hold, read_last_change, read_rules};
use super::revisions::read_application_if_allowed;
use crate::codecommit::At;
use crate::connection::Clients;
use crate::error::CallError;
use crate::stack::Stack;
use domain::decide::forced::{ForcedFacts, ForcedFiles, ForcedService};
use domain::decide::starts::{ForcedFrom, may_be_forced_from};
use domain::facts::{Execution, ExecutionKind, LastChange, RulesFact, RulesOfService, Trigger};
use domain::names::{BlobId, CommitId, EventId, ServiceId};
use domain::rules::ServiceRules;
use domain::time::Timestamp;
use domain::trailers::Trailers;
use futures_util::{StreamExt, TryStreamExt, stream};
use std::collections::BTreeSet;
use tokio::try_join;

/// How many versions of a `hold.json` are looked through for one that a late event has written before.
const HOLD_VERSIONS_MAX: usize = 50;

/// How many changes of a `revision.json` are looked through for the one that was started last.
const CHANGES_MAX: usize = 50;

/// What an event tells of a forced push.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Forced {
    /// The event.
    pub event: EventId,
    /// What the branch pointed to before.
    pub old: CommitId,
    /// What it was forced to.
    pub new: CommitId,
    /// Who did it.
    pub by: Option<String>,
}

/// Reads what follows from a forced push. None when the deployment repository has no such branch any more.
///
/// # Errors
/// When a call gives no usable answer.
pub async fn read_forced(
    clients: &Clients,
    stack: &Stack,
    forced: &Forced,
    now: Timestamp,
) -> Result<Option<ForcedFacts>, CallError> {
    let repository = &stack.repository;
    let Some((tip, rules)) = read_rules(clients, repository).await? else { return Ok(None) };
    let Forced { event, old, new, by } = forced.clone();
    // An old tip that is gone tells nothing any more.
    let differences = clients.differences(&repository.name, Some(&old), &new).await?.unwrap_or_default();
    let changed: BTreeSet<ServiceId> = differences
        .iter()
        .filter_map(|difference| {
            ServiceId::of_revision_path(&difference.path)
                .or_else(|| ServiceId::of_hold_path(&difference.path))
        })
        .collect();
    let services = stream::iter(changed)
        .map(|service| async {
            let read = read_service(clients, stack, &service, [&old, &new, &tip], (&rules, &event));
            let read = Box::pin(read).await?;
            Ok::<_, CallError>((service, read))
        })
        .buffer_unordered(SERVICES_AT_ONCE)
        .try_collect()
        .await?;
    let (environment, repository) = (stack.environment.clone(), repository.clone());
    Ok(Some(ForcedFacts { now, environment, event, repository, old, new, by, tip, services }))
}

async fn read_service(
    clients: &Clients,
    stack: &Stack,
    service: &ServiceId,
    [old, new, tip]: [&CommitId; 3],
    (rules, event): (&RulesFact, &EventId),
) -> Result<ForcedService, CallError> {
    let named = match rules.of_service(service) {
        RulesOfService::Named(rules) => Some(rules),
        RulesOfService::NotNamed | RulesOfService::Invalid(_) => None,
    };
    let at = tip;
    let (old, new, tip, application) = try_join!(
        read_files(clients, stack, service, old),
        read_files(clients, stack, service, new),
        read_files(clients, stack, service, tip),
        read_application_if_allowed(clients, named),
    )?;
    let has_rules = rules.of_service(service) != RulesOfService::NotNamed;
    // Nobody has written what the forced push itself put there.
    let is_written =
        tip.hold.blob() != new.hold.blob() && was_written(clients, stack, service, at, event).await?;
    Ok(ForcedService { has_rules, application, old, new, tip, is_written })
}

/// Whether one of the last commits that touched a service's `hold.json` names this event.
async fn was_written(
    clients: &Clients,
    stack: &Stack,
    service: &ServiceId,
    at: &CommitId,
    event: &EventId,
) -> Result<bool, CallError> {
    let repository = &stack.repository.name;
    let versions = clients.history(repository, &service.hold_path(), at, HOLD_VERSIONS_MAX).await?;
    let names_it = |message: &str| Trailers::parse(message).events.contains(event);
    Ok(versions.iter().any(|version| names_it(&version.commit.message)))
}

async fn read_files(
    clients: &Clients,
    stack: &Stack,
    service: &ServiceId,
    commit: &CommitId,
) -> Result<ForcedFiles, CallError> {
    let repository = &stack.repository;
    let path = service.revision_path();
    let (revision, hold) = try_join!(
        clients.file(&repository.name, At::Commit(commit), &path),
        read_hold(clients, repository, service, commit),
    )?;
    Ok(ForcedFiles { revision: revision.map(|file| file.blob), hold })
}

/// Where the branch was forced from, if the source commit of a service's newest execution is not in the history of the tip
/// any more.
pub(super) async fn read_forced_from(
    clients: &Clients,
    stack: &Stack,
    (service, rules): (&ServiceId, &ServiceRules),
    (tip, revision, last_change): (&CommitId, Option<&BlobId>, Option<&LastChange>),
    executions: &[Execution],
) -> Result<Option<ForcedFrom>, CallError> {
    let Some(execution) = may_be_forced_from(executions, revision, last_change) else { return Ok(None) };
    let Some(commit) = execution.source.commit() else { return Ok(None) };
    if stems_from(clients, stack, service, tip, commit).await? {
        return Ok(None);
    }
    let (files, application) = try_join!(
        read_files(clients, stack, service, commit),
        read_application_if_allowed(clients, Some(rules)),
    )?;
    Ok(Some(ForcedFrom { commit: commit.clone(), started_at: execution.started_at, files, application }))
}

/// Whether the source commit of a service's newest run is in the history of the tip, where somebody else started it for another
/// content.
pub(super) async fn is_newest_in_history(
    clients: &Clients,
    stack: &Stack,
    service: &ServiceId,
    (tip, revision): (&CommitId, Option<&BlobId>),
    executions: &[Execution],
) -> Result<bool, CallError> {
    let is_run = |execution: &&Execution| {
        execution.kind == ExecutionKind::Standard && execution.source.commit().is_some()
    };
    let newest = executions
        .iter()
        .find(is_run)
        .filter(|newest| matches!(newest.trigger, Trigger::StartedBy(_)) && newest.source.blob() != revision);
    match newest.and_then(|newest| newest.source.commit()) {
        Some(commit) => stems_from(clients, stack, service, tip, commit).await,
        None => Ok(false),
    }
}

/// Whether a way leads from the tip back to a commit. The file's own history tells it in most cases, whatever else was committed
/// since; a merge may hide it there, and then the commits are walked.
async fn stems_from(
    clients: &Clients,
    stack: &Stack,
    service: &ServiceId,
    tip: &CommitId,
    commit: &CommitId,
) -> Result<bool, CallError> {
    let repository = &stack.repository;
    let (then, now) = try_join!(
        read_last_change(clients, repository, service, commit),
        read_changes(clients, repository, service, tip, CHANGES_MAX),
    )?;
    let in_history = then.is_some_and(|then| now.iter().any(|change| change.commit == then.commit));
    Ok(in_history || !clients.is_forced(&repository.name, commit, tip).await?)
}
