//! One layer or configuration on its way: from upstream into an upload here, hashed as it passes, never whole in memory.

use super::CopyRequest;
use super::download::Download;
use super::manifest::Blob;
use super::passing::passing;
use super::stop::Stop;
use super::upload::Uploads;
use crate::sha256::named;
use bytes::Bytes;
use futures_util::future::try_join;
use ring::digest::{Context, SHA256};
use std::cell::Cell;
use std::pin::pin;
use std::time::Duration;
use tokio::sync::mpsc;

/// How often a layer is sent from its beginning.
const ATTEMPTS_MAX: u32 = 4;
/// The pause before the second attempt; it doubles with each.
const PAUSE_FIRST: Duration = Duration::from_millis(200);
/// How long the connection may take nothing.
const STALLED_AFTER: Duration = Duration::from_secs(30);

/// Sends it; how many bytes that were. `bytes_sent` is counted up on the way.
pub(super) async fn send(
    request: &CopyRequest<'_>,
    uploads: &Uploads<'_>,
    blob: &Blob,
    bytes_sent: &Cell<u64>,
) -> Result<u64, Stop> {
    let mut attempt = 1;
    loop {
        let passed = Cell::new(0);
        let count = |bytes: u64| {
            passed.set(passed.get() + bytes);
            bytes_sent.set(bytes_sent.get() + bytes);
        };
        match send_once(request, uploads, blob, &count).await {
            Ok(()) => return Ok(blob.size),
            Err(Stop::Failed(error)) if error.is_transient() && attempt < ATTEMPTS_MAX => {
                bytes_sent.set(bytes_sent.get() - passed.get());
                tokio::time::sleep(PAUSE_FIRST * 2_u32.saturating_pow(attempt - 1)).await;
                attempt += 1;
            }
            Err(stop) => return Err(stop),
        }
    }
}

async fn send_once(
    request: &CopyRequest<'_>,
    uploads: &Uploads<'_>,
    blob: &Blob,
    count: &impl Fn(u64),
) -> Result<(), Stop> {
    let (place, download) = try_join(uploads.begin(), Download::begin(request, blob)).await?;
    let (sender, body) = passing(blob.size);
    let mut reply = pin!(uploads.complete(&place, blob, body));
    tokio::select! {
        fed = feed(download, blob, uploads, sender, count) => match fed? {
            Fed::Whole => uploads.answered(blob, reply).await,
            // The registry has hung up; its answer says why.
            Fed::HungUp => match uploads.answered(blob, reply).await {
                Ok(()) => Err(Stop::Failed(uploads.broken("the registry took a layer before it was whole"))),
                Err(stop) => Err(stop),
            },
        },
        replied = &mut reply => match replied {
            Ok(()) => Err(Stop::Failed(uploads.broken("the registry took a layer before it was whole"))),
            Err(stop) => Err(stop),
        },
    }
}

/// How feeding an upload ended.
enum Fed {
    Whole,
    HungUp,
}

/// Passes the bytes on. The last of them wait until all have the right digest, so that nothing else becomes a layer.
async fn feed(
    mut download: Download<'_>,
    blob: &Blob,
    uploads: &Uploads<'_>,
    sender: mpsc::Sender<Bytes>,
    count: &impl Fn(u64),
) -> Result<Fed, Stop> {
    let mut hash = Context::new(&SHA256);
    let mut last = Bytes::new();
    while let Some(bytes) = download.next().await? {
        hash.update(&bytes);
        count(bytes.len() as u64);
        let piece = std::mem::replace(&mut last, bytes);
        if !piece.is_empty() && !pass(&sender, piece, uploads).await? {
            return Ok(Fed::HungUp);
        }
    }
    if named(hash.finish().as_ref()) != blob.digest.as_str() {
        return Err(Stop::Failed(download.broken("the bytes that came have another digest")));
    }
    let is_taken = last.is_empty() || pass(&sender, last, uploads).await?;
    Ok(if is_taken { Fed::Whole } else { Fed::HungUp })
}

/// False when nobody takes it any more.
async fn pass(sender: &mpsc::Sender<Bytes>, piece: Bytes, uploads: &Uploads<'_>) -> Result<bool, Stop> {
    match tokio::time::timeout(STALLED_AFTER, sender.send(piece)).await {
        Ok(sent) => Ok(sent.is_ok()),
        Err(_) => Err(Stop::Failed(uploads.broken("the registry takes no more bytes"))),
    }
}
