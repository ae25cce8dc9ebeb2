//! SHA-256 as registries write it.

use ring::digest::{SHA256, digest};

/// The digest of bytes that are all there.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    named(digest(&SHA256, bytes).as_ref())
}

/// A hash under its name.
pub(crate) fn named(hash: &[u8]) -> String {
    let mut text = String::with_capacity(7 + 2 * hash.len());
    text.push_str("sha256:");
    for byte in hash {
        for half in [byte >> 4, byte & 15] {
            text.extend(char::from_digit(u32::from(half), 16));
        }
    }
    text
}
