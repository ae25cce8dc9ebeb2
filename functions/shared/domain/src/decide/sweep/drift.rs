//! How a service stands: git ↔ the service's revision ↔ the tasks that run.

use std::fmt;

use super::SweepFacts;
use crate::decide::starts::StartFacts;
use crate::decision::{Decision, DecisionKind};
use crate::facts::{
    DeploymentStatus, ExecutionStatus, FileFact, RepositoryImages, RunningImage, RunningService, Trigger,
    runs,
};
use crate::names::ServiceId;
use crate::plan::Plan;
use crate::revision::RevisionFile;

/// How a service stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drift {
    /// In a word.
    pub state: DriftState,
    /// In a sentence.
    pub because: String,
}

/// How a service stands, in a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DriftState {
    /// Git, the service and its tasks say the same.
    InSync,
    /// They do, and a hold keeps it so.
    Held,
    /// They do, and an image that should run is not there yet.
    Waiting,
    /// The service is on its way.
    Rolling,
    /// Git says something that is not being deployed.
    Behind,
    /// The service runs something that git does not say, because a deployment failed or was stopped.
    Failed,
    /// The service runs something that git does not say, because a person deployed it.
    ByHand,
    /// The service was never deployed.
    NeverDeployed,
    /// Its tasks do not all run the service's revision.
    Mixed,
    /// An image that git says is not in the registry: no new task can start.
    ImageMissing,
    /// Its `revision.json` cannot be read.
    Invalid,
}

impl DriftState {
    /// Every state.
    pub const ALL: [Self; 11] = [
        Self::InSync,
        Self::Held,
        Self::Waiting,
        Self::Rolling,
        Self::Behind,
        Self::Failed,
        Self::ByHand,
        Self::NeverDeployed,
        Self::Mixed,
        Self::ImageMissing,
        Self::Invalid,
    ];

    /// Its name in records and metrics; it never changes.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InSync => "in_sync",
            Self::Held => "held",
            Self::Waiting => "waiting",
            Self::Rolling => "rolling",
            Self::Behind => "behind",
            Self::Failed => "failed",
            Self::ByHand => "by_hand",
            Self::NeverDeployed => "never_deployed",
            Self::Mixed => "mixed",
            Self::ImageMissing => "image_missing",
            Self::Invalid => "invalid",
        }
    }
}

impl fmt::Display for DriftState {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// How a service stands; what is graver is told first.
pub(super) fn drift(facts: &SweepFacts, service: &ServiceId, revisions: &Plan, starts: &Plan) -> Drift {
    let told = |state, because: String| Drift { state, because };
    let Some(read) = facts.starts.services.get(service) else {
        return told(DriftState::NeverDeployed, "it has no revision.json".to_owned());
    };
    let revision = match &read.revision {
        FileFact::Absent => return told(DriftState::NeverDeployed, "it has no revision.json".to_owned()),
        FileFact::Present { content: Err(error), .. } => return told(DriftState::Invalid, error.to_string()),
        FileFact::Present { content: Ok(revision), .. } => revision,
    };
    if let Some(because) = missing_image(facts, revision) {
        return told(DriftState::ImageMissing, because);
    }
    let (images, status) = match &read.runs {
        RunningService::Missing => {
            return told(DriftState::NeverDeployed, "there is no such service in ECS".to_owned());
        }
        RunningService::NeverDeployed => {
            return told(DriftState::NeverDeployed, "ECS tells of no deployment".to_owned());
        }
        RunningService::Deployed { images, status } => (images, *status),
    };
    let is_on_its_way = read.executions.iter().any(|execution| execution.status.is_open());
    if status.is_rolling() || is_on_its_way {
        return told(DriftState::Rolling, "a deployment is under way".to_owned());
    }
    if !runs(images, revision, &read.children) {
        return difference(read, status, starts, service);
    }
    if let Some(because) = mixed_tasks(facts, service, images) {
        return told(DriftState::Mixed, because);
    }
    let decided = |kind| {
        revisions
            .decisions
            .iter()
            .find(|decision: &&Decision| decision.service.as_ref() == Some(service) && decision.kind == kind)
    };
    match (decided(DecisionKind::Held), decided(DecisionKind::Waiting)) {
        (Some(held), _) => told(DriftState::Held, held.because.clone()),
        (None, Some(waiting)) => told(DriftState::Waiting, waiting.because.clone()),
        (None, None) => told(DriftState::InSync, "it runs what git says".to_owned()),
    }
}

/// Why a settled service does not run what git says.
fn difference(read: &StartFacts, status: DeploymentStatus, starts: &Plan, service: &ServiceId) -> Drift {
    let (state, because) = match status {
        _ if starts.steps_of(service).next().is_some() => {
            (DriftState::Behind, "its pipeline is owed a start")
        }
        _ if read.executions.first().is_some_and(|newest| {
            matches!(newest.trigger, Trigger::StartedBy(_)) && newest.source.blob() != read.revision.blob()
        }) =>
        {
            (DriftState::ByHand, "somebody started its pipeline at something that git does not say")
        }
        _ if read.executions.first().is_none_or(|newest| newest.source.blob() != read.revision.blob()) => {
            (DriftState::Behind, "git says something that no execution has deployed")
        }
        _ if read.executions.first().is_some_and(|newest| newest.status == ExecutionStatus::Failed) => {
            (DriftState::Failed, "the execution that should have deployed what git says failed")
        }
        DeploymentStatus::RollbackSuccessful
        | DeploymentStatus::RollbackFailed
        | DeploymentStatus::Stopped => {
            (DriftState::Failed, "the deployment of what git says failed or was stopped")
        }
        DeploymentStatus::Pending
        | DeploymentStatus::InProgress
        | DeploymentStatus::StopRequested
        | DeploymentStatus::Successful
        | DeploymentStatus::RollbackRequested
        | DeploymentStatus::RollbackInProgress => {
            (DriftState::ByHand, "it runs something that git does not say")
        }
    };
    Drift { state, because: because.to_owned() }
}

fn missing_image(facts: &SweepFacts, revision: &RevisionFile) -> Option<String> {
    let missing = revision.entries().iter().find_map(|entry| {
        let (digest, repository) =
            (entry.image.digest()?, entry.image.repository_in(&facts.revisions.registry)?);
        let is_gone = match facts.revisions.images.get(repository) {
            Some(RepositoryImages::Listed(images)) => images.iter().all(|image| image.digest != *digest),
            Some(RepositoryImages::Missing) => true,
            Some(RepositoryImages::Unreadable(_)) => false,
            None => facts.gone.contains(&(repository.clone(), digest.clone())),
        };
        is_gone.then_some((entry, repository, digest))
    });
    missing.map(|(entry, repository, digest)| {
        format!(
            "the image of {} ({repository}@{}) is not in the registry: no new task can start",
            entry.container,
            digest.short()
        )
    })
}

/// Tasks that run something else than the service's revision.
fn mixed_tasks(facts: &SweepFacts, service: &ServiceId, images: &[RunningImage]) -> Option<String> {
    let tasks = facts.tasks.get(service)?;
    let runs_other = |task: &&Vec<RunningImage>| {
        task.iter().any(|running| {
            images.iter().any(|image| {
                image.container == running.container
                    && image.image != running.image
                    && (image.digest.is_none() || image.digest != running.digest)
            })
        })
    };
    let others = tasks.iter().filter(runs_other).count();
    (others > 0).then(|| format!("{others} of its {} tasks run other images than its revision", tasks.len()))
}
