//! What is read before a rollback.

use std::collections::BTreeMap;

use crate::decision::DecisionKind;
use crate::evidence::{Evidence, EvidenceKind, latest};
use crate::facts::{
    ApplicationTip, Deployment, DeploymentRepository, Execution, HoldFact, IndexChildren, LastChange,
    RepositoryImages, RevisionFact,
};
use crate::image::Image;
use crate::names::{
    BlobId, CommitId, ContainerName, EcrRegistry, EnvironmentName, ImageDigest, ImageRepositoryName,
    ImageUri, PipelineName,
};
use crate::revision::RevisionFile;
use crate::time::Timestamp;
use crate::trailers::Trailers;
use crate::wake_up::Function;

/// Everything that a rollback, or a release, of one service depends on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RollbackFacts {
    /// When it was read.
    pub now: Timestamp,
    /// The environment that this is.
    pub environment: EnvironmentName,
    /// The deployment repository.
    pub repository: DeploymentRepository,
    /// The commit at which its files were read.
    pub tip: CommitId,
    /// This account's registry.
    pub registry: EcrRegistry,
    /// Its `revision.json` at the tip.
    pub revision: RevisionFact,
    /// Its `hold.json` at the tip.
    pub hold: HoldFact,
    /// The last commit that touched its `revision.json`.
    pub last_change: Option<LastChange>,
    /// The newest commits that changed its `hold.json`, as every rollback and every release does, newest first.
    pub answered: Vec<Answered>,
    /// The function that selects its images; none if no rules name it.
    pub owner: Option<Function>,
    /// The tip of its application.
    pub application: ApplicationTip,
    /// The revisions before the one at the tip, newest first, as far as anybody looked.
    pub earlier: Vec<Earlier>,
    /// The images of the repositories in this registry that these revisions name.
    pub images: BTreeMap<ImageRepositoryName, RepositoryImages>,
    /// The evidence on all digests that these revisions name and the registry has.
    pub evidence: Vec<Evidence>,
    /// Its pipeline, if its name can be one.
    pub pipeline: Option<PipelineName>,
    /// The pipeline's newest executions, newest first, with the blobs at their commits.
    pub executions: Vec<Execution>,
    /// Its newest deployments, newest first.
    pub deployments: Vec<Deployment>,
    /// The children of the indexes that these revisions name.
    pub children: IndexChildren,
}

/// A revision that the service had before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Earlier {
    /// The commit that put it there.
    pub commit: CommitId,
    /// That commit's message, which tells the human name of its images.
    pub message: String,
    /// Its blob.
    pub blob: BlobId,
    /// Its content.
    pub file: RevisionFile,
}

/// A commit that may answer a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answered {
    /// The commit.
    pub commit: CommitId,
    /// Its whole message.
    pub message: String,
}

/// An image of a revision by its digest, also where the revision names it by tag.
pub(super) struct OwnImage<'a> {
    pub(super) container: &'a ContainerName,
    /// Where it lies; none if that is not this account's registry.
    pub(super) repository: Option<&'a ImageRepositoryName>,
    pub(super) digest: &'a ImageDigest,
}

impl RollbackFacts {
    /// Whether another commit has changed the revision after a rollback. A release leaves the revision alone.
    pub(super) fn was_moved_since(&self, answered: &Answered) -> bool {
        let was_rollback = Trailers::parse(&answered.message)
            .services
            .iter()
            .any(|service| service.decision == Some(DecisionKind::RolledBack));
        let last = self.last_change.as_ref().map(|change| &change.commit);
        was_rollback && last.is_some_and(|last| *last != answered.commit)
    }

    /// The images of a revision whose digests are known.
    pub(super) fn images_of<'a>(&'a self, file: &'a RevisionFile) -> Vec<OwnImage<'a>> {
        let entries = file.entries().iter();
        let known = entries.filter_map(|entry| {
            let repository = entry.image.repository_in(&self.registry);
            let digest = self.digest_of(&entry.image)?;
            Some(OwnImage { container: &entry.container, repository, digest })
        });
        known.collect()
    }

    /// What an image is now: its own digest, else the one that bears its tag in this registry.
    pub(super) fn digest_of<'a>(&'a self, image: &'a ImageUri) -> Option<&'a ImageDigest> {
        image.digest().or_else(|| {
            let tag = image.tag()?;
            let listed = self.listed(image.repository_in(&self.registry)?)?;
            listed.iter().find(|image| image.tags.contains(tag)).map(|image| &image.digest)
        })
    }

    /// Whether an image can be pulled, as far as this registry can tell: what lies elsewhere, or may not be listed, is
    /// believed to be there.
    pub(super) fn is_there(&self, image: &ImageUri) -> bool {
        let Some(repository) = image.repository_in(&self.registry) else { return true };
        match self.images.get(repository) {
            Some(RepositoryImages::Listed(listed)) => self
                .digest_of(image)
                .is_some_and(|digest| listed.iter().any(|listed| listed.digest == *digest)),
            Some(RepositoryImages::Missing) => false,
            Some(RepositoryImages::Unreadable(_)) | None => true,
        }
    }

    /// Whether this registry can tell if an image is there.
    pub(super) fn is_in_sight(&self, image: &ImageUri) -> bool {
        let images = image.repository_in(&self.registry).and_then(|repository| self.images.get(repository));
        match images {
            Some(RepositoryImages::Listed(_) | RepositoryImages::Missing) => true,
            Some(RepositoryImages::Unreadable(_)) | None => false,
        }
    }

    /// The repository of this registry that has a digest.
    pub(super) fn repository_of(&self, digest: &ImageDigest) -> Option<&ImageRepositoryName> {
        let has = |repository: &ImageRepositoryName| {
            self.listed(repository).is_some_and(|images| images.iter().any(|image| image.digest == *digest))
        };
        self.images.keys().find(|repository| has(repository))
    }

    fn listed(&self, repository: &ImageRepositoryName) -> Option<&[Image]> {
        match self.images.get(repository) {
            Some(RepositoryImages::Listed(images)) => Some(images),
            Some(RepositoryImages::Missing | RepositoryImages::Unreadable(_)) | None => None,
        }
    }

    /// What this environment says now of a digest, for this service.
    pub(super) fn said(
        &self,
        service: &crate::names::ServiceId,
        digest: &ImageDigest,
    ) -> Option<EvidenceKind> {
        latest(&self.evidence, service, digest).map(|evidence| evidence.kind)
    }
}
