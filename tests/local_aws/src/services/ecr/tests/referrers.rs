use super::stage::{NAME, Stage, shortened};
use crate::services::ecr::digest::sha256;
use expect_test::expect;
use serde_json::{Value, json};

const EVIDENCE: &str = "application/vnd.towpath.evidence.v1+json";

fn list(subject: &str, more: &Value) -> Value {
    let mut input = json!({"repositoryName": NAME, "subjectId": {"imageDigest": subject}});
    input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    input
}

#[test]
fn an_image_without_referrers_has_none_and_so_has_no_image() {
    let mut stage = Stage::new();
    let one = stage.push(NAME, "one", None);
    for subject in [one, sha256(b"absent")] {
        assert_eq!(stage.ok("ListImageReferrers", list(&subject, &json!({}))), json!({"referrers": []}));
    }
}

#[test]
fn referrers_come_with_kind_and_annotations() {
    let mut stage = Stage::new();
    let one = stage.push(NAME, "one", None);
    stage.refer(&one, EVIDENCE, "verified");
    let other = stage.push(NAME, "two", None);
    stage.refer(&other, EVIDENCE, "verified");
    let answer = stage.ok("ListImageReferrers", list(&one, &json!({})));
    expect![[r#"
        {
          "referrers": [
            {
              "annotations": {
                "note": "verified"
              },
              "artifactStatus": "ACTIVE",
              "artifactType": "application/vnd.towpath.evidence.v1+json",
              "digest": "sha256:518c62…",
              "mediaType": "application/vnd.oci.image.manifest.v1+json",
              "size": 492
            }
          ]
        }"#]]
    .assert_eq(&shortened(&serde_json::to_string_pretty(&answer).unwrap()));
}

#[test]
fn a_referrer_may_come_before_its_subject() {
    let mut stage = Stage::new();
    let text = stage.manifest(NAME, "one");
    stage.refer(&sha256(text.as_bytes()), EVIDENCE, "early");
    let one = stage.put(NAME, &text, None);
    let answer = stage.ok("ListImageReferrers", list(&one, &json!({})));
    assert_eq!(answer["referrers"].as_array().unwrap().len(), 1);
}

#[test]
fn types_choose_and_pages_hold_twenty_unless_told() {
    let mut stage = Stage::new();
    let one = stage.push(NAME, "one", None);
    for number in 0..51 {
        let kind = if number == 0 { "application/x" } else { EVIDENCE };
        stage.refer(&one, kind, &number.to_string());
    }
    let count = |answer: &Value| answer["referrers"].as_array().unwrap().len();
    let first = stage.ok("ListImageReferrers", list(&one, &json!({})));
    assert_eq!(count(&first), 20);
    let more = json!({"maxResults": 50, "nextToken": first["nextToken"]});
    let rest = stage.ok("ListImageReferrers", list(&one, &more));
    assert_eq!((count(&rest), rest.get("nextToken")), (31, None));
    let chosen = json!({"filter": {"artifactTypes": [EVIDENCE], "artifactStatus": "ANY"}, "maxResults": 50});
    assert_eq!(count(&stage.ok("ListImageReferrers", list(&one, &chosen))), 50);
    let archived = json!({"filter": {"artifactStatus": "ARCHIVED"}});
    assert_eq!(count(&stage.ok("ListImageReferrers", list(&one, &archived))), 0);
    for bad in [json!({"maxResults": 51}), json!({"filter": {"artifactTypes": vec!["x"; 6]}})] {
        assert_eq!(stage.code("ListImageReferrers", list(&one, &bad)), "InvalidParameterException");
    }
    assert_eq!(stage.code("ListImageReferrers", list("sha256:x", &json!({}))), "InvalidParameterException");
    assert_eq!(
        stage.code("ListImageReferrers", json!({"repositoryName": NAME})),
        "InvalidParameterException"
    );
}
