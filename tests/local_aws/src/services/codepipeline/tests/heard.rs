//! A queue that hears every event of CodePipeline.

use super::*;

impl Tried {
    /// Sends CodePipeline's events to a queue from now on.
    pub(super) fn listen(&mut self) {
        let queue = "arn:aws:sqs:eu-west-1:111111111111:heard";
        let policy = json!({ "Version": "2012-10-17", "Statement": {
            "Effect": "Allow", "Principal": { "Service": "events.amazonaws.com" }, "Action": "sqs:SendMessage",
            "Resource": queue,
        } });
        let attributes = json!({ "Policy": policy.to_string() });
        self.of(Service::Sqs, "CreateQueue", json!({ "QueueName": "heard", "Attributes": attributes }));
        let pattern = json!({ "source": ["aws.codepipeline"] }).to_string();
        self.of(Service::Events, "PutRule", json!({ "Name": "heard", "EventPattern": pattern }));
        let targets = json!([{ "Id": "queue", "Arn": queue }]);
        self.of(Service::Events, "PutTargets", json!({ "Rule": "heard", "Targets": targets }));
    }

    /// The events since the last time, in the order of their arrival.
    pub(super) fn events(&mut self) -> Vec<Value> {
        let url = self.of(Service::Sqs, "GetQueueUrl", json!({ "QueueName": "heard" }))["QueueUrl"].clone();
        let mut events = Vec::new();
        loop {
            let input = json!({ "QueueUrl": url, "MaxNumberOfMessages": 10, "VisibilityTimeout": 43_200 });
            let reply = self.of(Service::Sqs, "ReceiveMessage", input);
            let Some(messages) = reply["Messages"].as_array().filter(|messages| !messages.is_empty()) else {
                return events;
            };
            let bodies = messages.iter().map(|message| text(&message["Body"]));
            events.extend(bodies.map(|body| serde_json::from_str::<Value>(body).expect("JSON")));
        }
    }

    /// The events since the last time, one a line.
    pub(super) fn heard(&mut self) -> String {
        let lines: Vec<String> = self
            .events()
            .iter()
            .map(|event| {
                let detail = &event["detail"];
                let who = [&detail["stage"], &detail["action"]];
                let who: Vec<&str> = who.into_iter().filter_map(Value::as_str).collect();
                let kind = text(&event["detail-type"]).split(' ').nth(1).unwrap_or("?");
                format!(
                    "{}: {kind} {} {}",
                    text(&detail["execution-id"]),
                    who.join("/"),
                    text(&detail["state"])
                )
                .replace("  ", " ")
            })
            .collect();
        self.numbered(&lines.join("\n"))
    }
}
