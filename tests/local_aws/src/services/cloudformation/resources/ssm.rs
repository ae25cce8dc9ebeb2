//! Automation documents.

use super::{Identity, Work, identity};
use crate::error::AwsError;
use crate::services::Service;
use crate::services::cloudformation::properties::Properties;
use serde_json::{Map, Value, json};

pub(super) fn create(work: &mut Work<'_>, mut properties: Properties) -> Result<Identity, AwsError> {
    let name = properties.text("Name")?;
    let content = content(&mut properties)?;
    let kind = properties.text("DocumentType")?.unwrap_or_else(|| "Command".to_owned());
    finish(properties)?;
    let name = work.name(name, 128);
    let input = json!({ "Name": name, "Content": content, "DocumentType": kind, "DocumentFormat": "JSON" });
    work.call(Service::Ssm, "CreateDocument", input)?;
    Ok(identity(name, []))
}

pub(super) fn update(
    work: &mut Work<'_>,
    there: &Identity,
    old: &Map<String, Value>,
    new: &Map<String, Value>,
) -> Result<Identity, AwsError> {
    work.only(old, new, &["Content", "DocumentFormat", "UpdateMethod"])?;
    let mut properties = work.properties(new.clone());
    if properties.text("UpdateMethod")?.as_deref() != Some("NewVersion") {
        return Err(AwsError::not_in_local_aws(
            "an update of a document whose UpdateMethod is not NewVersion: it would be replaced",
        ));
    }
    let input = json!({ "Name": there.physical_id, "Content": content(&mut properties)?, "DocumentVersion": "$LATEST" });
    match work.call(Service::Ssm, "UpdateDocument", input) {
        Err(error) if error.code != "DuplicateDocumentContent" => Err(error),
        _ => Ok(there.clone()),
    }
}

pub(super) fn delete(work: &mut Work<'_>, there: &Identity, _: Properties) -> Result<(), AwsError> {
    match work.call(Service::Ssm, "DeleteDocument", json!({ "Name": there.physical_id })) {
        Err(error) if error.code != "InvalidDocument" => Err(error),
        _ => Ok(()),
    }
}

/// The content as JSON text, whichever way the template writes it.
fn content(properties: &mut Properties) -> Result<String, AwsError> {
    match properties.value("Content") {
        Some(content @ Value::Object(_)) => Ok(content.to_string()),
        _ => Err(AwsError::not_in_local_aws("a document whose Content is not written out in the template")),
    }
}

fn finish(mut properties: Properties) -> Result<(), AwsError> {
    for inert in ["DocumentFormat", "UpdateMethod", "Tags"] {
        let _kept_in_the_stack = properties.value(inert);
    }
    properties.finish()
}
