//! `campaign`: plays histories, seed after seed.

use campaign::{
    Failure, Figures, Flow, History, Planted, Played, base, crashed, in_virtual_time, play, shrink,
    undisturbed,
};
use clap::Parser;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

/// Plays random histories of pushes, commits, rollbacks and faults against the functions' handlers, and checks the
/// invariants of ARCHITECTURE.md after each step and at rest.
#[derive(Debug, Parser)]
struct Options {
    /// How many histories to play.
    #[arg(long, default_value_t = 100)]
    seeds: u64,
    /// The first history's seed; alone, only this one is played and all of it is told.
    #[arg(long)]
    seed: Option<u64>,
    /// How many histories are played side by side.
    #[arg(long, default_value_t = default_jobs())]
    jobs: u64,
    /// After so many broken histories no further one is begun.
    #[arg(long, default_value_t = 3)]
    broken: u64,
    /// Plant this fault, to see it caught.
    #[arg(long)]
    plant: Option<Planted>,
    /// Kill each function before and after each of its calls instead, flow by flow.
    #[arg(long)]
    crash_points: bool,
    /// With --crash-points: this flow alone.
    #[arg(long)]
    flow: Option<Flow>,
}

fn default_jobs() -> u64 {
    std::thread::available_parallelism().map_or(1, |count| count.get() as u64)
}

fn main() -> ExitCode {
    let given: Vec<String> = std::env::args().collect();
    let is_alone = !given.iter().any(|given| given.starts_with("--seeds"));
    let options = Options::parse();
    let done = match options.seed.filter(|_| is_alone) {
        _ if options.crash_points => crash_points(options.flow),
        Some(seed) => tell(seed, options.plant),
        None => campaign(&options),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(failure) => {
            eprintln!("campaign: {failure}");
            ExitCode::from(2)
        }
    }
}

/// Dies everywhere; true when that changed no end.
fn crash_points(only: Option<Flow>) -> Result<bool, Failure> {
    let mut broken = 0;
    for flow in Flow::ALL.into_iter().filter(|flow| only.is_none_or(|only| only == *flow)) {
        let began = Instant::now();
        in_virtual_time(async || {
            let staged = flow.stage(&base().await?).await?;
            let (expected, points) = undisturbed(&staged, flow).await?;
            let mut other = 0;
            for point in &points {
                let (end, log) = crashed(&staged, flow, point).await?;
                if end != expected {
                    other += 1;
                    println!(
                        "{flow:?}: {point}\nthe end is\n{end}\nand undisturbed\n{expected}\nthe log\n{log}"
                    );
                }
            }
            let seconds = began.elapsed().as_secs_f64();
            println!("{flow:?}: {} crash points in {seconds:.1} s; {other} ended otherwise", points.len());
            broken += other;
            Ok(())
        })?;
    }
    Ok(broken == 0)
}

/// Plays one history and tells all of it.
fn tell(seed: u64, plant: Option<Planted>) -> Result<bool, Failure> {
    in_virtual_time(async || {
        let base = base().await?;
        let history = History::of(seed);
        let played = play(&base, &history, plant).await?;
        shown(&history, &played);
        Ok(played.broken.is_none())
    })
}

fn shown(history: &History, played: &Played) {
    println!("seed {}: {:?}, {:?}", history.seed, history.rates, history.settings.unconfirmed);
    for line in &played.tale {
        println!("{line}");
    }
    match &played.broken {
        Some(broken) => println!("{broken}"),
        None => println!("nothing is broken: {:?}", played.figures),
    }
}

/// Plays many histories, side by side; true when nothing was broken.
fn campaign(options: &Options) -> Result<bool, Failure> {
    let began = Instant::now();
    let first = options.seed.unwrap_or(0);
    let (next, broken) = (AtomicU64::new(first), AtomicU64::new(0));
    let last = first.saturating_add(options.seeds);
    let worked = std::thread::scope(|scope| {
        let worker = || in_virtual_time(async || work(options, &next, last, &broken).await);
        let workers: Vec<_> = (0..options.jobs.max(1)).map(|_| scope.spawn(worker)).collect();
        let ended =
            workers.into_iter().map(|worker| worker.join().unwrap_or_else(|_| Err("a worker died".into())));
        ended.collect::<Result<Vec<(u64, Figures)>, Failure>>()
    })?;
    let histories: u64 = worked.iter().map(|(count, _)| count).sum();
    let sum = |of: fn(&Figures) -> u64| worked.iter().map(|(_, figures)| of(figures)).sum::<u64>();
    let seconds = began.elapsed().as_secs_f64();
    #[expect(clippy::cast_precision_loss, reason = "a count of histories stays far below 2^53")]
    let rate = histories as f64 * 60.0 / seconds;
    let broken = broken.into_inner();
    println!(
        "{histories} histories in {seconds:.1} s ({rate:.0} a minute): {} steps, {} invocations, {} calls, {} commits; {broken} broken",
        sum(|figures| figures.steps),
        sum(|figures| figures.invocations),
        sum(|figures| figures.calls),
        sum(|figures| figures.commits),
    );
    Ok(broken == 0)
}

async fn work(
    options: &Options,
    next: &AtomicU64,
    last: u64,
    broken: &AtomicU64,
) -> Result<(u64, Figures), Failure> {
    let base = base().await?;
    let (mut histories, mut sum) = (0, Figures::default());
    while broken.load(Ordering::Relaxed) < options.broken {
        let seed = next.fetch_add(1, Ordering::Relaxed);
        if seed >= last {
            break;
        }
        let history = History::of(seed);
        let played = play(&base, &history, options.plant).await?;
        histories += 1;
        sum.add(played.figures);
        if played.broken.is_some() {
            broken.fetch_add(1, Ordering::Relaxed);
            let (small, played) = shrink(&base, history, played, options.plant).await?;
            shown(&small, &played);
            println!("replay it whole: scripts/campaign --seed {seed}\n");
        }
    }
    Ok((histories, sum))
}
