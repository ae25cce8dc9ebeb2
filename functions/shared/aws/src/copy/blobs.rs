//! The layers and configurations that are missing here, several at once.

use super::graph::Graph;
use super::layer;
use super::manifest::Blob;
use super::refusal::CopyRefusal;
use super::stop::{self, Stop};
use super::upload::Uploads;
use super::{CopyRequest, CopySummary, Known, Progress};
use domain::names::ImageDigest;
use futures_util::{StreamExt, TryStreamExt, stream};
use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use tokio::time::{Instant, MissedTickBehavior};

/// ECR's most layers in one `BatchCheckLayerAvailability`.
const LAYERS_PER_CALL: usize = 100;
/// How many of these calls are made at once.
const CALLS_AT_ONCE: usize = 4;
/// The largest layer that counts as small: it costs round trips more than bytes.
const SMALL_LAYER_BYTES_MAX: u64 = 1024 * 1024;
/// How many small layers are sent at once.
const SMALL_LAYERS_AT_ONCE: usize = 16;
/// How many others are. Each may hold a few buffers of some hundred KiB.
const LARGE_LAYERS_AT_ONCE: usize = 6;
/// When a copy first tells how far it is.
const PROGRESS_AFTER: Duration = Duration::from_secs(1);
/// How often it does so afterwards.
const PROGRESS_EVERY: Duration = Duration::from_secs(5);

/// Sends every blob that the missing manifests name and this account lacks. Returns those that upstream does not give out,
/// and that the image itself can be without.
pub(super) async fn send(
    request: &CopyRequest<'_>,
    graph: &Graph,
    known: &mut Known,
    summary: &mut CopySummary,
    progress: &mut impl FnMut(Progress),
) -> Result<BTreeMap<ImageDigest, CopyRefusal>, Stop> {
    // What the image itself says of a layer counts before what others say of it.
    let (parts, others): (Vec<_>, Vec<_>) =
        graph.missing.iter().partition(|(digest, _)| graph.parts.contains(*digest));
    let named = others.into_iter().chain(parts).flat_map(|(_, missing)| &missing.manifest.blobs);
    let named: BTreeMap<&ImageDigest, &Blob> = named.map(|blob| (&blob.digest, blob)).collect();
    let here = stop::by(request.deadline, available(request, named.keys().copied())).await?;
    let is_missing = |blob: &&Blob| known.distrusted.contains(&blob.digest) || !here.contains(&blob.digest);
    let mut missing: Vec<&Blob> = named.values().copied().filter(is_missing).collect();
    let was_here = |blob: &&&Blob| !is_missing(blob) && !known.sent.contains(&blob.digest);
    summary.skipped = summary.skipped.max(named.values().filter(was_here).count());
    // The largest first: a small one that comes last keeps nobody waiting.
    missing.sort_by_key(|blob| std::cmp::Reverse(blob.size));

    let own = own(graph);
    let bytes_sent = Cell::new(0);
    let uploads = Uploads::new(request);
    let (large, small): (Vec<&Blob>, Vec<&Blob>) =
        missing.iter().partition(|blob| blob.size > SMALL_LAYER_BYTES_MAX);
    let bytes_counted = &bytes_sent;
    let uploads = &uploads;
    let send = async |blob| (blob, layer::send(request, uploads, blob, bytes_counted).await);
    let large = stream::iter(large.into_iter().map(send)).buffer_unordered(LARGE_LAYERS_AT_ONCE);
    let small = stream::iter(small.into_iter().map(send)).buffer_unordered(SMALL_LAYERS_AT_ONCE);
    let mut sent = stream::select(large, small);
    let mut told = Progress {
        blobs_sent: 0,
        blobs: missing.len(),
        bytes_sent: 0,
        bytes: missing.iter().map(|blob| blob.size).sum(),
    };
    let mut lost = BTreeMap::new();
    let mut is_told = false;
    let mut ticks = tokio::time::interval_at(Instant::now() + PROGRESS_AFTER, PROGRESS_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            done = sent.next() => match done {
                None => break,
                Some((blob, Ok(size))) => {
                    told.blobs_sent += 1;
                    summary.blobs += 1;
                    summary.bytes += size;
                    known.sent.insert(blob.digest.clone());
                }
                Some((blob, Err(Stop::Refused(refusal)))) if refusal.is_of_a_layer() && !own.contains(&blob.digest) => {
                    lost.insert(blob.digest.clone(), refusal);
                }
                Some((_, Err(stop))) => return Err(stop),
            },
            _ = ticks.tick() => {
                is_told = true;
                progress(Progress { bytes_sent: bytes_sent.get(), ..told });
            }
            () = tokio::time::sleep_until(request.deadline.into()) => return Err(Stop::OutOfTime),
        }
    }
    if is_told {
        progress(Progress { bytes_sent: bytes_sent.get(), ..told });
    }
    Ok(lost)
}

/// The layers and configurations of the image itself.
fn own(graph: &Graph) -> BTreeSet<&ImageDigest> {
    let parts = graph.missing.iter().filter(|(digest, _)| graph.parts.contains(*digest));
    parts.flat_map(|(_, missing)| &missing.manifest.blobs).map(|blob| &blob.digest).collect()
}

async fn available(
    request: &CopyRequest<'_>,
    digests: impl Iterator<Item = &ImageDigest>,
) -> Result<BTreeSet<ImageDigest>, Stop> {
    let digests: Vec<ImageDigest> = digests.cloned().collect();
    let calls = stream::iter(digests.chunks(LAYERS_PER_CALL));
    let calls = calls.map(|chunk| request.target.available_layers(request.to, chunk));
    let here: Vec<_> = calls.buffer_unordered(CALLS_AT_ONCE).try_collect().await.map_err(Stop::target)?;
    Ok(here.into_iter().flatten().collect())
}
