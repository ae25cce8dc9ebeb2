use super::{Ended, Function, Invocation, Timer, finished, take_answer};
use crate::caller::Caller;
use crate::error::AwsError;
use crate::names::AccountId;
use crate::services::testing::{DEV, call, role, world};
use crate::services::{Service, lambda};
use crate::world::World;
use serde_json::{Value, json};

const QUEUE: &str = "arn:aws:sqs:eu-west-1:111111111111:q";

/// A function `f`, a queue `q` that hides for 30 seconds and gives up after the second receive, and `dead`.
fn stage() -> World {
    let mut world = world();
    let role = role(&mut world, DEV, "f", "lambda.amazonaws.com", &["sqs:*"]);
    lambda::create_function(&mut world, &dev(), Function::new("f", &role, "/no/such/file")).unwrap();
    call(&mut world, Service::Sqs, "CreateQueue", json!({"QueueName": "dead"}));
    let redrive =
        json!({"deadLetterTargetArn": "arn:aws:sqs:eu-west-1:111111111111:dead", "maxReceiveCount": 2});
    let attributes = json!({"VisibilityTimeout": "30", "RedrivePolicy": redrive.to_string()});
    call(&mut world, Service::Sqs, "CreateQueue", json!({"QueueName": "q", "Attributes": attributes}));
    world
}

fn dev() -> AccountId {
    DEV.parse().unwrap()
}

fn map(world: &mut World, options: &Value) -> String {
    let mut input = json!({"FunctionName": "f", "EventSourceArn": QUEUE});
    input.as_object_mut().unwrap().extend(options.as_object().unwrap().clone());
    let answer = call(world, Service::Lambda, "CreateEventSourceMapping", input);
    answer["UUID"].as_str().unwrap().to_owned()
}

fn url(queue: &str) -> String {
    format!("https://sqs.eu-west-1.amazonaws.com/{DEV}/{queue}")
}

fn send(world: &mut World, body: &str) {
    call(world, Service::Sqs, "SendMessage", json!({"QueueUrl": url("q"), "MessageBody": body}));
}

fn received(world: &mut World, queue: &str) -> Vec<String> {
    let input = json!({"QueueUrl": url(queue), "MaxNumberOfMessages": 10});
    let answer = call(world, Service::Sqs, "ReceiveMessage", input);
    let messages = answer["Messages"].as_array().cloned().unwrap_or_default();
    messages.iter().map(|message| message["Body"].as_str().unwrap().to_owned()).collect()
}

/// The invocations that wait for somebody to carry them out.
fn taken(world: &mut World) -> Vec<Invocation> {
    std::mem::take(&mut world.invocations)
}

fn records(invocation: &Invocation) -> Vec<Value> {
    let payload: Value = serde_json::from_str(&invocation.payload).unwrap();
    payload["Records"].as_array().unwrap().clone()
}

fn bodies(invocation: &Invocation) -> Vec<String> {
    records(invocation).iter().map(|record| record["body"].as_str().unwrap().to_owned()).collect()
}

fn succeed(world: &mut World, invocation: &Invocation) {
    finished(world, &invocation.request_id, Ended::Answer("null".into()));
}

fn fail(world: &mut World, invocation: &Invocation) {
    let error = json!({"errorType": "E", "errorMessage": "no"}).to_string();
    finished(world, &invocation.request_id, Ended::Error(error));
}

fn refused(world: &mut World, operation: &str, input: Value) -> AwsError {
    world.call(&Caller::administrator(&dev()), Service::Lambda, operation, input).unwrap_err()
}

/// What happens when every invocation ends like this, step by step, until nothing is left to happen.
fn story(world: &mut World, mut end: impl FnMut(&mut World, &Invocation)) -> String {
    let start = world.now();
    let mut text = String::new();
    loop {
        for invocation in taken(world) {
            let seconds = (world.now() - start).num_milliseconds() as f64 / 1000.0;
            let shown = match serde_json::from_str::<Value>(&invocation.payload).unwrap().get("Records") {
                Some(_) => bodies(&invocation).join(" "),
                None => invocation.payload.clone(),
            };
            text.push_str(&format!("{seconds}s {shown}\n"));
            end(world, &invocation);
        }
        if world.invocations.is_empty() && !world.step() {
            return text;
        }
    }
}

