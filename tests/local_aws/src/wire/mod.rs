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
use axum::extract::{Request, State};
use axum::middleware::{self, Next};
use axum::response::Response;
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
        .layer(middleware::from_fn_with_state(local.clone(), count))
        .with_state(local)
}

async fn count(State(local): State<LocalAws>, request: Request, next: Next) -> Response {
    if !request.uri().path().starts_with("/_local/") {
        local.count_request();
    }
    next.run(request).await
}
