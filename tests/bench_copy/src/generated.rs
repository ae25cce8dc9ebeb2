//! Bytes that cannot be compressed, the same each time, made when they are needed.

use ring::digest::{Context, SHA256};
use serde_json::{Value, json};
use std::fmt::Write as _;

/// How many bytes are made at once.
const PIECE_BYTES: u64 = 16 * 1024 * 1024;

/// A layer that is never whole in memory.
#[derive(Debug, Clone)]
pub(crate) struct Generated {
    pub(crate) digest: String,
    pub(crate) bytes: u64,
    media_type: &'static str,
    seed: u64,
}

impl Generated {
    /// The layer of so many bytes that this seed gives.
    pub(crate) fn new(media_type: &'static str, seed: u64, bytes: u64) -> Self {
        let mut layer = Self { digest: String::new(), bytes, media_type, seed };
        let mut hash = Hash::default();
        layer.pieces().for_each(|piece| hash.update(&piece));
        layer.digest = hash.finish();
        layer
    }

    /// How a manifest names it.
    pub(crate) fn descriptor(&self) -> Value {
        json!({ "digest": self.digest, "mediaType": self.media_type, "size": self.bytes })
    }

    /// Its bytes, piece by piece.
    pub(crate) fn pieces(&self) -> impl Iterator<Item = Vec<u8>> + use<> {
        let (mut noise, mut left) = (Noise::new(self.seed), self.bytes);
        std::iter::from_fn(move || {
            let count = left.min(PIECE_BYTES);
            left -= count;
            (count > 0).then(|| noise.take(usize::try_from(count).unwrap_or_default()))
        })
    }
}

/// A pseudo-random sequence of bytes. It begins as gzip does, or skopeo would compress it.
#[derive(Debug)]
pub(crate) struct Noise {
    state: u64,
    begun: bool,
}

impl Noise {
    /// The sequence of this seed.
    pub(crate) fn new(seed: u64) -> Self {
        Self { state: seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1, begun: false }
    }

    /// The next bytes.
    pub(crate) fn take(&mut self, length: usize) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(length + 8);
        if !self.begun {
            bytes.extend_from_slice(&[0x1f, 0x8b, 8, 0]);
            self.begun = true;
        }
        while bytes.len() < length {
            self.state ^= self.state << 13;
            self.state ^= self.state >> 7;
            self.state ^= self.state << 17;
            bytes.extend_from_slice(&self.state.to_le_bytes());
        }
        bytes.truncate(length);
        bytes
    }
}

/// A SHA-256 of what comes in pieces.
#[derive(Clone)]
pub(crate) struct Hash(Context);

impl Default for Hash {
    fn default() -> Self {
        Self(Context::new(&SHA256))
    }
}

impl Hash {
    pub(crate) fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// As registries write it.
    pub(crate) fn finish(self) -> String {
        self.0.finish().as_ref().iter().fold("sha256:".to_owned(), |mut text, byte| {
            // Writing to a text always works.
            let _ = write!(text, "{byte:02x}");
            text
        })
    }
}
