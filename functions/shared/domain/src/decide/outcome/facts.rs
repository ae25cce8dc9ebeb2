//! What is read before an outcome is told.

use crate::decision::DecisionKind;
use crate::evidence::Evidence;
use crate::facts::{
    ApplicationTip, Deployment, DeploymentRepository, Execution, HoldFact, IndexChildren, LastChange,
    RevisionFact, RulesFact, StoppedTask,
};
use crate::names::{
    BlobId, CommitId, EcrRegistry, EnvironmentName, EventId, ImageDigest, PipelineName, ServiceId,
};
use crate::revision::RevisionFile;
use crate::time::Timestamp;
use std::collections::BTreeSet;
use std::time::Duration;

/// Everything that the outcome of one deployment of a service depends on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutcomeFacts {
    /// When it was read.
    pub now: Timestamp,
    /// The environment that this is.
    pub environment: EnvironmentName,
    /// The events that are answered.
    pub events: Vec<EventId>,
    /// The deployment repository.
    pub repository: DeploymentRepository,
    /// The commit at which its files were read.
    pub tip: CommitId,
    /// This account's registry: evidence is put on images that lie in it.
    pub registry: EcrRegistry,
    /// The service.
    pub service: ServiceId,
    /// `delivery.yaml`.
    pub rules: RulesFact,
    /// Its `revision.json` at the tip.
    pub revision: RevisionFact,
    /// Its `hold.json` at the tip.
    pub hold: HoldFact,
    /// The last commit that touched its `revision.json`.
    pub last_change: Option<LastChange>,
    /// The tip of its application.
    pub application: ApplicationTip,
    /// Its deployments: the one to tell of, then older ones, newest first. Usually the first is the service's newest; one
    /// that ended before a newer began is told of in its own turn. None where an execution that made none is told of.
    pub deployments: Vec<Deployment>,
    /// Its pipeline, if its name can be one.
    pub pipeline: Option<PipelineName>,
    /// The pipeline's newest executions, newest first, with the windows of their Deploy actions; with the file for the one
    /// whose window holds the deployment to tell of.
    pub executions: Vec<Execution>,
    /// The children of the indexes that these revisions name.
    pub children: IndexChildren,
    /// The images of these revisions that are not in the registry any more: nothing can be said on them.
    pub gone: BTreeSet<ImageDigest>,
    /// The evidence on all digests that these revisions name.
    pub evidence: Vec<Evidence>,
    /// The tasks of that deployment that stopped.
    pub stopped_tasks: Vec<StoppedTask>,
    /// What ECS said of the service since that deployment was created, newest first.
    pub messages: Vec<String>,
    /// The revisions before the one that was deployed, newest first, as far as anybody looked.
    pub earlier: Vec<EarlierRevision>,
    /// How many services were reverted in the last ten minutes.
    pub recent_reverts: usize,
    /// The outcomes that comments at the deployed commit tell already of this service.
    pub told: Vec<DecisionKind>,
    /// How long a rollout may take that nothing watches.
    pub stalled_after: Duration,
}

/// A revision that the service had before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EarlierRevision {
    /// The commit that put it there.
    pub commit: CommitId,
    /// Its blob.
    pub blob: BlobId,
    /// Its content.
    pub file: RevisionFile,
}
