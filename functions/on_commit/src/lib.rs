#![doc = include_str!("../README.md")]

mod changes;
mod forced;

use aws::facts::read_starts;
use domain::decide::starts::{self, Asked};
use domain::decision::{Decision, DecisionKind};
use domain::names::{EventId, ServiceId};
use domain::plan::Plan;
use entrypoint::batch::ignore;
use entrypoint::event::{BranchMoved, Event};
use entrypoint::{Batch, Context, Failed, MessageId, Read, Received, Unsettled, record, settle};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

/// What one message asks about.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Question {
    message: MessageId,
    event: EventId,
    services: BTreeMap<ServiceId, Asked>,
}

/// Answers a batch: every service whose `revision.json` a commit changed is asked about once. Returns the messages
/// that must come back.
pub async fn handle(context: &Context, batch: Batch) -> Failed {
    let mut failed = Failed::new();
    let mut questions = Vec::new();
    for received in batch.received {
        let message = received.message.clone();
        match question(context, received, batch.deadline).await {
            Ok(Some(question)) => questions.push(question),
            Ok(None) => {}
            Err(NotRead) => {
                failed.insert(message);
            }
        }
    }
    let mut asked: BTreeMap<ServiceId, Vec<Asked>> = BTreeMap::new();
    for (service, one) in questions.iter().flat_map(|question| &question.services) {
        asked.entry(service.clone()).or_default().push(one.clone());
    }
    if asked.is_empty() {
        return failed;
    }
    let events: Vec<EventId> = questions.iter().map(|question| question.event.clone()).collect();
    let read = async || {
        let facts = read_starts(&context.clients, &context.stack, &asked, context.now()).await?;
        Ok(facts.map(|(facts, unread)| Read { tip: facts.tip.clone(), facts, unread }))
    };
    let unsettled =
        settle(context, &events, batch.deadline, read, starts::decide, || no_branch(context)).await;
    failed.extend(comes_back(questions, &unsettled));
    failed
}

/// The changes of a commit could not be read; the failure is recorded.
struct NotRead;

/// What a message asks about; none when it asks for nothing here.
async fn question(
    context: &Context,
    received: Received,
    deadline: Instant,
) -> Result<Option<Question>, NotRead> {
    let Received { message, event } = received;
    match event {
        Event::BranchMoved(moved) if is_ours(context, &moved) => {
            forced::look(context, &moved, deadline).await?;
            let services = match changes::services_changed(context, &moved).await {
                Ok(services) => services,
                Err(error) => {
                    record::failure(context.function, &[moved.id], [], &error);
                    return Err(NotRead);
                }
            };
            if services.is_empty() {
                ignore(context, moved.id, format!("commit {} changes no revision.json", moved.new));
                return Ok(None);
            }
            Ok(Some(Question { message, event: moved.id, services }))
        }
        Event::BranchMoved(moved) => {
            let BranchMoved { repository, branch, account, .. } = &moved;
            let because = format!("{repository} {branch} of account {account} is not the deployment branch");
            ignore(context, moved.id, because);
            Ok(None)
        }
        Event::WakeUp(wake_up) => {
            // A wake-up has no event's id; the message that carried it has one.
            let Ok(event) = EventId::parse(&message) else { return Ok(None) };
            Ok(Some(Question {
                message,
                event,
                services: BTreeMap::from([(wake_up.service, Asked::WakeUp)]),
            }))
        }
        Event::ImagePushed(_)
        | Event::EvidenceTold(_)
        | Event::ServiceChanged(_)
        | Event::PipelineChanged(_)
        | Event::Sweep(_)
        | Event::Ignored { .. } => {
            if let Ok(event) = EventId::parse(&message) {
                ignore(context, event, "on_commit acts on moved branches and wake-ups only".to_owned());
            }
            Ok(None)
        }
    }
}

fn is_ours(context: &Context, moved: &BranchMoved) -> bool {
    let repository = &context.stack.repository;
    moved.account == context.stack.registry.account
        && moved.repository == repository.name
        && moved.branch == repository.branch
}

fn no_branch(context: &Context) -> Plan {
    let repository = &context.stack.repository;
    let because =
        format!("the deployment repository {} has no branch {} any more", repository.name, repository.branch);
    Plan::nothing(Decision { service: None, kind: DecisionKind::Ignored, because, refusal: None })
}

fn comes_back(questions: Vec<Question>, unsettled: &Unsettled) -> Failed {
    let is_unsettled = |question: &Question| match unsettled {
        Unsettled::Nothing => false,
        Unsettled::Everything => true,
        Unsettled::Services(services) => {
            let asked: BTreeSet<&ServiceId> = question.services.keys().collect();
            services.iter().any(|service| asked.contains(service))
        }
    };
    questions.into_iter().filter(is_unsettled).map(|question| question.message).collect()
}
