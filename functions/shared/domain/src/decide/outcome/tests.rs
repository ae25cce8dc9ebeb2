use expect_test::{Expect, expect};

use super::*;
use crate::evidence::EvidenceKind;
use crate::facts::{
    ApplicationTip, DeployWindow, ExecutionStatus, LastChange, RevisionAtSource, RulesFact, StoppedTask,
};
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

pub(super) fn the_commit(plan: &Plan) -> Option<&CommitFiles> {
    plan.steps.iter().find_map(|step| match step {
        Step::CommitFiles(commit) => Some(commit),
        _ => None,
    })
}

pub(super) fn quarantined(number: u32) -> Quarantined {
    Quarantined {
        container: container("webapp1"),
        digest: digest(number),
        reason: "exit code 1".to_owned(),
        by: "on_deployment_change".to_owned(),
        at: at(90),
    }
}

/// The world after a plan's commit.
pub(super) fn after(facts: &OutcomeFacts, commit: &CommitFiles) -> OutcomeFacts {
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
                committer: "Towpath".to_owned(),
                at: Some(at(100)),
            });
        }
    }
    after.tip = crate::fixtures::commit(8);
    after
}

/// The world after all of a plan's steps.
pub(super) fn after_all(facts: &OutcomeFacts, plan: &Plan) -> OutcomeFacts {
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
fn an_execution_that_failed_before_ecs_is_told_once() {
    let mut facts = outcome_facts(DeploymentStatus::Successful, &[]);
    facts.deployments.clear();
    facts.executions[0].status = ExecutionStatus::Failed;
    check(
        &facts,
        &expect![[r#"
        cluster1/webapp1: failed: execution e-2 of deploy-cluster1-webapp1 failed before ECS deployed anything; its failed action tells why, such as a missing permission or a container that the task definition does not have; mend it, then retry the execution or commit again
        - notify: dev cluster1/webapp1: failed
        - comment at commit 00000007 of deployment: Towpath: cluster1/webapp1 failed
    "#]],
    );
    check(
        &after_all(&facts, &decide(&facts)),
        &expect![[r#"
        cluster1/webapp1: nothing: execution e-2 of deploy-cluster1-webapp1 failed before ECS deployed anything; its failed action tells why, such as a missing permission or a container that the task definition does not have; mend it, then retry the execution or commit again; this was told already
    "#]],
    );
}

/// The newest deployment failed before anybody was told that the one before it went well.
#[test]
fn what_went_well_is_said_before_a_failure_goes_back_to_it() {
    let mut newest = crashed_facts();
    newest.evidence.clear();
    let mut older = newest.clone();
    older.deployments.remove(0);
    older.executions[1].deploy = Some(DeployWindow { began_at: at(10), ended_at: Some(at(20)) });
    older.executions[1].source = RevisionAtSource::File {
        commit: commit(1),
        revision: present(1, revision(&[("webapp1", "webapp1", 1)])),
        message: String::new(),
    };
    assert!(decide(&newest).to_string().contains("no earlier revision is known to be healthy"));
    expect![[r#"
        cluster1/webapp1: verified: execution e-1 deployed commit 00000001, and ECS completed it
        cluster1/webapp1: reverted: container webapp1 exited with code 1 (Essential container in task exited); the revision of commit 00000001 is committed back; in quarantine now: webapp1 sha256:000200000000
        - put evidence verified of dev for cluster1/webapp1 on webapp1@sha256:000100000000
        - comment at commit 00000001 of deployment: Towpath: cluster1/webapp1 verified
        - commit to deployment main on 00000007: cluster1/webapp1: back to the revision of 00000001 (cluster1/webapp1/revision.json, cluster1/webapp1/hold.json)
        - stop execution e-2 of pipeline deploy-cluster1-webapp1, abandoning what runs: container webapp1 exited with code 1 (Essential container in task exited)
        - put evidence quarantined of dev for cluster1/webapp1 on webapp1@sha256:000200000000
        - notify: dev cluster1/webapp1: reverted
        - comment at commit 00000007 of deployment: Towpath: cluster1/webapp1 reverted
    "#]].assert_eq(&decide_all(&[newest, older]).to_string());
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

/// Evidence cannot be put on an image that is not there; the rest is told.
#[test]
fn of_an_image_that_is_gone_nothing_is_said_on_it() {
    let mut good = outcome_facts(DeploymentStatus::Successful, &[]);
    good.gone.insert(digest(2));
    check(
        &good,
        &expect![[r#"
        cluster1/webapp1: verified: execution e-2 deployed commit 00000007, and ECS completed it
        - comment at commit 00000007 of deployment: Towpath: cluster1/webapp1 verified
    "#]],
    );
    check(
        &after_all(&good, &decide(&good)),
        &expect![[r#"
        cluster1/webapp1: nothing: execution e-2 deployed commit 00000007, and ECS completed it; this was told already
    "#]],
    );
    let mut failed = crashed_facts();
    failed.gone.insert(digest(2));
    check(
        &failed,
        &expect![[r#"
        cluster1/webapp1: reverted: container webapp1 exited with code 1 (Essential container in task exited); the revision of commit 00000001 is committed back; in quarantine now: webapp1 sha256:000200000000
        - commit to deployment main on 00000007: cluster1/webapp1: back to the revision of 00000001 (cluster1/webapp1/revision.json, cluster1/webapp1/hold.json)
        - stop execution e-2 of pipeline deploy-cluster1-webapp1, abandoning what runs: container webapp1 exited with code 1 (Essential container in task exited)
        - notify: dev cluster1/webapp1: reverted
        - comment at commit 00000007 of deployment: Towpath: cluster1/webapp1 reverted
    "#]],
    );
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
            cluster1/webapp1: nothing: ResourceInitializationError: unable to pull secrets; this is not the image's fault, so git stays as it is; this was told already
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

/// The application's push lifts a hold. A fix that was pushed while the failed commit was being deployed is one already.
#[test]
fn a_hold_after_a_failure_names_the_commit_that_failed_and_not_its_fix() {
    let mut facts = crashed_facts();
    facts.rules = rules_of("commit", "    on_failure: hold\n");
    facts.application = ApplicationTip::At(commit(33));
    let held_for = |facts: &OutcomeFacts| {
        let plan = decide(facts);
        let file = &the_commit(&plan).unwrap().files[0];
        HoldFile::parse(file.text.as_bytes()).unwrap().hold.unwrap().application_commit
    };
    assert_eq!(held_for(&facts), Some(commit(33)));
    let change = facts.last_change.as_mut().unwrap();
    change.message += &format!("Source-Commit: {}\n", commit(22));
    assert_eq!(held_for(&facts), Some(commit(22)));
    facts.rules = rules_of("newest", "    on_failure: hold\n");
    assert_eq!(held_for(&facts), Some(commit(33)));
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
    // After a crash behind the commit it is told under the same name.
    check(
        &after(&facts, the_commit(&decide(&facts)).unwrap()),
        &expect![[r#"
            cluster1/webapp1: held: container webapp1 exited with code 1 (Essential container in task exited); in quarantine already: webapp1 sha256:000200000000
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
    facts.evidence.push(Evidence { at: at(2), ..evidence(EvidenceKind::Quarantined, 1) });
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
