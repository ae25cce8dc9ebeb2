//! The OCI distribution protocol, as `docker push` speaks it, with the password that ECR gives out.

use crate::aws::Aws;
use crate::digest::sha256;
use crate::error::ApiError;
use crate::http::{Http, Reply};
use crate::image::{Artifact, Blob, DOCKER_MANIFEST, OCI_MANIFEST};
use crate::index::{DOCKER_LIST, OCI_INDEX};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

/// How deep indexes may nest.
const DEPTH_MAX: usize = 4;

/// A registry that one is logged in to.
#[derive(Debug, Clone)]
pub struct Registry {
    /// `https://<account>.dkr.ecr.<region>.amazonaws.com`, or the local accounts' address.
    pub address: String,
    authorization: String,
    http: Http,
}

impl Registry {
    /// Logs in with a token from ECR.
    ///
    /// # Errors
    /// What ECR says.
    pub fn login(aws: &Aws) -> Result<Self, ApiError> {
        let reply = aws.call("ecr", "GetAuthorizationToken", &json!({}))?;
        let text =
            |name: &str| reply.pointer(&format!("/authorizationData/0/{name}")).and_then(Value::as_str);
        let token = text("authorizationToken");
        let token = token.ok_or_else(|| ApiError::no_reply("GetAuthorizationToken gave no token"))?;
        let address = match &aws.endpoint {
            Some(endpoint) => endpoint.clone(),
            None => text("proxyEndpoint").unwrap_or_default().to_owned(),
        };
        Ok(Self { address, authorization: format!("Basic {token}"), http: aws.http().clone() })
    }

    /// The same with a user name and a password.
    pub fn with_password(address: &str, user: &str, password: &str) -> Self {
        let token = STANDARD.encode(format!("{user}:{password}"));
        let address = address.trim_end_matches('/').to_owned();
        Self { address, authorization: format!("Basic {token}"), http: Http::default() }
    }

    /// Pushes an artifact with all it needs: blobs, then children untagged, then the manifest under the tag (or
    /// under its digest alone). Returns the digest that the registry answered.
    ///
    /// # Errors
    /// What the registry says.
    pub fn push(&self, repository: &str, tag: Option<&str>, artifact: &Artifact) -> Result<String, ApiError> {
        for blob in &artifact.blobs {
            self.push_blob(repository, blob)?;
        }
        for child in &artifact.children {
            self.push(repository, None, child)?;
        }
        let reference = tag.unwrap_or(&artifact.digest);
        self.put_manifest(repository, reference, &artifact.media_type, artifact.manifest.as_bytes())
    }

    /// Uploads a blob unless it is there. True when it had to be uploaded.
    ///
    /// # Errors
    /// What the registry says.
    pub fn push_blob(&self, repository: &str, blob: &Blob) -> Result<bool, ApiError> {
        if self.has_blob(repository, &blob.digest)? {
            return Ok(false);
        }
        let started =
            self.exchange("POST", &format!("/v2/{repository}/blobs/uploads/"), &[], &[])?.succeeded()?;
        let location = started.header("location").unwrap_or_default().to_owned();
        if location.is_empty() {
            return Err(ApiError::no_reply(format!(
                "the registry gave no location to upload {}",
                blob.digest
            )));
        }
        let separator = if location.contains('?') { '&' } else { '?' };
        let place = format!("{location}{separator}digest={}", blob.digest);
        let kind = [("content-type", "application/octet-stream")];
        self.exchange("PUT", &place, &kind, &blob.bytes)?.succeeded()?;
        Ok(true)
    }

    /// Whether the blob is there.
    ///
    /// # Errors
    /// What the registry says, other than that it is not there.
    pub fn has_blob(&self, repository: &str, digest: &str) -> Result<bool, ApiError> {
        let reply = self.exchange("HEAD", &format!("/v2/{repository}/blobs/{digest}"), &[], &[])?;
        if reply.status == 404 {
            return Ok(false);
        }
        reply.succeeded().map(|_| true)
    }

