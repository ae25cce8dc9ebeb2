//! From dev to stg and prd: what was approved is copied, and nothing else is.

use client::image::Image;
use expect_test::expect;
use local_aws::settings::{Settings, Unconfirmed};
use serde_json::{Value, json};
use stories::{Failure, Story};

/// The rules of `cluster1/webapp1` in one environment, with what it asks for before an image enters.
fn rules(approve: Option<&str>) -> String {
    let promote =
        approve.map_or_else(String::new, |approve| format!("    promote: {{ approve: {approve} }}\n"));
    format!(
        "version: 1
services:
  cluster1/webapp1:
    application: webapp1
    containers:
      webapp1: {{ repository: webapp1, select: commit }}
{promote}"
    )
}

/// Three accounts with the service and its application in each; stg's and prd's approvals as given.
fn chain(settings: Settings, stg: &str, prd: &str) -> Result<Story, Failure> {
    let mut story = Story::chain(settings)?;
    story.make_application("webapp1")?;
    for (environment, approve) in [("dev", None), ("stg", Some(stg)), ("prd", Some(prd))] {
        story.at(environment)?.make_service("webapp1", true)?;
        story.commit("Deliver webapp1", &[("delivery.yaml", Some(&rules(approve)))])?;
        story.make_pipeline("webapp1")?;
    }
    story.at("dev")?;
    story.outcomes()?;
    Ok(story)
}

/// The team commits, pushes to dev, and CI pushes the image; everything happens. Gives the commit.
fn release(story: &mut Story, message: &str) -> Result<String, Failure> {
    let commit = story.develop("webapp1", message)?;
    story.git_push("webapp1", "dev", &format!("{commit}:main"))?;
    story.at("dev")?.push_only("webapp1", &commit, &Image::new("webapp1").version(message))?;
    story.rest()?;
    Ok(commit)
}

/// A person approves an image for an environment: another tag on the same manifest, in dev.
fn approve(story: &mut Story, environment: &str, tag: &str) -> Result<(), Failure> {
    let aws = story.at("dev")?.aws.clone();
    let input = json!({ "repositoryName": "webapp1", "imageIds": [{ "imageTag": tag }] });
    let image = aws.call("ecr", "BatchGetImage", &input)?;
    let text = |pointer: &str| image.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
    let input = json!({
        "repositoryName": "webapp1", "imageManifest": text("/images/0/imageManifest"),
        "imageTag": format!("approved-{environment}-{tag}"),
    });
    aws.call("ecr", "PutImage", &input)?;
    story.rest()
}

#[test]
fn a_push_to_stg_and_to_prd_carries_the_image_there_and_a_push_back_takes_it_back() -> Result<(), Failure> {
    let mut story = chain(Settings::default(), "push", "[push, verified]")?;
    let first = release(&mut story, "first")?;
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
    let second = release(&mut story, "second")?;
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
    let mut story = chain(Settings { unconfirmed, ..Settings::default() }, "tag", "push")?;
    let commit = release(&mut story, "first")?;
    story.git_push("webapp1", "stg", &format!("{commit}:main"))?;
    let before = lines_of(&story.at("stg")?.told()?, "promote_image");
    approve(&mut story, "stg", &commit)?;
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
        <commit 4> Towpath: cluster1/webapp1: webapp1 → <first>
        cluster1/webapp1 webapp1@<webapp1:<first>>
        <webapp1:<first>> account=111111111111 commit=<commit 5> environment=dev kind=verified service=cluster1/webapp1
        <webapp1:<first>> account=222222222222 commit=<commit 4> environment=stg kind=verified service=cluster1/webapp1
    "#]].assert_eq(&after);
    let (silent_before, silent_after) = approved_by_tag(true)?;
    assert_eq!((silent_before, silent_after), (before, after));
    Ok(())
}
