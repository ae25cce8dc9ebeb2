//! The `Principal` element: whom a resource's policy or a role's trust speaks of.

use super::document::malformed;
use crate::caller::{Caller, Identity};
use crate::error::AwsError;
use crate::names::AccountId;
use serde_json::Value;

/// How closely a policy names the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Named {
    /// By its account: the account's own IAM decides which of its principals may.
    Account,
    /// By itself, or by `*`.
    Itself,
}

/// Refuses kinds of principals that would not be judged.
pub(super) fn check(principal: &Value) -> Result<(), AwsError> {
    match principal {
        Value::String(text) if text == "*" => Ok(()),
        Value::Object(kinds) => kinds.iter().try_for_each(|(kind, names)| match kind.as_str() {
            "AWS" | "Service" if each(names).next().is_some() => Ok(()),
            "AWS" | "Service" => Err(malformed(&format!("Invalid principal in policy: {principal}"))),
            other => Err(AwsError::not_in_local_aws(format!("the principal type {other}"))),
        }),
        other => Err(malformed(&format!("Invalid principal in policy: {other}"))),
    }
}

/// Whether the element speaks of the caller, and how closely.
pub(super) fn names(principal: &Value, caller: &Caller) -> Option<Named> {
    let Value::Object(kinds) = principal else { return Some(Named::Itself) };
    let service = kinds.get("Service").and_then(|services| {
        let Identity::Service(principal) = &caller.identity else { return None };
        each(services).any(|service| service == principal).then_some(Named::Itself)
    });
    let aws = kinds.get("AWS").and_then(|principals| {
        if matches!(caller.identity, Identity::Service(_)) {
            return None;
        }
        each(principals).filter_map(|principal| principal_names(principal, caller)).max()
    });
    service.max(aws)
}

fn principal_names(principal: &str, caller: &Caller) -> Option<Named> {
    if principal == "*" || principal == caller.arn() {
        return Some(Named::Itself);
    }
    if principal == caller.account.as_str() || principal == root(&caller.account) {
        return Some(Named::Account);
    }
    let Identity::Role { role, .. } = &caller.identity else { return None };
    let (account_part, path) = principal.split_once(":role/")?;
    (account_part == format!("arn:aws:iam::{}", caller.account)
        && path.rsplit('/').next() == Some(role.as_str()))
    .then_some(Named::Itself)
}

fn root(account: &AccountId) -> String {
    format!("arn:aws:iam::{account}:root")
}

fn each(names: &Value) -> impl Iterator<Item = &str> {
    match names {
        Value::Array(names) => names.as_slice(),
        one => std::slice::from_ref(one),
    }
    .iter()
    .filter_map(Value::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn named(principal: &Value, caller: &Caller) -> Option<Named> {
        names(principal, caller)
    }

    #[test]
    fn an_account_stands_for_its_roles_a_role_for_its_sessions_and_nothing_for_a_stranger() {
        let account: AccountId = "111111111111".parse().expect("an id");
        let role = Caller::role(&account, "deployer", "session");
        assert_eq!(named(&json!({"AWS": "111111111111"}), &role), Some(Named::Account));
        assert_eq!(named(&json!({"AWS": ["arn:aws:iam::111111111111:root"]}), &role), Some(Named::Account));
        assert_eq!(
            named(&json!({"AWS": "arn:aws:iam::111111111111:role/deployer"}), &role),
            Some(Named::Itself)
        );
        assert_eq!(named(&json!({"AWS": "arn:aws:iam::222222222222:role/deployer"}), &role), None);
        assert_eq!(named(&json!({"Service": "events.amazonaws.com"}), &role), None);
        assert_eq!(named(&json!("*"), &role), Some(Named::Itself));
    }

    #[test]
    fn a_service_is_named_by_its_own_name_only() {
        let account: AccountId = "111111111111".parse().expect("an id");
        let events = Caller::service(&account, "events.amazonaws.com");
        assert_eq!(named(&json!({"Service": "events.amazonaws.com"}), &events), Some(Named::Itself));
        assert_eq!(named(&json!({"Service": "lambda.amazonaws.com"}), &events), None);
        assert_eq!(named(&json!({"AWS": "*"}), &events), None);
    }
}
