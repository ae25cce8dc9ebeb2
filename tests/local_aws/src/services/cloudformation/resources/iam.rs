//! Roles and policies.

use super::{Identity, Work, answered, identity, without_nulls};
use crate::error::AwsError;
use crate::services::Service;
use crate::services::cloudformation::properties::Properties;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

pub(super) fn create_role(work: &mut Work<'_>, mut properties: Properties) -> Result<Identity, AwsError> {
    let name = properties.text("RoleName")?;
    let name = work.name(name, 64);
    let inline = inline_policies(&mut properties)?;
    let attached = properties.texts("ManagedPolicyArns")?;
    let input = without_nulls(json!({
        "RoleName": name,
        "Path": properties.text("Path")?,
        "AssumeRolePolicyDocument": properties.value("AssumeRolePolicyDocument"),
        "Description": properties.text("Description")?,
        "MaxSessionDuration": properties.number("MaxSessionDuration")?,
        "Tags": properties.list("Tags")?,
    }));
    properties.finish()?;
    let answer = work.call(Service::Iam, "CreateRole", input)?;
    let made = identity(
        name.clone(),
        [("Arn", answered(&answer, "/Role/Arn")?), ("RoleId", answered(&answer, "/Role/RoleId")?)],
    );
    if let Err(error) = put_policies(work, &name, &inline, &attached) {
        // A role that is not whole would be left behind: its stack does not know it yet.
        let _ = strip_and_delete_role(work, &name, inline.keys(), &attached);
        return Err(error);
    }
    Ok(made)
}

pub(super) fn update_role(
    work: &mut Work<'_>,
    there: &Identity,
    old: &Map<String, Value>,
    new: &Map<String, Value>,
) -> Result<Identity, AwsError> {
    let changeable =
        ["AssumeRolePolicyDocument", "Description", "ManagedPolicyArns", "MaxSessionDuration", "Policies"];
    work.only(old, new, &changeable)?;
    let name = &there.physical_id;
    let mut before = work.properties(old.clone());
    let mut after = work.properties(new.clone());
    if let Some(trust) = after.value("AssumeRolePolicyDocument") {
        let input = json!({"RoleName": name, "PolicyDocument": trust});
        work.call(Service::Iam, "UpdateAssumeRolePolicy", input)?;
    }
    let input = without_nulls(json!({
        "RoleName": name,
        "Description": after.text("Description")?,
        "MaxSessionDuration": after.number("MaxSessionDuration")?,
    }));
    work.call(Service::Iam, "UpdateRole", input)?;
    let (inline_before, inline) = (inline_policies(&mut before)?, inline_policies(&mut after)?);
    let attached: BTreeSet<String> = after.texts("ManagedPolicyArns")?.into_iter().collect();
    for gone in inline_before.keys().filter(|name| !inline.contains_key(*name)) {
        work.call(Service::Iam, "DeleteRolePolicy", json!({"RoleName": name, "PolicyName": gone}))?;
    }
    for gone in before.texts("ManagedPolicyArns")?.iter().filter(|arn| !attached.contains(*arn)) {
        work.call(Service::Iam, "DetachRolePolicy", json!({"RoleName": name, "PolicyArn": gone}))?;
    }
    put_policies(work, name, &inline, &attached.into_iter().collect::<Vec<_>>())?;
    Ok(there.clone())
}

pub(super) fn delete_role(
    work: &mut Work<'_>,
    there: &Identity,
    mut properties: Properties,
) -> Result<(), AwsError> {
    let inline = inline_policies(&mut properties)?;
    let attached = properties.texts("ManagedPolicyArns")?;
    strip_and_delete_role(work, &there.physical_id, inline.keys(), &attached)
}

fn strip_and_delete_role<'a>(
    work: &mut Work<'_>,
    name: &str,
    inline: impl Iterator<Item = &'a String>,
    attached: &[String],
) -> Result<(), AwsError> {
    for policy in inline {
        let input = json!({"RoleName": name, "PolicyName": policy});
        unless_gone(work.call(Service::Iam, "DeleteRolePolicy", input))?;
    }
    for arn in attached {
        let input = json!({"RoleName": name, "PolicyArn": arn});
        unless_gone(work.call(Service::Iam, "DetachRolePolicy", input))?;
    }
    work.call(Service::Iam, "DeleteRole", json!({"RoleName": name})).map(|_| ())
}

