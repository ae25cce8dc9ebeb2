//! Events that never arrive: the sweep makes up for them.

use expect_test::expect;
use local_aws::faults::CallFaultKind;
use local_aws::settings::Settings;
use serde_json::Value;
use std::fmt::Write as _;
use stories::{Failure, Story, rules};

/// Of what comes of a push, the parts that are there without the events of this source, after each of two sweeps, and
/// when the events arrive again; and all of it.
fn after_losing(source: &str) -> Result<(String, String), Failure> {
    let mut story = Story::with_service(Settings::default())?;
    story.lose_events(source);
    let (mut shown, mut all) = (String::new(), String::new());
    let mut tell = |story: &mut Story, title: &str| -> Result<(), Failure> {
        let outcome = story.outcome()?;
        let parts: Vec<&str> = outcome.lines().filter(|line| !line.starts_with(' ')).collect();
        writeln!(shown, "{title}: {}", parts.join(", "))?;
        if parts != ["nothing"] {
            all.push_str(&outcome);
        }
        Ok(())
    };
    story.push("webapp1", "1111111")?;
    tell(&mut story, "without them")?;
    story.sweep()?;
    tell(&mut story, "one sweep")?;
    story.sweep()?;
    tell(&mut story, "two sweeps")?;
    story.heal();
    story.sweep()?;
    tell(&mut story, "healed")?;
    let revision = story.file("cluster1/webapp1/revision.json")?;
    Ok((shown, all + &revision))
}

/// What the whole path comes to, in three accounts, with or without events.
fn the_whole_path(is_told: bool) -> Result<String, Failure> {
    let of = |approve| rules("commit", approve);
    let mut story = Story::with_rules(&[
        ("dev", &of(None)),
        ("stg", &of(Some("push"))),
        ("prd", &of(Some("[push, verified]"))),
    ])?;
    if !is_told {
        for source in ["aws.ecr", "aws.codecommit", "aws.ecs", "aws.codepipeline", "towpath"] {
            story.lose_events(source);
        }
    }
    let before = story.world(|world| world.journal.last_number());
    let first = story.release("first")?;
    let is_woken = story.world(|world| {
        let mut calls = world.journal.after(before);
        calls.any(|call| call.caller.starts_with("towpath-"))
    });
    assert_eq!(is_woken, is_told);
    story.at("dev")?.sweep()?;
    for environment in ["stg", "prd"] {
        story.git_push("webapp1", environment, &format!("{first}:main"))?;
        story.at(environment)?.sweep()?;
    }
    // A sweep wakes one step at a time, and nobody tells of what follows.
    for _ in 0..4 {
        for environment in ["dev", "stg", "prd"] {
            story.at(environment)?.sweep()?;
        }
    }
    story.outcomes()
}

#[test]
fn three_accounts_that_are_told_nothing_come_to_the_same_end() -> Result<(), Failure> {
    let told = the_whole_path(true)?;
    assert_eq!(told.matches("evidence").count(), 3, "{told}");
    assert_eq!(the_whole_path(false)?, told);
    Ok(())
}

