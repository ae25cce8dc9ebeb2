//! Repositories: made, shown, listed and removed; and how a request finds the one it names.

use super::comments::Posted;
use super::git::Git;
use super::history::Memory;
use super::pushes::Turn;
use super::{checks, pages, tags};
use crate::caller::Caller;
use crate::clock::epoch;
use crate::error::AwsError;
use crate::names::AccountId;
use crate::services::iam;
use crate::world::World;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// How many repositories an account may have (the default quota).
const REPOSITORIES_MAX: usize = 1000;
/// The longest description.
const DESCRIPTION_CHARACTERS_MAX: usize = 1000;
/// How many repositories one page lists; AWS does not publish its number.
const REPOSITORIES_PER_PAGE: usize = 100;

/// What AWS knows of a repository beside what git knows.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Repository {
    pub(super) id: String,
    pub(super) description: Option<String>,
    /// None before the first branch is there.
    pub(super) default_branch: Option<String>,
    pub(super) created: DateTime<Utc>,
    pub(super) modified: DateTime<Utc>,
    pub(super) tags: BTreeMap<String, String>,
    /// Where each branch and tag stood when it was last announced, by full name.
    pub(super) announced: BTreeMap<String, String>,
    pub(super) comments: Vec<Posted>,
    /// Whose `git push` is running; what it has changed so far may not be announced yet.
    #[serde(skip)]
    pub(super) pusher: Option<String>,
    /// Whose turn it is to push.
    #[serde(skip)]
    pub(super) turn: Turn,
    /// What was read of the history already.
    #[serde(skip)]
    pub(super) memory: Memory,
}

/// The repository that a request works on.
pub(super) struct Opened {
    pub(super) account: AccountId,
    pub(super) name: String,
    pub(super) git: Git,
}

impl Opened {
    /// Opens a repository of an account.
    pub(super) fn find(world: &World, account: &AccountId, name: &str) -> Result<Self, AwsError> {
        let repository = find(world, account, name)?;
        let git = Git::open(&folder(world, account, &repository.id))?;
        Ok(Self { account: account.clone(), name: name.to_owned(), git })
    }

    /// Opens the repository that a request names, if the caller may do this to it. `branch` is what the
    /// condition key `codecommit:References` is about, for operations that have it.
    pub(super) fn allowed(
        world: &World,
        caller: &Caller,
        operation: &str,
        name: Option<String>,
        branch: Option<&str>,
    ) -> Result<Self, AwsError> {
        let name = checks::repository_name(name)?;
        let reference = branch.map(|branch| format!("refs/heads/{branch}"));
        authorize(world, caller, operation, &name, reference.as_deref())?;
        Self::find(world, &caller.account, &name)
    }

    /// What AWS knows of it.
    pub(super) fn repository<'world>(&self, world: &'world World) -> Result<&'world Repository, AwsError> {
        find(world, &self.account, &self.name)
    }

    /// What AWS knows of it, to change it.
    pub(super) fn repository_mut<'world>(
        &self,
        world: &'world mut World,
    ) -> Result<&'world mut Repository, AwsError> {
        let repositories = &mut world.account_mut(&self.account)?.codecommit.repositories;
        repositories.get_mut(&self.name).ok_or_else(|| no_such_repository(&self.name))
    }
}

/// Asks IAM; the condition keys are the repository's tags and, where given, the reference.
pub(super) fn authorize(
    world: &World,
    caller: &Caller,
    operation: &str,
    name: &str,
    reference: Option<&str>,
) -> Result<(), AwsError> {
    let resource = world.arn("codecommit", &caller.account, name);
    let repository = world.account(&caller.account)?.codecommit.repositories.get(name);
    let tags: Vec<(String, &str)> = repository
        .iter()
        .flat_map(|repository| &repository.tags)
        .map(|(key, value)| (format!("aws:ResourceTag/{key}"), value.as_str()))
        .collect();
    let mut context: Vec<(&str, &str)> = tags.iter().map(|(key, value)| (key.as_str(), *value)).collect();
    context.extend(reference.map(|reference| ("codecommit:References", reference)));
    iam::authorize(world, caller, &format!("codecommit:{operation}"), &resource, &context)
}

/// A repository of an account.
pub(super) fn find<'world>(
    world: &'world World,
    account: &AccountId,
    name: &str,
) -> Result<&'world Repository, AwsError> {
    let repositories = &world.account(account)?.codecommit.repositories;
    repositories.get(name).ok_or_else(|| no_such_repository(name))
}

/// Where a repository lies on disk: by id, so that a new one of the same name is another one.
pub(super) fn folder(world: &World, account: &AccountId, repository_id: &str) -> PathBuf {
    world.store.folder(account, "codecommit").join(format!("{repository_id}.git"))
}

