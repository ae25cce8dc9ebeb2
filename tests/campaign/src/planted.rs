//! Faults that are planted between a function and AWS, to see whether the campaign sees them. None of them is in the
//! functions: each makes a function behave, as far as AWS can tell, as one with that fault would.

use crate::wire::Call;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use axum::response::{IntoResponse, Response};
use local_aws::LocalAws;
use serde_json::Value;

/// A fault of the functions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Planted {
    /// The hold is not looked at.
    HoldIgnored,
}

/// A planted fault and what it remembers.
#[derive(Debug)]
pub(crate) struct Plant {
    planted: Planted,
}

/// An answer that AWS never gave.
pub(crate) struct MadeUp(u16, Value);

impl IntoResponse for MadeUp {
    fn into_response(self) -> Response {
        local_reply(self.0, &self.1)
    }
}

fn local_reply(status: u16, body: &Value) -> Response {
    let built = Response::builder()
        .status(status)
        .header("content-type", "application/x-amz-json-1.1")
        .body(axum::body::Body::from(body.to_string()));
    built.unwrap_or_default()
}

impl Plant {
    pub(crate) fn new(planted: Planted) -> Self {
        Self { planted }
    }

    /// Changes a call on its way, or answers it in AWS's place.
    pub(crate) fn before(&mut self, _local: &LocalAws, call: &mut Call) -> Option<MadeUp> {
        match self.planted {
            Planted::HoldIgnored => {
                let path = call.input.get("filePath").and_then(Value::as_str).unwrap_or_default();
                (call.operation == "GetFile" && path.ends_with("/hold.json")).then(|| {
                    MadeUp(400, serde_json::json!({ "__type": "FileDoesNotExistException", "message": "no" }))
                })
            }
        }
    }

    /// Changes an answer on its way.
    pub(crate) fn after(&mut self, _local: &LocalAws, _call: &Call, response: HttpResponse) -> HttpResponse {
        response
    }
}
