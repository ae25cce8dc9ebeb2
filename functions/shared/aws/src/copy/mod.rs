//! Copies an image from the upstream account's registry into this account's: the same bytes under the same digest.
//!
//! A copy decides again from what is there: it reads the image's graph upstream (manifests, children, what refers to
//! them), asks what this registry has already, sends the layers that are missing, and puts the manifests, each after
//! all that it names. So it can be broken off at any call, and the next one goes on where it stopped. A manifest that
//! is here is taken for complete, because ECR takes none whose layers and children are not.
//!
//! The image's own tag is not put here but by [`Clients::tag_image`], last of all.

mod blobs;
mod download;
mod graph;
mod layer;
mod manifest;
mod manifests;
mod passing;
mod read;
mod refusal;
mod stop;
mod tag;
mod upload;

pub use manifest::{Blob, Child, Manifest};
pub use refusal::CopyRefusal;
pub use tag::Tagged;

use crate::connection::Clients;
use crate::error::{CallError, CallErrorKind};
use domain::names::{ImageDigest, ImageRepositoryName, ImageTag};
use domain::rules::MissingRepositories;
use std::collections::BTreeSet;
use std::time::{Duration, Instant};
use stop::Stop;

/// How often a copy begins again after something was not as it had been read, before its message goes back to the
/// queue.
const ROUNDS_MAX: u32 = 4;
/// The pause before the second round; it doubles with each.
const PAUSE_FIRST: Duration = Duration::from_millis(200);

/// What to copy, from where, to where.
#[derive(Debug)]
pub struct CopyRequest<'a> {
    /// Upstream's account: clients with the credentials of the role that may read its images.
    pub source: &'a Clients,
    /// This account.
    pub target: &'a Clients,
    /// The repository upstream.
    pub from: &'a ImageRepositoryName,
    /// The repository here.
    pub to: &'a ImageRepositoryName,
    /// The image: a manifest or an index.
    pub digest: &'a ImageDigest,
    /// Whether a repository that is missing here may be created.
    pub missing_repository: MissingRepositories,
    /// When the copy must break off.
    pub deadline: Instant,
}

/// How far a copy has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// The layers and configurations that were sent.
    pub blobs_sent: usize,
    /// How many have to be sent.
    pub blobs: usize,
    /// The bytes that were sent.
    pub bytes_sent: u64,
    /// How many have to be sent.
    pub bytes: u64,
}

/// What a copy tells of itself.
#[derive(Debug, Clone, Copy)]
pub enum CopyNews<'a> {
    /// It is under way.
    UnderWay(Progress),
    /// All of it is here.
    Complete(&'a CopySummary),
}

/// What became of a copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CopyOutcome {
    /// All of it is here.
    Complete(CopySummary),
    /// It cannot be copied before a person has mended something.
    Refused(CopyRefusal),
    /// The time was up. What was sent is kept: the next copy goes on from there.
    OutOfTime(CopySummary),
}

/// What a copy did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CopySummary {
    /// The layers and configurations that were sent.
    pub blobs: usize,
    /// Their bytes.
    pub bytes: u64,
    /// The layers and configurations of missing manifests that were here already.
    pub skipped: usize,
    /// The manifests that were put.
    pub manifests: usize,
    /// How many of them speak of an image: signatures, SBOMs, attestations, evidence.
    pub referrers: usize,
    /// Signature tags that were left as they are here.
    pub kept: Vec<KeptTag>,
    /// What speaks of the image upstream and was not copied.
    pub left_out: Vec<LeftOut>,
}

/// An artifact that speaks of the image upstream and cannot be copied. The image can be without it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOut {
    /// The artifact.
    pub digest: ImageDigest,
    /// Why it is left out.
    pub because: String,
}

/// A tag such as `sha256-….sig` that names something else here than upstream. It is not moved, because what it names
/// here would be lost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptTag {
    /// The tag.
    pub tag: ImageTag,
    /// What it names here.
    pub here: ImageDigest,
    /// What it names upstream.
    pub upstream: ImageDigest,
}

/// Copies an image with all that belongs to it: children at any depth, layers, referrers, and the signatures,
/// attestations and SBOMs under cosign's tags. `progress` is told now and then while layers are sent.
///
/// # Errors
/// When a registry gives no usable answer. What was copied until then is kept.
pub async fn copy_image(
    request: &CopyRequest<'_>,
    mut progress: impl FnMut(Progress),
) -> Result<CopyOutcome, CallError> {
    let mut summary = CopySummary::default();
    let mut known = Known::default();
    for round in 1.. {
        let stopped = match copy_round(request, &mut known, &mut summary, &mut progress).await {
            Ok(()) => return Ok(CopyOutcome::Complete(summary)),
            Err(stopped) => stopped,
        };
        let last = round == ROUNDS_MAX;
        match stopped {
            Stop::Refused(refusal) => return Ok(CopyOutcome::Refused(refusal)),
            Stop::OutOfTime => return Ok(CopyOutcome::OutOfTime(summary)),
            Stop::Failed(error) if last || !may_pass(&error) => return Err(error),
            Stop::NotThere { error, .. } if last => return Err(error),
            Stop::Failed(_) => {}
            Stop::NotThere { digests, .. } => known.distrusted.extend(digests),
        }
        let pause = PAUSE_FIRST * 2_u32.saturating_pow(round - 1);
        if Instant::now() + pause >= request.deadline {
            break;
        }
        tokio::time::sleep(pause).await;
    }
    Ok(CopyOutcome::OutOfTime(summary))
}

/// Whether the same calls may go better. An answer that is cut off is malformed, and so is one whose bytes do not fit
/// their digest.
fn may_pass(error: &CallError) -> bool {
    matches!(error.kind(), CallErrorKind::Transient | CallErrorKind::Malformed)
}

/// What earlier rounds of a copy found out.
#[derive(Debug, Default)]
struct Known {
    /// What a registry said is there and then missed when it was needed: it is sent again whatever it says.
    distrusted: BTreeSet<ImageDigest>,
    /// The layers and configurations that were sent.
    sent: BTreeSet<ImageDigest>,
}

async fn copy_round(
    request: &CopyRequest<'_>,
    known: &mut Known,
    summary: &mut CopySummary,
    progress: &mut impl FnMut(Progress),
) -> Result<(), Stop> {
    let mut graph = stop::by(request.deadline, read::read(request, &known.distrusted)).await?;
    summary.kept.clone_from(&graph.kept);
    summary.left_out = graph.told();
    let lost = blobs::send(request, &graph, known, summary, progress).await?;
    if !lost.is_empty() {
        graph.leave_out_without(request.digest, &lost);
        summary.left_out = graph.told();
    }
    manifests::put(request, &graph, summary).await
}
