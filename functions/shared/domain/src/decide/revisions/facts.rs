//! What is read before images are selected.

use std::collections::BTreeMap;

use crate::facts::{
    ApplicationTip, DeploymentRepository, HoldFact, LastChange, RepositoryImages, RevisionFact, RulesFact,
};
use crate::names::{CommitId, EcrRegistry, EventId, ImageRepositoryName, ServiceId};
use crate::time::Timestamp;
use crate::wake_up::Function;

/// Everything that the selection depends on, read at one commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RevisionsFacts {
    /// When it was read.
    pub now: Timestamp,
    /// The function that asks; the commit names it as its actor.
    pub actor: Function,
    /// The events that are answered.
    pub events: Vec<EventId>,
    /// The deployment repository.
    pub repository: DeploymentRepository,
    /// The commit at which its files were read.
    pub tip: CommitId,
    /// This account's registry.
    pub registry: EcrRegistry,
    /// `delivery.yaml`.
    pub rules: RulesFact,
    /// The services that are asked about, and no others.
    pub services: BTreeMap<ServiceId, ServiceFacts>,
    /// The repositories that their containers use.
    pub images: BTreeMap<ImageRepositoryName, RepositoryImages>,
}

/// What is read of one service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceFacts {
    /// Its `revision.json`.
    pub revision: RevisionFact,
    /// Its `hold.json`.
    pub hold: HoldFact,
    /// The last commit that touched its `revision.json`; none if nobody ever did, or nothing tells who.
    pub last_change: Option<LastChange>,
    /// The tip of its application.
    pub application: ApplicationTip,
}
