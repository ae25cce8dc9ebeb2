//! The CodeCommit source action: which commit an execution is about.

use super::declaration::ActionDeclaration;
use super::records::Failure;
use crate::caller::Caller;
use crate::error::AwsError;
use crate::services::{self, Service, codecommit, iam};
use crate::world::World;
use chrono::{DateTime, SecondsFormat};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Longer commit messages are cut where a source revision shows them.
const SUMMARY_MAX: usize = 2048;

/// A commit that a source action took.
#[derive(Debug, PartialEq)]
pub(super) struct Fetched {
    /// The repository.
    pub(super) repository: String,
    /// Its commit.
    pub(super) commit: String,
    /// The commit's message, cut to what fits.
    pub(super) summary: String,
    /// The commit's page in the console.
    pub(super) url: String,
    /// What later actions may refer to.
    pub(super) variables: BTreeMap<String, String>,
}

/// Takes the commit that the start named, or else the branch's tip at this moment.
pub(super) fn fetch(
    world: &mut World,
    role: &Caller,
    action: &ActionDeclaration,
    named: Option<&str>,
    artifact_arn: &str,
) -> Result<Fetched, Failure> {
    let repository = configured(action, "RepositoryName");
    let branch = configured(action, "BranchName");
    let commit = match named {
        Some(commit) => commit.to_owned(),
        None => tip(world, role, &repository, &branch)?,
    };
    let input = json!({ "repositoryName": repository, "commitId": commit });
    let reply = services::call(world, role, Service::CodeCommit, "GetCommit", input)
        .map_err(|error| failure(&error, &repository, &branch))?;
    let arn = world.arn("codecommit", &role.account, &repository);
    for needed in ["codecommit:UploadArchive", "codecommit:GetUploadArchiveStatus"] {
        iam::authorize(world, role, needed, &arn, &[])
            .map_err(|error| failure(&error, &repository, &branch))?;
    }
    iam::authorize(world, role, "s3:PutObject", artifact_arn, &[]).map_err(|error| {
        Failure::permission(format!("The pipeline's role cannot store the artifact: {}", error.message))
    })?;
    Ok(fetched(&world.region, &repository, &branch, &commit, reply.get("commit").unwrap_or(&Value::Null)))
}

/// The branch's tip, as the pipeline's role sees it.
pub(super) fn tip(world: &World, role: &Caller, repository: &str, branch: &str) -> Result<String, Failure> {
    let arn = world.arn("codecommit", &role.account, repository);
    iam::authorize(world, role, "codecommit:GetBranch", &arn, &[])
        .and_then(|()| codecommit::branch_tip(world, &role.account, repository, branch))
        .map(|(commit, _message)| commit)
        .map_err(|error| failure(&error, repository, branch))
}

/// A configured value; the structure was checked, so a required one is there.
pub(super) fn configured(action: &ActionDeclaration, key: &str) -> String {
    action.configuration.get(key).cloned().unwrap_or_default()
}

/// The commit's page in the console.
fn commit_url(region: &str, repository: &str, commit: &str) -> String {
    format!(
        "https://{region}.console.aws.amazon.com/codecommit/home?region={region}#/repository/{repository}/commit/{commit}"
    )
}

/// The branch's page in the console.
pub(super) fn branch_url(region: &str, repository: &str, branch: &str) -> String {
    format!(
        "https://{region}.console.aws.amazon.com/codecommit/home?region={region}#/repository/{repository}/browse/{branch}/--/"
    )
}

fn fetched(region: &str, repository: &str, branch: &str, commit: &str, found: &Value) -> Fetched {
    let message = found.get("message").and_then(Value::as_str).unwrap_or_default();
    let variables = [
        ("RepositoryName", Some(repository.to_owned())),
        ("BranchName", Some(branch.to_owned())),
        ("CommitId", Some(commit.to_owned())),
        ("CommitMessage", Some(message.to_owned())),
        ("AuthorDate", date(found, "author")),
        ("CommitterDate", date(found, "committer")),
    ];
    Fetched {
        repository: repository.to_owned(),
        commit: commit.to_owned(),
        summary: message.chars().take(SUMMARY_MAX).collect(),
        url: commit_url(region, repository, commit),
        variables: variables
            .into_iter()
            .filter_map(|(name, value)| Some((name.to_owned(), value?)))
            .collect(),
    }
}

/// `<epoch seconds> <offset>` as an ISO date.
fn date(commit: &Value, who: &str) -> Option<String> {
    let date = commit.get(who)?.get("date")?.as_str()?;
    let seconds = date.split(' ').next()?.parse().ok()?;
    Some(DateTime::from_timestamp(seconds, 0)?.to_rfc3339_opts(SecondsFormat::Secs, true))
}

fn failure(error: &AwsError, repository: &str, branch: &str) -> Failure {
    match error.code.as_str() {
        "AccessDeniedException" => Failure::permission(format!(
            "The service role or action role doesn't have the permissions required to access the AWS CodeCommit \
             repository named {repository}. Update the IAM role permissions, and then try again. Error: {}",
            error.message
        )),
        "RepositoryDoesNotExistException" => {
            Failure::configuration(format!("The AWS CodeCommit repository named {repository} does not exist"))
        }
        "BranchDoesNotExistException" => no_branch(repository, branch),
        "CommitIdDoesNotExistException" | "CommitDoesNotExistException" | "InvalidCommitIdException" => {
            Failure::configuration(format!(
                "The commit does not exist in the repository named {repository}: {}",
                error.message
            ))
        }
        _ => Failure::job_failed(format!("{}: {}", error.code, error.message)),
    }
}

fn no_branch(repository: &str, branch: &str) -> Failure {
    Failure::configuration(format!("No Branch [{branch}] found for provided repository name [{repository}]"))
}
