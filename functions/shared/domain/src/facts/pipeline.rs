//! What CodePipeline says of a service's pipeline.

use std::fmt;

use crate::facts::RevisionFact;
use crate::names::{
    ActionName, BlobId, BranchName, ClusterName, CommitId, ExecutionId, RepositoryName, ServiceName,
};
use crate::time::Timestamp;

/// The pipeline of a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PipelineFact {
    /// It is not there.
    Missing,
    /// It looks like this.
    Found(PipelineDescription),
}

/// What a pipeline is made of, as far as it matters here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PipelineDescription {
    /// Its type.
    pub pipeline_type: PipelineType,
    /// How its executions stand to each other.
    pub execution_mode: ExecutionMode,
    /// Its CodeCommit source actions.
    pub sources: Vec<SourceAction>,
    /// Its ECS deploy actions.
    pub deploys: Vec<DeployAction>,
}

/// A pipeline's type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PipelineType {
    /// V1: it cannot be started at a commit.
    V1,
    /// V2.
    V2,
}

/// How the executions of a pipeline stand to each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExecutionMode {
    /// One after the other.
    Queued,
    /// A newer one overtakes one that waits.
    Superseded,
    /// All at once.
    Parallel,
}

impl fmt::Display for ExecutionMode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Queued => "QUEUED",
            Self::Superseded => "SUPERSEDED",
            Self::Parallel => "PARALLEL",
        })
    }
}

/// A CodeCommit source action. Its configuration is free text, and so may name what cannot exist: that is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceAction {
    /// Its name.
    pub name: ActionName,
    /// The repository it reads.
    pub repository: Option<RepositoryName>,
    /// The branch it reads.
    pub branch: Option<BranchName>,
    /// Whether it starts the pipeline by itself.
    pub polling: Polling,
}

/// Whether a source action starts its pipeline by itself: it does unless told not to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Polling {
    /// It does.
    On,
    /// It does not.
    Off,
}

/// An ECS deploy action. Its configuration is free text, and so may name what cannot exist: that is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeployAction {
    /// Its name.
    pub name: ActionName,
    /// The cluster it deploys to.
    pub cluster: Option<ClusterName>,
    /// The service it deploys.
    pub service: Option<ServiceName>,
    /// The file it reads.
    pub file: String,
}

/// One execution of a pipeline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Execution {
    /// Its id.
    pub id: ExecutionId,
    /// How far it is.
    pub status: ExecutionStatus,
    /// Whether it is a run or a rollback.
    pub kind: ExecutionKind,
    /// What started it.
    pub trigger: Trigger,
    /// When it was started.
    pub started_at: Option<Timestamp>,
    /// The commit of its source.
    pub source: RevisionAtSource,
    /// While its Deploy action for the service ran; none before it began, or where it was not asked for.
    pub deploy: Option<DeployWindow>,
}

/// An execution's status, as `ListPipelineExecutions` tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExecutionStatus {
    /// It waits or runs.
    InProgress,
    /// It is being stopped.
    Stopping,
    /// It was stopped.
    Stopped,
    /// It went through.
    Succeeded,
    /// It was overtaken.
    Superseded,
    /// It failed.
    Failed,
    /// It was cancelled.
    Cancelled,
}

impl ExecutionStatus {
    /// Whether it may still deploy something.
    #[must_use]
    pub fn is_open(self) -> bool {
        match self {
            Self::InProgress | Self::Stopping => true,
            Self::Stopped | Self::Succeeded | Self::Superseded | Self::Failed | Self::Cancelled => false,
        }
    }
}

/// Whether an execution is a run or a rollback.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExecutionKind {
    /// A run of the pipeline.
    Standard,
    /// "Start rollback" of a stage, by a person or by the stage itself.
    Rollback,
}

/// What started an execution.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trigger {
    /// The pipeline's creation.
    CreatePipeline,
    /// A call by Towpath, or by whom CodePipeline does not tell.
    StartPipelineExecution,
    /// A call by somebody else, with their ARN: "Release change", perhaps at an earlier commit.
    StartedBy(String),
    /// Its source action, which polls.
    PollForSourceChanges,
    /// An EventBridge rule, as the console makes one.
    CloudWatchEvent,
    /// A person's rollback of a stage.
    ManualRollback,
    /// A stage's own rollback.
    AutomatedRollback,
    /// Anything else, as CodePipeline names it.
    Other(String),
}

/// The commit of an execution's source, and what the service's revision was there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RevisionAtSource {
    /// The execution has not read its source, or never did.
    Unknown,
    /// The commit, of which only the blob was asked for; none if the file is not there.
    Blob {
        /// The commit.
        commit: CommitId,
        /// The blob of the service's `revision.json` there.
        blob: Option<BlobId>,
    },
    /// The commit with the file's content.
    File {
        /// The commit.
        commit: CommitId,
        /// The service's `revision.json` there.
        revision: RevisionFact,
        /// The commit's message, which tells whose it is.
        message: String,
    },
}

impl RevisionAtSource {
    /// The commit, where it is known.
    #[must_use]
    pub fn commit(&self) -> Option<&CommitId> {
        match self {
            Self::Unknown => None,
            Self::Blob { commit, .. } | Self::File { commit, .. } => Some(commit),
        }
    }

    /// The blob of the service's revision, where the commit is known and has one.
    #[must_use]
    pub fn blob(&self) -> Option<&BlobId> {
        match self {
            Self::Unknown => None,
            Self::Blob { blob, .. } => blob.as_ref(),
            Self::File { revision, .. } => revision.blob(),
        }
    }
}

/// While a Deploy action ran.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeployWindow {
    /// When it began.
    pub began_at: Timestamp,
    /// When it ended; none while it runs.
    pub ended_at: Option<Timestamp>,
}

impl DeployWindow {
    /// Whether `time` lies in it.
    #[must_use]
    pub fn contains(&self, time: Timestamp) -> bool {
        self.began_at <= time && self.ended_at.is_none_or(|end| time <= end)
    }
}
