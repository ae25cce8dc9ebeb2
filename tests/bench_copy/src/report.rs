//! The table, as the README shows it.

use crate::measure::Taken;
use crate::network::Network;

/// How much memory a copy may take.
const PEAK_KIB_MAX: f64 = 48.0 * 1024.0;

/// One shape over one network.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) title: String,
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
    let over: Vec<String> = lines.iter().flat_map(over_budget).collect();
    match over.as_slice() {
        [] => println!("\nEvery line keeps the budget."),
        over => println!("\nOver the budget:\n- {}", over.join("\n- ")),
    }
}

/// What a line has more of than the budget allows: time and processor time no more than skopeo's, memory bounded.
fn over_budget(line: &Line) -> Vec<String> {
    let Line { title, network, towpath, skopeo } = line;
    let mut over = Vec::new();
    for (what, member) in
        [("time", (|taken| taken.seconds) as fn(&Taken) -> f64), ("CPU time", |taken| taken.cpu_seconds)]
    {
        let (ours, theirs) = (median(towpath, member), median(skopeo, member));
        if !skopeo.is_empty() && ours > theirs {
            over.push(format!("{title}, {network}: {what} {} against {}", seconds(ours), seconds(theirs)));
        }
    }
    let peak = towpath.iter().map(|taken| taken.peak_kib).fold(0.0, f64::max);
    if peak > PEAK_KIB_MAX {
        over.push(format!("{title}, {network}: {:.1} MiB at most", peak / 1024.0));
    }
    over
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
