//! Read, decide, apply; and when the branch has moved in between, again from the start.

use crate::context::Context;
use crate::record;
use aws::{Applied, CallError, FailedStep, Tip};
use domain::names::{CommitId, EventId, ServiceId};
use domain::plan::{Plan, Then};
use domain::record::RecordContext;
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

/// How often facts are read and decided anew before the message goes back to its queue.
const ATTEMPTS_MAX: u32 = 8;
/// The longest pause before the second attempt; it doubles with each.
const PAUSE_MAX_FIRST: Duration = Duration::from_millis(50);

/// Which services are not settled, so that the messages that ask about them must come back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unsettled {
    /// All are settled.
    Nothing,
    /// These are not.
    Services(BTreeSet<ServiceId>),
    /// Nobody knows: all messages must come back.
    Everything,
}

/// What became of something that was asked.
#[derive(Debug)]
pub struct Settled {
    /// What was decided at last.
    pub plan: Plan,
    /// The commit that was made.
    pub commit: Option<CommitId>,
    /// The steps that failed.
    pub failed: Vec<FailedStep>,
}

/// Why nothing was settled. It has been recorded where there was something to record.
#[derive(Debug, thiserror::Error)]
pub enum NotSettled {
    /// The facts could not be read.
    #[error(transparent)]
    NotRead(#[from] CallError),
    /// The branch moved again and again, or time ran out.
    #[error("the deployment branch kept moving; ask again")]
    OutOfTime,
}

/// Whether plans are carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// They are.
    Apply,
    /// They are only told.
    DryRun,
}

/// Settles what was asked, for a function that is woken through its queue: which messages must come back. See [`answer`].
pub async fn settle<Facts>(
    context: &Context,
    events: &[EventId],
    deadline: Instant,
    read: impl AsyncFn() -> Result<Option<(Facts, CommitId)>, CallError>,
    decide: impl Fn(&Facts) -> Plan,
    nothing: impl Fn() -> Plan,
) -> Unsettled {
    match answer(context, events, deadline, Mode::Apply, read, decide, nothing).await {
        Ok(settled) => unsettled(settled),
        // Out of attempts or of time: the queue brings the messages back.
        Err(NotSettled::NotRead(_) | NotSettled::OutOfTime) => Unsettled::Everything,
    }
}

/// Settles what was asked: reads the facts, decides, applies the plan. `read` gives the facts and the commit at which
/// they were read, or none when there is nothing to read from; then `nothing` says so.
///
/// # Errors
/// When the facts cannot be read, or the branch does not stand still.
pub async fn answer<Facts>(
    context: &Context,
    events: &[EventId],
    deadline: Instant,
    mode: Mode,
    read: impl AsyncFn() -> Result<Option<(Facts, CommitId)>, CallError>,
    decide: impl Fn(&Facts) -> Plan,
    nothing: impl Fn() -> Plan,
) -> Result<Settled, NotSettled> {
    for attempt in 0..ATTEMPTS_MAX {
        if attempt > 0 {
            tokio::time::sleep(pause(attempt)).await;
        }
        if Instant::now() >= deadline {
            break;
        }
        let (plan, tip) = match Box::pin(read()).await {
            Ok(Some((facts, tip))) => (decide(&facts), Some(tip)),
            Ok(None) => (nothing(), None),
            Err(error) => {
                record::failure(context.function, events, [], &error);
                return Err(error.into());
            }
        };
        if mode == Mode::DryRun {
            return Ok(Settled { plan, commit: None, failed: Vec::new() });
        }
        let applied = context.clients.apply(&plan, &context.stack.environment, &context.queues).await;
        if applied.tip == Tip::Moved {
            continue;
        }
        let about = RecordContext {
            function: context.function,
            events: events.to_vec(),
            tip,
            commit: applied.commit.clone(),
        };
        record::plan(&plan, &about);
        for failed in &applied.failed {
            record::failure(context.function, events, &failed.services, &failed.error);
        }
        if plan.then != Then::DecideAgain || !applied.failed.is_empty() {
            let Applied { commit, failed, tip: _ } = applied;
            return Ok(Settled { plan, commit, failed });
        }
    }
    Err(NotSettled::OutOfTime)
}

fn unsettled(settled: Settled) -> Unsettled {
    let Settled { plan, commit: _, failed } = settled;
    let mut services: BTreeSet<ServiceId> =
        failed.into_iter().flat_map(|failed| failed.services).collect();
    if plan.then == Then::LookAgain {
        let undecided = |decision: &&domain::decision::Decision| {
            decision.kind == domain::decision::DecisionKind::Undecided
        };
        services
            .extend(plan.decisions.iter().filter(undecided).filter_map(|decision| decision.service.clone()));
    }
    if services.is_empty() { Unsettled::Nothing } else { Unsettled::Services(services) }
}

/// A random pause below a bound that doubles, so that writers who collided do not collide again.
fn pause(attempt: u32) -> Duration {
    let bound = PAUSE_MAX_FIRST * 2_u32.saturating_pow(attempt - 1);
    bound.mul_f64(fastrand::f64())
}
