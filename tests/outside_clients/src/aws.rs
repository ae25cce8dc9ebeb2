//! `aws`, the command line: each service by its own commands, and what it prints when AWS says no.

use crate::stage::{DEV, Stage, installed, project, stable};
use client::Image;
use client::wait::{Seen, until};
use local_aws::faults::{CallFault, CallFaultKind};
use serde_json::json;
use std::time::Duration;

fn aws_is_installed() -> bool {
    installed("aws", &["aws", "--version"], "pip install awscli")
}

impl Stage {
    fn aws(&self, line: &str) -> String {
        self.succeed("aws", &line.split_whitespace().collect::<Vec<_>>()).trim_end().to_owned()
    }

    /// `aws sqs` of version 1 takes its address from no variable, only from this option.
    fn aws_sqs(&self, line: &str) -> String {
        self.aws(&format!("sqs {line} --endpoint-url {}", self.endpoint()))
    }

    /// What `aws` says when it fails.
    fn refused(&self, line: &str) -> String {
        let said = self.run("aws", &line.split_whitespace().collect::<Vec<_>>());
        assert_eq!(said.out, "", "aws {line}");
        // Version 1 ends with 255, version 2 with 254, when the service said no.
        assert!(matches!(said.code, Some(254 | 255)), "aws {line}: {said:?}");
        format!("$ aws {line}\n{}\n", stable(said.err.trim()).trim_start_matches("aws: [ERROR]: "))
    }

    fn wait_for(&self, expected: &str, line: &str) {
        let look = || match self.aws(line) {
            found if found == expected => Seen::Done(()),
            found => Seen::NotYet(found),
        };
        until(line, Duration::from_secs(60), look).unwrap();
    }
}

