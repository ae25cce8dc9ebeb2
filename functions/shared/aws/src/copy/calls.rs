//! ECR's calls as copying needs them: by digest, in bounded answers, with the refusals that are values.

use crate::connection::Clients;
use crate::error::{CallError, code_of};
use aws_sdk_ecr::types::{ImageFailure, ImageIdentifier, Layer, LayerAvailability, SubjectIdentifier};
use domain::names::{ImageDigest, ImageRepositoryName, ImageTag};
use ring::digest::{SHA256, digest};
use std::collections::BTreeSet;

const SERVICE: &str = "ECR";
/// ECR's largest page of `ListImageReferrers`.
const REFERRERS_PER_PAGE: i32 = 50;
/// How many pages of referrers of one manifest are read at most.
const REFERRER_PAGES_MAX: usize = 20;

/// A manifest as ECR gave it, its bytes checked against its digest.
#[derive(Debug)]
pub(super) struct FoundImage {
    pub(super) digest: ImageDigest,
    /// The tag it was asked by.
    pub(super) tag: Option<ImageTag>,
    pub(super) media_type: Option<String>,
    pub(super) text: String,
}

/// What a repository has of what it was asked for.
#[derive(Debug, Default)]
pub(super) struct FoundImages {
    pub(super) images: Vec<FoundImage>,
    /// What it has and does not give, and why.
    pub(super) withheld: Vec<(ImageDigest, String)>,
}

/// An artifact that refers to a manifest.
#[derive(Debug)]
pub(super) struct ListedReferrer {
    pub(super) digest: ImageDigest,
    pub(super) size: u64,
    pub(super) media_type: String,
}

/// How the registry's endpoint is reached.
pub(super) struct RegistryLogin {
    /// `https://<account>.dkr.ecr.<Region>.amazonaws.com`.
    pub(super) endpoint: String,
    /// Secret; user and password as HTTP's basic authentication has them.
    pub(super) password: String,
}

/// What became of putting a manifest.
#[derive(Debug)]
pub(super) enum Put {
    /// It was not here, or not under this tag.
    Done,
    /// It was here already.
    AlreadyThere,
    /// The tag is immutable and taken.
    TagTaken,
    /// ECR misses parts of it.
    NotThere(CallError),
}

/// What a repository has, or that it is not there at all.
pub(super) type InRepository<T> = Option<T>;

impl Clients {
    /// The manifests of these digests and tags that the repository has.
    pub(super) async fn found_images(
        &self,
        repository: &ImageRepositoryName,
        ids: Vec<ImageIdentifier>,
    ) -> Result<InRepository<FoundImages>, CallError> {
        let operation = "BatchGetImage";
        let thing = format!("{} images of repository {repository}", ids.len());
        let sent = self
            .ecr
            .batch_get_image()
            .repository_name(repository.as_str())
            .set_image_ids(Some(ids))
            .set_accepted_media_types(Some(super::manifest::ACCEPTED_TYPES.map(str::to_owned).to_vec()));
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

    /// What refers to a manifest. None at all when the repository knows nothing of it.
    pub(super) async fn listed_referrers(
        &self,
        repository: &ImageRepositoryName,
        subject: &ImageDigest,
    ) -> Result<Vec<ListedReferrer>, CallError> {
        let operation = "ListImageReferrers";
        let thing = format!("{subject} in repository {repository}");
        let id = SubjectIdentifier::builder().image_digest(subject.as_str()).build();
        let id = id.map_err(|error| CallError::malformed(SERVICE, operation, &thing, error))?;
        let mut referrers = Vec::new();
        let mut next = None;
        for _ in 0..REFERRER_PAGES_MAX {
            let sent = self
                .ecr
                .list_image_referrers()
                .repository_name(repository.as_str())
                .subject_id(id.clone())
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
                referrers.push(ListedReferrer {
                    digest: CallError::parsed(SERVICE, operation, &thing, "digest", Some(referrer.digest()))?,
                    size: u64::try_from(referrer.size()).unwrap_or_default(),
                    media_type: referrer.media_type().to_owned(),
                });
            }
            next = page.next_token;
            if next.is_none() {
                return Ok(referrers);
            }
        }
        Err(CallError::malformed(SERVICE, operation, thing, format!("more than {REFERRER_PAGES_MAX} pages")))
    }

