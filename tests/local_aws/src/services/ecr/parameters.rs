//! What ECR checks of every request before it looks at anything else.

use crate::error::AwsError;
use crate::names::AccountId;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// The longest repository name.
const REPOSITORY_NAME_CHARACTERS_MAX: usize = 256;
/// The longest image tag that the API takes; the distribution specification allows 128.
const IMAGE_TAG_CHARACTERS_MAX: usize = 300;

/// `InvalidParameterException`, naming the member and what it must satisfy.
pub(super) fn invalid(member: &str, constraint: &str) -> AwsError {
    AwsError::new(
        "InvalidParameterException",
        format!("Invalid parameter at '{member}' failed to satisfy constraint: '{constraint}'"),
    )
}

/// The member, which must be there.
pub(super) fn required<T>(value: Option<T>, member: &str) -> Result<T, AwsError> {
    value.ok_or_else(|| invalid(member, "must not be null"))
}

/// A value of one of AWS's enumerations.
pub(super) fn one_of<T: DeserializeOwned>(
    value: Option<String>,
    member: &str,
) -> Result<Option<T>, AwsError> {
    let Some(value) = value else { return Ok(None) };
    let parsed = serde_json::from_value(Value::String(value.clone()));
    parsed.map(Some).map_err(|error| invalid(member, &error.to_string()))
}

/// A list of `1..=most` elements.
pub(super) fn counted<T>(list: Vec<T>, most: usize, member: &str) -> Result<Vec<T>, AwsError> {
    match list.len() {
        0 => Err(invalid(member, "must have length greater than or equal to 1")),
        count if count > most => {
            Err(invalid(member, &format!("must have length less than or equal to {most}")))
        }
        _ => Ok(list),
    }
}

/// The repository's name, which must be there and well-formed.
pub(super) fn repository_name(name: Option<String>) -> Result<String, AwsError> {
    let name = required(name, "repositoryName")?;
    if is_repository_name(&name) {
        Ok(name)
    } else {
        Err(invalid(
            "repositoryName",
            "must satisfy regular expression '[a-z0-9]+((\\.|_|__|-+)[a-z0-9]+)*(\\/[a-z0-9]+((\\.|_|__|-+)[a-z0-9]+)*)*' with 2 to 256 characters",
        ))
    }
}

/// Whether ECR takes this as a repository's name.
pub(crate) fn is_repository_name(name: &str) -> bool {
    (2..=REPOSITORY_NAME_CHARACTERS_MAX).contains(&name.len()) && name.split('/').all(is_name_component)
}

fn is_name_component(component: &str) -> bool {
    let is_word = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let bytes = component.as_bytes();
    let (Some(first), Some(last)) = (bytes.first(), bytes.last()) else { return false };
    let separators = component.split(|character: char| u8::try_from(character).is_ok_and(is_word));
    is_word(*first)
        && is_word(*last)
        && separators.into_iter().all(|separator| {
            matches!(separator, "" | "." | "_" | "__") || separator.bytes().all(|byte| byte == b'-')
        })
}

/// Whether ECR takes this as an image's tag.
pub(crate) fn is_image_tag(tag: &str) -> bool {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    tag.len() <= IMAGE_TAG_CHARACTERS_MAX
        && tag.bytes().next().is_some_and(is_word)
        && tag.bytes().all(|byte| is_word(byte) || byte == b'.' || byte == b'-')
}

/// The registry that a request addresses: the caller's own unless it names another.
pub(super) fn registry(id: Option<&str>, own: &AccountId) -> Result<AccountId, AwsError> {
    match id {
        None => Ok(own.clone()),
        Some(id) => {
            id.parse().map_err(|_| invalid("registryId", "must satisfy regular expression '[0-9]{12}'"))
        }
    }
}

/// The page size: `1..=most`, or the default.
pub(super) fn max_results(asked: Option<i64>, default: usize, most: usize) -> Result<usize, AwsError> {
    let Some(asked) = asked else { return Ok(default) };
    usize::try_from(asked)
        .ok()
        .filter(|asked| (1..=most).contains(asked))
        .ok_or_else(|| invalid("maxResults", &format!("must be between 1 and {most}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repository_names_follow_the_model() {
        for good in ["ab", "webapp1", "mesh/envoy", "a__b/c---d", "a.b_c", "0a"] {
            assert!(is_repository_name(good), "{good}");
        }
        let long = "a".repeat(257);
        for bad in [
            "",
            "a",
            "A1",
            "a//b",
            "/ab",
            "ab/",
            "a..b",
            "a___b",
            "a._b",
            "-ab",
            "../x",
            "a/../../b",
            "a b",
            "ä1",
            &long,
        ] {
            assert!(!is_repository_name(bad), "{bad}");
        }
    }

    #[test]
    fn image_tags_are_words_with_dots_and_dashes() {
        for good in ["1", "0012e34", "approved-stg-1.0", "_x"] {
            assert!(is_image_tag(good), "{good}");
        }
        let long = "a".repeat(301);
        for bad in ["", "-a", ".a", "a b", "a/b", "sha256:00", "a\n", &long] {
            assert!(!is_image_tag(bad), "{bad}");
        }
    }
}
