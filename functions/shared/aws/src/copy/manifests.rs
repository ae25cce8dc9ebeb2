//! The manifests that are missing here, each after all that it names: layers, children, and what speaks of the
//! children. So a manifest that is here is complete, also after a copy that was broken off.

use super::graph::{Graph, Missing};
use super::manifest::Manifest;
use super::refusal::CopyRefusal;
use super::stop::{self, Stop};
use super::{CopyRequest, CopySummary, KeptTag};
use crate::ecr::{Put, by_digest, by_tag};
use crate::error::CallError;
use domain::names::{ImageDigest, ImageTag};
use futures_util::{StreamExt, TryStreamExt, stream};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// How many manifests are put at once. ECR takes 10 a second of an account, and some more for a moment.
const PUTS_AT_ONCE: usize = 4;
/// How often a put is tried again when there are too many a second, after the SDK's own attempts.
const THROTTLED_MAX: u32 = 6;
/// The pause before that.
const THROTTLED_PAUSE: Duration = Duration::from_millis(500);

/// Puts them.
pub(super) async fn put(
    request: &CopyRequest<'_>,
    graph: &Graph,
    summary: &mut CopySummary,
) -> Result<(), Stop> {
    let attached: BTreeSet<&ImageDigest> = graph.attachments.values().flatten().collect();
    for wave in waves(graph) {
        // A request has a manifest several times over in memory, so that one which is not held is put by itself.
        let (held, others): (Vec<_>, Vec<_>) =
            wave.iter().partition(|(_, missing)| missing.manifest.text.is_some());
        for (puts, at_once) in [(held, PUTS_AT_ONCE), (others, 1)] {
            let puts = puts.into_iter().map(|(digest, missing)| put_one(request, digest, missing));
            let puts = stream::iter(puts).buffer_unordered(at_once).try_collect::<Vec<Vec<KeptTag>>>();
            summary.kept.extend(stop::by(request.deadline, puts).await?.into_iter().flatten());
        }
        summary.manifests += wave.len();
        summary.referrers += wave.iter().filter(|(digest, _)| attached.contains(digest)).count();
    }
    Ok(())
}

/// The manifests in an order in which they can be put, those of one wave at once.
fn waves(graph: &Graph) -> Vec<Vec<(&ImageDigest, &Missing)>> {
    let mut left: BTreeMap<&ImageDigest, &Missing> = graph.missing.iter().collect();
    let mut waves = Vec::new();
    while !left.is_empty() {
        let names = |missing: &Missing| -> bool {
            missing.manifest.children.iter().any(|child| left.contains_key(&child.digest))
        };
        let waits = |digest: &ImageDigest, missing: &Missing| -> bool {
            let children = missing.manifest.children.iter();
            children
                .into_iter()
                .any(|child| graph.speaks_of(&child.digest).iter().any(|one| left.contains_key(one)))
                || graph
                    .attachments
                    .iter()
                    .any(|(subject, speaking)| speaking.contains(digest) && left.contains_key(subject))
        };
        let can = |(_, missing): &(&&ImageDigest, &&Missing)| !names(missing);
        let may = |(digest, missing): &(&&ImageDigest, &&Missing)| !names(missing) && !waits(digest, missing);
        let mut wave: Vec<_> = left.iter().filter(may).map(|(digest, missing)| (*digest, *missing)).collect();
        if wave.is_empty() {
            // What speaks of a child is itself made of its index: one of them has to come first.
            wave = left.iter().filter(can).map(|(digest, missing)| (*digest, *missing)).collect();
        }
        if wave.is_empty() {
            // Digests cannot name each other in a circle; ECR would say what is missing.
            wave = left.iter().map(|(digest, missing)| (*digest, *missing)).collect();
        }
        for (digest, _) in &wave {
            left.remove(digest);
        }
        waves.push(wave);
    }
    waves
}

/// Puts one manifest under its tags, or under none.
async fn put_one(
    request: &CopyRequest<'_>,
    digest: &ImageDigest,
    missing: &Missing,
) -> Result<Vec<KeptTag>, Stop> {
    let manifest = &missing.manifest;
    let text = match &manifest.text {
        Some(text) => Cow::Borrowed(text),
        None => Cow::Owned(fetch_again(request, digest).await?),
    };
    let mut kept = Vec::new();
    if missing.tags.is_empty() {
        put_under(request, digest, (manifest, &text), None).await?;
    }
    for tag in &missing.tags {
        if put_under(request, digest, (manifest, &text), Some(tag)).await? == IsTagged::Here {
            continue;
        }
        // The repository's tags are immutable: what the tag names here stays.
        let found = request.target.found_images(request.to, vec![by_tag(tag)]).await.map_err(Stop::target)?;
        let found = found.unwrap_or_default().images;
        let others = found.iter().filter(|image| image.digest != *digest);
        kept.extend(others.map(|image| KeptTag {
            tag: tag.clone(),
            here: image.digest.clone(),
            upstream: digest.clone(),
        }));
    }
    Ok(kept)
}

/// The bytes of a manifest that were not held.
async fn fetch_again(request: &CopyRequest<'_>, digest: &ImageDigest) -> Result<String, Stop> {
    let found = request.source.found_images(request.from, vec![by_digest(digest)]).await;
    let image = found.map_err(Stop::source)?.and_then(|found| found.images.into_iter().next());
    let image = image.ok_or_else(|| {
        let (repository, digest) = (request.from.clone(), digest.clone());
        Stop::Refused(CopyRefusal::ImageGone { repository, digest })
    })?;
    Ok(image.text)
}

/// Whether a tag names what it should.
#[derive(PartialEq, Eq)]
enum IsTagged {
    Here,
    Unknown,
}

async fn put_under(
    request: &CopyRequest<'_>,
    digest: &ImageDigest,
    (manifest, text): (&Manifest, &str),
    tag: Option<&ImageTag>,
) -> Result<IsTagged, Stop> {
    let content = (manifest.media_type.as_str(), text);
    let mut attempt = 0;
    loop {
        match request.target.put_manifest(request.to, digest, content, tag).await {
            Ok(Put::Done | Put::AlreadyThere) => return Ok(IsTagged::Here),
            Ok(Put::TagTaken) => return Ok(IsTagged::Unknown),
            Ok(Put::NotThere(error)) => {
                return Err(Stop::NotThere { digests: named_in(&error, manifest), error });
            }
            Err(error) if error.is_throttle() && attempt < THROTTLED_MAX => {
                attempt += 1;
                tokio::time::sleep(THROTTLED_PAUSE * attempt).await;
            }
            Err(error) => return Err(Stop::target(error)),
        }
    }
}

/// The parts of a manifest that ECR says are missing; all its parts when it names none of them.
fn named_in(error: &CallError, manifest: &Manifest) -> BTreeSet<ImageDigest> {
    let text = error.to_string();
    let blobs = manifest.blobs.iter().map(|blob| &blob.digest);
    let parts: BTreeSet<&ImageDigest> =
        blobs.chain(manifest.children.iter().map(|child| &child.digest)).collect();
    let named: BTreeSet<_> = parts.iter().copied().filter(|part| text.contains(part.as_str())).collect();
    if named.is_empty() { parts } else { named }.into_iter().cloned().collect()
}
