//! The image's graph: which manifests belong to it, and which of them are not here yet.
//!
//! It is read level by level, so that the number of calls grows with its depth and not with its size:
//! the image; then its children and what refers to it; and so on. Each level asks upstream for manifests by digest
//! and for cosign's tags in one call, for referrers in one page a manifest, and this account for all that is new.

use super::manifest::Manifest;
use super::refusal::CopyRefusal;
use super::stop::Stop;
use super::{CopyRequest, KeptTag};
use crate::connection::Clients;
use crate::ecr::{FoundImage, FoundImages, Referrer, by_digest, by_tag};
use aws_sdk_ecr::types::ImageIdentifier;
use domain::names::{ImageDigest, ImageRepositoryName, ImageTag};
use domain::rules::MissingRepositories;
use futures_util::future::try_join;
use futures_util::{StreamExt, TryStreamExt, stream};
use std::collections::{BTreeMap, BTreeSet};

/// How many manifests may belong to an image.
const MANIFESTS_MAX: usize = 1_000;
/// How many bytes the manifests may have that have to be put: they are held until then.
const MANIFEST_BYTES_MAX: usize = 16 * 1024 * 1024;
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

/// What has to be put here.
#[derive(Debug, Default)]
pub(super) struct Graph {
    /// The manifests that are missing here.
    pub(super) missing: BTreeMap<ImageDigest, Missing>,
    /// What speaks of a manifest, also where both are here.
    pub(super) attachments: BTreeMap<ImageDigest, BTreeSet<ImageDigest>>,
    /// Tags that are left as they are here.
    pub(super) kept: Vec<KeptTag>,
}

/// A manifest that is missing here, or lacks a tag.
#[derive(Debug)]
pub(super) struct Missing {
    pub(super) manifest: Manifest,
    pub(super) tags: BTreeSet<ImageTag>,
}

/// A manifest that the next level looks at.
#[derive(Debug)]
struct Look {
    digest: ImageDigest,
    size: u64,
    /// Whether its bytes are needed: it is missing here, or may have children.
    fetch: bool,
    /// Whether cosign's tags are looked for. What speaks that way of a child came before its index.
    tags: bool,
    /// Whether the image cannot be without it.
    required: bool,
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
        here: BTreeSet::new(),
        graph: Graph::default(),
    };
    let root = Look {
        digest: request.digest.clone(),
        size: SIZE_BEHIND_TAG,
        fetch: true,
        tags: true,
        required: true,
    };
    let mut looks = vec![root];
    while !looks.is_empty() {
        looks = reader.level(looks).await?;
    }
    Ok(reader.graph)
}

struct Reader<'a> {
    request: &'a CopyRequest<'a>,
    distrusted: &'a BTreeSet<ImageDigest>,
    seen: BTreeSet<ImageDigest>,
    here: BTreeSet<ImageDigest>,
    graph: Graph,
}

/// What a level found upstream, each manifest read.
#[derive(Default)]
struct Level {
    manifests: BTreeMap<ImageDigest, Manifest>,
    tagged: BTreeMap<ImageTag, (ImageDigest, Manifest)>,
    referrers: Vec<(ImageDigest, Referrer)>,
}

