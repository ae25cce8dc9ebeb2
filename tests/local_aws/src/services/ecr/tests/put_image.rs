use super::stage::{NAME, Stage, image_text, index_text, shortened};
use crate::services::ecr::digest::sha256;
use expect_test::expect;
use serde_json::{Value, json};

fn put(text: &str, tag: &str) -> Value {
    json!({"repositoryName": NAME, "imageManifest": text, "imageTag": tag})
}

#[test]
fn a_put_of_what_is_there_changes_nothing() {
    let mut stage = Stage::new();
    let text = stage.manifest(NAME, "one");
    let digest = stage.put(NAME, &text, Some("1"));
    let before = stage.ok("DescribeImages", json!({"repositoryName": NAME}));
    expect!["ImageAlreadyExistsException: Image with digest 'sha256:e7069a…' and tag '1' already exists in the repository with name 'webapp1' in registry with id '111111111111'"]
        .assert_eq(&shortened(&stage.refusal("PutImage", put(&text, "1"))));
    let untagged = json!({"repositoryName": NAME, "imageManifest": text, "imageDigest": digest});
    assert_eq!(stage.code("PutImage", untagged), "ImageAlreadyExistsException");
    assert_eq!(stage.ok("DescribeImages", json!({"repositoryName": NAME})), before);
}

#[test]
fn a_manifest_is_kept_byte_for_byte() {
    let mut stage = Stage::new();
    let text =
        stage.manifest(NAME, "one").replace('{', "{ \n").replace("\"layers\"", "\"x\": 1e1, \"layers\"");
    let digest = stage.put(NAME, &text, Some("1"));
    assert_eq!(digest, sha256(text.as_bytes()));
    for id in [json!({"imageTag": "1"}), json!({"imageDigest": digest})] {
        let got = stage.ok("BatchGetImage", json!({"repositoryName": NAME, "imageIds": [id]}));
        assert_eq!(got["images"][0]["imageManifest"], text);
    }
}

#[test]
fn what_a_manifest_is_made_of_must_be_in_the_repository() {
    let mut stage = Stage::new();
    let text = image_text("{}", "absent").to_string();
    expect!["LayersNotFoundException: Layers with digests '[sha256:44136f…, sha256:5ad383…]' required for pushing image into repository with name 'webapp1' in the registry with id '111111111111' do not exist"]
        .assert_eq(&shortened(&stage.refusal("PutImage", put(&text, "1"))));
    // A layer of another repository does not count.
    stage.ok("CreateRepository", json!({"repositoryName": "other"}));
    stage.layer("other", b"{}");
    stage.layer("other", b"absent");
    assert_eq!(stage.code("PutImage", put(&text, "1")), "LayersNotFoundException");
    let index = index_text(&[(&sha256(b"nothing"), "linux/amd64")]);
    expect!["ReferencedImagesNotFoundException: Images with digests '[sha256:1785cf…]' required for pushing image into repository with name 'webapp1' in the registry with id '111111111111' do not exist"]
        .assert_eq(&shortened(&stage.refusal("PutImage", put(&index, "1"))));
}

#[test]
fn foreign_layers_are_not_asked_for() {
    let mut stage = Stage::new();
    stage.layer(NAME, b"{}");
    let mut text = image_text("{}", "elsewhere");
    text["layers"][0]["mediaType"] = json!("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip");
    text["layers"][0]["urls"] = json!(["https://example.com/layer"]);
    stage.put(NAME, &text.to_string(), Some("1"));
}

