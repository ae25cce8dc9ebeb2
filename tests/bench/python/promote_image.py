"""Something was pushed, approved or verified: copies the approved images from upstream's registry into this one, tags
them, and commits the revisions that name them."""

import json
import os
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone

import boto3
import urllib3

from deployment import ACCOUNT, CONFIG, ENVIRONMENT, answer_batch, branch_tip, read_rules, read_service, record
from registry import digest_of, ecr, get_manifest, latest_evidence, list_images, put_blob, put_manifest
from revisions import ATTEMPTS, RESERVED, candidates, change_of, commit, move_of, names_commit

UPSTREAM = os.environ["TOWPATH_UPSTREAM_ACCOUNT"]
UPSTREAM_ROLE = os.environ["TOWPATH_UPSTREAM_ROLE"]
LAYERS_AT_ONCE = 4
LAYERS_PER_CALL = 100

sts = boto3.client("sts", config=CONFIG)
http = urllib3.PoolManager(maxsize=LAYERS_AT_ONCE)
pool = ThreadPoolExecutor(LAYERS_AT_ONCE)
session = {}


def upstream():
    """A client with the role by which upstream lets its images be read, made anew before its hour is over."""
    now = datetime.now(timezone.utc)
    if session.get("until", now) <= now:
        name = f"promote_image-{ENVIRONMENT}"
        given = sts.assume_role(RoleArn=UPSTREAM_ROLE, RoleSessionName=name)["Credentials"]
        session["until"] = given["Expiration"] - timedelta(minutes=10)
        session["ecr"] = boto3.client(
            "ecr",
            config=CONFIG,
            aws_access_key_id=given["AccessKeyId"],
            aws_secret_access_key=given["SecretAccessKey"],
            aws_session_token=given["SessionToken"],
        )
    return session["ecr"]


def handle(event, _context):
    return answer_batch(event, on_event)


def on_event(event):
    is_push_here = event["source"] == "aws.codecommit"
    if not is_push_here and event["account"] != UPSTREAM:
        record(decision="ignored", because=f"account {event['account']} is not upstream of this one")
        return
    tag = event["detail"].get("image-tag", "")
    if tag.startswith(RESERVED) and not tag.startswith(f"approved-{ENVIRONMENT}-"):
        record(decision="ignored", because=f"the tag {tag} names no version, and approves nothing here")
        return
    for _ in range(ATTEMPTS):
        if deliver(event):
            return
    raise RuntimeError("the branch moved at every attempt")


def deliver(event):
    """Copies what is approved and not here; or else tags and commits it. False when all is to be decided anew."""
    tip, services = read_rules()
    moves = []
    for service, rules in services.items():
        if "promote" not in rules or not is_about(event, rules):
            continue
        move, copies = decide(service, rules, tip, event)
        for copy in copies:
            copy_image(*copy)
        if copies:
            # That took its time: whether it is approved is asked again.
            return False
        moves += move
    for move in moves:
        for change in move["changes"]:
            put_tag(change)
    return not moves or commit(moves, tip, "promote_image", event["id"])


def is_about(event, rules):
    detail = event["detail"]
    if event["source"] == "aws.codecommit":
        return application_of(rules) == (detail["repositoryName"], detail["referenceName"])
    sources = [container.get("from", container["repository"]) for container in rules["containers"].values()]
    return detail["repository-name"] in sources


def application_of(rules):
    return rules.get("application"), rules.get("branch", "main")


def decide(service, rules, tip, event):
    """The move of a service to the approved images that its rules select; and the images to be copied first."""
    state = read_service(service, tip)
    if state["held"]:
        record(decision="held", service=service, because=state["held"])
        return [], []
    application_tip = branch_tip(*application_of(rules)) if "application" in rules else None
    changes, copies, approved_by = [], [], []
    for name, container in rules["containers"].items():
        repository = container["repository"]
        source = container.get("from", repository)
        there, here = list_images(source, upstream()), list_images(repository)
        best = candidates(container["select"], there, application_tip)
        chosen, approvals = first_approved(best, source, service, rules, application_tip, event)
        if chosen is None:
            record(decision="waiting", service=service, because=f"{name}: no image upstream is approved")
            continue
        change = change_of(service, name, repository, chosen, there, state)
        if change is None:
            continue
        approved_by += approvals
        changes.append(change)
        tags = {image["imageDigest"]: image.get("imageTags", []) for image in here}
        if change["digest"] not in tags:
            copies.append((source, repository, change["digest"], there))
        change["is_tagged"] = change["tag"] in tags.get(change["digest"], [])
    if not changes:
        return [], []
    return [move_of(service, state["revision"], changes, approved_by)], copies


