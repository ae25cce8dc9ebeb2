//! What the tests of this service share: a world with two accounts whose clock stands still.

mod comments;
mod history;
mod pushing;
mod reading;
mod repositories;
mod writing;

use crate::caller::Caller;
use crate::clock::Clock;
use crate::error::AwsError;
use crate::names::AccountId;
use crate::services::Service;
use crate::settings::Settings;
use crate::store::Store;
use crate::world::World;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

/// The events since the last time, one line each.
pub(crate) fn emitted(world: &mut World) -> Vec<String> {
    let line = |event: &Value| {
        let member = |name: &str| event["detail"][name].as_str().unwrap_or("-").to_owned();
        let short = |name: &str| member(name).chars().take(7).collect::<String>();
        let caller = member("callerUserArn");
        format!(
            "{} {} {}..{} by {}",
            member("event"),
            member("referenceFullName"),
            short("oldCommitId"),
            short("commitId"),
            caller.rsplit('/').next().unwrap_or_default(),
        )
    };
    emitted_events(world).iter().map(line).collect()
}

/// The events since the last time, as a rule brought them to a queue.
fn emitted_events(world: &mut World) -> Vec<Value> {
    // Events arrive within moments; what is due later is not for them.
    let moments = world.now() + chrono::Duration::seconds(1);
    while world.next_due().is_some_and(|due| due <= moments) {
        world.step();
    }
    let mut events = Vec::new();
    loop {
        let input = json!({ "QueueUrl": queue_url(world), "MaxNumberOfMessages": 10 });
        let received = world.call(&administrator(), Service::Sqs, "ReceiveMessage", input).unwrap();
        let Some(messages) = received["Messages"].as_array().filter(|messages| !messages.is_empty()) else {
            return events;
        };
        for message in messages {
            events.push(serde_json::from_str(message["Body"].as_str().unwrap()).unwrap());
            let input = json!({ "QueueUrl": queue_url(world), "ReceiptHandle": message["ReceiptHandle"] });
            world.call(&administrator(), Service::Sqs, "DeleteMessage", input).unwrap();
        }
    }
}

fn queue_url(world: &mut World) -> String {
    let input = json!({ "QueueName": "events" });
    let answer = world.call(&administrator(), Service::Sqs, "GetQueueUrl", input).unwrap();
    answer["QueueUrl"].as_str().unwrap().to_owned()
}

/// Lets a rule bring every event of CodeCommit to a queue.
fn collect_events(world: &mut World) {
    let arn = world.arn("sqs", &account(), "events");
    let policy = json!({ "Version": "2012-10-17", "Statement": {
        "Effect": "Allow", "Principal": { "Service": "events.amazonaws.com" },
        "Action": "sqs:SendMessage", "Resource": arn,
    } });
    let pattern = json!({ "source": ["aws.codecommit"] }).to_string();
    for (service, operation, input) in [
        (
            Service::Sqs,
            "CreateQueue",
            json!({ "QueueName": "events", "Attributes": { "Policy": policy.to_string() } }),
        ),
        (Service::Events, "PutRule", json!({ "Name": "events", "EventPattern": pattern })),
        (
            Service::Events,
            "PutTargets",
            json!({ "Rule": "events", "Targets": [{ "Id": "queue", "Arn": arn }] }),
        ),
    ] {
        world.call(&administrator(), service, operation, input).unwrap();
    }
}

pub(crate) fn account() -> AccountId {
    "111111111111".parse().unwrap()
}

pub(crate) fn world() -> World {
    let start = "2026-11-21T08:00:00Z".parse().unwrap();
    let accounts = [account(), "222222222222".parse().unwrap()];
    let store = Store::temporary().unwrap();
    let mut world = World::new(accounts, "eu-west-1", Clock::Manual(start), 1, Settings::default(), store);
    collect_events(&mut world);
    world
}

/// A world with the repository `deployment`, which has no commit yet.
pub(crate) fn world_with_repository() -> World {
    let mut world = world();
    ok(&mut world, "CreateRepository", json!({ "repositoryName": "deployment" }));
    world
}

fn administrator() -> Caller {
    Caller::administrator(&account())
}

pub(crate) fn call(world: &mut World, operation: &str, input: Value) -> Result<Value, AwsError> {
    world.call(&administrator(), Service::CodeCommit, operation, input)
}

pub(crate) fn ok(world: &mut World, operation: &str, input: Value) -> Value {
    call(world, operation, input).unwrap_or_else(|error| panic!("{operation}: {error}"))
}

/// The error code that the operation answers.
fn code(world: &mut World, operation: &str, input: Value) -> String {
    match call(world, operation, input) {
        Ok(answer) => panic!("{operation} succeeded: {answer}"),
        Err(error) => error.code,
    }
}

/// `base` with other members put over it; null takes one away.
#[expect(clippy::needless_pass_by_value, reason = "written with `json!` in place at nearly every call")]
fn with(mut base: Value, members: Value) -> Value {
    for (name, value) in members.as_object().unwrap() {
        match value {
            Value::Null => drop(base.as_object_mut().unwrap().remove(name)),
            value => drop(base.as_object_mut().unwrap().insert(name.clone(), value.clone())),
        }
    }
    base
}

fn base64(text: &str) -> String {
    STANDARD.encode(text)
}

/// Lets some seconds pass, so that commits differ in time.
fn wait(world: &mut World, seconds: i64) {
    let later = world.now() + chrono::Duration::seconds(seconds);
    world.clock.set(later);
}

/// The tip of a branch of `deployment`.
pub(crate) fn tip(world: &World, branch: &str) -> String {
    super::branch_tip(world, &account(), "deployment", branch).unwrap().0
}

/// Commits files to `main` of `deployment` through the API, on its tip. Returns the commit id.
pub(crate) fn commit(world: &mut World, message: &str, put: &[(&str, &str)]) -> String {
    commit_on(world, "main", message, put)
}

fn commit_on(world: &mut World, branch: &str, message: &str, put: &[(&str, &str)]) -> String {
    let put: Vec<Value> = put
        .iter()
        .map(|(path, content)| json!({ "filePath": path, "fileContent": base64(content) }))
        .collect();
    let mut input = json!({
        "repositoryName": "deployment", "branchName": branch, "authorName": "Ann", "email": "ann@example.com",
        "commitMessage": message, "putFiles": put,
    });
    if let Ok((tip, _)) = super::branch_tip(world, &account(), "deployment", branch) {
        input["parentCommitId"] = json!(tip);
    }
    ok(world, "CreateCommit", input)["commitId"].as_str().unwrap().to_owned()
}

/// A file of `main` of `deployment`.
fn content(world: &World, path: &str) -> Option<String> {
    let tip = tip(world, "main");
    let content = super::file_at(world, &account(), "deployment", &tip, path).unwrap();
    content.map(|bytes| String::from_utf8(bytes).unwrap())
}
