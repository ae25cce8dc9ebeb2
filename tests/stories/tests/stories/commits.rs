//! Whichever way revisions come to the branch: what is at its tip is started once.

use expect_test::expect;
use local_aws::settings::Settings;
use stories::{Failure, RULES, Story};

const REVISION: &str = "cluster1/webapp1/revision.json";

/// A service that runs the third of three versions, and the revisions of the other two.
fn after_three() -> Result<(Story, String, String), Failure> {
    let mut story = Story::with_service(Settings::default())?;
    let first = story.push("webapp1", "1111111")?;
    let second = story.push("webapp1", "2222222")?;
    story.push("webapp1", "3333333")?;
    story.forget()?;
    let (first, second) = (story.revision("webapp1", &first), story.revision("webapp1", &second));
    Ok((story, first, second))
}

#[test]
fn commits_that_end_where_they_began_start_nothing() -> Result<(), Failure> {
    let (mut story, first, _) = after_three()?;
    let third = story.file_as_it_is(REVISION)?;
    let (there, back) = ([(REVISION, Some(first.as_str()))], [(REVISION, Some(third.as_str()))]);
    story.commit_several(&[("There", &there), ("and back", &back)])?;
    expect![[r#"
        commits
          <commit 5> Pat Person: There
            M cluster1/webapp1/revision.json
          <commit 6> Pat Person: and back
            M cluster1/webapp1/revision.json
        records
          on_commit: - ignored: commit <commit 6> changes no revision.json
    "#]]
    .assert_eq(&story.told()?);
    Ok(())
}

#[test]
fn of_several_commits_in_one_push_the_last_is_started() -> Result<(), Failure> {
    let (mut story, first, second) = after_three()?;
    let (to_first, to_second) = ([(REVISION, Some(first.as_str()))], [(REVISION, Some(second.as_str()))]);
    story.commit_several(&[("The first", &to_first), ("The second", &to_second)])?;
    expect![[r#"
        commits
          <commit 5> Pat Person: The first
            M cluster1/webapp1/revision.json
          <commit 6> Pat Person: The second
            M cluster1/webapp1/revision.json
        executions
          deploy-cluster1-webapp1 Succeeded at <commit 6>
        runs
          cluster1/webapp1 webapp1@<webapp1:2222222>
        comments
          <commit 6> Towpath: cluster1/webapp1 verified
            execution <id 5> deployed commit <commit 6>, and ECS completed it
            Execution <id 5> of deploy-cluster1-webapp1.
        records
          on_commit: cluster1/webapp1 started: execution <id 3> of deploy-cluster1-webapp1 was for another content; committed by hand by Pat Person
            - start pipeline deploy-cluster1-webapp1 at commit <commit 6>
          on_deployment_change: cluster1/webapp1 rolling: execution <id 5> is being rolled out
          on_deployment_change: cluster1/webapp1 verified: execution <id 5> deployed commit <commit 6>, and ECS completed it
            - comment at commit <commit 6> of deployment: Towpath: cluster1/webapp1 verified
    "#]].assert_eq(&story.told()?);
    Ok(())
}

#[test]
fn a_merge_is_started_at_the_merge() -> Result<(), Failure> {
    let (mut story, first, _) = after_three()?;
    story.commit("Say what this is", &[("README.md", Some("What dev runs.\n"))])?;
    story.forget()?;
    story.merge("The first", &[(REVISION, Some(&first))])?;
    expect![[r#"
        commits
          <commit 6> Pat Person: The first
            M cluster1/webapp1/revision.json
          <commit 7> Pat Person: Merge theirs
        executions
          deploy-cluster1-webapp1 Succeeded at <commit 7>
        runs
          cluster1/webapp1 webapp1@<webapp1:1111111>
        comments
          <commit 7> Towpath: cluster1/webapp1 verified
            execution <id 5> deployed commit <commit 7>, and ECS completed it
            Execution <id 5> of deploy-cluster1-webapp1.
        records
          on_commit: cluster1/webapp1 started: execution <id 3> of deploy-cluster1-webapp1 was for another content; committed by hand by Pat Person
            - start pipeline deploy-cluster1-webapp1 at commit <commit 7>
          on_deployment_change: cluster1/webapp1 rolling: execution <id 5> is being rolled out
          on_deployment_change: cluster1/webapp1 verified: execution <id 5> deployed commit <commit 7>, and ECS completed it
            - comment at commit <commit 7> of deployment: Towpath: cluster1/webapp1 verified
    "#]].assert_eq(&story.told()?);
    Ok(())
}

#[test]
fn a_branch_that_is_created_with_revisions_starts_them() -> Result<(), Failure> {
    let mut story = Story::start(Settings::default())?;
    story.make_service("webapp1", true)?;
    story.make_pipeline("webapp1")?;
    let image = client::image::Image::new("webapp1").version("1111111");
    let digest = story.push_only("webapp1", "1111111", &image)?;
    story.rest()?;
    story.forget()?;
    let revision = story.revision("webapp1", &digest);
    story.commit("All we have", &[("delivery.yaml", Some(RULES)), (REVISION, Some(&revision))])?;
    expect![[r#"
        commits
          <commit 1> Pat Person: All we have
            A cluster1/webapp1/revision.json
            A delivery.yaml
        executions
          deploy-cluster1-webapp1 Succeeded at <commit 1>
        runs
          cluster1/webapp1 webapp1@<webapp1:1111111>
        evidence
          <webapp1:1111111> account=111111111111 commit=<commit 1> environment=dev kind=verified service=cluster1/webapp1
        comments
          <commit 1> Towpath: cluster1/webapp1 verified
            execution <id 1> deployed commit <commit 1>, and ECS completed it
            Execution <id 1> of deploy-cluster1-webapp1.
        records
          on_commit: cluster1/webapp1 started: it is the first execution of deploy-cluster1-webapp1; committed by hand by Pat Person
            - start pipeline deploy-cluster1-webapp1 at commit <commit 1>
          on_deployment_change: cluster1/webapp1 rolling: execution <id 1> is being rolled out
          on_deployment_change: cluster1/webapp1 verified: execution <id 1> deployed commit <commit 1>, and ECS completed it
            - put evidence verified of dev for cluster1/webapp1 on webapp1@<webapp1:1111111>
            - comment at commit <commit 1> of deployment: Towpath: cluster1/webapp1 verified
    "#]].assert_eq(&story.told()?);
    Ok(())
}
