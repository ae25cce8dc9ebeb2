use super::deliver;
use crate::caller::Caller;
use crate::error::AwsError;
use crate::names::AccountId;
use crate::services::Service;
use crate::services::testing::{DEV, STG, call, world};
use crate::world::World;
use serde_json::{Value, json};

fn url(name: &str) -> String {
    format!("https://sqs.eu-west-1.amazonaws.com/{DEV}/{name}")
}

fn create(world: &mut World, name: &str, attributes: &Value) {
    call(world, Service::Sqs, "CreateQueue", json!({"QueueName": name, "Attributes": attributes}));
}

fn send(world: &mut World, name: &str, body: &str) {
    call(world, Service::Sqs, "SendMessage", json!({"QueueUrl": url(name), "MessageBody": body}));
}

/// The bodies received, with how often each was.
fn receive(world: &mut World, name: &str) -> Vec<String> {
    let input = json!({"QueueUrl": url(name), "MaxNumberOfMessages": 10, "AttributeNames": ["ApproximateReceiveCount"]});
    let answer = call(world, Service::Sqs, "ReceiveMessage", input);
    let messages = answer["Messages"].as_array().cloned().unwrap_or_default();
    let shown = |message: &Value| {
        let count = message["Attributes"]["ApproximateReceiveCount"].as_str().unwrap();
        format!("{} ({count})", message["Body"].as_str().unwrap())
    };
    messages.iter().map(shown).collect()
}

fn wait(world: &mut World, seconds: i64) {
    let until = world.now() + chrono::Duration::seconds(seconds);
    while world.next_due().is_some_and(|due| due <= until) {
        world.step();
    }
    world.clock.set(until);
}

fn refused(world: &mut World, account: &str, operation: &str, input: Value) -> AwsError {
    let caller = Caller::administrator(&account.parse().unwrap());
    world.call(&caller, Service::Sqs, operation, input).unwrap_err()
}

#[test]
fn an_empty_queue_answers_without_messages() {
    let mut world = world();
    create(&mut world, "q", &json!({}));
    let answer = call(&mut world, Service::Sqs, "ReceiveMessage", json!({"QueueUrl": url("q")}));
    assert_eq!(answer, json!({}));
    assert!(!world.step(), "nothing is left to happen");
}

#[test]
fn a_message_is_hidden_while_it_is_in_flight_and_comes_back() {
    let mut world = world();
    create(&mut world, "q", &json!({"VisibilityTimeout": "30"}));
    send(&mut world, "q", "a");
    assert_eq!(receive(&mut world, "q"), ["a (1)"]);
    wait(&mut world, 29);
    assert_eq!(receive(&mut world, "q"), Vec::<String>::new());
    wait(&mut world, 1);
    assert_eq!(receive(&mut world, "q"), ["a (2)"]);
}

#[test]
fn the_third_receive_of_a_message_allowed_two_goes_to_the_dead_letter_queue() {
    let mut world = world();
    create(&mut world, "dead", &json!({}));
    let redrive =
        json!({"deadLetterTargetArn": "arn:aws:sqs:eu-west-1:111111111111:dead", "maxReceiveCount": "2"});
    create(&mut world, "q", &json!({"VisibilityTimeout": "30", "RedrivePolicy": redrive.to_string()}));
    send(&mut world, "q", "a");
    for expected in ["a (1)", "a (2)"] {
        assert_eq!(receive(&mut world, "q"), [expected]);
        wait(&mut world, 30);
    }
    assert_eq!(receive(&mut world, "q"), Vec::<String>::new());
    assert_eq!(receive(&mut world, "dead"), ["a (3)"]);
    wait(&mut world, 30);
    let source = json!({"SourceArn": "arn:aws:sqs:eu-west-1:111111111111:dead"});
    call(&mut world, Service::Sqs, "StartMessageMoveTask", source);
    assert_eq!(receive(&mut world, "q"), ["a (1)"]);
}

#[test]
fn a_deleted_message_is_gone_and_an_outdated_receipt_deletes_nothing() {
    let mut world = world();
    create(&mut world, "q", &json!({"VisibilityTimeout": "1"}));
    send(&mut world, "q", "a");
    let receipt = |world: &mut World| {
        let answer = call(world, Service::Sqs, "ReceiveMessage", json!({"QueueUrl": url("q")}));
        answer["Messages"][0]["ReceiptHandle"].as_str().unwrap().to_owned()
    };
    let delete = |world: &mut World, handle: String| {
        call(world, Service::Sqs, "DeleteMessage", json!({"QueueUrl": url("q"), "ReceiptHandle": handle}));
    };
    let outdated = receipt(&mut world);
    wait(&mut world, 1);
    let newest = receipt(&mut world);
    delete(&mut world, outdated);
    delete(&mut world, newest.clone());
    delete(&mut world, newest);
    assert!(!world.step(), "no message is left to come back");
    send(&mut world, "q", "b");
    let outdated = receipt(&mut world);
    wait(&mut world, 1);
    assert_eq!(receive(&mut world, "q"), ["b (2)"]);
    delete(&mut world, outdated);
    wait(&mut world, 1);
    assert_eq!(receive(&mut world, "q"), ["b (3)"]);
}

#[test]
fn a_delayed_message_arrives_in_its_time() {
    let mut world = world();
    create(&mut world, "q", &json!({"DelaySeconds": "5"}));
    send(&mut world, "q", "a");
    assert_eq!(receive(&mut world, "q"), Vec::<String>::new());
    wait(&mut world, 5);
    assert_eq!(receive(&mut world, "q"), ["a (1)"]);
}

