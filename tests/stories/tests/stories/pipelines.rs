//! Pipelines that are not as they should be are refused by name, and the others start.

use expect_test::expect;
use local_aws::settings::Settings;
use serde_json::{Value, json};
use stories::{DEV, Failure, RULES, Story};

use crate::buses::make_role;

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

/// The console makes a rule with each pipeline, which starts it at every commit, whatever that changed.
#[test]
fn a_rule_that_starts_the_pipeline_too_is_told() -> Result<(), Failure> {
    let mut story = two_services(true)?;
    make_role(&story.aws, "starts", "events", Some("codepipeline:StartPipelineExecution"))?;
    let pattern = json!({
        "source": ["aws.codecommit"], "detail-type": ["CodeCommit Repository State Change"],
        "resources": [format!("arn:aws:codecommit:eu-west-1:{DEV}:deployment")],
        "detail": {
            "event": ["referenceCreated", "referenceUpdated"], "referenceType": ["branch"],
            "referenceName": ["main"],
        },
    });
    let rule = json!({ "Name": "console", "EventPattern": pattern.to_string() });
    story.aws.call("events", "PutRule", &rule)?;
    let target = json!({
        "Id": "codepipeline", "Arn": format!("arn:aws:codepipeline:eu-west-1:{DEV}:deploy-cluster1-webapp1"),
        "RoleArn": format!("arn:aws:iam::{DEV}:role/starts"),
    });
    story.aws.call("events", "PutTargets", &json!({ "Rule": "console", "Targets": [target] }))?;
    story.push("webapp1", "1111111")?;
    expect![[r#"
        commits
          <commit 3> Towpath: cluster1/webapp1: webapp1 → 1111111
            A cluster1/webapp1/revision.json
        executions
          deploy-cluster1-webapp1 Succeeded at <commit 3>
        runs
          cluster1/webapp1 webapp1@<webapp1:1111111>
        evidence
          <webapp1:1111111> account=111111111111 commit=<commit 3> environment=dev kind=verified service=cluster1/webapp1
        comments
          <commit 3> Towpath: cluster1/webapp1 verified
            execution <id 1> deployed commit <commit 3>, and ECS completed it
            Execution <id 1> of deploy-cluster1-webapp1.
        records
          on_image_push: cluster1/webapp1 moved: webapp1: newest "[0-9a-f]{7,40}" selects 1111111 (<webapp1:1111111>)
            - commit to deployment main on <commit 2>: cluster1/webapp1: webapp1 → 1111111 (cluster1/webapp1/revision.json)
          on_commit: cluster1/webapp1 undecided: execution <id 1> of deploy-cluster1-webapp1 has not read its source yet
          on_commit: cluster1/webapp1 refused (pipeline_triggered): an EventBridge rule started execution <id 1> of pipeline deploy-cluster1-webapp1: delete it if it is the one that the CodePipeline console makes with a pipeline, which does so at every commit
          on_deployment_change: cluster1/webapp1 rolling: execution <id 1> is being rolled out
          on_deployment_change: cluster1/webapp1 verified: execution <id 1> deployed commit <commit 3>, and ECS completed it
            - put evidence verified of dev for cluster1/webapp1 on webapp1@<webapp1:1111111>
            - comment at commit <commit 3> of deployment: Towpath: cluster1/webapp1 verified
    "#]].assert_eq(&story.told()?);
    story.commit("A note", &[("notes.txt", Some("Nothing to deploy.\n"))])?;
    story.sweep()?;
    expect![[r#"
        commits
          <commit 4> Pat Person: A note
            A notes.txt
        executions
          deploy-cluster1-webapp1 Succeeded at <commit 4>
        comments
          <commit 4> Towpath: cluster1/webapp1 verified
            execution <id 2> deployed commit <commit 4>, and ECS completed it
            Execution <id 2> of deploy-cluster1-webapp1.
        records
          on_commit: - ignored: commit <commit 4> changes no revision.json
          on_deployment_change: cluster1/webapp1 rolling: execution <id 2> is being rolled out
          on_deployment_change: cluster1/webapp1 verified: execution <id 2> deployed commit <commit 4>, and ECS completed it
            - comment at commit <commit 4> of deployment: Towpath: cluster1/webapp1 verified
          reconcile: cluster1/webapp1 nothing: it runs what git says
          reconcile: cluster1/webapp1 refused (pipeline_triggered): an EventBridge rule started execution <id 2> of pipeline deploy-cluster1-webapp1: delete it if it is the one that the CodePipeline console makes with a pipeline, which does so at every commit
          reconcile: cluster1/webapp2 never_deployed: it has no revision.json
    "#]].assert_eq(&story.told()?);
    Ok(())
}
