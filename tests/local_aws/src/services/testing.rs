//! What the tests of several services share: a world under a manual clock.

use super::Service;
use crate::caller::Caller;
use crate::clock::Clock;
use crate::names::AccountId;
use crate::settings::Settings;
use crate::store::Store;
use crate::world::World;
use chrono::{TimeZone, Utc};
use serde_json::{Value, json};

/// The first environment's account.
pub(crate) const DEV: &str = "111111111111";
/// The second one's.
pub(crate) const STG: &str = "222222222222";

/// Two accounts with nothing in them, at a quarter past nine on an ordinary day.
pub(crate) fn world() -> World {
    let accounts = [DEV, STG].map(|id| id.parse::<AccountId>().unwrap());
    let clock = Clock::Manual(Utc.with_ymd_and_hms(2026, 11, 21, 9, 15, 0).unwrap());
    World::new(accounts, "eu-west-1", clock, 1, Settings::default(), Store::temporary().unwrap())
}

/// An operation by the first account's administrator that must succeed.
pub(crate) fn call(world: &mut World, service: Service, operation: &str, input: Value) -> Value {
    call_in(world, DEV, service, operation, input)
}

/// An operation by an account's administrator that must succeed.
pub(crate) fn call_in(
    world: &mut World,
    account: &str,
    service: Service,
    operation: &str,
    input: Value,
) -> Value {
    let caller = Caller::administrator(&account.parse().unwrap());
    match world.call(&caller, service, operation, input) {
        Ok(answer) => answer,
        Err(error) => panic!("{operation}: {error}"),
    }
}

/// Makes a role that a service may assume and that may do everything the actions name. Returns its ARN.
pub(crate) fn role(world: &mut World, account: &str, name: &str, service: &str, actions: &[&str]) -> String {
    let trust = json!({
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}],
    });
    let policy = json!({
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": actions, "Resource": "*"}],
    });
    let role = json!({"RoleName": name, "AssumeRolePolicyDocument": trust.to_string()});
    call_in(world, account, Service::Iam, "CreateRole", role);
    let inline = json!({"RoleName": name, "PolicyName": "all", "PolicyDocument": policy.to_string()});
    call_in(world, account, Service::Iam, "PutRolePolicy", inline);
    format!("arn:aws:iam::{account}:role/{name}")
}
