"""A sweep: looks at every service, and wakes the function that owes it a step. What is promoted from upstream is left
out, since nothing here measures it."""

import json
import os
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone

import boto3

import on_commit
import on_deployment_change
import on_image_push
from deployment import CONFIG, ENVIRONMENT, answer_batch, read_rules, read_service, record
from registry import list_images, own_images
from rollouts import ecs, is_rolling, read_rollout, runs_now, target_of

SERVICES_AT_ONCE = 8
SERVICES_PER_PART = 40
# For how long after its creation a deployment's outcome may still be untold.
UNTOLD_WITHIN = timedelta(days=1)
# What is left of an invocation's time when no further part is begun.
TIME_TO_END = 10_000
STATES = ("in_sync", "held", "rolling", "behind", "mixed", "image_missing", "never_deployed")

sqs = boto3.client("sqs", config=CONFIG)
pool = ThreadPoolExecutor(SERVICES_AT_ONCE)


def handle(event, context):
    return answer_batch(event, lambda message: sweep(message, context))


def sweep(message, context):
    if message.get("towpath") != "sweep":
        record(decision="ignored", because="reconcile acts on sweeps only")
        return
    tip, rules = read_rules()
    services = sorted({*rules, *on_commit.changed_services(None, tip)})
    services = [service for service in services if service > message.get("after", "")]
    states = Counter({state: 0 for state in STATES})
    for first in range(0, len(services), SERVICES_PER_PART):
        if first and context.get_remaining_time_in_millis() < TIME_TO_END:
            after = {"towpath": "sweep", "version": 1, "after": services[first - 1]}
            sqs.send_message(QueueUrl=os.environ["TOWPATH_RECONCILE_QUEUE"], MessageBody=json.dumps(after))
            break
        part = services[first : first + SERVICES_PER_PART]
        states.update(pool.map(lambda service: look_at(service, rules.get(service) or {}, tip), part))
    write_metrics(states)


def look_at(service, rules, tip):
    """Wakes up whoever owes a service a step; gives how it stands."""
    state = read_service(service, tip)
    rollout = read_rollout(service, rules, 5)
    if rules and "promote" not in rules and on_image_push.decide(service, rules["containers"], state):
        wake("ON_IMAGE_PUSH", service, "its rules select another image")
    if state["blob"] and on_commit.is_owed(service, state, rollout):
        wake("ON_COMMIT", service, "its pipeline is owed a start")
    since = datetime.now(timezone.utc) - UNTOLD_WITHIN
    if any(deployment["createdAt"] >= since for deployment in rollout["deployments"][:1]):
        if on_deployment_change.untold(service, rollout, state["kept_out"]):
            wake("ON_DEPLOYMENT_CHANGE", service, "its outcome is not told")
    stands = how_it_stands(service, state, rollout)
    record(decision="nothing" if stands == "in_sync" else "drifted", service=service, because=stands, tip=tip)
    return stands


def how_it_stands(service, state, rollout):
    if not state["blob"] or not rollout["deployments"]:
        return "never_deployed"
    for repository, digest in own_images(state["revision"]):
        if not any(image["imageDigest"] == digest for image in list_images(repository)):
            return "image_missing"
    if is_rolling(rollout):
        return "rolling"
    if not runs_now(rollout, state["revision"]):
        return "behind"
    images = rollout["images"][target_of(rollout["deployments"][0])]
    for task in running_tasks(service):
        if any(images.get(container["name"]) != container["image"] for container in task["containers"]):
            return "mixed"
    return "held" if state["held"] else "in_sync"


def running_tasks(service):
    cluster, name = service.split("/")
    arns = ecs.list_tasks(cluster=cluster, serviceName=name, desiredStatus="RUNNING", maxResults=20)["taskArns"]
    return ecs.describe_tasks(cluster=cluster, tasks=arns)["tasks"] if arns else []


def wake(function, service, reason):
    body = {"towpath": "wake-up", "version": 1, "service": service, "reason": reason}
    sqs.send_message(QueueUrl=os.environ[f"TOWPATH_{function}_QUEUE"], MessageBody=json.dumps(body))


def write_metrics(states):
    """One line in CloudWatch's embedded metric format."""
    metrics = [{"Name": state, "Unit": "Count"} for state in states]
    line = {
        "_aws": {
            "Timestamp": int(datetime.now(timezone.utc).timestamp() * 1000),
            "CloudWatchMetrics": [{"Namespace": "Towpath", "Dimensions": [["Environment"]], "Metrics": metrics}],
        },
        "Environment": ENVIRONMENT,
        **states,
    }
    print(json.dumps(line))
