//! Names, parsed at the door. A value of one of these types has been checked, so that no code behind the door asks again
//! and no two of them can be swapped.

mod account;
mod ecr;
mod ecs;
mod git;
mod image_uri;
mod pipeline;
mod platform;

pub use account::{AccountId, EnvironmentName, EventId, Region};
pub use ecr::{EcrRegistry, ImageDigest, ImageRepositoryName, ImageTag};
pub use ecs::{ClusterName, ContainerName, ServiceDeploymentArn, ServiceId, ServiceName};
pub use git::{BlobId, BranchName, CommitId, FilePath, RepositoryName};
pub use image_uri::{ImageUri, Reference, Registry};
pub use pipeline::{ActionName, ExecutionId, PipelineName, PipelinePattern, RequestToken};
pub use platform::Platform;

use crate::text::shown;

/// A text that is not the name it should be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{value} is not {article} {what}: expected {expected}")]
pub struct InvalidName {
    what: &'static str,
    article: &'static str,
    value: String,
    expected: &'static str,
}

impl InvalidName {
    /// Says that `value` is not a `what`, and what one looks like.
    #[must_use]
    pub fn new(what: &'static str, value: &str, expected: &'static str) -> Self {
        let article =
            if what.starts_with(['a', 'e', 'i', 'o', 'u', 'A', 'E', 'I', 'O', 'U']) { "an" } else { "a" };
        Self { what, article, value: shown(value), expected }
    }
}

/// Defines a name: its type, what it is called, what it must look like in words, and the check.
macro_rules! name {
    ($(#[$documentation:meta])+ $name:ident, $what:literal, $expected:literal, $is_valid:expr) => {
        $(#[$documentation])+
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The name in `text`.
            ///
            /// # Errors
            /// When the text does not have this name's form.
            pub fn parse(text: &str) -> Result<Self, $crate::names::InvalidName> {
                let is_valid: fn(&str) -> bool = $is_valid;
                if is_valid(text) {
                    Ok(Self(text.to_owned()))
                } else {
                    Err($crate::names::InvalidName::new($what, text, $expected))
                }
            }

            /// The name as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str(&self.0)
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::names::InvalidName;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::parse(text)
            }
        }

        impl TryFrom<String> for $name {
            type Error = $crate::names::InvalidName;

            fn try_from(text: String) -> Result<Self, Self::Error> {
                Self::parse(&text)
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.0
            }
        }
    };
}
use name;

/// Whether `text` has between `minimum` and `maximum` characters, all of them `allowed`.
fn is_made_of(text: &str, minimum: usize, maximum: usize, allowed: fn(char) -> bool) -> bool {
    (minimum..=maximum).contains(&text.len()) && text.chars().all(allowed)
}

/// Whether `character` is one of `0` to `9` and `a` to `f`.
fn is_lower_hexadecimal(character: char) -> bool {
    matches!(character, '0'..='9' | 'a'..='f')
}

#[cfg(test)]
mod tests;
