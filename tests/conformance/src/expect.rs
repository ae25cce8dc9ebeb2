//! What checks expect, worded once.

use crate::check::{Stop, Verdict};
use client::ApiError;
use serde_json::Value;
use std::fmt::{Debug, Display};

/// How much of a value a failure shows.
const SHOWN_MAX: usize = 400;

/// The two are the same.
///
/// # Errors
/// Both, when they are not.
pub fn same<A: Debug + PartialEq<B>, B: Debug>(what: impl Display, seen: &A, expected: &B) -> Verdict {
    if seen == expected {
        return Ok(());
    }
    Err(Stop::Failed(format!("{what}: expected {}, saw {}", short(expected), short(seen))))
}

/// It is so.
///
/// # Errors
/// The sentence, when it is not.
pub fn holds(sentence: impl Display, so: bool) -> Verdict {
    if so { Ok(()) } else { Err(Stop::Failed(format!("expected that {sentence}; it is not so"))) }
}

/// The call is refused with one of these codes; gives the refusal.
///
/// # Errors
/// What came instead.
pub fn refused<T: Debug>(result: Result<T, ApiError>, codes: &[&str]) -> Result<ApiError, Stop> {
    let expected = codes.join(" or ");
    match result {
        Err(error) if codes.contains(&error.code.as_str()) => Ok(error),
        Err(error) => match Stop::from(error.clone()) {
            Stop::NotTried(why) => Err(Stop::NotTried(why)),
            Stop::Failed(_) => Err(Stop::Failed(format!("expected {expected}, saw {error}"))),
        },
        Ok(value) => Err(Stop::Failed(format!("expected {expected}, saw a success: {}", short(&value)))),
    }
}

/// The text at this JSON pointer.
///
/// # Errors
/// The value, when there is no text.
pub fn text(value: &Value, pointer: &str) -> Result<String, Stop> {
    let text = value.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
    text.ok_or_else(|| Stop::Failed(format!("expected a text at {pointer}, saw {}", short(value))))
}

/// The number at this JSON pointer.
///
/// # Errors
/// The value, when there is no number.
pub fn number(value: &Value, pointer: &str) -> Result<f64, Stop> {
    let number = value.pointer(pointer).and_then(Value::as_f64);
    number.ok_or_else(|| Stop::Failed(format!("expected a number at {pointer}, saw {}", short(value))))
}

/// The list at this JSON pointer, empty when it is left out.
pub fn list(value: &Value, pointer: &str) -> Vec<Value> {
    value.pointer(pointer).and_then(Value::as_array).cloned().unwrap_or_default()
}

/// This member of every element of the list at `pointer`, as text.
pub fn texts(value: &Value, pointer: &str, member: &str) -> Vec<String> {
    let all = list(value, pointer);
    all.iter().map(|element| element.get(member).and_then(Value::as_str).unwrap_or("-").to_owned()).collect()
}

fn short(value: &impl Debug) -> String {
    let text = format!("{value:?}");
    match text.char_indices().nth(SHOWN_MAX) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::{list, refused, same, text};
    use crate::check::Stop;
    use client::ApiError;
    use serde_json::json;

    #[test]
    fn a_failure_says_what_was_expected_and_what_was_seen() {
        assert_eq!(same("the count", &1, &1), Ok(()));
        let failed = same("the count", &1, &2).unwrap_err();
        assert_eq!(failed.to_string(), "FAILED the count: expected 2, saw 1");
        let failed = refused(Ok(json!({})), &["A", "B"]).unwrap_err();
        assert_eq!(failed.to_string(), "FAILED expected A or B, saw a success: Object {}");
        let error = ApiError::read(400, None, r#"{"__type":"C","message":"no"}"#);
        let failed = refused::<()>(Err(error), &["A"]).unwrap_err();
        assert_eq!(failed.to_string(), "FAILED expected A, saw C (400): no");
        assert!(matches!(text(&json!({}), "/a"), Err(Stop::Failed(_))));
        assert_eq!(list(&json!({}), "/a"), Vec::<serde_json::Value>::new());
    }

    #[test]
    fn what_the_local_accounts_do_not_know_is_not_tried() {
        let error = ApiError::read(501, None, r#"{"__type":"NotInLocalAws","message":"no such thing here"}"#);
        let stop = refused::<()>(Err(error), &["A"]).unwrap_err();
        assert_eq!(stop.to_string(), "not tried, because no such thing here");
    }
}