    /// Puts a manifest under a tag or a digest; the digest that the registry answered.
    ///
    /// # Errors
    /// What the registry says.
    pub fn put_manifest(
        &self,
        repository: &str,
        reference: &str,
        media_type: &str,
        manifest: &[u8],
    ) -> Result<String, ApiError> {
        let path = format!("/v2/{repository}/manifests/{reference}");
        let reply = self.exchange("PUT", &path, &[("content-type", media_type)], manifest)?.succeeded()?;
        Ok(reply.header("docker-content-digest").unwrap_or_default().to_owned())
    }

    /// Pulls what a tag or a digest names, with everything that it needs.
    ///
    /// # Errors
    /// What the registry says; also when the bytes are not those of their digest.
    pub fn pull(&self, repository: &str, reference: &str) -> Result<Artifact, ApiError> {
        self.pull_nested(repository, reference, DEPTH_MAX)
    }

    fn pull_nested(&self, repository: &str, reference: &str, depth: usize) -> Result<Artifact, ApiError> {
        if depth == 0 {
            return Err(ApiError::no_reply(format!("indexes nest deeper than {DEPTH_MAX} at {reference}")));
        }
        let (media_type, manifest) = self.manifest(repository, reference)?;
        let parsed: Value = serde_json::from_str(&manifest)
            .map_err(|error| ApiError::no_reply(format!("the manifest {reference} is no JSON: {error}")))?;
        let listed = |name: &str| parsed.get(name).and_then(Value::as_array).cloned().unwrap_or_default();
        let mut blobs = Vec::new();
        for descriptor in parsed.get("config").cloned().into_iter().chain(listed("layers")) {
            let text =
                |name: &str| descriptor.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
            let bytes = self.blob(repository, &text("digest"))?;
            blobs.push(Blob::new(&text("mediaType"), bytes));
        }
        let mut children = Vec::new();
        for descriptor in listed("manifests") {
            let digest = descriptor.get("digest").and_then(Value::as_str).unwrap_or_default();
            children.push(self.pull_nested(repository, digest, depth - 1)?);
        }
        Ok(Artifact::new(&media_type, manifest, blobs, children))
    }

    /// A manifest with its media type, byte for byte.
    ///
    /// # Errors
    /// What the registry says; also when the bytes are not those of the digest asked for.
    pub fn manifest(&self, repository: &str, reference: &str) -> Result<(String, String), ApiError> {
        let accepted = [OCI_MANIFEST, OCI_INDEX, DOCKER_MANIFEST, DOCKER_LIST].join(", ");
        let path = format!("/v2/{repository}/manifests/{reference}");
        let reply = self.exchange("GET", &path, &[("accept", &accepted)], &[])?.succeeded()?;
        checked(reference, &reply.body)?;
        let media_type = reply.header("content-type").unwrap_or_default().to_owned();
        let manifest = String::from_utf8(reply.body)
            .map_err(|_| ApiError::no_reply(format!("the manifest {reference} is no text")))?;
        Ok((media_type, manifest))
    }

    /// A blob's bytes.
    ///
    /// # Errors
    /// What the registry says; also when the bytes are not those of the digest.
    pub fn blob(&self, repository: &str, digest: &str) -> Result<Vec<u8>, ApiError> {
        let reply =
            self.exchange("GET", &format!("/v2/{repository}/blobs/{digest}"), &[], &[])?.succeeded()?;
        checked(digest, &reply.body)?;
        Ok(reply.body)
    }

    /// One exchange with credentials; `place` is a path or, as upload locations may be, a whole address. The reply
    /// comes back whatever its status.
    ///
    /// # Errors
    /// When no reply came.
    pub fn exchange(
        &self,
        method: &str,
        place: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Result<Reply, ApiError> {
        let url = if place.starts_with('/') { format!("{}{place}", self.address) } else { place.to_owned() };
        let mut all = vec![("authorization".to_owned(), self.authorization.clone())];
        all.extend(headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        self.http.send(method, &url, &all, body)
    }
}

fn checked(reference: &str, bytes: &[u8]) -> Result<(), ApiError> {
    let digest = sha256(bytes);
    if reference.starts_with("sha256:") && reference != digest {
        return Err(ApiError::no_reply(format!("asked for {reference}, got bytes with digest {digest}")));
    }
    Ok(())
}
