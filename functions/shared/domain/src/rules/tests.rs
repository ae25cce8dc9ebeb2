use expect_test::expect;

use super::*;
use crate::names::ImageTag;

fn parse(text: &str) -> Result<RulesFile, RuleError> {
    RulesFile::parse(text.as_bytes())
}

fn service<'a>(rules: &'a RulesFile, name: &str) -> &'a ServiceRules {
    rules.services[&ServiceId::parse(name).unwrap()].as_ref().unwrap()
}

fn errors(texts: &[&str]) -> String {
    texts
        .iter()
        .flat_map(|text| match parse(text) {
            Err(error) => vec![format!("{error}\n")],
            Ok(rules) => {
                let services = rules.services.into_values().filter_map(Result::err);
                rules.invalid.into_iter().chain(services).map(|error| format!("{error}\n")).collect()
            }
        })
        .collect()
}

/// A file with one service, whose rules are indented by four.
fn one(rules: &str) -> String {
    format!("version: 1\nservices:\n  a/b:\n{rules}")
}

#[test]
fn rules_may_name_no_service() {
    for text in ["version: 1", "version: \"1\"\nservices: {}\n"] {
        assert_eq!(parse(text).unwrap(), RulesFile::default());
    }
}

#[test]
fn the_smallest_useful_file() {
    let rules = parse(
        "version: 1\nservices:\n  cluster1/webapp1:\n    containers:\n      webapp1: { repository: webapp1, select: newest }\n",
    )
    .unwrap();
    let webapp1 = service(&rules, "cluster1/webapp1");
    assert_eq!(webapp1.on_failure, OnFailure::Revert);
    assert_eq!(webapp1.promote, None);
    let repository = ImageRepositoryName::parse("webapp1").unwrap();
    assert_eq!(
        rules.services_of(&repository).map(ToString::to_string).collect::<Vec<_>>(),
        ["cluster1/webapp1"]
    );
}

#[test]
fn the_fuller_file() {
    let rules = parse(
        r#"
version: 1
services:
  cluster1/webapp1:
    application: webapp1             # CodeCommit repository
    branch: release
    containers:
      webapp1: { repository: webapp1, select: commit, from: team/webapp1 }
      envoy:   { repository: mesh/envoy, select: { semver: ">=1.29, <2" } }
      other:   { repository: other, select: { newest: "v[0-9]+" } }
      still:   { repository: still, select: manual }
    promote: { approve: [push, verified], from: cluster9/webapp1 }
    on_failure: hold
    pipeline: deploy-cluster1-webapp1
create-repositories: true
"#,
    )
    .unwrap();
    assert_eq!(rules.missing_repositories, MissingRepositories::Create);
    let webapp1 = service(&rules, "cluster1/webapp1");
    assert_eq!(webapp1.application.as_ref().unwrap().to_string(), "webapp1:release");
    let policies: Vec<String> = webapp1
        .containers
        .iter()
        .map(|(name, rules)| format!("{name} {} {}", rules.repository, rules.select))
        .collect();
    assert_eq!(
        policies,
        [
            "envoy mesh/envoy semver \">=1.29, <2\"",
            "other other newest \"v[0-9]+\"",
            "still still manual",
            "webapp1 webapp1 commit"
        ]
    );
    let promote = webapp1.promote.as_ref().unwrap();
    assert_eq!(promote.approve, BTreeSet::from([Approval::Push, Approval::Verified]));
    assert_eq!(webapp1.pipeline.as_ref().unwrap().as_str(), "deploy-cluster1-webapp1");
}

#[test]
fn tags_stay_text() {
    for tag in ["0012e34", "1234567", "1e10", "0x1f", "2026-11-20", "true", "1.0"] {
        let text =
            one(&format!("    containers: {{ c: {{ repository: rr, select: {{ newest: {tag} }} }} }}\n"));
        let rules = parse(&text).unwrap();
        let Policy::Newest(pattern) = &service(&rules, "a/b").containers.values().next().unwrap().select
        else {
            panic!("another policy")
        };
        assert_eq!(pattern.to_string(), tag);
    }
}

#[test]
fn a_pattern_matches_the_whole_tag() {
    let tag = |text: &str| ImageTag::parse(text).unwrap();
    let pattern = TagPattern::parse("v[0-9]+|edge").unwrap();
    assert!(pattern.matches(&tag("v12")) && pattern.matches(&tag("edge")));
    assert!(!pattern.matches(&tag("v12-rc")) && !pattern.matches(&tag("xedge")));
    let commits = TagPattern::commit_ids();
    assert!(commits.matches(&tag("0012e34")) && commits.matches(&tag("1234567")));
    assert!(!commits.matches(&tag("1e10")) && !commits.matches(&tag("latest")));
    assert!(TagPattern::parse("a)|(b").is_none());
}

#[test]
fn commit_ids_are_what_their_expression_says() {
    let (commits, spelled_otherwise) =
        (TagPattern::commit_ids(), TagPattern::parse("(?:[0-9a-f]{7,40})").unwrap());
    assert_eq!(TagPattern::parse(&commits.to_string()), Some(commits.clone()));
    let (longest, too_long) = ("a".repeat(40), "a".repeat(41));
    for text in ["0012e34", "123456", "1234567", "1e10", "ABCDEF0", "012345g", "latest", &longest, &too_long]
    {
        let tag = ImageTag::parse(text).unwrap();
        assert_eq!(commits.matches(&tag), spelled_otherwise.matches(&tag), "{text}");
    }
}

