//! One account of a story: its owner's clients, and what was told of it.

use crate::happened::Seen;
use crate::install::Place;
use crate::story::Failure;
use client::aws::Aws;
use client::git::Git;
use client::registry::Registry;
use serde_json::{Value, json};

/// Where every event of the account's own is kept.
const EVENTS_QUEUE: &str = "story-events";
/// Where every event is kept that upstream forwarded.
const UPSTREAM_EVENTS_QUEUE: &str = "story-upstream-events";
/// The bus for upstream's events.
const UPSTREAM_BUS: &str = "towpath";

/// An account with a deployment repository and, once it is installed, Towpath.
#[derive(Debug)]
pub(crate) struct Account {
    pub(crate) place: Place,
    pub(crate) is_installed: bool,
    pub(crate) aws: Aws,
    pub(crate) registry: Registry,
    pub(crate) git: Git,
    pub(crate) seen: Seen,
    endpoint: String,
    events: Vec<(&'static str, String)>,
}

impl Account {
    pub(crate) fn new(endpoint: &str, place: &Place) -> Result<Self, Failure> {
        let aws = Aws::local(endpoint, &place.id);
        let account = Self {
            place: place.clone(),
            is_installed: false,
            registry: Registry::login(&aws)?,
            git: Git::clone(endpoint, &place.id, "deployment")?,
            seen: Seen::default(),
            endpoint: endpoint.to_owned(),
            events: Vec::new(),
            aws,
        };
        account.keep_events("default", EVENTS_QUEUE, &json!({ "source": [{ "prefix": "aws." }] }))?;
        account.aws.call("ecs", "CreateCluster", &json!({ "clusterName": "cluster1" }))?;
        Ok(account)
    }

    /// Towpath is here now, and with it, where there is an upstream, the bus for what that tells.
    pub(crate) fn is_installed_now(&mut self) -> Result<(), Failure> {
        self.is_installed = true;
        if self.has_upstream() {
            let any = json!({ "source": [{ "exists": true }] });
            self.keep_events(UPSTREAM_BUS, UPSTREAM_EVENTS_QUEUE, &any)?;
        }
        Ok(())
    }

    pub(crate) fn has_upstream(&self) -> bool {
        self.place.upstream.is_some()
    }

    /// A rule of the story's own keeps every event, to send it again.
    fn keep_events(&self, bus: &str, queue: &str, pattern: &Value) -> Result<(), Failure> {
        let of_bus = if bus == "default" { String::new() } else { format!("{bus}/") };
        let rule = format!("arn:aws:events:eu-west-1:{}:rule/{of_bus}story", self.place.id);
        let arn = format!("arn:aws:sqs:eu-west-1:{}:{queue}", self.place.id);
        let policy = json!({ "Version": "2012-10-17", "Statement": [{
            "Effect": "Allow", "Principal": { "Service": "events.amazonaws.com" }, "Action": "sqs:SendMessage",
            "Resource": arn, "Condition": { "ArnEquals": { "aws:SourceArn": rule } },
        }] });
        let attributes = json!({ "Policy": policy.to_string() });
        let input = json!({ "QueueName": queue, "Attributes": attributes });
        self.aws.call("sqs", "CreateQueue", &input)?;
        let rule = json!({ "Name": "story", "EventBusName": bus, "EventPattern": pattern.to_string() });
        self.aws.call("events", "PutRule", &rule)?;
        let target =
            json!({ "Rule": "story", "EventBusName": bus, "Targets": [{ "Id": "story", "Arn": arn }] });
        self.aws.call("events", "PutTargets", &target)?;
        Ok(())
    }

    pub(crate) fn queue(&self, name: &str) -> String {
        format!("{}/{}/{name}", self.endpoint, self.place.id)
    }

    /// Every event so far, and the function that it wakes.
    pub(crate) fn events_so_far(&mut self) -> Result<Vec<(&'static str, String)>, Failure> {
        for body in self.take_all(EVENTS_QUEUE)? {
            let event: Value = serde_json::from_str(&body)?;
            let functions = woken_by(&event, self.has_upstream());
            self.events.extend(functions.iter().map(|function| (*function, body.clone())));
        }
        if self.is_installed && self.has_upstream() {
            let forwarded = self.take_all(UPSTREAM_EVENTS_QUEUE)?;
            self.events.extend(forwarded.into_iter().map(|body| ("promote_image", body)));
        }
        Ok(self.events.clone())
    }

    pub(crate) fn take_all(&self, queue: &str) -> Result<Vec<String>, Failure> {
        let url = self.queue(queue);
        let mut bodies = Vec::new();
        loop {
            let input = json!({ "QueueUrl": url, "MaxNumberOfMessages": 10, "WaitTimeSeconds": 0 });
            let answer = self.aws.call("sqs", "ReceiveMessage", &input)?;
            let messages = answer.get("Messages").and_then(Value::as_array).cloned().unwrap_or_default();
            if messages.is_empty() {
                return Ok(bodies);
            }
            for message in &messages {
                let member = |name: &str| message.get(name).and_then(Value::as_str).unwrap_or_default();
                let input = json!({ "QueueUrl": url, "ReceiptHandle": member("ReceiptHandle") });
                self.aws.call("sqs", "DeleteMessage", &input)?;
                bodies.push(member("Body").to_owned());
            }
        }
    }
}

/// The functions that an event of an account's own wakes there.
fn woken_by(event: &Value, has_upstream: bool) -> &'static [&'static str] {
    let text = |pointer: &str| event.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    match (text("/source"), text("/detail/repositoryName")) {
        ("aws.ecr", _) => &["on_image_push"],
        ("aws.codecommit", "deployment") => &["on_commit"],
        ("aws.codecommit", _) if has_upstream => &["on_image_push", "promote_image"],
        ("aws.codecommit", _) => &["on_image_push"],
        ("aws.ecs" | "aws.codepipeline", _) => &["on_deployment_change"],
        _ => &[],
    }
}
