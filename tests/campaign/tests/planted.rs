//! The campaign sees: each planted fault is caught within a few histories.

use campaign::{Broken, Failure, History, Planted, base, in_virtual_time, play};
use clap::ValueEnum;

/// A fault, the history that is known to catch it, and the invariants that it may break.
type Caught = (Planted, u64, &'static [u8]);

/// How many histories are played for one fault at most, from the known one on.
const HISTORIES_MAX: u64 = 40;

const CAUGHT: [Caught; 1] = [(Planted::HoldIgnored, 0, &[3])];

#[test]
fn each_planted_fault_is_caught() -> Result<(), Failure> {
    let missing: Vec<&Planted> = Planted::value_variants()
        .iter()
        .filter(|planted| !CAUGHT.iter().any(|(caught, ..)| caught == *planted))
        .collect();
    assert_eq!(missing, Vec::<&Planted>::new(), "faults that nothing is planted for");
    in_virtual_time(async || {
        let base = base().await?;
        for (planted, first, expected) in CAUGHT {
            let mut found = None;
            for seed in first..first + HISTORIES_MAX {
                let played = play(&base, &History::of(seed), Some(planted)).await?;
                if let Some(Broken::Invariant(violation)) = played.broken {
                    found = Some((seed, violation));
                    break;
                }
            }
            let Some((seed, violation)) = found else { return Err(format!("{planted:?} is not caught").into()) };
            assert!(expected.contains(&violation.invariant), "{planted:?}, seed {seed}: {violation}");
        }
        Ok(())
    })
}
