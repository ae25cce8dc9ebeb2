use super::stage::{NAME, Stage, index_text};
use crate::settings::Unconfirmed;
use expect_test::{Expect, expect};
use serde_json::json;

/// A tagged push, a retag, an index with its child, a referrer.
fn pushes(unconfirmed: Unconfirmed) -> String {
    let mut stage = Stage::new();
    stage.world.settings.unconfirmed = unconfirmed;
    stage.watch_events();
    let text = stage.manifest(NAME, "one");
    let one = stage.put(NAME, &text, Some("1"));
    stage.put(NAME, &text, Some("approved-stg-1"));
    let child = stage.push(NAME, "two", None);
    stage.put(NAME, &index_text(&[(&child, "linux/amd64")]), Some("2"));
    stage.refer(&one, "application/vnd.towpath.evidence.v1+json", "verified");
    stage.events()
}

#[test]
fn what_changes_nothing_emits_nothing() {
    let mut stage = Stage::new();
    let text = stage.manifest(NAME, "one");
    stage.put(NAME, &text, Some("1"));
    stage.watch_events();
    stage
        .call("PutImage", json!({"repositoryName": NAME, "imageManifest": text, "imageTag": "1"}))
        .unwrap_err();
    stage.layer(NAME, b"only a layer");
    stage.ok("BatchDeleteImage", json!({"repositoryName": NAME, "imageIds": [{"imageTag": "absent"}]}));
    assert_eq!(stage.events(), "");
}

