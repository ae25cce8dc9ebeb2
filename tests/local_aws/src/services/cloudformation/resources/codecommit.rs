//! Git repositories.

use super::{Identity, Work, answered, identity, sqs::tags, without_nulls};
use crate::error::AwsError;
use crate::services::Service;
use crate::services::cloudformation::properties::Properties;
use serde_json::{Map, Value, json};

pub(super) fn create(work: &mut Work<'_>, mut properties: Properties) -> Result<Identity, AwsError> {
    let name = properties.required("RepositoryName")?;
    let tags = Some(tags(&mut properties)?).filter(|tags| !tags.is_empty());
    let input = without_nulls(json!({
        "repositoryName": name,
        "repositoryDescription": properties.text("RepositoryDescription")?,
        "tags": tags,
    }));
    properties.finish()?;
    let answer = work.call(Service::CodeCommit, "CreateRepository", input)?;
    let member = |name: &str| answered(&answer, &format!("/repositoryMetadata/{name}"));
    Ok(identity(
        member("repositoryId")?,
        [
            ("Arn", member("Arn")?),
            ("CloneUrlHttp", member("cloneUrlHttp")?),
            ("CloneUrlSsh", member("cloneUrlSsh")?),
            ("Name", name),
        ],
    ))
}

pub(super) fn update(
    work: &mut Work<'_>,
    there: &Identity,
    old: &Map<String, Value>,
    new: &Map<String, Value>,
) -> Result<Identity, AwsError> {
    work.only(old, new, &["RepositoryDescription"])?;
    let description = work.properties(new.clone()).text("RepositoryDescription")?;
    let input =
        json!({"repositoryName": name_of(there), "repositoryDescription": description.unwrap_or_default()});
    work.call(Service::CodeCommit, "UpdateRepositoryDescription", input)?;
    Ok(there.clone())
}

pub(super) fn delete(work: &mut Work<'_>, there: &Identity, _: Properties) -> Result<(), AwsError> {
    work.call(Service::CodeCommit, "DeleteRepository", json!({"repositoryName": name_of(there)})).map(|_| ())
}

fn name_of(there: &Identity) -> &str {
    there.attributes.get("Name").map(String::as_str).unwrap_or_default()
}
