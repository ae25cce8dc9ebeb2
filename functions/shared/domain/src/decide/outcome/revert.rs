//! The last healthy revision is committed back, or the failed one held; the images that differ go into quarantine.
//!
//! The order of the steps is what a crash after any of them leaves behind: the commit comes first, and whoever looks again
//! sees its quarantine and does the rest; the comment comes last, and remembers that all was told.

use super::belongs::Deployed;
use super::cause::Cause;
use super::healthy::{OwnImage, says_otherwise};
use super::{EarlierRevision, OutcomeFacts, tell};
use crate::decision::{Decision, DecisionKind};
use crate::evidence::{Evidence, EvidenceKind};
use crate::facts::{ExecutionStatus, RulesOfService};
use crate::hold::{Hold, HoldFile, Quarantined};
use crate::names::CommitId;
use crate::plan::{
    CommitFiles, FileContent, MAXIMUM_STOP_REASON_CHARACTERS, Plan, RunningAction, Step, StopExecution, Then,
};
use crate::refusal::Refusal;
use crate::rules::{OnFailure, Policy};
use crate::text::one_line;
use crate::trailers::{CommitMessage, ContainerTrailers, ServiceTrailers, Trailers};
use crate::wake_up::Function;

const ACTOR: Function = Function::OnDeploymentChange;

/// What is to be done about a failed deployment.
pub(super) struct Remedy<'a> {
    pub(super) on_failure: OnFailure,
    /// The revision to go back to.
    pub(super) healthy: Option<&'a EarlierRevision>,
    /// The images that go into quarantine.
    pub(super) bad: Vec<OwnImage<'a>>,
}

/// What the commit does.
enum Commit<'a> {
    /// It puts this revision back.
    Revert(&'a EarlierRevision),
    /// It holds the one that failed.
    Hold,
    /// It only puts the images into quarantine: there is nothing to go back to, and a later image may come.
    Quarantine,
}

/// The plan that puts a failed deployment right.
pub(super) fn remedy(
    facts: &OutcomeFacts,
    deployed: &Deployed<'_>,
    cause: &Cause,
    remedy: &Remedy<'_>,
) -> Plan {
    let commit = match (remedy.on_failure, remedy.healthy) {
        (OnFailure::Hold, _) => Commit::Hold,
        (OnFailure::Revert, Some(healthy)) => Commit::Revert(healthy),
        (OnFailure::Revert | OnFailure::Notify, _) => Commit::Quarantine,
    };
    let (kind, refusal, what) = match &commit {
        Commit::Revert(healthy) => {
            let what = format!("the revision of commit {} is committed back", healthy.commit.short());
            (DecisionKind::Reverted, None, what)
        }
        Commit::Hold => (DecisionKind::Held, None, "the revision stays and is held".to_owned()),
        Commit::Quarantine => {
            let refusal = Refusal::NoHealthyRevision;
            (DecisionKind::Failed, Some(refusal.clone()), refusal.to_string())
        }
    };
    let because = format!("{}; {what}; in quarantine now: {}", cause.sentence, names(&remedy.bad));
    let mut steps = vec![Step::CommitFiles(commit_files(facts, deployed, cause, &commit, &remedy.bad))];
    steps.extend(the_rest(facts, deployed, cause, &remedy.bad, (kind, &because)));
    let decision = Decision { refusal, ..Decision::of(&facts.service, kind, because) };
    Plan { steps, decisions: vec![decision], then: Then::Done }
}

