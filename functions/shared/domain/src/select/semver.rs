//! `select: { semver: … }`: the highest version in the range. Of two images with one version (a tag that was moved, or
//! `1.2.3` beside `v1.2.3`) the one pushed last is the higher one, then the one with the greater digest.

use std::cmp::Ordering;

use semver::Version;

use super::{Candidate, NoSelection, Order, Other, Selection};
use crate::image::Image;
use crate::names::{ImageDigest, ImageTag};
use crate::rules::VersionRange;
use crate::time::Timestamp;

pub(super) fn select(range: &VersionRange, images: &[Image]) -> Selection {
    images
        .iter()
        .flat_map(|image| image.candidate_tags().filter_map(move |tag| Some((version(tag)?, image, tag))))
        .filter(|(version, _, _)| range.contains(version))
        .max_by(|(one, image, tag), (two, other, other_tag)| {
            let order = compare((one, image.pushed_at, &image.digest), (two, other.pushed_at, &other.digest));
            order.then_with(|| tag.cmp(other_tag))
        })
        .map_or(Selection::None(NoSelection::NoMatch), |(_, image, tag)| {
            Selection::Chosen(Candidate::of(image, tag))
        })
}

pub(super) fn order(range: &VersionRange, candidate: &Candidate, other: &Other<'_>) -> Order {
    let Some(selected) = version(&candidate.tag) else { return Order::Unordered };
    // A tag that was moved away still tells which version the image was when it was chosen.
    let tags = other.image.iter().flat_map(|image| image.candidate_tags()).chain(other.tag);
    let versions: Vec<Version> = tags.filter_map(version).collect();
    let highest = |versions: &mut dyn Iterator<Item = &Version>| {
        versions.max_by(|one, two| one.cmp_precedence(two)).cloned()
    };
    // What the rule sees of it, before what it would see under another range.
    let in_range = highest(&mut versions.iter().filter(|version| range.contains(version)));
    let Some(highest) = in_range.or_else(|| highest(&mut versions.iter())) else {
        let is_known = other.image.is_some() || other.tag.is_some();
        return if is_known { Order::Unordered } else { Order::Unknown };
    };
    let pushed_at = other.image.map(|image| image.pushed_at);
    match pushed_at {
        Some(pushed_at) => {
            match compare(
                (&selected, candidate.pushed_at, &candidate.digest),
                (&highest, pushed_at, other.digest),
            ) {
                Ordering::Greater => Order::Newer,
                Ordering::Less | Ordering::Equal => Order::Older,
            }
        }
        None => match selected.cmp_precedence(&highest) {
            Ordering::Greater => Order::Newer,
            Ordering::Less => Order::Older,
            // The tag was moved to another image, and the first one is gone: it was pushed before it was there.
            Ordering::Equal => match other.there_at {
                Some(there_at) if candidate.pushed_at > there_at => Order::Newer,
                Some(_) | None => Order::Unknown,
            },
        },
    }
}

type Place<'a> = (&'a Version, Timestamp, &'a ImageDigest);

fn compare(one: Place<'_>, two: Place<'_>) -> Ordering {
    one.0.cmp_precedence(two.0).then_with(|| (one.1, one.2).cmp(&(two.1, two.2)))
}

/// The version that a tag names: `1.29.3` or `v1.29.3`.
fn version(tag: &ImageTag) -> Option<Version> {
    let text = tag.as_str();
    Version::parse(text.strip_prefix('v').unwrap_or(text)).ok()
}
