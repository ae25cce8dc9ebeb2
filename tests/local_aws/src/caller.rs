//! Who calls.

use crate::names::AccountId;
use serde::{Deserialize, Serialize};

/// The principal behind a request, found by its access key id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Caller {
    /// The account the principal belongs to; what it addresses may lie in another.
    pub account: AccountId,
    /// What it may do.
    pub identity: Identity,
}

/// The kinds of principal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Identity {
    /// A person with every right in the account: the access key id was the account id.
    Administrator,
    /// A session of a role: IAM decides call by call.
    Role {
        /// The role's name.
        role: String,
        /// The session's name; Lambda uses the function's name.
        session: String,
    },
    /// AWS itself, acting for a service such as `events.amazonaws.com`.
    Service(String),
}

impl Caller {
    /// The person who owns the account.
    pub fn administrator(account: &AccountId) -> Self {
        Self { account: account.clone(), identity: Identity::Administrator }
    }

    /// AWS, acting in this account for one of its services.
    pub fn service(account: &AccountId, principal: &str) -> Self {
        Self { account: account.clone(), identity: Identity::Service(principal.to_owned()) }
    }

    /// A role's session.
    pub fn role(account: &AccountId, role: &str, session: &str) -> Self {
        Self {
            account: account.clone(),
            identity: Identity::Role { role: role.to_owned(), session: session.to_owned() },
        }
    }

    /// The ARN that events and error messages name.
    pub fn arn(&self) -> String {
        match &self.identity {
            Identity::Administrator => format!("arn:aws:iam::{}:user/administrator", self.account),
            Identity::Role { role, session } => {
                format!("arn:aws:sts::{}:assumed-role/{role}/{session}", self.account)
            }
            Identity::Service(principal) => principal.clone(),
        }
    }

    /// The short name that the journal shows: `administrator`, a role's session, or a service.
    pub fn short_name(&self) -> &str {
        match &self.identity {
            Identity::Administrator => "administrator",
            Identity::Role { session, .. } => session,
            Identity::Service(principal) => principal,
        }
    }
}
