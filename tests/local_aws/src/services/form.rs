//! Values of the query protocol: forms know only text, so numbers and flags may come as either.

use crate::error::AwsError;
use serde::de::{Deserialize, Deserializer, Error, Unexpected};
use serde_json::Value;

/// A whole number, or the text of one.
///
/// # Errors
/// For anything else.
pub(crate) fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
    match Option::<Value>::deserialize(deserializer)? {
        None => Ok(None),
        Some(Value::Number(number)) if number.is_i64() => Ok(number.as_i64()),
        Some(Value::String(text)) => text
            .parse()
            .map(Some)
            .map_err(|_| D::Error::invalid_value(Unexpected::Str(&text), &"a whole number")),
        Some(other) => Err(D::Error::custom(format!("`{other}` is not a whole number"))),
    }
}

/// `true`, `false`, or the text of either.
///
/// # Errors
/// For anything else.
pub(crate) fn flag<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<bool>, D::Error> {
    match Option::<Value>::deserialize(deserializer)? {
        None => Ok(None),
        Some(Value::Bool(flag)) => Ok(Some(flag)),
        Some(Value::String(text)) if text == "true" => Ok(Some(true)),
        Some(Value::String(text)) if text == "false" => Ok(Some(false)),
        Some(other) => Err(D::Error::custom(format!("`{other}` is neither true nor false"))),
    }
}

/// A list; a form writes an empty one as an empty text.
///
/// # Errors
/// For anything else.
pub(crate) fn list<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: serde::de::DeserializeOwned,
{
    match Value::deserialize(deserializer)? {
        Value::Null => Ok(Vec::new()),
        Value::String(text) if text.is_empty() => Ok(Vec::new()),
        Value::Array(items) => {
            items.into_iter().map(|item| T::deserialize(item).map_err(D::Error::custom)).collect()
        }
        other => Err(D::Error::custom(format!("`{other}` is not a list"))),
    }
}

/// A member that must be there and not empty.
///
/// # Errors
/// `ValidationError`, as services of the query protocol answer.
pub(crate) fn required(member: &str, value: Option<String>) -> Result<String, AwsError> {
    value.filter(|text| !text.is_empty()).ok_or_else(|| {
        AwsError::new(
            "ValidationError",
            format!("1 validation error detected: Value at '{member}' failed to satisfy constraint: Member must not be null"),
        )
    })
}

/// Checks a name's length and characters.
///
/// # Errors
/// `ValidationError`, with the value and what was expected.
pub(crate) fn name(member: &str, text: &str, longest: usize, also: &str) -> Result<(), AwsError> {
    let fits = |character: char| character.is_ascii_alphanumeric() || also.contains(character);
    if text.is_empty() || text.len() > longest || !text.chars().all(fits) {
        return Err(AwsError::new(
            "ValidationError",
            format!(
                "1 validation error detected: Value '{}' at '{member}' failed to satisfy constraint: \
                 expected 1 to {longest} letters, digits and any of {also}",
                text.escape_debug()
            ),
        ));
    }
    Ok(())
}

/// A time as the query protocol's XML writes it.
pub(crate) fn time(time: chrono::DateTime<chrono::Utc>) -> Value {
    Value::String(time.to_rfc3339_opts(chrono::SecondsFormat::Millis, true))
}
