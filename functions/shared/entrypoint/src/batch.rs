//! Batches of SQS messages: a bad record fails alone, and every record is answered by a decision record.

use crate::context::Context;
use crate::event::{self, Event, EventError};
use crate::record;
use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use domain::decision::{Decision, DecisionKind};
use domain::names::EventId;
use domain::record::RecordContext;
use lambda_runtime::{LambdaEvent, service_fn};
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant, SystemTime};

/// What is left of the invocation's time when no new attempt is begun.
const TIME_TO_ANSWER: Duration = Duration::from_secs(5);

/// An SQS message's id.
pub type MessageId = String;

/// A message whose event was understood and asks for something.
#[derive(Debug, Clone, PartialEq)]
pub struct Received {
    /// The message.
    pub message: MessageId,
    /// What it tells.
    pub event: Event,
}

/// One invocation's work.
#[derive(Debug)]
pub struct Batch {
    /// The messages.
    pub received: Vec<Received>,
    /// When no new attempt may begin.
    pub deadline: Instant,
}

/// The messages that must come back.
pub type Failed = BTreeSet<MessageId>;

/// Runs a function that is woken through its queue, until Lambda ends the process.
///
/// # Errors
/// When the environment lacks a parameter, or the Runtime API cannot be reached.
pub async fn run<H>(function: domain::wake_up::Function, handle: H) -> Result<(), lambda_runtime::Error>
where
    H: AsyncFn(&Context, Batch) -> Failed,
{
    let context = Context::from_environment(function)?;
    let (context, handle) = (&context, &handle);
    lambda_runtime::run(service_fn(async |event: LambdaEvent<SqsEvent>| {
        let left = event.context.deadline().duration_since(SystemTime::now()).unwrap_or_default();
        let deadline = Instant::now() + left.saturating_sub(TIME_TO_ANSWER);
        answer(context, &event.payload.records, deadline, handle).await
    }))
    .await
}

/// Answers one batch: which of its messages must come back.
///
/// # Errors
/// When a message has no id, so that it cannot be named alone: then all must come back.
pub async fn answer<H>(
    context: &Context,
    messages: &[SqsMessage],
    deadline: Instant,
    handle: &H,
) -> Result<SqsBatchResponse, MessageWithoutId>
where
    H: AsyncFn(&Context, Batch) -> Failed,
{
    let context = &context.of_invocation();
    let mut failed = Failed::new();
    let mut received = Vec::new();
    for message in messages {
        let id = message.message_id.clone().ok_or(MessageWithoutId)?;
        match event::parse(message.body.as_deref().unwrap_or_default()) {
            Ok(Event::Ignored { id, because }) => ignore(context, id, because),
            Ok(event) => received.push(Received { message: id, event }),
            Err(error) => {
                refuse(context, &id, &error);
                failed.insert(id);
            }
        }
    }
    if !received.is_empty() {
        // On the heap: the state of all calls that may be under way is too large to be moved about.
        failed.extend(Box::pin(handle(context, Batch { received, deadline })).await);
    }
    let mut response = SqsBatchResponse::default();
    failed.into_iter().for_each(|id| response.add_failure(id));
    Ok(response)
}

/// A message that SQS did not name.
#[derive(Debug, thiserror::Error)]
#[error("a message has no messageId: expected a batch as SQS sends it")]
pub struct MessageWithoutId;

impl From<MessageWithoutId> for lambda_runtime::Diagnostic {
    fn from(error: MessageWithoutId) -> Self {
        Self { error_type: "MessageWithoutId".to_owned(), error_message: error.to_string() }
    }
}

/// Records that an event asks for nothing.
pub fn ignore(context: &Context, event: EventId, because: String) {
    let decision = Decision { service: None, kind: DecisionKind::Ignored, because, refusal: None };
    record::decision(&decision, &of_events(context, vec![event]));
}

/// Records a message that nobody can read. It comes back until it lies in the dead-letter queue, so it is not lost.
fn refuse(context: &Context, message: &str, error: &EventError) {
    let decision =
        Decision { service: None, kind: DecisionKind::Invalid, because: error.to_string(), refusal: None };
    let events = EventId::parse(message).into_iter().collect();
    record::decision(&decision, &of_events(context, events));
}

fn of_events(context: &Context, events: Vec<EventId>) -> RecordContext {
    RecordContext { function: context.function, events, tip: None, commits: BTreeMap::new() }
}
