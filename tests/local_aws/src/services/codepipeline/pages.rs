//! Pages of long lists.

use crate::error::AwsError;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// What every token begins with once it is decoded, so that one of another list is refused.
fn prefix(list: &str) -> String {
    format!("after:{list}:")
}

/// The items of one page and the token for the next one, if there is more. A token names the last item of
/// its page, so that items which come in later do not shift the pages.
///
/// # Errors
/// `InvalidNextTokenException` for a token that this list never gave.
pub(super) fn page<Item>(
    list: &str,
    items: Vec<Item>,
    key: impl Fn(&Item) -> &str,
    token: Option<&str>,
    size: usize,
) -> Result<(Vec<Item>, Option<String>), AwsError> {
    let start = match token {
        None => 0,
        Some(token) => {
            let after = decode(list, token).ok_or_else(invalid_token)?;
            let last = items.iter().position(|item| key(item) == after).ok_or_else(invalid_token)?;
            last + 1
        }
    };
    let more = items.len() > start + size;
    let page: Vec<Item> = items.into_iter().skip(start).take(size).collect();
    let next = page
        .last()
        .filter(|_| more)
        .map(|last| URL_SAFE_NO_PAD.encode(format!("{}{}", prefix(list), key(last))));
    Ok((page, next))
}

/// How many items a page has when `maxResults` says so, or says nothing.
pub(super) fn size(max_results: Option<i64>, default: usize) -> usize {
    max_results.and_then(|count| usize::try_from(count).ok()).unwrap_or(default)
}

/// `InvalidNextTokenException`.
pub(super) fn invalid_token() -> AwsError {
    AwsError::new("InvalidNextTokenException", "The next token was specified in an invalid format")
}

fn decode(list: &str, token: &str) -> Option<String> {
    let text = String::from_utf8(URL_SAFE_NO_PAD.decode(token).ok()?).ok()?;
    text.strip_prefix(&prefix(list)).map(str::to_owned)
}
