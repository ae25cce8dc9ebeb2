//! What happens to one service.

use std::collections::{BTreeMap, BTreeSet};

use super::container::{Arrival, Choice, Container, Move};
use super::hold::{self, Held};
use super::{Change, Decided, RevisionsFacts, ServiceFacts, Wanted};
use crate::decision::{Decision, DecisionKind};
use crate::facts::{FileFact, RulesOfService};
use crate::hold::HoldFile;
use crate::names::{ImageRepositoryName, ServiceId};
use crate::plan::{CopyImage, FileContent, Then};
use crate::refusal::Refusal;
use crate::revision::RevisionFile;
use crate::rules::{Policy, ServiceRules};
use crate::trailers::ServiceTrailers;
use crate::wake_up::Function;

pub(super) fn decide(facts: &RevisionsFacts, service: &ServiceId, read: &ServiceFacts) -> Decided {
    let refused = |refusal| Decided::stays(Decision::refused(service, refusal));
    let ignored = |because: &str| Decided::stays(Decision::of(service, DecisionKind::Ignored, because));
    let rules = match facts.rules.of_service(service) {
        RulesOfService::Named(rules) => rules,
        RulesOfService::NotNamed => return ignored("delivery.yaml does not name it"),
        RulesOfService::Invalid(error) => return refused(Refusal::InvalidRules(error.clone())),
    };
    match (facts.actor, &rules.promote) {
        (Function::OnImagePush, Some(_)) => {
            return ignored("its rules ask for approvals (promote), so promote_image moves it");
        }
        (Function::PromoteImage, None) => {
            return ignored("its rules ask for no approvals (promote), so on_image_push moves it");
        }
        _ => {}
    }
    if let FileFact::Present { content: Err(error), .. } = &read.hold {
        return refused(Refusal::InvalidHold(error.clone()));
    }
    match &read.revision {
        FileFact::Present { content: Err(error), .. } => refused(Refusal::InvalidRevision(error.clone())),
        FileFact::Absent => match removed_by_hand(read) {
            Some(refusal) => refused(refusal),
            None => choose(facts, service, read, rules, &Held::No),
        },
        FileFact::Present { content: Ok(_), .. } => match hold::state(facts, read) {
            Held::Counts(hold) => hold::is_held(service, &hold),
            held @ (Held::Lifted | Held::No) => choose(facts, service, read, rules, &held),
        },
    }
}

/// The refusal to put back a file that a person removed. Towpath removes none, so one that has a history and is not there
/// was; the history tells its contents, and not the commit that took them away.
fn removed_by_hand(read: &ServiceFacts) -> Option<Refusal> {
    let change = read.last_change.as_ref()?;
    Some(Refusal::RemovedByHand { last: change.commit.clone() })
}

fn choose(
    facts: &RevisionsFacts,
    service: &ServiceId,
    read: &ServiceFacts,
    rules: &ServiceRules,
    held: &Held,
) -> Decided {
    let mut choices = choices(facts, service, read, rules);
    let differing: Vec<Move> = choices.iter().filter_map(|(_, choice)| differs(choice).cloned()).collect();
    // Whoever lifted the hold on this very revision has handed it to the rules: it is not held twice.
    let is_handed_over = matches!(held, Held::Lifted);
    if let FileFact::Present { blob, .. } = &read.revision
        && trailers(service, read).is_none()
        && !is_handed_over
        && !differing.is_empty()
    {
        return hold::put(facts, service, read, blob, read.last_change.as_ref(), &differing);
    }
    keep_together(&mut choices);
    conclude(service, read, choices)
}

fn choices<'a>(
    facts: &'a RevisionsFacts,
    service: &'a ServiceId,
    read: &'a ServiceFacts,
    rules: &'a ServiceRules,
) -> Vec<(&'a Policy, Choice)> {
    let trailers = trailers(service, read);
    let policies = rules.containers.values().map(|container| &container.select);
    let containers = containers(facts, service, read, rules, trailers.as_ref());
    policies.zip(containers.map(|container| container.choose())).collect()
}

fn containers<'a>(
    facts: &'a RevisionsFacts,
    service: &'a ServiceId,
    read: &'a ServiceFacts,
    of_service: &'a ServiceRules,
    trailers: Option<&'a ServiceTrailers>,
) -> impl Iterator<Item = Container<'a>> {
    let containers = of_service.containers.iter();
    containers.map(move |(name, rules)| Container { facts, service, read, name, rules, of_service, trailers })
}

/// Whether something of a service cannot be decided without this repository upstream.
pub(super) fn needs_upstream(
    facts: &RevisionsFacts,
    service: &ServiceId,
    source: &ImageRepositoryName,
) -> bool {
    let (RulesOfService::Named(rules), Some(read)) =
        (facts.rules.of_service(service), facts.services.get(service))
    else {
        return false;
    };
    containers(facts, service, read, rules, None).any(|container| container.needs_upstream(source))
}

/// What Towpath's trailers say of the revision, if Towpath made it.
fn trailers(service: &ServiceId, read: &ServiceFacts) -> Option<ServiceTrailers> {
    read.last_change.as_ref()?.trailers(service, read.revision.content()?)
}

/// What a service's containers must know of images.
pub(super) fn wanted(facts: &RevisionsFacts, service: &ServiceId, read: &ServiceFacts) -> Vec<Wanted> {
    let RulesOfService::Named(rules) = facts.rules.of_service(service) else { return Vec::new() };
    let wanted = choices(facts, service, read, rules).into_iter().filter_map(|(_, choice)| match choice {
        Choice::Wanted(wanted) => Some(wanted),
        _ => None,
    });
    wanted.collect()
}

