//! What belongs to an image and has to be put here: its parts, which it cannot be without, and what speaks of them.

use super::manifest::Manifest;
use super::refusal::CopyRefusal;
use super::{KeptTag, LeftOut};
use domain::names::{ImageDigest, ImageTag};
use std::collections::{BTreeMap, BTreeSet};

/// What has to be put here.
#[derive(Debug, Default)]
pub(super) struct Graph {
    /// The image's own manifests: the image, its children, and so on.
    pub(super) parts: BTreeSet<ImageDigest>,
    /// The manifests that are missing here.
    pub(super) missing: BTreeMap<ImageDigest, Missing>,
    /// What speaks of a manifest, also where both are here.
    pub(super) attachments: BTreeMap<ImageDigest, BTreeSet<ImageDigest>>,
    /// What each manifest that was read lists.
    pub(super) children: BTreeMap<ImageDigest, BTreeSet<ImageDigest>>,
    /// What speaks of the image and cannot be copied.
    pub(super) left_out: BTreeMap<ImageDigest, String>,
    /// Tags that are left as they are here.
    pub(super) kept: Vec<KeptTag>,
}

/// A manifest that is missing here, or lacks a tag.
#[derive(Debug)]
pub(super) struct Missing {
    pub(super) manifest: Manifest,
    pub(super) tags: BTreeSet<ImageTag>,
}

impl Graph {
    /// Finds out which manifests are the image's own, and leaves out what cannot be copied, with all that is nothing
    /// without it.
    ///
    /// # Errors
    /// The reason when one of the image's own manifests cannot be copied.
    pub(super) fn settle(
        &mut self,
        root: &ImageDigest,
        mut cannot: BTreeMap<ImageDigest, CopyRefusal>,
    ) -> Result<(), CopyRefusal> {
        self.parts = reached(root, |digest| self.children.get(digest).into_iter().flatten());
        if let Some(refusal) = self.parts.iter().find_map(|part| cannot.remove(part)) {
            return Err(refusal);
        }
        self.left_out = cannot.into_iter().map(|(digest, why)| (digest, why.to_string())).collect();
        self.leave_out_rest(root);
        Ok(())
    }

    /// Leaves out what needs one of these layers, none of which is a part of the image.
    pub(super) fn leave_out_without(
        &mut self,
        root: &ImageDigest,
        lost: &BTreeMap<ImageDigest, CopyRefusal>,
    ) {
        for (digest, missing) in &self.missing {
            let reason = missing.manifest.blobs.iter().find_map(|blob| lost.get(&blob.digest));
            if let Some(reason) = reason {
                self.left_out.insert(digest.clone(), reason.to_string());
            }
        }
        self.leave_out_rest(root);
    }

    /// An index is nothing without its children, and what speaks of something that is left out is of no use here.
    fn leave_out_rest(&mut self, root: &ImageDigest) {
        loop {
            let lacks = |digest: &ImageDigest| {
                let children = self.children.get(digest).into_iter().flatten();
                children.into_iter().find(|child| self.left_out.contains_key(*child)).cloned()
            };
            let lacking: Vec<(ImageDigest, ImageDigest)> = self
                .missing
                .keys()
                .filter(|digest| !self.left_out.contains_key(*digest))
                .filter_map(|digest| Some((digest.clone(), lacks(digest)?)))
                .collect();
            if lacking.is_empty() {
                break;
            }
            let told = |(digest, child)| (digest, format!("it lists {child}, which is left out"));
            self.left_out.extend(lacking.into_iter().map(told));
        }
        let left_out = &self.left_out;
        let wanted = reached(root, |digest| {
            let named = self.children.get(digest).into_iter().chain(self.attachments.get(digest));
            named.flatten().filter(|digest| !left_out.contains_key(*digest))
        });
        let unreached: Vec<ImageDigest> =
            self.missing.keys().filter(|digest| !wanted.contains(*digest)).cloned().collect();
        for digest in unreached {
            self.missing.remove(&digest);
            self.left_out.entry(digest).or_insert_with(|| "what it belongs to is left out".to_owned());
        }
        for speaking in self.attachments.values_mut() {
            speaking.retain(|digest| wanted.contains(digest));
        }
    }

    /// What is left out, and why.
    pub(super) fn told(&self) -> Vec<LeftOut> {
        let told = |(digest, because): (&ImageDigest, &String)| LeftOut {
            digest: digest.clone(),
            because: because.clone(),
        };
        self.left_out.iter().map(told).collect()
    }

    /// What speaks of a manifest, and what speaks of that.
    pub(super) fn speaks_of(&self, subject: &ImageDigest) -> BTreeSet<&ImageDigest> {
        let mut speaking = BTreeSet::new();
        let mut subjects = vec![subject];
        while let Some(subject) = subjects.pop() {
            for attachment in self.attachments.get(subject).into_iter().flatten() {
                if speaking.insert(attachment) {
                    subjects.push(attachment);
                }
            }
        }
        speaking
    }
}

/// Whatever can be reached from here, this itself included.
fn reached<'a, Named: Iterator<Item = &'a ImageDigest>>(
    from: &ImageDigest,
    named: impl Fn(&ImageDigest) -> Named,
) -> BTreeSet<ImageDigest> {
    let mut reached = BTreeSet::from([from.clone()]);
    let mut next = vec![from.clone()];
    while let Some(digest) = next.pop() {
        for other in named(&digest) {
            if reached.insert(other.clone()) {
                next.push(other.clone());
            }
        }
    }
    reached
}
