//! The table, as the README shows it.

use crate::measure::Taken;
use crate::network::Network;

/// One shape over one network.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) title: &'static str,
    pub(crate) network: Network,
    pub(crate) towpath: Vec<Taken>,
    pub(crate) skopeo: Vec<Taken>,
}

/// Prints it.
pub(crate) fn print(lines: &[Line], rounds: usize, skopeo: Option<&str>) {
    println!(
        "Medians of {rounds} rounds, next to {}; in brackets skopeo's figure divided by ours.\n",
        skopeo.unwrap_or("nothing")
    );
    println!("| image | network | time | CPU time | peak memory | requests |");
    println!("|---|---|---|---|---|---|");
    for Line { title, network, towpath, skopeo } in lines {
        let network = if network.is_loopback() {
            "loopback".to_owned()
        } else {
            format!("{} ms, {} MB/s", network.round_trip_ms, network.bytes_per_second / 1_000_000)
        };
        let cell = |show: fn(f64) -> String, member: fn(&Taken) -> f64| {
            let ours = median(towpath, member);
            match skopeo.is_empty() {
                true => show(ours),
                false => format!("{} ({})", show(ours), ratio(median(skopeo, member), ours)),
            }
        };
        println!(
            "| {title} | {network} | {} | {} | {} | {} |",
            cell(seconds, |taken| taken.seconds),
            cell(seconds, |taken| taken.cpu_seconds),
            cell(|kib| format!("{:.1} MiB", kib / 1024.0), |taken| taken.peak_kib),
            cell(|count| format!("{count:.0}"), |taken| taken.requests),
        );
    }
}

fn seconds(seconds: f64) -> String {
    format!("{seconds:.2} s")
}

fn ratio(theirs: f64, ours: f64) -> String {
    if ours == 0.0 { "below what is counted".to_owned() } else { format!("× {:.1}", theirs / ours) }
}

fn median(taken: &[Taken], member: fn(&Taken) -> f64) -> f64 {
    let mut values: Vec<f64> = taken.iter().map(member).collect();
    values.sort_by(f64::total_cmp);
    let upper = values.get(values.len() / 2).copied().unwrap_or_default();
    let lower = values.get(values.len().saturating_sub(1) / 2).copied().unwrap_or_default();
    f64::midpoint(lower, upper)
}
