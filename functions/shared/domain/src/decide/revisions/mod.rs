//! `on_image_push` and `promote_image`: which revisions move to which images.
//!
//! Each service is decided by itself; all that move or are held move in one commit on the tip at which they were read.

mod commit;
mod container;
mod facts;
mod hold;
mod promotion;
mod service;

pub use facts::{RevisionsFacts, ServiceFacts};

use std::collections::BTreeSet;

use crate::decision::{Decision, DecisionKind};
use crate::facts::RulesFact;
use crate::names::ServiceId;
use crate::names::{ImageDigest, ImageRepositoryName};
use crate::plan::{CopyImage, FileContent, Plan, TagImage, Then};
use crate::refusal::Refusal;
use crate::trailers::ServiceTrailers;

/// What one service adds to the commit.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Change {
    /// What happens to it, for the commit's subject.
    headline: String,
    files: Vec<FileContent>,
    trailers: ServiceTrailers,
}

/// What is decided about one service.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Decided {
    /// What must come before the change.
    tags: Vec<TagImage>,
    change: Option<Change>,
    /// What must be copied before anything else can be decided, or what has come to an image since it was copied.
    copies: Vec<CopyImage>,
    /// Whether the service moves once the copies are made.
    then: Then,
    decisions: Vec<Decision>,
}

/// Which revisions move to which images, which are held, and why the others stay.
#[must_use]
pub fn decide(facts: &RevisionsFacts) -> Plan {
    if let RulesFact::Invalid(error) = &facts.rules {
        return Plan::nothing(Decision::refused_whole(Refusal::InvalidRules(error.clone())));
    }
    if facts.services.is_empty() && facts.left_out.is_empty() {
        let because = "delivery.yaml names no service for it".to_owned();
        return Plan::nothing(Decision {
            service: None,
            kind: DecisionKind::Ignored,
            because,
            refusal: None,
        });
    }
    let decided =
        facts.services.iter().map(|(service, read)| service::decide(facts, service, read)).collect();
    commit::plan(facts, decided)
}

/// Something about an image that must be known before anything is decided about the services that wait for it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Wanted {
    /// What upstream says of it.
    Evidence {
        /// The repository upstream.
        repository: ImageRepositoryName,
        /// The image.
        digest: ImageDigest,
    },
    /// What it is built for.
    Platforms {
        /// Where it is.
        place: Place,
        /// The repository there.
        repository: ImageRepositoryName,
        /// The image.
        digest: ImageDigest,
    },
}

/// Where an image is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// In this account's registry.
    Here,
    /// In that of the account before it.
    Upstream,
}

/// What must be known before anything is decided about the services that wait for it. What comes next can depend on it, so
/// this is asked until it is nothing.
#[must_use]
pub fn wanted(facts: &RevisionsFacts) -> BTreeSet<Wanted> {
    facts.services.iter().flat_map(|(service, read)| service::wanted(facts, service, read)).collect()
}

/// Whether something of a service cannot be decided without this repository upstream: what was promoted before needs none.
#[must_use]
pub fn needs_upstream(facts: &RevisionsFacts, service: &ServiceId, source: &ImageRepositoryName) -> bool {
    service::needs_upstream(facts, service, source)
}

impl Decided {
    fn stays(decision: Decision) -> Self {
        Self::changes(None, vec![decision])
    }

    fn changes(change: Option<Change>, decisions: Vec<Decision>) -> Self {
        Self { tags: Vec::new(), change, copies: Vec::new(), then: Then::Done, decisions }
    }
}

#[cfg(test)]
mod conditions_tests;
#[cfg(test)]
mod promotion_tests;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
