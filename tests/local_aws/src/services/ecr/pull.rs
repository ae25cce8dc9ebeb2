//! An image as a container agent pulls it.

use super::access;
use super::files;
use super::image_id::ImageId;
use super::repository::{Image, Repository};
use crate::caller::Caller;
use crate::names::AccountId;
use crate::services::iam;
use crate::world::World;
use serde::Deserialize;
use std::collections::BTreeMap;

/// The largest configuration that is read for its labels.
const CONFIGURATION_BYTES_MAX: u64 = 8 * 1024 * 1024;
/// How deep indexes may lie in indexes.
const INDEX_DEPTH_MAX: usize = 4;

/// An image as a container agent finds it when it pulls.
#[derive(Debug, Clone, PartialEq)]
pub struct PulledImage {
    /// The digest that the reference named, or that its tag points to.
    pub digest: String,
    /// The digest of the index's child for linux on this machine's architecture; the same as `digest` for a
    /// single image.
    pub platform_digest: String,
    /// The labels of the image's configuration. `local-aws.exit-code` makes the container exit with that
    /// code soon after it starts, `local-aws.health: unhealthy` fails its health check.
    pub labels: BTreeMap<String, String>,
}

/// The parts of an image reference.
struct Reference {
    registry: AccountId,
    repository: String,
    id: ImageId,
}

/// Pulls an image as ECS does, in the name of a task's execution role: by
/// `<account>.dkr.ecr.<region>.amazonaws.com/<repository>[:tag|@digest]`.
///
/// # Errors
/// The text that ECS shows as `CannotPullContainerError`.
pub(crate) fn pull(world: &World, account: &AccountId, image: &str) -> Result<PulledImage, String> {
    let failed = |because: &str| format!("failed to resolve ref {}: {because}", image.escape_debug());
    let reference = parse(image, &world.region).ok_or_else(|| {
        let form = format!("<account>.dkr.ecr.{}.amazonaws.com/<repository>[:tag|@digest]", world.region);
        failed(&format!("the local accounts pull from their own registries only: expected {form}"))
    })?;
    let Reference { registry, repository: name, id } = &reference;
    let repository = readable(world, account, registry, name).map_err(|because| failed(&because))?;
    let (digest, found) = id.find(repository).map_err(|_| failed("not found"))?;
    if found.archived {
        return Err(failed("not found"));
    }
    let (platform_digest, platform_image) = for_this_platform(repository, digest, found)
        .ok_or_else(|| failed("no match for platform in manifest: not found"))?;
    for blob in platform_image.manifest.blobs() {
        let is_there = repository.blobs.contains_key(&blob.digest)
            && files::blob(&world.store, registry, &blob.digest).exists();
        if !is_there {
            return Err(failed(&format!("blob {} of {platform_digest}: not found", blob.digest)));
        }
    }
    Ok(PulledImage {
        digest: digest.to_owned(),
        platform_digest: platform_digest.to_owned(),
        labels: labels(world, registry, platform_image),
    })
}

fn parse(image: &str, region: &str) -> Option<Reference> {
    let (host, rest) = image.split_once('/')?;
    let registry = host.strip_suffix(&format!(".dkr.ecr.{region}.amazonaws.com"))?.parse().ok()?;
    let (repository, id) = if let Some((repository, digest)) = rest.split_once('@') {
        (repository, ImageId { image_digest: Some(digest.to_owned()), image_tag: None })
    } else {
        let (repository, tag) = rest.split_once(':').unwrap_or((rest, "latest"));
        (repository, ImageId { image_digest: None, image_tag: Some(tag.to_owned()) })
    };
    let is_named = super::parameters::is_repository_name(repository);
    is_named.then(|| Reference { registry, repository: repository.to_owned(), id })
}

fn readable<'a>(
    world: &'a World,
    account: &AccountId,
    registry: &AccountId,
    name: &str,
) -> Result<&'a Repository, String> {
    let found = access::find(world, registry, name);
    if registry == account {
        return found.ok_or_else(|| "repository does not exist: not found".to_owned());
    }
    // The execution role's own policies are not at hand here; its account must be let in at least.
    let caller = Caller::administrator(account);
    let arn = access::repository_arn(world, registry, name);
    let policy = found.and_then(Repository::policy_document);
    let allows = |action: &str| {
        policy
            .as_ref()
            .is_some_and(|policy| iam::resource_policy_allows(world, policy, &caller, action, &arn, &[]))
    };
    let allowed = allows("ecr:BatchGetImage") && allows("ecr:GetDownloadUrlForLayer");
    found.filter(|_| allowed).ok_or_else(|| {
        format!("pull access denied, no policy of {arn} allows account {account}: 403 Forbidden")
    })
}

/// The image itself, or an index's child for this machine, else its first child for any platform.
fn for_this_platform<'a>(
    repository: &'a Repository,
    digest: &'a str,
    image: &'a Image,
) -> Option<(&'a str, &'a Image)> {
    let (mut digest, mut image) = (digest, image);
    for _ in 0..INDEX_DEPTH_MAX {
        if !image.manifest.is_index() {
            return Some((digest, image));
        }
        let children = &image.manifest.children;
        let is_this = |platform: &(String, String)| platform.0 == "linux" && platform.1 == architecture();
        // Attestations stand in an index under the platform `unknown`.
        let is_any = |platform: &(String, String)| !matches!(platform.0.as_str(), "" | "unknown");
        let child = children
            .iter()
            .find(|child| child.platform.as_ref().is_some_and(is_this))
            .or_else(|| children.iter().find(|child| child.platform.as_ref().is_some_and(is_any)))
            .or_else(|| children.iter().find(|child| child.platform.is_none()))?;
        image = repository.images.get(&child.digest)?;
        digest = &child.digest;
    }
    None
}

/// This machine's architecture in the words of images.
fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

#[derive(Default, Deserialize)]
struct Configuration {
    #[serde(default)]
    config: ContainerConfiguration,
}

#[derive(Default, Deserialize)]
struct ContainerConfiguration {
    #[serde(rename = "Labels", default)]
    labels: Option<BTreeMap<String, String>>,
}

/// The labels; none when the configuration is not an image's.
fn labels(world: &World, registry: &AccountId, image: &Image) -> BTreeMap<String, String> {
    let Some(config) = &image.manifest.config else { return BTreeMap::new() };
    let path = files::blob(&world.store, registry, &config.digest);
    let is_small = std::fs::metadata(&path).is_ok_and(|file| file.len() <= CONFIGURATION_BYTES_MAX);
    let text = if is_small { std::fs::read(&path).unwrap_or_default() } else { Vec::new() };
    serde_json::from_slice::<Configuration>(&text).unwrap_or_default().config.labels.unwrap_or_default()
}
