//! `fuzz`: breaks the corpus at random for a while.

use clap::Parser;
use fuzz::{TARGETS, corpus, folder, mutated, wrong};
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// Breaks the corpus of each target at random, and keeps what fails.
#[derive(Debug, Parser)]
struct Options {
    /// The one target to try; all when absent.
    #[arg(long)]
    target: Option<String>,
    /// For how many seconds each target is tried.
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// Where the random numbers begin.
    #[arg(long, default_value_t = 0)]
    seed: u64,
}

fn main() -> ExitCode {
    match run(&Options::parse()) {
        Ok(0) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("fuzz: {error}");
            ExitCode::from(2)
        }
    }
}

/// How many inputs failed.
fn run(options: &Options) -> std::io::Result<u64> {
    let mut failed = 0;
    let chosen = |name: &str| options.target.as_ref().is_none_or(|target| target == name);
    for target in TARGETS.iter().filter(|target| chosen(target.name)) {
        let inputs: Vec<Vec<u8>> = corpus(target)?.into_values().collect();
        let mut random = fastrand::Rng::with_seed(options.seed);
        let until = Instant::now() + Duration::from_secs(options.seconds);
        let mut tried: u64 = 0;
        while Instant::now() < until {
            tried += 1;
            let from = inputs.get(random.usize(..inputs.len().max(1))).cloned().unwrap_or_default();
            let input = mutated(&mut random, &from, &inputs, target.words);
            if let Some(problem) = wrong(target, &input) {
                let path = folder(target).join(format!("found-{}-{tried}", options.seed));
                std::fs::write(&path, &input)?;
                println!("{}: {problem}; the input is {}", target.name, path.display());
                failed += 1;
                break;
            }
        }
        println!("{}: {tried} inputs", target.name);
    }
    Ok(failed)
}
