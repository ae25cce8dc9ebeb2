//! One run of a handler as the wire sees it: how many calls it made, and whether it is to die at one of them.

use crate::Environment;
use chrono::{DateTime, Utc};
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use tokio::sync::Notify;

/// Where a handler dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Crash {
    /// At which of its calls, from 1.
    pub call: u32,
    /// On which side of it.
    pub moment: Moment,
}

/// The side of a call on which a handler dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// AWS never hears of the call.
    Before,
    /// AWS has done it, and the answer reaches nobody.
    After,
}

/// One run of a handler.
#[derive(Debug)]
pub struct Invocation {
    /// The function's name in the account.
    pub function: String,
    /// Where it runs.
    pub environment: Environment,
    crash: Option<Crash>,
    calls: AtomicU32,
    looked: Mutex<BTreeMap<String, DateTime<Utc>>>,
    died: Notify,
}

tokio::task_local! {
    /// The run that makes the calls of this task.
    pub(crate) static CURRENT: Arc<Invocation>;
}

impl Invocation {
    pub(crate) fn new(environment: Environment, function: &str, crash: Option<Crash>) -> Arc<Self> {
        let (calls, looked, died) = (AtomicU32::new(0), Mutex::default(), Notify::new());
        Arc::new(Self { function: function.to_owned(), environment, crash, calls, looked, died })
    }

    /// It asks upstream for the images of a repository.
    pub(crate) fn looks(&self, repository: &str, at: DateTime<Utc>) {
        self.looked.lock().insert(repository.to_owned(), at);
    }

    /// When it last asked upstream for the images of each repository.
    pub(crate) fn looked(&self) -> BTreeMap<String, DateTime<Utc>> {
        self.looked.lock().clone()
    }

    /// How many calls it has made.
    pub fn calls(&self) -> u32 {
        self.calls.load(Ordering::Relaxed)
    }

    pub(crate) fn count(&self) -> u32 {
        self.calls.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Dies if this is the place; then it never returns.
    pub(crate) async fn pass(&self, call: u32, moment: Moment) {
        if self.crash == Some(Crash { call, moment }) {
            self.died.notify_one();
            std::future::pending::<()>().await;
        }
    }

    /// Returns when it has died.
    pub(crate) async fn death(&self) {
        self.died.notified().await;
    }
}
