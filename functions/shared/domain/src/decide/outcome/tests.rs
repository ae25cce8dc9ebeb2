use expect_test::{Expect, expect};
use proptest::prelude::*;

use super::*;
use crate::evidence::EvidenceKind;
use crate::facts::{ExecutionStatus, LastChange, RevisionAtSource, RulesFact, StoppedTask};
use crate::fixtures::*;
use crate::hold::{Hold, HoldFile, Quarantined};
use crate::plan::{CommitFiles, Step};
use crate::revision::RevisionFile;

fn check(facts: &OutcomeFacts, expected: &Expect) {
    expected.assert_eq(&decide(facts).to_string());
}

/// A deployment that failed because its image crashed.
fn crashed_facts() -> OutcomeFacts {
    outcome_facts(DeploymentStatus::RollbackInProgress, &[crashed()])
}

fn the_commit(plan: &Plan) -> Option<&CommitFiles> {
    plan.steps.iter().find_map(|step| match step {
        Step::CommitFiles(commit) => Some(commit),
        _ => None,
    })
}

fn quarantined(number: u32) -> Quarantined {
    Quarantined {
        container: container("webapp1"),
        digest: digest(number),
        reason: "exit code 1".to_owned(),
        by: "on_deployment_change".to_owned(),
        at: at(90),
    }
}

/// The world after a plan's commit.
fn after(facts: &OutcomeFacts, commit: &CommitFiles) -> OutcomeFacts {
    let mut after = facts.clone();
    for file in &commit.files {
        if file.path == facts.service.hold_path() {
            after.hold = hold_present(HoldFile::parse(file.text.as_bytes()).unwrap());
        } else {
            after.revision = present(3, RevisionFile::parse(file.text.as_bytes()).unwrap());
            after.last_change = Some(LastChange {
                commit: crate::fixtures::commit(8),
                message: commit.message.to_string(),
                author: "Towpath".to_owned(),
                at: Some(at(100)),
            });
        }
    }
    after.tip = crate::fixtures::commit(8);
    after
}

/// The world after all of a plan's steps.
fn after_all(facts: &OutcomeFacts, plan: &Plan) -> OutcomeFacts {
    let mut after = match the_commit(plan) {
        Some(commit) => after(facts, commit),
        None => facts.clone(),
    };
    for step in &plan.steps {
        match step {
            Step::PutEvidence(evidence) => after.evidence.push(evidence.clone()),
            Step::StopExecution(_) => after.executions[0].status = ExecutionStatus::Stopped,
            Step::Comment(comment) => after.told.extend(told_in(&comment.text, &facts.service)),
            _ => {}
        }
    }
    after
}

