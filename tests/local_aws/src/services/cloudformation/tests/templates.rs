//! The project's own templates, deployed into a fresh account.

use super::*;
use crate::services;

#[test]
fn all_templates_deploy_and_these_are_their_resources() {
    let mut stage = Stage::new();
    stage.deploy_all();
    let mut shown = String::new();
    for stack in ["towpath-deployment-repository", "towpath", "pipeline"] {
        shown.push_str(&format!("{stack}\n"));
        let resources = stage.call("ListStackResources", json!({"StackName": stack})).expect("a list");
        for resource in resources["StackResourceSummaries"].as_array().expect("a list") {
            let text = |member: &str| resource[member].as_str().unwrap_or_default().to_owned();
            shown.push_str(&format!(
                "  {:<38} {:<32} {}\n",
                text("LogicalResourceId"),
                text("ResourceType"),
                text("PhysicalResourceId")
            ));
        }
    }
    expect![[r#"
        towpath-deployment-repository
          Artifacts                              AWS::S3::Bucket                  towpath-artifacts-111111111111-eu-west-1
          ArtifactsPolicy                        AWS::S3::BucketPolicy            towpath-artifacts-111111111111-eu-west-1
          Repository                             AWS::CodeCommit::Repository      6f9b6dae-6f4c-47a8-aac2-ce17a5794a3b
          PipelineRole                           AWS::IAM::Role                   towpath-pipeline
        towpath
          Notifications                          AWS::SNS::Topic                  arn:aws:sns:eu-west-1:111111111111:towpath-notifications
          OnCommitDeadLetters                    AWS::SQS::Queue                  http://127.0.0.1:4566/111111111111/towpath-on_commit-dead_letters
          OnCommitFailed                         AWS::CloudWatch::Alarm           towpath-on_commit-dead_letters
          OnCommitLogs                           AWS::Logs::LogGroup              /aws/lambda/towpath-on_commit
          OnCommitQueue                          AWS::SQS::Queue                  http://127.0.0.1:4566/111111111111/towpath-on_commit
          DeploymentBranchMoved                  AWS::Events::Rule                towpath-deployment_branch_moved
          OnCommitQueuePolicy                    AWS::SQS::QueuePolicy            towpath-OnCommitQueuePolicy-9B679C859ACD
          OnCommitRole                           AWS::IAM::Role                   towpath-on_commit
          OnCommit                               AWS::Lambda::Function            towpath-on_commit
          OnCommitMessages                       AWS::Lambda::EventSourceMapping  b0eb094e-6f1d-4f73-90cc-b6a06cd2330e
          OnDeploymentChangeDeadLetters          AWS::SQS::Queue                  http://127.0.0.1:4566/111111111111/towpath-on_deployment_change-dead_letters
          OnDeploymentChangeFailed               AWS::CloudWatch::Alarm           towpath-on_deployment_change-dead_letters
          OnDeploymentChangeLogs                 AWS::Logs::LogGroup              /aws/lambda/towpath-on_deployment_change
          OnDeploymentChangeQueue                AWS::SQS::Queue                  http://127.0.0.1:4566/111111111111/towpath-on_deployment_change
          OnDeploymentChangeRole                 AWS::IAM::Role                   towpath-on_deployment_change
          OnDeploymentChange                     AWS::Lambda::Function            towpath-on_deployment_change
          OnDeploymentChangeMessages             AWS::Lambda::EventSourceMapping  0781577a-0f53-45d6-9909-c315b21d8f6c
          OnImagePushDeadLetters                 AWS::SQS::Queue                  http://127.0.0.1:4566/111111111111/towpath-on_image_push-dead_letters
          OnImagePushFailed                      AWS::CloudWatch::Alarm           towpath-on_image_push-dead_letters
          OnImagePushLogs                        AWS::Logs::LogGroup              /aws/lambda/towpath-on_image_push
          OnImagePushQueue                       AWS::SQS::Queue                  http://127.0.0.1:4566/111111111111/towpath-on_image_push
          ApplicationBranchMoved                 AWS::Events::Rule                towpath-application_branch_moved
          ImagePushed                            AWS::Events::Rule                towpath-image_pushed
          OnImagePushQueuePolicy                 AWS::SQS::QueuePolicy            towpath-OnImagePushQueuePolicy-0942629F167F
          OnImagePushRole                        AWS::IAM::Role                   towpath-on_image_push
          OnImagePush                            AWS::Lambda::Function            towpath-on_image_push
          OnImagePushMessages                    AWS::Lambda::EventSourceMapping  3b2682ca-23c4-4f68-89e9-2cf9955c4d96
          PeopleToldOf                           AWS::Events::Rule                towpath-people_told_of
          NotificationsPolicy                    AWS::SNS::TopicPolicy            towpath-NotificationsPolicy-4A1D2716A0FA
          PipelineChanged                        AWS::Events::Rule                towpath-pipeline_changed
          ReconcileDeadLetters                   AWS::SQS::Queue                  http://127.0.0.1:4566/111111111111/towpath-reconcile-dead_letters
          ReconcileFailed                        AWS::CloudWatch::Alarm           towpath-reconcile-dead_letters
          ReconcileLogs                          AWS::Logs::LogGroup              /aws/lambda/towpath-reconcile
          ReconcileQueue                         AWS::SQS::Queue                  http://127.0.0.1:4566/111111111111/towpath-reconcile
          ReconcileRole                          AWS::IAM::Role                   towpath-reconcile
          Reconcile                              AWS::Lambda::Function            towpath-reconcile
          ReconcileMessages                      AWS::Lambda::EventSourceMapping  690ff352-d684-43e0-ad88-5ab0cc9e4967
          ReconcileScheduleRole                  AWS::IAM::Role                   towpath-reconcile-schedule
          ReconcileSchedule                      AWS::Scheduler::Schedule         towpath-reconcile
          RollBackLogs                           AWS::Logs::LogGroup              /aws/lambda/towpath-roll_back
          RollBackRole                           AWS::IAM::Role                   towpath-roll_back
          RollBack                               AWS::Lambda::Function            towpath-roll_back
          RollBackAutomationRole                 AWS::IAM::Role                   towpath-roll_back-automation
          ReleaseDocument                        AWS::SSM::Document               towpath-release
          RollBackDocument                       AWS::SSM::Document               towpath-roll_back
          RolloutChanged                         AWS::Events::Rule                towpath-rollout_changed
          ServiceImpaired                        AWS::Events::Rule                towpath-service_impaired
          OnDeploymentChangeQueuePolicy          AWS::SQS::QueuePolicy            towpath-OnDeploymentChangeQueuePolicy-20933F9B9211
        pipeline
          Pipeline                               AWS::CodePipeline::Pipeline      deploy-cluster1-webapp1
    "#]].assert_eq(&shown);
}

#[test]
fn an_environment_between_two_others_has_these_resources_more() {
    let mut stage = Stage::new();
    stage.deploy("towpath", &own("template.yaml"), &[]).expect("the functions");
    let list = |stage: &mut Stage| -> std::collections::BTreeSet<String> {
        let resources = stage.call("ListStackResources", json!({"StackName": "towpath"})).expect("a list");
        let lines = resources["StackResourceSummaries"].as_array().expect("a list").iter().map(|resource| {
            let text = |member: &str| resource[member].as_str().unwrap_or_default().to_owned();
            format!("{:<26} {:<32}", text("LogicalResourceId"), text("ResourceType")).trim_end().to_owned()
        });
        lines.collect()
    };
    let alone = list(&mut stage);
    let parameters = [("Upstream", "222222222222"), ("Downstream", "333333333333")];
    stage.deploy("towpath", &own("template.yaml"), &parameters).expect("the functions");
    let between = list(&mut stage);
    assert_eq!(alone.difference(&between).collect::<Vec<_>>(), Vec::<&String>::new());
    let more: Vec<&str> = between.difference(&alone).map(String::as_str).collect();
    expect![[r#"
        EvidenceToldDownstream     AWS::Events::Rule
        ImagesToldDownstream       AWS::Events::Rule
        PromoteImage               AWS::Lambda::Function
        PromoteImageDeadLetters    AWS::SQS::Queue
        PromoteImageFailed         AWS::CloudWatch::Alarm
        PromoteImageLogs           AWS::Logs::LogGroup
        PromoteImageMessages       AWS::Lambda::EventSourceMapping
        PromoteImageQueue          AWS::SQS::Queue
        PromoteImageQueuePolicy    AWS::SQS::QueuePolicy
        PromoteImageRole           AWS::IAM::Role
        ReadImagesRole             AWS::IAM::Role
        TellDownstreamRole         AWS::IAM::Role
        UpstreamBus                AWS::Events::EventBus
        UpstreamBusPolicy          AWS::Events::EventBusPolicy
        UpstreamToldOf             AWS::Events::Rule"#]]
    .assert_eq(&more.join("\n"));
}

#[test]
fn a_function_knows_its_environment() {
    let mut stage = Stage::new();
    stage.deploy_all();
    let input = json!({"FunctionName": "towpath-reconcile"});
    let function =
        services::lambda::call(&mut stage.world, &administrator(), "GetFunctionConfiguration", input)
            .expect("a function");
    let shown = serde_json::to_string_pretty(&function["Environment"]["Variables"]).expect("JSON");
    expect![[r#"
        {
          "TOWPATH_ACCOUNT": "111111111111",
          "TOWPATH_DEPLOYMENT_BRANCH": "main",
          "TOWPATH_DEPLOYMENT_REPOSITORY": "deployment",
          "TOWPATH_ENVIRONMENT": "dev",
          "TOWPATH_ON_COMMIT_QUEUE": "http://127.0.0.1:4566/111111111111/towpath-on_commit",
          "TOWPATH_ON_DEPLOYMENT_CHANGE_QUEUE": "http://127.0.0.1:4566/111111111111/towpath-on_deployment_change",
          "TOWPATH_ON_IMAGE_PUSH_QUEUE": "http://127.0.0.1:4566/111111111111/towpath-on_image_push",
          "TOWPATH_PIPELINE_PATTERN": "deploy-{cluster}-{service}",
          "TOWPATH_PROMOTE_IMAGE_QUEUE": "",
          "TOWPATH_RECONCILE_QUEUE": "http://127.0.0.1:4566/111111111111/towpath-reconcile",
          "TOWPATH_STALLED_AFTER_MINUTES": "15",
          "TOWPATH_UPSTREAM_ACCOUNT": "",
          "TOWPATH_UPSTREAM_ROLE": ""
        }"#]].assert_eq(&shown);
}

#[test]
fn a_template_deployed_again_changes_nothing_and_takes_new_executables_in() {
    let mut stage = Stage::new();
    stage.deploy_all();
    let code = |stage: &mut Stage| {
        let input = json!({"FunctionName": "towpath-on_commit"});
        services::lambda::call(&mut stage.world, &administrator(), "GetFunctionConfiguration", input)
            .expect("a function")["CodeSha256"]
            .clone()
    };
    let events = stage.events("towpath");
    let before = code(&mut stage);
    std::fs::write(stage.functions.path().join("on_commit"), "built anew").expect("an executable");
    stage.deploy("towpath", &own("template.yaml"), &[]).expect("the functions");
    assert_eq!(stage.events("towpath"), events);
    assert_ne!(code(&mut stage), before);
}

#[test]
fn all_templates_go_again_but_for_what_is_retained() {
    let mut stage = Stage::new();
    stage.deploy_all();
    for stack in ["pipeline", "towpath", "towpath-deployment-repository"] {
        stage.call("DeleteStack", json!({"StackName": stack})).expect("deleted");
    }
    let stacks = stage.call("ListStacks", json!({})).expect("a list");
    let states: Vec<String> = stacks["StackSummaries"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|stack| format!("{} {}", stack["StackName"], stack["StackStatus"]))
        .collect();
    expect![[r#"
        "pipeline" "DELETE_COMPLETE"
        "towpath" "DELETE_COMPLETE"
        "towpath-deployment-repository" "DELETE_COMPLETE""#]]
    .assert_eq(&states.join("\n"));
    let account = stage.world.account(&dev()).expect("an account");
    let left = serde_json::to_value(account).expect("JSON");
    let kept = |pointer: &str| left.pointer(pointer).cloned().unwrap_or_default().to_string();
    expect![[r#"
        roles {}
        buckets {"towpath-artifacts-111111111111-eu-west-1":{"policy":null}}
        queues {}
        functions {}"#]]
    .assert_eq(&format!(
        "roles {}\nbuckets {}\nqueues {}\nfunctions {}",
        kept("/iam/roles"),
        kept("/s3/buckets"),
        kept("/sqs/queues"),
        kept("/lambda/functions")
    ));
}

#[test]
fn a_function_without_its_executable_fails_the_stack_by_name() {
    let mut stage = Stage::new();
    std::fs::remove_file(stage.functions.path().join("on_commit")).expect("removed");
    let folder = stage.functions.path().display().to_string();
    let error = stage.deploy("towpath", &own("template.yaml"), &[]).expect_err("a refusal");
    expect!["StackFailed: the stack towpath is ROLLBACK_COMPLETE: The following resource(s) failed to create: [OnCommit]: InvalidParameterValueException: there is no executable FOLDER/on_commit: build the functions first"].assert_eq(&error.to_string().replace(&folder, "FOLDER"));
}

#[test]
fn parameters_reach_patterns_roles_and_alarms() {
    let mut stage = Stage::new();
    let parameters = [("DeploymentBranch", "live"), ("NotifyEmail", "team@example.com"), ("Upstream", "12")];
    let error = stage.deploy("towpath", &own("template.yaml"), &parameters).expect_err("a refusal");
    assert_eq!(
        error.to_string(),
        "ValidationError: Parameter 'Upstream' is `12`; expected a 12-digit account id, or nothing"
    );
    stage.deploy("towpath", &own("template.yaml"), &parameters[..2]).expect("the functions");
    let rule = json!({"Name": "towpath-deployment_branch_moved"});
    let rule =
        services::events::call(&mut stage.world, &administrator(), "DescribeRule", rule).expect("a rule");
    expect![[r#"{"account":["111111111111"],"detail":{"event":["referenceCreated","referenceUpdated"],"referenceName":["live"],"referenceType":["branch"]},"detail-type":["CodeCommit Repository State Change"],"resources":["arn:aws:codecommit:eu-west-1:111111111111:deployment"],"source":["aws.codecommit"]}"#]].assert_eq(rule["EventPattern"].as_str().expect("a pattern"));
    let input = json!({"StackName": "towpath", "LogicalResourceId": "NotificationsByEmail"});
    let subscription = stage.call("DescribeStackResources", input).expect("a resource");
    assert_eq!(subscription["StackResources"].as_array().map(Vec::len), Some(1));
}

#[test]
fn a_parameter_that_a_person_changed_survives_the_next_start() {
    let mut stage = Stage::new();
    stage.deploy("towpath", &own("template.yaml"), &[("StalledAfter", "20")]).expect("the functions");
    stage.deploy("towpath", &own("template.yaml"), &[("Environment", "dev")]).expect("the functions");
    let input = json!({"FunctionName": "towpath-on_commit"});
    let function =
        services::lambda::call(&mut stage.world, &administrator(), "GetFunctionConfiguration", input)
            .expect("a function");
    assert_eq!(function["Environment"]["Variables"]["TOWPATH_STALLED_AFTER_MINUTES"], "20");
}
