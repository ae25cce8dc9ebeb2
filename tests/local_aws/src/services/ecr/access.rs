//! Who may do what in which repository.

use super::parameters::registry;
use super::repository::Repository;
use crate::caller::Caller;
use crate::error::AwsError;
use crate::names::AccountId;
use crate::services::iam;
use crate::world::World;
use serde_json::Value;

/// The ARN of a repository.
pub(super) fn repository_arn(world: &World, account: &AccountId, name: &str) -> String {
    world.arn("ecr", account, &format!("repository/{name}"))
}

/// Admits the caller to a repository of the addressed registry and returns that registry's account.
///
/// In the own account IAM or the repository's policy must allow it; in another account both must. A
/// repository that is not there has no policy, so that nobody outside learns which names exist.
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
    let identity = iam::authorize(world, caller, action, &arn, &context);
    let policy = repository
        .and_then(|repository| repository.policy.as_deref())
        .and_then(|text| serde_json::from_str::<Value>(text).ok());
    let granted =
        policy.is_some_and(|policy| iam::resource_policy_allows(&policy, caller, action, &arn, &context));
    if account == caller.account {
        return match identity {
            Err(error) if !granted || error.message.contains("explicit deny") => Err(error),
            Ok(()) | Err(_) => Ok(account),
        };
    }
    identity?;
    if granted {
        return Ok(account);
    }
    let because = format!("no resource-based policy allows the {action} action");
    Err(AwsError::access_denied(&caller.arn(), action, &arn, &because))
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
