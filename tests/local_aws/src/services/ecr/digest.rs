//! SHA-256, which names every layer and manifest.

use ring::digest::{Context, SHA256, digest};
use std::fmt;

/// A SHA-256 that is fed as the bytes arrive; a clone goes on from the same point.
#[derive(Clone)]
pub(super) struct Sha256(Context);

impl Default for Sha256 {
    fn default() -> Self {
        Self(Context::new(&SHA256))
    }
}

impl Sha256 {
    pub(super) fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// `sha256:<64 hexadecimal digits>`.
    pub(super) fn finish(self) -> String {
        named(self.0.finish().as_ref())
    }
}

impl fmt::Debug for Sha256 {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Sha256")
    }
}

/// The digest of bytes that are all there.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    named(digest(&SHA256, bytes).as_ref())
}

/// Whether the text names a SHA-256: `sha256:` and 64 lower-case hexadecimal digits.
pub(crate) fn is_sha256(text: &str) -> bool {
    text.strip_prefix("sha256:").is_some_and(|digits| {
        digits.len() == 64 && digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    })
}

fn named(bytes: &[u8]) -> String {
    format!("sha256:{}", hexadecimal(bytes))
}

/// Lower-case hexadecimal digits of the bytes.
pub(super) fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
