//! Reasons for not acting that somebody can mend: each with a name for programs and a sentence for people.

use crate::hold::HoldError;
use crate::names::{
    AccountId, ActionName, BranchName, CommitId, ContainerName, ExecutionId, FilePath, ImageDigest,
    ImageRepositoryName, ImageTag, ImageUri, InvalidName, PipelineName, Platform, RepositoryName, ServiceId,
};
use crate::revision::RevisionError;
use crate::rules::RuleError;
use crate::text::one_line;
use crate::text::shown;
use crate::time::Timestamp;

/// How much of what AWS said is told.
const PROBLEM_CHARACTERS: usize = 300;

/// Why something that should be done is not done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The service's rules, or all of them, cannot be read.
    #[error("{0}")]
    InvalidRules(RuleError),
    /// The service's `revision.json` cannot be read.
    #[error("{0}; commit a corrected file")]
    InvalidRevision(RevisionError),
    /// The service's `hold.json` cannot be read, and so nobody knows whether it may move.
    #[error("{0}; until it is corrected nothing moves this service")]
    InvalidHold(HoldError),
    /// The repository that a container's images should lie in is not there.
    #[error("there is no ECR repository {repository} in this account; create it, or correct delivery.yaml")]
    ImageRepositoryMissing {
        /// The repository.
        repository: ImageRepositoryName,
    },
    /// Its rules ask for approvals of an upstream that this environment does not have.
    #[error(
        "its rules ask for approvals (promote), and this environment has no upstream; deploy template.yaml with the parameter Upstream, or take promote out of delivery.yaml"
    )]
    NoUpstream,
    /// The repository that a container's images should come from is not upstream.
    #[error(
        "there is no ECR repository {repository} upstream in account {account}; push an image there, or correct delivery.yaml (from: …)"
    )]
    UpstreamRepositoryMissing {
        /// The repository.
        repository: ImageRepositoryName,
        /// The account.
        account: AccountId,
    },
    /// Upstream's registry may not be read.
    #[error(
        "the ECR repository {repository} of account {account} may not be read: {problem}; deploy template.yaml there with this account as the parameter Downstream, and admit the repository with its NamePrefix"
    )]
    UpstreamUnreadable {
        /// The repository.
        repository: ImageRepositoryName,
        /// The account.
        account: AccountId,
        /// What AWS said.
        problem: String,
    },
    /// What the rules select lacks approvals.
    #[error("container {container}: {tag} ({}) of account {account} is not approved: it lacks {missing}", digest.short())]
    NotApproved {
        /// The container.
        container: ContainerName,
        /// The tag that was selected.
        tag: ImageTag,
        /// The image that was selected.
        digest: ImageDigest,
        /// Where it lies.
        account: AccountId,
        /// What would approve it.
        missing: String,
    },
    /// The tag was approved on another image.
    #[error(
        "container {container}: the tag {tag} is on {tagged} now, and {approved} was approved as {tag}; approve the one that is meant"
    )]
    ApprovedOther {
        /// The container.
        container: ContainerName,
        /// The tag.
        tag: ImageTag,
        /// The image that bears it now.
        tagged: ImageDigest,
        /// The image that was approved.
        approved: ImageDigest,
    },
    /// Upstream has put into quarantine what the rules select.
    #[error(
        "container {container}: {tag} ({}) is in quarantine in account {account} since {at}, which overrides every approval; promote another image, or release it there",
        digest.short()
    )]
    QuarantinedUpstream {
        /// The container.
        container: ContainerName,
        /// The tag that was selected.
        tag: ImageTag,
        /// The image that was selected.
        digest: ImageDigest,
        /// Where it is in quarantine.
        account: AccountId,
        /// Since when.
        at: Timestamp,
    },
    /// The tag that the image should bear is on another image here.
    #[error(
        "container {container}: {repository}:{tag} is {here} here, and {upstream} upstream; Towpath moves no tag: remove it here, or tag the image upstream anew"
    )]
    TagTaken {
        /// The container.
        container: ContainerName,
        /// The repository here.
        repository: ImageRepositoryName,
        /// The tag.
        tag: ImageTag,
        /// The image that bears it here.
        here: ImageDigest,
        /// The image that bears it upstream.
        upstream: ImageDigest,
    },
    /// The image cannot be copied until somebody mends this.
    #[error("{0}")]
    NotCopied(String),
    /// A call about the service is denied: names outside the stack's parameters are not admitted.
    #[error(
        "not admitted: {problem}; admit the names of {service} and of what it uses with the stack parameter NamePrefix, and of its pipeline with PipelinePattern"
    )]
    NotAdmitted {
        /// The service.
        service: ServiceId,
        /// What AWS said.
        problem: String,
    },
    /// CodeCommit does not take the service's commit, however often it is sent.
    #[error(
        "not committed: {problem}; put right what CodeCommit names with a commit: {service} must be a folder, and in it revision.json and hold.json files"
    )]
    NotCommitted {
        /// The service.
        service: ServiceId,
        /// What CodeCommit said.
        problem: String,
    },
    /// The repository exists, and Towpath may not read it.
    #[error(
        "the ECR repository {repository} may not be read: {problem}; admit its name with the stack parameter NamePrefix"
    )]
    ImageRepositoryUnreadable {
        /// The repository.
        repository: ImageRepositoryName,
        /// What AWS said.
        problem: String,
    },
    /// The application's repository or branch is not there.
    #[error(
        "the application repository {repository} has no branch {branch}; push it, or correct delivery.yaml"
    )]
    ApplicationBranchMissing {
        /// The repository.
        repository: RepositoryName,
        /// The branch.
        branch: BranchName,
    },
    /// Several images claim to be one commit's.
    #[error(
        "several images of {repository} are tagged for commit {commit} ({tags}); tag one of them with the full commit id"
    )]
    Ambiguous {
        /// The repository, and where it is if it is not here.
        repository: String,
        /// The commit.
        commit: CommitId,
        /// Their tags.
        tags: String,
    },
    /// What the rules select is not built for the platform that they ask for.
    #[error(
        "container {container}: {tag} ({}) is not built for {wanted}, which its rules ask for, but for {built}; build it for {wanted} and push it under a new tag",
        digest.short()
    )]
    OtherPlatform {
        /// The container.
        container: ContainerName,
        /// The tag that was selected.
        tag: ImageTag,
        /// The image that was selected.
        digest: ImageDigest,
        /// What the rules ask for.
        wanted: Platform,
        /// What it is built for.
        built: String,
    },
    /// What the rules select is in quarantine, or not later than what is.
    #[error("{0}")]
    Quarantined(Box<QuarantineRefusal>),
    /// What the rules select comes before what git says, in the rules' own order.
    #[error(
        "container {container}: the rules select {tag} ({}), which comes before what git says ({current}); to go back, commit it to revision.json or roll back",
        digest.short()
    )]
    NeverBack {
        /// The container.
        container: ContainerName,
        /// The tag that was selected.
        tag: ImageTag,
        /// The image that was selected.
        digest: ImageDigest,
        /// What git says.
        current: String,
    },
    /// What git says is not in the registry, so that nobody knows whether the selected image is later.
    #[error(
        "container {container}: what git says ({current}) is not in the registry, so that it cannot be known whether {tag} ({}) comes after it; push a newer image, or commit one to revision.json",
        digest.short()
    )]
    NotComparable {
        /// The container.
        container: ContainerName,
        /// The tag that was selected.
        tag: ImageTag,
        /// The image that was selected.
        digest: ImageDigest,
        /// What git says.
        current: String,
    },
    /// A person removed the service's `revision.json`.
    #[error(
        "a person removed its revision.json, whose last content was of commit {last}; commit one to deploy it again, or take it out of delivery.yaml"
    )]
    RemovedByHand {
        /// The commit that gave the file its last content.
        last: CommitId,
    },
    /// No pipeline can bear the name that the stack's pattern gives.
    #[error("{0}; name the service's pipeline in delivery.yaml (pipeline: …)")]
    PipelineName(InvalidName),
    /// The pipeline is not there.
    #[error(
        "there is no pipeline {pipeline}; create it, or name the service's pipeline in delivery.yaml (pipeline: …)"
    )]
    PipelineMissing {
        /// The name that it should have.
        pipeline: PipelineName,
    },
    /// The pipeline cannot be started at a commit.
    #[error(
        "pipeline {pipeline} is of type V1, which cannot be started at a commit: make it PipelineType V2"
    )]
    PipelineV1 {
        /// The pipeline.
        pipeline: PipelineName,
    },
    /// The pipeline's executions overtake or overlap each other.
    #[error(
        "pipeline {pipeline} has execution mode {mode}: expected QUEUED, so that deployments keep their order"
    )]
    PipelineMode {
        /// The pipeline.
        pipeline: PipelineName,
        /// Its mode.
        mode: String,
    },
    /// The pipeline deploys something else.
    #[error("pipeline {pipeline} has no Deploy action (ECS) for {service} with {file}: it has {found}")]
    PipelineDeploy {
        /// The pipeline.
        pipeline: PipelineName,
        /// The service it should deploy.
        service: ServiceId,
        /// The file it should read.
        file: String,
        /// What it deploys.
        found: String,
    },
    /// The pipeline takes its source from elsewhere.
    #[error(
        "pipeline {pipeline} has no CodeCommit source action for {repository}, branch {branch}: it has {found}"
    )]
    PipelineSource {
        /// The pipeline.
        pipeline: PipelineName,
        /// The repository it should read.
        repository: RepositoryName,
        /// The branch it should read.
        branch: BranchName,
        /// What it reads.
        found: String,
    },
    /// The pipeline starts itself.
    #[error(
        "pipeline {pipeline} polls for changes and so starts itself at every commit: set PollForSourceChanges of its action {action} to false"
    )]
    PipelinePolls {
        /// The pipeline.
        pipeline: PipelineName,
        /// The source action.
        action: ActionName,
    },
    /// A rule starts the pipeline at every commit, whatever it changed.
    #[error(
        "an EventBridge rule started execution {execution} of pipeline {pipeline}: delete it if it is the one that the CodePipeline console makes with a pipeline, which does so at every commit"
    )]
    PipelineTriggered {
        /// The pipeline.
        pipeline: PipelineName,
        /// What the rule started.
        execution: ExecutionId,
    },
    /// An execution failed before it read its source, and nobody knows whether it was this start.
    #[error(
        "execution {execution} of pipeline {pipeline} ended before its source was read; retry it in CodePipeline"
    )]
    SourceNeverRead {
        /// The pipeline.
        pipeline: PipelineName,
        /// The execution.
        execution: ExecutionId,
    },
    /// The service is not in ECS.
    #[error("there is no ECS service {service} in this account; create it")]
    ServiceMissing {
        /// The service.
        service: ServiceId,
    },
    /// Too many services went back at once.
    #[error("{count} services were reverted within ten minutes; a person has to look before more are")]
    TooManyReverts {
        /// How many.
        count: usize,
    },
    /// There is nothing healthy to go back to.
    #[error("no earlier revision is known to be healthy; a person has to choose one")]
    NoHealthyRevision,
    /// What failed is itself what was gone back to.
    #[error("what failed is itself what commit {commit} went back to; a person has to look")]
    RevertFailed {
        /// The commit that went back.
        commit: CommitId,
    },
    /// A person put there what failed, or something else since.
    #[error("commit {commit} was made by a person, and Towpath does not undo what a person did")]
    PersonCommitted {
        /// The commit.
        commit: CommitId,
    },
    /// There is nothing to roll back.
    #[error("there is no {0} at the tip of the deployment branch; commit one to deploy the service")]
    NoRevision(FilePath),
    /// No earlier revision is what somebody asked to roll back to.
    #[error(
        "{} fits none of the {looked_at} earlier revisions; name previous, or one of these commits: {known}",
        shown(to)
    )]
    TargetUnknown {
        /// What was asked for.
        to: String,
        /// How many earlier revisions there are to choose from.
        looked_at: usize,
        /// The newest of them.
        known: String,
    },
    /// Several earlier revisions with different images are what somebody asked to roll back to.
    #[error("{} fits several earlier revisions ({commits}); name one of these commits", shown(to))]
    TargetAmbiguous {
        /// What was asked for.
        to: String,
        /// The commits of those revisions.
        commits: String,
    },
    /// What somebody asked to roll back to is in quarantine.
    #[error(
        "container {container}: {} is in quarantine ({reason}); choose another revision, or release it first: run the document towpath-release for {service} --to {digest}",
        digest.short()
    )]
    TargetQuarantined {
        /// The service.
        service: ServiceId,
        /// The container.
        container: ContainerName,
        /// The image.
        digest: ImageDigest,
        /// Why it is in quarantine.
        reason: String,
    },
    /// The image to roll back to is not in the registry any more.
    #[error(
        "container {container}: {image} is not in the registry any more; push it again, or roll back to another revision"
    )]
    ImageGone {
        /// The container.
        container: ContainerName,
        /// The image.
        image: ImageUri,
    },
}

