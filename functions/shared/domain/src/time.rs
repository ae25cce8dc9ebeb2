//! Points in time as AWS tells them and as the files of a repository write them. Nothing here asks for the time.

use std::fmt;
use std::time::Duration;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::names::InvalidName;

/// A point in time, in UTC; written as `2026-11-20T09:30:00Z`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Timestamp(DateTime<Utc>);

impl Timestamp {
    /// The point that an RFC 3339 text names.
    ///
    /// # Errors
    /// When the text is not one.
    pub fn parse(text: &str) -> Result<Self, InvalidName> {
        DateTime::parse_from_rfc3339(text)
            .map(|time| Self(time.with_timezone(&Utc)))
            .map_err(|_| InvalidName::new("time", text, "a time such as 2026-11-20T09:30:00Z"))
    }

    /// The point so many milliseconds after 1970; the ends of the calendar stand for what lies beyond them.
    #[must_use]
    pub fn from_epoch_milliseconds(milliseconds: i64) -> Self {
        let end = if milliseconds < 0 { DateTime::<Utc>::MIN_UTC } else { DateTime::<Utc>::MAX_UTC };
        Self(DateTime::from_timestamp_millis(milliseconds).unwrap_or(end))
    }

    /// The point so many seconds after 1970.
    #[must_use]
    pub fn from_epoch_seconds(seconds: i64) -> Self {
        Self::from_epoch_milliseconds(seconds.saturating_mul(1000))
    }

    /// Milliseconds since 1970.
    #[must_use]
    pub fn epoch_milliseconds(self) -> i64 {
        self.0.timestamp_millis()
    }

    /// How long after `earlier` this is; nothing if it is before.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        (self.0 - earlier.0).to_std().unwrap_or_default()
    }

    /// The point `duration` later.
    #[must_use]
    pub fn plus(self, duration: Duration) -> Self {
        let later = TimeDelta::from_std(duration).ok().and_then(|delta| self.0.checked_add_signed(delta));
        Self(later.unwrap_or(DateTime::<Utc>::MAX_UTC))
    }

    /// The point `duration` earlier.
    #[must_use]
    pub fn minus(self, duration: Duration) -> Self {
        let earlier = TimeDelta::from_std(duration).ok().and_then(|delta| self.0.checked_sub_signed(delta));
        Self(earlier.unwrap_or(DateTime::<Utc>::MIN_UTC))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0.to_rfc3339_opts(SecondsFormat::AutoSi, true))
    }
}

impl From<Timestamp> for String {
    fn from(time: Timestamp) -> Self {
        time.to_string()
    }
}

impl TryFrom<String> for Timestamp {
    type Error = InvalidName;

    fn try_from(text: String) -> Result<Self, InvalidName> {
        Self::parse(&text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_written_as_it_was_read() {
        for text in ["2026-11-20T09:30:00Z", "2026-11-20T09:30:00.250Z"] {
            assert_eq!(Timestamp::parse(text).unwrap().to_string(), text);
        }
        assert_eq!(
            Timestamp::parse("2026-11-20T10:30:00+01:00").unwrap().to_string(),
            "2026-11-20T09:30:00Z"
        );
    }

    #[test]
    fn what_is_not_a_time_is_refused() {
        let error = Timestamp::parse("yesterday").unwrap_err();
        assert_eq!(
            error.to_string(),
            "\"yesterday\" is not a time: expected a time such as 2026-11-20T09:30:00Z"
        );
    }

    #[test]
    fn durations_never_run_backwards() {
        let (early, late) = (Timestamp::from_epoch_seconds(100), Timestamp::from_epoch_seconds(160));
        assert_eq!(late.since(early), Duration::from_secs(60));
        assert_eq!(early.since(late), Duration::ZERO);
        assert_eq!(early.plus(Duration::from_secs(60)), late);
        assert_eq!(late.minus(Duration::from_secs(60)), early);
        assert_eq!(early.minus(Duration::MAX), Timestamp(DateTime::<Utc>::MIN_UTC));
        assert_eq!(
            Timestamp::from_epoch_seconds(i64::MAX).plus(Duration::MAX),
            Timestamp(DateTime::<Utc>::MAX_UTC)
        );
    }
}
