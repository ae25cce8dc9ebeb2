//! AWS Identity and Access Management: roles, their policies, and whether they let a caller do something.
//!
//! `iam-rs` 0.8 was tried for the judging and left: it puts nothing where a policy variable or a condition key
//! is unknown instead of refusing it, compares `ArnEquals` without wildcards, does not know that an account as
//! a principal stands for its roles, and asks for an ARN where AWS judges `*`.

mod conditions;
mod document;
mod evaluate;
mod policies;
mod principals;
mod roles;
#[cfg(test)]
mod tests;
mod wildcard;

use crate::caller::{Caller, Identity};
use crate::error::AwsError;
use crate::names::AccountId;
use crate::world::World;
use document::{Document, Kind};
use evaluate::{Decision, Request};
use principals::Named;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

/// What one account holds of this service.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct State {
    roles: BTreeMap<String, roles::Role>,
    policies: BTreeMap<String, policies::ManagedPolicy>,
}

/// Carries out one operation.
pub(crate) fn call(
    world: &mut World,
    caller: &Caller,
    operation: &str,
    input: Value,
) -> Result<Value, AwsError> {
    match operation {
        "CreateRole" => roles::create_role(world, caller, input),
        "GetRole" => roles::get_role(world, caller, input),
        "ListRoles" => roles::list_roles(world, caller, input),
        "UpdateRole" => roles::update_role(world, caller, input),
        "UpdateAssumeRolePolicy" => roles::update_assume_role_policy(world, caller, input),
        "DeleteRole" => roles::delete_role(world, caller, input),
        "PutRolePolicy" => policies::put_role_policy(world, caller, input),
        "GetRolePolicy" => policies::get_role_policy(world, caller, input),
        "ListRolePolicies" => policies::list_role_policies(world, caller, input),
        "DeleteRolePolicy" => policies::delete_role_policy(world, caller, input),
        "AttachRolePolicy" => policies::attach_role_policy(world, caller, input),
        "DetachRolePolicy" => policies::detach_role_policy(world, caller, input),
        "ListAttachedRolePolicies" => policies::list_attached_role_policies(world, caller, input),
        "CreatePolicy" => policies::create_policy(world, caller, input),
        "GetPolicy" => policies::get_policy(world, caller, input),
        "GetPolicyVersion" => policies::get_policy_version(world, caller, input),
        "ListPolicies" => policies::list_policies(world, caller, input),
        "DeletePolicy" => policies::delete_policy(world, caller, input),
        _ => Err(AwsError::not_in_local_aws(format!("the operation iam {operation}"))),
    }
}

/// Whether the caller may do this: an administrator always in the own account; a role by its policies; a
/// service principal is judged by the resource's policy, so it passes here.
///
/// Same-account resource policies and cross-account access are the resource's service's matter: it calls
/// [`resource_policy_allows`] beside this.
///
/// A key may come several times in `context`: it then has several values. `resource` is `*` for an action that
/// knows no resources.
///
/// # Errors
/// `AccessDeniedException`, worded as AWS words it.
pub(crate) fn authorize(
    world: &World,
    caller: &Caller,
    action: &str,
    resource: &str,
    context: &[(&str, &str)],
) -> Result<(), AwsError> {
    let Identity::Role { role, .. } = &caller.identity else { return Ok(()) };
    let principal_arn = principal_arn(world, caller);
    let context = with_principal(caller, principal_arn.as_deref(), context);
    let documents = documents_of(world, &caller.account, role)?;
    match evaluate::identity(documents.iter(), Request { action, resource, context: &context }) {
        Decision::Allowed => Ok(()),
        Decision::Denied => Err(AwsError::new(
            "AccessDeniedException",
            format!(
                "User: {} is not authorized to perform: {action} on resource: {resource} with an explicit deny \
                 in an identity-based policy",
                caller.arn()
            ),
        )),
        Decision::NotMentioned => Err(AwsError::access_denied(
            &caller.arn(),
            action,
            resource,
            &format!("no identity-based policy allows the {action} action"),
        )),
    }
}

/// Whether a resource's own policy document (queue, bus, image repository, function) lets the caller do this.
/// A document that cannot be judged lets nobody in: services check it with [`check_resource_policy`] when it
/// is put.
pub(crate) fn resource_policy_allows(
    world: &World,
    policy: &Value,
    caller: &Caller,
    action: &str,
    resource: &str,
    context: &[(&str, &str)],
) -> bool {
    let principal_arn = principal_arn(world, caller);
    let context = with_principal(caller, principal_arn.as_deref(), context);
    let request = Request { action, resource, context: &context };
    Document::parse(policy, Kind::Resource)
        .is_ok_and(|document| evaluate::resource(&document, caller, request) == Decision::Allowed)
}

/// Checks a resource's policy document before it is kept.
///
/// # Errors
/// `MalformedPolicyDocument` (the service may have its own code for it), or `NotInLocalAws` for an element
/// that would not be judged.
pub(crate) fn check_resource_policy(policy: &Value) -> Result<(), AwsError> {
    Document::parse(policy, Kind::Resource).map(|_| ())
}

/// Whether a service may act in the name of a role: the role must be there, in this account, and its trust must
/// name the service. Services call it when they are given a role.
///
/// # Errors
/// `InvalidParameterValueException`, which the service may turn into its own.
pub(crate) fn check_service_role(
    world: &World,
    account: &AccountId,
    role_arn: &str,
    service_principal: &str,
) -> Result<(), AwsError> {
    let found = find_role(world, role_arn).filter(|(owner, role)| {
        let service = Caller::service(account, service_principal);
        owner == account && role.trust_decision(&service, &[], true).0 == Decision::Allowed
    });
    match found {
        Some(_) => Ok(()),
        None => Err(AwsError::new(
            "InvalidParameterValueException",
            format!("The role {role_arn} cannot be assumed by {service_principal}."),
        )),
    }
}

