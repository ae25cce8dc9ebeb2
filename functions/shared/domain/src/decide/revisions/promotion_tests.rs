use expect_test::{Expect, expect};

use super::tests::webapp1;
use super::*;
use crate::evidence::{Evidence, EvidenceKind};
use crate::facts::{ApplicationTip, FileFact, RepositoryImages, UpstreamFacts};
use crate::fixtures::*;
use crate::image::Image;
use crate::names::{AccountId, CommitId, EnvironmentName, ImageTag, Platform, RepositoryName};
use crate::plan::Step;
use crate::rules::Application;
use crate::wake_up::Function;
use std::collections::BTreeMap;

fn check(facts: &RevisionsFacts, expected: &Expect) {
    expected.assert_eq(&decide(facts).to_string());
}

fn tip(text: &str) -> ApplicationTip {
    ApplicationTip::At(CommitId::parse(text).unwrap())
}

/// prd: git says image 1, which Towpath promoted before; upstream has images 1 and 2; the application's tip here names
/// image 2.
fn promoted(select: &str, approve: &str) -> RevisionsFacts {
    let mut facts = revisions_facts(rules_of(select, &format!("    promote: {{ approve: {approve} }}\n")));
    facts.actor = Function::PromoteImage;
    facts.environment = EnvironmentName::parse("prd").unwrap();
    facts.upstream = Some(UpstreamFacts {
        account: AccountId::parse("222222222222").unwrap(),
        images: BTreeMap::new(),
        evidence: BTreeMap::new(),
    });
    upstream(&mut facts, vec![image(1, 10, &["1111111", "1.0.0"]), image(2, 20, &["2222222", "1.1.0"])]);
    here(&mut facts, vec![image(1, 15, &["1111111", "1.0.0"])]);
    says(&mut facts, 1, &[]);
    says(&mut facts, 2, &[]);
    webapp1(&mut facts).promoted = BTreeSet::from([as_promoted(1)]);
    facts
}

/// An image under the tag that it was promoted by.
fn as_promoted(number: u32) -> (ImageTag, ImageDigest) {
    (ImageTag::parse(&number.to_string().repeat(7)).unwrap(), digest(number))
}

fn upstream(facts: &mut RevisionsFacts, images: Vec<Image>) {
    let upstream = facts.upstream.as_mut().unwrap();
    upstream.images.insert(image_repository("webapp1"), RepositoryImages::Listed(images));
}

fn here(facts: &mut RevisionsFacts, images: Vec<Image>) {
    facts.images.insert(image_repository("webapp1"), RepositoryImages::Listed(images));
}

fn evidence_of(number: u32) -> Wanted {
    Wanted::Evidence { repository: image_repository("webapp1"), digest: digest(number) }
}

/// What upstream says of an image.
fn says(facts: &mut RevisionsFacts, number: u32, kinds: &[(EvidenceKind, i64)]) {
    let evidence = kinds.iter().map(|(kind, seconds)| Evidence {
        kind: *kind,
        environment: EnvironmentName::parse("stg").unwrap(),
        service: service(WEBAPP1),
        repository: image_repository("webapp1"),
        digest: digest(number),
        commit: commit(5),
        at: at(*seconds),
    });
    let evidence = evidence.collect();
    let upstream = facts.upstream.as_mut().unwrap();
    upstream.evidence.insert((image_repository("webapp1"), digest(number)), evidence);
}

