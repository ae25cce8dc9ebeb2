//! Tags of pipelines.

use super::constraints::{Constraints, TAG_KEY, TAG_VALUE};
use super::engine;
use super::{SERVICE, authorize};
use crate::caller::Caller;
use crate::error::AwsError;
use crate::names::Arn;
use crate::services::parse_input;
use crate::world::World;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;

const TAGS_MAX: usize = 50;

/// A tag as requests and replies write it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Tag {
    key: Option<String>,
    value: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct TagResource {
    resource_arn: Option<String>,
    tags: Option<Vec<Tag>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct UntagResource {
    resource_arn: Option<String>,
    tag_keys: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ListTagsForResource {
    resource_arn: Option<String>,
    next_token: Option<String>,
    max_results: Option<i64>,
}

/// Adds tags, or changes their values.
pub(super) fn tag_resource(world: &mut World, caller: &Caller, input: Value) -> Result<Value, AwsError> {
    let input: TagResource = parse_input(SERVICE, "TagResource", input)?;
    let name = resource(world, caller, input.resource_arn.as_deref())?;
    let Some(tags) = input.tags else { return Err(missing("tags")) };
    authorize(world, caller, "TagResource", &name)?;
    engine::run(world, &caller.account, &name, |engine| {
        engine.pipeline.tags = with(&engine.pipeline.tags, &tags)?;
        Ok(())
    })
    .map_err(not_found)?;
    Ok(json!({}))
}

/// Removes tags.
pub(super) fn untag_resource(world: &mut World, caller: &Caller, input: Value) -> Result<Value, AwsError> {
    let input: UntagResource = parse_input(SERVICE, "UntagResource", input)?;
    let name = resource(world, caller, input.resource_arn.as_deref())?;
    let Some(keys) = input.tag_keys else { return Err(missing("tagKeys")) };
    authorize(world, caller, "UntagResource", &name)?;
    engine::run(world, &caller.account, &name, |engine| {
        engine.pipeline.tags.retain(|key, _| !keys.contains(key));
        Ok(())
    })
    .map_err(not_found)?;
    Ok(json!({}))
}

/// Lists tags. There are never more than fit on one page.
pub(super) fn list_tags_for_resource(
    world: &mut World,
    caller: &Caller,
    input: Value,
) -> Result<Value, AwsError> {
    let input: ListTagsForResource = parse_input(SERVICE, "ListTagsForResource", input)?;
    let mut constraints = Constraints::default();
    constraints.range("maxResults", input.max_results, 1, 100);
    constraints.finish()?;
    let name = resource(world, caller, input.resource_arn.as_deref())?;
    if input.next_token.is_some() {
        return Err(super::pages::invalid_token());
    }
    authorize(world, caller, "ListTagsForResource", &name)?;
    let pipeline = super::pipeline(world, &caller.account, &name).map_err(not_found)?;
    Ok(json!({ "tags": list(&pipeline.tags) }))
}

/// Tags with others added.
///
/// # Errors
/// `InvalidTagsException`, `TooManyTagsException`, `ValidationException`.
pub(super) fn with(
    tags: &BTreeMap<String, String>,
    more: &[Tag],
) -> Result<BTreeMap<String, String>, AwsError> {
    let mut constraints = Constraints::default();
    let mut tags = tags.clone();
    for (index, tag) in more.iter().enumerate() {
        let at = format!("tags.{}.member", index + 1);
        let key = constraints.required(&format!("{at}.key"), tag.key.as_deref(), &TAG_KEY);
        let value = constraints.required(&format!("{at}.value"), tag.value.as_deref(), &TAG_VALUE);
        if key.starts_with("aws:") {
            return Err(AwsError::new(
                "InvalidTagsException",
                format!("The tag key '{key}' begins with 'aws:', which is reserved"),
            ));
        }
        tags.insert(key.to_owned(), value.to_owned());
    }
    constraints.finish()?;
    if tags.len() > TAGS_MAX {
        return Err(AwsError::new(
            "TooManyTagsException",
            format!("A pipeline has at most {TAGS_MAX} tags; these would be {}", tags.len()),
        ));
    }
    Ok(tags)
}

/// Tags as replies write them.
pub(super) fn list(tags: &BTreeMap<String, String>) -> Vec<Value> {
    tags.iter().map(|(key, value)| json!({ "key": key, "value": value })).collect()
}

/// The name of the pipeline that an ARN names.
fn resource(world: &World, caller: &Caller, arn: Option<&str>) -> Result<String, AwsError> {
    let Some(text) = arn else { return Err(missing("resourceArn")) };
    let parsed = Arn::parse(text).filter(|arn| {
        arn.service == "codepipeline" && arn.region == world.region && arn.account == caller.account.as_str()
    });
    match parsed {
        Some(arn) => Ok(arn.resource),
        None => Err(AwsError::new(
            "InvalidArnException",
            format!("'{}' is not the ARN of a pipeline in this account and Region", text.escape_debug()),
        )),
    }
}

fn missing(member: &str) -> AwsError {
    super::constraints::invalid(format!(
        "1 validation error detected: Value null at '{member}' failed to satisfy constraint: Member must not be null"
    ))
}

fn not_found(error: AwsError) -> AwsError {
    match error.code.as_str() {
        "PipelineNotFoundException" => AwsError::new("ResourceNotFoundException", error.message),
        _ => error,
    }
}