#[test]
fn codecommit_by_command() {
    if !aws_is_installed() {
        return;
    }
    let stage = Stage::start();
    std::fs::write(stage.home.path().join("rules"), "version: 1\n").unwrap();
    let put =
        "codecommit put-file --repository-name deployment --branch-name main --file-content fileb://rules";
    let first = stage.aws(&format!("{put} --file-path delivery.yaml --query commitId --output text"));
    let tip = stage.aws("codecommit get-branch --repository-name deployment --branch-name main");
    expect_test::expect![[r#"
        {
            "branch": {
                "branchName": "main",
                "commitId": "<commit>"
            }
        }"#]]
    .assert_eq(&stable(&tip));
    let content = stage.aws("codecommit get-file --repository-name deployment --file-path delivery.yaml --query fileContent --output text");
    assert_eq!(content, "dmVyc2lvbjogMQo=");
    stage.aws(&format!("{put} --file-path other.yaml --parent-commit-id {first}"));
    let differences = format!(
        "codecommit get-differences --repository-name deployment --before-commit-specifier {first} --after-commit-specifier main"
    );
    assert_eq!(
        stage.aws(&format!("{differences} --query differences[].afterBlob.path --output text")),
        "other.yaml"
    );

    let told = [
        "codecommit get-branch --repository-name deployment --branch-name absent".to_owned(),
        "codecommit get-repository --repository-name absent".to_owned(),
        format!("{put} --file-path delivery.yaml --parent-commit-id {first}"),
        format!("{put} --file-path third.yaml"),
        "codecommit get-file --repository-name deployment --file-path absent".to_owned(),
        "codecommit list-pull-requests --repository-name deployment".to_owned(),
    ]
    .map(|line| stage.refused(&line))
    .concat();
    expect_test::expect![[r#"
        $ aws codecommit get-branch --repository-name deployment --branch-name absent
        An error occurred (BranchDoesNotExistException) when calling the GetBranch operation: there is no branch absent in this repository
        $ aws codecommit get-repository --repository-name absent
        An error occurred (RepositoryDoesNotExistException) when calling the GetRepository operation: absent does not exist
        $ aws codecommit put-file --repository-name deployment --branch-name main --file-content fileb://rules --file-path delivery.yaml --parent-commit-id <commit>
        An error occurred (ParentCommitIdOutdatedException) when calling the PutFile operation: the parent commit ID is not the tip of branch main: get the branch and try again
        $ aws codecommit put-file --repository-name deployment --branch-name main --file-content fileb://rules --file-path third.yaml
        An error occurred (ParentCommitIdRequiredException) when calling the PutFile operation: the repository is not empty: the commit ID of the tip of main is required
        $ aws codecommit get-file --repository-name deployment --file-path absent
        An error occurred (FileDoesNotExistException) when calling the GetFile operation: there is no file absent at this commit
        $ aws codecommit list-pull-requests --repository-name deployment
        An error occurred (NotInLocalAws) when calling the ListPullRequests operation: the local accounts do not know the operation codecommit ListPullRequests; AWS may
    "#]].assert_eq(&stable(&told));
}

#[test]
fn a_throttled_call_is_tried_again_and_told_of_in_the_end() {
    if !aws_is_installed() {
        return;
    }
    let stage = Stage::start();
    let throttle = |times| {
        stage.running.local.lock().faults.add_call_fault(CallFault {
            service: Some("codepipeline".to_owned()),
            operation: Some("ListPipelines".to_owned()),
            caller: None,
            skip: 0,
            times,
            what: CallFaultKind::Throttle,
        });
    };
    throttle(1);
    assert_eq!(stage.aws("codepipeline list-pipelines --query pipelines --output json"), "[]");
    throttle(100);
    let line = "codepipeline list-pipelines";
    let mut command = stage.command("aws");
    command.args(line.split_whitespace()).env("AWS_MAX_ATTEMPTS", "2").env("AWS_RETRY_MODE", "standard");
    let said = crate::stage::said(&mut command);
    assert!(matches!(said.code, Some(254 | 255)), "{said:?}");
    expect_test::expect!["An error occurred (ThrottlingException) when calling the ListPipelines operation (reached max retries: 1): Rate exceeded"].assert_eq(said.err.trim().trim_start_matches("aws: [ERROR]: "));
}

#[test]
fn a_service_is_made_and_its_pipeline_deployed_by_command() {
    if !aws_is_installed() {
        return;
    }
    let stage = Stage::start();
    assert_eq!(stage.aws("sts get-caller-identity --query Account --output text"), DEV);
    stage.aws("ecr create-repository --repository-name web");
    assert!(!stage.aws("ecr get-login-password").is_empty());
    let image = Image::new("web").build().unwrap();
    stage.registry().push("web", Some("1"), &image).unwrap();
    let digest = stage
        .aws("ecr describe-images --repository-name web --query imageDetails[0].imageDigest --output text");
    assert_eq!(digest, image.digest);
    stage.aws("ecs create-cluster --cluster-name town");
    let containers = json!([{ "name": "web", "image": format!("{DEV}.dkr.ecr.eu-west-1.amazonaws.com/web:1"), "memory": 128 }]);
    stage.succeed(
        "aws",
        &[
            "ecs",
            "register-task-definition",
            "--family",
            "web",
            "--container-definitions",
            &containers.to_string(),
        ],
    );
    stage.aws("ecs create-service --cluster town --service-name web --task-definition web --desired-count 1");
    stage.wait_for(
        "COMPLETED",
        "ecs describe-services --cluster town --services web --query services[0].deployments[0].rolloutState --output text",
    );

    std::fs::copy(project().join("infra/pipeline.yaml"), stage.home.path().join("pipeline.yaml")).unwrap();
    let deploy = "cloudformation deploy --template-file pipeline.yaml --stack-name pipeline-town-web --parameter-overrides Cluster=town Service=web";
    expect_test::expect![[r#"

        Waiting for changeset to be created..
        Waiting for stack create/update to complete
        Successfully created/updated stack - pipeline-town-web"#]]
    .assert_eq(&stage.aws(deploy));
    expect_test::expect![[r#"

        Waiting for changeset to be created..

        No changes to deploy. Stack pipeline-town-web is up to date"#]]
    .assert_eq(&stage.aws(&format!("{deploy} --no-fail-on-empty-changeset")));
    let stack = "cloudformation describe-stacks --stack-name pipeline-town-web --query Stacks[0].StackStatus --output text";
    assert_eq!(stage.aws(stack), "CREATE_COMPLETE");
    // Its first run, which its creation started, finds no commit.
    stage.wait_for(
        "Failed",
        "codepipeline list-pipeline-executions --pipeline-name deploy-town-web --query pipelineExecutionSummaries[0].status --output text",
    );
    let revision =
        json!([{ "name": "web", "imageUri": format!("{DEV}.dkr.ecr.eu-west-1.amazonaws.com/web@{digest}") }]);
    std::fs::write(stage.home.path().join("revision.json"), revision.to_string()).unwrap();
    let commit = stage.aws("codecommit put-file --repository-name deployment --branch-name main --file-content fileb://revision.json --file-path town/web/revision.json --query commitId --output text");
    let start = format!(
        "codepipeline start-pipeline-execution --name deploy-town-web --source-revisions actionName=Source,revisionType=COMMIT_ID,revisionValue={commit}"
    );
    let execution = stage.aws(&format!("{start} --query pipelineExecutionId --output text"));
    stage.wait_for(
        "Succeeded",
        &format!("codepipeline get-pipeline-execution --pipeline-name deploy-town-web --pipeline-execution-id {execution} --query pipelineExecution.status --output text"),
    );
    stage.aws("ecs wait services-stable --cluster town --services web");
    stage.aws("cloudformation delete-stack --stack-name pipeline-town-web");
    stage.aws("cloudformation wait stack-delete-complete --stack-name pipeline-town-web");
    let told = [
        "codepipeline get-pipeline --name deploy-town-web",
        "cloudformation describe-stacks --stack-name pipeline-town-web",
        "ecr describe-images --repository-name absent",
        "ecs describe-services --cluster absent --services web",
        "sts assume-role --role-arn arn:aws:iam::111111111111:role/absent --role-session-name me",
    ]
    .map(|line| stage.refused(line))
    .concat();
    expect_test::expect![[r#"
        $ aws codepipeline get-pipeline --name deploy-town-web
        An error occurred (PipelineNotFoundException) when calling the GetPipeline operation: Account '111111111111' does not have a pipeline with name 'deploy-town-web'
        $ aws cloudformation describe-stacks --stack-name pipeline-town-web
        An error occurred (ValidationError) when calling the DescribeStacks operation: Stack with id pipeline-town-web does not exist
        $ aws ecr describe-images --repository-name absent
        An error occurred (RepositoryNotFoundException) when calling the DescribeImages operation: The repository with name 'absent' does not exist in the registry with id '111111111111'
        $ aws ecs describe-services --cluster absent --services web
        An error occurred (ClusterNotFoundException) when calling the DescribeServices operation: Cluster not found.
        $ aws sts assume-role --role-arn arn:aws:iam::111111111111:role/absent --role-session-name me
        An error occurred (AccessDenied) when calling the AssumeRole operation: User: arn:aws:iam::111111111111:user/administrator is not authorized to perform: sts:AssumeRole on resource: arn:aws:iam::111111111111:role/absent
    "#]].assert_eq(&told);
}

#[test]
fn queues_rules_functions_schedules_and_logs_by_command() {
    if !aws_is_installed() {
        return;
    }
    let stage = Stage::start();
    let url = stage.aws_sqs("create-queue --queue-name mine --output text");
    assert_eq!(url, format!("{}/{DEV}/mine", stage.endpoint()));
    stage
        .succeed("aws", &["events", "put-rule", "--name", "mine", "--event-pattern", r#"{"source":["me"]}"#]);
    stage
        .aws("events put-targets --rule mine --targets Id=queue,Arn=arn:aws:sqs:eu-west-1:111111111111:mine");
    let policy = json!({ "Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": { "Service": "events.amazonaws.com" }, "Action": "sqs:SendMessage",
        "Resource": "arn:aws:sqs:eu-west-1:111111111111:mine",
    }] });
    let attributes = json!({ "Policy": policy.to_string() }).to_string();
    stage.succeed(
        "aws",
        &[
            "sqs",
            "set-queue-attributes",
            "--queue-url",
            &url,
            "--attributes",
            &attributes,
            "--endpoint-url",
            stage.endpoint(),
        ],
    );
    let entries = json!([{ "Source": "me", "DetailType": "Word", "Detail": r#"{"a":1}"# }]).to_string();
    stage.succeed("aws", &["events", "put-events", "--entries", &entries]);
    let body = stage.aws_sqs(&format!(
        "receive-message --queue-url {url} --wait-time-seconds 5 --query Messages[0].Body --output text"
    ));
    assert!(body.contains(r#""detail":{"a":1}"#), "{body}");

    std::fs::write(stage.home.path().join("event"), r#"{"Records":[]}"#).unwrap();
    let invoked = stage.aws("lambda invoke --function-name towpath-on_commit --payload fileb://event answer");
    expect_test::expect![[r#"
        {
            "StatusCode": 200,
            "ExecutedVersion": "$LATEST"
        }"#]]
    .assert_eq(&invoked);
    assert_eq!(
        std::fs::read_to_string(stage.home.path().join("answer")).unwrap(),
        r#"{"batchItemFailures":[]}"#
    );
    // What `aws logs tail`, which only version 2 has, asks for.
    let logs = stage.aws("logs filter-log-events --log-group-name /aws/lambda/towpath-on_commit --interleaved --start-time 0 --query events[].message --output text");
    assert!(logs.contains("START RequestId: "), "{logs}");
    let name = stage.aws("scheduler list-schedules --query Schedules[].Name --output text");
    assert_eq!(name, "towpath-reconcile");
    let told = [
        "lambda get-function --function-name absent",
        "events describe-rule --name absent",
        "logs filter-log-events --log-group-name absent",
        "scheduler get-schedule --name absent",
        &format!("sqs get-queue-url --queue-name absent --endpoint-url {}", stage.endpoint()),
    ]
    .map(|line| stage.refused(line))
    .concat();
    expect_test::expect![[r#"
        $ aws lambda get-function --function-name absent
        An error occurred (ResourceNotFoundException) when calling the GetFunction operation: Function not found: arn:aws:lambda:eu-west-1:111111111111:function:absent
        $ aws events describe-rule --name absent
        An error occurred (ResourceNotFoundException) when calling the DescribeRule operation: Rule absent does not exist on EventBus default.
        $ aws logs filter-log-events --log-group-name absent
        An error occurred (ResourceNotFoundException) when calling the FilterLogEvents operation: The specified log group does not exist.
        $ aws scheduler get-schedule --name absent
        An error occurred (ResourceNotFoundException) when calling the GetSchedule operation: Schedule absent does not exist.
        $ aws sqs get-queue-url --queue-name absent --endpoint-url <endpoint>
        An error occurred (AWS.SimpleQueueService.NonExistentQueue) when calling the GetQueueUrl operation: The specified queue does not exist.
    "#]].assert_eq(&stable(&told));
}

/// What the function answered to an execution of a document that has ended.
fn automated(stage: &Stage, started: &str) -> serde_json::Value {
    let id = stage.aws(&format!("{started} --query AutomationExecutionId --output text"));
    let asked = format!("ssm get-automation-execution --automation-execution-id {id}");
    stage.wait_for(
        "Success",
        &format!("{asked} --query AutomationExecution.AutomationExecutionStatus --output text"),
    );
    let outputs = stage.aws(&format!("{asked} --query AutomationExecution.Outputs.*[0] --output json"));
    let outputs: Vec<String> = serde_json::from_str(&outputs).unwrap();
    serde_json::from_str(outputs.first().unwrap()).unwrap()
}

#[test]
fn a_rollback_and_a_release_by_command() {
    if !aws_is_installed() {
        return;
    }
    let stage = Stage::start();
    let image = |tag: &str| {
        let built = Image::new("web").version(tag).build().unwrap();
        stage.registry().push("web", Some(tag), &built).unwrap()
    };
    stage.aws("ecr create-repository --repository-name web");
    let mut parent = String::new();
    for tag in ["1111111", "2222222"] {
        let digest = image(tag);
        let uri = format!("{DEV}.dkr.ecr.eu-west-1.amazonaws.com/web@{digest}");
        let revision = json!([{ "name": "web", "imageUri": uri }]).to_string();
        std::fs::write(stage.home.path().join("revision"), revision).unwrap();
        parent = stage.aws(&format!(
            "codecommit put-file --repository-name deployment --branch-name main --file-path town/web/revision.json --file-content fileb://revision --query commitId --output text{parent}"
        ));
        parent = format!(" --parent-commit-id {parent}");
    }
    let start = |document: &str, more: &str| {
        automated(
            &stage,
            &format!(
                "ssm start-automation-execution --document-name {document} --parameters Cluster=town,Service=web,Reason=broken{more}"
            ),
        )
    };
    let told = start("towpath-roll_back", ",To=1111111,DryRun=true");
    assert_eq!((&told["decision"], &told["dryRun"]), (&json!("rolled_back"), &json!(true)), "{told}");
    let told = start("towpath-roll_back", ",To=1111111");
    let administrator = format!("arn:aws:iam::{DEV}:user/administrator");
    let because = told["because"].as_str().unwrap();
    assert!(
        because.starts_with(&format!("{administrator} rolls back to the revision of commit ")),
        "{because}"
    );
    let commit = told["commit"].as_str().unwrap();
    let asked = format!("codecommit get-commit --repository-name deployment --commit-id {commit}");
    let message = stage.aws(&format!("{asked} --query commit.message --output text"));
    assert!(message.contains(&format!("\nActor: {administrator}\n")), "{message}");
    let told = start("towpath-roll_back", "");
    assert_eq!(told["refusal"], "no_healthy_revision", "{told}");
    let told = start("towpath-release", "");
    let because = told["because"].as_str().unwrap();
    assert!(because.starts_with(&format!("{administrator} releases its hold, sha256:")), "{because}");
    let refused = stage.refused("ssm start-automation-execution --document-name towpath-release --parameters Cluster=town,Service=../web,Reason=x");
    assert!(refused.contains("InvalidAutomationExecutionParametersException"), "{refused}");
}
