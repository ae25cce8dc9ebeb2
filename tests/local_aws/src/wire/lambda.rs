//! Lambda's REST API.

use super::perform::perform;
use super::rest::{self, RestRequest};
use super::{credentials, server};
use crate::error::AwsError;
use crate::services::lambda::{self, Ended};
use crate::services::{Service, logs};
use crate::shared::LocalAws;
use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::Method;
use axum::response::Response;
use axum::routing::any;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

/// The longest request: an event of 6 MB and a little room, so that Lambda itself can refuse what is longer.
const BODY_BYTES_MAX: usize = 8 * 1024 * 1024;

/// How much of the log `LogType: Tail` shows.
const TAIL_BYTES: usize = 4096;

/// Every path under the dates of Lambda's API versions.
pub(crate) fn router() -> Router<LocalAws> {
    ["2015-03-31", "2017-10-31", "2019-09-25", "2019-09-30"]
        .into_iter()
        .fold(Router::new(), |router, version| router.route(&format!("/{version}/{{*rest}}"), any(answer)))
}

/// An operation, found by method and path.
struct Route {
    operation: &'static str,
    /// The members that the path says.
    members: Vec<(&'static str, String)>,
    /// The status of success.
    status: u16,
}

fn route(method: &Method, path: &[String]) -> Option<Route> {
    let parts: Vec<&str> = path.iter().map(String::as_str).collect();
    let (operation, status, members): (_, _, &[(&str, &str)]) = match (method.as_str(), parts.as_slice()) {
        ("GET", ["2015-03-31", "functions"]) => ("ListFunctions", 200, &[]),
        ("POST", ["2015-03-31", "functions"]) => ("CreateFunction", 201, &[]),
        ("GET", ["2015-03-31", "functions", name]) => ("GetFunction", 200, &[("FunctionName", name)]),
        ("DELETE", ["2015-03-31", "functions", name]) => ("DeleteFunction", 204, &[("FunctionName", name)]),
        ("POST", ["2015-03-31", "functions", name, "invocations"]) => {
            ("Invoke", 200, &[("FunctionName", name)])
        }
        ("GET", ["2015-03-31", "functions", name, "configuration"]) => {
            ("GetFunctionConfiguration", 200, &[("FunctionName", name)])
        }
        ("PUT", ["2015-03-31", "functions", name, "configuration"]) => {
            ("UpdateFunctionConfiguration", 200, &[("FunctionName", name)])
        }
        ("PUT", ["2015-03-31", "functions", name, "code"]) => {
            ("UpdateFunctionCode", 200, &[("FunctionName", name)])
        }
        ("GET", ["2015-03-31", "functions", name, "policy"]) => ("GetPolicy", 200, &[("FunctionName", name)]),
        ("POST", ["2015-03-31", "functions", name, "policy"]) => {
            ("AddPermission", 201, &[("FunctionName", name)])
        }
        ("DELETE", ["2015-03-31", "functions", name, "policy", statement]) => {
            ("RemovePermission", 204, &[("FunctionName", name), ("StatementId", statement)])
        }
        ("PUT", ["2017-10-31", "functions", name, "concurrency"]) => {
            ("PutFunctionConcurrency", 200, &[("FunctionName", name)])
        }
        ("DELETE", ["2017-10-31", "functions", name, "concurrency"]) => {
            ("DeleteFunctionConcurrency", 204, &[("FunctionName", name)])
        }
        ("GET", ["2019-09-30", "functions", name, "concurrency"]) => {
            ("GetFunctionConcurrency", 200, &[("FunctionName", name)])
        }
        ("PUT", ["2019-09-25", "functions", name, "event-invoke-config"]) => {
            ("PutFunctionEventInvokeConfig", 200, &[("FunctionName", name)])
        }
        ("GET", ["2019-09-25", "functions", name, "event-invoke-config"]) => {
            ("GetFunctionEventInvokeConfig", 200, &[("FunctionName", name)])
        }
        ("DELETE", ["2019-09-25", "functions", name, "event-invoke-config"]) => {
            ("DeleteFunctionEventInvokeConfig", 204, &[("FunctionName", name)])
        }
        ("GET", ["2015-03-31", "event-source-mappings"]) => ("ListEventSourceMappings", 200, &[]),
        ("POST", ["2015-03-31", "event-source-mappings"]) => ("CreateEventSourceMapping", 202, &[]),
        ("GET", ["2015-03-31", "event-source-mappings", uuid]) => {
            ("GetEventSourceMapping", 200, &[("UUID", uuid)])
        }
        ("PUT", ["2015-03-31", "event-source-mappings", uuid]) => {
            ("UpdateEventSourceMapping", 202, &[("UUID", uuid)])
        }
        ("DELETE", ["2015-03-31", "event-source-mappings", uuid]) => {
            ("DeleteEventSourceMapping", 202, &[("UUID", uuid)])
        }
        _ => return None,
    };
    let members = members.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
    Some(Route { operation, members, status })
}

async fn answer(State(local): State<LocalAws>, request: Request) -> Response {
    let request_id = local.lock().ids.uuid();
    let request = match RestRequest::read(request, BODY_BYTES_MAX).await {
        Ok(request) => request,
        Err(error) => return rest::refusal(&error, &request_id),
    };
    let Some(route) = route(&request.method, &request.path) else {
        return rest::refusal(&request.unknown(), &request_id);
    };
    let input = match input(&request, &route) {
        Ok(input) => input,
        Err(error) => return rest::refusal(&error, &request_id),
    };
    let performed = perform(&local, &request.headers, Service::Lambda, route.operation, input).await;
    let response = match &performed.answer {
        Err(error) => rest::refusal(error, &request_id),
        Ok(answer) if route.operation == "Invoke" => invoked(&local, &request, answer, &request_id).await,
        Ok(_) if route.status == 204 => rest::reply(204, None, &request_id),
        Ok(answer) => rest::reply(route.status, Some(answer), &request_id),
    };
    server::deliver(response, performed.delivery)
}

fn input(request: &RestRequest, route: &Route) -> Result<Value, AwsError> {
    let mut members = request.query_members(&["MaxItems"]);
    if route.operation == "Invoke" {
        members.extend(invoke_members(request)?);
    } else {
        members.extend(request.body_members()?);
    }
    members.extend(route.members.iter().map(|(name, value)| ((*name).to_owned(), json!(value))));
    Ok(Value::Object(members))
}

/// What `Invoke` says in headers, and its body, which is the payload itself.
fn invoke_members(request: &RestRequest) -> Result<Map<String, Value>, AwsError> {
    let payload = std::str::from_utf8(&request.body).map_err(|_| {
        AwsError::new(
            "InvalidRequestContentException",
            "Could not parse request body into json: it is not UTF-8",
        )
    })?;
    let headers = [
        ("InvocationType", "x-amz-invocation-type"),
        ("LogType", "x-amz-log-type"),
        ("ClientContext", "x-amz-client-context"),
        ("TenantId", "x-amz-tenant-id"),
        ("DurableExecutionName", "x-amz-durable-execution-name"),
    ];
    let mut members = Map::from_iter([("Payload".to_owned(), json!(payload))]);
    for (member, header) in headers {
        members.extend(request.header(header).map(|value| (member.to_owned(), json!(value))));
    }
    Ok(members)
}

/// Waits for the function's answer where the caller does.
async fn invoked(local: &LocalAws, request: &RestRequest, begun: &Value, request_id: &str) -> Response {
    let status =
        begun.get("StatusCode").and_then(Value::as_u64).and_then(|status| u16::try_from(status).ok());
    let status = status.unwrap_or(200);
    let (200, Some(invocation)) = (status, begun.get("RequestId").and_then(Value::as_str)) else {
        return rest::reply(status, None, request_id);
    };
    let account = match credentials::caller(&local.lock(), &request.headers) {
        Ok(caller) => caller.account,
        Err(error) => return rest::refusal(&error, request_id),
    };
    let ended = loop {
        let changed = local.changed();
        let ended = lambda::take_answer(&mut local.lock(), &account, invocation);
        match ended {
            Some(ended) => break ended,
            None => changed.await,
        }
    };
    let (payload, failed) = match ended {
        Ended::Answer(payload) => (payload, false),
        Ended::Error(payload) => (payload, true),
    };
    let mut response = rest::reply(status, None, invocation);
    *response.body_mut() = Body::from(payload);
    rest::set_header(&mut response, "x-amz-executed-version", "$LATEST");
    if failed {
        rest::set_header(&mut response, "x-amz-function-error", "Unhandled");
    }
    if request.header("x-amz-log-type") == Some("Tail") {
        let name = request.path.get(2).map_or("", |name| name.rsplit(':').next().unwrap_or(name));
        let group = lambda::log_group(name);
        let tail = logs::lines_of_request(&local.lock(), &account, &group, invocation, TAIL_BYTES);
        rest::set_header(&mut response, "x-amz-log-result", &STANDARD.encode(tail));
    }
    response
}
