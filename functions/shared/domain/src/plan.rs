//! What is about to be done: an ordinary value. The same plan is the log line, the operator's dry run and the test's
//! expected text.

use std::collections::BTreeSet;
use std::fmt;

use crate::decision::Decision;
use crate::evidence::Evidence;
use crate::names::{
    AccountId, ActionName, BranchName, CommitId, ExecutionId, FilePath, ImageDigest, ImageRepositoryName,
    ImageTag, PipelineName, RepositoryName, RequestToken, ServiceDeploymentArn, ServiceId,
};
use crate::rules::MissingRepositories;
use crate::text::one_line;
use crate::trailers::{CommitMessage, ServiceTrailers};
use crate::wake_up::{Function, WakeUp};

/// How many files CodeCommit takes in one commit.
pub const MAXIMUM_FILES: usize = 100;
/// How many bytes one commit carries: CodeCommit takes 7 MB.
pub const MAXIMUM_COMMIT_BYTES: usize = 5 * 1024 * 1024;
/// The longest comment that CodeCommit takes is 10,240 characters.
pub const MAXIMUM_COMMENT_CHARACTERS: usize = 10_000;
/// The longest reason that `StopPipelineExecution` takes.
pub const MAXIMUM_STOP_REASON_CHARACTERS: usize = 200;

/// What is about to be done, in this order, and what was decided about each service.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// The steps. One that fails leaves those of other services undisturbed.
    pub steps: Vec<Step>,
    /// What was decided; each is a record.
    pub decisions: Vec<Decision>,
    /// What comes after the steps.
    pub then: Then,
}

/// What comes after the steps of a plan.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Then {
    /// Nothing: all is decided.
    #[default]
    Done,
    /// One commit cannot carry all files, or images had to be copied first: read everything anew and decide again.
    DecideAgain,
    /// Something is not known yet: let the message come back.
    LookAgain,
}

/// One thing to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Copy an image from upstream, without the tag that makes it visible.
    CopyImage(CopyImage),
    /// Put a tag on an image that is here.
    TagImage(TagImage),
    /// Commit files, if the branch is still at the parent.
    CommitFiles(CommitFiles),
    /// Start a pipeline at a commit.
    StartPipeline(StartPipeline),
    /// Stop an execution of a pipeline.
    StopExecution(StopExecution),
    /// Stop a rollout in ECS; it goes back to the revision before.
    StopDeployment(StopDeployment),
    /// Put evidence beside an image.
    PutEvidence(Evidence),
    /// Tell people: something needs them.
    Notify(Notification),
    /// Tell the outcome at its commit.
    Comment(Comment),
    /// Put a wake-up on a function's queue.
    WakeUp {
        /// The function.
        function: Function,
        /// The message.
        wake_up: WakeUp,
    },
}

/// An image to copy from upstream, with everything that refers to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CopyImage {
    /// The services that wait for it.
    pub services: BTreeSet<ServiceId>,
    /// The account it comes from.
    pub account: AccountId,
    /// The repository there.
    pub from: ImageRepositoryName,
    /// The repository here.
    pub to: ImageRepositoryName,
    /// The image.
    pub digest: ImageDigest,
    /// Whether the repository here may be created.
    pub missing_repository: MissingRepositories,
}

/// A tag to put on an image that is here as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagImage {
    /// The service that moves to it.
    pub service: ServiceId,
    /// The repository.
    pub repository: ImageRepositoryName,
    /// The image.
    pub digest: ImageDigest,
    /// The tag.
    pub tag: ImageTag,
}

/// A commit to make, if the branch is still at the parent, or at what the same plan committed before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommitFiles {
    /// The repository.
    pub repository: RepositoryName,
    /// Its branch.
    pub branch: BranchName,
    /// The tip at which everything was read.
    pub parent: CommitId,
    /// The files, each with its whole content.
    pub files: Vec<FileContent>,
    /// The message.
    pub message: CommitMessage,
}

