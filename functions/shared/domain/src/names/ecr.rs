//! The names of ECR.

use std::fmt;

use super::{AccountId, Region, is_lower_hexadecimal, is_made_of, name};

name!(
    /// The name of an ECR repository.
    ImageRepositoryName,
    "image repository name",
    "2 to 256 lower-case letters and digits, with single ., _, __, - or / between them",
    |text| {
        (2..=256).contains(&text.len()) && text.split('/').all(is_repository_component)
    }
);

/// Whether `text` is lower-case letters and digits with separators (`.`, `_`, `__` or dashes) only between them.
fn is_repository_component(text: &str) -> bool {
    let is_letter = |character: char| character.is_ascii_lowercase() || character.is_ascii_digit();
    let separators_are_single = text
        .split(is_letter)
        .all(|separator| matches!(separator, "" | "." | "_" | "__") || separator.chars().all(|c| c == '-'));
    text.starts_with(is_letter) && text.ends_with(is_letter) && separators_are_single
}

name!(
    /// An image tag: always text, also where it looks like a number.
    ImageTag,
    "image tag",
    "1 to 128 letters, digits, _, . or -, the first not . or - (a digest is written after @)",
    |text| {
        is_made_of(text, 1, 128, |character| character.is_ascii_alphanumeric() || "_.-".contains(character))
            && !text.starts_with(['.', '-'])
    }
);

name!(
    /// The digest of a manifest: which bytes an image is.
    ImageDigest,
    "image digest",
    "sha256: and 64 hexadecimal digits",
    |text| text.strip_prefix("sha256:").is_some_and(|digits| is_made_of(digits, 64, 64, is_lower_hexadecimal))
);

impl ImageDigest {
    /// The first twelve digits behind the algorithm's name, for people.
    #[must_use]
    pub fn short(&self) -> &str {
        self.as_str().get(..19).unwrap_or_default()
    }
}

/// The registry of one account in one Region.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EcrRegistry {
    /// The account it belongs to.
    pub account: AccountId,
    /// The Region it is in.
    pub region: Region,
}

impl fmt::Display for EcrRegistry {
    /// The registry's host.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}.dkr.ecr.{}.{}", self.account, self.region, self.region.domain())
    }
}
