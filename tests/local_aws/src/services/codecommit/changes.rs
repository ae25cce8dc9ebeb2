//! Commits, made through the API: one parent, the branch's tip, and only if it still is.

use super::commit_files::{Changes, FileChange, FileContent};
use super::git::Swap;
use super::repositories::Opened;
use super::{branches, checks, commit_files, name_of_mode, references};
use crate::caller::{Caller, Identity};
use crate::error::AwsError;
use crate::world::World;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use gix::ObjectId;
use gix::objs::tree::EntryKind;
use serde::Deserialize;
use serde_json::{Value, json};

/// How many files one commit may change.
const FILES_PER_COMMIT_MAX: usize = 100;
/// The largest file.
const FILE_BYTES_MAX: usize = 6 * 1024 * 1024;
/// The most that all files of a commit may have together.
const COMMIT_BYTES_MAX: usize = 7 * 1024 * 1024;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct CreateCommitInput {
    repository_name: Option<String>,
    branch_name: Option<String>,
    parent_commit_id: Option<String>,
    author_name: Option<String>,
    email: Option<String>,
    commit_message: Option<String>,
    keep_empty_folders: Option<bool>,
    #[serde(default)]
    put_files: Vec<PutFileEntry>,
    #[serde(default)]
    delete_files: Vec<DeleteFileEntry>,
    #[serde(default)]
    set_file_modes: Vec<SetFileModeEntry>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct PutFileEntry {
    file_path: Option<String>,
    file_mode: Option<String>,
    file_content: Option<String>,
    source_file: Option<SourceFile>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct SourceFile {
    file_path: Option<String>,
    is_move: Option<bool>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct DeleteFileEntry {
    file_path: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct SetFileModeEntry {
    file_path: Option<String>,
    file_mode: Option<String>,
}

/// What every way to make a commit has in common.
struct Request {
    repository_name: Option<String>,
    branch: String,
    parent: Option<String>,
    author: Option<String>,
    email: Option<String>,
    message: Option<String>,
    changes: Changes,
}

pub(super) fn create_commit(
    world: &mut World,
    caller: &Caller,
    input: CreateCommitInput,
) -> Result<Value, AwsError> {
    let entries = input.put_files.len() + input.delete_files.len() + input.set_file_modes.len();
    if entries == 0 {
        return Err(AwsError::new(
            "FileEntryRequiredException",
            "a commit needs at least one file to change",
        ));
    }
    if entries > FILES_PER_COMMIT_MAX {
        return Err(AwsError::new(
            "MaximumFileEntriesExceededException",
            format!("{entries} files are too many for one commit: expected at most {FILES_PER_COMMIT_MAX}"),
        ));
    }
    let mut files = Vec::new();
    for entry in input.put_files {
        files.push(put(entry)?);
    }
    for entry in input.delete_files {
        files.push(FileChange::Delete { path: checks::path(entry.file_path)? });
    }
    for entry in input.set_file_modes {
        let path = checks::path(entry.file_path)?;
        let mode = checks::required(entry.file_mode, "FileModeRequiredException", "a file mode")?;
        files.push(FileChange::SetMode { path, mode: checks::file_mode(&mode)? });
    }
    let changes = Changes { files, keep_empty_folders: input.keep_empty_folders.unwrap_or(false) };
    check_sizes(&changes)?;
    changes.check_paths()?;
    let request = Request {
        repository_name: input.repository_name,
        branch: checks::branch_name(input.branch_name)?,
        parent: input.parent_commit_id,
        author: input.author_name,
        email: input.email,
        message: input.commit_message,
        changes,
    };
    let made = make(world, caller, "CreateCommit", &request)?;
    let list = |kind: commit_files::Kind| -> Vec<Value> {
        let files = made.files.iter().filter(|file| file.kind == kind);
        let shown = |file: &commit_files::Changed| {
            json!({
                "absolutePath": file.path,
                "blobId": file.blob.to_string(),
                "fileMode": name_of_mode(file.mode.into()),
            })
        };
        files.map(shown).collect()
    };
    Ok(json!({
        "commitId": made.commit.to_string(),
        "treeId": made.tree.to_string(),
        "filesAdded": list(commit_files::Kind::Added),
        "filesUpdated": list(commit_files::Kind::Updated),
        "filesDeleted": list(commit_files::Kind::Deleted),
    }))
}

fn put(entry: PutFileEntry) -> Result<FileChange, AwsError> {
    let path = checks::path(entry.file_path)?;
    let mode = entry.file_mode.as_deref().map(checks::file_mode).transpose()?;
    let content = match (entry.file_content, entry.source_file) {
        (Some(_), Some(_)) => {
            return Err(AwsError::new(
                "FileContentAndSourceFileSpecifiedException",
                format!("{path} has both a content and a source file: expected one of them"),
            ));
        }
        (None, None) => {
            return Err(AwsError::new(
                "SourceFileOrContentRequiredException",
                format!("{path} has neither a content nor a source file: expected one of them"),
            ));
        }
        (Some(content), None) => FileContent::Bytes(decode(&content)?),
        (None, Some(source)) => {
            let source_path = checks::path(source.file_path)?;
            if source_path.rsplit('/').next() == Some(commit_files::KEEP) {
                return Err(AwsError::new(
                    "RestrictedSourceFileException",
                    format!("{source_path} cannot be copied or moved: it only keeps its folder"),
                ));
            }
            FileContent::CopyOf { path: source_path, is_move: source.is_move.unwrap_or(false) }
        }
    };
    Ok(FileChange::Put { path, mode, content })
}

fn decode(content: &str) -> Result<Vec<u8>, AwsError> {
    STANDARD.decode(content).map_err(|error| {
        AwsError::new("SerializationException", format!("fileContent is not base64: {error}"))
    })
}

fn check_sizes(changes: &Changes) -> Result<(), AwsError> {
    let (mut together, mut folders) = (0, std::collections::BTreeMap::<&str, usize>::new());
    for file in &changes.files {
        let FileChange::Put { path, content: FileContent::Bytes(bytes), .. } = file else { continue };
        let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        together += bytes.len();
        *folders.entry(folder).or_default() += bytes.len();
        if bytes.len() > FILE_BYTES_MAX || together > COMMIT_BYTES_MAX {
            return Err(AwsError::new(
                "FileContentSizeLimitExceededException",
                format!(
                    "{path} is too large: expected at most {FILE_BYTES_MAX} bytes per file and {COMMIT_BYTES_MAX} per commit"
                ),
            ));
        }
    }
    match folders.into_iter().find(|(_, bytes)| *bytes > FILE_BYTES_MAX) {
        Some((folder, bytes)) => Err(AwsError::new(
            "FolderContentSizeLimitExceededException",
            format!(
                "the changes put {bytes} bytes into the folder /{folder}: expected at most {FILE_BYTES_MAX}"
            ),
        )),
        None => Ok(()),
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct PutFileInput {
    repository_name: Option<String>,
    branch_name: Option<String>,
    file_content: Option<String>,
    file_path: Option<String>,
    file_mode: Option<String>,
    parent_commit_id: Option<String>,
    commit_message: Option<String>,
    name: Option<String>,
    email: Option<String>,
}

pub(super) fn put_file(world: &mut World, caller: &Caller, input: PutFileInput) -> Result<Value, AwsError> {
    let content = checks::required(input.file_content, "FileContentRequiredException", "the file's content")?;
    let path = checks::path(input.file_path)?;
    let mode = input.file_mode.as_deref().map(checks::file_mode).transpose()?;
    let file = FileChange::Put { path: path.clone(), mode, content: FileContent::Bytes(decode(&content)?) };
    let changes = Changes { files: vec![file], keep_empty_folders: false };
    check_sizes(&changes)?;
    let request = Request {
        repository_name: input.repository_name,
        branch: checks::branch_name(input.branch_name)?,
        parent: input.parent_commit_id,
        author: input.name,
        email: input.email,
        message: input.commit_message,
        changes,
    };
    let made = make(world, caller, "PutFile", &request).map_err(|error| match error.code.as_str() {
        "NoChangeException" => {
            AwsError::new("SameFileContentException", format!("{path} has this content already"))
        }
        _ => error,
    })?;
    Ok(json!({
        "commitId": made.commit.to_string(),
        "blobId": made.files.first().map(|file| file.blob.to_string()),
        "treeId": made.tree.to_string(),
    }))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct DeleteFileInput {
    repository_name: Option<String>,
    branch_name: Option<String>,
    file_path: Option<String>,
    parent_commit_id: Option<String>,
    keep_empty_folders: Option<bool>,
    commit_message: Option<String>,
    name: Option<String>,
    email: Option<String>,
}

pub(super) fn delete_file(
    world: &mut World,
    caller: &Caller,
    input: DeleteFileInput,
) -> Result<Value, AwsError> {
    let path = checks::path(input.file_path)?;
    let parent = checks::required(
        input.parent_commit_id,
        "ParentCommitIdRequiredException",
        "the commit ID of the branch's tip",
    )?;
    let changes = Changes {
        files: vec![FileChange::Delete { path: path.clone() }],
        keep_empty_folders: input.keep_empty_folders.unwrap_or(false),
    };
    let request = Request {
        repository_name: input.repository_name,
        branch: checks::branch_name(input.branch_name)?,
        parent: Some(parent),
        author: input.name,
        email: input.email,
        message: input.commit_message,
        changes,
    };
    let made = make(world, caller, "DeleteFile", &request)?;
    let deleted = made.files.iter().find(|file| file.path == path);
    Ok(json!({
        "commitId": made.commit.to_string(),
        "blobId": deleted.map(|file| file.blob.to_string()),
        "treeId": made.tree.to_string(),
        "filePath": path,
    }))
}

/// A commit that was made.
struct Made {
    commit: ObjectId,
    tree: ObjectId,
    files: Vec<commit_files::Changed>,
}

fn make(world: &mut World, caller: &Caller, operation: &str, request: &Request) -> Result<Made, AwsError> {
    checks::authorship(request.author.as_deref(), request.email.as_deref(), request.message.as_deref())?;
    let branch = &request.branch;
    let opened =
        Opened::allowed(world, caller, operation, request.repository_name.clone(), Some(branch.as_str()))?;
    references::reconcile(world, &opened)?;
    let parent = parent(&opened, branch, request.parent.as_deref())?;
    let parent_tree = match parent {
        Some(id) => opened.git.commit(id)?.ok_or_else(|| no_such_parent(&id.to_string()))?.tree,
        None => super::git::Git::empty_tree(),
    };
    let (tree, files) = request.changes.apply(&opened.git, parent_tree)?;
    if tree == parent_tree {
        return Err(AwsError::new(
            "NoChangeException",
            format!("branch {branch} has exactly these files already: a commit must change something"),
        ));
    }
    let default_name = default_author(caller);
    let author = (request.author.as_deref().unwrap_or(&default_name), request.email.as_deref().unwrap_or(""));
    let message = request.message.clone().unwrap_or_else(|| default_message(&files));
    let parents: Vec<ObjectId> = parent.into_iter().collect();
    let commit = opened.git.write_commit(tree, &parents, author, &message, world.now())?;
    match references::swap_branch(world, &opened, branch, parent, Some(commit), &caller.arn())? {
        Swap::Done => Ok(Made { commit, tree, files }),
        Swap::Moved => Err(outdated(branch)),
    }
}

/// The parent that the commit gets: the branch's tip, which the request must name; none in an empty
/// repository.
fn parent(opened: &Opened, branch: &str, given: Option<&str>) -> Result<Option<ObjectId>, AwsError> {
    let given_id = match given {
        Some(text) => Some(checks::object_id(text).ok_or_else(|| {
            checks::invalid(
                "InvalidParentCommitIdException",
                "parent commit ID",
                text,
                "40 hexadecimal digits",
            )
        })?),
        None => None,
    };
    let references = opened.git.references()?;
    let Some(tip) = references.get(&format!("refs/heads/{branch}")).copied() else {
        if references.contains_key(&format!("refs/tags/{branch}")) {
            return Err(AwsError::new(
                "BranchNameIsTagNameException",
                format!("{branch} is a tag, not a branch"),
            ));
        }
        if references.keys().any(|name| name.starts_with("refs/heads/")) {
            return Err(branches::no_such_branch(branch));
        }
        return match given {
            Some(id) => Err(no_such_parent(id)),
            None => Ok(None),
        };
    };
    let Some(given) = given_id else {
        return Err(AwsError::new(
            "ParentCommitIdRequiredException",
            format!("the repository is not empty: the commit ID of the tip of {branch} is required"),
        ));
    };
    if given == tip {
        return Ok(Some(tip));
    }
    match opened.git.commit(given)? {
        Some(_) => Err(outdated(branch)),
        None => Err(no_such_parent(&given.to_string())),
    }
}

fn no_such_parent(id: &str) -> AwsError {
    AwsError::new("ParentCommitDoesNotExistException", format!("there is no commit {id} in this repository"))
}

fn outdated(branch: &str) -> AwsError {
    AwsError::new(
        "ParentCommitIdOutdatedException",
        format!("the parent commit ID is not the tip of branch {branch}: get the branch and try again"),
    )
}

fn default_author(caller: &Caller) -> String {
    match &caller.identity {
        Identity::Administrator | Identity::Service(_) => caller.short_name().to_owned(),
        Identity::Role { .. } => caller.arn(),
    }
}

fn default_message(files: &[commit_files::Changed]) -> String {
    match files {
        [file] => match file.kind {
            commit_files::Kind::Added => format!("Added {}", file.path),
            commit_files::Kind::Updated => format!("Edited {}", file.path),
            commit_files::Kind::Deleted => format!("Deleted {}", file.path),
        },
        files => format!("Changed {} files", files.len()),
    }
}

/// The mode that a file gets when nobody says.
pub(super) const DEFAULT_MODE: EntryKind = EntryKind::Blob;
