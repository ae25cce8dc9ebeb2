use super::{ServiceEvent, emit};
use crate::caller::Caller;
use crate::error::AwsError;
use crate::faults::{EventFault, EventFaultKind};
use crate::names::AccountId;
use crate::services::Service;
use crate::services::testing::{DEV, STG, call, call_in, role, world};
use crate::world::World;
use serde_json::{Value, json};

const QUEUE: &str = "arn:aws:sqs:eu-west-1:111111111111:q";

/// A queue that EventBridge may fill.
fn queue(world: &mut World, account: &str, name: &str) -> String {
    let arn = format!("arn:aws:sqs:eu-west-1:{account}:{name}");
    let policy = json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sqs:SendMessage", "Resource": arn,
        "Condition": {"ArnLike": {"aws:SourceArn": format!("arn:aws:events:eu-west-1:{account}:rule/*")}},
    }]});
    let attributes = json!({"Policy": policy.to_string()});
    call_in(
        world,
        account,
        Service::Sqs,
        "CreateQueue",
        json!({"QueueName": name, "Attributes": attributes}),
    );
    arn
}

fn rule(world: &mut World, account: &str, bus: &str, pattern: &Value, target: &Value) {
    let rule = json!({"Name": "r", "EventBusName": bus, "EventPattern": pattern.to_string()});
    call_in(world, account, Service::Events, "PutRule", rule);
    let targets = json!({"Rule": "r", "EventBusName": bus, "Targets": [target]});
    call_in(world, account, Service::Events, "PutTargets", targets);
}

fn push(tag: &str) -> ServiceEvent {
    ServiceEvent {
        source: "aws.ecr".to_owned(),
        detail_type: "ECR Image Action".to_owned(),
        resources: Vec::new(),
        detail: json!({"action-type": "PUSH", "image-tag": tag}),
    }
}

fn emit_in_dev(world: &mut World, tag: &str) {
    emit(world, &DEV.parse().unwrap(), push(tag));
}

fn run(world: &mut World) {
    while world.step() {}
}

/// Every message of a queue, whole.
fn messages(world: &mut World, account: &str, name: &str) -> Vec<Value> {
    let input = json!({
        "QueueUrl": format!("https://sqs.eu-west-1.amazonaws.com/{account}/{name}"),
        "MaxNumberOfMessages": 10, "MessageAttributeNames": ["All"],
    });
    let answer = call_in(world, account, Service::Sqs, "ReceiveMessage", input);
    answer["Messages"].as_array().cloned().unwrap_or_default()
}

fn tags(world: &mut World, account: &str, name: &str) -> Vec<String> {
    let tag = |message: &Value| {
        let event: Value = serde_json::from_str(message["Body"].as_str().unwrap()).unwrap();
        event["detail"]["image-tag"].as_str().unwrap().to_owned()
    };
    messages(world, account, name).iter().map(tag).collect()
}

fn refused(world: &mut World, operation: &str, input: Value) -> AwsError {
    let caller = Caller::administrator(&DEV.parse().unwrap());
    world.call(&caller, Service::Events, operation, input).unwrap_err()
}

fn lost(world: &World, account: &str) -> Vec<String> {
    let account: AccountId = account.parse().unwrap();
    let lost = world.account(&account).unwrap().events.undelivered();
    lost.iter()
        .map(|lost| format!("{} {}: {}", lost.target_arn, lost.error_code, lost.error_message))
        .collect()
}

#[test]
fn an_event_without_a_rule_goes_nowhere() {
    let mut world = world();
    queue(&mut world, DEV, "q");
    emit_in_dev(&mut world, "v1");
    run(&mut world);
    assert_eq!(tags(&mut world, DEV, "q"), Vec::<String>::new());
    assert_eq!(lost(&world, DEV), Vec::<String>::new());
}

