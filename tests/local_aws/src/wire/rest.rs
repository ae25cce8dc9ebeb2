//! The REST protocols: the operation is in the method and the path, the input in path, query, headers and
//! body.

use super::{aws, query};
use crate::error::AwsError;
use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::response::Response;
use http_body_util::BodyExt;
use serde_json::{Map, Value, json};

/// A request, read whole.
pub(crate) struct RestRequest {
    pub(crate) method: Method,
    /// The path's parts, decoded.
    pub(crate) path: Vec<String>,
    pub(crate) query: Vec<(String, String)>,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl RestRequest {
    /// Reads a request whose body has `bytes` bytes at most.
    pub(crate) async fn read(request: Request, bytes: usize) -> Result<Self, AwsError> {
        let (parts, body) = request.into_parts();
        let body = http_body_util::Limited::new(body, bytes)
            .collect()
            .await
            .map_err(|error| AwsError::new("RequestTooLargeException", error.to_string()).with_status(413))?;
        let path: Result<Vec<String>, AwsError> =
            parts.uri.path().split('/').filter(|part| !part.is_empty()).map(query::decode).collect();
        let pairs = parts.uri.query().unwrap_or_default().split('&').filter(|pair| !pair.is_empty());
        let query: Result<Vec<(String, String)>, AwsError> = pairs
            .map(|pair| {
                let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
                Ok((query::decode(name)?, query::decode(value)?))
            })
            .collect();
        Ok(Self {
            method: parts.method,
            path: path?,
            query: query?,
            headers: parts.headers,
            body: body.to_bytes(),
        })
    }

    /// The body's members as input; an empty body has none.
    pub(crate) fn body_members(&self) -> Result<Map<String, Value>, AwsError> {
        if self.body.is_empty() {
            return Ok(Map::new());
        }
        serde_json::from_slice(&self.body)
            .map_err(|error| AwsError::new("SerializationException", error.to_string()))
    }

    /// The query's members: `numbers` are those that the service's model calls integers.
    pub(crate) fn query_members(&self, numbers: &[&str]) -> Map<String, Value> {
        let member = |(name, value): &(String, String)| {
            let number = value.parse::<u64>().ok().filter(|_| numbers.contains(&name.as_str()));
            (name.clone(), number.map_or_else(|| json!(value), |number| json!(number)))
        };
        self.query.iter().map(member).collect()
    }

    /// A header's text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// That this method and path are none of those that the local accounts know.
    pub(crate) fn unknown(&self) -> AwsError {
        AwsError::not_in_local_aws(format!("{} /{}", self.method, self.path.join("/")))
    }
}

/// A reply with a JSON body, or none.
pub(crate) fn reply(status: u16, body: Option<&Value>, request_id: &str) -> Response {
    let mut response =
        body.map_or_else(|| Response::new(Body::empty()), |body| Response::new(Body::from(body.to_string())));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    set_header(&mut response, "content-type", "application/json");
    set_header(&mut response, "x-amzn-requestid", request_id);
    response
}

/// A reply that says no.
pub(crate) fn refusal(error: &AwsError, request_id: &str) -> Response {
    let mut response = reply(error.status, Some(&aws::error_json(error)), request_id);
    set_header(&mut response, "x-amzn-errortype", &error.code);
    response
}

/// Sets a header whose value may have come from outside; what cannot stand in a header is left out.
pub(crate) fn set_header(response: &mut Response, name: &'static str, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}
