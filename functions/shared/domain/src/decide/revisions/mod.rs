//! `on_image_push`: which revisions move to which images.
//!
//! Each service is decided by itself; all that move or are held move in one commit on the tip at which they were read.

mod commit;
mod container;
mod facts;
mod hold;
mod service;

pub use facts::{RevisionsFacts, ServiceFacts};

use crate::decision::{Decision, DecisionKind};
use crate::facts::RulesFact;
use crate::names::ServiceId;
use crate::plan::{FileContent, Plan};
use crate::refusal::Refusal;
use crate::trailers::ServiceTrailers;

/// What one service adds to the commit.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Change {
    service: ServiceId,
    /// What happens to it, for the commit's subject.
    headline: String,
    files: Vec<FileContent>,
    trailers: ServiceTrailers,
}

/// What is decided about one service.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Decided {
    change: Option<Change>,
    decisions: Vec<Decision>,
}

/// Which revisions move to which images, which are held, and why the others stay.
#[must_use]
pub fn decide(facts: &RevisionsFacts) -> Plan {
    if let RulesFact::Invalid(error) = &facts.rules {
        return Plan::nothing(Decision::refused_whole(Refusal::InvalidRules(error.clone())));
    }
    if facts.services.is_empty() {
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

impl Decided {
    fn stays(decision: Decision) -> Self {
        Self { change: None, decisions: vec![decision] }
    }
}

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
