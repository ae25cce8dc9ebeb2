//! What people and CI do: they push images, commits and branches, and ask for rollbacks.

use crate::accounts::Account;
use crate::observe::text;
use crate::{Environment, Failure};
use axum::body::Body;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use client::image::{Artifact, Blob, Image};
use client::index::Index;
use http_body_util::BodyExt;
use local_aws::services::Service;
use local_aws::services::codecommit::{Push, PushAcross, push, push_across, push_existing};
use serde_json::{Value, json};
use std::collections::BTreeMap;

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

impl ImageKind {
    fn of(self, image: Image) -> Image {
        match self {
            Self::Good => image,
            Self::Crashing => image.exit_code(1),
            Self::Unhealthy => image.health("unhealthy"),
        }
    }
}

impl Account<'_> {
    /// Pushes an image, layer by layer, and its tag last. Returns its digest.
    ///
    /// # Errors
    /// What ECR says.
    pub async fn push_image(&self, repository: &str, tag: &str, kind: ImageKind) -> Result<String, Failure> {
        self.push_artifact(repository, tag, &kind.of(Image::new(repository).version(tag)).build()?).await
    }

    /// Pushes an image for two platforms: an index, after both. Returns the index's digest.
    ///
    /// # Errors
    /// As [`Account::push_image`].
    pub async fn push_index(&self, repository: &str, tag: &str, kind: ImageKind) -> Result<String, Failure> {
        let image =
            |architecture| kind.of(Image::new(repository).version(tag).platform("linux", architecture));
        let index = Index::new().image(image("amd64")).image(image("arm64")).build()?;
        self.push_artifact(repository, tag, &index).await
    }

    async fn push_artifact(
        &self,
        repository: &str,
        tag: &str,
        artifact: &Artifact,
    ) -> Result<String, Failure> {
        for blob in artifact.all_blobs() {
            self.push_blob(repository, blob).await?;
        }
        for child in &artifact.children {
            self.put_image(repository, None, &child.manifest, &child.media_type)?;
        }
        self.put_image(repository, Some(tag), &artifact.manifest, &artifact.media_type)?;
        Ok(artifact.digest.clone())
    }

    fn put_image(
        &self,
        repository: &str,
        tag: Option<&str>,
        manifest: &str,
        media_type: &str,
    ) -> Result<(), Failure> {
        let mut input = json!({
            "repositoryName": repository, "imageManifest": manifest, "imageManifestMediaType": media_type,
        });
        if let (Some(tag), Some(members)) = (tag, input.as_object_mut()) {
            members.insert("imageTag".to_owned(), json!(tag));
        }
        self.call(Service::Ecr, "PutImage", input)?;
        Ok(())
    }

    /// Puts another tag on an image.
    ///
    /// # Errors
    /// What ECR says.
    pub fn tag_again(&self, repository: &str, digest: &str, tag: &str) -> Result<(), Failure> {
        let asked = json!({ "repositoryName": repository, "imageIds": [{ "imageDigest": digest }] });
        let found = self.call(Service::Ecr, "BatchGetImage", asked)?;
        let manifest = text(&found, "/images/0/imageManifest");
        self.put_image(repository, Some(tag), &manifest, &text(&found, "/images/0/imageManifestMediaType"))
    }

    /// Takes a tag away.
    ///
    /// # Errors
    /// What ECR says.
    pub fn untag(&self, repository: &str, tag: &str) -> Result<(), Failure> {
        let input = json!({ "repositoryName": repository, "imageIds": [{ "imageTag": tag }] });
        self.call(Service::Ecr, "BatchDeleteImage", input)?;
        Ok(())
    }

    /// The tags of an image repository, and what they name.
    ///
    /// # Errors
    /// What ECR says.
    pub fn tags(&self, repository: &str) -> Result<BTreeMap<String, String>, Failure> {
        let mut tags = BTreeMap::new();
        let mut next = Value::Null;
        loop {
            let mut asked = json!({ "repositoryName": repository, "filter": { "tagStatus": "TAGGED" } });
            if let (Value::String(token), Some(members)) = (&next, asked.as_object_mut()) {
                members.insert("nextToken".to_owned(), json!(token));
            }
            let answer = self.call(Service::Ecr, "ListImages", asked)?;
            for image in answer.get("imageIds").and_then(Value::as_array).into_iter().flatten() {
                tags.insert(text(image, "/imageTag"), text(image, "/imageDigest"));
            }
            next = answer.get("nextToken").cloned().unwrap_or_default();
            if next.is_null() {
                return Ok(tags);
            }
        }
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
        let credential = format!("{}/20260105/eu-west-1/ecr/aws4_request", self.environment.account());
        let request = axum::http::Request::post("/")
            .header("x-amz-target", target)
            .header("content-type", "application/x-amz-json-1.1")
            .header(
                "authorization",
                format!("AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders=host, Signature=0"),
            )
            .body(Body::from(input.to_string()))?;
        let response = self.accounts.door.answer(request).await.ok_or("no reply")?;
        let is_success = response.status().is_success();
        let body = response.into_body().collect().await?.to_bytes();
        if is_success { Ok(()) } else { Err(String::from_utf8_lossy(&body).into_owned().into()) }
    }

    /// Commits and pushes as a person does with git. Returns the commit.
    ///
    /// # Errors
    /// What git says.
    pub fn commit(&self, push_: &Push<'_>) -> Result<String, Failure> {
        Ok(push(&mut self.accounts.local.lock(), &self.id()?, push_)?)
    }

    /// Moves a branch to a commit that is there.
    ///
    /// # Errors
    /// What git says.
    pub fn move_branch(&self, repository: &str, branch: &str, commit: &str) -> Result<(), Failure> {
        let world = &mut self.accounts.local.lock();
        Ok(push_existing(world, &self.id()?, repository, branch, commit, "pat", true)?)
    }

    /// Pushes a commit of another account's repository of the same name here, forced where it must be.
    ///
    /// # Errors
    /// What git says.
    pub fn push_across(&self, from: Environment, repository: &str, commit: &str) -> Result<(), Failure> {
        let (from, to) = (self.accounts.of(from).id()?, self.id()?);
        let across = PushAcross {
            repository,
            from: &from,
            to: &to,
            commit_id: commit,
            branch: "main",
            person: "rosa",
            force: true,
        };
        Ok(push_across(&mut self.accounts.local.lock(), &across)?)
    }

    /// Puts a message on a function's queue.
    ///
    /// # Errors
    /// What SQS says.
    pub fn send_message(&self, function: &str, body: &str) -> Result<(), Failure> {
        let endpoint = self.accounts.local.lock().endpoint.clone().unwrap_or_default();
        let queue = format!("{endpoint}/{}/towpath-{function}", self.environment.account());
        self.call(Service::Sqs, "SendMessage", json!({ "QueueUrl": queue, "MessageBody": body }))?;
        Ok(())
    }

    /// Asks for a sweep.
    ///
    /// # Errors
    /// As [`Account::send_message`].
    pub fn ask_for_sweep(&self) -> Result<(), Failure> {
        self.send_message("reconcile", r#"{"towpath":"sweep","version":1}"#)
    }
}
