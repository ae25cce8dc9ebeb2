//! Reads an image's graph: which manifests belong to it, and which of them are not here yet.
//!
//! It is read level by level, so that the number of calls grows with its depth and not with its size:
//! the image; then its children and what refers to it; and so on. Each level asks upstream for manifests by digest
//! and for cosign's tags in one call, for referrers in one page a manifest, and this account for all that is new.

use super::graph::{Graph, Missing};
use super::manifest::Manifest;
use super::refusal::CopyRefusal;
use super::stop::Stop;
use super::{CopyRequest, KeptTag};
use crate::connection::Clients;
use crate::ecr::{FoundImage, Referrer, TOO_MANY_REFERRERS, by_digest, by_tag};
use crate::error::CallError;
use aws_sdk_ecr::types::ImageIdentifier;
use domain::names::{ImageDigest, ImageRepositoryName, ImageTag};
use domain::rules::MissingRepositories;
use futures_util::future::try_join;
use futures_util::{StreamExt, TryStreamExt, stream};
use std::collections::{BTreeMap, BTreeSet};

/// How many manifests may belong to an image.
const MANIFESTS_MAX: usize = 1_000;
/// How many layers the manifests may name.
const LAYERS_MAX: usize = 20_000;
/// How many bytes of manifests are held until they are put. The others are fetched again then.
const HELD_BYTES_MAX: usize = 4 * 1024 * 1024;
/// The largest manifest that is held.
const HELD_MANIFEST_BYTES_MAX: usize = 256 * 1024;
/// ECR's most images in one `BatchGetImage`.
const IMAGES_PER_CALL: usize = 100;
/// How many bytes of manifests one `BatchGetImage` should bring: as many as the largest manifest has.
const BYTES_PER_CALL: u64 = 4 * 1024 * 1024;
/// How large what a tag names is taken to be before it is known.
const SIZE_BEHIND_TAG: u64 = 16 * 1024;
/// How many pages of referrers are asked for at once.
const PAGES_AT_ONCE: usize = 8;
/// What cosign appends to a digest, to name the tag that speaks of it.
const COSIGN_SUFFIXES: [&str; 3] = ["sig", "att", "sbom"];

/// A manifest that the next level looks at.
#[derive(Debug)]
struct Look {
    digest: ImageDigest,
    size: u64,
    /// Whether its bytes are needed: it is missing here, or may have children.
    fetch: bool,
    /// Whether cosign's tags are looked for.
    tags: bool,
    /// Whether the image cannot be without it.
    required: bool,
    /// Whether an index lists it.
    listed: bool,
}

/// Reads the graph.
pub(super) async fn read(
    request: &CopyRequest<'_>,
    distrusted: &BTreeSet<ImageDigest>,
) -> Result<Graph, Stop> {
    let mut reader = Reader {
        request,
        distrusted,
        seen: BTreeSet::from([request.digest.clone()]),
        required: BTreeSet::from([request.digest.clone()]),
        here: BTreeSet::new(),
        held: Held::default(),
        cannot: BTreeMap::new(),
        graph: Graph::default(),
    };
    let root = Look {
        digest: request.digest.clone(),
        size: SIZE_BEHIND_TAG,
        fetch: true,
        tags: true,
        required: true,
        listed: false,
    };
    let mut looks = vec![root];
    while !looks.is_empty() {
        looks = reader.level(looks).await?;
    }
    let Reader { mut graph, cannot, .. } = reader;
    graph.settle(request.digest, cannot).map_err(Stop::Refused)?;
    Ok(graph)
}

struct Reader<'a> {
    request: &'a CopyRequest<'a>,
    distrusted: &'a BTreeSet<ImageDigest>,
    seen: BTreeSet<ImageDigest>,
    required: BTreeSet<ImageDigest>,
    here: BTreeSet<ImageDigest>,
    held: Held,
    /// What cannot be copied. Whether the image can be without it is known at the end.
    cannot: BTreeMap<ImageDigest, CopyRefusal>,
    graph: Graph,
}

/// What is held of the manifests that were read.
#[derive(Debug, Clone, Copy, Default)]
struct Held {
    bytes: usize,
    layers: usize,
}

