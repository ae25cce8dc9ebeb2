//! A rule with a queue behind it: what EventBridge delivers, as it comes.

use crate::check::Stop;
use crate::expect::{list, text};
use crate::resources::Queue;
use crate::scene::Scene;
use client::ApiError;
use client::wait::{Seen, until};
use serde_json::{Value, json};
use std::cell::RefCell;
use std::time::{Duration, Instant};

/// The source of events that this suite puts itself.
pub const OWN_SOURCE: &str = "towpath.conformance";
/// How long nothing may come in the local accounts until all is there.
const QUIET_LOCAL: Duration = Duration::from_millis(400);
/// The same in a real account.
const QUIET_AWS: Duration = Duration::from_secs(20);

/// What hears the events that match a pattern.
#[derive(Debug)]
pub struct Listener<'a> {
    scene: &'a Scene,
    queue: Queue<'a>,
    rule: Rule<'a>,
    heard: RefCell<Vec<String>>,
}

#[derive(Debug)]
struct Rule<'a> {
    name: String,
    scene: &'a Scene,
}

impl Drop for Rule<'_> {
    fn drop(&mut self) {
        let _ = self.scene.call("events", "RemoveTargets", &json!({ "Rule": self.name, "Ids": ["queue"] }));
        let _ = self.scene.call("events", "DeleteRule", &json!({ "Name": self.name }));
    }
}

impl<'a> Listener<'a> {
    /// Hears the events of these AWS services, and is awake when this returns.
    ///
    /// # Errors
    /// What EventBridge or SQS says; also when its own event does not come.
    pub fn of(scene: &'a Scene, sources: &[&str]) -> Result<Self, Stop> {
        let mut all = sources.to_vec();
        all.push(OWN_SOURCE);
        let listener =
            Self::with_pattern(scene, &json!({ "account": [scene.account], "source": all }), true)?;
        listener.wake(|| listener.put_event("awake", &json!({})))?;
        Ok(listener)
    }

    /// Puts an event that it must hear, again and again until it does: a new rule takes some time in a real account.
    /// Afterwards it has heard nothing.
    ///
    /// # Errors
    /// What EventBridge or SQS says; also when the event does not come.
    pub fn wake(&self, put: impl Fn() -> Result<(), ApiError>) -> Result<(), Stop> {
        until("a new rule's first event", self.scene.patience(), || {
            match put().map_err(Stop::from).and_then(|()| self.receive(1)) {
                Err(stop) => Seen::Done(Err(stop)),
                Ok(()) if self.heard.borrow().is_empty() => Seen::NotYet("no event".to_owned()),
                Ok(()) => Seen::Done(Ok(())),
            }
        })??;
        if self.scene.is_real() {
            // The events that were put before the rule was awake may come late.
            self.all(|_| true)?;
        }
        self.heard.borrow_mut().clear();
        Ok(())
    }

    /// Hears what matches this pattern; the queue lets it in only if `allowed`.
    ///
    /// # Errors
    /// What EventBridge or SQS says.
    pub fn with_pattern(scene: &'a Scene, pattern: &Value, allowed: bool) -> Result<Self, Stop> {
        let queue = Queue::new(scene, &json!({}))?;
        let name = scene.name("rule");
        if allowed {
            let policy = json!({
                "Version": "2012-10-17",
                "Statement": [{
                    "Effect": "Allow",
                    "Principal": { "Service": "events.amazonaws.com" },
                    "Action": "sqs:SendMessage",
                    "Resource": queue.arn,
                    "Condition": { "ArnEquals": { "aws:SourceArn": scene.arn("events", &format!("rule/{name}")) } },
                }],
            });
            queue.call("SetQueueAttributes", json!({ "Attributes": { "Policy": policy.to_string() } }))?;
        }
        let input = json!({ "Name": name, "EventPattern": pattern.to_string() });
        scene.call("events", "PutRule", &input)?;
        let rule = Rule { name, scene };
        let input = json!({ "Rule": rule.name, "Targets": [{ "Id": "queue", "Arn": queue.arn }] });
        let put = scene.call("events", "PutTargets", &input)?;
        crate::expect::same("the targets refused", &put.get("FailedEntryCount"), &Some(&json!(0)))?;
        Ok(Self { scene, queue, rule, heard: RefCell::default() })
    }

    /// The rule's name.
    pub fn rule(&self) -> &str {
        &self.rule.name
    }

    /// Puts an event of the suite's own source on the default bus.
    ///
    /// # Errors
    /// What EventBridge says.
    pub fn put_event(&self, detail_type: &str, detail: &Value) -> Result<(), ApiError> {
        let entry = json!({ "Source": OWN_SOURCE, "DetailType": detail_type, "Detail": detail.to_string() });
        self.scene.call("events", "PutEvents", &json!({ "Entries": [entry] })).map(|_| ())
    }

    /// The first event for which this holds.
    ///
    /// # Errors
    /// What SQS says; also when none comes, with what came instead.
    pub fn event(&self, what: &str, fits: impl Fn(&Value) -> bool) -> Result<Value, Stop> {
        until(what, self.scene.patience(), || match self.receive(1) {
            Err(stop) => Seen::Done(Err(stop)),
            Ok(()) => match self.parsed().into_iter().find(&fits) {
                Some(event) => Seen::Done(Ok(event)),
                None => Seen::NotYet(format!("{} other events", self.heard.borrow().len())),
            },
        })?
    }

    /// All events for which this holds, once nothing more comes.
    ///
    /// # Errors
    /// What SQS says.
    pub fn all(&self, fits: impl Fn(&Value) -> bool) -> Result<Vec<Value>, Stop> {
        let quiet = if self.scene.is_real() { QUIET_AWS } else { QUIET_LOCAL };
        let mut last = (self.heard.borrow().len(), Instant::now());
        until("an end of the events", self.scene.patience(), || {
            if let Err(stop) = self.receive(0) {
                return Seen::Done(Err(stop));
            }
            let count = self.heard.borrow().len();
            if count != last.0 {
                last = (count, Instant::now());
            }
            match last.1.elapsed() >= quiet {
                true => Seen::Done(Ok(())),
                false => Seen::NotYet(format!("{count} events")),
            }
        })??;
        Ok(self.parsed().into_iter().filter(fits).collect())
    }

    fn parsed(&self) -> Vec<Value> {
        let heard = self.heard.borrow();
        heard.iter().filter_map(|event| serde_json::from_str(event).ok()).collect()
    }

    fn receive(&self, seconds: u32) -> Result<(), Stop> {
        for message in self.queue.receive(seconds)? {
            self.heard.borrow_mut().push(text(&message, "/Body")?);
            let receipt = json!({ "ReceiptHandle": text(&message, "/ReceiptHandle")? });
            self.queue.call("DeleteMessage", receipt)?;
        }
        Ok(())
    }
}

/// Whether the event's detail has this member with this value.
pub fn has(event: &Value, member: &str, value: &str) -> bool {
    event.pointer(&format!("/detail/{member}")).and_then(Value::as_str) == Some(value)
}

/// The `resources` of an event.
pub fn resources(event: &Value) -> Vec<String> {
    list(event, "/resources").iter().filter_map(Value::as_str).map(str::to_owned).collect()
}
