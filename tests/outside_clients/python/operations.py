"""Every operation that the local accounts serve, called once; each reply is compared with its model."""

import hashlib
import json
import time

from botocore.exceptions import ClientError
from shapes import Shapes

ACCOUNT = "111111111111"
shapes = Shapes()


def refused(code, call, **arguments):
    """The call is refused with this code."""
    try:
        call(**arguments)
    except ClientError as error:
        found = error.response["Error"]["Code"]
        assert found == code, f"{call.__name__}: {error}"
    else:
        raise AssertionError(f"{call.__name__} was not refused with {code}")


def codecommit():
    client = shapes.client("codecommit")
    arn = client.create_repository(repositoryName="words", repositoryDescription="d", tags={"a": "b"})[
        "repositoryMetadata"
    ]["Arn"]
    first = client.put_file(
        repositoryName="words", branchName="main", filePath="a/one.txt", fileContent=b"one\n", commitMessage="first"
    )["commitId"]
    second = client.create_commit(
        repositoryName="words",
        branchName="main",
        parentCommitId=first,
        authorName="Pat",
        email="pat@example.com",
        commitMessage="second",
        putFiles=[
            {"filePath": "a/two.sh", "fileContent": b"two\n", "fileMode": "EXECUTABLE"},
            {"filePath": "three.txt", "fileContent": b"\x00\xff"},
        ],
    )["commitId"]
    client.create_branch(repositoryName="words", branchName="side", commitId=first)
    assert client.get_branch(repositoryName="words", branchName="side")["branch"]["commitId"] == first
    assert client.list_branches(repositoryName="words")["branches"] == ["main", "side"]
    commit = client.get_commit(repositoryName="words", commitId=second)["commit"]
    assert commit["parents"] == [first]
    assert len(client.batch_get_commits(repositoryName="words", commitIds=[first, second])["commits"]) == 2
    file = client.get_file(repositoryName="words", filePath="a/one.txt", commitSpecifier="main")
    assert file["fileContent"] == b"one\n"
    assert client.get_blob(repositoryName="words", blobId=file["blobId"])["content"] == b"one\n"
    folder = client.get_folder(repositoryName="words", folderPath="a")
    assert [entry["relativePath"] for entry in folder["files"]] == ["one.txt", "two.sh"]
    differences = client.get_differences(
        repositoryName="words", beforeCommitSpecifier=first, afterCommitSpecifier="main"
    )["differences"]
    assert [entry["changeType"] for entry in differences] == ["A", "A"]
    assert len(client.list_file_commit_history(repositoryName="words", filePath="a/one.txt")["revisionDag"]) == 1
    comment = client.post_comment_for_compared_commit(
        repositoryName="words", beforeCommitId=first, afterCommitId=second, content="seen"
    )["comment"]
    assert client.get_comment(commentId=comment["commentId"])["comment"]["content"] == "seen"
    told = client.get_comments_for_compared_commit(repositoryName="words", beforeCommitId=first, afterCommitId=second)
    assert told["commentsForComparedCommitData"][0]["comments"][0]["content"] == "seen"
    client.delete_file(repositoryName="words", branchName="main", filePath="three.txt", parentCommitId=second)
    client.tag_resource(resourceArn=arn, tags={"c": "d"})
    client.untag_resource(resourceArn=arn, tagKeys=["a"])
    assert client.list_tags_for_resource(resourceArn=arn)["tags"] == {"c": "d"}
    client.update_default_branch(repositoryName="words", defaultBranchName="side")
    metadata = client.get_repository(repositoryName="words")["repositoryMetadata"]
    assert metadata["defaultBranch"] == "side"
    assert abs(metadata["creationDate"].timestamp() - time.time()) < 600
    client.delete_branch(repositoryName="words", branchName="main")
    assert "words" in [entry["repositoryName"] for entry in client.list_repositories()["repositories"]]
    client.delete_repository(repositoryName="words")


