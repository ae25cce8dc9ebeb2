//! Signed calls of AWS's operations.

use crate::error::ApiError;
use crate::http::{Http, Reply};
use crate::service::{Protocol, Service};
use crate::signing::{Scope, signed};
use crate::xml::Element;
use serde_json::Value;
use std::time::SystemTime;

/// An access key, and the session it belongs to.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The access key id; the local accounts take the account id for one.
    pub access_key_id: String,
    /// The secret; the local accounts take any.
    pub secret_access_key: String,
    /// The token of a role's session.
    pub session_token: Option<String>,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Credentials({})", self.access_key_id)
    }
}

impl Credentials {
    /// Those of `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and, for a role's session, `AWS_SESSION_TOKEN`.
    ///
    /// # Errors
    /// Names the first variable that is needed and not set.
    pub fn from_environment() -> Result<Self, ApiError> {
        Ok(Self {
            access_key_id: needed("AWS_ACCESS_KEY_ID")?,
            secret_access_key: needed("AWS_SECRET_ACCESS_KEY")?,
            session_token: variable("AWS_SESSION_TOKEN"),
        })
    }
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

fn needed(name: &str) -> Result<String, ApiError> {
    variable(name).ok_or_else(|| ApiError::no_reply(format!("the variable {name} is not set")))
}

/// A caller: where it calls, as whom.
#[derive(Debug, Clone)]
pub struct Aws {
    /// One address for every service; AWS's own addresses when there is none.
    pub endpoint: Option<String>,
    /// The Region.
    pub region: String,
    /// As whom.
    pub credentials: Credentials,
    http: Http,
}

/// What a Lambda function answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invoked {
    /// 200 for a synchronous invocation, 202 for an asynchronous one.
    pub status: u16,
    /// `Unhandled` and the like when the function itself failed.
    pub function_error: Option<String>,
    /// What it returned, as it came.
    pub payload: String,
}

impl Aws {
    /// A caller at that address (AWS's own when `None`).
    pub fn new(endpoint: Option<&str>, region: &str, credentials: Credentials) -> Self {
        let endpoint = endpoint.map(|endpoint| endpoint.trim_end_matches('/').to_owned());
        Self { endpoint, region: region.to_owned(), credentials, http: Http::default() }
    }

    /// The owner of one of the local accounts, in their default Region `eu-west-1`; see [`Aws::in_region`].
    pub fn local(endpoint: &str, account: &str) -> Self {
        let credentials = Credentials {
            access_key_id: account.to_owned(),
            secret_access_key: "local".to_owned(),
            session_token: None,
        };
        Self::new(Some(endpoint), "eu-west-1", credentials)
    }

    /// Whoever the `AWS_*` variables name: `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN`,
    /// `AWS_REGION` or `AWS_DEFAULT_REGION`, and `AWS_ENDPOINT_URL`.
    ///
    /// # Errors
    /// Names the first variable that is needed and not set.
    pub fn from_environment() -> Result<Self, ApiError> {
        let credentials = Credentials::from_environment()?;
        let region = match variable("AWS_REGION") {
            Some(region) => region,
            None => needed("AWS_DEFAULT_REGION")?,
        };
        Ok(Self::new(variable("AWS_ENDPOINT_URL").as_deref(), &region, credentials))
    }

    /// The same caller in another Region.
    #[must_use]
    pub fn in_region(mut self, region: &str) -> Self {
        region.clone_into(&mut self.region);
        self
    }

    /// The same place as a role, in a session named `session`.
    ///
    /// # Errors
    /// What STS says.
    pub fn assume_role(&self, role_arn: &str, session: &str) -> Result<Self, ApiError> {
        let reply =
            self.query("sts", "AssumeRole", &[("RoleArn", role_arn), ("RoleSessionName", session)])?;
        let text = |name: &str| {
            let text = reply.text_of(name).map(str::to_owned);
            text.ok_or_else(|| ApiError::no_reply(format!("AssumeRole answered without {name}")))
        };
        let credentials = Credentials {
            access_key_id: text("AccessKeyId")?,
            secret_access_key: text("SecretAccessKey")?,
            session_token: Some(text("SessionToken")?),
        };
        Ok(Self { credentials, ..self.clone() })
    }

    /// The account of the caller, from STS.
    ///
    /// # Errors
    /// What STS says.
    pub fn account(&self) -> Result<String, ApiError> {
        let reply = self.query("sts", "GetCallerIdentity", &[])?;
        let account = reply.text_of("Account").map(str::to_owned);
        account.ok_or_else(|| ApiError::no_reply("GetCallerIdentity answered without an account"))
    }

    /// One operation of a service that speaks JSON; what it answers, `{}` when that is empty.
    ///
    /// # Errors
    /// What the service says.
    pub fn call(&self, service: &str, operation: &str, input: &Value) -> Result<Value, ApiError> {
        let reply = self.call_raw(service, operation, input.to_string().as_bytes())?.succeeded()?;
        if reply.body.is_empty() {
            return Ok(Value::Object(serde_json::Map::new()));
        }
        serde_json::from_slice(&reply.body)
            .map_err(|error| ApiError::no_reply(format!("{service} {operation} answered no JSON: {error}")))
    }

