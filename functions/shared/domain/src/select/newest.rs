//! `select: newest`: the image pushed last among those with a tag that matches. Of two pushed at one time the greater
//! digest is the later one, so that everybody always sees the same order.

use super::{Candidate, NoSelection, Order, Other, Selection};
use crate::image::Image;
use crate::rules::TagPattern;
use std::cmp::Reverse;

pub(super) fn select(pattern: &TagPattern, images: &[Image]) -> Selection {
    let mut images: Vec<&Image> = images.iter().collect();
    images.sort_unstable_by_key(|image| Reverse((image.pushed_at, &image.digest)));
    // The newest first, because an expression takes long to match a tag.
    let mut matching = images.into_iter().filter_map(|image| {
        let tag = image.candidate_tags().find(|tag| pattern.matches(tag))?;
        Some((image, tag))
    });
    matching.next().map_or(Selection::None(NoSelection::NoMatch), |(image, tag)| {
        Selection::Chosen(Candidate::of(image, tag))
    })
}

pub(super) fn order(candidate: &Candidate, other: &Other<'_>) -> Order {
    match (other.image, other.there_at) {
        (Some(image), _) => {
            if (candidate.pushed_at, &candidate.digest) > (image.pushed_at, &image.digest) {
                Order::Newer
            } else {
                Order::Older
            }
        }
        // Pushed after the other was there already: later, wherever exactly the other stood.
        (None, Some(there_at)) if candidate.pushed_at > there_at => Order::Newer,
        (None, _) => Order::Unknown,
    }
}
