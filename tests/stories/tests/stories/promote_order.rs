//! Under `newest` and `semver`, what moves is the rule's next image among the approved ones, in upstream's order.

use client::image::Image;
use expect_test::expect;
use stories::{Failure, Story, rules};

/// The images that stg's revision has named since the last time, by the subjects of the commits.
fn moves(story: &mut Story) -> Result<String, Failure> {
    let outcome = story.at("stg")?.outcome()?;
    let lines =
        outcome.lines().filter_map(|line| Some(line.trim().split_once(" Towpath: cluster1/webapp1: ")?.1));
    let lines: Vec<&str> = lines.collect();
    Ok(if lines.is_empty() { "nothing\n".to_owned() } else { format!("{}\n", lines.join("\n")) })
}

#[test]
fn what_is_not_approved_does_not_move() -> Result<(), Failure> {
    let mut story = Story::with_path("newest", "tag")?;
    story.release("first")?;
    expect![[r#"
        records
          2 × promote_image: cluster1/webapp1 waiting: container webapp1: <first> (<webapp1:<first>>) of account 111111111111 is not approved: it lacks the tag approved-stg-<first> on it upstream
    "#]].assert_eq(&story.at("stg")?.told()?);
    Ok(())
}

#[test]
fn approvals_in_the_wrong_order_never_take_it_back() -> Result<(), Failure> {
    let mut story = Story::with_path("newest", "tag")?;
    let mut releases = Vec::new();
    for version in ["first", "second", "third", "fourth"] {
        releases.push(story.release(version)?);
    }
    let [first, second, third, _] = releases.as_slice() else { return Err("four releases".into()) };
    story.forget_all()?;
    story.approve("stg", second)?;
    expect![[r#"
        webapp1 → <second>
    "#]]
    .assert_eq(&moves(&mut story)?);
    story.approve("stg", first)?;
    expect![[r#"
        records
          promote_image: cluster1/webapp1 nothing: git says what the rules select: <second>
    "#]]
    .assert_eq(&story.at("stg")?.told()?);
    story.approve("stg", third)?;
    expect![[r#"
        webapp1 → <third>
    "#]]
    .assert_eq(&moves(&mut story)?);
    // An approval that is withdrawn takes nothing back either: that is a person's to do.
    story.withdraw("stg", third)?;
    story.at("stg")?.sweep()?;
    expect![[r#"
        records
          reconcile: cluster1/webapp1 nothing: it runs what git says
          reconcile: cluster1/webapp1 refused (never_back): container webapp1: the rules select <second> (<webapp1:<second>>), which comes before what git says (222222222222.dkr.ecr.eu-west-1.amazonaws.com/webapp1@<webapp1:<third>>); to go back, commit it to revision.json or roll back
    "#]].assert_eq(&story.told()?);
    Ok(())
}

#[test]
fn an_approval_that_comes_before_its_image_lets_it_in_when_it_comes() -> Result<(), Failure> {
    let mut story = Story::with_path("newest", "tag")?;
    let first = story.develop("webapp1", "first")?;
    let image = Image::new("webapp1").version("first");
    let approved = story.push_only("webapp1", &format!("approved-stg-{first}"), &image)?;
    story.rest()?;
    story.call_it(&approved, "the first image");
    expect![[r#"
        records
          promote_image: cluster1/webapp1 waiting: webapp1: no image in webapp1 upstream (111111111111) fits newest "[0-9a-f]{7,40}"
    "#]].assert_eq(&story.at("stg")?.told()?);
    story.at("dev")?.push_only("webapp1", &first, &image)?;
    story.call_it(&approved, "the first image");
    story.rest()?;
    expect![[r#"
        promote_image: cluster1/webapp1 copying: webapp1: newest "[0-9a-f]{7,40}" selects <first> (<the first image>), approved: tag approved-stg-<first>
          - copy webapp1@<the first image> of 111111111111 to webapp1
        promote_image: cluster1/webapp1 moved: webapp1: newest "[0-9a-f]{7,40}" selects <first> (<the first image>), approved: tag approved-stg-<first>
          - tag webapp1@<the first image> as <first>
          - commit to deployment main on <commit 2>: cluster1/webapp1: webapp1 → <first> (cluster1/webapp1/revision.json)
        promote_image: cluster1/webapp1 copying: git says what the rules select: <first>; what has come to <the first image> upstream since is copied
          - copy webapp1@<the first image> of 111111111111 to webapp1
    "#]].assert_eq(&story.at("stg")?.said("promote_image")?);
    Ok(())
}

#[test]
fn the_newest_image_that_runs_well_upstream_moves_and_a_newer_one_that_does_not_stays_out()
-> Result<(), Failure> {
    let mut story = Story::with_path("newest", "verified")?;
    story.release("first")?;
    expect![[r#"
        webapp1 → <first>
    "#]]
    .assert_eq(&moves(&mut story)?);
    story.release_image("second", &Image::new("webapp1").version("second").exit_code(1))?;
    expect![[r#"
        2 × promote_image: cluster1/webapp1 nothing: git says what the rules select: <first>
    "#]]
    .assert_eq(&story.at("stg")?.said("promote_image")?);
    story.release("third")?;
    expect![[r#"
        webapp1 → <third>
    "#]]
    .assert_eq(&moves(&mut story)?);
    Ok(())
}

#[test]
fn an_image_that_was_pushed_straight_into_this_registry_is_no_candidate() -> Result<(), Failure> {
    let mut story = Story::with_path("newest", "verified")?;
    story.release("first")?;
    story.forget_all()?;
    story.at("stg")?.push("webapp1", "9999999")?;
    story.sweep()?;
    expect![[r#"
        records
          on_image_push: cluster1/webapp1 ignored: its rules ask for approvals (promote), so promote_image moves it
          reconcile: cluster1/webapp1 nothing: it runs what git says
    "#]].assert_eq(&story.told()?);
    Ok(())
}

#[test]
fn a_push_lets_in_the_commit_that_it_names_also_under_newest() -> Result<(), Failure> {
    let mut story = Story::with_path("newest", "push")?;
    let first = story.release("first")?;
    let second = story.release("second")?;
    expect![[r#"
        2 × promote_image: cluster1/webapp1 waiting: container webapp1: <first> (<webapp1:<first>>) of account 111111111111 is not approved: it lacks a push of its commit to webapp1:main here, or the tag approved-stg-<first> on it upstream
        2 × promote_image: cluster1/webapp1 waiting: container webapp1: <second> (<webapp1:<second>>) of account 111111111111 is not approved: it lacks a push of its commit to webapp1:main here, or the tag approved-stg-<second> on it upstream
    "#]].assert_eq(&story.at("stg")?.said("promote_image")?);
    story.git_push("webapp1", "stg", &format!("{first}:main"))?;
    expect![[r#"
        promote_image: cluster1/webapp1 copying: webapp1: newest "[0-9a-f]{7,40}" selects <first> (<webapp1:<first>>), approved: push of <first> to webapp1:main by arn:aws:iam::222222222222:user/person
          - copy webapp1@<webapp1:<first>> of 111111111111 to webapp1
        promote_image: cluster1/webapp1 moved: webapp1: newest "[0-9a-f]{7,40}" selects <first> (<webapp1:<first>>), approved: push of <first> to webapp1:main by arn:aws:iam::222222222222:user/person
          - tag webapp1@<webapp1:<first>> as <first>
          - commit to deployment main on <commit 2>: cluster1/webapp1: webapp1 → <first> (cluster1/webapp1/revision.json)
    "#]].assert_eq(&story.at("stg")?.said("promote_image")?);
    story.git_push("webapp1", "stg", &format!("{second}:main"))?;
    expect![[r#"
        webapp1 → <second>
    "#]]
    .assert_eq(&moves(&mut story)?);
    // A push back is a person's word on what should run only under `commit`.
    story.git_push("webapp1", "stg", &format!("+{first}:main"))?;
    expect![[r#"
        promote_image: cluster1/webapp1 refused (never_back): container webapp1: the rules select <first> (<webapp1:<first>>), which comes before what git says (222222222222.dkr.ecr.eu-west-1.amazonaws.com/webapp1@<webapp1:<second>>); to go back, commit it to revision.json or roll back
    "#]].assert_eq(&story.at("stg")?.said("promote_image")?);
    Ok(())
}

#[test]
fn the_highest_approved_version_in_the_range_moves_whenever_it_was_pushed() -> Result<(), Failure> {
    let range = r#"{ semver: ">=1, <2" }"#;
    let mut story = Story::with_rules(&[("dev", &rules(range, None)), ("stg", &rules(range, Some("tag")))])?;
    for version in ["1.0.0", "1.1.0", "1.2.0-rc.1", "1.2.0", "2.0.0", "1.0.1"] {
        story.at("dev")?.push("webapp1", version)?;
    }
    story.forget_all()?;
    let mut shown = String::new();
    for version in ["1.1.0", "1.0.0", "1.0.1", "1.2.0-rc.1", "2.0.0", "1.2.0"] {
        story.approve("stg", version)?;
        shown.push_str(&format!("{version} is approved: {}", moves(&mut story)?));
    }
    expect![[r#"
        1.1.0 is approved: webapp1 → 1.1.0
        1.0.0 is approved: nothing
        1.0.1 is approved: nothing
        1.2.0-rc.1 is approved: nothing
        2.0.0 is approved: nothing
        1.2.0 is approved: webapp1 → 1.2.0
    "#]]
    .assert_eq(&shown);
    story.at("stg")?.sweep()?;
    expect![[r#"
        records
          reconcile: cluster1/webapp1 nothing: it runs what git says
    "#]]
    .assert_eq(&story.told()?);
    Ok(())
}
