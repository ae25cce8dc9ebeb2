//! What an environment says of an image's digest, as it is kept beside the image in the registry.

use std::fmt;

use crate::names::{CommitId, EnvironmentName, ImageDigest, ImageRepositoryName, ServiceId};
use crate::time::Timestamp;

/// What is said of a digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum EvidenceKind {
    /// It was deployed, and the deployment went well.
    Verified,
    /// It failed, or was rolled back.
    Quarantined,
    /// A person ended its quarantine.
    Released,
}

/// A statement about one service and one digest, and no other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// What is said.
    pub kind: EvidenceKind,
    /// The environment that says it.
    pub environment: EnvironmentName,
    /// The service it is about.
    pub service: ServiceId,
    /// The repository of the image.
    pub repository: ImageRepositoryName,
    /// The image.
    pub digest: ImageDigest,
    /// The commit of the deployment repository that it was deployed by.
    pub commit: CommitId,
    /// When it became true.
    pub at: Timestamp,
}

impl EvidenceKind {
    /// Its name in annotations; it never changes.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Verified => "verified",
            Self::Quarantined => "quarantined",
            Self::Released => "released",
        }
    }

    /// The kind that an annotation names.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Verified, Self::Quarantined, Self::Released].into_iter().find(|kind| kind.as_str() == text)
    }
}

impl fmt::Display for EvidenceKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// What is said now of a service's digest, in evidence that one account gave: the newest counts, and of two at one time
/// the graver.
#[must_use]
pub fn latest<'a>(
    evidence: impl IntoIterator<Item = &'a Evidence>,
    service: &ServiceId,
    digest: &ImageDigest,
) -> Option<&'a Evidence> {
    let gravity = |kind: EvidenceKind| match kind {
        EvidenceKind::Verified => 0,
        EvidenceKind::Released => 1,
        EvidenceKind::Quarantined => 2,
    };
    evidence
        .into_iter()
        .filter(|evidence| evidence.service == *service && evidence.digest == *digest)
        .max_by_key(|evidence| (evidence.at, gravity(evidence.kind)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn evidence(kind: EvidenceKind, service: &str, at: i64) -> Evidence {
        Evidence {
            kind,
            environment: EnvironmentName::parse("dev").unwrap(),
            service: ServiceId::parse(service).unwrap(),
            repository: ImageRepositoryName::parse("webapp1").unwrap(),
            digest: ImageDigest::parse(&format!("sha256:{}", "a".repeat(64))).unwrap(),
            commit: CommitId::parse(&"c".repeat(40)).unwrap(),
            at: Timestamp::from_epoch_seconds(at),
        }
    }

    fn said(all: &[Evidence]) -> Option<EvidenceKind> {
        let one = evidence(EvidenceKind::Verified, "a/b", 0);
        latest(all, &one.service, &one.digest).map(|evidence| evidence.kind)
    }

    #[test]
    fn nothing_is_said_of_an_unknown_digest() {
        assert_eq!(said(&[]), None);
        assert_eq!(said(&[evidence(EvidenceKind::Verified, "a/other", 1)]), None);
    }

    #[test]
    fn the_newest_counts_and_of_two_the_graver() {
        let verified = evidence(EvidenceKind::Verified, "a/b", 1);
        let quarantined = evidence(EvidenceKind::Quarantined, "a/b", 1);
        let released = evidence(EvidenceKind::Released, "a/b", 2);
        assert_eq!(said(&[quarantined.clone(), verified.clone()]), Some(EvidenceKind::Quarantined));
        assert_eq!(said(&[released.clone(), quarantined, verified]), Some(EvidenceKind::Released));
    }
}
