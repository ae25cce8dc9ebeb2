//! Stories enter by the front door (an image push, a commit, a message) and show all that happened, as text. The
//! functions' real executables run against local accounts whose clock moves from event to event: no story sleeps.

mod account;
mod application;
mod automation;
mod happened;
mod install;
mod names;
mod path;
mod stage;
mod story;

pub use path::rules;
pub use stage::RULES;
pub use story::{Failure, Files, Story};

/// The account that stories play in, and the first of a chain.
pub const DEV: &str = "111111111111";
/// The second account of a chain.
pub const STG: &str = "222222222222";
/// The third account of a chain.
pub const PRD: &str = "333333333333";
