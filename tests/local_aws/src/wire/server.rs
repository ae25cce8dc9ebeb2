//! The listener, and replies that do not arrive whole.

use super::perform::Delivery;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{Request, header};
use axum::response::Response;
use futures_util::stream;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use std::io;
use tokio::net::TcpListener;

/// Marks a response that must not be sent: the connection closes instead.
#[derive(Debug, Clone, Copy)]
struct NoReply;

/// Serves every connection until the future is dropped.
pub(crate) async fn serve(listener: TcpListener, router: Router) {
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            // Out of file descriptors, or the peer is gone already: the next one may do better.
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
            continue;
        };
        // Small answers must not wait for the peer's acknowledgement of the last one.
        let _ = stream.set_nodelay(true);
        let router = TowerToHyperService::new(router.clone());
        let service = hyper::service::service_fn(move |request: Request<Incoming>| {
            let answer = hyper::service::Service::call(&router, request);
            async move {
                let response: Response = answer.await.unwrap_or_else(|never| match never {});
                sent(response).ok_or_else(|| io::Error::from(io::ErrorKind::ConnectionAborted))
            }
        });
        tokio::spawn(async move {
            // A connection that breaks is its client's news, not ours.
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

/// The response, unless none is to be sent.
pub(super) fn sent(response: Response) -> Option<Response> {
    response.extensions().get::<NoReply>().is_none().then_some(response)
}

/// The response as the fault wants it sent.
pub(crate) fn deliver(mut response: Response, delivery: Delivery) -> Response {
    match delivery {
        Delivery::Whole => response,
        Delivery::Dropped => {
            response.extensions_mut().insert(NoReply);
            response
        }
        Delivery::Truncated => truncated(response),
        Delivery::Corrupted => corrupted(response),
    }
}

/// Changes the byte in the middle.
fn corrupted(response: Response) -> Response {
    let (parts, body) = response.into_parts();
    let body = stream::once(async move {
        let whole = body.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
        let mut bytes = whole.to_vec();
        let middle = bytes.len() / 2;
        if let Some(byte) = bytes.get_mut(middle) {
            *byte ^= 1;
        }
        Ok::<Bytes, io::Error>(Bytes::from(bytes))
    });
    Response::from_parts(parts, Body::from_stream(body))
}

/// Sends the first half of a body whose length is announced truly, and breaks off.
pub(crate) fn broken_off(response: Response) -> Response {
    let length = response.headers().get(header::CONTENT_LENGTH).cloned();
    let mut response = truncated(response);
    if let Some(length) = length {
        response.headers_mut().insert(header::CONTENT_LENGTH, length);
    }
    response
}

/// Announces the whole length, sends the first half and breaks off.
fn truncated(response: Response) -> Response {
    let (mut parts, body) = response.into_parts();
    let halves = stream::once(async move {
        let whole = body.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
        whole.slice(..whole.len() / 2)
    });
    let broken = stream::once(async { Err(io::Error::from(io::ErrorKind::ConnectionAborted)) });
    let body =
        futures_util::StreamExt::chain(futures_util::StreamExt::map(halves, Ok::<Bytes, io::Error>), broken);
    // Announced is more than comes, so that no client can take the half for the whole.
    parts.headers.insert(header::CONTENT_LENGTH, header::HeaderValue::from(1_000_000));
    Response::from_parts(parts, Body::from_stream(body))
}