impl Reader<'_> {
    async fn level(&mut self, looks: Vec<Look>) -> Result<Vec<Look>, Stop> {
        let (manifests, referrers) = try_join(self.fetch(&looks), self.referrers(&looks)).await?;
        let level = self.read_level(&looks, manifests, referrers)?;
        let next = self.discover(&looks, &level)?;
        let tagged_here = self.ask_here(&looks, &next, &level).await?;
        let next = next.into_iter().map(|(look, parent)| self.decided(look, parent.as_ref())).collect();
        for (digest, manifest) in level.manifests {
            if !self.here.contains(&digest) {
                self.add_missing(digest, manifest, None)?;
            }
        }
        for (tag, (digest, manifest)) in level.tagged {
            match tagged_here.get(&tag) {
                Some((here, _)) if *here == digest && !self.distrusted.contains(&digest) => {}
                // A signature is added by a new manifest with one layer more: then nothing is lost by moving the tag.
                Some((here, _)) if *here == digest => self.add_missing(digest, manifest, Some(tag))?,
                Some((here, old)) if !old.blobs.iter().all(|blob| manifest.blobs.contains(blob)) => {
                    self.graph.kept.push(KeptTag { tag, here: here.clone(), upstream: digest });
                }
                _ => self.add_missing(digest, manifest, Some(tag))?,
            }
        }
        Ok(next)
    }

    /// The manifests of a level, and what cosign's tags name, from upstream.
    async fn fetch(&self, looks: &[Look]) -> Result<FoundImages, Stop> {
        let mut ids = Vec::new();
        for look in looks {
            if look.fetch {
                ids.push((by_digest(&look.digest), look.size));
            }
            if look.tags {
                ids.extend(cosign_tags(&look.digest).map(|tag| (by_tag(&tag), SIZE_BEHIND_TAG)));
            }
        }
        let (source, repository) = (self.request.source, self.request.from);
        let found = get_in_calls(source, repository, ids).await.map_err(Stop::source)?;
        found.ok_or_else(|| {
            Stop::Refused(CopyRefusal::SourceRepositoryMissing { repository: repository.clone() })
        })
    }

    async fn referrers(&self, looks: &[Look]) -> Result<Vec<(ImageDigest, Referrer)>, Stop> {
        let (source, repository) = (self.request.source, self.request.from);
        let pages = stream::iter(looks).map(async |look| {
            let listed = source.referrers(repository, &look.digest, None).await?;
            Ok(listed.into_iter().map(|referrer| (look.digest.clone(), referrer)).collect::<Vec<_>>())
        });
        let pages: Vec<_> = pages.buffered(PAGES_AT_ONCE).try_collect().await.map_err(Stop::source)?;
        Ok(pages.into_iter().flatten().collect())
    }

    fn read_level(
        &self,
        looks: &[Look],
        found: FoundImages,
        referrers: Vec<(ImageDigest, Referrer)>,
    ) -> Result<Level, Stop> {
        let repository = self.request.from;
        let mut level = Level { referrers, ..Level::default() };
        for FoundImage { digest, tag, media_type, text } in found.images {
            let manifest = Manifest::parse(text, media_type.as_deref()).map_err(|problem| {
                Stop::Refused(CopyRefusal::UnsupportedManifest { digest: digest.clone(), problem })
            })?;
            if self.is_forged(&manifest) {
                let is_part = |look: &Look| look.required && look.digest == digest;
                if looks.iter().any(is_part) {
                    let problem = "it claims to be this account's own evidence".to_owned();
                    return Err(Stop::Refused(CopyRefusal::UnsupportedManifest { digest, problem }));
                }
                continue;
            }
            match tag {
                Some(tag) => drop(level.tagged.insert(tag, (digest, manifest))),
                None => drop(level.manifests.insert(digest, manifest)),
            }
        }
        for look in looks.iter().filter(|look| look.fetch && look.required) {
            if level.manifests.contains_key(&look.digest) {
                continue;
            }
            let withheld = found.withheld.iter().find(|(digest, _)| *digest == look.digest);
            let (repository, digest) = (repository.clone(), look.digest.clone());
            return Err(Stop::Refused(match withheld {
                None => CopyRefusal::ImageGone { repository, digest },
                Some((_, problem)) => {
                    CopyRefusal::ImageInaccessible { repository, digest, problem: problem.clone() }
                }
            }));
        }
        Ok(level)
    }

    /// Whether upstream has something that claims to be this account's own word. An account's evidence is believed in its own
    /// registry, and only it puts evidence there: what comes from elsewhere in its name is never let in.
    fn is_forged(&self, manifest: &Manifest) -> bool {
        manifest.word_of.as_deref() == Some(self.request.target.account.as_str())
    }

    /// What the level names for the first time; each with the index that lists it.
    fn discover(&mut self, looks: &[Look], level: &Level) -> Result<Vec<(Look, Option<ImageDigest>)>, Stop> {
        let mut next = Vec::new();
        for (subject, referrer) in &level.referrers {
            self.attach(subject, &referrer.digest);
            let look = Look {
                digest: referrer.digest.clone(),
                size: referrer.size,
                fetch: super::manifest::may_be_index(&referrer.media_type),
                tags: false,
                required: false,
            };
            if self.is_new(&look.digest)? {
                next.push((look, None));
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
            for child in &manifest.children {
                let look = Look {
                    digest: child.digest.clone(),
                    size: child.size,
                    fetch: child.may_be_index,
                    tags: false,
                    required: true,
                };
                if self.is_new(&look.digest)? {
                    next.push((look, Some(parent.clone())));
                }
            }
        }
        Ok(next)
    }

    fn attach(&mut self, subject: &ImageDigest, attachment: &ImageDigest) {
        self.graph.attachments.entry(subject.clone()).or_default().insert(attachment.clone());
    }

    fn is_new(&mut self, digest: &ImageDigest) -> Result<bool, Stop> {
        let is_new = self.seen.insert(digest.clone());
        if self.seen.len() > MANIFESTS_MAX {
            return Err(self.too_large(format!("more than {MANIFESTS_MAX} manifests belong to it")));
        }
        Ok(is_new)
    }

    fn too_large(&self, problem: String) -> Stop {
        Stop::Refused(CopyRefusal::TooLarge { digest: self.request.digest.clone(), problem })
    }

    /// Asks this account which of the new manifests are here, and what the tags name here.
    async fn ask_here(
        &mut self,
        looks: &[Look],
        next: &[(Look, Option<ImageDigest>)],
        level: &Level,
    ) -> Result<BTreeMap<ImageTag, (ImageDigest, Manifest)>, Stop> {
        // Every other manifest was asked for when it was new.
        let root = looks.iter().filter(|look| look.digest == *self.request.digest);
        let new = root.chain(next.iter().map(|(look, _)| look));
        let new = new.map(|look| (by_digest(&look.digest), look.size));
        let tags = level.tagged.keys().map(|tag| (by_tag(tag), SIZE_BEHIND_TAG));
        let ids = new.chain(tags).collect();
        let (target, repository) = (self.request.target, self.request.to);
        let found = match get_in_calls(target, repository, ids).await.map_err(Stop::target)? {
            Some(found) => found,
            None if self.request.missing_repository == MissingRepositories::Create => {
                target.create_image_repository(repository).await.map_err(Stop::target)?;
                FoundImages::default()
            }
            None => {
                let repository = repository.clone();
                return Err(Stop::Refused(CopyRefusal::TargetRepositoryMissing { repository }));
            }
        };
        let mut tagged = BTreeMap::new();
        for FoundImage { digest, tag, media_type, text } in found.images {
            match (tag, Manifest::parse(text, media_type.as_deref())) {
                (Some(tag), Ok(manifest)) => drop(tagged.insert(tag, (digest, manifest))),
                (Some(_), Err(_)) => {}
                (None, _) if self.distrusted.contains(&digest) => {}
                (None, _) => drop(self.here.insert(digest)),
            }
        }
        Ok(tagged)
    }

    /// What to do about a manifest, now that it is known whether it and its index are here.
    fn decided(&self, look: Look, parent: Option<&ImageDigest>) -> Look {
        let fetch = look.fetch || !self.here.contains(&look.digest);
        let brought_by = parent.unwrap_or(&look.digest);
        let tags = !self.here.contains(brought_by);
        Look { fetch, tags, ..look }
    }

    fn add_missing(
        &mut self,
        digest: ImageDigest,
        manifest: Manifest,
        tag: Option<ImageTag>,
    ) -> Result<(), Stop> {
        let missing =
            self.graph.missing.entry(digest).or_insert_with(|| Missing { manifest, tags: BTreeSet::new() });
        missing.tags.extend(tag);
        let held: usize = self.graph.missing.values().map(|missing| missing.manifest.text.len()).sum();
        if held > MANIFEST_BYTES_MAX {
            return Err(self.too_large(format!("its manifests have more than {MANIFEST_BYTES_MAX} bytes")));
        }
        Ok(())
    }
}

