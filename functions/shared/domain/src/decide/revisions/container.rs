//! What happens to one container of a service.

use super::{Place, RevisionsFacts, ServiceFacts, Wanted};
use crate::facts::{ApplicationTip, RepositoryImages};
use crate::hold::HoldFile;
use crate::image::Image;
use crate::names::{
    CommitId, ContainerName, ImageDigest, ImageRepositoryName, ImageTag, ImageUri, Platform, Registry,
    ServiceId,
};
use crate::plan::{CopyImage, TagImage};
use crate::refusal::{QuarantineRefusal, Refusal};
use crate::rules::{Application, ContainerRules, Policy, ServiceRules};
use crate::select::{Candidate, NoSelection, Order, Other, Selection, order, select};
use crate::trailers::{ContainerTrailers, ServiceTrailers};

/// What is read of one container, and what the rules say of it.
pub(super) struct Container<'a> {
    pub(super) facts: &'a RevisionsFacts,
    pub(super) service: &'a ServiceId,
    pub(super) read: &'a ServiceFacts,
    pub(super) name: &'a ContainerName,
    pub(super) rules: &'a ContainerRules,
    pub(super) of_service: &'a ServiceRules,
    /// What Towpath's trailers say of the revision, if Towpath made it.
    pub(super) trailers: Option<&'a ServiceTrailers>,
}

/// What the rules select for a container, and how that stands to what git says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Choice {
    /// Only people move it.
    Manual,
    /// Git says what the rules select.
    Same {
        /// Its human name.
        tag: ImageTag,
        /// What of it is upstream and not here.
        copy: Option<Box<CopyImage>>,
    },
    /// This must be read first.
    Wanted(Wanted),
    /// Nothing can be selected yet.
    Waits(String),
    /// Something must be mended first.
    Refused(Refusal),
    /// Git says something else than the rules select.
    Differs(Box<Move>),
}

/// A container's way to another image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Move {
    pub(super) container: ContainerName,
    pub(super) policy: Policy,
    pub(super) image: ImageUri,
    pub(super) candidate: Candidate,
    /// The image that git says, where it names one by digest or by a tag that is there.
    pub(super) previous: Option<ImageDigest>,
    /// Who approved it, where the rules ask for approvals.
    pub(super) approved_by: Vec<String>,
    /// What must be done before the revision can say it.
    pub(super) arrival: Arrival,
    /// Why it may not be gone, by the rule's order or a quarantine.
    pub(super) objection: Option<Refusal>,
}

/// What an image lacks in this registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Arrival {
    /// Nothing.
    Here,
    /// The tag that makes it visible.
    Untagged(TagImage),
    /// The image.
    Upstream(CopyImage),
}

/// How a candidate differs from what git says.
pub(super) struct Difference {
    /// The image that git says, where it names one by digest or by a tag that is there.
    pub(super) previous: Option<ImageDigest>,
    /// Why the candidate may not take its place.
    pub(super) objection: Option<Refusal>,
}