#[test]
fn one_bad_service_leaves_the_others() {
    let rules = parse(
        "version: 1
services:
  a/good:
    containers: { c: { repository: rr, select: newest } }
  a/bad:
    container: {}
  ../x: {}
  a/../../b: {}
",
    )
    .unwrap();
    assert!(rules.services[&ServiceId::parse("a/good").unwrap()].is_ok());
    let error = rules.services[&ServiceId::parse("a/bad").unwrap()].as_ref().unwrap_err();
    expect![[r#"delivery.yaml, line 6: unknown key "container" in a service: expected application, branch, containers, promote, on_failure, pipeline"#]]
        .assert_eq(&error.to_string());
    let invalid: Vec<String> = rules.invalid.iter().map(ToString::to_string).collect();
    expect![[r#"
        delivery.yaml, line 7: "../x" is not a service: expected <cluster>/<service>, each 1 to 255 letters, digits, - or _
        delivery.yaml, line 8: "a/../../b" is not a service: expected <cluster>/<service>, each 1 to 255 letters, digits, - or _"#]]
    .assert_eq(&invalid.join("\n"));
}

#[test]
fn a_file_that_cannot_be_read_is_one_error() {
    let deep = format!("version: {}", "[".repeat(5000));
    let texts = [
        "",
        "[]",
        "services: {}",
        "version: 2",
        "version: 1\nversion: 1",
        "version: 1\nservice: {}",
        "version: 1\nservices: []",
        "version: 1\n  services: {",
        "version: &a 1\nservices: *a",
        "version: 1\n---\nversion: 1",
        "version: 1\ncreate-repositories: yes",
        &deep,
    ];
    expect![[r#"
        delivery.yaml, line 1: delivery.yaml is empty: expected a map of keys and values
        delivery.yaml, line 1: delivery.yaml is a list: expected a map of keys and values
        delivery.yaml, line 1: "version" is missing in delivery.yaml
        delivery.yaml, line 1: version is "2": expected 1
        delivery.yaml, line 2: the key "version" is written twice: expected each key once
        delivery.yaml, line 2: unknown key "service" in delivery.yaml: expected version, services, create-repositories
        delivery.yaml, line 2: services is a list: expected a map of <cluster>/<service> to rules
        delivery.yaml, line 2: not YAML: mapping values are not allowed in this context
        delivery.yaml, line 2: an alias (*) has no meaning here: expected plain keys, values and lists
        delivery.yaml, line 2: a second document has no meaning here: expected plain keys, values and lists
        delivery.yaml, line 2: create-repositories is "yes": expected true or false
        delivery.yaml, line 1: not YAML: recursion limit exceeded
    "#]].assert_eq(&errors(&texts));
    assert_eq!(
        RulesFile::parse(b"version: 1\n\xff").unwrap_err().to_string(),
        "delivery.yaml, line 2: the file is not UTF-8 text"
    );
}

#[test]
fn each_wrong_rule_gets_one_clear_line() {
    let texts = [
        one("    containers: {}\n"),
        one("    containers: { c: { repository: rr, select: commit } }\n"),
        one("    branch: main\n    containers: { c: { repository: rr, select: manual } }\n"),
        one("    containers: { c: { repository: Rr, select: manual } }\n"),
        one("    containers: { ../c: { repository: rr, select: manual } }\n"),
        one("    containers: { c: { repository: rr } }\n"),
        one("    containers: { c: { repository: rr, select: latest } }\n"),
        one("    containers: { c: { repository: rr, select: { newest: \"(\" } } }\n"),
        one("    containers: { c: { repository: rr, select: { semver: soon } } }\n"),
        one("    containers: { c: { repository: rr, select: { semver: \"1\", newest: x } } }\n"),
        one("    containers: { c: { repository: rr, select: manual } }\n    on_failure: panic\n"),
        one("    containers: { c: { repository: rr, select: manual } }\n    promote: { approve: [] }\n"),
        one("    containers: { c: { repository: rr, select: manual } }\n    promote: { approve: nobody }\n"),
        one("    containers: { c: { repository: rr, select: manual } }\n    pipeline: a b\n"),
        one(
            "    containers:\n      c: { repository: rr, select: manual }\n      c: { repository: rr, select: manual }\n",
        ),
        "version: 1\nservices:\n  a/b:\n".to_owned(),
    ];
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    expect![[r#"
        delivery.yaml, line 4: containers is empty: expected at least one container
        delivery.yaml, line 4: a container has `select: commit`, and no `application` says which commit should run
        delivery.yaml, line 4: "application" is missing in a service
        delivery.yaml, line 4: "Rr" is not an image repository name: expected 2 to 256 lower-case letters and digits, with single ., _, __, - or / between them
        delivery.yaml, line 4: "../c" is not a container name: expected 1 to 255 letters, digits, - or _
        delivery.yaml, line 4: "select" is missing in a container
        delivery.yaml, line 4: select is "latest": expected commit, newest, newest: "<regex>", semver: "<range>" or manual
        delivery.yaml, line 4: newest is "(": expected a regular expression, matched against the whole tag
        delivery.yaml, line 4: semver is "soon": expected a range of versions such as ">=1.29, <2"
        delivery.yaml, line 4: select is more or less than one policy: expected commit, newest, newest: "<regex>", semver: "<range>" or manual
        delivery.yaml, line 5: on_failure is "panic": expected revert, hold or notify
        delivery.yaml, line 5: approve is a list: expected push, tag, verified or a list of these
        delivery.yaml, line 5: approve is "nobody": expected push, tag, verified or a list of these
        delivery.yaml, line 5: "a b" is not a pipeline name: expected 1 to 100 letters, digits, ., @, - or _
        delivery.yaml, line 6: the key "c" is written twice: expected each key once
        delivery.yaml, line 3: a service is empty: expected a map of keys and values
    "#]].assert_eq(&errors(&texts));
}
