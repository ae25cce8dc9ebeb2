//! What was measured, as a table for people and as JSON for programs.

use crate::Failure;
use crate::budget::{EVERYWHERE, Figure, Held};
use crate::measure::{Compared, Measured, sizes};
use crate::process::Took;
use serde::Serialize;
use std::collections::BTreeMap;
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

/// How many times more the handler next to ours takes, by the medians.
#[derive(Debug, Clone, Serialize)]
struct Ratios {
    cold_start: f64,
    cold_cpu: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    warm_event: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    warm_cpu: Option<f64>,
    peak_memory: f64,
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
    #[serde(skip_serializing_if = "Option::is_none")]
    ratios: Option<Ratios>,
    budgets: Vec<Held>,
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
        let functions = compared.iter().map(|compared| FunctionReport::of(compared, functions));
        Ok(Self { conditions, functions: functions.collect::<Result<_, Failure>>()? })
    }

    /// For programs.
    pub(crate) fn json(&self) -> Result<String, Failure> {
        Ok(serde_json::to_string_pretty(self)?)
    }

    /// For people, in Markdown.
    pub(crate) fn table(&self) -> String {
        let times = [
            "function",
            "cold start, ms",
            "CPU of a cold start, ms",
            "warm event, ms",
            "CPU of a warm event, ms",
            "peak memory, MB",
        ];
        let sizes = ["function", "measured at", "AWS calls", "in sequence", "executable, MB", "zipped, MB"];
        let rows =
            |cells: fn(&FunctionReport) -> Vec<String>| self.functions.iter().map(cells).collect::<Vec<_>>();
        format!(
            "{}\n\n{}\n{}",
            self.conditions,
            table(&times, &rows(FunctionReport::times)),
            table(&sizes, &rows(FunctionReport::sizes)),
        )
    }
}

/// A table in Markdown.
fn table(head: &[&str], rows: &[Vec<String>]) -> String {
    let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    let head: Vec<String> = head.iter().map(|&name| name.to_owned()).collect();
    let rule = format!("|{}\n", "---|".repeat(head.len()));
    line(&head) + &rule + &rows.iter().map(|cells| line(cells)).collect::<String>()
}

impl FunctionReport {
    fn of(compared: &Compared, functions: &Path) -> Result<Self, Failure> {
        let (executable, zipped) = sizes(&functions.join(compared.benchmark.function))?;
        let towpath = HandlerReport::of(&compared.towpath)?;
        let python = compared.python.as_ref().map(HandlerReport::of).transpose()?;
        let mut report = Self {
            function: compared.benchmark.function,
            what: compared.benchmark.what,
            executable: megabytes(executable),
            zipped: zipped.map(megabytes),
            ratios: python.as_ref().map(|python| Ratios::of(&towpath, python)),
            towpath,
            python,
            budgets: Vec::new(),
        };
        let budgets = EVERYWHERE.iter().chain(compared.benchmark.budgets);
        report.budgets =
            budgets.filter_map(|budget| Some(budget.against(report.measured(budget.figure)?))).collect();
        Ok(report)
    }

    /// A figure that a budget can be about; none where it was not measured.
    fn measured(&self, figure: Figure) -> Option<f64> {
        let ratios = self.ratios.as_ref();
        match figure {
            Figure::ColdStartRatio => ratios.map(|ratios| ratios.cold_start),
            Figure::WarmCpuRatio => ratios.and_then(|ratios| ratios.warm_cpu),
            Figure::PeakMemory => Some(self.towpath.peak_memory.median),
            Figure::Executable => Some(self.executable),
            Figure::Zipped => self.zipped,
            Figure::Calls => Some(count(self.towpath.calls)),
            Figure::Sequential => Some(count(self.towpath.sequential)),
        }
    }

    /// The budget of a figure, as it stands in its cell.
    fn beside(&self, figure: Figure) -> String {
        let held = self.budgets.iter().find(|held| held.figure == figure);
        held.map_or_else(String::new, |held| {
            let missed = if held.kept { "" } else { ", **missed**" };
            format!(" (budget {}{missed})", held.budget)
        })
    }

    fn times(&self) -> Vec<String> {
        let both = |read: &dyn Fn(&HandlerReport) -> Option<Spread>| {
            compare(read(&self.towpath), self.python.as_ref().and_then(read))
        };
        vec![
            format!("`{}`", self.function),
            both(&|handler| Some(handler.cold_start)) + &self.beside(Figure::ColdStartRatio),
            both(&|handler| Some(handler.cold_cpu)),
            both(&|handler| handler.warm_event),
            both(&|handler| handler.warm_cpu) + &self.beside(Figure::WarmCpuRatio),
            both(&|handler| Some(handler.peak_memory)) + &self.beside(Figure::PeakMemory),
        ]
    }

    fn sizes(&self) -> Vec<String> {
        let both = |read: fn(&HandlerReport) -> usize| match &self.python {
            Some(python) => format!("{} / {}", read(&self.towpath), read(python)),
            None => read(&self.towpath).to_string(),
        };
        let zipped = self.zipped.map_or_else(|| "–".to_owned(), |zipped| format!("{zipped:.1}"));
        vec![
            format!("`{}`", self.function),
            self.what.to_owned(),
            both(|handler| handler.calls) + &self.beside(Figure::Calls),
            both(|handler| handler.sequential) + &self.beside(Figure::Sequential),
            format!("{:.1}{}", self.executable, self.beside(Figure::Executable)),
            zipped + &self.beside(Figure::Zipped),
        ]
    }
}

impl Ratios {
    fn of(ours: &HandlerReport, theirs: &HandlerReport) -> Self {
        let ratio = |read: fn(&HandlerReport) -> Spread| read(theirs).median / read(ours).median;
        let warm =
            |read: fn(&HandlerReport) -> Option<Spread>| Some(read(theirs)?.median / read(ours)?.median);
        Self {
            cold_start: ratio(|handler| handler.cold_start),
            cold_cpu: ratio(|handler| handler.cold_cpu),
            warm_event: warm(|handler| handler.warm_event),
            warm_cpu: warm(|handler| handler.warm_cpu),
            peak_memory: ratio(|handler| handler.peak_memory),
        }
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

fn count(number: usize) -> f64 {
    u32::try_from(number).map_or(f64::INFINITY, f64::from)
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
            let ratio = theirs.median / ours.median;
            let digits = usize::from(ratio < 10.0);
            format!("{} / {} = **{ratio:.digits$}×**", show(ours), show(theirs))
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
