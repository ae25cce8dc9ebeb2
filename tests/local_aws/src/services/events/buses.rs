//! Operations on buses.

use super::bus::{Bus, BusAddress};
use super::{DEFAULT_BUS, invalid};
use crate::caller::Caller;
use crate::clock::epoch;
use crate::error::AwsError;
use crate::services::{iam, page};
use crate::world::World;
use serde::Deserialize;
use serde_json::{Map, Value, json};

const BUSES_MAX: usize = 100;
const PAGE_MAX: usize = 100;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct CreateEventBusInput {
    name: String,
    description: Option<String>,
    #[serde(default)]
    tags: Vec<Tag>,
}

/// A tag as EventBridge's lists have it.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Tag {
    pub(super) key: String,
    pub(super) value: String,
}

pub(super) fn create(
    world: &mut World,
    caller: &Caller,
    input: CreateEventBusInput,
) -> Result<Value, AwsError> {
    check_name(&input.name)?;
    let address = BusAddress { account: caller.account.clone(), name: input.name.clone() };
    let arn = address.arn(world);
    iam::authorize(world, caller, "events:CreateEventBus", &arn, &[])?;
    let now = world.now();
    let buses = &mut world.account_mut(&caller.account)?.events.buses;
    if buses.contains_key(&input.name) {
        let text = format!("Event bus {} already exists.", input.name);
        return Err(AwsError::new("ResourceAlreadyExistsException", text));
    }
    if buses.len() > BUSES_MAX {
        let text = format!("an account has at most {BUSES_MAX} event buses beside the default one");
        return Err(AwsError::new("LimitExceededException", text));
    }
    let mut answer = json!({ "EventBusArn": arn });
    if let (Some(members), Some(description)) = (answer.as_object_mut(), &input.description) {
        members.insert("Description".to_owned(), json!(description));
    }
    let bus = Bus {
        created: Some(now),
        modified: Some(now),
        description: input.description,
        tags: input.tags.into_iter().map(|tag| (tag.key, tag.value)).collect(),
        ..Bus::default()
    };
    buses.insert(input.name, bus);
    Ok(answer)
}

fn check_name(name: &str) -> Result<(), AwsError> {
    let allowed = |character: char| character.is_ascii_alphanumeric() || matches!(character, '.' | '-' | '_');
    if name.contains('/') {
        return Err(AwsError::not_in_local_aws(format!("partner event buses, such as {name}")));
    }
    if name.is_empty() || name.len() > 256 || !name.chars().all(allowed) {
        let text = "expected 1 to 256 letters, digits, dots, hyphens and underscores";
        return Err(invalid(format!("the event bus name `{}` is invalid: {text}", name.escape_debug())));
    }
    Ok(())
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct NameInput {
    name: Option<String>,
}

pub(super) fn describe(world: &mut World, caller: &Caller, input: &NameInput) -> Result<Value, AwsError> {
    let address = BusAddress::own(input.name.as_deref(), caller)?;
    iam::authorize(world, caller, "events:DescribeEventBus", &address.arn(world), &[])?;
    Ok(Value::Object(shown(world, &address)?))
}

fn shown(world: &World, address: &BusAddress) -> Result<Map<String, Value>, AwsError> {
    let bus = address.bus(world)?;
    let mut shown = Map::from_iter([
        ("Name".to_owned(), json!(address.name)),
        ("Arn".to_owned(), json!(address.arn(world))),
    ]);
    shown.extend(bus.description.iter().map(|text| ("Description".to_owned(), json!(text))));
    shown.extend(bus.policy.iter().map(|policy| ("Policy".to_owned(), json!(policy.to_string()))));
    shown.extend(bus.created.map(|at| ("CreationTime".to_owned(), epoch(at))));
    shown.extend(bus.modified.map(|at| ("LastModifiedTime".to_owned(), epoch(at))));
    Ok(shown)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct ListEventBusesInput {
    #[serde(default)]
    name_prefix: String,
    next_token: Option<String>,
    limit: Option<usize>,
}

pub(super) fn list(
    world: &mut World,
    caller: &Caller,
    input: &ListEventBusesInput,
) -> Result<Value, AwsError> {
    iam::authorize(world, caller, "events:ListEventBuses", "*", &[])?;
    let names = world.account(&caller.account)?.events.buses.keys();
    let names = names.filter(|name| name.starts_with(&input.name_prefix));
    let size = page_size(input.limit)?;
    let (names, next) = page::page(names, size, input.next_token.as_deref(), "ValidationException")?;
    let buses: Result<Vec<_>, AwsError> = names
        .into_iter()
        .map(|name| shown(world, &BusAddress { account: caller.account.clone(), name: name.clone() }))
        .collect();
    Ok(with_token(json!({ "EventBuses": buses? }), next))
}

/// A `Limit` of 1 to 100.
pub(super) fn page_size(limit: Option<usize>) -> Result<usize, AwsError> {
    let size = limit.unwrap_or(PAGE_MAX);
    if (1..=PAGE_MAX).contains(&size) {
        return Ok(size);
    }
    Err(invalid(format!("the Limit {size} is invalid: expected 1 to {PAGE_MAX}")))
}

/// Adds the `NextToken` that there may be.
pub(super) fn with_token(mut answer: Value, token: Option<String>) -> Value {
    if let (Some(members), Some(token)) = (answer.as_object_mut(), token) {
        members.insert("NextToken".to_owned(), json!(token));
    }
    answer
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct DeleteEventBusInput {
    name: String,
}

/// Deletes a bus; one that is not there is no error, as in AWS.
pub(super) fn delete(
    world: &mut World,
    caller: &Caller,
    input: &DeleteEventBusInput,
) -> Result<Value, AwsError> {
    let address = BusAddress::own(Some(&input.name), caller)?;
    iam::authorize(world, caller, "events:DeleteEventBus", &address.arn(world), &[])?;
    if address.name == DEFAULT_BUS {
        return Err(invalid("Cannot delete event bus default."));
    }
    if address.bus(world).is_ok_and(|bus| !bus.rules.is_empty()) {
        return Err(invalid("Cannot delete event bus because it still has rules."));
    }
    world.account_mut(&caller.account)?.events.buses.remove(&address.name);
    Ok(json!({}))
}