def first_approved(best, source, service, rules, application_tip, event):
    """The best candidate whose approvals hold, and who gave them."""
    wanted = rules["promote"]["approve"]
    wanted = [wanted] if isinstance(wanted, str) else wanted
    for tag, image in best:
        approvals = {f"approved-{ENVIRONMENT}-{one}" for one in image["imageTags"]}.intersection(image["imageTags"])
        if "tag" in wanted and not approvals:
            continue
        if "push" in wanted and not names_commit(tag, application_tip):
            continue
        evidence = latest_evidence(
            source, image["imageDigest"], rules["promote"].get("from", service), UPSTREAM, upstream()
        )
        kind = evidence.get("io.towpath.kind")
        if kind == "quarantined" or ("verified" in wanted and kind != "verified"):
            continue
        given = [f"tag {min(approvals)}"] if "tag" in wanted else []
        if "push" in wanted:
            given.append(pushed_by(rules, application_tip, event))
        if "verified" in wanted:
            at = evidence["org.opencontainers.image.created"]
            given.append(f"verified by {evidence['io.towpath.environment']} at {at}")
        return (tag, image), given
    return None, []


def pushed_by(rules, application_tip, event):
    pusher = event["detail"].get("callerUserArn") if event["source"] == "aws.codecommit" else None
    by = f" by {pusher}" if pusher else ""
    return f"push of {application_tip[:8]} to {':'.join(application_of(rules))}{by}"


def copy_image(source, repository, digest, images, **tagged):
    """Copies a manifest after all that it names, and then what refers to it."""
    image = get_manifest(source, digest, upstream())
    text = image["imageManifest"]
    manifest = json.loads(text)
    if digest_of(text.encode()) != digest:
        raise ValueError(f"the manifest that came for {digest} is another one")
    if manifest.get("annotations", {}).get("io.towpath.account") == ACCOUNT:
        # What upstream says in this account's name is not let in.
        return
    for child in manifest.get("manifests", []):
        copy_image(source, repository, child["digest"], images)
    if "config" in manifest:
        copy_layers(source, repository, [layer["digest"] for layer in [manifest["config"], *manifest["layers"]]])
    put_manifest(repository, text, image["imageManifestMediaType"], imageDigest=digest, **tagged)
    for other in images:
        signing = [tag for tag in other.get("imageTags", []) if tag.startswith(digest.replace(":", "-"))]
        if signing:
            copy_image(source, repository, other["imageDigest"], images, imageTag=signing[0])
        elif other.get("subjectManifestDigest") == digest:
            copy_image(source, repository, other["imageDigest"], images)


def copy_layers(source, repository, digests):
    missing = set()
    for first in range(0, len(digests), LAYERS_PER_CALL):
        answer = ecr.batch_check_layer_availability(
            repositoryName=repository, layerDigests=digests[first : first + LAYERS_PER_CALL]
        )
        missing |= {
            layer["layerDigest"] for layer in answer["layers"] if layer["layerAvailability"] != "AVAILABLE"
        }
    list(pool.map(lambda digest: copy_layer(source, repository, digest), sorted(missing)))


def copy_layer(source, repository, digest):
    address = upstream().get_download_url_for_layer(repositoryName=source, layerDigest=digest)["downloadUrl"]
    answer = http.request("GET", address)
    if answer.status != 200 or digest_of(answer.data) != digest:
        raise ValueError(f"layer {digest} did not come whole")
    put_blob(repository, digest, answer.data)


def put_tag(change):
    """Puts the tag that makes an image visible, last of all."""
    if change["is_tagged"]:
        return
    repository, digest = change["repository"], change["digest"]
    image = get_manifest(repository, digest)
    text, media_type = image["imageManifest"], image["imageManifestMediaType"]
    put_manifest(repository, text, media_type, imageDigest=digest, imageTag=change["tag"])