    /// The same with the body as given and the reply as it came, for the protocol's own tests.
    ///
    /// # Errors
    /// When no reply came.
    pub fn call_raw(&self, service: &str, operation: &str, body: &[u8]) -> Result<Reply, ApiError> {
        let known = Service::named(service)?;
        let Protocol::Json(target, version) = known.protocol else {
            return Err(ApiError::no_reply(format!("{service} does not speak JSON; use query or invoke")));
        };
        let headers = vec![
            ("content-type".to_owned(), format!("application/x-amz-json-{version}")),
            ("x-amz-target".to_owned(), format!("{target}.{operation}")),
        ];
        self.send(known, "POST", "/", headers, body)
    }

    /// One operation of a service that speaks the query protocol (`sts`, `cloudformation`, `iam`). Lists are
    /// written as its members are: `("Capabilities.member.1", "CAPABILITY_IAM")`.
    ///
    /// # Errors
    /// What the service says.
    pub fn query(&self, service: &str, operation: &str, input: &[(&str, &str)]) -> Result<Element, ApiError> {
        let known = Service::named(service)?;
        let Protocol::Query(version) = known.protocol else {
            return Err(ApiError::no_reply(format!("{service} does not speak the query protocol")));
        };
        let mut form = format!("Action={operation}&Version={version}");
        for (name, value) in input {
            form.push_str(&format!("&{}={}", percent_encoded(name), percent_encoded(value)));
        }
        let headers =
            vec![("content-type".to_owned(), "application/x-www-form-urlencoded; charset=utf-8".to_owned())];
        let reply = self.send(known, "POST", "/", headers, form.as_bytes())?.succeeded()?;
        Element::parse(&reply.text())
            .map_err(|error| ApiError::no_reply(format!("{service} {operation}: {error}")))
    }

    /// Invokes a Lambda function and waits for its answer.
    ///
    /// # Errors
    /// What Lambda says; a failure of the function itself is [`Invoked::function_error`].
    pub fn invoke(&self, function: &str, payload: &Value) -> Result<Invoked, ApiError> {
        self.invoke_as(function, "RequestResponse", payload)
    }

    /// Invokes a Lambda function in this way: `RequestResponse`, `Event` or `DryRun`.
    ///
    /// # Errors
    /// As [`Aws::invoke`].
    pub fn invoke_as(&self, function: &str, how: &str, payload: &Value) -> Result<Invoked, ApiError> {
        let path = format!("/2015-03-31/functions/{}/invocations", percent_encoded(function));
        let headers = vec![
            ("content-type".to_owned(), "application/json".to_owned()),
            ("x-amz-invocation-type".to_owned(), how.to_owned()),
        ];
        let body = payload.to_string();
        let reply =
            self.send(Service::named("lambda")?, "POST", &path, headers, body.as_bytes())?.succeeded()?;
        Ok(Invoked {
            status: reply.status,
            function_error: reply.header("x-amz-function-error").map(str::to_owned),
            payload: reply.text(),
        })
    }

    fn send(
        &self,
        service: Service,
        method: &str,
        path: &str,
        headers: Vec<(String, String)>,
        body: &[u8],
    ) -> Result<Reply, ApiError> {
        let (own, region) = match &self.endpoint {
            Some(endpoint) => (endpoint.clone(), self.region.clone()),
            None => service.aws(&self.region),
        };
        let url = format!("{own}{path}");
        let scope = Scope { service: service.signing_name, region: &region, time: SystemTime::now() };
        let headers = signed(&self.credentials, &scope, method, &url, headers, body)?;
        self.http.send(method, &url, &headers, body)
    }

    /// The connections, for the calls beside AWS's operations (layers, the registry).
    pub(crate) fn http(&self) -> &Http {
        &self.http
    }
}

/// Everything but RFC 3986's unreserved characters as `%XX`.
pub fn percent_encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::{Aws, percent_encoded};
    use serde_json::json;

    #[test]
    fn a_service_that_nobody_knows_is_refused_by_name() {
        let aws = Aws::local("http://127.0.0.1:1", "111111111111");
        let refused = aws.call("athena", "X", &json!({})).unwrap_err();
        assert_eq!(refused.message, "this client does not know the service athena");
        assert_eq!(refused.status, 0);
    }

    #[test]
    fn form_values_are_percent_encoded() {
        assert_eq!(percent_encoded("a b/c:d+é~"), "a%20b%2Fc%3Ad%2B%C3%A9~");
    }

    #[test]
    fn the_secret_is_not_shown() {
        let aws = Aws::local("http://127.0.0.1:1/", "111111111111");
        assert_eq!(aws.endpoint.as_deref(), Some("http://127.0.0.1:1"));
        assert!(format!("{aws:?}").contains("Credentials(111111111111)"));
        assert!(!format!("{aws:?}").contains("secret"));
    }
}
