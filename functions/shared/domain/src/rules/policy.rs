//! `select`: which image of a repository should run.

use std::fmt;

use regex_lite::{Regex, RegexBuilder};
use semver::{Version, VersionReq};

use crate::names::ImageTag;

/// Which image of a repository should run, as a function of what is true now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Policy {
    /// The image whose tag is the commit at the application's tip.
    Commit,
    /// The image pushed last among those with a tag that matches.
    Newest(TagPattern),
    /// The image with the highest version in the range.
    Semver(VersionRange),
    /// None: only people move it.
    Manual,
}

/// A regular expression that must match the whole tag.
#[derive(Clone, Debug)]
pub struct TagPattern {
    text: String,
    matcher: Matcher,
}

#[derive(Clone, Debug)]
enum Matcher {
    /// Git commit ids, as nearly all rules mean them: to compile and run the expression takes longer than all else that
    /// is decided.
    CommitIds,
    Expression(Regex),
}

/// Abbreviated and full git commit ids.
const COMMIT_IDS: &str = "[0-9a-f]{7,40}";
/// The longest expression that is taken, and how large its program may become: a tag is at most 128 characters.
const MAXIMUM_EXPRESSION_LENGTH: usize = 1000;
const MAXIMUM_PROGRAM_BYTES: usize = 1024 * 1024;

impl TagPattern {
    /// The pattern in `text`; none if it is not a regular expression, or one of an unreasonable size.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text.is_empty() || text.len() > MAXIMUM_EXPRESSION_LENGTH {
            return None;
        }
        if text == COMMIT_IDS {
            return Some(Self::commit_ids());
        }
        // An expression that only becomes one between the parentheses, such as `a)|(b`, is not meant.
        Regex::new(text).ok()?;
        let expression =
            RegexBuilder::new(&format!("^(?:{text})$")).size_limit(MAXIMUM_PROGRAM_BYTES).build().ok()?;
        Some(Self { text: text.to_owned(), matcher: Matcher::Expression(expression) })
    }

    /// The pattern that stands for `newest` alone: git commit ids.
    #[must_use]
    pub fn commit_ids() -> Self {
        Self { text: COMMIT_IDS.to_owned(), matcher: Matcher::CommitIds }
    }

    /// Whether the whole tag matches.
    #[must_use]
    pub fn matches(&self, tag: &ImageTag) -> bool {
        match &self.matcher {
            Matcher::CommitIds => {
                let is_hex = |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
                (7..=40).contains(&tag.as_str().len()) && tag.as_str().as_bytes().iter().all(is_hex)
            }
            Matcher::Expression(expression) => expression.is_match(tag.as_str()),
        }
    }
}

impl PartialEq for TagPattern {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for TagPattern {}

impl fmt::Display for TagPattern {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

/// A range of versions, such as `>=1.29, <2`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VersionRange {
    text: String,
    range: VersionReq,
}

impl VersionRange {
    /// The range in `text`; none if it is not one.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let range = VersionReq::parse(text).ok()?;
        Some(Self { text: text.to_owned(), range })
    }

    /// Whether a version lies in the range. A pre-release does only if the range names one of the same version.
    #[must_use]
    pub fn contains(&self, version: &Version) -> bool {
        self.range.matches(version)
    }
}

impl fmt::Display for VersionRange {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

impl fmt::Display for Policy {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Commit => formatter.write_str("commit"),
            Self::Newest(pattern) => write!(formatter, "newest \"{pattern}\""),
            Self::Semver(range) => write!(formatter, "semver \"{range}\""),
            Self::Manual => formatter.write_str("manual"),
        }
    }
}
