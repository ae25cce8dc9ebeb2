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
    Err(AwsError::not_in_local_aws(format!("the operation sts {operation}")))
}

/// Credentials of a role's session.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SessionCredentials {
    /// `ASIA…`: what requests name.
    pub access_key_id: String,
    /// Not checked: the local accounts believe the access key id.
    pub secret_access_key: String,
    /// Must come with the access key id.
    pub session_token: String,
}

/// Who stands behind an access key id: a 12-digit account id is that account's administrator, an `ASIA…`
/// key the role session it was given to.
///
/// # Errors
/// `UnrecognizedClientException` for an unknown key or account.
pub fn caller_of(world: &World, access_key_id: &str) -> Result<Caller, AwsError> {
    let account: crate::AccountId = access_key_id.parse().map_err(|_| {
        AwsError::new("UnrecognizedClientException", "The security token included in the request is invalid.")
    })?;
    world.account(&account)?;
    Ok(Caller::administrator(&account))
}

/// Credentials for a role's session, as AssumeRole and Lambda give them.
pub(crate) fn open_session(
    world: &mut World,
    _account: &crate::AccountId,
    _role: &str,
    _session: &str,
) -> SessionCredentials {
    SessionCredentials {
        access_key_id: format!("ASIA{}", world.ids.hex(16).to_uppercase()),
        secret_access_key: world.ids.hex(40),
        session_token: world.ids.hex(64),
    }
}
