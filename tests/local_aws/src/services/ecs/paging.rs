//! Lists that come in pages.

use crate::error::AwsError;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

/// How many results a page of any list may have at most.
const PAGE_MAX: i64 = 100;

/// One page of a list, and the token of the next one.
#[derive(Debug, PartialEq)]
pub(super) struct Page<T> {
    pub(super) items: Vec<T>,
    pub(super) next_token: Option<String>,
}

impl<T: Into<Value>> Page<T> {
    /// The answer of an operation that lists: the page under this name, and the token if there is more.
    pub(super) fn into_answer(self, member: &str) -> Value {
        let items: Vec<Value> = self.items.into_iter().map(Into::into).collect();
        let mut answer = Map::from_iter([(member.to_owned(), Value::Array(items))]);
        if let Some(token) = self.next_token {
            answer.insert("nextToken".to_owned(), token.into());
        }
        Value::Object(answer)
    }
}

/// Cuts a page out of a list. The token holds the place where the next page begins.
///
/// # Errors
/// `InvalidParameterException` for a page size out of 1 to 100, or a token that was never given out.
pub(super) fn page<T>(
    all: Vec<T>,
    max_results: Option<i64>,
    next_token: Option<&str>,
    usual: usize,
) -> Result<Page<T>, AwsError> {
    let size = match max_results {
        None => usual,
        Some(count @ 1..=PAGE_MAX) => usize::try_from(count).unwrap_or(usual),
        Some(count) => {
            return Err(AwsError::new(
                "InvalidParameterException",
                format!("maxResults was {count}; it must be between 1 and {PAGE_MAX}"),
            ));
        }
    };
    let start = next_token.map_or(Ok(0), place_in)?;
    let next = start.saturating_add(size);
    let next_token = (next < all.len()).then(|| STANDARD.encode(format!("place {next}")));
    Ok(Page { items: all.into_iter().skip(start).take(size).collect(), next_token })
}

fn place_in(token: &str) -> Result<usize, AwsError> {
    let bytes = STANDARD.decode(token).unwrap_or_default();
    let text = std::str::from_utf8(&bytes).unwrap_or_default();
    text.strip_prefix("place ")
        .and_then(|place| place.parse().ok())
        .ok_or_else(|| AwsError::new("InvalidParameterException", "Invalid token."))
}

#[cfg(test)]
mod tests {
    use super::page;

    #[test]
    fn an_empty_list_has_one_empty_page() {
        let page = page(Vec::<u8>::new(), None, None, 10).unwrap();
        assert_eq!((page.items, page.next_token), (vec![], None));
    }

    #[test]
    fn pages_follow_each_other_and_end() {
        let first = page(vec![1, 2, 3, 4, 5], Some(2), None, 10).unwrap();
        let second = page(vec![1, 2, 3, 4, 5], Some(3), first.next_token.as_deref(), 10).unwrap();
        assert_eq!((first.items, second.items, second.next_token), (vec![1, 2], vec![3, 4, 5], None));
    }

    #[test]
    fn a_page_of_none_or_too_many_and_a_strange_token_are_refused() {
        for (size, token) in [(Some(0), None), (Some(101), None), (None, Some("zzz"))] {
            assert_eq!(page(vec![1], size, token, 10).unwrap_err().code, "InvalidParameterException");
        }
    }
}
