//! All checks, and their run.

use crate::check::Check;
use crate::report::Report;
use crate::scene::Scene;
use crate::{
    accounts, codecommit_reading, codecommit_writing, codepipeline, ecr_images, ecr_layers, ecs, events, git,
    registry, sqs, sts,
};

/// Every check, service by service.
pub fn checks() -> Vec<Check> {
    [
        sts::CHECKS,
        accounts::CHECKS,
        codecommit_writing::CHECKS,
        codecommit_reading::CHECKS,
        git::CHECKS,
        ecr_layers::CHECKS,
        ecr_images::CHECKS,
        registry::CHECKS,
        sqs::CHECKS,
        events::CHECKS,
        ecs::CHECKS,
        codepipeline::CHECKS,
    ]
    .concat()
}

/// Runs the checks whose line contains `only`, one after the other, and tells each end as it comes.
pub fn run(scene: &Scene, only: &str, mut tell: impl FnMut(&str)) -> Report {
    let mut report = Report::default();
    for check in checks() {
        if !format!("{}: {}", check.service, check.name).contains(only) {
            continue;
        }
        let verdict = (check.run)(scene);
        tell(&Report::line(&check, &verdict));
        report.ended.push((check, verdict));
    }
    report
}

#[cfg(test)]
mod tests {
    use super::{checks, run};
    use crate::scene::{Options, Scene};
    use client::Aws;
    use std::collections::BTreeSet;

    #[test]
    fn no_two_checks_have_the_same_sentence() {
        let names: BTreeSet<(&str, &str)> =
            checks().iter().map(|check| (check.service, check.name)).collect();
        assert_eq!(names.len(), checks().len());
        assert!(names.len() > 80, "{}", names.len());
    }

    #[test]
    fn nothing_chosen_is_nothing_run() {
        let aws = Aws::local("http://127.0.0.1:1", "111111111111");
        let scene = Scene::new(aws, "111111111111", Options::default());
        let report = run(&scene, "no check has this in its sentence", |line| panic!("told {line}"));
        assert_eq!(report.closing_line(), "0 passed, 0 failed");
    }
}
