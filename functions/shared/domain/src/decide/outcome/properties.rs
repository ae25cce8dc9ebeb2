//! The invariants that an outcome keeps, on random worlds.

use proptest::prelude::*;

use super::tests::{after, after_all, quarantined, the_commit};
use super::*;
use crate::evidence::EvidenceKind;
use crate::fixtures::*;
use crate::hold::HoldFile;
use crate::plan::Step;
use crate::revision::RevisionFile;

fn worlds() -> impl Strategy<Value = OutcomeFacts> {
    let statuses = prop::sample::select(vec![
        DeploymentStatus::InProgress,
        DeploymentStatus::Successful,
        DeploymentStatus::Stopped,
        DeploymentStatus::RollbackInProgress,
        DeploymentStatus::RollbackSuccessful,
        DeploymentStatus::RollbackFailed,
    ]);
    let on_failure = prop::sample::select(vec!["revert", "hold", "notify"]);
    let who = prop::sample::select(vec!["mary", "moved", "reverted", "nobody"]);
    let evidence_of = prop::collection::vec((prop::bool::ANY, 1_u32..4), 0..3);
    (
        statuses,
        on_failure,
        who,
        evidence_of,
        prop::collection::vec(1_u32..4, 0..2),
        1_u32..5,
        0_usize..7,
        prop::bool::ANY,
    )
        .prop_map(|(status, on_failure, who, told, quarantine, tip, reverts, crashes)| {
            let mut facts = outcome_facts(status, &if crashes { vec![crashed()] } else { vec![] });
            facts.rules = rules_of("newest", &format!("    on_failure: {on_failure}\n"));
            facts.revision = present(tip, revision(&[("webapp1", "webapp1", tip)]));
            facts.last_change = match who {
                "mary" => Some(by_mary(6)),
                "moved" => Some(by_towpath(6, WEBAPP1, DecisionKind::Moved, &[("webapp1", tip, "x")])),
                "reverted" => Some(by_towpath(6, WEBAPP1, DecisionKind::Reverted, &[("webapp1", tip, "x")])),
                _ => None,
            };
            facts.evidence = told
                .into_iter()
                .map(|(good, number)| {
                    evidence(if good { EvidenceKind::Verified } else { EvidenceKind::Quarantined }, number)
                })
                .collect();
            let quarantine = quarantine.into_iter().map(quarantined).collect();
            facts.hold = hold_present(HoldFile { hold: None, quarantine });
            facts.recent_reverts = reverts;
            facts
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// Invariants 7 and 8: done once, nothing is left to do; done up to the commit, the rest is done and no second commit made.
    #[test]
    fn an_outcome_is_told_once(facts in worlds()) {
        let plan = decide(&facts);
        prop_assert_eq!(decide(&after_all(&facts, &plan)).steps, Vec::new());
        if let Some(commit) = the_commit(&plan) {
            let rest = decide(&after(&facts, commit));
            prop_assert_eq!(the_commit(&rest), None);
        }
    }

    /// Invariant 3: what a person committed is not undone, and nothing is put back that was put back.
    #[test]
    fn only_what_towpath_moved_is_reverted(facts in worlds()) {
        if the_commit(&decide(&facts)).is_some() {
            let change = facts.last_change.clone().unwrap();
            prop_assert!(change.message.contains("Decision: moved"));
            prop_assert_eq!(facts.revision.blob(), Some(&blob(2)));
            prop_assert!(facts.recent_reverts < MAXIMUM_RECENT_REVERTS);
        }
    }

    /// Invariant 3: what is put back is verified, and not in quarantine.
    #[test]
    fn only_what_is_healthy_is_put_back(facts in worlds()) {
        let plan = decide(&facts);
        let Some(commit) = the_commit(&plan) else { return Ok(()) };
        for file in commit.files.iter().filter(|file| file.path == facts.service.revision_path()) {
            let file = RevisionFile::parse(file.text.as_bytes()).unwrap();
            let digest = file.digest(&container("webapp1")).unwrap();
            let said = crate::evidence::latest(&facts.evidence, &facts.service, digest);
            prop_assert_eq!(said.map(|evidence| evidence.kind), Some(EvidenceKind::Verified));
            prop_assert_eq!(facts.hold.content().unwrap().quarantined(&container("webapp1"), digest), None);
        }
    }

    /// Nothing in quarantine is verified by a deployment.
    #[test]
    fn no_deployment_ends_a_quarantine(facts in worlds()) {
        for step in decide(&facts).steps {
            if let Step::PutEvidence(put) = step
                && put.kind == EvidenceKind::Verified
            {
                prop_assert_eq!(facts.hold.content().unwrap().quarantined(&container("webapp1"), &put.digest), None);
            }
        }
    }
}
