//! What is read of the environment before this one: the images of its registry, and what it says of them.

use super::revisions::{named, read_all_images};
use crate::connection::Clients;
use crate::error::CallError;
use domain::facts::{RulesFact, UpstreamFacts};
use domain::names::{ImageRepositoryName, ServiceId};
use std::collections::{BTreeMap, BTreeSet};

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
