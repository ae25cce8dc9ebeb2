//! Blobs on their way in: streamed to disk and hashed while they come, counted when they are there.

use super::blobs::check_digest;
use super::error::RegistryError;
use super::session::{Answer, Session};
use crate::error::AwsError;
use crate::services::ecr::staging::{PartWriter, Target};
use crate::services::ecr::{layers, uploads};
use axum::body::{Body, Bytes, HttpBody as _};
use axum::extract::{Query, Request};
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::Response;
use http_body_util::BodyExt;
use serde::Deserialize;
use serde_json::{Value, json};
use std::io;
use tokio::sync::mpsc;

/// How many pieces of a body may wait for the disk.
const PIECES_AHEAD: usize = 16;
/// The largest body that is written without a thread.
const BYTES_AT_ONCE_MAX: u64 = 64 * 1024;

/// What the query of an upload says. Other members are other registries' and are passed over, as the
/// specification asks.
#[derive(Debug, Default, Deserialize)]
struct UploadQuery {
    digest: Option<String>,
    mount: Option<String>,
    from: Option<String>,
}

fn query(uri: &Uri) -> UploadQuery {
    Query::try_from_uri(uri).map(|Query(query)| query).unwrap_or_default()
}

/// Begins an upload, or makes it needless: by mounting the blob, or by taking the whole body at once.
pub(super) async fn begin(
    session: &Session,
    name: &str,
    request: Request,
) -> Result<Response, RegistryError> {
    let query = query(request.uri());
    if let (Some(digest), Some(from)) = (&query.mount, &query.from) {
        check_digest(digest)?;
        if mount(session, name, digest, from)? {
            return Ok(created(name, digest));
        }
    }
    if let Some(digest) = &query.digest {
        check_digest(digest)?;
    }
    let answer = session.perform("InitiateLayerUpload", json!({"repositoryName": name}))?;
    let id = answer.value.get("uploadId").and_then(Value::as_str).unwrap_or_default();
    match &query.digest {
        None => Ok(answer.deliver(accepted(StatusCode::ACCEPTED, name, id, 0))),
        Some(digest) => {
            receive(session, name, id, request).await?;
            finish(session, name, id, digest)
        }
    }
}

fn mount(session: &Session, name: &str, digest: &str, from: &str) -> Result<bool, RegistryError> {
    let mut world = session.local.lock();
    let login = &session.login;
    let mounted = layers::mount(&mut world, &login.caller, &login.registry, name, digest, from)?;
    if mounted {
        let subject = format!("repositoryName={name} mount={digest} from={}", from.escape_debug());
        session.note(&mut world, "InitiateLayerUpload", subject, "ok");
    }
    Ok(mounted)
}

/// Takes the next piece of a blob.
pub(super) async fn append(
    session: &Session,
    name: &str,
    id: &str,
    request: Request,
) -> Result<Response, RegistryError> {
    let answer = receive(session, name, id, request).await?;
    let received = received(session, name, id)?;
    let response = accepted(StatusCode::ACCEPTED, name, id, received);
    Ok(answer.map_or_else(
        || accepted(StatusCode::ACCEPTED, name, id, received),
        |answer| answer.deliver(response),
    ))
}

/// Takes the last piece, if there is one, and makes the blob.
pub(super) async fn complete(
    session: &Session,
    name: &str,
    id: &str,
    request: Request,
) -> Result<Response, RegistryError> {
    let digest = query(request.uri()).digest.unwrap_or_default();
    check_digest(&digest)?;
    receive(session, name, id, request).await?;
    finish(session, name, id, &digest)
}

fn finish(session: &Session, name: &str, id: &str, digest: &str) -> Result<Response, RegistryError> {
    let mut input = json!({"repositoryName": name, "uploadId": id, "layerDigests": [digest]});
    match session.try_perform("CompleteLayerUpload", &mut input)? {
        Ok(answer) => Ok(answer.deliver(created(name, digest))),
        Err(error) if error.code == "LayerAlreadyExistsException" => Ok(created(name, digest)),
        Err(error) => Err(error.into()),
    }
}

/// How far an upload has come.
pub(super) fn status(session: &Session, name: &str, id: &str) -> Result<Response, RegistryError> {
    let received = received(session, name, id)?;
    Ok(accepted(StatusCode::NO_CONTENT, name, id, received))
}

