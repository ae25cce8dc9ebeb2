//! `on_image_push`: which revisions move to which images.

mod facts;

pub use facts::{RevisionsFacts, ServiceFacts};
