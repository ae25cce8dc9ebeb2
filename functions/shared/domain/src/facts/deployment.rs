//! What ECS says of a service and its deployments.

use std::collections::{BTreeMap, BTreeSet};

use crate::names::{ContainerName, ImageDigest, ServiceDeploymentArn};
use crate::revision::{Entry, RevisionFile};
use crate::time::Timestamp;

/// What a service runs, by the service revision of its newest deployment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RunningService {
    /// ECS does not know the service.
    Missing,
    /// It has been deployed.
    Deployed {
        /// The images of the revision that its newest deployment leads to, or has led to: after a rollback in ECS, those
        /// that it went back to.
        images: Vec<RunningImage>,
        /// How that deployment stands.
        status: DeploymentStatus,
    },
    /// ECS tells of no deployment.
    NeverDeployed,
}

/// The image of a container in a service revision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunningImage {
    /// The container.
    pub container: ContainerName,
    /// The image as the task definition names it.
    pub image: String,
    /// What ECS resolved it to: the image's digest, or that of a child of its index.
    pub digest: Option<ImageDigest>,
}

/// The children of each image that is in the registry; a single image has none.
pub type IndexChildren = BTreeMap<ImageDigest, BTreeSet<ImageDigest>>;

/// One deployment of a service, as `DescribeServiceDeployments` tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deployment {
    /// Its ARN.
    pub arn: ServiceDeploymentArn,
    /// How it stands.
    pub status: DeploymentStatus,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
    /// Why it stands so, in ECS's words.
    pub reason: Option<String>,
    /// The images of its target revision.
    pub images: Vec<RunningImage>,
    /// Its circuit breaker.
    pub breaker: Breaker,
}

/// How a deployment stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeploymentStatus {
    /// It has not begun.
    Pending,
    /// It is under way.
    InProgress,
    /// Somebody asked to stop it.
    StopRequested,
    /// It was stopped.
    Stopped,
    /// It went well.
    Successful,
    /// It is going to be rolled back.
    RollbackRequested,
    /// It is being rolled back.
    RollbackInProgress,
    /// It was rolled back: it failed.
    RollbackSuccessful,
    /// It could not even be rolled back.
    RollbackFailed,
}

impl DeploymentStatus {
    /// Whether tasks are still being replaced.
    #[must_use]
    pub fn is_rolling(self) -> bool {
        match self {
            Self::Pending
            | Self::InProgress
            | Self::StopRequested
            | Self::RollbackRequested
            | Self::RollbackInProgress => true,
            Self::Stopped | Self::Successful | Self::RollbackSuccessful | Self::RollbackFailed => false,
        }
    }
}

/// Whether ECS would notice that a deployment fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Breaker {
    /// Nothing watches.
    Disabled,
    /// It watches.
    Monitoring,
    /// It has tripped.
    Triggered,
}

/// A task of a deployment that stopped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoppedTask {
    /// ECS's code for it, such as `EssentialContainerExited`.
    pub stop_code: Option<String>,
    /// Why, in ECS's words.
    pub stopped_reason: Option<String>,
    /// What its containers say.
    pub containers: Vec<StoppedContainer>,
}

/// A container of a task that stopped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoppedContainer {
    /// The container.
    pub container: ContainerName,
    /// What its process ended with.
    pub exit_code: Option<i32>,
    /// Why, in ECS's words.
    pub reason: Option<String>,
}

/// Whether a service revision runs what a revision says: for each of its containers the same text, else the same digest,
/// else a child of the index with that digest.
#[must_use]
pub fn runs(images: &[RunningImage], revision: &RevisionFile, children: &IndexChildren) -> bool {
    revision.entries().iter().all(|entry| images.iter().any(|image| is_of(image, entry, children)))
}

fn is_of(running: &RunningImage, entry: &Entry, children: &IndexChildren) -> bool {
    if running.container != entry.container {
        return false;
    }
    if running.image == entry.image.as_str() {
        return true;
    }
    match (&running.digest, entry.image.digest()) {
        (Some(runs), Some(should)) => {
            runs == should || children.get(should).is_some_and(|children| children.contains(runs))
        }
        (Some(_) | None, _) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(digit: &str) -> ImageDigest {
        ImageDigest::parse(&format!("sha256:{}", digit.repeat(64))).unwrap()
    }

    fn running(image: &str, digest: Option<ImageDigest>) -> Vec<RunningImage> {
        vec![RunningImage {
            container: ContainerName::parse("web").unwrap(),
            image: image.to_owned(),
            digest,
        }]
    }

    #[test]
    fn a_service_runs_a_revision_by_text_by_digest_or_by_a_child() {
        let text = format!(r#"[{{"name":"web","imageUri":"x.example/web@{}"}}]"#, digest("a"));
        let revision = RevisionFile::parse(text.as_bytes()).unwrap();
        let children = IndexChildren::from([(digest("a"), BTreeSet::from([digest("c")]))]);
        let same_text = format!("x.example/web@{}", digest("a"));
        assert!(!runs(&[], &revision, &children));
        assert!(runs(&running(&same_text, None), &revision, &children));
        assert!(runs(&running("x.example/web:1", Some(digest("a"))), &revision, &children));
        assert!(runs(&running("x.example/web:1", Some(digest("c"))), &revision, &children));
        assert!(!runs(&running("x.example/web:1", Some(digest("b"))), &revision, &children));
        assert!(!runs(&running("x.example/web:1", None), &revision, &children));
    }
}
