//! Answers in pages.

use super::members::set;
use super::parameters::invalid;
use crate::error::AwsError;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use serde_json::{Value, json};

/// A part of a list, and where the next part begins.
#[derive(Debug)]
pub(super) struct Page<T> {
    pub(super) items: Vec<T>,
    pub(super) next_token: Option<String>,
}

impl<T> Page<T> {
    /// The same page, each item made into something else.
    pub(super) fn map<U>(self, shape: impl Fn(T) -> U) -> Page<U> {
        Page { items: self.items.into_iter().map(shape).collect(), next_token: self.next_token }
    }
}

/// The page after `token`. Items come sorted by their keys; `list` says which list it is, so that a token
/// of another one is refused.
pub(super) fn page<T>(
    items: impl Iterator<Item = (String, T)>,
    size: usize,
    token: Option<&str>,
    list: &str,
) -> Result<Page<T>, AwsError> {
    let after = token.map(|token| key_of(token, list)).transpose()?;
    let mut rest = items.skip_while(|(key, _)| after.as_ref().is_some_and(|after| key <= after)).peekable();
    let mut last = None;
    let mut taken = Vec::new();
    while taken.len() < size
        && let Some((key, item)) = rest.next()
    {
        taken.push(item);
        last = Some(key);
    }
    let next_token = last.filter(|_| rest.peek().is_some()).map(|key| token_of(list, &key));
    Ok(Page { items: taken, next_token })
}

/// The answer that shows a page: the list, and the token when there is more.
pub(super) fn shown<T: Serialize>(list: &str, page: Page<T>) -> Value {
    let mut answer = json!({list: page.items});
    if let Some(token) = page.next_token {
        set(&mut answer, "nextToken", json!(token));
    }
    answer
}

fn token_of(list: &str, key: &str) -> String {
    URL_SAFE_NO_PAD.encode(format!("{list}\n{key}"))
}

fn key_of(token: &str, list: &str) -> Result<String, AwsError> {
    let text = URL_SAFE_NO_PAD.decode(token).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    text.as_deref()
        .and_then(|text| text.strip_prefix(list)?.strip_prefix('\n'))
        .map(str::to_owned)
        .ok_or_else(|| invalid("nextToken", "must be the nextToken of the same request's previous answer"))
}
