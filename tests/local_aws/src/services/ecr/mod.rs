//! Amazon Elastic Container Registry: repositories, manifests kept byte for byte, layers in files.
//!
//! Layers lie once in an account, named by their digests, and may be used in those repositories that they were
//! uploaded or mounted to. The registry endpoint (`wire::registry`) serves the same store.

mod access;
mod deletions;
pub(crate) mod digest;
pub(crate) mod download;
mod events;
mod files;
mod image_id;
mod images;
pub(crate) mod layers;
pub(crate) mod manifest;
pub(crate) mod members;
mod mutability;
mod pages;
pub(crate) mod parameters;
mod part_bytes;
mod policies;
mod pull;
pub(crate) mod put_image;
pub(crate) mod referrers;
mod repositories;
mod repository;
mod resource_tags;
pub(crate) mod staging;
mod storage_class;
pub(crate) mod tokens;
pub(crate) mod uploads;

#[cfg(test)]
mod tests;

pub use pull::PulledImage;
pub(crate) use pull::pull;

use crate::caller::Caller;
use crate::error::AwsError;
use crate::world::World;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// What one account holds of this service.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct State {
    repositories: BTreeMap<String, repository::Repository>,
    /// Signs layers' addresses; made up with the first.
    download_key: Option<String>,
    /// By upload id. An upload does not survive a restart: its client begins again.
    #[serde(skip)]
    uploads: BTreeMap<String, uploads::Upload>,
}

/// Carries out one operation.
pub(crate) fn call(
    world: &mut World,
    caller: &Caller,
    operation: &str,
    input: Value,
) -> Result<Value, AwsError> {
    match operation {
        "BatchCheckLayerAvailability" => layers::check(world, caller, input),
        "BatchDeleteImage" => deletions::batch_delete(world, caller, input),
        "BatchGetImage" => images::batch_get(world, caller, input),
        "CompleteLayerUpload" => uploads::complete(world, caller, input),
        "CreateRepository" => repositories::create(world, caller, input),
        "DeleteRepository" => repositories::delete(world, caller, input),
        "DeleteRepositoryPolicy" => policies::delete(world, caller, input),
        "DescribeImages" => images::describe(world, caller, input),
        "DescribeRepositories" => repositories::describe(world, caller, input),
        "GetAuthorizationToken" => tokens::get(world, caller, input),
        "GetDownloadUrlForLayer" => layers::download_url(world, caller, input),
        "GetRepositoryPolicy" => policies::get(world, caller, input),
        "InitiateLayerUpload" => uploads::initiate(world, caller, input),
        "ListImageReferrers" => referrers::list(world, caller, input),
        "ListImages" => images::list(world, caller, input),
        "ListTagsForResource" => resource_tags::list(world, caller, input),
        "PutImage" => put_image::put(world, caller, input),
        "PutImageTagMutability" => repositories::put_mutability(world, caller, input),
        "SetRepositoryPolicy" => policies::set(world, caller, input),
        "TagResource" => resource_tags::tag(world, caller, input),
        "UpdateImageStorageClass" => storage_class::update(world, caller, input),
        "UntagResource" => resource_tags::untag(world, caller, input),
        "UploadLayerPart" => uploads::upload_part(world, caller, input),
        other => Err(AwsError::not_in_local_aws(format!("the operation ecr {other}"))),
    }
}
