//! A person goes back through the console's door, and what was left stays away.

use expect_test::expect;
use local_aws::settings::Settings;
use serde_json::json;
use stories::{Failure, Story};

#[test]
fn a_rollback_holds_through_replays_and_sweeps_and_the_fix_goes_out_after_the_release() -> Result<(), Failure>
{
    let mut story = Story::with_versions(&["1111111", "2222222"])?;
    let before = story.file("cluster1/webapp1/revision.json")?;
    let told = story.automate("towpath-roll_back", &[("DryRun", "true")])?;
    expect![[r#"
        rolled_back: arn:aws:iam::111111111111:user/administrator rolls back to the revision of commit <commit 2>; in quarantine now: webapp1 <webapp1:2222222>; until it is released nothing moves it by itself: run the document towpath-release for cluster1/webapp1
    "#]].assert_eq(&story.shown(&told));
    assert_eq!(story.file("cluster1/webapp1/revision.json")?, before);

    let told = story.automate("towpath-roll_back", &[("Who", "mary")])?;
    expect![[r#"
        rolled_back: arn:aws:iam::111111111111:user/administrator rolls back to the revision of commit <commit 2>; in quarantine now: webapp1 <webapp1:2222222>; until it is released nothing moves it by itself: run the document towpath-release for cluster1/webapp1
    "#]].assert_eq(&story.shown(&told));
    expect![[r#"
        cluster1/webapp1: rolled back to the revision of <commit 2>

        it answers 500
        asked for: roll back to previous
        for mary, as the request says

        Actor: arn:aws:iam::111111111111:user/administrator
        Event-Id: <id 4>
        Service: cluster1/webapp1
        Decision: rolled_back
        Container: webapp1
        Image-Tag: 1111111
        Image-Digest: <webapp1:1111111>
        Previous-Digest: <webapp1:2222222>

    "#]]
    .assert_eq(&story.newest_message()?);
    expect![[r#"
        commits
          <commit 4> Towpath: cluster1/webapp1: rolled back to the revision of <commit 2>
            A cluster1/webapp1/hold.json
            M cluster1/webapp1/revision.json
        executions
          deploy-cluster1-webapp1 Succeeded at <commit 4>
        runs
          cluster1/webapp1 webapp1@<webapp1:1111111>
        evidence
          <webapp1:2222222> account=111111111111 commit=<commit 3> environment=dev kind=quarantined service=cluster1/webapp1
        comments
          <commit 4> Towpath: cluster1/webapp1 verified
            execution <id 5> deployed commit <commit 4>, and ECS completed it
            Execution <id 5> of deploy-cluster1-webapp1.
        records
          on_commit: cluster1/webapp1 started: execution <id 2> of deploy-cluster1-webapp1 was for another content
            - start pipeline deploy-cluster1-webapp1 at commit <commit 4>
          on_deployment_change: cluster1/webapp1 rolling: execution <id 5> is being rolled out
          on_deployment_change: cluster1/webapp1 verified: execution <id 5> deployed commit <commit 4>, and ECS completed it
            - comment at commit <commit 4> of deployment: Towpath: cluster1/webapp1 verified
          roll_back: cluster1/webapp1 rolled_back: arn:aws:iam::111111111111:user/administrator rolls back to the revision of commit <commit 2>; in quarantine now: webapp1 <webapp1:2222222>; until it is released nothing moves it by itself: run the document towpath-release for cluster1/webapp1
            - commit to deployment main on <commit 3>: cluster1/webapp1: rolled back to the revision of <commit 2> (cluster1/webapp1/revision.json, cluster1/webapp1/hold.json)
            - put evidence quarantined of dev for cluster1/webapp1 on webapp1@<webapp1:2222222>
    "#]].assert_eq(&story.told()?);
    expect![[r#"
        {
          "version": 1,
          "hold": {
            "revision": "<commit 5>",
            "reason": "rolled back: it answers 500",
            "by": "arn:aws:iam::111111111111:user/administrator",
            "at": "<time>"
          },
          "quarantine": [
            {
              "container": "webapp1",
              "digest": "<webapp1:2222222>",
              "reason": "rolled back: it answers 500",
              "by": "arn:aws:iam::111111111111:user/administrator",
              "at": "<time>"
            }
          ]
        }
    "#]]
    .assert_eq(&story.file("cluster1/webapp1/hold.json")?);

    // Everything that ever happened is told again, the sweeps run, and somebody pushes on.
    story.replay()?;
    story.sweep()?;
    story.sweep()?;
    story.push("webapp1", "3333333")?;
    story.sweep()?;
    expect![[r#"
        nothing
    "#]]
    .assert_eq(&story.outcome()?);

    let told = story.automate("towpath-release", &[("To", "hold")])?;
    expect![[r#"
        released: arn:aws:iam::111111111111:user/administrator releases its hold; its rules apply again
    "#]]
    .assert_eq(&story.shown(&told));
    expect![[r#"
        commits
          <commit 6> Towpath: cluster1/webapp1: released
            M cluster1/webapp1/hold.json
          <commit 7> Towpath: cluster1/webapp1: webapp1 → 3333333
            M cluster1/webapp1/hold.json
            M cluster1/webapp1/revision.json
        executions
          deploy-cluster1-webapp1 Succeeded at <commit 7>
        runs
          cluster1/webapp1 webapp1@<webapp1:3333333>
        evidence
          <webapp1:3333333> account=111111111111 commit=<commit 7> environment=dev kind=verified service=cluster1/webapp1
        comments
          <commit 7> Towpath: cluster1/webapp1 verified
            execution <id 6> deployed commit <commit 7>, and ECS completed it
            Execution <id 6> of deploy-cluster1-webapp1.
        records
          on_image_push: cluster1/webapp1 moved: webapp1: newest "[0-9a-f]{7,40}" selects 3333333 (<webapp1:3333333>), git said <webapp1:1111111>
            - commit to deployment main on <commit 6>: cluster1/webapp1: webapp1 → 3333333 (cluster1/webapp1/revision.json, cluster1/webapp1/hold.json)
          on_commit: - ignored: commit <commit 6> changes no revision.json
          on_commit: cluster1/webapp1 started: execution <id 5> of deploy-cluster1-webapp1 was for another content
            - start pipeline deploy-cluster1-webapp1 at commit <commit 7>
          on_deployment_change: cluster1/webapp1 rolling: execution <id 6> is being rolled out
          on_deployment_change: cluster1/webapp1 verified: execution <id 6> deployed commit <commit 7>, and ECS completed it
            - put evidence verified of dev for cluster1/webapp1 on webapp1@<webapp1:3333333>
            - comment at commit <commit 7> of deployment: Towpath: cluster1/webapp1 verified
          roll_back: cluster1/webapp1 released: arn:aws:iam::111111111111:user/administrator releases its hold; its rules apply again
            - commit to deployment main on <commit 4>: cluster1/webapp1: released (cluster1/webapp1/hold.json)
            - wake up on_image_push for cluster1/webapp1: arn:aws:iam::111111111111:user/administrator released it
    "#]].assert_eq(&story.told()?);
    story.replay()?;
    story.sweep()?;
    expect![[r#"
        nothing
    "#]]
    .assert_eq(&story.outcome()?);
    Ok(())
}

#[test]
fn a_running_execution_is_stopped_with_its_rollout_and_what_waits_behind_it() -> Result<(), Failure> {
    let mut story = Story::with_versions(&["1111111"])?;
    story.push_hanging("2222222")?;
    story.push_only("webapp1", "3333333", &client::image::Image::new("webapp1").version("3333333"))?;
    story.let_pass(1)?;
    expect![[r#"
        commits
          <commit 3> Towpath: cluster1/webapp1: webapp1 → 2222222
            M cluster1/webapp1/revision.json
          <commit 4> Towpath: cluster1/webapp1: webapp1 → 3333333
            M cluster1/webapp1/revision.json
        executions
          deploy-cluster1-webapp1 InProgress at <commit 3>
          deploy-cluster1-webapp1 InProgress at <commit 4>
        runs
          cluster1/webapp1 webapp1@<webapp1:2222222> and webapp1@<webapp1:1111111>
    "#]]
    .assert_eq(&story.outcome()?);
    story.heal();
    let told = story.automate("towpath-roll_back", &[])?;
    expect![[r#"
        rolled_back: arn:aws:iam::111111111111:user/administrator rolls back to the revision of commit <commit 2>; in quarantine now: webapp1 <webapp1:3333333>; until it is released nothing moves it by itself: run the document towpath-release for cluster1/webapp1
    "#]].assert_eq(&story.shown(&told));
    expect![[r#"
        commits
          <commit 5> Towpath: cluster1/webapp1: rolled back to the revision of <commit 2>
            A cluster1/webapp1/hold.json
            M cluster1/webapp1/revision.json
        executions
          deploy-cluster1-webapp1 Stopped at <commit 3>
          deploy-cluster1-webapp1 Stopped at <commit 4>
          deploy-cluster1-webapp1 Succeeded at <commit 5>
        runs
          cluster1/webapp1 webapp1@<webapp1:1111111>
        evidence
          <webapp1:3333333> account=111111111111 commit=<commit 4> environment=dev kind=quarantined service=cluster1/webapp1
        comments
          <commit 3> Towpath: cluster1/webapp1 overtaken
            Service deployment stopped because a new service deployment was started.; git says something else already
            Execution <id 3> of deploy-cluster1-webapp1.
          <commit 5> Towpath: cluster1/webapp1 verified
            execution <id 4> deployed commit <commit 5>, and ECS completed it
            Execution <id 4> of deploy-cluster1-webapp1.
        records
          on_commit: cluster1/webapp1 started: execution <id 5> of deploy-cluster1-webapp1 was for another content
            - start pipeline deploy-cluster1-webapp1 at commit <commit 5>
          on_deployment_change: cluster1/webapp1 overtaken: Service deployment stopped because a new service deployment was started.; git says something else already
            - comment at commit <commit 3> of deployment: Towpath: cluster1/webapp1 overtaken
          on_deployment_change: cluster1/webapp1 rolling: execution <id 4> is being rolled out
          on_deployment_change: cluster1/webapp1 verified: execution <id 4> deployed commit <commit 5>, and ECS completed it
            - comment at commit <commit 5> of deployment: Towpath: cluster1/webapp1 verified
          roll_back: cluster1/webapp1 rolled_back: arn:aws:iam::111111111111:user/administrator rolls back to the revision of commit <commit 2>; in quarantine now: webapp1 <webapp1:3333333>; until it is released nothing moves it by itself: run the document towpath-release for cluster1/webapp1
            - commit to deployment main on <commit 4>: cluster1/webapp1: rolled back to the revision of <commit 2> (cluster1/webapp1/revision.json, cluster1/webapp1/hold.json)
            - stop execution <id 5> of pipeline deploy-cluster1-webapp1, abandoning what runs: arn:aws:iam::111111111111:user/administrator rolls cluster1/webapp1 back: it answers 500
            - stop execution <id 3> of pipeline deploy-cluster1-webapp1, abandoning what runs: arn:aws:iam::111111111111:user/administrator rolls cluster1/webapp1 back: it answers 500
            - stop the rollout <service 2> of cluster1/webapp1 in ECS
            - put evidence quarantined of dev for cluster1/webapp1 on webapp1@<webapp1:3333333>
    "#]].assert_eq(&story.told()?);
    story.replay()?;
    story.sweep()?;
    expect![[r#"
        nothing
    "#]]
    .assert_eq(&story.outcome()?);
    Ok(())
}

#[test]
fn the_same_execution_asks_once_however_often_it_is_told() -> Result<(), Failure> {
    let mut story = Story::with_service(Settings::default())?;
    for tag in ["1111111", "2222222", "3333333"] {
        story.push("webapp1", tag)?;
    }
    let execution = story.automate_only("towpath-roll_back", &[])?;
    story.rest()?;
    story.forget()?;
    let again = json!({
        "cluster": "cluster1", "service": "webapp1", "action": "roll_back", "to": "previous",
        "reason": "it answers 500", "who": "", "dryRun": false, "automationExecutionId": execution,
    });
    let told = story.ask(&again)?;
    expect![[r#"
        rolled_back: this very request was carried out already
    "#]]
    .assert_eq(&story.shown(&told));
    expect![[r#"
        evidence
          <webapp1:3333333> account=111111111111 commit=<commit 5> environment=dev kind=quarantined service=cluster1/webapp1
    "#]]
    .assert_eq(&story.outcome()?);
    // An execution that has ended, and was for something else, proves nothing.
    let mut other = again.clone();
    if let Some(members) = other.as_object_mut() {
        members.insert("to".to_owned(), json!("1111111"));
    }
    let told = story.ask(&other)?;
    expect![[r#"
        rolled_back: claimed:SSM execution <id 6> rolls back to the revision of commit <commit 2>; in quarantine now: webapp1 <webapp1:2222222>; until it is released nothing moves it by itself: run the document towpath-release for cluster1/webapp1
    "#]].assert_eq(&story.shown(&told));
    expect![[r#"
        cluster1/webapp1: rolled back to the revision of <commit 2>

        it answers 500
        asked for: roll back to 1111111
        who asks is not proved: the execution was used for commit <commit 5> already

        Actor: claimed:SSM execution <id 6>
        Event-Id: <id 6>
        Service: cluster1/webapp1
        Decision: rolled_back
        Container: webapp1
        Image-Tag: 1111111
        Image-Digest: <webapp1:1111111>
        Previous-Digest: <webapp1:2222222>

    "#]]
    .assert_eq(&story.newest_message()?);
    // The first one, told once more, does not undo what was asked since.
    story.forget()?;
    let told = story.ask(&again)?;
    expect![[r#"
        nothing: commit <commit 5> carried out this very request, and something else was done since; ask anew
    "#]]
    .assert_eq(&story.shown(&told));
    expect![[r#"
        nothing
    "#]]
    .assert_eq(&story.outcome()?);
    Ok(())
}

#[test]
fn who_asks_without_an_execution_is_only_claimed() -> Result<(), Failure> {
    let mut story = Story::with_versions(&["1111111", "2222222"])?;
    let told = story.ask(&json!({
        "service": "cluster1/webapp1", "action": "roll_back", "to": "1111111", "reason": "it answers 500",
        "who": "mary",
    }))?;
    expect![[r#"
        rolled_back: claimed:mary rolls back to the revision of commit <commit 2>; in quarantine now: webapp1 <webapp1:2222222>; until it is released nothing moves it by itself: run the document towpath-release for cluster1/webapp1
    "#]].assert_eq(&story.shown(&told));
    expect![[r#"
        cluster1/webapp1: rolled back to the revision of <commit 2>

        it answers 500
        asked for: roll back to 1111111

        Actor: claimed:mary
        Event-Id: <id 4>
        Service: cluster1/webapp1
        Decision: rolled_back
        Container: webapp1
        Image-Tag: 1111111
        Image-Digest: <webapp1:1111111>
        Previous-Digest: <webapp1:2222222>

    "#]]
    .assert_eq(&story.newest_message()?);
    Ok(())
}
