//! One HTTP exchange after the other, statuses as values.

use crate::error::ApiError;
use std::time::Duration;
use ureq::http::{HeaderMap, Request};

/// How long one exchange may take, a layer's transfer included.
const EXCHANGE_MAX: Duration = Duration::from_secs(300);
/// The largest reply that is read: ECR's largest part of a layer is far smaller, a test's layer may be larger.
const REPLY_BYTES_MAX: u64 = 4 << 30;

/// A pool of connections.
#[derive(Debug, Clone)]
pub struct Http {
    agent: ureq::Agent,
}

/// What came back, whatever its status.
#[derive(Debug)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The whole body.
    pub body: Vec<u8>,
}

impl Default for Http {
    fn default() -> Self {
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(EXCHANGE_MAX))
            .user_agent("towpath-client")
            .build();
        Self { agent: config.new_agent() }
    }
}

impl Http {
    /// Sends one request and reads the whole reply. Redirects of reads are followed, without credentials.
    ///
    /// # Errors
    /// [`ApiError`] with status 0 when no complete reply came.
    pub fn send(
        &self,
        method: &str,
        url: &str,
        headers: &[(String, String)],
        body: &[u8],
    ) -> Result<Reply, ApiError> {
        let mut request = Request::builder().method(method).uri(url);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let failed = |error: &dyn std::fmt::Display| ApiError::no_reply(format!("{method} {url}: {error}"));
        let sent = if body.is_empty() && matches!(method, "GET" | "HEAD" | "DELETE") {
            self.agent.run(request.body(()).map_err(|error| failed(&error))?)
        } else {
            self.agent.run(request.body(body).map_err(|error| failed(&error))?)
        };
        let (parts, mut body) = sent.map_err(|error| failed(&error))?.into_parts();
        let bytes =
            body.with_config().limit(REPLY_BYTES_MAX).read_to_vec().map_err(|error| failed(&error))?;
        Ok(Reply { status: parts.status.as_u16(), headers: parts.headers, body: bytes })
    }
}

impl Reply {
    /// A header's value, when it is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// This reply, when its status says success.
    ///
    /// # Errors
    /// What the reply says went wrong.
    pub fn succeeded(self) -> Result<Self, ApiError> {
        if (200..300).contains(&self.status) {
            return Ok(self);
        }
        Err(ApiError::read(self.status, self.header("x-amzn-errortype"), &self.text()))
    }
}
