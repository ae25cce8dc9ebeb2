"""An image was pushed: commits the revisions of the services whose rules select it."""

import json
import re

from deployment import (
    BRANCH,
    REGISTRY,
    REPOSITORY,
    answer_batch,
    codecommit,
    last_change,
    read_json,
    read_rules,
    record,
)
from registry import list_images

COMMIT_ID = re.compile("[0-9a-f]{40}")
ATTEMPTS = 8


def handle(event, _context):
    return answer_batch(event, on_event)


def on_event(event):
    detail = event["detail"]
    if detail["action-type"] != "PUSH" or detail["result"] != "SUCCESS" or not detail.get("image-tag"):
        record(decision="ignored", because="the event puts no tagged image into the registry")
        return
    for _ in range(ATTEMPTS):
        if deliver(detail["repository-name"], event["id"]):
            return
    raise RuntimeError("the branch moved at every attempt")


def deliver(repository, event_id):
    """Commits what the rules select; false when the branch has moved in between."""
    tip, services = read_rules()
    moves = []
    for service, rules in services.items():
        containers = rules["containers"]
        if any(container["repository"] == repository for container in containers.values()):
            moves += decide(service, containers, tip)
    if not moves:
        return True
    try:
        answer = codecommit.create_commit(
            repositoryName=REPOSITORY,
            branchName=BRANCH,
            parentCommitId=tip,
            authorName="Towpath",
            email="towpath@towpath.invalid",
            commitMessage=message(moves, event_id),
            putFiles=[{"filePath": move["path"], "fileContent": move["text"].encode()} for move in moves],
        )
    except codecommit.exceptions.ParentCommitIdOutdatedException:
        return False
    for move in moves:
        record(decision="moved", service=move["service"], because=move["headline"], tip=tip, commit=answer["commitId"])
    return True


def decide(service, containers, tip):
    """The move of a service to the images that its rules select; none when it stays."""
    path = f"{service}/revision.json"
    blob, revision = read_json(path, tip)
    _, hold = read_json(f"{service}/hold.json", tip)
    change = last_change(path, tip)
    if hold and (hold.get("hold") or {}).get("revision") == blob:
        record(decision="held", service=service, because=hold["hold"]["reason"])
        return []
    if blob and f"\nService: {service}\n" not in change["message"]:
        record(decision="held", service=service, because=f"{change['author']['name']} put its revision there")
        return []
    kept_out = {entry["digest"] for entry in (hold or {}).get("quarantine", [])}
    revision = revision or []
    moved = []
    for name, container in containers.items():
        images = list_images(container["repository"])
        tag, image = newest(images)
        entry = next((entry for entry in revision if entry["name"] == name), None)
        previous = entry["imageUri"].partition("@")[2] if entry else None
        if image is None or image["imageDigest"] == previous:
            continue
        before = next((other for other in images if other["imageDigest"] == previous), None)
        if image["imageDigest"] in kept_out or (before and place(image) < place(before)):
            record(decision="refused", service=service, because=f"{tag} would go back")
            continue
        uri = f"{REGISTRY}/{container['repository']}@{image['imageDigest']}"
        if entry:
            entry["imageUri"] = uri
        else:
            revision.append({"name": name, "imageUri": uri})
        moved.append((name, tag, image["imageDigest"], previous))
    if not moved:
        record(decision="nothing", service=service, because="git says what the rules select")
        return []
    headline = ", ".join(f"{name} → {shown(tag)}" for name, tag, _, _ in moved)
    return [{"service": service, "path": path, "text": json.dumps(revision, indent=2) + "\n", "headline": headline, "containers": moved}]


def place(image):
    return image["imagePushedAt"], image["imageDigest"]


def newest(images):
    """The image pushed last among those whose tag is a commit id, with that tag."""
    named = [
        (tag, image)
        for image in images
        if not image.get("subjectManifestDigest")
        for tag in sorted(image.get("imageTags", []))
        if re.fullmatch("[0-9a-f]{7,40}", tag)
    ]
    return max(named, key=lambda found: place(found[1]), default=(None, None))


def shown(tag):
    return tag[:8] if COMMIT_ID.fullmatch(tag) else tag


def message(moves, event_id):
    if len(moves) == 1:
        subject = f"{moves[0]['service']}: {moves[0]['headline']}\n\n"
    else:
        names = ", ".join(move["service"] for move in moves[:3])
        lines = "\n".join(f"{move['service']}: {move['headline']}" for move in moves)
        subject = f"{len(moves)} services: {names}{', …' if len(moves) > 3 else ''}\n\n{lines}\n\n"
    trailers = ["Actor: on_image_push", f"Event-Id: {event_id}"]
    for move in moves:
        trailers += [f"Service: {move['service']}", "Decision: moved"]
        for name, tag, digest, previous in move["containers"]:
            trailers += [f"Container: {name}", f"Image-Tag: {tag}", f"Image-Digest: {digest}"]
            trailers += [f"Previous-Digest: {previous}"] if previous else []
            trailers += [f"Source-Commit: {tag}"] if COMMIT_ID.fullmatch(tag) else []
    return subject + "\n".join(trailers) + "\n"
