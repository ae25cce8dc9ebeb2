use expect_test::{Expect, expect};
use proptest::prelude::*;

use super::*;
use crate::evidence::EvidenceKind;
use crate::facts::{
    ApplicationTip, DeploymentStatus, ExecutionStatus, FileFact, IndexChildren, RepositoryImages,
    RevisionAtSource,
};
use crate::fixtures::*;
use crate::hold::HoldFile;
use crate::names::{EnvironmentName, EventId};
use crate::plan::Step;
use crate::revision::RevisionFile;
use crate::wake_up::Function;

fn web(number: u32) -> RevisionFile {
    revision(&[("webapp1", "webapp1", number)])
}

fn earlier(number: u32) -> Earlier {
    let tag = format!("{number}{number}{number}{number}{number}{number}{number}");
    let change = by_towpath(number, WEBAPP1, DecisionKind::Moved, &[("webapp1", number, &tag)]);
    Earlier { commit: commit(number), message: change.message, blob: blob(number), file: web(number) }
}

/// At commit 3 with image 3, before that 2 and 1; all are verified and in the registry.
fn facts() -> RollbackFacts {
    RollbackFacts {
        now: at(100),
        environment: EnvironmentName::parse("dev").unwrap(),
        repository: deployment(),
        tip: commit(3),
        registry: registry(),
        revision: present(3, web(3)),
        hold: FileFact::Absent,
        last_change: Some(by_towpath(3, WEBAPP1, DecisionKind::Moved, &[("webapp1", 3, "3333333")])),
        answered: Vec::new(),
        owner: Some(Function::OnImagePush),
        application: ApplicationTip::At(commit(30)),
        earlier: vec![earlier(2), earlier(1)],
        images: [(
            image_repository("webapp1"),
            RepositoryImages::Listed((1..=3).map(|number| image(number, i64::from(number), &[])).collect()),
        )]
        .into(),
        evidence: (1..=3).map(|number| evidence(EvidenceKind::Verified, number)).collect(),
        pipeline: Some(pipeline_name()),
        executions: Vec::new(),
        deployments: vec![deployment_of(3, 3, DeploymentStatus::Successful, 50)],
        children: IndexChildren::new(),
    }
}

fn mary() -> Who {
    Who { name: Some("mary".to_owned()), claimed: "claimed:mary".to_owned(), told: Told::Nothing }
}

fn asks(action: Action) -> Request {
    Request {
        service: service(WEBAPP1),
        action,
        reason: "500s".to_owned(),
        who: mary(),
        id: EventId::parse("request-1").unwrap(),
    }
}

fn to(text: &str) -> Request {
    asks(Action::RollBack(Target::parse(text).unwrap()))
}

#[expect(clippy::needless_pass_by_value, reason = "an expected text is made where it is given")]
fn check(facts: &RollbackFacts, request: &Request, expected: Expect) {
    expected.assert_eq(&decide(facts, request).to_string());
}

fn files(plan: &Plan) -> Vec<(&str, &str)> {
    let commits = plan.steps.iter().filter_map(|step| match step {
        Step::CommitFiles(commit) => Some(&commit.files),
        _ => None,
    });
    commits.flatten().map(|file| (file.path.as_str(), file.text.as_str())).collect()
}

/// The world when the plan's commit was made, and whatever the rest of it does if `whole`.
fn after(mut facts: RollbackFacts, plan: &Plan, whole: bool) -> RollbackFacts {
    for step in &plan.steps {
        match step {
            Step::CommitFiles(commit) => {
                let answered =
                    Answered { commit: crate::fixtures::commit(9), message: commit.message.to_string() };
                facts.answered.insert(0, answered);
                for file in &commit.files {
                    if file.path == service(WEBAPP1).hold_path() {
                        facts.hold = hold_present(HoldFile::parse(file.text.as_bytes()).unwrap());
                    } else {
                        let content = RevisionFile::parse(file.text.as_bytes()).unwrap();
                        let found = facts.earlier.iter().find(|earlier| earlier.file == content);
                        let blob = found.unwrap().blob.clone();
                        facts.revision = FileFact::Present { blob, content: Ok(content) };
                        facts.last_change = Some(crate::facts::LastChange {
                            commit: crate::fixtures::commit(9),
                            message: commit.message.to_string(),
                            author: "Towpath".to_owned(),
                            committer: "Towpath".to_owned(),
                            at: Some(facts.now),
                        });
                    }
                }
            }
            Step::StopExecution(stop) if whole => {
                facts.executions.retain(|execution| execution.id != stop.execution);
            }
            Step::StopDeployment(_) if whole => facts.deployments.clear(),
            Step::PutEvidence(evidence) if whole => facts.evidence.push(evidence.clone()),
            _ => {}
        }
    }
    facts
}

