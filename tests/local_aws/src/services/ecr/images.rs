//! Images as they are read: BatchGetImage, DescribeImages, ListImages.

use super::access::{self, authorize};
use super::digest::sha256;
use super::image_id::{Failure, ImageId, image_ids};
use super::manifest::{self, DOCKER_MANIFEST};
use super::members::set;
use super::pages::{self, page};
use super::parameters::{counted, invalid, max_results, one_of, repository_name};
use super::repository::{Image, Repository};
use crate::caller::Caller;
use crate::clock::epoch;
use crate::error::AwsError;
use crate::names::AccountId;
use crate::services::{Service, parse_input};
use crate::world::World;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The most media types that a request accepts.
const MEDIA_TYPES_MAX: usize = 100;
/// Images of a page unless the request says otherwise.
const PAGE_DEFAULT: usize = 100;
/// The most images of a page.
const PAGE_MAX: usize = 1_000;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct BatchGetImage {
    registry_id: Option<String>,
    repository_name: Option<String>,
    image_ids: Option<Vec<ImageId>>,
    accepted_media_types: Option<Vec<String>>,
}

/// BatchGetImage. Pulls by tag may be translated to a media type that the caller accepts; pulls by digest
/// never are.
pub(super) fn batch_get(world: &World, caller: &Caller, input: Value) -> Result<Value, AwsError> {
    let input: BatchGetImage = parse_input(Service::Ecr, "BatchGetImage", input)?;
    let name = repository_name(input.repository_name)?;
    let account = authorize(world, caller, input.registry_id.as_deref(), &name, "ecr:BatchGetImage")?;
    let repository = access::repository(world, &account, &name)?;
    let ids = image_ids(input.image_ids)?;
    let accepted = match input.accepted_media_types {
        Some(types) => counted(types, MEDIA_TYPES_MAX, "acceptedMediaTypes")?,
        None if world.settings.unconfirmed.pull_by_tag_prefers_docker => vec![DOCKER_MANIFEST.to_owned()],
        None => Vec::new(),
    };
    let (mut images, mut failures) = (Vec::new(), Vec::new());
    for id in ids {
        match id.find(repository) {
            // An archived image cannot be pulled.
            Ok((_, image)) if image.archived => failures.push(Failure::not_found().describe(&id)),
            Ok((digest, image)) => images.push(shown(&account, &name, &id, digest, image, &accepted)),
            Err(failure) => failures.push(failure.describe(&id)),
        }
    }
    Ok(json!({"images": images, "failures": failures}))
}

fn shown(
    account: &AccountId,
    name: &str,
    id: &ImageId,
    digest: &str,
    image: &Image,
    accepted: &[String],
) -> Value {
    let stored = &image.manifest.media_type;
    let translated = match id.image_digest {
        Some(_) => None,
        None => manifest::translated(&image.text, stored, accepted),
    };
    let (digest, text, media_type) = match translated {
        Some((text, media_type)) => (sha256(text.as_bytes()), text, media_type),
        None => (digest.to_owned(), image.text.clone(), stored.clone()),
    };
    json!({
        "registryId": account, "repositoryName": name, "imageId": ImageId::of(&digest, id.image_tag.as_deref()),
        "imageManifest": text, "imageManifestMediaType": media_type,
    })
}

/// Which images a list shows.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Filter {
    tag_status: Option<String>,
    image_status: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum TagStatus {
    Tagged,
    Untagged,
    Any,
}

/// Where an image is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(super) enum ImageStatus {
    Active,
    Archived,
    Activating,
    Any,
}

impl ImageStatus {
    /// Whether a filter for it lets an image pass; none lets the active ones.
    pub(super) fn shows(filter: Option<Self>, image: &Image) -> bool {
        match filter {
            Some(Self::Any) => true,
            None | Some(Self::Active) => !image.archived,
            Some(Self::Archived) => image.archived,
            Some(Self::Activating) => false,
        }
    }
}

