//! The stories. Each plays in a dev account of its own.

#[path = "stories/deliver.rs"]
mod deliver;
#[path = "stories/nothing.rs"]
mod nothing;
#[path = "stories/roll_back.rs"]
mod roll_back;
