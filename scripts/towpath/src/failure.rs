//! Why a command could not be carried out, in one line, and what to do about it.

use crate::ending::Ending;
use aws::{CallError, CallErrorKind};

/// What ends a command early.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) ending: Ending,
    pub(crate) problem: String,
    pub(crate) hint: Option<String>,
}

/// AWS's codes for credentials that it does not take (any more).
const NOT_TAKEN: [&str; 7] = [
    "ExpiredToken",
    "ExpiredTokenException",
    "IncompleteSignatureException",
    "InvalidClientTokenId",
    "InvalidSignatureException",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
];

impl Failure {
    pub(crate) fn new(ending: Ending, problem: impl Into<String>) -> Self {
        Self { ending, problem: problem.into(), hint: None }
    }

    pub(crate) fn usage(problem: impl Into<String>) -> Self {
        Self::new(Ending::Usage, problem)
    }

    pub(crate) fn not_found(problem: impl Into<String>) -> Self {
        Self::new(Ending::NotFound, problem)
    }

    pub(crate) fn refused(problem: impl Into<String>) -> Self {
        Self::new(Ending::Refused, problem)
    }

    pub(crate) fn failed(problem: impl Into<String>) -> Self {
        Self::new(Ending::Failed, problem)
    }

    /// What to do about it.
    pub(crate) fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    /// A call that failed, in the environment `place`.
    pub(crate) fn of_call(place: &str, error: &CallError) -> Self {
        let problem = format!("{place}: {error}");
        if error.code().is_some_and(|code| NOT_TAKEN.contains(&code)) {
            let hint = "log in again, such as: aws sso login --profile <profile>";
            return Self::new(Ending::NoAccess, problem).hint(hint);
        }
        match error.kind() {
            CallErrorKind::Denied => Self::new(Ending::NoAccess, problem)
                .hint("ask who administers the account for this permission, or use another profile"),
            CallErrorKind::Transient | CallErrorKind::Rejected | CallErrorKind::Malformed => {
                Self::failed(problem)
            }
        }
    }
}
