//! Repositories: made, described, changed, deleted.

use super::access::{self, authorize, repository_arn};
use super::layers;
use super::mutability::{ExclusionFilter, Mutability};
use super::pages::{self, page};
use super::parameters::{counted, invalid, max_results, registry, repository_name, required};
use super::repository::Repository;
use super::resource_tags::{Tag, checked, merged};
use crate::caller::Caller;
use crate::clock::epoch;
use crate::error::AwsError;
use crate::names::AccountId;
use crate::services::{Service, iam, parse_input};
use crate::world::World;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The most repositories of an account.
const REPOSITORIES_MAX: usize = 100_000;
/// The most names that DescribeRepositories takes.
const NAMES_MAX: usize = 100;
/// Repositories of a page unless the request says otherwise.
const PAGE_DEFAULT: usize = 100;
/// The most repositories of a page.
const PAGE_MAX: usize = 1_000;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct CreateRepository {
    registry_id: Option<String>,
    repository_name: Option<String>,
    tags: Option<Vec<Tag>>,
    image_tag_mutability: Option<String>,
    image_tag_mutability_exclusion_filters: Option<Vec<ExclusionFilter>>,
    image_scanning_configuration: Option<ImageScanning>,
    encryption_configuration: Option<Encryption>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ImageScanning {
    scan_on_push: Option<bool>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Encryption {
    encryption_type: Option<String>,
    kms_key: Option<String>,
}

/// CreateRepository.
pub(super) fn create(world: &mut World, caller: &Caller, input: Value) -> Result<Value, AwsError> {
    let input: CreateRepository = parse_input(Service::Ecr, "CreateRepository", input)?;
    let name = repository_name(input.repository_name)?;
    let resource_tags = checked(input.tags.unwrap_or_default())?;
    let account = registry(input.registry_id.as_deref(), &caller.account)?;
    authorize_creation(world, caller, &account, &name, &resource_tags)?;
    let mutability =
        Mutability::checked(input.image_tag_mutability, input.image_tag_mutability_exclusion_filters)?;
    if input.image_scanning_configuration.is_some_and(|scanning| scanning.scan_on_push == Some(true)) {
        return Err(AwsError::not_in_local_aws("ecr CreateRepository with scanOnPush"));
    }
    check_encryption(input.encryption_configuration)?;
    let created_at = world.now();
    let repositories = &mut world.account_mut(&account)?.ecr.repositories;
    if repositories.contains_key(&name) {
        let text =
            format!("The repository with name '{name}' already exists in the registry with id '{account}'");
        return Err(AwsError::new("RepositoryAlreadyExistsException", text));
    }
    if repositories.len() >= REPOSITORIES_MAX {
        let text = format!("The registry with id '{account}' has {REPOSITORIES_MAX} repositories already");
        return Err(AwsError::new("LimitExceededException", text));
    }
    let repository = Repository {
        created_at,
        mutability,
        resource_tags: merged(BTreeMap::new(), resource_tags)?,
        policy: None,
        images: BTreeMap::new(),
        image_tags: BTreeMap::new(),
        blobs: BTreeMap::new(),
    };
    repositories.insert(name.clone(), repository);
    Ok(json!({"repository": describe_one(world, &account, &name)?}))
}

/// There is no policy yet that could let somebody from another account in.
fn authorize_creation(
    world: &World,
    caller: &Caller,
    account: &AccountId,
    name: &str,
    tags: &[(String, String)],
) -> Result<(), AwsError> {
    const ACTION: &str = "ecr:CreateRepository";
    let arn = repository_arn(world, account, name);
    let request_tags: Vec<(String, &str)> =
        tags.iter().map(|(key, value)| (format!("aws:RequestTag/{key}"), value.as_str())).collect();
    let context: Vec<(&str, &str)> = request_tags.iter().map(|(key, value)| (key.as_str(), *value)).collect();
    iam::authorize(world, caller, ACTION, &arn, &context)?;
    if *account == caller.account {
        return Ok(());
    }
    let because = format!("no resource-based policy allows the {ACTION} action");
    Err(AwsError::access_denied(&caller.arn(), ACTION, &arn, &because))
}

fn check_encryption(encryption: Option<Encryption>) -> Result<(), AwsError> {
    let Some(encryption) = encryption else { return Ok(()) };
    match required(encryption.encryption_type, "encryptionConfiguration.encryptionType")?.as_str() {
        "AES256" if encryption.kms_key.is_none() => Ok(()),
        "AES256" => Err(invalid("encryptionConfiguration.kmsKey", "must be null with AES256")),
        other @ ("KMS" | "KMS_DSSE") => {
            Err(AwsError::not_in_local_aws(format!("ecr CreateRepository with encryptionType {other}")))
        }
        _ => Err(invalid("encryptionConfiguration.encryptionType", "must be one of AES256, KMS, KMS_DSSE")),
    }
}

fn describe_one(world: &World, account: &AccountId, name: &str) -> Result<Value, AwsError> {
    Ok(shown(world, account, name, access::repository(world, account, name)?))
}

fn shown(world: &World, account: &AccountId, name: &str, repository: &Repository) -> Value {
    let mut described = json!({
        "repositoryArn": repository_arn(world, account, name),
        "registryId": account,
        "repositoryName": name,
        "repositoryUri": format!("{account}.dkr.ecr.{}.amazonaws.com/{name}", world.region),
        "createdAt": epoch(repository.created_at),
        "imageScanningConfiguration": {"scanOnPush": false},
        "encryptionConfiguration": {"encryptionType": "AES256"},
    });
    repository.mutability.describe(&mut described);
    described
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct DeleteRepository {
    registry_id: Option<String>,
    repository_name: Option<String>,
    force: Option<bool>,
}

/// DeleteRepository. Uploads to it are forgotten.
pub(super) fn delete(world: &mut World, caller: &Caller, input: Value) -> Result<Value, AwsError> {
    let input: DeleteRepository = parse_input(Service::Ecr, "DeleteRepository", input)?;
    let name = repository_name(input.repository_name)?;
    let account = authorize(world, caller, input.registry_id.as_deref(), &name, "ecr:DeleteRepository")?;
    let described = describe_one(world, &account, &name)?;
    if input.force != Some(true) && !access::repository(world, &account, &name)?.images.is_empty() {
        let text = format!(
            "The repository with name '{name}' in registry with id '{account}' cannot be deleted because it still contains images"
        );
        return Err(AwsError::new("RepositoryNotEmptyException", text));
    }
    let state = &mut world.account_mut(&account)?.ecr;
    let blobs = state.repositories.remove(&name).map(|repository| repository.blobs).unwrap_or_default();
    state.uploads.retain(|_, upload| upload.repository != name);
    layers::forget(world, &account, &blobs.into_keys().collect::<Vec<_>>())?;
    Ok(json!({"repository": described}))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct DescribeRepositories {
    registry_id: Option<String>,
    repository_names: Option<Vec<String>>,
    next_token: Option<String>,
    max_results: Option<i64>,
}

/// DescribeRepositories.
pub(super) fn describe(world: &World, caller: &Caller, input: Value) -> Result<Value, AwsError> {
    const ACTION: &str = "ecr:DescribeRepositories";
    let input: DescribeRepositories = parse_input(Service::Ecr, "DescribeRepositories", input)?;
    let registry_id = input.registry_id.as_deref();
    if let Some(names) = input.repository_names {
        if input.next_token.is_some() || input.max_results.is_some() {
            return Err(invalid("repositoryNames", "must be null when nextToken or maxResults is given"));
        }
        let mut described = Vec::new();
        for name in counted(names, NAMES_MAX, "repositoryNames")? {
            let name = repository_name(Some(name))?;
            let account = authorize(world, caller, registry_id, &name, ACTION)?;
            described.push(describe_one(world, &account, &name)?);
        }
        return Ok(json!({"repositories": described}));
    }
    let account = authorize(world, caller, registry_id, "*", ACTION)?;
    let size = max_results(input.max_results, PAGE_DEFAULT, PAGE_MAX)?;
    let repositories = &world.account(&account)?.ecr.repositories;
    let repositories = repositories.iter().map(|(name, repository)| (name.clone(), (name, repository)));
    let page =
        page(repositories, size, input.next_token.as_deref(), &format!("DescribeRepositories {account}"))?;
    Ok(pages::shown("repositories", page.map(|(name, repository)| shown(world, &account, name, repository))))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct PutImageTagMutability {
    registry_id: Option<String>,
    repository_name: Option<String>,
    image_tag_mutability: Option<String>,
    image_tag_mutability_exclusion_filters: Option<Vec<ExclusionFilter>>,
}

/// PutImageTagMutability.
pub(super) fn put_mutability(world: &mut World, caller: &Caller, input: Value) -> Result<Value, AwsError> {
    let input: PutImageTagMutability = parse_input(Service::Ecr, "PutImageTagMutability", input)?;
    let name = repository_name(input.repository_name)?;
    let account = authorize(world, caller, input.registry_id.as_deref(), &name, "ecr:PutImageTagMutability")?;
    let repository = access::repository_mut(world, &account, &name)?;
    let setting = required(input.image_tag_mutability, "imageTagMutability")?;
    repository.mutability = Mutability::checked(Some(setting), input.image_tag_mutability_exclusion_filters)?;
    let mut answer = json!({"registryId": account, "repositoryName": name});
    repository.mutability.describe(&mut answer);
    Ok(answer)
}
