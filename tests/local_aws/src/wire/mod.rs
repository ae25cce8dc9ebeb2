//! HTTP on one loopback port: finds out who calls which operation, and answers in the protocol that the
//! client spoke.

pub(crate) mod admin;
pub(crate) mod aws;
pub(crate) mod credentials;
pub(crate) mod git;
mod in_process;
pub(crate) mod lambda;
pub(crate) mod perform;
pub(crate) mod query;
pub(crate) mod registry;
pub(crate) mod rest;
pub(crate) mod scheduler;
pub(crate) mod server;
pub(crate) mod xml;

use crate::shared::LocalAws;
use axum::Router;
pub use in_process::InProcess;

/// Everything that the port answers.
pub fn router(local: LocalAws) -> Router {
    Router::new()
        .merge(admin::router())
        .merge(git::router())
        .merge(lambda::router())
        .merge(registry::router())
        .merge(scheduler::router())
        .fallback(aws::answer)
        .with_state(local)
}
