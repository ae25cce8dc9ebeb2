//! Towpath comes to an account: what is there already stays as it is, and what is not there yet is told.

use client::image::Image;
use expect_test::expect;
use local_aws::settings::Settings;
use serde_json::json;
use stories::{Failure, RULES, Story};

#[test]
fn before_the_first_commit_nothing_is_done() -> Result<(), Failure> {
    let mut story = Story::before_towpath(Settings::default())?;
    story.install_alone()?;
    story.aws.call("ecr", "CreateRepository", &json!({ "repositoryName": "webapp1" }))?;
    story.push("webapp1", "1111111")?;
    story.sweep()?;
    expect![[r#"
        records
          on_image_push: - ignored: the deployment repository deployment has no branch main yet
          reconcile: - ignored: the deployment repository has no such branch yet
    "#]]
    .assert_eq(&story.told()?);
    // The rules' first commit is what delivers it: nothing else has to be pushed again.
    story.make_ecs_service("webapp1", true)?;
    story.commit("Deliver webapp1", &[("delivery.yaml", Some(RULES))])?;
    story.make_pipeline("webapp1")?;
    story.forget()?;
    story.sweep()?;
    expect![[r#"
        commits
          <commit 2> Towpath: cluster1/webapp1: webapp1 → 1111111
            A cluster1/webapp1/revision.json
        executions
          deploy-cluster1-webapp1 Succeeded at <commit 2>
        runs
          cluster1/webapp1 webapp1@<webapp1:1111111>
        evidence
          <webapp1:1111111> account=111111111111 commit=<commit 2> environment=dev kind=verified service=cluster1/webapp1
        comments
          <commit 2> Towpath: cluster1/webapp1 verified
            execution <id 1> deployed commit <commit 2>, and ECS completed it
            Execution <id 1> of deploy-cluster1-webapp1.
        records
          on_image_push: cluster1/webapp1 moved: webapp1: newest "[0-9a-f]{7,40}" selects 1111111 (<webapp1:1111111>)
            - commit to deployment main on <commit 1>: cluster1/webapp1: webapp1 → 1111111 (cluster1/webapp1/revision.json)
          on_commit: cluster1/webapp1 started: execution <id 2> of deploy-cluster1-webapp1 was for another content
            - start pipeline deploy-cluster1-webapp1 at commit <commit 2>
          on_deployment_change: cluster1/webapp1 rolling: execution <id 1> is being rolled out
          on_deployment_change: cluster1/webapp1 verified: execution <id 1> deployed commit <commit 2>, and ECS completed it
            - put evidence verified of dev for cluster1/webapp1 on webapp1@<webapp1:1111111>
            - comment at commit <commit 2> of deployment: Towpath: cluster1/webapp1 verified
          reconcile: cluster1/webapp1 woken: something was missed; the service is never_deployed: it has no revision.json
            - wake up on_image_push for cluster1/webapp1: moved: webapp1: newest "[0-9a-f]{7,40}" selects 1111111 (<webapp1:1111111>)
    "#]].assert_eq(&story.told()?);
    Ok(())
}

/// An account that delivers without Towpath: a service, its pipeline, and a revision that people write.
fn live(files: &[(&str, Option<&str>)]) -> Result<Story, Failure> {
    let mut story = Story::before_towpath(Settings::default())?;
    story.make_service("webapp1", true)?;
    for tag in ["1.0.0", "1111111", "2222222"] {
        story.push("webapp1", tag)?;
    }
    let revision = by_hand(&story);
    story.commit("Run 1.0.0", &[("cluster1/webapp1/revision.json", Some(&revision))])?;
    story.commit("The rest", files)?;
    story.make_pipeline("webapp1")?;
    story.forget()?;
    Ok(story)
}

/// A revision as people write it: by tag, with spaces of their own.
fn by_hand(story: &Story) -> String {
    story.revision("webapp1", "1.0.0").replace("[\n  {", "[ {").replace("\": ", "\":")
}

#[test]
fn over_a_live_repository_without_rules_nothing_is_changed_and_nothing_deployed() -> Result<(), Failure> {
    let mut story = live(&[("README.md", Some("What dev runs.\n"))])?;
    story.install_alone()?;
    story.sweep()?;
    story.push("webapp1", "3333333")?;
    expect![[r#"
        comments
          <commit 2> Towpath: cluster1/webapp1 verified
            execution <id 1> deployed commit <commit 2>, and ECS completed it
            Execution <id 1> of deploy-cluster1-webapp1.
        records
          on_image_push: - ignored: delivery.yaml names no service for it
          on_deployment_change: cluster1/webapp1 verified: execution <id 1> deployed commit <commit 2>, and ECS completed it
            - comment at commit <commit 2> of deployment: Towpath: cluster1/webapp1 verified
          reconcile: cluster1/webapp1 woken: something was missed; the service is in_sync: it runs what git says
            - wake up on_deployment_change for cluster1/webapp1: verified: execution <id 1> deployed commit <commit 2>, and ECS completed it
    "#]]
    .assert_eq(&story.told()?);
    assert_eq!(story.file_as_it_is("cluster1/webapp1/revision.json")?, by_hand(&story));
    // Its next commit starts its pipeline, as before.
    let revision = story.revision("webapp1", "1111111");
    story.commit("Run 1111111", &[("cluster1/webapp1/revision.json", Some(&revision))])?;
    expect![[r#"
        commits
          <commit 3> Pat Person: Run 1111111
            M cluster1/webapp1/revision.json
        executions
          deploy-cluster1-webapp1 Succeeded at <commit 3>
        runs
          cluster1/webapp1 webapp1:1111111
        comments
          <commit 3> Towpath: cluster1/webapp1 verified
            execution <id 2> deployed commit <commit 3>, and ECS completed it
            Execution <id 2> of deploy-cluster1-webapp1.
        records
          on_commit: cluster1/webapp1 started: execution <id 1> of deploy-cluster1-webapp1 was for another content; committed by hand by Pat Person
            - start pipeline deploy-cluster1-webapp1 at commit <commit 3>
          on_deployment_change: cluster1/webapp1 rolling: execution <id 2> is being rolled out
          on_deployment_change: cluster1/webapp1 verified: execution <id 2> deployed commit <commit 3>, and ECS completed it
            - comment at commit <commit 3> of deployment: Towpath: cluster1/webapp1 verified
    "#]].assert_eq(&story.told()?);
    Ok(())
}

#[test]
fn over_a_live_repository_with_rules_a_persons_revision_is_held_and_nothing_deployed() -> Result<(), Failure>
{
    let mut story = live(&[("delivery.yaml", Some(RULES))])?;
    story.install_alone()?;
    expect![[r#"
        nothing
    "#]]
    .assert_eq(&story.told()?);
    story.sweep()?;
    expect![[r#"
        commits
          <commit 3> Towpath: cluster1/webapp1: held, because a person put this revision there
            A cluster1/webapp1/hold.json
        comments
          <commit 2> Towpath: cluster1/webapp1 verified
            execution <id 1> deployed commit <commit 2>, and ECS completed it
            Execution <id 1> of deploy-cluster1-webapp1.
        records
          on_image_push: cluster1/webapp1 held: Pat Person put it there by hand (commit <commit 1>); the rules would select webapp1 → 2222222; to let the rules move it again: run the document towpath-release for cluster1/webapp1
            - commit to deployment main on <commit 2>: cluster1/webapp1: held, because a person put this revision there (cluster1/webapp1/hold.json)
          on_commit: - ignored: commit <commit 3> changes no revision.json
          on_deployment_change: cluster1/webapp1 verified: execution <id 1> deployed commit <commit 2>, and ECS completed it
            - comment at commit <commit 2> of deployment: Towpath: cluster1/webapp1 verified
          reconcile: cluster1/webapp1 woken: something was missed; the service is held: Pat Person put it there by hand (commit <commit 1>); the rules would select webapp1 → 2222222; to let the rules move it again: run the document towpath-release for cluster1/webapp1
            - wake up on_image_push for cluster1/webapp1: held: Pat Person put it there by hand (commit <commit 1>); the rules would select webapp1 → 2222222; to let the rules move it again: run the document towpath-release for cluster1/webapp1
            - wake up on_deployment_change for cluster1/webapp1: verified: execution <id 1> deployed commit <commit 2>, and ECS completed it
    "#]].assert_eq(&story.told()?);
    expect![[r#"
        {
          "version": 1,
          "hold": {
            "revision": "<commit 4>",
            "reason": "Pat Person put it there by hand (commit <commit 1>); the rules would select webapp1 → 2222222",
            "by": "on_image_push",
            "at": "<time>"
          }
        }
    "#]].assert_eq(&story.file("cluster1/webapp1/hold.json")?);
    assert_eq!(story.file_as_it_is("cluster1/webapp1/revision.json")?, by_hand(&story));
    story.push("webapp1", "3333333")?;
    story.sweep()?;
    expect![[r#"
        nothing
    "#]]
    .assert_eq(&story.outcome()?);
    let told = story.automate("towpath-release", &[("To", "hold")])?;
    expect![[r#"
        released: arn:aws:iam::111111111111:user/administrator releases its hold; its rules apply again
    "#]]
    .assert_eq(&story.shown(&told));
    expect![[r#"
        commits
          <commit 5> Towpath: cluster1/webapp1: released
            M cluster1/webapp1/hold.json
          <commit 6> Towpath: cluster1/webapp1: webapp1 → 3333333
            M cluster1/webapp1/hold.json
            M cluster1/webapp1/revision.json
        executions
          deploy-cluster1-webapp1 Succeeded at <commit 6>
        runs
          cluster1/webapp1 webapp1@<webapp1:3333333>
        evidence
          <webapp1:3333333> account=111111111111 commit=<commit 6> environment=dev kind=verified service=cluster1/webapp1
        comments
          <commit 6> Towpath: cluster1/webapp1 verified
            execution <id 2> deployed commit <commit 6>, and ECS completed it
            Execution <id 2> of deploy-cluster1-webapp1.
    "#]]
    .assert_eq(&story.outcome()?);
    expect![[r#"
        [
          {
            "name": "webapp1",
            "imageUri": "111111111111.dkr.ecr.eu-west-1.amazonaws.com/webapp1@<webapp1:3333333>"
          }
        ]
    "#]]
    .assert_eq(&story.file("cluster1/webapp1/revision.json")?);
    Ok(())
}

#[test]
fn a_service_that_ecs_does_not_have_yet_waits_in_git_until_it_is_made() -> Result<(), Failure> {
    let mut story = Story::before_towpath(Settings::default())?;
    story.install_alone()?;
    story.commit("Deliver webapp1", &[("delivery.yaml", Some(RULES))])?;
    story.sweep()?;
    expect![[r#"
        commits
          <commit 1> Pat Person: Deliver webapp1
            A delivery.yaml
        records
          on_commit: - ignored: commit <commit 1> changes no revision.json
          reconcile: cluster1/webapp1 never_deployed: it has no revision.json
          reconcile: cluster1/webapp1 refused (image_repository_missing): there is no ECR repository webapp1 in this account; create it, or correct delivery.yaml
    "#]].assert_eq(&story.told()?);
    story.aws.call("ecr", "CreateRepository", &json!({ "repositoryName": "webapp1" }))?;
    story.push("webapp1", "1111111")?;
    expect![[r#"
        commits
          <commit 2> Towpath: cluster1/webapp1: webapp1 → 1111111
            A cluster1/webapp1/revision.json
        records
          on_image_push: cluster1/webapp1 moved: webapp1: newest "[0-9a-f]{7,40}" selects 1111111 (<webapp1:1111111>)
            - commit to deployment main on <commit 1>: cluster1/webapp1: webapp1 → 1111111 (cluster1/webapp1/revision.json)
          on_commit: cluster1/webapp1 refused (pipeline_missing): there is no pipeline deploy-cluster1-webapp1; create it, or name the service's pipeline in delivery.yaml (pipeline: …)
    "#]].assert_eq(&story.told()?);
    story.sweep()?;
    expect![[r#"
        records
          reconcile: cluster1/webapp1 never_deployed: there is no such service in ECS
          reconcile: cluster1/webapp1 refused (pipeline_missing): there is no pipeline deploy-cluster1-webapp1; create it, or name the service's pipeline in delivery.yaml (pipeline: …)
    "#]].assert_eq(&story.told()?);
    story.make_ecs_service("webapp1", true)?;
    story.make_pipeline("webapp1")?;
    story.forget()?;
    story.sweep()?;
    expect![[r#"
        records
          reconcile: cluster1/webapp1 nothing: it runs what git says
    "#]]
    .assert_eq(&story.told()?);
    story.push_only("webapp1", "2222222", &Image::new("webapp1").version("2222222"))?;
    story.rest()?;
    expect![[r#"
        commits
          <commit 3> Towpath: cluster1/webapp1: webapp1 → 2222222
            M cluster1/webapp1/revision.json
        executions
          deploy-cluster1-webapp1 Succeeded at <commit 3>
        runs
          cluster1/webapp1 webapp1@<webapp1:2222222>
        evidence
          <webapp1:2222222> account=111111111111 commit=<commit 3> environment=dev kind=verified service=cluster1/webapp1
        comments
          <commit 3> Towpath: cluster1/webapp1 verified
            execution <id 2> deployed commit <commit 3>, and ECS completed it
            Execution <id 2> of deploy-cluster1-webapp1.
    "#]].assert_eq(&story.outcome()?);
    Ok(())
}

#[test]
fn a_revision_that_the_deploy_action_does_not_take_is_told() -> Result<(), Failure> {
    let mut story = live(&[("README.md", Some("What dev runs.\n"))])?;
    story.install_alone()?;
    let revision =
        story.revision("webapp1", "1111111").replace("\"name\"", "\"note\": \"ask Pat\",\n\"name\"");
    story.commit("Leave a note", &[("cluster1/webapp1/revision.json", Some(&revision))])?;
    story.sweep()?;
    expect![[r#"
        commits
          <commit 3> Pat Person: Leave a note
            M cluster1/webapp1/revision.json
        executions
          deploy-cluster1-webapp1 Failed at <commit 3>
        comments
          <commit 2> Towpath: cluster1/webapp1 verified
            execution <id 1> deployed commit <commit 2>, and ECS completed it
            Execution <id 1> of deploy-cluster1-webapp1.
          <commit 3> Towpath: cluster1/webapp1 failed
            execution <id 2> of deploy-cluster1-webapp1 failed before ECS deployed anything; its failed action tells why, such as a missing permission or a container that the task definition does not have; mend it, then retry the execution or commit again
            Execution <id 2> of deploy-cluster1-webapp1.
        notified
          {
              "environment": "dev",
              "service": "cluster1/webapp1",
              "subject": "dev cluster1/webapp1: failed",
              "text": "execution <id 2> of deploy-cluster1-webapp1 failed before ECS deployed anything; its failed action tells why, such as a missing permission or a container that the task definition does not have; mend it, then retry the execution or commit again\n\nCommit <commit 3> of deployment."
            }
        records
          on_commit: cluster1/webapp1 started: execution <id 1> of deploy-cluster1-webapp1 was for another content; committed by hand by Pat Person
            - start pipeline deploy-cluster1-webapp1 at commit <commit 3>
          on_deployment_change: cluster1/webapp1 failed: execution <id 2> of deploy-cluster1-webapp1 failed before ECS deployed anything; its failed action tells why, such as a missing permission or a container that the task definition does not have; mend it, then retry the execution or commit again
            - notify: dev cluster1/webapp1: failed
            - comment at commit <commit 3> of deployment: Towpath: cluster1/webapp1 failed
            - comment at commit <commit 2> of deployment: Towpath: cluster1/webapp1 verified
          on_deployment_change: cluster1/webapp1 verified: execution <id 1> deployed commit <commit 2>, and ECS completed it
          reconcile: cluster1/webapp1 failed: the execution that should have deployed what git says failed
    "#]].assert_eq(&story.told()?);
    Ok(())
}
