//! What the environment before this one has, as its registry tells.

use std::collections::BTreeMap;

use super::RepositoryImages;
use crate::approval::referred_to;
use crate::evidence::Evidence;
use crate::image::Image;
use crate::names::{AccountId, ImageDigest, ImageRepositoryName};

/// The registry of the account before this one, as far as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpstreamFacts {
    /// The account.
    pub account: AccountId,
    /// The repositories from which the services' images come.
    pub images: BTreeMap<ImageRepositoryName, RepositoryImages>,
    /// What that account itself says of the digests that were asked about.
    pub evidence: BTreeMap<(ImageRepositoryName, ImageDigest), Vec<Evidence>>,
}

impl UpstreamFacts {
    /// What that account says of a digest; none if it must be asked first. Of an image that nothing refers to, nothing
    /// is said, which the listing tells without asking.
    #[must_use]
    pub fn evidence_of(
        &self,
        repository: &ImageRepositoryName,
        digest: &ImageDigest,
        listing: &[Image],
    ) -> Option<&[Evidence]> {
        if let Some(evidence) = self.evidence.get(&(repository.clone(), digest.clone())) {
            return Some(evidence);
        }
        let is_bare = referred_to(listing).is_some_and(|subjects| !subjects.contains(digest));
        is_bare.then_some(&[])
    }
}