def digest(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def push(client, repository, tag, label):
    """Pushes an image of one layer through the layer operations; returns its digest."""
    config = json.dumps({"architecture": "amd64", "os": "linux", "config": {"Labels": {"label": label}}, "rootfs": {"type": "layers", "diff_ids": []}}).encode()
    layer = f"layer {label}".encode()
    for data in (config, layer):
        upload = client.initiate_layer_upload(repositoryName=repository)["uploadId"]
        client.upload_layer_part(
            repositoryName=repository, uploadId=upload, partFirstByte=0, partLastByte=len(data) - 1, layerPartBlob=data
        )
        try:
            client.complete_layer_upload(repositoryName=repository, uploadId=upload, layerDigests=[digest(data)])
        except client.exceptions.LayerAlreadyExistsException:
            pass
    kind = "application/vnd.oci.image"
    manifest = json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": f"{kind}.manifest.v1+json",
            "config": {"mediaType": f"{kind}.config.v1+json", "digest": digest(config), "size": len(config)},
            "layers": [{"mediaType": f"{kind}.layer.v1.tar", "digest": digest(layer), "size": len(layer)}],
        }
    )
    image = client.put_image(repositoryName=repository, imageManifest=manifest, imageTag=tag)["image"]
    assert image["imageManifest"] == manifest
    return image["imageId"]["imageDigest"], digest(layer), len(manifest)


def ecr():
    client = shapes.client("ecr")
    repository = client.create_repository(repositoryName="team/web", tags=[{"Key": "a", "Value": "b"}])["repository"]
    arn = repository["repositoryArn"]
    image, layer, size = push(client, "team/web", "1.0", "one")
    empty = json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "artifactType": "application/x.note",
            "config": {"mediaType": "application/vnd.oci.empty.v1+json", "digest": digest(b"{}"), "size": 2},
            "layers": [{"mediaType": "application/vnd.oci.empty.v1+json", "digest": digest(b"{}"), "size": 2}],
            "subject": {"mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": image, "size": size},
            "annotations": {"by": "boto3"},
        }
    )
    upload = client.initiate_layer_upload(repositoryName="team/web")["uploadId"]
    client.upload_layer_part(repositoryName="team/web", uploadId=upload, partFirstByte=0, partLastByte=1, layerPartBlob=b"{}")
    client.complete_layer_upload(repositoryName="team/web", uploadId=upload, layerDigests=[digest(b"{}")])
    client.put_image(repositoryName="team/web", imageManifest=empty)
    referrers = client.list_image_referrers(repositoryName="team/web", subjectId={"imageDigest": image})["referrers"]
    assert [entry["annotations"] for entry in referrers] == [{"by": "boto3"}]
    layers = client.batch_check_layer_availability(repositoryName="team/web", layerDigests=[layer, digest(b"absent")])
    assert [entry["layerAvailability"] for entry in layers["layers"]] == ["AVAILABLE", "UNAVAILABLE"]
    url = client.get_download_url_for_layer(repositoryName="team/web", layerDigest=layer)["downloadUrl"]
    assert url.startswith("http")
    got = client.batch_get_image(repositoryName="team/web", imageIds=[{"imageTag": "1.0"}, {"imageTag": "absent"}])
    assert (len(got["images"]), len(got["failures"])) == (1, 1)
    details = client.describe_images(repositoryName="team/web", imageIds=[{"imageTag": "1.0"}])["imageDetails"][0]
    assert abs(details["imagePushedAt"].timestamp() - time.time()) < 600
    assert len(client.describe_images(repositoryName="team/web")["imageDetails"]) >= 1
    assert {"imageDigest": image, "imageTag": "1.0"} in client.list_images(repositoryName="team/web")["imageIds"]
    client.get_authorization_token()
    client.describe_repositories(repositoryNames=["team/web"])
    client.tag_resource(resourceArn=arn, tags=[{"Key": "c", "Value": "d"}])
    client.untag_resource(resourceArn=arn, tagKeys=["a"])
    client.list_tags_for_resource(resourceArn=arn)
    client.put_image_tag_mutability(repositoryName="team/web", imageTagMutability="IMMUTABLE")
    policy = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::222222222222:root"}, "Action": "ecr:BatchGetImage"}],
    }
    client.set_repository_policy(repositoryName="team/web", policyText=json.dumps(policy))
    client.get_repository_policy(repositoryName="team/web")
    client.delete_repository_policy(repositoryName="team/web")
    deleted = client.batch_delete_image(repositoryName="team/web", imageIds=[{"imageDigest": digest(b"absent")}])
    assert deleted["failures"][0]["failureCode"] == "ImageNotFound"
    client.delete_repository(repositoryName="team/web", force=True)


