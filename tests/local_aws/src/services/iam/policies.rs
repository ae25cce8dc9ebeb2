//! Policies: written into a role, or kept by themselves and attached.

use super::authorize;
use super::document::{Document, Kind, malformed};
use super::roles::{role_to, role_to_change};
use crate::caller::Caller;
use crate::error::AwsError;
use crate::services::{Service, form, parse_input};
use crate::world::World;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// How many policies can be attached to one role.
const ATTACHED_POLICIES_MAX: usize = 10;
/// How many items a page holds when nothing is said, and at most.
const PAGE_DEFAULT: i64 = 100;
const PAGE_MAX: i64 = 1000;

/// A policy that is kept by itself.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct ManagedPolicy {
    name: String,
    path: String,
    id: String,
    arn: String,
    description: Option<String>,
    document: Value,
    created: DateTime<Utc>,
}

impl ManagedPolicy {
    pub(super) fn document(&self) -> &Value {
        &self.document
    }

    fn describe(&self, attachments: usize) -> Value {
        let mut policy = json!({
            "PolicyName": self.name,
            "PolicyId": self.id,
            "Arn": self.arn,
            "Path": self.path,
            "DefaultVersionId": "v1",
            "AttachmentCount": attachments,
            "IsAttachable": true,
            "CreateDate": form::time(self.created),
            "UpdateDate": form::time(self.created),
        });
        if let (Some(members), Some(description)) = (policy.as_object_mut(), &self.description) {
            members.insert("Description".to_owned(), json!(description));
        }
        policy
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct RolePolicyInput {
    role_name: Option<String>,
    policy_name: Option<String>,
    policy_document: Option<Value>,
}

pub(super) fn put_role_policy(world: &mut World, caller: &Caller, input: Value) -> Result<Value, AwsError> {
    let input: RolePolicyInput = parse_input(Service::Iam, "PutRolePolicy", input)?;
    let name = policy_name(input.policy_name)?;
    let document = identity_document(input.policy_document)?;
    let role = role_to_change(world, caller, "iam:PutRolePolicy", input.role_name)?;
    role.inline.insert(name, document);
    Ok(json!({}))
}

pub(super) fn get_role_policy(world: &mut World, caller: &Caller, input: Value) -> Result<Value, AwsError> {
    let input: RolePolicyInput = parse_input(Service::Iam, "GetRolePolicy", input)?;
    let name = policy_name(input.policy_name)?;
    let role = role_to(world, caller, "iam:GetRolePolicy", input.role_name.clone())?;
    let document = role.inline.get(&name).ok_or_else(|| no_such_role_policy(&name))?;
    Ok(json!({"RoleName": input.role_name, "PolicyName": name, "PolicyDocument": encoded(document)}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct ListOfRoleInput {
    role_name: Option<String>,
    marker: Option<String>,
    #[serde(default, deserialize_with = "form::number")]
    max_items: Option<i64>,
}

pub(super) fn list_role_policies(
    world: &mut World,
    caller: &Caller,
    input: Value,
) -> Result<Value, AwsError> {
    let input: ListOfRoleInput = parse_input(Service::Iam, "ListRolePolicies", input)?;
    let role = role_to(world, caller, "iam:ListRolePolicies", input.role_name)?;
    let (names, marker) =
        page(role.inline.keys().map(|name| (name.as_str(), name)), input.marker.as_deref(), input.max_items)?;
    Ok(paged("PolicyNames", names, marker))
}

pub(super) fn delete_role_policy(
    world: &mut World,
    caller: &Caller,
    input: Value,
) -> Result<Value, AwsError> {
    let input: RolePolicyInput = parse_input(Service::Iam, "DeleteRolePolicy", input)?;
    let name = policy_name(input.policy_name)?;
    let role = role_to_change(world, caller, "iam:DeleteRolePolicy", input.role_name)?;
    role.inline.remove(&name).map(|_| json!({})).ok_or_else(|| no_such_role_policy(&name))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct AttachmentInput {
    role_name: Option<String>,
    policy_arn: Option<String>,
}

pub(super) fn attach_role_policy(
    world: &mut World,
    caller: &Caller,
    input: Value,
) -> Result<Value, AwsError> {
    let input: AttachmentInput = parse_input(Service::Iam, "AttachRolePolicy", input)?;
    let arn = form::required("policyArn", input.policy_arn)?;
    find_policy(world, caller, &arn)?;
    let role = role_to_change(world, caller, "iam:AttachRolePolicy", input.role_name)?;
    if role.attached.len() >= ATTACHED_POLICIES_MAX && !role.attached.contains(&arn) {
        return Err(AwsError::new(
            "LimitExceeded",
            format!("Cannot exceed quota for PoliciesPerRole: {ATTACHED_POLICIES_MAX}"),
        )
        .with_status(409));
    }
    role.attached.insert(arn);
    Ok(json!({}))
}

pub(super) fn detach_role_policy(
    world: &mut World,
    caller: &Caller,
    input: Value,
) -> Result<Value, AwsError> {
    let input: AttachmentInput = parse_input(Service::Iam, "DetachRolePolicy", input)?;
    let arn = form::required("policyArn", input.policy_arn)?;
    let role = role_to_change(world, caller, "iam:DetachRolePolicy", input.role_name)?;
    if role.attached.remove(&arn) { Ok(json!({})) } else { Err(no_such_policy(&arn)) }
}

pub(super) fn list_attached_role_policies(
    world: &mut World,
    caller: &Caller,
    input: Value,
) -> Result<Value, AwsError> {
    let input: ListOfRoleInput = parse_input(Service::Iam, "ListAttachedRolePolicies", input)?;
    let role = role_to(world, caller, "iam:ListAttachedRolePolicies", input.role_name)?;
    let (arns, marker) =
        page(role.attached().map(|arn| (arn.as_str(), arn)), input.marker.as_deref(), input.max_items)?;
    let attached: Vec<Value> =
        arns.into_iter().map(|arn| json!({"PolicyName": arn.rsplit('/').next(), "PolicyArn": arn})).collect();
    Ok(paged("AttachedPolicies", attached, marker))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct CreatePolicyInput {
    policy_name: Option<String>,
    path: Option<String>,
    policy_document: Option<Value>,
    description: Option<String>,
}

pub(super) fn create_policy(world: &mut World, caller: &Caller, input: Value) -> Result<Value, AwsError> {
    let input: CreatePolicyInput = parse_input(Service::Iam, "CreatePolicy", input)?;
    let name = policy_name(input.policy_name)?;
    let path = input.path.unwrap_or_else(|| "/".to_owned());
    let document = identity_document(input.policy_document)?;
    let arn = format!("arn:aws:iam::{}:policy{path}{name}", caller.account);
    authorize(world, caller, "iam:CreatePolicy", &arn, &[])?;
    let id = format!("ANPA{}", world.ids.hex(17).to_uppercase());
    let created = world.now();
    let policies = &mut world.account_mut(&caller.account)?.iam.policies;
    if policies.values().any(|policy| policy.name == name) {
        return Err(AwsError::new("EntityAlreadyExists", format!("A policy called {name} already exists."))
            .with_status(409));
    }
    let policy =
        ManagedPolicy { name, path, id, arn: arn.clone(), description: input.description, document, created };
    let answer = json!({"Policy": policy.describe(0)});
    policies.insert(arn, policy);
    Ok(answer)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct PolicyInput {
    policy_arn: Option<String>,
    version_id: Option<String>,
}

pub(super) fn get_policy(world: &mut World, caller: &Caller, input: Value) -> Result<Value, AwsError> {
    let input: PolicyInput = parse_input(Service::Iam, "GetPolicy", input)?;
    let arn = form::required("policyArn", input.policy_arn)?;
    authorize(world, caller, "iam:GetPolicy", &arn, &[])?;
    let policy = find_policy(world, caller, &arn)?;
    Ok(json!({"Policy": policy.describe(attachments(world, caller, &arn)?)}))
}

pub(super) fn get_policy_version(
    world: &mut World,
    caller: &Caller,
    input: Value,
) -> Result<Value, AwsError> {
    let input: PolicyInput = parse_input(Service::Iam, "GetPolicyVersion", input)?;
    let arn = form::required("policyArn", input.policy_arn)?;
    let version = form::required("versionId", input.version_id)?;
    authorize(world, caller, "iam:GetPolicyVersion", &arn, &[])?;
    let policy = find_policy(world, caller, &arn)?;
    if version != "v1" {
        return Err(no_such_policy(&format!("{arn} version {version}")));
    }
    Ok(json!({"PolicyVersion": {
        "Document": encoded(&policy.document),
        "VersionId": "v1",
        "IsDefaultVersion": true,
        "CreateDate": form::time(policy.created),
    }}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct ListPoliciesInput {
    scope: Option<String>,
    marker: Option<String>,
    #[serde(default, deserialize_with = "form::number")]
    max_items: Option<i64>,
}

pub(super) fn list_policies(world: &mut World, caller: &Caller, input: Value) -> Result<Value, AwsError> {
    let input: ListPoliciesInput = parse_input(Service::Iam, "ListPolicies", input)?;
    if input.scope.as_deref() != Some("Local") {
        return Err(AwsError::not_in_local_aws(
            "ListPolicies with a Scope other than Local: there are no policies of AWS",
        ));
    }
    authorize(world, caller, "iam:ListPolicies", &format!("arn:aws:iam::{}:policy/", caller.account), &[])?;
    let policies = &world.account(&caller.account)?.iam.policies;
    let (policies, marker) = page(
        policies.values().map(|policy| (policy.arn.as_str(), policy)),
        input.marker.as_deref(),
        input.max_items,
    )?;
    let described = policies
        .into_iter()
        .map(|policy| Ok(policy.describe(attachments(world, caller, &policy.arn)?)))
        .collect::<Result<Vec<Value>, AwsError>>()?;
    Ok(paged("Policies", described, marker))
}

pub(super) fn delete_policy(world: &mut World, caller: &Caller, input: Value) -> Result<Value, AwsError> {
    let input: PolicyInput = parse_input(Service::Iam, "DeletePolicy", input)?;
    let arn = form::required("policyArn", input.policy_arn)?;
    authorize(world, caller, "iam:DeletePolicy", &arn, &[])?;
    find_policy(world, caller, &arn)?;
    if attachments(world, caller, &arn)? > 0 {
        return Err(
            AwsError::new("DeleteConflict", "Cannot delete a policy attached to entities.").with_status(409)
        );
    }
    world.account_mut(&caller.account)?.iam.policies.remove(&arn);
    Ok(json!({}))
}

fn find_policy<'a>(world: &'a World, caller: &Caller, arn: &str) -> Result<&'a ManagedPolicy, AwsError> {
    if arn.starts_with("arn:aws:iam::aws:policy/") {
        return Err(AwsError::not_in_local_aws(format!(
            "AWS's own policy {arn}: write the actions into the role"
        )));
    }
    world.account(&caller.account)?.iam.policies.get(arn).ok_or_else(|| no_such_policy(arn))
}

fn attachments(world: &World, caller: &Caller, arn: &str) -> Result<usize, AwsError> {
    let roles = world.account(&caller.account)?.iam.roles.values();
    let attached: Vec<&BTreeSet<String>> =
        roles.map(|role| &role.attached).filter(|attached| attached.contains(arn)).collect();
    Ok(attached.len())
}

/// One page of named things in order, and the marker of the next.
pub(super) fn page<'a, T>(
    items: impl Iterator<Item = (&'a str, T)>,
    marker: Option<&str>,
    max_items: Option<i64>,
) -> Result<(Vec<T>, Option<String>), AwsError> {
    let size = max_items.unwrap_or(PAGE_DEFAULT);
    let length = usize::try_from(size).ok().filter(|_| (1..=PAGE_MAX).contains(&size)).ok_or_else(|| {
        AwsError::new("ValidationError", format!("MaxItems is {size}; expected 1 to {PAGE_MAX}"))
    })?;
    let mut rest = items.filter(|(name, _)| marker.is_none_or(|marker| *name > marker)).peekable();
    let mut page = Vec::new();
    let mut last = None;
    while page.len() < length {
        let Some((name, item)) = rest.next() else { break };
        last = Some(name.to_owned());
        page.push(item);
    }
    Ok((page, last.filter(|_| rest.peek().is_some())))
}

/// A list's answer with its paging members.
pub(super) fn paged(member: &str, items: impl Serialize, marker: Option<String>) -> Value {
    let mut answer = json!({"IsTruncated": marker.is_some()});
    if let Some(members) = answer.as_object_mut() {
        members.insert(member.to_owned(), json!(items));
        members.extend(marker.map(|marker| ("Marker".to_owned(), json!(marker))));
    }
    answer
}

/// A document as it came: text, or (from a template) an object.
pub(super) fn document(document: Option<Value>) -> Result<Value, AwsError> {
    match document {
        Some(Value::String(text)) => {
            serde_json::from_str(&text).map_err(|error| malformed(&format!("not JSON: {error}")))
        }
        Some(object @ Value::Object(_)) => Ok(object),
        _ => Err(malformed("a policy document is required")),
    }
}

/// A document as IAM answers it: JSON text, percent-encoded.
pub(super) fn encoded(document: &Value) -> String {
    document
        .to_string()
        .bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                char::from(byte).to_string()
            }
            other => format!("%{other:02X}"),
        })
        .collect()
}

fn identity_document(text: Option<Value>) -> Result<Value, AwsError> {
    let document = document(text)?;
    Document::parse(&document, Kind::Identity)?;
    Ok(document)
}

fn policy_name(name: Option<String>) -> Result<String, AwsError> {
    let name = form::required("policyName", name)?;
    form::name("policyName", &name, 128, "+=,.@_-")?;
    Ok(name)
}

fn no_such_role_policy(name: &str) -> AwsError {
    AwsError::new("NoSuchEntity", format!("The role policy with name {name} cannot be found."))
        .with_status(404)
}

fn no_such_policy(arn: &str) -> AwsError {
    AwsError::new("NoSuchEntity", format!("Policy {arn} was not found.")).with_status(404)
}
