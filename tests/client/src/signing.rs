//! Signature Version 4 over one request.

use crate::aws::Credentials;
use crate::error::ApiError;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4::SigningParams;
use std::time::SystemTime;

/// What a signature is made for.
#[derive(Debug)]
pub(crate) struct Scope<'a> {
    pub(crate) service: &'a str,
    pub(crate) region: &'a str,
    pub(crate) time: SystemTime,
}

/// The headers that sign this request, added to those that it has.
///
/// # Errors
/// When the request cannot be signed: a header or the address is malformed.
pub(crate) fn signed(
    credentials: &Credentials,
    scope: &Scope<'_>,
    method: &str,
    url: &str,
    mut headers: Vec<(String, String)>,
    body: &[u8],
) -> Result<Vec<(String, String)>, ApiError> {
    let failed =
        |error: &dyn std::fmt::Display| ApiError::no_reply(format!("cannot sign {method} {url}: {error}"));
    let identity = aws_credential_types::Credentials::new(
        &credentials.access_key_id,
        &credentials.secret_access_key,
        credentials.session_token.clone(),
        None,
        "client",
    )
    .into();
    let params = SigningParams::builder()
        .identity(&identity)
        .region(scope.region)
        .name(scope.service)
        .time(scope.time)
        .settings(SigningSettings::default())
        .build()
        .map_err(|error| failed(&error))?
        .into();
    let listed = headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let request = SignableRequest::new(method, url, listed, SignableBody::Bytes(body))
        .map_err(|error| failed(&error))?;
    let (instructions, _signature) = sign(request, &params).map_err(|error| failed(&error))?.into_parts();
    for (name, value) in instructions.headers() {
        headers.push((name.to_owned(), value.to_owned()));
    }
    Ok(headers)
}

#[cfg(test)]
mod tests {
    use super::{Scope, signed};
    use crate::aws::Credentials;
    use expect_test::expect;
    use std::time::{Duration, SystemTime};

    #[test]
    fn a_signature_names_key_day_region_service_and_headers() {
        let credentials = Credentials {
            access_key_id: "111111111111".to_owned(),
            secret_access_key: "secret".to_owned(),
            session_token: Some("token".to_owned()),
        };
        let time = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        let scope = Scope { service: "ecr", region: "eu-west-1", time };
        let headers = vec![("x-amz-target".to_owned(), "T.Op".to_owned())];
        let headers = signed(&credentials, &scope, "POST", "http://127.0.0.1:1/", headers, b"{}").unwrap();
        let shown: Vec<String> = headers
            .iter()
            .map(|(name, value)| format!("{name}: {}", value.split("Signature=").next().unwrap()))
            .collect();
        expect![[r#"
            x-amz-target: T.Op
            x-amz-date: 20231114T221320Z
            authorization: AWS4-HMAC-SHA256 Credential=111111111111/20231114/eu-west-1/ecr/aws4_request, SignedHeaders=host;x-amz-date;x-amz-security-token;x-amz-target, 
            x-amz-security-token: token"#]].assert_eq(&shown.join("\n"));
    }
}
