//! The images of a repository, and the repository itself.

use super::SERVICE;
use crate::connection::Clients;
use crate::error::{CallError, code_of};
use aws_sdk_ecr::types::ImageDetail;
use domain::image::Image;
use domain::names::{ImageRepositoryName, ImageTag};
use domain::time::Timestamp;

/// ECR's largest page of `DescribeImages`.
const IMAGES_PER_PAGE: i32 = 1_000;
/// How many pages of images are read at most: ECR's quota is 100,000 images a repository.
const IMAGE_PAGES_MAX: usize = 100;

impl Clients {
    /// Every image of a repository, tagged or not, in ECR's order. None when there is no such repository.
    ///
    /// # Errors
    /// When ECR gives no usable answer.
    pub async fn images(&self, repository: &ImageRepositoryName) -> Result<Option<Vec<Image>>, CallError> {
        let thing = format!("repository {repository}");
        let mut images = Vec::new();
        let mut next = None;
        for _ in 0..IMAGE_PAGES_MAX {
            let sent = self
                .ecr()
                .describe_images()
                .repository_name(repository.as_str())
                .max_results(IMAGES_PER_PAGE)
                .set_next_token(next);
            let page = match sent.send().await {
                Ok(page) => page,
                Err(error) if code_of(&error) == Some("RepositoryNotFoundException") => return Ok(None),
                Err(error) => return Err(CallError::from_sdk(SERVICE, "DescribeImages", thing, error)),
            };
            for detail in page.image_details() {
                images.push(read_image(&thing, detail)?);
            }
            next = page.next_token;
            if next.is_none() {
                return Ok(Some(images));
            }
        }
        Err(CallError::malformed(
            SERVICE,
            "DescribeImages",
            thing,
            format!("more than {IMAGE_PAGES_MAX} pages"),
        ))
    }

    /// Creates an image repository; one that is there already is success.
    pub(crate) async fn create_image_repository(
        &self,
        repository: &ImageRepositoryName,
    ) -> Result<(), CallError> {
        let sent = self.ecr().create_repository().repository_name(repository.as_str());
        match sent.send().await {
            Ok(_) => Ok(()),
            Err(error) if code_of(&error) == Some("RepositoryAlreadyExistsException") => Ok(()),
            Err(error) => {
                let thing = format!("repository {repository}");
                Err(CallError::from_sdk(SERVICE, "CreateRepository", thing, error))
            }
        }
    }
}

fn read_image(thing: &str, detail: &ImageDetail) -> Result<Image, CallError> {
    let operation = "DescribeImages";
    let subject = detail.subject_manifest_digest().filter(|subject| !subject.is_empty());
    let pushed_at = detail.image_pushed_at();
    let pushed_at =
        pushed_at.ok_or_else(|| CallError::malformed(SERVICE, operation, thing, "no imagePushedAt"))?;
    Ok(Image {
        digest: CallError::parsed(SERVICE, operation, thing, "imageDigest", detail.image_digest())?,
        // A tag that ECR's API takes and the OCI specification does not can name no candidate.
        tags: detail.image_tags().iter().filter_map(|tag| ImageTag::parse(tag).ok()).collect(),
        pushed_at: timestamp(pushed_at),
        manifest_media_type: detail.image_manifest_media_type().map(str::to_owned),
        artifact_media_type: detail.artifact_media_type().map(str::to_owned),
        subject: subject
            .map(|subject| {
                CallError::parsed(SERVICE, operation, thing, "subjectManifestDigest", Some(subject))
            })
            .transpose()?,
    })
}

/// A time of the SDK as ours.
pub(crate) fn timestamp(time: &aws_smithy_types::DateTime) -> Timestamp {
    Timestamp::from_epoch_milliseconds(time.to_millis().unwrap_or(i64::MAX))
}
