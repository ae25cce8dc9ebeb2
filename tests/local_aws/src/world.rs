//! All accounts and what is about to happen in them. Everything here is synchronous: a request or a timer
//! changes the world at one moment, so the same requests in the same order give the same world.

use crate::caller::Caller;
use crate::clock::Clock;
use crate::error::AwsError;
use crate::faults::Faults;
use crate::ids::Ids;
use crate::journal::Journal;
use crate::names::AccountId;
use crate::services::{self, AccountState, Timer, lambda};
use crate::settings::Settings;
use crate::store::Store;
use chrono::{DateTime, Duration, Utc};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How many timers one [`World::run_due`] runs at most: more means that timers breed without end.
const TIMERS_PER_RUN_MAX: usize = 1_000_000;

/// The accounts, their clock and their future.
#[derive(Debug)]
pub struct World {
    /// What is taken for now.
    pub clock: Clock,
    /// Where made-up names come from.
    pub ids: Ids,
    /// How things behave and how long they take.
    pub settings: Settings,
    /// What was told to go wrong.
    pub faults: Faults,
    /// Every call so far.
    pub journal: Journal,
    /// Where repositories and layers lie.
    pub store: Store,
    /// The one Region there is.
    pub region: String,
    /// `http://127.0.0.1:<port>` once the accounts are served; what functions get as `AWS_ENDPOINT_URL`.
    pub endpoint: Option<String>,
    /// Invocations that somebody outside has to carry out, oldest first.
    pub invocations: Vec<lambda::Invocation>,
    accounts: BTreeMap<AccountId, AccountState>,
    timers: BTreeMap<(DateTime<Utc>, u64), (AccountId, Timer)>,
    timers_set: u64,
}

/// What of a world survives a restart.
#[derive(Debug, Serialize, Deserialize)]
struct Saved {
    ids: Ids,
    accounts: BTreeMap<AccountId, AccountState>,
    timers: Vec<(DateTime<Utc>, AccountId, Timer)>,
}

impl World {
    /// Accounts with nothing in them.
    pub fn new(
        accounts: impl IntoIterator<Item = AccountId>,
        region: &str,
        clock: Clock,
        seed: u64,
        settings: Settings,
        store: Store,
    ) -> Self {
        Self {
            clock,
            ids: Ids::from_seed(seed),
            settings,
            faults: Faults::default(),
            journal: Journal::default(),
            store,
            region: region.to_owned(),
            endpoint: None,
            invocations: Vec::new(),
            accounts: accounts.into_iter().map(|id| (id, AccountState::default())).collect(),
            timers: BTreeMap::new(),
            timers_set: 0,
        }
    }

    /// What is taken for now.
    pub fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    /// The ids of all accounts.
    pub fn account_ids(&self) -> Vec<AccountId> {
        self.accounts.keys().cloned().collect()
    }

    /// One account's state.
    ///
    /// # Errors
    /// `UnrecognizedClientException` when these local accounts have no such account.
    pub fn account(&self, id: &AccountId) -> Result<&AccountState, AwsError> {
        self.accounts.get(id).ok_or_else(|| unknown_account(id))
    }

    /// One account's state, to change it.
    ///
    /// # Errors
    /// As [`World::account`].
    pub fn account_mut(&mut self, id: &AccountId) -> Result<&mut AccountState, AwsError> {
        self.accounts.get_mut(id).ok_or_else(|| unknown_account(id))
    }

    /// `arn:aws:<service>:<region>:<account>:<resource>` in this Region.
    pub fn arn(&self, service: &str, account: &AccountId, resource: &str) -> String {
        format!("arn:aws:{service}:{}:{account}:{resource}", self.region)
    }

    /// Carries out one operation of one service.
    ///
    /// # Errors
    /// Whatever the service answers.
    pub fn call(
        &mut self,
        caller: &Caller,
        service: services::Service,
        operation: &str,
        input: serde_json::Value,
    ) -> Result<serde_json::Value, AwsError> {
        services::call(self, caller, service, operation, input)
    }

    /// Sets a timer: after this span, [`World::run_due`] hands it back to its service.
    pub fn set_timer(&mut self, account: &AccountId, after: Duration, timer: Timer) {
        let due = self.now() + after;
        self.timers_set += 1;
        self.timers.insert((due, self.timers_set), (account.clone(), timer));
    }

    /// Takes back the timers of an account that match.
    pub fn forget_timers(&mut self, account: &AccountId, matches: impl Fn(&Timer) -> bool) {
        self.timers.retain(|_, (owner, timer)| owner != account || !matches(timer));
    }

    /// When the next timer is due.
    pub fn next_due(&self) -> Option<DateTime<Utc>> {
        self.timers.first_key_value().map(|((due, _), _)| *due)
    }

    /// When the next timer is due that is not a schedule's, nor a look at a pipeline's source.
    pub fn next_work_due(&self) -> Option<DateTime<Utc>> {
        self.timers.iter().find(|(_, (_, timer))| !timer.recurs()).map(|((due, _), _)| *due)
    }

    /// Whether a function runs, or is about to.
    pub fn runs_a_function(&self) -> bool {
        lambda::is_running(self)
    }

    /// Runs every timer that is due, in order, including those that they set for at once. Returns how
    /// many ran.
    pub fn run_due(&mut self) -> usize {
        let mut ran = 0;
        while ran < TIMERS_PER_RUN_MAX {
            let now = self.now();
            let Some(first) = self.timers.first_entry().filter(|entry| entry.key().0 <= now) else { break };
            let (account, timer) = first.remove();
            services::due(self, &account, timer);
            ran += 1;
        }
        ran
    }

    /// Moves a manual clock to the next timer and runs what is due. False when nothing is left to happen.
    pub fn step(&mut self) -> bool {
        let Some(due) = self.next_due() else { return false };
        self.clock.set(due);
        self.run_due() > 0
    }

    /// The state as text, for [`World::load`].
    ///
    /// # Errors
    /// When it cannot be serialized, which is a fault of the local accounts.
    pub fn save(&self) -> Result<String, serde_json::Error> {
        #[derive(Serialize)]
        struct Borrowed<'a> {
            ids: &'a Ids,
            accounts: &'a BTreeMap<AccountId, AccountState>,
            timers: Vec<(DateTime<Utc>, &'a AccountId, &'a Timer)>,
        }
        let timers = self.timers.iter().map(|((due, _), (account, timer))| (*due, account, timer)).collect();
        serde_json::to_string(&Borrowed { ids: &self.ids, accounts: &self.accounts, timers })
    }

    /// Takes over the state that [`World::save`] wrote. Accounts that it does not name stay empty.
    ///
    /// # Errors
    /// When the text is not such a state.
    pub fn load(&mut self, text: &str) -> Result<(), serde_json::Error> {
        let saved: Saved = serde_json::from_str(text)?;
        self.ids = saved.ids;
        self.accounts.extend(saved.accounts);
        for (due, account, timer) in saved.timers {
            self.timers_set += 1;
            self.timers.insert((due, self.timers_set), (account, timer));
        }
        Ok(())
    }
}

fn unknown_account(id: &AccountId) -> AwsError {
    AwsError::new(
        "UnrecognizedClientException",
        format!("The security token included in the request is invalid: there is no account {id} here"),
    )
}
