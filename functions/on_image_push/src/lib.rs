#![doc = include_str!("../README.md")]

use domain::image::is_candidate_tag;
use domain::names::EventId;
use entrypoint::event::Event;
use entrypoint::revisions::{self, About, Asked, about_branch};
use entrypoint::{Batch, Context, Failed};

/// Answers a batch: all its pushes and wake-ups become one decision and at most one commit. Returns the messages
/// that must come back.
pub async fn handle(context: &Context, batch: Batch) -> Failed {
    revisions::handle(context, batch, about).await
}

/// What a message asks about, and the event it tells of; or why it asks for nothing here. A wake-up has no event's id,
/// but the message that carried it has one.
fn about(context: &Context, message: EventId, event: Event) -> Asked {
    let account = &context.stack.registry.account;
    match event {
        Event::ImagePushed(push) if push.account != *account => {
            Err((push.id, format!("{} was pushed in account {}, not here", push.repository, push.account)))
        }
        Event::ImagePushed(push) if !is_candidate_tag(&push.tag) => {
            Err((push.id, format!("the tag {} speaks of an image and names no version", push.tag)))
        }
        Event::ImagePushed(push) => Ok((push.id, About::Repository(push.repository))),
        Event::BranchMoved(moved) => about_branch(context, moved),
        Event::WakeUp(wake_up) => Ok((message, About::Service(wake_up.service))),
        Event::EvidenceTold(_)
        | Event::ServiceChanged(_)
        | Event::PipelineChanged(_)
        | Event::Sweep(_)
        | Event::Ignored { .. } => Err((
            message,
            "on_image_push acts on image pushes, application pushes and wake-ups only".to_owned(),
        )),
    }
}
