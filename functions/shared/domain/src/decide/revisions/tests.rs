use expect_test::{Expect, expect};

use super::*;
use crate::facts::{ApplicationTip, FileFact, LastChange, RepositoryImages};
use crate::fixtures::*;
use crate::hold::{Hold, HoldFile, Quarantined};
use crate::image::Image;
use crate::names::{CommitId, ImageUri};
use crate::plan::{CommitFiles, Step, Then};
use crate::revision::RevisionFile;
use crate::rules::RulesFile;

fn check(facts: &RevisionsFacts, expected: &Expect) {
    expected.assert_eq(&decide(facts).to_string());
}

pub(super) fn webapp1(facts: &mut RevisionsFacts) -> &mut ServiceFacts {
    facts.services.get_mut(&service(WEBAPP1)).unwrap()
}

pub(super) fn images(facts: &mut RevisionsFacts, images: Vec<Image>) {
    facts.images.insert(image_repository("webapp1"), RepositoryImages::Listed(images));
}

fn the_commit(plan: &Plan) -> &CommitFiles {
    match plan.steps.as_slice() {
        [Step::CommitFiles(commit)] => commit,
        other => panic!("expected one commit, found {other:?}"),
    }
}

pub(super) fn quarantined(number: u32) -> Quarantined {
    Quarantined {
        container: container("webapp1"),
        digest: digest(number),
        reason: "exit code 1".to_owned(),
        by: "on_deployment_change".to_owned(),
        at: at(60),
    }
}

pub(super) fn hold_on(number: u32, facts: &RevisionsFacts) -> Hold {
    Hold {
        revision: blob(number),
        application_commit: facts.services[&service(WEBAPP1)].application.commit().cloned(),
        reason: "looks bad".to_owned(),
        by: "mary".to_owned(),
        at: at(70),
        until: None,
    }
}