def wait_until(what, look):
    """Looks until it is so."""
    for _ in range(600):
        found = look()
        if found:
            return found
        time.sleep(0.1)
    raise AssertionError(f"waited a minute for {what}")


def ecs():
    client = shapes.client("ecs")
    registry = shapes.client("ecr")
    registry.create_repository(repositoryName="shop")
    push(registry, "shop", "1", "one")
    push(registry, "shop", "2", "two")
    arn = client.create_cluster(clusterName="town", tags=[{"key": "a", "value": "b"}])["cluster"]["clusterArn"]
    client.describe_clusters(clusters=["town"], include=["TAGS", "SETTINGS"])
    assert arn in client.list_clusters()["clusterArns"]

    def definition(tag):
        image = f"{ACCOUNT}.dkr.ecr.eu-west-1.amazonaws.com/shop:{tag}"
        container = {
            "name": "shop",
            "image": image,
            "memory": 128,
            "essential": True,
            "portMappings": [{"containerPort": 80}],
            "environment": [{"name": "A", "value": "b"}],
        }
        return client.register_task_definition(family="shop", containerDefinitions=[container])["taskDefinition"]

    definition("1")
    service = client.create_service(
        cluster="town",
        serviceName="shop",
        taskDefinition="shop:1",
        desiredCount=2,
        deploymentConfiguration={"deploymentCircuitBreaker": {"enable": True, "rollback": True}},
    )["service"]
    client.get_waiter("services_stable").wait(
        cluster="town", services=["shop"], WaiterConfig={"Delay": 1, "MaxAttempts": 30}
    )
    shown = client.describe_services(cluster="town", services=["shop", "absent"], include=["TAGS"])
    assert shown["services"][0]["runningCount"] == 2 and shown["failures"][0]["reason"] == "MISSING"
    client.list_services(cluster="town")
    tasks = client.list_tasks(cluster="town", serviceName="shop")["taskArns"]
    described = client.describe_tasks(cluster="town", tasks=tasks)["tasks"]
    assert [task["lastStatus"] for task in described] == ["RUNNING", "RUNNING"]
    client.describe_task_definition(taskDefinition="shop", include=["TAGS"])
    client.list_task_definitions(familyPrefix="shop")
    deployments = client.list_service_deployments(cluster="town", service="shop")["serviceDeployments"]
    told = client.describe_service_deployments(serviceDeploymentArns=[deployments[0]["serviceDeploymentArn"]])
    assert told["serviceDeployments"][0]["status"] == "SUCCESSFUL"
    revision = shown["services"][0]["currentServiceRevisions"][0]["arn"]
    client.describe_service_revisions(serviceRevisionArns=[revision])
    definition("2")
    client.update_service(cluster="town", service="shop", taskDefinition="shop:2")
    newest = wait_until(
        "the service deployment",
        lambda: [
            entry
            for entry in client.list_service_deployments(cluster="town", service="shop", status=["PENDING", "IN_PROGRESS"])[
                "serviceDeployments"
            ]
        ],
    )
    client.stop_service_deployment(serviceDeploymentArn=newest[0]["serviceDeploymentArn"], stopType="ROLLBACK")
    wait_until(
        "the rollback",
        lambda: client.describe_service_deployments(serviceDeploymentArns=[newest[0]["serviceDeploymentArn"]])[
            "serviceDeployments"
        ][0]["status"]
        == "ROLLBACK_SUCCESSFUL",
    )
    client.tag_resource(resourceArn=service["serviceArn"], tags=[{"key": "c", "value": "d"}])
    client.list_tags_for_resource(resourceArn=service["serviceArn"])
    client.untag_resource(resourceArn=service["serviceArn"], tagKeys=["c"])
    client.update_service(cluster="town", service="shop", desiredCount=0)
    client.delete_service(cluster="town", service="shop", force=True)
    client.get_waiter("services_inactive").wait(
        cluster="town", services=["shop"], WaiterConfig={"Delay": 1, "MaxAttempts": 30}
    )
    client.deregister_task_definition(taskDefinition="shop:2")
    wait_until("the tasks' end", lambda: not client.list_tasks(cluster="town")["taskArns"])
    client.delete_cluster(cluster="town")