/// The tags under which cosign puts what speaks of a manifest.
fn cosign_tags(digest: &ImageDigest) -> impl Iterator<Item = ImageTag> + use<> {
    let name = digest.as_str().replace(':', "-");
    COSIGN_SUFFIXES.into_iter().filter_map(move |suffix| ImageTag::parse(&format!("{name}.{suffix}")).ok())
}

/// Gets manifests in as many calls as their sizes ask for. None when there is no such repository.
async fn get_in_calls(
    clients: &Clients,
    repository: &ImageRepositoryName,
    ids: Vec<(ImageIdentifier, u64)>,
) -> Result<Option<FoundImages>, crate::error::CallError> {
    let mut all = FoundImages::default();
    let mut call = Vec::new();
    let mut bytes = 0;
    let mut ids = ids.into_iter().peekable();
    while let Some((id, size)) = ids.next() {
        call.push(id);
        bytes += size;
        let is_full = call.len() == IMAGES_PER_CALL
            || ids.peek().is_none_or(|(_, next)| bytes.saturating_add(*next) > BYTES_PER_CALL);
        if !is_full {
            continue;
        }
        bytes = 0;
        match clients.found_images(repository, std::mem::take(&mut call)).await? {
            None => return Ok(None),
            Some(found) => {
                all.images.extend(found.images);
                all.withheld.extend(found.withheld);
            }
        }
    }
    Ok(Some(all))
}