pub(super) fn no_such_repository(name: &str) -> AwsError {
    AwsError::new("RepositoryDoesNotExistException", format!("{name} does not exist"))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct CreateInput {
    repository_name: Option<String>,
    repository_description: Option<String>,
    tags: Option<BTreeMap<String, String>>,
    kms_key_id: Option<String>,
}

pub(super) fn create(world: &mut World, caller: &Caller, input: CreateInput) -> Result<Value, AwsError> {
    let name = checks::repository_name(input.repository_name)?;
    let tags = input.tags.unwrap_or_default();
    tags::check(&tags)?;
    let description = input.repository_description;
    if description.as_ref().is_some_and(|text| text.chars().count() > DESCRIPTION_CHARACTERS_MAX) {
        return Err(AwsError::new(
            "InvalidRepositoryDescriptionException",
            format!("the repository description is longer than {DESCRIPTION_CHARACTERS_MAX} characters"),
        ));
    }
    if input.kms_key_id.is_some() {
        return Err(AwsError::not_in_local_aws("the kmsKeyId of codecommit CreateRepository"));
    }
    authorize_creation(world, caller, &name, &tags)?;
    let repositories = &world.account(&caller.account)?.codecommit.repositories;
    if repositories.contains_key(&name) {
        return Err(AwsError::new(
            "RepositoryNameExistsException",
            format!("a repository named {name} is already there in account {}", caller.account),
        ));
    }
    if repositories.len() >= REPOSITORIES_MAX {
        return Err(AwsError::new(
            "RepositoryLimitExceededException",
            format!("account {} has {REPOSITORIES_MAX} repositories, the most it may have", caller.account),
        ));
    }
    let id = world.ids.uuid();
    Git::create(&folder(world, &caller.account, &id))?;
    let repository = Repository {
        id,
        description,
        default_branch: None,
        created: world.now(),
        modified: world.now(),
        tags,
        announced: BTreeMap::new(),
        comments: Vec::new(),
        pusher: None,
        turn: Turn::default(),
        memory: Memory::default(),
    };
    let shown = metadata(world, &caller.account, &name, &repository);
    world.account_mut(&caller.account)?.codecommit.repositories.insert(name, repository);
    Ok(json!({ "repositoryMetadata": shown }))
}

fn authorize_creation(
    world: &World,
    caller: &Caller,
    name: &str,
    tags: &BTreeMap<String, String>,
) -> Result<(), AwsError> {
    let keys: Vec<(String, &str)> =
        tags.iter().map(|(key, value)| (format!("aws:RequestTag/{key}"), value.as_str())).collect();
    let context: Vec<(&str, &str)> = keys.iter().map(|(key, value)| (key.as_str(), *value)).collect();
    let resource = world.arn("codecommit", &caller.account, name);
    iam::authorize(world, caller, "codecommit:CreateRepository", &resource, &context)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct NameInput {
    repository_name: Option<String>,
}

pub(super) fn get(world: &mut World, caller: &Caller, input: NameInput) -> Result<Value, AwsError> {
    let name = checks::repository_name(input.repository_name)?;
    authorize(world, caller, "GetRepository", &name, None)?;
    let repository = find(world, &caller.account, &name)?;
    Ok(json!({ "repositoryMetadata": metadata(world, &caller.account, &name, repository) }))
}

/// A repository that is not there is deleted already: AWS then answers without an id.
pub(super) fn delete(world: &mut World, caller: &Caller, input: NameInput) -> Result<Value, AwsError> {
    let name = checks::repository_name(input.repository_name)?;
    authorize(world, caller, "DeleteRepository", &name, None)?;
    let removed = world.account_mut(&caller.account)?.codecommit.repositories.remove(&name);
    let Some(repository) = removed else { return Ok(json!({})) };
    std::fs::remove_dir_all(folder(world, &caller.account, &repository.id))?;
    Ok(json!({ "repositoryId": repository.id }))
}

fn metadata(world: &World, account: &AccountId, name: &str, repository: &Repository) -> Value {
    let region = &world.region;
    let http = match &world.endpoint {
        Some(endpoint) => format!("{endpoint}/v1/repos/{name}"),
        None => format!("https://git-codecommit.{region}.amazonaws.com/v1/repos/{name}"),
    };
    let mut shown = json!({
        "accountId": account,
        "repositoryId": repository.id,
        "repositoryName": name,
        "creationDate": epoch(repository.created),
        "lastModifiedDate": epoch(repository.modified),
        "cloneUrlHttp": http,
        "cloneUrlSsh": format!("ssh://git-codecommit.{region}.amazonaws.com/v1/repos/{name}"),
        "Arn": world.arn("codecommit", account, name),
    });
    if let Some(members) = shown.as_object_mut() {
        members.extend(
            repository.description.as_ref().map(|text| ("repositoryDescription".to_owned(), json!(text))),
        );
        members
            .extend(repository.default_branch.as_ref().map(|name| ("defaultBranch".to_owned(), json!(name))));
    }
    shown
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ListInput {
    next_token: Option<String>,
    sort_by: Option<String>,
    order: Option<String>,
}

pub(super) fn list(world: &mut World, caller: &Caller, input: ListInput) -> Result<Value, AwsError> {
    let sort_by = input.sort_by.unwrap_or_else(|| "repositoryName".to_owned());
    if !matches!(sort_by.as_str(), "repositoryName" | "lastModifiedDate") {
        return Err(checks::invalid(
            "InvalidSortByException",
            "sortBy",
            &sort_by,
            "repositoryName or lastModifiedDate",
        ));
    }
    let order = input.order.unwrap_or_else(|| "ascending".to_owned());
    if !matches!(order.as_str(), "ascending" | "descending") {
        return Err(checks::invalid("InvalidOrderException", "order", &order, "ascending or descending"));
    }
    iam::authorize(world, caller, "codecommit:ListRepositories", "*", &[])?;
    let repositories = &world.account(&caller.account)?.codecommit.repositories;
    let mut sorted: Vec<(&String, &Repository)> = repositories.iter().collect();
    if sort_by == "lastModifiedDate" {
        sorted.sort_by_key(|(_, repository)| repository.modified);
    }
    if order == "descending" {
        sorted.reverse();
    }
    let listing = format!("ListRepositories {sort_by} {order}");
    let offset = pages::offset(&listing, input.next_token.as_deref())?;
    let pair = |(name, repository): (&String, &Repository)| json!({ "repositoryName": name, "repositoryId": repository.id });
    let all: Vec<Value> = sorted.into_iter().map(pair).collect();
    Ok(pages::page(&listing, all, offset, REPOSITORIES_PER_PAGE).answer("repositories"))
}
