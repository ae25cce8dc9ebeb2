//! Others write at the same time, calls fail and replies get lost: one commit, one execution.

use client::image::Image;
use expect_test::expect;
use local_aws::faults::CallFaultKind;
use local_aws::services::Service;
use local_aws::settings::Settings;
use local_aws::{AccountId, Caller};
use stories::{DEV, Failure, Story};

/// What came of a push while this call of a function failed like this.
fn with_failing(
    operation: &str,
    caller: &str,
    times: u32,
    what: CallFaultKind,
    settings: Settings,
) -> Result<String, Failure> {
    let mut story = Story::with_service(settings)?;
    story.fail_calls(operation, caller, times, what);
    story.push("webapp1", "1111111")?;
    let failed = story.world(|world| {
        let calls =
            world.journal.after(0).filter(|call| call.caller == caller && call.operation == operation);
        calls.filter(|call| call.answer != "ok").count()
    });
    assert!(failed >= usize::try_from(times)?, "{operation} by {caller} was to fail");
    let happened = story.outcome()?;
    assert_eq!(happened.matches("Towpath: cluster1/webapp1: webapp1 → 1111111").count(), 1, "{happened}");
    assert_eq!(happened.matches("deploy-cluster1-webapp1 Succeeded").count(), 1, "{happened}");
    assert_eq!(happened.matches("kind=verified").count(), 1, "{happened}");
    for function in ["on_image_push", "on_commit", "on_deployment_change"] {
        assert_eq!(story.dead_letters(function)?, Vec::<String>::new(), "{function}");
    }
    story.sweep()?;
    assert_eq!(story.outcome()?, "nothing\n");
    Ok(happened)
}