#[test]
fn what_matches_reaches_the_queue_as_aws_writes_it() {
    let mut world = world();
    queue(&mut world, DEV, "q");
    let pattern = json!({"source": ["aws.ecr"], "detail": {"image-tag": [{"anything-but": [""]}]}});
    rule(&mut world, DEV, "default", &pattern, &json!({"Id": "q", "Arn": QUEUE}));
    emit_in_dev(&mut world, "");
    emit_in_dev(&mut world, "v1");
    assert!(world.step());
    run(&mut world);
    let messages = messages(&mut world, DEV, "q");
    assert_eq!(messages.len(), 1);
    let event: Value = serde_json::from_str(messages[0]["Body"].as_str().unwrap()).unwrap();
    expect_test::expect![[r#"
        {
          "account": "111111111111",
          "detail": {
            "action-type": "PUSH",
            "image-tag": "v1"
          },
          "detail-type": "ECR Image Action",
          "id": "f893a2ee-fb32-455e-b1c1-8690ee42c90b",
          "region": "eu-west-1",
          "resources": [],
          "source": "aws.ecr",
          "time": "2026-11-21T09:15:00Z",
          "version": "0"
        }"#]]
    .assert_eq(&serde_json::to_string_pretty(&event).unwrap());
}

#[test]
fn a_disabled_rule_matches_nothing() {
    let mut world = world();
    queue(&mut world, DEV, "q");
    rule(&mut world, DEV, "default", &json!({"source": ["aws.ecr"]}), &json!({"Id": "q", "Arn": QUEUE}));
    call(&mut world, Service::Events, "DisableRule", json!({"Name": "r"}));
    emit_in_dev(&mut world, "v1");
    run(&mut world);
    assert_eq!(tags(&mut world, DEV, "q"), Vec::<String>::new());
}

#[test]
fn events_are_dropped_doubled_and_delayed_as_told() {
    let mut world = world();
    queue(&mut world, DEV, "q");
    rule(&mut world, DEV, "default", &json!({"source": ["aws.ecr"]}), &json!({"Id": "q", "Arn": QUEUE}));
    for what in [EventFaultKind::Drop, EventFaultKind::Duplicate, EventFaultKind::Delay(10.0)] {
        world.faults.add_event_fault(EventFault { source: Some("aws.ecr".into()), skip: 0, times: 1, what });
    }
    for tag in ["dropped", "doubled", "late", "usual"] {
        emit_in_dev(&mut world, tag);
    }
    run(&mut world);
    assert_eq!(tags(&mut world, DEV, "q"), ["doubled", "doubled", "usual", "late"]);
}

#[test]
fn a_target_that_refuses_sends_the_event_to_its_dead_letter_queue() {
    let mut world = world();
    queue(&mut world, DEV, "dead");
    call(&mut world, Service::Sqs, "CreateQueue", json!({"QueueName": "q"}));
    let target = json!({"Id": "q", "Arn": QUEUE, "DeadLetterConfig": {"Arn": "arn:aws:sqs:eu-west-1:111111111111:dead"}});
    rule(&mut world, DEV, "default", &json!({"source": ["aws.ecr"]}), &target);
    emit_in_dev(&mut world, "v1");
    run(&mut world);
    let messages = messages(&mut world, DEV, "dead");
    let attributes = messages[0]["MessageAttributes"].as_object().unwrap();
    let shown: Vec<String> = attributes
        .iter()
        .map(|(name, value)| format!("{name} = {}", value["StringValue"].as_str().unwrap()))
        .collect();
    expect_test::expect![[r#"
        [
            "ERROR_CODE = NO_PERMISSIONS",
            "ERROR_MESSAGE = User: events.amazonaws.com is not authorized to perform: sqs:SendMessage on resource: arn:aws:sqs:eu-west-1:111111111111:q because no resource-based policy allows the sqs:SendMessage action",
            "RETRY_ATTEMPTS = 0",
            "RULE_ARN = arn:aws:events:eu-west-1:111111111111:rule/r",
            "TARGET_ARN = arn:aws:sqs:eu-west-1:111111111111:q",
        ]
    "#]].assert_debug_eq(&shown);
}

#[test]
fn without_a_dead_letter_queue_the_loss_is_noted() {
    let mut world = world();
    rule(&mut world, DEV, "default", &json!({"source": ["aws.ecr"]}), &json!({"Id": "q", "Arn": QUEUE}));
    emit_in_dev(&mut world, "v1");
    run(&mut world);
    expect_test::expect![[r#"
        [
            "arn:aws:sqs:eu-west-1:111111111111:q NO_RESOURCE: The specified queue does not exist.",
        ]
    "#]]
    .assert_debug_eq(&lost(&world, DEV));
}

/// Dev's rule forwards to stg's bus `towpath`, where a rule fills stg's queue.
fn forwarding(policy: bool) -> World {
    let mut world = world();
    queue(&mut world, STG, "q");
    call_in(&mut world, STG, Service::Events, "CreateEventBus", json!({"Name": "towpath"}));
    if policy {
        let permission = json!({"EventBusName": "towpath", "StatementId": "dev", "Principal": DEV, "Action": "events:PutEvents"});
        call_in(&mut world, STG, Service::Events, "PutPermission", permission);
    }
    let target = json!({"Id": "q", "Arn": "arn:aws:sqs:eu-west-1:222222222222:q"});
    rule(&mut world, STG, "towpath", &json!({"source": ["aws.ecr"]}), &target);
    let role = role(&mut world, DEV, "forward", "events.amazonaws.com", &["events:PutEvents"]);
    let bus = "arn:aws:events:eu-west-1:222222222222:event-bus/towpath";
    let target = json!({"Id": "next", "Arn": bus, "RoleArn": role});
    rule(&mut world, DEV, "default", &json!({"source": ["aws.ecr"]}), &target);
    world
}

#[test]
fn an_event_is_forwarded_to_another_accounts_bus_that_admits_it() {
    let mut world = forwarding(true);
    emit_in_dev(&mut world, "v1");
    run(&mut world);
    let messages = messages(&mut world, STG, "q");
    let event: Value = serde_json::from_str(messages[0]["Body"].as_str().unwrap()).unwrap();
    assert_eq!(event["account"], DEV, "it stays its account's event");
    assert_eq!(lost(&world, DEV), Vec::<String>::new());
}

#[test]
fn a_bus_without_the_permission_takes_nothing_from_another_account() {
    let mut world = forwarding(false);
    emit_in_dev(&mut world, "v1");
    run(&mut world);
    assert_eq!(messages(&mut world, STG, "q"), Vec::<Value>::new());
    expect_test::expect![[r#"
        [
            "arn:aws:events:eu-west-1:222222222222:event-bus/towpath NO_PERMISSIONS: User: arn:aws:sts::111111111111:assumed-role/forward/events is not authorized to perform: events:PutEvents on resource: arn:aws:events:eu-west-1:222222222222:event-bus/towpath because no resource-based policy allows the events:PutEvents action",
        ]
    "#]].assert_debug_eq(&lost(&world, DEV));
}

#[test]
fn a_forwarded_event_goes_no_further() {
    let mut world = forwarding(true);
    let role = role(&mut world, STG, "forward", "events.amazonaws.com", &["events:PutEvents"]);
    let target =
        json!({"Id": "q", "Arn": "arn:aws:events:eu-west-1:222222222222:event-bus/default", "RoleArn": role});
    rule(&mut world, STG, "towpath", &json!({"source": ["aws.ecr"]}), &target);
    emit_in_dev(&mut world, "v1");
    run(&mut world);
    expect_test::expect![[r#"
        [
            "arn:aws:events:eu-west-1:222222222222:event-bus/default THIRD_ACCOUNT_HOP_DETECTED: an event that was forwarded once is not forwarded again",
        ]
    "#]].assert_debug_eq(&lost(&world, STG));
}

#[test]
fn a_scheduled_rule_fires_in_its_interval() {
    let mut world = world();
    queue(&mut world, DEV, "q");
    call(
        &mut world,
        Service::Events,
        "PutRule",
        json!({"Name": "r", "ScheduleExpression": "rate(1 minute)"}),
    );
    let targets = json!({"Rule": "r", "Targets": [{"Id": "q", "Arn": QUEUE, "InputPath": "$.time"}]});
    call(&mut world, Service::Events, "PutTargets", targets);
    world.step();
    world.step();
    let bodies: Vec<Value> =
        messages(&mut world, DEV, "q").iter().map(|message| message["Body"].clone()).collect();
    assert_eq!(bodies, ["\"2026-11-21T09:16:00Z\"", "\"2026-11-21T09:17:00Z\""]);
}

#[test]
fn custom_events_are_taken_one_by_one() {
    let mut world = world();
    let good = json!({"Source": "towpath", "DetailType": "Verified", "Detail": "{}"});
    let entries = [
        good.clone(),
        json!({"Source": "aws.ecr", "DetailType": "x", "Detail": "{}"}),
        json!({"Source": "towpath", "DetailType": "x", "Detail": "[]"}),
        json!({"Source": "towpath", "Detail": "{}"}),
    ];
    let answer = call(&mut world, Service::Events, "PutEvents", json!({"Entries": entries}));
    expect_test::expect![[r#"
        {
          "Entries": [
            {
              "EventId": "910a2dec-8902-4cc1-beeb-8da1658eec67"
            },
            {
              "ErrorCode": "NotAuthorizedForSourceException",
              "ErrorMessage": "Not authorized for the source."
            },
            {
              "ErrorCode": "MalformedDetail",
              "ErrorMessage": "Detail is malformed."
            },
            {
              "ErrorCode": "InvalidArgument",
              "ErrorMessage": "Parameter DetailType is not valid. Reason: DetailType is a required argument."
            }
          ],
          "FailedEntryCount": 3
        }"#]]
    .assert_eq(&serde_json::to_string_pretty(&answer).unwrap());
    let stg = json!({"Entries": [{"EventBusName": "arn:aws:events:eu-west-1:222222222222:event-bus/default", "Source": "towpath", "DetailType": "x", "Detail": "{}"}]});
    assert_eq!(refused(&mut world, "PutEvents", stg).code, "AccessDeniedException");
}

#[test]
fn patterns_match_as_eventbridge_matches() {
    let mut world = world();
    let event = json!({
        "id": "1", "account": DEV, "source": "aws.ecr", "time": "2026-11-21T09:15:00Z", "region": "eu-west-1",
        "resources": ["arn:a", "arn:b"], "detail-type": "ECR Image Action",
        "detail": {"tag": "v1.2", "empty": "", "count": 5, "quoted": "a \"b\" ü", "none": null, "deep": {"er": true}},
    });
    let cases = [
        (json!({"source": ["aws.ecr", "aws.ecs"]}), true),
        (json!({"source": ["aws.ecs"]}), false),
        (json!({"resources": ["arn:b"]}), true),
        (json!({"detail": {"tag": [{"prefix": "v1"}]}}), true),
        (json!({"detail": {"tag": [{"suffix": ".2"}]}}), true),
        (json!({"detail": {"tag": [{"wildcard": "v*.*"}]}}), true),
        (json!({"detail": {"tag": [{"wildcard": "w*"}]}}), false),
        (json!({"detail": {"tag": [{"equals-ignore-case": "V1.2"}]}}), true),
        (json!({"detail": {"tag": [{"anything-but": ["v1", "v2"]}]}}), true),
        (json!({"detail": {"tag": [{"anything-but": "v1.2"}]}}), false),
        (json!({"detail": {"empty": [{"anything-but": [""]}]}}), false),
        (json!({"detail": {"missing": [{"anything-but": [""]}]}}), false),
        (json!({"detail": {"empty": [{"exists": true}]}}), true),
        (json!({"detail": {"missing": [{"exists": false}]}}), true),
        (json!({"detail": {"tag": [{"exists": false}]}}), false),
        (json!({"detail": {"count": [{"numeric": [">", 4, "<=", 5]}]}}), true),
        (json!({"detail": {"count": [{"numeric": ["=", 6]}]}}), false),
        (json!({"detail": {"count": [5.0]}}), true),
        (json!({"detail": {"count": ["5"]}}), false),
        (json!({"detail": {"quoted": ["a \"b\" ü"]}}), true),
        (json!({"detail": {"none": [null]}}), true),
        (json!({"detail": {"deep": {"er": [true]}}}), true),
        (json!({"$or": [{"source": ["x"]}, {"detail": {"count": [5]}}], "detail": {"tag": ["v1.2"]}}), true),
        (json!({"$or": [{"source": ["x"]}, {"detail": {"count": [5]}}], "detail": {"tag": ["no"]}}), false),
        (json!({"detail": {"$or": [{"count": [1]}, {"tag": ["v1.2"]}]}}), true),
    ];
    for (pattern, expected) in cases {
        let input = json!({"EventPattern": pattern.to_string(), "Event": event.to_string()});
        let answer = call(&mut world, Service::Events, "TestEventPattern", input);
        assert_eq!(answer["Result"], expected, "{pattern}");
    }
}

#[test]
fn patterns_that_eventbridge_refuses_are_refused() {
    let mut world = world();
    let patterns = [
        "",
        "[]",
        "{}",
        r#"{"source":"aws.ecr"}"#,
        r#"{"source":[]}"#,
        r#"{"source":[["a"]]}"#,
        r#"{"source":[{"regexp":"a"}]}"#,
        r#"{"source":[{"prefix":1}]}"#,
        r#"{"source":[{"prefix":"a","suffix":"b"}]}"#,
        r#"{"source":[{"numeric":["<"]}]}"#,
        r#"{"source":[{"wildcard":"a**"}]}"#,
        r#"{"source":[{"exists":"yes"}]}"#,
        r#"{"$or":[{"source":["a"]}]}"#,
        r#"{"source":["a"],"$or":[{"source":["b"]},{"id":["c"]}]}"#,
        r#"{"source":[{"anything-but":{"prefix":"a"}}]}"#,
    ];
    let refusals: Vec<String> = patterns
        .iter()
        .map(|pattern| {
            refused(&mut world, "PutRule", json!({"Name": "r", "EventPattern": pattern})).to_string()
        })
        .collect();
    expect_test::expect![[r#"
        [
            "InvalidEventPatternException: Event pattern is not valid. Reason: it is not JSON: EOF while parsing a value at line 1 column 0",
            "InvalidEventPatternException: Event pattern is not valid. Reason: it is not an object",
            "InvalidEventPatternException: Event pattern is not valid. Reason: it is empty",
            "InvalidEventPatternException: Event pattern is not valid. Reason: \"source\" must be an object or an array",
            "InvalidEventPatternException: Event pattern is not valid. Reason: \"source\" is an empty array",
            "InvalidEventPatternException: Event pattern is not valid. Reason: \"source\" has an array in its array",
            "InvalidEventPatternException: Event pattern is not valid. Reason: Unrecognized match type regexp",
            "InvalidEventPatternException: Event pattern is not valid. Reason: invalid pattern: prefix value must be a string",
            "InvalidEventPatternException: Event pattern is not valid. Reason: a match expression of \"source\" must have one member",
            "InvalidEventPatternException: Event pattern is not valid. Reason: invalid pattern: invalid numeric comparison format",
            "InvalidEventPatternException: Event pattern is not valid. Reason: consecutive wildcard characters in \"source\"",
            "InvalidEventPatternException: Event pattern is not valid. Reason: invalid pattern: exists value must be a boolean",
            "InvalidEventPatternException: Event pattern is not valid. Reason: $or must have at least two alternatives",
            "InvalidEventPatternException: Event pattern is not valid. Reason: \"source\" is given both within $or and beside it",
            "NotInLocalAws: the local accounts do not know the event pattern operator anything-but with another operator inside, in \"source\"; AWS may",
        ]
    "#]].assert_debug_eq(&refusals);
}

#[test]
fn what_is_not_allowed_or_not_there_is_refused() {
    let mut world = world();
    rule(&mut world, DEV, "default", &json!({"source": ["aws.ecr"]}), &json!({"Id": "q", "Arn": QUEUE}));
    let target = |target: Value| json!({"Rule": "r", "Targets": [target]});
    let six: Vec<Value> = (0..6).map(|id| json!({"Id": id.to_string(), "Arn": QUEUE})).collect();
    let refusals = [
        ("PutRule", json!({"Name": "a b", "EventPattern": "{}"})),
        ("PutRule", json!({"Name": "r"})),
        ("PutRule", json!({"Name": "r", "ScheduleExpression": "rate(1 minutes)"})),
        ("PutRule", json!({"Name": "r", "ScheduleExpression": "cron(0 1 * * ? *)"})),
        ("PutRule", json!({"Name": "r", "EventBusName": "none", "EventPattern": "{\"source\":[\"a\"]}"})),
        ("DeleteRule", json!({"Name": "r"})),
        ("PutTargets", target(json!({"Id": "t", "Arn": "arn:aws:kinesis:eu-west-1:111111111111:stream/t"}))),
        (
            "PutTargets",
            target(json!({"Id": "t", "Arn": "arn:aws:events:eu-west-1:222222222222:event-bus/b"})),
        ),
        ("PutTargets", target(json!({"Id": "t", "Arn": QUEUE, "InputTransformer": {"InputTemplate": "{}"}}))),
        ("PutTargets", target(json!({"Id": "t", "Arn": "q"}))),
        ("PutTargets", json!({"Rule": "r", "Targets": six})),
        ("PutTargets", json!({"Rule": "none", "Targets": [{"Id": "q", "Arn": QUEUE}]})),
        ("CreateEventBus", json!({"Name": "default"})),
        ("DeleteEventBus", json!({"Name": "default"})),
        ("PutEvents", json!({"Entries": []})),
    ];
    let texts: Vec<String> = refusals
        .into_iter()
        .map(|(operation, input)| refused(&mut world, operation, input).to_string())
        .collect();
    expect_test::expect![[r#"
        [
            "ValidationException: the rule name `a b` is invalid: expected 1 to 64 letters, digits, dots, hyphens and underscores",
            "ValidationException: Parameter(s) EventPattern or ScheduleExpression must be specified.",
            "ValidationException: Parameter ScheduleExpression is not valid: rate(1 minutes)",
            "NotInLocalAws: the local accounts do not know the events expression cron(0 1 * * ? *); AWS may",
            "ResourceNotFoundException: Event bus none does not exist.",
            "ValidationException: Rule can't be deleted since it has targets.",
            "NotInLocalAws: the local accounts do not know rule targets of kinesis, such as arn:aws:kinesis:eu-west-1:111111111111:stream/t; AWS may",
            "ValidationException: RoleArn is required for target arn:aws:events:eu-west-1:222222222222:event-bus/b.",
            "NotInLocalAws: the local accounts do not know this of events PutTargets: unknown field `InputTransformer`, expected one of `Id`, `Arn`, `RoleArn`, `Input`, `InputPath`, `DeadLetterConfig`, `RetryPolicy`; AWS may",
            "ValidationException: Parameter q is not valid. Reason: Provided Arn is not in correct format.",
            "LimitExceededException: The requested resource exceeds the maximum number allowed.",
            "ResourceNotFoundException: Rule none does not exist on EventBus default.",
            "ResourceAlreadyExistsException: Event bus default already exists.",
            "ValidationException: Cannot delete event bus default.",
            "ValidationException: 0 entries are too few or too many: expected 1 to 10",
        ]
    "#]].assert_debug_eq(&texts);
}