#[test]
fn what_git_says_already_is_left_alone() {
    let mut facts = promoted("commit", "push");
    webapp1(&mut facts).application = tip("1111111aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
    check(
        &facts,
        &expect![[r#"
            cluster1/webapp1: nothing: git says what the rules select: 1111111
        "#]],
    );
}

#[test]
fn a_push_copies_first_then_decides_again_then_tags_and_commits() {
    let mut facts = promoted("commit", "push");
    let application =
        Application { repository: RepositoryName::parse("webapp1").unwrap(), branch: deployment().branch };
    let pushed = webapp1(&mut facts).application.commit().unwrap().clone();
    facts.pushers.insert(application, (pushed, "arn:aws:iam::333333333333:user/mary".to_owned()));
    let mut told = decide(&facts).to_string();
    here(&mut facts, vec![image(1, 15, &["1111111"]), image(2, 90, &[])]);
    told += &decide(&facts).to_string();
    here(&mut facts, vec![image(1, 15, &["1111111"]), image(2, 90, &["2222222"])]);
    let plan = decide(&facts);
    told += &plan.to_string();
    let [Step::CommitFiles(made)] = plan.steps.as_slice() else { panic!("{plan}") };
    told += &made.message.to_string();
    expect![[r#"
        cluster1/webapp1: copying: webapp1: commit selects 2222222 (sha256:000200000000), git said sha256:000100000000, approved: push of 2222222a to webapp1:main by arn:aws:iam::333333333333:user/mary
        - copy webapp1@sha256:000200000000 of 222222222222 to webapp1
        then decide again
        cluster1/webapp1: moved: webapp1: commit selects 2222222 (sha256:000200000000), git said sha256:000100000000, approved: push of 2222222a to webapp1:main by arn:aws:iam::333333333333:user/mary
        - tag webapp1@sha256:000200000000 as 2222222
        - commit to deployment main on 00000007: cluster1/webapp1: webapp1 → 2222222 (cluster1/webapp1/revision.json)
        cluster1/webapp1: moved: webapp1: commit selects 2222222 (sha256:000200000000), git said sha256:000100000000, approved: push of 2222222a to webapp1:main by arn:aws:iam::333333333333:user/mary
        - commit to deployment main on 00000007: cluster1/webapp1: webapp1 → 2222222 (cluster1/webapp1/revision.json)
        cluster1/webapp1: webapp1 → 2222222

        Actor: promote_image
        Event-Id: event-1
        Service: cluster1/webapp1
        Decision: moved
        Approved-By: push of 2222222a to webapp1:main by arn:aws:iam::333333333333:user/mary
        Container: webapp1
        Image-Tag: 2222222
        Image-Digest: sha256:0002000000000000000000000000000000000000000000000000000000000000
        Previous-Digest: sha256:0001000000000000000000000000000000000000000000000000000000000000
        Source-Commit: 2222222aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
    "#]]
    .assert_eq(&told);
}

#[test]
fn without_its_approval_nothing_moves_and_the_reason_says_what_is_missing() {
    let mut told = String::new();
    for (select, approve) in [
        ("commit", "tag"),
        ("commit", "[push, verified]"),
        ("newest", "tag"),
        ("newest", "push"),
        ("commit", "verified"),
    ] {
        told += &format!("{select}, {approve}: {}", decide(&promoted(select, approve)));
    }
    expect![[r#"
        commit, tag: cluster1/webapp1: refused (not_approved): container webapp1: 2222222 (sha256:000200000000) of account 222222222222 is not approved: it lacks the tag approved-prd-2222222 on it upstream
        commit, [push, verified]: cluster1/webapp1: refused (not_approved): container webapp1: 2222222 (sha256:000200000000) of account 222222222222 is not approved: it lacks upstream's word that it runs well there as cluster1/webapp1
        newest, tag: cluster1/webapp1: waiting: container webapp1: 2222222 (sha256:000200000000) of account 222222222222 is not approved: it lacks the tag approved-prd-2222222 on it upstream
        newest, push: cluster1/webapp1: copying: webapp1: newest "[0-9a-f]{7,40}" selects 2222222 (sha256:000200000000), git said sha256:000100000000, approved: push of 2222222a to webapp1:main
        - copy webapp1@sha256:000200000000 of 222222222222 to webapp1
        then decide again
        commit, verified: cluster1/webapp1: refused (not_approved): container webapp1: 2222222 (sha256:000200000000) of account 222222222222 is not approved: it lacks upstream's word that it runs well there as cluster1/webapp1
    "#]]
    .assert_eq(&told);
}

#[test]
fn the_newest_approved_image_moves_not_the_newest() {
    let mut facts = promoted("newest", "tag");
    let images = vec![
        image(1, 10, &["1111111"]),
        image(2, 20, &["2222222", "approved-prd-2222222"]),
        image(3, 30, &["3333333", "approved-stg-3333333"]),
    ];
    upstream(&mut facts, images);
    check(
        &facts,
        &expect![[r#"
            cluster1/webapp1: copying: webapp1: newest "[0-9a-f]{7,40}" selects 2222222 (sha256:000200000000), git said sha256:000100000000, approved: tag approved-prd-2222222
            - copy webapp1@sha256:000200000000 of 222222222222 to webapp1
            then decide again
        "#]],
    );
}

#[test]
fn a_branch_that_is_missing_is_told_only_where_a_commit_should_come_from_it() {
    let mut facts = promoted("newest", "tag");
    webapp1(&mut facts).application = ApplicationTip::Missing;
    check(
        &facts,
        &expect![[r#"
        cluster1/webapp1: waiting: container webapp1: 2222222 (sha256:000200000000) of account 222222222222 is not approved: it lacks the tag approved-prd-2222222 on it upstream
    "#]],
    );
    let mut facts = promoted("commit", "tag");
    webapp1(&mut facts).application = ApplicationTip::Missing;
    check(
        &facts,
        &expect![[r#"
        cluster1/webapp1: refused (application_branch_missing): the application repository webapp1 has no branch main; push it, or correct delivery.yaml
    "#]],
    );
}

#[test]
fn evidence_is_asked_for_one_candidate_after_the_other() {
    let mut facts = promoted("newest", "verified");
    facts.upstream.as_mut().unwrap().evidence.clear();
    assert_eq!(wanted(&facts), BTreeSet::from([evidence_of(2)]));
    says(&mut facts, 2, &[]);
    assert_eq!(wanted(&facts), BTreeSet::from([evidence_of(1)]));
    says(&mut facts, 1, &[(EvidenceKind::Verified, 11)]);
    assert_eq!(wanted(&facts), BTreeSet::new());
    check(
        &facts,
        &expect![[r#"
            cluster1/webapp1: nothing: git says what the rules select: 1111111
        "#]],
    );
}

#[test]
fn of_an_image_that_nothing_refers_to_nothing_is_asked() {
    let mut facts = promoted("newest", "verified");
    facts.upstream.as_mut().unwrap().evidence.clear();
    let signature = Image { subject: Some(digest(1)), ..image(9, 12, &[]) };
    upstream(&mut facts, vec![image(1, 10, &["1111111"]), image(2, 20, &["2222222"]), signature]);
    assert_eq!(wanted(&facts), BTreeSet::from([evidence_of(1)]));
}

#[test]
fn quarantine_upstream_overrides_the_push() {
    let mut facts = promoted("commit", "push");
    says(&mut facts, 2, &[(EvidenceKind::Verified, 21), (EvidenceKind::Quarantined, 22)]);
    check(
        &facts,
        &expect![[r#"
            cluster1/webapp1: refused (quarantined_upstream): container webapp1: 2222222 (sha256:000200000000) is in quarantine in account 222222222222 since 2027-01-15T08:00:22Z, which overrides every approval; promote another image, or release it there
        "#]],
    );
}

#[test]
fn an_approval_of_an_image_that_lost_the_tag_is_refused_with_both_digests() {
    let mut facts = promoted("commit", "tag");
    upstream(&mut facts, vec![image(1, 10, &["approved-prd-2222222"]), image(2, 20, &["2222222"])]);
    check(
        &facts,
        &expect![[r#"
            cluster1/webapp1: refused (approved_other): container webapp1: the tag 2222222 is on sha256:0002000000000000000000000000000000000000000000000000000000000000 now, and sha256:0001000000000000000000000000000000000000000000000000000000000000 was approved as 2222222; approve the one that is meant
        "#]],
    );
}

#[test]
fn what_was_promoted_before_needs_neither_upstream_nor_its_approvals() {
    let mut facts = promoted("commit", "[push, tag]");
    facts.upstream = None;
    here(&mut facts, vec![image(1, 15, &["1111111"]), image(2, 16, &["2222222"])]);
    webapp1(&mut facts).promoted = BTreeSet::from([as_promoted(1), as_promoted(2)]);
    check(
        &facts,
        &expect![[r#"
            cluster1/webapp1: moved: webapp1: commit selects 2222222 (sha256:000200000000), git said sha256:000100000000, approved: promoted before
            - commit to deployment main on 00000007: cluster1/webapp1: webapp1 → 2222222 (cluster1/webapp1/revision.json)
        "#]],
    );
    assert!(!needs_upstream(&facts, &service(WEBAPP1), &image_repository("webapp1")));
}

#[test]
fn an_image_for_another_platform_does_not_enter() {
    let mut facts = promoted("commit, platform: linux/arm64", "push");
    let of_2 = Wanted::Platforms {
        place: Place::Upstream,
        repository: image_repository("webapp1"),
        digest: digest(2),
    };
    assert_eq!(wanted(&facts), BTreeSet::from([of_2]));
    let built = |names: &[&str]| names.iter().map(|name| Platform::parse(name).unwrap()).collect();
    facts.platforms.insert(digest(2), built(&["linux/amd64"]));
    let mut told = decide(&facts).to_string();
    facts.platforms.insert(digest(2), built(&["linux/amd64", "linux/arm64/v8"]));
    told += &decide(&facts).to_string();
    expect![[r#"
        cluster1/webapp1: refused (other_platform): container webapp1: 2222222 (sha256:000200000000) is not built for linux/arm64, which its rules ask for, but for linux/amd64; build it for linux/arm64 and push it under a new tag
        cluster1/webapp1: copying: webapp1: commit selects 2222222 (sha256:000200000000), git said sha256:000100000000, approved: push of 2222222a to webapp1:main
        - copy webapp1@sha256:000200000000 of 222222222222 to webapp1
        then decide again
    "#]].assert_eq(&told);
}

#[test]
fn an_approval_is_no_name_and_needs_no_permission_to_be_one() {
    let mut facts = promoted("newest", "tag");
    facts.rules = rules(&format!(
        "version: 1\nservices:\n  {WEBAPP1}:\n    containers:\n      webapp1:\n        repository: webapp1\n        \
         select: {{ newest: \".*\" }}\n        allow: '1\\.1\\..*'\n    promote: {{ approve: tag }}\n"
    ));
    upstream(&mut facts, vec![image(1, 10, &["1.0.0"]), image(2, 20, &["1.1.0", "approved-prd-1.1.0"])]);
    check(
        &facts,
        &expect![[r#"
        cluster1/webapp1: copying: webapp1: newest ".*" selects 1.1.0 (sha256:000200000000), git said sha256:000100000000, approved: tag approved-prd-1.1.0
        - copy webapp1@sha256:000200000000 of 222222222222 to webapp1
        then decide again
    "#]],
    );
}

/// webapp1, and beside it a sidecar whose image comes from upstream too.
fn with_sidecar() -> RevisionsFacts {
    let mut facts = promoted("commit", "push");
    let file = format!(
        "version: 1\nservices:\n  {WEBAPP1}:\n    application: webapp1\n    containers:\n      \
         webapp1: {{ repository: webapp1, select: commit }}\n      \
         sidecar: {{ repository: sidecar, select: newest }}\n    \
         promote: {{ approve: verified }}\n"
    );
    facts.rules = rules(&file);
    facts
}

#[test]
fn a_push_back_does_not_wait_for_the_copy_of_a_sidecar() {
    let mut facts = with_sidecar();
    let sidecar = image_repository("sidecar");
    facts.images.insert(sidecar.clone(), RepositoryImages::Listed(Vec::new()));
    let upstream = facts.upstream.as_mut().unwrap();
    upstream.images.insert(sidecar.clone(), RepositoryImages::Listed(vec![image(5, 50, &["5555555"])]));
    let verified = Evidence {
        kind: EvidenceKind::Verified,
        environment: EnvironmentName::parse("stg").unwrap(),
        service: service(WEBAPP1),
        repository: sidecar.clone(),
        digest: digest(5),
        commit: commit(5),
        at: at(60),
    };
    upstream.evidence.insert((sidecar.clone(), digest(5)), vec![verified]);
    webapp1(&mut facts).promoted.insert(as_promoted(2));
    here(&mut facts, vec![image(1, 15, &["1111111"]), image(2, 16, &["2222222"])]);
    check(
        &facts,
        &expect![[r#"
            cluster1/webapp1: moved: webapp1: commit selects 2222222 (sha256:000200000000), git said sha256:000100000000, approved: promoted before
            cluster1/webapp1: copying: sidecar: newest "[0-9a-f]{7,40}" selects 5555555 (sha256:000500000000), approved: verified by stg at 2027-01-15T08:01:00Z
            - commit to deployment main on 00000007: cluster1/webapp1: webapp1 → 2222222 (cluster1/webapp1/revision.json)
            - copy sidecar@sha256:000500000000 of 222222222222 to sidecar
            then decide again
        "#]],
    );
    // Nor for the listing of the sidecar's images.
    facts.upstream.as_mut().unwrap().images.remove(&sidecar);
    check(
        &facts,
        &expect![[r#"
            cluster1/webapp1: moved: webapp1: commit selects 2222222 (sha256:000200000000), git said sha256:000100000000, approved: promoted before
            cluster1/webapp1: waiting: sidecar: the images of sidecar upstream (222222222222) were not read
            - commit to deployment main on 00000007: cluster1/webapp1: webapp1 → 2222222 (cluster1/webapp1/revision.json)
        "#]],
    );
    assert!(needs_upstream(&facts, &service(WEBAPP1), &sidecar));
    assert!(!needs_upstream(&facts, &service(WEBAPP1), &image_repository("webapp1")));
}

#[test]
fn the_containers_of_one_commit_wait_for_each_others_copies() {
    let mut facts = promoted("commit", "push");
    facts.rules = rules(&format!(
        "version: 1\nservices:\n  {WEBAPP1}:\n    application: webapp1\n    containers:\n      \
         webapp1: {{ repository: webapp1, select: commit }}\n      \
         worker: {{ repository: worker, select: commit }}\n    promote: {{ approve: push }}\n"
    ));
    let worker = image_repository("worker");
    facts.images.insert(worker.clone(), RepositoryImages::Listed(Vec::new()));
    let upstream = facts.upstream.as_mut().unwrap();
    upstream.images.insert(worker.clone(), RepositoryImages::Listed(vec![image(5, 50, &["2222222"])]));
    upstream.evidence.insert((worker, digest(5)), Vec::new());
    here(&mut facts, vec![image(1, 15, &["1111111"]), image(2, 16, &["2222222"])]);
    check(
        &facts,
        &expect![[r#"
        cluster1/webapp1: copying: webapp1: commit selects 2222222 (sha256:000200000000), git said sha256:000100000000, approved: push of 2222222a to webapp1:main; worker: commit selects 2222222 (sha256:000500000000), approved: push of 2222222a to webapp1:main
        - copy worker@sha256:000500000000 of 222222222222 to worker
        then decide again
    "#]],
    );
}

#[test]
fn an_image_that_was_pushed_straight_into_this_registry_is_no_candidate() {
    let mut facts = promoted("commit", "tag");
    here(&mut facts, vec![image(1, 15, &["1111111"]), image(2, 16, &["2222222"])]);
    upstream(&mut facts, vec![image(1, 10, &["1111111"])]);
    check(
        &facts,
        &expect![[r#"
            cluster1/webapp1: waiting: webapp1: no image in webapp1 upstream (222222222222) for commit 2222222a
        "#]],
    );
    assert!(needs_upstream(&facts, &service(WEBAPP1), &image_repository("webapp1")));
}

#[test]
fn a_tag_that_somebody_put_on_a_promoted_image_since_is_not_what_was_promoted() {
    let mut facts = promoted("commit", "tag");
    here(&mut facts, vec![image(1, 15, &["1111111", "2222222"])]);
    assert!(needs_upstream(&facts, &service(WEBAPP1), &image_repository("webapp1")));
}

#[test]
fn another_image_with_a_shorter_tag_does_not_take_the_place_of_the_commits_own() {
    let mut facts = promoted("commit", "push");
    let full = webapp1(&mut facts).application.commit().unwrap().to_string();
    upstream(&mut facts, vec![image(2, 20, &[full.as_str()]), image(3, 30, &["2222222"])]);
    says(&mut facts, 2, &[(EvidenceKind::Quarantined, 22)]);
    says(&mut facts, 3, &[]);
    check(
        &facts,
        &expect![[r#"
            cluster1/webapp1: refused (quarantined_upstream): container webapp1: 2222222aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa (sha256:000200000000) is in quarantine in account 222222222222 since 2027-01-15T08:00:22Z, which overrides every approval; promote another image, or release it there
        "#]],
    );
}

#[test]
fn a_tag_that_is_on_another_image_here_is_not_moved() {
    let mut facts = promoted("commit", "push");
    here(&mut facts, vec![image(1, 15, &["1111111"]), image(8, 16, &["2222222"])]);
    check(
        &facts,
        &expect![[r#"
            cluster1/webapp1: refused (tag_taken): container webapp1: webapp1:2222222 is sha256:0008000000000000000000000000000000000000000000000000000000000000 here, and sha256:0002000000000000000000000000000000000000000000000000000000000000 upstream; Towpath moves no tag: remove it here, or tag the image upstream anew
        "#]],
    );
}

#[test]
fn a_signature_that_came_later_is_copied_later() {
    let mut facts = promoted("commit", "push");
    webapp1(&mut facts).application = tip("1111111aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
    let signature = Image { subject: Some(digest(1)), ..image(9, 12, &[]) };
    upstream(&mut facts, vec![image(1, 10, &["1111111"]), signature.clone()]);
    check(
        &facts,
        &expect![[r#"
            cluster1/webapp1: copying: git says what the rules select: 1111111; what has come to sha256:000100000000 upstream since is copied
            - copy webapp1@sha256:000100000000 of 222222222222 to webapp1
        "#]],
    );
    here(&mut facts, vec![image(1, 15, &["1111111"]), signature]);
    check(
        &facts,
        &expect![[r#"
            cluster1/webapp1: nothing: git says what the rules select: 1111111
        "#]],
    );
}

#[test]
fn what_is_missing_is_told() {
    let mut told = String::new();
    let repository = || image_repository("webapp1");
    let changes: [fn(&mut RevisionsFacts); 7] = [
        |facts| facts.upstream = None,
        |facts| {
            let missing = RepositoryImages::Missing;
            facts.upstream.as_mut().unwrap().images.insert(image_repository("webapp1"), missing);
        },
        |facts| {
            let unreadable = RepositoryImages::Unreadable("AccessDeniedException: no".to_owned());
            facts.upstream.as_mut().unwrap().images.insert(image_repository("webapp1"), unreadable);
        },
        |facts| upstream(facts, vec![image(1, 10, &["1111111"])]),
        |facts| webapp1(facts).application = ApplicationTip::Missing,
        |facts| facts.actor = Function::OnImagePush,
        |facts| webapp1(facts).revision = FileFact::Absent,
    ];
    for change in changes {
        let mut facts = promoted("commit", "push");
        change(&mut facts);
        told += &decide(&facts).to_string();
    }
    let mut facts = promoted("commit", "push");
    facts.images.insert(repository(), RepositoryImages::Missing);
    told += &decide(&facts).to_string();
    facts.rules = rules(&format!(
        "version: 1\ncreate-repositories: true\nservices:\n  {WEBAPP1}:\n    application: webapp1\n    containers:\n      webapp1: {{ repository: webapp1, select: commit }}\n    promote: {{ approve: push }}\n"
    ));
    told += &decide(&facts).to_string();
    expect![[r#"
        cluster1/webapp1: refused (no_upstream): its rules ask for approvals (promote), and this environment has no upstream; deploy template.yaml with the parameter Upstream, or take promote out of delivery.yaml
        cluster1/webapp1: refused (upstream_repository_missing): there is no ECR repository webapp1 upstream in account 222222222222; push an image there, or correct delivery.yaml (from: …)
        cluster1/webapp1: refused (upstream_unreadable): the ECR repository webapp1 of account 222222222222 may not be read: AccessDeniedException: no; deploy template.yaml there with this account as the parameter Downstream, and admit the repository with its NamePrefix
        cluster1/webapp1: waiting: webapp1: no image in webapp1 upstream (222222222222) for commit 2222222a
        cluster1/webapp1: refused (application_branch_missing): the application repository webapp1 has no branch main; push it, or correct delivery.yaml
        cluster1/webapp1: ignored: its rules ask for approvals (promote), so promote_image moves it
        cluster1/webapp1: refused (removed_by_hand): a person removed its revision.json, whose last content was of commit 00000001cccccccccccccccccccccccccccccccc; commit one to deploy it again, or take it out of delivery.yaml
        cluster1/webapp1: refused (not_copied): there is no ECR repository webapp1 in this account to copy images to; create it, or let promotions create it (create-repositories: true in delivery.yaml)
        cluster1/webapp1: copying: webapp1: commit selects 2222222 (sha256:000200000000), git said sha256:000100000000, approved: push of 2222222a to webapp1:main
        - copy webapp1@sha256:000200000000 of 222222222222 to webapp1, creating the repository if it is missing
        then decide again
    "#]]
    .assert_eq(&told);
}

#[test]
fn several_services_with_one_image_wait_for_one_copy() {
    let mut facts = promoted("newest", "push");
    facts.rules = rules(
        "version: 1\nservices:\n  cluster1/webapp1:\n    application: webapp1\n    containers:\n      webapp1: { repository: webapp1, select: commit }\n    promote: { approve: push }\n  cluster1/worker:\n    application: webapp1\n    containers:\n      worker: { repository: webapp1, select: commit }\n    promote: { approve: push }\n",
    );
    let mut worker = webapp1(&mut facts).clone();
    worker.revision = present(3, revision(&[("worker", "webapp1", 1)]));
    worker.last_change =
        Some(by_towpath(1, "cluster1/worker", DecisionKind::Moved, &[("worker", 1, "1111111")]));
    facts.services.insert(service("cluster1/worker"), worker);
    check(
        &facts,
        &expect![[r#"
            cluster1/webapp1: copying: webapp1: commit selects 2222222 (sha256:000200000000), git said sha256:000100000000, approved: push of 2222222a to webapp1:main
            cluster1/worker: copying: worker: commit selects 2222222 (sha256:000200000000), git said sha256:000100000000, approved: push of 2222222a to webapp1:main
            - copy webapp1@sha256:000200000000 of 222222222222 to webapp1
            then decide again
        "#]],
    );
}
