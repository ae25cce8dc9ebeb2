//! Lets things happen: hands invocations to the functions, and moves the clock when all are done.

use crate::crash::Crash;
use crate::lambda::{Lambda, Ran, run};
use crate::wire::Wire;
use crate::{Accounts, Failure};
use chrono::{DateTime, Duration, Utc};
use futures_util::StreamExt;
use futures_util::future::LocalBoxFuture;
use futures_util::stream::FuturesUnordered;

/// The accounts with everything that is under way in them.
pub struct Drive {
    /// The accounts.
    pub accounts: Accounts,
    lambda: Lambda,
    running: FuturesUnordered<LocalBoxFuture<'static, Ran>>,
    /// How the invocations went that have ended.
    pub(crate) ended: Vec<Ran>,
    /// Where the next invocation of a function dies.
    crash: Option<(String, Crash)>,
}

impl Drive {
    /// Takes over accounts at rest. The runtime of this task must be paused.
    pub fn new(accounts: Accounts, seed: u64) -> Self {
        let lambda = Lambda::new(Wire::new(&accounts.local, seed));
        Self { accounts, lambda, running: FuturesUnordered::new(), ended: Vec::new(), crash: None }
    }

    /// The next invocation of this function dies there.
    pub fn kill(&mut self, function: &str, crash: Crash) {
        self.crash = Some((function.to_owned(), crash));
    }

    /// Lets everything happen that is under way.
    ///
    /// # Errors
    /// When that takes longer than `span` by the accounts' clock, or a function cannot be run.
    pub async fn rest(&mut self, span: Duration) -> Result<(), Failure> {
        let until = self.accounts.now() + span;
        loop {
            self.begin()?;
            if !self.running.is_empty() {
                self.go_on().await;
                continue;
            }
            let due = self.accounts.local.lock().next_work_due();
            match due {
                None => return Ok(()),
                Some(due) if due > until => {
                    return Err(format!("not at rest at {until}: something is due at {due}").into());
                }
                Some(due) => self.sleep_until(due).await,
            }
        }
    }

    /// Begins the invocations that wait.
    fn begin(&mut self) -> Result<(), Failure> {
        self.lambda.wire.keep_time();
        let waiting = std::mem::take(&mut self.accounts.local.lock().invocations);
        for invocation in waiting {
            let context = self.lambda.context(&invocation.account, &invocation.function)?;
            let crash = self.crash.take_if(|(function, _)| *function == invocation.function);
            let crash = crash.map(|(_, crash)| crash);
            self.running.push(Box::pin(run(context, invocation, crash)));
        }
        Ok(())
    }

    /// Waits until a function has ended, or anything else is new.
    async fn go_on(&mut self) {
        let local = self.accounts.local.clone();
        tokio::select! {
            biased;
            ran = self.running.next() => {
                if let Some(ran) = ran {
                    self.accounts.finish(&ran.invocation.request_id, ran.ended.clone());
                    self.ended.push(ran);
                }
            }
            () = local.changed() => {}
        }
    }

    async fn sleep_until(&self, due: DateTime<Utc>) {
        let wait = (due - self.accounts.now()).to_std().unwrap_or_default();
        // The runtime's clock counts whole milliseconds.
        tokio::time::advance(wait + std::time::Duration::from_millis(1)).await;
        self.lambda.wire.keep_time();
    }
}

impl Drive {
    /// The accounts, without what was under way.
    pub fn into_accounts(self) -> Accounts {
        self.accounts
    }
}

impl Drive {
    /// What the functions wrote so far.
    pub fn log(&self) -> String {
        let mut text = String::new();
        for ran in &self.ended {
            let name = &ran.invocation.function;
            text += &format!("{name} made {} calls\n", ran.calls);
            for line in &ran.lines {
                text += &format!("  {line}\n");
            }
        }
        text
    }
}
