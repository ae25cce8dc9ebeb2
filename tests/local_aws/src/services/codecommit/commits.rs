//! Commits, read.

use super::checks;
use super::git::{Commit, Signature};
use super::repositories::Opened;
use crate::caller::Caller;
use crate::error::AwsError;
use crate::world::World;
use serde::Deserialize;
use serde_json::{Value, json};

/// How many commits one request may ask for.
const COMMITS_PER_BATCH_MAX: usize = 100;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct GetInput {
    repository_name: Option<String>,
    commit_id: Option<String>,
}

pub(super) fn get(world: &mut World, caller: &Caller, input: GetInput) -> Result<Value, AwsError> {
    let id = checks::commit_id(input.commit_id)?;
    let opened = Opened::allowed(world, caller, "GetCommit", input.repository_name, None)?;
    let commit = opened.git.commit(id)?.ok_or_else(|| no_such_id(&id.to_string()))?;
    Ok(json!({ "commit": shown(&commit) }))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct BatchGetInput {
    repository_name: Option<String>,
    commit_ids: Option<Vec<String>>,
}

/// An id that is wrong or not there fails alone, in `errors`.
pub(super) fn batch_get(world: &mut World, caller: &Caller, input: BatchGetInput) -> Result<Value, AwsError> {
    let ids = input
        .commit_ids
        .filter(|ids| !ids.is_empty())
        .ok_or_else(|| AwsError::new("CommitIdsListRequiredException", "a list of commit IDs is required"))?;
    if ids.len() > COMMITS_PER_BATCH_MAX {
        return Err(AwsError::new(
            "CommitIdsLimitExceededException",
            format!("{} commit IDs are too many: expected at most {COMMITS_PER_BATCH_MAX}", ids.len()),
        ));
    }
    let opened = Opened::allowed(world, caller, "BatchGetCommits", input.repository_name, None)?;
    let (mut commits, mut errors) = (Vec::new(), Vec::new());
    for text in ids {
        let found = match checks::commit_id(Some(text.clone())) {
            Ok(id) => opened.git.commit(id)?.ok_or_else(|| no_such_id(&text)),
            Err(error) => Err(error),
        };
        match found {
            Ok(commit) => commits.push(shown(&commit)),
            Err(error) => errors
                .push(json!({ "commitId": text, "errorCode": error.code, "errorMessage": error.message })),
        }
    }
    Ok(json!({ "commits": commits, "errors": errors }))
}

pub(super) fn no_such_id(id: &str) -> AwsError {
    AwsError::new("CommitIdDoesNotExistException", format!("there is no commit {id} in this repository"))
}

/// A commit as the API shows it.
pub(super) fn shown(commit: &Commit) -> Value {
    let user = |signature: &Signature| json!({ "name": signature.name, "email": signature.email, "date": signature.date });
    json!({
        "commitId": commit.id.to_string(),
        "treeId": commit.tree.to_string(),
        "parents": commit.parents.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "message": commit.message,
        "author": user(&commit.author),
        "committer": user(&commit.committer),
        "additionalData": "",
    })
}