/// The content of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileContent {
    /// Where it lies.
    pub path: FilePath,
    /// What it says.
    pub text: String,
}

/// A pipeline to start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StartPipeline {
    /// The service it deploys.
    pub service: ServiceId,
    /// The pipeline.
    pub pipeline: PipelineName,
    /// Its source action, whose revision is given.
    pub source_action: ActionName,
    /// The commit to deploy.
    pub commit: CommitId,
    /// What makes a second start the same start.
    pub token: RequestToken,
}

/// An execution to stop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StopExecution {
    /// The service it deploys.
    pub service: ServiceId,
    /// The pipeline.
    pub pipeline: PipelineName,
    /// The execution.
    pub execution: ExecutionId,
    /// What becomes of the action that runs.
    pub running_action: RunningAction,
    /// Why, in words.
    pub reason: String,
}

/// What becomes of the action that runs when its execution is stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunningAction {
    /// It is abandoned.
    Abandon,
    /// It is finished first.
    Finish,
}

/// A rollout to stop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StopDeployment {
    /// The service.
    pub service: ServiceId,
    /// Its deployment.
    pub deployment: ServiceDeploymentArn,
}

/// Something that people should know at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notification {
    /// The service it is about.
    pub service: ServiceId,
    /// What happened, in a few words.
    pub subject: String,
    /// The whole of it.
    pub text: String,
}

/// A comment at a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comment {
    /// The service it is about.
    pub service: ServiceId,
    /// The repository.
    pub repository: RepositoryName,
    /// The commit.
    pub commit: CommitId,
    /// What it says.
    pub text: String,
    /// What makes a second comment the same comment.
    pub token: RequestToken,
}

impl Plan {
    /// A plan that does nothing, with one decision that says why.
    #[must_use]
    pub fn nothing(decision: Decision) -> Self {
        Self { steps: Vec::new(), decisions: vec![decision], then: Then::Done }
    }

    /// This plan and another behind it.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.steps.extend(other.steps);
        self.decisions.extend(other.decisions);
        self.then = match (self.then, other.then) {
            (Then::DecideAgain, _) | (_, Then::DecideAgain) => Then::DecideAgain,
            (Then::LookAgain, _) | (_, Then::LookAgain) => Then::LookAgain,
            (Then::Done, Then::Done) => Then::Done,
        };
        self
    }

    /// This plan with a commit for each service, one after the other, where it has one for several.
    #[must_use]
    pub fn divided(self) -> Self {
        let parts = |step: Step| match step {
            Step::CommitFiles(commit) => commit.parts().into_iter().map(Step::CommitFiles).collect(),
            other => vec![other],
        };
        Self { steps: self.steps.into_iter().flat_map(parts).collect(), ..self }
    }

    /// Whether people are notified of a service.
    #[must_use]
    pub fn notifies_of(&self, service: &ServiceId) -> bool {
        self.steps_of(service).any(|step| matches!(step, Step::Notify(_)))
    }

    /// The steps that touch a service.
    pub fn steps_of<'a>(&'a self, service: &'a ServiceId) -> impl Iterator<Item = &'a Step> {
        self.steps.iter().filter(move |step| step.services().contains(&service))
    }
}

impl CommitFiles {
    /// A commit for each of its services, just as if that one had been decided about alone.
    fn parts(self) -> Vec<Self> {
        if self.is_of_one() {
            return vec![self];
        }
        let Self { repository, branch, parent, files, message } = self;
        let part = |trailers: &ServiceTrailers| {
            let own = [trailers.service.revision_path(), trailers.service.hold_path()];
            Self {
                repository: repository.clone(),
                branch: branch.clone(),
                parent: parent.clone(),
                files: files.iter().filter(|file| own.contains(&file.path)).cloned().collect(),
                message: message.of_one(trailers),
            }
        };
        message.trailers.services.iter().map(part).collect()
    }

    /// Whether it is for one service alone.
    #[must_use]
    pub fn is_of_one(&self) -> bool {
        self.message.trailers.services.len() <= 1
    }
}

