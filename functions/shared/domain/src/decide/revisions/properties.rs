//! The invariants that a selection keeps, on random worlds.

use proptest::prelude::*;

use super::tests::{hold_on, images, quarantined, webapp1};
use super::*;
use crate::facts::{LastChange, RepositoryImages};
use crate::fixtures::*;
use crate::hold::{Hold, HoldFile};
use crate::plan::Step;
use crate::revision::RevisionFile;
use crate::select::{Order, Other};

/// A world of one service and a few images, with or without holds, quarantines and a person's hand.
fn worlds() -> impl Strategy<Value = RevisionsFacts> {
    let policies = prop::sample::select(vec!["commit", "newest", "{ newest: \".*\" }", "{ semver: \"*\" }"]);
    let tags = prop::sample::subsequence(vec!["1111111", "2222222", "1.0.0", "2.0.0"], 0..3);
    let listed = prop::collection::vec((1_u32..6, 0_i64..90, tags), 0..5);
    let who = prop::sample::select(vec!["mary", "towpath", "nobody"]);
    let held = prop::sample::select(vec!["no", "counts", "ended", "other"]);
    (policies, listed, who, held, 1_u32..6, prop::collection::vec(1_u32..6, 0..2)).prop_map(
        |(policy, listed, who, held, current, quarantine)| {
            let mut facts = revisions_facts(rules_of(policy, ""));
            let (mut numbers, mut tagged) = (Vec::new(), Vec::new());
            let mut all = Vec::new();
            for (number, pushed_at, tags) in listed {
                if numbers.contains(&number) {
                    continue;
                }
                numbers.push(number);
                let tags: Vec<&str> = tags.into_iter().filter(|tag| !tagged.contains(tag)).collect();
                tagged.extend(tags.clone());
                all.push(image(number, pushed_at, &tags));
            }
            images(&mut facts, all);
            let hold = match held {
                "no" => None,
                "counts" => Some(hold_on(1, &facts)),
                "ended" => Some(Hold { until: Some(at(80)), ..hold_on(1, &facts) }),
                _ => Some(hold_on(4, &facts)),
            };
            let read = webapp1(&mut facts);
            read.revision =
                present(1, revision(&[("webapp1", "webapp1", current), ("sidecar", "sidecar", 77)]));
            read.last_change = match who {
                "mary" => Some(by_mary(3)),
                "towpath" => {
                    Some(by_towpath(3, WEBAPP1, DecisionKind::Moved, &[("webapp1", current, "1.0.0")]))
                }
                _ => None,
            };
            read.hold = hold_present(HoldFile {
                hold,
                quarantine: quarantine.into_iter().map(quarantined).collect(),
            });
            facts
        },
    )
}

/// The digest that a plan moves `webapp1` to, if it does.
fn moved_to(plan: &Plan) -> Option<ImageDigest> {
    let Step::CommitFiles(commit) = plan.steps.first()? else { return None };
    let file = commit.files.iter().find(|file| file.path == service(WEBAPP1).revision_path())?;
    RevisionFile::parse(file.text.as_bytes()).unwrap().digest(&container("webapp1")).cloned()
}

