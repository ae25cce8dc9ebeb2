//! What is read of the environment before this one: the images of its registry, and what it says of them.

use super::SERVICES_AT_ONCE;
use super::revisions::{RevisionsRead, named, read_all_images};
use crate::connection::Clients;
use crate::error::{CallError, CallErrorKind};
use domain::decide::revisions::evidence_wanted;
use domain::facts::{RepositoryImages, RulesFact, UpstreamFacts};
use domain::names::{ImageRepositoryName, ServiceId};
use futures_util::{StreamExt, stream};
use std::collections::{BTreeMap, BTreeSet};

/// How many candidates of one container are looked at, the best one first, until one has its approvals.
const CANDIDATES_MAX: usize = 200;

/// The repositories upstream that the services' images come from.
pub(super) fn sources(rules: &RulesFact, services: &BTreeSet<ServiceId>) -> BTreeSet<ImageRepositoryName> {
    let promoted =
        services.iter().filter_map(|service| named(rules, service)).filter(|rules| rules.promote.is_some());
    promoted.flat_map(|rules| rules.containers.values().map(|container| container.source().clone())).collect()
}

/// The images of these repositories upstream, and those that could not be read.
pub(super) async fn read_sources(
    upstream: Option<&Clients>,
    repositories: &BTreeSet<ImageRepositoryName>,
) -> (Option<UpstreamFacts>, Vec<(ImageRepositoryName, CallError)>) {
    let Some(upstream) = upstream else { return (None, Vec::new()) };
    let (images, failures) = read_all_images(upstream, repositories).await;
    let facts = UpstreamFacts { account: upstream.account.clone(), images, evidence: BTreeMap::new() };
    (Some(facts), failures)
}

/// Reads what upstream says of the candidates, as long as one is wanted: which candidate comes next depends on what is
/// said of the one before it.
pub(super) async fn read_evidence(upstream: &Clients, read: &mut RevisionsRead) {
    let mut asked = BTreeSet::new();
    for _ in 0..CANDIDATES_MAX {
        let mut wanted = evidence_wanted(&read.facts);
        wanted.retain(|image| !asked.contains(image));
        if wanted.is_empty() {
            return;
        }
        asked.extend(wanted.iter().cloned());
        let answers = stream::iter(wanted)
            .map(|(repository, digest)| async {
                let evidence = upstream.evidence(&repository, &digest).await;
                (repository, digest, evidence)
            })
            .buffer_unordered(SERVICES_AT_ONCE)
            .collect::<Vec<_>>()
            .await;
        for (repository, digest, answer) in answers {
            let Some(facts) = read.facts.upstream.as_mut() else { continue };
            match answer {
                Ok(evidence) => {
                    facts.evidence.insert((repository, digest), evidence);
                }
                Err(error) if error.kind() == CallErrorKind::Denied => {
                    facts.images.insert(repository, RepositoryImages::Unreadable(error.to_string()));
                }
                Err(error) => read.unread_upstream(&repository, error),
            }
        }
    }
}
