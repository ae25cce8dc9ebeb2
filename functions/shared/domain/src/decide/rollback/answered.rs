//! Whether a request was answered before: an answer that was lost must not be taken for a new wish, nor an execution that
//! was used once for a proof of something else.

use super::facts::{Answered, RollbackFacts};
use super::request::{Action, Request};
use crate::decision::DecisionKind;
use crate::names::CommitId;
use crate::trailers::{CommitMessage, Trailers};

/// What was made of a request's id before.
pub(super) enum Before<'a> {
    /// Nothing.
    Never,
    /// The service's newest rollback or release is for this very request.
    JustNow,
    /// An older one is.
    Since(&'a CommitId),
    /// It stands on a commit that was asked for in other words.
    Otherwise(&'a CommitId),
}

pub(super) fn before<'a>(facts: &'a RollbackFacts, request: &Request) -> Before<'a> {
    let used = facts
        .answered
        .iter()
        .enumerate()
        .filter(|(_, answered)| Trailers::parse(&answered.message).events.contains(&request.id));
    let mut otherwise = None;
    for (place, answered) in used {
        match (is_same(answered, request), place) {
            (true, 0) if !facts.was_moved_since(answered) => return Before::JustNow,
            (true, _) => return Before::Since(&answered.commit),
            (false, _) => otherwise = otherwise.or(Some(&answered.commit)),
        }
    }
    otherwise.map_or(Before::Never, Before::Otherwise)
}

/// Whether a commit was made for just this: the same thing of the same service, for the same reason.
fn is_same(answered: &Answered, request: &Request) -> bool {
    let kind = match request.action {
        Action::RollBack(_) => DecisionKind::RolledBack,
        Action::Release(_) => DecisionKind::Released,
    };
    let trailers = Trailers::parse(&answered.message);
    let decided = trailers.of_service(&request.service).and_then(|trailers| trailers.decision);
    decided == Some(kind)
        && CommitMessage::says(&answered.message, &request.reason)
        && CommitMessage::says(&answered.message, &request.asked())
}
