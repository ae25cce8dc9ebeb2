#![doc = include_str!("../README.md")]

use aws::codepipeline::service_of;
use aws::facts::{OutcomeRead, Unread, read_outcome};
use aws::{CallError, CallErrorKind};
use domain::decide::outcome::{self, OutcomeFacts};
use domain::decision::{Decision, DecisionKind};
use domain::facts::PipelineFact;
use domain::names::{EventId, PipelineName, ServiceId};
use domain::plan::Plan;
use entrypoint::batch::ignore;
use entrypoint::event::{Event, PipelineChanged, ServiceChanged};
use entrypoint::{Batch, Context, Failed, MessageId, Read, Received, Unsettled, record, settle};
use std::collections::{BTreeMap, BTreeSet};

/// The messages and events that ask about one service.
#[derive(Debug, Default)]
struct Asking {
    messages: Vec<MessageId>,
    events: Vec<EventId>,
}

/// Answers a batch: each service that anything happened to is looked at once. Returns the messages that must come
/// back.
pub async fn handle(context: &Context, batch: Batch) -> Failed {
    let mut failed = Failed::new();
    let mut asked: BTreeMap<ServiceId, Asking> = BTreeMap::new();
    for received in batch.received {
        let message = received.message.clone();
        match accept(context, received).await {
            Ok(Some((service, event))) => {
                let asking = asked.entry(service).or_default();
                asking.messages.push(message);
                asking.events.push(event);
            }
            Ok(None) => {}
            Err(NotRead) => {
                failed.insert(message);
            }
        }
    }
    for (service, asking) in asked {
        let read = async || read(context, &service, &asking.events).await;
        let nothing = || ignored(&service, "the deployment repository has no such branch");
        let decide = |facts: &Option<Vec<OutcomeFacts>>| decide(&service, facts.as_deref());
        let settled = settle(context, &asking.events, batch.deadline, read, decide, nothing).await;
        if settled != Unsettled::Nothing {
            failed.extend(asking.messages);
        }
    }
    failed
}

async fn read(
    context: &Context,
    service: &ServiceId,
    events: &[EventId],
) -> Result<Option<Read<Option<Vec<OutcomeFacts>>>>, CallError> {
    let read = read_outcome(&context.clients, &context.stack, service, events, context.now()).await?;
    Ok(match read {
        OutcomeRead::NoBranch => None,
        OutcomeRead::NotNamed(tip) => Some(Read { facts: None, tip, unread: Vec::new() }),
        OutcomeRead::Unread(tip, error) => {
            let unread = Unread { services: BTreeSet::from([service.clone()]), error };
            Some(Read { facts: Some(Vec::new()), tip, unread: vec![unread] })
        }
        OutcomeRead::Facts(facts) => {
            let tip = facts.first().map(|facts| facts.tip.clone());
            tip.map(|tip| Read { facts: Some(facts), tip, unread: Vec::new() })
        }
    })
}

fn decide(service: &ServiceId, facts: Option<&[OutcomeFacts]>) -> Plan {
    match facts {
        None => ignored(service, "neither delivery.yaml nor a revision.json names it"),
        Some(facts) => outcome::decide_all(facts),
    }
}

fn ignored(service: &ServiceId, because: &str) -> Plan {
    Plan::nothing(Decision::of(service, DecisionKind::Ignored, because))
}

/// What a message tells of could not be read; the failure is recorded.
struct NotRead;

/// The service that a message asks about; none when it asks for nothing here.
async fn accept(context: &Context, received: Received) -> Result<Option<(ServiceId, EventId)>, NotRead> {
    let Received { message, event } = received;
    // Where the event has no id of its own, the message that carried it has one.
    let message_id = EventId::parse(&message).ok();
    let here = &context.stack.registry.account;
    match event {
        Event::ServiceChanged(ServiceChanged { id, account, service, .. }) if account != *here => {
            ignore(context, id, format!("{service} changed in account {account}, not here"));
            Ok(None)
        }
        Event::PipelineChanged(PipelineChanged { id, account, pipeline, .. }) if account != *here => {
            ignore(context, id, format!("pipeline {pipeline} changed in account {account}, not here"));
            Ok(None)
        }
        Event::ServiceChanged(changed) => Ok(Some((changed.service, changed.id))),
        Event::WakeUp(wake_up) => Ok(message_id.map(|id| (wake_up.service, id))),
        Event::PipelineChanged(PipelineChanged { id, account: _, pipeline, state: _ }) => {
            match service_of_pipeline(context, &pipeline).await {
                Ok(Some(service)) => Ok(Some((service, id))),
                Ok(None) => {
                    ignore(
                        context,
                        id,
                        format!("pipeline {pipeline} does not deploy one ECS service, or may not be read"),
                    );
                    Ok(None)
                }
                Err(error) => {
                    record::failure(context.function, &[id], [], &error);
                    Err(NotRead)
                }
            }
        }
        Event::ImagePushed(_)
        | Event::EvidenceTold(_)
        | Event::BranchMoved(_)
        | Event::Sweep(_)
        | Event::Ignored { .. } => {
            if let Some(id) = message_id {
                ignore(
                    context,
                    id,
                    "on_deployment_change acts on deployments, pipelines and wake-ups only".to_owned(),
                );
            }
            Ok(None)
        }
    }
}

/// The service that a pipeline deploys. A pipeline that this stack may not read is somebody else's.
async fn service_of_pipeline(
    context: &Context,
    pipeline: &PipelineName,
) -> Result<Option<ServiceId>, CallError> {
    match context.clients.pipeline(pipeline).await {
        Ok(PipelineFact::Found(description)) => Ok(service_of(&description)),
        Ok(PipelineFact::Missing) => Ok(None),
        Err(error) if error.kind() == CallErrorKind::Denied => Ok(None),
        Err(error) => Err(error),
    }
}
