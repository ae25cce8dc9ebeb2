//! Why a copy does not go on.

use super::refusal::CopyRefusal;
use crate::error::{CallError, CallErrorKind};
use domain::names::ImageDigest;
use std::collections::BTreeSet;
use std::future::Future;
use std::time::Instant;

/// Why a round of a copy does not go on.
#[derive(Debug)]
pub(super) enum Stop {
    /// A person has to mend something.
    Refused(CopyRefusal),
    /// A call gave no usable answer.
    Failed(CallError),
    /// Layers or manifests that should be here are not.
    NotThere { digests: BTreeSet<ImageDigest>, error: CallError },
    /// The time is up.
    OutOfTime,
}

impl Stop {
    /// A call to upstream's account failed.
    pub(super) fn source(error: CallError) -> Self {
        match error.kind() {
            CallErrorKind::Denied => Self::Refused(CopyRefusal::source_denied(&error)),
            _ => Self::Failed(error),
        }
    }

    /// A call to this account failed.
    pub(super) fn target(error: CallError) -> Self {
        match error.kind() {
            CallErrorKind::Denied => Self::Refused(CopyRefusal::target_denied(&error)),
            _ => Self::Failed(error),
        }
    }
}

/// The work, unless the time is up before it is done.
pub(super) async fn by<T>(deadline: Instant, work: impl Future<Output = Result<T, Stop>>) -> Result<T, Stop> {
    // On the heap: the state of the calls that may be under way is too large to be moved about.
    let work = Box::pin(work);
    tokio::time::timeout_at(deadline.into(), work).await.unwrap_or(Err(Stop::OutOfTime))
}
