//! Roles and whom they trust.

use super::document::{Document, Kind};
use super::evaluate::{self, Decision, Request};
use super::principals::Named;
use super::{authorize, policies};
use crate::caller::Caller;
use crate::error::AwsError;
use crate::names::AccountId;
use crate::services::{Service, form, parse_input};
use crate::world::World;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// The session length that a role allows when nothing is said, in seconds.
const MAX_SESSION_DURATION_DEFAULT: i64 = 3600;
/// The longest session that a role can allow, in seconds.
const MAX_SESSION_DURATION_MAX: i64 = 43_200;

/// A role.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Role {
    name: String,
    path: String,
    id: String,
    arn: String,
    trust: Value,
    description: Option<String>,
    max_session_duration: i64,
    created: DateTime<Utc>,
    tags: Vec<Tag>,
    pub(super) inline: BTreeMap<String, Value>,
    pub(super) attached: BTreeSet<String>,
}

/// A tag.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Tag {
    key: String,
    value: String,
}

impl Role {
    pub(super) fn arn(&self) -> String {
        self.arn.clone()
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn session_limits(&self) -> (String, i64) {
        (self.id.clone(), self.max_session_duration)
    }

    pub(super) fn inline_documents(&self) -> impl Iterator<Item = &Value> {
        self.inline.values()
    }

    pub(super) fn attached(&self) -> impl Iterator<Item = &String> {
        self.attached.iter()
    }

    /// What the trust says to the caller. Of a service that is only given the role, not yet acting in its
    /// name, conditions on its resource (`aws:SourceArn`) are not asked.
    pub(super) fn trust_decision(
        &self,
        caller: &Caller,
        context: &[(&str, &str)],
        without_conditions: bool,
    ) -> (Decision, Option<Named>) {
        let Ok(mut document) = Document::parse(&self.trust, Kind::Trust) else {
            return (Decision::NotMentioned, None);
        };
        if without_conditions {
            document.statement.iter_mut().for_each(|statement| statement.condition.clear());
        }
        let request = Request { action: "sts:AssumeRole", resource: &self.arn, context };
        evaluate::trust(&document, caller, request)
    }

    fn describe(&self) -> Value {
        let mut role = json!({
            "Path": self.path,
            "RoleName": self.name,
            "RoleId": self.id,
            "Arn": self.arn,
            "CreateDate": form::time(self.created),
            "AssumeRolePolicyDocument": policies::encoded(&self.trust),
            "MaxSessionDuration": self.max_session_duration,
        });
        if let Some(members) = role.as_object_mut() {
            if let Some(description) = &self.description {
                members.insert("Description".to_owned(), json!(description));
            }
            if !self.tags.is_empty() {
                members.insert("Tags".to_owned(), json!(self.tags));
            }
        }
        role
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct CreateRoleInput {
    role_name: Option<String>,
    path: Option<String>,
    assume_role_policy_document: Option<Value>,
    description: Option<String>,
    #[serde(default, deserialize_with = "form::number")]
    max_session_duration: Option<i64>,
    #[serde(default)]
    tags: Vec<Tag>,
}

pub(super) fn create_role(world: &mut World, caller: &Caller, input: Value) -> Result<Value, AwsError> {
    let input: CreateRoleInput = parse_input(Service::Iam, "CreateRole", input)?;
    let name = role_name(input.role_name)?;
    let path = input.path.unwrap_or_else(|| "/".to_owned());
    if !path.starts_with('/') || !path.ends_with('/') {
        return Err(AwsError::new(
            "ValidationError",
            format!("The specified path `{path}` must begin and end with /"),
        ));
    }
    let arn = format!("arn:aws:iam::{}:role{path}{name}", caller.account);
    authorize(world, caller, "iam:CreateRole", &arn, &[])?;
    let trust = trust_document(input.assume_role_policy_document)?;
    let max_session_duration = session_duration(input.max_session_duration)?;
    let id = format!("AROA{}", world.ids.hex(17).to_uppercase());
    let created = world.now();
    let roles = &mut world.account_mut(&caller.account)?.iam.roles;
    if roles.contains_key(&name) {
        return Err(AwsError::new("EntityAlreadyExists", format!("Role with name {name} already exists."))
            .with_status(409));
    }
    let role = Role {
        name: name.clone(),
        path,
        id,
        arn,
        trust,
        description: input.description,
        max_session_duration,
        created,
        tags: input.tags,
        inline: BTreeMap::new(),
        attached: BTreeSet::new(),
    };
    let answer = json!({"Role": role.describe()});
    roles.insert(name, role);
    Ok(answer)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct RoleNameInput {
    role_name: Option<String>,
}

pub(super) fn get_role(world: &mut World, caller: &Caller, input: Value) -> Result<Value, AwsError> {
    let input: RoleNameInput = parse_input(Service::Iam, "GetRole", input)?;
    let role = role_to(world, caller, "iam:GetRole", input.role_name)?;
    Ok(json!({"Role": role.describe()}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct ListRolesInput {
    path_prefix: Option<String>,
    marker: Option<String>,
    #[serde(default, deserialize_with = "form::number")]
    max_items: Option<i64>,
}

pub(super) fn list_roles(world: &mut World, caller: &Caller, input: Value) -> Result<Value, AwsError> {
    let input: ListRolesInput = parse_input(Service::Iam, "ListRoles", input)?;
    authorize(world, caller, "iam:ListRoles", &format!("arn:aws:iam::{}:role/", caller.account), &[])?;
    let prefix = input.path_prefix.unwrap_or_default();
    let roles = &world.account(&caller.account)?.iam.roles;
    let (page, marker) = policies::page(
        roles.values().filter(|role| role.path.starts_with(&prefix)).map(|role| (role.name.as_str(), role)),
        input.marker.as_deref(),
        input.max_items,
    )?;
    let described: Vec<Value> = page.into_iter().map(Role::describe).collect();
    Ok(policies::paged("Roles", described, marker))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct UpdateRoleInput {
    role_name: Option<String>,
    description: Option<String>,
    #[serde(default, deserialize_with = "form::number")]
    max_session_duration: Option<i64>,
}

pub(super) fn update_role(world: &mut World, caller: &Caller, input: Value) -> Result<Value, AwsError> {
    let input: UpdateRoleInput = parse_input(Service::Iam, "UpdateRole", input)?;
    let max_session_duration = session_duration(input.max_session_duration)?;
    let role = role_to_change(world, caller, "iam:UpdateRole", input.role_name)?;
    role.max_session_duration = max_session_duration;
    role.description = input.description.or_else(|| role.description.take());
    Ok(json!({}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct UpdateAssumeRolePolicyInput {
    role_name: Option<String>,
    policy_document: Option<Value>,
}

pub(super) fn update_assume_role_policy(
    world: &mut World,
    caller: &Caller,
    input: Value,
) -> Result<Value, AwsError> {
    let input: UpdateAssumeRolePolicyInput = parse_input(Service::Iam, "UpdateAssumeRolePolicy", input)?;
    let trust = trust_document(input.policy_document)?;
    role_to_change(world, caller, "iam:UpdateAssumeRolePolicy", input.role_name)?.trust = trust;
    Ok(json!({}))
}

pub(super) fn delete_role(world: &mut World, caller: &Caller, input: Value) -> Result<Value, AwsError> {
    let input: RoleNameInput = parse_input(Service::Iam, "DeleteRole", input)?;
    let role = role_to(world, caller, "iam:DeleteRole", input.role_name)?;
    if !role.inline.is_empty() || !role.attached.is_empty() {
        let what = if role.inline.is_empty() { "must detach all policies" } else { "must delete policies" };
        return Err(
            AwsError::new("DeleteConflict", format!("Cannot delete entity, {what} first.")).with_status(409)
        );
    }
    let name = role.name.clone();
    world.account_mut(&caller.account)?.iam.roles.remove(&name);
    Ok(json!({}))
}

/// The role that an operation names, once the caller may carry it out.
pub(super) fn role_to<'a>(
    world: &'a World,
    caller: &Caller,
    action: &str,
    name: Option<String>,
) -> Result<&'a Role, AwsError> {
    let name = role_name(name)?;
    let found = world.account(&caller.account)?.iam.roles.get(&name);
    let arn = found.map_or_else(|| format!("arn:aws:iam::{}:role/{name}", caller.account), Role::arn);
    authorize(world, caller, action, &arn, &[])?;
    found.ok_or_else(|| no_such_role(&name))
}

/// As [`role_to`], to change it.
pub(super) fn role_to_change<'a>(
    world: &'a mut World,
    caller: &Caller,
    action: &str,
    name: Option<String>,
) -> Result<&'a mut Role, AwsError> {
    let name = role_to(world, caller, action, name)?.name.clone();
    let account: &AccountId = &caller.account;
    world.account_mut(account)?.iam.roles.get_mut(&name).ok_or_else(|| no_such_role(&name))
}

fn role_name(name: Option<String>) -> Result<String, AwsError> {
    let name = form::required("roleName", name)?;
    form::name("roleName", &name, 64, "+=,.@_-")?;
    Ok(name)
}

fn trust_document(document: Option<Value>) -> Result<Value, AwsError> {
    let document = policies::document(document)?;
    Document::parse(&document, Kind::Trust)?;
    Ok(document)
}

fn session_duration(wanted: Option<i64>) -> Result<i64, AwsError> {
    let duration = wanted.unwrap_or(MAX_SESSION_DURATION_DEFAULT);
    if !(MAX_SESSION_DURATION_DEFAULT..=MAX_SESSION_DURATION_MAX).contains(&duration) {
        return Err(AwsError::new(
            "ValidationError",
            format!("MaxSessionDuration is {duration}; expected 3600 to 43200 seconds"),
        ));
    }
    Ok(duration)
}

fn no_such_role(name: &str) -> AwsError {
    AwsError::new("NoSuchEntity", format!("The role with name {name} cannot be found.")).with_status(404)
}
