//! Stage rollbacks.

use super::executions::approve;
use super::*;
use expect_test::expect;

fn rollback(stage: &str, target: &str) -> Value {
    json!({ "pipelineName": "deploy", "stageName": stage, "targetPipelineExecutionId": target })
}

fn twice_approved() -> (Tried, String) {
    let mut tried = Tried::new();
    tried.commit(FILE, "1");
    tried.create("QUEUED", &approval());
    tried.pass_seconds(60);
    approve(&mut tried);
    tried.commit(FILE, "2");
    tried.start(json!({}));
    tried.pass_seconds(60);
    approve(&mut tried);
    let first = tried.execution_ids().remove(0);
    (tried, first)
}

#[test]
fn a_rollback_takes_the_earlier_artifacts_through_one_stage() {
    let (mut tried, first) = twice_approved();
    let reply = tried.call("RollbackStage", rollback("Deploy", &first));
    approve(&mut tried);
    expect![[r#"
        1 Succeeded of [c1] by CreatePipeline
            Source Succeeded
            Approve Succeeded
        2 Succeeded of [c2] by StartPipelineExecution
            Source Succeeded
            Approve Succeeded
        3 Succeeded of [c1] by ManualRollback
            Approve Succeeded
    "#]]
    .assert_eq(&tried.story());
    let id = &reply["pipelineExecutionId"];
    let shown =
        tried.call("GetPipelineExecution", json!({ "pipelineName": "deploy", "pipelineExecutionId": id }));
    let execution = &shown["pipelineExecution"];
    assert_eq!(execution["executionType"], "ROLLBACK");
    assert_eq!(execution["rollbackMetadata"]["rollbackTargetPipelineExecutionId"], json!(first));
    assert_eq!(execution["artifactRevisions"][0]["revisionId"], json!(tried.commits[0]));
}

#[test]
fn rollbacks_that_aws_does_not_do_are_refused() {
    let (mut tried, first) = twice_approved();
    let mut refusals = vec![
        tried.refusal("RollbackStage", rollback("Source", &first)),
        tried.refusal("RollbackStage", rollback("Elsewhere", &first)),
        tried.refusal("RollbackStage", rollback("Deploy", "00000000-0000-4000-8000-000000000000")),
    ];
    let reply = tried.call("RollbackStage", rollback("Deploy", &first));
    refusals.push(tried.refusal("RollbackStage", rollback("Deploy", &first)));
    approve(&mut tried);
    refusals.push(tried.refusal("RollbackStage", rollback("Deploy", text(&reply["pipelineExecutionId"]))));
    tried.call("UpdatePipeline", json!({ "pipeline": pipeline("QUEUED", &approval()) }));
    refusals.push(tried.refusal("RollbackStage", rollback("Deploy", &first)));
    let refusals = tried.numbered(&refusals.join("\n"));
    expect![[r#"
        UnableToRollbackStageException: The stage 'Source' is the source stage, which cannot be rolled back
        StageNotFoundException: The pipeline 'deploy' has no stage 'Elsewhere'
        PipelineExecutionNotFoundException: The pipeline 'deploy' has no execution (id)
        UnableToRollbackStageException: The stage 'Deploy' is running
        UnableToRollbackStageException: The execution execution 3 is a rollback itself
        PipelineExecutionOutdatedException: The execution execution 1 ran version 1 of the pipeline, which now has version 2
    "#]].assert_eq(&refusals);
}

#[test]
fn succeeded_in_stage_lists_only_executions_of_the_present_structure() {
    let (mut tried, _) = twice_approved();
    let filter = json!({ "succeededInStage": { "stageName": "Deploy" } });
    let input = json!({ "pipelineName": "deploy", "filter": filter });
    let count = |reply: Value| reply["pipelineExecutionSummaries"].as_array().map(Vec::len);
    assert_eq!(count(tried.call("ListPipelineExecutions", input.clone())), Some(2));
    tried.call("UpdatePipeline", json!({ "pipeline": pipeline("QUEUED", &approval()) }));
    assert_eq!(count(tried.call("ListPipelineExecutions", input)), Some(0));
}
