//! Event source mappings: which queue's messages wake which function, and how.

use super::function;
use crate::clock::epoch;
use crate::names::AccountId;
use crate::services::sqs::Received;
use crate::world::World;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// How many batches a mapping has under way at once, when nothing else is said. Lambda starts with five
/// pollers and adds more under load; the local accounts stay at five.
const POLLERS: u32 = 5;

/// A queue's connection to a function.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Mapping {
    pub(super) uuid: String,
    pub(super) function: String,
    pub(super) queue_arn: String,
    pub(super) batch_size: u32,
    pub(super) window_seconds: u32,
    pub(super) reports_item_failures: bool,
    pub(super) maximum_concurrency: Option<u32>,
    pub(super) enabled: bool,
    pub(super) modified: DateTime<Utc>,
    pub(super) last_result: String,
    /// Messages received for the next batch.
    pub(super) gathered: Vec<Received>,
    /// When the next batch goes to the function at the latest.
    pub(super) gathers_until: Option<DateTime<Utc>>,
    /// Batches that the function had no room for.
    pub(super) throttled: Vec<Vec<Received>>,
}

impl Mapping {
    /// How many batches it has under way at once.
    pub(super) fn pollers(&self) -> usize {
        usize::try_from(self.maximum_concurrency.unwrap_or(POLLERS)).unwrap_or(usize::MAX)
    }

    /// As the operations show it.
    pub(super) fn shown(&self, world: &World, account: &AccountId, state: &str) -> Value {
        let mut shown = json!({
            "UUID": self.uuid,
            "BatchSize": self.batch_size,
            "MaximumBatchingWindowInSeconds": self.window_seconds,
            "EventSourceArn": self.queue_arn,
            "EventSourceMappingArn": world.arn("lambda", account, &format!("event-source-mapping:{}", self.uuid)),
            "FunctionArn": function::arn(world, account, &self.function),
            "FunctionResponseTypes": if self.reports_item_failures { vec!["ReportBatchItemFailures"] } else { Vec::new() },
            "LastModified": epoch(self.modified),
            "LastProcessingResult": self.last_result,
            "State": state,
            "StateTransitionReason": "USER_INITIATED",
        });
        if let (Some(members), Some(most)) = (shown.as_object_mut(), self.maximum_concurrency) {
            members.insert("ScalingConfig".to_owned(), json!({ "MaximumConcurrency": most }));
        }
        shown
    }

    /// `Enabled` or `Disabled`.
    pub(super) fn state(&self) -> &'static str {
        if self.enabled { "Enabled" } else { "Disabled" }
    }
}
