//! What happens outside the world: functions run as processes, and time passes.

mod api;
mod environment;
mod output;
#[cfg(test)]
mod tests;

use crate::clock::Clock;
use crate::names::AccountId;
use crate::services::lambda::{self, Ended, Invocation};
use crate::shared::LocalAws;
pub use environment::variables;
use environment::{Environment, Report};
use std::collections::{BTreeMap, VecDeque};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

/// How many processes one function has at most, whatever its concurrency.
const ENVIRONMENTS_PER_FUNCTION_MAX: u32 = 10;

/// Runs functions for ever. Dropping the future kills every process that it started.
pub async fn run(local: LocalAws) {
    let (reports, mut incoming) = mpsc::unbounded_channel();
    let mut driver = Driver {
        local: local.clone(),
        reports,
        pools: BTreeMap::new(),
        environments_started: 0,
        tasks: JoinSet::new(),
    };
    loop {
        // Created before looking, so that no invocation is missed.
        let changed = local.changed();
        let invocations = std::mem::take(&mut local.lock().invocations);
        for invocation in invocations {
            driver.accept(invocation);
        }
        tokio::select! {
            () = changed => {}
            Some((place, report)) = incoming.recv() => driver.note(&place, report),
            Some(_) = driver.tasks.join_next() => {}
        }
    }
}

/// Runs the world's timers when they are due under a real clock, for ever. A manual clock is left to whoever
/// sets it.
pub async fn keep_time(local: LocalAws) {
    loop {
        let changed = local.changed();
        let (ran, wait) = {
            let mut world = local.lock();
            let ran = world.run_due();
            let now = world.now();
            let due = world.next_due().filter(|_| matches!(world.clock, Clock::Real));
            (ran, due.map(|due| (due - now).to_std().unwrap_or_default()))
        };
        if ran > 0 {
            local.notify();
        }
        match wait {
            Some(wait) => {
                // Either way there is something to look at.
                let _ = tokio::time::timeout(wait, changed).await;
            }
            None => changed.await,
        }
    }
}

/// Which process of which function.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Place {
    function: FunctionKey,
    number: u64,
}

type FunctionKey = (AccountId, String);

/// The processes of one function in one revision, and the invocations that wait for one.
#[derive(Default)]
struct Pool {
    revision_id: String,
    limit: usize,
    /// By number. The sender is how the process gets its next invocation; dropping it ends the process.
    environments: BTreeMap<u64, mpsc::Sender<Invocation>>,
    idle: Vec<u64>,
    waiting: VecDeque<Invocation>,
}

struct Driver {
    local: LocalAws,
    reports: mpsc::UnboundedSender<(Place, Report)>,
    pools: BTreeMap<FunctionKey, Pool>,
    environments_started: u64,
    tasks: JoinSet<()>,
}

impl Driver {
    fn accept(&mut self, invocation: Invocation) {
        let key = (invocation.account.clone(), invocation.function.clone());
        let found = {
            let world = self.local.lock();
            lambda::function(&world, &key.0, &key.1)
                .map(|held| (held.revision_id.clone(), held.function.reserved_concurrency))
        };
        let (revision_id, reserved) = match found {
            Ok(found) => found,
            Err(error) => {
                let text = environment::error_text("ResourceNotFoundException", &error.message);
                lambda::finished(&mut self.local.lock(), &invocation.request_id, Ended::Error(text));
                self.local.notify();
                return;
            }
        };
        let pool = self.pools.entry(key.clone()).or_default();
        if pool.revision_id != revision_id {
            // Processes of the old revision finish what they are at and end.
            *pool = Pool { revision_id, waiting: std::mem::take(&mut pool.waiting), ..Pool::default() };
        }
        let limit = reserved.unwrap_or(ENVIRONMENTS_PER_FUNCTION_MAX);
        let limit = limit.clamp(1, ENVIRONMENTS_PER_FUNCTION_MAX);
        pool.limit = usize::try_from(limit).unwrap_or(1);
        pool.waiting.push_back(invocation);
        self.dispatch(&key);
    }

    fn note(&mut self, place: &Place, report: Report) {
        let Some(pool) = self.pools.get_mut(&place.function) else { return };
        match report {
            Report::Idle => {
                if pool.environments.contains_key(&place.number) {
                    pool.idle.push(place.number);
                }
            }
            Report::Gone(unanswered) => {
                pool.environments.remove(&place.number);
                pool.idle.retain(|number| *number != place.number);
                for invocation in unanswered.into_iter().rev() {
                    pool.waiting.push_front(invocation);
                }
            }
        }
        self.dispatch(&place.function);
    }

    /// Gives waiting invocations to idle processes, the last used first, and starts more where allowed.
    fn dispatch(&mut self, key: &FunctionKey) {
        let Some(pool) = self.pools.get_mut(key) else { return };
        while let Some(invocation) = pool.waiting.pop_front() {
            let number = match pool.idle.pop() {
                Some(number) => number,
                None if pool.environments.len() < pool.limit => {
                    self.environments_started += 1;
                    let number = self.environments_started;
                    let (sender, work) = mpsc::channel(1);
                    pool.environments.insert(number, sender);
                    let place = Place { function: key.clone(), number };
                    let environment = Environment::new(self.local.clone(), place, self.reports.clone());
                    self.tasks.spawn(environment.live(work));
                    number
                }
                None => {
                    pool.waiting.push_front(invocation);
                    return;
                }
            };
            let sender = pool.environments.get(&number);
            let sent = sender.map(|sender| sender.try_send(invocation.clone()));
            if !matches!(sent, Some(Ok(()))) {
                // It has just ended; its report is on the way.
                pool.environments.remove(&number);
                pool.waiting.push_front(invocation);
            }
        }
    }
}
