//! Every call that reached the accounts, as text.

use chrono::{DateTime, Utc};
use std::collections::VecDeque;
use std::fmt;

/// How many entries are kept; older ones are dropped.
pub const ENTRIES_KEPT_MAX: usize = 100_000;

/// One call and its answer.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Counts up from 1, without gaps.
    pub number: u64,
    /// When it was answered.
    pub at: DateTime<Utc>,
    /// The account it was made in.
    pub account: String,
    /// Who made it: see [`crate::Caller::short_name`].
    pub caller: String,
    /// `codecommit`, `ecr`, …
    pub service: String,
    /// `CreateCommit`, …
    pub operation: String,
    /// What it was about, in a few words: names, ids, no bodies.
    pub subject: String,
    /// `ok`, or the error's code.
    pub answer: String,
}

impl fmt::Display for Entry {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { number, at: _, account, caller, service, operation, subject, answer } = self;
        write!(formatter, "{number:>5} {account} {caller}: {service} {operation} {subject} -> {answer}")
    }
}

/// The calls so far.
#[derive(Debug, Default)]
pub struct Journal {
    entries: VecDeque<Entry>,
    written: u64,
}

impl Journal {
    /// Adds an entry and gives it its number.
    pub fn write(&mut self, mut entry: Entry) {
        self.written += 1;
        entry.number = self.written;
        if self.entries.len() == ENTRIES_KEPT_MAX {
            self.entries.pop_front();
        }
        self.entries.push_back(entry);
    }

    /// The entries after number `after`, oldest first.
    pub fn after(&self, after: u64) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(move |entry| entry.number > after)
    }

    /// The number of the newest entry, 0 when there is none.
    pub fn last_number(&self) -> u64 {
        self.written
    }
}
