//! Approvals by people.

use super::executions::approve;
use super::*;
use expect_test::expect;

fn answer(token: &str, status: &str) -> Value {
    json!({
        "pipelineName": "deploy", "stageName": "Deploy", "actionName": "Approve", "token": token,
        "result": { "summary": "too late on a Friday", "status": status },
    })
}

fn token(tried: &mut Tried) -> String {
    let state = tried.call("GetPipelineState", json!({ "name": "deploy" }));
    text(&state["stageStates"][1]["actionStates"][0]["latestExecution"]["token"]).to_owned()
}

#[test]
fn an_approved_execution_succeeds() {
    let mut tried = Tried::new();
    tried.commit(FILE, "1");
    tried.create("QUEUED", &approval());
    tried.pass_seconds(60);
    approve(&mut tried);
    expect![[r#"
        1 Succeeded of [c1] by CreatePipeline
            Source Succeeded
            Approve Succeeded
    "#]]
    .assert_eq(&tried.story());
    tried.pass(Duration::days(8));
    let state = tried.call("GetPipelineState", json!({ "name": "deploy" }));
    let shown = serde_json::to_string_pretty(&state).expect("text");
    let shown = tried.numbered(&shown);
    expect![[r#"
        {
          "created": 1800000000.0,
          "pipelineName": "deploy",
          "pipelineVersion": 1,
          "stageStates": [
            {
              "actionStates": [
                {
                  "actionName": "Source",
                  "currentRevision": {
                    "created": 1800000000.2,
                    "revisionChangeId": "c1",
                    "revisionId": "c1"
                  },
                  "entityUrl": "https://eu-west-1.console.aws.amazon.com/codecommit/home?region=eu-west-1#/repository/deployment/browse/main/--/",
                  "latestExecution": {
                    "actionExecutionId": "(id)",
                    "externalExecutionId": "c1",
                    "externalExecutionUrl": "https://eu-west-1.console.aws.amazon.com/codecommit/home?region=eu-west-1#/repository/deployment/commit/c1",
                    "lastStatusChange": 1800000000.2,
                    "status": "Succeeded",
                    "summary": "Commit 1"
                  },
                  "revisionUrl": "https://eu-west-1.console.aws.amazon.com/codecommit/home?region=eu-west-1#/repository/deployment/commit/c1"
                }
              ],
              "inboundExecutions": [],
              "inboundTransitionState": {
                "enabled": true
              },
              "latestExecution": {
                "pipelineExecutionId": "execution 1",
                "status": "Succeeded",
                "type": "STANDARD"
              },
              "stageName": "Source"
            },
            {
              "actionStates": [
                {
                  "actionName": "Approve",
                  "latestExecution": {
                    "actionExecutionId": "(id)",
                    "lastStatusChange": 1800000060.0,
                    "lastUpdatedBy": "arn:aws:iam::111111111111:user/administrator",
                    "status": "Succeeded",
                    "summary": "as you like"
                  }
                }
              ],
              "inboundExecutions": [],
              "inboundTransitionState": {
                "enabled": true
              },
              "latestExecution": {
                "pipelineExecutionId": "execution 1",
                "status": "Succeeded",
                "type": "STANDARD"
              },
              "stageName": "Deploy"
            }
          ],
          "updated": 1800000000.0
        }
    "#]].assert_eq(&shown);
}

#[test]
fn a_rejected_execution_fails_and_can_be_retried() {
    let mut tried = Tried::new();
    tried.commit(FILE, "1");
    tried.create("QUEUED", &approval());
    tried.pass_seconds(60);
    let asked = token(&mut tried);
    expect!["InvalidApprovalTokenException: The token 00000000-0000-4000-8000-000000000000 belongs to no approval of the action 'Approve'"].assert_eq(
        &tried.refusal("PutApprovalResult", answer("00000000-0000-4000-8000-000000000000", "Approved")),
    );
    tried.call("PutApprovalResult", answer(&asked, "Rejected"));
    expect!["ApprovalAlreadyCompletedException: The approval action 'Approve' has already been approved or rejected, or is over"].assert_eq(&tried.refusal("PutApprovalResult", answer(&asked, "Approved")));
    expect![[r#"
        1 Failed of [c1] by CreatePipeline
            Source Succeeded
            Approve Failed: JobFailed: Rejected by arn:aws:iam::111111111111:user/administrator
    "#]]
    .assert_eq(&tried.story());
    let id = tried.execution_ids().remove(0);
    let retry = json!({
        "pipelineName": "deploy", "stageName": "Deploy", "pipelineExecutionId": id, "retryMode": "FAILED_ACTIONS",
    });
    tried.call("RetryStageExecution", retry.clone());
    assert_ne!(token(&mut tried), asked);
    expect![[r#"
        1 InProgress of [c1] by CreatePipeline
            Source Succeeded
            Approve Failed: JobFailed: Rejected by arn:aws:iam::111111111111:user/administrator
            Approve InProgress
    "#]]
    .assert_eq(&tried.story());
    expect!["StageNotRetryableException: The stage 'Deploy' of the execution execution 1 cannot be retried: it must have failed or been stopped, and the pipeline must not have changed since"].assert_eq(&tried.refusal("RetryStageExecution", retry).replace(&id, "execution 1"));
}

#[test]
fn an_approval_expires_after_seven_days() {
    let mut tried = Tried::new();
    tried.commit(FILE, "1");
    tried.create("QUEUED", &approval());
    tried.pass(Duration::days(7));
    expect![[r#"
        1 InProgress of [c1] by CreatePipeline
            Source Succeeded
            Approve InProgress
    "#]]
    .assert_eq(&tried.story());
    tried.pass_seconds(60);
    expect![[r#"
        1 Failed of [c1] by CreatePipeline
            Source Succeeded
            Approve Failed: JobFailed: The approval was not given in time
    "#]]
    .assert_eq(&tried.story());
}
