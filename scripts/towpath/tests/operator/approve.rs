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
    expect![[r#"
        error: the rules of stg ask for push on cluster1/webapp1, and for no tag: an approval tag would change nothing
        hint: add it to stg's delivery.yaml: promote: { approve: [push, tag] }
        exit Some(4)
    "#]].assert_eq(&world.shows(&["approve", "cluster1/webapp1", "--in", "stg"], &[]));
    expect![[r#"
        error: which environment is before dev? None before it is named
        hint: name both in towpath.yaml or with --environment, in the order of the path to production
        exit Some(2)
    "#]]
    .assert_eq(&world.shows(&["approve", "cluster1/webapp1", "--in", "dev"], &[]));
    expect![[r#"
        error: there is no service cluster1/other in stg
        hint: known are cluster1/webapp1
        exit Some(5)
    "#]]
    .assert_eq(&world.shows(&["approve", "cluster1/other", "--in", "stg"], &[]));
    assert_eq!(world.tags(), tags);
}

#[test]
fn what_the_environment_before_runs_is_approved_by_a_tag_on_its_digest() {
    let world = Neighbours::with_rules(&stg_rules("[push, tag]"));
    let approve = ["approve", "cluster1/webapp1", "--in", "stg"];
    expect![[r#"
        error: git tells of no image by digest that cluster1/webapp1 runs in dev
        hint: say which image: --image <tag or digest>
        exit Some(5)
    "#]]
    .assert_eq(&world.shows(&approve, &[]));
    let commit = world.develop("First");
    let digest = world.build(DEV, &commit);
    let names = [(commit.as_str(), "<one>"), (digest.as_str(), "<digest of one>")];
    let approval = format!("approved-stg-{commit}");
    let before = world.tags();
    expect![[r#"
        webapp1:<one> would be approved for stg: the tag approved-stg-<one> on <digest of one> in 111111111111.dkr.ecr.eu-west-1.amazonaws.com
        The rules of stg ask for more: a push of its commit, in stg.
        Watch it arrive: towpath status cluster1/webapp1 --environments dev,stg
    "#]].assert_eq(&world.shows(&[approve.as_slice(), &["--dry-run"]].concat(), &names));
    assert_eq!(world.tags(), before);
    expect![[r#"
        webapp1:<one> is approved now for stg: the tag approved-stg-<one> on <digest of one> in 111111111111.dkr.ecr.eu-west-1.amazonaws.com
        The rules of stg ask for more: a push of its commit, in stg.
        Watch it arrive: towpath status cluster1/webapp1 --environments dev,stg
    "#]].assert_eq(&world.shows(&approve, &names));
    assert!(world.tags().contains(&(approval, digest.clone())), "{:?}", world.tags());
    expect![[r#"
        webapp1:<one> is approved already for stg: the tag approved-stg-<one> on <digest of one> in 111111111111.dkr.ecr.eu-west-1.amazonaws.com
        The rules of stg ask for more: a push of its commit, in stg.
        Watch it arrive: towpath status cluster1/webapp1 --environments dev,stg
        exit Some(3)
    "#]].assert_eq(&world.shows(&approve, &names));
    let by_digest = ["approve", "cluster1/webapp1", "--in", "stg", "--image", &digest];
    assert_eq!(world.say(&by_digest).code, Some(3));
    let unknown = ["approve", "cluster1/webapp1", "--in", "stg", "--image", "9999999"];
    expect![[r#"
        error: dev has no image with the tag 9999999 for cluster1/webapp1
        exit Some(5)
    "#]]
    .assert_eq(&world.shows(&unknown, &names));
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
    expect![[r#"
        error: webapp1:approved-stg-<one> in dev stands on <digest of other>, not on <digest of one>: an approval belongs to one image
        hint: find out who approved the other image; an approval that no longer holds is taken back by deleting its tag
        exit Some(4)
    "#]].assert_eq(&world.shows(&["approve", "cluster1/webapp1", "--in", "stg"], &names));
    assert_eq!(world.tags(), before);
    let said = world.say(&["approve", "cluster1/webapp1", "--in", "stg", "--json"]).json();
    assert_eq!(said["ending"], json!("refused"));
}
