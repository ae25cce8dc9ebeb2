//! How a run is told.

use crate::check::{Check, Stop, Verdict};

/// What came of every check.
#[derive(Debug, Default)]
pub struct Report {
    /// Each check with its end, in the order of the run.
    pub ended: Vec<(Check, Verdict)>,
}

impl Report {
    /// The line of one check.
    pub fn line(check: &Check, verdict: &Verdict) -> String {
        let end = match verdict {
            Ok(()) => "ok".to_owned(),
            Err(stop) => stop.to_string(),
        };
        format!("{}: {} ... {end}", check.service, check.name)
    }

    /// How many ended with `ok`.
    pub fn passed(&self) -> usize {
        self.ended.iter().filter(|(_, verdict)| verdict.is_ok()).count()
    }

    /// The lines of the checks that failed.
    pub fn failed(&self) -> Vec<String> {
        self.lines(|verdict| matches!(verdict, Err(Stop::Failed(_))))
    }

    /// The lines of the checks that were not tried.
    pub fn not_tried(&self) -> Vec<String> {
        self.lines(|verdict| matches!(verdict, Err(Stop::NotTried(_))))
    }

    /// `N passed, N failed`.
    pub fn closing_line(&self) -> String {
        format!("{} passed, {} failed", self.passed(), self.failed().len())
    }

    fn lines(&self, wanted: impl Fn(&Verdict) -> bool) -> Vec<String> {
        let lines = self.ended.iter().filter(|(_, verdict)| wanted(verdict));
        lines.map(|(check, verdict)| Self::line(check, verdict)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::Report;
    use crate::check::{Check, Stop};
    use expect_test::expect;

    #[test]
    fn nothing_run_is_nothing_passed() {
        assert_eq!(Report::default().closing_line(), "0 passed, 0 failed");
    }

    #[test]
    fn each_end_has_its_words() {
        let check = Check::new("sqs", "A message waits", |_| Ok(()));
        let ends = [Ok(()), Err(Stop::Failed("x".to_owned())), Err(Stop::NotTried("y".to_owned()))];
        let report = Report { ended: ends.into_iter().map(|end| (check, end)).collect() };
        let lines: Vec<String> = report.ended.iter().map(|(check, end)| Report::line(check, end)).collect();
        expect![[r#"
            sqs: A message waits ... ok
            sqs: A message waits ... FAILED x
            sqs: A message waits ... not tried, because y
            1 passed, 1 failed"#]]
        .assert_eq(&format!("{}\n{}", lines.join("\n"), report.closing_line()));
    }
}
