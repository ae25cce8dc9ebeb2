//! CodeCommit: what stands in a repository, and the commits that Towpath adds.
//! <https://docs.aws.amazon.com/codecommit/latest/APIReference/>

mod comments;
mod commits;
mod differences;
mod files;
mod history;

pub use commits::{Commit, Committed, FileChange, NewCommit};
pub use differences::Difference;
pub use files::{At, File};
pub use history::Version;

use crate::error::CallError;

const SERVICE: &str = "CodeCommit";
/// How many pages of a listing are read at most: at 100 files a page, 100,000 files.
const PAGES_MAX: usize = 1_000;

/// A name in an answer.
fn parsed<T: std::str::FromStr>(
    operation: &'static str,
    thing: &str,
    member: &str,
    text: Option<&str>,
) -> Result<T, CallError>
where
    T::Err: std::fmt::Display,
{
    CallError::parsed(SERVICE, operation, thing, member, text)
}
