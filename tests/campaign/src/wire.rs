//! The way of a function's call to the local accounts: the SDK's own request, handed over without a socket.

use crate::crash::{CURRENT, Moment};
use aws_smithy_async::time::{SharedTimeSource, TimeSource};
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpClient, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use chrono::{DateTime, Duration, Utc};
use http_body_util::{BodyExt, StreamBody};
use local_aws::LocalAws;
use local_aws::wire::InProcess;
use parking_lot::Mutex;
use serde_json::Value;
use std::sync::Arc;
use std::time::SystemTime;
use tokio::time::Instant;

/// One call, as a function makes it.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    /// The function's name in the account.
    pub function: String,
    /// `CodeCommit`, `AmazonEC2ContainerRegistry`, …: what stands before the version in the request's target.
    pub service: String,
    /// `CreateCommit`, …
    pub operation: String,
    /// Its input.
    pub input: Value,
}

/// What happens on the wire beside what is asked.
#[derive(Debug)]
pub(crate) struct Weather {
    pub(crate) random: fastrand::Rng,
    /// How many other things may happen before a call, at most.
    pub(crate) delay: usize,
    /// Every call so far, in a word.
    pub(crate) calls: u64,
}

/// The wire between all functions and all accounts.
#[derive(Debug, Clone)]
pub(crate) struct Wire {
    local: LocalAws,
    door: InProcess,
    began: (Instant, DateTime<Utc>),
    pub(crate) weather: Arc<Mutex<Weather>>,
}

impl Wire {
    /// A wire in the time of this task's runtime, which must be one that is paused.
    pub(crate) fn new(local: &LocalAws, seed: u64) -> Self {
        let weather = Weather { random: fastrand::Rng::with_seed(seed), delay: 0, calls: 0 };
        Self {
            local: local.clone(),
            door: InProcess::new(local),
            began: (Instant::now(), local.lock().now()),
            weather: Arc::new(Mutex::new(weather)),
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

    /// The accounts' clock as the functions read it.
    pub(crate) fn time_source(&self) -> SharedTimeSource {
        SharedTimeSource::new(WorldTime(self.clone()))
    }

    async fn carry(&self, request: HttpRequest) -> Result<HttpResponse, ConnectorError> {
        let invocation =
            CURRENT.try_with(Arc::clone).map_err(|error| ConnectorError::other(error.into(), None))?;
        let number = invocation.count();
        let others = {
            let mut weather = self.weather.lock();
            weather.calls += 1;
            let most = weather.delay;
            weather.random.usize(..=most)
        };
        for _ in 0..others {
            self.local.notify();
            tokio::task::yield_now().await;
        }
        self.keep_time();
        invocation.pass(number, Moment::Before).await;
        let request = request.try_into_http1x().map_err(|error| ConnectorError::other(error.into(), None))?;
        let (parts, body) = request.into_parts();
        let body = Bytes::copy_from_slice(body.bytes().unwrap_or_default());
        let request = axum::http::Request::from_parts(parts, Body::from(body));
        let answer = self.door.answer(request).await;
        invocation.pass(number, Moment::After).await;
        match answer {
            Some(response) => received(response).await,
            None => {
                let closed = std::io::Error::from(std::io::ErrorKind::ConnectionAborted);
                Err(ConnectorError::io(closed.into()))
            }
        }
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
