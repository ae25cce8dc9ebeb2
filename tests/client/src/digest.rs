//! Content addresses.

use std::fmt::Write as _;

/// `sha256:<64 lower-case hexadecimal digits>` of the bytes.
pub fn sha256(bytes: &[u8]) -> String {
    format!("sha256:{}", hexadecimal(&ring::digest::SHA256, &[bytes]))
}

/// The id that git gives a file of this content.
pub fn git_blob(content: &[u8]) -> String {
    let head = format!("blob {}\0", content.len());
    hexadecimal(&ring::digest::SHA1_FOR_LEGACY_USE_ONLY, &[head.as_bytes(), content])
}

fn hexadecimal(algorithm: &'static ring::digest::Algorithm, parts: &[&[u8]]) -> String {
    let mut context = ring::digest::Context::new(algorithm);
    for part in parts {
        context.update(part);
    }
    let mut text = String::new();
    for byte in context.finish().as_ref() {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

#[cfg(test)]
mod tests {
    #[test]
    fn nothing_has_the_well_known_digest() {
        assert_eq!(
            super::sha256(b""),
            "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        );
    }
}