#[test]
fn a_commit_on_an_old_tip_is_decided_again() -> Result<(), Failure> {
    let stale = CallFaultKind::Error("ParentCommitIdOutdatedException".to_owned());
    let happened = with_failing("CreateCommit", "towpath-on_image_push", 1, stale, Settings::default())?;
    expect![[r#"
        commits
          <commit 2> Towpath: cluster1/webapp1: webapp1 → 1111111
            A cluster1/webapp1/revision.json
        executions
          deploy-cluster1-webapp1 Succeeded at <commit 2>
        runs
          cluster1/webapp1 webapp1@<webapp1:1111111>
        evidence
          <webapp1:1111111> account=111111111111 commit=<commit 2> environment=dev kind=verified service=cluster1/webapp1
        comments
          <commit 2> Towpath: cluster1/webapp1 verified
            execution <id 1> deployed commit <commit 2>, and ECS completed it
            Execution <id 1> of deploy-cluster1-webapp1.
    "#]]
    .assert_eq(&happened);
    Ok(())
}

#[test]
fn a_person_who_pushes_at_the_same_time_loses_nothing() -> Result<(), Failure> {
    let mut story = Story::with_service(Settings::default())?;
    story.push_only("webapp1", "1111111", &Image::new("webapp1").version("1111111"))?;
    for number in 0..5 {
        story.commit_only(&format!("Note {number}"), &[("notes.txt", Some(&format!("{number}\n")))])?;
    }
    story.rest()?;
    expect![[r#"
        commits
          <commit 2> Pat Person: Note 0
            A notes.txt
          <commit 3> Pat Person: Note 1
            M notes.txt
          <commit 4> Pat Person: Note 2
            M notes.txt
          <commit 5> Pat Person: Note 3
            M notes.txt
          <commit 6> Pat Person: Note 4
            M notes.txt
          <commit 7> Towpath: cluster1/webapp1: webapp1 → 1111111
            A cluster1/webapp1/revision.json
        executions
          deploy-cluster1-webapp1 Succeeded at <commit 7>
        runs
          cluster1/webapp1 webapp1@<webapp1:1111111>
        evidence
          <webapp1:1111111> account=111111111111 commit=<commit 7> environment=dev kind=verified service=cluster1/webapp1
        comments
          <commit 7> Towpath: cluster1/webapp1 verified
            execution <id 1> deployed commit <commit 7>, and ECS completed it
            Execution <id 1> of deploy-cluster1-webapp1.
    "#]]
    .assert_eq(&story.outcome()?);
    expect![[r#"
        4
    "#]]
    .assert_eq(&story.file("notes.txt")?);
    Ok(())
}

#[test]
fn throttles_and_server_errors_are_tried_again() -> Result<(), Failure> {
    for what in [CallFaultKind::Throttle, CallFaultKind::ServerError] {
        with_failing("GetFile", "towpath-on_image_push", 2, what.clone(), Settings::default())?;
        with_failing("StartPipelineExecution", "towpath-on_commit", 2, what, Settings::default())?;
    }
    Ok(())
}

#[test]
fn throttles_in_xml_are_tried_again() -> Result<(), Failure> {
    let mut settings = Settings::default();
    settings.unconfirmed.codecommit_throttles_in_xml = true;
    with_failing("CreateCommit", "towpath-on_image_push", 2, CallFaultKind::Throttle, settings)?;
    Ok(())
}

#[test]
fn a_lost_reply_to_a_commit_makes_no_second_one() -> Result<(), Failure> {
    for what in
        [CallFaultKind::DropReply, CallFaultKind::ServerErrorAfterEffect, CallFaultKind::TruncateReply]
    {
        with_failing("CreateCommit", "towpath-on_image_push", 1, what, Settings::default())?;
    }
    Ok(())
}

#[test]
fn a_lost_reply_to_a_start_makes_no_second_execution() -> Result<(), Failure> {
    for what in
        [CallFaultKind::DropReply, CallFaultKind::ServerErrorAfterEffect, CallFaultKind::TruncateReply]
    {
        with_failing("StartPipelineExecution", "towpath-on_commit", 1, what, Settings::default())?;
    }
    Ok(())
}

#[test]
fn a_hundred_pushes_at_once_are_two_commits_at_most() -> Result<(), Failure> {
    let mut story = Story::with_service(Settings::default())?;
    for number in 0..100 {
        let tag = format!("{number:07}");
        story.push_only("webapp1", &tag, &Image::new("webapp1").version(&tag))?;
    }
    story.rest()?;
    let happened = story.outcome()?;
    let commits = happened.matches("M cluster1/webapp1/revision.json").count()
        + happened.matches("A cluster1/webapp1/revision.json").count();
    assert!((1..=2).contains(&commits), "{happened}");
    Ok(())
}

/// Two invocations start the same pipeline, and the request of the one that read the earlier commit arrives last: it runs
/// last, too. The start at the tip has been made before, so that its token alone would start nothing.
#[test]
fn a_start_that_arrives_late_is_followed_by_another_at_the_tip() -> Result<(), Failure> {
    let mut story = Story::with_versions(&["1111111", "2222222"])?;
    let late = story.start_before_the_tip("webapp1")?;
    let on_commit = Caller::role(&DEV.parse::<AccountId>()?, "towpath-on_commit", "towpath-on_commit");
    story.world(|world| world.call(&on_commit, Service::CodePipeline, "StartPipelineExecution", late))?;
    story.rest()?;
    story.sweep()?;
    story.sweep()?;
    expect![[r#"
        executions
          deploy-cluster1-webapp1 Succeeded at <commit 2>
          deploy-cluster1-webapp1 Succeeded at <commit 3>
        records
          on_commit: cluster1/webapp1 started: execution <id 4> of deploy-cluster1-webapp1 was for another content
            - start pipeline deploy-cluster1-webapp1 at commit <commit 3>
          on_deployment_change: cluster1/webapp1 rolling: execution <id 4> is being rolled out
          on_deployment_change: cluster1/webapp1 nothing: execution <id 4> deployed commit <commit 2>, and ECS completed it; this was told already
          on_deployment_change: cluster1/webapp1 rolling: execution <id 5> is being rolled out
          on_deployment_change: cluster1/webapp1 nothing: execution <id 5> deployed commit <commit 3>, and ECS completed it; this was told already
          reconcile: cluster1/webapp1 woken: something was missed; the service is behind: its pipeline is owed a start
            - wake up on_commit for cluster1/webapp1: started: execution <id 4> of deploy-cluster1-webapp1 was for another content
          reconcile: cluster1/webapp1 nothing: it runs what git says
    "#]].assert_eq(&story.told()?);
    Ok(())
}
