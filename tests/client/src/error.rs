//! The other side said no, or did not answer.

use crate::xml::Element;
use serde_json::Value;
use std::fmt;

/// The code of an [`ApiError`] when no reply came.
pub const NO_REPLY: &str = "NoReply";

/// What came back instead of a result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiError {
    /// The HTTP status; 0 when no reply came.
    pub status: u16,
    /// The error code without its name space, such as `BranchDoesNotExistException`; [`NO_REPLY`] when there
    /// was none; `Http<status>` when the reply names no code.
    pub code: String,
    /// The text for people, empty when the reply has none.
    pub message: String,
    /// The reply's body as it came.
    pub body: String,
}

impl ApiError {
    /// An error of this side: no connection, an unreadable reply, a missing variable.
    pub fn no_reply(message: impl fmt::Display) -> Self {
        Self { status: 0, code: NO_REPLY.to_owned(), message: message.to_string(), body: String::new() }
    }

    /// Reads an error reply: AWS's JSON, AWS's XML (both forms), or the OCI distribution's JSON. `header` is the
    /// `x-amzn-errortype` header, which some replies have instead of a code in the body.
    pub fn read(status: u16, header: Option<&str>, body: &str) -> Self {
        let (code, message) = code_and_message(body);
        let code = header.map(str::to_owned).or(code).unwrap_or_else(|| format!("Http{status}"));
        Self {
            status,
            code: bare(&code).to_owned(),
            message: message.unwrap_or_default(),
            body: body.to_owned(),
        }
    }

    /// A member of the error's JSON body beside code and message, such as `lastValidByteReceived`.
    pub fn member(&self, name: &str) -> Option<Value> {
        serde_json::from_str::<Value>(&self.body).ok()?.get(name).cloned()
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} ({}): {}", self.code, self.status, self.message)
    }
}

impl std::error::Error for ApiError {}

fn code_and_message(body: &str) -> (Option<String>, Option<String>) {
    if let Ok(json) = serde_json::from_str::<Value>(body) {
        let error = json.pointer("/errors/0").unwrap_or(&json);
        let text = |names: &[&str]| {
            names.iter().find_map(|name| error.get(*name)).and_then(Value::as_str).map(str::to_owned)
        };
        return (text(&["__type", "code", "Code"]), text(&["message", "Message", "errorMessage"]));
    }
    let Ok(root) = Element::parse(body) else { return (None, None) };
    let error = root.find("Error").unwrap_or(&root);
    let code = error.text_of("Code").map_or_else(|| root.name.clone(), str::to_owned);
    let message = error.text_of("Message").or_else(|| error.text_of("message")).map(str::to_owned);
    (Some(code), message)
}

/// `com.amazonaws.sqs#QueueDoesNotExist` and `Name:http://…` without what surrounds the name.
fn bare(code: &str) -> &str {
    let code = code.split_once('#').map_or(code, |(_, code)| code);
    code.split_once(':').map_or(code, |(code, _)| code)
}

#[cfg(test)]
mod tests {
    use super::ApiError;
    use expect_test::expect;

    fn shown(header: Option<&str>, body: &str) -> String {
        ApiError::read(400, header, body).to_string()
    }

    #[test]
    fn every_form_of_an_error_reply_gives_code_and_message() {
        let replies = [
            shown(None, ""),
            shown(None, r#"{"__type":"BranchDoesNotExistException","message":"main"}"#),
            shown(None, r#"{"__type":"com.amazonaws.sqs#QueueDoesNotExist","message":"no queue"}"#),
            shown(Some("ResourceNotFoundException:http://internal"), r#"{"Message":"no function"}"#),
            shown(None, "<ThrottlingException><Message>Rate exceeded</Message></ThrottlingException>"),
            shown(
                None,
                "<ErrorResponse><Error><Code>AccessDenied</Code><Message>no</Message></Error></ErrorResponse>",
            ),
            shown(None, r#"{"errors":[{"code":"NAME_UNKNOWN","message":"no repository"}]}"#),
        ];
        expect![[r#"
            Http400 (400): 
            BranchDoesNotExistException (400): main
            QueueDoesNotExist (400): no queue
            ResourceNotFoundException (400): no function
            ThrottlingException (400): Rate exceeded
            AccessDenied (400): no
            NAME_UNKNOWN (400): no repository"#]]
        .assert_eq(&replies.join("\n"));
    }
}
