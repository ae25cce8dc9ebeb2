//! Blobs as they are read.

use super::downloads;
use super::error::RegistryError;
use super::session::Session;
use crate::services::ecr::digest::is_sha256;
use crate::services::ecr::layers;
use axum::body::Body;
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::Response;
use serde_json::{Value, json};
use std::fs::File;

/// Whether the repository has the blob, and how long it is.
pub(super) fn head(session: &Session, name: &str, digest: &str) -> Result<Response, RegistryError> {
    check_digest(digest)?;
    let input = json!({"repositoryName": name, "layerDigests": [digest]});
    let answer = session.perform("BatchCheckLayerAvailability", input)?;
    let size = answer.value.pointer("/layers/0/layerSize").and_then(Value::as_u64);
    let size = size.ok_or_else(|| unknown(digest))?.to_string();
    let headers = [
        ("content-type", "application/octet-stream"),
        ("content-length", size.as_str()),
        ("accept-ranges", "bytes"),
        ("docker-content-digest", digest),
    ];
    Ok(answer.deliver(super::response(StatusCode::OK, &headers, Body::empty())))
}

/// The blob's bytes. As in ECR, an image of the repository must use it.
pub(super) fn get(
    session: &Session,
    name: &str,
    digest: &str,
    headers: &HeaderMap,
) -> Result<Response, RegistryError> {
    check_digest(digest)?;
    let input = json!({"repositoryName": name, "layerDigest": digest});
    let answer = session.perform("GetDownloadUrlForLayer", input)?;
    let (path, pace) = {
        let world = session.local.lock();
        (layers::path(&world, &session.login.registry, digest), downloads::Pace::of(&world))
    };
    let file = File::open(path).map_err(|_| unknown(digest))?;
    let more = [("docker-content-digest", digest)];
    Ok(answer.deliver(downloads::serve((file, pace), &Method::GET, headers, &more)))
}

pub(super) fn check_digest(digest: &str) -> Result<(), RegistryError> {
    if is_sha256(digest) {
        return Ok(());
    }
    let shown = digest.escape_debug();
    Err(RegistryError::digest_invalid(format!(
        "`{shown}` is not a digest: expected sha256:<64 hexadecimal digits>"
    )))
}

fn unknown(digest: &str) -> RegistryError {
    let message = format!("the repository has no blob {digest}");
    RegistryError::new(StatusCode::NOT_FOUND, "BLOB_UNKNOWN", message)
}