impl Container<'_> {
    pub(super) fn choose(&self) -> Choice {
        let repository = &self.rules.repository;
        if self.rules.select == Policy::Manual {
            return Choice::Manual;
        }
        if let Some(promote) = &self.of_service.promote {
            return self.choose_upstream(promote);
        }
        let images = match self.facts.images.get(repository) {
            Some(RepositoryImages::Listed(images)) => images,
            Some(RepositoryImages::Unreadable(problem)) => {
                return Choice::Refused(Refusal::image_repository_unreadable(repository, problem));
            }
            Some(RepositoryImages::Missing) | None => {
                return Choice::Refused(Refusal::ImageRepositoryMissing { repository: repository.clone() });
            }
        };
        let mut left = self.admitted(images);
        let mut lacking: Option<Refusal> = None;
        loop {
            let candidate = match select(&self.rules.select, &left, self.read.application.commit()) {
                Selection::Chosen(candidate) => candidate,
                Selection::None(reason) => {
                    return lacking.map_or_else(
                        || self.no_selection(repository, reason, images),
                        |refusal| Choice::Waits(refusal.to_string()),
                    );
                }
            };
            match self.other_platform(&candidate, (Place::Here, repository)) {
                Err(wanted) => return Choice::Wanted(wanted),
                Ok(None) => {
                    return match self.step(&candidate, images, images) {
                        None => Choice::Same { tag: candidate.tag, copy: None },
                        Some(step) => self.differs(candidate, step, Vec::new(), Arrival::Here),
                    };
                }
                Ok(Some(refusal)) if self.rules.select == Policy::Commit => return Choice::Refused(refusal),
                Ok(Some(refusal)) => {
                    left.retain(|image| image.digest != candidate.digest);
                    lacking.get_or_insert(refusal);
                }
            }
        }
    }

    /// Why a candidate cannot run where the rules want it; or that it must be read first what it is built for.
    pub(super) fn other_platform(
        &self,
        candidate: &Candidate,
        (place, repository): (Place, &ImageRepositoryName),
    ) -> Result<Option<Refusal>, Wanted> {
        let Some(wanted) = &self.rules.conditions.platform else { return Ok(None) };
        let Some(built) = self.facts.platforms.get(&candidate.digest) else {
            let (repository, digest) = (repository.clone(), candidate.digest.clone());
            return Err(Wanted::Platforms { place, repository, digest });
        };
        if built.iter().any(|built| wanted.is_met_by(built)) {
            return Ok(None);
        }
        let built: Vec<&str> = built.iter().map(Platform::as_str).collect();
        Ok(Some(Refusal::OtherPlatform {
            container: self.name.clone(),
            tag: candidate.tag.clone(),
            digest: candidate.digest.clone(),
            wanted: wanted.clone(),
            built: if built.is_empty() { "none that it names".to_owned() } else { built.join(", ") },
        }))
    }

    /// The images that may be candidates now.
    pub(super) fn admitted(&self, images: &[Image]) -> Vec<Image> {
        self.rules.conditions.admitted(images, self.facts.now)
    }

    /// Why nothing of a repository with these images is chosen.
    pub(super) fn no_selection(
        &self,
        repository: &impl std::fmt::Display,
        reason: NoSelection,
        images: &[Image],
    ) -> Choice {
        let without_conditions = select(&self.rules.select, images, self.read.application.commit());
        if let Selection::Chosen(candidate) = without_conditions {
            return Choice::Waits(self.not_admitted(repository, &candidate));
        }
        match reason {
            NoSelection::Manual => Choice::Manual,
            NoSelection::NoMatch => {
                Choice::Waits(format!("{}: no image in {repository} fits {}", self.name, self.rules.select))
            }
            NoSelection::WaitingForImage { commit } => Choice::Waits(format!(
                "{}: no image in {repository} for commit {}",
                self.name,
                commit.short()
            )),
            NoSelection::NoApplicationTip => match (&self.read.application, &self.of_service.application) {
                (ApplicationTip::Missing, Some(Application { repository, branch })) => {
                    let (repository, branch) = (repository.clone(), branch.clone());
                    Choice::Refused(Refusal::ApplicationBranchMissing { repository, branch })
                }
                _ => Choice::Waits(format!(
                    "{}: its application has no commit to take an image for",
                    self.name
                )),
            },
            NoSelection::Ambiguous { commit, tags } => {
                let tags: Vec<&str> = tags.iter().map(ImageTag::as_str).collect();
                let (repository, tags) = (repository.to_string(), tags.join(", "));
                Choice::Refused(Refusal::Ambiguous { repository, commit, tags })
            }
        }
    }

    /// Why an image is no candidate that would be the rule's choice.
    fn not_admitted(&self, repository: &impl std::fmt::Display, candidate: &Candidate) -> String {
        let Candidate { tag, digest, pushed_at } = candidate;
        let conditions = &self.rules.conditions;
        let image = format!("{}: {tag} ({}) of {repository}", self.name, digest.short());
        if conditions.is_old_enough(*pushed_at, self.facts.now) {
            format!("{image} is left out by allow or ignore")
        } else {
            let from = pushed_at.plus(conditions.minimum_age);
            format!("{image} is younger than minimum_age asks for: it is a candidate from {from}")
        }
    }

    /// How a candidate stands to what git says; none if git says it. `ordered` is the listing that has the rule's order,
    /// and `here` that of this registry.
    pub(super) fn step(
        &self,
        candidate: &Candidate,
        ordered: &[Image],
        here: &[Image],
    ) -> Option<Difference> {
        let current = self.read.revision.content().and_then(|revision| revision.image(self.name));
        let previous = current.and_then(|current| self.digest_of(current, here));
        if previous == Some(&candidate.digest) {
            return None;
        }
        let objection = self
            .quarantine(candidate, ordered)
            .or_else(|| current.and_then(|current| self.never_back(candidate, current, previous, ordered)));
        Some(Difference { previous: previous.cloned(), objection })
    }

    pub(super) fn differs(
        &self,
        candidate: Candidate,
        difference: Difference,
        approved_by: Vec<String>,
        arrival: Arrival,
    ) -> Choice {
        Choice::Differs(Box::new(Move {
            container: self.name.clone(),
            policy: self.rules.select.clone(),
            image: ImageUri::by_digest(&self.facts.registry, &self.rules.repository, &candidate.digest),
            candidate,
            previous: difference.previous,
            approved_by,
            arrival,
            objection: difference.objection,
        }))
    }

    /// The digest that git says; a tag is what it means in the registry now.
    fn digest_of<'b>(&self, current: &'b ImageUri, images: &'b [Image]) -> Option<&'b ImageDigest> {
        current.digest().or_else(|| {
            let tag = current.tag()?;
            let repository = current.repository_in(&self.facts.registry)?;
            let tagged = images.iter().find(|image| image.tags.contains(tag))?;
            (*repository == self.rules.repository).then_some(&tagged.digest)
        })
    }

    /// The objection that the candidate is in quarantine, or not later than what is.
    fn quarantine(&self, candidate: &Candidate, images: &[Image]) -> Option<Refusal> {
        let hold: &HoldFile = self.read.hold.content()?;
        let quarantined = hold.quarantine.iter().filter(|quarantined| quarantined.container == *self.name);
        let blocking = quarantined.into_iter().find(|quarantined| {
            let other = Other {
                digest: &quarantined.digest,
                image: images.iter().find(|image| image.digest == quarantined.digest),
                tag: None,
                there_at: Some(quarantined.at),
            };
            match order(&self.rules.select, candidate, &other) {
                Order::Older | Order::Same => true,
                Order::Newer => false,
                Order::Unordered | Order::Unknown => candidate.pushed_at <= quarantined.at,
            }
        })?;
        Some(Refusal::Quarantined(Box::new(QuarantineRefusal {
            service: self.service.clone(),
            container: self.name.clone(),
            tag: candidate.tag.clone(),
            digest: candidate.digest.clone(),
            quarantined: blocking.digest.clone(),
            at: blocking.at,
            reason: blocking.reason.clone(),
        })))
    }

    /// The objection that the candidate comes before what git says, or may do.
    fn never_back(
        &self,
        candidate: &Candidate,
        current: &ImageUri,
        previous: Option<&ImageDigest>,
        images: &[Image],
    ) -> Option<Refusal> {
        // Only an image of the rule's own repository has a place in the rule's order.
        let is_of_repository = match current.registry() {
            Registry::Ecr(registry, repository) => {
                *registry == self.facts.registry && *repository == self.rules.repository
            }
            Registry::Other => false,
        };
        if !is_of_repository {
            return None;
        }
        let (container, tag, digest) = (self.name.clone(), candidate.tag.clone(), candidate.digest.clone());
        let not_comparable = Refusal::NotComparable {
            container: container.clone(),
            tag: tag.clone(),
            digest: digest.clone(),
            current: current.to_string(),
        };
        let Some(previous) = previous else {
            // A tag that is gone. Under `commit` the branch's tip alone decides.
            return if self.rules.select == Policy::Commit { None } else { Some(not_comparable) };
        };
        let other = Other {
            digest: previous,
            image: images.iter().find(|image| image.digest == *previous),
            tag: self.tag_in_git(previous),
            there_at: self.read.last_change.as_ref().and_then(|change| change.at),
        };
        match order(&self.rules.select, candidate, &other) {
            Order::Older => Some(Refusal::NeverBack { container, tag, digest, current: current.to_string() }),
            Order::Unknown => Some(not_comparable),
            Order::Same | Order::Newer | Order::Unordered => None,
        }
    }

    /// The tag that git remembers for the image it says.
    fn tag_in_git(&self, digest: &ImageDigest) -> Option<&ImageTag> {
        let container =
            self.trailers?.containers.iter().find(|container| container.container == *self.name)?;
        (container.image_digest.as_ref() == Some(digest)).then_some(container.image_tag.as_ref()).flatten()
    }
}