#[test]
fn every_push_is_told() {
    expect![[r#"
        "ECR Image Action" [] {"action-type":"PUSH","artifact-media-type":"application/vnd.oci.image.config.v1+json","image-digest":"sha256:e7069a…","image-tag":"1","manifest-media-type":"application/vnd.oci.image.manifest.v1+json","repository-name":"webapp1","result":"SUCCESS"}
        "ECR Image Action" [] {"action-type":"PUSH","artifact-media-type":"application/vnd.oci.image.config.v1+json","image-digest":"sha256:e7069a…","image-tag":"approved-stg-1","manifest-media-type":"application/vnd.oci.image.manifest.v1+json","repository-name":"webapp1","result":"SUCCESS"}
        "ECR Image Action" [] {"action-type":"PUSH","artifact-media-type":"application/vnd.oci.image.config.v1+json","image-digest":"sha256:3c1581…","image-tag":"","manifest-media-type":"application/vnd.oci.image.manifest.v1+json","repository-name":"webapp1","result":"SUCCESS"}
        "ECR Image Action" [] {"action-type":"PUSH","image-digest":"sha256:de1a50…","image-tag":"2","manifest-media-type":"application/vnd.oci.image.index.v1+json","repository-name":"webapp1","result":"SUCCESS"}
        "ECR Image Action" [] {"action-type":"PUSH","artifact-media-type":"application/vnd.towpath.evidence.v1+json","image-digest":"sha256:518c62…","image-tag":"","manifest-media-type":"application/vnd.oci.image.manifest.v1+json","repository-name":"webapp1","result":"SUCCESS"}
        "ECR Referrer Action" [] {"action-type":"PUSH","artifact-media-type":"application/vnd.towpath.evidence.v1+json","image-digest":"sha256:518c62…","image-tag":"","manifest-media-type":"application/vnd.oci.image.manifest.v1+json","repository-name":"webapp1","result":"SUCCESS"}"#]].assert_eq(&pushes(Unconfirmed::default()));
}

#[test]
fn each_unconfirmed_fact_can_be_had_the_other_way() {
    let check = |unconfirmed: Unconfirmed, expected: Expect| {
        let usual = pushes(Unconfirmed::default());
        let other = pushes(unconfirmed);
        let differs = |lines: &str, from: &str, sign: &str| -> Vec<String> {
            lines.lines().filter(|line| !from.contains(*line)).map(|line| format!("{sign} {line}")).collect()
        };
        let difference = [differs(&usual, &other, "-"), differs(&other, &usual, "+")].concat();
        expected.assert_eq(&difference.join("\n"));
    };
    check(
        Unconfirmed { untagged_push_has_no_tag_member: true, ..Unconfirmed::default() },
        expect![[r#"
        - "ECR Image Action" [] {"action-type":"PUSH","artifact-media-type":"application/vnd.oci.image.config.v1+json","image-digest":"sha256:3c1581…","image-tag":"","manifest-media-type":"application/vnd.oci.image.manifest.v1+json","repository-name":"webapp1","result":"SUCCESS"}
        - "ECR Image Action" [] {"action-type":"PUSH","artifact-media-type":"application/vnd.towpath.evidence.v1+json","image-digest":"sha256:518c62…","image-tag":"","manifest-media-type":"application/vnd.oci.image.manifest.v1+json","repository-name":"webapp1","result":"SUCCESS"}
        - "ECR Referrer Action" [] {"action-type":"PUSH","artifact-media-type":"application/vnd.towpath.evidence.v1+json","image-digest":"sha256:518c62…","image-tag":"","manifest-media-type":"application/vnd.oci.image.manifest.v1+json","repository-name":"webapp1","result":"SUCCESS"}
        + "ECR Image Action" [] {"action-type":"PUSH","artifact-media-type":"application/vnd.oci.image.config.v1+json","image-digest":"sha256:3c1581…","manifest-media-type":"application/vnd.oci.image.manifest.v1+json","repository-name":"webapp1","result":"SUCCESS"}
        + "ECR Image Action" [] {"action-type":"PUSH","artifact-media-type":"application/vnd.towpath.evidence.v1+json","image-digest":"sha256:518c62…","manifest-media-type":"application/vnd.oci.image.manifest.v1+json","repository-name":"webapp1","result":"SUCCESS"}
        + "ECR Referrer Action" [] {"action-type":"PUSH","artifact-media-type":"application/vnd.towpath.evidence.v1+json","image-digest":"sha256:518c62…","manifest-media-type":"application/vnd.oci.image.manifest.v1+json","repository-name":"webapp1","result":"SUCCESS"}"#]],
    );
    check(
        Unconfirmed { retag_is_silent: true, ..Unconfirmed::default() },
        expect![[
            r#"- "ECR Image Action" [] {"action-type":"PUSH","artifact-media-type":"application/vnd.oci.image.config.v1+json","image-digest":"sha256:e7069a…","image-tag":"approved-stg-1","manifest-media-type":"application/vnd.oci.image.manifest.v1+json","repository-name":"webapp1","result":"SUCCESS"}"#
        ]],
    );
    check(
        Unconfirmed { child_push_is_silent: true, ..Unconfirmed::default() },
        expect![[
            r#"- "ECR Image Action" [] {"action-type":"PUSH","artifact-media-type":"application/vnd.oci.image.config.v1+json","image-digest":"sha256:3c1581…","image-tag":"","manifest-media-type":"application/vnd.oci.image.manifest.v1+json","repository-name":"webapp1","result":"SUCCESS"}"#
        ]],
    );
    check(
        Unconfirmed { referrer_push_is_not_an_image_action: true, ..Unconfirmed::default() },
        expect![[
            r#"- "ECR Image Action" [] {"action-type":"PUSH","artifact-media-type":"application/vnd.towpath.evidence.v1+json","image-digest":"sha256:518c62…","image-tag":"","manifest-media-type":"application/vnd.oci.image.manifest.v1+json","repository-name":"webapp1","result":"SUCCESS"}"#
        ]],
    );
    check(
        Unconfirmed { referrer_action_names_its_subject: true, ..Unconfirmed::default() },
        expect![[r#"
            - "ECR Referrer Action" [] {"action-type":"PUSH","artifact-media-type":"application/vnd.towpath.evidence.v1+json","image-digest":"sha256:518c62…","image-tag":"","manifest-media-type":"application/vnd.oci.image.manifest.v1+json","repository-name":"webapp1","result":"SUCCESS"}
            + "ECR Referrer Action" [] {"action-type":"PUSH","artifact-media-type":"application/vnd.towpath.evidence.v1+json","image-digest":"sha256:e7069a…","image-tag":"","manifest-media-type":"application/vnd.oci.image.manifest.v1+json","repository-name":"webapp1","result":"SUCCESS"}"#]],
    );
}

#[test]
fn deletions_are_told_tag_by_tag() {
    let mut stage = Stage::new();
    let text = stage.manifest(NAME, "one");
    let one = stage.put(NAME, &text, Some("1"));
    for tag in ["2", "3"] {
        stage.put(NAME, &text, Some(tag));
    }
    let two = stage.push(NAME, "two", None);
    stage.watch_events();
    let ids = json!([{"imageTag": "1"}, {"imageDigest": one}, {"imageDigest": two}]);
    stage.ok("BatchDeleteImage", json!({"repositoryName": NAME, "imageIds": ids}));
    expect![[r#"
        "ECR Image Action" [] {"action-type":"DELETE","image-digest":"sha256:e7069a…","image-tag":"1","repository-name":"webapp1","result":"SUCCESS"}
        "ECR Image Action" [] {"action-type":"DELETE","image-digest":"sha256:e7069a…","image-tag":"2","repository-name":"webapp1","result":"SUCCESS"}
        "ECR Image Action" [] {"action-type":"DELETE","image-digest":"sha256:e7069a…","image-tag":"3","repository-name":"webapp1","result":"SUCCESS"}
        "ECR Image Action" [] {"action-type":"DELETE","image-digest":"sha256:3c1581…","image-tag":"","repository-name":"webapp1","result":"SUCCESS"}"#]].assert_eq(&stage.events());
}
