//! A layer part's bytes, out of the base64 that the API sends.

use super::parameters::invalid;
use crate::error::AwsError;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::io;

/// The largest part that the API takes.
const PART_BYTES_MAX: usize = 20 * 1024 * 1024;
/// How much is decoded at once: as much as stays in the processor's cache until it is hashed and written.
const CHUNK_CHARACTERS: usize = 64 * 1024;

/// Hands the decoded bytes on, chunk by chunk.
pub(super) fn decode(text: &str, mut take: impl FnMut(&[u8]) -> io::Result<()>) -> Result<(), AwsError> {
    if text.len() / 4 * 3 > PART_BYTES_MAX + 2 {
        return Err(too_long());
    }
    let mut buffer = vec![0; CHUNK_CHARACTERS / 4 * 3];
    let mut length = 0;
    let mut chunks = text.as_bytes().chunks(CHUNK_CHARACTERS).peekable();
    while let Some(chunk) = chunks.next() {
        let not_base64 = |because: &str| invalid("layerPartBlob", &format!("must be base64: {because}"));
        let count =
            STANDARD.decode_slice(chunk, &mut buffer).map_err(|error| not_base64(&error.to_string()))?;
        if count != buffer.len() && chunks.peek().is_some() {
            return Err(not_base64("padding before the end"));
        }
        length += count;
        if length > PART_BYTES_MAX {
            return Err(too_long());
        }
        take(buffer.get(..count).unwrap_or_default())?;
    }
    Ok(())
}

fn too_long() -> AwsError {
    invalid("layerPartBlob", &format!("must have length less than or equal to {PART_BYTES_MAX}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn decoded(text: &str) -> Result<Vec<u8>, AwsError> {
        let mut bytes = Vec::new();
        decode(text, |chunk| {
            bytes.extend_from_slice(chunk);
            Ok(())
        })?;
        Ok(bytes)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn what_was_encoded_is_decoded(byte: u8, length in 0..300_000_usize) {
            let bytes = vec![byte; length];
            prop_assert_eq!(decoded(&STANDARD.encode(&bytes)).unwrap(), bytes);
        }
    }

    #[test]
    fn what_is_no_base64_is_refused() {
        let early_padding = format!("{}Qg==QUFB", "A".repeat(CHUNK_CHARACTERS - 4));
        for bad in ["A", "AA", "AAA*", "QQ==QUFB", &early_padding] {
            assert!(decoded(bad).unwrap_err().message.contains("must be base64"), "{}", bad.len());
        }
    }

    #[test]
    fn twenty_mebibytes_are_the_most() {
        assert_eq!(decoded(&STANDARD.encode(vec![0; PART_BYTES_MAX])).unwrap().len(), PART_BYTES_MAX);
        for more in 1..5 {
            assert!(decoded(&STANDARD.encode(vec![0; PART_BYTES_MAX + more])).is_err());
        }
    }
}