/// What a level found upstream, each manifest read.
#[derive(Default)]
struct Level {
    manifests: BTreeMap<ImageDigest, Manifest>,
    tagged: BTreeMap<ImageTag, (ImageDigest, Manifest)>,
    cannot: BTreeMap<ImageDigest, CopyRefusal>,
    held: Held,
}

impl Reader<'_> {
    async fn level(&mut self, looks: Vec<Look>) -> Result<Vec<Look>, Stop> {
        let (mut level, referrers) = try_join(self.fetch(&looks), self.referrers(&looks)).await?;
        self.held = level.held;
        self.cannot.append(&mut level.cannot);
        let next = self.discover(&looks, &level, referrers)?;
        let tagged_here = self.ask_here(&looks, &next, &level).await?;
        let next = next.into_iter().map(|look| self.decided(look)).collect();
        for (digest, manifest) in level.manifests {
            if !self.here.contains(&digest) {
                self.add_missing(digest, manifest, None);
            }
        }
        for (tag, (digest, manifest)) in level.tagged {
            match tagged_here.get(&tag) {
                Some((here, _)) if *here == digest && !self.distrusted.contains(&digest) => {}
                // A signature is added by a new manifest with one layer more: then nothing is lost by moving the tag.
                Some((here, _)) if *here == digest => self.add_missing(digest, manifest, Some(tag)),
                Some((here, old)) if !old.blobs.iter().all(|blob| manifest.blobs.contains(blob)) => {
                    self.graph.kept.push(KeptTag { tag, here: here.clone(), upstream: digest });
                }
                _ => self.add_missing(digest, manifest, Some(tag)),
            }
        }
        Ok(next)
    }

    /// The manifests of a level, and what cosign's tags name, from upstream.
    async fn fetch(&self, looks: &[Look]) -> Result<Level, Stop> {
        let mut ids = Vec::new();
        for look in looks {
            if look.fetch {
                ids.push((by_digest(&look.digest), look.size));
            }
            if look.tags {
                ids.extend(cosign_tags(&look.digest).map(|tag| (by_tag(&tag), SIZE_BEHIND_TAG)));
            }
        }
        let mut level = Level { held: self.held, ..Level::default() };
        let (source, repository) = (self.request.source, self.request.from);
        let take = |found| self.take(&mut level, found);
        let Some(withheld) = get_in_calls(source, repository, ids, Stop::source, take).await? else {
            let repository = repository.clone();
            return Err(Stop::Refused(CopyRefusal::SourceRepositoryMissing { repository }));
        };
        for look in looks.iter().filter(|look| look.fetch) {
            if level.manifests.contains_key(&look.digest) || level.cannot.contains_key(&look.digest) {
                continue;
            }
            let why = withheld.iter().find(|(digest, _)| *digest == look.digest);
            let (repository, digest) = (repository.clone(), look.digest.clone());
            let refusal = match why {
                None => CopyRefusal::ImageGone { repository, digest },
                Some((_, problem)) => {
                    CopyRefusal::ImageInaccessible { repository, digest, problem: problem.clone() }
                }
            };
            self.leave_out(&mut level, look.digest.clone(), refusal)?;
        }
        Ok(level)
    }

    /// Reads a manifest that came.
    fn take(&self, level: &mut Level, found: FoundImage) -> Result<(), Stop> {
        let FoundImage { digest, tag, media_type, text } = found;
        let read = Manifest::parse(text, media_type.as_deref()).and_then(|manifest| {
            if self.is_forged(&manifest) {
                return Err("it claims to be this account's own evidence".to_owned());
            }
            Ok(manifest)
        });
        let mut manifest = match read {
            Ok(manifest) => manifest,
            Err(problem) => {
                let refusal = CopyRefusal::UnsupportedManifest { digest: digest.clone(), problem };
                return self.leave_out(level, digest, refusal);
            }
        };
        if tag.is_none() && self.here.contains(&digest) {
            // Only what it lists is of interest.
            manifest.text = None;
            manifest.blobs = Vec::new();
        }
        if level.held.layers + manifest.blobs.len() > LAYERS_MAX {
            let problem = format!("with it, the manifests name more than {LAYERS_MAX} layers");
            let refusal = CopyRefusal::TooLarge { digest: digest.clone(), problem };
            return self.leave_out(level, digest, refusal);
        }
        level.held.layers += manifest.blobs.len();
        let bytes = manifest.text.as_ref().map_or(0, String::len);
        if bytes > HELD_MANIFEST_BYTES_MAX || level.held.bytes + bytes > HELD_BYTES_MAX {
            manifest.text = None;
        } else {
            level.held.bytes += bytes;
        }
        match tag {
            Some(tag) => drop(level.tagged.insert(tag, (digest, manifest))),
            None => drop(level.manifests.insert(digest, manifest)),
        }
        Ok(())
    }

    /// What speaks of the image and cannot be copied is left out. Of the image itself nothing is.
    fn leave_out(&self, level: &mut Level, digest: ImageDigest, refusal: CopyRefusal) -> Result<(), Stop> {
        if self.required.contains(&digest) {
            return Err(Stop::Refused(refusal));
        }
        if !self.here.contains(&digest) {
            level.cannot.insert(digest, refusal);
        }
        Ok(())
    }

    async fn referrers(&self, looks: &[Look]) -> Result<Vec<(ImageDigest, Referrer)>, Stop> {
        let (source, repository) = (self.request.source, self.request.from);
        let pages = stream::iter(looks).map(async |look| {
            let listed = source.referrers(repository, &look.digest, None).await;
            let listed = listed.map_err(|error| match error.code() {
                Some(TOO_MANY_REFERRERS) => {
                    let problem = "more artifacts refer to it than are read".to_owned();
                    Stop::Refused(CopyRefusal::TooLarge { digest: look.digest.clone(), problem })
                }
                _ => Stop::source(error),
            })?;
            Ok(listed.into_iter().map(|referrer| (look.digest.clone(), referrer)).collect::<Vec<_>>())
        });
        let pages: Vec<_> = pages.buffered(PAGES_AT_ONCE).try_collect().await?;
        Ok(pages.into_iter().flatten().collect())
    }

    /// Whether upstream has something that claims to be this account's own word. An account's evidence is believed in its own
    /// registry, and only it puts evidence there: what comes from elsewhere in its name is never let in.
    fn is_forged(&self, manifest: &Manifest) -> bool {
        manifest.word_of.as_deref() == Some(self.request.target.account.as_str())
    }

    /// What the level names for the first time.
    fn discover(
        &mut self,
        looks: &[Look],
        level: &Level,
        referrers: Vec<(ImageDigest, Referrer)>,
    ) -> Result<Vec<Look>, Stop> {
        let mut next = Vec::new();
        for (subject, referrer) in referrers {
            self.attach(&subject, &referrer.digest);
            if self.is_new(&referrer.digest)? {
                next.push(Look {
                    digest: referrer.digest,
                    size: referrer.size,
                    fetch: super::manifest::may_be_index(&referrer.media_type),
                    tags: false,
                    required: false,
                    listed: false,
                });
            }
        }
        for look in looks.iter().filter(|look| look.tags) {
            for tag in cosign_tags(&look.digest) {
                if let Some((digest, _)) = level.tagged.get(&tag) {
                    self.attach(&look.digest, digest);
                }
            }
        }
        let tagged = level.tagged.values().map(|(digest, manifest)| (digest, manifest));
        for (parent, manifest) in level.manifests.iter().chain(tagged) {
            let required = self.required.contains(parent);
            for child in &manifest.children {
                self.graph.children.entry(parent.clone()).or_default().insert(child.digest.clone());
                let digest = child.digest.clone();
                let (size, fetch) = (child.size, child.may_be_index);
                if self.is_new(&digest)? {
                    next.push(Look { digest, size, fetch, tags: false, required, listed: true });
                }
            }
        }
        self.required.extend(next.iter().filter(|look| look.required).map(|look| look.digest.clone()));
        Ok(next)
    }

    fn attach(&mut self, subject: &ImageDigest, attachment: &ImageDigest) {
        self.graph.attachments.entry(subject.clone()).or_default().insert(attachment.clone());
    }

    fn is_new(&mut self, digest: &ImageDigest) -> Result<bool, Stop> {
        let is_new = self.seen.insert(digest.clone());
        if self.seen.len() > MANIFESTS_MAX {
            let problem = format!("more than {MANIFESTS_MAX} manifests belong to it");
            let digest = self.request.digest.clone();
            return Err(Stop::Refused(CopyRefusal::TooLarge { digest, problem }));
        }
        Ok(is_new)
    }

    /// Asks this account which of the new manifests are here, and what the tags name here.
    async fn ask_here(
        &mut self,
        looks: &[Look],
        next: &[Look],
        level: &Level,
    ) -> Result<BTreeMap<ImageTag, (ImageDigest, Manifest)>, Stop> {
        // Every other manifest was asked for when it was new.
        let root = looks.iter().filter(|look| look.digest == *self.request.digest);
        let new = root.chain(next).map(|look| (by_digest(&look.digest), look.size));
        let tags = level.tagged.keys().map(|tag| (by_tag(tag), SIZE_BEHIND_TAG));
        let ids = new.chain(tags).collect();
        let (target, repository) = (self.request.target, self.request.to);
        let mut tagged = BTreeMap::new();
        let take = |found| {
            let FoundImage { digest, tag, media_type, text } = found;
            match tag {
                Some(tag) => {
                    if let Ok(manifest) = Manifest::parse(text, media_type.as_deref()) {
                        tagged.insert(tag, (digest, manifest));
                    }
                }
                None if self.distrusted.contains(&digest) => {}
                None => drop(self.here.insert(digest)),
            }
            Ok(())
        };
        if get_in_calls(target, repository, ids, Stop::target, take).await?.is_none() {
            if self.request.missing_repository != MissingRepositories::Create {
                let repository = repository.clone();
                return Err(Stop::Refused(CopyRefusal::TargetRepositoryMissing { repository }));
            }
            target.create_image_repository(repository).await.map_err(Stop::target)?;
        }
        Ok(tagged)
    }

    /// What to do about a manifest, now that it is known whether it is here. What speaks of the image and is here is asked
    /// for no cosign tags of its own; the children of an index may have been signed later than it was copied.
    fn decided(&self, look: Look) -> Look {
        let is_here = self.here.contains(&look.digest);
        Look { fetch: look.fetch || !is_here, tags: look.listed || !is_here, ..look }
    }

    fn add_missing(&mut self, digest: ImageDigest, manifest: Manifest, tag: Option<ImageTag>) {
        let missing = self.graph.missing.entry(digest);
        let missing = missing.or_insert_with(|| Missing { manifest, tags: BTreeSet::new() });
        missing.tags.extend(tag);
    }
}

