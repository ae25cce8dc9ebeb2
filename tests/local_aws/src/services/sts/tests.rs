use super::*;
use crate::clock::Clock;
use crate::settings::Settings;
use crate::store::Store;

fn id(digit: char) -> AccountId {
    digit.to_string().repeat(12).parse().expect("an id")
}

fn world() -> World {
    let now = DateTime::from_timestamp(1_800_000_000, 0).expect("a time");
    let store = Store::temporary().expect("a store");
    World::new([id('1'), id('2')], "eu-west-1", Clock::Manual(now), 1, Settings::default(), store)
}

fn add_role(world: &mut World, account: &AccountId, name: &str, trusted: &str, policy: Option<Value>) {
    let administrator = Caller::administrator(account);
    let trust = json!({"Version": "2012-10-17", "Statement":
        {"Effect": "Allow", "Principal": {"AWS": trusted}, "Action": "sts:AssumeRole"}});
    let input = json!({"RoleName": name, "AssumeRolePolicyDocument": trust.to_string()});
    iam::call(world, &administrator, "CreateRole", input).expect("a role");
    if let Some(statement) = policy {
        let document = json!({"Version": "2012-10-17", "Statement": statement}).to_string();
        let input = json!({"RoleName": name, "PolicyName": "p", "PolicyDocument": document});
        iam::call(world, &administrator, "PutRolePolicy", input).expect("a policy");
    }
}

fn assume(world: &mut World, caller: &Caller, account: &AccountId, role: &str) -> Result<Value, AwsError> {
    let input =
        json!({"RoleArn": format!("arn:aws:iam::{account}:role/{role}"), "RoleSessionName": "session"});
    call(world, caller, "AssumeRole", input)
}

#[test]
fn an_unknown_key_or_account_is_nobody() {
    let world = world();
    for key in ["ASIA0000000000000000", "333333333333", "", "test"] {
        assert_eq!(caller_of(&world, key).expect_err("a refusal").code, "UnrecognizedClientException");
    }
    assert_eq!(caller_of(&world, "111111111111"), Ok(Caller::administrator(&id('1'))));
}

#[test]
fn a_session_ends_when_its_time_is_over() {
    let mut world = world();
    add_role(&mut world, &id('1'), "r", "111111111111", None);
    let answer = assume(&mut world, &Caller::administrator(&id('1')), &id('1'), "r").expect("a session");
    let key = answer["Credentials"]["AccessKeyId"].as_str().expect("a key").to_owned();
    assert_eq!(caller_of(&world, &key), Ok(Caller::role(&id('1'), "r", "session")));
    world.clock.set(world.now() + chrono::Duration::seconds(3600));
    assert_eq!(caller_of(&world, &key).expect_err("a refusal").code, "ExpiredTokenException");
}

#[test]
fn a_token_must_belong_to_its_key() {
    let mut world = world();
    let opened = open_session(&mut world, &id('1'), "r", "f");
    let again = open_session(&mut world, &id('1'), "r", "f");
    assert_eq!(opened, again);
    let other = open_session(&mut world, &id('1'), "r", "g");
    let with = |token: Option<&str>| caller_with_token(&world, &opened.access_key_id, token);
    assert_eq!(with(Some(&opened.session_token)), Ok(Caller::role(&id('1'), "r", "f")));
    assert_eq!(with(Some(&other.session_token)).expect_err("a refusal").code, "InvalidClientTokenId");
    assert_eq!(with(None).expect_err("a refusal").code, "InvalidClientTokenId");
    assert!(caller_with_token(&world, "111111111111", None).is_ok());
    assert!(caller_with_token(&world, "111111111111", Some("x")).is_err());
}

#[test]
fn across_accounts_both_the_trust_and_the_own_policies_must_allow() {
    let mut world = world();
    let target = "arn:aws:iam::222222222222:role/reader";
    add_role(&mut world, &id('2'), "reader", "111111111111", None);
    add_role(&mut world, &id('1'), "without", "111111111111", None);
    let allow = json!({"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": target});
    add_role(&mut world, &id('1'), "with", "111111111111", Some(allow));

    let with = Caller::role(&id('1'), "with", "s");
    let without = Caller::role(&id('1'), "without", "s");
    assert!(assume(&mut world, &with, &id('2'), "reader").is_ok());
    let error = assume(&mut world, &without, &id('2'), "reader").expect_err("a refusal");
    assert_eq!(
        error.to_string(),
        "AccessDenied: User: arn:aws:sts::111111111111:assumed-role/without/s is not authorized to perform: \
         sts:AssumeRole on resource: arn:aws:iam::222222222222:role/reader"
    );
    let stranger = Caller::administrator(&id('2'));
    assert!(assume(&mut world, &stranger, &id('2'), "reader").is_err());
    assert!(assume(&mut world, &with, &id('2'), "none").is_err());
}

#[test]
fn a_trust_can_name_an_accounts_role_that_is_made_later() {
    let mut world = world();
    let one = "arn:aws:iam::111111111111:role/one";
    let trust = json!({"Version": "2012-10-17", "Statement": {
        "Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111111111111:root"}, "Action": "sts:AssumeRole",
        "Condition": {"ArnEquals": {"aws:PrincipalArn": one}}}});
    let input = json!({"RoleName": "reader", "AssumeRolePolicyDocument": trust.to_string()});
    iam::call(&mut world, &Caller::administrator(&id('2')), "CreateRole", input).expect("a role");
    let nobody_yet = Caller::role(&id('1'), "one", "s");
    assert!(assume(&mut world, &nobody_yet, &id('2'), "reader").is_err());
    let allow = json!({"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*"});
    add_role(&mut world, &id('1'), "one", "111111111111", Some(allow.clone()));
    add_role(&mut world, &id('1'), "another", "111111111111", Some(allow));
    assert!(assume(&mut world, &Caller::role(&id('1'), "one", "s"), &id('2'), "reader").is_ok());
    for stranger in [Caller::role(&id('1'), "another", "s"), Caller::administrator(&id('1'))] {
        assert_eq!(
            assume(&mut world, &stranger, &id('2'), "reader").expect_err("a refusal").code,
            "AccessDenied"
        );
    }
}

#[test]
fn within_an_account_a_trust_that_names_the_role_itself_suffices() {
    let mut world = world();
    add_role(&mut world, &id('1'), "a", "111111111111", None);
    add_role(&mut world, &id('1'), "b", "arn:aws:iam::111111111111:role/a", None);
    let caller = Caller::role(&id('1'), "a", "s");
    assert!(assume(&mut world, &caller, &id('1'), "b").is_ok());
    assert!(assume(&mut world, &caller, &id('1'), "a").is_err());
}

#[test]
fn everybody_may_ask_who_they_are() {
    let mut world = world();
    let caller = Caller::role(&id('1'), "a", "s");
    let answer = call(&mut world, &caller, "GetCallerIdentity", json!({})).expect("an answer");
    assert_eq!(answer["Arn"], "arn:aws:sts::111111111111:assumed-role/a/s");
    assert_eq!(answer["Account"], "111111111111");
}
