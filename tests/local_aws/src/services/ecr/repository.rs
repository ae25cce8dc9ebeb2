//! A repository: its images, their tags, and the layers that may be used in it.

use super::manifest::Manifest;
use super::mutability::Mutability;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// An image repository of one account.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Repository {
    pub(super) created_at: DateTime<Utc>,
    pub(super) mutability: Mutability,
    /// The tags of the repository as a resource.
    pub(super) resource_tags: BTreeMap<String, String>,
    /// The policy's text, exactly as it was set.
    pub(super) policy: Option<String>,
    /// By digest.
    pub(super) images: BTreeMap<String, Image>,
    /// Each image tag's digest.
    pub(super) image_tags: BTreeMap<String, String>,
    /// The blobs that were uploaded or mounted here, by digest.
    pub(super) blobs: BTreeMap<String, Blob>,
}

/// A manifest, or an index.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Image {
    /// The bytes as they were pushed.
    pub(super) text: String,
    pub(super) manifest: Manifest,
    /// The first push of these bytes; another tag does not change it.
    pub(super) pushed_at: DateTime<Utc>,
    pub(super) tags: BTreeSet<String>,
    /// Put aside: it cannot be pulled until it is brought back.
    #[serde(default)]
    pub(super) archived: bool,
}

/// A layer or a configuration.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Blob {
    pub(super) size: u64,
    /// What the manifests that use it call it.
    pub(super) media_type: Option<String>,
    /// How many manifests of this repository use it.
    pub(super) used_by: u64,
}

impl Repository {
    /// The policy, read.
    pub(super) fn policy_document(&self) -> Option<Value> {
        self.policy.as_deref().and_then(|text| serde_json::from_str(text).ok())
    }

    /// Puts the manifest in, and counts it at the blobs that it uses.
    pub(super) fn insert_image(&mut self, digest: &str, image: Image) {
        for descriptor in unique_blobs(&image.manifest) {
            if let Some(blob) = self.blobs.get_mut(&descriptor.0) {
                blob.used_by += 1;
                blob.media_type.get_or_insert(descriptor.1);
            }
        }
        self.images.insert(digest.to_owned(), image);
    }

    /// Takes the manifest out with its tags, and the blobs that nothing else here uses. Returns the digests
    /// of those blobs.
    pub(super) fn remove_image(&mut self, digest: &str) -> Vec<String> {
        let Some(image) = self.images.remove(digest) else { return Vec::new() };
        let mut unused = Vec::new();
        for tag in &image.tags {
            self.image_tags.remove(tag);
        }
        for (blob_digest, _) in unique_blobs(&image.manifest) {
            let Some(blob) = self.blobs.get_mut(&blob_digest) else { continue };
            blob.used_by = blob.used_by.saturating_sub(1);
            if blob.used_by == 0 {
                self.blobs.remove(&blob_digest);
                unused.push(blob_digest);
            }
        }
        unused
    }

    /// Lets the tag point to the digest; another image that had it keeps its other tags, or none.
    pub(super) fn point_tag(&mut self, tag: &str, digest: &str) {
        self.remove_tag(tag);
        if let Some(image) = self.images.get_mut(digest) {
            image.tags.insert(tag.to_owned());
            self.image_tags.insert(tag.to_owned(), digest.to_owned());
        }
    }

    /// Takes the tag away; the image stays.
    pub(super) fn remove_tag(&mut self, tag: &str) {
        let Some(digest) = self.image_tags.remove(tag) else { return };
        if let Some(image) = self.images.get_mut(&digest) {
            image.tags.remove(tag);
        }
    }

    /// The indexes that list the digest.
    pub(super) fn indexes_of(&self, digest: &str) -> Vec<&str> {
        let lists = |image: &Image| image.manifest.children.iter().any(|child| child.digest == digest);
        self.images.iter().filter(|(_, image)| lists(image)).map(|(digest, _)| digest.as_str()).collect()
    }

    /// What the image weighs: its blobs; for an index, its heaviest child.
    pub(super) fn size_of(&self, manifest: &Manifest) -> u64 {
        if !manifest.is_index() {
            let sizes = unique_blobs(manifest).into_keys();
            return sizes.filter_map(|digest| self.blobs.get(&digest)).map(|blob| blob.size).sum();
        }
        let children = manifest.children.iter().filter_map(|child| self.images.get(&child.digest));
        // An index among the children has no weight of its own; its children are images of the repository.
        let images = children.filter(|child| !child.manifest.is_index());
        images.map(|child| self.size_of(&child.manifest)).max().unwrap_or(0)
    }
}

fn unique_blobs(manifest: &Manifest) -> BTreeMap<String, String> {
    manifest.blobs().map(|blob| (blob.digest.clone(), blob.media_type.clone())).collect()
}
