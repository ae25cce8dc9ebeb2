//! A layer's bytes from upstream. A download that breaks off goes on from the byte where it broke, at a new address when
//! the old one has expired, so that the upload it feeds is not disturbed.

use super::CopyRequest;
use super::manifest::Blob;
use super::refusal::CopyRefusal;
use super::stop::Stop;
use crate::error::{CallError, CallErrorKind};
use aws_smithy_runtime_api::client::http::HttpConnector;
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;
use bytes::Bytes;
use std::time::Duration;

/// How often a download may break off.
const BREAKS_MAX: u32 = 6;
/// The pause after the first break; it doubles with each.
const PAUSE_FIRST: Duration = Duration::from_millis(100);
/// How long a connection may give nothing.
const STALLED_AFTER: Duration = Duration::from_secs(10);

/// A download that is under way.
pub(super) struct Download<'a> {
    request: &'a CopyRequest<'a>,
    blob: &'a Blob,
    /// Secret: whoever knows it can read the layer.
    address: Option<String>,
    stream: Option<ByteStream>,
    at: u64,
    breaks: u32,
}

impl<'a> Download<'a> {
    /// Begins it: the first bytes are on their way.
    pub(super) async fn begin(request: &'a CopyRequest<'a>, blob: &'a Blob) -> Result<Self, Stop> {
        let mut download = Self { request, blob, address: None, stream: None, at: 0, breaks: 0 };
        while download.stream.is_none() && blob.size > 0 {
            download.connect().await?;
        }
        Ok(download)
    }

    /// The next bytes; none at the end.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, Stop> {
        loop {
            if self.at == self.blob.size {
                return Ok(None);
            }
            let Some(stream) = &mut self.stream else {
                self.connect().await?;
                continue;
            };
            let what = match tokio::time::timeout(STALLED_AFTER, stream.next()).await {
                Ok(Some(Ok(bytes))) => {
                    self.at += bytes.len() as u64;
                    if self.at > self.blob.size {
                        return Err(Stop::Failed(self.broken("more bytes came than the manifest says")));
                    }
                    return Ok(Some(bytes));
                }
                Ok(Some(Err(_))) => "the connection broke",
                Ok(None) => "the answer ended early",
                Err(_) => "nothing came any more",
            };
            self.stream = None;
            self.pause(what).await?;
        }
    }

    /// Asks for the bytes from here on. No stream afterwards: another try may help.
    async fn connect(&mut self) -> Result<(), Stop> {
        let address = match self.address.take() {
            Some(address) => address,
            None => self.new_address().await?,
        };
        let mut get = HttpRequest::new(SdkBody::empty());
        if get.set_uri(address.as_str()).is_err() {
            return Err(Stop::Failed(self.broken("the layer's address is malformed")));
        }
        if self.at > 0 {
            get.headers_mut().insert("range", format!("bytes={}-", self.at));
        }
        let sent = self.request.source.transfers().call(get);
        // What the connector says of an error is not passed on: it may name the address.
        let Ok(Ok(reply)) = tokio::time::timeout(STALLED_AFTER, sent).await else {
            self.address = Some(address);
            return self.pause("no answer came").await;
        };
        let expected = if self.at > 0 { 206 } else { 200 };
        match reply.status().as_u16() {
            status
                if status == expected
                    && length_of(&reply).is_none_or(|it| it == self.blob.size - self.at) =>
            {
                self.address = Some(address);
                self.stream = Some(ByteStream::new(reply.into_body()));
                Ok(())
            }
            status if status == expected => Err(Stop::Refused(CopyRefusal::LayerDiffers {
                repository: self.request.from.clone(),
                digest: self.blob.digest.clone(),
                bytes: length_of(&reply).unwrap_or_default() + self.at,
                said: self.blob.size,
            })),
            // Most often the address has expired.
            status => self.pause(&format!("the answer has status {status}")).await,
        }
    }

    async fn new_address(&self) -> Result<String, Stop> {
        let address = self.request.source.layer_address(self.request.from, &self.blob.digest).await;
        address.map_err(|error| match error.code() {
            Some("LayersNotFoundException" | "LayerInaccessibleException") => {
                Stop::Refused(CopyRefusal::LayerGone {
                    repository: self.request.from.clone(),
                    digest: self.blob.digest.clone(),
                    problem: error.code().unwrap_or_default().to_owned(),
                })
            }
            _ => Stop::source(error),
        })
    }

    async fn pause(&mut self, what: &str) -> Result<(), Stop> {
        self.breaks += 1;
        if self.breaks > BREAKS_MAX {
            return Err(Stop::Failed(self.broken(what)));
        }
        tokio::time::sleep(PAUSE_FIRST * 2_u32.saturating_pow(self.breaks - 1)).await;
        Ok(())
    }

    /// The download failed for good, at least in this attempt.
    pub(super) fn broken(&self, what: &str) -> CallError {
        let thing = format!("layer {} in upstream's repository {}", self.blob.digest, self.request.from);
        CallError::transfer(CallErrorKind::Transient, "download", thing, None, what)
    }
}

fn length_of(reply: &HttpResponse) -> Option<u64> {
    reply.headers().get("content-length").and_then(|length| length.parse().ok())
}
