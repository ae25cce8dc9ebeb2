//! BatchDeleteImage: tags go, and images with their last tag.

use super::access::{self, authorize};
use super::events::{self, Subject};
use super::image_id::{Failure, ImageId, image_ids};
use super::layers;
use super::parameters::repository_name;
use super::repository::Repository;
use crate::caller::Caller;
use crate::error::AwsError;
use crate::names::AccountId;
use crate::services::{Service, parse_input};
use crate::world::World;
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct BatchDeleteImage {
    registry_id: Option<String>,
    repository_name: Option<String>,
    image_ids: Option<Vec<ImageId>>,
}

/// BatchDeleteImage. The ids are carried out in their order: an index before its children frees them.
pub(super) fn batch_delete(world: &mut World, caller: &Caller, input: Value) -> Result<Value, AwsError> {
    let input: BatchDeleteImage = parse_input(Service::Ecr, "BatchDeleteImage", input)?;
    let name = repository_name(input.repository_name)?;
    let account = authorize(world, caller, input.registry_id.as_deref(), &name, "ecr:BatchDeleteImage")?;
    access::repository(world, &account, &name)?;
    let (mut deleted, mut failures) = (Vec::new(), Vec::new());
    for id in image_ids(input.image_ids)? {
        match delete(world, &account, &name, &id)? {
            Ok(mut ids) => deleted.append(&mut ids),
            Err(failure) => failures.push(failure.describe(&id)),
        }
    }
    Ok(json!({"imageIds": deleted, "failures": failures}))
}

fn delete(
    world: &mut World,
    account: &AccountId,
    name: &str,
    id: &ImageId,
) -> Result<Result<Vec<ImageId>, Failure>, AwsError> {
    let repository = access::repository_mut(world, account, name)?;
    let (digest, image) = match id.find(repository) {
        Ok((digest, image)) => (digest.to_owned(), image),
        Err(failure) => return Ok(Err(failure)),
    };
    let only_tag = id.image_tag.as_deref().filter(|_| image.tags.len() > 1);
    let tags: Vec<Option<String>> = match only_tag {
        Some(tag) => vec![Some(tag.to_owned())],
        None if image.tags.is_empty() => vec![None],
        None => image.tags.iter().cloned().map(Some).collect(),
    };
    let subjects =
        tags.iter().map(|tag| Subject::new(name, &digest, tag.as_deref(), image)).collect::<Vec<_>>();
    let unused = match only_tag {
        Some(tag) => {
            repository.remove_tag(tag);
            Vec::new()
        }
        None => match protected(repository, &digest) {
            Some(failure) => return Ok(Err(failure)),
            None => repository.remove_image(&digest),
        },
    };
    layers::forget(world, account, &unused)?;
    for subject in &subjects {
        events::deleted(world, account, subject);
    }
    Ok(Ok(tags.iter().map(|tag| ImageId::of(&digest, tag.as_deref())).collect()))
}

fn protected(repository: &Repository, digest: &str) -> Option<Failure> {
    let indexes = repository.indexes_of(digest);
    if indexes.is_empty() {
        return None;
    }
    let reason = format!("Requested image referenced by manifest list: [{}]", indexes.join(", "));
    Some(Failure::new("ImageReferencedByManifestList", reason))
}
