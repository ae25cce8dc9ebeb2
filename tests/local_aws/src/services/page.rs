//! Lists in pages.

use crate::error::AwsError;

/// One page of a list whose order does not change between requests, and the token of the next page.
///
/// # Errors
/// When the token is none that an earlier page gave, with the code that the service uses.
pub(crate) fn page<T>(
    items: impl IntoIterator<Item = T>,
    size: usize,
    token: Option<&str>,
    error_code: &str,
) -> Result<(Vec<T>, Option<String>), AwsError> {
    let start = match token.map(|token| token.strip_prefix("after-").and_then(|count| count.parse().ok())) {
        None => 0_usize,
        Some(Some(start)) => start,
        Some(None) => {
            let text = format!("the token `{}` was not given by an earlier page", token.unwrap_or_default());
            return Err(AwsError::new(error_code, text));
        }
    };
    let mut rest = items.into_iter().skip(start);
    let page: Vec<T> = rest.by_ref().take(size).collect();
    let next = rest.next().is_some().then(|| format!("after-{}", start + page.len()));
    Ok((page, next))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_follow_each_other_without_gaps() {
        let (first, token) = page(1..=5, 2, None, "Invalid").unwrap();
        let (second, token) = page(1..=5, 3, token.as_deref(), "Invalid").unwrap();
        assert_eq!((first, second, token), (vec![1, 2], vec![3, 4, 5], None));
        assert_eq!(page(1..=5, 2, Some("x"), "Invalid").unwrap_err().code, "Invalid");
    }
}
