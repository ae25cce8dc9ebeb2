use expect_test::{Expect, expect};
use proptest::prelude::*;

use super::*;
use crate::facts::{
    Execution, ExecutionKind, ExecutionMode, ExecutionStatus, PipelineDescription, PipelineFact,
    PipelineType, Polling, RevisionAtSource, Trigger,
};
use crate::fixtures::*;
use crate::hold::{HoldFile, Quarantined};
use crate::names::PipelineName;

fn check(facts: &StartsFacts, expected: &Expect) {
    expected.assert_eq(&decide(facts).to_string());
}

fn webapp1(facts: &mut StartsFacts) -> &mut StartFacts {
    facts.services.get_mut(&service(WEBAPP1)).unwrap()
}

fn with_executions(executions: Vec<Execution>) -> StartsFacts {
    let mut facts = starts_facts();
    webapp1(&mut facts).executions = executions;
    facts
}

fn with_pipeline(change: impl Fn(&mut PipelineDescription)) -> StartsFacts {
    let mut facts = starts_facts();
    let mut description = pipeline(WEBAPP1);
    change(&mut description);
    webapp1(&mut facts).pipeline = PipelineFact::Found(description);
    facts
}

fn rollback(id: &str, source: RevisionAtSource) -> Execution {
    Execution {
        kind: ExecutionKind::Rollback,
        trigger: Trigger::ManualRollback,
        ..execution(id, ExecutionStatus::Succeeded, source)
    }
}

