//! What happens to one service.

use std::collections::BTreeMap;

use super::container::{Choice, Container, Move};
use super::hold::{self, Held};
use super::{Change, Decided, RevisionsFacts, ServiceFacts};
use crate::decision::{Decision, DecisionKind};
use crate::facts::{ApplicationTip, FileFact, RulesOfService};
use crate::hold::HoldFile;
use crate::names::ServiceId;
use crate::plan::FileContent;
use crate::refusal::Refusal;
use crate::revision::RevisionFile;
use crate::rules::{Application, Policy, ServiceRules};
use crate::trailers::{ServiceTrailers, Trailers};

pub(super) fn decide(facts: &RevisionsFacts, service: &ServiceId, read: &ServiceFacts) -> Decided {
    let refused = |refusal| Decided::stays(Decision::refused(service, refusal));
    let ignored = |because: &str| Decided::stays(Decision::of(service, DecisionKind::Ignored, because));
    let rules = match facts.rules.of_service(service) {
        RulesOfService::Named(rules) => rules,
        RulesOfService::NotNamed => return ignored("delivery.yaml does not name it"),
        RulesOfService::Invalid(error) => return refused(Refusal::InvalidRules(error.clone())),
    };
    if rules.promote.is_some() {
        return ignored("its rules ask for approvals (promote), so promote_image moves it");
    }
    if let FileFact::Present { content: Err(error), .. } = &read.hold {
        return refused(Refusal::InvalidHold(error.clone()));
    }
    match &read.revision {
        FileFact::Present { content: Err(error), .. } => refused(Refusal::InvalidRevision(error.clone())),
        FileFact::Absent => match removed_by_hand(service, read) {
            Some(refusal) => refused(refusal),
            None => choose(facts, service, read, rules, &Held::No),
        },
        FileFact::Present { content: Ok(_), .. } => match hold::state(facts, read) {
            Held::Counts(hold) => hold::is_held(service, &hold),
            held @ (Held::Lifted | Held::No) => choose(facts, service, read, rules, &held),
        },
    }
}

/// The refusal to put back a file that a person removed.
fn removed_by_hand(service: &ServiceId, read: &ServiceFacts) -> Option<Refusal> {
    let change = read.last_change.as_ref()?;
    let is_towpaths = Trailers::parse(&change.message).of_service(service).is_some();
    (!is_towpaths).then(|| Refusal::RemovedByHand { commit: change.commit.clone() })
}

fn choose(
    facts: &RevisionsFacts,
    service: &ServiceId,
    read: &ServiceFacts,
    rules: &ServiceRules,
    held: &Held,
) -> Decided {
    let trailers = match (&read.last_change, read.revision.content()) {
        (Some(change), Some(revision)) => change.trailers(service, revision),
        (Some(_) | None, _) => None,
    };
    let mut choices: Vec<(&Policy, Choice)> = Vec::new();
    for (name, rules) in &rules.containers {
        let container = Container { facts, service, read, name, rules, trailers: trailers.as_ref() };
        choices.push((&rules.select, container.choose()));
    }
    let differing: Vec<Move> = choices.iter().filter_map(|(_, choice)| differs(choice).cloned()).collect();
    // Whoever lifted the hold on this very revision has handed it to the rules: it is not held twice.
    let is_handed_over = matches!(held, Held::Lifted);
    if let FileFact::Present { blob, .. } = &read.revision
        && trailers.is_none()
        && !is_handed_over
        && !differing.is_empty()
    {
        return hold::put(facts, service, read, blob, read.last_change.as_ref(), &differing);
    }
    keep_together(&mut choices);
    conclude(service, read, rules, choices)
}

/// What a container moves to, if git says something else than the rules select.
fn differs(choice: &Choice) -> Option<&Move> {
    match choice {
        Choice::Differs(to) => Some(to),
        Choice::Manual | Choice::Same(_) | Choice::Waits(_) | Choice::Refused(_) => None,
    }
}

