"""A person puts an earlier revision back: one forward commit with a hold, and the end of everything that still deploys
what is left. Releases are left out, since nothing here measures them."""

import json
import re
from datetime import datetime, timezone

import boto3

from deployment import (
    CONFIG,
    REPOSITORY,
    branch_tip,
    codecommit,
    commit_files,
    kept_out,
    list_versions,
    read_json,
    read_rules,
    record,
    timestamp,
)
from evidence import give
from registry import latest_evidence, list_images, own_images
from revisions import ATTEMPTS
from rollouts import codepipeline, ecs, read_rollout, runs_now, source_commit

DOCUMENT = "towpath-roll_back"
EARLIER = 50

ssm = boto3.client("ssm", config=CONFIG)


def handle(request, context):
    if request["action"] != "roll_back" or not request.get("reason"):
        raise ValueError("expected the action roll_back, with a reason")
    if request.get("cluster"):
        request["service"] = f"{request['cluster']}/{request['service']}"
    who, doubt = who_asks(request)
    request_id = request.get("automationExecutionId") or context.aws_request_id
    for _ in range(ATTEMPTS):
        answer = roll_back(request["service"], request, request_id, who, doubt)
        if answer:
            return answer
    raise RuntimeError("the branch moved at every attempt")


def who_asks(request):
    """Who started the execution in whose name the request comes; or who says to ask, and why that is not proved."""
    execution = request.get("automationExecutionId")
    claimed = f"claimed:{request.get('who') or f'SSM execution {execution}'}"
    if not execution:
        return claimed, None
    try:
        found = ssm.get_automation_execution(AutomationExecutionId=execution)["AutomationExecution"]
    except ssm.exceptions.AutomationExecutionNotFoundException:
        return claimed, "who asks is not proved: there is no such execution"
    cluster, name = request["service"].split("/")
    asked = {"Cluster": cluster, "Service": name, "To": request["to"], "Reason": request["reason"]}
    given = {"To": "previous", **{key: values[0] for key, values in found["Parameters"].items()}}
    is_same = all(given.get(key) == value for key, value in asked.items())
    if found["DocumentName"] != DOCUMENT or found["AutomationExecutionStatus"] != "InProgress" or not is_same:
        return claimed, "who asks is not proved: the execution was started for something else"
    return found["ExecutedBy"], None


def roll_back(service, request, request_id, who, doubt):
    """The answer; None when the branch has moved in between."""
    tip, rules = read_rules()
    rules = rules.get(service) or {}
    path, hold_path = f"{service}/revision.json", f"{service}/hold.json"
    _, revision = read_json(path, tip)
    if revision is None:
        raise ValueError(f"{path} is not there")
    _, hold = read_json(hold_path, tip)
    if any(f"\nEvent-Id: {request_id}\n" in one["commit"]["message"] for one in list_versions(hold_path, tip, 20)):
        return answer("nothing", "this very request was carried out already", request)
    application = rules.get("application") and branch_tip(rules["application"], rules.get("branch", "main"))
    rollout = read_rollout(service, rules, 1)
    chosen = choose(service, request["to"], path, tip, revision, kept_out(hold))
    left = [image for image in own_images(revision) if image not in own_images(chosen["revision"])]
    names = {entry["imageUri"].partition("@")[2]: entry["name"] for entry in revision}
    now = timestamp(datetime.now(timezone.utc))
    said = {"reason": f"rolled back: {request['reason']}", "by": who, "at": now}
    quarantine = [entry for entry in (hold or {}).get("quarantine", [])]
    quarantine += [{"container": names[digest], "digest": digest, **said} for _, digest in left]
    held = {"revision": chosen["blob"], **({"application_commit": application} if application else {}), **said}
    because = f"{who} rolls back to the revision of commit {chosen['commit'][:8]}"
    if is_dry_run(request):
        return answer("rolled_back", because, request)
    made = commit_files(
        tip,
        message(service, request, request_id, who, doubt, chosen, [(names[digest], digest) for _, digest in left]),
        {
            path: chosen["text"],
            hold_path: json.dumps({"version": 1, "hold": held, "quarantine": quarantine}, indent=2) + "\n",
        },
    )
    if made is None:
        return None
    stop(path, chosen, rollout, f"{who} rolls {service} back: {request['reason']}")
    for repository, digest in left:
        if latest_evidence(repository, digest, service).get("io.towpath.kind") != "quarantined":
            give("quarantined", service, repository, digest, tip, now)
    record(decision="rolled_back", service=service, because=because, tip=tip, commit=made)
    return answer("rolled_back", because, request, commit=made)


