//! Pipelines that are not as they should be are refused by name, and the others start.

use expect_test::expect;
use local_aws::settings::Settings;
use serde_json::{Value, json};
use stories::{Failure, RULES, Story};

/// What a commit of two services comes to when webapp2's pipeline was changed like this.
fn with_pipeline(change: impl FnOnce(&mut Value)) -> Result<String, Failure> {
    let mut story = two_services(true)?;
    story.change_pipeline("webapp2", change)?;
    story.rest()?;
    story.forget()?;
    both_back(&mut story)
}

fn two_services(with_second_pipeline: bool) -> Result<Story, Failure> {
    let mut story = Story::with_service(Settings::default())?;
    story.make_service("webapp2", true)?;
    let two = format!(
        "{RULES}  cluster1/webapp2:\n    containers:\n      webapp2: {{ repository: webapp2, select: newest }}\n"
    );
    story.commit("And webapp2", &[("delivery.yaml", Some(&two))])?;
    if with_second_pipeline {
        story.make_pipeline("webapp2")?;
    }
    story.forget()?;
    Ok(story)
}

/// What on_commit says of it, and what was executed.
fn both_back(story: &mut Story) -> Result<String, Failure> {
    // Versions that no rule selects.
    story.push("webapp1", "1.0.0")?;
    story.push("webapp2", "1.0.0")?;
    story.forget()?;
    let (one, two) = (story.revision("webapp1", "1.0.0"), story.revision("webapp2", "1.0.0"));
    story.commit(
        "Both",
        &[("cluster1/webapp1/revision.json", Some(&one)), ("cluster1/webapp2/revision.json", Some(&two))],
    )?;
    let told = story.told()?;
    let lines = told.lines().filter(|line| {
        line.contains("on_commit: cluster1/webapp2") || line.starts_with("  deploy-cluster1-")
    });
    Ok(lines.map(|line| format!("{}\n", line.trim())).collect())
}

#[test]
fn a_missing_pipeline_is_refused() -> Result<(), Failure> {
    let mut story = two_services(false)?;
    expect![[r#"
        deploy-cluster1-webapp1 Succeeded at <commit 3>
        on_commit: cluster1/webapp2 refused (pipeline_missing): there is no pipeline deploy-cluster1-webapp2; create it, or name the service's pipeline in delivery.yaml (pipeline: …)
    "#]].assert_eq(&both_back(&mut story)?);
    Ok(())
}

#[test]
fn a_pipeline_of_type_v1_is_refused() -> Result<(), Failure> {
    let shown = with_pipeline(|pipeline| {
        pipeline["pipelineType"] = json!("V1");
        pipeline["executionMode"] = json!("SUPERSEDED");
    })?;
    expect![[r#"
        deploy-cluster1-webapp1 Succeeded at <commit 3>
        on_commit: cluster1/webapp2 refused (pipeline_v1): pipeline deploy-cluster1-webapp2 is of type V1, which cannot be started at a commit: make it PipelineType V2
    "#]].assert_eq(&shown);
    Ok(())
}

#[test]
fn a_pipeline_that_supersedes_is_refused() -> Result<(), Failure> {
    let shown = with_pipeline(|pipeline| pipeline["executionMode"] = json!("SUPERSEDED"))?;
    expect![[r#"
        deploy-cluster1-webapp1 Succeeded at <commit 3>
        on_commit: cluster1/webapp2 refused (pipeline_mode): pipeline deploy-cluster1-webapp2 has execution mode SUPERSEDED: expected QUEUED, so that deployments keep their order
    "#]].assert_eq(&shown);
    Ok(())
}

#[test]
fn a_pipeline_of_another_service_is_refused() -> Result<(), Failure> {
    let shown = with_pipeline(|pipeline| {
        pipeline["stages"][1]["actions"][0]["configuration"]["ServiceName"] = json!("webapp1");
    })?;
    expect![[r#"
        deploy-cluster1-webapp1 Succeeded at <commit 3>
        on_commit: cluster1/webapp2 refused (pipeline_deploy): pipeline deploy-cluster1-webapp2 has no Deploy action (ECS) for cluster1/webapp2 with cluster1/webapp2/revision.json: it has cluster1/webapp1 with cluster1/webapp2/revision.json
    "#]].assert_eq(&shown);
    Ok(())
}

#[test]
fn a_pipeline_that_polls_is_refused() -> Result<(), Failure> {
    let shown = with_pipeline(|pipeline| {
        pipeline["stages"][0]["actions"][0]["configuration"]["PollForSourceChanges"] = json!("true");
    })?;
    expect![[r#"
        deploy-cluster1-webapp1 Succeeded at <commit 3>
        on_commit: cluster1/webapp2 refused (pipeline_polls): pipeline deploy-cluster1-webapp2 polls for changes and so starts itself at every commit: set PollForSourceChanges of its action Source to false
    "#]].assert_eq(&shown);
    Ok(())
}
