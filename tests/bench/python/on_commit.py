"""A commit landed on the deployment repository: starts the pipelines that are owed a start, at exactly that commit."""

from deployment import (
    BRANCH,
    REPOSITORY,
    NotThere,
    answer_batch,
    codecommit,
    last_change,
    read_file,
    read_json,
    read_rules,
    record,
    token,
)
from rollouts import (
    codepipeline,
    images_of,
    list_deployments,
    list_executions,
    pipeline_of,
    read_pipeline,
    runs,
    source_commit,
)


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
    path = f"{service}/revision.json"
    found, revision = read_json(path, tip)
    if found != blob:
        record(decision="overtaken", service=service, because="a later commit replaced it")
        return
    _, hold = read_json(f"{service}/hold.json", tip)
    change = last_change(path, tip)
    pipeline = pipeline_of(service, rules)
    source, _ = read_pipeline(pipeline, service)
    executions = list_executions(pipeline, 20)
    if newest_blob(executions, source, path) == found:
        record(decision="nothing", service=service, because="its newest execution was for this content")
        return
    if runs_already(service, revision, executions):
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


def newest_blob(executions, source, path):
    """The content that the newest execution with a known source was for."""
    for execution in executions:
        commit = source_commit(execution, source)
        if commit:
            try:
                return read_file(path, commit)[1]
            except NotThere:
                return None
    return None


def runs_already(service, revision, executions):
    """Whether the service runs exactly these images, with nothing rolling or queued."""
    deployments = list_deployments(service, 1)
    if not deployments:
        return False
    deployment = deployments[0]
    target = deployment.get("rollback", {}).get("serviceRevisionArn") or deployment["targetServiceRevision"]["arn"]
    is_settled = deployment["status"] in ("SUCCESSFUL", "ROLLBACK_SUCCESSFUL")
    is_queued = any(execution["status"] == "InProgress" for execution in executions)
    return is_settled and not is_queued and runs(images_of([target])[target], revision)
