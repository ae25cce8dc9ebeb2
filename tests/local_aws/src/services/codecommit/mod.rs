//! AWS CodeCommit: git repositories on disk, changed through the API here and by `git` through
//! [`crate::wire`]. The state holds what AWS knows about a repository beside git itself, among it where
//! each branch and tag stood when it was last announced as an event.

mod branches;
mod changes;
mod checks;
mod comments;
mod commit_files;
mod commits;
mod differences;
mod files;
mod git;
mod history;
mod pages;
mod pushes;
mod references;
mod repositories;
mod specifiers;
mod tags;
#[cfg(test)]
pub(crate) mod tests;

pub use pushes::{Push, PushAcross, push, push_across, push_existing};
pub(crate) use pushes::{ReferenceChange, open_for_pull, open_for_push, person_arn, push_begins, push_ended};

use crate::caller::Caller;
use crate::error::AwsError;
use crate::names::AccountId;
use crate::services::{Service, parse_input};
use crate::world::World;
use gix::objs::tree::{EntryKind, EntryMode};
use repositories::{Opened, Repository};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// What one account holds of this service.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct State {
    /// Repositories by name.
    repositories: BTreeMap<String, Repository>,
}

/// Carries out one operation.
pub(crate) fn call(
    world: &mut World,
    caller: &Caller,
    operation: &str,
    input: Value,
) -> Result<Value, AwsError> {
    match operation {
        "BatchGetCommits" => commits::batch_get(world, caller, parse(operation, input)?),
        "CreateBranch" => branches::create(world, caller, parse(operation, input)?),
        "CreateCommit" => changes::create_commit(world, caller, parse(operation, input)?),
        "CreateRepository" => repositories::create(world, caller, parse(operation, input)?),
        "DeleteBranch" => branches::delete(world, caller, parse(operation, input)?),
        "DeleteFile" => changes::delete_file(world, caller, parse(operation, input)?),
        "DeleteRepository" => repositories::delete(world, caller, parse(operation, input)?),
        "GetBlob" => files::get_blob(world, caller, parse(operation, input)?),
        "GetBranch" => branches::get(world, caller, parse(operation, input)?),
        "GetComment" => comments::get(world, caller, parse(operation, input)?),
        "GetCommentsForComparedCommit" => {
            comments::of_compared_commit(world, caller, parse(operation, input)?)
        }
        "GetCommit" => commits::get(world, caller, parse(operation, input)?),
        "GetDifferences" => differences::get(world, caller, parse(operation, input)?),
        "GetFile" => files::get_file(world, caller, parse(operation, input)?),
        "GetFolder" => files::get_folder(world, caller, parse(operation, input)?),
        "GetRepository" => repositories::get(world, caller, parse(operation, input)?),
        "ListBranches" => branches::list(world, caller, parse(operation, input)?),
        "ListFileCommitHistory" => history::list(world, caller, parse(operation, input)?),
        "ListRepositories" => repositories::list(world, caller, parse(operation, input)?),
        "ListTagsForResource" => tags::list(world, caller, parse(operation, input)?),
        "PostCommentForComparedCommit" => comments::post(world, caller, parse(operation, input)?),
        "PutFile" => changes::put_file(world, caller, parse(operation, input)?),
        "TagResource" => tags::add(world, caller, parse(operation, input)?),
        "UntagResource" => tags::remove(world, caller, parse(operation, input)?),
        "UpdateDefaultBranch" => branches::update_default(world, caller, parse(operation, input)?),
        _ => Err(AwsError::not_in_local_aws(format!("the operation codecommit {operation}"))),
    }
}

/// A file's content at a commit, for the pipeline's source action; `None` when the commit has no such file.
///
/// # Errors
/// When the repository or the commit is not there.
pub(crate) fn file_at(
    world: &World,
    account: &AccountId,
    repository: &str,
    commit_id: &str,
    path: &str,
) -> Result<Option<Vec<u8>>, AwsError> {
    let opened = Opened::find(world, account, repository)?;
    let commit = match checks::object_id(commit_id) {
        Some(id) => opened.git.commit(id)?,
        None => None,
    };
    let commit = commit.ok_or_else(|| commits::no_such_id(commit_id))?;
    match opened.git.entry_at(commit.tree, path)? {
        Some(entry) if entry.mode.is_blob_or_symlink() => opened.git.blob(entry.id),
        _ => Ok(None),
    }
}

/// A branch's tip and that commit's message, for the pipeline's source action.
///
/// # Errors
/// When the repository or the branch is not there.
pub(crate) fn branch_tip(
    world: &World,
    account: &AccountId,
    repository: &str,
    branch: &str,
) -> Result<(String, String), AwsError> {
    let opened = Opened::find(world, account, repository)?;
    let tip = branches::tip(&opened, branch)?;
    let commit = opened.git.commit(tip)?.ok_or_else(|| commits::no_such_id(&tip.to_string()))?;
    Ok((tip.to_string(), commit.message))
}

fn parse<T: DeserializeOwned>(operation: &str, input: Value) -> Result<T, AwsError> {
    parse_input(Service::CodeCommit, operation, input)
}

/// A file mode's name in the API.
fn name_of_mode(mode: EntryMode) -> &'static str {
    match mode.kind() {
        EntryKind::BlobExecutable => "EXECUTABLE",
        EntryKind::Link => "SYMLINK",
        _ => "NORMAL",
    }
}

/// The file mode that the API calls so.
fn mode_of(name: &str) -> Option<EntryKind> {
    match name {
        "EXECUTABLE" => Some(EntryKind::BlobExecutable),
        "NORMAL" => Some(EntryKind::Blob),
        "SYMLINK" => Some(EntryKind::Link),
        _ => None,
    }
}