def sqs():
    client = shapes.client("sqs")
    url = client.create_queue(QueueName="post", Attributes={"VisibilityTimeout": "0"}, tags={"a": "b"})["QueueUrl"]
    dead = client.create_queue(QueueName="post-dead")["QueueUrl"]
    dead_arn = client.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    client.set_queue_attributes(
        QueueUrl=url, Attributes={"RedrivePolicy": json.dumps({"deadLetterTargetArn": dead_arn, "maxReceiveCount": 3})}
    )
    assert client.get_queue_url(QueueName="post")["QueueUrl"] == url
    assert sorted(client.list_queues(QueueNamePrefix="post")["QueueUrls"]) == sorted([url, dead])
    # boto3 compares the digests that the reply bears with those of what it sent.
    client.send_message(
        QueueUrl=url, MessageBody="one", MessageAttributes={"kind": {"DataType": "String", "StringValue": "letter"}}
    )
    batch = client.send_message_batch(
        QueueUrl=url, Entries=[{"Id": "a", "MessageBody": "two"}, {"Id": "b", "MessageBody": "three"}]
    )
    assert len(batch["Successful"]) == 2
    messages = client.receive_message(
        QueueUrl=url,
        MaxNumberOfMessages=10,
        WaitTimeSeconds=1,
        VisibilityTimeout=30,
        MessageSystemAttributeNames=["All"],
        MessageAttributeNames=["All"],
    )["Messages"]
    assert len(messages) == 3
    handles = [message["ReceiptHandle"] for message in messages]
    client.change_message_visibility(QueueUrl=url, ReceiptHandle=handles[0], VisibilityTimeout=60)
    client.change_message_visibility_batch(
        QueueUrl=url, Entries=[{"Id": "a", "ReceiptHandle": handles[1], "VisibilityTimeout": 60}]
    )
    client.delete_message(QueueUrl=url, ReceiptHandle=handles[0])
    gone = client.delete_message_batch(
        QueueUrl=url, Entries=[{"Id": "a", "ReceiptHandle": handles[1]}, {"Id": "b", "ReceiptHandle": handles[2]}]
    )
    assert len(gone["Successful"]) == 2
    client.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])
    client.tag_queue(QueueUrl=url, Tags={"c": "d"})
    client.list_queue_tags(QueueUrl=url)
    client.untag_queue(QueueUrl=url, TagKeys=["c"])
    client.send_message(QueueUrl=dead, MessageBody="again")
    client.start_message_move_task(SourceArn=dead_arn, DestinationArn=dead_arn.removesuffix("-dead"))
    client.list_message_move_tasks(SourceArn=dead_arn)
    client.purge_queue(QueueUrl=url)
    client.delete_queue(QueueUrl=url)