#[test]
fn a_service_without_deployments_has_no_outcome() {
    let mut facts = crashed_facts();
    facts.deployments.clear();
    check(
        &facts,
        &expect![[r#"
        cluster1/webapp1: nothing: ECS tells of no deployment
    "#]],
    );
}

#[test]
fn a_rollout_under_way_is_left_alone() {
    check(
        &outcome_facts(DeploymentStatus::InProgress, &[]),
        &expect![[r#"
        cluster1/webapp1: rolling: execution e-2 is being rolled out
    "#]],
    );
}

#[test]
fn a_deployment_that_went_well_is_verified_once() {
    let facts = outcome_facts(DeploymentStatus::Successful, &[]);
    check(
        &facts,
        &expect![[r#"
            cluster1/webapp1: verified: execution e-2 deployed commit 00000007, and ECS completed it
            - put evidence verified of dev for cluster1/webapp1 on webapp1@sha256:000200000000
            - comment at commit 00000007 of deployment: Towpath: cluster1/webapp1 verified
        "#]],
    );
    check(
        &after_all(&facts, &decide(&facts)),
        &expect![[r#"
        cluster1/webapp1: nothing: execution e-2 deployed commit 00000007, and ECS completed it; this was told already
    "#]],
    );
    let Some(Step::Comment(comment)) = decide(&facts).steps.pop() else { panic!("no comment") };
    expect![[r#"
        Towpath: cluster1/webapp1 verified

        execution e-2 deployed commit 00000007, and ECS completed it

        Execution e-2 of deploy-cluster1-webapp1."#]]
    .assert_eq(&comment.text);
}

#[test]
fn an_image_in_quarantine_is_not_verified() {
    let mut facts = outcome_facts(DeploymentStatus::Successful, &[]);
    facts.hold = hold_present(HoldFile { hold: None, quarantine: vec![quarantined(2)] });
    check(
        &facts,
        &expect![[r#"
            cluster1/webapp1: verified: execution e-2 deployed commit 00000007, and ECS completed it; in quarantine stays the image of webapp1
            - comment at commit 00000007 of deployment: Towpath: cluster1/webapp1 verified
        "#]],
    );
}

#[test]
fn a_deployment_of_no_execution_was_made_by_hand() {
    let mut facts = outcome_facts(DeploymentStatus::Successful, &[]);
    facts.executions.clear();
    check(
        &facts,
        &expect![[r#"
        cluster1/webapp1: by_hand: no pipeline execution deployed arn:aws:ecs:eu-west-1:111111111111:service-deployment/cluster1/webapp1/2: it was made by hand, and went well
    "#]],
    );
    let mut facts = crashed_facts();
    facts.deployments[0].images = running(9);
    check(
        &facts,
        &expect![[r#"
        cluster1/webapp1: by_hand: no pipeline execution deployed arn:aws:ecs:eu-west-1:111111111111:service-deployment/cluster1/webapp1/2: it was made by hand, and went wrong
    "#]],
    );
}

#[test]
fn an_execution_whose_source_is_not_known_is_looked_at_again() {
    let mut facts = crashed_facts();
    facts.executions[0].source = RevisionAtSource::Unknown;
    check(
        &facts,
        &expect![[r#"
        cluster1/webapp1: undecided: it belongs to execution e-2, whose source is not known yet
        then look again
    "#]],
    );
}

#[test]
fn a_crash_is_reverted() {
    let facts = crashed_facts();
    check(
        &facts,
        &expect![[r#"
            cluster1/webapp1: reverted: container webapp1 exited with code 1 (Essential container in task exited); the revision of commit 00000001 is committed back; in quarantine now: webapp1 sha256:000200000000
            - commit to deployment main on 00000007: cluster1/webapp1: back to the revision of 00000001 (cluster1/webapp1/revision.json, cluster1/webapp1/hold.json)
            - stop execution e-2 of pipeline deploy-cluster1-webapp1, abandoning what runs: container webapp1 exited with code 1 (Essential container in task exited)
            - put evidence quarantined of dev for cluster1/webapp1 on webapp1@sha256:000200000000
            - notify: dev cluster1/webapp1: reverted
            - comment at commit 00000007 of deployment: Towpath: cluster1/webapp1 reverted
        "#]],
    );
    let plan = decide(&facts);
    let commit = the_commit(&plan).unwrap();
    expect![[r#"
        cluster1/webapp1: back to the revision of 00000001

        container webapp1 exited with code 1 (Essential container in task exited)

        Actor: on_deployment_change
        Event-Id: event-1
        Service: cluster1/webapp1
        Decision: reverted
        Container: webapp1
        Image-Digest: sha256:0001000000000000000000000000000000000000000000000000000000000000
        Previous-Digest: sha256:0002000000000000000000000000000000000000000000000000000000000000
    "#]]
    .assert_eq(&commit.message.to_string());
    assert_eq!(commit.files[0].text, facts.earlier[0].file.text());
    expect![[r#"
        {
          "version": 1,
          "quarantine": [
            {
              "container": "webapp1",
              "digest": "sha256:0002000000000000000000000000000000000000000000000000000000000000",
              "reason": "container webapp1 exited with code 1 (Essential container in task exited)",
              "by": "on_deployment_change",
              "at": "2027-01-15T08:01:40Z"
            }
          ]
        }
    "#]]
    .assert_eq(&commit.files[1].text);
}

#[test]
fn a_revert_is_finished_after_a_crash_and_made_once() {
    let facts = crashed_facts();
    let plan = decide(&facts);
    check(
        &after(&facts, the_commit(&plan).unwrap()),
        &expect![[r#"
            cluster1/webapp1: reverted: container webapp1 exited with code 1 (Essential container in task exited); in quarantine already: webapp1 sha256:000200000000
            - stop execution e-2 of pipeline deploy-cluster1-webapp1, abandoning what runs: container webapp1 exited with code 1 (Essential container in task exited)
            - put evidence quarantined of dev for cluster1/webapp1 on webapp1@sha256:000200000000
            - notify: dev cluster1/webapp1: reverted
            - comment at commit 00000007 of deployment: Towpath: cluster1/webapp1 reverted
        "#]],
    );
    check(
        &after_all(&facts, &plan),
        &expect![[r#"
        cluster1/webapp1: nothing: container webapp1 exited with code 1 (Essential container in task exited); in quarantine already: webapp1 sha256:000200000000
    "#]],
    );
}

#[test]
fn what_is_not_the_images_fault_is_only_told() {
    let task = StoppedTask {
        stop_code: Some("TaskFailedToStart".to_owned()),
        stopped_reason: Some("ResourceInitializationError: unable to pull secrets".to_owned()),
        containers: Vec::new(),
    };
    let facts = outcome_facts(DeploymentStatus::RollbackSuccessful, &[task]);
    check(
        &facts,
        &expect![[r#"
            cluster1/webapp1: failed: ResourceInitializationError: unable to pull secrets; this is not the image's fault, so git stays as it is
            - notify: dev cluster1/webapp1: failed
            - comment at commit 00000007 of deployment: Towpath: cluster1/webapp1 failed
        "#]],
    );
    check(
        &after_all(&facts, &decide(&facts)),
        &expect![[r#"
        cluster1/webapp1: failed: ResourceInitializationError: unable to pull secrets; this is not the image's fault, so git stays as it is
    "#]],
    );
    check(
        &outcome_facts(DeploymentStatus::RollbackFailed, &[]),
        &expect![[r#"
            cluster1/webapp1: failed: ECS tells no reason; nobody knows whether it is the image's fault, so git stays as it is
            - notify: dev cluster1/webapp1: failed
            - comment at commit 00000007 of deployment: Towpath: cluster1/webapp1 failed
        "#]],
    );
    check(
        &outcome_facts(DeploymentStatus::Stopped, &[]),
        &expect![[r#"
            cluster1/webapp1: failed: the deployment was stopped: ECS tells no reason
            - notify: dev cluster1/webapp1: failed
            - comment at commit 00000007 of deployment: Towpath: cluster1/webapp1 failed
        "#]],
    );
}

#[test]
fn the_rules_may_ask_for_a_hold_or_for_nothing() {
    let mut facts = crashed_facts();
    facts.rules = rules_of("newest", "    on_failure: hold\n");
    check(
        &facts,
        &expect![[r#"
            cluster1/webapp1: held: container webapp1 exited with code 1 (Essential container in task exited); the revision stays and is held; in quarantine now: webapp1 sha256:000200000000
            - commit to deployment main on 00000007: cluster1/webapp1: held after a failed deployment (cluster1/webapp1/hold.json)
            - stop execution e-2 of pipeline deploy-cluster1-webapp1, abandoning what runs: container webapp1 exited with code 1 (Essential container in task exited)
            - put evidence quarantined of dev for cluster1/webapp1 on webapp1@sha256:000200000000
            - notify: dev cluster1/webapp1: held
            - comment at commit 00000007 of deployment: Towpath: cluster1/webapp1 held
        "#]],
    );
    check(
        &after_all(&facts, &decide(&facts)),
        &expect![[r#"
        cluster1/webapp1: nothing: container webapp1 exited with code 1 (Essential container in task exited); in quarantine already: webapp1 sha256:000200000000
    "#]],
    );
    facts.rules = rules_of("newest", "    on_failure: notify\n");
    check(
        &facts,
        &expect![[r#"
            cluster1/webapp1: failed: container webapp1 exited with code 1 (Essential container in task exited); its rules ask only to be told
            - notify: dev cluster1/webapp1: failed
            - comment at commit 00000007 of deployment: Towpath: cluster1/webapp1 failed
        "#]],
    );
    facts.rules = RulesFact::Absent;
    check(
        &facts,
        &expect![[r#"
            cluster1/webapp1: failed: container webapp1 exited with code 1 (Essential container in task exited); its rules ask only to be told
            - notify: dev cluster1/webapp1: failed
            - comment at commit 00000007 of deployment: Towpath: cluster1/webapp1 failed
        "#]],
    );
}

#[test]
fn a_person_is_not_undone() {
    let mut facts = crashed_facts();
    facts.last_change = Some(by_mary(7));
    check(
        &facts,
        &expect![[r#"
            cluster1/webapp1: failed (person_committed): container webapp1 exited with code 1 (Essential container in task exited); commit 00000007cccccccccccccccccccccccccccccccc was made by a person, and Towpath does not undo what a person did
            - notify: dev cluster1/webapp1: failed
            - comment at commit 00000007 of deployment: Towpath: cluster1/webapp1 failed
        "#]],
    );
    facts.revision = present(9, revision(&[("webapp1", "webapp1", 9)]));
    check(
        &facts,
        &expect![[r#"
            cluster1/webapp1: failed (person_committed): container webapp1 exited with code 1 (Essential container in task exited); commit 00000007cccccccccccccccccccccccccccccccc was made by a person, and Towpath does not undo what a person did
            - notify: dev cluster1/webapp1: failed
            - comment at commit 00000007 of deployment: Towpath: cluster1/webapp1 failed
        "#]],
    );
    facts.last_change = Some(by_towpath(8, WEBAPP1, DecisionKind::Moved, &[("webapp1", 9, "9999999")]));
    check(
        &facts,
        &expect![[r#"
            cluster1/webapp1: failed: container webapp1 exited with code 1 (Essential container in task exited); git has moved on to another revision since
            - notify: dev cluster1/webapp1: failed
            - comment at commit 00000007 of deployment: Towpath: cluster1/webapp1 failed
        "#]],
    );
    let mut facts = crashed_facts();
    let hold = Hold {
        revision: blob(2),
        application_commit: None,
        reason: "wait".to_owned(),
        by: "mary".to_owned(),
        at: at(80),
        until: None,
    };
    facts.hold = hold_present(HoldFile { hold: Some(hold), quarantine: Vec::new() });
    check(
        &facts,
        &expect![[r#"
            cluster1/webapp1: failed: container webapp1 exited with code 1 (Essential container in task exited); a hold keeps its revision where it is
            - notify: dev cluster1/webapp1: failed
            - comment at commit 00000007 of deployment: Towpath: cluster1/webapp1 failed
        "#]],
    );
}

#[test]
fn a_revert_is_never_reverted() {
    let mut facts = crashed_facts();
    facts.last_change = Some(by_towpath(7, WEBAPP1, DecisionKind::Reverted, &[("webapp1", 2, "2222222")]));
    check(
        &facts,
        &expect![[r#"
            cluster1/webapp1: failed (revert_failed): container webapp1 exited with code 1 (Essential container in task exited); what failed is itself what commit 00000007cccccccccccccccccccccccccccccccc went back to; a person has to look
            - notify: dev cluster1/webapp1: failed
            - comment at commit 00000007 of deployment: Towpath: cluster1/webapp1 failed
        "#]],
    );
}

#[test]
fn many_reverts_at_once_call_for_a_person() {
    let mut facts = crashed_facts();
    facts.recent_reverts = MAXIMUM_RECENT_REVERTS;
    check(
        &facts,
        &expect![[r#"
            cluster1/webapp1: failed (too_many_reverts): container webapp1 exited with code 1 (Essential container in task exited); 5 services were reverted within ten minutes; a person has to look before more are
            - notify: dev cluster1/webapp1: failed
            - comment at commit 00000007 of deployment: Towpath: cluster1/webapp1 failed
        "#]],
    );
}

#[test]
fn without_a_healthy_revision_the_image_is_only_put_into_quarantine() {
    let mut facts = crashed_facts();
    facts.evidence.push(crate::evidence::Evidence { at: at(2), ..evidence(EvidenceKind::Quarantined, 1) });
    check(
        &facts,
        &expect![[r#"
            cluster1/webapp1: failed (no_healthy_revision): container webapp1 exited with code 1 (Essential container in task exited); no earlier revision is known to be healthy; a person has to choose one; in quarantine now: webapp1 sha256:000200000000
            - commit to deployment main on 00000007: cluster1/webapp1: its failed images are in quarantine (cluster1/webapp1/hold.json)
            - stop execution e-2 of pipeline deploy-cluster1-webapp1, abandoning what runs: container webapp1 exited with code 1 (Essential container in task exited)
            - put evidence quarantined of dev for cluster1/webapp1 on webapp1@sha256:000200000000
            - notify: dev cluster1/webapp1: failed
            - comment at commit 00000007 of deployment: Towpath: cluster1/webapp1 failed
        "#]],
    );
    check(
        &after_all(&facts, &decide(&facts)),
        &expect![[r#"
        cluster1/webapp1: nothing: container webapp1 exited with code 1 (Essential container in task exited); in quarantine already: webapp1 sha256:000200000000
    "#]],
    );
    let mut facts = crashed_facts();
    facts.earlier.clear();
    assert_eq!(the_commit(&decide(&facts)).unwrap().files.len(), 1);
}

#[test]
fn a_rollout_that_nothing_watches_is_told_when_it_stalls() {
    let mut facts = outcome_facts(DeploymentStatus::InProgress, &[]);
    facts.now = at(61 + 15 * 60);
    check(
        &facts,
        &expect![[r#"
        cluster1/webapp1: rolling: execution e-2 is being rolled out
    "#]],
    );
    facts.deployments[0].breaker = Breaker::Disabled;
    check(
        &facts,
        &expect![[r#"
            cluster1/webapp1: stalled: the rollout has taken 15 minutes, and without a circuit breaker ECS would not tell a failure; look at its tasks, and turn the deployment circuit breaker on
            - notify: dev cluster1/webapp1: stalled
            - comment at commit 00000007 of deployment: Towpath: cluster1/webapp1 stalled
        "#]],
    );
    check(
        &after_all(&facts, &decide(&facts)),
        &expect![[r#"
        cluster1/webapp1: stalled: the rollout has taken 15 minutes, and without a circuit breaker ECS would not tell a failure; look at its tasks, and turn the deployment circuit breaker on
    "#]],
    );
}

#[test]
fn a_persons_rollback_in_ecs_is_written_to_git() {
    let mut facts = outcome_facts(DeploymentStatus::RollbackSuccessful, &[]);
    facts.deployments[0].reason = Some("StopServiceDeployment was called".to_owned());
    check(
        &facts,
        &expect![[r#"
        cluster1/webapp1: rolled_back: a person rolled back in ECS (StopServiceDeployment was called) to the revision of commit 00000001; git says so now, with a hold
        - commit to deployment main on 00000007: cluster1/webapp1: rolled back by a person to the revision of 00000001 (cluster1/webapp1/revision.json, cluster1/webapp1/hold.json)
        - stop execution e-2 of pipeline deploy-cluster1-webapp1, abandoning what runs: a person rolled back in ECS (StopServiceDeployment was called)
    "#]],
    );
    check(
        &after_all(&facts, &decide(&facts)),
        &expect![[r#"
        cluster1/webapp1: nothing: a person rolled back in ECS (StopServiceDeployment was called), and git says something else already
    "#]],
    );
    facts.earlier.clear();
    check(
        &facts,
        &expect![[r#"
            cluster1/webapp1: rolled_back (no_healthy_revision): a person rolled back in ECS (StopServiceDeployment was called), and no earlier revision says what it runs now; no earlier revision is known to be healthy; a person has to choose one
            - notify: dev cluster1/webapp1: rolled_back
            - comment at commit 00000007 of deployment: Towpath: cluster1/webapp1 rolled_back
        "#]],
    );
}

#[test]
fn a_persons_rollback_in_codepipeline_is_written_to_git() {
    let mut facts = outcome_facts(DeploymentStatus::Successful, &[]);
    // Execution e-2 rolls back to commit 7 (image 2), while git says image 3.
    facts.revision = present(3, revision(&[("webapp1", "webapp1", 3)]));
    facts.last_change = Some(LastChange {
        at: Some(at(5)),
        ..by_towpath(8, WEBAPP1, DecisionKind::Moved, &[("webapp1", 3, "3333333")])
    });
    facts.executions[0].kind = ExecutionKind::Rollback;
    facts.executions[0].trigger = Trigger::ManualRollback;
    check(
        &facts,
        &expect![[r#"
        cluster1/webapp1: rolled_back: a person rolled back in CodePipeline (execution e-2) to the revision of commit 00000007; git says so now, with a hold
        - commit to deployment main on 00000007: cluster1/webapp1: rolled back by a person to the revision of 00000007 (cluster1/webapp1/revision.json, cluster1/webapp1/hold.json)
    "#]],
    );
    check(
        &after_all(&facts, &decide(&facts)),
        &expect![[r#"
            cluster1/webapp1: verified: execution e-2 deployed commit 00000007, and ECS completed it
            - put evidence verified of dev for cluster1/webapp1 on webapp1@sha256:000200000000
            - comment at commit 00000007 of deployment: Towpath: cluster1/webapp1 verified
        "#]],
    );
    // A commit after the rollback goes its own way.
    facts.last_change = Some(LastChange { at: Some(at(70)), ..by_mary(9) });
    assert_eq!(the_commit(&decide(&facts)), None);
}

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
            let said = crate::evidence::latest(&facts.evidence, &facts.environment, &facts.service, digest);
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
