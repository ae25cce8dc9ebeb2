//! Errors as the distribution specification writes them.

use crate::error::AwsError;
use crate::wire::perform::Delivery;
use crate::wire::server;
use axum::body::Body;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;

/// A registry's "no".
#[derive(Debug)]
pub(super) struct RegistryError {
    status: StatusCode,
    code: &'static str,
    message: String,
    /// How to log in, when that is what is missing.
    challenge: Option<String>,
    delivery: Delivery,
}

impl RegistryError {
    pub(super) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), challenge: None, delivery: Delivery::Whole }
    }

    pub(super) fn unsupported(message: impl Into<String>) -> Self {
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "UNSUPPORTED", message)
    }

    pub(super) fn name_invalid(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "NAME_INVALID", message)
    }

    pub(super) fn digest_invalid(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "DIGEST_INVALID", message)
    }

    pub(super) fn unauthorized(message: impl Into<String>, challenge: String) -> Self {
        let error = Self::new(StatusCode::UNAUTHORIZED, "UNAUTHORIZED", message);
        Self { challenge: Some(challenge), ..error }
    }

    /// No answer at all: the connection closes.
    pub(super) fn no_reply() -> Self {
        let error = Self::new(StatusCode::INTERNAL_SERVER_ERROR, "UNKNOWN", "no reply");
        Self { delivery: Delivery::Dropped, ..error }
    }
}

impl From<AwsError> for RegistryError {
    fn from(error: AwsError) -> Self {
        let (status, code) = match error.code.as_str() {
            "RepositoryNotFoundException" => (StatusCode::NOT_FOUND, "NAME_UNKNOWN"),
            "LayersNotFoundException" | "LayerInaccessibleException" => {
                (StatusCode::NOT_FOUND, "BLOB_UNKNOWN")
            }
            "UploadNotFoundException" => (StatusCode::NOT_FOUND, "BLOB_UPLOAD_UNKNOWN"),
            "InvalidLayerPartException" => (StatusCode::RANGE_NOT_SATISFIABLE, "BLOB_UPLOAD_INVALID"),
            "EmptyUploadException" => (StatusCode::BAD_REQUEST, "BLOB_UPLOAD_INVALID"),
            "InvalidLayerException" | "ImageDigestDoesNotMatchException" => {
                (StatusCode::BAD_REQUEST, "DIGEST_INVALID")
            }
            "ReferencedImagesNotFoundException" => (StatusCode::BAD_REQUEST, "MANIFEST_BLOB_UNKNOWN"),
            "ImageTagAlreadyExistsException" => (StatusCode::BAD_REQUEST, "TAG_INVALID"),
            "AccessDeniedException" => (StatusCode::FORBIDDEN, "DENIED"),
            "LimitExceededException" | "ThrottlingException" => {
                (StatusCode::TOO_MANY_REQUESTS, "TOOMANYREQUESTS")
            }
            "NotInLocalAws" => (StatusCode::METHOD_NOT_ALLOWED, "UNSUPPORTED"),
            _ if error.status >= 500 => (StatusCode::INTERNAL_SERVER_ERROR, "UNKNOWN"),
            _ => (StatusCode::BAD_REQUEST, "MANIFEST_INVALID"),
        };
        Self::new(status, code, error.message)
    }
}

impl IntoResponse for RegistryError {
    fn into_response(self) -> Response {
        let body = json!({"errors": [{"code": self.code, "message": self.message, "detail": null}]});
        let mut headers = vec![("content-type", "application/json; charset=utf-8")];
        if let Some(challenge) = &self.challenge {
            headers.push(("www-authenticate", challenge));
        }
        let response = super::response(self.status, &headers, Body::from(body.to_string()));
        server::deliver(response, self.delivery)
    }
}
