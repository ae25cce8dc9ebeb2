//! To be written.

use crate::caller::Caller;
use crate::error::AwsError;
use crate::world::World;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What one account holds of this service.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct State {}

/// Carries out one operation.
pub(crate) fn call(
    _world: &mut World,
    _caller: &Caller,
    operation: &str,
    _input: Value,
) -> Result<Value, AwsError> {
    Err(AwsError::not_in_local_aws(format!("the operation iam {operation}")))
}

/// Whether the caller may do this: an administrator always in the own account; a role by its policies; a
/// service principal is judged by the resource's policy, so it passes here.
///
/// Same-account resource policies and cross-account access are the resource's service's matter: it calls
/// [`resource_policy_allows`] beside this.
///
/// # Errors
/// `AccessDeniedException`, worded as AWS words it.
pub(crate) fn authorize(
    _world: &World,
    _caller: &Caller,
    _action: &str,
    _resource: &str,
    _context: &[(&str, &str)],
) -> Result<(), AwsError> {
    Ok(())
}

/// Whether a resource's own policy document (queue, bus, image repository, function) lets the caller do this.
pub(crate) fn resource_policy_allows(
    _policy: &Value,
    _caller: &Caller,
    _action: &str,
    _resource: &str,
    _context: &[(&str, &str)],
) -> bool {
    true
}
