//! Deployments to ECS, from the file to the rollout's end.

use super::executions::named;
use super::shop::{file, image};
use super::*;
use expect_test::expect;

#[test]
fn a_commit_is_deployed_by_a_new_revision_with_only_the_named_image_replaced() {
    let mut tried = Tried::with_service();
    tried.push_image("better", &json!({ "release": "2" }));
    tried.listen();
    tried.commit(FILE, &file("better"));
    tried.create("QUEUED", &deployment());
    tried.pass_seconds(1);
    expect![[r#"
        1 InProgress of [c1] by CreatePipeline
            Source Succeeded
            Deploy InProgress
        PRIMARY IN_PROGRESS webapp1:2: /webapp1:better, /webapp1:good
        ACTIVE COMPLETED webapp1:1: /webapp1:good, /webapp1:good
    "#]]
    .assert_eq(&(tried.story() + &tried.rollouts()));
    tried.pass_seconds(60);
    expect![[r#"
        1 Succeeded of [c1] by CreatePipeline
            Source Succeeded
            Deploy Succeeded
        PRIMARY COMPLETED webapp1:2: /webapp1:better, /webapp1:good
    "#]]
    .assert_eq(&(tried.story() + &tried.rollouts()));
    expect![[r#"
        execution 1: Pipeline STARTED
        execution 1: Stage Source STARTED
        execution 1: Action Source/Source STARTED
        execution 1: Action Source/Source SUCCEEDED
        execution 1: Stage Source SUCCEEDED
        execution 1: Stage Deploy STARTED
        execution 1: Action Deploy/Deploy STARTED
        execution 1: Action Deploy/Deploy SUCCEEDED
        execution 1: Stage Deploy SUCCEEDED
        execution 1: Pipeline SUCCEEDED
    "#]]
    .assert_eq(&tried.heard());
    let listed = tried.call("ListActionExecutions", json!({ "pipelineName": "deploy" }));
    let shown = serde_json::to_string_pretty(&listed["actionExecutionDetails"][0]).expect("text");
    let shown = tried.numbered(&shown);
    expect![[r#"
        {
          "actionExecutionId": "(id)",
          "actionName": "Deploy",
          "input": {
            "actionTypeId": {
              "category": "Deploy",
              "owner": "AWS",
              "provider": "ECS",
              "version": "1"
            },
            "configuration": {
              "ClusterName": "cluster1",
              "DeploymentTimeout": "10",
              "FileName": "cluster1/webapp1/revision.json",
              "ServiceName": "webapp1"
            },
            "inputArtifacts": [
              {
                "name": "Source",
                "s3location": {
                  "bucket": "artifacts-1111",
                  "key": "deploy/Source/(key)"
                }
              }
            ],
            "region": "eu-west-1",
            "resolvedConfiguration": {
              "ClusterName": "cluster1",
              "DeploymentTimeout": "10",
              "FileName": "cluster1/webapp1/revision.json",
              "ServiceName": "webapp1"
            }
          },
          "lastUpdateTime": 1800000061.6,
          "output": {
            "executionResult": {
              "externalExecutionId": "(id)",
              "externalExecutionUrl": "https://eu-west-1.console.aws.amazon.com/ecs/home?region=eu-west-1#/clusters/cluster1/services/webapp1/events"
            },
            "outputArtifacts": [],
            "outputVariables": {}
          },
          "pipelineExecutionId": "execution 1",
          "pipelineVersion": 1,
          "stageName": "Deploy",
          "startTime": 1800000060.2,
          "status": "Succeeded"
        }
    "#]].assert_eq(&shown);
}

#[test]
fn the_same_content_is_deployed_once_more() {
    let mut tried = Tried::with_service();
    tried.commit(FILE, &file("good"));
    tried.create("QUEUED", &deployment());
    tried.pass_seconds(60);
    expect![[r#"
        1 Succeeded of [c1] by CreatePipeline
            Source Succeeded
            Deploy Succeeded
        PRIMARY COMPLETED webapp1:2: /webapp1:good, /webapp1:good
    "#]]
    .assert_eq(&(tried.story() + &tried.rollouts()));
}

#[test]
fn the_named_commit_is_deployed_not_the_tip() {
    let mut tried = Tried::with_service();
    tried.push_image("better", &json!({ "release": "2" }));
    let first = tried.commit(FILE, &file("better"));
    tried.commit(FILE, &file("good"));
    tried.create("QUEUED", &deployment());
    tried.start(json!({ "sourceRevisions": [named(&first)] }));
    tried.pass_seconds(60);
    expect![[r#"
        1 Succeeded of [c2] by CreatePipeline
            Source Succeeded
            Deploy Succeeded
        2 Succeeded of [c1] by StartPipelineExecution
            Source Succeeded
            Deploy Succeeded
        PRIMARY COMPLETED webapp1:3: /webapp1:better, /webapp1:good
    "#]]
    .assert_eq(&(tried.story() + &tried.rollouts()));
}

#[test]
fn what_cannot_be_deployed_fails_the_action() {
    let long = format!("[{}]", " ".repeat(100 * 1024));
    let unknown = json!([{ "name": "webapp2", "imageUri": image("good") }]).to_string();
    let more = json!([{ "name": "webapp1", "imageUri": image("good"), "tag": "good" }]).to_string();
    let mut story = String::new();
    for content in ["", "{}", "[]", "not JSON", &more, &unknown, &long] {
        let mut tried = Tried::with_service();
        tried.commit(FILE, content);
        tried.create("QUEUED", &deployment());
        tried.pass_seconds(60);
        story.push_str(&tried.story());
    }
    let mut tried = Tried::with_service();
    tried.commit("README.md", "nothing to deploy");
    tried.create("QUEUED", &deployment());
    tried.pass_seconds(60);
    story.push_str(&tried.story());
    for key in ["ClusterName", "ServiceName"] {
        let mut tried = Tried::with_service();
        tried.commit(FILE, &file("good"));
        let mut action = deployment();
        action["configuration"][key] = json!("elsewhere");
        tried.create("QUEUED", &action);
        tried.pass_seconds(60);
        story.push_str(&tried.story());
    }
    expect![[r#"
        1 Failed of [c1] by CreatePipeline
            Source Succeeded
            Deploy Failed: ConfigurationError: The image definitions file cluster1/webapp1/revision.json contains invalid JSON format
        1 Failed of [c1] by CreatePipeline
            Source Succeeded
            Deploy Failed: ConfigurationError: The image definitions file cluster1/webapp1/revision.json contains invalid JSON format
        1 Failed of [c1] by CreatePipeline
            Source Succeeded
            Deploy Failed: ConfigurationError: The image definitions file cluster1/webapp1/revision.json contains invalid JSON format
        1 Failed of [c1] by CreatePipeline
            Source Succeeded
            Deploy Failed: ConfigurationError: The image definitions file cluster1/webapp1/revision.json contains invalid JSON format
        1 Failed of [c1] by CreatePipeline
            Source Succeeded
            Deploy Failed: ConfigurationError: The image definitions file cluster1/webapp1/revision.json contains invalid JSON format
        1 Failed of [c1] by CreatePipeline
            Source Succeeded
            Deploy Failed: ConfigurationError: The AWS ECS container webapp2 does not exist
        1 Failed of [c1] by CreatePipeline
            Source Succeeded
            Deploy Failed: ConfigurationError: The image definitions file cluster1/webapp1/revision.json has 102402 bytes; the limit is 102400
        1 Failed of [c1] by CreatePipeline
            Source Succeeded
            Deploy Failed: ConfigurationError: Did not find the image definition file cluster1/webapp1/revision.json in the input artifacts ZIP file. Verify the file is stored in your pipeline's Amazon S3 artifact bucket: artifacts-1111 key: deploy/Source/(key)
        1 Failed of [c1] by CreatePipeline
            Source Succeeded
            Deploy Failed: ConfigurationError: The AWS ECS cluster elsewhere does not exist
        1 Failed of [c1] by CreatePipeline
            Source Succeeded
            Deploy Failed: ConfigurationError: The AWS ECS service elsewhere does not exist in the cluster cluster1
    "#]].assert_eq(&story);
}

#[test]
fn a_role_without_rights_to_ecs_fails_the_action() {
    let mut tried = Tried::with_service();
    tried.commit(FILE, &file("good"));
    tried.allow(&json!({ "Effect": "Allow", "Action": ["codecommit:*", "s3:*"], "Resource": "*" }));
    tried.create("QUEUED", &deployment());
    tried.pass_seconds(60);
    expect![[r#"
        1 Failed of [c1] by CreatePipeline
            Source Succeeded
            Deploy Failed: PermissionError: The provided role does not have sufficient permissions to access ECS: User: arn:aws:sts::111111111111:assumed-role/pipeline/execution 1 is not authorized to perform: ecs:DescribeServices on resource: arn:aws:ecs:eu-west-1:111111111111:service/cluster1/webapp1 because no identity-based policy allows the ecs:DescribeServices action
    "#]].assert_eq(&tried.story());
}

#[test]
fn a_rollback_by_the_circuit_breaker_is_not_noticed_until_the_time_is_out() {
    let mut tried = Tried::with_service();
    tried.push_image("bad", &json!({ "local-aws.exit-code": "1" }));
    tried.commit(FILE, &file("bad"));
    tried.create("QUEUED", &deployment());
    tried.pass(Duration::minutes(9));
    expect![[r#"
        1 InProgress of [c1] by CreatePipeline
            Source Succeeded
            Deploy InProgress
        PRIMARY COMPLETED webapp1:1: /webapp1:good, /webapp1:good
    "#]]
    .assert_eq(&(tried.story() + &tried.rollouts()));
    tried.pass(Duration::minutes(2));
    expect![[r#"
        1 Failed of [c1] by CreatePipeline
            Source Succeeded
            Deploy Failed: JobFailed: The deployment ecs-svc/(id) of the service webapp1 did not complete within 10 minutes: the action has timed out
        PRIMARY COMPLETED webapp1:1: /webapp1:good, /webapp1:good
    "#]].assert_eq(&(tried.story() + &tried.rollouts()));
}

#[test]
fn an_abandoned_deployment_goes_on_in_ecs() {
    let mut tried = Tried::with_service();
    tried.push_image("better", &json!({ "release": "2" }));
    tried.commit(FILE, &file("better"));
    tried.create("QUEUED", &deployment());
    tried.pass(Duration::milliseconds(500));
    let id = tried.execution_ids().remove(0);
    let stop = json!({ "pipelineName": "deploy", "pipelineExecutionId": id, "abandon": true });
    tried.call("StopPipelineExecution", stop);
    tried.pass_seconds(60);
    expect![[r#"
        1 Stopped of [c1] by CreatePipeline
            Source Succeeded
            Deploy Abandoned
        PRIMARY COMPLETED webapp1:2: /webapp1:better, /webapp1:good
    "#]]
    .assert_eq(&(tried.story() + &tried.rollouts()));
    assert_eq!(tried.world.next_due(), None);
}

#[test]
fn a_restart_in_the_middle_of_a_deployment_changes_nothing() {
    let mut tried = Tried::with_service();
    tried.push_image("better", &json!({ "release": "2" }));
    tried.commit(FILE, &file("better"));
    tried.create("QUEUED", &deployment());
    tried.pass_seconds(1);
    let kept = &mut tried.world.account_mut(&tried.caller.account).expect("an account").codepipeline;
    let saved = serde_json::to_string(kept).expect("text");
    *kept = serde_json::from_str(&saved).expect("the same state");
    tried.pass_seconds(60);
    expect![[r#"
        1 Succeeded of [c1] by CreatePipeline
            Source Succeeded
            Deploy Succeeded
        PRIMARY COMPLETED webapp1:2: /webapp1:better, /webapp1:good
    "#]]
    .assert_eq(&(tried.story() + &tried.rollouts()));
}
