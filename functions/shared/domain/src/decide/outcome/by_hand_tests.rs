use expect_test::{Expect, expect};

use super::tests::{after_all, the_commit};
use super::*;
use crate::facts::LastChange;
use crate::fixtures::*;

fn check(facts: &OutcomeFacts, expected: &Expect) {
    expected.assert_eq(&decide(facts).to_string());
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
            - comment at commit 00000007 of deployment: Towpath: cluster1/webapp1 rolled_back
        "#]],
    );
    check(
        &after_all(&facts, &decide(&facts)),
        &expect![[r#"
            cluster1/webapp1: nothing: a person rolled back in ECS (StopServiceDeployment was called); this was told already
        "#]],
    );
    // Released since, so that git says the same revision again: the rollback is past.
    let mut again = facts.clone();
    again.told = vec![DecisionKind::RolledBack];
    check(
        &again,
        &expect![[r#"
            cluster1/webapp1: nothing: a person rolled back in ECS (StopServiceDeployment was called); this was told already
        "#]],
    );
    again.deployments[0].status = DeploymentStatus::Stopped;
    check(
        &again,
        &expect![[r#"
        cluster1/webapp1: nothing: the deployment was stopped: StopServiceDeployment was called; that a person rolled it back was told already
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
