//! Throttles that the SDK does not recognise.

use aws_smithy_runtime_api::client::interceptors::context::InterceptorContext;
use aws_smithy_runtime_api::client::retries::classifiers::{ClassifyRetry, RetryAction};

/// CodeCommit was seen to answer a throttle with status 400 and an XML body although its protocol is JSON
/// (<https://github.com/boto/boto3/issues/3663>). The SDK cannot read that and would not try again.
#[derive(Debug)]
pub(crate) struct XmlThrottle;

impl ClassifyRetry for XmlThrottle {
    fn classify_retry(&self, context: &InterceptorContext) -> RetryAction {
        let Some(response) = context.response() else { return RetryAction::NoActionIndicated };
        let body = response.body().bytes().unwrap_or_default();
        if response.status().as_u16() == 400 && is_xml_throttle(body) {
            RetryAction::throttling_error()
        } else {
            RetryAction::NoActionIndicated
        }
    }

    fn name(&self) -> &'static str {
        "XmlThrottle"
    }
}

/// Whether this body is `<ThrottlingException>…`.
pub(crate) fn is_xml_throttle(body: &[u8]) -> bool {
    body.trim_ascii_start().starts_with(b"<") && body.windows(19).any(|part| part == b"ThrottlingException")
}

#[cfg(test)]
mod tests {
    use super::is_xml_throttle;

    #[test]
    fn only_an_xml_throttle_is_one() {
        let seen = b"<ThrottlingException><Message>Rate exceeded</Message></ThrottlingException>";
        assert!(is_xml_throttle(seen));
        assert!(!is_xml_throttle(br#"{"__type":"ThrottlingException"}"#));
        assert!(!is_xml_throttle(b"<html>Bad Gateway</html>"));
        assert!(!is_xml_throttle(b""));
    }
}
