//! Back to an earlier revision: one forward commit, and the end of everything that still deploys what is left.

use super::answered::{self, Before};
use super::facts::{Earlier, OwnImage, RollbackFacts};
use super::request::{Request, Target};
use super::{target, trailers_of};
use crate::decision::{Decision, DecisionKind};
use crate::evidence::{Evidence, EvidenceKind};
use crate::facts::{DeploymentStatus, Execution, FileFact, runs};
use crate::hold::{Hold, HoldFile, Quarantined};
use crate::names::BlobId;
use crate::plan::{
    CommitFiles, FileContent, MAXIMUM_STOP_REASON_CHARACTERS, Plan, RunningAction, Step, StopDeployment,
    StopExecution, Then,
};
use crate::refusal::Refusal;
use crate::revision::RevisionFile;
use crate::text::one_line;
use crate::trailers::{CommitMessage, ContainerTrailers, Trailers};

/// The plan that puts an earlier revision back, or the reason why not.
pub(super) fn roll_back(facts: &RollbackFacts, request: &Request, target: &Target) -> Plan {
    let service = &request.service;
    let FileFact::Present { blob, content } = &facts.revision else {
        return Plan::nothing(Decision::refused(service, Refusal::NoRevision(service.revision_path())));
    };
    if let FileFact::Present { content: Err(error), .. } = &facts.hold {
        return Plan::nothing(Decision::refused(service, Refusal::InvalidHold(error.clone())));
    }
    if let (Ok(current), Some(by)) = (content, done_by(facts, request)) {
        return finish(facts, request, (blob, current), &by, "this very request was carried out already");
    }
    let who = request.who.to_string();
    // Asking for what git says already is no mistake, also where nothing earlier is like it.
    if let Ok(current) = content
        && target::is_current(facts, service, target)
    {
        return finish(facts, request, (blob, current), &who, "git says this revision already");
    }
    match (target::choose(facts, request, target), content) {
        (Err(refusal), _) => Plan::nothing(Decision::refused(service, refusal)),
        (Ok(chosen), Ok(current)) if current.has_images_of(&chosen.file) => {
            finish(facts, request, (blob, current), &who, "git says this revision already")
        }
        (Ok(chosen), content) => back(facts, request, chosen, content.as_ref().ok()),
    }
}

/// In whose name the newest commit answers this very request: its reply was lost, and "previous" would now mean another one.
fn done_by(facts: &RollbackFacts, request: &Request) -> Option<String> {
    match answered::before(facts, request) {
        Before::JustNow => Trailers::parse(&facts.answered.first()?.message).actor,
        Before::Never | Before::Since(_) | Before::Otherwise(_) => None,
    }
}

/// What is left to do when git says it already: all that follows the commit after a crash, nothing otherwise.
fn finish(
    facts: &RollbackFacts,
    request: &Request,
    (blob, current): (&BlobId, &RevisionFile),
    by: &str,
    because: &str,
) -> Plan {
    let left = |execution: &&Execution| execution.source.blob().is_some_and(|deploys| deploys != blob);
    let mut steps = stop_executions(facts, request, facts.executions.iter().filter(left));
    steps.extend(stop_rollout(facts, request, current));
    let quarantine = facts.hold.content().map(|hold| hold.quarantine.as_slice()).unwrap_or_default();
    // What this person's rollback put into quarantine, whose evidence may be missing yet.
    let named = quarantine.iter().filter(|entry| entry.by == by);
    let images = named.map(|entry| OwnImage {
        container: &entry.container,
        repository: facts.repository_of(&entry.digest),
        digest: &entry.digest,
    });
    steps.extend(evidence(facts, request, &images.collect::<Vec<_>>()));
    let kind = if steps.is_empty() { DecisionKind::Nothing } else { DecisionKind::RolledBack };
    let decision = Decision::of(&request.service, kind, because);
    Plan { steps, decisions: vec![decision], then: Then::Done }
}

fn back(facts: &RollbackFacts, request: &Request, chosen: &Earlier, current: Option<&RevisionFile>) -> Plan {
    let left: Vec<OwnImage<'_>> =
        current.map(|current| left_images(facts, current, chosen)).unwrap_or_default();
    let mut steps = vec![Step::CommitFiles(commit(facts, request, chosen, &left))];
    let stays = |execution: &&Execution| execution.source.blob() != Some(&chosen.blob);
    steps.extend(stop_executions(facts, request, facts.executions.iter().filter(stays)));
    steps.extend(stop_rollout(facts, request, &chosen.file));
    steps.extend(evidence(facts, request, &left));
    let health = if target::is_healthy(facts, &request.service, chosen) {
        ""
    } else {
        ", which was never verified here"
    };
    let unseen = match target::out_of_sight(facts, chosen).first() {
        Some(image) => format!("; whether {image} is still there cannot be seen from here"),
        None => String::new(),
    };
    let quarantined = if left.is_empty() {
        "no image is left".to_owned()
    } else {
        let names = left.iter().map(|image| format!("{} {}", image.container, image.digest.short()));
        format!("in quarantine now: {}", names.collect::<Vec<_>>().join(", "))
    };
    let because = format!(
        "{} rolls back to the revision of commit {}{health}{unseen}; {quarantined}; until it is released nothing moves it by itself: run the document towpath-release for {}",
        request.who,
        chosen.commit.short(),
        request.service,
    );
    let decision = Decision::of(&request.service, DecisionKind::RolledBack, because);
    Plan { steps, decisions: vec![decision], then: Then::Done }
}

