//! Images as requests name them: by digest, by tag, or by both.

use super::digest::is_sha256;
use super::parameters::{counted, is_image_tag, required};
use super::repository::{Image, Repository};
use crate::error::AwsError;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// The most images that one request names.
const IMAGE_IDS_MAX: usize = 100;

/// An image by digest, tag, or both.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ImageId {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) image_digest: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) image_tag: Option<String>,
}

/// Why one image of a request failed, while the others did not.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Failure {
    pub(super) code: &'static str,
    pub(super) reason: String,
}

impl Failure {
    pub(super) fn new(code: &'static str, reason: impl Into<String>) -> Self {
        Self { code, reason: reason.into() }
    }

    pub(super) fn not_found() -> Self {
        Self::new("ImageNotFound", "Requested image not found")
    }

    pub(super) fn describe(&self, id: &ImageId) -> Value {
        json!({"imageId": id, "failureCode": self.code, "failureReason": self.reason})
    }
}

impl ImageId {
    pub(super) fn of(digest: &str, tag: Option<&str>) -> Self {
        Self { image_digest: Some(digest.to_owned()), image_tag: tag.map(str::to_owned) }
    }

    /// The image that it names, with its digest.
    pub(super) fn find<'a>(&self, repository: &'a Repository) -> Result<(&'a str, &'a Image), Failure> {
        let named = |digest: &str| repository.images.get_key_value(digest).ok_or_else(Failure::not_found);
        if self.image_digest.as_ref().is_some_and(|digest| !is_sha256(digest)) {
            let reason = "Invalid request parameters: image digest should satisfy the regex '[a-zA-Z0-9-_+.]+:[a-fA-F0-9]+'";
            return Err(Failure::new("InvalidImageDigest", reason));
        }
        if self.image_tag.as_ref().is_some_and(|tag| !is_image_tag(tag)) {
            let reason =
                "Invalid request parameters: image tag should have letters, digits, '_', '.' and '-' only";
            return Err(Failure::new("InvalidImageTag", reason));
        }
        let (digest, image) = match (&self.image_digest, &self.image_tag) {
            (None, None) => {
                let reason = "Invalid request parameters: both tag and digest cannot be null";
                return Err(Failure::new("MissingDigestAndTag", reason));
            }
            (Some(digest), None) => named(digest)?,
            (digest, Some(tag)) => {
                let pointed = repository.image_tags.get(tag).ok_or_else(Failure::not_found)?;
                if digest.as_ref().is_some_and(|digest| digest != pointed) {
                    let reason = "Requested image tag does not match the image digest";
                    return Err(Failure::new("ImageTagDoesNotMatchDigest", reason));
                }
                named(pointed)?
            }
        };
        Ok((digest.as_str(), image))
    }
}

/// The images that a request names, which must be some, and not too many.
pub(super) fn image_ids(ids: Option<Vec<ImageId>>) -> Result<Vec<ImageId>, AwsError> {
    counted(required(ids, "imageIds")?, IMAGE_IDS_MAX, "imageIds")
}