def events():
    client = shapes.client("events")
    bus = client.create_event_bus(Name="town")["EventBusArn"]
    client.describe_event_bus(Name="town")
    client.list_event_buses()
    client.put_permission(EventBusName="town", StatementId="one", Action="events:PutEvents", Principal="222222222222")
    client.remove_permission(EventBusName="town", StatementId="one")
    pattern = json.dumps({"source": ["mine"]})
    client.put_rule(Name="mine", EventBusName="town", EventPattern=pattern, Description="d")
    queue = f"arn:aws:sqs:eu-west-1:{ACCOUNT}:towpath-reconcile"
    put = client.put_targets(Rule="mine", EventBusName="town", Targets=[{"Id": "queue", "Arn": queue}])
    assert put["FailedEntryCount"] == 0
    client.describe_rule(Name="mine", EventBusName="town")
    client.list_rules(EventBusName="town")
    client.list_targets_by_rule(Rule="mine", EventBusName="town")
    assert client.list_rule_names_by_target(TargetArn=queue, EventBusName="town")["RuleNames"] == ["mine"]
    client.disable_rule(Name="mine", EventBusName="town")
    client.enable_rule(Name="mine", EventBusName="town")
    event = {"id": "1", "source": "mine", "detail-type": "d", "account": ACCOUNT, "region": "eu-west-1", "time": "2026-01-01T00:00:00Z", "resources": [], "detail": {}}
    assert client.test_event_pattern(EventPattern=pattern, Event=json.dumps(event))["Result"] is True
    sent = client.put_events(
        Entries=[
            {"Source": "mine", "DetailType": "d", "Detail": "{}", "EventBusName": bus},
            {"Source": "mine", "DetailType": "d", "Detail": "no JSON"},
        ]
    )
    assert sent["FailedEntryCount"] == 1
    client.remove_targets(Rule="mine", EventBusName="town", Ids=["queue"])
    client.delete_rule(Name="mine", EventBusName="town")
    client.delete_event_bus(Name="town")


def logs():
    client = shapes.client("logs")
    client.create_log_group(logGroupName="/mine")
    client.create_log_stream(logGroupName="/mine", logStreamName="one")
    client.put_retention_policy(logGroupName="/mine", retentionInDays=7)
    client.delete_retention_policy(logGroupName="/mine")
    client.delete_log_group(logGroupName="/mine")
    group = "/aws/lambda/towpath-on_commit"
    client.describe_log_groups(logGroupNamePrefix="/aws/lambda")
    streams = client.describe_log_streams(logGroupName=group, orderBy="LastEventTime", descending=True)["logStreams"]
    seen = client.filter_log_events(logGroupName=group, interleaved=True, startTime=0)["events"]
    assert seen and abs(seen[0]["timestamp"] / 1000 - time.time()) < 600
    read = client.get_log_events(logGroupName=group, logStreamName=streams[0]["logStreamName"], startFromHead=True)
    assert read["events"] and read["nextForwardToken"]


def lambda_():
    client = shapes.client("lambda")
    name = "towpath-on_commit"
    client.get_waiter("function_active_v2").wait(FunctionName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 5})
    client.get_waiter("function_updated_v2").wait(FunctionName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 5})
    client.get_function_configuration(FunctionName=name)
    functions = client.list_functions()["Functions"]
    assert name in [function["FunctionName"] for function in functions]
    answer = client.invoke(FunctionName=name, Payload=json.dumps({"Records": []}), LogType="Tail")
    assert answer["StatusCode"] == 200 and "FunctionError" not in answer, answer["Payload"].read()
    assert json.load(answer["Payload"]) == {"batchItemFailures": []}
    refused = client.invoke(FunctionName=name, Payload=b'"no event"')
    assert refused["FunctionError"] == "Unhandled"
    later = client.invoke(FunctionName=name, InvocationType="Event", Payload=json.dumps({"Records": []}))
    assert later["StatusCode"] == 202
    assert client.invoke(FunctionName=name, InvocationType="DryRun")["StatusCode"] == 204
    client.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=2)
    client.get_function_concurrency(FunctionName=name)
    client.delete_function_concurrency(FunctionName=name)
    client.add_permission(
        FunctionName=name, StatementId="rules", Action="lambda:InvokeFunction", Principal="events.amazonaws.com"
    )
    client.get_policy(FunctionName=name)
    client.remove_permission(FunctionName=name, StatementId="rules")
    client.put_function_event_invoke_config(FunctionName=name, MaximumRetryAttempts=1, MaximumEventAgeInSeconds=60)
    client.get_function_event_invoke_config(FunctionName=name)
    client.delete_function_event_invoke_config(FunctionName=name)
    there = client.list_event_source_mappings(FunctionName=name)["EventSourceMappings"]
    client.delete_event_source_mapping(UUID=there[0]["UUID"])
    arn = there[0]["EventSourceArn"]
    mapping = client.create_event_source_mapping(
        FunctionName=name, EventSourceArn=arn, BatchSize=5, FunctionResponseTypes=["ReportBatchItemFailures"]
    )["UUID"]
    client.get_event_source_mapping(UUID=mapping)
    client.update_event_source_mapping(UUID=mapping, Enabled=False)
    client.get_function(FunctionName=name)


