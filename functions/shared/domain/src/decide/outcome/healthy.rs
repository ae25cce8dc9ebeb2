//! What is healthy: a revision of which all digests are verified here, and none is in quarantine.

use super::{EarlierRevision, OutcomeFacts};
use crate::evidence::{Evidence, EvidenceKind, latest};
use crate::hold::HoldFile;
use crate::names::{ContainerName, ImageDigest, ImageRepositoryName};
use crate::revision::RevisionFile;

/// An image of a revision in this account's registry, by digest: what evidence can speak of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct OwnImage<'a> {
    pub(super) container: &'a ContainerName,
    pub(super) repository: &'a ImageRepositoryName,
    pub(super) digest: &'a ImageDigest,
}

/// The images of a revision that evidence can speak of.
pub(super) fn own_images<'a>(facts: &OutcomeFacts, revision: &'a RevisionFile) -> Vec<OwnImage<'a>> {
    revision
        .entries()
        .iter()
        .filter_map(|entry| {
            let repository = entry.image.repository_in(&facts.registry)?;
            Some(OwnImage { container: &entry.container, repository, digest: entry.image.digest()? })
        })
        .collect()
}

/// What this environment says now of a digest, for this service.
pub(super) fn said(facts: &OutcomeFacts, digest: &ImageDigest) -> Option<EvidenceKind> {
    latest(&facts.evidence, &facts.service, digest).map(|evidence: &Evidence| evidence.kind)
}

/// Whether an image is there that does not say this of itself yet.
pub(super) fn says_otherwise(facts: &OutcomeFacts, digest: &ImageDigest, kind: EvidenceKind) -> bool {
    !facts.gone.contains(digest) && said(facts, digest) != Some(kind)
}

/// Whether an image is in quarantine, in git or by evidence.
pub(super) fn is_quarantined(facts: &OutcomeFacts, image: &OwnImage<'_>) -> bool {
    is_quarantined_in_git(facts, image) || said(facts, image.digest) == Some(EvidenceKind::Quarantined)
}

/// Whether git says that an image is in quarantine.
pub(super) fn is_quarantined_in_git(facts: &OutcomeFacts, image: &OwnImage<'_>) -> bool {
    let hold: Option<&HoldFile> = facts.hold.content();
    hold.is_some_and(|hold| hold.quarantined(image.container, image.digest).is_some())
}

/// The newest earlier revision that is healthy and says something else than what failed.
pub(super) fn last_healthy<'a>(
    facts: &'a OutcomeFacts,
    failed: &RevisionFile,
) -> Option<&'a EarlierRevision> {
    facts.earlier.iter().find(|earlier| {
        let images = own_images(facts, &earlier.file);
        !earlier.file.has_images_of(failed)
            && !images.is_empty()
            && images.iter().all(|image| {
                said(facts, image.digest) == Some(EvidenceKind::Verified) && !is_quarantined(facts, image)
            })
    })
}

/// The images of a revision that another one does not have.
pub(super) fn differing<'a>(
    facts: &OutcomeFacts,
    revision: &'a RevisionFile,
    other: &RevisionFile,
) -> Vec<OwnImage<'a>> {
    own_images(facts, revision)
        .into_iter()
        .filter(|image| other.digest(image.container) != Some(image.digest))
        .collect()
}
