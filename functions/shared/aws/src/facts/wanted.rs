//! What must be known of the candidates before anything is decided: what upstream says of them, what they are built for.

use super::SERVICES_AT_ONCE;
use super::revisions::RevisionsRead;
use crate::connection::Clients;
use crate::error::{CallError, CallErrorKind};
use domain::decide::revisions::{Place, Wanted, wanted};
use domain::evidence::Evidence;
use domain::facts::RepositoryImages;
use domain::names::{ImageRepositoryName, Platform};
use futures_util::{StreamExt, stream};
use std::collections::BTreeSet;

/// How many candidates of one container are looked at, the best one first, until one may enter.
const CANDIDATES_MAX: usize = 200;

/// What was told.
enum Told {
    Evidence(Vec<Evidence>),
    Platforms(BTreeSet<Platform>),
}

/// Reads what is wanted, as long as anything is: which candidate comes next depends on what is told of the one before it.
pub(super) async fn read_wanted(clients: &Clients, upstream: Option<&Clients>, read: &mut RevisionsRead) {
    let mut asked = BTreeSet::new();
    for _ in 0..CANDIDATES_MAX {
        let mut left = wanted(&read.facts);
        left.retain(|wanted| !asked.contains(wanted));
        if left.is_empty() {
            return;
        }
        asked.extend(left.iter().cloned());
        let answers = stream::iter(left)
            .map(|wanted| async {
                let told = ask(clients, upstream, &wanted).await;
                (wanted, told)
            })
            .buffer_unordered(SERVICES_AT_ONCE)
            .collect::<Vec<_>>()
            .await;
        for (wanted, told) in answers {
            match told {
                Ok(told) => take(read, wanted, told),
                Err(error) => take_failure(read, wanted, error),
            }
        }
    }
}

async fn ask(clients: &Clients, upstream: Option<&Clients>, wanted: &Wanted) -> Result<Told, CallError> {
    let (place, repository, digest) = match wanted {
        Wanted::Evidence { repository, digest } => (Place::Upstream, repository, digest),
        Wanted::Platforms { place, repository, digest } => (*place, repository, digest),
    };
    // Nothing is wanted of upstream where there is none.
    let asked = match place {
        Place::Here => clients,
        Place::Upstream => upstream.unwrap_or(clients),
    };
    match wanted {
        Wanted::Evidence { .. } => asked.evidence(repository, digest).await.map(Told::Evidence),
        Wanted::Platforms { .. } => asked.platforms(repository, digest).await.map(Told::Platforms),
    }
}

fn take(read: &mut RevisionsRead, wanted: Wanted, told: Told) {
    match (wanted, told) {
        (Wanted::Evidence { repository, digest }, Told::Evidence(evidence)) => {
            if let Some(upstream) = &mut read.facts.upstream {
                upstream.evidence.insert((repository, digest), evidence);
            }
        }
        (Wanted::Platforms { digest, .. }, Told::Platforms(platforms)) => {
            read.facts.platforms.insert(digest, platforms);
        }
        (Wanted::Evidence { .. }, Told::Platforms(_)) | (Wanted::Platforms { .. }, Told::Evidence(_)) => {}
    }
}

/// What may not be read is a refusal, and what could not be read another try; the services stay, since what needs none of it
/// does not wait for it.
fn take_failure(read: &mut RevisionsRead, wanted: Wanted, error: CallError) {
    let is_denied = error.kind() == CallErrorKind::Denied;
    let unreadable = |error: &CallError| RepositoryImages::Unreadable(error.to_string());
    match wanted {
        Wanted::Evidence { repository, .. }
        | Wanted::Platforms { place: Place::Upstream, repository, .. } => match &mut read.facts.upstream {
            Some(upstream) if is_denied => {
                upstream.images.insert(repository, unreadable(&error));
            }
            _ => read.unread_upstream(&repository, error),
        },
        Wanted::Platforms { place: Place::Here, repository, .. } if is_denied => {
            read.facts.images.insert(repository, unreadable(&error));
        }
        Wanted::Platforms { place: Place::Here, repository, .. } => unread_here(read, &repository, error),
    }
}

fn unread_here(read: &mut RevisionsRead, repository: &ImageRepositoryName, error: CallError) {
    let services = read.users_of(repository);
    read.unread.push(super::Unread { services, error });
}
