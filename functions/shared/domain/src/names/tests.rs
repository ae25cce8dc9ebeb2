use expect_test::expect;

use super::*;

/// What each name says to the same bad values.
fn answers<T: std::fmt::Display>(parse: fn(&str) -> Result<T, InvalidName>, values: &[&str]) -> String {
    values
        .iter()
        .map(|value| match parse(value) {
            Ok(name) => format!("ok    {name}\n"),
            Err(error) => format!("error {error}\n"),
        })
        .collect()
}

#[test]
fn good_names_are_kept_as_they_are() {
    assert_eq!(AccountId::parse("111111111111").unwrap().as_str(), "111111111111");
    assert_eq!(Region::parse("us-gov-west-1").unwrap().domain(), "amazonaws.com");
    assert_eq!(Region::parse("cn-north-1").unwrap().domain(), "amazonaws.com.cn");
    for name in ["webapp1", "mesh/envoy", "a0", "a.b_c__d--e/f"] {
        assert_eq!(ImageRepositoryName::parse(name).unwrap().as_str(), name);
    }
    for tag in ["0012e34", "1234567", "1e10", "v1.2.3", "_x"] {
        assert_eq!(ImageTag::parse(tag).unwrap().as_str(), tag);
    }
    for branch in ["main", "release/1.x", "feature/ü"] {
        assert_eq!(BranchName::parse(branch).unwrap().as_str(), branch);
    }
}

#[test]
fn a_service_is_two_names_and_two_paths() {
    let service = ServiceId::parse("cluster1/webapp1").unwrap();
    assert_eq!(service.revision_path().as_str(), "cluster1/webapp1/revision.json");
    assert_eq!(service.hold_path().as_str(), "cluster1/webapp1/hold.json");
    assert_eq!(ServiceId::of_revision_path("cluster1/webapp1/revision.json"), Some(service));
    for other in [
        "cluster1/webapp1/hold.json",
        "revision.json",
        "a/b/c/revision.json",
        "a/brevision.json",
        "/revision.json",
    ] {
        assert_eq!(ServiceId::of_revision_path(other), None, "{other}");
    }
}

