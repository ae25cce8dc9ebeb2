//! Policies of repositories: who from elsewhere may use them.

use super::access::{self, authorize};
use super::parameters::{invalid, repository_name, required};
use crate::caller::Caller;
use crate::error::AwsError;
use crate::names::AccountId;
use crate::services::{Service, iam, parse_input};
use crate::world::World;
use serde::Deserialize;
use serde_json::{Value, json};

/// The longest policy.
const POLICY_BYTES_MAX: usize = 10_240;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct SetRepositoryPolicy {
    registry_id: Option<String>,
    repository_name: Option<String>,
    policy_text: Option<String>,
    /// Lets a policy lock out the caller; the local accounts never object to that.
    #[serde(rename = "force")]
    _force: Option<bool>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct RepositoryOnly {
    registry_id: Option<String>,
    repository_name: Option<String>,
}

/// SetRepositoryPolicy.
pub(super) fn set(world: &mut World, caller: &Caller, input: Value) -> Result<Value, AwsError> {
    let input: SetRepositoryPolicy = parse_input(Service::Ecr, "SetRepositoryPolicy", input)?;
    let name = repository_name(input.repository_name)?;
    let account = authorize(world, caller, input.registry_id.as_deref(), &name, "ecr:SetRepositoryPolicy")?;
    let text = required(input.policy_text, "policyText")?;
    if text.len() > POLICY_BYTES_MAX {
        let constraint = format!("must have length less than or equal to {POLICY_BYTES_MAX}");
        return Err(invalid("policyText", &constraint));
    }
    check(&text)?;
    let repository = access::repository_mut(world, &account, &name)?;
    repository.policy = Some(text.clone());
    Ok(shown(&account, &name, &text))
}

/// Checks a policy before it is kept.
fn check(text: &str) -> Result<(), AwsError> {
    let refused =
        |because: &str| invalid("PolicyText", &format!("Invalid repository policy provided: {because}"));
    let policy: Value = serde_json::from_str(text).map_err(|error| refused(&error.to_string()))?;
    let statements = match policy.get("Statement") {
        Some(Value::Array(statements)) => statements.as_slice(),
        Some(one) => std::slice::from_ref(one),
        None => return Err(refused("it has no Statement")),
    };
    let names_resource =
        |statement: &Value| ["Resource", "NotResource"].iter().any(|key| statement.get(key).is_some());
    if statements.iter().any(names_resource) {
        return Err(refused("a statement has a Resource, which is always the repository"));
    }
    iam::check_resource_policy(&policy).map_err(|error| match error.code.as_str() {
        "NotInLocalAws" => error,
        _ => refused(&error.message),
    })
}

/// GetRepositoryPolicy.
pub(super) fn get(world: &World, caller: &Caller, input: Value) -> Result<Value, AwsError> {
    let input: RepositoryOnly = parse_input(Service::Ecr, "GetRepositoryPolicy", input)?;
    let name = repository_name(input.repository_name)?;
    let account = authorize(world, caller, input.registry_id.as_deref(), &name, "ecr:GetRepositoryPolicy")?;
    let repository = access::repository(world, &account, &name)?;
    let text = repository.policy.as_deref().ok_or_else(|| no_policy(&account, &name))?;
    Ok(shown(&account, &name, text))
}

/// DeleteRepositoryPolicy.
pub(super) fn delete(world: &mut World, caller: &Caller, input: Value) -> Result<Value, AwsError> {
    let input: RepositoryOnly = parse_input(Service::Ecr, "DeleteRepositoryPolicy", input)?;
    let name = repository_name(input.repository_name)?;
    let account =
        authorize(world, caller, input.registry_id.as_deref(), &name, "ecr:DeleteRepositoryPolicy")?;
    let repository = access::repository_mut(world, &account, &name)?;
    let text = repository.policy.take().ok_or_else(|| no_policy(&account, &name))?;
    Ok(shown(&account, &name, &text))
}

fn shown(account: &AccountId, name: &str, text: &str) -> Value {
    json!({"registryId": account, "repositoryName": name, "policyText": text})
}

fn no_policy(account: &AccountId, name: &str) -> AwsError {
    let text = format!(
        "Repository policy does not exist for the repository with name '{name}' in the registry with id '{account}'"
    );
    AwsError::new("RepositoryPolicyNotFoundException", text)
}
