//! What a sweep reads: the same facts as the functions whose steps it looks for.

use super::SERVICES_AT_ONCE;
use super::files::read_rules;
use super::outcome::{OutcomeRead, read_outcome};
use super::revisions::{RevisionsAsked, read_revisions};
use super::starts::read_starts;
use super::unread::{Unread, apart};
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
use futures_util::{StreamExt, stream};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use tokio::{join, try_join};

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

/// What was read for a sweep.
#[derive(Debug)]
pub struct SweepRead {
    /// What it depends on, of the services of which everything could be read.
    pub facts: SweepFacts,
    /// The other services: the next sweep looks at them again.
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
    let (starts, rules) =
        try_join!(read_starts(clients, stack, &asked_starts), read_rules(clients, &stack.repository))?;
    let (Some((starts, mut unread)), Some((_, rules))) = (starts, rules) else { return Ok(None) };
    let with_rules = match &rules {
        RulesFact::Read(file) => {
            services.iter().filter(|service| file.services.contains_key(*service)).cloned().collect()
        }
        RulesFact::Absent | RulesFact::Invalid(_) => BTreeSet::new(),
    };
    let asked = RevisionsAsked { services: with_rules, ..RevisionsAsked::default() };
    let (revisions, (outcomes, no_outcomes), (tasks, no_tasks)) = join!(
        read_revisions(clients, upstream, stack, &asked, (Function::Reconcile, now)),
        read_outcomes(clients, stack, services, now),
        read_tasks(clients, services),
    );
    let Some((revisions, no_revisions)) = revisions? else { return Ok(None) };
    let outcomes = outcomes.into_values().flatten().collect();
    let mut facts = SweepFacts { revisions, starts, outcomes, tasks };
    unread.extend(no_revisions.into_iter().chain(no_outcomes).chain(no_tasks));
    leave_out(&mut facts, &unread);
    Ok(Some(SweepRead { facts, unread }))
}

/// Of a service that was read in part, nothing is said.
fn leave_out(facts: &mut SweepFacts, unread: &[Unread]) {
    let is_read = |service: &ServiceId| !unread.iter().any(|unread| unread.services.contains(service));
    facts.revisions.services.retain(|service, _| is_read(service));
    facts.starts.services.retain(|service, _| is_read(service));
    facts.outcomes.retain(|outcome| is_read(&outcome.service));
}

async fn read_outcomes(
    clients: &Clients,
    stack: &Stack,
    services: &BTreeSet<ServiceId>,
    now: Timestamp,
) -> (BTreeMap<ServiceId, Vec<OutcomeFacts>>, Vec<Unread>) {
    let since = now.minus(UNTOLD_WITHIN);
    let read = stream::iter(services)
        .map(|service| async move {
            (service.clone(), read_late_outcome(clients, stack, service, since, now).await)
        })
        .buffer_unordered(SERVICES_AT_ONCE)
        .collect::<Vec<_>>()
        .await;
    apart(read)
}

/// What the outcome of a service depends on, if it was deployed lately.
async fn read_late_outcome(
    clients: &Clients,
    stack: &Stack,
    service: &ServiceId,
    since: Timestamp,
    now: Timestamp,
) -> Result<Vec<OutcomeFacts>, CallError> {
    if !clients.deployed_since(service, since).await? {
        return Ok(Vec::new());
    }
    match Box::pin(read_outcome(clients, stack, service, &[], now)).await? {
        OutcomeRead::Facts(facts) => Ok(facts),
        OutcomeRead::NoBranch | OutcomeRead::NotNamed(_) => Ok(Vec::new()),
        OutcomeRead::Unread(_, error) => Err(error),
    }
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
