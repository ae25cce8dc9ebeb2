//! From dev to stg and prd: what was approved is copied, and nothing else is.

use expect_test::expect;
use local_aws::settings::{Settings, Unconfirmed};
use stories::{Failure, Story, rules};

#[test]
fn a_push_to_stg_and_to_prd_carries_the_image_there_and_a_push_back_takes_it_back() -> Result<(), Failure> {
    let of = |approve| rules("commit", approve);
    let mut story = Story::with_rules(&[
        ("dev", &of(None)),
        ("stg", &of(Some("push"))),
        ("prd", &of(Some("[push, verified]"))),
    ])?;
    let first = story.release("first")?;
    expect![[r#"
        dev
          commits
            <commit 4> Towpath: cluster1/webapp1: webapp1 → <first>
              A cluster1/webapp1/revision.json
          executions
            deploy-cluster1-webapp1 Succeeded at <commit 4>
          runs
            cluster1/webapp1 webapp1@<webapp1:<first>>
          evidence
            <webapp1:<first>> account=111111111111 commit=<commit 4> environment=dev kind=verified service=cluster1/webapp1
          comments
            <commit 4> Towpath: cluster1/webapp1 verified
              execution <id 1> deployed commit <commit 4>, and ECS completed it
              Execution <id 1> of deploy-cluster1-webapp1.
    "#]].assert_eq(&story.outcomes()?);
    story.git_push("webapp1", "stg", &format!("{first}:main"))?;
    expect![[r#"
        stg
          commits
            <commit 5> Towpath: cluster1/webapp1: webapp1 → <first>
              A cluster1/webapp1/revision.json
          executions
            deploy-cluster1-webapp1 Succeeded at <commit 5>
          runs
            cluster1/webapp1 webapp1@<webapp1:<first>>
          evidence
            <webapp1:<first>> account=111111111111 commit=<commit 4> environment=dev kind=verified service=cluster1/webapp1
            <webapp1:<first>> account=222222222222 commit=<commit 5> environment=stg kind=verified service=cluster1/webapp1
          comments
            <commit 5> Towpath: cluster1/webapp1 verified
              execution <id 3> deployed commit <commit 5>, and ECS completed it
              Execution <id 3> of deploy-cluster1-webapp1.
    "#]].assert_eq(&story.outcomes()?);
    story.git_push("webapp1", "prd", &format!("{first}:main"))?;
    expect![[r#"
        prd
          commits
            <commit 6> Towpath: cluster1/webapp1: webapp1 → <first>
              A cluster1/webapp1/revision.json
          executions
            deploy-cluster1-webapp1 Succeeded at <commit 6>
          runs
            cluster1/webapp1 webapp1@<webapp1:<first>>
          evidence
            <webapp1:<first>> account=111111111111 commit=<commit 4> environment=dev kind=verified service=cluster1/webapp1
            <webapp1:<first>> account=222222222222 commit=<commit 5> environment=stg kind=verified service=cluster1/webapp1
            <webapp1:<first>> account=333333333333 commit=<commit 6> environment=prd kind=verified service=cluster1/webapp1
          comments
            <commit 6> Towpath: cluster1/webapp1 verified
              execution <id 5> deployed commit <commit 6>, and ECS completed it
              Execution <id 5> of deploy-cluster1-webapp1.
    "#]].assert_eq(&story.outcomes()?);
    let second = story.release("second")?;
    story.git_push("webapp1", "stg", &format!("{second}:main"))?;
    story.outcomes()?;
    story.git_push("webapp1", "stg", &format!("+{first}:main"))?;
    expect![[r#"
        stg
          commits
            <commit 9> Towpath: cluster1/webapp1: webapp1 → <first>
              M cluster1/webapp1/revision.json
          executions
            deploy-cluster1-webapp1 Succeeded at <commit 9>
          runs
            cluster1/webapp1 webapp1@<webapp1:<first>>
          comments
            <commit 9> Towpath: cluster1/webapp1 verified
              execution <id 9> deployed commit <commit 9>, and ECS completed it
              Execution <id 9> of deploy-cluster1-webapp1.
    "#]]
    .assert_eq(&story.outcomes()?);
    Ok(())
}

/// The lines in which this stands.
fn lines_of(told: &str, text: &str) -> String {
    told.lines().filter(|line| line.contains(text)).map(|line| format!("{}\n", line.trim())).collect()
}

/// What stg says before the tag `approved-stg-…` is there, and what comes of the tag.
fn approved_by_tag(retag_is_silent: bool) -> Result<(String, String), Failure> {
    let unconfirmed = Unconfirmed { retag_is_silent, ..Unconfirmed::default() };
    let mut story = Story::pair(Settings { unconfirmed, ..Settings::default() })?;
    story.make_path(&[("dev", &rules("commit", None)), ("stg", &rules("commit", Some("tag")))])?;
    let commit = story.release("first")?;
    story.git_push("webapp1", "stg", &format!("{commit}:main"))?;
    let before = lines_of(&story.at("stg")?.told()?, "promote_image");
    story.approve("stg", &commit)?;
    if retag_is_silent {
        story.at("stg")?.sweep()?;
    }
    let after = lines_of(&story.at("stg")?.outcome()?, "<first>");
    Ok((before, after))
}

#[test]
fn a_tag_in_dev_lets_the_image_into_stg_at_once_or_if_nobody_tells_of_it_with_the_next_sweep()
-> Result<(), Failure> {
    let (before, after) = approved_by_tag(false)?;
    expect![[r#"
        on_image_push: cluster1/webapp1 ignored: its rules ask for approvals (promote), so promote_image moves it
        2 × promote_image: cluster1/webapp1 refused (application_branch_missing): the application repository webapp1 has no branch main; push it, or correct delivery.yaml
        promote_image: cluster1/webapp1 refused (not_approved): container webapp1: <first> (<webapp1:<first>>) of account 111111111111 is not approved: it lacks the tag approved-stg-<first> on it upstream
    "#]].assert_eq(&before);
    expect![[r#"
        <commit 3> Towpath: cluster1/webapp1: webapp1 → <first>
        cluster1/webapp1 webapp1@<webapp1:<first>>
        <webapp1:<first>> account=111111111111 commit=<commit 4> environment=dev kind=verified service=cluster1/webapp1
        <webapp1:<first>> account=222222222222 commit=<commit 3> environment=stg kind=verified service=cluster1/webapp1
    "#]].assert_eq(&after);
    let (silent_before, silent_after) = approved_by_tag(true)?;
    assert_eq!((silent_before, silent_after), (before, after));
    Ok(())
}
