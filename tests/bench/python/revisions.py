"""How a service moves to another image: which one a rule selects, and the commit that says so."""

import json
import re

from deployment import REGISTRY, commit_files, record

ATTEMPTS = 8
COMMIT_ID = re.compile("[0-9a-f]{40}")
RESERVED = ("approved-", "sha256-")


def candidates(select, images, application_tip=None):
    """The images that a rule may select, each with its tag, the best one first."""
    named = [
        (tag, image)
        for image in images
        if not image.get("subjectManifestDigest")
        for tag in sorted(image.get("imageTags", []))
        if not tag.startswith(RESERVED)
    ]
    if select == "newest":
        named = [(tag, image) for tag, image in named if re.fullmatch("[0-9a-f]{7,40}", tag)]
        return sorted(named, key=lambda found: place(found[1]), reverse=True)
    if select == "commit":
        named = [found for found in named if names_commit(found[0], application_tip)]
        return sorted(named, key=lambda found: len(found[0]), reverse=True)
    raise ValueError(f"select: {select!r} is not known")


def names_commit(tag, commit):
    return commit is not None and len(tag) >= 7 and commit.startswith(tag)


def place(image):
    return image["imagePushedAt"], image["imageDigest"]


def change_of(service, name, repository, chosen, images, state):
    """What changes when a container runs this image, which is then in the revision; None when it stays."""
    tag, image = chosen
    digest, revision = image["imageDigest"], state["revision"]
    entry = next((entry for entry in revision if entry["name"] == name), None)
    previous = entry["imageUri"].partition("@")[2] if entry else None
    if digest == previous:
        return None
    before = next((other for other in images if other["imageDigest"] == previous), None)
    if digest in state["kept_out"] or (before and place(image) < place(before)):
        record(decision="refused", service=service, because=f"{tag} would go back")
        return None
    uri = f"{REGISTRY}/{repository}@{digest}"
    if entry:
        entry["imageUri"] = uri
    else:
        revision.append({"name": name, "imageUri": uri})
    return {"name": name, "repository": repository, "tag": tag, "digest": digest, "previous": previous}


def move_of(service, revision, changes, approved_by=()):
    headline = ", ".join(f"{change['name']} → {shown(change['tag'])}" for change in changes)
    text = json.dumps(revision, indent=2) + "\n"
    return {
        "service": service,
        "text": text,
        "headline": headline,
        "changes": changes,
        "approved_by": sorted(set(approved_by)),
    }


def shown(tag):
    return tag[:8] if COMMIT_ID.fullmatch(tag) else tag


def commit(moves, tip, actor, event_id):
    """Commits what moves; false when the branch has moved in between."""
    files = {f"{move['service']}/revision.json": move["text"] for move in moves}
    made = commit_files(tip, message(moves, actor, event_id), files)
    if made is None:
        return False
    for move in moves:
        record(decision="moved", service=move["service"], because=move["headline"], tip=tip, commit=made)
    return True


def message(moves, actor, event_id):
    if len(moves) == 1:
        subject = f"{moves[0]['service']}: {moves[0]['headline']}\n\n"
    else:
        names = ", ".join(move["service"] for move in moves[:3])
        lines = "\n".join(f"{move['service']}: {move['headline']}" for move in moves)
        subject = f"{len(moves)} services: {names}{', …' if len(moves) > 3 else ''}\n\n{lines}\n\n"
    trailers = [f"Actor: {actor}", f"Event-Id: {event_id}"]
    for move in moves:
        trailers += [f"Service: {move['service']}", "Decision: moved"]
        trailers += [f"Approved-By: {by}" for by in move["approved_by"]]
        for change in move["changes"]:
            tag, previous = change["tag"], change["previous"]
            trailers += [f"Container: {change['name']}", f"Image-Tag: {tag}", f"Image-Digest: {change['digest']}"]
            trailers += [f"Previous-Digest: {previous}"] if previous else []
            trailers += [f"Source-Commit: {tag}"] if COMMIT_ID.fullmatch(tag) else []
    return subject + "\n".join(trailers) + "\n"
