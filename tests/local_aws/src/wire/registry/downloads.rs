//! Bytes of layers on their way out: from the file to the connection, in chunks, never whole in memory.

use crate::faults::CallFaultKind;
use crate::names::AccountId;
use crate::services::Service;
use crate::services::ecr::download::{Refusal, resolve};
use crate::shared::LocalAws;
use crate::wire::perform::Delivery;
use crate::wire::server;
use crate::world::World;
use axum::body::{Body, Bytes};
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::Response;
use futures_util::stream;
use serde::Deserialize;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::time::Duration;
use tokio::sync::mpsc;

/// Who downloads: an address needs no login.
const ANYBODY: &str = "anybody";
/// How much is read at once.
const CHUNK_BYTES: u64 = 256 * 1024;
const MEBIBYTE: f64 = 1_048_576.0;
/// How many chunks may wait for the connection.
const CHUNKS_AHEAD: usize = 4;

/// How fast a connection takes a layer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    seconds_per_mebibyte: f64,
}

impl Pace {
    /// As the settings have it.
    pub(super) fn of(world: &World) -> Self {
        Self { seconds_per_mebibyte: world.settings.timing.layer_mebibyte }
    }

    /// Lasts as long as these bytes are on their way.
    fn wait(self, bytes: u64) {
        let seconds = self.seconds_per_mebibyte * bytes as f64 / MEBIBYTE;
        if seconds > 0.0 {
            std::thread::sleep(Duration::try_from_secs_f64(seconds).unwrap_or_default());
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Signature {
    #[serde(rename = "X-Amz-Expires")]
    _seconds_valid: Option<u32>,
    expires: i64,
    token: String,
}

/// Answers an address of `GetDownloadUrlForLayer` as S3 does: no login, Range, XML errors.
pub(super) async fn download(
    State(local): State<LocalAws>,
    Path((account, digest)): Path<(String, String)>,
    Query(Signature { expires, token, .. }): Query<Signature>,
    method: Method,
    headers: HeaderMap,
) -> Response {
    let fault = local.lock().faults.for_call(Service::Ecr.name(), "DownloadLayer", ANYBODY);
    if let Some(refusal) = fault.as_ref().and_then(refused) {
        return refusal;
    }
    let pace = Pace::of(&local.lock());
    let found = match account.parse::<AccountId>() {
        Ok(account) => resolve(&local.lock(), &account, &digest, expires, &token),
        Err(_) => Err(Refusal::NotSigned),
    };
    match found.map(File::open) {
        Ok(Ok(file)) => delivered(serve((file, pace), &method, &headers, &[]), fault.as_ref()),
        Ok(Err(_)) | Err(Refusal::Gone) => {
            s3_error(StatusCode::NOT_FOUND, "NoSuchKey", "The specified key does not exist.")
        }
        Err(Refusal::Expired) => s3_error(StatusCode::FORBIDDEN, "AccessDenied", "Request has expired"),
        Err(Refusal::NotSigned) => {
            let text = "The request signature we calculated does not match the signature you provided.";
            s3_error(StatusCode::FORBIDDEN, "SignatureDoesNotMatch", text)
        }
    }
}

/// What is answered instead of the layer.
fn refused(fault: &CallFaultKind) -> Option<Response> {
    match fault {
        CallFaultKind::Throttle => {
            Some(s3_error(StatusCode::SERVICE_UNAVAILABLE, "SlowDown", "Please reduce your request rate."))
        }
        CallFaultKind::Deny => Some(s3_error(StatusCode::FORBIDDEN, "AccessDenied", "Request has expired")),
        CallFaultKind::Error(code) => Some(s3_error(StatusCode::BAD_REQUEST, code, "told to fail")),
        CallFaultKind::ServerError | CallFaultKind::ServerErrorAfterEffect => {
            Some(s3_error(StatusCode::INTERNAL_SERVER_ERROR, "InternalError", "told to fail"))
        }
        CallFaultKind::DropRequest
        | CallFaultKind::DropReply
        | CallFaultKind::TruncateReply
        | CallFaultKind::CorruptReply => None,
    }
}

/// The layer, as a fault wants it to arrive.
fn delivered(response: Response, fault: Option<&CallFaultKind>) -> Response {
    match fault {
        Some(CallFaultKind::DropRequest | CallFaultKind::DropReply) => {
            server::deliver(response, Delivery::Dropped)
        }
        Some(CallFaultKind::TruncateReply) => server::broken_off(response),
        Some(CallFaultKind::CorruptReply) => server::deliver(response, Delivery::Corrupted),
        _ => response,
    }
}

fn s3_error(status: StatusCode, code: &str, message: &str) -> Response {
    let body = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code><Message>{message}</Message></Error>"
    );
    super::response(status, &[("content-type", "application/xml")], Body::from(body))
}

/// The file, or the range of it that was asked for.
pub(super) fn serve(
    (file, pace): (File, Pace),
    method: &Method,
    headers: &HeaderMap,
    more: &[(&str, &str)],
) -> Response {
    let Ok(size) = file.metadata().map(|metadata| metadata.len()) else {
        return super::response(StatusCode::INTERNAL_SERVER_ERROR, &[], Body::empty());
    };
    let asked = headers.get(header::RANGE).and_then(|range| range.to_str().ok());
    let (status, first, length, content_range) =
        match asked.map_or(Asked::Whole, |range| Asked::of(range, size)) {
            Asked::Whole => (StatusCode::OK, 0, size, None),
            Asked::Part { first, last } => {
                let content_range = format!("bytes {first}-{last}/{size}");
                (StatusCode::PARTIAL_CONTENT, first, last - first + 1, Some(content_range))
            }
            Asked::Nothing => {
                let content_range = format!("bytes */{size}");
                let headers = [("content-range", content_range.as_str())];
                return super::response(StatusCode::RANGE_NOT_SATISFIABLE, &headers, Body::empty());
            }
        };
    let length_text = length.to_string();
    let mut headers = vec![
        ("content-type", "application/octet-stream"),
        ("accept-ranges", "bytes"),
        ("content-length", &length_text),
    ];
    headers.extend(content_range.as_deref().map(|range| ("content-range", range)));
    headers.extend_from_slice(more);
    let body = if *method == Method::HEAD { Body::empty() } else { body((file, pace), first, length) };
    super::response(status, &headers, body)
}

/// What a `Range` header asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asked {
    /// All of it; also when the header is of a kind that nobody has to know.
    Whole,
    Part {
        first: u64,
        last: u64,
    },
    /// Bytes behind the end.
    Nothing,
}

impl Asked {
    fn of(header: &str, size: u64) -> Self {
        let Some((first, last)) = header.strip_prefix("bytes=").and_then(|range| range.split_once('-'))
        else {
            return Self::Whole;
        };
        let part = |first: u64, last: u64| {
            if first < size && first <= last {
                Self::Part { first, last: last.min(size - 1) }
            } else {
                Self::Nothing
            }
        };
        match (first.trim().parse::<u64>(), last.trim().parse::<u64>()) {
            (Ok(first), Ok(last)) if first <= last => part(first, last),
            (Ok(first), Err(_)) if last.trim().is_empty() => part(first, u64::MAX),
            (Err(_), Ok(count)) if first.trim().is_empty() => {
                part(size.saturating_sub(count.min(size)), u64::MAX).unless(count == 0)
            }
            _ => Self::Whole,
        }
    }