/// Forgets an upload.
pub(super) fn cancel(session: &Session, name: &str, id: &str) -> Result<Response, RegistryError> {
    let mut world = session.local.lock();
    uploads::cancel(&mut world, &session.login.caller, &target(session, name, id))?;
    Ok(super::response(StatusCode::NO_CONTENT, &[], Body::empty()))
}

fn received(session: &Session, name: &str, id: &str) -> Result<u64, AwsError> {
    uploads::received(&mut session.local.lock(), &session.login.caller, &target(session, name, id))
}

fn target(session: &Session, name: &str, id: &str) -> Target {
    Target { registry: session.login.registry.clone(), repository: name.to_owned(), upload_id: id.to_owned() }
}

/// Streams the body to the upload's file and counts it there; `None` when it is empty. A body that breaks
/// off leaves the upload where it was.
async fn receive(
    session: &Session,
    name: &str,
    id: &str,
    request: Request,
) -> Result<Option<Answer>, RegistryError> {
    let first = first_byte(request.headers())?;
    let caller = &session.login.caller;
    let writer = PartWriter::open(&session.local, caller, target(session, name, id), first, false)?;
    let writer = write(writer, request.into_body()).await.map_err(|error| {
        let message = format!("the body broke off: {error}");
        RegistryError::new(StatusCode::BAD_REQUEST, "BLOB_UPLOAD_INVALID", message)
    })?;
    let Some((part, _reservation)) = writer.finish() else { return Ok(None) };
    session.perform("UploadLayerPart", part).map(Some)
}

/// Hashes and writes: a body that is small by its own word at once, any other in a thread of its own, while the next
/// pieces arrive.
async fn write(mut writer: PartWriter, mut body: Body) -> io::Result<PartWriter> {
    if body.size_hint().upper().is_some_and(|bytes| bytes <= BYTES_AT_ONCE_MAX) {
        let whole = body.collect().await.map_err(io::Error::other)?;
        writer.write(&whole.to_bytes())?;
        return Ok(writer);
    }
    let (sender, mut receiver) = mpsc::channel::<Bytes>(PIECES_AHEAD);
    let written = tokio::task::spawn_blocking(move || {
        while let Some(piece) = receiver.blocking_recv() {
            writer.write(&piece)?;
        }
        Ok(writer)
    });
    while let Some(frame) = body.frame().await {
        let Ok(piece) = frame.map_err(io::Error::other)?.into_data() else { continue };
        if sender.send(piece).await.is_err() {
            // The writer has failed; its own error is the one to tell.
            break;
        }
    }
    drop(sender);
    written.await.map_err(io::Error::other)?
}

/// Where a chunk says that it begins: `Content-Range: <first>-<last>`, with or without `bytes` and the size.
fn first_byte(headers: &HeaderMap) -> Result<Option<u64>, RegistryError> {
    let Some(header) = headers.get(header::CONTENT_RANGE) else { return Ok(None) };
    let text = header.to_str().unwrap_or_default();
    let range = text.strip_prefix("bytes ").unwrap_or(text);
    let first = range.split('-').next().and_then(|first| first.trim().parse().ok());
    first.map(Some).ok_or_else(|| {
        let message = format!("Content-Range `{}`: expected <first>-<last>", text.escape_debug());
        RegistryError::new(StatusCode::RANGE_NOT_SATISFIABLE, "BLOB_UPLOAD_INVALID", message)
    })
}

fn accepted(status: StatusCode, name: &str, id: &str, received: u64) -> Response {
    let location = format!("/v2/{name}/blobs/uploads/{id}");
    let range = format!("0-{}", received.saturating_sub(1));
    let headers = [
        ("location", location.as_str()),
        ("range", &range),
        ("docker-upload-uuid", id),
        ("content-length", "0"),
    ];
    let shown = if status == StatusCode::NO_CONTENT { headers.get(..3) } else { Some(headers.as_slice()) };
    super::response(status, shown.unwrap_or_default(), Body::empty())
}

fn created(name: &str, digest: &str) -> Response {
    let location = format!("/v2/{name}/blobs/{digest}");
    let headers =
        [("location", location.as_str()), ("docker-content-digest", digest), ("content-length", "0")];
    super::response(StatusCode::CREATED, &headers, Body::empty())
}