/// The images of the revision at the tip that the chosen one does not have in the same container.
fn left_images<'a>(
    facts: &'a RollbackFacts,
    current: &'a RevisionFile,
    chosen: &Earlier,
) -> Vec<OwnImage<'a>> {
    let kept = facts.images_of(&chosen.file);
    let stays = |image: &OwnImage<'_>| {
        kept.iter().any(|other| other.container == image.container && other.digest == image.digest)
    };
    facts.images_of(current).into_iter().filter(|image| !stays(image)).collect()
}

fn commit(facts: &RollbackFacts, request: &Request, chosen: &Earlier, left: &[OwnImage<'_>]) -> CommitFiles {
    let Request { service, reason, who, .. } = request;
    let quarantined = left.iter().map(|image| Quarantined {
        container: image.container.clone(),
        digest: image.digest.clone(),
        reason: format!("rolled back: {reason}"),
        by: who.to_string(),
        at: facts.now,
    });
    let hold = Hold {
        // The same content has the same blob, whichever commit puts it there.
        revision: chosen.blob.clone(),
        application_commit: facts.application.commit().cloned(),
        reason: format!("rolled back: {reason}"),
        by: who.to_string(),
        at: facts.now,
        until: None,
    };
    let before = facts.hold.content().cloned().unwrap_or_default();
    let hold_file = HoldFile { hold: Some(hold), ..before }.with_quarantined(quarantined);
    let containers = containers(facts, request, chosen, left);
    CommitFiles {
        repository: facts.repository.name.clone(),
        branch: facts.repository.branch.clone(),
        parent: facts.tip.clone(),
        files: vec![
            FileContent { path: service.revision_path(), text: chosen.file.text().to_owned() },
            FileContent { path: service.hold_path(), text: hold_file.text() },
        ],
        message: CommitMessage {
            subject: format!("{service}: rolled back to the revision of {}", chosen.commit.short()),
            body: request.sentences(),
            trailers: trailers_of(request, DecisionKind::RolledBack, containers),
        },
    }
}

/// What the trailers say of each container: its image now, by the human name that its own commit gave it, and the one left.
fn containers(
    facts: &RollbackFacts,
    request: &Request,
    chosen: &Earlier,
    left: &[OwnImage<'_>],
) -> Vec<ContainerTrailers> {
    let told = Trailers::parse(&chosen.message);
    let told = told.of_service(&request.service).filter(|told| told.fit(&chosen.file));
    let changed = left.iter().map(|image| {
        let before = told.and_then(|told| {
            told.containers.iter().find(|container| container.container == *image.container)
        });
        let present = chosen.file.image(image.container);
        ContainerTrailers {
            image_tag: before.and_then(|before| before.image_tag.clone()),
            image_digest: present.and_then(|image| facts.digest_of(image)).cloned(),
            previous_digest: Some(image.digest.clone()),
            source_commit: before.and_then(|before| before.source_commit.clone()),
            ..ContainerTrailers::of(image.container.clone())
        }
    });
    changed.collect()
}

/// Stops open executions, the newest first: with an older one gone, a newer one that waits would begin.
fn stop_executions<'a>(
    facts: &RollbackFacts,
    request: &Request,
    executions: impl Iterator<Item = &'a Execution>,
) -> Vec<Step> {
    let Some(pipeline) = &facts.pipeline else { return Vec::new() };
    let reason = format!("{} rolls {} back: {}", request.who, request.service, request.reason);
    let open = executions.filter(|execution| execution.status.is_open());
    let stop = open.map(|execution| {
        Step::StopExecution(StopExecution {
            service: request.service.clone(),
            pipeline: pipeline.clone(),
            execution: execution.id.clone(),
            // What waits has nothing to abandon; what runs must not be waited for.
            running_action: RunningAction::Abandon,
            reason: one_line(&reason, MAXIMUM_STOP_REASON_CHARACTERS),
        })
    });
    stop.collect()
}

/// Stops the rollout of anything but the revision that stays.
fn stop_rollout(facts: &RollbackFacts, request: &Request, stays: &RevisionFile) -> Option<Step> {
    let newest = facts.deployments.first()?;
    let rolls_forward = match newest.status {
        DeploymentStatus::Pending | DeploymentStatus::InProgress => true,
        DeploymentStatus::StopRequested
        | DeploymentStatus::Stopped
        | DeploymentStatus::Successful
        | DeploymentStatus::RollbackRequested
        | DeploymentStatus::RollbackInProgress
        | DeploymentStatus::RollbackSuccessful
        | DeploymentStatus::RollbackFailed => false,
    };
    let leaves = rolls_forward && !runs(&newest.images, stays, &facts.children);
    leaves.then(|| {
        Step::StopDeployment(StopDeployment {
            service: request.service.clone(),
            deployment: newest.arn.clone(),
        })
    })
}

/// Says beside each image that is left and still there that it is in quarantine.
fn evidence(facts: &RollbackFacts, request: &Request, left: &[OwnImage<'_>]) -> Vec<Step> {
    let unsaid = left.iter().filter(|image| {
        facts.said(&request.service, image.digest) != Some(EvidenceKind::Quarantined)
            && facts.repository_of(image.digest).is_some()
    });
    let put = unsaid.filter_map(|image| {
        Some(Step::PutEvidence(Evidence {
            kind: EvidenceKind::Quarantined,
            environment: facts.environment.clone(),
            service: request.service.clone(),
            repository: image.repository?.clone(),
            digest: image.digest.clone(),
            commit: facts.tip.clone(),
            at: facts.now,
        }))
    });
    put.collect()
}
