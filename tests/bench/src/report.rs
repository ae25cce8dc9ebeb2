//! What was measured, as a table for people and as JSON for programs.

use crate::Failure;
use crate::measure::{Compared, Measured, sizes};
use crate::process::Took;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

/// A middle and the extremes.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Spread {
    median: f64,
    min: f64,
    max: f64,
}

/// One handler of one function. Times in milliseconds, memory and sizes in megabytes of a million bytes.
#[derive(Debug, Clone, Serialize)]
struct HandlerReport {
    cold_start: Spread,
    cold_cpu: Spread,
    #[serde(skip_serializing_if = "Option::is_none")]
    warm_event: Option<Spread>,
    #[serde(skip_serializing_if = "Option::is_none")]
    warm_cpu: Option<Spread>,
    peak_memory: Spread,
    calls: usize,
    sequential: usize,
    connections: usize,
    operations: BTreeMap<String, usize>,
}

/// One function.
#[derive(Debug, Clone, Serialize)]
struct FunctionReport {
    function: &'static str,
    what: &'static str,
    executable: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    zipped: Option<f64>,
    towpath: HandlerReport,
    #[serde(skip_serializing_if = "Option::is_none")]
    python: Option<HandlerReport>,
}

/// The whole run.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Report {
    conditions: String,
    functions: Vec<FunctionReport>,
}

impl Report {
    /// The report of these comparisons, made under these conditions.
    pub(crate) fn new(compared: &[Compared], functions: &Path, conditions: String) -> Result<Self, Failure> {
        let functions = compared
            .iter()
            .map(|compared| {
                let (executable, zipped) = sizes(&functions.join(compared.benchmark.function))?;
                Ok(FunctionReport {
                    function: compared.benchmark.function,
                    what: compared.benchmark.what,
                    executable: megabytes(executable),
                    zipped: zipped.map(megabytes),
                    towpath: HandlerReport::of(&compared.towpath)?,
                    python: compared.python.as_ref().map(HandlerReport::of).transpose()?,
                })
            })
            .collect::<Result<_, Failure>>()?;
        Ok(Self { conditions, functions })
    }

    /// For programs.
    pub(crate) fn json(&self) -> Result<String, Failure> {
        Ok(serde_json::to_string_pretty(self)?)
    }

    /// For people, in Markdown.
    pub(crate) fn table(&self) -> String {
        let mut text = format!("{}\n\n", self.conditions);
        text +=
            "| function | cold start, ms | warm event, ms | CPU of a warm event, ms | peak memory, MB |\n";
        text += "|---|---|---|---|---|\n";
        for function in &self.functions {
            let both = |read: &dyn Fn(&HandlerReport) -> Option<Spread>| {
                compare(read(&function.towpath), function.python.as_ref().and_then(read))
            };
            let cells = [
                both(&|handler| Some(handler.cold_start)),
                both(&|handler| handler.warm_event),
                both(&|handler| handler.warm_cpu),
                both(&|handler| Some(handler.peak_memory)),
            ];
            // Writing to a String does not fail.
            let _ = writeln!(text, "| `{}` | {} |", function.function, cells.join(" | "));
        }
        text += "\n| function | measured at | AWS calls | in sequence | executable, MB | zipped, MB |\n";
        text += "|---|---|---|---|---|---|\n";
        for FunctionReport { function, what, executable, zipped, towpath, python } in &self.functions {
            let both = |read: fn(&HandlerReport) -> usize| match python {
                Some(python) => format!("{} / {}", read(towpath), read(python)),
                None => read(towpath).to_string(),
            };
            let (calls, sequential) = (both(|handler| handler.calls), both(|handler| handler.sequential));
            let zipped = zipped.map_or_else(|| "–".to_owned(), |zipped| format!("{zipped:.1}"));
            let _ = writeln!(
                text,
                "| `{function}` | {what} | {calls} | {sequential} | {executable:.1} | {zipped} |"
            );
        }
        text
    }
}

impl HandlerReport {
    fn of(measured: &Measured) -> Result<Self, Failure> {
        let wall = |took: &Took| took.wall.as_secs_f64() * 1000.0;
        let cpu = |took: &Took| took.cpu.as_secs_f64() * 1000.0;
        let Measured { cold, warm, peak_kib, passed } = measured;
        Ok(Self {
            cold_start: spread(cold.iter().map(wall)).ok_or("no cold start")?,
            cold_cpu: spread(cold.iter().map(cpu)).ok_or("no cold start")?,
            warm_event: spread(warm.iter().map(wall)),
            warm_cpu: spread(warm.iter().map(cpu)),
            peak_memory: spread(peak_kib.iter().map(|kib| megabytes(kib * 1024))).ok_or("no process")?,
            calls: passed.operations.values().sum(),
            sequential: passed.sequential,
            connections: passed.connections,
            operations: passed.operations.clone(),
        })
    }
}

fn megabytes(bytes: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "no process and no file here comes near 2^53 bytes")]
    let bytes = bytes as f64;
    bytes / 1e6
}

fn spread(values: impl Iterator<Item = f64>) -> Option<Spread> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    let upper = *values.get(middle)?;
    let lower = if values.len().is_multiple_of(2) { *values.get(middle.checked_sub(1)?)? } else { upper };
    Some(Spread { median: f64::midpoint(lower, upper), min: *values.first()?, max: *values.last()? })
}

/// Ours, theirs, and how many times more theirs is.
fn compare(ours: Option<Spread>, theirs: Option<Spread>) -> String {
    match (ours, theirs) {
        (Some(ours), Some(theirs)) => {
            format!("{} / {} = **{:.0}×**", show(ours), show(theirs), theirs.median / ours.median)
        }
        (Some(ours), None) => show(ours),
        (None, _) => "–".to_owned(),
    }
}

fn show(Spread { median, min, max }: Spread) -> String {
    let digits = usize::from(median < 100.0);
    format!("{median:.digits$} ({min:.digits$}–{max:.digits$})")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_measured_has_no_spread() {
        assert_eq!(spread(std::iter::empty()), None);
        assert_eq!(compare(None, None), "–");
    }

    #[test]
    fn the_median_of_an_even_number_lies_between_the_middle_two() {
        let found = spread([4.0, 1.0, 2.0, 3.0].into_iter());
        assert_eq!(found, Some(Spread { median: 2.5, min: 1.0, max: 4.0 }));
    }

    #[test]
    fn a_comparison_says_how_many_times_more() {
        let at = |median| Some(Spread { median, min: median - 1.0, max: median + 1.0 });
        assert_eq!(compare(at(10.0), at(250.0)), "10.0 (9.0–11.0) / 250 (249–251) = **25×**");
    }
}
