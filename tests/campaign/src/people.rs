//! What people and CI do: they push images, commits and branches, and ask for rollbacks.

use crate::{Accounts, Failure};
use axum::body::Body;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use client::image::{Artifact, Blob, Image};
use http_body_util::BodyExt;
use local_aws::services::Service;
use local_aws::services::codecommit::{Push, push, push_existing};
use local_aws::wire::InProcess;
use serde_json::{Value, json};

/// How an image behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImageKind {
    /// Its containers run.
    Good,
    /// Its containers exit as soon as they are started.
    Crashing,
    /// Its containers run, and fail their health check.
    Unhealthy,
}

impl Accounts {
    /// Pushes an image, layer by layer, and its tag last. Returns its digest.
    ///
    /// # Errors
    /// What ECR says.
    pub async fn push_image(&self, repository: &str, tag: &str, kind: ImageKind) -> Result<String, Failure> {
        let image = Image::new(repository).version(tag);
        let image = match kind {
            ImageKind::Good => image,
            ImageKind::Crashing => image.exit_code(1),
            ImageKind::Unhealthy => image.health("unhealthy"),
        };
        let artifact = image.build()?;
        for blob in &artifact.blobs {
            self.push_blob(repository, blob).await?;
        }
        self.tag_image(repository, tag, &artifact)?;
        Ok(artifact.digest)
    }

    fn tag_image(&self, repository: &str, tag: &str, artifact: &Artifact) -> Result<(), Failure> {
        let input = json!({
            "repositoryName": repository, "imageManifest": artifact.manifest,
            "imageManifestMediaType": artifact.media_type, "imageTag": tag,
        });
        self.call(Service::Ecr, "PutImage", input)?;
        Ok(())
    }

    async fn push_blob(&self, repository: &str, blob: &Blob) -> Result<(), Failure> {
        let asked = json!({ "repositoryName": repository, "layerDigests": [blob.digest] });
        let there = self.call(Service::Ecr, "BatchCheckLayerAvailability", asked)?;
        if there.pointer("/layers/0/layerAvailability").and_then(Value::as_str) == Some("AVAILABLE") {
            return Ok(());
        }
        let begun =
            self.call(Service::Ecr, "InitiateLayerUpload", json!({ "repositoryName": repository }))?;
        let upload = begun.get("uploadId").and_then(Value::as_str).ok_or("no uploadId")?;
        let last = blob.bytes.len().saturating_sub(1);
        let part = json!({
            "repositoryName": repository, "uploadId": upload, "partFirstByte": 0, "partLastByte": last,
            "layerPartBlob": STANDARD.encode(&blob.bytes),
        });
        self.send("AmazonEC2ContainerRegistry_V20150921.UploadLayerPart", &part).await?;
        let done = json!({ "repositoryName": repository, "uploadId": upload, "layerDigests": [blob.digest] });
        self.call(Service::Ecr, "CompleteLayerUpload", done)?;
        Ok(())
    }

    /// A request as it comes over the wire: a layer's bytes are not the world's affair alone.
    async fn send(&self, target: &str, input: &Value) -> Result<(), Failure> {
        let credential = format!("{}/20260105/eu-west-1/ecr/aws4_request", self.dev);
        let request = axum::http::Request::post("/")
            .header("x-amz-target", target)
            .header("content-type", "application/x-amz-json-1.1")
            .header(
                "authorization",
                format!("AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders=host, Signature=0"),
            )
            .body(Body::from(input.to_string()))?;
        let response = InProcess::new(&self.local).answer(request).await.ok_or("no reply")?;
        let is_success = response.status().is_success();
        let body = response.into_body().collect().await?.to_bytes();
        if is_success { Ok(()) } else { Err(String::from_utf8_lossy(&body).into_owned().into()) }
    }

    /// Commits and pushes as a person does with git. Returns the commit.
    ///
    /// # Errors
    /// What git says.
    pub fn commit(&self, push_: &Push<'_>) -> Result<String, Failure> {
        Ok(push(&mut self.local.lock(), &self.dev, push_)?)
    }

    /// Moves a branch to a commit that is there.
    ///
    /// # Errors
    /// What git says.
    pub fn move_branch(&self, repository: &str, branch: &str, commit: &str) -> Result<(), Failure> {
        Ok(push_existing(&mut self.local.lock(), &self.dev, repository, branch, commit, "pat", true)?)
    }

    /// Puts a message on a function's queue.
    ///
    /// # Errors
    /// What SQS says.
    pub fn send_message(&self, function: &str, body: &str) -> Result<(), Failure> {
        let endpoint = self.local.lock().endpoint.clone().unwrap_or_default();
        let queue = format!("{endpoint}/{}/towpath-{function}", self.dev);
        self.call(Service::Sqs, "SendMessage", json!({ "QueueUrl": queue, "MessageBody": body }))?;
        Ok(())
    }

    /// Asks for a sweep.
    ///
    /// # Errors
    /// As [`Accounts::send_message`].
    pub fn ask_for_sweep(&self) -> Result<(), Failure> {
        self.send_message("reconcile", r#"{"towpath":"sweep","version":1}"#)
    }
}
