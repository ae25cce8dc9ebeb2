//! Tags of repositories as resources (not of images).

use super::access::{self, authorize};
use super::parameters::{invalid, required};
use crate::caller::Caller;
use crate::error::AwsError;
use crate::names::{AccountId, Arn};
use crate::services::{Service, parse_input};
use crate::world::World;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The most tags of a repository.
const TAGS_MAX: usize = 50;
/// The longest key.
const KEY_CHARACTERS_MAX: usize = 128;
/// The longest value.
const VALUE_CHARACTERS_MAX: usize = 256;

/// A tag as requests write it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Tag {
    #[serde(rename = "Key")]
    key: Option<String>,
    #[serde(rename = "Value")]
    value: Option<String>,
}

/// The tags as pairs, if ECR takes them.
pub(super) fn checked(tags: Vec<Tag>) -> Result<Vec<(String, String)>, AwsError> {
    let refused = |text: String| Err(AwsError::new("InvalidTagParameterException", text));
    let mut pairs: Vec<(String, String)> = Vec::new();
    for tag in tags {
        let (key, value) = (required(tag.key, "tags.Key")?, required(tag.value, "tags.Value")?);
        let shown = key.escape_debug();
        if !(1..=KEY_CHARACTERS_MAX).contains(&key.chars().count()) {
            return refused(format!("The tag key '{shown}' must have 1 to {KEY_CHARACTERS_MAX} characters"));
        }
        if key.to_ascii_lowercase().starts_with("aws:") {
            return refused(format!("The tag key '{shown}' must not begin with 'aws:'"));
        }
        if value.chars().count() > VALUE_CHARACTERS_MAX {
            return refused(format!(
                "The value of tag '{shown}' must have at most {VALUE_CHARACTERS_MAX} characters"
            ));
        }
        if pairs.iter().any(|(other, _)| *other == key) {
            return refused(format!("The tag key '{shown}' is given twice"));
        }
        pairs.push((key, value));
    }
    Ok(pairs)
}

/// The tags with others added or changed.
pub(super) fn merged(
    mut tags: BTreeMap<String, String>,
    others: Vec<(String, String)>,
) -> Result<BTreeMap<String, String>, AwsError> {
    tags.extend(others);
    if tags.len() > TAGS_MAX {
        let text = format!("A repository has at most {TAGS_MAX} tags, not {}", tags.len());
        return Err(AwsError::new("TooManyTagsException", text));
    }
    Ok(tags)
}

/// The account and name in a repository's ARN, for those who may do this with it.
fn addressed(
    world: &World,
    caller: &Caller,
    arn: Option<String>,
    action: &str,
) -> Result<(AccountId, String), AwsError> {
    let arn = required(arn, "resourceArn")?;
    let parsed = Arn::parse(&arn).filter(|arn| arn.service == "ecr" && arn.region == world.region);
    let name = parsed.as_ref().and_then(|arn| arn.resource.strip_prefix("repository/"));
    let (Some(parsed), Some(name)) = (&parsed, name) else {
        return Err(invalid("resourceArn", "must be the ARN of a repository of this Region"));
    };
    let account = authorize(world, caller, Some(&parsed.account), name, action)?;
    Ok((account, name.to_owned()))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct TagResource {
    resource_arn: Option<String>,
    tags: Option<Vec<Tag>>,
}

/// TagResource.
pub(super) fn tag(world: &mut World, caller: &Caller, input: Value) -> Result<Value, AwsError> {
    let input: TagResource = parse_input(Service::Ecr, "TagResource", input)?;
    let (account, name) = addressed(world, caller, input.resource_arn, "ecr:TagResource")?;
    let others = checked(required(input.tags, "tags")?)?;
    let repository = access::repository_mut(world, &account, &name)?;
    repository.resource_tags = merged(repository.resource_tags.clone(), others)?;
    Ok(json!({}))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct UntagResource {
    resource_arn: Option<String>,
    tag_keys: Option<Vec<String>>,
}

/// UntagResource.
pub(super) fn untag(world: &mut World, caller: &Caller, input: Value) -> Result<Value, AwsError> {
    let input: UntagResource = parse_input(Service::Ecr, "UntagResource", input)?;
    let (account, name) = addressed(world, caller, input.resource_arn, "ecr:UntagResource")?;
    let keys = required(input.tag_keys, "tagKeys")?;
    access::repository_mut(world, &account, &name)?.resource_tags.retain(|key, _| !keys.contains(key));
    Ok(json!({}))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ListTagsForResource {
    resource_arn: Option<String>,
}

/// ListTagsForResource.
pub(super) fn list(world: &World, caller: &Caller, input: Value) -> Result<Value, AwsError> {
    let input: ListTagsForResource = parse_input(Service::Ecr, "ListTagsForResource", input)?;
    let (account, name) = addressed(world, caller, input.resource_arn, "ecr:ListTagsForResource")?;
    let tags = &access::repository(world, &account, &name)?.resource_tags;
    let tags: Vec<Value> = tags.iter().map(|(key, value)| json!({"Key": key, "Value": value})).collect();
    Ok(json!({"tags": tags}))
}
