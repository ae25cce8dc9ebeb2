//! The image's own tag: put when all of the image is here, and never moved in silence.

use crate::connection::Clients;
use crate::ecr::{Put, by_digest, by_tag};
use crate::error::CallError;
use domain::names::{ImageDigest, ImageRepositoryName, ImageTag};

/// What became of a tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tagged {
    /// It names the image now.
    Done,
    /// It named the image already.
    AlreadyThere,
    /// It names another image, and was left so.
    Taken {
        /// What it names.
        here: ImageDigest,
        /// What it was to name.
        wanted: ImageDigest,
    },
    /// The image is not here: it was deleted after it was copied.
    ImageGone,
}

impl Clients {
    /// Puts a tag on an image that is here, with the image's exact bytes. A tag that names another image is not moved,
    /// whether or not the repository's tags are immutable.
    ///
    /// ECR has no compare-and-swap for tags: where they are mutable, somebody who puts the same tag between the look and
    /// the put is overtaken.
    ///
    /// # Errors
    /// When ECR gives no usable answer, or says that the tag is taken and not by what.
    pub async fn tag_image(
        &self,
        repository: &ImageRepositoryName,
        digest: &ImageDigest,
        tag: &ImageTag,
    ) -> Result<Tagged, CallError> {
        let found = self.found_images(repository, vec![by_digest(digest), by_tag(tag)]).await?;
        let images = found.unwrap_or_default().images;
        if let Some(tagged) = images.iter().find(|image| image.tag.as_ref() == Some(tag)) {
            return Ok(outcome(&tagged.digest, digest));
        }
        let Some(image) = images.into_iter().find(|image| image.digest == *digest) else {
            return Ok(Tagged::ImageGone);
        };
        let media_type = image.media_type.unwrap_or_default();
        match self.put_manifest(repository, digest, (&media_type, &image.text), Some(tag)).await? {
            Put::Done => Ok(Tagged::Done),
            Put::AlreadyThere => Ok(Tagged::AlreadyThere),
            Put::NotThere(error) => Err(error),
            // Both an equal and another digest are reported this way where tags are immutable.
            Put::TagTaken => {
                let found = self.found_images(repository, vec![by_tag(tag)]).await?.unwrap_or_default();
                found.images.first().map(|tagged| outcome(&tagged.digest, digest)).ok_or_else(|| {
                    let thing = format!("tag {tag} in repository {repository}");
                    let what = "the tag is taken, and not there; another try may help";
                    CallError::malformed("ECR", "PutImage", thing, what)
                })
            }
        }
    }
}

fn outcome(here: &ImageDigest, wanted: &ImageDigest) -> Tagged {
    if here == wanted {
        Tagged::AlreadyThere
    } else {
        Tagged::Taken { here: here.clone(), wanted: wanted.clone() }
    }
}
