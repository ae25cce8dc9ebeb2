//! UpdateImageStorageClass: images that are put aside, and brought back.
//!
//! An archived image cannot be pulled, nor can a layer that only archived images use. Here both ways take no time; on AWS
//! bringing back takes a while, and archiving emits events that nobody here listens to.

use super::access::{self, authorize};
use super::image_id::ImageId;
use super::parameters::{one_of, repository_name, required};
use super::repository::Repository;
use crate::caller::Caller;
use crate::error::AwsError;
use crate::services::{Service, parse_input};
use crate::world::World;
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct UpdateImageStorageClass {
    registry_id: Option<String>,
    repository_name: Option<String>,
    image_id: Option<ImageId>,
    target_storage_class: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum StorageClass {
    Standard,
    Archive,
}

/// UpdateImageStorageClass.
pub(super) fn update(world: &mut World, caller: &Caller, input: Value) -> Result<Value, AwsError> {
    let input: UpdateImageStorageClass = parse_input(Service::Ecr, "UpdateImageStorageClass", input)?;
    let name = repository_name(input.repository_name)?;
    let registry_id = input.registry_id.as_deref();
    let account = authorize(world, caller, registry_id, &name, "ecr:UpdateImageStorageClass")?;
    let id = required(input.image_id, "imageId")?;
    let class: StorageClass =
        required(one_of(input.target_storage_class, "targetStorageClass")?, "targetStorageClass")?;
    let repository = access::repository_mut(world, &account, &name)?;
    let found = id.find(repository).map(|(digest, _)| digest.to_owned());
    let digest = found.map_err(|failure| AwsError::new("ImageNotFoundException", failure.reason))?;
    let archived = class == StorageClass::Archive;
    if let Some(image) = repository.images.get_mut(&digest) {
        image.archived = archived;
    }
    let status = if archived { "ARCHIVED" } else { "ACTIVE" };
    Ok(json!({
        "registryId": account, "repositoryName": name, "imageId": ImageId::of(&digest, None), "imageStatus": status,
    }))
}

impl Repository {
    /// Whether images use the blob, and all of these are archived.
    pub(super) fn blob_is_archived(&self, digest: &str) -> bool {
        let uses =
            |image: &&super::repository::Image| image.manifest.blobs().any(|blob| blob.digest == digest);
        let mut users = self.images.values().filter(uses).peekable();
        users.peek().is_some() && users.all(|image| image.archived)
    }
}
