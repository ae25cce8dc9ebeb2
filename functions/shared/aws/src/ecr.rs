//! ECR: the images of a repository, and the artifacts that speak of them.
//! <https://docs.aws.amazon.com/AmazonECR/latest/APIReference/>

use crate::connection::Clients;
use crate::error::{CallError, code_of};
use crate::evidence::Subject;
use crate::once::Answer;
use aws_sdk_ecr::types::{ImageDetail, ImageIdentifier, SubjectIdentifier};
use aws_smithy_types::Blob;
use domain::image::Image;
use domain::names::{ImageDigest, ImageRepositoryName, ImageTag};
use domain::time::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

const SERVICE: &str = "ECR";
/// ECR's largest page of `DescribeImages`.
const IMAGES_PER_PAGE: i32 = 1_000;
/// How many pages of images are read at most: ECR's quota is 100,000 images a repository.
const IMAGE_PAGES_MAX: usize = 100;
/// ECR's largest page of `ListImageReferrers`.
const REFERRERS_PER_PAGE: i32 = 50;
/// How many pages of referrers are read at most.
const REFERRER_PAGES_MAX: usize = 20;

/// Every kind of manifest that an image can have.
const ACCEPTED_TYPES: [&str; 4] = [
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.oci.image.index.v1+json",
];

