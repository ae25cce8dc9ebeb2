"""A commit landed on the deployment repository: starts the pipelines that are owed a start, at exactly that commit."""

from deployment import (
    BRANCH,
    REPOSITORY,
    NotThere,
    answer_batch,
    codecommit,
    read_file,
    read_rules,
    read_service,
    record,
    token,
)
from rollouts import codepipeline, is_rolling, read_rollout, runs_now, source_commit


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
    state = read_service(service, tip)
    if state["blob"] != blob:
        record(decision="overtaken", service=service, because="a later commit replaced it")
        return
    rollout = read_rollout(service, rules, 1)
    if not is_owed(service, state, rollout):
        record(decision="nothing", service=service, because="it was started, or runs exactly these images")
        return
    answer = codepipeline.start_pipeline_execution(
        name=rollout["pipeline"],
        clientRequestToken=token("start", REPOSITORY, service, tip),
        sourceRevisions=[{"actionName": rollout["source"], "revisionType": "COMMIT_ID", "revisionValue": tip}],
    )
    record(
        decision="started",
        service=service,
        because=state["held"] or "git says another content",
        quarantine=sorted(state["kept_out"]),
        execution=answer["pipelineExecutionId"],
        tip=tip,
    )


def is_owed(service, state, rollout):
    """Whether no execution was for this content, and the service does not run it with nothing rolling or queued."""
    if newest_blob(f"{service}/revision.json", rollout) == state["blob"]:
        return False
    return is_rolling(rollout) or not runs_now(rollout, state["revision"])


def newest_blob(path, rollout):
    """The content that the newest execution with a known source was for."""
    for execution in rollout["executions"]:
        commit = source_commit(execution, rollout["source"])
        if commit:
            try:
                return read_file(path, commit)[1]
            except NotThere:
                return None
    return None
