//! What a sweep reads: the same facts as the functions whose steps it looks for.

use super::SERVICES_AT_ONCE;
use super::files::read_rules;
use super::outcome::{OutcomeRead, read_outcome};
use super::revisions::{RevisionsAsked, read_revisions};
use super::starts::read_starts;
use crate::connection::Clients;
use crate::error::CallError;
use crate::stack::Stack;
use domain::decide::outcome::OutcomeFacts;
use domain::decide::starts::Asked;
use domain::decide::sweep::SweepFacts;
use domain::facts::{RulesFact, RunningImage};
use domain::names::ServiceId;
use domain::time::Timestamp;
use domain::wake_up::Function;
use futures_util::{StreamExt, TryStreamExt, stream};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use tokio::try_join;

/// For how long after its creation a deployment's outcome may still be untold: the pipeline's longest time-out, and
/// as much again for events that come late.
const UNTOLD_WITHIN: Duration = Duration::from_secs(7_200);

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

/// Reads what a sweep over these services depends on. None when the deployment repository has no such branch.
///
/// # Errors
/// When a call gives no usable answer.
pub async fn read_sweep(
    clients: &Clients,
    stack: &Stack,
    services: &BTreeSet<ServiceId>,
    now: Timestamp,
) -> Result<Option<SweepFacts>, CallError> {
    let asked_starts = services.iter().map(|service| (service.clone(), Asked::WakeUp)).collect();
    let (starts, rules) =
        try_join!(read_starts(clients, stack, &asked_starts), read_rules(clients, &stack.repository))?;
    let (Some(starts), Some((_, rules))) = (starts, rules) else { return Ok(None) };
    let with_rules = match &rules {
        RulesFact::Read(file) => {
            services.iter().filter(|service| file.services.contains_key(*service)).cloned().collect()
        }
        RulesFact::Absent | RulesFact::Invalid(_) => BTreeSet::new(),
    };
    let asked = RevisionsAsked { services: with_rules, ..RevisionsAsked::default() };
    let (revisions, outcomes, tasks) = try_join!(
        read_revisions(clients, stack, &asked, Function::OnImagePush, now),
        read_outcomes(clients, stack, services, now),
        read_tasks(clients, services),
    )?;
    Ok(revisions.map(|revisions| SweepFacts { revisions, starts, outcomes, tasks }))
}

async fn read_outcomes(
    clients: &Clients,
    stack: &Stack,
    services: &BTreeSet<ServiceId>,
    now: Timestamp,
) -> Result<Vec<OutcomeFacts>, CallError> {
    let since = now.minus(UNTOLD_WITHIN);
    let read = stream::iter(services)
        .map(|service| async move {
            if !clients.deployed_since(service, since).await? {
                return Ok(Vec::new());
            }
            match Box::pin(read_outcome(clients, stack, service, &[], now)).await? {
                OutcomeRead::Facts(facts) => Ok::<_, CallError>(facts),
                OutcomeRead::NoBranch | OutcomeRead::NotNamed(_) => Ok(Vec::new()),
            }
        })
        .buffered(SERVICES_AT_ONCE)
        .try_collect::<Vec<_>>()
        .await?;
    Ok(read.into_iter().flatten().collect())
}

async fn read_tasks(
    clients: &Clients,
    services: &BTreeSet<ServiceId>,
) -> Result<BTreeMap<ServiceId, Vec<Vec<RunningImage>>>, CallError> {
    stream::iter(services)
        .map(|service| async { Ok::<_, CallError>((service.clone(), clients.running_tasks(service).await?)) })
        .buffer_unordered(SERVICES_AT_ONCE)
        .try_collect()
        .await
}