def scheduler():
    client = shapes.client("scheduler")
    roles = shapes.client("iam").list_roles()["Roles"]
    role = next(role["Arn"] for role in roles if "scheduler.amazonaws.com" in json.dumps(role["AssumeRolePolicyDocument"]))
    target = {"Arn": f"arn:aws:sqs:eu-west-1:{ACCOUNT}:towpath-reconcile", "RoleArn": role, "Input": "{}"}
    shared = {"FlexibleTimeWindow": {"Mode": "OFF"}, "Target": target}
    client.create_schedule(Name="often", ScheduleExpression="rate(5 minutes)", **shared)
    client.update_schedule(Name="often", ScheduleExpression="rate(10 minutes)", State="DISABLED", **shared)
    shown = client.get_schedule(Name="often")
    assert (shown["ScheduleExpression"], shown["State"]) == ("rate(10 minutes)", "DISABLED")
    assert abs(shown["CreationDate"].timestamp() - time.time()) < 600
    client.list_schedules(NamePrefix="of")
    client.delete_schedule(Name="often")


def sts_and_iam():
    sts, iam = shapes.client("sts"), shapes.client("iam")
    assert sts.get_caller_identity()["Account"] == ACCOUNT
    trust = json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [
                {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "Action": "sts:AssumeRole"}
            ],
        }
    )
    policy = json.dumps(
        {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "codecommit:ListRepositories", "Resource": "*"}]}
    )
    role = iam.create_role(RoleName="reader", AssumeRolePolicyDocument=trust, Description="d")["Role"]["Arn"]
    iam.put_role_policy(RoleName="reader", PolicyName="inline", PolicyDocument=policy)
    assert iam.get_role_policy(RoleName="reader", PolicyName="inline")["PolicyDocument"]["Version"] == "2012-10-17"
    session = sts.assume_role(RoleArn=role, RoleSessionName="boto3")
    keys = session["Credentials"]
    assert keys["Expiration"].timestamp() > time.time()
    as_reader = shapes.client(
        "codecommit",
        aws_access_key_id=keys["AccessKeyId"],
        aws_secret_access_key=keys["SecretAccessKey"],
        aws_session_token=keys["SessionToken"],
    )
    as_reader.list_repositories()
    refused("AccessDeniedException", as_reader.create_repository, repositoryName="mine")
    iam.get_role(RoleName="reader")
    iam.list_role_policies(RoleName="reader")
    iam.update_role(RoleName="reader", Description="e")
    iam.update_assume_role_policy(RoleName="reader", PolicyDocument=trust)
    managed = iam.create_policy(PolicyName="managed", PolicyDocument=policy)["Policy"]["Arn"]
    iam.attach_role_policy(RoleName="reader", PolicyArn=managed)
    iam.list_attached_role_policies(RoleName="reader")
    version = iam.get_policy(PolicyArn=managed)["Policy"]["DefaultVersionId"]
    iam.get_policy_version(PolicyArn=managed, VersionId=version)
    iam.list_policies(Scope="Local")
    iam.detach_role_policy(RoleName="reader", PolicyArn=managed)
    iam.delete_policy(PolicyArn=managed)
    iam.delete_role_policy(RoleName="reader", PolicyName="inline")
    iam.delete_role(RoleName="reader")


