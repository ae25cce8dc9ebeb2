//! What `on_image_push` and `promote_image` share: a batch of messages becomes one question about revisions, one decision
//! and at most one commit.

use crate::batch::{Failed, MessageId};
use crate::context::Context;
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
pub struct Asking {
    asked: RevisionsAsked,
    messages: Vec<(MessageId, Option<ServiceId>)>,
}

impl Asking {
    /// Adds what one message asks about, and the event that it tells of.
    pub fn add(&mut self, message: MessageId, event: EventId, about: About) {
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

    /// Settles all of it at once. Returns the messages that must come back.
    pub async fn settle(self, context: &Context, deadline: Instant) -> Failed {
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