impl Step {
    /// The services that it touches.
    #[must_use]
    pub fn services(&self) -> Vec<&ServiceId> {
        match self {
            Self::CopyImage(copy) => copy.services.iter().collect(),
            Self::TagImage(tag) => vec![&tag.service],
            Self::CommitFiles(commit) => {
                commit.message.trailers.services.iter().map(|trailers| &trailers.service).collect()
            }
            Self::StartPipeline(start) => vec![&start.service],
            Self::StopExecution(stop) => vec![&stop.service],
            Self::StopDeployment(stop) => vec![&stop.service],
            Self::PutEvidence(evidence) => vec![&evidence.service],
            Self::Notify(notification) => vec![&notification.service],
            Self::Comment(comment) => vec![&comment.service],
            Self::WakeUp { function: _, wake_up } => vec![&wake_up.service],
        }
    }
}

/// How much of a text a step's line shows.
const LINE_CHARACTERS: usize = 200;

impl fmt::Display for Step {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CopyImage(copy) => {
                let CopyImage { services: _, account, from, to, digest, missing_repository } = copy;
                let create = match missing_repository {
                    MissingRepositories::Create => ", creating the repository if it is missing",
                    MissingRepositories::Refuse => "",
                };
                write!(formatter, "copy {from}@{} of {account} to {to}{create}", digest.short())
            }
            Self::TagImage(tag) => {
                let TagImage { service: _, repository, digest, tag } = tag;
                write!(formatter, "tag {repository}@{} as {tag}", digest.short())
            }
            Self::CommitFiles(commit) => {
                let CommitFiles { repository, branch, parent, files, message } = commit;
                let paths: Vec<&str> = files.iter().map(|file| file.path.as_str()).collect();
                let (subject, paths) = (one_line(&message.subject, LINE_CHARACTERS), paths.join(", "));
                write!(
                    formatter,
                    "commit to {repository} {branch} on {}: {subject} ({paths})",
                    parent.short()
                )
            }
            Self::StartPipeline(start) => {
                write!(formatter, "start pipeline {} at commit {}", start.pipeline, start.commit.short())
            }
            Self::StopExecution(stop) => {
                let how = match stop.running_action {
                    RunningAction::Abandon => "abandoning what runs",
                    RunningAction::Finish => "after what runs",
                };
                let StopExecution { pipeline, execution, reason, .. } = stop;
                write!(formatter, "stop execution {execution} of pipeline {pipeline}, {how}: {reason}")
            }
            Self::StopDeployment(stop) => {
                write!(formatter, "stop the rollout {} of {} in ECS", stop.deployment, stop.service)
            }
            Self::PutEvidence(evidence) => {
                let Evidence { kind, environment, service, repository, digest, .. } = evidence;
                write!(
                    formatter,
                    "put evidence {kind} of {environment} for {service} on {repository}@{}",
                    digest.short()
                )
            }
            Self::Notify(notification) => {
                write!(formatter, "notify: {}", one_line(&notification.subject, LINE_CHARACTERS))
            }
            Self::Comment(comment) => {
                // What is below the first line is the decision's own sentence.
                let text = one_line(comment.text.lines().next().unwrap_or_default(), LINE_CHARACTERS);
                write!(
                    formatter,
                    "comment at commit {} of {}: {text}",
                    comment.commit.short(),
                    comment.repository
                )
            }
            Self::WakeUp { function, wake_up } => {
                write!(formatter, "wake up {function} for {}: {}", wake_up.service, wake_up.reason)
            }
        }
    }
}

impl fmt::Display for Plan {
    /// The text of a dry run: what was decided, and below it what is about to be done.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for decision in &self.decisions {
            writeln!(formatter, "{decision}")?;
        }
        for step in &self.steps {
            writeln!(formatter, "- {step}")?;
        }
        match self.then {
            Then::Done => Ok(()),
            Then::DecideAgain => writeln!(formatter, "then decide again"),
            Then::LookAgain => writeln!(formatter, "then look again"),
        }
    }
}
