//! ListImageReferrers: what refers to an image.

use super::access::{self, authorize};
use super::digest::is_sha256;
use super::images::ImageStatus;
use super::members::set;
use super::pages::{self, page};
use super::parameters::{invalid, max_results, one_of, repository_name, required};
use super::repository::Image;
use crate::caller::Caller;
use crate::error::AwsError;
use crate::services::{Service, parse_input};
use crate::world::World;
use serde::Deserialize;
use serde_json::{Value, json};

/// Referrers of a page unless the request says otherwise.
const PAGE_DEFAULT: usize = 20;
/// The most referrers of a page.
pub(crate) const PAGE_MAX: usize = 50;
/// The most artifact types of a filter.
const ARTIFACT_TYPES_MAX: usize = 5;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ListImageReferrers {
    registry_id: Option<String>,
    repository_name: Option<String>,
    subject_id: Option<SubjectIdentifier>,
    filter: Option<Filter>,
    next_token: Option<String>,
    max_results: Option<i64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct SubjectIdentifier {
    image_digest: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Filter {
    artifact_types: Option<Vec<String>>,
    artifact_status: Option<String>,
}

/// ListImageReferrers. A subject that is not there has no referrers, or those that came before it.
pub(super) fn list(world: &World, caller: &Caller, input: Value) -> Result<Value, AwsError> {
    let input: ListImageReferrers = parse_input(Service::Ecr, "ListImageReferrers", input)?;
    let name = repository_name(input.repository_name)?;
    // There is no action of this name: reading an image includes what refers to it.
    let account = authorize(world, caller, input.registry_id.as_deref(), &name, "ecr:BatchGetImage")?;
    let repository = access::repository(world, &account, &name)?;
    let subject = required(required(input.subject_id, "subjectId")?.image_digest, "subjectId.imageDigest")?;
    if !is_sha256(&subject) {
        return Err(invalid("subjectId.imageDigest", "must be a SHA-256 digest"));
    }
    let filter = input.filter.unwrap_or_default();
    let types = filter.artifact_types.unwrap_or_default();
    if types.len() > ARTIFACT_TYPES_MAX {
        let constraint = format!("must have length less than or equal to {ARTIFACT_TYPES_MAX}");
        return Err(invalid("filter.artifactTypes", &constraint));
    }
    let status = one_of(filter.artifact_status, "filter.artifactStatus")?;
    let size = max_results(input.max_results, PAGE_DEFAULT, PAGE_MAX)?;
    let refers = |image: &Image| {
        ImageStatus::shows(status, image) && image.manifest.subject.as_ref() == Some(&subject)
    };
    let fits = |image: &Image| {
        let artifact_type = image.manifest.artifact_media_type.as_ref();
        types.is_empty() || artifact_type.is_some_and(|artifact_type| types.contains(artifact_type))
    };
    let referrers = repository.images.iter().filter(|(_, image)| refers(image) && fits(image));
    let referrers = referrers.map(|(digest, image)| (digest.clone(), describe(digest, image)));
    let list = format!("ListImageReferrers {account}/{name}@{subject}");
    let page = page(referrers, size, input.next_token.as_deref(), &list)?;
    Ok(pages::shown("referrers", page))
}

fn describe(digest: &str, image: &Image) -> Value {
    let mut referrer = json!({
        "digest": digest,
        "mediaType": image.manifest.media_type,
        "size": image.text.len(),
        "artifactStatus": if image.archived { "ARCHIVED" } else { "ACTIVE" },
    });
    if let Some(artifact_type) = &image.manifest.artifact_media_type {
        set(&mut referrer, "artifactType", json!(artifact_type));
    }
    if !image.manifest.annotations.is_empty() {
        set(&mut referrer, "annotations", json!(image.manifest.annotations));
    }
    referrer
}
