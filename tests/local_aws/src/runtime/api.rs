//! The Lambda Runtime API, which every process has for itself.

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::{get, post};
use tokio::sync::{mpsc, oneshot};

/// The longest answer that Lambda takes.
pub(super) const ANSWER_BYTES_MAX: usize = 6_291_556;

/// An event as the process is given it.
#[derive(Debug)]
pub(super) struct Event {
    pub(super) request_id: String,
    pub(super) deadline_milliseconds: u128,
    pub(super) function_arn: String,
    pub(super) payload: String,
}

/// What the process said.
#[derive(Debug)]
pub(super) enum Said {
    /// It wants its next event.
    Next(oneshot::Sender<Event>),
    /// It answered.
    Answer { request_id: String, body: Bytes },
    /// It reported an error.
    Error { request_id: String, body: Bytes },
    /// It could not begin.
    InitError { body: Bytes },
}

type Sender = mpsc::Sender<Said>;

/// The API of one process.
pub(super) fn router(said: Sender) -> Router {
    Router::new()
        .route("/2018-06-01/runtime/invocation/next", get(next))
        .route("/2018-06-01/runtime/invocation/{request_id}/response", post(answer))
        .route("/2018-06-01/runtime/invocation/{request_id}/error", post(error))
        .route("/2018-06-01/runtime/init/error", post(init_error))
        .layer(DefaultBodyLimit::max(ANSWER_BYTES_MAX))
        .with_state(said)
}

async fn next(State(said): State<Sender>) -> Response {
    let (reply, event) = oneshot::channel();
    if said.send(Said::Next(reply)).await.is_err() {
        return status(StatusCode::GONE);
    }
    let Ok(event) = event.await else { return status(StatusCode::GONE) };
    let built = Response::builder()
        .header("content-type", "application/json")
        .header("lambda-runtime-aws-request-id", &event.request_id)
        .header("lambda-runtime-deadline-ms", event.deadline_milliseconds.to_string())
        .header("lambda-runtime-invoked-function-arn", event.function_arn)
        .header("lambda-runtime-trace-id", trace_id(&event.request_id))
        .body(Body::from(event.payload));
    built.unwrap_or_else(|_| status(StatusCode::INTERNAL_SERVER_ERROR))
}

/// A trace that nobody follows, made of the request id's digits.
fn trace_id(request_id: &str) -> String {
    let digits: String =
        request_id.chars().filter(char::is_ascii_hexdigit).chain("0".repeat(32).chars()).collect();
    let part = |from: usize, to: usize| digits.get(from..to).unwrap_or_default();
    format!("Root=1-{}-{};Parent={};Sampled=0", part(0, 8), part(8, 32), part(8, 24))
}

async fn answer(State(said): State<Sender>, Path(request_id): Path<String>, body: Bytes) -> Response {
    pass_on(&said, Said::Answer { request_id, body }).await
}

async fn error(State(said): State<Sender>, Path(request_id): Path<String>, body: Bytes) -> Response {
    pass_on(&said, Said::Error { request_id, body }).await
}

async fn init_error(State(said): State<Sender>, body: Bytes) -> Response {
    pass_on(&said, Said::InitError { body }).await
}

async fn pass_on(said: &Sender, what: Said) -> Response {
    match said.send(what).await {
        Ok(()) => status(StatusCode::ACCEPTED),
        Err(_) => status(StatusCode::GONE),
    }
}

fn status(status: StatusCode) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}
