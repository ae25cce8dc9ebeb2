//! What an image is built for: its index says it of its children, and its configuration of a single image.

use super::Configuration;
use super::written::configuration_platform;
use crate::connection::Clients;
use crate::error::{CallError, CallErrorKind};
use crate::sha256::sha256;
use aws_smithy_runtime_api::client::http::HttpConnector;
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;
use domain::names::{ImageDigest, ImageRepositoryName, Platform};
use std::collections::BTreeSet;
use std::time::Duration;

/// The largest configuration that is read.
const CONFIGURATION_BYTES_MAX: u64 = 16 * 1024 * 1024;
/// How long a configuration may take to come.
const TIMEOUT: Duration = Duration::from_secs(10);

impl Clients {
    /// The platforms that an image is built for; none where it names none, or is not there any more.
    ///
    /// # Errors
    /// When ECR gives no usable answer.
    pub async fn platforms(
        &self,
        repository: &ImageRepositoryName,
        digest: &ImageDigest,
    ) -> Result<BTreeSet<Platform>, CallError> {
        let Some(written) = self.written_manifest(repository, digest).await? else {
            return Ok(BTreeSet::new());
        };
        let mut platforms = written.platforms;
        if let Some(configuration) = written.configuration {
            let bytes = self.small_blob(repository, &configuration).await?;
            platforms.extend(configuration_platform(&bytes));
        }
        Ok(platforms)
    }

    /// A blob that fits into memory.
    async fn small_blob(
        &self,
        repository: &ImageRepositoryName,
        wanted: &Configuration,
    ) -> Result<Vec<u8>, CallError> {
        let Configuration { digest, size } = wanted;
        let failed = |kind, what: &str| {
            let thing = format!("configuration {digest} in repository {repository}");
            CallError::transfer(kind, "download", thing, None, what)
        };
        if *size > CONFIGURATION_BYTES_MAX {
            return Err(failed(CallErrorKind::Malformed, "it is too large to be read"));
        }
        let address = self.layer_address(repository, digest).await?;
        let mut get = HttpRequest::new(SdkBody::empty());
        if get.set_uri(address).is_err() {
            return Err(failed(CallErrorKind::Malformed, "its address is malformed"));
        }
        let read = async {
            // What the connector says of an error is not passed on: it may name the address, which is a secret.
            let reply = self.transfers().call(get).await.ok().filter(|reply| reply.status().is_success())?;
            let mut stream = ByteStream::new(reply.into_body());
            let mut bytes = Vec::new();
            while let Some(next) = stream.next().await {
                bytes.extend_from_slice(&next.ok()?);
                if bytes.len() as u64 > *size {
                    return None;
                }
            }
            Some(bytes)
        };
        let bytes = tokio::time::timeout(TIMEOUT, read).await.ok().flatten();
        let bytes = bytes.filter(|bytes| sha256(bytes) == digest.as_str());
        bytes.ok_or_else(|| failed(CallErrorKind::Transient, "its bytes did not come"))
    }
}
