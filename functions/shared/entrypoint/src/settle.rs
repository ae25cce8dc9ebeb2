//! Read, decide, apply; and when the branch has moved in between, again from the start.

use crate::context::Context;
use crate::record;
use aws::{Applied, CallError, Tip};
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

/// Settles what was asked: reads the facts, decides, applies the plan. `read` gives the facts and the commit at which
/// they were read, or none when there is nothing to read from; then `nothing` says so.
pub async fn settle<Facts>(
    context: &Context,
    events: &[EventId],
    deadline: Instant,
    read: impl AsyncFn() -> Result<Option<(Facts, CommitId)>, CallError>,
    decide: impl Fn(&Facts) -> Plan,
    nothing: impl Fn() -> Plan,
) -> Unsettled {
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
                return Unsettled::Everything;
            }
        };
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
            return unsettled(&plan, applied);
        }
    }
    // Out of attempts or of time: the queue brings the messages back.
    Unsettled::Everything
}

fn unsettled(plan: &Plan, applied: Applied) -> Unsettled {
    let mut services: BTreeSet<ServiceId> =
        applied.failed.into_iter().flat_map(|failed| failed.services).collect();
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
