//! What the functions may cost at most.

use serde::Serialize;

/// What a budget is about. Times are compared with the handler next to ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Figure {
    /// How many times faster a cold start is.
    ColdStartRatio,
    /// How many times less processor time a warm event takes.
    WarmCpuRatio,
    /// Megabytes.
    PeakMemory,
    /// Megabytes.
    Executable,
    /// Megabytes.
    Zipped,
    /// The calls of one event.
    Calls,
    /// Those that come one after the other.
    Sequential,
}

/// A figure and its bound: the most it may be, but the least for a ratio.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Budget {
    /// What it is about.
    pub(crate) figure: Figure,
    /// Its bound.
    pub(crate) bound: f64,
}

/// What became of a budget.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Held {
    /// What it is about.
    pub(crate) figure: Figure,
    /// The budget, for people.
    pub(crate) budget: String,
    measured: f64,
    /// Whether it was kept.
    pub(crate) kept: bool,
}

/// The budgets of every function.
pub(crate) const EVERYWHERE: &[Budget] = &[
    Budget { figure: Figure::ColdStartRatio, bound: 25.0 },
    Budget { figure: Figure::WarmCpuRatio, bound: 7.0 },
    Budget { figure: Figure::Executable, bound: 8.0 },
    Budget { figure: Figure::Zipped, bound: 3.5 },
];

/// What an event's function may hold.
pub(crate) const MEMORY: Budget = Budget { figure: Figure::PeakMemory, bound: 12.0 };

impl Budget {
    /// Whether a measured figure keeps it.
    pub(crate) fn against(self, measured: f64) -> Held {
        let Self { figure, bound } = self;
        let (budget, kept) = match figure {
            Figure::ColdStartRatio | Figure::WarmCpuRatio => (format!("≥ {bound}×"), measured >= bound),
            Figure::PeakMemory | Figure::Executable | Figure::Zipped => {
                (format!("≤ {bound} MB"), measured <= bound)
            }
            Figure::Calls | Figure::Sequential => (format!("≤ {bound}"), measured <= bound),
        };
        Held { figure, budget, measured, kept }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ratio_must_reach_its_budget_and_a_size_must_not_exceed_it() {
        let cold = EVERYWHERE.iter().copied().find(|budget| budget.figure == Figure::ColdStartRatio).unwrap();
        assert!(cold.against(25.0).kept);
        assert!(!cold.against(24.9).kept);
        assert!(MEMORY.against(12.0).kept);
        assert!(!MEMORY.against(12.1).kept);
        assert_eq!(
            (cold.against(1.0).budget, MEMORY.against(1.0).budget),
            ("≥ 25×".into(), "≤ 12 MB".into())
        );
    }
}
