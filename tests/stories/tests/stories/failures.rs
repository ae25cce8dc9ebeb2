//! Deployments that go wrong.

use expect_test::expect;
use local_aws::faults::TaskFaultKind;
use local_aws::settings::Settings;
use stories::{Failure, RULES, Story};

#[test]
fn an_image_that_crashes_is_reverted_and_stays_away() -> Result<(), Failure> {
    let mut story = Story::with_versions(&["1111111"])?;
    story.push_bad("webapp1", "2222222")?;
    expect![[r#"
        commits
          <commit 3> Towpath: cluster1/webapp1: webapp1 → 2222222
            M cluster1/webapp1/revision.json
          <commit 4> Towpath: cluster1/webapp1: back to the revision of <commit 2>
            A cluster1/webapp1/hold.json
            M cluster1/webapp1/revision.json
        executions
          deploy-cluster1-webapp1 Stopped at <commit 3>
          deploy-cluster1-webapp1 Succeeded at <commit 4>
        evidence
          <webapp1:2222222> account=111111111111 commit=<commit 3> environment=dev kind=quarantined service=cluster1/webapp1
        comments
          <commit 3> Towpath: cluster1/webapp1 reverted
            container webapp1 exited with code 1 (Essential container in task exited); the revision of commit <commit 2> is committed back; in quarantine now: webapp1 <webapp1:2222222>
            Execution <id 3> of deploy-cluster1-webapp1.
          <commit 4> Towpath: cluster1/webapp1 verified
            execution <id 4> deployed commit <commit 4>, and ECS completed it
            Execution <id 4> of deploy-cluster1-webapp1.
        notified
          {
              "environment": "dev",
              "service": "cluster1/webapp1",
              "subject": "dev cluster1/webapp1: reverted",
              "text": "container webapp1 exited with code 1 (Essential container in task exited); the revision of commit <commit 2> is committed back; in quarantine now: webapp1 <webapp1:2222222>\n\nCommit <commit 3> of deployment."
            }
        records
          on_image_push: cluster1/webapp1 moved: webapp1: newest "[0-9a-f]{7,40}" selects 2222222 (<webapp1:2222222>), git said <webapp1:1111111>
            - commit to deployment main on <commit 2>: cluster1/webapp1: webapp1 → 2222222 (cluster1/webapp1/revision.json)
          on_commit: cluster1/webapp1 started: execution <id 1> of deploy-cluster1-webapp1 was for another content
            - start pipeline deploy-cluster1-webapp1 at commit <commit 3>
          on_commit: cluster1/webapp1 started: execution <id 3> of deploy-cluster1-webapp1 was for another content
            - start pipeline deploy-cluster1-webapp1 at commit <commit 4>
          on_deployment_change: cluster1/webapp1 rolling: execution <id 3> is being rolled out
          on_deployment_change: cluster1/webapp1 reverted: container webapp1 exited with code 1 (Essential container in task exited); the revision of commit <commit 2> is committed back; in quarantine now: webapp1 <webapp1:2222222>
            - commit to deployment main on <commit 3>: cluster1/webapp1: back to the revision of <commit 2> (cluster1/webapp1/revision.json, cluster1/webapp1/hold.json)
            - stop execution <id 3> of pipeline deploy-cluster1-webapp1, abandoning what runs: container webapp1 exited with code 1 (Essential container in task exited)
            - put evidence quarantined of dev for cluster1/webapp1 on webapp1@<webapp1:2222222>
            - notify: dev cluster1/webapp1: reverted
            - comment at commit <commit 3> of deployment: Towpath: cluster1/webapp1 reverted
          on_deployment_change: cluster1/webapp1 rolling: execution <id 4> is being rolled out
          on_deployment_change: cluster1/webapp1 verified: execution <id 4> deployed commit <commit 4>, and ECS completed it
            - comment at commit <commit 4> of deployment: Towpath: cluster1/webapp1 verified
    "#]].assert_eq(&story.told()?);
    expect![[r#"
        {
          "version": 1,
          "quarantine": [
            {
              "container": "webapp1",
              "digest": "<webapp1:2222222>",
              "reason": "container webapp1 exited with code 1 (Essential container in task exited)",
              "by": "on_deployment_change",
              "at": "<time>"
            }
          ]
        }
    "#]]
    .assert_eq(&story.file("cluster1/webapp1/hold.json")?);
    story.replay()?;
    expect![[r#"
        nothing
    "#]]
    .assert_eq(&story.outcome()?);
    story.sweep()?;
    expect![[r#"
        records
          reconcile: cluster1/webapp1 nothing: it runs what git says
          reconcile: cluster1/webapp1 refused (quarantined): container webapp1: 2222222 (<webapp1:2222222>) may not return, because <webapp1:2222222> is in quarantine since <time> (container webapp1 exited with code 1 (Essential container in task exited)); push a newer image, or release it: run the document towpath-release for cluster1/webapp1
    "#]].assert_eq(&story.told()?);
    story.push("webapp1", "3333333")?;
    expect![[r#"
        commits
          <commit 5> Towpath: cluster1/webapp1: webapp1 → 3333333
            M cluster1/webapp1/revision.json
        executions
          deploy-cluster1-webapp1 Succeeded at <commit 5>
        runs
          cluster1/webapp1 webapp1@<webapp1:3333333>
        evidence
          <webapp1:3333333> account=111111111111 commit=<commit 5> environment=dev kind=verified service=cluster1/webapp1
        comments
          <commit 5> Towpath: cluster1/webapp1 verified
            execution <id 5> deployed commit <commit 5>, and ECS completed it
            Execution <id 5> of deploy-cluster1-webapp1.
    "#]]
    .assert_eq(&story.outcome()?);
    Ok(())
}

#[test]
fn a_hand_written_image_that_is_not_there_is_told() -> Result<(), Failure> {
    let mut story = Story::with_versions(&["1111111"])?;
    let revision = story.revision("webapp1", "nowhere");
    story.commit("Try nowhere", &[("cluster1/webapp1/revision.json", Some(&revision))])?;
    expect![[r#"
        commits
          <commit 3> Pat Person: Try nowhere
            M cluster1/webapp1/revision.json
        executions
          deploy-cluster1-webapp1 Failed at <commit 3>
        comments
          <commit 3> Towpath: cluster1/webapp1 failed
            CannotPullContainerError: failed to resolve ref 111111111111.dkr.ecr.eu-west-1.amazonaws.com/webapp1:nowhere: not found; commit <commit 3> was made by a person, and Towpath does not undo what a person did
            Execution <id 3> of deploy-cluster1-webapp1.
        notified
          {
              "environment": "dev",
              "service": "cluster1/webapp1",
              "subject": "dev cluster1/webapp1: failed",
              "text": "CannotPullContainerError: failed to resolve ref 111111111111.dkr.ecr.eu-west-1.amazonaws.com/webapp1:nowhere: not found; commit <commit 3> was made by a person, and Towpath does not undo what a person did\n\nCommit <commit 3> of deployment."
            }
        records
          on_commit: cluster1/webapp1 started: execution <id 1> of deploy-cluster1-webapp1 was for another content; committed by hand by Pat Person
            - start pipeline deploy-cluster1-webapp1 at commit <commit 3>
          on_deployment_change: cluster1/webapp1 rolling: execution <id 3> is being rolled out
          on_deployment_change: cluster1/webapp1 failed (person_committed): CannotPullContainerError: failed to resolve ref 111111111111.dkr.ecr.eu-west-1.amazonaws.com/webapp1:nowhere: not found; commit <commit 3> was made by a person, and Towpath does not undo what a person did
            - notify: dev cluster1/webapp1: failed
            - comment at commit <commit 3> of deployment: Towpath: cluster1/webapp1 failed
          2 × on_deployment_change: cluster1/webapp1 nothing: CannotPullContainerError: failed to resolve ref 111111111111.dkr.ecr.eu-west-1.amazonaws.com/webapp1:nowhere: not found; commit <commit 3> was made by a person, and Towpath does not undo what a person did; this was told already
    "#]].assert_eq(&story.told()?);
    Ok(())
}

#[test]
fn a_lack_of_capacity_is_told_and_not_the_images_fault() -> Result<(), Failure> {
    let mut story = Story::with_versions(&["1111111"])?;
    story.fail_tasks("webapp1", 3, TaskFaultKind::NoCapacity);
    story.push("webapp1", "2222222")?;
    expect![[r#"
        commits
          <commit 3> Towpath: cluster1/webapp1: webapp1 → 2222222
            M cluster1/webapp1/revision.json
        executions
          deploy-cluster1-webapp1 Failed at <commit 3>
        comments
          <commit 3> Towpath: cluster1/webapp1 failed
            (service webapp1) was unable to place a task. Reason: Capacity is unavailable at this time. Please try again later or in a different availability zone.; this is not the image's fault, so git stays as it is
            Execution <id 3> of deploy-cluster1-webapp1.
        notified
          {
              "environment": "dev",
              "service": "cluster1/webapp1",
              "subject": "dev cluster1/webapp1: failed",
              "text": "(service webapp1) was unable to place a task. Reason: Capacity is unavailable at this time. Please try again later or in a different availability zone.; this is not the image's fault, so git stays as it is\n\nCommit <commit 3> of deployment."
            }
        records
          on_image_push: cluster1/webapp1 moved: webapp1: newest "[0-9a-f]{7,40}" selects 2222222 (<webapp1:2222222>), git said <webapp1:1111111>
            - commit to deployment main on <commit 2>: cluster1/webapp1: webapp1 → 2222222 (cluster1/webapp1/revision.json)
          on_commit: cluster1/webapp1 started: execution <id 1> of deploy-cluster1-webapp1 was for another content
            - start pipeline deploy-cluster1-webapp1 at commit <commit 3>
          on_deployment_change: cluster1/webapp1 rolling: execution <id 3> is being rolled out
          on_deployment_change: cluster1/webapp1 failed: (service webapp1) was unable to place a task. Reason: Capacity is unavailable at this time. Please try again later or in a different availability zone.; this is not the image's fault, so git stays as it is
            - notify: dev cluster1/webapp1: failed
            - comment at commit <commit 3> of deployment: Towpath: cluster1/webapp1 failed
          2 × on_deployment_change: cluster1/webapp1 nothing: (service webapp1) was unable to place a task. Reason: Capacity is unavailable at this time. Please try again later or in a different availability zone.; this is not the image's fault, so git stays as it is; this was told already
    "#]].assert_eq(&story.told()?);
    Ok(())
}

#[test]
fn without_a_breaker_a_stalled_rollout_is_told_and_not_reverted() -> Result<(), Failure> {
    // To the functions, everything in this account happened an hour ago.
    let now = chrono::DateTime::from(std::time::SystemTime::now()) - chrono::Duration::hours(1);
    let mut story = Story::start_at(Settings::default(), now)?;
    story.make_service("webapp1", false)?;
    story.commit("Deliver webapp1", &[("delivery.yaml", Some(RULES))])?;
    story.make_pipeline("webapp1")?;
    story.push("webapp1", "1111111")?;
    story.forget()?;
    story.fail_tasks("webapp1", u32::MAX, TaskFaultKind::Hang);
    story.push_only("webapp1", "2222222", &client::image::Image::new("webapp1").version("2222222"))?;
    story.let_pass(20)?;
    expect![[r#"
        commits
          <commit 3> Towpath: cluster1/webapp1: webapp1 → 2222222
            M cluster1/webapp1/revision.json
        executions
          deploy-cluster1-webapp1 InProgress at <commit 3>
        runs
          cluster1/webapp1 webapp1@<webapp1:2222222> and webapp1@<webapp1:1111111>
        comments
          <commit 3> Towpath: cluster1/webapp1 stalled
            the rollout has taken <minutes>, and without a circuit breaker ECS would not tell a failure; look at its tasks, and turn the deployment circuit breaker on
            Execution <id 3> of deploy-cluster1-webapp1.
        notified
          {
              "environment": "dev",
              "service": "cluster1/webapp1",
              "subject": "dev cluster1/webapp1: stalled",
              "text": "the rollout has taken <minutes>, and without a circuit breaker ECS would not tell a failure; look at its tasks, and turn the deployment circuit breaker on\n\nCommit <commit 3> of deployment."
            }
        records
          on_image_push: cluster1/webapp1 moved: webapp1: newest "[0-9a-f]{7,40}" selects 2222222 (<webapp1:2222222>), git said <webapp1:1111111>
            - commit to deployment main on <commit 2>: cluster1/webapp1: webapp1 → 2222222 (cluster1/webapp1/revision.json)
          on_commit: cluster1/webapp1 started: execution <id 1> of deploy-cluster1-webapp1 was for another content
            - start pipeline deploy-cluster1-webapp1 at commit <commit 3>
          on_deployment_change: cluster1/webapp1 stalled: the rollout has taken <minutes>, and without a circuit breaker ECS would not tell a failure; look at its tasks, and turn the deployment circuit breaker on
            - notify: dev cluster1/webapp1: stalled
            - comment at commit <commit 3> of deployment: Towpath: cluster1/webapp1 stalled
    "#]].assert_eq(&story.told()?);
    Ok(())
}
