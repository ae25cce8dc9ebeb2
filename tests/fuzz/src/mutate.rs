//! Breaks an input.

/// How many things are done to one input at most.
const CHANGES_MAX: usize = 6;
/// How long an input may grow.
const BYTES_MAX: usize = 16 * 1024;

/// Bytes that break things wherever they stand.
const BYTES: [&[u8]; 12] =
    [b"\0", b"\n", b"\r\n", b"\"", b"\\", b"/", b"..", b"{", b"[", b"\xff", "\u{202e}".as_bytes(), b"-1e999"];

/// An input like `from`, with some of it changed; `others` and `words` lend parts.
pub fn mutated(random: &mut fastrand::Rng, from: &[u8], others: &[Vec<u8>], words: &[&str]) -> Vec<u8> {
    let mut input = from.to_vec();
    for _ in 0..random.usize(1..=CHANGES_MAX) {
        let (start, end) = range(random, input.len());
        match random.u32(..8) {
            0 => drop(input.splice(start..end, [])),
            1 => {
                let copied: Vec<u8> = input.get(start..end).unwrap_or_default().to_vec();
                drop(input.splice(start..start, copied));
            }
            2 => {
                let word = words.get(random.usize(..words.len().max(1))).copied().unwrap_or_default();
                drop(input.splice(start..start, word.bytes()));
            }
            3 => {
                let word = words.get(random.usize(..words.len().max(1))).copied().unwrap_or_default();
                drop(input.splice(start..end, word.bytes()));
            }
            4 => {
                let bytes = BYTES.get(random.usize(..BYTES.len())).copied().unwrap_or_default();
                drop(input.splice(start..start, bytes.iter().copied()));
            }
            5 => {
                if let Some(byte) = input.get_mut(start) {
                    *byte = random.u8(..);
                }
            }
            6 => {
                let other =
                    others.get(random.usize(..others.len().max(1))).map(Vec::as_slice).unwrap_or_default();
                let (from, to) = range(random, other.len());
                drop(input.splice(start..end, other.get(from..to).unwrap_or_default().iter().copied()));
            }
            _ => input.truncate(end),
        }
        input.truncate(BYTES_MAX);
    }
    input
}

/// A part of something so long; short ones more often.
fn range(random: &mut fastrand::Rng, length: usize) -> (usize, usize) {
    let start = random.usize(..=length);
    let longest = if random.bool() { length - start } else { (length - start).min(8) };
    (start, start + random.usize(..=longest))
}
