//! Every event of an account, kept to be sent again.

use crate::environment::Environment;
use crate::{Failure, REGION};
use serde_json::{Value, json};

const QUEUE: &str = "demo-events";
/// The functions that events wake.
const FUNCTIONS: [&str; 4] = ["on_image_push", "promote_image", "on_commit", "on_deployment_change"];

/// From now on, every event of the account is kept: its own, and those that upstream forwards.
pub(crate) fn keep(environment: &Environment) -> Result<(), Failure> {
    let account = &environment.account;
    let arn = format!("arn:aws:sqs:{REGION}:{account}:{QUEUE}");
    let policy = json!({ "Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": { "Service": "events.amazonaws.com" }, "Action": "sqs:SendMessage",
        "Resource": arn, "Condition": { "ArnLike": { "aws:SourceArn": format!("arn:aws:events:{REGION}:{account}:rule/*") } },
    }] });
    let made = json!({ "QueueName": QUEUE, "Attributes": { "Policy": policy.to_string() } });
    environment.aws.call("sqs", "CreateQueue", &made)?;
    for bus in ["default", "towpath"] {
        let pattern = json!({ "source": [{ "exists": true }] }).to_string();
        let rule = json!({ "Name": "demo-events", "EventBusName": bus, "EventPattern": pattern });
        environment.aws.call("events", "PutRule", &rule)?;
        let targets = json!([{ "Id": "demo-events", "Arn": arn }]);
        let put = json!({ "Rule": "demo-events", "EventBusName": bus, "Targets": targets });
        environment.aws.call("events", "PutTargets", &put)?;
    }
    Ok(())
}

/// Sends every event that was kept once more, the newest first, and asks for a sweep. Gives the number of events.
pub(crate) fn replay(environment: &Environment) -> Result<usize, Failure> {
    let mut events: Vec<(&str, String)> = Vec::new();
    loop {
        let asked = json!({ "QueueUrl": environment.queue(QUEUE), "MaxNumberOfMessages": 10 });
        let answer = environment.aws.call("sqs", "ReceiveMessage", &asked)?;
        let messages = answer.get("Messages").and_then(Value::as_array).cloned().unwrap_or_default();
        if messages.is_empty() {
            break;
        }
        let bodies = messages.iter().filter_map(|message| message.get("Body")?.as_str());
        events.extend(bodies.filter_map(|body| Some((woken_by(environment, body)?, body.to_owned()))));
    }
    for (function, body) in events.iter().rev() {
        send(environment, function, body)?;
    }
    send(environment, "reconcile", r#"{"towpath":"sweep","version":1}"#)?;
    Ok(events.len())
}

/// The function that an event wakes, by the rules of `template.yaml`.
fn woken_by(environment: &Environment, body: &str) -> Option<&'static str> {
    let event: Value = serde_json::from_str(body).ok()?;
    let is_own = event.get("account")?.as_str()? == environment.account;
    let is_deployment = event.pointer("/detail/repositoryName").is_some_and(|name| name == "deployment");
    match (event.get("source")?.as_str()?, is_own, is_deployment) {
        ("aws.ecr" | "towpath", false, _) | ("aws.codecommit", true, false) => Some("promote_image"),
        ("aws.ecr", true, _) => Some("on_image_push"),
        ("aws.codecommit", true, true) => Some("on_commit"),
        ("aws.ecs" | "aws.codepipeline", true, _) => Some("on_deployment_change"),
        _ => None,
    }
}

fn send(environment: &Environment, function: &str, body: &str) -> Result<(), Failure> {
    let queue = environment.queue(&format!("towpath-{function}"));
    environment.aws.call("sqs", "SendMessage", &json!({ "QueueUrl": queue, "MessageBody": body }))?;
    Ok(())
}

/// How many messages the functions still have to answer.
pub(crate) fn unanswered(environment: &Environment) -> Result<u64, Failure> {
    let is_first = environment.name == "dev";
    let functions = FUNCTIONS.into_iter().filter(|function| !is_first || *function != "promote_image");
    functions.chain(["reconcile"]).map(|function| environment.waiting(function)).sum()
}
