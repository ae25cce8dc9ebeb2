//! What only a person at a command line asks of AWS. No function is built with this.

mod automation;
mod functions;
mod git;
mod log;

pub use automation::{Automation, AutomationStatus};
pub use git::GitAccess;
pub use log::{SourceCommit, SourceLog};

use crate::connection::Connection;

/// One client per service that only a person asks.
#[derive(Debug, Clone)]
pub struct Operator {
    lambda: aws_sdk_lambda::Client,
    ssm: aws_sdk_ssm::Client,
}

impl Operator {
    /// Clients over this connection. No call is made yet.
    pub fn new(connection: &Connection) -> Self {
        let config = connection.sdk_config();
        Self { lambda: aws_sdk_lambda::Client::new(&config), ssm: aws_sdk_ssm::Client::new(&config) }
    }
}
