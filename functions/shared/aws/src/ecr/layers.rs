//! Layers and configurations: blobs that manifests name.

use super::SERVICE;
use crate::connection::Clients;
use crate::error::{CallError, code_of};
use aws_sdk_ecr::types::{Layer, LayerAvailability};
use aws_smithy_types::Blob;
use domain::names::{ImageDigest, ImageRepositoryName};
use std::collections::BTreeSet;

/// How the registry's endpoint is reached.
pub(crate) struct RegistryLogin {
    /// `https://<account>.dkr.ecr.<Region>.amazonaws.com`.
    pub(crate) endpoint: String,
    /// Secret; user and password as HTTP's basic authentication has them.
    pub(crate) password: String,
}

impl Clients {
    /// Which of these layers, at most 100, the repository has and can use.
    pub(crate) async fn available_layers(
        &self,
        repository: &ImageRepositoryName,
        digests: &[ImageDigest],
    ) -> Result<BTreeSet<ImageDigest>, CallError> {
        let sent = self
            .ecr()
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
    pub(crate) async fn layer_address(
        &self,
        repository: &ImageRepositoryName,
        digest: &ImageDigest,
    ) -> Result<String, CallError> {
        let operation = "GetDownloadUrlForLayer";
        let thing = format!("layer {digest} in repository {repository}");
        let sent = self
            .ecr()
            .get_download_url_for_layer()
            .repository_name(repository.as_str())
            .layer_digest(digest.as_str());
        let answer =
            sent.send().await.map_err(|error| CallError::from_sdk(SERVICE, operation, &thing, error))?;
        answer.download_url.ok_or_else(|| CallError::malformed(SERVICE, operation, thing, "no downloadUrl"))
    }

    /// What the registry's endpoint lets this account in with, for twelve hours.
    pub(crate) async fn registry_login(&self) -> Result<RegistryLogin, CallError> {
        let operation = "GetAuthorizationToken";
        let answer = self.ecr().get_authorization_token().send().await;
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
        let started = self.ecr().initiate_layer_upload().repository_name(repository.as_str()).send().await;
        let started =
            started.map_err(|error| CallError::from_sdk(SERVICE, "InitiateLayerUpload", &thing, error))?;
        let upload = started.upload_id().unwrap_or_default();
        let last_byte = i64::try_from(content.len()).unwrap_or(i64::MAX) - 1;
        let part = self
            .ecr()
            .upload_layer_part()
            .repository_name(repository.as_str())
            .upload_id(upload)
            .part_first_byte(0)
            .part_last_byte(last_byte)
            .layer_part_blob(Blob::new(content));
        part.send().await.map_err(|error| CallError::from_sdk(SERVICE, "UploadLayerPart", &thing, error))?;
        let completed = self
            .ecr()
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
}
