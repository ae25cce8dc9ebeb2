//! Who may do what in which repository.

use super::parameters::registry;
use super::repository::Repository;
use crate::caller::Caller;
use crate::error::AwsError;
use crate::names::AccountId;
use crate::services::access::{self, Resource};
use crate::world::World;

/// The ARN of a repository.
pub(super) fn repository_arn(world: &World, account: &AccountId, name: &str) -> String {
    world.arn("ecr", account, &format!("repository/{name}"))
}

/// Admits the caller to a repository of the addressed registry and returns that registry's account.
///
/// A repository that is not there has no policy, so that nobody outside learns which names exist.
pub(super) fn authorize(
    world: &World,
    caller: &Caller,
    registry_id: Option<&str>,
    name: &str,
    action: &str,
) -> Result<AccountId, AwsError> {
    let account = registry(registry_id, &caller.account)?;
    let arn = repository_arn(world, &account, name);
    let repository = find(world, &account, name);
    let tags = repository.map(resource_tag_keys).unwrap_or_default();
    let context: Vec<(&str, &str)> = tags.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    let policy = repository.and_then(Repository::policy_document);
    let resource = Resource { arn: &arn, owner: &account, policy: policy.as_ref() };
    access::authorize(world, caller, action, resource, &context)?;
    Ok(account)
}

fn resource_tag_keys(repository: &Repository) -> Vec<(String, String)> {
    let tags = repository.resource_tags.iter();
    tags.flat_map(|(key, value)| {
        ["aws", "ecr"].map(|service| (format!("{service}:ResourceTag/{key}"), value.clone()))
    })
    .collect()
}

/// The repository, if it is there.
pub(super) fn find<'a>(world: &'a World, account: &AccountId, name: &str) -> Option<&'a Repository> {
    world.account(account).ok()?.ecr.repositories.get(name)
}

/// The repository, which must be there.
pub(super) fn repository<'a>(
    world: &'a World,
    account: &AccountId,
    name: &str,
) -> Result<&'a Repository, AwsError> {
    find(world, account, name).ok_or_else(|| not_found(account, name))
}

/// The repository, which must be there, to change it.
pub(super) fn repository_mut<'a>(
    world: &'a mut World,
    account: &AccountId,
    name: &str,
) -> Result<&'a mut Repository, AwsError> {
    world.account_mut(account)?.ecr.repositories.get_mut(name).ok_or_else(|| not_found(account, name))
}

fn not_found(account: &AccountId, name: &str) -> AwsError {
    AwsError::new(
        "RepositoryNotFoundException",
        format!("The repository with name '{name}' does not exist in the registry with id '{account}'"),
    )
}
