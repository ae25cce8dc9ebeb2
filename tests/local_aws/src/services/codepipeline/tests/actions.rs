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