#[test]
fn an_empty_queue_wakes_nobody() {
    let mut world = stage();
    map(&mut world, &json!({}));
    assert!(!world.step());
    assert_eq!(taken(&mut world), []);
}

#[test]
fn a_message_becomes_a_record_as_lambda_writes_it() {
    let mut world = stage();
    map(&mut world, &json!({}));
    let attributes = json!({"kind": {"DataType": "String", "StringValue": "x"}});
    let message = json!({"QueueUrl": url("q"), "MessageBody": "hello", "MessageAttributes": attributes});
    call(&mut world, Service::Sqs, "SendMessage", message);
    let invocations = taken(&mut world);
    expect_test::expect![[r#"
        [
          {
            "attributes": {
              "ApproximateFirstReceiveTimestamp": "1795252500000",
              "ApproximateReceiveCount": "1",
              "SenderId": "111111111111",
              "SentTimestamp": "1795252500000"
            },
            "awsRegion": "eu-west-1",
            "body": "hello",
            "eventSource": "aws:sqs",
            "eventSourceARN": "arn:aws:sqs:eu-west-1:111111111111:q",
            "md5OfBody": "5d41402abc4b2a76b9719d911017c592",
            "md5OfMessageAttributes": "57dd03eb020678b56fd5c31e88f4cff1",
            "messageAttributes": {
              "kind": {
                "binaryListValues": [],
                "dataType": "String",
                "stringListValues": [],
                "stringValue": "x"
              }
            },
            "messageId": "e099ec6c-d736-4ca5-85e7-bb0f12278575",
            "receiptHandle": "cS8xLzE="
          }
        ]"#]]
    .assert_eq(&serde_json::to_string_pretty(&records(&invocations[0])).unwrap());
    succeed(&mut world, &invocations[0]);
    assert!(!world.step(), "the message is deleted");
}

#[test]
fn a_batching_window_makes_one_batch_of_what_arrives_in_it() {
    let mut world = stage();
    map(&mut world, &json!({"BatchSize": 100, "MaximumBatchingWindowInSeconds": 5}));
    for body in ["a", "b", "c"] {
        send(&mut world, body);
    }
    expect_test::expect![[r#"
        5s a b c
    "#]]
    .assert_eq(&story(&mut world, succeed));
}

#[test]
fn a_full_batch_does_not_wait_for_its_window() {
    let mut world = stage();
    map(&mut world, &json!({"BatchSize": 2, "MaximumBatchingWindowInSeconds": 5}));
    for body in ["a", "b", "c"] {
        send(&mut world, body);
    }
    expect_test::expect![[r#"
        0s a b
        5s c
    "#]]
    .assert_eq(&story(&mut world, succeed));
}

#[test]
fn only_the_failed_messages_of_a_batch_come_back() {
    let mut world = stage();
    let options = json!({"BatchSize": 10, "MaximumBatchingWindowInSeconds": 1, "FunctionResponseTypes": ["ReportBatchItemFailures"]});
    map(&mut world, &options);
    for body in ["a", "b", "c"] {
        send(&mut world, body);
    }
    let end = |world: &mut World, invocation: &Invocation| {
        let records = records(invocation);
        let bad = records.iter().filter(|record| record["body"] == "b");
        let failures: Vec<Value> = bad.map(|record| json!({"itemIdentifier": record["messageId"]})).collect();
        let answer = json!({"batchItemFailures": failures}).to_string();
        finished(world, &invocation.request_id, Ended::Answer(answer));
    };
    expect_test::expect![[r#"
        1s a b c
        31s b
    "#]]
    .assert_eq(&story(&mut world, end));
    assert_eq!(received(&mut world, "dead"), ["b"]);
}

#[test]
fn a_malformed_answer_fails_the_whole_batch() {
    for answer in [
        "no json",
        r#"{"batchItemFailures":"all"}"#,
        r#"{"batchItemFailures":[{"itemIdentifier":"unknown"}]}"#,
        r#"{"batchItemFailures":[{}]}"#,
    ] {
        let mut world = stage();
        map(&mut world, &json!({"FunctionResponseTypes": ["ReportBatchItemFailures"]}));
        send(&mut world, "a");
        let invocations = taken(&mut world);
        finished(&mut world, &invocations[0].request_id, Ended::Answer(answer.into()));
        while world.step() && world.invocations.is_empty() {}
        assert_eq!(taken(&mut world).iter().flat_map(bodies).collect::<Vec<_>>(), ["a"], "{answer}");
    }
}

#[test]
fn a_batch_that_fails_twice_ends_in_the_dead_letter_queue() {
    let mut world = stage();
    map(&mut world, &json!({}));
    send(&mut world, "a");
    expect_test::expect![[r#"
        0s a
        30s a
    "#]]
    .assert_eq(&story(&mut world, fail));
    assert_eq!(received(&mut world, "dead"), ["a"]);
}

#[test]
fn a_function_with_one_environment_is_throttled_and_nothing_is_lost() {
    let mut world = stage();
    call(
        &mut world,
        Service::Lambda,
        "PutFunctionConcurrency",
        json!({"FunctionName": "f", "ReservedConcurrentExecutions": 1}),
    );
    map(&mut world, &json!({"BatchSize": 1}));
    for body in ["a", "b", "c"] {
        send(&mut world, body);
    }
    let mut order = Vec::new();
    while let [invocation] = taken(&mut world).as_slice() {
        order.extend(bodies(invocation));
        succeed(&mut world, invocation);
    }
    assert_eq!(order, ["a", "b", "c"]);
    assert!(!world.step());
}

#[test]
fn a_mapping_without_the_right_to_receive_is_not_made() {
    let mut world = stage();
    let role = role(&mut world, DEV, "poor", "lambda.amazonaws.com", &["logs:PutLogEvents"]);
    lambda::create_function(&mut world, &dev(), Function::new("g", &role, "/no/such/file")).unwrap();
    let mut slow = Function::new("slow", "arn:aws:iam::111111111111:role/f", "/no/such/file");
    slow.timeout = 31;
    lambda::create_function(&mut world, &dev(), slow).unwrap();
    map(&mut world, &json!({}));
    let input = |name: &str, more: Value| {
        let mut input = json!({"FunctionName": name, "EventSourceArn": QUEUE});
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        input
    };
    let refusals: Vec<String> = [
        input("g", json!({})),
        input("slow", json!({})),
        input("none", json!({})),
        input("f", json!({})),
        input("f", json!({"BatchSize": 11, "EventSourceArn": "arn:aws:sqs:eu-west-1:111111111111:dead"})),
        input("f", json!({"ScalingConfig": {"MaximumConcurrency": 1}, "EventSourceArn": "arn:aws:sqs:eu-west-1:111111111111:dead"})),
        input("f", json!({"FilterCriteria": {"Filters": [{"Pattern": "{}"}]}, "EventSourceArn": "arn:aws:sqs:eu-west-1:111111111111:dead"})),
        input("f", json!({"EventSourceArn": "arn:aws:kinesis:eu-west-1:111111111111:stream/s"})),
    ]
    .into_iter()
    .map(|input| refused(&mut world, "CreateEventSourceMapping", input).to_string())
    .map(|text| text.split(" with UUID").next().unwrap().to_owned())
    .collect();
    expect_test::expect![[r#"
        [
            "InvalidParameterValueException: The provided execution role does not have permissions to call ReceiveMessage on SQS",
            "InvalidParameterValueException: Queue visibility timeout: 30 seconds is less than Function timeout: 31 seconds",
            "ResourceNotFoundException: Function not found: arn:aws:lambda:eu-west-1:111111111111:function:none",
            "ResourceConflictException: An event source mapping with SQS arn (\" arn:aws:sqs:eu-west-1:111111111111:q \") and function (\" f \") already exists. Please update or delete the existing mapping",
            "InvalidParameterValueException: Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than 10",
            "InvalidParameterValueException: the maximum concurrency 1 is invalid: expected 2 to 1000",
            "NotInLocalAws: the local accounts do not know FilterCriteria of an event source mapping; AWS may",
            "NotInLocalAws: the local accounts do not know event source mappings from arn:aws:kinesis:eu-west-1:111111111111:stream/s: only SQS queues; AWS may",
        ]
    "#]].assert_debug_eq(&refusals);
}

fn invoke_event(world: &mut World) {
    let input = json!({"FunctionName": "f", "InvocationType": "Event", "Payload": "{\"n\":1}"});
    let answer = call(world, Service::Lambda, "Invoke", input);
    assert_eq!(answer["StatusCode"], 202);
}

#[test]
fn an_event_that_fails_is_tried_twice_more_and_then_sent_to_its_destination() {
    let mut world = stage();
    let destination = json!({"FunctionName": "f", "DestinationConfig": {"OnFailure": {"Destination": "arn:aws:sqs:eu-west-1:111111111111:dead"}}});
    call(&mut world, Service::Lambda, "PutFunctionEventInvokeConfig", destination);
    invoke_event(&mut world);
    expect_test::expect![[r#"
        0s {"n":1}
        60s {"n":1}
        180s {"n":1}
    "#]]
    .assert_eq(&story(&mut world, fail));
    let record: Value = serde_json::from_str(&received(&mut world, "dead")[0]).unwrap();
    expect_test::expect![[r#"
        {
          "requestContext": {
            "approximateInvokeCount": 3,
            "condition": "RetriesExhausted",
            "functionArn": "arn:aws:lambda:eu-west-1:111111111111:function:f:$LATEST",
            "requestId": "71bb54d8-d101-45b9-834d-0bff90150280"
          },
          "requestPayload": {
            "n": 1
          },
          "responseContext": {
            "executedVersion": "$LATEST",
            "functionError": "Unhandled",
            "statusCode": 200
          },
          "responsePayload": {
            "errorMessage": "no",
            "errorType": "E"
          },
          "timestamp": "2026-11-21T09:18:00.000Z",
          "version": "1.0"
        }"#]]
    .assert_eq(&serde_json::to_string_pretty(&record).unwrap());
}

#[test]
fn an_event_that_succeeds_at_last_goes_nowhere_else() {
    let mut world = stage();
    invoke_event(&mut world);
    let mut attempts = 0;
    story(&mut world, |world, invocation| {
        attempts += 1;
        if attempts == 2 { succeed(world, invocation) } else { fail(world, invocation) }
    });
    assert_eq!((attempts, world.account(&dev()).unwrap().lambda.undelivered().len()), (2, 0));
}

#[test]
fn an_event_without_a_destination_is_noted_when_it_is_given_up() {
    let mut world = stage();
    let config = json!({"FunctionName": "f", "MaximumRetryAttempts": 0});
    call(&mut world, Service::Lambda, "PutFunctionEventInvokeConfig", config);
    invoke_event(&mut world);
    story(&mut world, fail);
    let lost = world.account(&dev()).unwrap().lambda.undelivered();
    assert_eq!(lost[0].because, "RetriesExhausted, and it has no destination");
}

#[test]
fn an_event_too_old_for_another_attempt_is_given_up() {
    let mut world = stage();
    let config = json!({"FunctionName": "f", "MaximumEventAgeInSeconds": 60});
    call(&mut world, Service::Lambda, "PutFunctionEventInvokeConfig", config);
    invoke_event(&mut world);
    assert_eq!(story(&mut world, fail).lines().count(), 2);
    let lost = world.account(&dev()).unwrap().lambda.undelivered();
    assert_eq!(lost[0].because, "EventAgeExceeded, and it has no destination");
}

#[test]
fn eventbridge_needs_the_functions_permission() {
    let mut world = stage();
    let service = Caller::service(&dev(), "events.amazonaws.com");
    let function = "arn:aws:lambda:eu-west-1:111111111111:function:f";
    let rule = "arn:aws:events:eu-west-1:111111111111:rule/r";
    let invoke = |world: &mut World| {
        lambda::invoke_asynchronously_for(world, &service, function, "{}".into(), Some(rule))
    };
    assert_eq!(invoke(&mut world).unwrap_err().code, "AccessDeniedException");
    let permission = json!({"FunctionName": "f", "StatementId": "rule", "Action": "lambda:InvokeFunction", "Principal": "events.amazonaws.com", "SourceArn": rule});
    call(&mut world, Service::Lambda, "AddPermission", permission);
    invoke(&mut world).unwrap();
    assert_eq!(taken(&mut world).len(), 1);
    call(
        &mut world,
        Service::Lambda,
        "RemovePermission",
        json!({"FunctionName": "f", "StatementId": "rule"}),
    );
    assert_eq!(invoke(&mut world).unwrap_err().code, "AccessDeniedException");
}

#[test]
fn a_request_is_answered_once() {
    let mut world = stage();
    let begun = call(&mut world, Service::Lambda, "Invoke", json!({"FunctionName": "f", "Payload": "[1]"}));
    let request_id = begun["RequestId"].as_str().unwrap();
    assert_eq!(take_answer(&mut world, &dev(), request_id), None);
    finished(&mut world, request_id, Ended::Answer("2".into()));
    finished(&mut world, request_id, Ended::Answer("3".into()));
    assert_eq!(take_answer(&mut world, &dev(), request_id), Some(Ended::Answer("2".into())));
    assert_eq!(take_answer(&mut world, &dev(), request_id), None);
}

#[test]
fn what_lambda_refuses_is_refused() {
    let mut world = stage();
    let refusals: Vec<String> = [
        ("Invoke", json!({"FunctionName": "none"})),
        ("Invoke", json!({"FunctionName": "f:1"})),
        ("Invoke", json!({"FunctionName": "f", "Payload": "no json"})),
        ("Invoke", json!({"FunctionName": "f", "InvocationType": "Later"})),
        ("Invoke", json!({"FunctionName": "f", "ClientContext": "e30="})),
        ("CreateFunction", json!({"FunctionName": "g"})),
        ("GetPolicy", json!({"FunctionName": "f"})),
        ("GetEventSourceMapping", json!({"UUID": "none"})),
    ]
    .into_iter()
    .map(|(operation, input)| refused(&mut world, operation, input).to_string())
    .collect();
    expect_test::expect![[r#"
        [
            "ResourceNotFoundException: Function not found: arn:aws:lambda:eu-west-1:111111111111:function:none",
            "ResourceNotFoundException: Function not found: f:1",
            "InvalidRequestContentException: Could not parse request body into json: expected ident at line 1 column 2",
            "InvalidParameterValueException: the invocation type `Later` is invalid: expected Event, RequestResponse or DryRun",
            "NotInLocalAws: the local accounts do not know this of lambda Invoke: unknown field `ClientContext`, expected one of `FunctionName`, `Qualifier`, `InvocationType`, `LogType`, `Payload`; AWS may",
            "NotInLocalAws: the local accounts do not know the operation lambda CreateFunction; AWS may",
            "ResourceNotFoundException: The resource you requested does not exist.",
            "ResourceNotFoundException: The resource you requested does not exist.",
        ]
    "#]].assert_debug_eq(&refusals);
}

#[test]
fn after_a_restart_events_begin_again_and_batches_come_back() {
    let mut world = stage();
    map(&mut world, &json!({}));
    send(&mut world, "a");
    invoke_event(&mut world);
    let saved = world.save().unwrap();
    let mut world = self::world();
    world.load(&saved).unwrap();
    lambda::resume(&mut world);
    expect_test::expect![[r#"
        0s {"n":1}
        30s a
    "#]]
    .assert_eq(&story(&mut world, succeed));
}

#[test]
fn timers_of_deleted_mappings_are_taken_back() {
    let mut world = stage();
    let uuid = map(&mut world, &json!({"BatchSize": 10, "MaximumBatchingWindowInSeconds": 300}));
    send(&mut world, "a");
    call(&mut world, Service::Lambda, "DeleteEventSourceMapping", json!({"UUID": uuid}));
    super::due(&mut world, &dev(), Timer::Window(uuid));
    while world.step() {}
    assert_eq!(taken(&mut world), []);
    assert_eq!(received(&mut world, "q"), ["a"]);
}
