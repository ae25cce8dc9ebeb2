//! `towpath status`: what runs, service × environment, in the words of the sweep.

mod between;
mod table;

use crate::account::{Account, now, unknown_service};
use crate::arguments::Status;
use crate::chain::{Chain, Place};
use crate::ending::Ending;
use crate::failure::Failure;
use crate::show::{print, print_json};
use crate::version::{Version, versions};
use aws::facts::{SweepRead, read_sweep};
use domain::decide::sweep::{Drift, sweep};
use domain::facts::RunningService;
use domain::names::{AccountId, CommitId, EnvironmentName, ServiceId};
use futures_util::future::{join_all, try_join_all};
use serde::Serialize;
use std::collections::BTreeSet;

/// How many services are read at one time, as the sweep does.
const PART_SERVICES: usize = 10;

/// A service in an environment.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    service: ServiceId,
    environment: EnvironmentName,
    account: AccountId,
    state: &'static str,
    because: String,
    /// What git says.
    containers: Vec<Version>,
    /// The commit of the deployment repository that said so.
    commit: Option<CommitId>,
    /// What ECS runs, by the service revision of the newest deployment.
    runs: Vec<Running>,
    /// What should be done and must not, until somebody mends it.
    refused: Vec<Refused>,
}

/// Why something is not done.
#[derive(Debug, Serialize)]
struct Refused {
    refusal: &'static str,
    because: String,
}

/// The image of a container in ECS.
#[derive(Debug, Serialize)]
struct Running {
    container: String,
    image: String,
    digest: Option<String>,
}

#[derive(Serialize)]
struct Answer<'a> {
    services: &'a [Row],
}

pub(crate) async fn run(chain: &Chain, arguments: &Status, as_json: bool) -> Result<Ending, Failure> {
    if let [from, to] = arguments.between.as_slice() {
        return Box::pin(between::run(chain, arguments, (from, to), as_json)).await;
    }
    let places = chain.several(&arguments.environments)?;
    let accounts = connect_all(&places, &arguments.environments).await?;
    let known: Vec<BTreeSet<ServiceId>> = try_join_all(accounts.iter().map(Account::services)).await?;
    let all: BTreeSet<ServiceId> = known.iter().flatten().cloned().collect();
    if let Some(unknown) = arguments.services.iter().find(|service| !all.contains(*service)) {
        let names: Vec<&str> = accounts.iter().map(|account| account.name().as_str()).collect();
        return Err(unknown_service(unknown, &format!("in {}", names.join(", ")), &all));
    }
    let asked: BTreeSet<ServiceId> = arguments.services.iter().cloned().collect();
    let others = upstreams(chain, &accounts).await;
    let reads = accounts.iter().zip(known).map(|(account, known)| {
        let services = if asked.is_empty() { known } else { asked.clone() };
        rows(account, upstream_of(account, accounts.iter().chain(&others)), services)
    });
    let mut rows: Vec<Row> = try_join_all(reads).await?.into_iter().flatten().collect();
    // Stable: within a service the environments stay in the chain's order.
    rows.sort_by(|one, other| one.service.cmp(&other.service));
    if as_json {
        print_json(&Answer { services: &rows });
    } else {
        print(&table::text(&rows));
    }
    Ok(if rows.iter().any(|row| row.state == UNREAD) { Ending::Failed } else { Ending::Done })
}

/// The state of a service of which AWS told too little.
const UNREAD: &str = "unread";

async fn connect_all(places: &[&Place], names: &[EnvironmentName]) -> Result<Vec<Account>, Failure> {
    let connected =
        places.iter().enumerate().map(|(index, place)| Account::connect_as(place, names.get(index)));
    // The first of several errors in the order of the environments, whichever account answers first.
    join_all(connected).await.into_iter().collect()
}

/// The environments before those that are shown, where they are not shown themselves: what is promoted depends on them.
/// One that cannot be reached is left out, and what depends on it is said to be unknown.
async fn upstreams(chain: &Chain, accounts: &[Account]) -> Vec<Account> {
    let missing = accounts.iter().filter(|account| upstream_of(account, accounts.iter()).is_none());
    let places =
        missing.filter_map(|account| account.stack.upstream.as_ref().and(chain.before(account.name())));
    join_all(places.map(Account::connect)).await.into_iter().flatten().collect()
}

/// The environment before this one.
fn upstream_of<'a>(account: &Account, mut others: impl Iterator<Item = &'a Account>) -> Option<&'a Account> {
    let upstream = account.stack.upstream.as_ref()?;
    others.find(|other| other.stack.registry.account == *upstream)
}

async fn rows(
    account: &Account,
    upstream: Option<&Account>,
    services: BTreeSet<ServiceId>,
) -> Result<Vec<Row>, Failure> {
    let mut rows = Vec::new();
    let services: Vec<ServiceId> = services.into_iter().collect();
    for part in services.chunks(PART_SERVICES) {
        let part: BTreeSet<ServiceId> = part.iter().cloned().collect();
        let upstream = upstream.map(|upstream| &upstream.clients);
        let read = Box::pin(read_sweep(&account.clients, upstream, &account.stack, &part, now())).await;
        match read.map_err(|error| account.failed(&error))? {
            Some(read) => rows.extend(part.iter().map(|service| row(account, service, &read))),
            None => {
                let because = "the deployment repository has no such branch";
                rows.extend(
                    part.iter().map(|service| empty_row(account, service, "never_deployed", because)),
                );
            }
        }
    }
    Ok(rows)
}

fn row(account: &Account, service: &ServiceId, read: &SweepRead) -> Row {
    if let Some(unread) = read.unread.iter().find(|unread| unread.services.contains(service)) {
        return empty_row(account, service, UNREAD, &unread.error.to_string());
    }
    let found = sweep(&read.facts);
    let Some(Drift { state, because }) = found.drift.get(service) else {
        return empty_row(account, service, UNREAD, "nothing was read of it");
    };
    let mut row = empty_row(account, service, state.as_str(), because);
    let of_service =
        found.plan.decisions.iter().filter(|decision| decision.service.as_ref() == Some(service));
    let refused = of_service.filter_map(|decision| {
        let refusal = decision.refusal.as_ref()?.kind();
        Some(Refused { refusal, because: decision.because.clone() })
    });
    row.refused = refused.collect();
    let Some(start) = read.facts.starts.services.get(service) else { return row };
    let change = start.last_change.as_ref();
    if let Some(revision) = start.revision.content() {
        let images = &read.facts.revisions.images;
        row.containers = versions(service, revision, change, &account.stack.registry, images);
    }
    row.commit = change.filter(|_| start.revision.blob().is_some()).map(|change| change.commit.clone());
    if let RunningService::Deployed { images, .. } = &start.runs {
        row.runs = images
            .iter()
            .map(|image| Running {
                container: image.container.to_string(),
                image: image.image.clone(),
                digest: image.digest.as_ref().map(ToString::to_string),
            })
            .collect();
    }
    row
}

fn empty_row(account: &Account, service: &ServiceId, state: &'static str, because: &str) -> Row {
    Row {
        service: service.clone(),
        environment: account.name().clone(),
        account: account.stack.registry.account.clone(),
        state,
        because: because.to_owned(),
        containers: Vec::new(),
        commit: None,
        runs: Vec::new(),
        refused: Vec::new(),
    }
}