fn unless_gone(answer: Result<Value, AwsError>) -> Result<(), AwsError> {
    match answer {
        Err(error) if error.code != "NoSuchEntity" => Err(error),
        _ => Ok(()),
    }
}

fn inline_policies(properties: &mut Properties) -> Result<BTreeMap<String, Value>, AwsError> {
    let mut policies = BTreeMap::new();
    for policy in properties.list("Policies")? {
        let mut policy = Properties::of_value("a policy", policy)?;
        let name = policy.required("PolicyName")?;
        policies.insert(name, policy.value("PolicyDocument").unwrap_or(Value::Null));
        policy.finish()?;
    }
    Ok(policies)
}

fn put_policies(
    work: &mut Work<'_>,
    role: &str,
    inline: &BTreeMap<String, Value>,
    attached: &[String],
) -> Result<(), AwsError> {
    for (name, document) in inline {
        let input = json!({"RoleName": role, "PolicyName": name, "PolicyDocument": document});
        work.call(Service::Iam, "PutRolePolicy", input)?;
    }
    for arn in attached {
        work.call(Service::Iam, "AttachRolePolicy", json!({"RoleName": role, "PolicyArn": arn}))?;
    }
    Ok(())
}

pub(super) fn create_policy(work: &mut Work<'_>, mut properties: Properties) -> Result<Identity, AwsError> {
    let name = properties.required("PolicyName")?;
    let document = properties.value("PolicyDocument").unwrap_or(Value::Null);
    let roles = properties.texts("Roles")?;
    properties.finish()?;
    for role in roles {
        let input = json!({"RoleName": role, "PolicyName": name, "PolicyDocument": document});
        work.call(Service::Iam, "PutRolePolicy", input)?;
    }
    Ok(identity(name, []))
}

pub(super) fn update_policy(
    work: &mut Work<'_>,
    _: &Identity,
    old: &Map<String, Value>,
    new: &Map<String, Value>,
) -> Result<Identity, AwsError> {
    work.only(old, new, &["PolicyDocument"])?;
    let properties = work.properties(new.clone());
    create_policy(work, properties)
}

pub(super) fn delete_policy(
    work: &mut Work<'_>,
    there: &Identity,
    mut properties: Properties,
) -> Result<(), AwsError> {
    for role in properties.texts("Roles")? {
        let input = json!({"RoleName": role, "PolicyName": there.physical_id});
        unless_gone(work.call(Service::Iam, "DeleteRolePolicy", input))?;
    }
    Ok(())
}

pub(super) fn create_managed_policy(
    work: &mut Work<'_>,
    mut properties: Properties,
) -> Result<Identity, AwsError> {
    let name = properties.text("ManagedPolicyName")?;
    let name = work.name(name, 128);
    let roles = properties.texts("Roles")?;
    let input = without_nulls(json!({
        "PolicyName": name,
        "Path": properties.text("Path")?,
        "Description": properties.text("Description")?,
        "PolicyDocument": properties.value("PolicyDocument"),
    }));
    properties.finish()?;
    let arn = answered(&work.call(Service::Iam, "CreatePolicy", input)?, "/Policy/Arn")?;
    for role in roles {
        work.call(Service::Iam, "AttachRolePolicy", json!({"RoleName": role, "PolicyArn": arn}))?;
    }
    Ok(identity(arn.clone(), [("PolicyArn", arn)]))
}

pub(super) fn update_managed_policy(
    work: &mut Work<'_>,
    there: &Identity,
    old: &Map<String, Value>,
    new: &Map<String, Value>,
) -> Result<Identity, AwsError> {
    work.only(old, new, &[])?;
    Ok(there.clone())
}

pub(super) fn delete_managed_policy(
    work: &mut Work<'_>,
    there: &Identity,
    mut properties: Properties,
) -> Result<(), AwsError> {
    for role in properties.texts("Roles")? {
        let input = json!({"RoleName": role, "PolicyArn": there.physical_id});
        unless_gone(work.call(Service::Iam, "DetachRolePolicy", input))?;
    }
    work.call(Service::Iam, "DeletePolicy", json!({"PolicyArn": there.physical_id})).map(|_| ())
}
