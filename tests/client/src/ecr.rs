//! Images through ECR's own operations, without the registry protocol.

use crate::aws::Aws;
use crate::error::ApiError;
use crate::image::{Artifact, Blob};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

/// A registry, addressed by ECR's operations.
#[derive(Debug, Clone)]
pub struct Ecr {
    /// Who calls.
    pub aws: Aws,
    /// The account whose registry is addressed; the caller's own when `None`.
    pub registry_id: Option<String>,
}

impl Ecr {
    /// The caller's own registry.
    pub fn new(aws: &Aws) -> Self {
        Self { aws: aws.clone(), registry_id: None }
    }

    /// Another account's registry.
    pub fn of(aws: &Aws, registry_id: &str) -> Self {
        Self { aws: aws.clone(), registry_id: Some(registry_id.to_owned()) }
    }

    /// One operation on a repository of this registry: `input` with `repositoryName` and `registryId` added.
    ///
    /// # Errors
    /// What ECR says.
    pub fn call(&self, operation: &str, repository: &str, mut input: Value) -> Result<Value, ApiError> {
        if let Some(members) = input.as_object_mut() {
            members.insert("repositoryName".to_owned(), json!(repository));
            if let Some(registry_id) = &self.registry_id {
                members.insert("registryId".to_owned(), json!(registry_id));
            }
        }
        self.aws.call("ecr", operation, &input)
    }

    /// Makes a repository, with mutable tags.
    ///
    /// # Errors
    /// What ECR says.
    pub fn create_repository(&self, repository: &str) -> Result<(), ApiError> {
        self.call("CreateRepository", repository, json!({})).map(|_| ())
    }

    /// Pushes an artifact with all it needs: layers, then children untagged, then the manifest. Returns the digest.
    ///
    /// # Errors
    /// What ECR says.
    pub fn push(&self, repository: &str, tag: Option<&str>, artifact: &Artifact) -> Result<String, ApiError> {
        for blob in &artifact.blobs {
            self.push_layer(repository, blob)?;
        }
        for child in &artifact.children {
            match self.push(repository, None, child) {
                Err(error) if error.code == "ImageAlreadyExistsException" => {}
                other => drop(other?),
            }
        }
        self.put_image(repository, tag, artifact)
    }

    /// Puts a manifest whose layers and children are there already.
    ///
    /// # Errors
    /// What ECR says.
    pub fn put_image(
        &self,
        repository: &str,
        tag: Option<&str>,
        artifact: &Artifact,
    ) -> Result<String, ApiError> {
        let mut input = json!({
            "imageManifest": artifact.manifest,
            "imageManifestMediaType": artifact.media_type,
            "imageDigest": artifact.digest,
        });
        if let (Some(tag), Some(members)) = (tag, input.as_object_mut()) {
            members.insert("imageTag".to_owned(), json!(tag));
        }
        let reply = self.call("PutImage", repository, input)?;
        Ok(text(&reply, "/image/imageId/imageDigest"))
    }

    /// Uploads a layer or a config unless it is there, in parts of the size that ECR asks for. True when it had to
    /// be uploaded.
    ///
    /// # Errors
    /// What ECR says.
    pub fn push_layer(&self, repository: &str, blob: &Blob) -> Result<bool, ApiError> {
        let asked = json!({ "layerDigests": [blob.digest] });
        let there = self.call("BatchCheckLayerAvailability", repository, asked)?;
        if text(&there, "/layers/0/layerAvailability") == "AVAILABLE" {
            return Ok(false);
        }
        let started = self.call("InitiateLayerUpload", repository, json!({}))?;
        let upload_id = text(&started, "/uploadId");
        let part_size = started.pointer("/partSize").and_then(Value::as_u64).unwrap_or_default();
        let part_size = usize::try_from(part_size).unwrap_or(usize::MAX).max(1);
        let mut first = 0;
        for part in blob.bytes.chunks(part_size) {
            let last = first + part.len() - 1;
            self.upload_part(repository, &upload_id, first, last, part)?;
            first = last + 1;
        }
        let completion = json!({ "uploadId": upload_id, "layerDigests": [blob.digest] });
        match self.call("CompleteLayerUpload", repository, completion) {
            Err(error) if error.code == "LayerAlreadyExistsException" => Ok(false),
            other => other.map(|_| true),
        }
    }

    /// Uploads one part: the bytes from `first` to `last`, both included.
    ///
    /// # Errors
    /// What ECR says.
    pub fn upload_part(
        &self,
        repository: &str,
        upload_id: &str,
        first: usize,
        last: usize,
        part: &[u8],
    ) -> Result<Value, ApiError> {
        let input = json!({
            "uploadId": upload_id,
            "partFirstByte": first,
            "partLastByte": last,
            "layerPartBlob": STANDARD.encode(part),
        });
        self.call("UploadLayerPart", repository, input)
    }

    /// The manifest of a tag or a digest, byte for byte, with the digest.
    ///
    /// # Errors
    /// What ECR says; its failure code when the image is not there.
    pub fn manifest(&self, repository: &str, reference: &str) -> Result<(String, String), ApiError> {
        let kind = if reference.starts_with("sha256:") { "imageDigest" } else { "imageTag" };
        let input = json!({
            "imageIds": [{ kind: reference }],
            "acceptedMediaTypes": [
                crate::image::OCI_MANIFEST,
                crate::index::OCI_INDEX,
                crate::image::DOCKER_MANIFEST,
                crate::index::DOCKER_LIST,
            ],
        });
        let reply = self.call("BatchGetImage", repository, input)?;
        if reply.pointer("/images/0").is_none() {
            return Err(ApiError {
                status: 200,
                code: text(&reply, "/failures/0/failureCode"),
                message: text(&reply, "/failures/0/failureReason"),
                body: reply.to_string(),
            });
        }
        Ok((text(&reply, "/images/0/imageId/imageDigest"), text(&reply, "/images/0/imageManifest")))
    }

    /// The presigned address of a layer.
    ///
    /// # Errors
    /// What ECR says.
    pub fn layer_address(&self, repository: &str, digest: &str) -> Result<String, ApiError> {
        let reply = self.call("GetDownloadUrlForLayer", repository, json!({ "layerDigest": digest }))?;
        Ok(text(&reply, "/downloadUrl"))
    }

    /// A layer's bytes, through its presigned address.
    ///
    /// # Errors
    /// What ECR, or the store behind the address, says.
    pub fn layer(&self, repository: &str, digest: &str) -> Result<Vec<u8>, ApiError> {
        let address = self.layer_address(repository, digest)?;
        Ok(self.aws.http().send("GET", &address, &[], &[])?.succeeded()?.body)
    }
}

fn text(value: &Value, pointer: &str) -> String {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
}