#[test]
fn bad_requests_are_refused_by_name() {
    let mut stage = Stage::new();
    let text = stage.manifest(NAME, "one");
    let mut without_type: Value = serde_json::from_str(&text).unwrap();
    without_type.as_object_mut().unwrap().remove("mediaType");
    let without_type = without_type.to_string();
    let base = |text: &str| json!({"repositoryName": NAME, "imageManifest": text});
    let with = |member: &str, value: &str| {
        let mut input = base(&text);
        input[member] = json!(value);
        input
    };
    let refusals: Vec<String> = [
        json!({"repositoryName": NAME}),
        json!({"repositoryName": "absent", "imageManifest": text}),
        base(""),
        base(&" ".repeat(4_194_305)),
        base("no json"),
        base("{\"schemaVersion\": 1}"),
        base(&without_type),
        base(&text.replace("sha256:", "md5:")),
        with("imageManifestMediaType", "application/vnd.oci.image.index.v1+json"),
        with("imageTag", ""),
        with("imageTag", "a/b"),
        with("imageDigest", "sha256:0"),
        with("imageDigest", &sha256(b"other")),
    ]
    .into_iter()
    .map(|input| shortened(&stage.refusal("PutImage", input)))
    .collect();
    expect![[r#"
        InvalidParameterException: Invalid parameter at 'imageManifest' failed to satisfy constraint: 'must not be null'
        RepositoryNotFoundException: The repository with name 'absent' does not exist in the registry with id '111111111111'
        InvalidParameterException: Invalid parameter at 'imageManifest' failed to satisfy constraint: 'must have length between 1 and 4194304'
        InvalidParameterException: Invalid parameter at 'imageManifest' failed to satisfy constraint: 'must have length between 1 and 4194304'
        InvalidParameterException: Invalid parameter at 'imageManifest' failed to satisfy constraint: 'must be a manifest of schema version 2: expected ident at line 1 column 2'
        InvalidParameterException: Invalid parameter at 'imageManifest' failed to satisfy constraint: 'must have the schema version 2'
        InvalidParameterException: Invalid parameter at 'imageManifestMediaType' failed to satisfy constraint: 'must not be null when the manifest has no mediaType'
        InvalidParameterException: Invalid parameter at 'imageManifest' failed to satisfy constraint: 'must name its parts by SHA-256, not 'md5:c823f37be2bb10755f4d7b850e901772ac93e33fbe689fffd046b9b7f9bf48d6''
        InvalidParameterException: Invalid parameter at 'imageManifestMediaType' failed to satisfy constraint: 'must be the mediaType of the manifest, application/vnd.oci.image.manifest.v1+json'
        InvalidParameterException: Invalid parameter at 'imageTag' failed to satisfy constraint: 'must satisfy regular expression '[a-zA-Z0-9_][a-zA-Z0-9-._]{0,299}''
        InvalidParameterException: Invalid parameter at 'imageTag' failed to satisfy constraint: 'must satisfy regular expression '[a-zA-Z0-9_][a-zA-Z0-9-._]{0,299}''
        InvalidParameterException: Invalid parameter at 'imageDigest' failed to satisfy constraint: 'must be a SHA-256 digest'
        ImageDigestDoesNotMatchException: The digest 'sha256:d9298a…' does not match the digest 'sha256:e7069a…' of the manifest"#]].assert_eq(&refusals.join("\n"));
    let mut beside = base(&without_type);
    beside["imageManifestMediaType"] = json!("application/vnd.oci.image.manifest.v1+json");
    stage.ok("PutImage", beside);
}

#[test]
fn a_mutable_tag_moves_and_leaves_its_old_image_untagged() {
    let mut stage = Stage::new();
    let one = stage.push(NAME, "one", Some("1"));
    let two = stage.push(NAME, "two", Some("1"));
    let ids = stage.ok("ListImages", json!({"repositoryName": NAME}));
    let mut ids = ids["imageIds"].as_array().unwrap().clone();
    ids.sort_by_key(|id| id.get("imageTag").is_some());
    assert_eq!(ids, [json!({"imageDigest": one}), json!({"imageDigest": two, "imageTag": "1"})]);
}

#[test]
fn an_immutable_tag_stays_and_says_so_in_either_way() {
    let mut stage = Stage::new();
    stage.ok("PutImageTagMutability", json!({"repositoryName": NAME, "imageTagMutability": "IMMUTABLE"}));
    let one = stage.manifest(NAME, "one");
    let digest = stage.put(NAME, &one, Some("1"));
    let two = stage.manifest(NAME, "two");
    expect!["ImageTagAlreadyExistsException: The image tag '1' already exists in the 'webapp1' repository and cannot be overwritten because the tag is immutable."]
        .assert_eq(&stage.refusal("PutImage", put(&two, "1")));
    assert_eq!(stage.code("PutImage", put(&one, "1")), "ImageAlreadyExistsException");
    stage.world.settings.unconfirmed.same_immutable_tag_is_tag_already_exists = true;
    assert_eq!(stage.code("PutImage", put(&one, "1")), "ImageTagAlreadyExistsException");
    // Another tag for the same digest is no change of a tag.
    assert_eq!(stage.put(NAME, &one, Some("2")), digest);
}

#[test]
fn exclusion_filters_turn_the_rule_around() {
    for (setting, excluded, others) in
        [("IMMUTABLE_WITH_EXCLUSION", true, false), ("MUTABLE_WITH_EXCLUSION", false, true)]
    {
        let mut stage = Stage::new();
        stage.ok(
            "PutImageTagMutability",
            json!({"repositoryName": NAME, "imageTagMutability": setting,
                "imageTagMutabilityExclusionFilters": [{"filterType": "WILDCARD", "filter": "dev-*"}]}),
        );
        for (tag, moves) in [("dev-1", excluded), ("1", others)] {
            stage.push(NAME, "one", Some(tag));
            let two = stage.manifest(NAME, "two");
            assert_eq!(stage.call("PutImage", put(&two, tag)).is_ok(), moves, "{setting} {tag}");
        }
    }
}

#[test]
fn an_image_has_at_most_a_thousand_tags() {
    let mut stage = Stage::new();
    let text = stage.manifest(NAME, "one");
    for tag in 0..1000 {
        stage.put(NAME, &text, Some(&format!("t{tag}")));
    }
    expect!["LimitExceededException: The repository with name 'webapp1' in the registry with id '111111111111' is full: an image has at most 1000 tags"]
        .assert_eq(&stage.refusal("PutImage", put(&text, "more")));
}
