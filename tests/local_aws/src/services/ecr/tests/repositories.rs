use super::stage::{NAME, Stage};
use crate::clock::seconds;
use expect_test::expect;
use serde_json::{Value, json};

#[test]
fn an_account_without_repositories_lists_none() {
    let mut stage = Stage::empty();
    assert_eq!(stage.ok("DescribeRepositories", json!({})), json!({"repositories": []}));
    expect!["RepositoryNotFoundException: The repository with name 'webapp1' does not exist in the registry with id '111111111111'"]
        .assert_eq(&stage.refusal("DescribeRepositories", json!({"repositoryNames": [NAME]})));
}

#[test]
fn a_repository_is_described_as_it_was_made() {
    let mut stage = Stage::empty();
    let made = stage.ok(
        "CreateRepository",
        json!({"repositoryName": "mesh/envoy", "imageTagMutability": "IMMUTABLE_WITH_EXCLUSION",
            "imageTagMutabilityExclusionFilters": [{"filterType": "WILDCARD", "filter": "dev-*"}],
            "imageScanningConfiguration": {"scanOnPush": false},
            "encryptionConfiguration": {"encryptionType": "AES256"},
            "tags": [{"Key": "towpath", "Value": "dev"}]}),
    );
    expect![[r#"
        {
          "repository": {
            "createdAt": 1767225600.0,
            "encryptionConfiguration": {
              "encryptionType": "AES256"
            },
            "imageScanningConfiguration": {
              "scanOnPush": false
            },
            "imageTagMutability": "IMMUTABLE_WITH_EXCLUSION",
            "imageTagMutabilityExclusionFilters": [
              {
                "filter": "dev-*",
                "filterType": "WILDCARD"
              }
            ],
            "registryId": "111111111111",
            "repositoryArn": "arn:aws:ecr:eu-west-1:111111111111:repository/mesh/envoy",
            "repositoryName": "mesh/envoy",
            "repositoryUri": "111111111111.dkr.ecr.eu-west-1.amazonaws.com/mesh/envoy"
          }
        }"#]]
    .assert_eq(&serde_json::to_string_pretty(&made).unwrap());
    let described = stage.ok("DescribeRepositories", json!({"repositoryNames": ["mesh/envoy"]}));
    assert_eq!(described["repositories"][0], made["repository"]);
    let arn = json!({"resourceArn": made["repository"]["repositoryArn"]});
    let tags = stage.ok("ListTagsForResource", arn);
    assert_eq!(tags, json!({"tags": [{"Key": "towpath", "Value": "dev"}]}));
}

#[test]
fn bad_requests_are_refused_by_name() {
    let mut stage = Stage::new();
    let refusals: Vec<String> = [
        json!({}),
        json!({"repositoryName": "../x"}),
        json!({"repositoryName": NAME}),
        json!({"repositoryName": "b1", "imageTagMutability": "SOMETIMES"}),
        json!({"repositoryName": "b1", "imageTagMutability": "IMMUTABLE_WITH_EXCLUSION"}),
        json!({"repositoryName": "b1", "imageTagMutabilityExclusionFilters": [{"filterType": "WILDCARD", "filter": "x"}]}),
        json!({"repositoryName": "b1", "imageTagMutability": "MUTABLE_WITH_EXCLUSION",
            "imageTagMutabilityExclusionFilters": [{"filterType": "WILDCARD", "filter": "x y"}]}),
        json!({"repositoryName": "b1", "imageScanningConfiguration": {"scanOnPush": true}}),
        json!({"repositoryName": "b1", "encryptionConfiguration": {"encryptionType": "KMS"}}),
        json!({"repositoryName": "b1", "tags": [{"Key": "aws:x", "Value": ""}]}),
        json!({"repositoryName": "b1", "registryId": "12"}),
        json!({"repositoryName": "b1", "registryId": "222222222222"}),
        json!({"repositoryName": "b1", "color": "red"}),
    ]
    .into_iter()
    .map(|input| stage.refusal("CreateRepository", input))
    .collect();
    expect![[r#"
        InvalidParameterException: Invalid parameter at 'repositoryName' failed to satisfy constraint: 'must not be null'
        InvalidParameterException: Invalid parameter at 'repositoryName' failed to satisfy constraint: 'must satisfy regular expression '[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(\/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*' with 2 to 256 characters'
        RepositoryAlreadyExistsException: The repository with name 'webapp1' already exists in the registry with id '111111111111'
        InvalidParameterException: Invalid parameter at 'imageTagMutability' failed to satisfy constraint: 'unknown variant `SOMETIMES`, expected one of `MUTABLE`, `IMMUTABLE`, `IMMUTABLE_WITH_EXCLUSION`, `MUTABLE_WITH_EXCLUSION`'
        InvalidParameterException: Invalid parameter at 'imageTagMutabilityExclusionFilters' failed to satisfy constraint: 'must not be null with this imageTagMutability'
        InvalidParameterException: Invalid parameter at 'imageTagMutabilityExclusionFilters' failed to satisfy constraint: 'must be null unless imageTagMutability ends in _WITH_EXCLUSION'
        InvalidParameterException: Invalid parameter at 'imageTagMutabilityExclusionFilters' failed to satisfy constraint: 'must satisfy regular expression '^[0-9a-zA-Z._*-]{1,128}$''
        NotInLocalAws: the local accounts do not know ecr CreateRepository with scanOnPush; AWS may
        NotInLocalAws: the local accounts do not know ecr CreateRepository with encryptionType KMS; AWS may
        InvalidTagParameterException: The tag key 'aws:x' must not begin with 'aws:'
        InvalidParameterException: Invalid parameter at 'registryId' failed to satisfy constraint: 'must satisfy regular expression '[0-9]{12}''
        AccessDeniedException: User: arn:aws:iam::111111111111:user/administrator is not authorized to perform: ecr:CreateRepository on resource: arn:aws:ecr:eu-west-1:222222222222:repository/b1 because no resource-based policy allows the ecr:CreateRepository action
        NotInLocalAws: the local accounts do not know this of ecr CreateRepository: unknown field `color`, expected one of `registryId`, `repositoryName`, `tags`, `imageTagMutability`, `imageTagMutabilityExclusionFilters`, `imageScanningConfiguration`, `encryptionConfiguration`; AWS may"#]].assert_eq(&refusals.join("\n"));
    let refused = stage.refusal("PutLifecyclePolicy", json!({"repositoryName": NAME}));
    expect!["NotInLocalAws: the local accounts do not know the operation ecr PutLifecyclePolicy; AWS may"]
        .assert_eq(&refused);
    assert_eq!(stage.code("PutImageScanningConfiguration", json!({})), "NotInLocalAws");
}

#[test]
fn lists_come_in_pages_with_tokens_of_their_own() {
    let mut stage = Stage::empty();
    for name in ["a1", "b1", "c1"] {
        stage.ok("CreateRepository", json!({"repositoryName": name}));
    }
    let names = |page: &Value| -> Vec<String> {
        let repositories = page["repositories"].as_array().unwrap().iter();
        repositories.map(|repository| repository["repositoryName"].as_str().unwrap().to_owned()).collect()
    };
    let first = stage.ok("DescribeRepositories", json!({"maxResults": 2}));
    assert_eq!(names(&first), ["a1", "b1"]);
    let second = stage.ok("DescribeRepositories", json!({"maxResults": 2, "nextToken": first["nextToken"]}));
    assert_eq!((names(&second), second.get("nextToken")), (vec!["c1".to_owned()], None));
    let foreign = json!({"repositoryName": "a1", "nextToken": first["nextToken"]});
    assert_eq!(stage.code("ListImages", foreign), "InvalidParameterException");
    for bad in [0, 1001] {
        assert_eq!(
            stage.code("DescribeRepositories", json!({"maxResults": bad})),
            "InvalidParameterException"
        );
    }
    let both = json!({"repositoryNames": ["a1"], "maxResults": 2});
    assert_eq!(stage.code("DescribeRepositories", both), "InvalidParameterException");
}

#[test]
fn a_repository_with_images_is_deleted_by_force_only() {
    let mut stage = Stage::new();
    let digest = stage.push(NAME, "one", Some("1"));
    assert_eq!(
        stage.code("DeleteRepository", json!({"repositoryName": NAME})),
        "RepositoryNotEmptyException"
    );
    stage.ok("DeleteRepository", json!({"repositoryName": NAME, "force": true}));
    assert_eq!(stage.code("ListImages", json!({"repositoryName": NAME})), "RepositoryNotFoundException");
    stage.ok("CreateRepository", json!({"repositoryName": NAME}));
    let again =
        stage.ok("BatchGetImage", json!({"repositoryName": NAME, "imageIds": [{"imageDigest": digest}]}));
    assert_eq!(again["failures"][0]["failureCode"], "ImageNotFound");
    let blobs = stage.world.store.folder(&super::stage::dev(), "ecr").join("blobs/sha256");
    assert_eq!(std::fs::read_dir(blobs).unwrap().count(), 0);
}

#[test]
fn resource_tags_are_counted_and_checked() {
    let mut stage = Stage::new();
    let arn = "arn:aws:ecr:eu-west-1:111111111111:repository/webapp1";
    let tags: Vec<Value> = (0..50).map(|key| json!({"Key": format!("k{key}"), "Value": ""})).collect();
    stage.ok("TagResource", json!({"resourceArn": arn, "tags": tags}));
    let one_more = json!({"resourceArn": arn, "tags": [{"Key": "more", "Value": ""}]});
    assert_eq!(stage.code("TagResource", one_more), "TooManyTagsException");
    let long = json!({"resourceArn": arn, "tags": [{"Key": "k1", "Value": "x".repeat(257)}]});
    assert_eq!(stage.code("TagResource", long), "InvalidTagParameterException");
    let keys: Vec<String> = (1..50).map(|key| format!("k{key}")).collect();
    stage.ok("UntagResource", json!({"resourceArn": arn, "tagKeys": keys}));
    let left = stage.ok("ListTagsForResource", json!({"resourceArn": arn}));
    assert_eq!(left, json!({"tags": [{"Key": "k0", "Value": ""}]}));
    assert_eq!(
        stage.code("ListTagsForResource", json!({"resourceArn": "arn:aws:s3:::x"})),
        "InvalidParameterException"
    );
}

#[test]
fn what_a_world_holds_survives_a_restart() {
    let mut stage = Stage::new();
    let digest = stage.push(NAME, "one", Some("1"));
    stage.wait(seconds(1.0));
    let saved = stage.world.save().unwrap();
    let before = stage.ok("DescribeImages", json!({"repositoryName": NAME}));
    stage.ok("BatchDeleteImage", json!({"repositoryName": NAME, "imageIds": [{"imageDigest": digest}]}));
    stage.world.load(&saved).unwrap();
    assert_eq!(stage.ok("DescribeImages", json!({"repositoryName": NAME})), before);
}
