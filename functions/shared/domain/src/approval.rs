//! Whether an image of upstream may enter: the approvals that the rules ask for, each bound to its digest.

use std::collections::BTreeSet;
use std::fmt;

use crate::evidence::{Evidence, EvidenceKind, latest};
use crate::image::{Image, is_candidate_tag};
use crate::names::{CommitId, EnvironmentName, ImageDigest, ImageTag, ServiceId};
use crate::rules::{Application, Approval, Policy, Promote, TagPattern};
use crate::select::names_commit;
use crate::time::Timestamp;

/// How an approval tag begins; the environment that is entered, a dash and the approved tag follow.
const APPROVED: &str = "approved-";

/// The tag by which a person approves an image's tag for an environment; none if it would be too long for a tag.
#[must_use]
pub fn approval_tag(environment: &EnvironmentName, tag: &ImageTag) -> Option<ImageTag> {
    ImageTag::parse(&format!("{APPROVED}{environment}-{tag}")).ok()
}

/// Whether a tag approves something for an environment.
#[must_use]
pub fn approves_for(environment: &EnvironmentName, tag: &ImageTag) -> bool {
    let rest = tag.as_str().strip_prefix(APPROVED).and_then(|rest| rest.strip_prefix(environment.as_str()));
    rest.is_some_and(|rest| rest.starts_with('-'))
}

/// What an image needs to enter a service of this environment.
#[derive(Clone, Copy, Debug)]
pub struct Gate<'a> {
    /// The environment that is entered.
    pub environment: &'a EnvironmentName,
    /// The approvals that the service's rules ask for.
    pub promote: &'a Promote,
    /// The rule by which the container's image is selected.
    pub policy: &'a Policy,
    /// The service's name upstream.
    pub upstream_service: &'a ServiceId,
    /// The service's application.
    pub application: Option<&'a Application>,
    /// The tip of its branch here.
    pub tip: Option<&'a CommitId>,
}

/// What there is of the approvals of one image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// All of them; who gave them, and how.
    Approved(Vec<String>),
    /// Upstream has put it in quarantine, which overrides every approval.
    Quarantined {
        /// Since when.
        at: Timestamp,
    },
    /// These are missing.
    Lacks(Vec<Missing>),
}

/// An approval that is missing, as the sentence of what would give it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Missing {
    /// No push names it.
    Push {
        /// The application whose push would approve it; none if the rules name none.
        application: Option<Application>,
    },
    /// No push names it, and the tag that would approve it instead is not on it.
    PushOrTag {
        /// The application whose push would approve it.
        application: Application,
        /// The tag; none if no tag can say it.
        tag: Option<ImageTag>,
    },
    /// The tag that approves it is not on it.
    Tag {
        /// The tag; none if no tag can say it.
        tag: Option<ImageTag>,
    },
    /// Upstream has not said that it runs well there.
    Verified {
        /// The service upstream that should run it.
        service: ServiceId,
    },
}