impl Move {
    /// What a commit's subject says of it.
    pub(super) fn headline(&self) -> String {
        format!("{} → {}", self.container, self.name())
    }

    /// Why the rules want it.
    pub(super) fn because(&self) -> String {
        let Self { container, policy, candidate, previous, approved_by, .. } = self;
        let before =
            previous.as_ref().map_or_else(String::new, |previous| format!(", git said {}", previous.short()));
        let approved = if approved_by.is_empty() {
            String::new()
        } else {
            format!(", approved: {}", approved_by.join(", "))
        };
        format!(
            "{container}: {policy} selects {} ({}){before}{approved}",
            candidate.tag,
            candidate.digest.short()
        )
    }

    pub(super) fn trailers(&self, application: Option<&CommitId>) -> ContainerTrailers {
        let tagged = CommitId::parse(self.candidate.tag.as_str()).ok();
        let source_commit = match self.policy {
            Policy::Commit => application.cloned(),
            Policy::Newest(_) | Policy::Semver(_) | Policy::Manual => tagged,
        };
        ContainerTrailers {
            container: self.container.clone(),
            image_tag: Some(self.candidate.tag.clone()),
            image_digest: Some(self.candidate.digest.clone()),
            previous_digest: self.previous.clone(),
            source_commit,
        }
    }

    /// The image's human name: its tag, shortened where that is a whole commit id.
    pub(super) fn name(&self) -> String {
        let tag = self.candidate.tag.as_str();
        CommitId::parse(tag).map_or_else(|_| tag.to_owned(), |commit| commit.short().to_owned())
    }
}
