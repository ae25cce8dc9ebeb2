//! `reconcile`: what was missed, and where git, the service's revision and the tasks that run differ.
//!
//! The sweep decides with the decisions of the functions that own the steps, on the same facts, and does none of what they
//! say: where one of them has something to do, its function is woken up to find that out for itself.

mod counts;
mod drift;

use std::collections::{BTreeMap, BTreeSet};

pub use counts::DriftCounts;
pub use drift::{Drift, DriftState};

use super::outcome::{self, OutcomeFacts};
use super::revisions::{self, RevisionsFacts};
use super::starts::{self, StartsFacts};
use crate::decision::{Decision, DecisionKind};
use crate::facts::{RulesFact, RulesOfService, RunningImage};
use crate::names::{ImageDigest, ImageRepositoryName, ServiceId};
use crate::plan::{Plan, Step};
use crate::refusal::Refusal;
use crate::rules::RuleError;
use crate::wake_up::{Function, WakeUp};

/// Everything that one sweep, or one part of it, reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SweepFacts {
    /// The services that have rules, as `on_image_push` reads them.
    pub revisions: RevisionsFacts,
    /// All services of this part, as `on_commit` reads them for a wake-up.
    pub starts: StartsFacts,
    /// The newest deployments of the services that may not have been told, as `on_deployment_change` reads them.
    pub outcomes: Vec<OutcomeFacts>,
    /// The images of the tasks that run, task by task, for the services where they were read.
    pub tasks: BTreeMap<ServiceId, Vec<Vec<RunningImage>>>,
    /// The images that revisions name and that are not in the registry, where no rules name their repository.
    pub gone: BTreeSet<(ImageRepositoryName, ImageDigest)>,
    /// The services of which not everything could be read: they are woken up for what is there, and nobody says how they stand.
    pub in_part: BTreeSet<ServiceId>,
}

/// What a sweep finds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sweep {
    /// The wake-ups, and a decision about each service.
    pub plan: Plan,
    /// How each service stands of which everything was read.
    pub drift: BTreeMap<ServiceId, Drift>,
}

/// What was missed, and how each service stands.
#[must_use]
pub fn sweep(facts: &SweepFacts) -> Sweep {
    let revisions = revisions::decide(&facts.revisions);
    let starts = starts::decide(&facts.starts);
    let outcomes: Vec<(&ServiceId, Plan)> =
        facts.outcomes.iter().map(|facts| (&facts.service, outcome::decide(facts))).collect();
    let mut sweep = Sweep { plan: Plan::default(), drift: BTreeMap::new() };
    sweep.plan.decisions.extend(broken_rules(&facts.revisions.rules).map(Decision::refused_whole));
    let services: BTreeSet<&ServiceId> = facts
        .revisions
        .services
        .keys()
        .chain(facts.starts.services.keys())
        .chain(outcomes.iter().map(|(service, _)| *service))
        .collect();
    for service in services {
        let outcome = outcomes.iter().filter(|(other, _)| *other == service).map(|(_, plan)| plan);
        let mover = mover(&facts.revisions.rules, service);
        // What a person forced the branch to is held before anything moves it; where that could not be read, nothing moves.
        let is_forced = starts.steps_of(service).any(|step| matches!(step, Step::CommitFiles(_)));
        let may_move = facts.starts.services.contains_key(service) && !is_forced;
        let owners = [(mover, &revisions), (Function::OnCommit, &starts)];
        let owners = owners.into_iter().skip(usize::from(!may_move));
        let owners = owners.chain(outcome.map(|plan| (Function::OnDeploymentChange, plan)));
        let wake_ups: Vec<Step> =
            owners.filter_map(|(function, plan)| wake_up(service, function, plan)).collect();
        if facts.in_part.contains(service) {
            sweep.plan.decisions.extend(decision_in_part(service, &wake_ups));
        } else {
            let drift = drift::drift(facts, service, &revisions, &starts);
            sweep.plan.decisions.push(decision(service, &wake_ups, &drift));
            sweep.drift.insert(service.clone(), drift);
        }
        sweep.plan.decisions.extend(refusals(service, &[&revisions, &starts]));
        sweep.plan.steps.extend(wake_ups);
    }
    sweep
}

/// The function that moves a service's revision.
fn mover(rules: &RulesFact, service: &ServiceId) -> Function {
    match rules.of_service(service) {
        RulesOfService::Named(rules) => rules.owner(),
        RulesOfService::NotNamed | RulesOfService::Invalid(_) => Function::OnImagePush,
    }
}

/// The wake-up for the function whose plan does something for the service.
fn wake_up(service: &ServiceId, function: Function, plan: &Plan) -> Option<Step> {
    plan.steps_of(service).next()?;
    let reasons: Vec<String> = plan
        .decisions
        .iter()
        .filter(|decision| decision.service.as_ref() == Some(service))
        .map(|decision| format!("{}: {}", decision.kind, decision.because))
        .collect();
    let wake_up = WakeUp { service: service.clone(), reason: reasons.join("; ") };
    Some(Step::WakeUp { function, wake_up })
}

fn decision(service: &ServiceId, wake_ups: &[Step], drift: &Drift) -> Decision {
    let Drift { state, because } = drift;
    if !wake_ups.is_empty() {
        let because = format!("something was missed; the service is {state}: {because}");
        return Decision::of(service, DecisionKind::Woken, because);
    }
    let told = |kind| Decision::of(service, kind, because.clone());
    match state {
        DriftState::InSync => told(DecisionKind::Nothing),
        DriftState::Held => told(DecisionKind::Held),
        DriftState::Waiting => told(DecisionKind::Waiting),
        DriftState::Rolling => told(DecisionKind::Rolling),
        DriftState::ByHand => told(DecisionKind::ByHand),
        DriftState::NeverDeployed => told(DecisionKind::NeverDeployed),
        DriftState::Failed => told(DecisionKind::Failed),
        DriftState::Mixed | DriftState::ImageMissing | DriftState::Behind | DriftState::Invalid => {
            Decision::of(service, DecisionKind::Drifted, format!("{state}: {because}"))
        }
    }
}

fn decision_in_part(service: &ServiceId, wake_ups: &[Step]) -> Option<Decision> {
    let because = "something was missed; how the service stands could not be read";
    (!wake_ups.is_empty()).then(|| Decision::of(service, DecisionKind::Woken, because))
}

/// What somebody has to mend is told by each sweep, until it is; once, also where two functions stumble over it.
fn refusals<'a>(service: &'a ServiceId, plans: &[&'a Plan]) -> Vec<Decision> {
    let mut refusals: Vec<Decision> = Vec::new();
    for decision in plans.iter().flat_map(|plan| &plan.decisions) {
        let is_own = decision.refusal.is_some() && decision.service.as_ref() == Some(service);
        if is_own && !refusals.contains(decision) {
            refusals.push(decision.clone());
        }
    }
    refusals
}

/// The rules that are wrong and belong to no service that could be read.
fn broken_rules(rules: &RulesFact) -> impl Iterator<Item = Refusal> {
    let errors: Vec<RuleError> = match rules {
        RulesFact::Absent => Vec::new(),
        RulesFact::Invalid(error) => vec![error.clone()],
        RulesFact::Read(rules) => rules.invalid.clone(),
    };
    errors.into_iter().map(Refusal::InvalidRules)
}

#[cfg(test)]
mod tests;
