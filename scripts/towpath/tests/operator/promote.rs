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
    expect![[r#"
        error: nothing tells which source commit cluster1/webapp1 has in dev
        hint: say it: --commit <commit id of the application>
        exit Some(5)
    "#]]
    .assert_eq(&world.shows(&PROMOTE, &[]));
    let one = world.develop("First");
    let two = world.develop("Second \u{1b}[2J");
    let digest = world.build(DEV, &two);
    let names = [(two.as_str(), "<two>"), (one.as_str(), "<one>"), (digest.as_str(), "<digest of two>")];

    expect![[r#"
        Would push <two> to main of webapp1 in stg, which was empty.
          <two> Second \u{1b}[2J
          <one> First
        Next, promote_image in stg looks for the image of <two> in dev, checks its approvals (push), copies it and commits the revision; an image that is there already takes effect at once.
        Watch it: towpath status cluster1/webapp1 --environments dev,stg
    "#]].assert_eq(&world.shows(&with(&["--dry-run"]), &names));
    assert_eq!(world.tip(), None);
    expect![[r#"
        Pushed <one> to main of webapp1 in stg, which was empty.
          <one> First
        Next, promote_image in stg looks for the image of <one> in dev, checks its approvals (push), copies it and commits the revision; an image that is there already takes effect at once.
        Watch it: towpath status cluster1/webapp1 --environments dev,stg
    "#]].assert_eq(&world.shows(&with(&["--commit", &one[..9]]), &names));
    assert_eq!(world.tip().as_ref(), Some(&one));
    let json = world.say(&with(&["--json"])).json();
    assert_eq!(
        (&json["ending"], &json["commit"], &json["previousCommit"]),
        (&json!("done"), &json!(two), &json!(one))
    );
    assert_eq!(world.tip().as_ref(), Some(&two));
    expect![[r#"
        webapp1 in stg is at <two> already.
        Next, promote_image in stg looks for the image of <two> in dev, checks its approvals (push), copies it and commits the revision; an image that is there already takes effect at once.
        Watch it: towpath status cluster1/webapp1 --environments dev,stg
        exit Some(3)
    "#]].assert_eq(&world.shows(&PROMOTE, &names));
    expect![[r#"
        error: <one> has not all of what webapp1 has in stg (<two>): the push would go back
        hint: say --back to go back, which is a rollback by git; towpath rollback also holds the service there
        exit Some(4)
    "#]]
    .assert_eq(&world.shows(&with(&["--commit", &one]), &names));
    assert_eq!(world.tip().as_ref(), Some(&two));
    expect![[r#"
        Pushed <one> to main of webapp1 in stg, which was at <two>.
        It goes back: what was there stays reachable from where it came.
        Next, promote_image in stg looks for the image of <one> in dev, checks its approvals (push), copies it and commits the revision; an image that is there already takes effect at once.
        Watch it: towpath status cluster1/webapp1 --environments dev,stg
    "#]].assert_eq(&world.shows(&with(&["--commit", &one, "--back"]), &names));
    assert_eq!(world.tip().as_ref(), Some(&one));
    expect![[r#"
        error: the repository webapp1 in dev has no commit 9999999
        hint: push it there first; only what a branch there reaches can be promoted
        exit Some(5)
    "#]]
    .assert_eq(&world.shows(&with(&["--commit", "9999999"]), &names));
}

#[test]
fn a_service_that_follows_no_commit_needs_no_push() {
    let rules = stg_rules("[tag, verified]").replace("select: commit", "select: newest");
    let world = Neighbours::with_rules(&rules);
    let commit = world.develop("First");
    world.build(DEV, &commit);
    expect![[r#"
        Nothing to push: cluster1/webapp1 follows no commit in stg. It takes what its rules select among the images of dev whose approvals hold (tag, verified), by itself: when dev tells of them, and at each sweep of stg.
        To approve what dev runs: towpath approve cluster1/webapp1 --in stg
        exit Some(3)
    "#]].assert_eq(&world.shows(&PROMOTE, &[]));
    assert_eq!(world.tip(), None);
}

#[test]
fn the_order_of_the_environments_is_theirs_and_not_ours() {
    let world = Neighbours::with_rules(&stg_rules("push"));
    let commit = world.develop("First");
    world.build(DEV, &commit);
    let wrong_way = ["promote", "cluster1/webapp1", "--from", "stg", "--to", "dev"];
    expect![[r#"
        error: dev has no environment before it: images are pushed to it
        hint: install template.yaml there with the parameter Upstream to make it follow another account
        exit Some(4)
    "#]]
    .assert_eq(&world.shows(&wrong_way, &[]));
    let unknown = ["promote", "cluster1/webapp1", "--from", "dev", "--to", "prd"];
    expect![[r#"
        error: there is no environment prd: known are dev, stg
        hint: add it to towpath.yaml, or say --environment prd=<profile>
        exit Some(5)
    "#]]
    .assert_eq(&world.shows(&unknown, &[]));
    let swapped = ["status", "-e", "dev=my-stg", "-e", "stg=my-dev"];
    expect![[r#"
        error: environment dev (profile "my-stg"): the account 222222222222 is the environment stg, not dev
        hint: correct the name, the profile or the order in towpath.yaml or --environment
        exit Some(2)
    "#]]
    .assert_eq(&world.shows(&swapped, &[]));
}
