//! Files, folders and blobs, read.

use super::git::Entry;
use super::repositories::Opened;
use super::{checks, name_of_mode, specifiers};
use crate::caller::Caller;
use crate::error::AwsError;
use crate::world::World;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use gix::objs::tree::EntryKind;
use serde::Deserialize;
use serde_json::{Value, json};

/// The largest file that the API hands out.
const FILE_BYTES_MAX: usize = 6 * 1024 * 1024;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct GetFileInput {
    repository_name: Option<String>,
    commit_specifier: Option<String>,
    file_path: Option<String>,
}

pub(super) fn get_file(world: &mut World, caller: &Caller, input: GetFileInput) -> Result<Value, AwsError> {
    let path = checks::path(input.file_path)?;
    let opened = Opened::allowed(world, caller, "GetFile", input.repository_name, None)?;
    let commit = specifiers::resolve(world, &opened, input.commit_specifier.as_deref())?;
    let entry = opened.git.entry_at(commit.tree, &path)?.filter(|entry| entry.mode.is_blob_or_symlink());
    let entry = entry.ok_or_else(|| no_such_file(&path))?;
    let content = small(opened.git.blob(entry.id)?.ok_or_else(|| no_such_file(&path))?, &path)?;
    Ok(json!({
        "commitId": commit.id.to_string(),
        "blobId": entry.id.to_string(),
        "filePath": path,
        "fileMode": name_of_mode(entry.mode),
        "fileSize": content.len(),
        "fileContent": STANDARD.encode(content),
    }))
}

pub(super) fn no_such_file(path: &str) -> AwsError {
    AwsError::new("FileDoesNotExistException", format!("there is no file {path} at this commit"))
}

fn small(content: Vec<u8>, name: &str) -> Result<Vec<u8>, AwsError> {
    if content.len() <= FILE_BYTES_MAX {
        return Ok(content);
    }
    Err(AwsError::new(
        "FileTooLargeException",
        format!("{name} has {} bytes: expected at most {FILE_BYTES_MAX}", content.len()),
    ))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct GetBlobInput {
    repository_name: Option<String>,
    blob_id: Option<String>,
}

pub(super) fn get_blob(world: &mut World, caller: &Caller, input: GetBlobInput) -> Result<Value, AwsError> {
    let text = checks::required(input.blob_id, "BlobIdRequiredException", "a blob ID")?;
    let id = checks::object_id(&text).ok_or_else(|| {
        checks::invalid("InvalidBlobIdException", "blob ID", &text, "40 hexadecimal digits")
    })?;
    let opened = Opened::allowed(world, caller, "GetBlob", input.repository_name, None)?;
    let content = opened.git.blob(id)?.ok_or_else(|| {
        AwsError::new("BlobIdDoesNotExistException", format!("there is no blob {id} in this repository"))
    })?;
    Ok(json!({ "content": STANDARD.encode(small(content, &text)?) }))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct GetFolderInput {
    repository_name: Option<String>,
    commit_specifier: Option<String>,
    folder_path: Option<String>,
}

pub(super) fn get_folder(
    world: &mut World,
    caller: &Caller,
    input: GetFolderInput,
) -> Result<Value, AwsError> {
    let path = checks::folder_path(input.folder_path)?;
    let opened = Opened::allowed(world, caller, "GetFolder", input.repository_name, None)?;
    let commit = specifiers::resolve(world, &opened, input.commit_specifier.as_deref())?;
    let tree = if path.is_empty() {
        commit.tree
    } else {
        let found = opened.git.entry_at(commit.tree, &path)?.filter(|entry| entry.mode.is_tree());
        let missing = || {
            AwsError::new("FolderDoesNotExistException", format!("there is no folder {path} at this commit"))
        };
        found.ok_or_else(missing)?.id
    };
    let (mut folders, mut files, mut links, mut modules) = (vec![], vec![], vec![], vec![]);
    for entry in opened.git.tree(tree)? {
        let list = match entry.mode.kind() {
            EntryKind::Tree => &mut folders,
            EntryKind::Blob | EntryKind::BlobExecutable => &mut files,
            EntryKind::Link => &mut links,
            EntryKind::Commit => &mut modules,
        };
        list.push(shown(&path, &entry));
    }
    Ok(json!({
        "commitId": commit.id.to_string(),
        "folderPath": path,
        "treeId": tree.to_string(),
        "subFolders": folders,
        "files": files,
        "symbolicLinks": links,
        "subModules": modules,
    }))
}

fn shown(folder: &str, entry: &Entry) -> Value {
    let absolute = if folder.is_empty() { entry.name.clone() } else { format!("{folder}/{}", entry.name) };
    let id = entry.id.to_string();
    match entry.mode.kind() {
        EntryKind::Tree => json!({ "treeId": id, "absolutePath": absolute, "relativePath": entry.name }),
        EntryKind::Commit => json!({ "commitId": id, "absolutePath": absolute, "relativePath": entry.name }),
        _ => json!({
            "blobId": id,
            "absolutePath": absolute,
            "relativePath": entry.name,
            "fileMode": name_of_mode(entry.mode),
        }),
    }
}
