//! What `on_image_push` and `promote_image` share: a batch of messages becomes one question about revisions, one decision
//! and at most one commit.

use crate::batch::{Batch, Failed, MessageId, Received, ignore};
use crate::context::Context;
use crate::event::{BranchMoved, Event};
use crate::settle::{Read, Unsettled, settle};
use aws::facts::{RevisionsAsked, read_revisions};
use domain::decide::revisions;
use domain::decision::{Decision, DecisionKind};
use domain::names::{CommitId, EventId, ImageRepositoryName, ServiceId};
use domain::plan::Plan;
use domain::rules::Application;
use std::time::Instant;

/// What one message asks about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum About {
    /// The services that use this repository of this account.
    Repository(ImageRepositoryName),
    /// The services whose images come from this repository upstream.
    Source(ImageRepositoryName),
    /// The services of this application, which was pushed to this commit, and by whom.
    Application(Application, CommitId, Option<String>),
    /// This service.
    Service(ServiceId),
}

/// What a batch asks about.
#[derive(Debug, Default)]
struct Asking {
    asked: RevisionsAsked,
    messages: Vec<(MessageId, Option<ServiceId>)>,
}

/// An event that asks about something, or why it asks for nothing here.
pub type Asked = Result<(EventId, About), (EventId, String)>;

/// Answers a batch: all that its messages ask about, as `about` reads them, becomes one decision. Returns the messages that
/// must come back. `about` is given the id that a message has as an event: a wake-up has no other.
pub async fn handle(
    context: &Context,
    batch: Batch,
    about: impl Fn(&Context, EventId, Event) -> Asked,
) -> Failed {
    let mut asking = Asking::default();
    for Received { message, event } in batch.received {
        let Ok(message_event) = EventId::parse(&message) else { continue };
        match about(context, message_event, event) {
            Ok((event, about)) => asking.add(message, event, about),
            Err((event, because)) => ignore(context, event, because),
        }
    }
    asking.settle(context, batch.deadline).await
}

/// What a branch asks about that was created or moved.
///
/// # Errors
/// When it is a branch of another account.
pub fn about_branch(context: &Context, moved: BranchMoved) -> Asked {
    if moved.account != context.stack.registry.account {
        let because = format!("{} was pushed in account {}, not here", moved.repository, moved.account);
        return Err((moved.id, because));
    }
    let application = Application { repository: moved.repository, branch: moved.branch };
    Ok((moved.id, About::Application(application, moved.new, moved.caller_arn)))
}

impl Asking {
    /// Adds what one message asks about, and the event that it tells of.
    fn add(&mut self, message: MessageId, event: EventId, about: About) {
        let mut service = None;
        match about {
            About::Repository(repository) => {
                self.asked.repositories.insert(repository);
            }
            About::Source(repository) => {
                self.asked.upstream_repositories.insert(repository);
            }
            About::Application(application, commit, pusher) => {
                self.asked.applications.insert(application, (commit, pusher));
            }
            About::Service(asked) => {
                self.asked.services.insert(asked.clone());
                service = Some(asked);
            }
        }
        self.asked.events.push(event);
        self.messages.push((message, service));
    }

    async fn settle(self, context: &Context, deadline: Instant) -> Failed {
        let Self { asked, messages } = self;
        if messages.is_empty() {
            return Failed::new();
        }
        let read = async || {
            let when = (context.function, context.now());
            let upstream = context.upstream.as_ref();
            let read = read_revisions(&context.clients, upstream, &context.stack, &asked, when);
            let facts = Box::pin(read).await?;
            Ok(facts.map(|(facts, unread)| Read { tip: facts.tip.clone(), facts, unread }))
        };
        let unsettled =
            settle(context, &asked.events, deadline, read, revisions::decide, || no_branch(context)).await;
        failed(messages, &unsettled)
    }
}

fn no_branch(context: &Context) -> Plan {
    let repository = &context.stack.repository;
    let because =
        format!("the deployment repository {} has no branch {} yet", repository.name, repository.branch);
    Plan::nothing(Decision { service: None, kind: DecisionKind::Ignored, because, refusal: None })
}

/// The messages that ask about what is not settled. Which services a repository or an application has is known only from
/// the rules at the tip, so their messages come back as soon as any service is not settled; to look twice does no harm.
fn failed(messages: Vec<(MessageId, Option<ServiceId>)>, unsettled: &Unsettled) -> Failed {
    let comes_back = |service: &Option<ServiceId>| match (unsettled, service) {
        (Unsettled::Nothing, _) => false,
        (Unsettled::Everything, _) | (Unsettled::Services(_), None) => true,
        (Unsettled::Services(services), Some(service)) => services.contains(service),
    };
    messages.into_iter().filter(|(_, service)| comes_back(service)).map(|(message, _)| message).collect()
}
