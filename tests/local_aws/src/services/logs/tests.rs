use super::append;
use super::filter::Filter;
use crate::caller::Caller;
use crate::names::AccountId;
use crate::services::Service;
use crate::services::testing::{DEV, call, world};
use crate::world::World;
use serde_json::{Value, json};

fn written() -> (World, AccountId) {
    let mut world = world();
    let account: AccountId = DEV.parse().unwrap();
    for (stream, line) in [("a", "INFO one"), ("b", "ERROR two"), ("a", "ERROR three")] {
        append(&mut world, &account, "/aws/lambda/f", stream, &[line.to_owned()]);
        let later = world.now() + chrono::Duration::seconds(1);
        world.clock.set(later);
    }
    (world, account)
}

fn messages(answer: &Value) -> Vec<&str> {
    answer["events"].as_array().unwrap().iter().map(|event| event["message"].as_str().unwrap()).collect()
}

#[test]
fn nothing_written_is_a_group_that_is_not_there() {
    let mut world = world();
    let error = world
        .call(
            &Caller::administrator(&DEV.parse().unwrap()),
            Service::Logs,
            "FilterLogEvents",
            json!({"logGroupName": "/aws/lambda/f"}),
        )
        .unwrap_err();
    assert_eq!(error.code, "ResourceNotFoundException");
}

#[test]
fn events_of_all_streams_are_filtered_in_the_order_of_time() {
    let (mut world, _) = written();
    let all = call(&mut world, Service::Logs, "FilterLogEvents", json!({"logGroupName": "/aws/lambda/f"}));
    assert_eq!(messages(&all), ["INFO one", "ERROR two", "ERROR three"]);
    let input = json!({"logGroupIdentifier": "arn:aws:logs:eu-west-1:111111111111:log-group:/aws/lambda/f:*", "filterPattern": "ERROR", "limit": 1});
    let first = call(&mut world, Service::Logs, "FilterLogEvents", input.clone());
    let mut next = input;
    next["nextToken"] = first["nextToken"].clone();
    let second = call(&mut world, Service::Logs, "FilterLogEvents", next);
    assert_eq!((messages(&first), messages(&second)), (vec!["ERROR two"], vec!["ERROR three"]));
}

#[test]
fn reading_forward_ends_with_the_token_it_began_with() {
    let (mut world, _) = written();
    let mut input = json!({"logGroupName": "/aws/lambda/f", "logStreamName": "a", "startFromHead": true});
    let first = call(&mut world, Service::Logs, "GetLogEvents", input.clone());
    assert_eq!(messages(&first), ["INFO one", "ERROR three"]);
    input["nextToken"] = first["nextForwardToken"].clone();
    let second = call(&mut world, Service::Logs, "GetLogEvents", input);
    assert_eq!((messages(&second).len(), &second["nextForwardToken"]), (0, &first["nextForwardToken"]));
}

#[test]
fn filters_are_plain_terms() {
    let matches = |pattern: &str, message: &str| Filter::parse(pattern).unwrap().matches(message);
    assert!(matches("", "anything"));
    assert!(matches("a \"b c\"", "a and b c"));
    assert!(!matches("a b", "only a"));
    assert!(matches("?x ?a", "only a"));
    assert!(!matches("a -only", "only a"));
    assert_eq!(Filter::parse("{ $.a = 1 }").unwrap_err().code, "NotInLocalAws");
    assert_eq!(Filter::parse("\"open").unwrap_err().code, "InvalidParameterException");
    assert_eq!(Filter::parse("a:b").unwrap_err().code, "InvalidParameterException");
}