/// What is left to do when git has the quarantine already: all of it after a crash, nothing otherwise.
pub(super) fn finish(
    facts: &OutcomeFacts,
    deployed: &Deployed<'_>,
    cause: &Cause,
    bad: &[OwnImage<'_>],
) -> Plan {
    let trailers = facts
        .last_change
        .as_ref()
        .zip(facts.revision.content())
        .and_then(|(change, revision)| change.trailers(&facts.service, revision));
    let is_at_tip = facts.revision.blob() == Some(deployed.blob);
    let was_reverted = trailers.and_then(|trailers| trailers.decision) == Some(DecisionKind::Reverted);
    // The hold that says why this very revision stays.
    let hold = facts.hold.content().and_then(|file| file.hold.as_ref());
    let was_held = hold.is_some_and(|hold| hold.revision == *deployed.blob && hold.by == ACTOR.as_str());
    let kind = match (is_at_tip, was_reverted, was_held) {
        (false, true, _) => DecisionKind::Reverted,
        (true, _, true) => DecisionKind::Held,
        _ => DecisionKind::Failed,
    };
    let because = format!("{}; in quarantine already: {}", cause.sentence, names(bad));
    // A failure that was told under any name is told.
    let was_told = [DecisionKind::Reverted, DecisionKind::Held, DecisionKind::Failed]
        .into_iter()
        .any(|kind| facts.told.contains(&kind));
    let steps: Vec<Step> = the_rest(facts, deployed, cause, bad, (kind, &because))
        .into_iter()
        .filter(|step| !(was_told && matches!(step, Step::Notify(_) | Step::Comment(_))))
        .collect();
    let kind = if steps.is_empty() { DecisionKind::Nothing } else { kind };
    Plan { steps, decisions: vec![Decision::of(&facts.service, kind, because)], then: Then::Done }
}

/// What follows the commit.
fn the_rest(
    facts: &OutcomeFacts,
    deployed: &Deployed<'_>,
    cause: &Cause,
    bad: &[OwnImage<'_>],
    (kind, because): (DecisionKind, &str),
) -> Vec<Step> {
    let mut steps: Vec<Step> = stop(facts, deployed, &cause.sentence).into_iter().collect();
    let is_owed = |digest| says_otherwise(facts, digest, EvidenceKind::Quarantined);
    for image in bad.iter().filter(|image| is_owed(image.digest)) {
        steps.push(Step::PutEvidence(Evidence {
            kind: EvidenceKind::Quarantined,
            environment: facts.environment.clone(),
            service: facts.service.clone(),
            repository: image.repository.clone(),
            digest: image.digest.clone(),
            commit: deployed.commit.clone(),
            at: facts.now,
        }));
    }
    steps.extend(tell::notify(facts, deployed, kind, because));
    steps
}

/// Stops the execution if it still runs: without this its Deploy action waits for its own time-out, and what is queued
/// behind it with it.
pub(super) fn stop(facts: &OutcomeFacts, deployed: &Deployed<'_>, because: &str) -> Option<Step> {
    let is_running = deployed.execution.status == ExecutionStatus::InProgress;
    let pipeline = facts.pipeline.clone().filter(|_| is_running)?;
    Some(Step::StopExecution(StopExecution {
        service: facts.service.clone(),
        pipeline,
        execution: deployed.execution.id.clone(),
        running_action: RunningAction::Abandon,
        reason: one_line(because, MAXIMUM_STOP_REASON_CHARACTERS),
    }))
}

fn commit_files(
    facts: &OutcomeFacts,
    deployed: &Deployed<'_>,
    cause: &Cause,
    commit: &Commit<'_>,
    bad: &[OwnImage<'_>],
) -> CommitFiles {
    let quarantined = bad.iter().map(|image| Quarantined {
        container: image.container.clone(),
        digest: image.digest.clone(),
        reason: cause.sentence.clone(),
        by: ACTOR.to_string(),
        at: facts.now,
    });
    let before = facts.hold.content().cloned().unwrap_or_default();
    let hold = match commit {
        Commit::Hold => Some(Hold {
            revision: deployed.blob.clone(),
            application_commit: built_from(facts, deployed).or_else(|| facts.application.commit().cloned()),
            reason: cause.sentence.clone(),
            by: ACTOR.to_string(),
            at: facts.now,
            until: None,
        }),
        // What a hold names is not at the tip any more after the revert.
        Commit::Revert(_) => None,
        Commit::Quarantine => before.hold.clone(),
    };
    let hold_file = HoldFile { hold, ..before }.with_quarantined(quarantined);
    let mut files = Vec::new();
    let (headline, decision) = match commit {
        Commit::Revert(healthy) => {
            files.push(FileContent {
                path: facts.service.revision_path(),
                text: healthy.file.text().to_owned(),
            });
            (format!("back to the revision of {}", healthy.commit.short()), DecisionKind::Reverted)
        }
        Commit::Hold => ("held after a failed deployment".to_owned(), DecisionKind::Held),
        Commit::Quarantine => ("its failed images are in quarantine".to_owned(), DecisionKind::Failed),
    };
    files.push(FileContent { path: facts.service.hold_path(), text: hold_file.text() });
    let containers = match commit {
        Commit::Revert(healthy) => bad.iter().map(|image| trailers(image, healthy)).collect(),
        Commit::Hold | Commit::Quarantine => Vec::new(),
    };
    let (service, approved_by) = (facts.service.clone(), Vec::new());
    CommitFiles {
        repository: facts.repository.name.clone(),
        branch: facts.repository.branch.clone(),
        parent: facts.tip.clone(),
        files,
        message: CommitMessage {
            subject: format!("{}: {headline}", facts.service),
            body: vec![cause.sentence.clone()],
            trailers: Trailers {
                actor: Some(ACTOR.to_string()),
                events: facts.events.clone(),
                services: vec![ServiceTrailers {
                    service,
                    decision: Some(decision),
                    approved_by,
                    containers,
                }],
            },
        },
    }
}

/// The commit of the application that the failed revision was built from, where Towpath chose it for that commit: a fix that
/// was pushed while it failed is another one, and is not held up.
fn built_from(facts: &OutcomeFacts, deployed: &Deployed<'_>) -> Option<CommitId> {
    let RulesOfService::Named(rules) = facts.rules.of_service(&facts.service) else { return None };
    let change = facts.last_change.as_ref()?;
    let told = change.trailers(&facts.service, deployed.revision)?;
    let of_commit = told.containers.into_iter().filter(|told| {
        rules.containers.get(&told.container).is_some_and(|container| container.select == Policy::Commit)
    });
    of_commit.filter_map(|told| told.source_commit).next()
}

fn trailers(bad: &OwnImage<'_>, healthy: &EarlierRevision) -> ContainerTrailers {
    ContainerTrailers {
        image_digest: healthy.file.digest(bad.container).cloned(),
        previous_digest: Some(bad.digest.clone()),
        ..ContainerTrailers::of(bad.container.clone())
    }
}

fn names(images: &[OwnImage<'_>]) -> String {
    let names: Vec<String> =
        images.iter().map(|image| format!("{} {}", image.container, image.digest.short())).collect();
    names.join(", ")
}
