use expect_test::expect;

use super::*;
use crate::fixtures::*;
use crate::names::{BranchName, RepositoryName};
use crate::rules::TagPattern;

fn environment() -> EnvironmentName {
    EnvironmentName::parse("prd").unwrap()
}

fn tag(text: &str) -> ImageTag {
    ImageTag::parse(text).unwrap()
}

fn tip() -> CommitId {
    CommitId::parse("2222222aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa").unwrap()
}

fn evidence(kind: EvidenceKind, name: &str, seconds: i64) -> Evidence {
    Evidence {
        kind,
        environment: EnvironmentName::parse("stg").unwrap(),
        service: service(name),
        repository: image_repository("webapp1"),
        digest: digest(2),
        commit: commit(5),
        at: at(seconds),
    }
}

/// How image 2, with these tags, stands to these approvals.
fn standing(approve: &[Approval], policy: &Policy, tags: &[&str], evidence: &[Evidence]) -> String {
    let promote = Promote { approve: approve.iter().copied().collect(), from: None };
    let application = Application {
        repository: RepositoryName::parse("webapp1").unwrap(),
        branch: BranchName::parse("main").unwrap(),
    };
    let (environment, service, tip) = (environment(), service(WEBAPP1), tip());
    let gate = Gate {
        environment: &environment,
        promote: &promote,
        policy,
        upstream_service: &service,
        application: Some(&application),
        tip: Some(&tip),
    };
    let image = image(2, 20, tags);
    match gate.standing(&image, &tag(tags[0]), evidence) {
        Standing::Approved(by) => format!("approved: {}", by.join(", ")),
        Standing::Quarantined { at } => format!("quarantined since {at}"),
        Standing::Lacks(missing) => {
            let missing: Vec<String> = missing.iter().map(ToString::to_string).collect();
            format!("lacks {}", missing.join(", and "))
        }
    }
}

const ALL: [Approval; 3] = [Approval::Push, Approval::Tag, Approval::Verified];

#[test]
fn an_image_of_which_nothing_is_said_lacks_everything() {
    let newest = Policy::Newest(TagPattern::commit_ids());
    expect!["lacks a push of its commit to webapp1:main here, and the tag approved-prd-7777777 on it upstream, and upstream's word that it runs well there as cluster1/webapp1"]
        .assert_eq(&standing(&ALL, &Policy::Commit, &["7777777"], &[]));
    expect![
        "lacks a push of its commit to webapp1:main here, or the tag approved-prd-7777777 on it upstream"
    ]
    .assert_eq(&standing(&[Approval::Push], &newest, &["7777777"], &[]));
}

#[test]
fn each_approval_says_who_gave_it() {
    let verified = [evidence(EvidenceKind::Verified, WEBAPP1, 5)];
    expect!["approved: push of 2222222a to webapp1:main, tag approved-prd-2222222, verified by stg at 2027-01-15T08:00:05Z"]
        .assert_eq(&standing(&ALL, &Policy::Commit, &["2222222", "approved-prd-2222222"], &verified));
}

#[test]
fn all_approvals_of_a_list_are_needed() {
    expect!["lacks upstream's word that it runs well there as cluster1/webapp1"].assert_eq(&standing(
        &ALL,
        &Policy::Commit,
        &["2222222", "approved-prd-2222222"],
        &[],
    ));
}

#[test]
fn a_push_approves_what_is_built_from_it_and_a_tag_what_is_not() {
    let semver = Policy::Semver(crate::rules::VersionRange::parse("*").unwrap());
    let approve = [Approval::Push];
    expect!["approved: push of 2222222a to webapp1:main"].assert_eq(&standing(
        &approve,
        &semver,
        &["1.0.0", "2222222"],
        &[],
    ));
    expect!["lacks the tag approved-prd-1.0.0 on it upstream"].assert_eq(&standing(
        &approve,
        &semver,
        &["1.0.0"],
        &[],
    ));
    expect!["approved: tag approved-prd-1.0.0"].assert_eq(&standing(
        &approve,
        &semver,
        &["1.0.0", "approved-prd-1.0.0"],
        &[],
    ));
    // Under `commit` nothing but the push counts as one.
    expect!["lacks a push of its commit to webapp1:main here"].assert_eq(&standing(
        &approve,
        &Policy::Commit,
        &["7777777", "approved-prd-7777777"],
        &[],
    ));
}

#[test]
fn an_approval_speaks_of_this_environment_and_of_a_tag_that_is_there() {
    for other in [
        "approved-stg-2222222",
        "approved-prd-7777777",
        "approved-prd-",
        "approved-prd-eu-2222222",
        "approved-2222222",
    ] {
        let told = standing(&[Approval::Tag], &Policy::Commit, &["2222222", other], &[]);
        assert_eq!(told, "lacks the tag approved-prd-2222222 on it upstream", "{other}");
    }
    assert!(approves_for(&environment(), &tag("approved-prd-1.0.0")));
    for other in ["approved-prdx-1.0.0", "approved-prd", "approved-stg-1.0.0", "prd-1.0.0", "1.0.0"] {
        assert!(!approves_for(&environment(), &tag(other)), "{other}");
    }
}

#[test]
fn quarantine_overrides_every_approval_until_newer_evidence() {
    let mut said =
        vec![evidence(EvidenceKind::Verified, WEBAPP1, 5), evidence(EvidenceKind::Quarantined, WEBAPP1, 6)];
    let check =
        |said: &[Evidence], approve: &[Approval]| standing(approve, &Policy::Commit, &["2222222"], said);
    expect!["quarantined since 2027-01-15T08:00:06Z"].assert_eq(&check(&said, &[Approval::Push]));
    said.push(evidence(EvidenceKind::Released, WEBAPP1, 7));
    expect!["approved: push of 2222222a to webapp1:main"].assert_eq(&check(&said, &[Approval::Push]));
    // Released is not verified: it says that it may be tried again.
    expect!["lacks upstream's word that it runs well there as cluster1/webapp1"]
        .assert_eq(&check(&said, &[Approval::Verified]));
    said.push(evidence(EvidenceKind::Verified, WEBAPP1, 8));
    expect!["approved: verified by stg at 2027-01-15T08:00:08Z"]
        .assert_eq(&check(&said, &[Approval::Verified]));
}

#[test]
fn another_services_evidence_says_nothing() {
    let said = [
        evidence(EvidenceKind::Verified, "cluster1/other", 5),
        evidence(EvidenceKind::Quarantined, "other/webapp1", 6),
    ];
    expect!["lacks upstream's word that it runs well there as cluster1/webapp1"].assert_eq(&standing(
        &[Approval::Verified],
        &Policy::Commit,
        &["2222222"],
        &said,
    ));
}

#[test]
fn a_tag_that_moved_away_is_seen_on_the_image_that_was_approved() {
    let images = [image(1, 10, &["approved-prd-2222222"]), image(2, 20, &["2222222"])];
    assert_eq!(approved_instead(&environment(), &tag("2222222"), &digest(2), &images), Some(&digest(1)));
    assert_eq!(approved_instead(&environment(), &tag("2222222"), &digest(1), &images), None);
    assert_eq!(approved_instead(&environment(), &tag("7777777"), &digest(2), &images), None);
}
