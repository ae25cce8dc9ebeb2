"""Errors as boto3 raises them, and what it does about the ones that pass."""

import json
import urllib.request
import os

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

git, ecr, ecs = boto3.client("codecommit"), boto3.client("ecr"), boto3.client("ecs")
pipelines, queues = boto3.client("codepipeline"), boto3.client("sqs")


def shown(call, **arguments):
    try:
        call(**arguments)
    except ClientError as error:
        status = error.response["ResponseMetadata"]["HTTPStatusCode"]
        print(f"{type(error).__name__} {status} {error.response['Error']['Code']}: {call.__name__}")
        assert error.response["ResponseMetadata"]["RequestId"]
    else:
        print(f"nothing: {call.__name__}")


first = git.put_file(repositoryName="deployment", branchName="main", filePath="a", fileContent=b"1")["commitId"]
git.put_file(repositoryName="deployment", branchName="main", filePath="a", fileContent=b"2", parentCommitId=first)
shown(git.get_branch, repositoryName="deployment", branchName="absent")
shown(git.get_repository, repositoryName="absent")
shown(git.get_file, repositoryName="deployment", filePath="absent")
files = [{"filePath": "a", "fileContent": b"3"}]
shown(git.create_commit, repositoryName="deployment", branchName="main", parentCommitId=first, putFiles=files)
shown(ecr.describe_images, repositoryName="absent")
shown(ecs.describe_services, cluster="absent", services=["a"])
shown(ecs.describe_task_definition, taskDefinition="absent")
shown(pipelines.get_pipeline, name="absent")
shown(pipelines.start_pipeline_execution, name="absent")
shown(queues.get_queue_url, QueueName="absent")
shown(boto3.client("events").describe_rule, Name="absent")
shown(boto3.client("logs").filter_log_events, logGroupName="absent")
shown(boto3.client("lambda").get_function, FunctionName="absent")
shown(boto3.client("scheduler").get_schedule, Name="absent")
shown(boto3.client("iam").get_role, RoleName="absent")
shown(boto3.client("cloudformation").describe_stacks, StackName="absent")
shown(boto3.client("sts").assume_role, RoleArn="arn:aws:iam::111111111111:role/absent", RoleSessionName="me")
shown(git.list_pull_requests, repositoryName="deployment")


def fail(what, times):
    fault = {"service": "codecommit", "operation": "GetBranch", "times": times, "what": what}
    request = urllib.request.Request(
        os.environ["AWS_ENDPOINT_URL"] + "/_local/faults/calls", json.dumps(fault).encode(), method="POST"
    )
    urllib.request.urlopen(request).close()


patient = boto3.client("codecommit", config=Config(retries={"mode": "standard", "total_max_attempts": 3}))
for what in ["throttle", "server_error", "drop_reply", "truncate_reply"]:
    fail(what, 1)
    reply = patient.get_branch(repositoryName="deployment", branchName="main")
    print(f"{what}: {reply['ResponseMetadata']['RetryAttempts']} more attempt")
fail("throttle", 3)
shown(patient.get_branch, repositoryName="deployment", branchName="main")
