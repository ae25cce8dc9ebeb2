//! Filter patterns, as far as they are plain terms.

use super::invalid;
use crate::error::AwsError;

/// A filter pattern of plain terms: all of the required ones, any of the optional ones (`?term`), none of
/// the excluded ones (`-term`). A term is a word, or anything between double quotes.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Filter {
    required: Vec<String>,
    optional: Vec<String>,
    excluded: Vec<String>,
}

impl Filter {
    /// Reads a pattern; the empty one matches everything.
    pub(super) fn parse(pattern: &str) -> Result<Self, AwsError> {
        let pattern = pattern.trim();
        if pattern.starts_with(['{', '[', '%']) {
            return Err(AwsError::not_in_local_aws(format!(
                "filter patterns other than plain terms, such as {pattern}"
            )));
        }
        let mut filter = Self::default();
        let mut rest = pattern;
        while !rest.is_empty() {
            let (kind, after) = match rest.chars().next() {
                Some(mark @ ('?' | '-')) => (mark, rest.get(1..).unwrap_or_default()),
                _ => ('+', rest),
            };
            let (term, after) = term(after)?;
            let terms = match kind {
                '?' => &mut filter.optional,
                '-' => &mut filter.excluded,
                _ => &mut filter.required,
            };
            terms.push(term.to_owned());
            rest = after.trim_start();
        }
        Ok(filter)
    }

    /// Whether a message fits.
    pub(super) fn matches(&self, message: &str) -> bool {
        let has = |term: &String| message.contains(term.as_str());
        let any = self.optional.is_empty() || self.optional.iter().any(has);
        self.required.iter().all(has) && any && !self.excluded.iter().any(has)
    }
}

fn term(text: &str) -> Result<(&str, &str), AwsError> {
    let found = match text.strip_prefix('"') {
        Some(quoted) => quoted.split_once('"'),
        None => Some(text.split_once(char::is_whitespace).unwrap_or((text, ""))),
    };
    let special = |term: &str| !text.starts_with('"') && !term.chars().all(is_plain);
    match found {
        Some((term, _)) if term.is_empty() || special(term) => Err(invalid(format!(
            "Invalid filter pattern at `{text}`: terms with special characters need double quotes"
        ))),
        Some(found) => Ok(found),
        None => Err(invalid(format!("Invalid filter pattern: the quote in `{text}` is not closed"))),
    }
}

fn is_plain(character: char) -> bool {
    character.is_alphanumeric() || matches!(character, '_' | '.')
}