    fn unless(self, nothing: bool) -> Self {
        if nothing { Self::Nothing } else { self }
    }
}

/// What fits into one chunk is read at once; more is read ahead in a thread of its own while the connection takes what was
/// read.
fn body((mut file, pace): (File, Pace), first: u64, length: u64) -> Body {
    if length <= CHUNK_BYTES {
        let whole = chunk(&mut file, first, length);
        return Body::from_stream(stream::once(std::future::ready(whole)));
    }
    let (sender, receiver) = mpsc::channel::<io::Result<Bytes>>(CHUNKS_AHEAD);
    tokio::task::spawn_blocking(move || {
        if let Err(error) = read((file, pace), first, length, &sender) {
            let _ = sender.blocking_send(Err(error));
        }
    });
    Body::from_stream(stream::unfold(receiver, |mut receiver| async move {
        receiver.recv().await.map(|chunk| (chunk, receiver))
    }))
}

fn chunk(file: &mut File, first: u64, length: u64) -> io::Result<Bytes> {
    let mut chunk = vec![0; usize::try_from(length).map_err(io::Error::other)?];
    file.seek(SeekFrom::Start(first))?;
    file.read_exact(&mut chunk)?;
    Ok(Bytes::from(chunk))
}

fn read(
    (mut file, pace): (File, Pace),
    first: u64,
    length: u64,
    sender: &mpsc::Sender<io::Result<Bytes>>,
) -> io::Result<()> {
    let end = first + length;
    let mut at = first;
    while at < end {
        let count = (end - at).min(CHUNK_BYTES);
        let chunk = chunk(&mut file, at, count)?;
        at += count;
        pace.wait(count);
        if sender.blocking_send(Ok(chunk)).is_err() {
            // The client is gone.
            return Ok(());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_as_http_has_them() {
        for (header, expected) in [
            ("bytes=0-0", Asked::Part { first: 0, last: 0 }),
            ("bytes=5-", Asked::Part { first: 5, last: 9 }),
            ("bytes=5-99", Asked::Part { first: 5, last: 9 }),
            ("bytes=-3", Asked::Part { first: 7, last: 9 }),
            ("bytes=-99", Asked::Part { first: 0, last: 9 }),
            ("bytes=-0", Asked::Nothing),
            ("bytes=10-", Asked::Nothing),
            ("bytes=3-2", Asked::Whole),
            ("bytes=0-1,3-4", Asked::Whole),
            ("lines=0-1", Asked::Whole),
        ] {
            assert_eq!(Asked::of(header, 10), expected, "{header}");
        }
        assert_eq!(Asked::of("bytes=-1", 0), Asked::Nothing);
    }
}
