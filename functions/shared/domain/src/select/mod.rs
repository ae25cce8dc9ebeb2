//! `select`: which image of a repository should run, as a pure function of what is true now, and in which order a rule
//! sees two images.

mod commit;
mod newest;
mod semver;

use std::fmt;

use crate::image::Image;
use crate::names::{CommitId, ImageDigest, ImageTag};
use crate::rules::Policy;
use crate::time::Timestamp;

/// An image that a rule chooses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// The image.
    pub digest: ImageDigest,
    /// The tag by which it was chosen: its human name.
    pub tag: ImageTag,
    /// When it was pushed.
    pub pushed_at: Timestamp,
}

/// What a rule selects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selection {
    /// This image.
    Chosen(Candidate),
    /// None, because of this.
    None(NoSelection),
}

/// Why a rule selects nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoSelection {
    /// Only people move it.
    Manual,
    /// No image has a tag that fits.
    NoMatch,
    /// The application's branch has no tip.
    NoApplicationTip,
    /// The commit at the application's tip has no image yet.
    WaitingForImage {
        /// The commit.
        commit: CommitId,
    },
    /// Several images claim to be the commit's.
    Ambiguous {
        /// The commit.
        commit: CommitId,
        /// Their tags, in order.
        tags: Vec<ImageTag>,
    },
}

/// Where a candidate stands to another image, in a rule's own order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// The candidate comes before it.
    Older,
    /// It is the same image.
    Same,
    /// The candidate comes after it.
    Newer,
    /// The other has no place in the rule's order, which so has nothing to say.
    Unordered,
    /// The other had a place, and nobody knows any more which.
    Unknown,
}

/// What is known of an image that a rule's candidate is compared with: what git says now, or what is in quarantine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Other<'a> {
    /// The image.
    pub digest: &'a ImageDigest,
    /// The image as the registry has it, if it still does.
    pub image: Option<&'a Image>,
    /// The tag by which it was chosen, where git remembers it.
    pub tag: Option<&'a ImageTag>,
    /// A time at which it was there already.
    pub there_at: Option<Timestamp>,
}

/// The image that a policy selects among a repository's images, with the application's tip.
#[must_use]
pub fn select(policy: &Policy, images: &[Image], application: Option<&CommitId>) -> Selection {
    match policy {
        Policy::Commit => commit::select(images, application),
        Policy::Newest(pattern) => newest::select(pattern, images),
        Policy::Semver(range) => semver::select(range, images),
        Policy::Manual => Selection::None(NoSelection::Manual),
    }
}

/// Where a candidate stands to another image under a policy.
#[must_use]
pub fn order(policy: &Policy, candidate: &Candidate, other: &Other<'_>) -> Order {
    if candidate.digest == *other.digest {
        return Order::Same;
    }
    match policy {
        // The branch's tip says which commit should run, and who moves the tip backwards means it.
        Policy::Commit => Order::Newer,
        Policy::Newest(_) => newest::order(candidate, other),
        Policy::Semver(range) => semver::order(range, candidate, other),
        Policy::Manual => Order::Unordered,
    }
}

/// Whether a tag is a commit's id, or a prefix of it that is long enough to name one.
#[must_use]
pub fn names_commit(tag: &ImageTag, commit: &CommitId) -> bool {
    commit::names(tag, commit)
}

impl Candidate {
    fn of(image: &Image, tag: &ImageTag) -> Self {
        Self { digest: image.digest.clone(), tag: tag.clone(), pushed_at: image.pushed_at }
    }
}

impl fmt::Display for NoSelection {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Manual => formatter.write_str("only people move it"),
            Self::NoMatch => formatter.write_str("no image has a tag that the rule accepts"),
            Self::NoApplicationTip => formatter.write_str("the application's branch is not there"),
            Self::WaitingForImage { commit } => write!(formatter, "no image for commit {commit}"),
            Self::Ambiguous { commit, tags } => {
                let tags: Vec<&str> = tags.iter().map(ImageTag::as_str).collect();
                write!(formatter, "several images for commit {commit}: {}", tags.join(", "))
            }
        }
    }
}

#[cfg(test)]
mod tests;
