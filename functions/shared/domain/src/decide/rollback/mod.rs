//! `roll_back`: a person puts an earlier revision back and holds it there, or ends what holds a service.

mod facts;
mod release;
mod request;
mod roll_back;
mod target;

pub use facts::{Earlier, RollbackFacts};
pub use request::{Action, Released, Request, Target};

use crate::decision::DecisionKind;
use crate::plan::Plan;
use crate::trailers::{ContainerTrailers, ServiceTrailers, Trailers};

/// What is to be done for a person's request, at what is true now.
#[must_use]
pub fn decide(facts: &RollbackFacts, request: &Request) -> Plan {
    match &request.action {
        Action::RollBack(target) => roll_back::roll_back(facts, request, target),
        Action::Release(released) => release::release(facts, request, released),
    }
}

fn trailers_of(request: &Request, decision: DecisionKind, containers: Vec<ContainerTrailers>) -> Trailers {
    Trailers {
        actor: Some(request.who.clone()),
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
