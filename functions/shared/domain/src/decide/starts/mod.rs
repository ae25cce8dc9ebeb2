//! `on_commit`: which pipelines are owed a start.

mod facts;

pub use facts::{Asked, StartFacts, StartsFacts};
