//! Which earlier revision a person means.

use super::facts::{Earlier, RollbackFacts};
use super::request::{Request, Target};
use crate::evidence::EvidenceKind;
use crate::facts::FileFact;
use crate::names::{CommitId, ImageDigest, ImageUri, ServiceId};
use crate::refusal::Refusal;
use crate::trailers::Trailers;

/// The fewest digits that name a commit.
const FEWEST_DIGITS: usize = 7;
/// How many commits a refusal names.
const NAMED_MAX: usize = 5;

/// The revision that a person means.
pub(super) fn choose<'a>(
    facts: &'a RollbackFacts,
    request: &Request,
    target: &Target,
) -> Result<&'a Earlier, Refusal> {
    let chosen = match target {
        Target::Previous => return previous(facts, &request.service),
        Target::Digest(digest) => {
            newest_with(facts, digest).ok_or_else(|| unknown(facts, digest.as_str()))?
        }
        Target::Named(text) => named(facts, &request.service, text)?,
    };
    not_in_quarantine(facts, &request.service, chosen)?;
    still_there(facts, chosen)?;
    Ok(chosen)
}

/// The last healthy revision with other images than the one at the tip.
fn previous<'a>(facts: &'a RollbackFacts, service: &ServiceId) -> Result<&'a Earlier, Refusal> {
    let differs = |earlier: &&Earlier| {
        facts.revision.content().is_none_or(|current| !earlier.file.has_images_of(current))
    };
    let healthy = |earlier: &&Earlier| is_healthy(facts, service, earlier);
    let all = || facts.earlier.iter().filter(differs).filter(healthy);
    // One whose image is gone is no way out while an older one is.
    if let Some(there) = all().find(|earlier| still_there(facts, earlier).is_ok()) {
        return Ok(there);
    }
    match all().next() {
        Some(gone) => still_there(facts, gone).map(|()| gone),
        None => Err(Refusal::NoHealthyRevision),
    }
}

/// Whether all images of a revision are verified here, and none is in quarantine.
pub(super) fn is_healthy(facts: &RollbackFacts, service: &ServiceId, earlier: &Earlier) -> bool {
    let images = facts.images_of(&earlier.file);
    let own: Vec<_> = images.iter().filter(|image| image.repository.is_some()).collect();
    !own.is_empty()
        && own.iter().all(|image| facts.said(service, image.digest) == Some(EvidenceKind::Verified))
        && not_in_quarantine(facts, service, earlier).is_ok()
}

fn newest_with<'a>(facts: &'a RollbackFacts, digest: &ImageDigest) -> Option<&'a Earlier> {
    facts.earlier.iter().find(|earlier| has(facts, earlier, digest))
}

fn has(facts: &RollbackFacts, earlier: &Earlier, digest: &ImageDigest) -> bool {
    facts.images_of(&earlier.file).iter().any(|image| image.digest == digest)
}

/// The revision of a commit of the deployment repository; else the newest one whose commit gives an image that tag or that
/// source commit, or that has the image which bears the tag now.
fn named<'a>(facts: &'a RollbackFacts, service: &ServiceId, text: &str) -> Result<&'a Earlier, Refusal> {
    let by_commit = facts.earlier.iter().find(|earlier| begins(&earlier.commit, text));
    let told = facts.earlier.iter().find(|earlier| is_told(service, earlier, text));
    let bears = facts.earlier.iter().find(|earlier| bears(facts, earlier, text));
    let mut meant: Vec<&Earlier> = Vec::new();
    for earlier in [by_commit, told, bears].into_iter().flatten() {
        if !meant.iter().any(|other| other.file.has_images_of(&earlier.file)) {
            meant.push(earlier);
        }
    }
    match meant.as_slice() {
        [] => Err(unknown(facts, text)),
        [one] => Ok(one),
        several => {
            Err(Refusal::TargetAmbiguous { to: text.to_owned(), commits: commits(several.iter().copied()) })
        }
    }
}

