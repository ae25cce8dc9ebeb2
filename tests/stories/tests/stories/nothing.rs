//! Where nothing should happen, nothing does.

use expect_test::expect;
use local_aws::settings::Settings;
use serde_json::json;
use stories::{Failure, RULES, Story};

#[test]
fn what_no_rule_names_moves_nothing() -> Result<(), Failure> {
    let mut story = Story::with_service(Settings::default())?;
    story.aws.call("ecr", "CreateRepository", &json!({ "repositoryName": "tools" }))?;
    story.push("tools", "1111111")?;
    expect![[r#"
        records
          on_image_push: - ignored: delivery.yaml names no service for it
        calls
          on_image_push: 1
            1 codecommit GetFile
    "#]]
    .assert_eq(&story.happened()?);
    story.commit("Say what this is", &[("README.md", Some("What dev runs.\n"))])?;
    expect![[r#"
        commits
          <commit 2> Pat Person: Say what this is
            A README.md
        records
          on_commit: - ignored: commit <commit 2> changes no revision.json
        calls
          on_commit: 2
            1 codecommit GetCommit
            1 codecommit GetDifferences
    "#]]
    .assert_eq(&story.happened()?);
    let rules = format!("{RULES}    on_failure: hold\n");
    story.commit("Other rules", &[("delivery.yaml", Some(&rules))])?;
    expect![[r#"
        commits
          <commit 3> Pat Person: Other rules
            M delivery.yaml
        records
          on_commit: - ignored: commit <commit 3> changes no revision.json
        calls
          on_commit: 2
            1 codecommit GetCommit
            1 codecommit GetDifferences
    "#]]
    .assert_eq(&story.happened()?);
    Ok(())
}

#[test]
fn a_hold_alone_and_a_deleted_folder_start_nothing() -> Result<(), Failure> {
    let mut story = Story::with_versions(&["1111111"])?;
    let hold = "{\"version\":1,\"quarantine\":[]}\n";
    story.commit("Hold", &[("cluster1/webapp1/hold.json", Some(hold))])?;
    expect![[r#"
        commits
          <commit 3> Pat Person: Hold
            A cluster1/webapp1/hold.json
        records
          on_commit: - ignored: commit <commit 3> changes no revision.json
        calls
          on_commit: 2
            1 codecommit GetCommit
            1 codecommit GetDifferences
    "#]]
    .assert_eq(&story.happened()?);
    story.commit(
        "Away with it",
        &[("cluster1/webapp1/hold.json", None), ("cluster1/webapp1/revision.json", None)],
    )?;
    expect![[r#"
        commits
          <commit 4> Pat Person: Away with it
            D cluster1/webapp1/hold.json
            D cluster1/webapp1/revision.json
        records
          on_commit: - ignored: commit <commit 4> changes no revision.json
        calls
          on_commit: 2
            1 codecommit GetCommit
            1 codecommit GetDifferences
    "#]]
    .assert_eq(&story.happened()?);
    Ok(())
}
