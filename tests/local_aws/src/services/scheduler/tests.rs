use crate::caller::Caller;
use crate::names::AccountId;
use crate::services::Service;
use crate::services::testing::{DEV, call, role, world};
use crate::world::World;
use serde_json::{Value, json};

fn schedule(role_arn: &str, target_arn: &str) -> Value {
    json!({
        "Name": "sweep",
        "ScheduleExpression": "rate(5 minutes)",
        "FlexibleTimeWindow": {"Mode": "OFF"},
        "Target": {"Arn": target_arn, "RoleArn": role_arn, "Input": "{\"at\":\"<aws.scheduler.scheduled-time>\"}"},
    })
}

fn bodies(world: &mut World, queue: &str) -> Vec<String> {
    let url = format!("https://sqs.eu-west-1.amazonaws.com/{DEV}/{queue}");
    let answer =
        call(world, Service::Sqs, "ReceiveMessage", json!({"QueueUrl": url, "MaxNumberOfMessages": 10}));
    let messages = answer["Messages"].as_array().cloned().unwrap_or_default();
    messages.iter().map(|message| message["Body"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_rate_fires_at_once_and_then_in_its_interval() {
    let mut world = world();
    let role = role(&mut world, DEV, "sweep", "scheduler.amazonaws.com", &["sqs:SendMessage"]);
    call(&mut world, Service::Sqs, "CreateQueue", json!({"QueueName": "q"}));
    let queue = "arn:aws:sqs:eu-west-1:111111111111:q";
    call(&mut world, Service::Scheduler, "CreateSchedule", schedule(&role, queue));
    for _ in 0..3 {
        world.step();
    }
    expect_test::expect![[r#"
        [
            "{\"at\":\"2026-11-21T09:15:00Z\"}",
            "{\"at\":\"2026-11-21T09:20:00Z\"}",
            "{\"at\":\"2026-11-21T09:25:00Z\"}",
        ]
    "#]]
    .assert_debug_eq(&bodies(&mut world, "q"));
    call(&mut world, Service::Scheduler, "DeleteSchedule", json!({"Name": "sweep"}));
    while world.step() {}
    assert_eq!(bodies(&mut world, "q").len(), 3, "the same three, visible again");
}

#[test]
fn a_role_without_the_right_loses_the_firing_and_it_is_noted() {
    let mut world = world();
    let role = role(&mut world, DEV, "sweep", "scheduler.amazonaws.com", &["sqs:Nothing"]);
    call(&mut world, Service::Sqs, "CreateQueue", json!({"QueueName": "q"}));
    let queue = "arn:aws:sqs:eu-west-1:111111111111:q";
    call(&mut world, Service::Scheduler, "CreateSchedule", schedule(&role, queue));
    world.step();
    assert_eq!(bodies(&mut world, "q"), Vec::<String>::new());
    let account: AccountId = DEV.parse().unwrap();
    let lost = world.account(&account).unwrap().scheduler.undelivered();
    assert_eq!(lost.len(), 1);
    assert!(lost[0].because.starts_with("AccessDeniedException: "), "{}", lost[0].because);
}

#[test]
fn what_is_not_there_is_refused_by_name() {
    let mut world = world();
    let role = role(&mut world, DEV, "sweep", "lambda.amazonaws.com", &["sqs:SendMessage"]);
    let caller = Caller::administrator(&DEV.parse().unwrap());
    let mut refused = |member: &str, value: Value| {
        let mut input = schedule(&role, "arn:aws:sqs:eu-west-1:111111111111:q");
        input[member] = value;
        world.call(&caller, Service::Scheduler, "CreateSchedule", input).unwrap_err().to_string()
    };
    let refusals = [
        refused("ScheduleExpression", json!("cron(0 1 * * ? *)")),
        refused("ScheduleExpression", json!("rate(0 minutes)")),
        refused("FlexibleTimeWindow", json!({"Mode": "FLEXIBLE"})),
        refused("StartDate", json!(0)),
        refused("GroupName", json!("mine")),
        refused("State", json!("ENABLED")),
    ];
    expect_test::expect![[r#"
        [
            "NotInLocalAws: the local accounts do not know the scheduler expression cron(0 1 * * ? *); AWS may",
            "ValidationException: Parameter ScheduleExpression is not valid: rate(0 minutes)",
            "NotInLocalAws: the local accounts do not know the FlexibleTimeWindow mode FLEXIBLE; AWS may",
            "NotInLocalAws: the local accounts do not know this of scheduler CreateSchedule: unknown field `StartDate`, expected one of `Name`, `GroupName`, `ScheduleExpression`, `ScheduleExpressionTimezone`, `Description`, `State`, `FlexibleTimeWindow`, `Target`, `ClientToken`, `ActionAfterCompletion`; AWS may",
            "NotInLocalAws: the local accounts do not know the schedule group mine: only `default`; AWS may",
            "ValidationException: The execution role you provide must allow AWS EventBridge Scheduler to assume the role.",
        ]
    "#]]
    .assert_debug_eq(&refusals);
}