#[test]
fn bad_services_are_refused_in_one_clear_line() {
    let long = "x".repeat(300);
    expect![[r#"
        error "../x" is not a service: expected <cluster>/<service>, each 1 to 255 letters, digits, - or _
        error "a/../../b" is not a service: expected <cluster>/<service>, each 1 to 255 letters, digits, - or _
        error "" is not a service: expected <cluster>/<service>, each 1 to 255 letters, digits, - or _
        error "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…" (300 characters) is not a service: expected <cluster>/<service>, each 1 to 255 letters, digits, - or _
        error "a/b\n" is not a service: expected <cluster>/<service>, each 1 to 255 letters, digits, - or _
        error "a/b/c" is not a service: expected <cluster>/<service>, each 1 to 255 letters, digits, - or _
    "#]]
    .assert_eq(&answers(ServiceId::parse, &["../x", "a/../../b", "", &long, "a/b\n", "a/b/c"]));
}

#[test]
fn bad_tags_and_digests_are_refused_in_one_clear_line() {
    let digest = format!("sha256:{}", "a".repeat(64));
    expect![[r#"
        error "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" is not an image tag: expected 1 to 128 letters, digits, _, . or -, the first not . or - (a digest is written after @)
        error "" is not an image tag: expected 1 to 128 letters, digits, _, . or -, the first not . or - (a digest is written after @)
        error "-x" is not an image tag: expected 1 to 128 letters, digits, _, . or -, the first not . or - (a digest is written after @)
        error "a b" is not an image tag: expected 1 to 128 letters, digits, _, . or -, the first not . or - (a digest is written after @)
    "#]]
    .assert_eq(&answers(ImageTag::parse, &[&digest, "", "-x", "a b"]));
    expect![[r#"
        error "sha256:1" is not an image digest: expected sha256: and 64 hexadecimal digits
        error "SHA256:AA" is not an image digest: expected sha256: and 64 hexadecimal digits
    "#]]
    .assert_eq(&answers(ImageDigest::parse, &["sha256:1", "SHA256:AA"]));
}

#[test]
fn bad_names_of_repositories_branches_and_files_are_refused() {
    for name in ["x", "Web", "a//b", "/a", "a/", "a..b", "-a", "a___b", "../x", "a\u{0}b", &"a".repeat(257)] {
        assert!(ImageRepositoryName::parse(name).is_err(), "{name:?}");
    }
    for name in ["", "a/b", "x.git", ".", "..", "a b", &"a".repeat(101)] {
        assert!(RepositoryName::parse(name).is_err(), "{name:?}");
    }
    for name in [
        "",
        "a..b",
        "a b",
        "/a",
        "a/",
        "a//b",
        "a.lock",
        "-a",
        "a~1",
        "@",
        "a@{b",
        "a\u{7}",
        &"a".repeat(257),
    ] {
        assert!(BranchName::parse(name).is_err(), "{name:?}");
    }
    for path in ["", "/x", "x/", "a/../b", "./a", "a\\b", "a\nb"] {
        assert!(FilePath::parse(path).is_err(), "{path:?}");
    }
    for id in ["", "4f3c", &"g".repeat(40), &"A".repeat(40), &"a".repeat(41)] {
        assert!(CommitId::parse(id).is_err(), "{id:?}");
    }
    for region in ["", "eu-west", "EU-west-1", "eu_west_1", "eu-west-1.evil.example", "1-2-3"] {
        assert!(Region::parse(region).is_err(), "{region:?}");
    }
}

#[test]
fn an_image_in_ecr_is_taken_apart() {
    let digest = format!("sha256:{}", "9f".repeat(32));
    let text = format!("111111111111.dkr.ecr.eu-west-1.amazonaws.com/mesh/envoy@{digest}");
    let image = ImageUri::parse(&text).unwrap();
    let registry = EcrRegistry {
        account: AccountId::parse("111111111111").unwrap(),
        region: Region::parse("eu-west-1").unwrap(),
    };
    let repository = ImageRepositoryName::parse("mesh/envoy").unwrap();
    let digest = ImageDigest::parse(&digest).unwrap();
    assert_eq!(image.repository_in(&registry), Some(&repository));
    assert_eq!(image.digest(), Some(&digest));
    assert_eq!(image, ImageUri::by_digest(&registry, &repository, &digest));

    let china = ImageUri::parse("111111111111.dkr.ecr.cn-north-1.amazonaws.com.cn/webapp1:0012e34").unwrap();
    assert!(matches!(china.registry(), Registry::Ecr(..)));
    assert_eq!(china.tag().map(ImageTag::as_str), Some("0012e34"));
}

#[test]
fn an_image_elsewhere_is_kept_as_text() {
    for (text, tag) in [
        ("nginx", "latest"),
        ("nginx:1.27", "1.27"),
        ("localhost:5000/a/b", "latest"),
        ("public.ecr.aws/nginx/nginx:stable", "stable"),
    ] {
        let image = ImageUri::parse(text).unwrap();
        assert_eq!((image.as_str(), image.registry()), (text, &Registry::Other));
        assert_eq!(image.tag().map(ImageTag::as_str), Some(tag));
    }
}

#[test]
fn bad_images_are_refused_in_one_clear_line() {
    let host = "111111111111.dkr.ecr.eu-west-1.amazonaws.com";
    let values = [
        format!("{host}/webapp1:sha256:99"),
        format!("{host}/Web"),
        format!("{host}/a/../b:1"),
        format!("{host}/webapp1@sha256:1"),
        "a b".to_owned(),
        "https://example.com/x".to_owned(),
        String::new(),
    ];
    for value in values {
        let error = ImageUri::parse(&value).unwrap_err().to_string();
        assert!(error.contains("is not an image: expected <registry>/<repository>@sha256:"), "{error}");
    }
}

#[test]
fn a_pattern_gives_each_service_its_pipeline() {
    let pattern = PipelinePattern::parse("deploy-{cluster}-{service}").unwrap();
    let service = ServiceId::parse("cluster1/webapp1").unwrap();
    assert_eq!(pattern.pipeline_of(&service).unwrap().as_str(), "deploy-cluster1-webapp1");
    let long = ServiceId::parse(&format!("{}/webapp1", "c".repeat(99))).unwrap();
    assert!(pattern.pipeline_of(&long).is_err());
    for bad in ["", "deploy", "{cluster}", "{cluster} {service}", "{cluster}-{service}-{x}"] {
        assert!(PipelinePattern::parse(bad).is_err(), "{bad:?}");
    }
}

#[test]
fn a_start_has_one_token_per_repository_service_and_commit() {
    let repository = RepositoryName::parse("deployment").unwrap();
    let service = ServiceId::parse("cluster1/webapp1").unwrap();
    let (one, two) = (CommitId::parse(&"1".repeat(40)).unwrap(), CommitId::parse(&"2".repeat(40)).unwrap());
    let token = RequestToken::of_start(&repository, &service, &one);
    assert_eq!(token, RequestToken::of_start(&repository, &service, &one));
    assert_ne!(token, RequestToken::of_start(&repository, &service, &two));
    assert!(RequestToken::parse(token.as_str()).is_ok());
}
