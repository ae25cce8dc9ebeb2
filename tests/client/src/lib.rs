//! An outside client of AWS, or of the local accounts: signed calls, image pushes and git, as somebody would
//! make them who has never seen this repository's functions. It shares no code with them nor with `local_aws`,
//! so that a mistake in one is not repeated in the other.

pub mod aws;
pub mod digest;
pub mod ecr;
pub mod error;
pub mod git;
pub mod http;
pub mod image;
pub mod index;
pub mod referrer;
pub mod registry;
pub mod service;
mod signing;
pub mod wait;
pub mod xml;

pub use aws::{Aws, Credentials};
pub use ecr::Ecr;
pub use error::ApiError;
pub use git::Git;
pub use image::{Artifact, Blob, Image};
pub use index::Index;
pub use referrer::Referrer;
pub use registry::Registry;
