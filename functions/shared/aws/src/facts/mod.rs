//! Reads what the decisions need, at one commit of the deployment repository, with as few calls and round trips as
//! the order of things allows.

mod files;
mod forced;
#[cfg(feature = "operator")]
mod history;
mod outcome;
mod revisions;
mod rollback;
mod starts;
mod sweep;
mod unread;
mod upstream;
mod wanted;

pub use forced::{Forced, read_forced};
#[cfg(feature = "operator")]
pub use history::{HistoryRead, PastRevision, read_history};
pub use outcome::{OutcomeRead, read_outcome};
pub use revisions::{RevisionsAsked, read_revisions};
pub use rollback::read_rollback;
pub use starts::read_starts;
pub use sweep::{SweepRead, read_services, read_sweep};
pub use unread::Unread;

/// How many services are read at one time: enough to hide round trips, few enough not to be throttled.
const SERVICES_AT_ONCE: usize = 8;
