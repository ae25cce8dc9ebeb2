"""Paginators: things that need several pages arrive once each."""

import json

import boto3


def every(service, operation, path, size, **arguments):
    """All entries under `path` by pages of this size, and how many pages they took."""
    pages = boto3.client(service).get_paginator(operation).paginate(PaginationConfig={"PageSize": size}, **arguments)
    counted = 0

    def count(page):
        nonlocal counted
        counted += 1
        return page

    entries = [entry for page in pages for entry in count(page).get(path, [])]
    return entries, counted


def tell(what, entries, pages):
    assert len(entries) == len({json.dumps(entry, default=str, sort_keys=True) for entry in entries}), f"{what} repeats"
    print(f"{what}: {len(entries)} on {pages} pages")


ecs, ecr, git, logs = (boto3.client(name) for name in ["ecs", "ecr", "codecommit", "logs"])
for number in range(5):
    container = {"name": "a", "image": f"a:{number}", "memory": 128}
    ecs.register_task_definition(family="a", containerDefinitions=[container])
    ecs.create_cluster(clusterName=f"cluster{number}")
    ecr.create_repository(repositoryName=f"r{number}")
    logs.create_log_group(logGroupName=f"/mine/{number}")
commit = git.put_file(repositoryName="deployment", branchName="main", filePath="f", fileContent=b"0")["commitId"]
first = commit
for number in range(1, 5):
    files = [{"filePath": f"n{number}", "fileContent": b"n"}]
    commit = git.create_commit(repositoryName="deployment", branchName="main", parentCommitId=commit, putFiles=files)["commitId"]

tell("task definitions", *every("ecs", "list_task_definitions", "taskDefinitionArns", 2))
tell("clusters", *every("ecs", "list_clusters", "clusterArns", 2))
tell("image repositories", *every("ecr", "describe_repositories", "repositories", 2))
tell("log groups", *every("logs", "describe_log_groups", "logGroups", 2, logGroupNamePrefix="/mine/"))
specifiers = {"beforeCommitSpecifier": first, "afterCommitSpecifier": commit}
tell("differences", *every("codecommit", "get_differences", "differences", 3, repositoryName="deployment", **specifiers))
tell("queues", *every("sqs", "list_queues", "QueueUrls", 3))
tell("functions", *every("lambda", "list_functions", "Functions", 3))
tell("roles", *every("iam", "list_roles", "Roles", 4))
rules, pages = every("events", "list_rules", "Rules", 3)
assert rules
print(f"rules: some on {'several pages' if pages > 1 else 'one page'}")
