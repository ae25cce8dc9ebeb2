"""What the handlers need of the image registry: images, what refers to them, and how they get there."""

import hashlib

import boto3

from deployment import ACCOUNT, CONFIG, REGISTRY

EVIDENCE = "application/vnd.towpath.evidence.v1+json"
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
MANIFESTS = [
    OCI_MANIFEST,
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
]

ecr = boto3.client("ecr", config=CONFIG)


def digest_of(content):
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def list_images(repository, client=ecr):
    pages = client.get_paginator("describe_images").paginate(
        repositoryName=repository, PaginationConfig={"PageSize": 1000}
    )
    return [image for page in pages for image in page["imageDetails"]]


def own_images(revision):
    """The repository and digest of each image of a revision.json that lies in this registry."""
    images = []
    for entry in revision:
        name, _, digest = entry["imageUri"].partition("@")
        if digest and name.startswith(f"{REGISTRY}/"):
            images.append((name.removeprefix(f"{REGISTRY}/"), digest))
    return images


def get_manifest(repository, digest, client=ecr):
    """An image as ECR has it; None when it is not there."""
    images = client.batch_get_image(
        repositoryName=repository, imageIds=[{"imageDigest": digest}], acceptedMediaTypes=MANIFESTS
    )["images"]
    return images[0] if images else None


def list_referrers(repository, digest, client=ecr, **asked):
    """What refers to an image. boto3 has no paginator for it."""
    referrers = []
    while True:
        page = client.list_image_referrers(
            repositoryName=repository, subjectId={"imageDigest": digest}, maxResults=50, **asked
        )
        referrers += page["referrers"]
        if not page.get("nextToken"):
            return referrers
        asked["nextToken"] = page["nextToken"]


def latest_evidence(repository, digest, service, account=ACCOUNT, client=ecr):
    """The newest that an account itself says of an image, as annotations; empty when it says nothing."""
    said = []
    for referrer in list_referrers(repository, digest, client, filter={"artifactTypes": [EVIDENCE]}):
        words = referrer.get("annotations", {})
        if (words.get("io.towpath.account"), words.get("io.towpath.service")) == (account, service):
            said.append(words)
    return max(said, key=lambda words: words["org.opencontainers.image.created"], default={})


def put_manifest(repository, text, media_type, **named):
    """Puts a manifest, under a tag or none; one that is there already is success."""
    try:
        ecr.put_image(
            repositoryName=repository, imageManifest=text, imageManifestMediaType=media_type, **named
        )
    except ecr.exceptions.ImageAlreadyExistsException:
        pass


def put_blob(repository, digest, content):
    """Uploads a blob in the parts that ECR takes."""
    upload = ecr.initiate_layer_upload(repositoryName=repository)
    size = upload["partSize"]
    for first in range(0, len(content), size):
        part = content[first : first + size]
        ecr.upload_layer_part(
            repositoryName=repository,
            uploadId=upload["uploadId"],
            partFirstByte=first,
            partLastByte=first + len(part) - 1,
            layerPartBlob=part,
        )
    try:
        ecr.complete_layer_upload(
            repositoryName=repository, uploadId=upload["uploadId"], layerDigests=[digest]
        )
    except ecr.exceptions.LayerAlreadyExistsException:
        pass
