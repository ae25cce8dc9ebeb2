//! Image repositories.

use super::{Identity, Work, answered, camel_case, identity, without_nulls};
use crate::error::AwsError;
use crate::services::Service;
use crate::services::cloudformation::properties::Properties;
use serde_json::{Map, Value, json};

pub(super) fn create(work: &mut Work<'_>, mut properties: Properties) -> Result<Identity, AwsError> {
    let name = properties.text("RepositoryName")?;
    let name = work.name(name, 256).to_lowercase();
    let policy = properties.value("RepositoryPolicyText");
    let _when_it_is_deleted = properties.flag("EmptyOnDelete")?;
    let tags = Some(properties.list("Tags")?).filter(|tags| !tags.is_empty());
    let mut part = |name: &str| properties.value(name).map(|value| camel_case(value, &[]));
    let input = without_nulls(json!({
        "repositoryName": name,
        "imageTagMutability": part("ImageTagMutability"),
        "imageTagMutabilityExclusionFilters": part("ImageTagMutabilityExclusionFilters")
            .map(exclusion_filters),
        "imageScanningConfiguration": part("ImageScanningConfiguration"),
        "encryptionConfiguration": part("EncryptionConfiguration"),
        "tags": tags,
    }));
    properties.finish()?;
    let answer = work.call(Service::Ecr, "CreateRepository", input)?;
    if let Some(policy) = policy {
        put_policy(work, &name, &policy)?;
    }
    let arn = answered(&answer, "/repository/repositoryArn")?;
    let uri = answered(&answer, "/repository/repositoryUri")?;
    Ok(identity(name, [("Arn", arn), ("RepositoryUri", uri)]))
}

pub(super) fn update(
    work: &mut Work<'_>,
    there: &Identity,
    old: &Map<String, Value>,
    new: &Map<String, Value>,
) -> Result<Identity, AwsError> {
    let changeable =
        ["EmptyOnDelete", "ImageTagMutability", "ImageTagMutabilityExclusionFilters", "RepositoryPolicyText"];
    work.only(old, new, &changeable)?;
    let mut properties = work.properties(new.clone());
    if let Some(mutability) = properties.text("ImageTagMutability")? {
        let filters = properties.value("ImageTagMutabilityExclusionFilters");
        let input = without_nulls(json!({
            "repositoryName": there.physical_id,
            "imageTagMutability": mutability,
            "imageTagMutabilityExclusionFilters":
                filters.map(|filters| exclusion_filters(camel_case(filters, &[]))),
        }));
        work.call(Service::Ecr, "PutImageTagMutability", input)?;
    }
    match properties.value("RepositoryPolicyText") {
        Some(policy) => put_policy(work, &there.physical_id, &policy)?,
        None if old.contains_key("RepositoryPolicyText") => {
            let input = json!({"repositoryName": there.physical_id});
            work.call(Service::Ecr, "DeleteRepositoryPolicy", input)?;
        }
        None => {}
    }
    Ok(there.clone())
}

pub(super) fn delete(
    work: &mut Work<'_>,
    there: &Identity,
    mut properties: Properties,
) -> Result<(), AwsError> {
    let force = properties.flag("EmptyOnDelete")?.unwrap_or(false);
    let input = json!({"repositoryName": there.physical_id, "force": force});
    work.call(Service::Ecr, "DeleteRepository", input).map(|_| ())
}

/// The template says `ImageTagMutabilityExclusionFilterType` and `…FilterValue` where the API says `filterType`
/// and `filter`.
fn exclusion_filters(filters: Value) -> Value {
    let Value::Array(filters) = filters else { return filters };
    filters
        .into_iter()
        .map(|filter| {
            json!({
                "filterType": filter.get("imageTagMutabilityExclusionFilterType"),
                "filter": filter.get("imageTagMutabilityExclusionFilterValue"),
            })
        })
        .collect()
}

fn put_policy(work: &mut Work<'_>, name: &str, policy: &Value) -> Result<(), AwsError> {
    let input = json!({"repositoryName": name, "policyText": policy.to_string()});
    work.call(Service::Ecr, "SetRepositoryPolicy", input).map(|_| ())
}
