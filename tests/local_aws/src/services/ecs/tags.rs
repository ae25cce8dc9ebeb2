//! Tags of clusters, services and task definitions.

use super::names::{self, ServiceName};
use super::{authorization, services, task_definitions};
use crate::caller::Caller;
use crate::error::AwsError;
use crate::services::{Service, iam, parse_input};
use crate::world::World;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

const TAGS_MAX: usize = 50;
const KEY_LENGTH_MAX: usize = 128;
const VALUE_LENGTH_MAX: usize = 256;

/// A key and a value on a resource.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Tag {
    #[serde(default)]
    key: String,
    #[serde(default)]
    value: String,
}

/// Checks tags that a request brings.
///
/// # Errors
/// `InvalidParameterException` for too many tags, or a key or value that is too long or reserved.
pub(super) fn check(tags: &[Tag]) -> Result<(), AwsError> {
    let refuse = |message: String| Err(AwsError::new("InvalidParameterException", message));
    if tags.len() > TAGS_MAX {
        return refuse(format!("{} tags were given; a resource can have {TAGS_MAX}", tags.len()));
    }
    for tag in tags {
        if tag.key.is_empty() || tag.key.chars().count() > KEY_LENGTH_MAX {
            return refuse(format!("The tag key `{}` must have 1 to {KEY_LENGTH_MAX} characters", tag.key));
        }
        if tag.value.chars().count() > VALUE_LENGTH_MAX {
            return refuse(format!(
                "The value of tag {} has more than {VALUE_LENGTH_MAX} characters",
                tag.key
            ));
        }
        if tag.key.to_ascii_lowercase().starts_with("aws:") {
            return refuse(format!("The tag key {} begins with aws:, which is reserved", tag.key));
        }
    }
    Ok(())
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct TagResourceInput {
    resource_arn: Option<String>,
    #[serde(default)]
    tags: Vec<Tag>,
}

pub(super) fn tag(world: &mut World, caller: &Caller, input: Value) -> Result<Value, AwsError> {
    let input: TagResourceInput = parse_input(Service::Ecs, "TagResource", input)?;
    check(&input.tags)?;
    let tags = tags_of(world, caller, "ecs:TagResource", input.resource_arn.as_deref())?;
    for tag in input.tags {
        tags.retain(|old| old.key != tag.key);
        tags.push(tag);
    }
    check(tags)?;
    Ok(json!({}))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct UntagResourceInput {
    resource_arn: Option<String>,
    #[serde(default)]
    tag_keys: Vec<String>,
}

pub(super) fn untag(world: &mut World, caller: &Caller, input: Value) -> Result<Value, AwsError> {
    let input: UntagResourceInput = parse_input(Service::Ecs, "UntagResource", input)?;
    let tags = tags_of(world, caller, "ecs:UntagResource", input.resource_arn.as_deref())?;
    tags.retain(|tag| !input.tag_keys.contains(&tag.key));
    Ok(json!({}))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ListTagsForResourceInput {
    resource_arn: Option<String>,
}

pub(super) fn list(world: &mut World, caller: &Caller, input: Value) -> Result<Value, AwsError> {
    let input: ListTagsForResourceInput = parse_input(Service::Ecs, "ListTagsForResource", input)?;
    let tags = tags_of(world, caller, "ecs:ListTagsForResource", input.resource_arn.as_deref())?;
    Ok(json!({ "tags": tags }))
}

/// The tags of a cluster, service or task definition, once the caller may do this to it.
fn tags_of<'a>(
    world: &'a mut World,
    caller: &Caller,
    action: &str,
    arn: Option<&str>,
) -> Result<&'a mut Vec<Tag>, AwsError> {
    let arn = arn.unwrap_or_default();
    let invalid = || AwsError::new("InvalidParameterException", format!("Invalid resource ARN: {arn}"));
    if !arn.starts_with("arn:") {
        return Err(invalid());
    }
    if let Some(cluster) = names::short_name(caller, arn, "cluster")? {
        iam::authorize(world, caller, action, arn, &[])?;
        return Ok(&mut super::clusters::active_mut(world, &caller.account, &cluster)?.tags);
    }
    if let Some(path) = names::short_name(caller, arn, "service")? {
        let (cluster, service) = path.split_once('/').ok_or_else(invalid)?;
        let name = ServiceName::new(cluster, service);
        authorization::on_service(world, caller, action, &name)?;
        return Ok(&mut services::service_mut(world, &caller.account, &name)?.tags);
    }
    if names::short_name(caller, arn, "task-definition")?.is_some() {
        iam::authorize(world, caller, action, arn, &[])?;
        return Ok(&mut task_definitions::find_mut(world, caller, arn)?.tags);
    }
    Err(AwsError::not_in_local_aws(format!("tags on the ecs resource {arn}")))
}
