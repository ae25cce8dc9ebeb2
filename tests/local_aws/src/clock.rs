//! Time, real or under control.

use chrono::{DateTime, Duration, Utc};

/// What the local accounts take for now.
#[derive(Debug, Clone)]
pub enum Clock {
    /// The machine's clock.
    Real,
    /// Stands still until [`Clock::set`] moves it: for tests and replays.
    Manual(DateTime<Utc>),
}

impl Clock {
    /// The time it shows.
    pub fn now(&self) -> DateTime<Utc> {
        match self {
            Self::Real => DateTime::from(std::time::SystemTime::now()),
            Self::Manual(now) => *now,
        }
    }

    /// Moves a manual clock forward; never back, and a real clock not at all.
    pub fn set(&mut self, to: DateTime<Utc>) {
        if let Self::Manual(now) = self {
            *now = to.max(*now);
        }
    }
}

/// A time as AWS's JSON protocols write it: seconds since the epoch, with a fraction.
pub fn epoch(time: DateTime<Utc>) -> serde_json::Value {
    #[expect(clippy::cast_precision_loss, reason = "milliseconds since 1970 stay far below 2^53")]
    let seconds = time.timestamp_millis() as f64 / 1000.0;
    serde_json::json!(seconds)
}

/// A span of that many seconds and fractions of one.
pub fn seconds(count: f64) -> Duration {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "settings are seconds to hours, far below i64 milliseconds"
    )]
    let milliseconds = (count * 1000.0) as i64;
    Duration::milliseconds(milliseconds)
}