#[test]
fn what_git_says_already_is_left_alone() {
    let mut facts = revisions_facts(rules_of("newest", ""));
    images(&mut facts, vec![image(1, 10, &["1111111"])]);
    check(
        &facts,
        &expect![[r#"
        cluster1/webapp1: nothing: git says what the rules select: 1111111
    "#]],
    );
}

#[test]
fn nobody_is_asked_about() {
    let mut facts = revisions_facts(rules_of("newest", ""));
    facts.services.clear();
    check(
        &facts,
        &expect![[r#"
        ignored: delivery.yaml names no service for it
    "#]],
    );
}

#[test]
fn a_newer_image_moves_the_service() {
    let facts = revisions_facts(rules_of("newest", ""));
    check(
        &facts,
        &expect![[r#"
        cluster1/webapp1: moved: webapp1: newest "[0-9a-f]{7,40}" selects 2222222 (sha256:000200000000), git said sha256:000100000000
        - commit to deployment main on 00000007: cluster1/webapp1: webapp1 → 2222222 (cluster1/webapp1/revision.json)
    "#]],
    );
    let plan = decide(&facts);
    let made = the_commit(&plan);
    expect![[r#"
        cluster1/webapp1: webapp1 → 2222222

        Actor: on_image_push
        Event-Id: event-1
        Service: cluster1/webapp1
        Decision: moved
        Container: webapp1
        Image-Tag: 2222222
        Image-Digest: sha256:0002000000000000000000000000000000000000000000000000000000000000
        Previous-Digest: sha256:0001000000000000000000000000000000000000000000000000000000000000
    "#]]
    .assert_eq(&made.message.to_string());
    expect![[r#"
        [
          {
            "name": "webapp1",
            "imageUri": "111111111111.dkr.ecr.eu-west-1.amazonaws.com/webapp1@sha256:0002000000000000000000000000000000000000000000000000000000000000"
          }
        ]
    "#]].assert_eq(&made.files[0].text);
}

#[test]
fn what_was_decided_and_committed_decides_nothing_more() {
    let facts = revisions_facts(rules_of("newest", ""));
    let plan = decide(&facts);
    let made = the_commit(&plan);
    let mut after = facts.clone();
    let file = RevisionFile::parse(made.files[0].text.as_bytes()).unwrap();
    webapp1(&mut after).revision = present(2, file);
    webapp1(&mut after).last_change = Some(LastChange {
        commit: commit(8),
        message: made.message.to_string(),
        author: "Towpath".to_owned(),
        committer: "Towpath".to_owned(),
        at: Some(at(100)),
    });
    check(
        &after,
        &expect![[r#"
        cluster1/webapp1: nothing: git says what the rules select: 2222222
    "#]],
    );
}

#[test]
fn a_missing_revision_is_created() {
    let mut facts = revisions_facts(rules_of("commit", ""));
    webapp1(&mut facts).revision = FileFact::Absent;
    webapp1(&mut facts).last_change = None;
    check(
        &facts,
        &expect![[r#"
            cluster1/webapp1: moved: webapp1: commit selects 2222222 (sha256:000200000000)
            - commit to deployment main on 00000007: cluster1/webapp1: webapp1 → 2222222 (cluster1/webapp1/revision.json)
        "#]],
    );
    // Its history tells that it was there, whoever wrote what was in it.
    let by_towpath = by_towpath(6, WEBAPP1, DecisionKind::Moved, &[("webapp1", 2, "2222222")]);
    let told = [by_mary(6), by_towpath].map(|change| {
        webapp1(&mut facts).last_change = Some(change);
        decide(&facts).to_string()
    });
    expect![[r#"
        cluster1/webapp1: refused (removed_by_hand): a person removed its revision.json, whose last content was of commit 00000006cccccccccccccccccccccccccccccccc; commit one to deploy it again, or take it out of delivery.yaml
        cluster1/webapp1: refused (removed_by_hand): a person removed its revision.json, whose last content was of commit 00000006cccccccccccccccccccccccccccccccc; commit one to deploy it again, or take it out of delivery.yaml
    "#]].assert_eq(&told.concat());
}

#[test]
fn what_cannot_be_read_moves_nothing() {
    let mut facts = revisions_facts(rules_of("newest", ""));
    webapp1(&mut facts).revision =
        FileFact::Present { blob: blob(1), content: RevisionFile::parse(b"{").map(|_| unreachable!()) };
    check(
        &facts,
        &expect![[r#"
        cluster1/webapp1: refused (invalid_revision): revision.json is not a JSON list of containers and images: invalid type: map, expected a sequence at line 1 column 0; commit a corrected file
    "#]],
    );
    webapp1(&mut facts).hold =
        FileFact::Present { blob: blob(2), content: HoldFile::parse(br#"{"version":3}"#) };
    check(
        &facts,
        &expect![[r#"
        cluster1/webapp1: refused (invalid_hold): hold.json has version 3: expected version 1; install a Towpath that knows it; until it is corrected nothing moves this service
    "#]],
    );
    facts.rules = rules(&format!("version: 1\nservices:\n  {WEBAPP1}: {{ containers: 7 }}\n"));
    check(
        &facts,
        &expect![[r#"
        cluster1/webapp1: refused (invalid_rules): delivery.yaml, line 3: containers is "7": expected a map of container names to rules
    "#]],
    );
    facts.rules = RulesFact::Invalid(RulesFile::parse(b"version: 2").unwrap_err());
    check(
        &facts,
        &expect![[r#"
        refused (invalid_rules): delivery.yaml, line 1: version is "2": expected 1
    "#]],
    );
    facts.rules = RulesFact::Absent;
    check(
        &facts,
        &expect![[r#"
        cluster1/webapp1: ignored: delivery.yaml does not name it
    "#]],
    );
}

#[test]
fn services_with_approvals_are_left_to_promote_image() {
    check(
        &revisions_facts(rules_of("newest", "    promote: { approve: push }\n")),
        &expect![[r#"
        cluster1/webapp1: ignored: its rules ask for approvals (promote), so promote_image moves it
    "#]],
    );
    check(
        &revisions_facts(rules_of("manual", "")),
        &expect![[r#"
        cluster1/webapp1: ignored: its rules leave all its containers to people
    "#]],
    );
}

#[test]
fn a_missing_registry_or_application_is_refused() {
    let mut facts = revisions_facts(rules_of("newest", ""));
    facts.images.insert(image_repository("webapp1"), RepositoryImages::Missing);
    check(
        &facts,
        &expect![[r#"
        cluster1/webapp1: refused (image_repository_missing): there is no ECR repository webapp1 in this account; create it, or correct delivery.yaml
    "#]],
    );
    facts
        .images
        .insert(image_repository("webapp1"), RepositoryImages::Unreadable("AccessDenied\nx".to_owned()));
    check(
        &facts,
        &expect![[r#"
            cluster1/webapp1: refused (image_repository_unreadable): the ECR repository webapp1 may not be read: AccessDenied x; admit its name with the stack parameter NamePrefix
        "#]],
    );
    let mut facts = revisions_facts(rules_of("commit", ""));
    webapp1(&mut facts).application = ApplicationTip::Missing;
    check(
        &facts,
        &expect![[r#"
        cluster1/webapp1: refused (application_branch_missing): the application repository webapp1 has no branch main; push it, or correct delivery.yaml
    "#]],
    );
}

#[test]
fn a_commit_without_its_image_waits() {
    let mut facts = revisions_facts(rules_of("commit", ""));
    webapp1(&mut facts).application = ApplicationTip::At(commit(5));
    check(
        &facts,
        &expect![[r#"
        cluster1/webapp1: waiting: webapp1: no image in webapp1 for commit 00000005
    "#]],
    );
}

#[test]
fn a_push_back_to_a_commit_selects_its_image() {
    let mut facts = revisions_facts(rules_of("commit", ""));
    webapp1(&mut facts).revision = present(2, revision(&[("webapp1", "webapp1", 2)]));
    webapp1(&mut facts).last_change =
        Some(by_towpath(2, WEBAPP1, DecisionKind::Moved, &[("webapp1", 2, "2222222")]));
    webapp1(&mut facts).application =
        ApplicationTip::At(CommitId::parse("1111111aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa").unwrap());
    check(
        &facts,
        &expect![[r#"
        cluster1/webapp1: moved: webapp1: commit selects 1111111 (sha256:000100000000), git said sha256:000200000000
        - commit to deployment main on 00000007: cluster1/webapp1: webapp1 → 1111111 (cluster1/webapp1/revision.json)
    "#]],
    );
}

#[test]
fn the_commit_containers_move_together_or_not_at_all() {
    let two = format!(
        "version: 1\nservices:\n  {WEBAPP1}:\n    application: webapp1\n    containers:\n      webapp1: {{ repository: webapp1, select: commit }}\n      worker: {{ repository: worker, select: commit }}\n      envoy: {{ repository: envoy, select: {{ semver: \"1\" }} }}\n"
    );
    let mut facts = revisions_facts(rules(&two));
    facts.images.insert(image_repository("worker"), RepositoryImages::Listed(vec![]));
    facts.images.insert(image_repository("envoy"), RepositoryImages::Listed(vec![image(30, 1, &["1.30.0"])]));
    check(
        &facts,
        &expect![[r#"
            cluster1/webapp1: moved: envoy: semver "1" selects 1.30.0 (sha256:003000000000)
            cluster1/webapp1: waiting: webapp1: 2222222 is there, and waits for the other containers of its commit; worker: no image in worker for commit 2222222a
            - commit to deployment main on 00000007: cluster1/webapp1: envoy → 1.30.0 (cluster1/webapp1/revision.json)
        "#]],
    );
    facts
        .images
        .insert(image_repository("worker"), RepositoryImages::Listed(vec![image(12, 1, &["2222222"])]));
    check(
        &facts,
        &expect![[r#"
            cluster1/webapp1: moved: envoy: semver "1" selects 1.30.0 (sha256:003000000000); webapp1: commit selects 2222222 (sha256:000200000000), git said sha256:000100000000; worker: commit selects 2222222 (sha256:001200000000)
            - commit to deployment main on 00000007: cluster1/webapp1: envoy → 1.30.0, webapp1 → 2222222, worker → 2222222 (cluster1/webapp1/revision.json)
        "#]],
    );
    webapp1(&mut facts).hold = hold_present(HoldFile { hold: None, quarantine: vec![quarantined(2)] });
    check(
        &facts,
        &expect![[r#"
            cluster1/webapp1: moved: envoy: semver "1" selects 1.30.0 (sha256:003000000000)
            cluster1/webapp1: waiting: worker: 2222222 is there, and waits for the other containers of its commit
            cluster1/webapp1: refused (quarantined): container webapp1: 2222222 (sha256:000200000000) may not return, because sha256:000200000000 is in quarantine since 2027-01-15T08:01:00Z (exit code 1); push a newer image, or release it: run the document towpath-release for cluster1/webapp1
            - commit to deployment main on 00000007: cluster1/webapp1: envoy → 1.30.0 (cluster1/webapp1/revision.json)
        "#]],
    );
}

#[test]
fn a_person_wins_once() {
    let mut facts = revisions_facts(rules_of("newest", ""));
    webapp1(&mut facts).last_change = Some(by_mary(3));
    webapp1(&mut facts).hold = hold_present(HoldFile { hold: None, quarantine: vec![quarantined(9)] });
    check(
        &facts,
        &expect![[r#"
        cluster1/webapp1: held: Mary Major put it there by hand (commit 00000003); the rules would select webapp1 → 2222222; to let the rules move it again: run the document towpath-release for cluster1/webapp1
        - commit to deployment main on 00000007: cluster1/webapp1: held, because a person put this revision there (cluster1/webapp1/hold.json)
    "#]],
    );
    let plan = decide(&facts);
    let made = the_commit(&plan);
    expect![[r#"
        cluster1/webapp1: held, because a person put this revision there

        Actor: on_image_push
        Event-Id: event-1
        Service: cluster1/webapp1
        Decision: held
    "#]]
    .assert_eq(&made.message.to_string());
    expect![[r#"
        {
          "version": 1,
          "hold": {
            "revision": "00000001bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb",
            "application_commit": "2222222aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
            "reason": "Mary Major put it there by hand (commit 00000003); the rules would select webapp1 → 2222222",
            "by": "on_image_push",
            "at": "2027-01-15T08:01:40Z"
          },
          "quarantine": [
            {
              "container": "webapp1",
              "digest": "sha256:0009000000000000000000000000000000000000000000000000000000000000",
              "reason": "exit code 1",
              "by": "on_deployment_change",
              "at": "2027-01-15T08:01:00Z"
            }
          ]
        }
    "#]].assert_eq(&made.files[0].text);

    webapp1(&mut facts).hold = hold_present(HoldFile::parse(made.files[0].text.as_bytes()).unwrap());
    check(
        &facts,
        &expect![[r#"
        cluster1/webapp1: held: held by on_image_push since 2027-01-15T08:01:40Z: Mary Major put it there by hand (commit 00000003); the rules would select webapp1 → 2222222
    "#]],
    );
}

#[test]
fn a_person_who_wrote_what_the_rules_select_is_not_held() {
    let mut facts = revisions_facts(rules_of("newest", ""));
    webapp1(&mut facts).last_change = Some(by_mary(3));
    let tagged = ImageUri::parse(&format!("{}/webapp1:2222222", registry())).unwrap();
    let file = RevisionFile::of_images(&[(container("webapp1"), tagged)].into());
    webapp1(&mut facts).revision = present(3, file);
    check(
        &facts,
        &expect![[r#"
        cluster1/webapp1: nothing: git says what the rules select: 2222222
    "#]],
    );
}

#[test]
fn a_copied_message_does_not_make_a_commit_towpaths() {
    let mut facts = revisions_facts(rules_of("newest", ""));
    webapp1(&mut facts).last_change =
        Some(by_towpath(3, WEBAPP1, DecisionKind::Moved, &[("webapp1", 8, "8888888")]));
    check(
        &facts,
        &expect![[r#"
        cluster1/webapp1: held: Towpath put it there by hand (commit 00000003); the rules would select webapp1 → 2222222; to let the rules move it again: run the document towpath-release for cluster1/webapp1
        - commit to deployment main on 00000007: cluster1/webapp1: held, because a person put this revision there (cluster1/webapp1/hold.json)
    "#]],
    );
}

#[test]
fn a_hold_that_a_person_ended_is_not_made_again() {
    let mut facts = revisions_facts(rules_of("newest", ""));
    webapp1(&mut facts).last_change = Some(by_mary(3));
    let released = Hold { until: Some(at(80)), ..hold_on(1, &facts) };
    webapp1(&mut facts).hold = hold_present(HoldFile { hold: Some(released), quarantine: vec![] });
    check(
        &facts,
        &expect![[r#"
        cluster1/webapp1: moved: webapp1: newest "[0-9a-f]{7,40}" selects 2222222 (sha256:000200000000), git said sha256:000100000000
        - commit to deployment main on 00000007: cluster1/webapp1: webapp1 → 2222222 (cluster1/webapp1/revision.json, cluster1/webapp1/hold.json)
    "#]],
    );
    let pushed = Hold { application_commit: Some(commit(1)), ..hold_on(1, &facts) };
    webapp1(&mut facts).hold = hold_present(HoldFile { hold: Some(pushed), quarantine: vec![] });
    check(
        &facts,
        &expect![[r#"
        cluster1/webapp1: moved: webapp1: newest "[0-9a-f]{7,40}" selects 2222222 (sha256:000200000000), git said sha256:000100000000
        - commit to deployment main on 00000007: cluster1/webapp1: webapp1 → 2222222 (cluster1/webapp1/revision.json, cluster1/webapp1/hold.json)
    "#]],
    );
    let other_revision = hold_on(5, &facts);
    webapp1(&mut facts).hold = hold_present(HoldFile { hold: Some(other_revision), quarantine: vec![] });
    check(
        &facts,
        &expect![[r#"
        cluster1/webapp1: held: Mary Major put it there by hand (commit 00000003); the rules would select webapp1 → 2222222; to let the rules move it again: run the document towpath-release for cluster1/webapp1
        - commit to deployment main on 00000007: cluster1/webapp1: held, because a person put this revision there (cluster1/webapp1/hold.json)
    "#]],
    );
}

#[test]
fn a_quarantined_image_does_not_return_nor_what_comes_before_it() {
    let mut facts = revisions_facts(rules_of("newest", ""));
    webapp1(&mut facts).hold = hold_present(HoldFile { hold: None, quarantine: vec![quarantined(2)] });
    check(
        &facts,
        &expect![[r#"
            cluster1/webapp1: refused (quarantined): container webapp1: 2222222 (sha256:000200000000) may not return, because sha256:000200000000 is in quarantine since 2027-01-15T08:01:00Z (exit code 1); push a newer image, or release it: run the document towpath-release for cluster1/webapp1
        "#]],
    );
    // The tag of the bad image was removed, and something between the two is the newest now.
    images(&mut facts, vec![image(1, 10, &["1111111"]), image(3, 15, &["3333333"]), image(2, 20, &[])]);
    check(
        &facts,
        &expect![[r#"
            cluster1/webapp1: refused (quarantined): container webapp1: 3333333 (sha256:000300000000) may not return, because sha256:000200000000 is in quarantine since 2027-01-15T08:01:00Z (exit code 1); push a newer image, or release it: run the document towpath-release for cluster1/webapp1
        "#]],
    );
    // The bad image is gone altogether: what was pushed before its quarantine is not later than it.
    images(&mut facts, vec![image(1, 10, &["1111111"]), image(3, 15, &["3333333"])]);
    check(
        &facts,
        &expect![[r#"
            cluster1/webapp1: refused (quarantined): container webapp1: 3333333 (sha256:000300000000) may not return, because sha256:000200000000 is in quarantine since 2027-01-15T08:01:00Z (exit code 1); push a newer image, or release it: run the document towpath-release for cluster1/webapp1
        "#]],
    );
    images(&mut facts, vec![image(1, 10, &["1111111"]), image(4, 61, &["4444444"])]);
    check(
        &facts,
        &expect![[r#"
        cluster1/webapp1: moved: webapp1: newest "[0-9a-f]{7,40}" selects 4444444 (sha256:000400000000), git said sha256:000100000000
        - commit to deployment main on 00000007: cluster1/webapp1: webapp1 → 4444444 (cluster1/webapp1/revision.json)
    "#]],
    );
}

#[test]
fn a_service_never_goes_back() {
    let mut facts = revisions_facts(rules_of("{ newest: \".*\" }", ""));
    webapp1(&mut facts).revision = present(5, revision(&[("webapp1", "webapp1", 5)]));
    webapp1(&mut facts).last_change =
        Some(by_towpath(5, WEBAPP1, DecisionKind::Moved, &[("webapp1", 5, "2.0.0")]));
    // Image 5 is not in the registry any more.
    check(
        &facts,
        &expect![[r#"
            cluster1/webapp1: refused (not_comparable): container webapp1: what git says (111111111111.dkr.ecr.eu-west-1.amazonaws.com/webapp1@sha256:0005000000000000000000000000000000000000000000000000000000000000) is not in the registry, so that it cannot be known whether 1.1.0 (sha256:000200000000) comes after it; push a newer image, or commit one to revision.json
        "#]],
    );
    images(&mut facts, vec![image(2, 20, &["1.1.0"]), image(5, 30, &[])]);
    check(
        &facts,
        &expect![[r#"
            cluster1/webapp1: refused (never_back): container webapp1: the rules select 1.1.0 (sha256:000200000000), which comes before what git says (111111111111.dkr.ecr.eu-west-1.amazonaws.com/webapp1@sha256:0005000000000000000000000000000000000000000000000000000000000000); to go back, commit it to revision.json or roll back
        "#]],
    );
    facts.rules = rules_of("{ semver: \"*\" }", "");
    check(
        &facts,
        &expect![[r#"
            cluster1/webapp1: refused (never_back): container webapp1: the rules select 1.1.0 (sha256:000200000000), which comes before what git says (111111111111.dkr.ecr.eu-west-1.amazonaws.com/webapp1@sha256:0005000000000000000000000000000000000000000000000000000000000000); to go back, commit it to revision.json or roll back
        "#]],
    );
    images(&mut facts, vec![image(2, 20, &["1.1.0"])]);
    check(
        &facts,
        &expect![[r#"
            cluster1/webapp1: refused (never_back): container webapp1: the rules select 1.1.0 (sha256:000200000000), which comes before what git says (111111111111.dkr.ecr.eu-west-1.amazonaws.com/webapp1@sha256:0005000000000000000000000000000000000000000000000000000000000000); to go back, commit it to revision.json or roll back
        "#]],
    );
    images(&mut facts, vec![image(6, 20, &["2.1.0"])]);
    check(
        &facts,
        &expect![[r#"
        cluster1/webapp1: moved: webapp1: semver "*" selects 2.1.0 (sha256:000600000000), git said sha256:000500000000
        - commit to deployment main on 00000007: cluster1/webapp1: webapp1 → 2.1.0 (cluster1/webapp1/revision.json)
    "#]],
    );
}

#[test]
fn more_services_than_one_commit_carries_are_decided_again() {
    let names: Vec<String> = (0..101).map(|number| format!("c/s{number:03}")).collect();
    let one = revisions_facts(rules_of("newest", ""));
    let read = ServiceFacts {
        revision: FileFact::Absent,
        last_change: None,
        ..one.services[&service(WEBAPP1)].clone()
    };
    let lines: Vec<String> = names
        .iter()
        .map(|name| {
            format!("  {name}: {{ containers: {{ webapp1: {{ repository: webapp1, select: newest }} }} }}\n")
        })
        .collect();
    let facts = RevisionsFacts {
        rules: rules(&format!("version: 1\nservices:\n{}", lines.concat())),
        services: names.iter().map(|name| (service(name), read.clone())).collect(),
        ..one
    };
    let plan = decide(&facts);
    assert_eq!(
        (the_commit(&plan).files.len(), plan.decisions.len(), plan.then),
        (100, 100, Then::DecideAgain)
    );
    let lines: Vec<String> =
        the_commit(&plan).message.to_string().lines().take(4).map(str::to_owned).collect();
    expect![[r#"
        100 services: c/s000, c/s001, c/s002, …

        c/s000: webapp1 → 2222222
        c/s001: webapp1 → 2222222"#]]
    .assert_eq(&lines.join("\n"));
}