#[test]
fn a_commit_that_changed_no_revision_starts_nothing() {
    let mut facts = starts_facts();
    facts.services.clear();
    check(
        &facts,
        &expect![[r#"
        ignored: no revision.json has changed
    "#]],
    );
}

#[test]
fn a_changed_revision_starts_its_pipeline_at_the_tip() {
    check(
        &starts_facts(),
        &expect![[r#"
        cluster1/webapp1: started: execution e-1 of deploy-cluster1-webapp1 was for another content
        - start pipeline deploy-cluster1-webapp1 at commit 00000007
    "#]],
    );
    let Step::StartPipeline(start) = &decide(&starts_facts()).steps[0] else { panic!("no start") };
    assert_eq!(start.commit, commit(7));
    assert_eq!(start.token, RequestToken::of_start(&deployment().name, &service(WEBAPP1), &commit(7)));
}

#[test]
fn an_execution_for_this_content_is_not_doubled() {
    for status in [ExecutionStatus::InProgress, ExecutionStatus::Failed, ExecutionStatus::Stopped] {
        let facts = with_executions(vec![
            execution("e-2", status, source(5, 2)),
            execution("e-1", status, source(1, 1)),
        ]);
        assert_eq!(decide(&facts).steps, Vec::new());
    }
    let by_rule = Execution {
        trigger: Trigger::CloudWatchEvent,
        ..execution("e-2", ExecutionStatus::InProgress, source(7, 2))
    };
    let mut facts = with_executions(vec![by_rule]);
    check(
        &facts,
        &expect![[r#"
            cluster1/webapp1: refused (pipeline_triggered): an EventBridge rule started execution e-2 of pipeline deploy-cluster1-webapp1: delete it if it is the one that the CodePipeline console makes with a pipeline, which does so at every commit
        "#]],
    );
    // A day later the rule may be gone, and only its execution is left.
    facts.now = at(100_000);
    check(
        &facts,
        &expect![[r#"
            cluster1/webapp1: nothing: execution e-2 of deploy-cluster1-webapp1 was for it, started by an EventBridge rule
        "#]],
    );
}

/// Two starts were under way at once, and the one for the earlier commit arrived last: it runs last, too.
#[test]
fn a_start_that_an_earlier_one_overtook_is_made_again() {
    let facts = with_executions(vec![
        execution("e-2", ExecutionStatus::Succeeded, source(6, 1)),
        execution("e-1", ExecutionStatus::Succeeded, source(7, 2)),
    ]);
    check(
        &facts,
        &expect![[r#"
        cluster1/webapp1: started: execution e-2 of deploy-cluster1-webapp1 was for another content
        - start pipeline deploy-cluster1-webapp1 at commit 00000007
    "#]],
    );
    let Step::StartPipeline(start) = &decide(&facts).steps[0] else { panic!("no start") };
    // The token of the start before would give its execution back, and start nothing.
    assert_ne!(start.token, RequestToken::of_start(&deployment().name, &service(WEBAPP1), &commit(7)));
}

#[test]
fn what_a_person_started_at_an_earlier_commit_is_not_countered() {
    let pat = || Trigger::StartedBy("arn:aws:iam::111111111111:user/pat".to_owned());
    let newest = Execution { trigger: pat(), ..execution("e-2", ExecutionStatus::Succeeded, source(1, 1)) };
    let mut facts = with_executions(vec![newest, execution("e-1", ExecutionStatus::Succeeded, source(5, 2))]);
    let changed_at = |facts: &mut StartsFacts, second| {
        webapp1(facts).last_change.as_mut().unwrap().at = Some(at(second));
    };
    let mut told = String::new();
    // It is no earlier commit, but one that is not in the branch any more.
    changed_at(&mut facts, 5);
    told += &decide(&facts).to_string();
    webapp1(&mut facts).is_newest_in_history = true;
    told += &decide(&facts).to_string();
    // A rollback or a release is later than what the person did.
    changed_at(&mut facts, 15);
    told += &decide(&facts).to_string();
    // So is a person's commit, whatever its date says, unless it was started before.
    webapp1(&mut facts).last_change = Some(by_mary(7));
    changed_at(&mut facts, 5);
    told += &decide(&facts).to_string();
    webapp1(&mut facts).started_change = Some(commit(7));
    told += &decide(&facts).to_string();
    expect![[r#"
        cluster1/webapp1: started: execution e-2 of deploy-cluster1-webapp1 was for another content
        - start pipeline deploy-cluster1-webapp1 at commit 00000007
        cluster1/webapp1: ignored: "arn:aws:iam::111111111111:user/pat" started execution e-2 of deploy-cluster1-webapp1 at an earlier commit; what a person starts is left until git says something new
        cluster1/webapp1: started: execution e-2 of deploy-cluster1-webapp1 was for another content
        - start pipeline deploy-cluster1-webapp1 at commit 00000007
        cluster1/webapp1: started: execution e-2 of deploy-cluster1-webapp1 was for another content; committed by hand by Mary Major
        - start pipeline deploy-cluster1-webapp1 at commit 00000007
        cluster1/webapp1: ignored: "arn:aws:iam::111111111111:user/pat" started execution e-2 of deploy-cluster1-webapp1 at an earlier commit; what a person starts is left until git says something new
    "#]].assert_eq(&told);
}

/// After a rollback, a release; after a failure, what failed is mended and committed again.
#[test]
fn a_content_that_is_put_there_again_is_started_again() {
    let put = |status, then| {
        let mut facts = with_executions(vec![
            execution("e-2", status, source(5, 2)),
            execution("e-1", ExecutionStatus::Succeeded, source(1, 1)),
        ]);
        webapp1(&mut facts).started_change = then;
        decide(&facts).to_string()
    };
    let failed = ExecutionStatus::Failed;
    let told = [
        put(failed, None),
        put(failed, Some(commit(7))),
        put(ExecutionStatus::InProgress, Some(commit(5))),
        put(failed, Some(commit(5))),
    ];
    expect![[r#"
        cluster1/webapp1: nothing: execution e-2 of deploy-cluster1-webapp1 was started for it
        cluster1/webapp1: nothing: execution e-2 of deploy-cluster1-webapp1 was started for it
        cluster1/webapp1: nothing: execution e-2 of deploy-cluster1-webapp1 was started for it
        cluster1/webapp1: started: commit 00000007 put this content there again after execution e-2 of deploy-cluster1-webapp1
        - start pipeline deploy-cluster1-webapp1 at commit 00000007
    "#]].assert_eq(&told.concat());
    let mut facts = with_executions(vec![
        rollback("e-3", source(1, 1)),
        execution("e-2", ExecutionStatus::Succeeded, source(5, 2)),
        execution("e-1", ExecutionStatus::Succeeded, source(1, 1)),
    ]);
    webapp1(&mut facts).started_change = Some(commit(5));
    check(
        &facts,
        &expect![[r#"
        cluster1/webapp1: started: commit 00000007 put this content there again after execution e-2 of deploy-cluster1-webapp1
        - start pipeline deploy-cluster1-webapp1 at commit 00000007
    "#]],
    );
}

#[test]
fn what_is_not_at_the_tip_any_more_is_overtaken() {
    let mut facts = starts_facts();
    webapp1(&mut facts).asked = Asked::Commit { commit: commit(6), blob: Some(blob(1)) };
    check(
        &facts,
        &expect![[r#"
        cluster1/webapp1: overtaken: what commit 00000006 put there was replaced by a later commit
    "#]],
    );
    webapp1(&mut facts).revision = FileFact::Absent;
    check(
        &facts,
        &expect![[r#"
        cluster1/webapp1: ignored: its revision.json was removed
    "#]],
    );
}

#[test]
fn a_service_that_runs_it_already_is_left_alone() {
    let mut facts = starts_facts();
    webapp1(&mut facts).runs =
        RunningService::Deployed { images: running(2), status: DeploymentStatus::RollbackSuccessful };
    check(
        &facts,
        &expect![[r#"
        cluster1/webapp1: already_runs: it runs exactly these images, and nothing is rolling
    "#]],
    );
    webapp1(&mut facts).runs =
        RunningService::Deployed { images: running(2), status: DeploymentStatus::InProgress };
    assert_eq!(decide(&facts).steps.len(), 1);
    let mut facts = with_executions(vec![execution("e-1", ExecutionStatus::InProgress, source(1, 1))]);
    webapp1(&mut facts).runs =
        RunningService::Deployed { images: running(2), status: DeploymentStatus::Successful };
    assert_eq!(decide(&facts).steps.len(), 1);
}

#[test]
fn the_first_execution_is_started_by_a_commit_alone() {
    let mut facts = with_executions(Vec::new());
    webapp1(&mut facts).runs = RunningService::NeverDeployed;
    check(
        &facts,
        &expect![[r#"
        cluster1/webapp1: started: it is the first execution of deploy-cluster1-webapp1
        - start pipeline deploy-cluster1-webapp1 at commit 00000007
    "#]],
    );
    webapp1(&mut facts).asked = Asked::WakeUp;
    // A live repository of hand-written revisions: a sweep starts nothing in it.
    webapp1(&mut facts).last_change = Some(by_mary(7));
    check(
        &facts,
        &expect![[r#"
        cluster1/webapp1: never_deployed: deploy-cluster1-webapp1 has no execution; a commit to its revision.json starts the first
    "#]],
    );
}

#[test]
fn a_rollback_in_ecs_that_git_only_tells_of_is_not_deployed_again() {
    for status in [
        DeploymentStatus::RollbackRequested,
        DeploymentStatus::RollbackInProgress,
        DeploymentStatus::RollbackSuccessful,
    ] {
        let mut facts = with_executions(vec![execution("e-1", ExecutionStatus::InProgress, source(1, 1))]);
        let mut change = by_towpath(7, WEBAPP1, DecisionKind::RolledBack, &[("webapp1", 2, "2222222")]);
        webapp1(&mut facts).runs = RunningService::Deployed { images: running(2), status };
        // A rollback through roll_back is not under way by itself.
        webapp1(&mut facts).last_change = Some(change.clone());
        assert_eq!(decide(&facts).steps.len(), 1, "{status:?}");
        let mut trailers = Trailers::parse(&change.message);
        trailers.actor = Some("on_deployment_change".to_owned());
        change.message = format!("rolled back\n\n{trailers}");
        webapp1(&mut facts).last_change = Some(change);
        let because = "a person rolled it back in ECS to exactly these images, and the commit only says so";
        assert_eq!(decide(&facts).to_string(), format!("{WEBAPP1}: already_runs: {because}\n"), "{status:?}");
    }
}

#[test]
fn the_first_start_that_towpaths_own_commit_is_owed_is_made_up_for() {
    let mut facts = with_executions(Vec::new());
    webapp1(&mut facts).runs = RunningService::NeverDeployed;
    webapp1(&mut facts).asked = Asked::WakeUp;
    check(
        &facts,
        &expect![[r#"
        cluster1/webapp1: started: it is the first execution of deploy-cluster1-webapp1, which Towpath's own commit is owed
        - start pipeline deploy-cluster1-webapp1 at commit 00000007
    "#]],
    );
}

#[test]
fn a_lost_start_is_made_up_for() {
    let mut facts = starts_facts();
    webapp1(&mut facts).asked = Asked::WakeUp;
    check(
        &facts,
        &expect![[r#"
        cluster1/webapp1: started: execution e-1 of deploy-cluster1-webapp1 was for another content
        - start pipeline deploy-cluster1-webapp1 at commit 00000007
    "#]],
    );
}

#[test]
fn an_execution_that_has_not_read_its_source_leaves_it_open() {
    let newest = execution("e-2", ExecutionStatus::InProgress, RevisionAtSource::Unknown);
    check(
        &with_executions(vec![newest]),
        &expect![[r#"
        cluster1/webapp1: undecided: execution e-2 of deploy-cluster1-webapp1 has not read its source yet
        then look again
    "#]],
    );
}

#[test]
fn an_execution_that_never_read_its_source_counts_if_it_came_after_the_tip() {
    let failed = execution("e-2", ExecutionStatus::Failed, RevisionAtSource::Unknown);
    let older = execution("e-1", ExecutionStatus::Succeeded, source(1, 1));
    assert_eq!(decide(&with_executions(vec![failed.clone(), older.clone()])).steps.len(), 1);
    let after = Execution { started_at: Some(at(60)), ..failed };
    check(
        &with_executions(vec![after.clone(), older]),
        &expect![[r#"
        cluster1/webapp1: refused (source_never_read): execution e-2 of pipeline deploy-cluster1-webapp1 ended before its source was read; retry it in CodePipeline
    "#]],
    );
    let created = Execution { trigger: Trigger::CreatePipeline, ..after };
    assert_eq!(decide(&with_executions(vec![created])).steps.len(), 1);
}

#[test]
fn a_persons_rollback_is_neither_countered_nor_deployed_twice() {
    let newest = execution("e-2", ExecutionStatus::Succeeded, source(7, 2));
    check(
        &with_executions(vec![rollback("r-1", source(1, 1)), newest.clone()]),
        &expect![[r#"
        cluster1/webapp1: ignored: execution r-1 of deploy-cluster1-webapp1 rolled back from it, and what a person rolled back is not started again
    "#]],
    );
    // Git was written to say what was rolled back to.
    check(
        &with_executions(vec![rollback("r-1", source(1, 2)), newest]),
        &expect![[r#"
        cluster1/webapp1: nothing: execution r-1 of deploy-cluster1-webapp1 rolled back to it
    "#]],
    );
    // A later commit goes on from there.
    let before = execution("e-0", ExecutionStatus::Succeeded, source(5, 5));
    check(
        &with_executions(vec![rollback("r-1", source(1, 1)), before]),
        &expect![[r#"
        cluster1/webapp1: started: execution e-0 of deploy-cluster1-webapp1 was for another content
        - start pipeline deploy-cluster1-webapp1 at commit 00000007
    "#]],
    );
    let mut facts = with_executions(vec![rollback("r-1", source(1, 1))]);
    webapp1(&mut facts).asked = Asked::WakeUp;
    check(
        &facts,
        &expect![[r#"
        cluster1/webapp1: ignored: execution r-1 of deploy-cluster1-webapp1 is a rollback by a person
    "#]],
    );
}

#[test]
fn a_persons_commit_is_obeyed_and_recorded() {
    let mut facts = starts_facts();
    webapp1(&mut facts).last_change = Some(by_mary(7));
    let quarantined = Quarantined {
        container: container("webapp1"),
        digest: digest(2),
        reason: "exit code 1".to_owned(),
        by: "on_deployment_change".to_owned(),
        at: at(1),
    };
    webapp1(&mut facts).hold = hold_present(HoldFile { hold: None, quarantine: vec![quarantined] });
    check(
        &facts,
        &expect![[r#"
        cluster1/webapp1: started: execution e-1 of deploy-cluster1-webapp1 was for another content; committed by hand by Mary Major; the image of webapp1 is in quarantine (exit code 1), and a person wants it
        - start pipeline deploy-cluster1-webapp1 at commit 00000007
    "#]],
    );
}

#[test]
fn a_pipeline_that_does_not_fit_is_told() {
    let mut plans = String::new();
    let mut facts = starts_facts();
    webapp1(&mut facts).pipeline = PipelineFact::Missing;
    plans += &decide(&facts).to_string();
    webapp1(&mut facts).pipeline_name = PipelineName::parse(&"x".repeat(200));
    plans += &decide(&facts).to_string();
    let changes: [fn(&mut PipelineDescription); 8] = [
        |pipeline| pipeline.pipeline_type = PipelineType::V1,
        |pipeline| pipeline.execution_mode = ExecutionMode::Superseded,
        |pipeline| pipeline.deploys[0].file = "imagedefinitions.json".to_owned(),
        |pipeline| pipeline.deploys.clear(),
        |pipeline| {
            let mut other = pipeline.deploys[0].clone();
            other.service = None;
            pipeline.deploys.push(other);
        },
        |pipeline| pipeline.sources[0].branch = None,
        |pipeline| pipeline.sources.clear(),
        |pipeline| pipeline.sources[0].polling = Polling::On,
    ];
    for change in changes {
        plans += &decide(&with_pipeline(change)).to_string();
    }
    let mut facts = starts_facts();
    webapp1(&mut facts).runs = RunningService::Missing;
    plans += &decide(&facts).to_string();
    webapp1(&mut facts).revision = FileFact::Present { blob: blob(2), content: RevisionFile::parse(b"[]") };
    plans += &decide(&facts).to_string();
    expect![[r#"
        cluster1/webapp1: refused (pipeline_missing): there is no pipeline deploy-cluster1-webapp1; create it, or name the service's pipeline in delivery.yaml (pipeline: …)
        cluster1/webapp1: refused (pipeline_name): "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…" (200 characters) is not a pipeline name: expected 1 to 100 letters, digits, ., @, - or _; name the service's pipeline in delivery.yaml (pipeline: …)
        cluster1/webapp1: refused (pipeline_v1): pipeline deploy-cluster1-webapp1 is of type V1, which cannot be started at a commit: make it PipelineType V2
        cluster1/webapp1: refused (pipeline_mode): pipeline deploy-cluster1-webapp1 has execution mode SUPERSEDED: expected QUEUED, so that deployments keep their order
        cluster1/webapp1: refused (pipeline_deploy): pipeline deploy-cluster1-webapp1 has no Deploy action (ECS) for cluster1/webapp1 with cluster1/webapp1/revision.json: it has cluster1/webapp1 with imagedefinitions.json
        cluster1/webapp1: refused (pipeline_deploy): pipeline deploy-cluster1-webapp1 has no Deploy action (ECS) for cluster1/webapp1 with cluster1/webapp1/revision.json: it has none
        cluster1/webapp1: refused (pipeline_deploy): pipeline deploy-cluster1-webapp1 has no Deploy action (ECS) for cluster1/webapp1 with cluster1/webapp1/revision.json: it has cluster1/webapp1 with cluster1/webapp1/revision.json; cluster1/? with cluster1/webapp1/revision.json
        cluster1/webapp1: refused (pipeline_source): pipeline deploy-cluster1-webapp1 has no CodeCommit source action for deployment, branch main: it has deployment, branch ?
        cluster1/webapp1: refused (pipeline_source): pipeline deploy-cluster1-webapp1 has no CodeCommit source action for deployment, branch main: it has none
        cluster1/webapp1: refused (pipeline_polls): pipeline deploy-cluster1-webapp1 polls for changes and so starts itself at every commit: set PollForSourceChanges of its action Source to false
        cluster1/webapp1: refused (service_missing): there is no ECS service cluster1/webapp1 in this account; create it
        cluster1/webapp1: refused (invalid_revision): revision.json is an empty list: expected at least one container with its image; commit a corrected file
    "#]].assert_eq(&plans);
}

#[test]
fn one_refused_service_leaves_the_others() {
    let mut facts = starts_facts();
    let mut other = facts.services[&service(WEBAPP1)].clone();
    other.pipeline = PipelineFact::Missing;
    facts.services.insert(service("cluster1/another"), other);
    check(
        &facts,
        &expect![[r#"
        cluster1/another: refused (pipeline_missing): there is no pipeline deploy-cluster1-webapp1; create it, or name the service's pipeline in delivery.yaml (pipeline: …)
        cluster1/webapp1: started: execution e-1 of deploy-cluster1-webapp1 was for another content
        - start pipeline deploy-cluster1-webapp1 at commit 00000007
    "#]],
    );
}

fn executions() -> impl Strategy<Value = Vec<Execution>> {
    let statuses = prop::sample::select(vec![
        ExecutionStatus::InProgress,
        ExecutionStatus::Stopped,
        ExecutionStatus::Succeeded,
        ExecutionStatus::Failed,
    ]);
    let one =
        (statuses, prop::option::of(1_u32..4), prop::bool::ANY).prop_map(|(status, content, is_rollback)| {
            let source = content.map_or(RevisionAtSource::Unknown, |content| source(content, content));
            if is_rollback { rollback("e-1", source) } else { execution("e-1", status, source) }
        });
    prop::collection::vec(one, 0..4)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// Invariant 6: once the start was made and has read its source, no order of events makes another one.
    #[test]
    fn a_start_that_was_made_is_not_made_again(older in executions(), by_event in prop::bool::ANY) {
        let mut facts = with_executions(older.clone());
        let Some(Step::StartPipeline(start)) = decide(&facts).steps.first().cloned() else { return Ok(()) };
        prop_assert_eq!(&start.commit, &facts.tip);
        let made = execution("e-9", ExecutionStatus::InProgress, source(7, 2));
        let read = webapp1(&mut facts);
        read.executions.insert(0, made);
        if by_event {
            read.asked = Asked::WakeUp;
        }
        prop_assert_eq!(decide(&facts).steps, Vec::new());
        // Before it has read its source, nothing is started either.
        webapp1(&mut facts).executions[0].source = RevisionAtSource::Unknown;
        prop_assert_eq!(decide(&facts).steps, Vec::new());
    }

    /// Invariant 6: the newest revision is started unless it runs, was started, or somebody must look.
    #[test]
    fn the_newest_revision_is_not_forgotten(older in executions()) {
        let facts = with_executions(older.clone());
        let plan = decide(&facts);
        let has_run = older.iter().any(|execution| execution.source.blob() == Some(&blob(2)));
        let is_unclear = older.iter().any(|execution| execution.source == RevisionAtSource::Unknown);
        prop_assert!(has_run || is_unclear || plan.steps.len() == 1, "{}", plan);
    }
}
