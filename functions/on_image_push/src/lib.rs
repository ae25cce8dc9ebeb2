#![doc = include_str!("../README.md")]

use aws::facts::{RevisionsAsked, read_revisions};
use domain::decide::revisions;
use domain::decision::{Decision, DecisionKind};
use domain::image::is_candidate_tag;
use domain::names::{EventId, ImageRepositoryName, ServiceId};
use domain::plan::Plan;
use entrypoint::batch::ignore;
use entrypoint::event::Event;
use entrypoint::{Batch, Context, Failed, MessageId, Read, Received, Unsettled, settle};

/// What one message asks about.
#[derive(Debug, Clone, PartialEq, Eq)]
enum About {
    Repository(ImageRepositoryName),
    Service(ServiceId),
}

/// Answers a batch: all its pushes and wake-ups become one decision and at most one commit. Returns the messages
/// that must come back.
pub async fn handle(context: &Context, batch: Batch) -> Failed {
    let mut asked = RevisionsAsked::default();
    let mut messages: Vec<(MessageId, About)> = Vec::new();
    for received in batch.received {
        let Some((message, event, about)) = accept(context, received) else { continue };
        match &about {
            About::Repository(repository) => asked.repositories.insert(repository.clone()),
            About::Service(service) => asked.services.insert(service.clone()),
        };
        asked.events.push(event);
        messages.push((message, about));
    }
    if messages.is_empty() {
        return Failed::new();
    }
    let read = async || {
        let facts =
            read_revisions(&context.clients, &context.stack, &asked, context.function, context.now()).await?;
        Ok(facts.map(|(facts, unread)| Read { tip: facts.tip.clone(), facts, unread }))
    };
    let unsettled =
        settle(context, &asked.events, batch.deadline, read, revisions::decide, || no_branch(context)).await;
    failed(messages, &unsettled)
}

/// What a message asks about; none when it asks for nothing here.
fn accept(context: &Context, received: Received) -> Option<(MessageId, EventId, About)> {
    let Received { message, event } = received;
    match event {
        Event::ImagePushed(push) if push.account != context.stack.registry.account => {
            let because = format!("{} was pushed in account {}, not here", push.repository, push.account);
            ignore(context, push.id, because);
            None
        }
        Event::ImagePushed(push) if !is_candidate_tag(&push.tag) => {
            ignore(context, push.id, format!("the tag {} speaks of an image and names no version", push.tag));
            None
        }
        Event::ImagePushed(push) => Some((message, push.id, About::Repository(push.repository))),
        Event::WakeUp(wake_up) => {
            // A wake-up has no event's id; the message that carried it has one.
            let event = EventId::parse(&message).ok()?;
            Some((message, event, About::Service(wake_up.service)))
        }
        Event::BranchMoved(_)
        | Event::ServiceChanged(_)
        | Event::PipelineChanged(_)
        | Event::Sweep(_)
        | Event::Ignored { .. } => {
            let event = EventId::parse(&message).ok()?;
            ignore(context, event, "on_image_push acts on image pushes and wake-ups only".to_owned());
            None
        }
    }
}

fn no_branch(context: &Context) -> Plan {
    let repository = &context.stack.repository;
    let because =
        format!("the deployment repository {} has no branch {} yet", repository.name, repository.branch);
    Plan::nothing(Decision { service: None, kind: DecisionKind::Ignored, because, refusal: None })
}

/// The messages that ask about what is not settled. Which services use a repository is known only from the rules at
/// the tip, so a push comes back as soon as any service is not settled; to look twice does no harm.
fn failed(messages: Vec<(MessageId, About)>, unsettled: &Unsettled) -> Failed {
    let comes_back = |about: &About| match (unsettled, about) {
        (Unsettled::Nothing, _) => false,
        (Unsettled::Everything, _) | (Unsettled::Services(_), About::Repository(_)) => true,
        (Unsettled::Services(services), About::Service(service)) => services.contains(service),
    };
    messages.into_iter().filter(|(_, about)| comes_back(about)).map(|(message, _)| message).collect()
}
