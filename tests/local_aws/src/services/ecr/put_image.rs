//! PutImage: a manifest comes in, or a tag moves.

use super::access::{self, authorize};
use super::digest::{is_sha256, sha256};
use super::events::{self, Subject};
use super::image_id::ImageId;
use super::manifest::Manifest;
use super::parameters::{invalid, is_image_tag, repository_name, required};
use super::repository::{Image, Repository};
use crate::caller::Caller;
use crate::error::AwsError;
use crate::names::AccountId;
use crate::services::{Service, parse_input};
use crate::world::World;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// The longest manifest.
pub(crate) const MANIFEST_BYTES_MAX: usize = 4_194_304;
/// The most images of a repository.
const IMAGES_MAX: usize = 100_000;
/// The most tags of an image.
const TAGS_PER_IMAGE_MAX: usize = 1_000;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct PutImage {
    registry_id: Option<String>,
    repository_name: Option<String>,
    image_manifest: Option<String>,
    image_manifest_media_type: Option<String>,
    image_tag: Option<String>,
    image_digest: Option<String>,
}

/// What a put changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Change {
    NewImage,
    AnotherTag,
    /// It was archived; a push brings it back.
    Back,
}

/// PutImage.
pub(super) fn put(world: &mut World, caller: &Caller, input: Value) -> Result<Value, AwsError> {
    let input: PutImage = parse_input(Service::Ecr, "PutImage", input)?;
    let name = repository_name(input.repository_name)?;
    let account = authorize(world, caller, input.registry_id.as_deref(), &name, "ecr:PutImage")?;
    let repository = access::repository(world, &account, &name)?;
    let text = required(input.image_manifest, "imageManifest")?;
    if !(1..=MANIFEST_BYTES_MAX).contains(&text.len()) {
        let constraint = format!("must have length between 1 and {MANIFEST_BYTES_MAX}");
        return Err(invalid("imageManifest", &constraint));
    }
    let tag = input.image_tag.as_deref();
    if tag.is_some_and(|tag| !is_image_tag(tag)) {
        return Err(invalid(
            "imageTag",
            "must satisfy regular expression '[a-zA-Z0-9_][a-zA-Z0-9-._]{0,299}'",
        ));
    }
    let manifest = Manifest::parse(&text, input.image_manifest_media_type.as_deref())?;
    let digest = sha256(text.as_bytes());
    check_digest(input.image_digest.as_deref(), &digest)?;
    let place = Place { repository, account: &account, name: &name };
    let change = place.change(&digest, tag, world)?;
    place.check_references(&manifest)?;
    place.check_limits(&digest, change)?;
    let now = world.now();
    let media_type = manifest.media_type.clone();
    let repository = access::repository_mut(world, &account, &name)?;
    if change == Change::NewImage {
        let image =
            Image { text: text.clone(), manifest, pushed_at: now, tags: BTreeSet::new(), archived: false };
        repository.insert_image(&digest, image);
    }
    if let Some(image) = repository.images.get_mut(&digest) {
        image.archived = false;
    }
    if let Some(tag) = tag {
        repository.point_tag(tag, &digest);
    }
    let subject = repository.images.get(&digest).map(|image| Subject::new(&name, &digest, tag, image));
    if let Some(subject) = subject {
        events::pushed(world, &account, &subject, change == Change::AnotherTag);
    }
    Ok(json!({"image": {
        "registryId": account, "repositoryName": name, "imageId": ImageId::of(&digest, tag),
        "imageManifest": text, "imageManifestMediaType": media_type,
    }}))
}

fn check_digest(given: Option<&str>, digest: &str) -> Result<(), AwsError> {
    match given {
        Some(given) if !is_sha256(given) => Err(invalid("imageDigest", "must be a SHA-256 digest")),
        Some(given) if given != digest => Err(AwsError::new(
            "ImageDigestDoesNotMatchException",
            format!("The digest '{given}' does not match the digest '{digest}' of the manifest"),
        )),
        Some(_) | None => Ok(()),
    }
}

