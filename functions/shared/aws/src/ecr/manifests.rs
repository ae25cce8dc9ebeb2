//! Manifests, byte for byte: got by digest or tag, and put.

use super::{SERVICE, WrittenManifest};
use crate::connection::Clients;
use crate::error::{CallError, code_of};
use crate::evidence::Subject;
use crate::once::Answer;
use crate::sha256::sha256;
use aws_sdk_ecr::types::{ImageFailure, ImageIdentifier};
use domain::names::{ImageDigest, ImageRepositoryName, ImageTag};
use std::collections::BTreeSet;

pub(crate) const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
pub(crate) const DOCKER_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
pub(crate) const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
pub(crate) const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";

/// Every kind of manifest that an image can have.
const ACCEPTED_TYPES: [&str; 4] = [DOCKER_MANIFEST, DOCKER_LIST, OCI_MANIFEST, OCI_INDEX];

/// A manifest as ECR gave it, its bytes checked against its digest.
#[derive(Debug)]
pub(crate) struct FoundImage {
    pub(crate) digest: ImageDigest,
    /// The tag it was asked by.
    pub(crate) tag: Option<ImageTag>,
    pub(crate) media_type: Option<String>,
    pub(crate) text: String,
}

/// What a repository has of what it was asked for.
#[derive(Debug, Default)]
pub(crate) struct FoundImages {
    pub(crate) images: Vec<FoundImage>,
    /// What it has and does not give, and why.
    pub(crate) withheld: Vec<(ImageDigest, String)>,
}

/// What became of putting a manifest.
#[derive(Debug)]
pub(crate) enum Put {
    /// It was not here, or not under this tag.
    Done,
    /// It was here already.
    AlreadyThere,
    /// The tag is immutable and taken.
    TagTaken,
    /// ECR misses parts of it.
    NotThere(CallError),
}

impl Clients {
    /// An image's media type and the size of its manifest; none when it is not there.
    pub(crate) async fn manifest_size(
        &self,
        repository: &ImageRepositoryName,
        digest: &ImageDigest,
    ) -> Result<Option<Subject>, CallError> {
        let manifest = self.manifest(repository, digest).await?;
        Ok(manifest.map(|(media_type, text)| Subject { media_type, size: text.len() as u64 }))
    }

    /// The digests of an index's children, of which a single image has none; none when the image is not there.
    ///
    /// # Errors
    /// When ECR gives no usable answer.
    pub async fn index_children(
        &self,
        repository: &ImageRepositoryName,
        digest: &ImageDigest,
    ) -> Result<Option<BTreeSet<ImageDigest>>, CallError> {
        Ok(self.written_manifest(repository, digest).await?.map(|written| written.children))
    }

    /// What an image's manifest says of its children and platforms; none when the image is not there.
    pub(super) async fn written_manifest(
        &self,
        repository: &ImageRepositoryName,
        digest: &ImageDigest,
    ) -> Result<Option<WrittenManifest>, CallError> {
        let Some((_, text)) = self.manifest(repository, digest).await? else { return Ok(None) };
        let written = WrittenManifest::parse(&text).map_err(|problem| {
            CallError::malformed(SERVICE, "BatchGetImage", format!("{repository}@{digest}"), problem)
        })?;
        Ok(Some(written))
    }

    /// An image's media type and manifest, asked by digest, so that ECR converts nothing.
    pub(crate) async fn manifest(
        &self,
        repository: &ImageRepositoryName,
        digest: &ImageDigest,
    ) -> Result<Option<(String, String)>, CallError> {
        let ask = async {
            let found = self.found_images(repository, vec![by_digest(digest)]).await?;
            Ok(match found.and_then(|found| found.images.into_iter().next()) {
                None => Answer::Passing(None),
                Some(image) => Answer::Lasting(Some((image.media_type.unwrap_or_default(), image.text))),
            })
        };
        self.known.manifests.ask((repository.clone(), digest.clone()), Box::pin(ask)).await
    }

