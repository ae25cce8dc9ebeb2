//! The record of a decision: one line of JSON in the log for each service of each event.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::decision::{Decision, DecisionKind};
use crate::names::{CommitId, EventId, ServiceId};
use crate::plan::Plan;
use crate::wake_up::Function;

/// What marks the line.
const MARK: &str = "decision";
const VERSION: u64 = 1;

/// One line of the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DecisionRecord {
    towpath: &'static str,
    version: u64,
    function: Function,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    events: Vec<EventId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    service: Option<ServiceId>,
    decision: DecisionKind,
    because: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    refusal: Option<&'static str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    plan: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tip: Option<CommitId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    commit: Option<CommitId>,
}

/// What the records of one invocation have in common.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordContext {
    /// The function that decided.
    pub function: Function,
    /// The events it answers.
    pub events: Vec<EventId>,
    /// The commit at which the facts were read.
    pub tip: Option<CommitId>,
    /// The commits that the plan's steps made for each service.
    pub commits: BTreeMap<ServiceId, CommitId>,
}

impl DecisionRecord {
    /// The records of a plan, one for each decision. What is done for a service stands on one of them: the first that
    /// speaks of doing something.
    #[must_use]
    pub fn of_plan(plan: &Plan, context: &RecordContext) -> Vec<Self> {
        plan.decisions
            .iter()
            .enumerate()
            .map(|(place, decision)| {
                let lines = match &decision.service {
                    Some(service) if doer(plan, service) == Some(place) => {
                        plan.steps_of(service).map(ToString::to_string).collect()
                    }
                    Some(_) | None => Vec::new(),
                };
                Self::of_decision(decision, context, lines)
            })
            .collect()
    }

    /// The record of one decision, with the lines of what is done for it.
    #[must_use]
    pub fn of_decision(decision: &Decision, context: &RecordContext, plan: Vec<String>) -> Self {
        // A decision that nothing is done for did not make its service's commit.
        let done_for = decision.service.as_ref().filter(|_| !plan.is_empty());
        Self {
            towpath: MARK,
            version: VERSION,
            function: context.function,
            events: context.events.clone(),
            service: decision.service.clone(),
            decision: decision.kind,
            because: decision.because.clone(),
            refusal: decision.refusal.as_ref().map(crate::refusal::Refusal::kind),
            tip: context.tip.clone(),
            commit: done_for.and_then(|service| context.commits.get(service)).cloned(),
            plan,
        }
    }

    /// The line.
    #[must_use]
    pub fn line(&self) -> String {
        // Texts and lists of texts always serialise.
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// The place of the decision that a service's steps belong to.
fn doer(plan: &Plan, service: &ServiceId) -> Option<usize> {
    let own = || {
        let all = plan.decisions.iter().enumerate();
        all.filter(|(_, decision)| decision.service.as_ref() == Some(service))
    };
    own().find(|(_, decision)| decision.kind.acts()).or_else(|| own().next()).map(|(place, _)| place)
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;
    use crate::plan::{Notification, Step, Then};
    use crate::refusal::Refusal;

    fn context() -> RecordContext {
        RecordContext {
            function: Function::OnCommit,
            events: vec![EventId::parse("e-1").unwrap()],
            tip: Some(CommitId::parse(&"1".repeat(40)).unwrap()),
            commits: BTreeMap::new(),
        }
    }

    #[test]
    fn a_plan_without_decisions_has_no_record() {
        assert_eq!(DecisionRecord::of_plan(&Plan::default(), &context()), Vec::new());
    }

    #[test]
    fn what_is_done_stands_on_one_record() {
        let service = ServiceId::parse("cluster1/webapp1").unwrap();
        let notification =
            Notification { service: service.clone(), subject: "look".to_owned(), text: "at this".to_owned() };
        let decided = |kind| Decision::of(&service, kind, "x");
        let decisions = [DecisionKind::Rolling, DecisionKind::Failed, DecisionKind::Verified].map(decided);
        let plan =
            Plan { steps: vec![Step::Notify(notification)], decisions: decisions.into(), then: Then::Done };
        let lines: Vec<usize> =
            DecisionRecord::of_plan(&plan, &context()).iter().map(|record| record.plan.len()).collect();
        assert_eq!(lines, [0, 1, 0]);
    }

    #[test]
    fn each_decision_is_one_line() {
        let service = ServiceId::parse("cluster1/webapp1").unwrap();
        let notification = Notification {
            service: service.clone(),
            subject: "look".to_owned(),
            text: "at\nthis".to_owned(),
        };
        let plan = Plan {
            steps: vec![Step::Notify(notification)],
            decisions: vec![
                Decision::refused(&service, Refusal::ServiceMissing { service: service.clone() }),
                Decision {
                    service: None,
                    kind: DecisionKind::Ignored,
                    because: "a\nb".to_owned(),
                    refusal: None,
                },
            ],
            then: Then::Done,
        };
        let lines: Vec<String> =
            DecisionRecord::of_plan(&plan, &context()).iter().map(DecisionRecord::line).collect();
        expect![[r#"
            {"towpath":"decision","version":1,"function":"on_commit","events":["e-1"],"service":"cluster1/webapp1","decision":"refused","because":"there is no ECS service cluster1/webapp1 in this account; create it","refusal":"service_missing","plan":["notify: look"],"tip":"1111111111111111111111111111111111111111"}
            {"towpath":"decision","version":1,"function":"on_commit","events":["e-1"],"decision":"ignored","because":"a\nb","tip":"1111111111111111111111111111111111111111"}"#]].assert_eq(&lines.join("\n"));
    }
}