#[test]
fn whichever_events_are_lost_a_sweep_makes_up_for_them() -> Result<(), Failure> {
    let (shown, undisturbed) = after_losing("nobody")?;
    expect![[r#"
        without them: commits, executions, runs, evidence, comments
        one sweep: nothing
        two sweeps: nothing
        healed: nothing
    "#]]
    .assert_eq(&shown);
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
        [
          {
            "name": "webapp1",
            "imageUri": "111111111111.dkr.ecr.eu-west-1.amazonaws.com/webapp1@<webapp1:1111111>"
          }
        ]
    "#]].assert_eq(&undisturbed);
    let mut shown = String::new();
    for source in ["aws.ecr", "aws.codecommit", "aws.ecs", "aws.codepipeline"] {
        let (of_source, all) = after_losing(source)?;
        write!(shown, "{source} tells nothing\n{of_source}\n")?;
        assert_eq!(all, undisturbed, "{source}");
    }
    expect![[r#"
        aws.ecr tells nothing
        without them: nothing
        one sweep: commits, executions, runs, evidence, comments
        two sweeps: nothing
        healed: nothing

        aws.codecommit tells nothing
        without them: commits
        one sweep: executions, runs, evidence, comments
        two sweeps: nothing
        healed: nothing

        aws.ecs tells nothing
        without them: commits, executions, runs, evidence, comments
        one sweep: nothing
        two sweeps: nothing
        healed: nothing

        aws.codepipeline tells nothing
        without them: commits, executions, runs, evidence, comments
        one sweep: nothing
        two sweeps: nothing
        healed: nothing

    "#]]
    .assert_eq(&shown);
    Ok(())
}

/// The branch is forced back, and the event is lost: nothing but the pipeline's newest execution tells of it.
#[test]
fn a_forced_push_that_nobody_told_of_is_a_persons_act() -> Result<(), Failure> {
    let mut story = Story::with_versions(&["1111111", "2222222"])?;
    let start = story.start_before_the_tip("webapp1")?;
    let earlier = start.pointer("/sourceRevisions/0/revisionValue").and_then(Value::as_str);
    story.lose_events("aws.codecommit");
    story.force(earlier.unwrap_or_default())?;
    assert_eq!(story.told()?, "nothing\n");
    story.heal();
    // One sweep finds it, and the next what is owed.
    story.sweep()?;
    story.sweep()?;
    expect![[r#"
        commits
          <commit 4> Towpath: Holds written again after a forced push
            A cluster1/webapp1/hold.json
        executions
          deploy-cluster1-webapp1 Succeeded at <commit 4>
        runs
          cluster1/webapp1 webapp1@<webapp1:1111111>
        comments
          <commit 4> Towpath: cluster1/webapp1 verified
            execution <id 4> deployed commit <commit 4>, and ECS completed it
            Execution <id 4> of deploy-cluster1-webapp1.
        notified
          {
              "environment": "dev",
              "service": "cluster1/webapp1",
              "subject": "dev cluster1/webapp1: the deployment branch was forced",
              "text": "somebody forced main of deployment away from <commit 3>, and no event told of it. What the new tip says of cluster1/webapp1 is the truth now, and differs from what the old one said."
            }
        records
          on_commit: cluster1/webapp1 held: somebody forced main of deployment away from <commit 3>, and no event told of it; what the tip says of it is a person's act
            - commit to deployment main on <commit 2>: Holds written again after a forced push (cluster1/webapp1/hold.json)
            - notify: dev cluster1/webapp1: the deployment branch was forced
          on_commit: - ignored: commit <commit 4> changes no revision.json
          on_commit: cluster1/webapp1 started: execution <id 2> of deploy-cluster1-webapp1 was for another content
            - start pipeline deploy-cluster1-webapp1 at commit <commit 4>
          on_deployment_change: cluster1/webapp1 rolling: execution <id 4> is being rolled out
          on_deployment_change: cluster1/webapp1 verified: execution <id 4> deployed commit <commit 4>, and ECS completed it
            - comment at commit <commit 4> of deployment: Towpath: cluster1/webapp1 verified
          reconcile: cluster1/webapp1 woken: something was missed; the service is behind: its pipeline is owed a start
            - wake up on_commit for cluster1/webapp1: held: somebody forced main of deployment away from <commit 3>, and no event told of it; what the tip says of it is a person's act
          reconcile: cluster1/webapp1 woken: something was missed; the service is behind: its pipeline is owed a start
            - wake up on_commit for cluster1/webapp1: started: execution <id 2> of deploy-cluster1-webapp1 was for another content
    "#]].assert_eq(&story.told()?);
    story.sweep()?;
    story.push("webapp1", "3333333")?;
    story.sweep()?;
    expect![[r#"
        nothing
    "#]]
    .assert_eq(&story.outcome()?);
    Ok(())
}

/// What tasks run is asked for drift alone: a sweep that may not ask makes up for lost events all the same.
#[test]
fn a_sweep_that_may_not_list_tasks_finds_a_lost_push() -> Result<(), Failure> {
    let mut story = Story::with_service(Settings::default())?;
    story.lose_events("aws.ecr");
    story.push("webapp1", "1111111")?;
    assert_eq!(story.told()?, "nothing\n");
    story.heal();
    story.fail_calls("ListTasks", "towpath-reconcile", u32::MAX, CallFaultKind::Deny);
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
          reconcile: cluster1/webapp1 woken: something was missed; how the service stands could not be read
            - wake up on_image_push for cluster1/webapp1: moved: webapp1: newest "[0-9a-f]{7,40}" selects 1111111 (<webapp1:1111111>)
          reconcile: cluster1/webapp1 refused (not_admitted): not admitted: ECS ListTasks for cluster1/webapp1: AccessDeniedException: User: arn:aws:sts::111111111111:assumed-role/towpath-reconcile/towpath-reconcile is not authorized to perform: ecs:ListTasks on resource: * because it was told to fail (the caller's role lacks this permission); admit the names of cluster1/webapp1 and of what it uses with the stack parameter NamePrefix, and of its pipeline with PipelinePattern
    "#]].assert_eq(&story.told()?);
    Ok(())
}
