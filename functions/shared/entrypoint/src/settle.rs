//! Read, decide, apply; and when the branch has moved in between, again from the start.

use crate::context::Context;
use crate::record;
use aws::facts::Unread;
use aws::{Applied, CallError, CallErrorKind, StopCause, StoppedStep, Tip};
use domain::decision::{Decision, DecisionKind};
use domain::names::{CommitId, EventId, ServiceId};
use domain::plan::{Plan, Step, Then};
use domain::record::RecordContext;
use domain::refusal::Refusal;
use domain::wake_up::WakeUp;
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

/// How often facts are read and decided anew, where the branch moved each time, before the message goes back to its queue.
const ATTEMPTS_MAX: u32 = 8;
/// How many times a plan may be carried out that leaves more to decide: a commit holds no more than a hundred files.
const ROUNDS_MAX: u32 = 40;
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

/// What was read before a decision.
#[derive(Debug)]
pub struct Read<Facts> {
    /// What the decision is made from.
    pub facts: Facts,
    /// The commit at which it was read.
    pub tip: CommitId,
    /// The services that the facts leave out, because they could not be read.
    pub unread: Vec<Unread>,
}

/// What became of something that was asked.
#[derive(Debug)]
pub struct Settled {
    /// What was decided at last; it has been recorded unless it was a dry run.
    pub plan: Plan,
    /// What its records have in common, and the commit that was made.
    pub about: RecordContext,
    /// What could not be read or done; it has not been recorded yet.
    pub troubles: Vec<Unread>,
    /// The services for which there was not enough time.
    pub unfinished: BTreeSet<ServiceId>,
}

/// Why nothing was settled; it has been recorded.
#[derive(Debug, thiserror::Error)]
pub enum NotSettled {
    /// The facts could not be read.
    #[error(transparent)]
    NotRead(#[from] CallError),
    /// Out of attempts or of time.
    #[error("the deployment branch moved at every attempt, or the time is up")]
    GaveUp,
}

/// Whether plans are carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// They are.
    Apply,
    /// They are only told.
    DryRun,
}

/// Settles what was asked, as [`answer`] does, for messages of a queue, which brings back what is not settled.
pub async fn settle<Facts>(
    context: &Context,
    events: &[EventId],
    deadline: Instant,
    read: impl AsyncFn() -> Result<Option<Read<Facts>>, CallError>,
    decide: impl Fn(&Facts) -> Plan,
    nothing: impl Fn() -> Plan,
) -> Unsettled {
    match answer(context, events, (Mode::Apply, deadline), read, decide, nothing).await {
        Ok(Settled { plan, about, troubles, unfinished }) => {
            let mut services = tell_troubles(&about, &plan, troubles);
            services.extend(go_on(context, unfinished, deadline).await);
            unsettled(&plan, services)
        }
        Err(NotSettled::NotRead(_) | NotSettled::GaveUp) => Unsettled::Everything,
    }
}

/// Wakes this function up again for the services that it had no time for, rather than wait until the queue brings their
/// message back and count that as a failure. Returns those for which that did not work.
async fn go_on(context: &Context, unfinished: BTreeSet<ServiceId>, deadline: Instant) -> BTreeSet<ServiceId> {
    let wake_up = |service: ServiceId| {
        let reason = "there was not enough time".to_owned();
        Step::WakeUp { function: context.function, wake_up: WakeUp { service, reason } }
    };
    let plan = Plan { steps: unfinished.into_iter().map(wake_up).collect(), ..Plan::default() };
    let applied = context.apply(&plan, deadline, &BTreeSet::new()).await;
    applied.stopped.into_iter().flat_map(|step| step.services).collect()
}

/// Settles what was asked: reads the facts, decides, applies the plan. `read` gives none when there is nothing to read
/// from; then `nothing` says so. A service that could not be read does not hold up the others.
///
/// # Errors
/// When the facts cannot be read, or the branch does not stand still.
pub async fn answer<Facts>(
    context: &Context,
    events: &[EventId],
    (mode, deadline): (Mode, Instant),
    read: impl AsyncFn() -> Result<Option<Read<Facts>>, CallError>,
    decide: impl Fn(&Facts) -> Plan,
    nothing: impl Fn() -> Plan,
) -> Result<Settled, NotSettled> {
    let mut stopped = StoppedServices::default();
    let (mut attempts, mut rounds) = (0, 0);
    while attempts < ATTEMPTS_MAX && rounds < ROUNDS_MAX {
        if attempts > 0 {
            tokio::time::sleep(pause(attempts)).await;
        }
        if Instant::now() >= deadline {
            break;
        }
        let (mut plan, tip, unread) = match Box::pin(read()).await {
            Ok(Some(Read { facts, tip, unread })) => (decide(&facts), Some(tip), unread),
            Ok(None) => (nothing(), None, Vec::new()),
            Err(error) => {
                record::failure(context.function, events, [], &error);
                return Err(error.into());
            }
        };
        let mut about = RecordContext {
            function: context.function,
            events: events.to_vec(),
            tip,
            commits: BTreeMap::new(),
        };
        if mode == Mode::DryRun {
            return Ok(Settled { plan, about, troubles: unread, unfinished: BTreeSet::new() });
        }
        if !stopped.services.is_empty() {
            // What was in one service's way before would be in the way of all that share a commit with it.
            plan = plan.divided();
        }
        let mut applied = context.apply(&plan, deadline, &stopped.services).await;
        if applied.tip == Tip::Rejected {
            plan = plan.divided();
            applied = context.apply(&plan, deadline, &stopped.services).await;
        }
        let Applied { commits, stopped: stopped_now, done, tip } = applied;
        about.commits = commits;
        if tip != Tip::Unmoved {
            record::committed(plan, &about);
            attempts += 1;
            continue;
        }
        stopped.leave_untold(&plan, &stopped_now);
        record::plan(&plan, &about, &stopped.services);
        stopped.extend(&about, stopped_now);
        if plan.then == Then::DecideAgain && done > 0 {
            (attempts, rounds) = (0, rounds + 1);
            continue;
        }
        let StoppedServices { services: _, failed, unfinished } = stopped;
        let troubles = unread.into_iter().chain(failed).collect();
        return Ok(Settled { plan, about, troubles, unfinished });
    }
    record::gave_up(context.function, events, "the branch moved at every attempt, or the time is up");
    Err(NotSettled::GaveUp)
}

