#![doc = include_str!("../README.md")]

use domain::approval::approves_for;
use domain::image::is_candidate_tag;
use domain::names::{AccountId, EventId, ImageRepositoryName};
use entrypoint::event::{Event, ImagePushed};
use entrypoint::revisions::{self, About, Asked, about_branch};
use entrypoint::{Batch, Context, Failed};

/// Answers a batch: all that was pushed, approved or verified becomes one decision, the copies that it needs and at most
/// one commit. Returns the messages that must come back.
pub async fn handle(context: &Context, batch: Batch) -> Failed {
    revisions::handle(context, batch, about).await
}

/// What a message asks about, and the event it tells of; or why it asks for nothing here. A wake-up has no event's id,
/// but the message that carried it has one.
fn about(context: &Context, message: EventId, event: Event) -> Asked {
    match event {
        Event::ImagePushed(push) => pushed_upstream(context, push),
        Event::EvidenceTold(told) => from_upstream(context, told.id, &told.account, told.repository),
        Event::BranchMoved(moved) => about_branch(context, moved),
        Event::WakeUp(wake_up) => Ok((message, About::Service(wake_up.service))),
        Event::ServiceChanged(_) | Event::PipelineChanged(_) | Event::Sweep(_) | Event::Ignored { .. } => {
            let because =
                "promote_image acts on application pushes, on what upstream tells and on wake-ups only";
            Err((message, because.to_owned()))
        }
    }
}

/// An image that was pushed upstream, or a tag that approves one.
fn pushed_upstream(context: &Context, push: ImagePushed) -> Asked {
    let environment = &context.stack.environment;
    if !is_candidate_tag(&push.tag) && !approves_for(environment, &push.tag) {
        let because =
            format!("the tag {} names no version, and approves nothing for {environment}", push.tag);
        return Err((push.id, because));
    }
    from_upstream(context, push.id, &push.account, push.repository)
}

fn from_upstream(
    context: &Context,
    event: EventId,
    account: &AccountId,
    repository: ImageRepositoryName,
) -> Asked {
    if context.stack.upstream.as_ref() == Some(account) {
        Ok((event, About::Source(repository)))
    } else {
        Err((event, format!("account {account} is not upstream of this one")))
    }
}