/// The same world with three services that are read and ruled alike: what speaks of the first by its name is none of the
/// others' affair.
fn with_three(mut facts: RevisionsFacts) -> RevisionsFacts {
    let first = service(WEBAPP1);
    let RulesFact::Read(rules) = &mut facts.rules else { panic!("no rules") };
    for name in ["cluster1/webapp10", "cluster2/webapp1"] {
        rules.services.insert(service(name), rules.services[&first].clone());
        facts.services.insert(service(name), facts.services[&first].clone());
    }
    facts
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// Invariant 3: a held service does not move by itself, and no person's act is undone.
    #[test]
    fn a_held_service_and_a_persons_revision_do_not_move(facts in worlds()) {
        let read = &facts.services[&service(WEBAPP1)];
        let hold = read.hold.content().unwrap().hold.as_ref();
        let names_it = hold.is_some_and(|hold| hold.revision == blob(1));
        let ended = hold.is_some_and(|hold| hold.until.is_some());
        let by_hand = read.last_change.as_ref().is_none_or(|change| change.author != "Towpath");
        if (names_it && !ended) || (by_hand && !names_it) {
            prop_assert_eq!(moved_to(&decide(&facts)), None);
        }
    }

    /// Invariant 3: a quarantined digest never returns by itself.
    #[test]
    fn a_quarantined_digest_never_returns(facts in worlds()) {
        if let Some(digest) = moved_to(&decide(&facts)) {
            let hold = facts.services[&service(WEBAPP1)].hold.content().unwrap();
            prop_assert_eq!(hold.quarantined(&container("webapp1"), &digest), None);
        }
    }

    /// Invariant 2: a revision never goes back under its own rule's order.
    #[test]
    fn a_move_is_never_to_an_older_image(facts in worlds()) {
        let Some(to) = moved_to(&decide(&facts)) else { return Ok(()) };
        let RulesFact::Read(rules) = &facts.rules else { panic!("no rules") };
        let rules = rules.services[&service(WEBAPP1)].as_ref().unwrap();
        let policy = &rules.containers[&container("webapp1")].select;
        let RepositoryImages::Listed(images) = &facts.images[&image_repository("webapp1")] else { panic!("no images") };
        let read = &facts.services[&service(WEBAPP1)];
        let current = read.revision.content().unwrap().digest(&container("webapp1")).unwrap();
        let crate::select::Selection::Chosen(chosen) = crate::select::select(policy, images, read.application.commit())
        else { panic!("moved to what is not selected") };
        prop_assert_eq!(&chosen.digest, &to);
        let image = images.iter().find(|image| image.digest == *current);
        let other = Other { digest: current, image, tag: None, there_at: Some(at(50)) };
        let order = crate::select::order(policy, &chosen, &other);
        prop_assert!(order != Order::Older && order != Order::Same, "{:?}", order);
    }

    /// Invariant 7: after what was decided is done, the same facts decide nothing more.
    #[test]
    fn deciding_again_changes_nothing_more(facts in worlds()) {
        let plan = decide(&facts);
        let Some(Step::CommitFiles(made)) = plan.steps.first() else { return Ok(()) };
        let mut after = facts.clone();
        for file in &made.files {
            let read = webapp1(&mut after);
            if file.path == service(WEBAPP1).hold_path() {
                read.hold = hold_present(HoldFile::parse(file.text.as_bytes()).unwrap());
            } else {
                read.revision = present(2, RevisionFile::parse(file.text.as_bytes()).unwrap());
                let (message, towpath) = (made.message.to_string(), "Towpath".to_owned());
                let (author, committer) = (towpath.clone(), towpath);
                read.last_change =
                    Some(LastChange { commit: commit(8), message, author, committer, at: Some(at(100)) });
            }
        }
        prop_assert_eq!(decide(&after).steps, Vec::new());
    }

    /// What CodeCommit does not take for all services is what each of them would have committed alone.
    #[test]
    fn a_divided_commit_is_what_is_decided_about_each_service_alone(facts in worlds()) {
        let facts = with_three(facts);
        let alone = facts.services.iter().flat_map(|(service, read)| {
            let services = std::iter::once((service.clone(), read.clone())).collect();
            decide(&RevisionsFacts { services, ..facts.clone() }).steps
        });
        let alone: Vec<Step> = alone.collect();
        prop_assert_eq!(decide(&facts).divided().steps, alone);
    }

    /// Invariant 9: entries that the rules do not name stay as they are.
    #[test]
    fn other_entries_stay(facts in worlds()) {
        let plan = decide(&facts);
        let Some(Step::CommitFiles(commit)) = plan.steps.first() else { return Ok(()) };
        for file in commit.files.iter().filter(|file| file.path == service(WEBAPP1).revision_path()) {
            let file = RevisionFile::parse(file.text.as_bytes()).unwrap();
            prop_assert_eq!(file.digest(&container("sidecar")), Some(&digest(77)));
            prop_assert_eq!(file.entries().len(), 2);
        }
    }
}