#[test]
fn digests_are_those_that_clients_compute() {
    let mut world = world();
    create(&mut world, "q", &json!({}));
    let attributes = json!({
        "b": {"DataType": "Binary", "BinaryValue": "AAE="},
        "a": {"DataType": "String", "StringValue": "x"},
    });
    let input = json!({"QueueUrl": url("q"), "MessageBody": "hello", "MessageAttributes": attributes});
    let answer = call(&mut world, Service::Sqs, "SendMessage", input);
    // Computed with Python's hashlib, by the rule in Amazon's developer guide.
    assert_eq!(answer["MD5OfMessageBody"], "5d41402abc4b2a76b9719d911017c592");
    assert_eq!(answer["MD5OfMessageAttributes"], "fa20e2def088daf7b14bc51e836c5547");
}

#[test]
fn another_account_needs_the_queues_policy() {
    let mut world = world();
    create(&mut world, "q", &json!({}));
    let input = json!({"QueueUrl": url("q"), "MessageBody": "a"});
    assert_eq!(refused(&mut world, STG, "SendMessage", input.clone()).code, "AccessDeniedException");
    let policy = json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": {"AWS": format!("arn:aws:iam::{STG}:root")},
        "Action": "sqs:SendMessage", "Resource": "arn:aws:sqs:eu-west-1:111111111111:q",
    }]});
    let attributes = json!({"QueueUrl": url("q"), "Attributes": {"Policy": policy.to_string()}});
    call(&mut world, Service::Sqs, "SetQueueAttributes", attributes);
    let stg: AccountId = STG.parse().unwrap();
    world.call(&Caller::administrator(&stg), Service::Sqs, "SendMessage", input).unwrap();
    let service = Caller::service(&DEV.parse().unwrap(), "events.amazonaws.com");
    let refused = deliver(&mut world, &service, "arn:aws:sqs:eu-west-1:111111111111:q", "a".into());
    assert_eq!(refused.unwrap_err().code, "AccessDeniedException");
}

#[test]
fn bad_input_is_refused_as_sqs_refuses_it() {
    let mut world = world();
    create(&mut world, "q", &json!({}));
    let refusals = [
        ("CreateQueue", json!({"QueueName": "a b"})),
        ("CreateQueue", json!({"QueueName": "a.fifo"})),
        ("CreateQueue", json!({"QueueName": "q", "Attributes": {"VisibilityTimeout": "1"}})),
        ("CreateQueue", json!({"QueueName": "r", "Attributes": {"VisibilityTimeout": "43201"}})),
        ("CreateQueue", json!({"QueueName": "r", "Attributes": {"Color": "red"}})),
        (
            "CreateQueue",
            json!({"QueueName": "r", "Attributes": {"RedrivePolicy": "{\"deadLetterTargetArn\":\"arn:aws:sqs:eu-west-1:111111111111:none\",\"maxReceiveCount\":1}"}}),
        ),
        ("SendMessage", json!({"QueueUrl": url("none"), "MessageBody": "a"})),
        ("SendMessage", json!({"QueueUrl": "q", "MessageBody": "a"})),
        ("SendMessage", json!({"QueueUrl": url("q"), "MessageBody": ""})),
        ("SendMessage", json!({"QueueUrl": url("q"), "MessageBody": "\u{1}"})),
        ("SendMessage", json!({"QueueUrl": url("q"), "MessageBody": "a", "MessageGroupId": "g"})),
        ("SendMessageBatch", json!({"QueueUrl": url("q"), "Entries": []})),
        ("ReceiveMessage", json!({"QueueUrl": url("q"), "MaxNumberOfMessages": 11})),
        ("DeleteMessage", json!({"QueueUrl": url("q"), "ReceiptHandle": "x"})),
        ("GetQueueAttributes", json!({"QueueUrl": url("q"), "AttributeNames": ["Color"]})),
    ];
    let texts: Vec<String> = refusals
        .into_iter()
        .map(|(operation, input)| refused(&mut world, DEV, operation, input).to_string())
        .collect();
    expect_test::expect![[r#"
        [
            "InvalidParameterValue: Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length",
            "NotInLocalAws: the local accounts do not know FIFO queues, such as a.fifo; AWS may",
            "QueueNameExists: A queue already exists with the same name and a different value for attribute VisibilityTimeout",
            "InvalidAttributeValue: Invalid value for the parameter VisibilityTimeout.",
            "InvalidAttributeName: Unknown Attribute Color.",
            "InvalidParameterValue: Value arn:aws:sqs:eu-west-1:111111111111:none for parameter RedrivePolicy is invalid. Reason: Dead letter target does not exist.",
            "QueueDoesNotExist: The specified queue does not exist.",
            "InvalidAddress: The address q is not valid for this endpoint.",
            "MissingParameter: The request must contain the parameter MessageBody.",
            "InvalidMessageContents: Invalid characters found. Valid unicode characters are #x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF",
            "NotInLocalAws: the local accounts do not know this of sqs SendMessage: unknown field `MessageGroupId`, expected one of `QueueUrl`, `MessageBody`, `DelaySeconds`, `MessageAttributes`; AWS may",
            "EmptyBatchRequest: There should be at least one entry in the request.",
            "InvalidParameterValue: Value 11 for parameter MaxNumberOfMessages is invalid. Reason: Must be between 1 and 10, if provided.",
            "ReceiptHandleIsInvalid: The input receipt handle is invalid.",
            "InvalidAttributeName: Unknown Attribute Color.",
        ]
    "#]].assert_debug_eq(&texts);
}
