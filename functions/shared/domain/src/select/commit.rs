//! `select: commit`: the image whose tag is the commit at the application's tip.

use std::collections::BTreeMap;

use super::{Candidate, NoSelection, Selection};
use crate::image::Image;
use crate::names::{CommitId, ImageTag};

/// The shortest prefix of a commit id that names one.
const MINIMUM_PREFIX: usize = 7;

pub(super) fn select(images: &[Image], application: Option<&CommitId>) -> Selection {
    let Some(commit) = application else { return Selection::None(NoSelection::NoApplicationTip) };
    // By tag, so that the answer does not depend on the order in which the registry lists its images.
    let named: BTreeMap<&ImageTag, &Image> = images
        .iter()
        .flat_map(|image| image.candidate_tags().map(move |tag| (tag, image)))
        .filter(|(tag, _)| names(tag, commit))
        .collect();
    let full = named.iter().find(|(tag, _)| tag.as_str() == commit.as_str());
    let Some((tag, image)) = full.or_else(|| named.iter().next_back()) else {
        return Selection::None(NoSelection::WaitingForImage { commit: commit.clone() });
    };
    if full.is_none() && named.values().any(|other| other.digest != image.digest) {
        let tags = named.keys().copied().cloned().collect();
        return Selection::None(NoSelection::Ambiguous { commit: commit.clone(), tags });
    }
    Selection::Chosen(Candidate::of(image, tag))
}

/// Whether a tag is a commit's id or a prefix of it that is long enough.
pub(super) fn names(tag: &ImageTag, commit: &CommitId) -> bool {
    tag.as_str().len() >= MINIMUM_PREFIX && commit.as_str().starts_with(tag.as_str())
}
