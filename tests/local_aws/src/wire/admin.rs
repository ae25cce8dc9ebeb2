//! What only local accounts have: their journal, their faults and a count of requests, under `/_local/`.

use crate::faults::{CallFault, EventFault, TaskFault};
use crate::shared::LocalAws;
use axum::Router;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::routing::{delete, get, post};
use serde::Deserialize;

/// `GET /_local/journal?after=N`, `GET /_local/requests`, `POST /_local/faults/calls`, `POST /_local/faults/events`,
/// `POST /_local/faults/tasks`, `DELETE /_local/faults`.
pub(crate) fn router() -> Router<LocalAws> {
    Router::new()
        .route("/_local/journal", get(journal))
        .route("/_local/requests", get(requests))
        .route("/_local/faults/calls", post(add_call_fault))
        .route("/_local/faults/events", post(add_event_fault))
        .route("/_local/faults/tasks", post(add_task_fault))
        .route("/_local/faults", delete(clear_faults))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct JournalQuery {
    #[serde(default)]
    after: u64,
}

async fn journal(State(local): State<LocalAws>, Query(query): Query<JournalQuery>) -> String {
    let world = local.lock();
    world.journal.after(query.after).map(|entry| format!("{entry}\n")).collect()
}

async fn requests(State(local): State<LocalAws>) -> String {
    format!("{}\n", local.requests())
}

async fn add_call_fault(State(local): State<LocalAws>, body: String) -> (StatusCode, String) {
    match serde_json::from_str::<CallFault>(&body) {
        Ok(fault) => {
            local.lock().faults.add_call_fault(fault);
            (StatusCode::CREATED, String::new())
        }
        Err(error) => (StatusCode::BAD_REQUEST, format!("{error}\n")),
    }
}

async fn add_event_fault(State(local): State<LocalAws>, body: String) -> (StatusCode, String) {
    match serde_json::from_str::<EventFault>(&body) {
        Ok(fault) => {
            local.lock().faults.add_event_fault(fault);
            (StatusCode::CREATED, String::new())
        }
        Err(error) => (StatusCode::BAD_REQUEST, format!("{error}\n")),
    }
}

async fn add_task_fault(State(local): State<LocalAws>, body: String) -> (StatusCode, String) {
    match serde_json::from_str::<TaskFault>(&body) {
        Ok(fault) => {
            local.lock().faults.add_task_fault(fault);
            (StatusCode::CREATED, String::new())
        }
        Err(error) => (StatusCode::BAD_REQUEST, format!("{error}\n")),
    }
}

async fn clear_faults(State(local): State<LocalAws>) -> StatusCode {
    local.lock().faults.clear();
    StatusCode::NO_CONTENT
}
