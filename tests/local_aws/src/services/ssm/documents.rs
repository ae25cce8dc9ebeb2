//! Documents: made by templates, and read by whoever wants to know what can be started.

use super::document::Content;
use crate::caller::Caller;
use crate::clock::epoch;
use crate::error::AwsError;
use crate::services::iam;
use crate::world::World;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// A document with its newest version: older ones are not kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Document {
    pub(super) content: Content,
    text: String,
    pub(super) version: u32,
    created: DateTime<Utc>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct CreateInput {
    name: String,
    content: String,
    document_type: Option<String>,
    document_format: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct UpdateInput {
    name: String,
    content: String,
    document_version: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct NameInput {
    name: String,
    document_version: Option<String>,
    document_format: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct ListInput {
    max_results: Option<usize>,
}

/// A document's ARN.
pub(super) fn arn(world: &World, caller: &Caller, name: &str) -> String {
    world.arn("ssm", &caller.account, &format!("document/{name}"))
}

pub(super) fn create(world: &mut World, caller: &Caller, input: CreateInput) -> Result<Value, AwsError> {
    let CreateInput { name, content: text, document_type, document_format } = input;
    iam::authorize(world, caller, "ssm:CreateDocument", &arn(world, caller, &name), &[])?;
    if document_type.as_deref() != Some("Automation") {
        let kind = document_type.as_deref().unwrap_or("Command");
        return Err(AwsError::not_in_local_aws(format!("a document of the type {kind}")));
    }
    if document_format.as_deref().is_some_and(|format| format != "JSON") {
        return Err(AwsError::not_in_local_aws("a document that is not written as JSON"));
    }
    let is_named = (3..=128).contains(&name.len())
        && name.chars().all(|character| character.is_ascii_alphanumeric() || "_-.".contains(character));
    if !is_named {
        let text = format!(
            "Value '{name}' at 'name' failed to satisfy constraint: Member must satisfy regular expression pattern: ^[a-zA-Z0-9_\\-.]{{3,128}}$"
        );
        return Err(AwsError::new("ValidationException", text));
    }
    let content = Content::parse(&text)?;
    let created = world.now();
    let documents = &mut world.account_mut(&caller.account)?.ssm.documents;
    if documents.contains_key(&name) {
        let text = format!("Document with same name {name} already exists");
        return Err(AwsError::new("DocumentAlreadyExists", text));
    }
    documents.insert(name.clone(), Document { content, text, version: 1, created });
    description(world, caller, &name)
}

pub(super) fn update(world: &mut World, caller: &Caller, input: UpdateInput) -> Result<Value, AwsError> {
    let UpdateInput { name, content: text, document_version } = input;
    iam::authorize(world, caller, "ssm:UpdateDocument", &arn(world, caller, &name), &[])?;
    only_newest(document_version.as_deref())?;
    let content = Content::parse(&text)?;
    let document =
        world.account_mut(&caller.account)?.ssm.documents.get_mut(&name).ok_or_else(|| absent(&name))?;
    if document.content == content {
        let text = "The content of the association document matches another document.";
        return Err(AwsError::new("DuplicateDocumentContent", text));
    }
    document.version += 1;
    (document.content, document.text) = (content, text);
    description(world, caller, &name)
}

pub(super) fn delete(world: &mut World, caller: &Caller, input: &NameInput) -> Result<Value, AwsError> {
    iam::authorize(world, caller, "ssm:DeleteDocument", &arn(world, caller, &input.name), &[])?;
    let removed = world.account_mut(&caller.account)?.ssm.documents.remove(&input.name);
    removed.map(|_| json!({})).ok_or_else(|| absent(&input.name))
}

pub(super) fn describe(world: &mut World, caller: &Caller, input: &NameInput) -> Result<Value, AwsError> {
    iam::authorize(world, caller, "ssm:DescribeDocument", &arn(world, caller, &input.name), &[])?;
    only_newest(input.document_version.as_deref())?;
    let described = description(world, caller, &input.name)?;
    Ok(json!({ "Document": described.get("DocumentDescription") }))
}

pub(super) fn get(world: &mut World, caller: &Caller, input: &NameInput) -> Result<Value, AwsError> {
    iam::authorize(world, caller, "ssm:GetDocument", &arn(world, caller, &input.name), &[])?;
    only_newest(input.document_version.as_deref())?;
    if let Some(other) = input.document_format.as_deref().filter(|format| *format != "JSON") {
        return Err(AwsError::not_in_local_aws(format!("a document in the format {other}")));
    }
    let document = find(world, caller, &input.name)?;
    Ok(json!({
        "Name": input.name, "Content": document.text, "CreatedDate": epoch(document.created), "Status": "Active",
        "DocumentVersion": document.version.to_string(), "DocumentType": "Automation", "DocumentFormat": "JSON",
    }))
}

/// All documents of the account; AWS's own are not listed.
pub(super) fn list(world: &mut World, caller: &Caller, input: &ListInput) -> Result<Value, AwsError> {
    iam::authorize(world, caller, "ssm:ListDocuments", "*", &[])?;
    let state = world.account(&caller.account)?;
    let most = input.max_results.unwrap_or(50);
    if state.ssm.documents.len() > most {
        return Err(AwsError::not_in_local_aws(format!("ListDocuments in pages of {most}")));
    }
    let identifier = |(name, document): (&String, &Document)| {
        json!({
            "Name": name, "Owner": caller.account, "CreatedDate": epoch(document.created),
            "DocumentVersion": document.version.to_string(), "DocumentType": "Automation", "SchemaVersion": "0.3",
        })
    };
    let identifiers: Vec<Value> = state.ssm.documents.iter().map(identifier).collect();
    Ok(json!({ "DocumentIdentifiers": identifiers }))
}

/// The document of a name.
pub(super) fn find<'a>(world: &'a World, caller: &Caller, name: &str) -> Result<&'a Document, AwsError> {
    world.account(&caller.account)?.ssm.documents.get(name).ok_or_else(|| absent(name))
}

fn absent(name: &str) -> AwsError {
    AwsError::new("InvalidDocument", format!("Document with name {name} does not exist."))
}

/// Refuses any version but the newest, which is the default one here.
pub(super) fn only_newest(version: Option<&str>) -> Result<(), AwsError> {
    match version {
        None | Some("$DEFAULT" | "$LATEST") => Ok(()),
        Some(other) => Err(AwsError::not_in_local_aws(format!("the document version {other}"))),
    }
}

fn description(world: &World, caller: &Caller, name: &str) -> Result<Value, AwsError> {
    let document = find(world, caller, name)?;
    let parameters = document.content.parameters.iter().map(|(name, parameter)| {
        let mut described = json!({
            "Name": name, "Type": parameter.kind, "Description": parameter.description,
        });
        if let (Some(default), Some(members)) = (&parameter.default, described.as_object_mut()) {
            let text = default.as_str().map_or_else(|| default.to_string(), str::to_owned);
            members.insert("DefaultValue".to_owned(), json!(text));
        }
        described
    });
    let version = document.version.to_string();
    Ok(json!({ "DocumentDescription": {
        "Name": name, "Owner": caller.account, "CreatedDate": epoch(document.created), "Status": "Active",
        "DocumentVersion": version, "LatestVersion": version, "DefaultVersion": version,
        "Description": document.content.description, "Parameters": parameters.collect::<Vec<_>>(),
        "DocumentType": "Automation", "SchemaVersion": "0.3", "DocumentFormat": "JSON",
    }}))
}
