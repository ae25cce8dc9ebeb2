//! Another tag for an image that is there: the same manifest, byte for byte, put again under the tag.

use crate::connection::Clients;
use crate::error::{CallError, code_of};
use domain::names::{ImageDigest, ImageRepositoryName, ImageTag};

const SERVICE: &str = "ECR";
const OPERATION: &str = "PutImage";

/// What became of a tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tagged {
    /// It stands on the image.
    Done,
    /// It did already.
    AlreadyThere,
    /// It stands on another image, in a repository whose tags cannot move.
    Immutable,
    /// The image is not in the repository.
    NoImage,
}

impl Clients {
    /// Puts a tag on an image. ECR has no compare-and-swap: in a repository whose tags can move, one that somebody puts
    /// on another image at the same moment is moved.
    ///
    /// # Errors
    /// When ECR refuses it, or gives no usable answer.
    pub async fn put_tag(
        &self,
        repository: &ImageRepositoryName,
        digest: &ImageDigest,
        tag: &ImageTag,
    ) -> Result<Tagged, CallError> {
        let thing = format!("{repository}:{tag}");
        let Some((media_type, manifest)) = self.manifest(repository, digest).await? else {
            return Ok(Tagged::NoImage);
        };
        let sent = self
            .ecr
            .put_image()
            .repository_name(repository.as_str())
            .image_tag(tag.as_str())
            .image_digest(digest.as_str())
            .image_manifest_media_type(media_type)
            .image_manifest(manifest);
        match sent.send().await {
            Ok(_) => Ok(Tagged::Done),
            Err(error) => match code_of(&error) {
                Some("ImageAlreadyExistsException") => Ok(Tagged::AlreadyThere),
                Some("ImageTagAlreadyExistsException") => Ok(Tagged::Immutable),
                _ => Err(CallError::from_sdk(SERVICE, OPERATION, thing, error)),
            },
        }
    }
}
