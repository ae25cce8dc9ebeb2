//! What registry clients log in with.

use super::parameters::{counted, registry};
use crate::caller::Caller;
use crate::clock::epoch;
use crate::error::AwsError;
use crate::names::AccountId;
use crate::services::{Service, iam, parse_input};
use crate::world::World;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Duration, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// How long a password can be used.
const HOURS_VALID: i64 = 12;
/// The most registries that a request asks passwords for.
const REGISTRIES_MAX: usize = 10;
/// The user name that belongs to every password.
const USER: &str = "AWS";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct GetAuthorizationToken {
    registry_ids: Option<Vec<String>>,
}

/// What a password says: no secret, just as access key ids are none here.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Password {
    caller: Caller,
    registry: AccountId,
    expires_at: DateTime<Utc>,
}

/// Who logged in, and to whose registry.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Login {
    pub(crate) caller: Caller,
    pub(crate) registry: AccountId,
}

/// Why a login is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LoginRefusal {
    /// No such user, or not a password of this registry.
    Unknown,
    /// The password's time is over.
    Expired,
}

/// GetAuthorizationToken.
pub(super) fn get(world: &World, caller: &Caller, input: Value) -> Result<Value, AwsError> {
    let input: GetAuthorizationToken = parse_input(Service::Ecr, "GetAuthorizationToken", input)?;
    iam::authorize(world, caller, "ecr:GetAuthorizationToken", "*", &[])?;
    let registries = match input.registry_ids {
        None => vec![caller.account.clone()],
        Some(ids) => counted(ids, REGISTRIES_MAX, "registryIds")?
            .iter()
            .map(|id| registry(Some(id), &caller.account))
            .collect::<Result<_, _>>()?,
    };
    let expires_at = world.now() + Duration::hours(HOURS_VALID);
    let data = registries.into_iter().map(|registry| {
        // Clients log in where this says; AWS's own address would lead away from the local accounts.
        let aws = || format!("https://{registry}.dkr.ecr.{}.amazonaws.com", world.region);
        let proxy_endpoint = world.endpoint.clone().unwrap_or_else(aws);
        let password = json!(Password { caller: caller.clone(), registry, expires_at }).to_string();
        let token = STANDARD.encode(format!("{USER}:{}", STANDARD.encode(password)));
        json!({"authorizationToken": token, "expiresAt": epoch(expires_at), "proxyEndpoint": proxy_endpoint})
    });
    Ok(json!({"authorizationData": data.collect::<Vec<_>>()}))
}

/// Who stands behind a user name and password: `AWS` with a password of [`get`]'s, or a 12-digit account id
/// with any password, which is that account's administrator.
///
/// # Errors
/// When it is neither, or too old.
pub(crate) fn log_in(world: &World, user: &str, password: &str) -> Result<Login, LoginRefusal> {
    if let Ok(account) = user.parse::<AccountId>() {
        world.account(&account).map_err(|_| LoginRefusal::Unknown)?;
        return Ok(Login { caller: Caller::administrator(&account), registry: account });
    }
    let decoded = STANDARD.decode(password).ok().filter(|_| user == USER);
    let parsed = decoded.and_then(|text| serde_json::from_slice::<Password>(&text).ok());
    let Password { caller, registry, expires_at } = parsed.ok_or(LoginRefusal::Unknown)?;
    world.account(&caller.account).map_err(|_| LoginRefusal::Unknown)?;
    if world.now() >= expires_at { Err(LoginRefusal::Expired) } else { Ok(Login { caller, registry }) }
}
