//! Layers into this account, through the registry's own endpoint: it takes raw bytes in one request, where the API's
//! `UploadLayerPart` takes base64 in parts, one after the other.
//! <https://github.com/opencontainers/distribution-spec/blob/main/spec.md#post-then-put>

use super::CopyRequest;
use super::manifest::Blob;
use super::refusal::CopyRefusal;
use super::stop::Stop;
use crate::ecr::RegistryLogin;
use crate::error::{CallError, CallErrorKind};
use aws_smithy_runtime_api::client::http::HttpConnector;
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;
use domain::text::one_line;
use serde::Deserialize;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;

/// How long the registry may take to answer once it has everything.
const REPLY_WITHIN: Duration = Duration::from_secs(60);
/// For how many bytes it may take a second more: it hashes a layer before it answers.
const BYTES_HASHED_IN_A_SECOND: u64 = 128 * 1024 * 1024;
/// How much of a refusal's body is read.
const REFUSAL_BYTES_MAX: usize = 8 * 1024;
/// How much of what the registry said is told.
const SAID_CHARACTERS: usize = 300;

/// The repository here, as uploads see it.
pub(super) struct Uploads<'a> {
    request: &'a CopyRequest<'a>,
    login: Mutex<Option<Arc<RegistryLogin>>>,
}

/// Where the bytes of one upload go.
pub(super) struct Place {
    address: String,
    login: Arc<RegistryLogin>,
}

/// What the registry says of an error.
#[derive(Default, Deserialize)]
struct Refusal {
    #[serde(default)]
    errors: Vec<RefusalEntry>,
}

#[derive(Default, Deserialize)]
struct RefusalEntry {
    #[serde(default)]
    code: String,
    #[serde(default)]
    message: String,
}

impl<'a> Uploads<'a> {
    /// Uploads to the request's repository. No call is made yet.
    pub(super) fn new(request: &'a CopyRequest<'a>) -> Self {
        Self { request, login: Mutex::default() }
    }

    /// Begins an upload.
    pub(super) async fn begin(&self) -> Result<Place, Stop> {
        let login = self.login().await?;
        let address = format!("{}/v2/{}/blobs/uploads/", login.endpoint, self.request.to);
        let reply = self.send("POST", &address, &login, SdkBody::empty()).await?;
        let location = match reply.status().as_u16() {
            202 => reply.headers().get("location").map(str::to_owned),
            _ => return Err(self.refused("begin an upload", reply).await),
        };
        let location = location.ok_or_else(|| Stop::Failed(self.broken("the registry says no Location")))?;
        let address =
            if location.starts_with('/') { format!("{}{location}", login.endpoint) } else { location };
        // The login is for this registry alone.
        if !address.starts_with(&format!("{}/", login.endpoint)) {
            return Err(Stop::Failed(self.broken("the registry sends uploads to another host")));
        }
        Ok(Place { address, login })
    }

    /// Sends a layer's bytes to their place and makes it a layer.
    pub(super) async fn complete(&self, place: &Place, blob: &Blob, body: SdkBody) -> Result<(), Stop> {
        let separator = if place.address.contains('?') { '&' } else { '?' };
        let address = format!("{}{separator}digest={}", place.address, blob.digest);
        let reply = self.send("PUT", &address, &place.login, body).await?;
        match reply.status().as_u16() {
            201 => Ok(()),
            _ => Err(self.refused("upload a layer", reply).await),
        }
    }

    /// Waits for the answer to what was sent whole.
    pub(super) async fn answered<T>(
        &self,
        blob: &Blob,
        reply: impl Future<Output = Result<T, Stop>>,
    ) -> Result<T, Stop> {
        let broken = || Err(Stop::Failed(self.broken("the registry does not answer")));
        let within = REPLY_WITHIN + Duration::from_secs(blob.size / BYTES_HASHED_IN_A_SECOND);
        tokio::time::timeout(within, reply).await.unwrap_or_else(|_| broken())
    }

    async fn login(&self) -> Result<Arc<RegistryLogin>, Stop> {
        let mut login = self.login.lock().await;
        if let Some(login) = &*login {
            return Ok(Arc::clone(login));
        }
        let new = Arc::new(self.request.target.registry_login().await.map_err(Stop::target)?);
        *login = Some(Arc::clone(&new));
        Ok(new)
    }

    async fn send(
        &self,
        method: &'static str,
        address: &str,
        login: &RegistryLogin,
        body: SdkBody,
    ) -> Result<HttpResponse, Stop> {
        let mut request = HttpRequest::new(body);
        let is_good = request.set_method(method).is_ok() && request.set_uri(address).is_ok();
        if !is_good {
            return Err(Stop::Failed(self.broken("the registry's Location is malformed")));
        }
        let headers = request.headers_mut();
        headers.insert("authorization", format!("Basic {}", login.password));
        headers.insert("content-type", "application/octet-stream");
        let sent = self.request.target.transfers().call(request).await;
        // What the connector says of an error is not passed on: it may name the address.
        sent.map_err(|_| Stop::Failed(self.broken("the connection to the registry broke")))
    }

    /// What a refusal means: whether another try may help, or a person must.
    async fn refused(&self, what: &str, reply: HttpResponse) -> Stop {
        let status = reply.status().as_u16();
        let mut body = ByteStream::new(reply.into_body());
        let mut text = Vec::new();
        while let Some(Ok(bytes)) = body.next().await {
            text.extend_from_slice(&bytes);
            if text.len() > REFUSAL_BYTES_MAX {
                break;
            }
        }
        let refusal: Refusal = serde_json::from_slice(&text).unwrap_or_default();
        let RefusalEntry { code, message } = refusal.errors.into_iter().next().unwrap_or_default();
        let said = one_line(&format!("status {status} {code} {message}"), SAID_CHARACTERS);
        let is_expired = status == 401 || (status == 403 && message.contains("expired"));
        if is_expired {
            *self.login.lock().await = None;
        }
        let may_pass =
            is_expired || matches!(status, 404 | 408 | 416 | 429 | 500..) || code == "DIGEST_INVALID";
        let kind = match status {
            _ if code == "NAME_UNKNOWN" => CallErrorKind::Rejected,
            _ if may_pass => CallErrorKind::Transient,
            403 => CallErrorKind::Denied,
            _ => CallErrorKind::Rejected,
        };
        let thing = format!("repository {}", self.request.to);
        let error = CallError::transfer(kind, "upload", thing, Some(&code), format!("{what}: {said}"));
        if code == "NAME_UNKNOWN" {
            let repository = self.request.to.clone();
            return Stop::Refused(CopyRefusal::TargetRepositoryMissing { repository });
        }
        Stop::target(error)
    }

    pub(super) fn broken(&self, what: &str) -> CallError {
        let thing = format!("repository {}", self.request.to);
        CallError::transfer(CallErrorKind::Transient, "upload", thing, None, what)
    }
}
