//! The port's answers without a port: for clients in the same process.

use super::{router, server};
use crate::shared::LocalAws;
use axum::Router;
use axum::body::Body;
use axum::http::Request;
use axum::response::Response;
use hyper_util::service::TowerToHyperService;

/// The accounts as a client in the same process reaches them.
#[derive(Debug, Clone)]
pub struct InProcess {
    router: TowerToHyperService<Router>,
}

impl InProcess {
    /// A way to these accounts.
    pub fn new(local: &LocalAws) -> Self {
        Self { router: TowerToHyperService::new(router(local.clone())) }
    }

    /// The answer to one request, as the port would give it; none where the connection would close instead.
    pub async fn answer(&self, request: Request<Body>) -> Option<Response> {
        let answer = hyper::service::Service::call(&self.router, request).await;
        server::sent(answer.unwrap_or_else(|never| match never {}))
    }
}
