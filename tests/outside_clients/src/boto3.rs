//! boto3: typed replies, compared with botocore's models, paginators, waiters, exceptions.

use crate::stage::{Stage, installed, said};
use std::path::Path;

fn boto3_is_installed() -> bool {
    installed("boto3", &["python3", "-c", "import boto3"], "pip install boto3")
}

/// Runs one of the scripts in `python/`; it prints what there is to compare.
fn script(name: &str) -> String {
    let stage = Stage::start();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("python").join(name);
    let said = said(stage.command("python3").arg(path));
    assert_eq!(said.code, Some(0), "{name}: {}{}", said.out, said.err);
    said.out
}

#[test]
fn every_reply_has_the_shape_that_the_model_gives_it() {
    if !boto3_is_installed() {
        return;
    }
    expect_test::expect![[r#"
        cloudformation: CreateChangeSet CreateStack DeleteChangeSet DeleteStack DescribeChangeSet DescribeStackEvents DescribeStackResources DescribeStacks ExecuteChangeSet GetTemplate GetTemplateSummary ListChangeSets ListExports ListStackResources ListStacks UpdateStack ValidateTemplate
        codecommit: BatchGetCommits CreateBranch CreateCommit CreateRepository DeleteBranch DeleteFile DeleteRepository GetBlob GetBranch GetComment GetCommentsForComparedCommit GetCommit GetDifferences GetFile GetFolder GetRepository ListBranches ListFileCommitHistory ListRepositories ListTagsForResource PostCommentForComparedCommit PutFile TagResource UntagResource UpdateDefaultBranch
        codepipeline: CreatePipeline DeletePipeline DisableStageTransition EnableStageTransition GetPipeline GetPipelineExecution GetPipelineState ListActionExecutions ListPipelineExecutions ListPipelines ListTagsForResource PutApprovalResult RetryStageExecution RollbackStage StartPipelineExecution StopPipelineExecution TagResource UntagResource UpdatePipeline
        ecr: BatchCheckLayerAvailability BatchDeleteImage BatchGetImage CompleteLayerUpload CreateRepository DeleteRepository DeleteRepositoryPolicy DescribeImages DescribeRepositories GetAuthorizationToken GetDownloadUrlForLayer GetRepositoryPolicy InitiateLayerUpload ListImageReferrers ListImages ListTagsForResource PutImage PutImageTagMutability SetRepositoryPolicy TagResource UntagResource UploadLayerPart
        ecs: CreateCluster CreateService DeleteCluster DeleteService DeregisterTaskDefinition DescribeClusters DescribeServiceDeployments DescribeServiceRevisions DescribeServices DescribeTaskDefinition DescribeTasks ListClusters ListServiceDeployments ListServices ListTagsForResource ListTaskDefinitions ListTasks RegisterTaskDefinition StopServiceDeployment TagResource UntagResource UpdateService
        events: CreateEventBus DeleteEventBus DeleteRule DescribeEventBus DescribeRule DisableRule EnableRule ListEventBuses ListRuleNamesByTarget ListRules ListTargetsByRule PutEvents PutPermission PutRule PutTargets RemovePermission RemoveTargets TestEventPattern
        iam: AttachRolePolicy CreatePolicy CreateRole DeletePolicy DeleteRole DeleteRolePolicy DetachRolePolicy GetPolicy GetPolicyVersion GetRole GetRolePolicy ListAttachedRolePolicies ListPolicies ListRolePolicies ListRoles PutRolePolicy UpdateAssumeRolePolicy UpdateRole
        lambda: AddPermission CreateEventSourceMapping DeleteEventSourceMapping DeleteFunctionConcurrency DeleteFunctionEventInvokeConfig GetEventSourceMapping GetFunction GetFunctionConcurrency GetFunctionConfiguration GetFunctionEventInvokeConfig GetPolicy Invoke ListEventSourceMappings ListFunctions PutFunctionConcurrency PutFunctionEventInvokeConfig RemovePermission UpdateEventSourceMapping
        logs: CreateLogGroup CreateLogStream DeleteLogGroup DeleteRetentionPolicy DescribeLogGroups DescribeLogStreams FilterLogEvents GetLogEvents PutRetentionPolicy
        scheduler: CreateSchedule DeleteSchedule GetSchedule ListSchedules UpdateSchedule
        sqs: ChangeMessageVisibility ChangeMessageVisibilityBatch CreateQueue DeleteMessage DeleteMessageBatch DeleteQueue GetQueueAttributes GetQueueUrl ListMessageMoveTasks ListQueueTags ListQueues PurgeQueue ReceiveMessage SendMessage SendMessageBatch SetQueueAttributes StartMessageMoveTask TagQueue UntagQueue
        sts: AssumeRole GetCallerIdentity
    "#]].assert_eq(&script("operations.py"));
}

#[test]
fn paginators_see_each_thing_once() {
    if !boto3_is_installed() {
        return;
    }
    expect_test::expect![[r#"
        task definitions: 5 on 3 pages
        clusters: 5 on 3 pages
        image repositories: 5 on 3 pages
        log groups: 5 on 3 pages
        differences: 4 on 2 pages
        queues: 8 on 3 pages
        functions: 5 on 2 pages
        roles: 8 on 2 pages
        rules: some on several pages
    "#]]
    .assert_eq(&script("pages.py"));
}

#[test]
fn errors_arrive_as_their_own_exceptions_and_throttles_are_tried_again() {
    if !boto3_is_installed() {
        return;
    }
    expect_test::expect![[r#"
        BranchDoesNotExistException 400 BranchDoesNotExistException: get_branch
        RepositoryDoesNotExistException 400 RepositoryDoesNotExistException: get_repository
        FileDoesNotExistException 400 FileDoesNotExistException: get_file
        ParentCommitIdOutdatedException 400 ParentCommitIdOutdatedException: create_commit
        RepositoryNotFoundException 400 RepositoryNotFoundException: describe_images
        ClusterNotFoundException 400 ClusterNotFoundException: describe_services
        ClientException 400 ClientException: describe_task_definition
        PipelineNotFoundException 400 PipelineNotFoundException: get_pipeline
        PipelineNotFoundException 400 PipelineNotFoundException: start_pipeline_execution
        QueueDoesNotExist 400 AWS.SimpleQueueService.NonExistentQueue: get_queue_url
        ResourceNotFoundException 400 ResourceNotFoundException: describe_rule
        ResourceNotFoundException 400 ResourceNotFoundException: filter_log_events
        ResourceNotFoundException 404 ResourceNotFoundException: get_function
        ResourceNotFoundException 404 ResourceNotFoundException: get_schedule
        NoSuchEntityException 404 NoSuchEntity: get_role
        ClientError 400 ValidationError: describe_stacks
        ClientError 403 AccessDenied: assume_role
        ClientError 501 NotInLocalAws: list_pull_requests
        throttle: 1 more attempt
        server_error: 1 more attempt
        drop_reply: 1 more attempt
        truncate_reply: 1 more attempt
        ClientError 400 ThrottlingException: get_branch
    "#]]
    .assert_eq(&script("errors.py"));
}
