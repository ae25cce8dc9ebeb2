//! A queue and its messages.

use super::settings::QueueSettings;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Duration, Utc};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A typed value beside a message's body.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(crate) struct MessageAttribute {
    pub(crate) data_type: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) string_value: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) binary_value: Option<String>,
}

impl MessageAttribute {
    /// A `String` attribute.
    pub(crate) fn text(value: impl Into<String>) -> Self {
        Self { data_type: "String".to_owned(), string_value: Some(value.into()), binary_value: None }
    }
}

/// A message as it lies in its queue.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Message {
    pub(crate) message_id: String,
    pub(crate) body: String,
    pub(crate) attributes: BTreeMap<String, MessageAttribute>,
    pub(crate) sender_id: String,
    pub(crate) sent: DateTime<Utc>,
    pub(crate) visible_at: DateTime<Utc>,
    pub(crate) receive_count: u32,
    pub(crate) first_received: Option<DateTime<Utc>>,
    pub(crate) dead_letter_source: Option<String>,
}

impl Message {
    /// The system attributes that a receiver can ask for.
    pub(crate) fn system_attributes(&self) -> BTreeMap<&'static str, String> {
        let mut attributes = BTreeMap::from([
            ("SenderId", self.sender_id.clone()),
            ("SentTimestamp", self.sent.timestamp_millis().to_string()),
            ("ApproximateReceiveCount", self.receive_count.to_string()),
        ]);
        attributes.extend(
            self.first_received
                .map(|first| ("ApproximateFirstReceiveTimestamp", first.timestamp_millis().to_string())),
        );
        attributes.extend(self.dead_letter_source.clone().map(|source| ("DeadLetterQueueSourceArn", source)));
        attributes
    }

    fn in_flight(&self, now: DateTime<Utc>) -> bool {
        self.receive_count > 0 && self.visible_at > now
    }
}

/// A message in a receiver's hands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Received {
    pub(crate) message: Message,
    pub(crate) receipt_handle: String,
}

/// Which receipt of which message a handle stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Receipt {
    queue: String,
    sequence: u64,
    receive_count: u32,
}

impl Receipt {
    fn handle(&self) -> String {
        STANDARD.encode(format!("{}/{}/{}", self.queue, self.sequence, self.receive_count))
    }

    /// Reads a handle; `None` when this queue cannot have given it.
    pub(crate) fn parse(handle: &str, queue: &str) -> Option<Self> {
        let text = String::from_utf8(STANDARD.decode(handle).ok()?).ok()?;
        let mut parts = text.split('/');
        let (name, sequence, count) = (parts.next()?, parts.next()?, parts.next()?);
        if name != queue || parts.next().is_some() {
            return None;
        }
        Some(Self {
            queue: name.to_owned(),
            sequence: sequence.parse().ok()?,
            receive_count: count.parse().ok()?,
        })
    }
}

/// How many messages a queue holds, by what can be done with them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) visible: usize,
    pub(crate) in_flight: usize,
    pub(crate) delayed: usize,
}

/// A queue.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Queue {
    pub(crate) name: String,
    pub(crate) settings: QueueSettings,
    pub(crate) created: DateTime<Utc>,
    pub(crate) modified: DateTime<Utc>,
    pub(crate) tags: BTreeMap<String, String>,
    pub(crate) messages: BTreeMap<u64, Message>,
    pub(crate) sequence: u64,
    /// When its timer rings, if one is set.
    pub(crate) wakes_at: Option<DateTime<Utc>>,
}

impl Queue {
    /// An empty queue.
    pub(crate) fn new(name: &str, settings: QueueSettings, now: DateTime<Utc>) -> Self {
        Self {
            name: name.to_owned(),
            settings,
            created: now,
            modified: now,
            tags: BTreeMap::new(),
            messages: BTreeMap::new(),
            sequence: 0,
            wakes_at: None,
        }
    }

    /// Puts a message behind the others.
    pub(crate) fn put(&mut self, message: Message) {
        self.sequence += 1;
        self.messages.insert(self.sequence, message);
    }

    /// Forgets what is older than the retention period.
    pub(crate) fn expire(&mut self, now: DateTime<Utc>) {
        let kept = Duration::seconds(i64::from(self.settings.message_retention_period));
        self.messages.retain(|_, message| message.sent + kept > now);
    }

    /// Takes out the visible messages that were received as often as the redrive policy allows.
    pub(crate) fn take_dead(&mut self, now: DateTime<Utc>) -> Vec<Message> {
        let Some(redrive) = &self.settings.redrive else { return Vec::new() };
        let most = redrive.max_receive_count;
        self.messages
            .extract_if(.., |_, message| message.visible_at <= now && message.receive_count >= most)
            .map(|(_, message)| message)
            .collect()
    }

    /// Receives up to `most` visible messages, oldest first, and hides them.
    pub(crate) fn receive(&mut self, now: DateTime<Utc>, most: usize, hidden: Duration) -> Vec<Received> {
        let visible = self.messages.iter_mut().filter(|(_, message)| message.visible_at <= now).take(most);
        visible
            .map(|(sequence, message)| {
                message.receive_count += 1;
                message.first_received.get_or_insert(now);
                message.visible_at = now + hidden;
                let receipt = Receipt {
                    queue: self.name.clone(),
                    sequence: *sequence,
                    receive_count: message.receive_count,
                };
                Received { message: message.clone(), receipt_handle: receipt.handle() }
            })
            .collect()
    }

    /// The message, if this is its newest receipt.
    pub(crate) fn held(&mut self, receipt: &Receipt) -> Option<&mut Message> {
        let message = self.messages.get_mut(&receipt.sequence)?;
        (message.receive_count == receipt.receive_count).then_some(message)
    }

    /// Deletes the message, if this is its newest receipt.
    pub(crate) fn delete(&mut self, receipt: &Receipt) {
        if self.held(receipt).is_some() {
            self.messages.remove(&receipt.sequence);
        }
    }

    /// How many messages it holds.
    pub(crate) fn counts(&self, now: DateTime<Utc>) -> Counts {
        let mut counts = Counts::default();
        for message in self.messages.values() {
            if message.visible_at <= now {
                counts.visible += 1;
            } else if message.in_flight(now) {
                counts.in_flight += 1;
            } else {
                counts.delayed += 1;
            }
        }
        counts
    }

    /// When the next hidden message becomes visible.
    pub(crate) fn next_visible(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.messages.values().map(|message| message.visible_at).filter(|at| *at > now).min()
    }
}
