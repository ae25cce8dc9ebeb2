use super::stage::{NAME, Stage, index_text, shortened};
use expect_test::expect;
use serde_json::{Value, json};

fn delete(stage: &mut Stage, ids: &Value) -> Value {
    stage.ok("BatchDeleteImage", json!({"repositoryName": NAME, "imageIds": ids}))
}

fn left(stage: &mut Stage) -> usize {
    stage.ok("DescribeImages", json!({"repositoryName": NAME}))["imageDetails"].as_array().unwrap().len()
}

#[test]
fn what_is_not_there_is_a_failure_and_nothing_is_deleted() {
    let mut stage = Stage::new();
    stage.push(NAME, "one", Some("1"));
    let answer = delete(&mut stage, &json!([{"imageTag": "absent"}, {}]));
    expect![[r#"{"failures":[{"failureCode":"ImageNotFound","failureReason":"Requested image not found","imageId":{"imageTag":"absent"}},{"failureCode":"MissingDigestAndTag","failureReason":"Invalid request parameters: both tag and digest cannot be null","imageId":{}}],"imageIds":[]}"#]].assert_eq(&answer.to_string());
    assert_eq!(left(&mut stage), 1);
}

#[test]
fn the_last_tag_takes_the_image_along() {
    let mut stage = Stage::new();
    let text = stage.manifest(NAME, "one");
    let one = stage.put(NAME, &text, Some("1"));
    stage.put(NAME, &text, Some("2"));
    let answer = delete(&mut stage, &json!([{"imageTag": "1"}]));
    assert_eq!(answer["imageIds"], json!([{"imageDigest": one, "imageTag": "1"}]));
    assert_eq!(left(&mut stage), 1);
    delete(&mut stage, &json!([{"imageTag": "2"}]));
    assert_eq!(left(&mut stage), 0);
}

#[test]
fn a_digest_takes_all_its_tags_along() {
    let mut stage = Stage::new();
    let text = stage.manifest(NAME, "one");
    let one = stage.put(NAME, &text, Some("1"));
    stage.put(NAME, &text, Some("2"));
    let answer = delete(&mut stage, &json!([{"imageDigest": one}]));
    let both = json!([{"imageDigest": one, "imageTag": "1"}, {"imageDigest": one, "imageTag": "2"}]);
    assert_eq!(answer["imageIds"], both);
    let tags = stage.ok("ListImages", json!({"repositoryName": NAME}));
    assert_eq!(tags, json!({"imageIds": []}));
}

#[test]
fn a_child_goes_only_after_its_index() {
    let mut stage = Stage::new();
    let child = stage.push(NAME, "one", Some("child"));
    let index = stage.put(NAME, &index_text(&[(&child, "linux/amd64")]), Some("all"));
    for id in [json!({"imageDigest": child}), json!({"imageTag": "child"})] {
        let answer = delete(&mut stage, &json!([id]));
        assert_eq!(answer["failures"][0]["failureCode"], "ImageReferencedByManifestList");
    }
    expect!["Requested image referenced by manifest list: [sha256:0bb5f7…]"].assert_eq(&shortened(
        delete(&mut stage, &json!([{"imageDigest": child}]))["failures"][0]["failureReason"]
            .as_str()
            .unwrap(),
    ));
    delete(&mut stage, &json!([{"imageDigest": index}, {"imageDigest": child}]));
    assert_eq!(left(&mut stage), 0);
}

#[test]
fn layers_stay_while_an_image_or_another_repository_uses_them() {
    let mut stage = Stage::new();
    stage.ok("CreateRepository", json!({"repositoryName": "other"}));
    let one = stage.push(NAME, "one", Some("1"));
    stage.push("other", "one", Some("1"));
    delete(&mut stage, &json!([{"imageDigest": one}]));
    let layer = crate::services::ecr::digest::sha256(b"one");
    let here =
        stage.ok("BatchCheckLayerAvailability", json!({"repositoryName": NAME, "layerDigests": [layer]}));
    assert_eq!(here["layers"][0]["layerAvailability"], "UNAVAILABLE");
    let there = json!({"repositoryName": "other", "layerDigest": layer});
    stage.ok("GetDownloadUrlForLayer", there);
    assert!(crate::services::ecr::layers::path(&stage.world, &super::stage::dev(), &layer).exists());
}
