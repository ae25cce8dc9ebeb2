//! The events of pipelines, stages and actions.

use super::executions::{approve, named};
use super::*;
use expect_test::expect;

#[test]
fn an_execution_is_told_step_by_step() {
    let mut tried = Tried::new();
    tried.listen();
    tried.commit(FILE, "1");
    tried.create("QUEUED", &approval());
    tried.pass_seconds(60);
    approve(&mut tried);
    tried.pass_seconds(60);
    expect![[r#"
        execution 1: Pipeline STARTED
        execution 1: Stage Source STARTED
        execution 1: Action Source/Source STARTED
        execution 1: Action Source/Source SUCCEEDED
        execution 1: Stage Source SUCCEEDED
        execution 1: Stage Deploy STARTED
        execution 1: Action Deploy/Approve STARTED
        execution 1: Action Deploy/Approve SUCCEEDED
        execution 1: Stage Deploy SUCCEEDED
        execution 1: Pipeline SUCCEEDED
    "#]]
    .assert_eq(&tried.heard());
}

#[test]
fn events_are_written_as_aws_writes_them() {
    let mut tried = Tried::new();
    tried.listen();
    let commit = tried.commit(FILE, "1");
    tried.create("QUEUED", &approval());
    tried.start(json!({ "sourceRevisions": [named(&commit)] }));
    tried.pass_seconds(60);
    let events = tried.events();
    let shown: Vec<&Value> = [0, 1, 5].iter().filter_map(|index| events.get(*index)).collect();
    let shown = serde_json::to_string_pretty(&shown).expect("text");
    let shown = tried.numbered(&shown);
    expect![[r#"
        [
          {
            "account": "111111111111",
            "detail": {
              "execution-id": "execution 1",
              "execution-trigger": {
                "trigger-detail": "arn:aws:iam::111111111111:user/administrator",
                "trigger-type": "CreatePipeline"
              },
              "pipeline": "deploy",
              "pipeline-execution-attempt": 1.0,
              "start-time": "2027-01-15T08:00:00.000Z",
              "state": "STARTED",
              "version": 1.0
            },
            "detail-type": "CodePipeline Pipeline Execution State Change",
            "id": "(id)",
            "region": "eu-west-1",
            "resources": [
              "arn:aws:codepipeline:eu-west-1:111111111111:deploy"
            ],
            "source": "aws.codepipeline",
            "time": "2027-01-15T08:00:00Z",
            "version": "0"
          },
          {
            "account": "111111111111",
            "detail": {
              "execution-id": "execution 1",
              "pipeline": "deploy",
              "pipeline-execution-attempt": 1.0,
              "stage": "Source",
              "start-time": "2027-01-15T08:00:00.000Z",
              "state": "STARTED",
              "version": 1.0
            },
            "detail-type": "CodePipeline Stage Execution State Change",
            "id": "(id)",
            "region": "eu-west-1",
            "resources": [
              "arn:aws:codepipeline:eu-west-1:111111111111:deploy"
            ],
            "source": "aws.codepipeline",
            "time": "2027-01-15T08:00:00Z",
            "version": "0"
          },
          {
            "account": "111111111111",
            "detail": {
              "execution-id": "execution 1",
              "pipeline": "deploy",
              "pipeline-execution-attempt": 1.0,
              "stage": "Source",
              "start-time": "2027-01-15T08:00:00.000Z",
              "state": "SUCCEEDED",
              "version": 1.0
            },
            "detail-type": "CodePipeline Stage Execution State Change",
            "id": "(id)",
            "region": "eu-west-1",
            "resources": [
              "arn:aws:codepipeline:eu-west-1:111111111111:deploy"
            ],
            "source": "aws.codepipeline",
            "time": "2027-01-15T08:00:00Z",
            "version": "0"
          }
        ]
    "#]]
    .assert_eq(&shown);
}

#[test]
fn a_failure_is_told_with_its_error_code() {
    let mut tried = Tried::new();
    tried.listen();
    tried.create("QUEUED", &approval());
    tried.pass_seconds(60);
    let events = tried.events();
    let failed = events.iter().find(|event| event["detail"]["state"] == "FAILED").expect("a failure");
    let shown = serde_json::to_string_pretty(&failed["detail"]).expect("text");
    let shown = tried.numbered(&shown);
    expect![[r#"
        {
          "action": "Source",
          "action-execution-id": "(id)",
          "execution-id": "execution 1",
          "execution-result": {
            "error-code": "ConfigurationError",
            "external-execution-summary": "No Branch [main] found for provided repository name [deployment]"
          },
          "pipeline": "deploy",
          "pipeline-execution-attempt": 1.0,
          "region": "eu-west-1",
          "stage": "Source",
          "start-time": "2027-01-15T08:00:00.000Z",
          "state": "FAILED",
          "type": {
            "category": "Source",
            "owner": "AWS",
            "provider": "CodeCommit",
            "version": "1"
          },
          "version": 1.0
        }
    "#]]
    .assert_eq(&shown);
}

#[test]
fn a_stop_a_retry_and_an_update_are_told() {
    let mut tried = Tried::new();
    tried.commit(FILE, "1");
    tried.create("QUEUED", &approval());
    tried.pass_seconds(60);
    tried.listen();
    let id = tried.execution_ids().remove(0);
    let stop =
        json!({ "pipelineName": "deploy", "pipelineExecutionId": id, "abandon": true, "reason": "wrong" });
    tried.call("StopPipelineExecution", stop);
    tried.pass_seconds(60);
    let retry = json!({
        "pipelineName": "deploy", "stageName": "Deploy", "pipelineExecutionId": id, "retryMode": "FAILED_ACTIONS",
    });
    tried.call("RetryStageExecution", retry);
    tried.pass_seconds(60);
    tried.call("UpdatePipeline", json!({ "pipeline": pipeline("QUEUED", &approval()) }));
    tried.pass_seconds(60);
    expect![[r#"
        execution 1: Pipeline STOPPING
        execution 1: Stage Deploy STOPPING
        execution 1: Action Deploy/Approve ABANDONED
        execution 1: Stage Deploy STOPPED
        execution 1: Pipeline STOPPED
        execution 1: Pipeline RESUMED
        execution 1: Stage Deploy RESUMED
        execution 1: Action Deploy/Approve STARTED
        execution 1: Action Deploy/Approve CANCELED
        execution 1: Stage Deploy CANCELED
        execution 1: Pipeline CANCELED
    "#]]
    .assert_eq(&tried.heard());
}
