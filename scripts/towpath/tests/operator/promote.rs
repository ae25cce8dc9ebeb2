//! A promotion is a push of the application's commit.

use crate::neighbours::{DEV, Neighbours, stg_rules};
use expect_test::expect;
use serde_json::json;

const PROMOTE: [&str; 6] = ["promote", "cluster1/webapp1", "--from", "dev", "--to", "stg"];

fn with<'a>(more: &[&'a str]) -> Vec<&'a str> {
    PROMOTE.iter().chain(more).copied().collect()
}

#[test]
fn what_runs_in_dev_is_pushed_to_stg_and_goes_back_only_when_told() {
    let world = Neighbours::with_rules(&stg_rules("push"));
    expect![[]].assert_eq(&world.shows(&PROMOTE, &[]));
    let one = world.develop("First");
    let two = world.develop("Second \u{1b}[2J");
    let digest = world.build(DEV, &two);
    let names = [(two.as_str(), "<two>"), (one.as_str(), "<one>"), (digest.as_str(), "<digest of two>")];

    expect![[]].assert_eq(&world.shows(&with(&["--dry-run"]), &names));
    assert_eq!(world.tip(), None);
    expect![[]].assert_eq(&world.shows(&with(&["--commit", &one[..9]]), &names));
    assert_eq!(world.tip().as_ref(), Some(&one));
    let json = world.say(&with(&["--json"])).json();
    assert_eq!(
        (&json["ending"], &json["commit"], &json["previousCommit"]),
        (&json!("done"), &json!(two), &json!(one))
    );
    assert_eq!(world.tip().as_ref(), Some(&two));
    expect![[]].assert_eq(&world.shows(&PROMOTE, &names));
    expect![[]].assert_eq(&world.shows(&with(&["--commit", &one]), &names));
    assert_eq!(world.tip().as_ref(), Some(&two));
    expect![[]].assert_eq(&world.shows(&with(&["--commit", &one, "--back"]), &names));
    assert_eq!(world.tip().as_ref(), Some(&one));
    expect![[]].assert_eq(&world.shows(&with(&["--commit", "9999999"]), &names));
}

#[test]
fn a_service_that_follows_no_commit_needs_no_push() {
    let rules = stg_rules("[tag, verified]").replace("select: commit", "select: newest");
    let world = Neighbours::with_rules(&rules);
    let commit = world.develop("First");
    world.build(DEV, &commit);
    expect![[]].assert_eq(&world.shows(&PROMOTE, &[]));
    assert_eq!(world.tip(), None);
}

#[test]
fn the_order_of_the_environments_is_theirs_and_not_ours() {
    let world = Neighbours::with_rules(&stg_rules("push"));
    let commit = world.develop("First");
    world.build(DEV, &commit);
    let wrong_way = ["promote", "cluster1/webapp1", "--from", "stg", "--to", "dev"];
    expect![[]].assert_eq(&world.shows(&wrong_way, &[]));
    let unknown = ["promote", "cluster1/webapp1", "--from", "dev", "--to", "prd"];
    expect![[]].assert_eq(&world.shows(&unknown, &[]));
    let swapped = ["status", "-e", "dev=my-stg", "-e", "stg=my-dev"];
    expect![[]].assert_eq(&world.shows(&swapped, &[]));
}
