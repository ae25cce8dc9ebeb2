//! Repositories, branches and tags.

use super::*;
use expect_test::expect;

#[test]
fn an_account_without_repositories_lists_none() {
    assert_eq!(ok(&mut world(), "ListRepositories", json!({})), json!({ "repositories": [] }));
}

#[test]
fn a_new_repository_is_shown_and_found_again() {
    let mut world = world();
    let input = json!({ "repositoryName": "deployment", "repositoryDescription": "what runs" });
    let made = ok(&mut world, "CreateRepository", input);
    expect![[r#"
        {
          "repositoryMetadata": {
            "Arn": "arn:aws:codecommit:eu-west-1:111111111111:deployment",
            "accountId": "111111111111",
            "cloneUrlHttp": "https://git-codecommit.eu-west-1.amazonaws.com/v1/repos/deployment",
            "cloneUrlSsh": "ssh://git-codecommit.eu-west-1.amazonaws.com/v1/repos/deployment",
            "creationDate": 1795248000.0,
            "lastModifiedDate": 1795248000.0,
            "repositoryDescription": "what runs",
            "repositoryId": "910a2dec-8902-4cc1-beeb-8da1658eec67",
            "repositoryName": "deployment"
          }
        }"#]]
    .assert_eq(&serde_json::to_string_pretty(&made).unwrap());
    assert_eq!(ok(&mut world, "GetRepository", json!({ "repositoryName": "deployment" })), made);
    assert_eq!(emitted(&mut world), Vec::<String>::new());
}

#[test]
fn a_bad_repository_name_is_refused_by_its_own_code() {
    let mut world = world_with_repository();
    let long = "x".repeat(101);
    for (name, expected) in [
        (json!(null), "RepositoryNameRequiredException"),
        (json!(""), "RepositoryNameRequiredException"),
        (json!("../x"), "InvalidRepositoryNameException"),
        (json!("a b"), "InvalidRepositoryNameException"),
        (json!(".."), "InvalidRepositoryNameException"),
        (json!("x.git"), "InvalidRepositoryNameException"),
        (json!(long), "InvalidRepositoryNameException"),
    ] {
        for operation in ["CreateRepository", "GetRepository", "DeleteRepository", "ListBranches"] {
            let input = json!({ "repositoryName": name });
            assert_eq!(code(&mut world, operation, input), expected, "{operation} {name}");
        }
    }
    let same = json!({ "repositoryName": "deployment" });
    assert_eq!(code(&mut world, "CreateRepository", same), "RepositoryNameExistsException");
    let none = json!({ "repositoryName": "other" });
    assert_eq!(code(&mut world, "GetRepository", none.clone()), "RepositoryDoesNotExistException");
    assert_eq!(code(&mut world, "ListBranches", none), "RepositoryDoesNotExistException");
}

#[test]
fn a_repository_belongs_to_its_account() {
    let mut world = world_with_repository();
    let other = Caller::administrator(&"222222222222".parse().unwrap());
    let input = json!({ "repositoryName": "deployment" });
    let error = world.call(&other, Service::CodeCommit, "GetRepository", input).unwrap_err();
    assert_eq!(error.code, "RepositoryDoesNotExistException");
}

#[test]
fn a_deleted_repository_is_gone_and_a_new_one_of_its_name_is_empty() {
    let mut world = world_with_repository();
    commit(&mut world, "first", &[("a", "1")]);
    let name = json!({ "repositoryName": "deployment" });
    let deleted = ok(&mut world, "DeleteRepository", name.clone());
    assert!(deleted["repositoryId"].is_string());
    assert_eq!(ok(&mut world, "DeleteRepository", name.clone()), json!({}));
    ok(&mut world, "CreateRepository", name.clone());
    assert_eq!(ok(&mut world, "ListBranches", name), json!({ "branches": [] }));
}

#[test]
fn repositories_are_listed_in_pages_and_in_the_order_asked_for() {
    let mut world = world();
    for number in 0..101 {
        wait(&mut world, 1);
        ok(&mut world, "CreateRepository", json!({ "repositoryName": format!("r{number:03}") }));
    }
    let by_age = json!({ "sortBy": "lastModifiedDate", "order": "descending" });
    let page = ok(&mut world, "ListRepositories", by_age.clone());
    assert_eq!(page["repositories"].as_array().unwrap().len(), 100);
    assert_eq!(page["repositories"][0]["repositoryName"], "r100");
    let rest = with(by_age, json!({ "nextToken": page["nextToken"] }));
    let rest = ok(&mut world, "ListRepositories", rest);
    assert_eq!(rest["repositories"][0]["repositoryName"], "r000");
    assert_eq!(rest.get("nextToken"), None);
    let other = json!({ "nextToken": page["nextToken"] });
    assert_eq!(code(&mut world, "ListRepositories", other), "InvalidContinuationTokenException");
    assert_eq!(code(&mut world, "ListRepositories", json!({ "sortBy": "size" })), "InvalidSortByException");
    assert_eq!(code(&mut world, "ListRepositories", json!({ "order": "up" })), "InvalidOrderException");
}

#[test]
fn the_first_branch_becomes_the_default_one() {
    let mut world = world_with_repository();
    let name = json!({ "repositoryName": "deployment" });
    let first = commit_on(&mut world, "trunk", "first", &[("a", "1")]);
    let shown = ok(&mut world, "GetRepository", name.clone());
    assert_eq!(shown["repositoryMetadata"]["defaultBranch"], "trunk");
    let other = json!({ "repositoryName": "deployment", "branchName": "other", "commitId": first });
    ok(&mut world, "CreateBranch", other);
    let update = json!({ "repositoryName": "deployment", "defaultBranchName": "other" });
    ok(&mut world, "UpdateDefaultBranch", update.clone());
    let shown = ok(&mut world, "GetRepository", name);
    assert_eq!(shown["repositoryMetadata"]["defaultBranch"], "other");
    let update = with(update, json!({ "defaultBranchName": "none" }));
    assert_eq!(code(&mut world, "UpdateDefaultBranch", update), "BranchDoesNotExistException");
}

#[test]
fn branches_come_and_go_with_their_events() {
    let mut world = world_with_repository();
    let first = commit(&mut world, "first", &[("a", "1")]);
    let branch = json!({ "repositoryName": "deployment", "branchName": "feature/x" });
    let create = with(branch.clone(), json!({ "commitId": first }));
    ok(&mut world, "CreateBranch", create.clone());
    let shown = ok(&mut world, "GetBranch", branch.clone());
    assert_eq!(shown, json!({ "branch": { "branchName": "feature/x", "commitId": first } }));
    let listed = ok(&mut world, "ListBranches", json!({ "repositoryName": "deployment" }));
    assert_eq!(listed, json!({ "branches": ["feature/x", "main"] }));
    assert_eq!(code(&mut world, "CreateBranch", create), "BranchNameExistsException");
    let deleted = ok(&mut world, "DeleteBranch", branch.clone());
    assert_eq!(deleted["deletedBranch"]["commitId"], json!(first));
    assert_eq!(ok(&mut world, "DeleteBranch", branch.clone()), json!({}));
    assert_eq!(code(&mut world, "GetBranch", branch), "BranchDoesNotExistException");
    let main = json!({ "repositoryName": "deployment", "branchName": "main" });
    assert_eq!(code(&mut world, "DeleteBranch", main), "DefaultBranchCannotBeDeletedException");
    expect![[r#"
        [
            "referenceCreated refs/heads/main -..a95fc0d by administrator",
            "referenceCreated refs/heads/feature/x -..a95fc0d by administrator",
            "referenceDeleted refs/heads/feature/x a95fc0d..- by administrator",
        ]
    "#]]
    .assert_debug_eq(&emitted(&mut world));
}

#[test]
fn a_bad_branch_or_commit_id_is_refused_by_its_own_code() {
    let mut world = world_with_repository();
    let first = commit(&mut world, "first", &[("a", "1")]);
    let good = json!({ "repositoryName": "deployment", "branchName": "new", "commitId": first });
    let missing = "0123456789012345678901234567890123456789";
    for (change, expected) in [
        (json!({ "branchName": null }), "BranchNameRequiredException"),
        (json!({ "branchName": "a..b" }), "InvalidBranchNameException"),
        (json!({ "branchName": "refs/heads/x" }), "InvalidBranchNameException"),
        (json!({ "branchName": "x".repeat(257) }), "InvalidBranchNameException"),
        (json!({ "branchName": "a\u{7}" }), "InvalidBranchNameException"),
        (json!({ "commitId": null }), "CommitIdRequiredException"),
        (json!({ "commitId": "main" }), "InvalidCommitIdException"),
        (json!({ "commitId": missing }), "CommitDoesNotExistException"),
        (json!({ "repositoryName": "none" }), "RepositoryDoesNotExistException"),
        (json!({ "force": true }), "NotInLocalAws"),
    ] {
        assert_eq!(
            code(&mut world, "CreateBranch", with(good.clone(), change.clone())),
            expected,
            "{change}"
        );
    }
}

#[test]
fn tags_are_put_listed_and_removed() {
    let mut world = world_with_repository();
    let arn = json!({ "resourceArn": "arn:aws:codecommit:eu-west-1:111111111111:deployment" });
    assert_eq!(ok(&mut world, "ListTagsForResource", arn.clone()), json!({ "tags": {} }));
    ok(&mut world, "TagResource", with(arn.clone(), json!({ "tags": { "towpath": "stack", "b": "2" } })));
    ok(&mut world, "UntagResource", with(arn.clone(), json!({ "tagKeys": ["b"] })));
    assert_eq!(ok(&mut world, "ListTagsForResource", arn.clone()), json!({ "tags": { "towpath": "stack" } }));
    let system = with(arn.clone(), json!({ "tags": { "aws:x": "1" } }));
    assert_eq!(code(&mut world, "TagResource", system), "InvalidSystemTagUsageException");
    assert_eq!(code(&mut world, "TagResource", arn), "TagsMapRequiredException");
    let other = json!({ "resourceArn": "arn:aws:ecr:eu-west-1:111111111111:repository/x" });
    assert_eq!(code(&mut world, "ListTagsForResource", other), "InvalidResourceArnException");
}

#[test]
fn an_unknown_operation_is_refused_by_name() {
    let error = call(&mut world(), "MergeBranchesBySquash", json!({})).unwrap_err();
    assert_eq!(error.code, "NotInLocalAws");
    assert!(error.message.contains("MergeBranchesBySquash"));
}
