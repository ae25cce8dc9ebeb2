//! What SSM says of the Automation execution in whose name a request comes.

use std::collections::BTreeMap;

/// An execution of an Automation document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AutomationExecution {
    /// The document's name.
    pub document: String,
    /// What it was started with. Parameters that were left to their defaults may be missing.
    pub parameters: BTreeMap<String, Vec<String>>,
    /// How far it is.
    pub status: AutomationStatus,
    /// The execution that started it, if no person did.
    pub parent: Option<String>,
    /// The ARN of who started it.
    pub executed_by: Option<String>,
}

/// How far an Automation execution is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AutomationStatus {
    /// It runs.
    InProgress,
    /// Anything else, in SSM's word.
    Other(String),
}