#[test]
fn back_to_what_git_says_already_is_nothing() {
    check(
        &facts(),
        &to(digest(3).as_str()),
        expect![[r"
            cluster1/webapp1: nothing: git says this revision already
        "]],
    );
}

#[test]
fn previous_is_the_last_healthy_one_and_everything_of_the_one_left_ends() {
    let mut facts = facts();
    facts.evidence.retain(|evidence| evidence.digest != digest(2));
    facts.executions = vec![
        execution("e-4", ExecutionStatus::InProgress, RevisionAtSource::Unknown),
        execution("e-3", ExecutionStatus::InProgress, source(3, 3)),
        execution("e-1", ExecutionStatus::Succeeded, source(1, 1)),
    ];
    facts.deployments = vec![deployment_of(3, 3, DeploymentStatus::InProgress, 50)];
    check(
        &facts,
        &to("previous"),
        expect![[r"
            cluster1/webapp1: rolled_back: claimed:mary rolls back to the revision of commit 00000001; in quarantine now: webapp1 sha256:000300000000; until it is released nothing moves it by itself: run the document towpath-release for cluster1/webapp1
            - commit to deployment main on 00000003: cluster1/webapp1: rolled back to the revision of 00000001 (cluster1/webapp1/revision.json, cluster1/webapp1/hold.json)
            - stop execution e-4 of pipeline deploy-cluster1-webapp1, abandoning what runs: claimed:mary rolls cluster1/webapp1 back: 500s
            - stop execution e-3 of pipeline deploy-cluster1-webapp1, abandoning what runs: claimed:mary rolls cluster1/webapp1 back: 500s
            - stop the rollout arn:aws:ecs:eu-west-1:111111111111:service-deployment/cluster1/webapp1/3 of cluster1/webapp1 in ECS
            - put evidence quarantined of dev for cluster1/webapp1 on webapp1@sha256:000300000000
        "]],
    );
}

#[test]
fn the_commit_says_who_why_and_what() {
    let plan = decide(&facts(), &to("2222222"));
    let Some(Step::CommitFiles(commit)) = plan.steps.first() else { panic!("{plan}") };
    expect![[r#"
        cluster1/webapp1: rolled back to the revision of 00000002

        500s
        asked for: roll back to 2222222

        Actor: claimed:mary
        Event-Id: request-1
        Service: cluster1/webapp1
        Decision: rolled_back
        Container: webapp1
        Image-Tag: 2222222
        Image-Digest: sha256:0002000000000000000000000000000000000000000000000000000000000000
        Previous-Digest: sha256:0003000000000000000000000000000000000000000000000000000000000000
    "#]]
    .assert_eq(&commit.message.to_string());
    let files = files(&plan);
    assert_eq!(files.first(), Some(&("cluster1/webapp1/revision.json", web(2).text())));
    expect![[r#"
        {
          "version": 1,
          "hold": {
            "revision": "00000002bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb",
            "application_commit": "00000030cccccccccccccccccccccccccccccccc",
            "reason": "rolled back: 500s",
            "by": "claimed:mary",
            "at": "2027-01-15T08:01:40Z"
          },
          "quarantine": [
            {
              "container": "webapp1",
              "digest": "sha256:0003000000000000000000000000000000000000000000000000000000000000",
              "reason": "rolled back: 500s",
              "by": "claimed:mary",
              "at": "2027-01-15T08:01:40Z"
            }
          ]
        }
    "#]]
    .assert_eq(files.last().map(|(_, text)| *text).unwrap_or_default());
}

#[test]
fn what_git_says_already_may_be_named_in_any_way() {
    for text in ["3333333", commit(3).as_str(), digest(3).as_str()] {
        let plan = decide(&RollbackFacts { earlier: Vec::new(), ..facts() }, &to(text));
        assert_eq!(plan.to_string(), "cluster1/webapp1: nothing: git says this revision already\n", "{text}");
    }
}

#[test]
fn each_way_to_name_a_revision_leads_to_it() {
    // A commit of the deployment repository by its first digits or whole, the image's tag, its digest.
    for text in ["00000001", commit(1).as_str(), "1111111", digest(1).as_str()] {
        let plan = decide(&facts(), &to(text));
        assert_eq!(files(&plan)[0].1, web(1).text(), "{text}: {plan}");
    }
}

#[test]
fn what_cannot_be_gone_back_to_is_refused_with_what_to_do() {
    check(
        &facts(),
        &to("7777777"),
        expect![[r#"
            cluster1/webapp1: refused (target_unknown): "7777777" fits none of the 2 earlier revisions; name previous, or one of these commits: 00000002, 00000001
        "#]],
    );
    let mut gone = facts();
    gone.images = [(image_repository("webapp1"), RepositoryImages::Listed(vec![image(3, 3, &[])]))].into();
    check(
        &gone,
        &to("2222222"),
        expect![[r"
            cluster1/webapp1: refused (image_gone): container webapp1: 111111111111.dkr.ecr.eu-west-1.amazonaws.com/webapp1@sha256:0002000000000000000000000000000000000000000000000000000000000000 is not in the registry any more; push it again, or roll back to another revision
        "]],
    );
    let mut unhealthy = facts();
    unhealthy.evidence.clear();
    check(
        &unhealthy,
        &to("previous"),
        expect![[r"
            cluster1/webapp1: refused (no_healthy_revision): no earlier revision is known to be healthy; a person has to choose one
        "]],
    );
    let mut absent = facts();
    absent.revision = FileFact::Absent;
    check(
        &absent,
        &to("previous"),
        expect![[r"
            cluster1/webapp1: refused (no_revision): there is no cluster1/webapp1/revision.json at the tip of the deployment branch; commit one to deploy the service
        "]],
    );
}

#[test]
fn a_quarantined_target_is_refused_with_the_command_and_returns_after_the_release() {
    let rolled = after(facts(), &decide(&facts(), &to("2222222")), true);
    // The history has grown by what was left.
    let rolled = RollbackFacts { earlier: vec![earlier(3), earlier(2), earlier(1)], ..rolled };
    let again = Request { id: EventId::parse("request-2").unwrap(), ..to("3333333") };
    check(
        &rolled,
        &again,
        expect![[r"
            cluster1/webapp1: refused (target_quarantined): container webapp1: sha256:000300000000 is in quarantine (since 2027-01-15T08:01:40Z: rolled back: 500s); choose another revision, or release it first: run the document towpath-release for cluster1/webapp1 --to sha256:0003000000000000000000000000000000000000000000000000000000000000
        "]],
    );
    let rolled = RollbackFacts { now: at(200), ..rolled };
    let release = asks(Action::Release(Released::All));
    check(
        &rolled,
        &release,
        expect![[r#"
            cluster1/webapp1: released: claimed:mary releases its hold, sha256:000300000000; its rules apply again
            - commit to deployment main on 00000003: cluster1/webapp1: released (cluster1/webapp1/hold.json)
            - put evidence released of dev for cluster1/webapp1 on webapp1@sha256:000300000000
            - wake up on_image_push for cluster1/webapp1: claimed:mary released it
        "#]],
    );
    let released = after(rolled.clone(), &decide(&rolled, &release), true);
    check(
        &released,
        &release,
        expect![[r"
            cluster1/webapp1: nothing: nothing of it is held or in quarantine
        "]],
    );
    let plan = decide(&released, &again);
    assert_eq!(plan.decisions[0].kind, DecisionKind::RolledBack, "{plan}");
}

#[test]
fn a_lost_answer_is_no_second_wish() {
    let facts = facts();
    let request = to("previous");
    let plan = decide(&facts, &request);
    let crashed = after(facts.clone(), &plan, false);
    check(
        &crashed,
        &request,
        expect![[r"
            cluster1/webapp1: rolled_back: this very request was carried out already
            - put evidence quarantined of dev for cluster1/webapp1 on webapp1@sha256:000300000000
        "]],
    );
    let done = after(facts, &plan, true);
    check(
        &done,
        &request,
        expect![[r"
            cluster1/webapp1: nothing: this very request was carried out already
        "]],
    );
}

fn told(by: &str) -> Who {
    Who { told: Told::By(by.to_owned()), ..mary() }
}

#[test]
fn who_asks_is_the_one_that_aws_names_or_only_claimed() {
    let arn = "arn:aws:iam::111111111111:user/mary";
    let proved = Request { who: told(arn), ..to("previous") };
    let plan = decide(&facts(), &proved);
    let Some(Step::CommitFiles(commit)) = plan.steps.first() else { panic!("{plan}") };
    assert_eq!(commit.message.trailers.actor.as_deref(), Some(arn));
    assert_eq!(
        commit.message.body,
        ["500s", "asked for: roll back to previous", "for mary, as the request says"]
    );
    let doubt = Doubt::NotRunning("Success".to_owned());
    let doubted = Request { who: Who { told: Told::Doubted(doubt), ..mary() }, ..to("previous") };
    let plan = decide(&facts(), &doubted);
    let Some(Step::CommitFiles(commit)) = plan.steps.first() else { panic!("{plan}") };
    assert_eq!(commit.message.trailers.actor.as_deref(), Some("claimed:mary"));
    let remark = "who asks is not proved: the execution does not run: it is \"Success\"";
    assert_eq!(commit.message.body.last().map(String::as_str), Some(remark));
}

#[test]
fn an_execution_that_was_used_for_another_commit_proves_nothing() {
    let arn = "arn:aws:iam::111111111111:user/mary";
    let proved = Request { who: told(arn), ..to("2222222") };
    let rolled = after(facts(), &decide(&facts(), &proved), true);
    let rolled = RollbackFacts { earlier: vec![earlier(3), earlier(2), earlier(1)], ..rolled };
    let other = Request { who: told(arn), ..to("1111111") };
    let plan = decide(&rolled, &other);
    let Some(Step::CommitFiles(commit)) = plan.steps.first() else { panic!("{plan}") };
    assert_eq!(commit.message.trailers.actor.as_deref(), Some("claimed:mary"));
    let remark = "who asks is not proved: the execution was used for commit 00000009 already";
    assert_eq!(commit.message.body.last().map(String::as_str), Some(remark));
}

#[test]
fn a_request_that_was_answered_before_somebody_acted_is_not_carried_out_again() {
    let request = to("previous");
    let mut moved = after(facts(), &decide(&facts(), &request), true);
    moved.revision = present(4, web(4));
    moved.last_change = Some(by_mary(8));
    check(
        &moved,
        &request,
        expect![[r"
        cluster1/webapp1: nothing: commit 00000009 carried out this very request, and something else was done since; ask anew
    "]],
    );
}

proptest! {
    #[test]
    fn nothing_is_left_out_of_quarantine_and_nothing_quarantined_returns(
        current in 1_u32..5,
        history in prop::collection::vec(1_u32..5, 0..4),
        quarantine in prop::collection::vec(1_u32..5, 0..3),
        verified in prop::collection::vec(1_u32..5, 0..4),
        there in prop::collection::vec(1_u32..5, 0..5),
        target in 0_u32..5,
    ) {
        let mut facts = facts();
        facts.revision = present(current, web(current));
        facts.last_change = Some(by_mary(8));
        facts.earlier = history.into_iter().map(earlier).collect();
        facts.evidence = verified.into_iter().map(|number| evidence(EvidenceKind::Verified, number)).collect();
        let images = there.iter().map(|number| image(*number, 1, &[])).collect();
        facts.images = [(image_repository("webapp1"), RepositoryImages::Listed(images))].into();
        let entries = quarantine.iter().map(|number| crate::hold::Quarantined {
            container: container("webapp1"), digest: digest(*number), reason: String::new(),
            by: String::new(), at: at(1),
        });
        facts.hold = hold_present(HoldFile::default().with_quarantined(entries));
        let request = if target == 0 { to("previous") } else { to(digest(target).as_str()) };
        let plan = decide(&facts, &request);
        let later = after(facts.clone(), &plan, true);
        if later.revision != facts.revision {
            let now = later.revision.content().unwrap().digest(&container("webapp1")).unwrap().clone();
            let hold = later.hold.content().unwrap();
            prop_assert!(hold.quarantined(&container("webapp1"), &digest(current)).is_some());
            prop_assert!(hold.quarantined(&container("webapp1"), &now).is_none());
            prop_assert!(there.iter().any(|number| digest(*number) == now));
            prop_assert_eq!(&hold.hold.as_ref().unwrap().revision, later.revision.blob().unwrap());
        }
        let again = decide(&later, &request);
        prop_assert!(again.steps.is_empty(), "{}", again);
    }
}