def answer(decision, because, request, **more):
    return {"decision": decision, "because": because, "dryRun": is_dry_run(request), **more}


def is_dry_run(request):
    return str(request.get("dryRun", False)).lower() == "true"


def choose(service, to, path, tip, current, out):
    """The earlier revision that is meant: the last healthy one with other images, or the one of a commit or digest."""
    listed = {}
    for version in list_versions(path, tip, EARLIER + 1)[1:]:
        content = codecommit.get_blob(repositoryName=REPOSITORY, blobId=version["blobId"])["content"]
        revision, commit = json.loads(content), version["commit"]["commitId"]
        images = own_images(revision)
        if to != "previous" and not commit.startswith(to) and to not in [digest for _, digest in images]:
            continue
        if images == own_images(current):
            continue
        for repository, _ in images:
            if repository not in listed:
                listed[repository] = {image["imageDigest"] for image in list_images(repository)}
        kinds = [latest_evidence(*image, service).get("io.towpath.kind") for image in images]
        is_there = all(digest in listed[repository] and digest not in out for repository, digest in images)
        wanted = ["verified"] if to == "previous" else ["verified", "released", None]
        if images and is_there and all(kind in wanted for kind in kinds):
            return {
                "commit": commit,
                "blob": version["blobId"],
                "revision": revision,
                "text": content.decode(),
                "message": version["commit"]["message"],
            }
    raise ValueError(f"no revision to roll back to is there and healthy: {to}")


def message(service, request, request_id, who, doubt, chosen, left):
    lines = [f"{service}: rolled back to the revision of {chosen['commit'][:8]}", ""]
    lines += [request["reason"], f"asked for: roll back to {request['to']}", *([doubt] if doubt else []), ""]
    lines += [f"Actor: {who}", f"Event-Id: {request_id}", f"Service: {service}", "Decision: rolled_back"]
    images = {entry["name"]: entry["imageUri"].partition("@")[2] for entry in chosen["revision"]}
    for name, previous in left:
        told = re.search(rf"^Container: {re.escape(name)}\n((?:[A-Z]\S+-\S+: .*\n)*)", chosen["message"], re.M)
        told = dict(line.split(": ", 1) for line in told[1].splitlines()) if told else {}
        trailers = {
            "Container": name,
            "Image-Tag": told.get("Image-Tag"),
            "Image-Digest": images.get(name),
            "Previous-Digest": previous,
            "Source-Commit": told.get("Source-Commit"),
        }
        lines += [f"{key}: {value}" for key, value in trailers.items() if value]
    return "\n".join(lines) + "\n"


def stop(path, chosen, rollout, reason):
    """Stops what is still being deployed of anything else, the newest first."""
    for execution in rollout["executions"]:
        if execution["status"] != "InProgress":
            continue
        commit = source_commit(execution, rollout["source"])
        if commit and read_json(path, commit)[0] == chosen["blob"]:
            continue
        try:
            codepipeline.stop_pipeline_execution(
                pipelineName=rollout["pipeline"],
                pipelineExecutionId=execution["pipelineExecutionId"],
                abandon=True,
                reason=reason[:200],
            )
        except codepipeline.exceptions.PipelineExecutionNotStoppableException:
            pass
    for deployment in rollout["deployments"][:1]:
        if deployment["status"] in ("PENDING", "IN_PROGRESS") and not runs_now(rollout, chosen["revision"]):
            ecs.stop_service_deployment(
                serviceDeploymentArn=deployment["serviceDeploymentArn"], stopType="ROLLBACK"
            )
