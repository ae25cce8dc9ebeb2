//! A commit that CodeCommit does not take, however often it is sent: who stands in the way is told, the others are delivered.

use expect_test::expect;
use local_aws::faults::{CallFault, CallFaultKind};
use local_aws::settings::Settings;
use std::fmt::Write;
use stories::{Failure, RULES, Story};

/// The rules of `cluster1/webapp1` and of two more services that run the same image.
fn of_three() -> String {
    let more = |name: &str| {
        format!("  {name}:\n    containers:\n      webapp1: {{ repository: webapp1, select: newest }}\n")
    };
    format!("{RULES}{}{}", more("cluster1/webapp2"), more("cluster1/webapp3"))
}

/// An account with these rules, and a file where the second service's folder should be.
fn with_three() -> Result<Story, Failure> {
    let mut story = Story::with_service(Settings::default())?;
    let rules = of_three();
    let files = [("delivery.yaml", Some(rules.as_str())), ("cluster1/webapp2", Some("notes of the team\n"))];
    story.commit("Deliver three", &files)?;
    story.forget()?;
    Ok(story)
}

#[test]
fn a_file_where_a_services_folder_should_be_holds_up_nobody_else() -> Result<(), Failure> {
    let mut story = with_three()?;
    story.push("webapp1", "1111111")?;
    expect![[r#"
        commits
          <commit 3> Towpath: cluster1/webapp1: webapp1 → 1111111
            A cluster1/webapp1/revision.json
          <commit 4> Towpath: cluster1/webapp3: webapp1 → 1111111
            A cluster1/webapp3/revision.json
        executions
          deploy-cluster1-webapp1 Succeeded at <commit 4>
        runs
          cluster1/webapp1 webapp1@<webapp1:1111111>
        evidence
          <webapp1:1111111> account=111111111111 commit=<commit 4> environment=dev kind=verified service=cluster1/webapp1
        comments
          <commit 4> Towpath: cluster1/webapp1 verified
            execution <id 1> deployed commit <commit 4>, and ECS completed it
            Execution <id 1> of deploy-cluster1-webapp1.
        records
          on_image_push: cluster1/webapp1 moved: webapp1: newest "[0-9a-f]{7,40}" selects 1111111 (<webapp1:1111111>)
            - commit to deployment main on <commit 2>: cluster1/webapp1: webapp1 → 1111111 (cluster1/webapp1/revision.json)
          on_image_push: cluster1/webapp3 moved: webapp1: newest "[0-9a-f]{7,40}" selects 1111111 (<webapp1:1111111>)
            - commit to deployment main on <commit 2>: cluster1/webapp3: webapp1 → 1111111 (cluster1/webapp3/revision.json)
          on_image_push: cluster1/webapp2 refused (not_committed): not committed: CodeCommit CreateCommit for branch main of deployment: DirectoryNameConflictsWithFileNameException: cluster1/webapp2 is a file in this repository, so cluster1/webapp2/revision.json cannot lie in it; put right what CodeCommit names with a commit: cluster1/webapp2 must be a folder, and in it revision.json and hold.json files
          on_commit: cluster1/webapp3 refused (pipeline_missing): there is no pipeline deploy-cluster1-webapp3; create it, or name the service's pipeline in delivery.yaml (pipeline: …)
          on_commit: cluster1/webapp1 started: execution <id 2> of deploy-cluster1-webapp1 was for another content
            - start pipeline deploy-cluster1-webapp1 at commit <commit 4>
          on_deployment_change: cluster1/webapp1 rolling: execution <id 1> is being rolled out
          on_deployment_change: cluster1/webapp1 verified: execution <id 1> deployed commit <commit 4>, and ECS completed it
            - put evidence verified of dev for cluster1/webapp1 on webapp1@<webapp1:1111111>
            - comment at commit <commit 4> of deployment: Towpath: cluster1/webapp1 verified
    "#]].assert_eq(&story.told()?);
    assert_eq!(story.dead_letters("on_image_push")?, Vec::<String>::new());
    // What looks again finds the same, and says it again.
    story.let_pass(60)?;
    expect![[r#"
        nothing
    "#]]
    .assert_eq(&story.said("on_image_push")?);
    story.sweep()?;
    expect![[r#"
        on_image_push: cluster1/webapp2 refused (not_committed): not committed: CodeCommit CreateCommit for branch main of deployment: DirectoryNameConflictsWithFileNameException: cluster1/webapp2 is a file in this repository, so cluster1/webapp2/revision.json cannot lie in it; put right what CodeCommit names with a commit: cluster1/webapp2 must be a folder, and in it revision.json and hold.json files
    "#]].assert_eq(&story.said("on_image_push")?);
    story.commit("Keep our notes elsewhere", &[("cluster1/webapp2", None)])?;
    story.sweep()?;
    expect![[r#"
        commits
          <commit 5> Pat Person: Keep our notes elsewhere
            D cluster1/webapp2
          <commit 6> Towpath: cluster1/webapp2: webapp1 → 1111111
            A cluster1/webapp2/revision.json
        records
          on_image_push: cluster1/webapp2 moved: webapp1: newest "[0-9a-f]{7,40}" selects 1111111 (<webapp1:1111111>)
            - commit to deployment main on <commit 5>: cluster1/webapp2: webapp1 → 1111111 (cluster1/webapp2/revision.json)
          on_commit: - ignored: commit <commit 5> changes no revision.json
          on_commit: cluster1/webapp2 refused (pipeline_missing): there is no pipeline deploy-cluster1-webapp2; create it, or name the service's pipeline in delivery.yaml (pipeline: …)
          reconcile: cluster1/webapp1 nothing: it runs what git says
          reconcile: cluster1/webapp2 woken: something was missed; the service is never_deployed: it has no revision.json
            - wake up on_image_push for cluster1/webapp2: moved: webapp1: newest "[0-9a-f]{7,40}" selects 1111111 (<webapp1:1111111>)
          reconcile: cluster1/webapp3 never_deployed: there is no such service in ECS
          reconcile: cluster1/webapp3 refused (pipeline_missing): there is no pipeline deploy-cluster1-webapp3; create it, or name the service's pipeline in delivery.yaml (pipeline: …)
    "#]].assert_eq(&story.told()?);
    Ok(())
}

#[test]
fn what_goes_wrong_between_the_parts_of_a_divided_commit_loses_none_of_them() -> Result<(), Failure> {
    // The first call is for all three services; the parts come after it.
    for (call, what) in [
        (1, CallFaultKind::DropReply),
        (1, CallFaultKind::ServerError),
        (3, CallFaultKind::DropReply),
        (3, CallFaultKind::Error("ParentCommitIdOutdatedException".to_owned())),
    ] {
        let mut story = with_three()?;
        story.world(|world| {
            world.faults.add_call_fault(CallFault {
                service: None,
                operation: Some("CreateCommit".to_owned()),
                caller: Some("towpath-on_image_push".to_owned()),
                skip: call,
                times: 1,
                what: what.clone(),
            });
        });
        story.push("webapp1", "1111111")?;
        let told = story.told()?;
        let lines =
            told.lines().filter(|line| line.contains("on_image_push: ") || line.contains("> Towpath: "));
        let kinds = lines.filter_map(|line| line.get(..line.find(": webapp1").or(line.find(": not"))?));
        let kinds: Vec<&str> = kinds.map(str::trim).collect();
        let expected = [
            "<commit 3> Towpath: cluster1/webapp1",
            "<commit 4> Towpath: cluster1/webapp3",
            "on_image_push: cluster1/webapp1 moved",
            "on_image_push: cluster1/webapp3 moved",
            "on_image_push: cluster1/webapp2 refused (not_committed)",
        ];
        assert_eq!(kinds, expected, "{what:?} at call {call}\n{told}");
        assert_eq!(story.dead_letters("on_image_push")?, Vec::<String>::new(), "{what:?} at call {call}");
    }
    Ok(())
}

#[test]
fn a_folder_called_hold_json_is_told_and_nothing_comes_back_for_it() -> Result<(), Failure> {
    let mut story = Story::with_versions(&["1111111", "2222222"])?;
    story.commit("A folder of holds", &[("cluster1/webapp1/hold.json/README.md", Some("Our holds.\n"))])?;
    story.forget()?;
    let answer = story.automate("towpath-roll_back", &[])?;
    let answer = story.named(&format!("{answer:#}\n"));
    expect![[r#"
        {
          "because": "not committed: CodeCommit CreateCommit for branch main of deployment: FileNameConflictsWithDirectoryNameException: cluster1/webapp1/hold.json is a folder in this repository; put right what CodeCommit names with a commit: cluster1/webapp1 must be a folder, and in it revision.json and hold.json files",
          "decision": "refused",
          "dryRun": false,
          "plan": [],
          "refusal": "not_committed"
        }
    "#]].assert_eq(&answer);
    expect![[r#"
        records
          roll_back: cluster1/webapp1 refused (not_committed): not committed: CodeCommit CreateCommit for branch main of deployment: FileNameConflictsWithDirectoryNameException: cluster1/webapp1/hold.json is a folder in this repository; put right what CodeCommit names with a commit: cluster1/webapp1 must be a folder, and in it revision.json and hold.json files
    "#]].assert_eq(&story.told()?);
    story.push_bad("webapp1", "3333333")?;
    expect![[r#"
        commits
          <commit 5> Towpath: cluster1/webapp1: webapp1 → 3333333
            M cluster1/webapp1/revision.json
        executions
          deploy-cluster1-webapp1 Failed at <commit 5>
        records
          on_image_push: cluster1/webapp1 moved: webapp1: newest "[0-9a-f]{7,40}" selects 3333333 (<webapp1:3333333>), git said <webapp1:2222222>
            - commit to deployment main on <commit 4>: cluster1/webapp1: webapp1 → 3333333 (cluster1/webapp1/revision.json)
          on_commit: cluster1/webapp1 started: execution <id 2> of deploy-cluster1-webapp1 was for another content
            - start pipeline deploy-cluster1-webapp1 at commit <commit 5>
          on_deployment_change: cluster1/webapp1 rolling: execution <id 4> is being rolled out
          10 × on_deployment_change: cluster1/webapp1 reverted: container webapp1 exited with code 1 (Essential container in task exited); the revision of commit <commit 3> is committed back; in quarantine now: webapp1 <webapp1:3333333>
            - commit to deployment main on <commit 5>: cluster1/webapp1: back to the revision of <commit 3> (cluster1/webapp1/revision.json, cluster1/webapp1/hold.json)
            - stop execution <id 4> of pipeline deploy-cluster1-webapp1, abandoning what runs: container webapp1 exited with code 1 (Essential container in task exited)
            - put evidence quarantined of dev for cluster1/webapp1 on webapp1@<webapp1:3333333>
            - notify: dev cluster1/webapp1: reverted
            - comment at commit <commit 5> of deployment: Towpath: cluster1/webapp1 reverted
          15 × on_deployment_change: failed: CodeCommit CreateCommit for branch main of deployment: FileNameConflictsWithDirectoryNameException: cluster1/webapp1/hold.json is a folder in this repository
          5 × on_deployment_change: cluster1/webapp1 reverted: container webapp1 exited with code 1 (Essential container in task exited); the revision of commit <commit 3> is committed back; in quarantine now: webapp1 <webapp1:3333333>
            - commit to deployment main on <commit 5>: cluster1/webapp1: back to the revision of <commit 3> (cluster1/webapp1/revision.json, cluster1/webapp1/hold.json)
            - put evidence quarantined of dev for cluster1/webapp1 on webapp1@<webapp1:3333333>
            - notify: dev cluster1/webapp1: reverted
            - comment at commit <commit 5> of deployment: Towpath: cluster1/webapp1 reverted
    "#]].assert_eq(&story.told()?);
    assert_eq!(story.dead_letters("on_image_push")?, Vec::<String>::new());
    // A failure that is not put right must reach people, and it is the alarm of this queue that tells them.
    assert!(!story.dead_letters("on_deployment_change")?.is_empty());
    story.commit("No folder", &[("cluster1/webapp1/hold.json/README.md", None)])?;
    story.sweep()?;
    expect![[r#"
        commits
          <commit 6> Pat Person: No folder
            D cluster1/webapp1/hold.json/README.md
          <commit 7> Towpath: cluster1/webapp1: back to the revision of <commit 3>
            A cluster1/webapp1/hold.json
            M cluster1/webapp1/revision.json
        evidence
          <webapp1:3333333> account=111111111111 commit=<commit 5> environment=dev kind=quarantined service=cluster1/webapp1
        comments
          <commit 5> Towpath: cluster1/webapp1 reverted
            container webapp1 exited with code 1 (Essential container in task exited); the revision of commit <commit 3> is committed back; in quarantine now: webapp1 <webapp1:3333333>
            Execution <id 4> of deploy-cluster1-webapp1.
        notified
          {
              "environment": "dev",
              "service": "cluster1/webapp1",
              "subject": "dev cluster1/webapp1: reverted",
              "text": "container webapp1 exited with code 1 (Essential container in task exited); the revision of commit <commit 3> is committed back; in quarantine now: webapp1 <webapp1:3333333>\n\nCommit <commit 5> of deployment."
            }
    "#]].assert_eq(&story.outcome()?);
    Ok(())
}

#[test]
fn a_message_that_would_be_too_long_becomes_one_for_each_service() -> Result<(), Failure> {
    let mut story = Story::with_service(Settings::default())?;
    let mut rules = "version: 1\nservices:\n".to_owned();
    for service in 1..=56 {
        let _ = writeln!(rules, "  cluster1/webapp{service}:\n    containers:");
        for container in 0..10 {
            let name = format!("{container}{}", "x".repeat(240));
            let _ = writeln!(rules, "      {name}: {{ repository: webapp1, select: {{ newest: \".*\" }} }}");
        }
    }
    story.commit("Deliver many containers", &[("delivery.yaml", Some(&rules))])?;
    story.forget()?;
    story.push("webapp1", &"1".repeat(128))?;
    let told = story.happened()?;
    let commits: Vec<&str> = told.lines().filter(|line| line.ends_with('…')).collect();
    assert_eq!(commits.len(), 56, "{told}");
    let calls: Vec<&str> =
        told.lines().map(str::trim).filter(|line| line.contains(" CreateCommit")).collect();
    expect![[r#"
        56 codecommit CreateCommit
        1 codecommit CreateCommit (CommitMessageLengthExceededException)"#]]
    .assert_eq(&calls.join("\n"));
    assert_eq!(story.dead_letters("on_image_push")?, Vec::<String>::new());
    Ok(())
}
