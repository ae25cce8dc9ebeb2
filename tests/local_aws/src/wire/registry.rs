//! The registry endpoint of the OCI distribution specification, over the same store as the ECR API.
//!
//! Each request is carried out as the ECR operations that AWS's own endpoint calls for it, so that permissions, faults and
//! the journal are one. The account comes from the login: `AWS` with a password of `GetAuthorizationToken`, or,
//! for people, the 12-digit account id with any password (`skopeo copy --dest-creds 111111111111:x …`).
//!
//! As with ECR, a push makes no repository, and nothing is deleted here but uploads: that is `BatchDeleteImage`'s.

mod blobs;
mod downloads;
mod error;
mod manifests;
mod route;
mod session;
mod uploads;

use crate::shared::LocalAws;
use axum::Router;
use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};
use error::RegistryError;
use route::Target;
use session::Session;

/// `/v2/…` for registry clients, and `/_layers/…`, where `GetDownloadUrlForLayer` sends the others.
pub(crate) fn router() -> Router<LocalAws> {
    Router::new()
        .route("/v2", any(version))
        .route("/v2/", any(version))
        .route("/v2/{*path}", any(answer))
        .route("/_layers/{account}/{digest}", get(downloads::download))
}

/// Says that this is a registry, to those who are logged in.
async fn version(State(local): State<LocalAws>, request: Request) -> Response {
    let answer = Session::open(&local, request.headers()).map(|_| StatusCode::OK.into_response());
    finished(answer)
}

async fn answer(State(local): State<LocalAws>, Path(path): Path<String>, request: Request) -> Response {
    finished(answer_target(&local, &path, request).await)
}

async fn answer_target(local: &LocalAws, path: &str, request: Request) -> Result<Response, RegistryError> {
    let session = Session::open(local, request.headers())?;
    let method = request.method().clone();
    match (Target::parse(path)?, method) {
        (Target::Blob { name, digest }, Method::HEAD) => blobs::head(&session, name, digest),
        (Target::Blob { name, digest }, Method::GET) => blobs::get(&session, name, digest, request.headers()),
        (Target::Uploads { name }, Method::POST) => uploads::begin(&session, name, request).await,
        (Target::Upload { name, id }, Method::PATCH) => uploads::append(&session, name, id, request).await,
        (Target::Upload { name, id }, Method::PUT) => uploads::complete(&session, name, id, request).await,
        (Target::Upload { name, id }, Method::GET) => uploads::status(&session, name, id),
        (Target::Upload { name, id }, Method::DELETE) => uploads::cancel(&session, name, id),
        (Target::Manifest { name, reference }, Method::GET | Method::HEAD) => {
            manifests::get(&session, name, reference, request.headers())
        }
        (Target::Manifest { name, reference }, Method::PUT) => {
            manifests::put(&session, name, reference, request).await
        }
        (Target::Tags { name }, Method::GET) => manifests::tags(&session, name, request.uri()),
        (Target::Referrers { name, digest }, Method::GET) => {
            manifests::referrers(&session, name, digest, request.uri())
        }
        (_, method) => Err(RegistryError::unsupported(format!(
            "{method} of /v2/{} is not supported here; images are deleted by BatchDeleteImage",
            path.escape_debug()
        ))),
    }
}

fn finished(answer: Result<Response, RegistryError>) -> Response {
    let mut response = answer.unwrap_or_else(IntoResponse::into_response);
    let version = HeaderValue::from_static("registry/2.0");
    response.headers_mut().insert("docker-distribution-api-version", version);
    response
}

/// A response of these parts; a header that cannot be written leaves it empty, which no client takes for good.
fn response(status: StatusCode, headers: &[(&str, &str)], body: Body) -> Response {
    let mut builder = Response::builder().status(status);
    for (name, value) in headers {
        builder = builder.header(*name, *value);
    }
    builder.body(body).unwrap_or_else(|_| StatusCode::INTERNAL_SERVER_ERROR.into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_that_cannot_be_written_is_no_success() {
        let response = response(StatusCode::OK, &[("location", "a\nb")], Body::empty());
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
    }
}
