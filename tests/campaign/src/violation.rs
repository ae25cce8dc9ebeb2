//! What was broken.

use crate::Failure;
use local_aws::AwsError;
use std::fmt;

/// Why a history did not end well.
#[derive(Debug)]
pub enum Broken {
    /// An invariant is broken.
    Invariant(Violation),
    /// The campaign itself could not go on.
    Campaign(Failure),
}

impl From<Violation> for Broken {
    fn from(violation: Violation) -> Self {
        Self::Invariant(violation)
    }
}

impl From<Failure> for Broken {
    fn from(failure: Failure) -> Self {
        Self::Campaign(failure)
    }
}

impl From<AwsError> for Broken {
    fn from(error: AwsError) -> Self {
        Self::Campaign(error.into())
    }
}

impl fmt::Display for Broken {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Invariant(violation) => violation.fmt(formatter),
            Self::Campaign(failure) => write!(formatter, "the campaign cannot go on: {failure}"),
        }
    }
}

/// A broken invariant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Its number in ARCHITECTURE.md; 0 where nothing came to rest.
    pub invariant: u8,
    /// What happened.
    pub what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.invariant {
            0 => write!(formatter, "no rest: {}", self.what),
            number => write!(formatter, "invariant {number} is broken: {}", self.what),
        }
    }
}
