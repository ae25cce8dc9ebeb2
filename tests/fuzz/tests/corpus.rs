//! The kept inputs, and a few broken ones made of each.

use fuzz::{TARGETS, corpus, mutated, wrong};

/// How many broken inputs are made of each kept one.
const BROKEN: usize = 300;

#[test]
fn every_kept_input_is_treated_well() {
    for target in &TARGETS {
        let inputs = corpus(target).unwrap();
        assert!(!inputs.is_empty(), "{} has no corpus", target.name);
        for (name, input) in inputs {
            assert_eq!(wrong(target, &input), None, "{} {name}", target.name);
        }
    }
}

#[test]
fn a_few_broken_inputs_are_treated_well() {
    for target in &TARGETS {
        let inputs: Vec<Vec<u8>> = corpus(target).unwrap().into_values().collect();
        let mut random = fastrand::Rng::with_seed(1);
        for from in &inputs {
            for _ in 0..BROKEN {
                let input = mutated(&mut random, from, &inputs, target.words);
                let shown = String::from_utf8_lossy(&input);
                assert_eq!(wrong(target, &input), None, "{}: {shown:?}", target.name);
            }
        }
    }
}
