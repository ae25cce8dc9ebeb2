//! What a person did stays done, and what a person asks for again is done again.

use expect_test::expect;
use local_aws::settings::Settings;
use stories::{Failure, Story};

/// The rollout of 2222222 hangs; a person rolls it back in ECS, and the service is healthy again.
fn rolled_back_in_ecs() -> Result<Story, Failure> {
    let mut story = Story::with_service(Settings::default())?;
    story.push("webapp1", "1111111")?;
    story.push_hanging("2222222")?;
    // What hangs goes on hanging; what is placed from now on starts.
    story.heal();
    story.roll_back_in_ecs()?;
    story.forget()?;
    Ok(story)
}

#[test]
fn released_after_a_rollback_in_ecs_the_same_image_is_deployed_again() -> Result<(), Failure> {
    let mut story = rolled_back_in_ecs()?;
    story.automate(
        "towpath-release",
        &[("Cluster", "cluster1"), ("Service", "webapp1"), ("Reason", "it was the database")],
    )?;
    story.sweep()?;
    expect![[r#"
        commits
          <commit 5> Towpath: cluster1/webapp1: released
            M cluster1/webapp1/hold.json
          <commit 6> Towpath: cluster1/webapp1: webapp1 → 2222222
            M cluster1/webapp1/hold.json
            M cluster1/webapp1/revision.json
        executions
          deploy-cluster1-webapp1 Succeeded at <commit 6>
        runs
          cluster1/webapp1 webapp1@<webapp1:2222222>
        evidence
          <webapp1:2222222> account=111111111111 commit=<commit 6> environment=dev kind=verified service=cluster1/webapp1
        comments
          <commit 6> Towpath: cluster1/webapp1 verified
            execution <id 4> deployed commit <commit 6>, and ECS completed it
            Execution <id 4> of deploy-cluster1-webapp1.
    "#]].assert_eq(&story.outcome()?);
    story.replay()?;
    story.sweep()?;
    expect![[r#"
        nothing
    "#]]
    .assert_eq(&story.outcome()?);
    Ok(())
}

#[test]
fn a_person_commits_again_what_was_rolled_back() -> Result<(), Failure> {
    let mut story = rolled_back_in_ecs()?;
    let again = story.revision("webapp1", "2222222");
    story.commit("It was the database", &[("cluster1/webapp1/revision.json", Some(&again))])?;
    expect![[r#"
        commits
          <commit 5> Pat Person: It was the database
            M cluster1/webapp1/revision.json
        executions
          deploy-cluster1-webapp1 Succeeded at <commit 5>
        runs
          cluster1/webapp1 webapp1:2222222
        comments
          <commit 5> Towpath: cluster1/webapp1 verified
            execution <id 4> deployed commit <commit 5>, and ECS completed it
            Execution <id 4> of deploy-cluster1-webapp1.
    "#]]
    .assert_eq(&story.outcome()?);
    story.replay()?;
    story.sweep()?;
    expect![[r#"
        nothing
    "#]]
    .assert_eq(&story.outcome()?);
    Ok(())
}

#[test]
fn a_deleted_service_stays_deleted_through_pushes_sweeps_and_replays() -> Result<(), Failure> {
    let mut story = Story::with_service(Settings::default())?;
    story.push("webapp1", "1111111")?;
    story.commit("Away with it", &[("cluster1/webapp1/revision.json", None)])?;
    story.forget()?;
    story.push("webapp1", "2222222")?;
    story.replay()?;
    story.sweep()?;
    expect![[r#"
        nothing
    "#]]
    .assert_eq(&story.outcome()?);
    Ok(())
}

#[test]
fn an_execution_that_fails_before_ecs_is_told_once() -> Result<(), Failure> {
    let mut story = Story::with_service(Settings::default())?;
    story.push("webapp1", "1111111")?;
    story.forget()?;
    let digest = story.revision("webapp1", "1111111");
    let unknown = digest.replace("\"name\": \"webapp1\"", "\"name\": \"other\"");
    story.commit(
        "A container that the task definition lacks",
        &[("cluster1/webapp1/revision.json", Some(&unknown))],
    )?;
    expect![[r#"
        commits
          <commit 3> Pat Person: A container that the task definition lacks
            M cluster1/webapp1/revision.json
        executions
          deploy-cluster1-webapp1 Failed at <commit 3>
        comments
          <commit 3> Towpath: cluster1/webapp1 failed
            execution <id 3> of deploy-cluster1-webapp1 failed before ECS deployed anything; its failed action tells why, such as a missing permission or a container that the task definition does not have; mend it, then retry the execution or commit again
            Execution <id 3> of deploy-cluster1-webapp1.
        notified
          {
              "environment": "dev",
              "service": "cluster1/webapp1",
              "subject": "dev cluster1/webapp1: failed",
              "text": "execution <id 3> of deploy-cluster1-webapp1 failed before ECS deployed anything; its failed action tells why, such as a missing permission or a container that the task definition does not have; mend it, then retry the execution or commit again\n\nCommit <commit 3> of deployment."
            }
        records
          on_commit: cluster1/webapp1 started: execution <id 1> of deploy-cluster1-webapp1 was for another content; committed by hand by Pat Person
            - start pipeline deploy-cluster1-webapp1 at commit <commit 3>
          on_deployment_change: cluster1/webapp1 failed: execution <id 3> of deploy-cluster1-webapp1 failed before ECS deployed anything; its failed action tells why, such as a missing permission or a container that the task definition does not have; mend it, then retry the execution or commit again
            - notify: dev cluster1/webapp1: failed
            - comment at commit <commit 3> of deployment: Towpath: cluster1/webapp1 failed
          on_deployment_change: cluster1/webapp1 nothing: execution <id 1> deployed commit <commit 2>, and ECS completed it; this was told already
    "#]].assert_eq(&story.told()?);
    story.replay()?;
    story.sweep()?;
    expect![[r#"
        commits
          <commit 4> Towpath: cluster1/webapp1: held, because a person put this revision there
            A cluster1/webapp1/hold.json
    "#]]
    .assert_eq(&story.outcome()?);
    Ok(())
}

#[test]
fn a_pushed_fix_lifts_the_hold_after_a_failure() -> Result<(), Failure> {
    let mut story = Story::with_service(Settings::default())?;
    story.make_application("webapp1")?;
    let first = story.develop("webapp1", "the first")?;
    story.git_push("webapp1", "dev", &format!("{first}:main"))?;
    let rules = "version: 1
services:
  cluster1/webapp1:
    application: webapp1
    on_failure: hold
    containers:
      webapp1: { repository: webapp1, select: commit }
";
    story.commit("Run what the application's branch says", &[("delivery.yaml", Some(rules))])?;
    story.push("webapp1", &first)?;
    let bad = story.develop("webapp1", "the bad")?;
    story.git_push("webapp1", "dev", &format!("{bad}:main"))?;
    story.push_bad("webapp1", &bad)?;
    story.heal();
    story.forget()?;
    story.sweep()?;
    let fix = story.develop("webapp1", "the fix")?;
    story.git_push("webapp1", "dev", &format!("{fix}:main"))?;
    story.push("webapp1", &fix)?;
    expect![[r#"
        commits
          <commit 6> Towpath: cluster1/webapp1: webapp1 → <the fix>
            M cluster1/webapp1/hold.json
            M cluster1/webapp1/revision.json
        executions
          deploy-cluster1-webapp1 Succeeded at <commit 6>
        runs
          cluster1/webapp1 webapp1@<webapp1:<the fix>>
        evidence
          <webapp1:<the fix>> account=111111111111 commit=<commit 6> environment=dev kind=verified service=cluster1/webapp1
        comments
          <commit 6> Towpath: cluster1/webapp1 verified
            execution <id 4> deployed commit <commit 6>, and ECS completed it
            Execution <id 4> of deploy-cluster1-webapp1.
    "#]].assert_eq(&story.outcome()?);
    Ok(())
}
