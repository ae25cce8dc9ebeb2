//! What is true in AWS, as the decisions need it: read at one commit of the deployment repository, and nothing else than
//! what AWS said.

mod automation;
mod deployment;
mod file;
mod pipeline;
mod registry;
mod upstream;

pub use automation::{AutomationExecution, AutomationStatus};
pub use deployment::{
    Breaker, Deployment, DeploymentStatus, IndexChildren, RunningImage, RunningService, StoppedContainer,
    StoppedTask, runs,
};
pub use file::{
    ApplicationTip, DeploymentRepository, FileFact, HoldFact, LastChange, RevisionFact, RulesFact,
    RulesOfService,
};
pub use pipeline::{
    DeployAction, DeployWindow, Execution, ExecutionKind, ExecutionMode, ExecutionStatus,
    PipelineDescription, PipelineFact, PipelineType, Polling, RevisionAtSource, SourceAction, Trigger,
};
pub use registry::RepositoryImages;
pub use upstream::UpstreamFacts;
