//! What a check is, and how it can end.

use crate::scene::Scene;
use client::ApiError;
use client::git::GitError;
use client::wait::TimedOut;
use std::fmt;

/// The code with which the local accounts refuse what they do not know.
const NOT_IN_LOCAL_AWS: &str = "NotInLocalAws";

/// One sentence about AWS that can be tried.
#[derive(Debug, Clone, Copy)]
pub struct Check {
    /// The service it is about.
    pub service: &'static str,
    /// The sentence.
    pub name: &'static str,
    /// Tries it.
    pub run: fn(&Scene) -> Verdict,
}

/// Why a check did not end with `ok`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stop {
    /// What was expected and what was seen.
    Failed(String),
    /// Why it could not be tried.
    NotTried(String),
}

/// How a check ended.
pub type Verdict = Result<(), Stop>;

impl Check {
    /// A check of `service`.
    pub const fn new(service: &'static str, name: &'static str, run: fn(&Scene) -> Verdict) -> Self {
        Self { service, name, run }
    }
}

impl fmt::Display for Stop {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(what) => write!(formatter, "FAILED {what}"),
            Self::NotTried(why) => write!(formatter, "not tried, because {why}"),
        }
    }
}

impl From<ApiError> for Stop {
    fn from(error: ApiError) -> Self {
        if error.code == NOT_IN_LOCAL_AWS {
            return Self::NotTried(error.message);
        }
        Self::Failed(format!("expected a success, saw {error}"))
    }
}

impl From<GitError> for Stop {
    fn from(error: GitError) -> Self {
        Self::Failed(error.to_string())
    }
}

impl From<TimedOut> for Stop {
    fn from(error: TimedOut) -> Self {
        Self::Failed(error.to_string())
    }
}

impl From<std::io::Error> for Stop {
    fn from(error: std::io::Error) -> Self {
        Self::Failed(format!("this side failed: {error}"))
    }
}