/// The tags under which cosign puts what speaks of a manifest.
fn cosign_tags(digest: &ImageDigest) -> impl Iterator<Item = ImageTag> + use<> {
    let name = digest.as_str().replace(':', "-");
    COSIGN_SUFFIXES.into_iter().filter_map(move |suffix| ImageTag::parse(&format!("{name}.{suffix}")).ok())
}

/// Gets manifests in as many calls as their sizes ask for, and hands each on as it comes, so that one call's answer is held
/// at a time. Says what is there and not given out; none when there is no such repository.
async fn get_in_calls(
    clients: &Clients,
    repository: &ImageRepositoryName,
    ids: Vec<(ImageIdentifier, u64)>,
    stop: fn(CallError) -> Stop,
    mut take: impl FnMut(FoundImage) -> Result<(), Stop>,
) -> Result<Option<Vec<(ImageDigest, String)>>, Stop> {
    let mut withheld = Vec::new();
    let mut call = Vec::new();
    let mut bytes = 0_u64;
    let mut ids = ids.into_iter().peekable();
    while let Some((id, size)) = ids.next() {
        call.push(id);
        bytes = bytes.saturating_add(size);
        let is_full = call.len() == IMAGES_PER_CALL
            || ids.peek().is_none_or(|(_, next)| bytes.saturating_add(*next) > BYTES_PER_CALL);
        if !is_full {
            continue;
        }
        bytes = 0;
        let found = clients.found_images(repository, std::mem::take(&mut call)).await.map_err(stop)?;
        let Some(found) = found else { return Ok(None) };
        found.images.into_iter().try_for_each(&mut take)?;
        withheld.extend(found.withheld);
    }
    Ok(Some(withheld))
}
