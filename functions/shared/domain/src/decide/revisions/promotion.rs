//! What happens to one container whose images come from upstream: the same selection, among upstream's images whose
//! approvals hold, in upstream's order.

use std::collections::BTreeSet;

use super::container::{Arrival, Choice, Container};
use super::{Place, Wanted};
use crate::approval::{Gate, Missing, Standing, approved_instead};
use crate::facts::{RepositoryImages, UpstreamFacts};
use crate::image::Image;
use crate::names::{ImageDigest, ImageRepositoryName, ImageTag};
use crate::plan::{CopyImage, TagImage};
use crate::refusal::Refusal;
use crate::rules::{MissingRepositories, Policy, Promote};
use crate::select::{Candidate, NoSelection, Selection, select};
use crate::time::Timestamp;

/// The repository upstream that a container's images come from, with all its images.
struct Source<'a> {
    upstream: &'a UpstreamFacts,
    repository: &'a ImageRepositoryName,
    images: &'a [Image],
}

impl Container<'_> {
    pub(super) fn choose_upstream(&self, promote: &Promote) -> Choice {
        let here = match self.images_here() {
            Ok(here) => here,
            Err(refusal) => return Choice::Refused(refusal),
        };
        // What was promoted before needs no upstream: a push back to it takes effect at once.
        if let Some(candidate) = self.promoted_before(here) {
            let source = self.source().ok();
            let images = source.as_ref().map_or(here, |source| source.images);
            return match self.step(&candidate, images, here) {
                None => self.same(candidate, source.as_ref(), here),
                Some(step) => {
                    self.differs(candidate, step, vec!["promoted before".to_owned()], Arrival::Here)
                }
            };
        }
        let source = match self.source() {
            Ok(source) => source,
            Err(choice) => return choice,
        };
        self.choose_approved(promote, &source, here)
    }

    /// Whether nothing can be decided about it without this repository upstream.
    pub(super) fn needs_upstream(&self, source: &ImageRepositoryName) -> bool {
        let was_promoted = || self.images_here().is_ok_and(|here| self.promoted_before(here).is_some());
        let is_promoted = self.of_service.promote.is_some() && self.rules.source() == source;
        is_promoted && self.rules.select != Policy::Manual && !was_promoted()
    }

    /// The images of this registry's repository; none at all if it may be created.
    fn images_here(&self) -> Result<&[Image], Refusal> {
        let repository = &self.rules.repository;
        match self.facts.images.get(repository) {
            Some(RepositoryImages::Listed(images)) => Ok(images),
            Some(RepositoryImages::Unreadable(problem)) => {
                Err(Refusal::image_repository_unreadable(repository, problem))
            }
            Some(RepositoryImages::Missing) | None => match self.missing_repository() {
                MissingRepositories::Create => Ok(&[]),
                MissingRepositories::Refuse => Err(Refusal::NotCopied(format!(
                    "there is no ECR repository {repository} in this account to copy images to; create it, or let promotions create it (create-repositories: true in delivery.yaml)"
                ))),
            },
        }
    }

    fn missing_repository(&self) -> MissingRepositories {
        self.facts.rules.missing_repositories()
    }

    /// The repository upstream, or what is chosen without it.
    fn source(&self) -> Result<Source<'_>, Choice> {
        let upstream = self.facts.upstream.as_ref().ok_or(Choice::Refused(Refusal::NoUpstream))?;
        let repository = self.rules.source();
        let account = upstream.account.clone();
        match upstream.images.get(repository) {
            Some(RepositoryImages::Listed(images)) => Ok(Source { upstream, repository, images }),
            Some(RepositoryImages::Unreadable(problem)) => {
                Err(Choice::Refused(Refusal::upstream_unreadable(repository, &account, problem)))
            }
            Some(RepositoryImages::Missing) => {
                let repository = repository.clone();
                Err(Choice::Refused(Refusal::UpstreamRepositoryMissing { repository, account }))
            }
            None => Err(Choice::Waits(format!(
                "{}: the images of {repository} upstream ({account}) were not read",
                self.name
            ))),
        }
    }

    /// The image of the application's tip, if it is here because Towpath promoted it. An image that was pushed straight
    /// into this registry is none.
    fn promoted_before(&self, here: &[Image]) -> Option<Candidate> {
        if self.rules.select != Policy::Commit {
            return None;
        }
        // Under the tag that it was promoted by, and no other that somebody has put on it since.
        let as_promoted = |image: &Image| {
            let is_promoted =
                |tag: &&ImageTag| self.read.promoted.contains(&((*tag).clone(), image.digest.clone()));
            Image { tags: image.tags.iter().filter(is_promoted).cloned().collect(), ..image.clone() }
        };
        let promoted: Vec<Image> = here.iter().map(as_promoted).collect();
        match select(&Policy::Commit, &promoted, self.read.application.commit()) {
            Selection::Chosen(candidate) => Some(candidate),
            Selection::None(_) => None,
        }
    }

    /// The rule's choice among the images that may enter. A commit that was pushed here was asked for, and so is refused
    /// while it may not.
    fn choose_approved(&self, promote: &Promote, source: &Source<'_>, here: &[Image]) -> Choice {
        let gate = Gate {
            environment: &self.facts.environment,
            promote,
            policy: &self.rules.select,
            upstream_service: promote.from.as_ref().unwrap_or(self.service),
            application: self.of_service.application.as_ref(),
            tip: self.read.application.commit(),
        };
        let tip = self.read.application.commit();
        let mut left = self.admitted(source.images);
        let mut lacking: Option<Refusal> = None;
        loop {
            let candidate = match select(&self.rules.select, &left, tip) {
                Selection::Chosen(candidate) => candidate,
                Selection::None(reason) => return self.none_approved(source, reason, lacking),
            };
            let Some(image) = left.iter().find(|image| image.digest == candidate.digest) else {
                return self.none_approved(source, NoSelection::NoMatch, lacking);
            };
            match self.other_platform(&candidate, (Place::Upstream, source.repository)) {
                Err(wanted) => return Choice::Wanted(wanted),
                Ok(None) => {}
                Ok(Some(refusal)) if self.rules.select == Policy::Commit => return Choice::Refused(refusal),
                Ok(Some(refusal)) => {
                    left.retain(|image| image.digest != candidate.digest);
                    lacking.get_or_insert(refusal);
                    continue;
                }
            }
            let evidence = source.upstream.evidence_of(source.repository, &candidate.digest, source.images);
            // What the listing alone rules out need not be asked about.
            let standing = match evidence {
                Some(evidence) => gate.standing(image, &candidate.tag, evidence),
                None if gate.may_stand(image) => {
                    let (repository, digest) = (source.repository.clone(), candidate.digest);
                    return Choice::Wanted(Wanted::Evidence { repository, digest });
                }
                None => gate.standing(image, &candidate.tag, &[]),
            };
            let refusal = match standing {
                Standing::Approved(by) => return self.arrive(candidate, &by, source, here),
                Standing::Quarantined { at } => self.quarantined_upstream(&candidate, source, at),
                Standing::Lacks(missing) => self.not_approved(&candidate, source, &missing),
            };
            // The commit has this image and no other: another one with a shorter tag of it does not take its place.
            if self.rules.select == Policy::Commit {
                return Choice::Refused(refusal);
            }
            left.retain(|image| image.digest != candidate.digest && gate.may_stand(image));
            lacking.get_or_insert(refusal);
        }
    }

    /// An image that may enter, and what it still needs to be here.
    fn arrive(
        &self,
        candidate: Candidate,
        approved_by: &[String],
        source: &Source<'_>,
        here: &[Image],
    ) -> Choice {
        let Some(mut step) = self.step(&candidate, source.images, here) else {
            return self.same(candidate, Some(source), here);
        };
        let taken = here.iter().find(|image| image.tags.contains(&candidate.tag));
        if let Some(taken) = taken.filter(|taken| taken.digest != candidate.digest) {
            step.objection = step.objection.or_else(|| {
                Some(Refusal::TagTaken {
                    container: self.name.clone(),
                    repository: self.rules.repository.clone(),
                    tag: candidate.tag.clone(),
                    here: taken.digest.clone(),
                    upstream: candidate.digest.clone(),
                })
            });
        }
        let arrival = if !here.iter().any(|image| image.digest == candidate.digest) {
            Arrival::Upstream(self.copy(&candidate.digest, source))
        } else if taken.is_none() {
            Arrival::Untagged(TagImage {
                service: self.service.clone(),
                repository: self.rules.repository.clone(),
                digest: candidate.digest.clone(),
                tag: candidate.tag.clone(),
            })
        } else {
            Arrival::Here
        };
        let approved_by = approved_by.iter().map(|by| self.with_pusher(by)).collect();
        self.differs(candidate, step, approved_by, arrival)
    }

    /// What git says already: here only what has come to it upstream since is of interest, such as a signature.
    fn same(&self, candidate: Candidate, source: Option<&Source<'_>>, here: &[Image]) -> Choice {
        let is_incomplete = |source: &&Source<'_>| {
            let is_there = source.images.iter().any(|image| image.digest == candidate.digest);
            let is_here = here.iter().any(|image| image.digest == candidate.digest);
            let speaking = speaking_of(&candidate.digest, source.images);
            is_there && (!is_here || !speaking.is_subset(&speaking_of(&candidate.digest, here)))
        };
        let copy = source.filter(is_incomplete).map(|source| Box::new(self.copy(&candidate.digest, source)));
        Choice::Same { tag: candidate.tag, copy }
    }

    fn copy(&self, digest: &ImageDigest, source: &Source<'_>) -> CopyImage {
        CopyImage {
            services: BTreeSet::from([self.service.clone()]),
            account: source.upstream.account.clone(),
            from: source.repository.clone(),
            to: self.rules.repository.clone(),
            digest: digest.clone(),
            missing_repository: self.missing_repository(),
        }
    }

    /// The approval by a push, with who pushed where an event tells.
    fn with_pusher(&self, by: &str) -> String {
        let pusher = self.of_service.application.as_ref().and_then(|application| {
            let (commit, arn) = self.facts.pushers.get(application)?;
            (by.starts_with("push ") && self.read.application.commit() == Some(commit)).then_some(arn)
        });
        pusher.map_or_else(|| by.to_owned(), |arn| format!("{by} by {arn}"))
    }

    fn not_approved(&self, candidate: &Candidate, source: &Source<'_>, missing: &[Missing]) -> Refusal {
        let (container, tag) = (self.name.clone(), candidate.tag.clone());
        let asks_for_tag = missing.iter().any(Missing::is_given_by_tag);
        let approved = approved_instead(&self.facts.environment, &tag, &candidate.digest, source.images);
        if let Some(approved) = approved.filter(|_| asks_for_tag) {
            let (tagged, approved) = (candidate.digest.clone(), approved.clone());
            return Refusal::ApprovedOther { container, tag, tagged, approved };
        }
        let missing: Vec<String> = missing.iter().map(ToString::to_string).collect();
        Refusal::NotApproved {
            container,
            tag,
            digest: candidate.digest.clone(),
            account: source.upstream.account.clone(),
            missing: missing.join(", and "),
        }
    }

    fn quarantined_upstream(&self, candidate: &Candidate, source: &Source<'_>, at: Timestamp) -> Refusal {
        Refusal::QuarantinedUpstream {
            container: self.name.clone(),
            tag: candidate.tag.clone(),
            digest: candidate.digest.clone(),
            account: source.upstream.account.clone(),
            at,
        }
    }

    /// Nothing may enter: the rule's next image waits for its approval.
    fn none_approved(&self, source: &Source<'_>, reason: NoSelection, lacking: Option<Refusal>) -> Choice {
        match lacking {
            None => {
                let place = format!("{} upstream ({})", source.repository, source.upstream.account);
                self.no_selection(&place, reason, source.images)
            }
            Some(refusal @ (Refusal::ApprovedOther { .. } | Refusal::QuarantinedUpstream { .. })) => {
                Choice::Refused(refusal)
            }
            Some(refusal) => Choice::Waits(refusal.to_string()),
        }
    }
}

/// The artifacts that speak of an image: they refer to it, or bear its digest in a tag as cosign writes them.
fn speaking_of<'a>(digest: &ImageDigest, images: &'a [Image]) -> BTreeSet<&'a ImageDigest> {
    let named = digest.as_str().replacen(':', "-", 1);
    let speaks = |image: &&Image| {
        image.subject.as_ref() == Some(digest)
            || image.tags.iter().any(|tag| tag.as_str().starts_with(&named))
    };
    images.iter().filter(speaks).map(|image| &image.digest).collect()
}
