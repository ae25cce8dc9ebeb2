use expect_test::{Expect, expect};

use super::*;
use crate::fixtures::*;
use crate::hold::Quarantined;

fn held(revision: u32) -> Hold {
    Hold {
        revision: blob(revision),
        application_commit: None,
        reason: "rolled back: 500s".to_owned(),
        by: "mary".to_owned(),
        at: at(1),
        until: None,
    }
}

fn quarantined(number: u32) -> Quarantined {
    Quarantined {
        container: container("webapp1"),
        digest: digest(number),
        reason: "500s".to_owned(),
        by: "mary".to_owned(),
        at: at(1),
    }
}

fn files(revision: u32, hold: HoldFact) -> ForcedFiles {
    ForcedFiles { revision: Some(blob(revision)), hold }
}

/// The old tip held revision 1 with image 2 in quarantine; the new one has revision 1 and no hold.
fn facts() -> ForcedFacts {
    let hold = HoldFile { hold: Some(held(1)), quarantine: vec![quarantined(2)] };
    let read = ForcedService {
        has_rules: true,
        application: ApplicationTip::NotNamed,
        old: files(1, hold_present(hold)),
        new: files(1, FileFact::Absent),
        tip: files(1, FileFact::Absent),
        is_written: false,
    };
    ForcedFacts {
        now: at(100),
        environment: EnvironmentName::parse("dev").unwrap(),
        event: EventId::parse("e-1").unwrap(),
        repository: deployment(),
        old: commit(3),
        new: commit(2),
        by: Some("arn:aws:iam::111111111111:user/mary".to_owned()),
        tip: commit(2),
        services: BTreeMap::from([(service(WEBAPP1), read)]),
    }
}

fn webapp1(facts: &mut ForcedFacts) -> &mut ForcedService {
    facts.services.get_mut(&service(WEBAPP1)).unwrap()
}

fn check(facts: &ForcedFacts, expected: &Expect) {
    expected.assert_eq(&decide(facts).to_string());
}

fn written(facts: &ForcedFacts) -> Option<HoldFile> {
    decide(facts).steps.iter().find_map(|step| match step {
        Step::CommitFiles(commit) => Some(HoldFile::parse(commit.files[0].text.as_bytes()).unwrap()),
        _ => None,
    })
}

#[test]
fn a_forced_push_that_changes_no_service_is_only_announced() {
    let facts = ForcedFacts { services: BTreeMap::new(), ..facts() };
    check(
        &facts,
        &expect![[r#"
        by_hand: arn:aws:iam::111111111111:user/mary forced main of deployment from 00000003cccccccccccccccccccccccccccccccc to 00000002cccccccccccccccccccccccccccccccc; the new tip is the truth
    "#]],
    );
}

#[test]
fn holds_and_quarantine_of_the_old_tip_are_written_again() {
    check(
        &facts(),
        &expect![[r#"
        by_hand: arn:aws:iam::111111111111:user/mary forced main of deployment from 00000003cccccccccccccccccccccccccccccccc to 00000002cccccccccccccccccccccccccccccccc; the new tip is the truth
        cluster1/webapp1: held: what was held or in quarantine before the forced push is written again
        - commit to deployment main on 00000002: Holds written again after a forced push (cluster1/webapp1/hold.json)
        - notify: dev cluster1/webapp1: the deployment branch was forced
    "#]],
    );
    let again = written(&facts()).unwrap();
    assert_eq!(again, HoldFile { hold: Some(held(1)), quarantine: vec![quarantined(2)] });
}

#[test]
fn a_revision_that_was_forced_is_held_as_a_persons_act() {
    let mut facts = facts();
    webapp1(&mut facts).old.revision = Some(blob(5));
    webapp1(&mut facts).old.hold = FileFact::Absent;
    let hold = written(&facts).unwrap().hold.unwrap();
    assert_eq!((hold.revision, hold.by), (blob(1), "on_commit".to_owned()));
    // Of a service without rules nothing moves by itself.
    webapp1(&mut facts).has_rules = false;
    assert_eq!(written(&facts), None);
}

#[test]
fn what_another_wrote_before_the_event_came_stays_beside_what_comes_back() {
    let mut late = facts();
    let since = HoldFile { hold: None, quarantine: vec![quarantined(3)] };
    webapp1(&mut late).tip.hold = hold_present(since);
    let again = written(&late).unwrap();
    assert_eq!(again, HoldFile { hold: Some(held(1)), quarantine: vec![quarantined(3), quarantined(2)] });
}

#[test]
fn a_late_event_brings_nothing_back() {
    // It was written again, and released since.
    let mut late = facts();
    webapp1(&mut late).is_written = true;
    webapp1(&mut late).tip.hold = hold_present(HoldFile::default());
    assert_eq!(written(&late), None);
    // The revision that was forced was released before the event came.
    let mut released = facts();
    webapp1(&mut released).old = files(5, FileFact::Absent);
    let ended = Hold { until: Some(at(50)), ..held(1) };
    let hold = HoldFile { hold: Some(ended), quarantine: Vec::new() };
    webapp1(&mut released).tip.hold = hold_present(hold);
    assert_eq!(written(&released), None);
    // The forced push left it, and it was released since.
    let mut left = facts();
    webapp1(&mut left).new.hold = webapp1(&mut left).old.hold.clone();
    webapp1(&mut left).tip.hold = hold_present(HoldFile::default());
    assert_eq!(written(&left), None);
    // Another commit has moved the revision since.
    let mut moved = facts();
    moved.tip = commit(4);
    webapp1(&mut moved).old.hold = FileFact::Absent;
    webapp1(&mut moved).tip.revision = Some(blob(7));
    check(
        &moved,
        &expect![[r#"
        by_hand: arn:aws:iam::111111111111:user/mary forced main of deployment from 00000003cccccccccccccccccccccccccccccccc to 00000002cccccccccccccccccccccccccccccccc; the new tip is the truth
    "#]],
    );
}

#[test]
fn an_ended_hold_stays_ended() {
    let mut facts = facts();
    let ended = Hold { until: Some(at(50)), ..held(1) };
    webapp1(&mut facts).old.hold = hold_present(HoldFile { hold: Some(ended), quarantine: Vec::new() });
    assert_eq!(written(&facts), None);
}
