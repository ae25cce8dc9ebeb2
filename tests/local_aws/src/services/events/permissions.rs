//! A bus's policy: which other accounts may put events on it.

use super::bus::BusAddress;
use super::invalid;
use crate::caller::Caller;
use crate::error::AwsError;
use crate::names::AccountId;
use crate::services::iam;
use crate::world::World;
use serde::Deserialize;
use serde_json::{Value, json};

const POLICY_BYTES_MAX: usize = 10_240;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct PutPermissionInput {
    event_bus_name: Option<String>,
    action: Option<String>,
    principal: Option<String>,
    statement_id: Option<String>,
    policy: Option<String>,
}

pub(super) fn put(world: &mut World, caller: &Caller, input: &PutPermissionInput) -> Result<Value, AwsError> {
    let address = BusAddress::own(input.event_bus_name.as_deref(), caller)?;
    let arn = address.arn(world);
    iam::authorize(world, caller, "events:PutPermission", &arn, &[])?;
    let old = address.bus(world)?.policy.clone();
    let policy = match &input.policy {
        Some(text) if input.statement_id.is_none() && input.action.is_none() && input.principal.is_none() => {
            whole(text)?
        }
        Some(_) => {
            return Err(invalid("Policy cannot be given together with Action, Principal and StatementId."));
        }
        None => with_statement(old.as_ref(), input, &arn)?,
    };
    if policy.to_string().len() > POLICY_BYTES_MAX {
        let text = format!("The event bus policy may have {POLICY_BYTES_MAX} bytes at most.");
        return Err(AwsError::new("PolicyLengthExceededException", text));
    }
    let now = world.now();
    let bus = address.bus_mut(world)?;
    bus.policy = Some(policy);
    bus.modified = Some(now);
    Ok(json!({}))
}

fn whole(text: &str) -> Result<Value, AwsError> {
    let policy: Option<Value> = serde_json::from_str(text).ok();
    policy
        .filter(|policy| {
            policy.get("Statement").is_some_and(|statements| statements.is_array() || statements.is_object())
        })
        .ok_or_else(|| invalid("The policy is not valid: expected a JSON document with a Statement."))
}

fn with_statement(old: Option<&Value>, input: &PutPermissionInput, arn: &str) -> Result<Value, AwsError> {
    let (Some(action), Some(principal), Some(sid)) = (&input.action, &input.principal, &input.statement_id)
    else {
        return Err(invalid("Action, Principal and StatementId must be given, or a Policy."));
    };
    if action != "events:PutEvents" {
        return Err(invalid(format!("Provided value in parameter 'action' is not supported: {action}")));
    }
    let principal = match principal.as_str() {
        "*" => json!("*"),
        account if account.parse::<AccountId>().is_ok() => {
            json!({ "AWS": format!("arn:aws:iam::{account}:root") })
        }
        other => {
            return Err(invalid(format!("the principal `{other}` is invalid: expected an account id or *")));
        }
    };
    let statement = json!({
        "Sid": sid, "Effect": "Allow", "Principal": principal, "Action": action, "Resource": arn,
    });
    let mut statements = statements(old);
    statements.retain(|other| other.get("Sid") != Some(&json!(sid)));
    statements.push(statement);
    Ok(json!({ "Version": "2012-10-17", "Statement": statements }))
}

fn statements(policy: Option<&Value>) -> Vec<Value> {
    match policy.and_then(|policy| policy.get("Statement")) {
        Some(Value::Array(statements)) => statements.clone(),
        Some(statement) => vec![statement.clone()],
        None => Vec::new(),
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct RemovePermissionInput {
    statement_id: Option<String>,
    #[serde(default)]
    remove_all_permissions: bool,
    event_bus_name: Option<String>,
}

pub(super) fn remove(
    world: &mut World,
    caller: &Caller,
    input: RemovePermissionInput,
) -> Result<Value, AwsError> {
    let address = BusAddress::own(input.event_bus_name.as_deref(), caller)?;
    iam::authorize(world, caller, "events:RemovePermission", &address.arn(world), &[])?;
    let now = world.now();
    let bus = address.bus_mut(world)?;
    let mut statements = statements(bus.policy.as_ref());
    if input.remove_all_permissions {
        statements.clear();
    } else {
        let sid = input.statement_id.ok_or_else(|| invalid("Parameter StatementId must be given."))?;
        let before = statements.len();
        statements.retain(|statement| statement.get("Sid") != Some(&json!(sid)));
        if statements.len() == before {
            let text = "Statement with the provided id does not exist.";
            return Err(AwsError::new("ResourceNotFoundException", text));
        }
    }
    bus.modified = Some(now);
    bus.policy =
        (!statements.is_empty()).then(|| json!({ "Version": "2012-10-17", "Statement": statements }));
    Ok(json!({}))
}