/// The repository that a manifest is put into.
struct Place<'a> {
    repository: &'a Repository,
    account: &'a AccountId,
    name: &'a str,
}

impl Place<'_> {
    /// What the put would change; nothing is an error, and so is a tag that may not move.
    fn change(&self, digest: &str, tag: Option<&str>, world: &World) -> Result<Change, AwsError> {
        let image = self.repository.images.get(digest);
        let is_archived = image.is_some_and(|image| image.archived);
        let is_there = image.is_some() && !is_archived;
        let change = match image {
            None => Change::NewImage,
            Some(_) if is_archived => Change::Back,
            Some(_) => Change::AnotherTag,
        };
        let Some(tag) = tag else {
            return if is_there { Err(self.already_exists(digest, "null")) } else { Ok(change) };
        };
        let holds = self.repository.mutability.holds(tag);
        match self.repository.image_tags.get(tag) {
            Some(pointed) if pointed == digest && is_there => {
                let tag_error = holds && world.settings.unconfirmed.same_immutable_tag_is_tag_already_exists;
                Err(if tag_error { self.tag_is_immutable(tag) } else { self.already_exists(digest, tag) })
            }
            Some(pointed) if holds && pointed != digest => Err(self.tag_is_immutable(tag)),
            Some(_) | None => Ok(change),
        }
    }

    /// Whether everything that the manifest is made of is in this repository.
    fn check_references(&self, manifest: &Manifest) -> Result<(), AwsError> {
        let layers = manifest.blobs().map(|blob| blob.digest.as_str());
        let absent: BTreeSet<&str> =
            layers.filter(|digest| !self.repository.blobs.contains_key(*digest)).collect();
        if !absent.is_empty() {
            return Err(self.references_absent("LayersNotFoundException", "Layers", &absent));
        }
        let children = manifest.children.iter().map(|child| child.digest.as_str());
        let absent: BTreeSet<&str> =
            children.filter(|digest| !self.repository.images.contains_key(*digest)).collect();
        if absent.is_empty() {
            return Ok(());
        }
        Err(self.references_absent("ReferencedImagesNotFoundException", "Images", &absent))
    }

    fn references_absent(&self, code: &str, what: &str, digests: &BTreeSet<&str>) -> AwsError {
        let Self { account, name, .. } = self;
        let list = digests.iter().copied().collect::<Vec<_>>().join(", ");
        let text = format!(
            "{what} with digests '[{list}]' required for pushing image into repository with name '{name}' in the registry with id '{account}' do not exist"
        );
        AwsError::new(code, text)
    }

    fn check_limits(&self, digest: &str, change: Change) -> Result<(), AwsError> {
        let tags = self.repository.images.get(digest).map_or(0, |image| image.tags.len());
        let limit = if change == Change::NewImage && self.repository.images.len() >= IMAGES_MAX {
            format!("a repository has at most {IMAGES_MAX} images")
        } else if tags >= TAGS_PER_IMAGE_MAX {
            format!("an image has at most {TAGS_PER_IMAGE_MAX} tags")
        } else {
            return Ok(());
        };
        let Self { account, name, .. } = self;
        let text =
            format!("The repository with name '{name}' in the registry with id '{account}' is full: {limit}");
        Err(AwsError::new("LimitExceededException", text))
    }

    fn already_exists(&self, digest: &str, tag: &str) -> AwsError {
        let Self { account, name, .. } = self;
        let text = format!(
            "Image with digest '{digest}' and tag '{tag}' already exists in the repository with name '{name}' in registry with id '{account}'"
        );
        AwsError::new("ImageAlreadyExistsException", text)
    }

    fn tag_is_immutable(&self, tag: &str) -> AwsError {
        let text = format!(
            "The image tag '{tag}' already exists in the '{}' repository and cannot be overwritten because the tag is immutable.",
            self.name
        );
        AwsError::new("ImageTagAlreadyExistsException", text)
    }
}
