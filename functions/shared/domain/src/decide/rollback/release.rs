//! A hold, a quarantine or both end.

use super::facts::RollbackFacts;
use super::request::{Released, Request};
use super::trailers_of;
use crate::decision::{Decision, DecisionKind};
use crate::evidence::{Evidence, EvidenceKind};
use crate::facts::FileFact;
use crate::hold::{Hold, HoldFile, HoldState};
use crate::names::ImageDigest;
use crate::plan::{CommitFiles, FileContent, Plan, Step, Then};
use crate::refusal::Refusal;
use crate::trailers::CommitMessage;
use crate::wake_up::WakeUp;
use std::collections::BTreeSet;

/// The plan that ends what holds a service, or the reason why not.
pub(super) fn release(facts: &RollbackFacts, request: &Request, released: &Released) -> Plan {
    let service = &request.service;
    if let FileFact::Present { content: Err(error), .. } = &facts.hold {
        return Plan::nothing(Decision::refused(service, Refusal::InvalidHold(error.clone())));
    }
    let before = facts.hold.content().cloned().unwrap_or_default();
    let ends_hold = matches!(released, Released::All | Released::Hold);
    let (leave, stay) = before.quarantine.iter().cloned().partition(|entry| names(released, &entry.digest));
    let file = HoldFile {
        hold: before.hold.clone().map(|hold| if ends_hold { ended(facts, hold) } else { hold }),
        quarantine: stay,
    };
    let digests: Vec<ImageDigest> = leave.into_iter().map(|entry| entry.digest).collect();
    let mut steps = Vec::new();
    if file != before {
        steps.push(Step::CommitFiles(commit(facts, request, &file, &digests)));
    }
    steps.extend(evidence(facts, request, released, &digests));
    if steps.is_empty() {
        let because = "nothing of it is held or in quarantine";
        return Plan::nothing(Decision::of(service, DecisionKind::Nothing, because));
    }
    let mut what: Vec<String> = digests.iter().map(|digest| digest.short().to_owned()).collect();
    if file.hold != before.hold {
        what.insert(0, "its hold".to_owned());
    }
    let what = if what.is_empty() { "what its evidence says".to_owned() } else { what.join(", ") };
    let because = format!("{} releases {what}; its rules apply again", request.who);
    steps.extend(wake_up(facts, request));
    let decision = Decision::of(service, DecisionKind::Released, because);
    Plan { steps, decisions: vec![decision], then: Then::Done }
}

/// The owner of the service looks at once what its rules select now, instead of at the next sweep.
fn wake_up(facts: &RollbackFacts, request: &Request) -> Option<Step> {
    let function = facts.owner?;
    let (service, reason) = (request.service.clone(), format!("{} released it", request.who));
    Some(Step::WakeUp { function, wake_up: WakeUp { service, reason } })
}

fn names(released: &Released, digest: &ImageDigest) -> bool {
    match released {
        Released::All => true,
        Released::Hold => false,
        Released::Digest(named) => named == digest,
    }
}

/// The hold as it stays in the file: with an end, so that the revision is not taken for a person's new act. One that has
/// ended stays as it is.
fn ended(facts: &RollbackFacts, hold: Hold) -> Hold {
    // Whether it counts for the revision does not matter here; only whether it has an end already.
    match hold.state(&hold.revision, None, facts.now) {
        HoldState::Ended => hold,
        HoldState::Counts | HoldState::OtherRevision | HoldState::OtherApplicationCommit => {
            Hold { until: Some(facts.now), ..hold }
        }
    }
}

fn commit(facts: &RollbackFacts, request: &Request, file: &HoldFile, digests: &[ImageDigest]) -> CommitFiles {
    let service = &request.service;
    let mut body = request.sentences();
    body.extend(digests.iter().map(|digest| format!("{digest} is out of quarantine")));
    CommitFiles {
        repository: facts.repository.name.clone(),
        branch: facts.repository.branch.clone(),
        parent: facts.tip.clone(),
        files: vec![FileContent { path: service.hold_path(), text: file.text() }],
        message: CommitMessage {
            subject: format!("{service}: released"),
            body,
            trailers: trailers_of(request, DecisionKind::Released, Vec::new()),
        },
    }
}

/// Says beside each released image that its quarantine has ended; also where git had released it before, and that was as
/// far as it came.
fn evidence(
    facts: &RollbackFacts,
    request: &Request,
    released: &Released,
    digests: &[ImageDigest],
) -> Vec<Step> {
    let told = facts.evidence.iter().map(|evidence| &evidence.digest);
    let all: BTreeSet<&ImageDigest> = told.filter(|digest| names(released, digest)).chain(digests).collect();
    let in_quarantine = all
        .into_iter()
        .filter(|digest| facts.said(&request.service, digest) == Some(EvidenceKind::Quarantined));
    let put = in_quarantine.filter_map(|digest| {
        Some(Step::PutEvidence(Evidence {
            kind: EvidenceKind::Released,
            environment: facts.environment.clone(),
            service: request.service.clone(),
            repository: facts.repository_of(digest)?.clone(),
            digest: digest.clone(),
            commit: facts.tip.clone(),
            at: facts.now,
        }))
    });
    put.collect()
}
