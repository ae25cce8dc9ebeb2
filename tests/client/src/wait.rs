//! Waiting for something to become true.

use std::fmt;
use std::time::{Duration, Instant};

/// The first pause between two looks; it doubles up to [`PAUSE_MAX`].
const PAUSE_MIN: Duration = Duration::from_millis(10);
/// The longest pause between two looks.
const PAUSE_MAX: Duration = Duration::from_millis(500);

/// What one look saw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen<T> {
    /// It is so; no need to look again.
    Done(T),
    /// Not yet; what is there instead, in a few words.
    NotYet(String),
}

/// The time was up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimedOut {
    /// What was waited for.
    pub what: String,
    /// How long.
    pub at_most: Duration,
    /// What the last look saw.
    pub last_seen: String,
}

impl fmt::Display for TimedOut {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, at_most, last_seen } = self;
        write!(formatter, "waited {at_most:?} for {what}; last seen: {last_seen}")
    }
}

impl std::error::Error for TimedOut {}

/// Looks again and again until it is so, at most for this long.
///
/// # Errors
/// [`TimedOut`], with what the last look saw.
pub fn until<T>(what: &str, at_most: Duration, look: impl FnMut() -> Seen<T>) -> Result<T, TimedOut> {
    until_telling(what, at_most, |_| {}, look)
}

/// The same, and tells what it sees whenever that changes.
///
/// # Errors
/// As [`until`].
pub fn until_telling<T>(
    what: &str,
    at_most: Duration,
    mut tell: impl FnMut(&str),
    mut look: impl FnMut() -> Seen<T>,
) -> Result<T, TimedOut> {
    let end = Instant::now() + at_most;
    let mut pause = PAUSE_MIN;
    let mut last_seen = String::new();
    loop {
        match look() {
            Seen::Done(value) => return Ok(value),
            Seen::NotYet(seen) => {
                if seen != last_seen {
                    tell(&seen);
                    last_seen = seen;
                }
            }
        }
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(TimedOut { what: what.to_owned(), at_most, last_seen });
        }
        std::thread::sleep(pause.min(left));
        pause = (pause * 2).min(PAUSE_MAX);
    }
}

#[cfg(test)]
mod tests {
    use super::{Seen, until, until_telling};
    use std::time::Duration;

    #[test]
    fn what_is_so_already_is_not_waited_for() {
        assert_eq!(until("it", Duration::ZERO, || Seen::Done(7)), Ok(7));
    }

    #[test]
    fn the_time_is_up_with_what_was_seen_last() {
        let out =
            until::<()>("a commit", Duration::ZERO, || Seen::NotYet("no commit".to_owned())).unwrap_err();
        assert_eq!(out.to_string(), "waited 0ns for a commit; last seen: no commit");
    }

    #[test]
    fn only_what_changes_is_told() {
        let mut told = Vec::new();
        let mut looks = 0;
        let tell = |seen: &str| told.push(seen.to_owned());
        let done = until_telling("three looks", Duration::from_secs(5), tell, || {
            looks += 1;
            if looks == 4 { Seen::Done(looks) } else { Seen::NotYet(format!("look {}", looks / 3)) }
        });
        assert_eq!((done, told), (Ok(4), vec!["look 0".to_owned(), "look 1".to_owned()]));
    }
}
