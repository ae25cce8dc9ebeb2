//! The way of a function's call to the local accounts: the SDK's own request, handed over without a socket.

use crate::crash::{CURRENT, Invocation, Moment};
use crate::planted::{Plant, Planted};
use crate::watch::Watch;
use crate::weather::{Fate, Weather};
use crate::{Accounts, Environment, Failure};
use aws::Transfers;
use aws_smithy_async::time::{SharedTimeSource, TimeSource};
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpClient, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use axum::body::Body;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Duration, Utc};
use http_body_util::{BodyExt, StreamBody};
use local_aws::services::sts;
use local_aws::wire::InProcess;
use local_aws::{LocalAws, World};
use parking_lot::Mutex;
use serde_json::Value;
use std::sync::Arc;
use std::time::SystemTime;
use tokio::time::Instant;

/// One call, as a function makes it.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    /// Where the function runs.
    pub environment: Environment,
    /// The function's name in the account.
    pub function: String,
    /// The account that it is made in, where it is signed.
    pub account: Option<String>,
    /// `CreateCommit`, …
    pub operation: String,
    /// Its input.
    pub input: Value,
}

/// The wire between all functions and all accounts.
#[derive(Debug, Clone)]
pub(crate) struct Wire {
    local: LocalAws,
    door: InProcess,
    began: (Instant, DateTime<Utc>),
    pub(crate) weather: Arc<Mutex<Weather>>,
    pub(crate) watch: Arc<Mutex<Watch>>,
    plant: Option<Arc<Mutex<Plant>>>,
}

impl Wire {
    /// A wire in the time of this task's runtime, which must be one that is paused.
    pub(crate) fn new(accounts: &Accounts, weather: Weather, planted: Option<Planted>) -> Self {
        let local = &accounts.local;
        Self {
            local: local.clone(),
            door: accounts.door.clone(),
            watch: Arc::default(),
            began: (Instant::now(), local.lock().now()),
            weather: Arc::new(Mutex::new(weather)),
            plant: planted.map(|planted| Arc::new(Mutex::new(Plant::new(planted)))),
        }
    }

    pub(crate) fn local(&self) -> &LocalAws {
        &self.local
    }

    /// The accounts' clock shows the runtime's time, and what is due by then happens.
    pub(crate) fn keep_time(&self) {
        let mut world = self.local.lock();
        let (began, showed) = self.began;
        let passed = Duration::from_std(began.elapsed()).unwrap_or_default();
        world.clock.set(showed + passed);
        world.run_due();
    }

    /// What the SDK's clients send their requests through.
    pub(crate) fn http_client(&self) -> SharedHttpClient {
        let connector = SharedHttpConnector::new(self.clone());
        http_client_fn(move |_, _| connector.clone())
    }

    /// What the copier sends layers through: the same wire.
    pub(crate) fn transfers(&self) -> Transfers {
        Transfers::from(SharedHttpConnector::new(self.clone()))
    }

    /// The accounts' clock as the functions read it.
    pub(crate) fn time_source(&self) -> SharedTimeSource {
        SharedTimeSource::new(WorldTime(self.clone()))
    }

