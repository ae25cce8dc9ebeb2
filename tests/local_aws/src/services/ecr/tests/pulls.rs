use super::stage::{NAME, Stage, dev, index_text, shortened, stg};
use crate::services::ecr::digest::sha256;
use crate::services::ecr::{layers, pull};
use expect_test::expect;
use serde_json::json;

const HOST: &str = "111111111111.dkr.ecr.eu-west-1.amazonaws.com";

fn this_architecture() -> &'static str {
    if cfg!(target_arch = "aarch64") { "linux/arm64" } else { "linux/amd64" }
}

#[test]
fn an_image_is_found_by_tag_and_by_digest_with_its_labels() {
    let mut stage = Stage::new();
    let one = stage.push(NAME, "one", Some("1"));
    for reference in [format!("{HOST}/{NAME}:1"), format!("{HOST}/{NAME}@{one}")] {
        let pulled = pull(&stage.world, &dev(), &reference).unwrap();
        assert_eq!((&pulled.digest, &pulled.platform_digest), (&one, &one));
        assert_eq!(pulled.labels["name"], "one");
    }
    assert!(pull(&stage.world, &dev(), &format!("{HOST}/{NAME}")).is_err());
    stage.push(NAME, "two", Some("latest"));
    assert_eq!(pull(&stage.world, &dev(), &format!("{HOST}/{NAME}")).unwrap().labels["name"], "two");
}

#[test]
fn an_index_gives_the_child_for_this_machine_else_its_first_image() {
    let mut stage = Stage::new();
    let (one, two) = (stage.push(NAME, "one", None), stage.push(NAME, "two", None));
    let index = index_text(&[(&one, "unknown/unknown"), (&one, "linux/s390x"), (&two, this_architecture())]);
    let digest = stage.put(NAME, &index, Some("all"));
    let pulled = pull(&stage.world, &dev(), &format!("{HOST}/{NAME}:all")).unwrap();
    assert_eq!((pulled.digest, pulled.platform_digest), (digest, two.clone()));
    stage.put(NAME, &index_text(&[(&one, "unknown/unknown"), (&two, "linux/s390x")]), Some("other"));
    let pulled = pull(&stage.world, &dev(), &format!("{HOST}/{NAME}:other")).unwrap();
    assert_eq!(pulled.labels["name"], "two");
    stage.put(NAME, &index_text(&[(&one, "unknown/unknown")]), Some("none"));
    assert!(
        pull(&stage.world, &dev(), &format!("{HOST}/{NAME}:none"))
            .unwrap_err()
            .contains("no match for platform")
    );
}

#[test]
fn what_cannot_be_pulled_is_told() {
    let mut stage = Stage::new();
    stage.push(NAME, "one", Some("1"));
    let mut refusals: Vec<String> = [
        (dev(), "docker.io/library/nginx:1".to_owned()),
        (dev(), format!("{HOST}/absent:1")),
        (dev(), format!("{HOST}/{NAME}:absent")),
        (dev(), format!("{HOST}/{NAME}@{}", sha256(b"absent"))),
        (dev(), format!("{HOST}/../x:1")),
        (stg(), format!("{HOST}/{NAME}:1")),
        (stg(), format!("{HOST}/absent:1")),
    ]
    .iter()
    .map(|(account, image)| shortened(&pull(&stage.world, account, image).unwrap_err()))
    .collect();
    std::fs::remove_file(layers::path(&stage.world, &dev(), &sha256(b"one"))).unwrap();
    refusals.push(shortened(&pull(&stage.world, &dev(), &format!("{HOST}/{NAME}:1")).unwrap_err()));
    expect![[r#"
        failed to resolve ref docker.io/library/nginx:1: the local accounts pull from their own registries only: expected <account>.dkr.ecr.eu-west-1.amazonaws.com/<repository>[:tag|@digest]
        failed to resolve ref 111111111111.dkr.ecr.eu-west-1.amazonaws.com/absent:1: repository does not exist: not found
        failed to resolve ref 111111111111.dkr.ecr.eu-west-1.amazonaws.com/webapp1:absent: not found
        failed to resolve ref 111111111111.dkr.ecr.eu-west-1.amazonaws.com/webapp1@sha256:5ad383…: not found
        failed to resolve ref 111111111111.dkr.ecr.eu-west-1.amazonaws.com/../x:1: the local accounts pull from their own registries only: expected <account>.dkr.ecr.eu-west-1.amazonaws.com/<repository>[:tag|@digest]
        failed to resolve ref 111111111111.dkr.ecr.eu-west-1.amazonaws.com/webapp1:1: pull access denied, no policy of arn:aws:ecr:eu-west-1:111111111111:repository/webapp1 allows account 222222222222: 403 Forbidden
        failed to resolve ref 111111111111.dkr.ecr.eu-west-1.amazonaws.com/absent:1: pull access denied, no policy of arn:aws:ecr:eu-west-1:111111111111:repository/absent allows account 222222222222: 403 Forbidden
        failed to resolve ref 111111111111.dkr.ecr.eu-west-1.amazonaws.com/webapp1:1: blob sha256:7692c3… of sha256:e7069a…: not found"#]].assert_eq(&refusals.join("\n"));
}

#[test]
fn another_account_pulls_when_the_policy_lets_it() {
    let mut stage = Stage::new();
    stage.push(NAME, "one", Some("1"));
    let policy = json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": {"AWS": "222222222222"},
        "Action": ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
    }]});
    stage.ok("SetRepositoryPolicy", json!({"repositoryName": NAME, "policyText": policy.to_string()}));
    assert!(pull(&stage.world, &stg(), &format!("{HOST}/{NAME}:1")).is_ok());
}
