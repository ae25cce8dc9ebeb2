//! What a person does past git: noticed, written to git with a hold, and never countered.

use super::belongs::Deployed;
use super::healthy::{OwnImage, differing, is_quarantined_in_git};
use super::{OutcomeFacts, revert, tell};
use crate::decision::{Decision, DecisionKind};
use crate::facts::{DeploymentStatus, FileFact, runs};
use crate::hold::{Hold, HoldFile, Quarantined};
use crate::names::{BlobId, CommitId};
use crate::plan::{CommitFiles, FileContent, Plan, Step, Then};
use crate::refusal::Refusal;
use crate::revision::RevisionFile;
use crate::trailers::{CommitMessage, ContainerTrailers, ServiceTrailers, Trailers};
use crate::wake_up::Function;

/// What a person rolled back to.
struct Target<'a> {
    commit: &'a CommitId,
    blob: &'a BlobId,
    revision: &'a RevisionFile,
}

/// Whether it was told of the deployed commit that a person rolled it back.
pub(super) fn is_told(facts: &OutcomeFacts) -> bool {
    facts.told.contains(&DecisionKind::RolledBack)
}

/// "Roll back" in ECS: the rollout was stopped, and the service runs what it ran before.
pub(super) fn rolled_back_in_ecs(facts: &OutcomeFacts, deployed: &Deployed<'_>, reason: &str) -> Plan {
    let how = format!("a person rolled back in ECS ({reason})");
    // It was written to git before it was told. If git says the same again, somebody wanted it since.
    if is_told(facts) {
        let because = format!("{how}; this was told already");
        return Plan::nothing(Decision::of(&facts.service, DecisionKind::Nothing, because));
    }
    if facts.revision.blob() != Some(deployed.blob) {
        // Git says something else already: what stopped it was Towpath's own rollback, or what it left is past.
        return super::overtaken(facts, deployed, &format!("the rollout was stopped: {reason}"));
    }
    let before =
        facts.deployments.iter().skip(1).find(|deployment| deployment.status == DeploymentStatus::Successful);
    let target = before.and_then(|before| {
        facts.earlier.iter().find(|earlier| runs(&before.images, &earlier.file, &facts.children))
    });
    match target {
        Some(earlier) => {
            let target = Target { commit: &earlier.commit, blob: &earlier.blob, revision: &earlier.file };
            let mut plan = write(facts, deployed.revision, &target, &how);
            // Nothing is left to tell where nothing was written.
            if !plan.steps.is_empty() {
                let because = format!("{how} to the revision of commit {}", earlier.commit.short());
                plan.steps.extend(revert::stop(facts, deployed, &how));
                plan.steps.extend(tell::comment(facts, deployed, DecisionKind::RolledBack, &because));
            }
            plan
        }
        None => {
            let refusal = Refusal::NoHealthyRevision;
            let because = format!("{how}, and no earlier revision says what it runs now; {refusal}");
            let steps = tell::notify(facts, deployed, DecisionKind::RolledBack, &because);
            let decision = Decision {
                refusal: Some(refusal),
                ..Decision::of(&facts.service, DecisionKind::RolledBack, because)
            };
            Plan { steps, decisions: vec![decision], then: Then::Done }
        }
    }
}

/// "Start rollback" in CodePipeline: an execution deployed the revision of an earlier commit. None if git says it already.
pub(super) fn rolled_back_in_pipeline(facts: &OutcomeFacts, deployed: &Deployed<'_>) -> Option<Plan> {
    let FileFact::Present { blob, content: Ok(left) } = &facts.revision else { return None };
    if blob == deployed.blob || left.has_images_of(deployed.revision) {
        return None;
    }
    // A commit to the revision after the rollback was begun is later than it, and has its own start.
    let changed_at = facts.last_change.as_ref().and_then(|change| change.at);
    if changed_at.zip(deployed.execution.started_at).is_some_and(|(changed, started)| changed > started) {
        return None;
    }
    let how = format!("a person rolled back in CodePipeline (execution {})", deployed.execution.id);
    let target = Target { commit: deployed.commit, blob: deployed.blob, revision: deployed.revision };
    Some(write(facts, left, &target, &how))
}

/// The commit that makes git say what a person rolled back to, with a hold and what was left in quarantine.
fn write(facts: &OutcomeFacts, left: &RevisionFile, target: &Target<'_>, how: &str) -> Plan {
    if let FileFact::Present { content: Err(error), .. } = &facts.hold {
        return Plan::nothing(Decision::refused(&facts.service, Refusal::InvalidHold(error.clone())));
    }
    let by = "a person, past git".to_owned();
    let images: Vec<OwnImage<'_>> = differing(facts, left, target.revision);
    let quarantined =
        images.iter().filter(|image| !is_quarantined_in_git(facts, image)).map(|image| Quarantined {
            container: image.container.clone(),
            digest: image.digest.clone(),
            reason: how.to_owned(),
            by: by.clone(),
            at: facts.now,
        });
    let hold = Hold {
        revision: target.blob.clone(),
        application_commit: facts.application.commit().cloned(),
        reason: how.to_owned(),
        by: by.clone(),
        at: facts.now,
        until: None,
    };
    let before = facts.hold.content().cloned().unwrap_or_default();
    let hold_file = HoldFile { hold: Some(hold), ..before }.with_quarantined(quarantined);
    let containers = images.iter().map(|image| ContainerTrailers {
        image_digest: target.revision.digest(image.container).cloned(),
        previous_digest: Some(image.digest.clone()),
        ..ContainerTrailers::of(image.container.clone())
    });
    let trailers = ServiceTrailers {
        service: facts.service.clone(),
        decision: Some(DecisionKind::RolledBack),
        approved_by: Vec::new(),
        containers: containers.collect(),
    };
    let step = Step::CommitFiles(CommitFiles {
        repository: facts.repository.name.clone(),
        branch: facts.repository.branch.clone(),
        parent: facts.tip.clone(),
        files: vec![
            FileContent { path: facts.service.revision_path(), text: target.revision.text().to_owned() },
            FileContent { path: facts.service.hold_path(), text: hold_file.text() },
        ],
        message: CommitMessage {
            subject: format!(
                "{}: rolled back by a person to the revision of {}",
                facts.service,
                target.commit.short()
            ),
            body: vec![how.to_owned()],
            trailers: Trailers {
                actor: Some(Function::OnDeploymentChange.to_string()),
                events: facts.events.clone(),
                services: vec![trailers],
            },
        },
    });
    let because =
        format!("{how} to the revision of commit {}; git says so now, with a hold", target.commit.short());
    let decision = Decision::of(&facts.service, DecisionKind::RolledBack, because);
    Plan { steps: vec![step], decisions: vec![decision], then: Then::Done }
}
