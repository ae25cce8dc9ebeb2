//! A person wins: what a person put there is held, and not moved.

use super::container::Move;
use super::{Change, Decided, RevisionsFacts, ServiceFacts};
use crate::decision::{Decision, DecisionKind};
use crate::facts::LastChange;
use crate::hold::{Hold, HoldFile, HoldState};
use crate::names::{BlobId, ServiceId};
use crate::plan::FileContent;
use crate::text::one_line;
use crate::trailers::ServiceTrailers;

const AUTHOR_CHARACTERS: usize = 80;

/// How a hold stands to the revision at the tip.
pub(super) enum Held {
    /// It stops the service.
    Counts(Hold),
    /// It names the revision, and a person ended it: the rules apply again.
    Lifted,
    /// There is none for this revision.
    No,
}

/// How the service's hold stands to its revision.
pub(super) fn state(facts: &RevisionsFacts, read: &ServiceFacts) -> Held {
    let hold = read.hold.content().and_then(|file| file.hold.as_ref());
    let (Some(hold), Some(blob)) = (hold, read.revision.blob()) else { return Held::No };
    match hold.state(blob, read.application.commit(), facts.now) {
        HoldState::Counts => Held::Counts(hold.clone()),
        HoldState::OtherApplicationCommit | HoldState::Ended => Held::Lifted,
        HoldState::OtherRevision => Held::No,
    }
}

/// The answer to an event while a hold counts.
pub(super) fn is_held(service: &ServiceId, hold: &Hold) -> Decided {
    let Hold { reason, by, at, until, .. } = hold;
    let until = until.map_or_else(String::new, |until| format!(", until {until}"));
    let because = format!("held by {by} since {at}{until}: {reason}");
    Decided::stays(Decision::of(service, DecisionKind::Held, because))
}

/// The hold that says that a person put the revision there.
pub(super) fn put(
    facts: &RevisionsFacts,
    service: &ServiceId,
    read: &ServiceFacts,
    blob: &BlobId,
    change: Option<&LastChange>,
    moves: &[Move],
) -> Decided {
    let wanted: Vec<String> = moves.iter().map(Move::headline).collect();
    let who = match change {
        Some(change) => {
            format!(
                "{} put it there by hand (commit {})",
                one_line(change.who(), AUTHOR_CHARACTERS),
                change.commit.short()
            )
        }
        None => "it was put there by hand".to_owned(),
    };
    let reason = format!("{who}; the rules would select {}", wanted.join(", "));
    let hold = Hold {
        revision: blob.clone(),
        application_commit: read.application.commit().cloned(),
        reason: reason.clone(),
        by: facts.actor.to_string(),
        at: facts.now,
        until: None,
    };
    let quarantine = read.hold.content().map(|file| file.quarantine.clone()).unwrap_or_default();
    let file = HoldFile { hold: Some(hold), quarantine };
    let trailers = ServiceTrailers {
        service: service.clone(),
        decision: Some(DecisionKind::Held),
        approved_by: Vec::new(),
        containers: Vec::new(),
    };
    let change = Change {
        headline: "held, because a person put this revision there".to_owned(),
        files: vec![FileContent { path: service.hold_path(), text: file.text() }],
        trailers,
    };
    let because =
        format!("{reason}; to let the rules move it again: run the document towpath-release for {service}");
    Decided::changes(Some(change), vec![Decision::of(service, DecisionKind::Held, because)])
}