TEMPLATE = {
    "Resources": {
        "Post": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "stacked"}},
        "Words": {
            "Type": "AWS::Logs::LogGroup",
            "Properties": {"LogGroupName": "/stacked", "RetentionInDays": {"Ref": "Days"}},
        },
    },
    "Parameters": {"Days": {"Type": "Number", "Default": "7"}},
    "Outputs": {"Arn": {"Value": {"Fn::GetAtt": ["Post", "Arn"]}, "Export": {"Name": "stacked-arn"}}},
}


def cloudformation():
    client = shapes.client("cloudformation")
    body = json.dumps(TEMPLATE)
    quick = {"Delay": 1, "MaxAttempts": 30}
    client.validate_template(TemplateBody=body)
    client.create_stack(StackName="one", TemplateBody=body, Tags=[{"Key": "a", "Value": "b"}])
    client.get_waiter("stack_exists").wait(StackName="one", WaiterConfig=quick)
    client.get_waiter("stack_create_complete").wait(StackName="one", WaiterConfig=quick)
    stack = client.describe_stacks(StackName="one")["Stacks"][0]
    assert stack["Outputs"][0]["OutputValue"].endswith(":stacked")
    client.update_stack(
        StackName="one", TemplateBody=body, Parameters=[{"ParameterKey": "Days", "ParameterValue": "14"}]
    )
    client.get_waiter("stack_update_complete").wait(StackName="one", WaiterConfig=quick)
    refused("ValidationError", client.update_stack, StackName="one", UsePreviousTemplate=True, Parameters=[{"ParameterKey": "Days", "UsePreviousValue": True}])
    client.describe_stack_resources(StackName="one")
    client.list_stack_resources(StackName="one")
    client.describe_stack_events(StackName="one")
    client.list_stacks(StackStatusFilter=["UPDATE_COMPLETE", "CREATE_COMPLETE"])
    client.list_exports()
    client.get_template(StackName="one")
    declared = client.get_template_summary(StackName="one")["Parameters"]
    assert [(entry["ParameterKey"], entry["ParameterType"]) for entry in declared] == [("Days", "Number")]
    assert client.get_template_summary(TemplateBody=body)["Parameters"] == declared
    client.create_change_set(
        StackName="two", ChangeSetName="first", ChangeSetType="CREATE", TemplateBody=body.replace("stacked", "second")
    )
    client.get_waiter("change_set_create_complete").wait(StackName="two", ChangeSetName="first", WaiterConfig=quick)
    changes = client.describe_change_set(StackName="two", ChangeSetName="first")["Changes"]
    assert [change["ResourceChange"]["Action"] for change in changes] == ["Add", "Add"]
    client.list_change_sets(StackName="two")
    client.execute_change_set(StackName="two", ChangeSetName="first")
    client.get_waiter("stack_create_complete").wait(StackName="two", WaiterConfig=quick)
    client.create_change_set(StackName="two", ChangeSetName="again", UsePreviousTemplate=True)
    client.delete_change_set(StackName="two", ChangeSetName="again")
    client.delete_stack(StackName="two")
    client.get_waiter("stack_delete_complete").wait(StackName="two", WaiterConfig=quick)
    client.delete_stack(StackName="one")


