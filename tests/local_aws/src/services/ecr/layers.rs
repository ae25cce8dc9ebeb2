//! Layers that are there: whether, where to download them, and in which repositories.

use super::access::{self, authorize};
use super::digest::is_sha256;
use super::download;
use super::files;
use super::members::set;
use super::parameters::{counted, invalid, repository_name, required};
use super::repository::Blob;
use crate::caller::Caller;
use crate::error::AwsError;
use crate::names::AccountId;
use crate::services::{Service, parse_input};
use crate::world::World;
use serde::Deserialize;
use serde_json::{Value, json};
use std::path::PathBuf;

/// The most digests of one request.
const DIGESTS_MAX: usize = 100;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct BatchCheckLayerAvailability {
    registry_id: Option<String>,
    repository_name: Option<String>,
    layer_digests: Option<Vec<String>>,
}

/// BatchCheckLayerAvailability.
pub(super) fn check(world: &World, caller: &Caller, input: Value) -> Result<Value, AwsError> {
    let input: BatchCheckLayerAvailability = parse_input(Service::Ecr, "BatchCheckLayerAvailability", input)?;
    let name = repository_name(input.repository_name)?;
    let registry_id = input.registry_id.as_deref();
    let account = authorize(world, caller, registry_id, &name, "ecr:BatchCheckLayerAvailability")?;
    let repository = access::repository(world, &account, &name)?;
    let digests = counted(required(input.layer_digests, "layerDigests")?, DIGESTS_MAX, "layerDigests")?;
    let (mut layers, mut failures) = (Vec::new(), Vec::new());
    for digest in digests {
        let failure = |code: &str, reason: &str| json!({"layerDigest": digest, "failureCode": code, "failureReason": reason});
        match repository.blobs.get(&digest) {
            Some(blob) => layers.push(available(&digest, blob, repository.blob_is_archived(&digest))),
            None if digest.is_empty() => {
                failures.push(failure("MissingLayerDigest", "Layer digest is missing"));
            }
            None if !is_sha256(&digest) => {
                failures.push(failure("InvalidLayerDigest", "Layer digest is not a SHA-256 digest"));
            }
            None if world.settings.unconfirmed.absent_layer_is_a_failure => {
                failures.push(failure("MissingLayerDigest", "Layer does not exist in the repository"));
            }
            None => layers.push(json!({"layerDigest": digest, "layerAvailability": "UNAVAILABLE"})),
        }
    }
    Ok(json!({"layers": layers, "failures": failures}))
}

fn available(digest: &str, blob: &Blob, is_archived: bool) -> Value {
    let availability = if is_archived { "ARCHIVED" } else { "AVAILABLE" };
    let mut layer = json!({"layerDigest": digest, "layerAvailability": availability, "layerSize": blob.size});
    if let Some(media_type) = &blob.media_type {
        set(&mut layer, "mediaType", json!(media_type));
    }
    layer
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct GetDownloadUrlForLayer {
    registry_id: Option<String>,
    repository_name: Option<String>,
    layer_digest: Option<String>,
}

/// GetDownloadUrlForLayer: only for layers that an image of the repository uses.
pub(super) fn download_url(world: &mut World, caller: &Caller, input: Value) -> Result<Value, AwsError> {
    let input: GetDownloadUrlForLayer = parse_input(Service::Ecr, "GetDownloadUrlForLayer", input)?;
    let name = repository_name(input.repository_name)?;
    let registry_id = input.registry_id.as_deref();
    let account = authorize(world, caller, registry_id, &name, "ecr:GetDownloadUrlForLayer")?;
    let repository = access::repository(world, &account, &name)?;
    let digest = required(input.layer_digest, "layerDigest")?;
    if !is_sha256(&digest) {
        return Err(invalid("layerDigest", "must be a SHA-256 digest"));
    }
    let blob = repository.blobs.get(&digest).ok_or_else(|| layer_not_found(&account, &name, &digest))?;
    if blob.used_by == 0 || repository.blob_is_archived(&digest) {
        let text = format!(
            "The layer with digest '{digest}' is not available: no active image of the repository with name '{name}' in the registry with id '{account}' uses it"
        );
        return Err(AwsError::new("LayerInaccessibleException", text));
    }
    Ok(json!({"downloadUrl": download::url(world, &account, &digest)?, "layerDigest": digest}))
}

fn layer_not_found(account: &AccountId, name: &str, digest: &str) -> AwsError {
    AwsError::new(
        "LayersNotFoundException",
        format!(
            "The layer with digest '{digest}' does not exist in the repository with name '{name}' in the registry with id '{account}'"
        ),
    )
}

/// The file of a blob.
pub(crate) fn path(world: &World, registry: &AccountId, digest: &str) -> PathBuf {
    files::blob(&world.store, registry, digest)
}

/// Makes a blob of one repository usable in another of the same registry, without its bytes moving. False
/// when the other repository does not have it, or the caller may not read it there.
///
/// # Errors
/// When the caller may not upload to the repository, or it is not there.
pub(crate) fn mount(
    world: &mut World,
    caller: &Caller,
    registry: &AccountId,
    name: &str,
    digest: &str,
    from: &str,
) -> Result<bool, AwsError> {
    authorize(world, caller, Some(registry.as_str()), name, "ecr:InitiateLayerUpload")?;
    access::repository(world, registry, name)?;
    if authorize(world, caller, Some(registry.as_str()), from, "ecr:GetDownloadUrlForLayer").is_err() {
        return Ok(false);
    }
    let Some(blob) = access::find(world, registry, from).and_then(|origin| origin.blobs.get(digest)) else {
        return Ok(false);
    };
    let mounted = Blob { used_by: 0, ..blob.clone() };
    access::repository_mut(world, registry, name)?.blobs.entry(digest.to_owned()).or_insert(mounted);
    Ok(true)
}

/// Removes the files of blobs that no repository of the account has any more.
pub(super) fn forget(world: &World, account: &AccountId, digests: &[String]) -> Result<(), AwsError> {
    let repositories = &world.account(account)?.ecr.repositories;
    for digest in digests {
        if !repositories.values().any(|repository| repository.blobs.contains_key(digest)) {
            files::remove(&files::blob(&world.store, account, digest))?;
        }
    }
    Ok(())
}
