"""How a service is deployed: its pipeline, and what ECS says."""

import boto3

from deployment import BRANCH, CONFIG, REPOSITORY

codepipeline = boto3.client("codepipeline", config=CONFIG)
ecs = boto3.client("ecs", config=CONFIG)


def read_rollout(service, rules, count):
    """A service's pipeline with its newest executions, and its newest deployments with the images that they lead to."""
    pipeline = pipeline_of(service, rules)
    source, deploy = read_pipeline(pipeline, service)
    executions = list_executions(pipeline, 20)
    deployments = list_deployments(service, count)
    images = images_of({target_of(deployment) for deployment in deployments}) if deployments else {}
    return {
        "pipeline": pipeline,
        "source": source,
        "deploy": deploy,
        "executions": executions,
        "deployments": deployments,
        "images": images,
    }


def target_of(deployment):
    """The service revision that a deployment leads to, or went back to."""
    return deployment.get("rollback", {}).get("serviceRevisionArn") or deployment["targetServiceRevision"]["arn"]


def is_rolling(rollout):
    """Whether anything is rolling or queued."""
    settled = ("SUCCESSFUL", "STOPPED", "ROLLBACK_SUCCESSFUL", "ROLLBACK_FAILED")
    return any(one["status"] not in settled for one in rollout["deployments"][:1]) or any(
        execution["status"] == "InProgress" for execution in rollout["executions"]
    )


def runs_now(rollout, revision):
    """Whether the newest deployment led to exactly the images that a revision.json names."""
    newest = rollout["deployments"][:1]
    return bool(newest) and runs(rollout["images"][target_of(newest[0])], revision)


def pipeline_of(service, rules):
    return rules.get("pipeline") or f"deploy-{service.replace('/', '-')}"


def read_pipeline(name, service):
    """The names of the source and the deploy action of a pipeline that is this service's own and can be started at a
    commit."""
    pipeline = codepipeline.get_pipeline(name=name)["pipeline"]
    if pipeline.get("pipelineType") != "V2" or pipeline.get("executionMode") != "QUEUED":
        raise ValueError(f"{name} must be of type V2 and mode QUEUED")
    actions = [action for stage in pipeline["stages"] for action in stage["actions"]]
    deploys = [action for action in actions if action["actionTypeId"]["provider"] == "ECS"]
    cluster, service_name = service.split("/")
    own = {"ClusterName": cluster, "ServiceName": service_name, "FileName": f"{service}/revision.json"}
    if not deploys or any(not own.items() <= deploy["configuration"].items() for deploy in deploys):
        raise ValueError(f"{name} does not deploy {service} alone")
    for action in actions:
        configured = action.get("configuration", {})
        if (configured.get("RepositoryName"), configured.get("BranchName")) == (REPOSITORY, BRANCH):
            if configured.get("PollForSourceChanges") != "false":
                raise ValueError(f"{name} polls for changes")
            return action["name"], deploys[0]["name"]
    raise ValueError(f"{name} does not read {REPOSITORY}")


def list_executions(pipeline, count):
    """The newest executions, newest first."""
    answer = codepipeline.list_pipeline_executions(pipelineName=pipeline, maxResults=count)
    return answer["pipelineExecutionSummaries"]


def source_commit(execution, source):
    """The commit of an execution; None while it is not known."""
    commits = [one["revisionId"] for one in execution.get("sourceRevisions", []) if one["actionName"] == source]
    return commits[0] if commits else None


def list_deployments(service, count):
    """The newest deployments, newest first."""
    cluster, name = service.split("/")
    briefs = ecs.list_service_deployments(cluster=cluster, service=name, maxResults=count)["serviceDeployments"]
    if not briefs:
        return []
    arns = [brief["serviceDeploymentArn"] for brief in briefs]
    deployments = ecs.describe_service_deployments(serviceDeploymentArns=arns)["serviceDeployments"]
    return sorted(deployments, key=lambda deployment: deployment["createdAt"], reverse=True)


def images_of(service_revisions):
    """The image of each container, by the ARNs of service revisions."""
    answer = ecs.describe_service_revisions(serviceRevisionArns=sorted(service_revisions))
    return {
        revision["serviceRevisionArn"]: {
            image["containerName"]: image["image"] for image in revision["containerImages"]
        }
        for revision in answer["serviceRevisions"]
    }


def runs(images, revision):
    """Whether containers run exactly the images that a revision.json names."""
    return {entry["name"]: entry["imageUri"] for entry in revision}.items() <= images.items()