/// What a container moves to, if git says something else than the rules select.
fn differs(choice: &Choice) -> Option<&Move> {
    match choice {
        Choice::Differs(to) => Some(to),
        Choice::Manual | Choice::Same { .. } | Choice::Wanted(_) | Choice::Waits(_) | Choice::Refused(_) => {
            None
        }
    }
}

/// The `commit` containers of a service move together or not at all.
fn keep_together(choices: &mut [(&Policy, Choice)]) {
    let stops = |choice: &Choice| match choice {
        Choice::Wanted(_) | Choice::Waits(_) | Choice::Refused(_) => true,
        Choice::Differs(to) => to.objection.is_some(),
        Choice::Manual | Choice::Same { .. } => false,
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

/// The containers' choices, sorted.
#[derive(Default)]
struct Sorted {
    moves: Vec<Move>,
    waits: Vec<String>,
    same: Vec<String>,
    refusals: Vec<Refusal>,
    /// What of the images that git says already is upstream and not here.
    late: Vec<CopyImage>,
}

fn not_read(wanted: &Wanted) -> String {
    match wanted {
        Wanted::Evidence { repository, digest } => {
            format!("what upstream says of {repository}@{} was not read", digest.short())
        }
        Wanted::Platforms { repository, digest, .. } => {
            format!("what {repository}@{} is built for was not read", digest.short())
        }
    }
}

fn sorted(choices: Vec<(&Policy, Choice)>) -> Sorted {
    let mut sorted = Sorted::default();
    for (_, choice) in choices {
        match choice {
            Choice::Manual => {}
            Choice::Same { tag, copy } => {
                sorted.same.push(tag.to_string());
                sorted.late.extend(copy.map(|copy| *copy));
            }
            Choice::Wanted(wanted) => sorted.waits.push(not_read(&wanted)),
            Choice::Waits(why) => sorted.waits.push(why),
            // One branch that is missing keeps all containers of its commit waiting.
            Choice::Refused(refusal) if sorted.refusals.contains(&refusal) => {}
            Choice::Refused(refusal) => sorted.refusals.push(refusal),
            Choice::Differs(to) => match to.objection {
                Some(refusal) => sorted.refusals.push(refusal),
                None => sorted.moves.push(*to),
            },
        }
    }
    sorted
}

fn conclude(service: &ServiceId, read: &ServiceFacts, choices: Vec<(&Policy, Choice)>) -> Decided {
    let Sorted { moves, waits, same, refusals, late } = sorted(choices);
    let is_quiet = moves.is_empty() && waits.is_empty() && refusals.is_empty();
    let (ready, coming) = apart(moves);
    let because = |moves: &[Move]| moves.iter().map(Move::because).collect::<Vec<_>>().join("; ");
    let mut decisions: Vec<Decision> = Vec::new();
    for (kind, moves) in [(DecisionKind::Moved, &ready), (DecisionKind::Copying, &coming)] {
        if !moves.is_empty() {
            decisions.push(Decision::of(service, kind, because(moves)));
        }
    }
    if !waits.is_empty() {
        decisions.push(Decision::of(service, DecisionKind::Waiting, waits.join("; ")));
    }
    decisions.extend(refusals.into_iter().map(|refusal| Decision::refused(service, refusal)));
    if is_quiet {
        decisions.push(quiet(service, &same, &late));
    }
    let tags = ready.iter().filter_map(|to| match &to.arrival {
        Arrival::Untagged(tag) => Some(tag.clone()),
        Arrival::Here | Arrival::Upstream(_) => None,
    });
    let copies = coming.iter().filter_map(|to| match &to.arrival {
        Arrival::Upstream(copy) => Some(copy.clone()),
        Arrival::Here | Arrival::Untagged(_) => None,
    });
    let (tags, copies) = (tags.collect(), copies.chain(late).collect());
    let then = if coming.is_empty() { Then::Done } else { Then::DecideAgain };
    let change = (!ready.is_empty()).then(|| moved(service, read, &ready));
    Decided { tags, copies, then, change, decisions }
}

/// The moves that can be made now, and those whose images must be copied first: a move back to what is here does not wait
/// for another container's copy. Only the containers of one commit wait for each other.
fn apart(moves: Vec<Move>) -> (Vec<Move>, Vec<Move>) {
    let is_coming = |to: &Move| matches!(to.arrival, Arrival::Upstream(_));
    let commit_is_coming = moves.iter().any(|to| to.policy == Policy::Commit && is_coming(to));
    let waits = |to: &Move| is_coming(to) || (commit_is_coming && to.policy == Policy::Commit);
    let (coming, ready) = moves.into_iter().partition(waits);
    (ready, coming)
}

/// The decision about a service of which nothing moves.
fn quiet(service: &ServiceId, same: &[String], late: &[CopyImage]) -> Decision {
    if same.is_empty() {
        let because = "its rules leave all its containers to people";
        return Decision::of(service, DecisionKind::Ignored, because);
    }
    let because = format!("git says what the rules select: {}", same.join(", "));
    if late.is_empty() {
        return Decision::of(service, DecisionKind::Nothing, because);
    }
    let digests: Vec<&str> = late.iter().map(|copy| copy.digest.short()).collect();
    let because = format!("{because}; what has come to {} upstream since is copied", digests.join(", "));
    Decision::of(service, DecisionKind::Copying, because)
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
    let approved_by: BTreeSet<&String> = moves.iter().flat_map(|to| &to.approved_by).collect();
    Change {
        headline: headlines.join(", "),
        files,
        trailers: ServiceTrailers {
            service: service.clone(),
            decision: Some(DecisionKind::Moved),
            approved_by: approved_by.into_iter().cloned().collect(),
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