/// The refusal of an image that is in quarantine, or not later than what is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "container {container}: {tag} ({}) may not return, because {} is in quarantine since {at} ({reason}); push a newer image, or release it: run the document towpath-release for {service}",
    digest.short(), quarantined.short()
)]
pub struct QuarantineRefusal {
    /// The service.
    pub service: ServiceId,
    /// The container.
    pub container: ContainerName,
    /// The tag that was selected.
    pub tag: ImageTag,
    /// The image that was selected.
    pub digest: ImageDigest,
    /// The image in quarantine: the same one, or a later one.
    pub quarantined: ImageDigest,
    /// Since when.
    pub at: Timestamp,
    /// Why it is in quarantine.
    pub reason: String,
}

impl Refusal {
    /// Its name for programs; it never changes.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::InvalidRules(_) => "invalid_rules",
            Self::InvalidRevision(_) => "invalid_revision",
            Self::InvalidHold(_) => "invalid_hold",
            Self::ImageRepositoryMissing { .. } => "image_repository_missing",
            Self::NoUpstream => "no_upstream",
            Self::UpstreamRepositoryMissing { .. } => "upstream_repository_missing",
            Self::UpstreamUnreadable { .. } => "upstream_unreadable",
            Self::NotApproved { .. } => "not_approved",
            Self::ApprovedOther { .. } => "approved_other",
            Self::QuarantinedUpstream { .. } => "quarantined_upstream",
            Self::TagTaken { .. } => "tag_taken",
            Self::NotCopied(_) => "not_copied",
            Self::NotAdmitted { .. } => "not_admitted",
            Self::NotCommitted { .. } => "not_committed",
            Self::ImageRepositoryUnreadable { .. } => "image_repository_unreadable",
            Self::ApplicationBranchMissing { .. } => "application_branch_missing",
            Self::Ambiguous { .. } => "ambiguous",
            Self::OtherPlatform { .. } => "other_platform",
            Self::Quarantined(_) => "quarantined",
            Self::NeverBack { .. } => "never_back",
            Self::NotComparable { .. } => "not_comparable",
            Self::RemovedByHand { .. } => "removed_by_hand",
            Self::PipelineName(_) => "pipeline_name",
            Self::PipelineMissing { .. } => "pipeline_missing",
            Self::PipelineV1 { .. } => "pipeline_v1",
            Self::PipelineMode { .. } => "pipeline_mode",
            Self::PipelineDeploy { .. } => "pipeline_deploy",
            Self::PipelineSource { .. } => "pipeline_source",
            Self::PipelinePolls { .. } => "pipeline_polls",
            Self::PipelineTriggered { .. } => "pipeline_triggered",
            Self::SourceNeverRead { .. } => "source_never_read",
            Self::ServiceMissing { .. } => "service_missing",
            Self::TooManyReverts { .. } => "too_many_reverts",
            Self::NoHealthyRevision => "no_healthy_revision",
            Self::RevertFailed { .. } => "revert_failed",
            Self::PersonCommitted { .. } => "person_committed",
            Self::NoRevision(_) => "no_revision",
            Self::TargetUnknown { .. } => "target_unknown",
            Self::TargetAmbiguous { .. } => "target_ambiguous",
            Self::TargetQuarantined { .. } => "target_quarantined",
            Self::ImageGone { .. } => "image_gone",
        }
    }

    /// A service that AWS does not let Towpath look at or touch.
    #[must_use]
    pub fn not_admitted(service: &ServiceId, problem: &str) -> Self {
        Self::NotAdmitted { service: service.clone(), problem: one_line(problem, PROBLEM_CHARACTERS) }
    }

    /// A service whose commit CodeCommit does not take.
    #[must_use]
    pub fn not_committed(service: &ServiceId, problem: &str) -> Self {
        Self::NotCommitted { service: service.clone(), problem: one_line(problem, PROBLEM_CHARACTERS) }
    }

    /// A repository that AWS does not let Towpath read.
    #[must_use]
    pub fn image_repository_unreadable(repository: &ImageRepositoryName, problem: &str) -> Self {
        Self::ImageRepositoryUnreadable {
            repository: repository.clone(),
            problem: one_line(problem, PROBLEM_CHARACTERS),
        }
    }

    /// A repository upstream that AWS does not let Towpath read.
    #[must_use]
    pub fn upstream_unreadable(repository: &ImageRepositoryName, account: &AccountId, problem: &str) -> Self {
        let problem = one_line(problem, PROBLEM_CHARACTERS);
        Self::UpstreamUnreadable { repository: repository.clone(), account: account.clone(), problem }
    }
}
