//! Events that never arrive: the sweep makes up for them.

use expect_test::expect;
use local_aws::settings::Settings;
use stories::{Failure, Story};

/// What came of a push whose events of this source were lost, before and after sweeps.
fn after_losing(source: &str) -> Result<String, Failure> {
    let mut story = Story::with_service(Settings::default())?;
    story.lose_events(source);
    story.push("webapp1", "1111111")?;
    let before = story.outcome()?;
    story.sweep()?;
    let one = story.outcome()?;
    story.sweep()?;
    let two = story.outcome()?;
    story.heal();
    story.sweep()?;
    let three = story.outcome()?;
    let revision = story.file("cluster1/webapp1/revision.json")?;
    Ok(format!(
        "without the event\n{before}\none sweep\n{one}\ntwo sweeps\n{two}\nhealed\n{three}\n{revision}"
    ))
}

#[test]
fn a_lost_image_push_is_made_up_for() -> Result<(), Failure> {
    expect![[r#"
        without the event
        nothing

        one sweep
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

        two sweeps
        nothing

        healed
        nothing

        [
          {
            "name": "webapp1",
            "imageUri": "111111111111.dkr.ecr.eu-west-1.amazonaws.com/webapp1@<webapp1:1111111>"
          }
        ]
    "#]]
    .assert_eq(&after_losing("aws.ecr")?);
    Ok(())
}

#[test]
fn a_lost_commit_is_made_up_for() -> Result<(), Failure> {
    expect![[r#"
        without the event
        commits
          <commit 2> Towpath: cluster1/webapp1: webapp1 → 1111111
            A cluster1/webapp1/revision.json

        one sweep
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

        two sweeps
        nothing

        healed
        nothing

        [
          {
            "name": "webapp1",
            "imageUri": "111111111111.dkr.ecr.eu-west-1.amazonaws.com/webapp1@<webapp1:1111111>"
          }
        ]
    "#]]
    .assert_eq(&after_losing("aws.codecommit")?);
    Ok(())
}

#[test]
fn a_lost_rollout_is_made_up_for() -> Result<(), Failure> {
    expect![[r#"
        without the event
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

        one sweep
        nothing

        two sweeps
        nothing

        healed
        nothing

        [
          {
            "name": "webapp1",
            "imageUri": "111111111111.dkr.ecr.eu-west-1.amazonaws.com/webapp1@<webapp1:1111111>"
          }
        ]
    "#]]
    .assert_eq(&after_losing("aws.ecs")?);
    Ok(())
}

#[test]
fn a_lost_execution_is_made_up_for() -> Result<(), Failure> {
    expect![[r#"
        without the event
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

        one sweep
        nothing

        two sweeps
        nothing

        healed
        nothing

        [
          {
            "name": "webapp1",
            "imageUri": "111111111111.dkr.ecr.eu-west-1.amazonaws.com/webapp1@<webapp1:1111111>"
          }
        ]
    "#]]
    .assert_eq(&after_losing("aws.codepipeline")?);
    Ok(())
}