    async fn carry(&self, request: HttpRequest) -> Result<HttpResponse, ConnectorError> {
        let other = |error: Failure| ConnectorError::other(error, None);
        let invocation = CURRENT.try_with(Arc::clone).map_err(|error| other(error.into()))?;
        let number = invocation.count();
        let latency = self.weather.lock().latency();
        if !latency.is_zero() {
            tokio::time::sleep(latency).await;
        }
        self.keep_time();
        invocation.pass(number, Moment::Before).await;
        let request = request.try_into_http1x().map_err(|error| other(error.into()))?;
        let (parts, body) = request.into_parts();
        // A layer's bytes may never come whole.
        let sent = body.collect().await.map_err(ConnectorError::user)?.to_bytes();
        let mut call = Call::of(&self.local.lock(), &invocation, &parts, &sent);
        let fate = self.weather.lock().fate(&mut self.local.lock(), &call);
        if fate == Fate::LostBefore {
            std::future::pending::<()>().await;
        }
        self.watch.lock().before(self.local.lock().now(), &invocation, &call);
        let answer = match self.plant.as_ref().and_then(|plant| plant.lock().before(&self.local, &mut call)) {
            Some(answer) => Some(answer.into_response()),
            None => {
                // What is no JSON goes as it came.
                let body = match &call.input {
                    Value::Null => Body::from(sent),
                    input => Body::from(input.to_string()),
                };
                let answer = self.door.answer(axum::http::Request::from_parts(parts, body)).await;
                self.watch.lock().after(&self.local, &invocation, &call);
                answer
            }
        };
        invocation.pass(number, Moment::After).await;
        if fate == Fate::LostAfter {
            std::future::pending::<()>().await;
        }
        let Some(response) = answer else {
            let closed = std::io::Error::from(std::io::ErrorKind::ConnectionAborted);
            return Err(ConnectorError::io(closed.into()));
        };
        let response = received(response).await?;
        Ok(match &self.plant {
            Some(plant) => plant.lock().after(&self.local, &call, response),
            None => response,
        })
    }
}

impl Call {
    /// Whether it is made in another account than the function's.
    pub(crate) fn is_across(&self) -> bool {
        self.account.as_ref().is_some_and(|account| account != self.environment.account())
    }

    fn of(world: &World, invocation: &Invocation, parts: &Parts, body: &[u8]) -> Self {
        let target = parts.headers.get("x-amz-target").and_then(|target| target.to_str().ok());
        let operation = target.and_then(|target| target.rsplit('.').next()).unwrap_or_else(|| bare(parts));
        let input =
            if target.is_some() { serde_json::from_slice(body).unwrap_or_default() } else { Value::Null };
        let (environment, function) = (invocation.environment, invocation.function.clone());
        let account = account(world, &parts.headers);
        Self { environment, function, account, operation: operation.to_owned(), input }
    }
}

/// The account that a request is signed in.
fn account(world: &World, headers: &HeaderMap) -> Option<String> {
    let (_, scope) = headers.get("authorization")?.to_str().ok()?.split_once("Credential=")?;
    let caller = sts::caller_of(world, scope.split('/').next()?).ok()?;
    Some(caller.account.to_string())
}

/// The operation of a request that names none: of the registry's endpoint, of a layer's address, or of STS.
fn bare(parts: &Parts) -> &'static str {
    match (parts.uri.path(), &parts.method) {
        (path, _) if path.starts_with("/_layers/") => "DownloadLayer",
        (path, &Method::POST) if path.starts_with("/v2/") => "InitiateLayerUpload",
        (path, _) if path.starts_with("/v2/") => "CompleteLayerUpload",
        _ => "AssumeRole",
    }
}

/// The response as the SDK receives it; one that breaks off breaks off in its hands.
async fn received(response: Response) -> Result<HttpResponse, ConnectorError> {
    let (parts, mut body) = response.into_parts();
    let mut frames = Vec::new();
    let mut is_broken = false;
    while let Some(frame) = body.frame().await {
        is_broken = frame.is_err();
        frames.push(frame.map_err(|error| error.to_string()));
    }
    let body = if is_broken {
        SdkBody::from_body_1_x(StreamBody::new(futures_util::stream::iter(frames)))
    } else {
        let data = frames.into_iter().filter_map(|frame| frame.ok()?.into_data().ok());
        SdkBody::from(data.fold(Vec::new(), |mut whole, data| {
            whole.extend_from_slice(&data);
            whole
        }))
    };
    let response = axum::http::Response::from_parts(parts, body);
    HttpResponse::try_from(response).map_err(|error| ConnectorError::other(error.into(), None))
}

impl HttpConnector for Wire {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let wire = self.clone();
        HttpConnectorFuture::new(async move { wire.carry(request).await })
    }
}

/// The accounts' clock, in the standard library's words.
#[derive(Debug)]
struct WorldTime(Wire);

impl TimeSource for WorldTime {
    fn now(&self) -> SystemTime {
        SystemTime::from(self.0.local.lock().now())
    }
}