/// The role's session in which a service acts for a resource of its own (`aws:SourceArn`), as the role's trust has it
/// at that moment.
pub(crate) fn service_session(
    world: &World,
    account: &AccountId,
    role_arn: &str,
    service_principal: &str,
    source_arn: &str,
) -> Option<Caller> {
    let (_, role) = find_role(world, role_arn).filter(|(owner, _)| owner == account)?;
    let service = Caller::service(account, service_principal);
    let context = [("aws:SourceAccount", account.as_str()), ("aws:SourceArn", source_arn)];
    let (name, _) = service_principal.split_once('.').unwrap_or((service_principal, ""));
    let trusted = role.trust_decision(&service, &context, false).0 == Decision::Allowed;
    trusted.then(|| Caller::role(account, role.name(), name))
}

/// Whether a role's trust lets the caller become it, and whether that suffices: a trust that names only the
/// caller's account, or a caller from another account, also needs the caller's own policies.
pub(crate) fn trust_allows(
    world: &World,
    role_account: &AccountId,
    role: &str,
    caller: &Caller,
    context: &[(&str, &str)],
) -> Option<TrustedBy> {
    let role = world.account(role_account).ok()?.iam.roles.get(role)?;
    let principal_arn = principal_arn(world, caller);
    let context = with_principal(caller, principal_arn.as_deref(), context);
    let (decision, named) = role.trust_decision(caller, &context, false);
    if decision != Decision::Allowed {
        return None;
    }
    let alone = named == Some(Named::Itself) && caller.account == *role_account;
    Some(if alone { TrustedBy::TrustAlone } else { TrustedBy::TrustAndOwnPolicies })
}

/// What it takes to assume a role whose trust allows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TrustedBy {
    /// The trust names the caller itself, in the same account.
    TrustAlone,
    /// The caller's own policies must allow `sts:AssumeRole` as well.
    TrustAndOwnPolicies,
}

/// A role's unique id and the longest session it allows, in seconds; `None` when there is no such role.
pub(crate) fn role_session_limits(world: &World, account: &AccountId, role: &str) -> Option<(String, i64)> {
    world.account(account).ok()?.iam.roles.get(role).map(roles::Role::session_limits)
}

fn find_role<'a>(world: &'a World, role_arn: &str) -> Option<(AccountId, &'a roles::Role)> {
    let (account, name) = role_of_arn(role_arn)?;
    let role = world.account(&account).ok()?.iam.roles.get(name)?;
    (role.arn() == role_arn).then_some((account, role))
}

/// The account and the name that a role's ARN names.
pub(crate) fn role_of_arn(role_arn: &str) -> Option<(AccountId, &str)> {
    let (account, path) = role_arn.strip_prefix("arn:aws:iam::")?.split_once(":role/")?;
    Some((account.parse().ok()?, path.rsplit('/').next()?))
}

/// The documents of a role as they were written, and as they were read.
type Read = (Vec<Value>, Rc<Vec<Document>>);

thread_local! {
    /// The documents that were read lately: each call asks for the same ones.
    static READ: RefCell<HashMap<(AccountId, String), Read>> = RefCell::default();
}

/// All documents attached to a role; none when there is no such role.
fn documents_of(world: &World, account: &AccountId, name: &str) -> Result<Rc<Vec<Document>>, AwsError> {
    let state = &world.account(account)?.iam;
    let Some(role) = state.roles.get(name) else { return Ok(Rc::default()) };
    let attached = role.attached().filter_map(|arn| state.policies.get(arn));
    let written: Vec<&Value> =
        role.inline_documents().chain(attached.map(policies::ManagedPolicy::document)).collect();
    let key = (account.clone(), name.to_owned());
    let kept = READ.with_borrow(|read| {
        let (as_written, documents) = read.get(&key)?;
        as_written.iter().eq(written.iter().copied()).then(|| Rc::clone(documents))
    });
    if let Some(documents) = kept {
        return Ok(documents);
    }
    let documents: Result<Vec<Document>, AwsError> =
        written.iter().map(|document| Document::parse(document, Kind::Identity)).collect();
    let documents = Rc::new(documents?);
    let written = written.into_iter().cloned().collect();
    READ.with_borrow_mut(|read| read.insert(key, (written, Rc::clone(&documents))));
    Ok(documents)
}

/// What `aws:PrincipalArn` says of the caller: a session's role and not the session.
fn principal_arn(world: &World, caller: &Caller) -> Option<String> {
    match &caller.identity {
        Identity::Service(_) => None,
        Identity::Administrator => Some(caller.arn()),
        Identity::Role { role, .. } => {
            world.account(&caller.account).ok()?.iam.roles.get(role).map(roles::Role::arn)
        }
    }
}

/// The request's keys and those that AWS adds about the caller.
fn with_principal<'a>(
    caller: &'a Caller,
    principal_arn: Option<&'a str>,
    context: &[(&'a str, &'a str)],
) -> Vec<(&'a str, &'a str)> {
    let mut context = context.to_vec();
    if !matches!(caller.identity, Identity::Service(_)) {
        context.push(("aws:PrincipalAccount", caller.account.as_str()));
    }
    context.extend(principal_arn.map(|arn| ("aws:PrincipalArn", arn)));
    context
}
