//! AWS's answer when it says no.

use serde_json::{Map, Value};

/// An error as a service returns it: the code a client switches on, the text a person reads, and the
/// members that some errors carry beside it.
#[derive(Debug, Clone, PartialEq)]
pub struct AwsError {
    /// The error code, such as `BranchDoesNotExistException`.
    pub code: String,
    /// The text for people.
    pub message: String,
    /// The HTTP status: 400 for a caller's fault, 500 and above for the service's.
    pub status: u16,
    /// Modelled members beside the message, such as `lastValidByteReceived` of `InvalidLayerPartException`.
    pub members: Map<String, Value>,
}

impl AwsError {
    /// The caller's fault (HTTP 400), as nearly all of AWS's modelled errors are.
    pub fn new(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self { code: code.into(), message: message.into(), status: 400, members: Map::new() }
    }

    /// The same error with another HTTP status.
    #[must_use]
    pub fn with_status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    /// The same error with one more modelled member.
    #[must_use]
    pub fn with_member(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.members.insert(name.to_owned(), value.into());
        self
    }

    /// `AccessDeniedException`, worded as AWS words it.
    pub fn access_denied(principal: &str, action: &str, resource: &str, because: &str) -> Self {
        Self::new(
            "AccessDeniedException",
            format!(
                "User: {principal} is not authorized to perform: {action} on resource: {resource} because {because}"
            ),
        )
    }

    /// What AWS has and the local accounts do not (yet): refused loudly, by name, so that nobody mistakes
    /// a gap here for an answer of AWS.
    pub fn not_in_local_aws(what: impl std::fmt::Display) -> Self {
        Self::new("NotInLocalAws", format!("the local accounts do not know {what}; AWS may")).with_status(501)
    }
}

impl std::fmt::Display for AwsError {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}: {}", self.code, self.message)
    }
}

impl std::error::Error for AwsError {}

impl From<std::io::Error> for AwsError {
    fn from(error: std::io::Error) -> Self {
        Self::new("InternalFailure", format!("the local store failed: {error}")).with_status(500)
    }
}
