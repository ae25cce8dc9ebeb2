//! An image in an ECR repository, and whether it can be chosen.

use std::collections::BTreeSet;

use crate::names::{ImageDigest, ImageTag};
use crate::time::Timestamp;

/// One image as ECR's `DescribeImages` tells of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// Which bytes it is.
    pub digest: ImageDigest,
    /// The tags it bears.
    pub tags: BTreeSet<ImageTag>,
    /// When it was pushed first; a new tag does not change that.
    pub pushed_at: Timestamp,
    /// The media type of its manifest, where ECR tells it.
    pub manifest_media_type: Option<String>,
    /// The media type of what it holds (its config), where ECR tells it.
    pub artifact_media_type: Option<String>,
    /// The image that it speaks of, if it is a signature, an attestation or evidence.
    pub subject: Option<ImageDigest>,
}

const IMAGE_MANIFESTS: [&str; 4] = [
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.oci.image.index.v1+json",
];
const IMAGE_CONFIGS: [&str; 2] =
    ["application/vnd.docker.container.image.v1+json", "application/vnd.oci.image.config.v1+json"];
/// Tags that speak of an image (approvals; signatures and attestations as cosign names them) and name none.
const RESERVED_TAGS: [&str; 2] = ["approved-", "sha256-"];

impl Image {
    /// The tags by which it can be chosen. There are none on an artifact that is no image, nor on an untagged image or
    /// child of an index; a tag that speaks of an image is never one.
    pub fn candidate_tags(&self) -> impl Iterator<Item = &ImageTag> {
        let is_image = self.is_image();
        self.tags.iter().filter(move |tag| is_image && is_candidate_tag(tag))
    }

    /// Whether it is an image or an index of images, as far as ECR tells.
    #[must_use]
    pub fn is_image(&self) -> bool {
        let manifest = self.manifest_media_type.as_deref();
        let artifact = self.artifact_media_type.as_deref();
        self.subject.is_none()
            && manifest.is_none_or(|media_type| IMAGE_MANIFESTS.contains(&media_type))
            && artifact.is_none_or(|media_type| media_type.is_empty() || IMAGE_CONFIGS.contains(&media_type))
    }
}

/// Whether a tag can name an image that is chosen.
#[must_use]
pub fn is_candidate_tag(tag: &ImageTag) -> bool {
    !RESERVED_TAGS.iter().any(|reserved| tag.as_str().starts_with(reserved))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(tags: &[&str]) -> Image {
        Image {
            digest: ImageDigest::parse(&format!("sha256:{}", "a".repeat(64))).unwrap(),
            tags: tags.iter().map(|tag| ImageTag::parse(tag).unwrap()).collect(),
            pushed_at: Timestamp::from_epoch_seconds(0),
            manifest_media_type: Some(IMAGE_MANIFESTS[2].to_owned()),
            artifact_media_type: Some(IMAGE_CONFIGS[1].to_owned()),
            subject: None,
        }
    }

    #[test]
    fn an_untagged_image_is_no_candidate() {
        assert_eq!(image(&[]).candidate_tags().count(), 0);
    }

    #[test]
    fn tags_that_speak_of_an_image_name_none() {
        let tags = ["0012e34", "approved-prd-0012e34", "sha256-aa.sig", "approved"];
        let image = image(&tags);
        assert_eq!(image.candidate_tags().map(ImageTag::as_str).collect::<Vec<_>>(), ["0012e34", "approved"]);
    }

    #[test]
    fn artifacts_are_no_images() {
        let tagged = image(&["1"]);
        assert_eq!(tagged.candidate_tags().count(), 1);
        let signature = Image { subject: Some(tagged.digest.clone()), ..tagged.clone() };
        let chart = Image {
            artifact_media_type: Some("application/vnd.cncf.helm.config.v1+json".to_owned()),
            ..tagged.clone()
        };
        let artifact = Image {
            manifest_media_type: Some("application/vnd.oci.artifact.manifest.v1+json".to_owned()),
            ..tagged.clone()
        };
        let index = Image {
            manifest_media_type: Some(IMAGE_MANIFESTS[3].to_owned()),
            artifact_media_type: None,
            ..tagged
        };
        assert_eq!(
            [signature, chart, artifact, index].map(|image| image.is_image()),
            [false, false, false, true]
        );
    }
}
