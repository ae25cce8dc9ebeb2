//! Event buses, their policies, and rules with their targets.

use super::{Identity, Work, answered, identity, without_nulls};
use crate::error::AwsError;
use crate::services::Service;
use crate::services::cloudformation::properties::Properties;
use serde_json::{Map, Value, json};

pub(super) fn create_rule(work: &mut Work<'_>, mut properties: Properties) -> Result<Identity, AwsError> {
    let name = properties.text("Name")?;
    let name = work.name(name, 64);
    put_rule(work, &name, properties)
}

pub(super) fn update_rule(
    work: &mut Work<'_>,
    there: &Identity,
    old: &Map<String, Value>,
    new: &Map<String, Value>,
) -> Result<Identity, AwsError> {
    work.only(old, new, &["Description", "EventPattern", "ScheduleExpression", "State", "Targets"])?;
    let name = rule_name(there);
    let mut old = work.properties(old.clone());
    let bus = old.text("EventBusName")?;
    remove_targets(work, &name, bus.as_deref(), &mut old)?;
    let mut properties = work.properties(new.clone());
    properties.text("Name")?;
    put_rule(work, &name, properties)
}

pub(super) fn delete_rule(
    work: &mut Work<'_>,
    there: &Identity,
    mut properties: Properties,
) -> Result<(), AwsError> {
    let name = rule_name(there);
    let bus = properties.text("EventBusName")?;
    remove_targets(work, &name, bus.as_deref(), &mut properties)?;
    let input = without_nulls(json!({"Name": name, "EventBusName": bus}));
    work.call(Service::Events, "DeleteRule", input).map(|_| ())
}

/// `Ref` of a rule on another bus than the default one is `bus|rule`.
fn rule_name(there: &Identity) -> String {
    there.physical_id.rsplit('|').next().unwrap_or_default().to_owned()
}

fn put_rule(work: &mut Work<'_>, name: &str, mut properties: Properties) -> Result<Identity, AwsError> {
    let bus = properties.text("EventBusName")?;
    let targets = properties.list("Targets")?;
    let pattern = properties.value("EventPattern").map(|pattern| pattern.to_string());
    let input = without_nulls(json!({
        "Name": name,
        "EventBusName": bus,
        "EventPattern": pattern,
        "ScheduleExpression": properties.text("ScheduleExpression")?,
        "State": properties.text("State")?,
        "Description": properties.text("Description")?,
        "RoleArn": properties.text("RoleArn")?,
    }));
    properties.finish()?;
    let arn = answered(&work.call(Service::Events, "PutRule", input)?, "/RuleArn")?;
    if !targets.is_empty() {
        let input = without_nulls(json!({"Rule": name, "EventBusName": bus, "Targets": targets}));
        let answer = work.call(Service::Events, "PutTargets", input)?;
        if answer.get("FailedEntryCount").and_then(Value::as_i64).unwrap_or_default() > 0 {
            let failed = answer.get("FailedEntries").cloned().unwrap_or_default();
            return Err(AwsError::new(
                "ValidationException",
                format!("targets of rule {name} failed: {failed}"),
            ));
        }
    }
    let physical_id = match bus.as_deref() {
        None | Some("default") => name.to_owned(),
        Some(bus) => format!("{}|{name}", bus.rsplit('/').next().unwrap_or_default()),
    };
    Ok(identity(physical_id, [("Arn", arn)]))
}

fn remove_targets(
    work: &mut Work<'_>,
    name: &str,
    bus: Option<&str>,
    properties: &mut Properties,
) -> Result<(), AwsError> {
    let mut ids = Vec::new();
    for target in properties.list("Targets")? {
        ids.push(Properties::of_value("a target", target)?.required("Id")?);
    }
    if ids.is_empty() {
        return Ok(());
    }
    let input = without_nulls(json!({"Rule": name, "EventBusName": bus, "Ids": ids}));
    work.call(Service::Events, "RemoveTargets", input).map(|_| ())
}

pub(super) fn create_bus(work: &mut Work<'_>, mut properties: Properties) -> Result<Identity, AwsError> {
    let name = properties.required("Name")?;
    let policy = properties.value("Policy");
    let input = without_nulls(json!({"Name": name, "Description": properties.text("Description")?}));
    properties.finish()?;
    let arn = answered(&work.call(Service::Events, "CreateEventBus", input)?, "/EventBusArn")?;
    if let Some(policy) = policy {
        put_bus_policy(work, &name, &policy)?;
    }
    Ok(identity(name.clone(), [("Arn", arn), ("Name", name)]))
}

pub(super) fn update_bus(
    work: &mut Work<'_>,
    there: &Identity,
    old: &Map<String, Value>,
    new: &Map<String, Value>,
) -> Result<Identity, AwsError> {
    work.only(old, new, &["Policy"])?;
    match new.get("Policy") {
        Some(policy) => put_bus_policy(work, &there.physical_id, policy)?,
        None => remove_bus_policy(work, &there.physical_id)?,
    }
    Ok(there.clone())
}

pub(super) fn delete_bus(work: &mut Work<'_>, there: &Identity, _: Properties) -> Result<(), AwsError> {
    work.call(Service::Events, "DeleteEventBus", json!({"Name": there.physical_id})).map(|_| ())
}

pub(super) fn create_bus_policy(work: &mut Work<'_>, properties: Properties) -> Result<Identity, AwsError> {
    put_statement(work, properties)?;
    Ok(identity(work.generated_name(64), []))
}

pub(super) fn update_bus_policy(
    work: &mut Work<'_>,
    there: &Identity,
    old: &Map<String, Value>,
    new: &Map<String, Value>,
) -> Result<Identity, AwsError> {
    work.only(old, new, &["Statement"])?;
    let properties = work.properties(new.clone());
    put_statement(work, properties)?;
    Ok(there.clone())
}

pub(super) fn delete_bus_policy(
    work: &mut Work<'_>,
    _: &Identity,
    mut properties: Properties,
) -> Result<(), AwsError> {
    let bus = bus_of(&mut properties)?;
    remove_bus_policy(work, &bus)
}

/// A bus has one policy: its statement is the whole of it.
fn put_statement(work: &mut Work<'_>, mut properties: Properties) -> Result<(), AwsError> {
    let bus = bus_of(&mut properties)?;
    let sid = properties.required("StatementId")?;
    let mut statement = properties.value("Statement").unwrap_or(Value::Null);
    properties.finish()?;
    if let Some(members) = statement.as_object_mut() {
        members.insert("Sid".to_owned(), json!(sid));
    }
    put_bus_policy(work, &bus, &json!({"Version": "2012-10-17", "Statement": [statement]}))
}

fn bus_of(properties: &mut Properties) -> Result<String, AwsError> {
    Ok(properties.text("EventBusName")?.unwrap_or_else(|| "default".to_owned()))
}

fn put_bus_policy(work: &mut Work<'_>, bus: &str, policy: &Value) -> Result<(), AwsError> {
    let input = json!({"EventBusName": bus, "Policy": policy.to_string()});
    work.call(Service::Events, "PutPermission", input).map(|_| ())
}

fn remove_bus_policy(work: &mut Work<'_>, bus: &str) -> Result<(), AwsError> {
    let input = json!({"EventBusName": bus, "RemoveAllPermissions": true});
    work.call(Service::Events, "RemovePermission", input).map(|_| ())
}
