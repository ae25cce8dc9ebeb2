"""How evidence is given: a small artifact that refers to an image, and an event that tells of it."""

import json

import boto3

from deployment import ACCOUNT, CONFIG, ENVIRONMENT
from registry import EVIDENCE, OCI_MANIFEST, digest_of, ecr, get_manifest, put_blob, put_manifest

# What OCI gives to a blob that says nothing.
EMPTY = b"{}"

events = boto3.client("events", config=CONFIG)


def give(kind, service, repository, digest, commit, at):
    put(kind, service, repository, digest, commit, at)
    detail = {
        "environment": ENVIRONMENT,
        "service": service,
        "kind": kind,
        "repository-name": repository,
        "image-digest": digest,
    }
    entry = {"Source": "towpath", "DetailType": "Towpath Evidence", "Detail": json.dumps(detail)}
    if events.put_events(Entries=[entry])["FailedEntryCount"]:
        raise RuntimeError("EventBridge did not take the event")


def put(kind, service, repository, digest, commit, at):
    """Puts evidence beside its image; what is there already is success."""
    image = get_manifest(repository, digest)
    if image is None:
        return
    empty = {"mediaType": "application/vnd.oci.empty.v1+json", "digest": digest_of(EMPTY), "size": len(EMPTY)}
    manifest = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "artifactType": EVIDENCE,
        "config": empty,
        "layers": [empty],
        "subject": {
            "mediaType": image["imageManifestMediaType"],
            "digest": digest,
            "size": len(image["imageManifest"].encode()),
        },
        "annotations": {
            "io.towpath.account": ACCOUNT,
            "io.towpath.commit": commit,
            "io.towpath.environment": ENVIRONMENT,
            "io.towpath.kind": kind,
            "io.towpath.service": service,
            "org.opencontainers.image.created": at,
        },
    }
    text = json.dumps(manifest)
    try:
        put_manifest(repository, text, OCI_MANIFEST)
    except ecr.exceptions.LayersNotFoundException:
        # Only the first evidence in a repository has to bring the empty blob that all of them name.
        put_blob(repository, digest_of(EMPTY), EMPTY)
        put_manifest(repository, text, OCI_MANIFEST)
