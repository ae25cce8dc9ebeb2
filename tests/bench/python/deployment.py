"""What the handlers need of the deployment repository: rules, revisions, holds."""

import hashlib
import json
import os
from datetime import timezone

import boto3
import yaml
from botocore.config import Config

REPOSITORY = os.environ["TOWPATH_DEPLOYMENT_REPOSITORY"]
BRANCH = os.environ["TOWPATH_DEPLOYMENT_BRANCH"]
ACCOUNT = os.environ["TOWPATH_ACCOUNT"]
ENVIRONMENT = os.environ["TOWPATH_ENVIRONMENT"]
REGISTRY = f"{ACCOUNT}.dkr.ecr.{os.environ['AWS_REGION']}.amazonaws.com"
CONFIG = Config(retries={"mode": "standard", "max_attempts": 4}, read_timeout=10)

# libyaml's parser where PyYAML was built with it. Only texts come out of it, so that a tag is never a number.
Loader = getattr(yaml, "CBaseLoader", yaml.BaseLoader)

codecommit = boto3.client("codecommit", config=CONFIG)


class NotThere(Exception):
    """A file or branch that does not exist."""


def read_file(path, at):
    """A file's blob id and content at a commit or branch, and the commit that this was."""
    try:
        answer = codecommit.get_file(repositoryName=REPOSITORY, commitSpecifier=at, filePath=path)
    except (
        codecommit.exceptions.FileDoesNotExistException,
        codecommit.exceptions.CommitDoesNotExistException,
    ) as error:
        raise NotThere(path) from error
    return answer["commitId"], answer["blobId"], answer["fileContent"]


def read_json(path, at):
    """A JSON file's blob id and what it says; None twice when it is not there."""
    try:
        _, blob, content = read_file(path, at)
    except NotThere:
        return None, None
    return blob, json.loads(content)


def read_rules():
    """The branch's tip, and the services that the rules name there."""
    tip, _, content = read_file("delivery.yaml", f"refs/heads/{BRANCH}")
    rules = yaml.load(content, Loader=Loader)
    if rules.get("version") != "1":
        raise ValueError(f"delivery.yaml: version {rules.get('version')!r}: expected 1")
    return tip, rules.get("services") or {}


def branch_tip(repository, branch):
    """What a branch points to; None when it is not there."""
    try:
        answer = codecommit.get_branch(repositoryName=repository, branchName=branch)
    except (
        codecommit.exceptions.BranchDoesNotExistException,
        codecommit.exceptions.RepositoryDoesNotExistException,
    ):
        return None
    return answer["branch"]["commitId"]


def read_service(service, tip):
    """What git says of a service: its revision and that one's last change, what is kept out, and why it is held."""
    path = f"{service}/revision.json"
    blob, revision = read_json(path, tip)
    _, hold = read_json(f"{service}/hold.json", tip)
    change = last_change(path, tip)
    held = None
    if hold and (hold.get("hold") or {}).get("revision") == blob:
        held = hold["hold"]["reason"]
    elif blob and f"\nService: {service}\n" not in change["message"]:
        held = f"{change['author']['name']} put its revision there"
    return {"blob": blob, "revision": revision or [], "change": change, "held": held, "kept_out": kept_out(hold)}


def kept_out(hold):
    """The digests that a hold.json has in quarantine."""
    return {entry["digest"] for entry in (hold or {}).get("quarantine", [])}


def list_versions(path, at, count):
    """The newest versions of a file, newest first, each with the commit that made it; none when it was never there."""
    versions, asked = [], {"repositoryName": REPOSITORY, "commitSpecifier": at, "filePath": path}
    while True:
        try:
            page = codecommit.list_file_commit_history(**asked)
        except codecommit.exceptions.FileDoesNotExistException:
            return []
        versions += page["revisionDag"]
        if not page.get("nextToken") or len(versions) >= count:
            break
        asked["nextToken"] = page["nextToken"]
    # The order of the answer is not documented: each version names those that were made from it.
    newest = [version for version in versions if not version.get("revisionChildren")][:1]
    before = {child: version for version in versions for child in version.get("revisionChildren", [])}
    while newest and (older := before.get(newest[-1]["commit"]["commitId"])):
        newest.append(older)
    return newest[:count]


def last_change(path, at):
    """The newest commit that touched a file; None when none did."""
    versions = list_versions(path, at, 1)
    return versions[0]["commit"] if versions else None


def commit_files(tip, message, files):
    """Commits files, each a path and a text; None when the branch has moved on from the tip."""
    try:
        answer = codecommit.create_commit(
            repositoryName=REPOSITORY,
            branchName=BRANCH,
            parentCommitId=tip,
            authorName="Towpath",
            email="towpath@towpath.invalid",
            commitMessage=message,
            putFiles=[{"filePath": path, "fileContent": text.encode()} for path, text in files.items()],
        )
    except codecommit.exceptions.ParentCommitIdOutdatedException:
        return None
    return answer["commitId"]


def token(*parts):
    """What makes a repeated request the same request."""
    joined = "".join(f"{len(part.encode())}:{part};" for part in parts)
    return hashlib.sha256(joined.encode()).hexdigest()


def timestamp(time):
    return time.astimezone(timezone.utc).isoformat().replace("+00:00", "Z")


def record(**said):
    """One line of JSON in the log."""
    print(json.dumps({"towpath": "decision", "version": 1, **said}, ensure_ascii=False))


def answer_batch(event, handle_message):
    """Answers an SQS batch: a message that fails comes back alone."""
    failures = []
    for message in event["Records"]:
        try:
            handle_message(json.loads(message["body"]))
        except Exception as error:  # noqa: BLE001
            record(decision="failed", because=f"{type(error).__name__}: {error}")
            failures.append({"itemIdentifier": message["messageId"]})
    return {"batchItemFailures": failures}