/// An artifact that refers to an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Referrer {
    /// The artifact's digest.
    pub digest: ImageDigest,
    /// What kind of thing it is.
    pub artifact_type: String,
    /// What it says.
    pub annotations: BTreeMap<String, String>,
}

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
                .ecr
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

    /// An image's media type and the size of its manifest; none when it is not there.
    pub(crate) async fn manifest_size(
        &self,
        repository: &ImageRepositoryName,
        digest: &ImageDigest,
    ) -> Result<Option<Subject>, CallError> {
        let manifest = self.manifest(repository, digest).await?;
        Ok(manifest.map(|(media_type, text)| Subject { media_type, size: text.len() as u64 }))
    }

    /// The digests of an index's children; none at all for a single image, or one that is not there.
    ///
    /// # Errors
    /// When ECR gives no usable answer.
    pub async fn index_children(
        &self,
        repository: &ImageRepositoryName,
        digest: &ImageDigest,
    ) -> Result<BTreeSet<ImageDigest>, CallError> {
        #[derive(serde::Deserialize)]
        struct Index {
            #[serde(default)]
            manifests: Vec<Child>,
        }
        #[derive(serde::Deserialize)]
        struct Child {
            digest: ImageDigest,
        }
        let Some((_, text)) = self.manifest(repository, digest).await? else { return Ok(BTreeSet::new()) };
        let index: Index = serde_json::from_str(&text).map_err(|error| {
            CallError::malformed(SERVICE, "BatchGetImage", format!("{repository}@{digest}"), error)
        })?;
        Ok(index.manifests.into_iter().map(|child| child.digest).collect())
    }

    /// An image's media type and manifest, asked by digest, so that ECR converts nothing.
    pub(crate) async fn manifest(
        &self,
        repository: &ImageRepositoryName,
        digest: &ImageDigest,
    ) -> Result<Option<(String, String)>, CallError> {
        let ask = async {
            Ok(match self.ask_manifest(repository, digest).await? {
                None => Answer::Passing(None),
                found => Answer::Lasting(found),
            })
        };
        self.known.manifests.ask((repository.clone(), digest.clone()), Box::pin(ask)).await
    }

    async fn ask_manifest(
        &self,
        repository: &ImageRepositoryName,
        digest: &ImageDigest,
    ) -> Result<Option<(String, String)>, CallError> {
        let id = ImageIdentifier::builder().image_digest(digest.as_str()).build();
        let sent = self
            .ecr
            .batch_get_image()
            .repository_name(repository.as_str())
            .image_ids(id)
            .set_accepted_media_types(Some(ACCEPTED_TYPES.map(str::to_owned).to_vec()));
        let answer = match sent.send().await {
            Ok(answer) => answer,
            Err(error) if code_of(&error) == Some("RepositoryNotFoundException") => return Ok(None),
            Err(error) => {
                return Err(CallError::from_sdk(
                    SERVICE,
                    "BatchGetImage",
                    format!("{repository}@{digest}"),
                    error,
                ));
            }
        };
        let found = answer.images().first();
        Ok(found.and_then(|image| {
            let media_type = image.image_manifest_media_type().unwrap_or_default().to_owned();
            Some((media_type, image.image_manifest()?.to_owned()))
        }))
    }

    /// The artifacts of this type that refer to an image. None at all when the image is not there.
    ///
    /// # Errors
    /// When ECR gives no usable answer.
    pub async fn referrers(
        &self,
        repository: &ImageRepositoryName,
        subject: &ImageDigest,
        artifact_type: &str,
    ) -> Result<Vec<Referrer>, CallError> {
        let thing = format!("{subject} in repository {repository}");
        let operation = "ListImageReferrers";
        let id = SubjectIdentifier::builder().image_digest(subject.as_str()).build();
        let id = id.map_err(|error| CallError::malformed(SERVICE, operation, &thing, error))?;
        let filter =
            aws_sdk_ecr::types::ListImageReferrersFilter::builder().artifact_types(artifact_type).build();
        let mut referrers = Vec::new();
        let mut next = None;
        for _ in 0..REFERRER_PAGES_MAX {
            let sent = self
                .ecr
                .list_image_referrers()
                .repository_name(repository.as_str())
                .subject_id(id.clone())
                .filter(filter.clone())
                .max_results(REFERRERS_PER_PAGE)
                .set_next_token(next);
            let page = match sent.send().await {
                Ok(page) => page,
                Err(error) => {
                    return match code_of(&error) {
                        Some("ImageNotFoundException" | "RepositoryNotFoundException") => Ok(Vec::new()),
                        _ => Err(CallError::from_sdk(SERVICE, operation, thing, error)),
                    };
                }
            };
            for referrer in page.referrers() {
                let annotations = referrer.annotations().into_iter().flatten();
                referrers.push(Referrer {
                    digest: parsed(operation, &thing, "digest", Some(referrer.digest()))?,
                    artifact_type: referrer.artifact_type().unwrap_or_default().to_owned(),
                    annotations: annotations.map(|(name, value)| (name.clone(), value.clone())).collect(),
                });
            }
            next = page.next_token;
            if next.is_none() {
                return Ok(referrers);
            }
        }
        Err(CallError::malformed(SERVICE, operation, thing, format!("more than {REFERRER_PAGES_MAX} pages")))
    }

    /// Puts a small blob into a repository; one that is there already is success.
    ///
    /// # Errors
    /// When ECR refuses it, or gives no usable answer.
    pub async fn put_small_blob(
        &self,
        repository: &ImageRepositoryName,
        digest: &ImageDigest,
        content: &[u8],
    ) -> Result<(), CallError> {
        let thing = format!("blob {digest} in repository {repository}");
        let started = self.ecr.initiate_layer_upload().repository_name(repository.as_str()).send().await;
        let started =
            started.map_err(|error| CallError::from_sdk(SERVICE, "InitiateLayerUpload", &thing, error))?;
        let upload = started.upload_id().unwrap_or_default();
        let last_byte = i64::try_from(content.len()).unwrap_or(i64::MAX) - 1;
        let part = self
            .ecr
            .upload_layer_part()
            .repository_name(repository.as_str())
            .upload_id(upload)
            .part_first_byte(0)
            .part_last_byte(last_byte)
            .layer_part_blob(Blob::new(content));
        part.send().await.map_err(|error| CallError::from_sdk(SERVICE, "UploadLayerPart", &thing, error))?;
        let completed = self
            .ecr
            .complete_layer_upload()
            .repository_name(repository.as_str())
            .upload_id(upload)
            .layer_digests(digest.as_str());
        match completed.send().await {
            Ok(_) => Ok(()),
            Err(error) if code_of(&error) == Some("LayerAlreadyExistsException") => Ok(()),
            Err(error) => Err(CallError::from_sdk(SERVICE, "CompleteLayerUpload", thing, error)),
        }
    }

    /// Puts an untagged manifest; one that is there already is success.
    ///
    /// # Errors
    /// When ECR refuses it, or gives no usable answer.
    pub async fn put_untagged_manifest(
        &self,
        repository: &ImageRepositoryName,
        digest: &ImageDigest,
        media_type: &str,
        manifest: &str,
    ) -> Result<(), CallError> {
        let thing = format!("{digest} in repository {repository}");
        let sent = self
            .ecr
            .put_image()
            .repository_name(repository.as_str())
            .image_digest(digest.as_str())
            .image_manifest_media_type(media_type)
            .image_manifest(manifest);
        match sent.send().await {
            Ok(_) => Ok(()),
            Err(error) if code_of(&error) == Some("ImageAlreadyExistsException") => Ok(()),
            Err(error) => Err(CallError::from_sdk(SERVICE, "PutImage", thing, error)),
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
        digest: parsed(operation, thing, "imageDigest", detail.image_digest())?,
        // A tag that ECR's API takes and the OCI specification does not can name no candidate.
        tags: detail.image_tags().iter().filter_map(|tag| ImageTag::parse(tag).ok()).collect(),
        pushed_at: timestamp(pushed_at),
        manifest_media_type: detail.image_manifest_media_type().map(str::to_owned),
        artifact_media_type: detail.artifact_media_type().map(str::to_owned),
        subject: subject
            .map(|subject| parsed(operation, thing, "subjectManifestDigest", Some(subject)))
            .transpose()?,
    })
}

/// A time of the SDK as ours.
pub(crate) fn timestamp(time: &aws_smithy_types::DateTime) -> Timestamp {
    Timestamp::from_epoch_milliseconds(time.to_millis().unwrap_or(i64::MAX))
}

fn parsed<T: std::str::FromStr>(
    operation: &'static str,
    thing: &str,
    member: &str,
    text: Option<&str>,
) -> Result<T, CallError>
where
    T::Err: std::fmt::Display,
{
    CallError::parsed(SERVICE, operation, thing, member, text)
}
