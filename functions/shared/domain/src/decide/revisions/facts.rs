//! What is read before images are selected.

use std::collections::{BTreeMap, BTreeSet};

use crate::facts::{
    ApplicationTip, DeploymentRepository, HoldFact, LastChange, RepositoryImages, RevisionFact, RulesFact,
    UpstreamFacts,
};
use crate::names::{
    CommitId, EcrRegistry, EnvironmentName, EventId, ImageDigest, ImageRepositoryName, ImageTag, Platform,
    ServiceId,
};
use crate::rules::Application;
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
    /// Who pushed the applications, where an event tells: their tip then, and the ARN.
    pub pushers: BTreeMap<Application, (CommitId, String)>,
    /// This environment.
    pub environment: EnvironmentName,
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
    /// The services that are asked about and could not be read: nothing is decided about them now.
    pub left_out: BTreeSet<ServiceId>,
    /// The repositories that their containers use.
    pub images: BTreeMap<ImageRepositoryName, RepositoryImages>,
    /// What the images are built for that were asked about: the same wherever they are.
    pub platforms: BTreeMap<ImageDigest, BTreeSet<Platform>>,
    /// The environment before this one; none in the first.
    pub upstream: Option<UpstreamFacts>,
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
    /// The images that promotions put into its revision before, each with the tag that it was promoted by: for them it was
    /// decided once that they may enter.
    pub promoted: BTreeSet<(ImageTag, ImageDigest)>,
}
