//! What a sweep reads: the same facts as the functions whose steps it looks for.

use super::SERVICES_AT_ONCE;
use super::files::read_rules;
use super::outcome::{UNTOLD_WITHIN, read_outcome_at};
use super::revisions::{RevisionsAsked, RevisionsRead, read_revisions_at};
use super::starts::{StartsRead, images_in, read_starts_at};
use super::unread::{Unread, apart};
use crate::connection::Clients;
use crate::error::{CallError, CallErrorKind};
use crate::stack::Stack;
use domain::decide::outcome::OutcomeFacts;
use domain::decide::revisions::RevisionsFacts;
use domain::decide::starts::{Asked, StartsFacts};
use domain::decide::sweep::SweepFacts;
use domain::facts::{ExecutionStatus, RulesFact, RunningImage};
use domain::names::{CommitId, ImageDigest, ImageRepositoryName, ServiceId};
use domain::time::Timestamp;
use domain::wake_up::Function;
use futures_util::{StreamExt, stream};
use std::collections::{BTreeMap, BTreeSet};
use tokio::join;

/// Every service that the rules or a `revision.json` name, in their order. None when the deployment repository has
/// no such branch.
///
/// # Errors
/// When a call gives no usable answer.
pub async fn read_services(
    clients: &Clients,
    stack: &Stack,
) -> Result<Option<BTreeSet<ServiceId>>, CallError> {
    let Some((tip, rules)) = read_rules(clients, &stack.repository).await? else { return Ok(None) };
    let files = clients.differences(&stack.repository.name, None, &tip).await?.unwrap_or_default();
    let mut services: BTreeSet<ServiceId> =
        files.iter().filter_map(|file| ServiceId::of_revision_path(&file.path)).collect();
    if let RulesFact::Read(file) = rules {
        services.extend(file.services.into_keys());
    }
    Ok(Some(services))
}

/// What was read for a sweep.
#[derive(Debug)]
pub struct SweepRead {
    /// What it depends on, as far as it could be read.
    pub facts: SweepFacts,
    /// What could not, and of which services: the next sweep looks at them again.
    pub unread: Vec<Unread>,
}

/// Reads what a sweep over these services depends on. None when the deployment repository has no such branch.
///
/// # Errors
/// When what concerns all services cannot be read.
pub async fn read_sweep(
    clients: &Clients,
    upstream: Option<&Clients>,
    stack: &Stack,
    services: &BTreeSet<ServiceId>,
    now: Timestamp,
) -> Result<Option<SweepRead>, CallError> {
    let asked_starts = services.iter().map(|service| (service.clone(), vec![Asked::WakeUp])).collect();
    let Some((tip, rules)) = read_rules(clients, &stack.repository).await? else { return Ok(None) };
    let starts = read_starts_at(clients, stack, &asked_starts, now, (&tip, &rules)).await?;
    let StartsRead { facts: starts, deployed_at, mut unread } = starts;
    let with_rules = match &rules {
        RulesFact::Read(file) => {
            services.iter().filter(|service| file.services.contains_key(*service)).cloned().collect()
        }
        RulesFact::Absent | RulesFact::Invalid(_) => BTreeSet::new(),
    };
    let asked = RevisionsAsked { services: with_rules, ..RevisionsAsked::default() };
    let active = active(&starts, &deployed_at, now);
    let (revisions, (outcomes, no_outcomes), (tasks, no_tasks)) = join!(
        read_revisions_at(
            clients,
            upstream,
            stack,
            &asked,
            (Function::Reconcile, now),
            (tip.clone(), rules.clone())
        ),
        read_outcomes(clients, stack, &active, now, (&tip, &rules)),
        read_tasks(clients, services),
    );
    let RevisionsRead { facts: revisions, unread: no_revisions } = revisions;
    let outcomes = outcomes.into_values().flatten().collect();
    unread.extend(no_revisions.into_iter().chain(no_outcomes).chain(no_tasks));
    let (gone, no_images) = read_gone(clients, stack, &starts, &revisions).await;
    unread.extend(no_images);
    let in_part = unread.iter().flat_map(|unread| unread.services.iter().cloned()).collect();
    Ok(Some(SweepRead { facts: SweepFacts { revisions, starts, outcomes, tasks, gone, in_part }, unread }))
}

/// The services to which something happened lately that may not have been told.
fn active(
    starts: &StartsFacts,
    deployed_at: &BTreeMap<ServiceId, Timestamp>,
    now: Timestamp,
) -> BTreeSet<ServiceId> {
    let since = now.minus(UNTOLD_WITHIN);
    let deployed = deployed_at.iter().filter(|(_, at)| **at >= since).map(|(service, _)| service);
    let failed = starts.services.iter().filter(|(_, read)| {
        read.executions.first().is_some_and(|newest| {
            newest.status == ExecutionStatus::Failed && newest.started_at.is_some_and(|at| at >= since)
        })
    });
    deployed.chain(failed.map(|(service, _)| service)).cloned().collect()
}

async fn read_outcomes(
    clients: &Clients,
    stack: &Stack,
    services: &BTreeSet<ServiceId>,
    now: Timestamp,
    (tip, rules): (&CommitId, &RulesFact),
) -> (BTreeMap<ServiceId, Vec<OutcomeFacts>>, Vec<Unread>) {
    let read = stream::iter(services)
        .map(|service| async move {
            let read = read_outcome_at(clients, stack, service, (&[], now), (tip, rules.clone()));
            (service.clone(), Box::pin(read).await.map(Option::unwrap_or_default))
        })
        .buffer_unordered(SERVICES_AT_ONCE)
        .collect::<Vec<_>>()
        .await;
    apart(read)
}

async fn read_tasks(
    clients: &Clients,
    services: &BTreeSet<ServiceId>,
) -> (BTreeMap<ServiceId, Vec<Vec<RunningImage>>>, Vec<Unread>) {
    let read = stream::iter(services)
        .map(|service| async { (service.clone(), clients.running_tasks(service).await) })
        .buffer_unordered(SERVICES_AT_ONCE)
        .collect::<Vec<_>>()
        .await;
    apart(read)
}

/// The images that revisions name and that are not in the registry, of the services whose repositories no rules name: those of
/// the others are listed anyway. A repository that may not be read tells nothing.
async fn read_gone(
    clients: &Clients,
    stack: &Stack,
    starts: &StartsFacts,
    revisions: &RevisionsFacts,
) -> (BTreeSet<(ImageRepositoryName, ImageDigest)>, Vec<Unread>) {
    let read = stream::iter(&starts.services)
        .map(|(service, read)| async {
            let mut gone = BTreeSet::new();
            let Some(file) = read.revision.content() else { return (service.clone(), Ok(gone)) };
            let asked = images_in(&stack.registry, file);
            for (repository, digest) in asked.iter().filter(|(at, _)| !revisions.images.contains_key(at)) {
                match clients.index_children(repository, digest).await {
                    Ok(Some(_)) => {}
                    Ok(None) => {
                        gone.insert((repository.clone(), digest.clone()));
                    }
                    Err(error) if error.kind() == CallErrorKind::Denied => {}
                    Err(error) => return (service.clone(), Err(error)),
                }
            }
            (service.clone(), Ok(gone))
        })
        .buffer_unordered(SERVICES_AT_ONCE)
        .collect::<Vec<_>>()
        .await;
    let (gone, unread) = apart(read);
    (gone.into_values().flatten().collect(), unread)
}
