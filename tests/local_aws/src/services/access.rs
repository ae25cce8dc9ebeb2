//! Access to what has a policy of its own: queues, buses, functions.

use super::iam;
use crate::caller::{Caller, Identity};
use crate::error::AwsError;
use crate::names::AccountId;
use crate::world::World;
use serde_json::Value;

/// A thing that somebody wants to use.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Resource<'a> {
    /// Its ARN.
    pub(crate) arn: &'a str,
    /// The account it lies in.
    pub(crate) owner: &'a AccountId,
    /// Its own policy, if it has one.
    pub(crate) policy: Option<&'a Value>,
}

/// Decides as AWS does: within the account either the caller's policies or the resource's policy must allow,
/// from another account both, and a service needs the resource's.
///
/// # Errors
/// `AccessDeniedException`.
pub(crate) fn authorize(
    world: &World,
    caller: &Caller,
    action: &str,
    resource: Resource<'_>,
    context: &[(&str, &str)],
) -> Result<(), AwsError> {
    let by_resource = resource.policy.is_some_and(|policy| {
        iam::resource_policy_allows(world, policy, caller, action, resource.arn, context)
    });
    let refused = || {
        let because = format!("no resource-based policy allows the {action} action");
        Err(AwsError::access_denied(&caller.arn(), action, resource.arn, &because))
    };
    if matches!(caller.identity, Identity::Service(_)) {
        return if by_resource { Ok(()) } else { refused() };
    }
    let by_identity = iam::authorize(world, caller, action, resource.arn, context);
    match (caller.account == *resource.owner, by_resource) {
        (true, true) => Ok(()),
        (true, false) | (false, true) => by_identity,
        (false, false) => by_identity.and_then(|()| refused()),
    }
}
