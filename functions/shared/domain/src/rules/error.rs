//! What can be wrong with `delivery.yaml`.

use crate::names::InvalidName;

/// What is wrong, and in which line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("delivery.yaml, line {line}: {problem}")]
pub struct RuleError {
    /// The line, counted from 1.
    pub line: usize,
    /// What is wrong there.
    pub problem: RuleProblem,
}

/// What is wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RuleProblem {
    /// The file is too large.
    #[error("the file has {bytes} bytes: expected at most {maximum}")]
    TooLarge {
        /// Its size.
        bytes: usize,
        /// What is read at most.
        maximum: usize,
    },
    /// The file is not text.
    #[error("the file is not UTF-8 text")]
    NotUtf8,
    /// The file is not YAML.
    #[error("not YAML: {0}")]
    NotYaml(String),
    /// Something in YAML that the rules do not use.
    #[error("{0} has no meaning here: expected plain keys, values and lists")]
    NotUsed(&'static str),
    /// A key that does not exist.
    #[error("unknown key {key} in {place}: expected {expected}")]
    UnknownKey {
        /// The key.
        key: String,
        /// What it stands in.
        place: &'static str,
        /// The keys there are.
        expected: String,
    },
    /// A key that stands twice.
    #[error("the key {0} is written twice: expected each key once")]
    Duplicate(String),
    /// A key that is needed and not there.
    #[error("\"{key}\" is missing in {place}")]
    Missing {
        /// The key.
        key: &'static str,
        /// What it should stand in.
        place: &'static str,
    },
    /// A value of another kind or outside what is known.
    #[error("{what} is {found}: expected {expected}")]
    Wrong {
        /// What has the value.
        what: &'static str,
        /// The value.
        found: String,
        /// What it should be.
        expected: &'static str,
    },
    /// A name that is not one.
    #[error(transparent)]
    Name(#[from] InvalidName),
    /// A container selects by commit, and no application says which.
    #[error("a container has `select: commit`, and no `application` says which commit should run")]
    CommitWithoutApplication,
}

impl RuleProblem {
    /// The problem in its line.
    #[must_use]
    pub(crate) fn at(self, line: usize) -> RuleError {
        RuleError { line, problem: self }
    }
}
