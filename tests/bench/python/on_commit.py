"""A commit landed on the deployment repository: starts the pipelines that are owed a start, at exactly that commit."""

import hashlib

import boto3

from deployment import BRANCH, CONFIG, REPOSITORY, NotThere, answer_batch, codecommit, last_change, read_file
from deployment import read_json, read_rules, record

codepipeline = boto3.client("codepipeline", config=CONFIG)
ecs = boto3.client("ecs", config=CONFIG)


def handle(event, _context):
    return answer_batch(event, on_event)


def on_event(event):
    detail = event["detail"]
    if (detail["repositoryName"], detail.get("referenceName")) != (REPOSITORY, BRANCH) or "commitId" not in detail:
        record(decision="ignored", because="it is not the deployment branch")
        return
    changed = changed_services(detail.get("oldCommitId"), detail["commitId"])
    if not changed:
        record(decision="ignored", because=f"commit {detail['commitId']} changes no revision.json")
        return
    tip, rules = read_rules()
    for service, blob in changed.items():
        start_if_owed(service, blob, tip, rules.get(service) or {})


def changed_services(old, new):
    """The blob of each revision.json that differs between two commits."""
    before = {"beforeCommitSpecifier": old} if old else {}
    pages = codecommit.get_paginator("get_differences").paginate(
        repositoryName=REPOSITORY, afterCommitSpecifier=new, **before
    )
    changed = {}
    for page in pages:
        for difference in page["differences"]:
            after = difference.get("afterBlob")
            parts = after["path"].split("/") if after else []
            if len(parts) == 3 and parts[2] == "revision.json":
                changed["/".join(parts[:2])] = after["blobId"]
    return changed


def start_if_owed(service, blob, tip, rules):
    cluster, name = service.split("/")
    path = f"{service}/revision.json"
    found, revision = read_json(path, tip)
    if found != blob:
        record(decision="overtaken", service=service, because="a later commit replaced it")
        return
    _, hold = read_json(f"{service}/hold.json", tip)
    change = last_change(path, tip)
    pipeline = rules.get("pipeline") or f"deploy-{cluster}-{name}"
    source = source_action(codepipeline.get_pipeline(name=pipeline)["pipeline"], cluster, name, path)
    executions = codepipeline.list_pipeline_executions(pipelineName=pipeline, maxResults=20)[
        "pipelineExecutionSummaries"
    ]
    if newest_blob(executions, source, path) == found:
        record(decision="nothing", service=service, because="its newest execution was for this content")
        return
    if runs_already(cluster, name, revision, executions):
        record(decision="already_runs", service=service, because="it runs exactly these images")
        return
    by_hand = "" if f"\nService: {service}\n" in change["message"] else f"by hand by {change['author']['name']}"
    kept_out = [entry["digest"] for entry in (hold or {}).get("quarantine", [])]
    answer = codepipeline.start_pipeline_execution(
        name=pipeline,
        clientRequestToken=token("start", REPOSITORY, service, tip),
        sourceRevisions=[{"actionName": source, "revisionType": "COMMIT_ID", "revisionValue": tip}],
    )
    execution = answer["pipelineExecutionId"]
    record(decision="started", service=service, because=by_hand, quarantine=kept_out, execution=execution, tip=tip)


def source_action(pipeline, cluster, service, path):
    """The source action of a pipeline that is this service's own and can be started at a commit."""
    if pipeline.get("pipelineType") != "V2" or pipeline.get("executionMode") != "QUEUED":
        raise ValueError(f"{pipeline['name']} must be of type V2 and mode QUEUED")
    actions = [action for stage in pipeline["stages"] for action in stage["actions"]]
    deploys = [action["configuration"] for action in actions if action["actionTypeId"]["provider"] == "ECS"]
    own = {"ClusterName": cluster, "ServiceName": service, "FileName": path}
    if not deploys or any({key: deploy.get(key) for key in own} != own for deploy in deploys):
        raise ValueError(f"{pipeline['name']} does not deploy {cluster}/{service} alone")
    for action in actions:
        configured = action.get("configuration", {})
        if (configured.get("RepositoryName"), configured.get("BranchName")) == (REPOSITORY, BRANCH):
            if configured.get("PollForSourceChanges") != "false":
                raise ValueError(f"{pipeline['name']} polls for changes")
            return action["name"]
    raise ValueError(f"{pipeline['name']} does not read {REPOSITORY}")


def newest_blob(executions, source, path):
    """The content that the newest execution with a known source was for."""
    for execution in executions:
        for revision in execution.get("sourceRevisions", []):
            if revision["actionName"] == source:
                try:
                    return read_file(path, revision["revisionId"])[1]
                except NotThere:
                    return None
    return None


def runs_already(cluster, service, revision, executions):
    """Whether the service runs exactly these images, with nothing rolling or queued."""
    arns = ecs.list_service_deployments(cluster=cluster, service=service, maxResults=1)["serviceDeployments"]
    if not arns:
        return False
    answer = ecs.describe_service_deployments(serviceDeploymentArns=[arns[0]["serviceDeploymentArn"]])
    deployment = answer["serviceDeployments"][0]
    target = deployment.get("rollback", {}).get("serviceRevisionArn") or deployment["targetServiceRevision"]["arn"]
    answer = ecs.describe_service_revisions(serviceRevisionArns=[target])
    images = {image["containerName"]: image["image"] for image in answer["serviceRevisions"][0]["containerImages"]}
    is_settled = deployment["status"] in ("SUCCESSFUL", "ROLLBACK_SUCCESSFUL")
    is_queued = any(execution["status"] == "InProgress" for execution in executions)
    wanted = {entry["name"]: entry["imageUri"] for entry in revision}
    return is_settled and not is_queued and wanted.items() <= images.items()


def token(*parts):
    joined = "".join(f"{len(part)}:{part};" for part in parts)
    return hashlib.sha256(joined.encode()).hexdigest()