impl Filter {
    fn checked(filter: Option<Self>) -> Result<impl Fn(&Image) -> bool, AwsError> {
        let filter = filter.unwrap_or_default();
        let tag_status = one_of(filter.tag_status, "filter.tagStatus")?.unwrap_or(TagStatus::Any);
        let image_status = one_of(filter.image_status, "filter.imageStatus")?;
        Ok(move |image: &Image| {
            let tags_fit = match tag_status {
                TagStatus::Tagged => !image.tags.is_empty(),
                TagStatus::Untagged => image.tags.is_empty(),
                TagStatus::Any => true,
            };
            ImageStatus::shows(image_status, image) && tags_fit
        })
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct DescribeImages {
    registry_id: Option<String>,
    repository_name: Option<String>,
    image_ids: Option<Vec<ImageId>>,
    next_token: Option<String>,
    max_results: Option<i64>,
    filter: Option<Filter>,
}

/// DescribeImages.
pub(super) fn describe(world: &World, caller: &Caller, input: Value) -> Result<Value, AwsError> {
    let input: DescribeImages = parse_input(Service::Ecr, "DescribeImages", input)?;
    let name = repository_name(input.repository_name)?;
    let account = authorize(world, caller, input.registry_id.as_deref(), &name, "ecr:DescribeImages")?;
    let repository = access::repository(world, &account, &name)?;
    let passes = Filter::checked(input.filter)?;
    let detail = |digest: &str, image: &Image| details(&account, &name, repository, digest, image);
    if input.image_ids.is_some() {
        if input.next_token.is_some() || input.max_results.is_some() {
            return Err(invalid("imageIds", "must be null when nextToken or maxResults is given"));
        }
        let mut found = BTreeMap::new();
        for id in image_ids(input.image_ids)? {
            let (digest, image) = id.find(repository).map_err(|_| not_found(&account, &name, &id))?;
            found.insert(digest, image);
        }
        let details = found.into_iter().filter(|(_, image)| passes(image));
        let details: Vec<Value> = details.map(|(digest, image)| detail(digest, image)).collect();
        return Ok(json!({"imageDetails": details}));
    }
    let size = max_results(input.max_results, PAGE_DEFAULT, PAGE_MAX)?;
    let images = repository.images.iter().filter(|(_, image)| passes(image));
    let images = images.map(|(digest, image)| (digest.clone(), (digest.as_str(), image)));
    let page = page(images, size, input.next_token.as_deref(), &format!("DescribeImages {account}/{name}"))?;
    Ok(pages::shown("imageDetails", page.map(|(digest, image)| detail(digest, image))))
}

fn not_found(account: &AccountId, name: &str, id: &ImageId) -> AwsError {
    let shown = |text: &Option<String>| text.as_deref().unwrap_or("null").escape_debug().to_string();
    let text = format!(
        "The image with imageId {{imageDigest:'{}', imageTag:'{}'}} does not exist within the repository with name '{name}' in the registry with id '{account}'",
        shown(&id.image_digest),
        shown(&id.image_tag)
    );
    AwsError::new("ImageNotFoundException", text)
}

fn details(account: &AccountId, name: &str, repository: &Repository, digest: &str, image: &Image) -> Value {
    let manifest = &image.manifest;
    let mut details = json!({
        "registryId": account,
        "repositoryName": name,
        "imageDigest": digest,
        "imageSizeInBytes": repository.size_of(manifest),
        "imagePushedAt": epoch(image.pushed_at),
        "imageManifestMediaType": manifest.media_type,
        "imageStatus": if image.archived { "ARCHIVED" } else { "ACTIVE" },
    });
    if !image.tags.is_empty() {
        set(&mut details, "imageTags", json!(image.tags));
    }
    if let Some(artifact_media_type) = &manifest.artifact_media_type {
        set(&mut details, "artifactMediaType", json!(artifact_media_type));
    }
    if let Some(subject) = &manifest.subject {
        set(&mut details, "subjectManifestDigest", json!(subject));
    }
    details
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ListImages {
    registry_id: Option<String>,
    repository_name: Option<String>,
    next_token: Option<String>,
    max_results: Option<i64>,
    filter: Option<Filter>,
}

/// ListImages: one id for each tag, and one for each image without tags.
pub(super) fn list(world: &World, caller: &Caller, input: Value) -> Result<Value, AwsError> {
    let input: ListImages = parse_input(Service::Ecr, "ListImages", input)?;
    let name = repository_name(input.repository_name)?;
    let account = authorize(world, caller, input.registry_id.as_deref(), &name, "ecr:ListImages")?;
    let repository = access::repository(world, &account, &name)?;
    let passes = Filter::checked(input.filter)?;
    let size = max_results(input.max_results, PAGE_DEFAULT, PAGE_MAX)?;
    let ids = repository.images.iter().filter(|(_, image)| passes(image)).flat_map(|(digest, image)| {
        let tags = image.tags.iter().map(|tag| Some(tag.as_str()));
        let untagged = image.tags.is_empty().then_some(None);
        let id = move |tag: Option<&str>| {
            (format!("{digest} {}", tag.unwrap_or_default()), ImageId::of(digest, tag))
        };
        tags.chain(untagged).map(id)
    });
    let page = page(ids, size, input.next_token.as_deref(), &format!("ListImages {account}/{name}"))?;
    Ok(pages::shown("imageIds", page))
}
