//! `on_deployment_change`: how a deployment went, and what follows.

mod facts;

pub use facts::{EarlierRevision, OutcomeFacts};
