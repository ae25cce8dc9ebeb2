//! What a task's container finds when it pulls its image.

use crate::names::AccountId;
use crate::services::ecr::{self, PulledImage};
use crate::world::World;

/// How every text about an image that cannot be pulled begins.
const CANNOT_PULL: &str = "CannotPullContainerError: ";

/// Pulls an image.
///
/// # Errors
/// The text that the stopped task shows.
pub(super) fn pull(world: &World, account: &AccountId, image: &str) -> Result<PulledImage, String> {
    #[cfg(test)]
    if let Some(known) = world.account(account).ok().and_then(|state| state.ecs.images.get(image)) {
        return known.clone();
    }
    ecr::pull(world, account, image)
        .map_err(|text| if text.starts_with(CANNOT_PULL) { text } else { format!("{CANNOT_PULL}{text}") })
}

/// The same image by digest, whatever it was named by.
pub(super) fn by_digest(image: &str, digest: &str) -> String {
    let without_digest = image.split_once('@').map_or(image, |(before, _)| before);
    // A colon before the last slash belongs to the registry's port.
    let tag = without_digest
        .rfind(':')
        .filter(|place| without_digest.get(*place..).is_some_and(|rest| !rest.contains('/')));
    let repository = tag.and_then(|place| without_digest.get(..place)).unwrap_or(without_digest);
    format!("{repository}@{digest}")
}

#[cfg(test)]
mod tests {
    use super::by_digest;

    #[test]
    fn a_tag_or_digest_gives_way_to_the_digest() {
        for image in ["host:80/a/b", "host:80/a/b:1.0", "host:80/a/b@sha256:1", "host:80/a/b:1.0@sha256:1"] {
            assert_eq!(by_digest(image, "sha256:2"), "host:80/a/b@sha256:2");
        }
    }
}
