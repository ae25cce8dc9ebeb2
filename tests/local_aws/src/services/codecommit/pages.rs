//! Continuation tokens. One says which listing it belongs to and where that goes on, so that a token of
//! another request is refused instead of giving a wrong page.

use crate::error::AwsError;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

/// One page of a listing, and the token of the next.
pub(super) struct Page {
    items: Vec<Value>,
    next: Option<String>,
}

impl Page {
    /// The answer with this list in it, and `nextToken` when there is another page.
    pub(super) fn answer(self, list: &str) -> Value {
        self.answer_with_token(list, "nextToken")
    }

    /// As [`Page::answer`], where the token's member is called differently.
    pub(super) fn answer_with_token(self, list: &str, token: &str) -> Value {
        let mut members = Map::new();
        members.insert(list.to_owned(), Value::Array(self.items));
        members.extend(self.next.map(|next| (token.to_owned(), Value::String(next))));
        Value::Object(members)
    }
}

/// Where a listing goes on: at 0 without a token.
pub(super) fn offset(listing: &str, token: Option<&str>) -> Result<usize, AwsError> {
    let Some(token) = token else { return Ok(0) };
    decode(listing, token).ok_or_else(|| {
        AwsError::new(
            "InvalidContinuationTokenException",
            "this token does not come from the same request: expected the token of the page before",
        )
    })
}

/// One page out of a listing.
pub(super) fn page(listing: &str, all: Vec<Value>, offset: usize, size: usize) -> Page {
    let next = (all.len() > offset.saturating_add(size)).then(|| token(listing, offset + size));
    Page { items: all.into_iter().skip(offset).take(size).collect(), next }
}

/// The token with which a listing goes on there.
pub(super) fn token(listing: &str, offset: usize) -> String {
    URL_SAFE_NO_PAD.encode(format!("{offset}|{listing}"))
}

fn decode(listing: &str, token: &str) -> Option<usize> {
    let text = String::from_utf8(URL_SAFE_NO_PAD.decode(token).ok()?).ok()?;
    let (offset, of) = text.split_once('|')?;
    if of == listing { offset.parse().ok() } else { None }
}