def codepipeline():
    client, git = shapes.client("codepipeline"), shapes.client("codecommit")
    role = next(
        role["Arn"]
        for role in shapes.client("iam").list_roles()["Roles"]
        if "codepipeline.amazonaws.com" in json.dumps(role["AssumeRolePolicyDocument"])
    )
    bucket = next(
        entry["Value"]
        for entry in shapes.client("cloudformation").list_exports()["Exports"]
        if entry["Name"] == "towpath-artifact-bucket"
    )
    commit = git.put_file(repositoryName="deployment", branchName="main", filePath="a", fileContent=b"a")["commitId"]

    def action(name, category, provider, configuration=None, **more):
        kind = {"category": category, "owner": "AWS", "provider": provider, "version": "1"}
        return {"name": name, "actionTypeId": kind, "configuration": configuration or {}, **more}

    source = action(
        "Source",
        "Source",
        "CodeCommit",
        {"RepositoryName": "deployment", "BranchName": "main", "PollForSourceChanges": "false"},
        outputArtifacts=[{"name": "Source"}],
    )
    pipeline = {
        "name": "walk",
        "roleArn": role,
        "pipelineType": "V2",
        "executionMode": "QUEUED",
        "artifactStore": {"type": "S3", "location": bucket},
        "stages": [
            {"name": "Source", "actions": [source]},
            {"name": "Ask", "actions": [action("Ask", "Approval", "Manual")]},
        ],
    }
    client.create_pipeline(pipeline=pipeline, tags=[{"key": "a", "value": "b"}])
    shown = client.get_pipeline(name="walk")
    arn = shown["metadata"]["pipelineArn"]
    client.list_pipelines()
    client.tag_resource(resourceArn=arn, tags=[{"key": "c", "value": "d"}])
    client.list_tags_for_resource(resourceArn=arn)
    client.untag_resource(resourceArn=arn, tagKeys=["c"])

    def asked():
        for stage in client.get_pipeline_state(name="walk")["stageStates"]:
            for state in stage["actionStates"]:
                if token := state.get("latestExecution", {}).get("token"):
                    return stage["latestExecution"]["pipelineExecutionId"], token

    def answer(status):
        execution, token = wait_until("the approval", asked)
        client.put_approval_result(
            pipelineName="walk", stageName="Ask", actionName="Ask", token=token, result={"summary": "s", "status": status}
        )
        return execution, wait_until("the end", lambda: end_of(execution))

    def end_of(execution):
        found = client.get_pipeline_execution(pipelineName="walk", pipelineExecutionId=execution)["pipelineExecution"]
        return found["status"] if found["status"] not in {"InProgress", "Stopping"} else None

    good, status = answer("Approved")
    assert status == "Succeeded"
    started = client.start_pipeline_execution(
        name="walk", sourceRevisions=[{"actionName": "Source", "revisionType": "COMMIT_ID", "revisionValue": commit}]
    )["pipelineExecutionId"]
    execution, status = answer("Rejected")
    assert (execution, status) == (started, "Failed")
    client.retry_stage_execution(
        pipelineName="walk", stageName="Ask", pipelineExecutionId=execution, retryMode="FAILED_ACTIONS"
    )
    wait_until("the retry's approval", asked)
    client.stop_pipeline_execution(pipelineName="walk", pipelineExecutionId=execution, abandon=True, reason="r")
    assert wait_until("the stop", lambda: end_of(execution)) == "Stopped"
    client.disable_stage_transition(pipelineName="walk", stageName="Ask", transitionType="Inbound", reason="r")
    client.get_pipeline_state(name="walk")
    client.enable_stage_transition(pipelineName="walk", stageName="Ask", transitionType="Inbound")
    back = client.rollback_stage(pipelineName="walk", stageName="Ask", targetPipelineExecutionId=good)
    assert answer("Approved") == (back["pipelineExecutionId"], "Succeeded")
    client.update_pipeline(pipeline=client.get_pipeline(name="walk")["pipeline"])
    client.list_action_executions(pipelineName="walk")
    summaries = client.list_pipeline_executions(pipelineName="walk")["pipelineExecutionSummaries"]
    assert abs(summaries[0]["startTime"].timestamp() - time.time()) < 600
    client.delete_pipeline(name="walk")


PARTS = [codecommit, ecr, ecs, sqs, events, lambda_, logs, scheduler, sts_and_iam, cloudformation, codepipeline]

if __name__ == "__main__":
    for part in PARTS:
        part()
    shapes.report()
