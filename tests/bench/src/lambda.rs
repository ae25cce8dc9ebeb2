//! The Lambda Runtime API for one process, with a clock at the door.

use crate::Failure;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::{get, post};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio::sync::{Mutex, mpsc};
use tokio::task::JoinHandle;

/// How long a process may take for anything.
const PATIENCE: Duration = Duration::from_secs(60);

/// The answer to one event.
#[derive(Debug)]
pub(crate) struct Answered {
    /// When it arrived.
    pub(crate) at: Instant,
    /// What it says.
    pub(crate) body: String,
}

enum Said {
    /// It asks for an event.
    Waits,
    Answers(Answered),
    Fails(String),
}

#[derive(Clone)]
struct Door {
    said: mpsc::UnboundedSender<Said>,
    events: Arc<Mutex<mpsc::UnboundedReceiver<String>>>,
    function_arn: Arc<str>,
}

/// The Runtime API of one process.
pub(crate) struct RuntimeApi {
    handle: Handle,
    address: String,
    events: mpsc::UnboundedSender<String>,
    said: mpsc::UnboundedReceiver<Said>,
    server: JoinHandle<()>,
}

impl RuntimeApi {
    /// Serves it on a port of its own.
    pub(crate) fn start(handle: &Handle, function_arn: &str) -> Result<Self, Failure> {
        let listener = handle.block_on(TcpListener::bind("127.0.0.1:0"))?;
        let address = listener.local_addr()?.to_string();
        let (said_sender, said) = mpsc::unbounded_channel();
        let (events, receiver) = mpsc::unbounded_channel();
        let door = Door {
            said: said_sender,
            events: Arc::new(Mutex::new(receiver)),
            function_arn: Arc::from(function_arn),
        };
        let server = handle.spawn(async move {
            // It ends with the process that it serves.
            let _ = axum::serve(listener, router(door)).await;
        });
        Ok(Self { handle: handle.clone(), address, events, said, server })
    }

    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// Hands an event to the process as soon as it asks.
    pub(crate) fn send(&self, event: &str) -> Result<(), Failure> {
        Ok(self.events.send(event.to_owned())?)
    }

    /// The process's answer, once it has given it and waits for its next event.
    pub(crate) fn answer(&mut self) -> Result<Answered, Failure> {
        let mut answered = None;
        loop {
            let said = self.handle.block_on(async { tokio::time::timeout(PATIENCE, self.said.recv()).await });
            let said = said.map_err(|_| format!("no answer within {} seconds", PATIENCE.as_secs()))?;
            match (said.ok_or("the Runtime API has ended")?, answered) {
                (Said::Waits, Some(answered)) => return Ok(answered),
                (Said::Waits, None) => answered = None,
                (Said::Answers(answer), _) => answered = Some(answer),
                (Said::Fails(error), _) => return Err(format!("the handler failed: {error}").into()),
            }
        }
    }
}

impl Drop for RuntimeApi {
    fn drop(&mut self) {
        self.server.abort();
    }
}

fn router(door: Door) -> Router {
    let invocation = "/2018-06-01/runtime/invocation";
    Router::new()
        .route(&format!("{invocation}/next"), get(next))
        .route(&format!("{invocation}/{{request_id}}/response"), post(answer))
        .route(&format!("{invocation}/{{request_id}}/error"), post(fail))
        .route("/2018-06-01/runtime/init/error", post(fail))
        .with_state(door)
}

async fn next(State(door): State<Door>) -> Response {
    // Nobody listens any more once the measurement is over.
    let _ = door.said.send(Said::Waits);
    let Some(event) = door.events.lock().await.recv().await else { return status(StatusCode::GONE) };
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default() + PATIENCE;
    let built = Response::builder()
        .header("content-type", "application/json")
        .header("lambda-runtime-aws-request-id", "8476a536-e9f4-11e8-9739-2dfe598c3fcd")
        .header("lambda-runtime-deadline-ms", since.as_millis().to_string())
        .header("lambda-runtime-invoked-function-arn", &*door.function_arn)
        .body(Body::from(event));
    built.unwrap_or_else(|_| status(StatusCode::INTERNAL_SERVER_ERROR))
}

async fn answer(State(door): State<Door>, body: Bytes) -> Response {
    let at = Instant::now();
    pass_on(&door, Said::Answers(Answered { at, body: text(&body) }))
}

async fn fail(State(door): State<Door>, body: Bytes) -> Response {
    pass_on(&door, Said::Fails(text(&body)))
}

fn pass_on(door: &Door, said: Said) -> Response {
    // As in `next`.
    let _ = door.said.send(said);
    status(StatusCode::ACCEPTED)
}

fn text(body: &Bytes) -> String {
    String::from_utf8_lossy(body).into_owned()
}

fn status(status: StatusCode) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}
