//! A deployment that went well: evidence that is new, and a comment.

use super::OutcomeFacts;
use super::belongs::Deployed;
use super::healthy::{is_quarantined, own_images, says_otherwise};
use super::tell;
use crate::decision::{Decision, DecisionKind};
use crate::evidence::{Evidence, EvidenceKind};
use crate::facts::Deployment;
use crate::plan::{Plan, Step, Then};

pub(super) fn verified(facts: &OutcomeFacts, deployment: &Deployment, deployed: &Deployed<'_>) -> Plan {
    let images = own_images(facts, deployed.revision);
    // An image in quarantine may run, since a person wants it; only a release ends its quarantine.
    let quarantined: Vec<&str> = images
        .iter()
        .filter(|image| is_quarantined(facts, image))
        .map(|image| image.container.as_str())
        .collect();
    let mut because = format!(
        "execution {} deployed commit {}, and ECS completed it",
        deployed.execution.id,
        deployed.commit.short()
    );
    if !quarantined.is_empty() {
        because += &format!("; in quarantine stays the image of {}", quarantined.join(", "));
    }
    let is_owed = |digest| says_otherwise(facts, digest, EvidenceKind::Verified);
    let mut steps: Vec<Step> = Vec::new();
    for image in images.iter().filter(|image| !is_quarantined(facts, image) && is_owed(image.digest)) {
        steps.push(Step::PutEvidence(Evidence {
            kind: EvidenceKind::Verified,
            environment: facts.environment.clone(),
            service: facts.service.clone(),
            repository: image.repository.clone(),
            digest: image.digest.clone(),
            commit: deployed.commit.clone(),
            at: deployment.finished_at.unwrap_or(facts.now),
        }));
    }
    steps.extend(tell::comment(facts, deployed, DecisionKind::Verified, &because));
    if steps.is_empty() {
        let because = format!("{because}; this was told already");
        return Plan::nothing(Decision::of(&facts.service, DecisionKind::Nothing, because));
    }
    let decision = Decision::of(&facts.service, DecisionKind::Verified, because);
    Plan { steps, decisions: vec![decision], then: Then::Done }
}