    /// Which of these layers, at most 100, the repository has and can use.
    pub(super) async fn available_layers(
        &self,
        repository: &ImageRepositoryName,
        digests: &[ImageDigest],
    ) -> Result<BTreeSet<ImageDigest>, CallError> {
        let sent = self
            .ecr
            .batch_check_layer_availability()
            .repository_name(repository.as_str())
            .set_layer_digests(Some(digests.iter().map(ToString::to_string).collect()));
        let answer = sent.send().await.map_err(|error| {
            let thing = format!("{} layers in repository {repository}", digests.len());
            CallError::from_sdk(SERVICE, "BatchCheckLayerAvailability", thing, error)
        })?;
        // An absent layer comes as unavailable or as a failure; an archived one must be sent again.
        let is_here = |layer: &&Layer| layer.layer_availability() == Some(&LayerAvailability::Available);
        let here = answer.layers().iter().filter(is_here);
        Ok(here.filter_map(|layer| ImageDigest::parse(layer.layer_digest()?).ok()).collect())
    }

    /// An address that gives a layer's bytes to whoever knows it, for about an hour.
    pub(super) async fn layer_address(
        &self,
        repository: &ImageRepositoryName,
        digest: &ImageDigest,
    ) -> Result<String, CallError> {
        let operation = "GetDownloadUrlForLayer";
        let thing = format!("layer {digest} in repository {repository}");
        let sent = self
            .ecr
            .get_download_url_for_layer()
            .repository_name(repository.as_str())
            .layer_digest(digest.as_str());
        let answer =
            sent.send().await.map_err(|error| CallError::from_sdk(SERVICE, operation, &thing, error))?;
        answer.download_url.ok_or_else(|| CallError::malformed(SERVICE, operation, thing, "no downloadUrl"))
    }

    /// What the registry's endpoint lets this account in with, for twelve hours.
    pub(super) async fn registry_login(&self) -> Result<RegistryLogin, CallError> {
        let operation = "GetAuthorizationToken";
        let answer = self.ecr.get_authorization_token().send().await;
        let answer =
            answer.map_err(|error| CallError::from_sdk(SERVICE, operation, "this registry", error))?;
        let data = answer.authorization_data().first();
        let login = data.and_then(|data| {
            let endpoint = data.proxy_endpoint()?.trim_end_matches('/').to_owned();
            Some(RegistryLogin { endpoint, password: data.authorization_token()?.to_owned() })
        });
        login.ok_or_else(|| {
            CallError::malformed(
                SERVICE,
                operation,
                "this registry",
                "no proxyEndpoint or no authorizationToken",
            )
        })
    }

    /// Puts a manifest, under a tag or none.
    pub(super) async fn put_manifest(
        &self,
        repository: &ImageRepositoryName,
        digest: &ImageDigest,
        (media_type, text): (&str, &str),
        tag: Option<&ImageTag>,
    ) -> Result<Put, CallError> {
        let sent = self
            .ecr
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

    /// Creates an image repository; one that is there already is success.
    pub(super) async fn create_image_repository(
        &self,
        repository: &ImageRepositoryName,
    ) -> Result<(), CallError> {
        let sent = self.ecr.create_repository().repository_name(repository.as_str());
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

/// A manifest's id in a request.
pub(super) fn by_digest(digest: &ImageDigest) -> ImageIdentifier {
    ImageIdentifier::builder().image_digest(digest.as_str()).build()
}

/// A tag's id in a request.
pub(super) fn by_tag(tag: &ImageTag) -> ImageIdentifier {
    ImageIdentifier::builder().image_tag(tag.as_str()).build()
}

/// The digest of bytes that are all there.
pub(super) fn sha256(bytes: &[u8]) -> String {
    named(digest(&SHA256, bytes).as_ref())
}

/// A SHA-256 as registries write it.
pub(super) fn named(hash: &[u8]) -> String {
    let mut text = String::with_capacity(7 + 2 * hash.len());
    text.push_str("sha256:");
    for byte in hash {
        for half in [byte >> 4, byte & 15] {
            text.extend(char::from_digit(u32::from(half), 16));
        }
    }
    text
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
