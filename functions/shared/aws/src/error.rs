//! What went wrong with a call, and whether another try can help.

use crate::retry::is_xml_throttle;
use aws_sdk_sts::operation::assume_role::AssumeRoleError;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use std::error::Error;
use std::fmt;

/// The operation that makes a commit.
pub(crate) const CREATE_COMMIT: &str = "CreateCommit";

/// A call that gave no usable answer, after the SDK's own retries.
#[derive(Debug)]
pub struct CallError {
    service: &'static str,
    operation: &'static str,
    thing: Box<str>,
    kind: CallErrorKind,
    code: Option<Box<str>>,
    said: Option<Box<str>>,
    source: Box<dyn Error + Send + Sync>,
}

/// Whether another try can help.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallErrorKind {
    /// Throttled, timed out, cut off, a service's fault: the same call may succeed later. Its effect is unknown.
    Transient,
    /// The role lacks a permission: a person must grant it.
    Denied,
    /// AWS said no in a way that another try does not change.
    Rejected,
    /// An answer that does not fit: a member is missing or malformed.
    Malformed,
}

impl CallError {
    /// A call that the SDK reports as failed. `thing` names what it was about, such as `repository deployment`.
    pub(crate) fn from_sdk<E>(
        service: &'static str,
        operation: &'static str,
        thing: impl fmt::Display,
        error: SdkError<E, HttpResponse>,
    ) -> Self
    where
        E: ProvideErrorMetadata + Error + Send + Sync + 'static,
    {
        let code = code_of(&error).map(Box::from);
        let said = error.as_service_error().and_then(ProvideErrorMetadata::message).map(Box::from);
        let kind = kind_of(&error, code.as_deref());
        Self { service, operation, thing: thing.to_string().into(), kind, code, said, source: error.into() }
    }

    /// An answer that lacks something or holds something unreadable.
    pub(crate) fn malformed(
        service: &'static str,
        operation: &'static str,
        thing: impl fmt::Display,
        what: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> Self {
        let kind = CallErrorKind::Malformed;
        Self {
            service,
            operation,
            thing: thing.to_string().into(),
            kind,
            code: None,
            said: None,
            source: what.into(),
        }
    }

    /// A transfer of bytes that failed; `what` names no address.
    pub(crate) fn transfer(
        kind: CallErrorKind,
        operation: &'static str,
        thing: impl fmt::Display,
        code: Option<&str>,
        what: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> Self {
        let thing = thing.to_string().into();
        Self {
            service: "ECR",
            operation,
            thing,
            kind,
            code: code.map(Box::from),
            said: None,
            source: what.into(),
        }
    }

    /// A name or number in an answer, parsed at this door as everywhere.
    pub(crate) fn parsed<T: std::str::FromStr>(
        service: &'static str,
        operation: &'static str,
        thing: &str,
        member: &str,
        text: Option<&str>,
    ) -> Result<T, Self>
    where
        T::Err: fmt::Display,
    {
        let text = text.ok_or_else(|| Self::malformed(service, operation, thing, format!("no {member}")))?;
        text.parse().map_err(|error: T::Err| Self::malformed(service, operation, thing, error.to_string()))
    }

    /// Whether the same call may succeed later; its effect is then unknown.
    pub fn is_transient(&self) -> bool {
        self.kind == CallErrorKind::Transient
    }

    /// Whether another try can help.
    pub fn kind(&self) -> CallErrorKind {
        self.kind
    }

    /// Whether CodeCommit does not take a commit for what it says, however often it is sent. That the repository's key cannot
    /// be used, or its branch is gone, has nothing to do with that.
    pub fn is_rejected_commit(&self) -> bool {
        let of_content = |code: &str| {
            let is_of_caller =
                ["ExpiredToken", "InvalidSignature", "UnrecognizedClient", "IncompleteSignature"];
            !code.starts_with("Encryption")
                && !code.ends_with("DoesNotExistException")
                && !is_of_caller.iter().any(|start| code.starts_with(start))
        };
        self.kind == CallErrorKind::Rejected
            && self.operation == CREATE_COMMIT
            && self.code().is_some_and(of_content)
    }

    /// Whether there were too many calls.
    pub(crate) fn is_throttle(&self) -> bool {
        self.code().is_some_and(is_throttle)
    }

    /// AWS's error code, where it gave one.
    pub fn code(&self) -> Option<&str> {
        self.code.as_deref()
    }
}

/// AWS's error code, where it gave one.
pub(crate) fn code_of<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> Option<&str> {
    error.as_service_error().and_then(ProvideErrorMetadata::code)
}

fn kind_of<E: Error + Send + Sync + 'static>(
    error: &SdkError<E, HttpResponse>,
    code: Option<&str>,
) -> CallErrorKind {
    if is_denied_role(error) {
        return CallErrorKind::Denied;
    }
    let status = error.raw_response().map(|response| response.status().as_u16());
    match error {
        SdkError::TimeoutError(_) | SdkError::DispatchFailure(_) => CallErrorKind::Transient,
        SdkError::ResponseError(context) => {
            let body = context.raw().body().bytes().unwrap_or_default();
            if is_xml_throttle(body) || status.is_none_or(|status| !(300..500).contains(&status)) {
                CallErrorKind::Transient
            } else {
                CallErrorKind::Rejected
            }
        }
        _ if status.is_some_and(|status| status >= 500) => CallErrorKind::Transient,
        _ => match code {
            Some("AccessDeniedException" | "AccessDenied" | "UnauthorizedException") => CallErrorKind::Denied,
            Some(code) if is_throttle(code) => CallErrorKind::Transient,
            _ => CallErrorKind::Rejected,
        },
    }
}

/// Whether an error code says that there were too many calls.
fn is_throttle(code: &str) -> bool {
    code.contains("Throttl") || code == "TooManyRequestsException"
}

/// Whether the call was never made, because the role that it is made with may not be assumed.
fn is_denied_role(error: &(dyn Error + 'static)) -> bool {
    refused_role(error).and_then(ProvideErrorMetadata::code) == Some("AccessDenied")
}

/// What STS said, if the call was never made because the role that it is made with was not given.
fn refused_role<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a AssumeRoleError> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(refused) = error.downcast_ref::<AssumeRoleError>() {
            return Some(refused);
        }
        cause = error.source();
    }
    None
}

impl fmt::Display for CallError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { service, operation, thing, kind, code, said, source } = self;
        write!(formatter, "{service} {operation} for {thing}: ")?;
        // STS's own error shows its parts as a program has them.
        let refused = refused_role(source.as_ref());
        let refused = refused.and_then(|refused| Some((refused.code()?, refused.message()?)));
        match (said, refused) {
            (Some(said), _) => write!(formatter, "{}: {said}", code.as_deref().unwrap_or("unknown error"))?,
            (None, Some((code, said))) => write!(formatter, "{code}: {said}")?,
            (None, None) => write!(formatter, "{}", deepest(source.as_ref()))?,
        }
        match kind {
            CallErrorKind::Transient => write!(formatter, " (another try may help)"),
            CallErrorKind::Denied => write!(formatter, " (the caller's role lacks this permission)"),
            CallErrorKind::Rejected | CallErrorKind::Malformed => Ok(()),
        }
    }
}

/// The innermost cause says what happened; the layers around it only say that something did.
fn deepest<'a>(error: &'a (dyn Error + 'static)) -> &'a (dyn Error + 'static) {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error
}

impl Error for CallError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(self.source.as_ref())
    }
}
