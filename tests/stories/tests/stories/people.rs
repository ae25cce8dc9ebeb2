//! What people do by hand holds.

use expect_test::expect;
use local_aws::settings::Settings;
use stories::{Failure, RULES, Story};

#[test]
fn who_takes_a_commit_of_towpaths_over_is_a_person() -> Result<(), Failure> {
    let mut story = Story::with_service(Settings::default())?;
    story.push("webapp1", "1111111")?;
    let first = story.tip()?;
    story.push("webapp1", "2222222")?;
    story.forget()?;
    story.commit_again(&first, "cluster1/webapp1/revision.json")?;
    expect![[r#"
        commits
          <commit 4> Towpath: cluster1/webapp1: webapp1 → 1111111
            M cluster1/webapp1/revision.json
        executions
          deploy-cluster1-webapp1 Succeeded at <commit 4>
        runs
          cluster1/webapp1 webapp1@<webapp1:1111111>
        comments
          <commit 4> Towpath: cluster1/webapp1 verified
            execution <id 4> deployed commit <commit 4>, and ECS completed it
            Execution <id 4> of deploy-cluster1-webapp1.
    "#]]
    .assert_eq(&story.outcome()?);
    story.push("webapp1", "3333333")?;
    expect![[r#"
        commits
          <commit 5> Towpath: cluster1/webapp1: held, because a person put this revision there
            A cluster1/webapp1/hold.json
        records
          on_image_push: cluster1/webapp1 held: Pat Person put it there by hand (commit <commit 4>); the rules would select webapp1 → 3333333; to let the rules move it again: run the document towpath-release for cluster1/webapp1
            - commit to deployment main on <commit 4>: cluster1/webapp1: held, because a person put this revision there (cluster1/webapp1/hold.json)
          on_commit: - ignored: commit <commit 5> changes no revision.json
    "#]].assert_eq(&story.told()?);
    Ok(())
}

#[test]
fn a_revision_pushed_by_hand_is_deployed_once_and_held_at_the_next_image() -> Result<(), Failure> {
    let mut story = Story::with_service(Settings::default())?;
    let first = story.push("webapp1", "1111111")?;
    story.push("webapp1", "2222222")?;
    story.forget()?;
    let revision = story.revision("webapp1", &first);
    story.commit("Back while we look", &[("cluster1/webapp1/revision.json", Some(&revision))])?;
    expect![[r#"
        commits
          <commit 4> Pat Person: Back while we look
            M cluster1/webapp1/revision.json
        executions
          deploy-cluster1-webapp1 Succeeded at <commit 4>
        runs
          cluster1/webapp1 webapp1@<webapp1:1111111>
        comments
          <commit 4> Towpath: cluster1/webapp1 verified
            execution <id 4> deployed commit <commit 4>, and ECS completed it
            Execution <id 4> of deploy-cluster1-webapp1.
        records
          on_commit: cluster1/webapp1 started: execution <id 2> of deploy-cluster1-webapp1 was for another content; committed by hand by Pat Person
            - start pipeline deploy-cluster1-webapp1 at commit <commit 4>
          on_deployment_change: cluster1/webapp1 rolling: execution <id 4> is being rolled out
          on_deployment_change: cluster1/webapp1 verified: execution <id 4> deployed commit <commit 4>, and ECS completed it
            - comment at commit <commit 4> of deployment: Towpath: cluster1/webapp1 verified
    "#]].assert_eq(&story.told()?);
    story.push("webapp1", "3333333")?;
    expect![[r#"
        commits
          <commit 5> Towpath: cluster1/webapp1: held, because a person put this revision there
            A cluster1/webapp1/hold.json
        records
          on_image_push: cluster1/webapp1 held: Pat Person put it there by hand (commit <commit 4>); the rules would select webapp1 → 3333333; to let the rules move it again: run the document towpath-release for cluster1/webapp1
            - commit to deployment main on <commit 4>: cluster1/webapp1: held, because a person put this revision there (cluster1/webapp1/hold.json)
          on_commit: - ignored: commit <commit 5> changes no revision.json
    "#]].assert_eq(&story.told()?);
    expect![[r#"
        {
          "version": 1,
          "hold": {
            "revision": "<commit 6>",
            "reason": "Pat Person put it there by hand (commit <commit 4>); the rules would select webapp1 → 3333333",
            "by": "on_image_push",
            "at": "<time>"
          }
        }
    "#]].assert_eq(&story.file("cluster1/webapp1/hold.json")?);
    story.sweep()?;
    expect![[r#"
        nothing
    "#]]
    .assert_eq(&story.outcome()?);
    // A person can also end a hold in git itself: its end lies in the past.
    let held = story.file_as_it_is("cluster1/webapp1/hold.json")?;
    let mut hold: serde_json::Value = serde_json::from_str(&held)?;
    hold["hold"]["until"] = "2020-01-01T00:00:00Z".into();
    story.commit("Release webapp1", &[("cluster1/webapp1/hold.json", Some(&hold.to_string()))])?;
    story.push("webapp1", "4444444")?;
    expect![[r#"
        commits
          <commit 7> Pat Person: Release webapp1
            M cluster1/webapp1/hold.json
          <commit 8> Towpath: cluster1/webapp1: webapp1 → 4444444
            M cluster1/webapp1/hold.json
            M cluster1/webapp1/revision.json
        executions
          deploy-cluster1-webapp1 Succeeded at <commit 8>
        runs
          cluster1/webapp1 webapp1@<webapp1:4444444>
        evidence
          <webapp1:4444444> account=111111111111 commit=<commit 8> environment=dev kind=verified service=cluster1/webapp1
        comments
          <commit 8> Towpath: cluster1/webapp1 verified
            execution <id 5> deployed commit <commit 8>, and ECS completed it
            Execution <id 5> of deploy-cluster1-webapp1.
        records
          on_image_push: cluster1/webapp1 moved: webapp1: newest "[0-9a-f]{7,40}" selects 4444444 (<webapp1:4444444>), git said <webapp1:1111111>
            - commit to deployment main on <commit 7>: cluster1/webapp1: webapp1 → 4444444 (cluster1/webapp1/revision.json, cluster1/webapp1/hold.json)
          on_commit: - ignored: commit <commit 7> changes no revision.json
          on_commit: cluster1/webapp1 started: execution <id 4> of deploy-cluster1-webapp1 was for another content
            - start pipeline deploy-cluster1-webapp1 at commit <commit 8>
          on_deployment_change: cluster1/webapp1 rolling: execution <id 5> is being rolled out
          on_deployment_change: cluster1/webapp1 verified: execution <id 5> deployed commit <commit 8>, and ECS completed it
            - put evidence verified of dev for cluster1/webapp1 on webapp1@<webapp1:4444444>
            - comment at commit <commit 8> of deployment: Towpath: cluster1/webapp1 verified
    "#]].assert_eq(&story.told()?);
    Ok(())
}

#[test]
fn one_commit_of_two_services_starts_both_pipelines_at_it() -> Result<(), Failure> {
    let mut story = Story::with_service(Settings::default())?;
    story.make_service("webapp2", true)?;
    let two = format!(
        "{RULES}  cluster1/webapp2:\n    containers:\n      webapp2: {{ repository: webapp2, select: newest }}\n"
    );
    story.commit("And webapp2", &[("delivery.yaml", Some(&two))])?;
    story.make_pipeline("webapp2")?;
    story.push("webapp1", "1111111")?;
    story.push("webapp2", "1111111")?;
    story.forget()?;
    let (one, other) = (story.revision("webapp1", "placeholder"), story.revision("webapp2", "placeholder"));
    story.commit(
        "Both back",
        &[("cluster1/webapp1/revision.json", Some(&one)), ("cluster1/webapp2/revision.json", Some(&other))],
    )?;
    expect![[r#"
        commits
          <commit 5> Pat Person: Both back
            M cluster1/webapp1/revision.json
            M cluster1/webapp2/revision.json
        executions
          deploy-cluster1-webapp1 Succeeded at <commit 5>
          deploy-cluster1-webapp2 Succeeded at <commit 5>
        runs
          cluster1/webapp1 webapp1:placeholder
          cluster1/webapp2 webapp2:placeholder
        comments
          <commit 5> Towpath: cluster1/webapp1 verified
            execution <id 5> deployed commit <commit 5>, and ECS completed it
            Execution <id 5> of deploy-cluster1-webapp1.
          <commit 5> Towpath: cluster1/webapp2 verified
            execution <id 6> deployed commit <commit 5>, and ECS completed it
            Execution <id 6> of deploy-cluster1-webapp2.
    "#]]
    .assert_eq(&story.outcome()?);
    Ok(())
}

#[test]
fn a_forced_push_is_announced_with_both_ids_and_what_was_held_is_written_again() -> Result<(), Failure> {
    let mut story = Story::with_service(Settings::default())?;
    story.push("webapp1", "1111111")?;
    story.push("webapp1", "2222222")?;
    let before = story.tip()?;
    story.automate("towpath-roll_back", &[])?;
    story.forget()?;
    // Back to before the rollback: what it left is what the branch says now, and a person wants it.
    story.force(&before)?;
    expect![[r#"
        commits
          <commit 5> Towpath: Holds written again after a forced push
            A cluster1/webapp1/hold.json
        executions
          deploy-cluster1-webapp1 Succeeded at <commit 5>
        runs
          cluster1/webapp1 webapp1@<webapp1:2222222>
        comments
          <commit 5> Towpath: cluster1/webapp1 verified
            execution <id 5> deployed commit <commit 5>, and ECS completed it; in quarantine stays the image of webapp1
            Execution <id 5> of deploy-cluster1-webapp1.
        notified
          {
              "environment": "dev",
              "service": "cluster1/webapp1",
              "subject": "dev cluster1/webapp1: the deployment branch was forced",
              "text": "arn:aws:iam::111111111111:user/person forced main of deployment from <commit 4> to <commit 3>. What the new tip says of cluster1/webapp1 is the truth now, and differs from what the old one said."
            }
        records
          on_commit: - by_hand: arn:aws:iam::111111111111:user/person forced main of deployment from <commit 4> to <commit 3>; the new tip is the truth
          on_commit: cluster1/webapp1 held: what was held or in quarantine before the forced push is written again
            - commit to deployment main on <commit 3>: Holds written again after a forced push (cluster1/webapp1/hold.json)
            - notify: dev cluster1/webapp1: the deployment branch was forced
          on_commit: cluster1/webapp1 started: execution <id 3> of deploy-cluster1-webapp1 was for another content; the image of webapp1 is in quarantine (rolled back: it answers 500), and a person wants it
            - start pipeline deploy-cluster1-webapp1 at commit <commit 5>
          on_commit: - ignored: commit <commit 5> changes no revision.json
          on_deployment_change: cluster1/webapp1 rolling: execution <id 5> is being rolled out
          on_deployment_change: cluster1/webapp1 verified: execution <id 5> deployed commit <commit 5>, and ECS completed it; in quarantine stays the image of webapp1
            - comment at commit <commit 5> of deployment: Towpath: cluster1/webapp1 verified
    "#]].assert_eq(&story.told()?);
    expect![[r#"
        {
          "version": 1,
          "hold": {
            "revision": "<commit 6>",
            "reason": "arn:aws:iam::111111111111:user/person forced main of deployment from <commit 4> to <commit 3>",
            "by": "on_commit",
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
    "#]].assert_eq(&story.file("cluster1/webapp1/hold.json")?);
    story.replay()?;
    story.push("webapp1", "3333333")?;
    story.sweep()?;
    expect![[r#"
        nothing
    "#]]
    .assert_eq(&story.outcome()?);
    // What is released stays released, however late the event comes again.
    story.automate("towpath-release", &[("To", "hold")])?;
    story.forget()?;
    story.replay()?;
    expect![[r#"
        nothing
    "#]]
    .assert_eq(&story.outcome()?);
    Ok(())
}