    /// The manifests of these digests and tags that the repository has; none when there is no such repository. ECR converts
    /// what is asked for by tag, unless every kind of manifest is accepted.
    pub(crate) async fn found_images(
        &self,
        repository: &ImageRepositoryName,
        ids: Vec<ImageIdentifier>,
    ) -> Result<Option<FoundImages>, CallError> {
        let operation = "BatchGetImage";
        let thing = format!("{} images of repository {repository}", ids.len());
        let sent = self
            .ecr()
            .batch_get_image()
            .repository_name(repository.as_str())
            .set_image_ids(Some(ids))
            .set_accepted_media_types(Some(ACCEPTED_TYPES.map(str::to_owned).to_vec()));
        let answer = match sent.send().await {
            Ok(answer) => answer,
            Err(error) if code_of(&error) == Some("RepositoryNotFoundException") => return Ok(None),
            Err(error) => return Err(CallError::from_sdk(SERVICE, operation, thing, error)),
        };
        let mut found = FoundImages::default();
        for image in answer.images.unwrap_or_default() {
            let id = image.image_id.as_ref();
            let named = id.and_then(|id| id.image_digest());
            let digest: ImageDigest = CallError::parsed(SERVICE, operation, &thing, "imageDigest", named)?;
            let text = image.image_manifest.unwrap_or_default();
            if sha256(text.as_bytes()) != digest.as_str() {
                let what = format!("the bytes that came for {digest} have another digest");
                return Err(CallError::malformed(SERVICE, operation, thing, what));
            }
            let tag = id.and_then(|id| id.image_tag()).and_then(|tag| ImageTag::parse(tag).ok());
            found.images.push(FoundImage { digest, tag, media_type: image.image_manifest_media_type, text });
        }
        found.withheld = answer.failures.unwrap_or_default().iter().filter_map(withheld).collect();
        Ok(Some(found))
    }

    /// Puts a manifest, under a tag or none.
    pub(crate) async fn put_manifest(
        &self,
        repository: &ImageRepositoryName,
        digest: &ImageDigest,
        (media_type, text): (&str, &str),
        tag: Option<&ImageTag>,
    ) -> Result<Put, CallError> {
        let sent = self
            .ecr()
            .put_image()
            .repository_name(repository.as_str())
            .image_digest(digest.as_str())
            .image_manifest_media_type(media_type)
            .image_manifest(text)
            .set_image_tag(tag.map(ToString::to_string));
        let Err(error) = sent.send().await else { return Ok(Put::Done) };
        let code = code_of(&error).map(str::to_owned);
        let thing = format!("{digest} in repository {repository}");
        let error = CallError::from_sdk(SERVICE, "PutImage", thing, error);
        match code.as_deref() {
            Some("ImageAlreadyExistsException") => Ok(Put::AlreadyThere),
            Some("ImageTagAlreadyExistsException") => Ok(Put::TagTaken),
            Some("LayersNotFoundException" | "ReferencedImagesNotFoundException") => Ok(Put::NotThere(error)),
            _ => Err(error),
        }
    }
}

/// A manifest's id in a request.
pub(crate) fn by_digest(digest: &ImageDigest) -> ImageIdentifier {
    ImageIdentifier::builder().image_digest(digest.as_str()).build()
}

/// A tag's id in a request.
pub(crate) fn by_tag(tag: &ImageTag) -> ImageIdentifier {
    ImageIdentifier::builder().image_tag(tag.as_str()).build()
}

/// A failure that is not plain absence.
fn withheld(failure: &ImageFailure) -> Option<(ImageDigest, String)> {
    let code = failure.failure_code().map(aws_sdk_ecr::types::ImageFailureCode::as_str).unwrap_or_default();
    if code == "ImageNotFound" {
        return None;
    }
    let digest = failure.image_id().and_then(|id| id.image_digest())?;
    let reason = failure.failure_reason().unwrap_or_default();
    Some((ImageDigest::parse(digest).ok()?, format!("{code}: {reason}")))
}
