//! Lets things happen: hands invocations to the functions, and moves the clock when nothing else can move.

use crate::crash::Crash;
use crate::lambda::{Lambda, Ran, run};
use crate::planted::Planted;
use crate::watch::Watch;
use crate::weather::{Rates, Weather};
use crate::wire::Wire;
use crate::{Accounts, Environment, Failure};
use chrono::{DateTime, Duration, Utc};
use futures_util::StreamExt;
use futures_util::future::LocalBoxFuture;
use futures_util::stream::FuturesUnordered;
use local_aws::services::lambda::{Ended, Invocation};
use parking_lot::MutexGuard;

/// A function by its name and where it runs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Named {
    /// Where it runs.
    pub environment: Environment,
    /// Its name in the account.
    pub function: String,
}

impl Named {
    fn of(invocation: &Invocation) -> Self {
        let environment = Environment::of_account(invocation.account.as_str()).unwrap_or(Environment::Dev);
        Self { environment, function: invocation.function.clone() }
    }
}

/// The accounts with everything that is under way in them.
pub struct Drive {
    /// The accounts.
    pub accounts: Accounts,
    lambda: Lambda,
    running: FuturesUnordered<LocalBoxFuture<'static, Ran>>,
    /// How the invocations went that have ended since somebody took them.
    pub(crate) ended: Vec<Ran>,
    /// How many calls the invocations made that have ended.
    pub calls: u64,
    /// Which invocation of a function, counted from now, dies where.
    crash: Option<(Named, usize, Crash)>,
    is_silent: bool,
}

impl Drive {
    /// Takes over accounts at rest. The runtime of this task must be paused.
    pub fn new(accounts: Accounts, seed: u64, rates: Rates, planted: Option<Planted>) -> Self {
        let mut weather = Weather::new(seed, rates);
        weather.over_events(&mut accounts.local.lock());
        let lambda = Lambda::new(Wire::new(&accounts, weather, planted));
        let is_silent = planted == Some(Planted::Silent);
        let (running, ended) = (FuturesUnordered::new(), Vec::new());
        Self { accounts, lambda, running, ended, calls: 0, crash: None, is_silent }
    }

    /// An invocation of this function, the next but so many, dies there.
    pub fn kill(&mut self, function: &Named, invocation: usize, crash: Crash) {
        self.crash = Some((function.clone(), invocation, crash));
    }

    /// How many calls each invocation made that ended since the last look, in their order.
    pub fn take_calls(&mut self) -> Vec<(Named, u32)> {
        let ended = std::mem::take(&mut self.ended);
        ended.into_iter().map(|ran| (Named::of(&ran.invocation), ran.calls)).collect()
    }

    /// From now on nothing goes wrong any more.
    pub fn clear_up(&mut self) {
        self.lambda.wire.weather.lock().clears(&mut self.accounts.local.lock());
    }

    /// What was seen of the functions' calls.
    pub(crate) fn watch(&self) -> MutexGuard<'_, Watch> {
        self.lambda.wire.watch.lock()
    }

    /// What went wrong so far by the weather's decision.
    pub(crate) fn told(&self) -> Vec<String> {
        self.lambda.wire.weather.lock().told.clone()
    }

    /// Lets this span pass. What is under way at its end stays so.
    ///
    /// # Errors
    /// When a function cannot be run.
    pub async fn pass(&mut self, span: std::time::Duration) -> Result<(), Failure> {
        let until = self.accounts.now() + Duration::from_std(span)?;
        while self.go_on(until).await?.is_none() {}
        Ok(())
    }

    /// Lets everything happen that is under way.
    ///
    /// # Errors
    /// When that takes longer than `span` by the accounts' clock, or a function cannot be run.
    pub async fn rest(&mut self, span: Duration) -> Result<(), Failure> {
        let until = self.accounts.now() + span;
        loop {
            let is_idle = self.running.is_empty() && self.accounts.local.lock().invocations.is_empty();
            let due = self.accounts.local.lock().next_work_due();
            match due {
                None if is_idle => return Ok(()),
                _ => {}
            }
            if self.go_on(until).await?.is_some() {
                return Err(format!("not at rest at {until}: next is {due:?}").into());
            }
        }
    }

    /// Begins what waits, and waits until a function has ended, something is due or something is new; says so when it
    /// is the end of the span instead.
    async fn go_on(&mut self, until: DateTime<Utc>) -> Result<Option<()>, Failure> {
        self.begin()?;
        let (now, due) = {
            let world = self.accounts.local.lock();
            (world.now(), world.next_work_due())
        };
        let next = due.map_or(until, |due| due.min(until));
        if self.running.is_empty() && next <= now {
            return Ok((now >= until).then_some(()));
        }
        // The runtime's clock counts whole milliseconds.
        let wait = (next - now).to_std().unwrap_or_default() + std::time::Duration::from_millis(1);
        let local = self.accounts.local.clone();
        tokio::select! {
            biased;
            Some(mut ran) = self.running.next() => {
                if self.is_silent {
                    ran.lines.clear();
                }
                self.accounts.finish(&ran.invocation.request_id, ran.ended.clone());
                self.calls += u64::from(ran.calls);
                self.ended.push(ran);
            }
            () = local.changed(), if !self.running.is_empty() => {}
            () = tokio::time::sleep(wait) => {}
        }
        self.lambda.wire.keep_time();
        Ok((self.accounts.now() >= until).then_some(()))
    }

    /// Begins the invocations that wait.
    fn begin(&mut self) -> Result<(), Failure> {
        self.lambda.wire.keep_time();
        let waiting = std::mem::take(&mut self.accounts.local.lock().invocations);
        for invocation in waiting {
            let context = self.lambda.context(&invocation.account, &invocation.function)?;
            let mut weather = self.lambda.wire.weather.lock();
            let named = Named::of(&invocation);
            let planned = self.crash.take_if(|(function, left, _)| {
                let is_it = *function == named;
                let is_now = is_it && *left == 0;
                *left -= usize::from(is_it && !is_now);
                is_now
            });
            let crash = planned.map(|(_, _, crash)| crash).or_else(|| weather.crash(&invocation.function));
            let hurries = weather.hurries();
            self.running.push(Box::pin(run(context, invocation, crash, hurries)));
        }
        Ok(())
    }

    /// Whether an invocation of this function that ended since the last look gave no answer.
    pub fn has_failed(&self, function: &str) -> bool {
        let own = self.ended.iter().filter(|ran| ran.invocation.function == function);
        own.into_iter().any(|ran| matches!(ran.ended, Ended::Error(_)))
    }

    /// The accounts, without what was under way.
    pub fn into_accounts(self) -> Accounts {
        self.accounts
    }

    /// What the functions wrote so far.
    pub fn log(&self) -> String {
        self.ended.iter().map(Ran::shown).collect()
    }
}
