//! What a forced push took away is written again before anything else is done about it.

use crate::NotRead;
use aws::facts::{Forced, read_forced};
use domain::decide::forced::decide;
use entrypoint::event::BranchMoved;
use entrypoint::{Context, Read, Unsettled, record, settle};
use std::time::Instant;

/// Announces a forced push, and writes the holds of the old tip again. An ordinary push costs one call.
pub(crate) async fn look(context: &Context, moved: &BranchMoved, deadline: Instant) -> Result<(), NotRead> {
    let BranchMoved { id, old: Some(old), new, caller_arn, .. } = moved else { return Ok(()) };
    let repository = &context.stack.repository.name;
    let is_forced = context.clients.is_forced(repository, old, new).await.map_err(|error| {
        record::failure(context.function, std::slice::from_ref(id), [], &error);
        NotRead
    })?;
    if !is_forced {
        return Ok(());
    }
    let (event, old, new, by) = (id.clone(), old.clone(), new.clone(), caller_arn.clone());
    let forced = Forced { event, old, new, by };
    let read = async || {
        let facts = read_forced(&context.clients, &context.stack, &forced, context.now()).await?;
        Ok(facts.map(|facts| Read { tip: facts.tip.clone(), facts, unread: Vec::new() }))
    };
    let events = std::slice::from_ref(id);
    let nothing = || crate::no_branch(context);
    match Box::pin(settle(context, events, deadline, read, decide, nothing)).await {
        Unsettled::Nothing => Ok(()),
        Unsettled::Services(_) | Unsettled::Everything => Err(NotRead),
    }
}
