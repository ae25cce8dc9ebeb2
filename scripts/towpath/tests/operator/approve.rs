//! An approval is a tag on one digest.

use crate::neighbours::{DEV, Neighbours, stg_rules};
use client::{Aws, Image, Registry};
use expect_test::expect;
use serde_json::json;

#[test]
fn nothing_is_approved_where_no_tag_is_asked_for() {
    let world = Neighbours::with_rules(&stg_rules("push"));
    let commit = world.develop("First");
    world.build(DEV, &commit);
    let tags = world.tags();
    expect![[]].assert_eq(&world.shows(&["approve", "cluster1/webapp1", "--in", "stg"], &[]));
    expect![[]].assert_eq(&world.shows(&["approve", "cluster1/webapp1", "--in", "dev"], &[]));
    expect![[]].assert_eq(&world.shows(&["approve", "cluster1/other", "--in", "stg"], &[]));
    assert_eq!(world.tags(), tags);
}

#[test]
fn what_the_environment_before_runs_is_approved_by_a_tag_on_its_digest() {
    let world = Neighbours::with_rules(&stg_rules("[push, tag]"));
    let approve = ["approve", "cluster1/webapp1", "--in", "stg"];
    expect![[]].assert_eq(&world.shows(&approve, &[]));
    let commit = world.develop("First");
    let digest = world.build(DEV, &commit);
    let names = [(commit.as_str(), "<one>"), (digest.as_str(), "<digest of one>")];
    let approval = format!("approved-stg-{commit}");
    let before = world.tags();
    expect![[]].assert_eq(&world.shows(&[approve.as_slice(), &["--dry-run"]].concat(), &names));
    assert_eq!(world.tags(), before);
    expect![[]].assert_eq(&world.shows(&approve, &names));
    assert!(world.tags().contains(&(approval, digest.clone())), "{:?}", world.tags());
    expect![[]].assert_eq(&world.shows(&approve, &names));
    let by_digest = ["approve", "cluster1/webapp1", "--in", "stg", "--image", &digest];
    assert_eq!(world.say(&by_digest).code, Some(3));
    let unknown = ["approve", "cluster1/webapp1", "--in", "stg", "--image", "9999999"];
    expect![[]].assert_eq(&world.shows(&unknown, &names));
}

#[test]
fn an_approval_that_stands_on_another_image_is_refused_with_both() {
    let world = Neighbours::with_rules(&stg_rules("tag"));
    let commit = world.develop("First");
    let digest = world.build(DEV, &commit);
    let registry = Registry::login(&Aws::local(&world.endpoint, DEV)).unwrap();
    let other = Image::new("webapp1").version("other").build().unwrap();
    let other = registry.push("webapp1", Some(&format!("approved-stg-{commit}")), &other).unwrap();
    world.rest();
    let names = [
        (commit.as_str(), "<one>"),
        (digest.as_str(), "<digest of one>"),
        (other.as_str(), "<digest of other>"),
    ];
    let before = world.tags();
    expect![[]].assert_eq(&world.shows(&["approve", "cluster1/webapp1", "--in", "stg"], &names));
    assert_eq!(world.tags(), before);
    let said = world.say(&["approve", "cluster1/webapp1", "--in", "stg", "--json"]).json();
    assert_eq!(said["ending"], json!("refused"));
}
