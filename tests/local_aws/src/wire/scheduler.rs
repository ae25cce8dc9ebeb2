//! EventBridge Scheduler's REST API.

use super::perform::perform;
use super::rest::{self, RestRequest};
use super::server;
use crate::error::AwsError;
use crate::services::Service;
use crate::shared::LocalAws;
use axum::Router;
use axum::extract::{Request, State};
use axum::response::Response;
use axum::routing::any;
use serde_json::{Value, json};

const BODY_BYTES_MAX: usize = 1024 * 1024;

/// `/schedules` and what lies below.
pub(crate) fn router() -> Router<LocalAws> {
    Router::new().route("/schedules", any(answer)).route("/schedules/{*name}", any(answer))
}

async fn answer(State(local): State<LocalAws>, request: Request) -> Response {
    let request_id = local.lock().ids.uuid();
    let (request, operation, input) = match read(request).await {
        Ok(read) => read,
        Err(error) => return rest::refusal(&error, &request_id),
    };
    let performed = perform(&local, &request.headers, Service::Scheduler, operation, input).await;
    let response = match &performed.answer {
        Ok(answer) => rest::reply(200, Some(answer), &request_id),
        Err(error) => rest::refusal(error, &request_id),
    };
    server::deliver(response, performed.delivery)
}

async fn read(request: Request) -> Result<(RestRequest, &'static str, Value), AwsError> {
    let request = RestRequest::read(request, BODY_BYTES_MAX).await?;
    let path: Vec<&str> = request.path.iter().map(String::as_str).collect();
    let (operation, name) = match (request.method.as_str(), path.as_slice()) {
        ("GET", ["schedules"]) => ("ListSchedules", None),
        ("GET", ["schedules", name]) => ("GetSchedule", Some(*name)),
        ("POST", ["schedules", name]) => ("CreateSchedule", Some(*name)),
        ("PUT", ["schedules", name]) => ("UpdateSchedule", Some(*name)),
        ("DELETE", ["schedules", name]) => ("DeleteSchedule", Some(*name)),
        _ => return Err(request.unknown()),
    };
    let mut members = request.body_members()?;
    for (member, value) in request.query_members(&["MaxResults"]) {
        let member = match member.as_str() {
            "groupName" | "ScheduleGroup" => "GroupName".to_owned(),
            "clientToken" => "ClientToken".to_owned(),
            _ => member,
        };
        members.insert(member, value);
    }
    members.extend(name.map(|name| ("Name".to_owned(), json!(name))));
    Ok((request, operation, Value::Object(members)))
}