/// The services for which no further step is tried in this invocation, and why not.
#[derive(Default)]
struct StoppedServices {
    services: BTreeSet<ServiceId>,
    failed: Vec<Unread>,
    unfinished: BTreeSet<ServiceId>,
}

impl StoppedServices {
    /// The services whose commit was not made, for another's sake or because CodeCommit does not take it: what was decided
    /// of them was not done, and something else is told instead.
    fn leave_untold(&mut self, plan: &Plan, stopped: &[StoppedStep]) {
        for StoppedStep { services, cause } in stopped {
            let is_told = |service: &&ServiceId| match cause {
                StopCause::HeldUp { .. } => false,
                StopCause::Failed(error) => {
                    !error.is_rejected_commit() || refusal_for(service, plan, error).is_none()
                }
                StopCause::Refused(_) | StopCause::OutOfTime { .. } => true,
            };
            self.services.extend(services.iter().filter(|service| !is_told(service)).cloned());
        }
    }

    /// Takes up what stopped now. A refusal is recorded at once: it is an answer, and nothing comes back for it.
    fn extend(&mut self, about: &RecordContext, stopped: Vec<StoppedStep>) {
        for StoppedStep { services, cause } in stopped {
            self.services.extend(services.iter().cloned());
            match cause {
                StopCause::Failed(error) => self.failed.push(Unread { services, error }),
                StopCause::Refused(refusal) => {
                    for service in &services {
                        record::decision(&Decision::refused(service, refusal.clone()), about);
                    }
                }
                StopCause::HeldUp { because } => {
                    for service in &services {
                        let because = format!("{because}; it is decided again by itself");
                        record::decision(&Decision::of(service, DecisionKind::Undecided, because), about);
                    }
                    self.unfinished.extend(services);
                }
                StopCause::OutOfTime { done } => {
                    for service in &services {
                        let because = format!("{done}; the next invocation goes on from there");
                        record::decision(&Decision::of(service, DecisionKind::Copying, because), about);
                    }
                    self.unfinished.extend(services);
                }
            }
        }
    }
}

/// Records each call that failed, once, and returns the services for which another try can help. What is denied, or a
/// commit that CodeCommit does not take, is answered by a refusal instead: it would come back for ever, and the sweep looks
/// at it again anyway.
pub fn tell_troubles(
    about: &RecordContext,
    plan: &Plan,
    troubles: impl IntoIterator<Item = Unread>,
) -> BTreeSet<ServiceId> {
    let mut try_again = BTreeSet::new();
    for Unread { services, error } in troubles {
        let refusals: Option<Vec<Decision>> = services
            .iter()
            .map(|service| Some(Decision::refused(service, refusal_for(service, plan, &error)?)))
            .collect();
        match refusals {
            Some(refusals) if !refusals.is_empty() => {
                refusals.iter().for_each(|refusal| record::decision(refusal, about));
            }
            Some(_) | None => {
                record::failure(about.function, &about.events, &services, &error);
                try_again.extend(services);
            }
        }
    }
    try_again
}

/// The refusal of a service that a failure is, where no other try can help. What people were to be notified of is none:
/// its message ends in the dead-letter queue, whose alarm tells them.
fn refusal_for(service: &ServiceId, plan: &Plan, error: &CallError) -> Option<Refusal> {
    if error.kind() == CallErrorKind::Denied {
        Some(Refusal::not_admitted(service, &error.to_string()))
    } else if error.is_rejected_commit() && !plan.notifies_of(service) {
        Some(Refusal::not_committed(service, &error.to_string()))
    } else {
        None
    }
}

fn unsettled(plan: &Plan, troubled: BTreeSet<ServiceId>) -> Unsettled {
    let mut services = troubled;
    if plan.then == Then::LookAgain {
        let undecided = |decision: &&Decision| decision.kind == DecisionKind::Undecided;
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
