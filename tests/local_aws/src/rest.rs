//! Waiting until nothing moves any more, by moving the clock and not by sleeping.

use crate::clock::Clock;
use crate::shared::LocalAws;
use chrono::{DateTime, Duration, Utc};
use std::time::Duration as RealTime;

/// How long a running function may take, by the real clock, before rest is given up.
const FUNCTION_TIME_MAX: RealTime = RealTime::from_secs(90);

/// Why there is no rest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Restless {
    /// Something is always due within the span that was given.
    #[error("not at rest at {until}: something is due at {due}")]
    Goes {
        /// The end of the span.
        until: DateTime<Utc>,
        /// When the next thing is due.
        due: DateTime<Utc>,
    },
    /// A function neither ends nor calls.
    #[error("a function has been running for {} seconds without a sign", FUNCTION_TIME_MAX.as_secs())]
    Hangs,
    /// Time cannot be moved.
    #[error("the clock is the machine's: rest can be waited for under a manual clock only")]
    RealClock,
}

impl LocalAws {
    /// Lets everything happen that is under way: waits for the functions that run, and whenever none does, moves the
    /// manual clock to the next timer. At rest no function runs, no message is in flight or waits for a mapping, and
    /// no timer is set but for schedules and for looks at a pipeline's source.
    ///
    /// # Errors
    /// When that takes longer than `span` by the accounts' clock, or a function hangs.
    pub async fn rest(&self, span: Duration) -> Result<(), Restless> {
        let until = self.lock().now() + span;
        match self.pass(until).await? {
            Some(due) => Err(Restless::Goes { until, due }),
            None => Ok(()),
        }
    }

    /// Lets this span pass, with everything that happens in it.
    ///
    /// # Errors
    /// When a function hangs.
    pub async fn let_pass(&self, span: Duration) -> Result<(), Restless> {
        let until = self.lock().now() + span;
        self.pass(until).await?;
        self.lock().clock.set(until);
        self.notify();
        self.pass(until).await.map(drop)
    }

    /// Moves the clock from timer to timer, up to `until`. Returns when the next one after that is due.
    async fn pass(&self, until: DateTime<Utc>) -> Result<Option<DateTime<Utc>>, Restless> {
        loop {
            if let Some(rest) = self.step_if_idle(until)? {
                return Ok(rest);
            }
            let is_waiting = !self.lock().invocations.is_empty();
            if is_waiting {
                self.notify();
            }
            // Created before looking, so that no end of a function is missed.
            let changed = self.changed();
            let runs = self.lock().runs_a_function();
            if runs {
                tokio::time::timeout(FUNCTION_TIME_MAX, changed).await.map_err(|_| Restless::Hangs)?;
            }
        }
    }

    /// Runs what is due. Unless that set a function going, moves the clock to the next timer; when there is none up
    /// to `until`, says when one is due after it.
    fn step_if_idle(&self, until: DateTime<Utc>) -> Result<Option<Option<DateTime<Utc>>>, Restless> {
        let mut world = self.lock();
        if !matches!(world.clock, Clock::Manual(_)) {
            return Err(Restless::RealClock);
        }
        world.run_due();
        if world.runs_a_function() {
            return Ok(None);
        }
        match world.next_work_due() {
            Some(due) if due <= until => {
                world.clock.set(due);
                world.run_due();
                Ok(None)
            }
            due => Ok(Some(due)),
        }
    }
}
