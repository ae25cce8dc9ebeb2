//! Branches.

use super::git::Swap;
use super::repositories::Opened;
use super::{checks, pages, references};
use crate::caller::Caller;
use crate::error::AwsError;
use crate::world::World;
use gix::ObjectId;
use serde::Deserialize;
use serde_json::{Value, json};

/// How many branches one page lists; AWS does not publish its number.
const BRANCHES_PER_PAGE: usize = 100;

/// A branch's tip.
pub(super) fn tip(opened: &Opened, branch: &str) -> Result<ObjectId, AwsError> {
    opened.git.reference(&format!("refs/heads/{branch}"))?.ok_or_else(|| no_such_branch(branch))
}

pub(super) fn no_such_branch(branch: &str) -> AwsError {
    AwsError::new("BranchDoesNotExistException", format!("there is no branch {branch} in this repository"))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct CreateInput {
    repository_name: Option<String>,
    branch_name: Option<String>,
    commit_id: Option<String>,
}

pub(super) fn create(world: &mut World, caller: &Caller, input: CreateInput) -> Result<Value, AwsError> {
    let branch = checks::branch_name(input.branch_name)?;
    let commit_id = checks::commit_id(input.commit_id)?;
    let opened = Opened::allowed(world, caller, "CreateBranch", input.repository_name, Some(&branch))?;
    if opened.git.commit(commit_id)?.is_none() {
        return Err(AwsError::new("CommitDoesNotExistException", format!("there is no commit {commit_id}")));
    }
    match references::swap_branch(world, &opened, &branch, None, Some(commit_id), &caller.arn())? {
        Swap::Done => Ok(json!({})),
        Swap::Moved => Err(AwsError::new(
            "BranchNameExistsException",
            format!("a branch named {branch} is already there in this repository"),
        )),
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct BranchInput {
    repository_name: Option<String>,
    branch_name: Option<String>,
}

pub(super) fn get(world: &mut World, caller: &Caller, input: BranchInput) -> Result<Value, AwsError> {
    let branch = checks::branch_name(input.branch_name)?;
    let opened = Opened::allowed(world, caller, "GetBranch", input.repository_name, None)?;
    let tip = tip(&opened, &branch)?;
    Ok(json!({ "branch": { "branchName": branch, "commitId": tip.to_string() } }))
}

/// A branch that is not there is deleted already: AWS then answers without one.
pub(super) fn delete(world: &mut World, caller: &Caller, input: BranchInput) -> Result<Value, AwsError> {
    let branch = checks::branch_name(input.branch_name)?;
    let opened = Opened::allowed(world, caller, "DeleteBranch", input.repository_name, Some(&branch))?;
    references::reconcile(world, &opened)?;
    if opened.repository(world)?.default_branch.as_deref() == Some(branch.as_str()) {
        return Err(AwsError::new(
            "DefaultBranchCannotBeDeletedException",
            format!("{branch} is the default branch: make another one the default before deleting it"),
        ));
    }
    let name = format!("refs/heads/{branch}");
    loop {
        let Some(tip) = opened.git.reference(&name)? else { return Ok(json!({})) };
        let swap = references::swap_branch(world, &opened, &branch, Some(tip), None, &caller.arn())?;
        if swap == Swap::Done {
            return Ok(json!({ "deletedBranch": { "branchName": branch, "commitId": tip.to_string() } }));
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ListInput {
    repository_name: Option<String>,
    next_token: Option<String>,
}

pub(super) fn list(world: &mut World, caller: &Caller, input: ListInput) -> Result<Value, AwsError> {
    let opened = Opened::allowed(world, caller, "ListBranches", input.repository_name, None)?;
    let listing = format!("ListBranches {}", opened.name);
    let offset = pages::offset(&listing, input.next_token.as_deref())?;
    let references = opened.git.references()?;
    let branches: Vec<Value> =
        references.keys().filter_map(|name| name.strip_prefix("refs/heads/")).map(Value::from).collect();
    Ok(pages::page(&listing, branches, offset, BRANCHES_PER_PAGE).answer("branches"))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct UpdateDefaultInput {
    repository_name: Option<String>,
    default_branch_name: Option<String>,
}

pub(super) fn update_default(
    world: &mut World,
    caller: &Caller,
    input: UpdateDefaultInput,
) -> Result<Value, AwsError> {
    let branch = checks::branch_name(input.default_branch_name)?;
    let opened = Opened::allowed(world, caller, "UpdateDefaultBranch", input.repository_name, None)?;
    tip(&opened, &branch)?;
    opened.git.set_head(&branch)?;
    let now = world.now();
    let repository = opened.repository_mut(world)?;
    repository.default_branch = Some(branch);
    repository.modified = now;
    Ok(json!({}))
}
