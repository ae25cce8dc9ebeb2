//! What people do past git, in the consoles of ECS and CodePipeline: noticed, written to git with a hold, never countered.

use expect_test::expect;
use local_aws::settings::Settings;
use serde_json::{Value, json};
use stories::{Failure, Story};

/// The ids of what a listing answers, the newest first.
fn ids(answer: &Value, list: &str, member: &str) -> Vec<String> {
    let found = answer.get(list).and_then(Value::as_array).into_iter().flatten();
    found.filter_map(|one| one.get(member)?.as_str().map(str::to_owned)).collect()
}

#[test]
fn roll_back_in_ecs_is_written_to_git_with_a_hold() -> Result<(), Failure> {
    let mut story = Story::with_service(Settings::default())?;
    story.push("webapp1", "1111111")?;
    story.push_hanging("2222222")?;
    story.forget()?;
    // What hangs goes on hanging; what is placed from now on starts.
    story.heal();
    story.roll_back_in_ecs()?;
    expect![[r#"
        commits
          <commit 4> Towpath: cluster1/webapp1: rolled back by a person to the revision of <commit 2>
            A cluster1/webapp1/hold.json
            M cluster1/webapp1/revision.json
        executions
          deploy-cluster1-webapp1 Stopped at <commit 3>
        runs
          cluster1/webapp1 webapp1@<webapp1:1111111>
        comments
          <commit 3> Towpath: cluster1/webapp1 rolled_back
            a person rolled back in ECS (Service deployment rolled back because StopServiceDeployment asked for it.) to the revision of commit <commit 2>
            Execution <id 3> of deploy-cluster1-webapp1.
        records
          on_commit: cluster1/webapp1 already_runs: a person rolled it back in ECS to exactly these images, and the commit only says so
          on_deployment_change: cluster1/webapp1 rolled_back: a person rolled back in ECS (Service deployment rolled back because StopServiceDeployment asked for it.) to the revision of commit <commit 2>; git says so now, with a hold
            - commit to deployment main on <commit 3>: cluster1/webapp1: rolled back by a person to the revision of <commit 2> (cluster1/webapp1/revision.json, cluster1/webapp1/hold.json)
            - stop execution <id 3> of pipeline deploy-cluster1-webapp1, abandoning what runs: a person rolled back in ECS (Service deployment rolled back because StopServiceDeployment asked for it.)
            - comment at commit <commit 3> of deployment: Towpath: cluster1/webapp1 rolled_back
          on_deployment_change: cluster1/webapp1 nothing: a person rolled back in ECS (Service deployment rolled back because StopServiceDeployment asked for it.); this was told already
    "#]].assert_eq(&story.told()?);
    expect![[r#"
        {
          "version": 1,
          "hold": {
            "revision": "<commit 5>",
            "reason": "a person rolled back in ECS (Service deployment rolled back because StopServiceDeployment asked for it.)",
            "by": "a person, past git",
            "at": "<time>"
          },
          "quarantine": [
            {
              "container": "webapp1",
              "digest": "<webapp1:2222222>",
              "reason": "a person rolled back in ECS (Service deployment rolled back because StopServiceDeployment asked for it.)",
              "by": "a person, past git",
              "at": "<time>"
            }
          ]
        }
    "#]].assert_eq(&story.file("cluster1/webapp1/hold.json")?);
    story.replay()?;
    story.sweep()?;
    story.push("webapp1", "3333333")?;
    story.sweep()?;
    expect![[r#"
        nothing
    "#]]
    .assert_eq(&story.outcome()?);
    Ok(())
}

#[test]
fn start_rollback_in_codepipeline_is_written_to_git_with_a_hold() -> Result<(), Failure> {
    let mut story = Story::with_versions(&["1111111", "2222222"])?;
    let asked = json!({ "pipelineName": "deploy-cluster1-webapp1" });
    let executions = story.aws.call("codepipeline", "ListPipelineExecutions", &asked)?;
    let executions = ids(&executions, "pipelineExecutionSummaries", "pipelineExecutionId");
    let rollback = json!({
        "pipelineName": "deploy-cluster1-webapp1", "stageName": "Deploy",
        "targetPipelineExecutionId": executions.get(1),
    });
    story.aws.call("codepipeline", "RollbackStage", &rollback)?;
    story.rest()?;
    expect![[r#"
        commits
          <commit 4> Towpath: cluster1/webapp1: rolled back by a person to the revision of <commit 2>
            A cluster1/webapp1/hold.json
            M cluster1/webapp1/revision.json
        executions
          deploy-cluster1-webapp1 Succeeded at <commit 2>
        runs
          cluster1/webapp1 webapp1@<webapp1:1111111>
        records
          on_commit: cluster1/webapp1 nothing: execution <id 4> of deploy-cluster1-webapp1 rolled back to it
          on_deployment_change: cluster1/webapp1 rolling: execution <id 4> is being rolled out
          on_deployment_change: cluster1/webapp1 rolled_back: a person rolled back in CodePipeline (execution <id 4>) to the revision of commit <commit 2>; git says so now, with a hold
            - commit to deployment main on <commit 3>: cluster1/webapp1: rolled back by a person to the revision of <commit 2> (cluster1/webapp1/revision.json, cluster1/webapp1/hold.json)
    "#]].assert_eq(&story.told()?);
    expect![[r#"
        {
          "version": 1,
          "hold": {
            "revision": "<commit 5>",
            "reason": "a person rolled back in CodePipeline (execution <id 4>)",
            "by": "a person, past git",
            "at": "<time>"
          },
          "quarantine": [
            {
              "container": "webapp1",
              "digest": "<webapp1:2222222>",
              "reason": "a person rolled back in CodePipeline (execution <id 4>)",
              "by": "a person, past git",
              "at": "<time>"
            }
          ]
        }
    "#]]
    .assert_eq(&story.file("cluster1/webapp1/hold.json")?);
    story.replay()?;
    story.sweep()?;
    story.push("webapp1", "3333333")?;
    story.sweep()?;
    expect![[r#"
        nothing
    "#]]
    .assert_eq(&story.outcome()?);
    // The fix goes out as after any other rollback.
    let told = story.automate("towpath-release", &[("To", "hold")])?;
    expect![[r#"
        released: arn:aws:iam::111111111111:user/administrator releases its hold; its rules apply again
    "#]]
    .assert_eq(&story.shown(&told));
    expect![[r#"
        commits
          <commit 6> Towpath: cluster1/webapp1: released
            M cluster1/webapp1/hold.json
          <commit 7> Towpath: cluster1/webapp1: webapp1 → 3333333
            M cluster1/webapp1/hold.json
            M cluster1/webapp1/revision.json
        executions
          deploy-cluster1-webapp1 Succeeded at <commit 7>
        runs
          cluster1/webapp1 webapp1@<webapp1:3333333>
        evidence
          <webapp1:3333333> account=111111111111 commit=<commit 7> environment=dev kind=verified service=cluster1/webapp1
        comments
          <commit 7> Towpath: cluster1/webapp1 verified
            execution <id 5> deployed commit <commit 7>, and ECS completed it
            Execution <id 5> of deploy-cluster1-webapp1.
    "#]]
    .assert_eq(&story.outcome()?);
    Ok(())
}

#[test]
fn a_new_task_definition_by_hand_is_neither_countered_nor_taken_for_a_release() -> Result<(), Failure> {
    let mut story = Story::with_versions(&["1111111"])?;
    let update = json!({ "cluster": "cluster1", "service": "webapp1", "taskDefinition": "webapp1:1" });
    story.aws.call("ecs", "UpdateService", &update)?;
    story.rest()?;
    story.sweep()?;
    expect![[r#"
        runs
          cluster1/webapp1 webapp1:placeholder
        records
          on_deployment_change: cluster1/webapp1 by_hand: no pipeline execution deployed <service 2>: it was made by hand, and is rolling
          on_deployment_change: cluster1/webapp1 by_hand: no pipeline execution deployed <service 2>: it was made by hand, and went well
          reconcile: cluster1/webapp1 by_hand: it runs something that git does not say
    "#]].assert_eq(&story.told()?);
    Ok(())
}

/// "Release change" with another commit of the source is no rollback that git is told of, and is not countered either.
#[test]
fn a_start_at_an_earlier_commit_is_left_until_git_says_something_new() -> Result<(), Failure> {
    let mut story = Story::with_versions(&["1111111", "2222222"])?;
    let start = story.start_before_the_tip("webapp1")?;
    story.aws.call("codepipeline", "StartPipelineExecution", &start)?;
    story.rest()?;
    story.replay()?;
    story.forget()?;
    story.sweep()?;
    expect![[r#"
        records
          reconcile: cluster1/webapp1 by_hand: somebody started its pipeline at something that git does not say
    "#]].assert_eq(&story.told()?);
    // What a person puts there again is asked for anew.
    story.automate("towpath-roll_back", &[("To", "1111111")])?;
    story.forget()?;
    story.automate("towpath-release", &[("To", "all")])?;
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
        comments
          <commit 6> Towpath: cluster1/webapp1 verified
            execution <id 5> deployed commit <commit 6>, and ECS completed it
            Execution <id 5> of deploy-cluster1-webapp1.
    "#]]
    .assert_eq(&story.outcome()?);
    Ok(())
}
