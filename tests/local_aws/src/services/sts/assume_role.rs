//! Becoming a role.

use super::add_session;
use crate::caller::{Caller, Identity};
use crate::error::AwsError;
use crate::services::iam::{self, TrustedBy};
use crate::services::{Service, form, parse_input};
use crate::world::World;
use chrono::Duration;
use serde::Deserialize;
use serde_json::{Value, json};

/// Session lengths in seconds: what a session gets when nothing is said, the least, and the most that a session
/// of a role may give to another role.
const DURATION_DEFAULT: i64 = 3600;
const DURATION_MIN: i64 = 900;
const DURATION_CHAINED_MAX: i64 = 3600;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct AssumeRoleInput {
    role_arn: Option<String>,
    role_session_name: Option<String>,
    #[serde(default, deserialize_with = "form::number")]
    duration_seconds: Option<i64>,
    external_id: Option<String>,
}

/// The role's trust must name the caller; unless it names the caller itself within one account, the caller's own
/// policies must allow it too.
pub(super) fn assume_role(world: &mut World, caller: &Caller, input: Value) -> Result<Value, AwsError> {
    let input: AssumeRoleInput = parse_input(Service::Sts, "AssumeRole", input)?;
    let role_arn = form::required("roleArn", input.role_arn)?;
    let session = form::required("roleSessionName", input.role_session_name)?;
    form::name("roleSessionName", &session, 64, "=,.@_-")?;
    if session.len() < 2 {
        let text = format!(
            "Value '{session}' at 'roleSessionName' failed to satisfy constraint: Member must have length greater than or equal to 2"
        );
        return Err(AwsError::new("ValidationError", text));
    }
    let Some((account, role)) = iam::role_of_arn(&role_arn) else {
        return Err(AwsError::new("ValidationError", format!("{} is invalid", role_arn.escape_debug())));
    };
    let mut context: Vec<(&str, &str)> =
        input.external_id.iter().map(|external_id| ("sts:ExternalId", external_id.as_str())).collect();
    if matches!(caller.identity, Identity::Service(_)) {
        // A service says for whose resource it acts.
        context.push(("aws:SourceAccount", caller.account.as_str()));
    }
    let trusted = iam::trust_allows(world, &account, role, caller, &context);
    let allowed = trusted.is_some_and(|trusted| {
        trusted == TrustedBy::TrustAlone
            || iam::authorize(world, caller, "sts:AssumeRole", &role_arn, &context).is_ok()
    });
    let limits = iam::role_session_limits(world, &account, role).filter(|_| allowed);
    let Some((role_id, longest)) = limits else {
        return Err(AwsError::new(
            "AccessDenied",
            format!(
                "User: {} is not authorized to perform: sts:AssumeRole on resource: {role_arn}",
                caller.arn()
            ),
        )
        .with_status(403));
    };
    let longest = match &caller.identity {
        Identity::Role { .. } => longest.min(DURATION_CHAINED_MAX),
        Identity::Administrator | Identity::Service(_) => longest,
    };
    let duration = input.duration_seconds.unwrap_or(DURATION_DEFAULT);
    if !(DURATION_MIN..=longest).contains(&duration) {
        return Err(AwsError::new(
            "ValidationError",
            format!(
                "The requested DurationSeconds is {duration}; expected {DURATION_MIN} to {longest} for this role"
            ),
        ));
    }
    let expires = world.now() + Duration::seconds(duration);
    let credentials = add_session(world, &account, role, &session, Some(expires));
    Ok(json!({
        "Credentials": {
            "AccessKeyId": credentials.access_key_id,
            "SecretAccessKey": credentials.secret_access_key,
            "SessionToken": credentials.session_token,
            "Expiration": form::time(expires),
        },
        "AssumedRoleUser": {
            "AssumedRoleId": format!("{role_id}:{session}"),
            "Arn": format!("arn:aws:sts::{account}:assumed-role/{role}/{session}"),
        },
    }))
}
