//! Tags of repositories: keys and values, nothing to do with git's tags.

use super::repositories::{authorize, no_such_repository};
use crate::caller::Caller;
use crate::error::AwsError;
use crate::names::Arn;
use crate::world::World;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// How many tags a repository may have.
const TAGS_MAX: usize = 50;
/// The longest key.
const KEY_CHARACTERS_MAX: usize = 128;
/// The longest value.
const VALUE_CHARACTERS_MAX: usize = 256;

/// Whether a repository may have these tags.
pub(super) fn check(tags: &BTreeMap<String, String>) -> Result<(), AwsError> {
    for (key, value) in tags {
        if key.starts_with("aws:") {
            return Err(AwsError::new(
                "InvalidSystemTagUsageException",
                format!("the tag {key} is AWS's own: keys may not begin with `aws:`"),
            ));
        }
        if key.is_empty()
            || key.chars().count() > KEY_CHARACTERS_MAX
            || value.chars().count() > VALUE_CHARACTERS_MAX
        {
            return Err(AwsError::new(
                "InvalidTagsMapException",
                format!(
                    "the tag `{key}`=`{value}` is not valid: expected a key of 1 to 128 and a value of at most 256 characters"
                ),
            ));
        }
    }
    if tags.len() > TAGS_MAX {
        return Err(AwsError::new(
            "TooManyTagsException",
            format!("{} tags are too many: expected at most {TAGS_MAX}", tags.len()),
        ));
    }
    Ok(())
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct AddInput {
    resource_arn: Option<String>,
    tags: Option<BTreeMap<String, String>>,
}

pub(super) fn add(world: &mut World, caller: &Caller, input: AddInput) -> Result<Value, AwsError> {
    let name = repository_of(caller, input.resource_arn)?;
    let added =
        input.tags.ok_or_else(|| AwsError::new("TagsMapRequiredException", "a map of tags is required"))?;
    check(&added)?;
    authorize(world, caller, "TagResource", &name, None)?;
    let tags = tags_of(world, caller, &name)?;
    let mut together = tags.clone();
    together.extend(added);
    check(&together)?;
    *tags = together;
    Ok(json!({}))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct RemoveInput {
    resource_arn: Option<String>,
    tag_keys: Option<Vec<String>>,
}

pub(super) fn remove(world: &mut World, caller: &Caller, input: RemoveInput) -> Result<Value, AwsError> {
    let name = repository_of(caller, input.resource_arn)?;
    let keys = input
        .tag_keys
        .ok_or_else(|| AwsError::new("TagKeysListRequiredException", "a list of tag keys is required"))?;
    authorize(world, caller, "UntagResource", &name, None)?;
    tags_of(world, caller, &name)?.retain(|key, _| !keys.contains(key));
    Ok(json!({}))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ListInput {
    resource_arn: Option<String>,
}

/// All tags come on one page, so no token is ever given out nor taken.
pub(super) fn list(world: &mut World, caller: &Caller, input: ListInput) -> Result<Value, AwsError> {
    let name = repository_of(caller, input.resource_arn)?;
    authorize(world, caller, "ListTagsForResource", &name, None)?;
    Ok(json!({ "tags": tags_of(world, caller, &name)? }))
}

fn repository_of(caller: &Caller, arn: Option<String>) -> Result<String, AwsError> {
    let text = super::checks::required(arn, "ResourceArnRequiredException", "a resource ARN")?;
    let found =
        Arn::parse(&text).filter(|arn| arn.service == "codecommit" && arn.account == caller.account.as_str());
    let invalid = || {
        super::checks::invalid(
            "InvalidResourceArnException",
            "resource ARN",
            &text,
            &format!("arn:aws:codecommit:<region>:{}:<repository>", caller.account),
        )
    };
    Ok(found.ok_or_else(invalid)?.resource)
}

fn tags_of<'world>(
    world: &'world mut World,
    caller: &Caller,
    name: &str,
) -> Result<&'world mut BTreeMap<String, String>, AwsError> {
    let repositories = &mut world.account_mut(&caller.account)?.codecommit.repositories;
    Ok(&mut repositories.get_mut(name).ok_or_else(|| no_such_repository(name))?.tags)
}
