//! Which tags of a repository may be moved.

use super::members::set;
use super::parameters::{counted, invalid, one_of};
use crate::error::AwsError;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// The most exclusion filters of a repository.
const EXCLUSION_FILTERS_MAX: usize = 5;
/// The longest exclusion filter.
const EXCLUSION_FILTER_CHARACTERS_MAX: usize = 128;

/// The rule for tags that do not match an exclusion filter, in AWS's words.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(super) enum Setting {
    #[default]
    Mutable,
    Immutable,
    ImmutableWithExclusion,
    MutableWithExclusion,
}

/// Tags that the rule leaves out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ExclusionFilter {
    filter_type: FilterType,
    filter: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum FilterType {
    Wildcard,
}

/// A repository's rule.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Mutability {
    setting: Setting,
    exclusion_filters: Vec<ExclusionFilter>,
}

impl Mutability {
    /// Checks that filters come exactly with the settings that need them.
    pub(super) fn checked(
        setting: Option<String>,
        filters: Option<Vec<ExclusionFilter>>,
    ) -> Result<Self, AwsError> {
        const MEMBER: &str = "imageTagMutabilityExclusionFilters";
        let setting = one_of(setting, "imageTagMutability")?.unwrap_or_default();
        let exclusion_filters = match (setting, filters) {
            (Setting::Mutable | Setting::Immutable, None) => Vec::new(),
            (Setting::Mutable | Setting::Immutable, Some(_)) => {
                return Err(invalid(
                    MEMBER,
                    "must be null unless imageTagMutability ends in _WITH_EXCLUSION",
                ));
            }
            (_, None) => return Err(invalid(MEMBER, "must not be null with this imageTagMutability")),
            (_, Some(filters)) => counted(filters, EXCLUSION_FILTERS_MAX, MEMBER)?,
        };
        let well_formed = |filter: &ExclusionFilter| {
            (1..=EXCLUSION_FILTER_CHARACTERS_MAX).contains(&filter.filter.len())
                && filter.filter.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._*-".contains(&byte))
        };
        if exclusion_filters.iter().all(well_formed) {
            Ok(Self { setting, exclusion_filters })
        } else {
            Err(invalid(MEMBER, "must satisfy regular expression '^[0-9a-zA-Z._*-]{1,128}$'"))
        }
    }

    /// Whether the tag, once there, stays where it is.
    pub(super) fn holds(&self, tag: &str) -> bool {
        let excluded = self.exclusion_filters.iter().any(|filter| matches(&filter.filter, tag));
        match self.setting {
            Setting::Mutable => false,
            Setting::Immutable => true,
            Setting::ImmutableWithExclusion => !excluded,
            Setting::MutableWithExclusion => excluded,
        }
    }

    /// Adds the members that repositories show.
    pub(super) fn describe(&self, into: &mut Value) {
        set(into, "imageTagMutability", json!(self.setting));
        if !self.exclusion_filters.is_empty() {
            set(into, "imageTagMutabilityExclusionFilters", json!(self.exclusion_filters));
        }
    }
}

/// Whether the text fits the pattern, in which `*` stands for any characters.
fn matches(pattern: &str, text: &str) -> bool {
    let Some((first, others)) = pattern.split_once('*') else { return pattern == text };
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let (middle, last) = others.rsplit_once('*').unwrap_or(("", others));
    // The leftmost place of each piece leaves the most room for those that follow.
    for piece in middle.split('*') {
        let Some(at) = rest.find(piece) else { return false };
        rest = rest.get(at + piece.len()..).unwrap_or_default();
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_stand_for_any_characters() {
        for (pattern, text, expected) in [
            ("latest", "latest", true),
            ("latest", "latest1", false),
            ("dev-*", "dev-", true),
            ("*-dev", "1-dev", true),
            ("a*b*c", "aXbYc", true),
            ("a*b*c", "aXc", false),
        ] {
            assert_eq!(matches(pattern, text), expected, "{pattern} {text}");
        }
    }
}
