//! What the registry holds.

use crate::image::Image;

/// The images of one repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RepositoryImages {
    /// There is no such repository.
    Missing,
    /// It may not be read; what AWS said.
    Unreadable(String),
    /// All of them, in any order.
    Listed(Vec<Image>),
}
