use super::stage::{NAME, Stage, index_text, shortened};
use crate::clock::seconds;
use crate::services::ecr::digest::sha256;
use expect_test::expect;
use serde_json::{Value, json};

const DOCKER: &str = "application/vnd.docker.distribution.manifest.v2+json";
const OCI: &str = "application/vnd.oci.image.manifest.v1+json";

#[test]
fn an_empty_repository_has_no_images() {
    let mut stage = Stage::new();
    assert_eq!(stage.ok("DescribeImages", json!({"repositoryName": NAME})), json!({"imageDetails": []}));
    assert_eq!(stage.ok("ListImages", json!({"repositoryName": NAME})), json!({"imageIds": []}));
}

#[test]
fn each_unknown_image_of_a_batch_fails_by_itself() {
    let mut stage = Stage::new();
    let one = stage.push(NAME, "one", Some("1"));
    stage.push(NAME, "two", Some("2"));
    let answer = stage.ok(
        "BatchGetImage",
        json!({"repositoryName": NAME, "imageIds": [
            {"imageTag": "1"}, {"imageDigest": one, "imageTag": "1"}, {"imageDigest": one, "imageTag": "2"},
            {"imageTag": "absent"}, {"imageDigest": sha256(b"")}, {"imageDigest": "sha256:x"}, {"imageTag": "a/b"}, {},
        ]}),
    );
    assert_eq!(answer["images"].as_array().unwrap().len(), 2);
    let failures = answer["failures"].as_array().unwrap().iter();
    let failures: Vec<String> = failures.map(|failure| shortened(&failure.to_string())).collect();
    expect![[r#"
        {"failureCode":"ImageTagDoesNotMatchDigest","failureReason":"Requested image tag does not match the image digest","imageId":{"imageDigest":"sha256:e7069a…","imageTag":"2"}}
        {"failureCode":"ImageNotFound","failureReason":"Requested image not found","imageId":{"imageTag":"absent"}}
        {"failureCode":"ImageNotFound","failureReason":"Requested image not found","imageId":{"imageDigest":"sha256:e3b0c4…"}}
        {"failureCode":"InvalidImageDigest","failureReason":"Invalid request parameters: image digest should satisfy the regex '[a-zA-Z0-9-_+.]+:[a-fA-F0-9]+'","imageId":{"imageDigest":"sha256:x"}}
        {"failureCode":"InvalidImageTag","failureReason":"Invalid request parameters: image tag should have letters, digits, '_', '.' and '-' only","imageId":{"imageTag":"a/b"}}
        {"failureCode":"MissingDigestAndTag","failureReason":"Invalid request parameters: both tag and digest cannot be null","imageId":{}}"#]].assert_eq(&failures.join("\n"));
    for ids in [json!([]), json!(vec![json!({"imageTag": "1"}); 101])] {
        let input = json!({"repositoryName": NAME, "imageIds": ids});
        assert_eq!(stage.code("BatchGetImage", input), "InvalidParameterException");
    }
}

#[test]
fn a_pull_by_tag_is_translated_and_one_by_digest_never() {
    let mut stage = Stage::new();
    let text = stage.manifest(NAME, "one");
    let digest = stage.put(NAME, &text, Some("1"));
    let get = |stage: &mut Stage, id: Value, types: Value| {
        let mut input = json!({"repositoryName": NAME, "imageIds": [id]});
        if !types.is_null() {
            input["acceptedMediaTypes"] = types;
        }
        stage.ok("BatchGetImage", input)["images"][0].clone()
    };
    let translated = get(&mut stage, json!({"imageTag": "1"}), json!([DOCKER]));
    expect![[r#"
        {
          "imageId": {
            "imageDigest": "sha256:f97b24…",
            "imageTag": "1"
          },
          "imageManifest": "{\"config\":{\"digest\":\"sha256:c823f3…\",\"mediaType\":\"application/vnd.docker.container.image.v1+json\",\"size\":36},\"layers\":[{\"digest\":\"sha256:7692c3…\",\"mediaType\":\"application/vnd.docker.image.rootfs.diff.tar.gzip\",\"size\":3}],\"mediaType\":\"application/vnd.docker.distribution.manifest.v2+json\",\"schemaVersion\":2}",
          "imageManifestMediaType": "application/vnd.docker.distribution.manifest.v2+json",
          "registryId": "111111111111",
          "repositoryName": "webapp1"
        }"#]].assert_eq(&shortened(&serde_json::to_string_pretty(&translated).unwrap()));
    let bytes = translated["imageManifest"].as_str().unwrap();
    assert_eq!(translated["imageId"]["imageDigest"], sha256(bytes.as_bytes()));
    for (id, types) in [
        (json!({"imageDigest": digest}), json!([DOCKER])),
        (json!({"imageTag": "1"}), json!([DOCKER, OCI])),
        (json!({"imageTag": "1"}), json!(["application/vnd.oci.image.index.v1+json"])),
        (json!({"imageTag": "1"}), Value::Null),
    ] {
        assert_eq!(get(&mut stage, id, types)["imageManifest"], text);
    }
    stage.world.settings.unconfirmed.pull_by_tag_prefers_docker = true;
    let preferred = get(&mut stage, json!({"imageTag": "1"}), Value::Null);
    assert_eq!(preferred["imageManifestMediaType"], DOCKER);
}

#[test]
fn an_artifact_is_not_translated() {
    let mut stage = Stage::new();
    let subject = stage.push(NAME, "one", None);
    let referrer = stage.refer(&subject, "application/x", "");
    let text =
        stage.ok("BatchGetImage", json!({"repositoryName": NAME, "imageIds": [{"imageDigest": referrer}]}));
    let text = text["images"][0]["imageManifest"].as_str().unwrap().to_owned();
    stage.put(NAME, &text, Some("x"));
    let input =
        json!({"repositoryName": NAME, "imageIds": [{"imageTag": "x"}], "acceptedMediaTypes": [DOCKER]});
    assert_eq!(stage.ok("BatchGetImage", input)["images"][0]["imageManifest"], text);
}

#[test]
fn details_tell_kind_size_and_first_push() {
    let mut stage = Stage::new();
    let text = stage.manifest(NAME, "one");
    let one = stage.put(NAME, &text, Some("1"));
    let index = index_text(&[(&one, "linux/amd64")]);
    stage.wait(seconds(60.0));
    stage.put(NAME, &index, Some("all"));
    stage.refer(&one, "application/vnd.towpath.evidence.v1+json", "");
    // The push time stays that of the first push.
    stage.put(NAME, &text, Some("also"));
    let details = stage.ok("DescribeImages", json!({"repositoryName": NAME}));
    expect![[r#"
        {
          "imageDetails": [
            {
              "imageDigest": "sha256:0bb5f7…",
              "imageManifestMediaType": "application/vnd.oci.image.index.v1+json",
              "imagePushedAt": 1767225660.0,
              "imageSizeInBytes": 39,
              "imageStatus": "ACTIVE",
              "imageTags": [
                "all"
              ],
              "registryId": "111111111111",
              "repositoryName": "webapp1"
            },
            {
              "artifactMediaType": "application/vnd.towpath.evidence.v1+json",
              "imageDigest": "sha256:4d0309…",
              "imageManifestMediaType": "application/vnd.oci.image.manifest.v1+json",
              "imagePushedAt": 1767225660.0,
              "imageSizeInBytes": 2,
              "imageStatus": "ACTIVE",
              "registryId": "111111111111",
              "repositoryName": "webapp1",
              "subjectManifestDigest": "sha256:e7069a…"
            },
            {
              "artifactMediaType": "application/vnd.oci.image.config.v1+json",
              "imageDigest": "sha256:e7069a…",
              "imageManifestMediaType": "application/vnd.oci.image.manifest.v1+json",
              "imagePushedAt": 1767225600.0,
              "imageSizeInBytes": 39,
              "imageStatus": "ACTIVE",
              "imageTags": [
                "1",
                "also"
              ],
              "registryId": "111111111111",
              "repositoryName": "webapp1"
            }
          ]
        }"#]]
    .assert_eq(&shortened(&serde_json::to_string_pretty(&details).unwrap()));
}

#[test]
fn filters_and_ids_choose() {
    let mut stage = Stage::new();
    let one = stage.push(NAME, "one", Some("1"));
    let two = stage.push(NAME, "two", None);
    let describe = |stage: &mut Stage, more: Value| -> Vec<String> {
        let mut input = json!({"repositoryName": NAME});
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let details = stage.ok("DescribeImages", input);
        let details = details["imageDetails"].as_array().unwrap().iter();
        details.map(|detail| detail["imageDigest"].as_str().unwrap().to_owned()).collect()
    };
    for (filter, expected) in [
        (json!({"tagStatus": "TAGGED"}), vec![one.clone()]),
        (json!({"tagStatus": "UNTAGGED"}), vec![two.clone()]),
        (json!({"imageStatus": "ARCHIVED"}), vec![]),
        (json!({"tagStatus": "TAGGED", "imageStatus": "ANY"}), vec![one.clone()]),
    ] {
        assert_eq!(describe(&mut stage, json!({"filter": filter})), expected, "{filter}");
        let listed = stage.ok("ListImages", json!({"repositoryName": NAME, "filter": filter}));
        assert_eq!(listed["imageIds"].as_array().unwrap().len(), expected.len(), "{filter}");
    }
    assert_eq!(
        describe(&mut stage, json!({"imageIds": [{"imageTag": "1"}, {"imageDigest": one}]})),
        [one.clone()]
    );
    expect!["ImageNotFoundException: The image with imageId {imageDigest:'null', imageTag:'absent'} does not exist within the repository with name 'webapp1' in the registry with id '111111111111'"]
        .assert_eq(&stage.refusal("DescribeImages", json!({"repositoryName": NAME, "imageIds": [{"imageTag": "absent"}]})));
    let both = json!({"repositoryName": NAME, "imageIds": [{"imageTag": "1"}], "maxResults": 1});
    assert_eq!(stage.code("DescribeImages", both), "InvalidParameterException");
    let unknown = json!({"repositoryName": NAME, "filter": {"tagStatus": "SOME"}});
    assert_eq!(stage.code("DescribeImages", unknown), "InvalidParameterException");
}

#[test]
fn pages_hold_a_hundred_unless_told_and_together_everything_once() {
    let mut stage = Stage::new();
    for image in 0..101 {
        stage.push(NAME, &format!("image {image}"), Some(&format!("t{image}")));
    }
    for (operation, list) in [("DescribeImages", "imageDetails"), ("ListImages", "imageIds")] {
        let first = stage.ok(operation, json!({"repositoryName": NAME}));
        assert_eq!(first[list].as_array().unwrap().len(), 100);
        let rest = stage.ok(operation, json!({"repositoryName": NAME, "nextToken": first["nextToken"]}));
        assert_eq!((rest[list].as_array().unwrap().len(), rest.get("nextToken")), (1, None));
        assert!(!first[list].as_array().unwrap().contains(&rest[list][0]));
        let all = stage.ok(operation, json!({"repositoryName": NAME, "maxResults": 1000}));
        assert_eq!(all[list].as_array().unwrap().len(), 101);
        let bad = json!({"repositoryName": NAME, "nextToken": "made up"});
        assert_eq!(stage.code(operation, bad), "InvalidParameterException");
    }
}