/// The `commit` containers of a service move together or not at all.
fn keep_together(choices: &mut [(&Policy, Choice)]) {
    let stops = |choice: &Choice| match choice {
        Choice::Waits(_) | Choice::Refused(_) => true,
        Choice::Differs(to) => to.objection.is_some(),
        Choice::Manual | Choice::Same(_) => false,
    };
    let is_stopped = choices.iter().any(|(policy, choice)| **policy == Policy::Commit && stops(choice));
    for (policy, choice) in choices.iter_mut() {
        let waits = match choice {
            Choice::Differs(to) if to.objection.is_none() => {
                format!(
                    "{}: {} is there, and waits for the other containers of its commit",
                    to.container,
                    to.name()
                )
            }
            _ => continue,
        };
        if **policy == Policy::Commit && is_stopped {
            *choice = Choice::Waits(waits);
        }
    }
}

fn conclude(
    service: &ServiceId,
    read: &ServiceFacts,
    rules: &ServiceRules,
    choices: Vec<(&Policy, Choice)>,
) -> Decided {
    let (mut moves, mut waits, mut same, mut refusals) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for (_, choice) in choices {
        match choice {
            Choice::Manual => {}
            Choice::Same(tag) => same.push(tag.to_string()),
            Choice::Waits(why) => waits.push(why),
            Choice::Refused(refusal) => refusals.push(refusal),
            Choice::Differs(to) => match to.objection {
                Some(refusal) => refusals.push(refusal),
                None => moves.push(*to),
            },
        }
    }
    if !waits.is_empty()
        && let (ApplicationTip::Missing, Some(application)) = (&read.application, &rules.application)
    {
        let Application { repository, branch } = application.clone();
        refusals.push(Refusal::ApplicationBranchMissing { repository, branch });
        waits.clear();
    }
    let mut decisions: Vec<Decision> = Vec::new();
    let is_quiet = moves.is_empty() && waits.is_empty() && refusals.is_empty();
    if !moves.is_empty() {
        let because: Vec<String> = moves.iter().map(Move::because).collect();
        decisions.push(Decision::of(service, DecisionKind::Moved, because.join("; ")));
    }
    if !waits.is_empty() {
        decisions.push(Decision::of(service, DecisionKind::Waiting, waits.join("; ")));
    }
    decisions.extend(refusals.into_iter().map(|refusal| Decision::refused(service, refusal)));
    if is_quiet && same.is_empty() {
        decisions.push(Decision::of(
            service,
            DecisionKind::Ignored,
            "its rules leave all its containers to people",
        ));
    } else if is_quiet {
        let because = format!("git says what the rules select: {}", same.join(", "));
        decisions.push(Decision::of(service, DecisionKind::Nothing, because));
    }
    let change = if moves.is_empty() { None } else { Some(moved(service, read, &moves)) };
    Decided { change, decisions }
}

/// The files and trailers of a service that moves.
fn moved(service: &ServiceId, read: &ServiceFacts, moves: &[Move]) -> Change {
    let images: BTreeMap<_, _> = moves.iter().map(|to| (to.container.clone(), to.image.clone())).collect();
    let revision = match read.revision.content() {
        Some(revision) => revision.with_images(&images),
        None => RevisionFile::of_images(&images),
    };
    let mut files = vec![FileContent { path: service.revision_path(), text: revision.text().to_owned() }];
    files.extend(without_lifted_hold(service, read));
    let headlines: Vec<String> = moves.iter().map(Move::headline).collect();
    let containers = moves.iter().map(|to| to.trailers(read.application.commit())).collect();
    Change {
        service: service.clone(),
        headline: headlines.join(", "),
        files,
        trailers: ServiceTrailers {
            service: service.clone(),
            decision: Some(DecisionKind::Moved),
            approved_by: Vec::new(),
            containers,
        },
    }
}

/// The service's `hold.json` without a hold that does not count any more: left there it would count again as soon as the
/// revision and the application came back to what it names.
fn without_lifted_hold(service: &ServiceId, read: &ServiceFacts) -> Option<FileContent> {
    let file = read.hold.content()?;
    file.hold.as_ref()?;
    let file = HoldFile { hold: None, quarantine: file.quarantine.clone() };
    Some(FileContent { path: service.hold_path(), text: file.text() })
}
