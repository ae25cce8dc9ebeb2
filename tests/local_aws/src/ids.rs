//! Names that AWS makes up: execution ids, request ids, upload ids.

use serde::{Deserialize, Serialize};

/// A repeatable source of ids: the same seed gives the same ids in the same order. It is no secret and
/// must not be used for one.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Ids {
    state: u64,
}

impl Ids {
    /// Starts the sequence of this seed.
    pub fn from_seed(seed: u64) -> Self {
        Self { state: seed }
    }

    /// The next number of the SplitMix64 sequence (Steele, Lea and Flood, OOPSLA 2014).
    pub fn number(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// Lower-case hexadecimal digits.
    pub fn hex(&mut self, digits: usize) -> String {
        let mut text = String::new();
        while text.len() < digits {
            text.push_str(&format!("{:016x}", self.number()));
        }
        text.truncate(digits);
        text
    }

    /// A UUID, version 4 by its looks.
    pub fn uuid(&mut self) -> String {
        let (high, low) = (self.number(), self.number());
        let variant = 0x8000 | (low >> 48 & 0x3FFF);
        format!(
            "{:08x}-{:04x}-4{:03x}-{variant:04x}-{:012x}",
            high >> 32,
            high >> 16 & 0xFFFF,
            high & 0xFFF,
            low & 0xFFFF_FFFF_FFFF
        )
    }
}
