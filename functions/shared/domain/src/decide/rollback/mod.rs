//! `roll_back`: a person puts an earlier revision back and holds it there, or ends what holds a service.

mod answered;
mod facts;
mod release;
mod request;
mod roll_back;
mod target;
mod who;

pub use facts::{Answered, Earlier, RollbackFacts};
pub use request::{Action, Released, Request, Target};
pub use who::{Doubt, Told, Who};

use crate::decision::{Decision, DecisionKind};
use crate::plan::Plan;
use crate::trailers::{ContainerTrailers, ServiceTrailers, Trailers};
use answered::Before;

/// What is to be done for a person's request, at what is true now.
#[must_use]
pub fn decide(facts: &RollbackFacts, request: &Request) -> Plan {
    match answered::before(facts, request) {
        Before::Never | Before::JustNow => decide_new(facts, request),
        Before::Since(commit) => {
            let because = format!(
                "commit {} carried out this very request, and something else was done since; ask anew",
                commit.short()
            );
            Plan::nothing(Decision::of(&request.service, DecisionKind::Nothing, because))
        }
        Before::Otherwise(commit) => {
            let told = match &request.who.told {
                Told::Nothing => Told::Nothing,
                Told::By(_) | Told::Doubted(_) => Told::Doubted(Doubt::Used(commit.clone())),
            };
            let who = Who { told, ..request.who.clone() };
            decide_new(facts, &Request { who, ..request.clone() })
        }
    }
}

fn decide_new(facts: &RollbackFacts, request: &Request) -> Plan {
    match &request.action {
        Action::RollBack(target) => roll_back::roll_back(facts, request, target),
        Action::Release(released) => release::release(facts, request, released),
    }
}

fn trailers_of(request: &Request, decision: DecisionKind, containers: Vec<ContainerTrailers>) -> Trailers {
    Trailers {
        actor: Some(request.who.to_string()),
        events: vec![request.id.clone()],
        services: vec![ServiceTrailers {
            service: request.service.clone(),
            decision: Some(decision),
            approved_by: Vec::new(),
            containers,
        }],
    }
}

#[cfg(test)]
mod tests;
