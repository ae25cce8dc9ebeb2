//! Whose request it is. The local accounts believe the access key id; no signature is checked, because
//! they know no secret to check it with.

use crate::caller::Caller;
use crate::error::AwsError;
use crate::services::sts;
use crate::world::World;
use axum::http::HeaderMap;

/// What a signed request's `Authorization` header says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Signature {
    /// Who signed.
    pub(crate) access_key_id: String,
    /// The service that the signature is for, such as `sts`.
    pub(crate) service: String,
}

/// Reads `Authorization: AWS4-HMAC-SHA256 Credential=<key>/<date>/<region>/<service>/aws4_request, …`.
pub(crate) fn signature(headers: &HeaderMap) -> Result<Signature, AwsError> {
    let missing = || {
        AwsError::new("MissingAuthenticationTokenException", "Missing Authentication Token").with_status(403)
    };
    let header = headers.get("authorization").and_then(|value| value.to_str().ok()).ok_or_else(missing)?;
    let (_, after) = header.split_once("Credential=").ok_or_else(missing)?;
    let scope = after.split([',', ' ']).next().unwrap_or_default();
    let mut parts = scope.split('/');
    let access_key_id = parts.next().filter(|key| !key.is_empty()).ok_or_else(missing)?;
    let service = parts.nth(2).ok_or_else(missing)?;
    Ok(Signature { access_key_id: access_key_id.to_owned(), service: service.to_owned() })
}

/// The caller behind a signed request.
pub(crate) fn caller(world: &World, headers: &HeaderMap) -> Result<Caller, AwsError> {
    let token = headers.get("x-amz-security-token").and_then(|value| value.to_str().ok());
    sts::caller_with_token(world, &signature(headers)?.access_key_id, token)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unsigned_request_is_refused() {
        let error = signature(&HeaderMap::new()).unwrap_err();
        assert_eq!((error.code.as_str(), error.status), ("MissingAuthenticationTokenException", 403));
    }

    #[test]
    fn the_scope_names_key_and_service() {
        let mut headers = HeaderMap::new();
        let text = "AWS4-HMAC-SHA256 Credential=111111111111/20260101/eu-west-1/sts/aws4_request, SignedHeaders=host, Signature=0";
        headers.insert("authorization", text.parse().unwrap());
        let expected = Signature { access_key_id: "111111111111".into(), service: "sts".into() };
        assert_eq!(signature(&headers), Ok(expected));
    }
}
