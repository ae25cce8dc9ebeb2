//! Stories enter by the front door (an image push, a commit, a message) and show all that happened, as text. The
//! functions' real executables run against local accounts whose clock moves from event to event: no story sleeps.

mod automation;
mod happened;
mod names;
mod stage;
mod story;

pub use stage::RULES;
pub use story::{Failure, Story};

/// The account that stories play in.
pub const DEV: &str = "111111111111";
