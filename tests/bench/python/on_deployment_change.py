"""A deployment changed: one that went well is verified, with evidence beside its images and a comment at its commit.
What follows when one went wrong, and the pipeline's own events, are left out, since nothing here measures them."""

from datetime import datetime, timedelta, timezone

from deployment import (
    REPOSITORY,
    answer_batch,
    codecommit,
    kept_out,
    read_json,
    read_rules,
    record,
    timestamp,
    token,
)
from evidence import give
from registry import latest_evidence, own_images
from rollouts import codepipeline, read_rollout, runs, source_commit, target_of

# For how long an outcome is told that is no longer the newest.
TOLD_WITHIN = timedelta(minutes=30)


def handle(event, _context):
    return answer_batch(event, on_event)


def on_event(event):
    # arn:aws:ecs:<Region>:<account>:service/<cluster>/<service>
    service = event["resources"][0].partition(":service/")[2]
    if not service:
        record(decision="ignored", because="it is no deployment of a service")
        return
    tip, rules = read_rules()
    if service not in rules and read_json(f"{service}/revision.json", tip)[0] is None:
        record(decision="ignored", service=service, because="neither delivery.yaml nor a revision.json names it")
        return
    _, hold = read_json(f"{service}/hold.json", tip)
    rollout = read_rollout(service, rules.get(service) or {}, 5)
    outcomes = untold(service, rollout, kept_out(hold))
    for outcome in outcomes:
        tell(service, **outcome)
    if not outcomes:
        record(decision="nothing", service=service, because="this was told already", tip=tip)


def untold(service, rollout, kept_out):
    """What is still to be told of the newest deployment, and of the one before if it ended lately."""
    lately = datetime.now(timezone.utc) - TOLD_WITHIN
    newest, before = rollout["deployments"][:1], rollout["deployments"][1:2]
    executions = {execution["pipelineExecutionId"]: execution for execution in rollout["executions"]}
    windows = deploy_windows(rollout["pipeline"], rollout["deploy"])
    outcomes = []
    for deployment in newest + [one for one in before if one.get("finishedAt", lately) > lately]:
        execution = executions.get(owner(deployment, windows), {})
        commit = source_commit(execution, rollout["source"])
        _, revision = read_json(f"{service}/revision.json", commit) if commit else (None, None)
        if revision is None or not runs(rollout["images"][target_of(deployment)], revision):
            record(decision="by_hand", service=service, because="no pipeline execution deployed it")
        elif deployment["status"] == "SUCCESSFUL":
            deployed = rollout["pipeline"], execution["pipelineExecutionId"], commit
            outcomes += verified(service, revision, deployment, deployed, kept_out)
        else:
            record(decision="rolling", service=service, because=f"the deployment is {deployment['status']}")
    return outcomes


def deploy_windows(pipeline, deploy):
    """From when to when each execution's deploy action ran."""
    answer = codepipeline.list_action_executions(pipelineName=pipeline, maxResults=100)
    windows = {}
    for action in answer["actionExecutionDetails"]:
        if action["actionName"] == deploy:
            ended = None if action["status"] == "InProgress" else action["lastUpdateTime"]
            windows[action["pipelineExecutionId"]] = action["startTime"], ended
    return windows


def owner(deployment, windows):
    """The execution during whose deploy action a deployment was created."""
    created = deployment["createdAt"]
    for execution, (began, ended) in windows.items():
        if began <= created and (ended is None or created <= ended):
            return execution
    return None


def verified(service, revision, deployment, deployed, kept_out):
    """What is not told yet of a deployment that went well; none when all of it is."""
    pipeline, execution, commit = deployed
    said = {image: latest_evidence(*image, service).get("io.towpath.kind") for image in own_images(revision)}
    images = [
        image for image in said if image[1] not in kept_out and said[image] not in ("verified", "quarantined")
    ]
    parents = codecommit.get_commit(repositoryName=REPOSITORY, commitId=commit)["commit"]["parents"]
    compared = {"afterCommitId": commit, **({"beforeCommitId": parents[0]} if parents else {})}
    because = f"execution {execution} deployed commit {commit[:8]}, and ECS completed it"
    headline = f"Towpath: {service} verified"
    comment = f"{headline}\n\n{because}\n\nExecution {execution} of {pipeline}."
    if any(one.startswith(headline) for one in list_comments(compared)):
        comment = None
    if not images and not comment:
        return []
    at = timestamp(deployment["finishedAt"])
    return [{"because": because, "images": images, "comment": comment, "compared": compared, "at": at}]


def list_comments(compared):
    pages = codecommit.get_paginator("get_comments_for_compared_commit").paginate(
        repositoryName=REPOSITORY, **compared
    )
    return [
        comment["content"]
        for page in pages
        for data in page["commentsForComparedCommitData"]
        for comment in data["comments"]
    ]


def tell(service, because, images, comment, compared, at):
    commit = compared["afterCommitId"]
    for repository, digest in images:
        give("verified", service, repository, digest, commit, at)
    if comment:
        codecommit.post_comment_for_compared_commit(
            repositoryName=REPOSITORY,
            content=comment,
            clientRequestToken=token("comment", REPOSITORY, commit, comment),
            **compared,
        )
    record(decision="verified", service=service, because=because, commit=commit)