/// Whether the revision at the tip is what a person names, and no earlier one is.
pub(super) fn is_current(facts: &RollbackFacts, service: &ServiceId, target: &Target) -> bool {
    let (FileFact::Present { blob, content: Ok(file) }, Some(change)) = (&facts.revision, &facts.last_change)
    else {
        return false;
    };
    let (commit, message) = (change.commit.clone(), change.message.clone());
    let current = Earlier { commit, message, blob: blob.clone(), file: file.clone() };
    let fits = |one: &Earlier, text: &str| {
        begins(&one.commit, text) || is_told(service, one, text) || bears(facts, one, text)
    };
    match target {
        Target::Previous => false,
        Target::Digest(digest) => has(facts, &current, digest),
        Target::Named(text) => {
            let others = || facts.earlier.iter().filter(|earlier| !earlier.file.has_images_of(file));
            fits(&current, text) && !others().any(|earlier| fits(earlier, text))
        }
    }
}

/// Whether these are the first digits of a commit, or all of them.
fn begins(commit: &CommitId, text: &str) -> bool {
    text.len() >= FEWEST_DIGITS && commit.as_str().starts_with(text)
}

/// Whether the commit of a revision gives an image that tag or that source commit.
fn is_told(service: &ServiceId, earlier: &Earlier, text: &str) -> bool {
    let trailers = Trailers::parse(&earlier.message);
    let of_service = trailers.of_service(service).filter(|trailers| trailers.fit(&earlier.file));
    of_service.is_some_and(|service| {
        service.containers.iter().any(|container| {
            container.image_tag.as_ref().is_some_and(|tag| tag.as_str() == text)
                || container.source_commit.as_ref().is_some_and(|commit| begins(commit, text))
        })
    })
}

/// Whether a revision has the image that bears that tag now.
fn bears(facts: &RollbackFacts, earlier: &Earlier, text: &str) -> bool {
    let entries = earlier.file.entries().iter();
    let mut repositories = entries.filter_map(|entry| entry.image.repository_in(&facts.registry));
    repositories.any(|repository| tagged(facts, repository, text).is_some_and(|it| has(facts, earlier, it)))
}

fn tagged<'a>(
    facts: &'a RollbackFacts,
    repository: &crate::names::ImageRepositoryName,
    tag: &str,
) -> Option<&'a ImageDigest> {
    let crate::facts::RepositoryImages::Listed(images) = facts.images.get(repository)? else { return None };
    let bears = |image: &&crate::image::Image| image.candidate_tags().any(|other| other.as_str() == tag);
    images.iter().find(bears).map(|image| &image.digest)
}

fn unknown(facts: &RollbackFacts, to: &str) -> Refusal {
    let known = if facts.earlier.is_empty() {
        "there are none".to_owned()
    } else {
        commits(facts.earlier.iter().take(NAMED_MAX))
    };
    Refusal::TargetUnknown { to: to.to_owned(), looked_at: facts.earlier.len(), known }
}

fn commits<'a>(revisions: impl Iterator<Item = &'a Earlier>) -> String {
    revisions.map(|earlier| earlier.commit.short()).collect::<Vec<_>>().join(", ")
}

/// What is in quarantine, in git or by evidence, does not return before it is released.
fn not_in_quarantine(facts: &RollbackFacts, service: &ServiceId, earlier: &Earlier) -> Result<(), Refusal> {
    for image in facts.images_of(&earlier.file) {
        let in_git = facts.hold.content().and_then(|hold| hold.quarantined(image.container, image.digest));
        let reason = match in_git {
            Some(entry) => format!("since {}: {}", entry.at, entry.reason),
            None if facts.said(service, image.digest) == Some(EvidenceKind::Quarantined) => {
                "says its evidence".to_owned()
            }
            None => continue,
        };
        return Err(Refusal::TargetQuarantined {
            service: service.clone(),
            container: image.container.clone(),
            digest: image.digest.clone(),
            reason,
        });
    }
    Ok(())
}

/// The images of a revision of which nobody here can tell whether they are still there.
pub(super) fn out_of_sight<'a>(facts: &RollbackFacts, earlier: &'a Earlier) -> Vec<&'a ImageUri> {
    let entries = earlier.file.entries().iter().map(|entry| &entry.image);
    entries.filter(|image| !facts.is_in_sight(image)).collect()
}

/// A revision whose image the registry has lost would only fail.
fn still_there(facts: &RollbackFacts, earlier: &Earlier) -> Result<(), Refusal> {
    match earlier.file.entries().iter().find(|entry| !facts.is_there(&entry.image)) {
        None => Ok(()),
        Some(entry) => {
            Err(Refusal::ImageGone { container: entry.container.clone(), image: entry.image.clone() })
        }
    }
}
