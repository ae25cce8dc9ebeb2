//! AWS Security Token Service: whose an access key id is, and sessions of roles.

mod assume_role;
#[cfg(test)]
mod tests;

use crate::caller::{Caller, Identity};
use crate::error::AwsError;
use crate::names::AccountId;
use crate::services::{Service, iam, parse_input};
use crate::world::World;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// What one account holds of this service.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct State {
    /// By access key id.
    sessions: BTreeMap<String, Session>,
}

/// Credentials that were given out.
#[derive(Debug, Serialize, Deserialize)]
struct Session {
    role: String,
    name: String,
    secret_access_key: String,
    token: String,
    /// Sessions of AWS's own services do not end: the services would renew them unseen.
    expires: Option<DateTime<Utc>>,
}

/// Carries out one operation.
pub(crate) fn call(
    world: &mut World,
    caller: &Caller,
    operation: &str,
    input: Value,
) -> Result<Value, AwsError> {
    match operation {
        "AssumeRole" => assume_role::assume_role(world, caller, input),
        "GetCallerIdentity" => get_caller_identity(world, caller, input),
        _ => Err(AwsError::not_in_local_aws(format!("the operation sts {operation}"))),
    }
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
/// `UnrecognizedClientException` for an unknown key or account, `ExpiredTokenException` for a session that
/// has ended.
pub fn caller_of(world: &World, access_key_id: &str) -> Result<Caller, AwsError> {
    if let Ok(account) = access_key_id.parse::<AccountId>() {
        world.account(&account)?;
        return Ok(Caller::administrator(&account));
    }
    let (account, session) = find_session(world, access_key_id)?;
    if session.expires.is_some_and(|expires| expires <= world.now()) {
        return Err(AwsError::new(
            "ExpiredTokenException",
            "The security token included in the request is expired",
        )
        .with_status(403));
    }
    Ok(Caller::role(&account, &session.role, &session.name))
}

/// Who stands behind an access key id that came with (or without) a session token.
///
/// # Errors
/// As [`caller_of`]; `InvalidClientTokenId` for a token that does not belong to the key.
pub fn caller_with_token(
    world: &World,
    access_key_id: &str,
    session_token: Option<&str>,
) -> Result<Caller, AwsError> {
    let caller = caller_of(world, access_key_id)?;
    let expected = match &caller.identity {
        Identity::Role { .. } => Some(find_session(world, access_key_id)?.1.token.as_str()),
        Identity::Administrator | Identity::Service(_) => None,
    };
    if session_token.filter(|token| !token.is_empty()) != expected {
        return Err(AwsError::new(
            "InvalidClientTokenId",
            "The security token included in the request is invalid.",
        )
        .with_status(403));
    }
    Ok(caller)
}

/// Credentials for a role's session, as Lambda gets them for a function. They do not expire, and the same role
/// and session get the same ones again.
pub fn open_session(world: &mut World, account: &AccountId, role: &str, session: &str) -> SessionCredentials {
    let opened = world.account(account).ok().and_then(|state| {
        state
            .sts
            .sessions
            .iter()
            .find(|(_, open)| open.expires.is_none() && open.role == role && open.name == session)
            .map(|(key, open)| credentials(key, open))
    });
    opened.unwrap_or_else(|| add_session(world, account, role, session, None))
}

fn add_session(
    world: &mut World,
    account: &AccountId,
    role: &str,
    name: &str,
    expires: Option<DateTime<Utc>>,
) -> SessionCredentials {
    let access_key_id = format!("ASIA{}", world.ids.hex(16).to_uppercase());
    let session = Session {
        role: role.to_owned(),
        name: name.to_owned(),
        secret_access_key: world.ids.hex(40),
        token: world.ids.hex(64),
        expires,
    };
    let credentials = credentials(&access_key_id, &session);
    let now = world.now();
    if let Ok(state) = world.account_mut(account) {
        state.sts.sessions.retain(|_, open| open.expires.is_none_or(|expires| expires > now));
        state.sts.sessions.insert(access_key_id, session);
    }
    credentials
}

fn credentials(access_key_id: &str, session: &Session) -> SessionCredentials {
    SessionCredentials {
        access_key_id: access_key_id.to_owned(),
        secret_access_key: session.secret_access_key.clone(),
        session_token: session.token.clone(),
    }
}

fn find_session<'a>(world: &'a World, access_key_id: &str) -> Result<(AccountId, &'a Session), AwsError> {
    world
        .account_ids()
        .into_iter()
        .find_map(|account| {
            let session = world.account(&account).ok()?.sts.sessions.get(access_key_id)?;
            Some((account, session))
        })
        .ok_or_else(|| {
            AwsError::new(
                "UnrecognizedClientException",
                "The security token included in the request is invalid.",
            )
            .with_status(403)
        })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GetCallerIdentityInput {}

/// Every principal may ask who it is.
fn get_caller_identity(world: &World, caller: &Caller, input: Value) -> Result<Value, AwsError> {
    let GetCallerIdentityInput {} = parse_input(Service::Sts, "GetCallerIdentity", input)?;
    let user_id = match &caller.identity {
        Identity::Role { role, session } => {
            let id = iam::role_session_limits(world, &caller.account, role).map(|(id, _)| id);
            format!("{}:{session}", id.unwrap_or_else(|| role.clone()))
        }
        Identity::Administrator | Identity::Service(_) => format!("AIDA{:0>17}", caller.account.as_str()),
    };
    Ok(json!({"UserId": user_id, "Account": caller.account, "Arn": caller.arn()}))
}
