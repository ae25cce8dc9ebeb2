use expect_test::{Expect, expect};

use super::*;
use crate::decide::starts::Asked;
use crate::facts::{DeploymentStatus, ExecutionStatus, FileFact, RepositoryImages, RunningService};
use crate::fixtures::*;
use crate::revision::RevisionFile;

fn check(facts: &SweepFacts, expected: &Expect) {
    expected.assert_eq(&sweep(facts).plan.to_string());
}

/// A service at rest: git says image 1, the rules select it, and it runs.
fn at_rest() -> SweepFacts {
    let mut revisions = revisions_facts(rules_of("newest", ""));
    let only = vec![image(1, 10, &["1111111"])];
    revisions.images.insert(image_repository("webapp1"), RepositoryImages::Listed(only));
    let mut starts = starts_facts();
    let read = starts.services.get_mut(&service(WEBAPP1)).unwrap();
    read.asked = Asked::WakeUp;
    read.revision = present(1, revision(&[("webapp1", "webapp1", 1)]));
    SweepFacts {
        revisions,
        starts,
        outcomes: Vec::new(),
        tasks: BTreeMap::new(),
        gone: BTreeSet::new(),
        in_part: BTreeSet::new(),
    }
}

fn start(facts: &mut SweepFacts) -> &mut starts::StartFacts {
    facts.starts.services.get_mut(&service(WEBAPP1)).unwrap()
}

#[test]
fn a_world_at_rest_wakes_nobody() {
    let facts = at_rest();
    check(
        &facts,
        &expect![[r#"
            cluster1/webapp1: nothing: it runs what git says
        "#]],
    );
    assert_eq!(sweep(&facts).drift[&service(WEBAPP1)].state, DriftState::InSync);
}

#[test]
fn a_lost_push_wakes_on_image_push() {
    let mut facts = at_rest();
    facts.revisions = revisions_facts(rules_of("newest", ""));
    check(
        &facts,
        &expect![[r#"
            cluster1/webapp1: woken: something was missed; the service is in_sync: it runs what git says
            - wake up on_image_push for cluster1/webapp1: moved: webapp1: newest "[0-9a-f]{7,40}" selects 2222222 (sha256:000200000000), git said sha256:000100000000
        "#]],
    );
}

/// Else one role that may not list tasks would take all sweeps away from its services.
#[test]
fn what_was_read_in_part_is_woken_up_all_the_same() {
    let mut facts = at_rest();
    facts.in_part.insert(service(WEBAPP1));
    check(&facts, &expect![[""]]);
    facts.revisions = revisions_facts(rules_of("newest", ""));
    check(
        &facts,
        &expect![[r#"
        cluster1/webapp1: woken: something was missed; how the service stands could not be read
        - wake up on_image_push for cluster1/webapp1: moved: webapp1: newest "[0-9a-f]{7,40}" selects 2222222 (sha256:000200000000), git said sha256:000100000000
    "#]],
    );
    assert_eq!(sweep(&facts).drift, BTreeMap::new());
}

/// Whether a person forced the branch is known from its pipeline alone.
#[test]
fn what_its_pipeline_does_not_tell_of_moves_nothing() {
    let mut facts = at_rest();
    facts.revisions = revisions_facts(rules_of("newest", ""));
    facts.starts.services.clear();
    facts.in_part.insert(service(WEBAPP1));
    check(&facts, &expect![[""]]);
}

#[test]
fn a_lost_start_wakes_on_commit() {
    let mut facts = at_rest();
    start(&mut facts).revision = present(2, revision(&[("webapp1", "webapp1", 1), ("sidecar", "other", 5)]));
    check(
        &facts,
        &expect![[r#"
            cluster1/webapp1: woken: something was missed; the service is behind: its pipeline is owed a start
            - wake up on_commit for cluster1/webapp1: started: execution e-1 of deploy-cluster1-webapp1 was for another content; committed by hand by Towpath
        "#]],
    );
}

#[test]
fn an_untold_outcome_wakes_on_deployment_change() {
    let mut facts = at_rest();
    facts.outcomes.push(outcome_facts(DeploymentStatus::Successful, &[]));
    check(
        &facts,
        &expect![[r#"
            cluster1/webapp1: woken: something was missed; the service is in_sync: it runs what git says
            - wake up on_deployment_change for cluster1/webapp1: verified: execution e-2 deployed commit 00000007, and ECS completed it
        "#]],
    );
}

#[test]
fn each_drift_is_told() {
    let mut told = String::new();
    let changes: [fn(&mut SweepFacts); 10] = [
        |facts| start(facts).executions[0].status = ExecutionStatus::InProgress,
        |facts| start(facts).runs = RunningService::NeverDeployed,
        |facts| start(facts).runs = RunningService::Missing,
        |facts| {
            start(facts).runs =
                RunningService::Deployed { images: running(8), status: DeploymentStatus::Successful }
        },
        |facts| {
            let status = DeploymentStatus::RollbackSuccessful;
            start(facts).runs = RunningService::Deployed { images: running(8), status };
        },
        |facts| {
            facts.tasks.insert(service(WEBAPP1), vec![running(1), running(8)]);
        },
        |facts| {
            facts.revisions.images.insert(image_repository("webapp1"), RepositoryImages::Listed(vec![]));
        },
        |facts| {
            facts.revisions.services.clear();
            facts.revisions.images.clear();
            facts.gone.insert((image_repository("webapp1"), digest(1)));
        },
        |facts| {
            start(facts).revision = FileFact::Present { blob: blob(1), content: RevisionFile::parse(b"[]") }
        },
        |facts| start(facts).revision = FileFact::Absent,
    ];
    for change in changes {
        let mut facts = at_rest();
        change(&mut facts);
        told += &sweep(&facts).plan.to_string();
    }
    expect![[r#"
        cluster1/webapp1: rolling: a deployment is under way
        cluster1/webapp1: never_deployed: ECS tells of no deployment
        cluster1/webapp1: never_deployed: there is no such service in ECS
        cluster1/webapp1: refused (service_missing): there is no ECS service cluster1/webapp1 in this account; create it
        cluster1/webapp1: by_hand: it runs something that git does not say
        cluster1/webapp1: failed: the deployment of what git says failed or was stopped
        cluster1/webapp1: drifted: mixed: 1 of its 2 tasks run other images than its revision
        cluster1/webapp1: drifted: image_missing: the image of webapp1 (webapp1@sha256:000100000000) is not in the registry: no new task can start
        cluster1/webapp1: drifted: image_missing: the image of webapp1 (webapp1@sha256:000100000000) is not in the registry: no new task can start
        cluster1/webapp1: drifted: invalid: revision.json is an empty list: expected at least one container with its image
        cluster1/webapp1: refused (invalid_revision): revision.json is an empty list: expected at least one container with its image; commit a corrected file
        cluster1/webapp1: never_deployed: it has no revision.json
    "#]].assert_eq(&told);
}

#[test]
fn rules_of_no_service_are_told() {
    let mut facts = at_rest();
    facts.revisions.rules = rules("version: 1\nservices:\n  ../x: {}\n");
    check(
        &facts,
        &expect![[r#"
            refused (invalid_rules): delivery.yaml, line 3: "../x" is not a service: expected <cluster>/<service>, each 1 to 255 letters, digits, - or _
            cluster1/webapp1: nothing: it runs what git says
        "#]],
    );
}
