//! What actions may do and what they tell.

use super::*;
use expect_test::expect;

#[test]
fn the_source_action_needs_the_roles_rights() {
    let mut tried = Tried::new();
    tried.commit(FILE, "1");
    let repository = "arn:aws:codecommit:eu-west-1:111111111111:deployment";
    let bucket = "arn:aws:s3:::artifacts-1111/*";
    let steps = [
        json!([]),
        json!(["codecommit:GetBranch"]),
        json!(["codecommit:GetBranch", "codecommit:GetCommit"]),
        json!(["codecommit:Get*", "codecommit:UploadArchive"]),
    ];
    let mut story = String::new();
    for actions in steps {
        let mut statements =
            vec![json!({ "Effect": "Allow", "Action": "s3:ListBucket", "Resource": bucket })];
        if actions != json!([]) {
            statements.push(json!({ "Effect": "Allow", "Action": actions, "Resource": repository }));
        }
        tried.allow(&json!(statements));
        tried.create("QUEUED", &approval());
        tried.pass_seconds(60);
        story.push_str(&tried.story());
        tried.call("DeletePipeline", json!({ "name": "deploy" }));
    }
    expect![[r#"
        1 Failed of [] by CreatePipeline
            Source Failed: PermissionError: The service role or action role doesn't have the permissions required to access the AWS CodeCommit repository named deployment. Update the IAM role permissions, and then try again. Error: User: arn:aws:sts::111111111111:assumed-role/pipeline/execution 1 is not authorized to perform: codecommit:GetBranch on resource: arn:aws:codecommit:eu-west-1:111111111111:deployment because no identity-based policy allows the codecommit:GetBranch action
        1 Failed of [] by CreatePipeline
            Source Failed: PermissionError: The service role or action role doesn't have the permissions required to access the AWS CodeCommit repository named deployment. Update the IAM role permissions, and then try again. Error: User: arn:aws:sts::111111111111:assumed-role/pipeline/execution 1 is not authorized to perform: codecommit:GetCommit on resource: arn:aws:codecommit:eu-west-1:111111111111:deployment because no identity-based policy allows the codecommit:GetCommit action
        1 Failed of [] by CreatePipeline
            Source Failed: PermissionError: The service role or action role doesn't have the permissions required to access the AWS CodeCommit repository named deployment. Update the IAM role permissions, and then try again. Error: User: arn:aws:sts::111111111111:assumed-role/pipeline/execution 1 is not authorized to perform: codecommit:UploadArchive on resource: arn:aws:codecommit:eu-west-1:111111111111:deployment because no identity-based policy allows the codecommit:UploadArchive action
        1 Failed of [] by CreatePipeline
            Source Failed: PermissionError: The pipeline's role cannot store the artifact: User: arn:aws:sts::111111111111:assumed-role/pipeline/execution 1 is not authorized to perform: s3:PutObject on resource: arn:aws:s3:::artifacts-1111/deploy/Source/(key) because no identity-based policy allows the s3:PutObject action
    "#]].assert_eq(&story);
}

#[test]
fn the_source_action_tells_its_commit() {
    let mut tried = Tried::new();
    tried.commit(FILE, "1");
    tried.create("QUEUED", &approval());
    tried.pass_seconds(60);
    let listed = tried.call("ListActionExecutions", json!({ "pipelineName": "deploy" }));
    let shown = serde_json::to_string_pretty(&listed["actionExecutionDetails"][1]).expect("text");
    let shown = tried.numbered(&shown);
    expect![[r#"
        {
          "actionExecutionId": "(id)",
          "actionName": "Source",
          "input": {
            "actionTypeId": {
              "category": "Source",
              "owner": "AWS",
              "provider": "CodeCommit",
              "version": "1"
            },
            "configuration": {
              "BranchName": "main",
              "PollForSourceChanges": "false",
              "RepositoryName": "deployment"
            },
            "inputArtifacts": [],
            "region": "eu-west-1",
            "resolvedConfiguration": {
              "BranchName": "main",
              "PollForSourceChanges": "false",
              "RepositoryName": "deployment"
            }
          },
          "lastUpdateTime": 1800000000.2,
          "output": {
            "executionResult": {
              "externalExecutionId": "c1",
              "externalExecutionSummary": "Commit 1",
              "externalExecutionUrl": "https://eu-west-1.console.aws.amazon.com/codecommit/home?region=eu-west-1#/repository/deployment/commit/c1"
            },
            "outputArtifacts": [
              {
                "name": "Source",
                "s3location": {
                  "bucket": "artifacts-1111",
                  "key": "deploy/Source/(key)"
                }
              }
            ],
            "outputVariables": {
              "AuthorDate": "2027-01-15T08:00:00Z",
              "BranchName": "main",
              "CommitId": "c1",
              "CommitMessage": "Commit 1",
              "CommitterDate": "2027-01-15T08:00:00Z",
              "RepositoryName": "deployment"
            }
          },
          "pipelineExecutionId": "execution 1",
          "pipelineVersion": 1,
          "stageName": "Source",
          "startTime": 1800000000.0,
          "status": "Succeeded"
        }
    "#]].assert_eq(&shown);
}

#[test]
fn every_operation_asks_for_the_right_to_its_pipeline_stage_or_action() {
    let mut tried = Tried::new();
    tried.commit(FILE, "1");
    tried.create("QUEUED", &approval());
    tried.allow(&json!({ "Effect": "Allow", "Action": "s3:ListBucket", "Resource": "*" }));
    tried.caller = Caller::role(&tried.caller.account, "pipeline", "somebody");
    let id = "00000000-0000-4000-8000-000000000000";
    let arn = "arn:aws:codepipeline:eu-west-1:111111111111:deploy";
    let pipeline = pipeline("QUEUED", &approval());
    let mut asked = String::new();
    for (operation, input) in [
        ("CreatePipeline", json!({ "pipeline": pipeline })),
        ("UpdatePipeline", json!({ "pipeline": pipeline })),
        ("GetPipeline", json!({ "name": "deploy" })),
        ("DeletePipeline", json!({ "name": "deploy" })),
        ("ListPipelines", json!({})),
        ("StartPipelineExecution", json!({ "name": "deploy" })),
        ("StopPipelineExecution", json!({ "pipelineName": "deploy", "pipelineExecutionId": id })),
        ("GetPipelineExecution", json!({ "pipelineName": "deploy", "pipelineExecutionId": id })),
        ("ListPipelineExecutions", json!({ "pipelineName": "deploy" })),
        ("ListActionExecutions", json!({ "pipelineName": "deploy" })),
        ("GetPipelineState", json!({ "name": "deploy" })),
        (
            "EnableStageTransition",
            json!({
                "pipelineName": "deploy", "stageName": "Deploy", "transitionType": "Inbound",
            }),
        ),
        (
            "DisableStageTransition",
            json!({
                "pipelineName": "deploy", "stageName": "Deploy", "transitionType": "Inbound", "reason": "freeze",
            }),
        ),
        (
            "RetryStageExecution",
            json!({
                "pipelineName": "deploy", "stageName": "Deploy", "pipelineExecutionId": id, "retryMode": "ALL_ACTIONS",
            }),
        ),
        (
            "RollbackStage",
            json!({
                "pipelineName": "deploy", "stageName": "Deploy", "targetPipelineExecutionId": id,
            }),
        ),
        (
            "PutApprovalResult",
            json!({
                "pipelineName": "deploy", "stageName": "Deploy", "actionName": "Approve", "token": id,
                "result": { "summary": "", "status": "Approved" },
            }),
        ),
        ("TagResource", json!({ "resourceArn": arn, "tags": [] })),
        ("UntagResource", json!({ "resourceArn": arn, "tagKeys": [] })),
        ("ListTagsForResource", json!({ "resourceArn": arn })),
    ] {
        let refusal = tried.refusal(operation, input);
        let named = refusal.split(" to perform: ").nth(1).and_then(|it| it.split(" because").next());
        asked.push_str(named.unwrap_or(&refusal));
        asked.push('\n');
    }
    expect![[r#"
        codepipeline:CreatePipeline on resource: arn:aws:codepipeline:eu-west-1:111111111111:deploy
        codepipeline:UpdatePipeline on resource: arn:aws:codepipeline:eu-west-1:111111111111:deploy
        codepipeline:GetPipeline on resource: arn:aws:codepipeline:eu-west-1:111111111111:deploy
        codepipeline:DeletePipeline on resource: arn:aws:codepipeline:eu-west-1:111111111111:deploy
        codepipeline:ListPipelines on resource: *
        codepipeline:StartPipelineExecution on resource: arn:aws:codepipeline:eu-west-1:111111111111:deploy
        codepipeline:StopPipelineExecution on resource: arn:aws:codepipeline:eu-west-1:111111111111:deploy
        codepipeline:GetPipelineExecution on resource: arn:aws:codepipeline:eu-west-1:111111111111:deploy
        codepipeline:ListPipelineExecutions on resource: arn:aws:codepipeline:eu-west-1:111111111111:deploy
        codepipeline:ListActionExecutions on resource: arn:aws:codepipeline:eu-west-1:111111111111:deploy
        codepipeline:GetPipelineState on resource: arn:aws:codepipeline:eu-west-1:111111111111:deploy
        codepipeline:EnableStageTransition on resource: arn:aws:codepipeline:eu-west-1:111111111111:deploy/Deploy
        codepipeline:DisableStageTransition on resource: arn:aws:codepipeline:eu-west-1:111111111111:deploy/Deploy
        codepipeline:RetryStageExecution on resource: arn:aws:codepipeline:eu-west-1:111111111111:deploy/Deploy
        codepipeline:RollbackStage on resource: arn:aws:codepipeline:eu-west-1:111111111111:deploy/Deploy
        codepipeline:PutApprovalResult on resource: arn:aws:codepipeline:eu-west-1:111111111111:deploy/Deploy/Approve
        codepipeline:TagResource on resource: arn:aws:codepipeline:eu-west-1:111111111111:deploy
        codepipeline:UntagResource on resource: arn:aws:codepipeline:eu-west-1:111111111111:deploy
        codepipeline:ListTagsForResource on resource: arn:aws:codepipeline:eu-west-1:111111111111:deploy
    "#]].assert_eq(&asked);
}

#[test]
fn actions_of_one_run_order_run_together_and_the_next_waits_for_them() {
    let mut tried = Tried::new();
    tried.commit(FILE, "1");
    let mut pipeline = pipeline("QUEUED", &approval());
    let mut actions = Vec::new();
    for (name, order) in [("Last", 3), ("Security", 1), ("Product", 1)] {
        let mut action = approval();
        action["name"] = json!(name);
        action["runOrder"] = json!(order);
        actions.push(action);
    }
    pipeline["stages"][1]["actions"] = json!(actions);
    tried.call("CreatePipeline", json!({ "pipeline": pipeline }));
    tried.pass_seconds(60);
    let mut story = tried.story();
    for (name, status) in [("Security", "Rejected"), ("Product", "Approved")] {
        let state = tried.call("GetPipelineState", json!({ "name": "deploy" }));
        let mut actions = state["stageStates"][1]["actionStates"].as_array().expect("a list").iter();
        let token =
            &actions.find(|it| it["actionName"] == name).expect("an action")["latestExecution"]["token"];
        let answer = json!({
            "pipelineName": "deploy", "stageName": "Deploy", "actionName": name, "token": token,
            "result": { "summary": "", "status": status },
        });
        tried.call("PutApprovalResult", answer);
        story += &tried.story();
    }
    let id = tried.execution_ids().remove(0);
    let retry = json!({
        "pipelineName": "deploy", "stageName": "Deploy", "pipelineExecutionId": id, "retryMode": "FAILED_ACTIONS",
    });
    tried.call("RetryStageExecution", retry);
    story += &tried.story();
    expect![[r#"
        1 InProgress of [c1] by CreatePipeline
            Source Succeeded
            Security InProgress
            Product InProgress
        1 InProgress of [c1] by CreatePipeline
            Source Succeeded
            Security Failed: JobFailed: Rejected by arn:aws:iam::111111111111:user/administrator
            Product InProgress
        1 Failed of [c1] by CreatePipeline
            Source Succeeded
            Security Failed: JobFailed: Rejected by arn:aws:iam::111111111111:user/administrator
            Product Succeeded
        1 InProgress of [c1] by CreatePipeline
            Source Succeeded
            Security Failed: JobFailed: Rejected by arn:aws:iam::111111111111:user/administrator
            Product Succeeded
            Security InProgress
    "#]]
    .assert_eq(&story);
}
