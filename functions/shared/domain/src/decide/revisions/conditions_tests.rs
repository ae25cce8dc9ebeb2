use expect_test::{Expect, expect};

use super::tests::images;
use super::*;
use crate::fixtures::*;
use crate::names::Platform;

fn check(facts: &RevisionsFacts, expected: &Expect) {
    expected.assert_eq(&decide(facts).to_string());
}

/// webapp1 by such a rule, with more said of its images: 1 runs, 2 and 3 came later.
fn with_conditions(select: &str, conditions: &str) -> RevisionsFacts {
    let mut facts = revisions_facts(rules_of(&format!("{select}, {conditions}"), ""));
    let all = [image(1, 10, &["1111111"]), image(2, 20, &["2222222", "rc-2"]), image(3, 90, &["3333333"])];
    images(&mut facts, all.to_vec());
    facts
}

#[test]
fn what_is_not_allowed_or_is_ignored_or_is_too_young_is_no_candidate() {
    let mut told = String::new();
    for conditions in [
        "allow: \".*\"",
        "allow: \"[12]+\"",
        "ignore: \"3.*\"",
        "allow: \"[23]+\", ignore: \"[13].*\"",
        "minimum_age: 10s",
        "minimum_age: 11s",
        "minimum_age: 81s",
        "minimum_age: 1d",
        "allow: \"x\"",
    ] {
        told += &format!("{conditions}: {}", decide(&with_conditions("newest", conditions)));
    }
    expect![[r#"
        allow: ".*": cluster1/webapp1: moved: webapp1: newest "[0-9a-f]{7,40}" selects 3333333 (sha256:000300000000), git said sha256:000100000000
        - commit to deployment main on 00000007: cluster1/webapp1: webapp1 → 3333333 (cluster1/webapp1/revision.json)
        allow: "[12]+": cluster1/webapp1: moved: webapp1: newest "[0-9a-f]{7,40}" selects 2222222 (sha256:000200000000), git said sha256:000100000000
        - commit to deployment main on 00000007: cluster1/webapp1: webapp1 → 2222222 (cluster1/webapp1/revision.json)
        ignore: "3.*": cluster1/webapp1: moved: webapp1: newest "[0-9a-f]{7,40}" selects 2222222 (sha256:000200000000), git said sha256:000100000000
        - commit to deployment main on 00000007: cluster1/webapp1: webapp1 → 2222222 (cluster1/webapp1/revision.json)
        allow: "[23]+", ignore: "[13].*": cluster1/webapp1: moved: webapp1: newest "[0-9a-f]{7,40}" selects 2222222 (sha256:000200000000), git said sha256:000100000000
        - commit to deployment main on 00000007: cluster1/webapp1: webapp1 → 2222222 (cluster1/webapp1/revision.json)
        minimum_age: 10s: cluster1/webapp1: moved: webapp1: newest "[0-9a-f]{7,40}" selects 3333333 (sha256:000300000000), git said sha256:000100000000
        - commit to deployment main on 00000007: cluster1/webapp1: webapp1 → 3333333 (cluster1/webapp1/revision.json)
        minimum_age: 11s: cluster1/webapp1: moved: webapp1: newest "[0-9a-f]{7,40}" selects 2222222 (sha256:000200000000), git said sha256:000100000000
        - commit to deployment main on 00000007: cluster1/webapp1: webapp1 → 2222222 (cluster1/webapp1/revision.json)
        minimum_age: 81s: cluster1/webapp1: nothing: git says what the rules select: 1111111
        minimum_age: 1d: cluster1/webapp1: waiting: webapp1: 3333333 (sha256:000300000000) of webapp1 is younger than minimum_age asks for: it is a candidate from 2027-01-16T08:01:30Z
        allow: "x": cluster1/webapp1: waiting: webapp1: 3333333 (sha256:000300000000) of webapp1 is left out by allow or ignore
    "#]].assert_eq(&told);
}

#[test]
fn the_newest_image_for_the_platform_is_selected() {
    let mut facts = with_conditions("newest", "platform: linux/arm64");
    let platform = |name: &str| BTreeSet::from([Platform::parse(name).unwrap()]);
    let mut told = decide(&facts).to_string();
    facts.platforms.insert(digest(3), platform("linux/amd64"));
    told += &decide(&facts).to_string();
    facts.platforms.insert(digest(2), platform("linux/arm64/v8"));
    told += &decide(&facts).to_string();
    facts.platforms = (1..=3).map(|number| (digest(number), platform("windows/amd64"))).collect();
    facts.platforms.insert(digest(3), BTreeSet::new());
    told += &decide(&facts).to_string();
    expect![[r#"
        cluster1/webapp1: waiting: what webapp1@sha256:000300000000 is built for was not read
        cluster1/webapp1: waiting: what webapp1@sha256:000200000000 is built for was not read
        cluster1/webapp1: moved: webapp1: newest "[0-9a-f]{7,40}" selects 2222222 (sha256:000200000000), git said sha256:000100000000
        - commit to deployment main on 00000007: cluster1/webapp1: webapp1 → 2222222 (cluster1/webapp1/revision.json)
        cluster1/webapp1: waiting: container webapp1: 3333333 (sha256:000300000000) is not built for linux/arm64, which its rules ask for, but for none that it names; build it for linux/arm64 and push it under a new tag
    "#]].assert_eq(&told);
}

#[test]
fn a_commit_whose_image_is_too_young_waits_for_it() {
    let mut facts = with_conditions("commit", "minimum_age: 1h");
    check(
        &facts,
        &expect![[r#"
        cluster1/webapp1: waiting: webapp1: 2222222 (sha256:000200000000) of webapp1 is younger than minimum_age asks for: it is a candidate from 2027-01-15T09:00:20Z
    "#]],
    );
    facts.now = at(20).plus(std::time::Duration::from_secs(3_600));
    check(
        &facts,
        &expect![[r#"
        cluster1/webapp1: moved: webapp1: commit selects 2222222 (sha256:000200000000), git said sha256:000100000000
        - commit to deployment main on 00000007: cluster1/webapp1: webapp1 → 2222222 (cluster1/webapp1/revision.json)
    "#]],
    );
}
