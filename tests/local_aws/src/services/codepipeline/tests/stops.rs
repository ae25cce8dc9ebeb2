//! Executions that somebody stops.

use super::executions::approve;
use super::*;
use expect_test::expect;

fn stop(id: &str, abandon: bool) -> Value {
    json!({ "pipelineName": "deploy", "pipelineExecutionId": id, "abandon": abandon, "reason": "rolled back" })
}

#[test]
fn stop_and_abandon_frees_the_stage_for_the_next_execution() {
    let mut tried = Tried::new();
    tried.commit(FILE, "1");
    tried.create("QUEUED", &approval());
    let second = tried.start(json!({}));
    tried.pass_seconds(60);
    let first = tried.execution_ids().remove(0);
    tried.call("StopPipelineExecution", stop(&first, true));
    expect![[r#"
        1 Stopping of [c1] by CreatePipeline
            Source Succeeded
            Approve Abandoned
        2 InProgress of [c1] by StartPipelineExecution
            Source Succeeded
    "#]]
    .assert_eq(&tried.story());
    expect!["DuplicatedStopRequestException: The pipeline execution execution 1 is already in a Stopping state; only a stop and wait can become a stop and abandon"].assert_eq(
        &tried.refusal("StopPipelineExecution", stop(&first, true)).replace(&first, "execution 1"),
    );
    tried.pass_seconds(60);
    expect![[r#"
        1 Stopped of [c1] by CreatePipeline
            Source Succeeded
            Approve Abandoned
        2 InProgress of [c1] by StartPipelineExecution
            Source Succeeded
            Approve InProgress
    "#]]
    .assert_eq(&tried.story());
    expect!["PipelineExecutionNotStoppableException: The pipeline execution execution 1 cannot be stopped: its status is Stopped"].assert_eq(
        &tried.refusal("StopPipelineExecution", stop(&first, true)).replace(&first, "execution 1"),
    );
    let listed = tried.call("ListPipelineExecutions", json!({ "pipelineName": "deploy" }));
    assert_eq!(listed["pipelineExecutionSummaries"][1]["stopTrigger"], json!({ "reason": "rolled back" }));
    let shown = tried
        .call("GetPipelineExecution", json!({ "pipelineName": "deploy", "pipelineExecutionId": second }));
    let shown = serde_json::to_string_pretty(&shown).expect("text");
    let shown = tried.numbered(&shown);
    expect![[r#"
        {
          "pipelineExecution": {
            "artifactRevisions": [
              {
                "created": 1800000000.4,
                "name": "Source",
                "revisionId": "c1",
                "revisionSummary": "Commit 1",
                "revisionUrl": "https://eu-west-1.console.aws.amazon.com/codecommit/home?region=eu-west-1#/repository/deployment/commit/c1"
              }
            ],
            "executionMode": "QUEUED",
            "executionType": "STANDARD",
            "pipelineExecutionId": "execution 2",
            "pipelineName": "deploy",
            "pipelineVersion": 1,
            "status": "InProgress",
            "trigger": {
              "triggerDetail": "arn:aws:iam::111111111111:user/administrator",
              "triggerType": "StartPipelineExecution"
            },
            "variables": []
          }
        }
    "#]].assert_eq(&shown);
}

#[test]
fn stop_and_wait_lets_the_action_end_and_can_become_an_abandonment() {
    let mut tried = Tried::new();
    tried.commit(FILE, "1");
    tried.create("QUEUED", &approval());
    tried.pass_seconds(60);
    let first = tried.execution_ids().remove(0);
    tried.call("StopPipelineExecution", stop(&first, false));
    tried.pass_seconds(60);
    expect![[r#"
        1 Stopping of [c1] by CreatePipeline
            Source Succeeded
            Approve InProgress
    "#]]
    .assert_eq(&tried.story());
    approve(&mut tried);
    expect![[r#"
        1 Stopped of [c1] by CreatePipeline
            Source Succeeded
            Approve Succeeded
    "#]]
    .assert_eq(&tried.story());

    let second = tried.start(json!({}));
    tried.pass_seconds(60);
    tried.call("StopPipelineExecution", stop(&second, false));
    tried.call("StopPipelineExecution", stop(&second, true));
    tried.pass_seconds(60);
    expect![[r#"
        1 Stopped of [c1] by CreatePipeline
            Source Succeeded
            Approve Succeeded
        2 Stopped of [c1] by StartPipelineExecution
            Source Succeeded
            Approve Abandoned
    "#]]
    .assert_eq(&tried.story());
}

#[test]
fn an_execution_that_waits_is_stopped_without_a_trace_in_the_stage() {
    let mut tried = Tried::new();
    tried.commit(FILE, "1");
    tried.create("QUEUED", &approval());
    tried.pass_seconds(60);
    let second = tried.start(json!({}));
    tried.pass_seconds(60);
    tried.call("StopPipelineExecution", stop(&second, false));
    tried.pass_seconds(60);
    expect![[r#"
        1 InProgress of [c1] by CreatePipeline
            Source Succeeded
            Approve InProgress
        2 Stopped of [c1] by StartPipelineExecution
            Source Succeeded
    "#]]
    .assert_eq(&tried.story());
}