impl Gate<'_> {
    /// What there is of an image's approvals, with all that upstream itself says of it.
    #[must_use]
    pub fn standing(&self, image: &Image, tag: &ImageTag, evidence: &[Evidence]) -> Standing {
        let latest = latest(evidence, self.upstream_service, &image.digest);
        if let Some(Evidence { kind: EvidenceKind::Quarantined, at, .. }) = latest {
            return Standing::Quarantined { at: *at };
        }
        let (mut given, mut missing) = (Vec::new(), Vec::new());
        for approval in &self.promote.approve {
            match approval {
                Approval::Push => match self.push(image) {
                    Some(by) => given.push(by),
                    None => missing.push(self.missing_push(tag)),
                },
                Approval::Tag => match self.approving_tag(image) {
                    Some(by) => given.push(format!("tag {by}")),
                    None => missing.push(Missing::Tag { tag: approval_tag(self.environment, tag) }),
                },
                Approval::Verified => match latest {
                    Some(Evidence { kind: EvidenceKind::Verified, environment, at, .. }) => {
                        given.push(format!("verified by {environment} at {at}"));
                    }
                    _ => missing.push(Missing::Verified { service: self.upstream_service.clone() }),
                },
            }
        }
        if missing.is_empty() { Standing::Approved(given) } else { Standing::Lacks(missing) }
    }

    /// Whether the approvals that show in the registry's listing are there: all but evidence.
    #[must_use]
    pub fn may_stand(&self, image: &Image) -> bool {
        self.promote.approve.iter().all(|approval| match approval {
            Approval::Push => self.push(image).is_some(),
            Approval::Tag => self.approving_tag(image).is_some(),
            Approval::Verified => true,
        })
    }

    /// The push that approves an image. It names the commit of the application's own image; what is not built from the
    /// application, such as a sidecar, is approved by a person's tag instead.
    fn push(&self, image: &Image) -> Option<String> {
        let named = self.tip.filter(|tip| image.candidate_tags().any(|tag| names_commit(tag, tip)));
        match (named, self.application) {
            (Some(tip), Some(application)) => Some(format!("push of {} to {application}", tip.short())),
            (Some(_) | None, _) if *self.policy != Policy::Commit => {
                self.approving_tag(image).map(|tag| format!("tag {tag}"))
            }
            (Some(_) | None, _) => None,
        }
    }

    fn missing_push(&self, tag: &ImageTag) -> Missing {
        if *self.policy == Policy::Commit {
            return Missing::Push { application: self.application.cloned() };
        }
        let approval = approval_tag(self.environment, tag);
        match self.application.filter(|_| TagPattern::commit_ids().matches(tag)) {
            Some(application) => Missing::PushOrTag { application: application.clone(), tag: approval },
            None => Missing::Tag { tag: approval },
        }
    }

    /// The tag on the image's digest that approves one of the other tags which it bears: an approval of a tag that
    /// has moved away speaks of nothing any more.
    fn approving_tag(&self, image: &Image) -> Option<ImageTag> {
        image
            .tags
            .iter()
            .filter(|tag| is_candidate_tag(tag))
            .filter_map(|tag| approval_tag(self.environment, tag))
            .find(|approval| image.tags.contains(approval))
    }
}

/// Another image that bears the approval of this tag: the tag has moved since it was approved.
#[must_use]
pub fn approved_instead<'a>(
    environment: &EnvironmentName,
    tag: &ImageTag,
    tagged: &ImageDigest,
    images: &'a [Image],
) -> Option<&'a ImageDigest> {
    let approval = approval_tag(environment, tag)?;
    let approved = images.iter().find(|image| image.tags.contains(&approval))?;
    (approved.digest != *tagged).then_some(&approved.digest)
}

/// The images of a listing that anything refers to; none if the registry does not tell of referrers at all.
#[must_use]
pub fn referred_to(images: &[Image]) -> Option<BTreeSet<&ImageDigest>> {
    let subjects: BTreeSet<&ImageDigest> = images.iter().filter_map(|image| image.subject.as_ref()).collect();
    (!subjects.is_empty()).then_some(subjects)
}

impl Missing {
    /// Whether the tag on its digest would give it.
    #[must_use]
    pub fn is_given_by_tag(&self) -> bool {
        matches!(self, Self::Tag { .. } | Self::PushOrTag { .. })
    }
}

impl fmt::Display for Missing {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Push { application: Some(application) } => {
                write!(formatter, "a push of its commit to {application} here")
            }
            Self::Push { application: None } => {
                formatter.write_str("a push, for which delivery.yaml must name its application")
            }
            Self::PushOrTag { application, tag: Some(tag) } => {
                write!(
                    formatter,
                    "a push of its commit to {application} here, or the tag {tag} on it upstream"
                )
            }
            Self::PushOrTag { application, tag: None } => {
                write!(formatter, "a push of its commit to {application} here")
            }
            Self::Tag { tag: Some(tag) } => write!(formatter, "the tag {tag} on it upstream"),
            Self::Tag { tag: None } => {
                formatter.write_str("an approval tag upstream, for which its tag is too long")
            }
            Self::Verified { service } => {
                write!(formatter, "upstream's word that it runs well there as {service}")
            }
        }
    }
}

#[cfg(test)]
mod tests;
