//! How executions start, wait for each other and are listed.

use super::*;
use crate::settings::Unconfirmed;
use expect_test::expect;

#[test]
fn creation_runs_the_pipeline_once() {
    let mut tried = Tried::new();
    tried.commit(FILE, "[]");
    tried.create("QUEUED", &approval());
    tried.pass_seconds(60);
    expect![[r#"
        1 InProgress of [c1] by CreatePipeline
            Source Succeeded
            Approve InProgress
    "#]]
    .assert_eq(&tried.story());
}

#[test]
fn a_repository_without_the_branch_fails_the_source_action() {
    let mut tried = Tried::new();
    tried.create("QUEUED", &approval());
    tried.pass_seconds(60);
    expect![[r#"
        1 Failed of [] by CreatePipeline
            Source Failed: ConfigurationError: No Branch [main] found for provided repository name [deployment]
    "#]].assert_eq(&tried.story());
    assert_eq!(tried.world.next_due(), None);
}

#[test]
fn queued_executions_run_in_the_order_of_their_starts() {
    let mut tried = Tried::new();
    for content in ["1", "2", "3"] {
        tried.commit(FILE, content);
    }
    tried.create("QUEUED", &approval());
    for commit in [2, 1, 0] {
        let commit = tried.commits[commit].clone();
        tried.start(json!({ "sourceRevisions": [named(&commit)] }));
    }
    tried.pass_seconds(60);
    expect![[r#"
        1 InProgress of [c3] by CreatePipeline
            Source Succeeded
            Approve InProgress
        2 InProgress of [c3] by StartPipelineExecution
            Source Succeeded
        3 InProgress of [c2] by StartPipelineExecution
            Source Succeeded
        4 InProgress of [c1] by StartPipelineExecution
            Source Succeeded
    "#]]
    .assert_eq(&tried.story());
    approve(&mut tried);
    tried.pass_seconds(60);
    expect![[r#"
        1 Succeeded of [c3] by CreatePipeline
            Source Succeeded
            Approve Succeeded
        2 InProgress of [c3] by StartPipelineExecution
            Source Succeeded
            Approve InProgress
        3 InProgress of [c2] by StartPipelineExecution
            Source Succeeded
        4 InProgress of [c1] by StartPipelineExecution
            Source Succeeded
    "#]]
    .assert_eq(&tried.story());
}

#[test]
fn a_newer_execution_supersedes_one_that_waits() {
    let mut tried = Tried::new();
    tried.commit(FILE, "1");
    tried.create("SUPERSEDED", &approval());
    tried.pass_seconds(60);
    tried.start(json!({}));
    tried.pass_seconds(60);
    tried.start(json!({}));
    tried.pass_seconds(60);
    expect![[r#"
        1 InProgress of [c1] by CreatePipeline
            Source Succeeded
            Approve InProgress
        2 Superseded of [c1] by StartPipelineExecution
            Source Succeeded
        3 InProgress of [c1] by StartPipelineExecution
            Source Succeeded
    "#]]
    .assert_eq(&tried.story());
}

#[test]
fn parallel_executions_do_not_wait_and_show_their_tokens_in_the_action_list() {
    let mut tried = Tried::new();
    tried.commit(FILE, "1");
    tried.create("PARALLEL", &approval());
    let second = tried.start(json!({}));
    tried.pass_seconds(60);
    expect![[r#"
        1 InProgress of [c1] by CreatePipeline
            Source Succeeded
            Approve InProgress
        2 InProgress of [c1] by StartPipelineExecution
            Source Succeeded
            Approve InProgress
    "#]]
    .assert_eq(&tried.story());
    let state = tried.call("GetPipelineState", json!({ "name": "deploy" }));
    assert_eq!(state.pointer("/stageStates/1/actionStates/0/latestExecution/token"), None);
    let filter = json!({ "pipelineExecutionId": second });
    let listed = tried.call("ListActionExecutions", json!({ "pipelineName": "deploy", "filter": filter }));
    let result = &listed["actionExecutionDetails"][0]["output"]["executionResult"];
    answer(&mut tried, &result["externalExecutionId"], "Approved");
    expect![[r#"
        1 InProgress of [c1] by CreatePipeline
            Source Succeeded
            Approve InProgress
        2 Succeeded of [c1] by StartPipelineExecution
            Source Succeeded
            Approve Succeeded
    "#]]
    .assert_eq(&tried.story());
}

#[test]
fn a_start_with_the_same_token_is_the_same_execution() {
    let mut tried = Tried::new();
    tried.commit(FILE, "1");
    tried.create("QUEUED", &approval());
    let first = tried.start(json!({ "clientRequestToken": "deployment-c1" }));
    assert_eq!(tried.start(json!({ "clientRequestToken": "deployment-c1" })), first);
    tried.pass(Duration::days(30));
    assert_eq!(tried.start(json!({ "clientRequestToken": "deployment-c1" })), first);
    assert_ne!(tried.start(json!({ "clientRequestToken": "deployment-c2" })), first);
    expect![[r#"ValidationException: 1 validation error detected: Value 'a_b' at 'clientRequestToken' failed to satisfy constraint: Member must satisfy regular expression pattern: ^[a-zA-Z0-9-]+$"#]]
        .assert_eq(&tried.refusal("StartPipelineExecution", json!({ "name": "deploy", "clientRequestToken": "a_b" })));
}

#[test]
fn a_token_may_be_forgotten() {
    let unconfirmed = Unconfirmed { start_token_is_forgotten: true, ..Unconfirmed::default() };
    let mut tried = Tried::with(Settings { unconfirmed, ..Settings::default() });
    tried.commit(FILE, "1");
    tried.create("QUEUED", &approval());
    let first = tried.start(json!({ "clientRequestToken": "deployment-c1" }));
    assert_ne!(tried.start(json!({ "clientRequestToken": "deployment-c1" })), first);
}

#[test]
fn the_revision_of_a_start_is_listed_at_once_or_late() {
    for late in [false, true] {
        let unconfirmed = Unconfirmed { source_revision_comes_late: late, ..Unconfirmed::default() };
        let mut tried = Tried::with(Settings { unconfirmed, ..Settings::default() });
        let commit = tried.commit(FILE, "1");
        tried.create("PARALLEL", &approval());
        tried.start(json!({ "sourceRevisions": [named(&commit)] }));
        let listed = |tried: &mut Tried| {
            let reply = tried.call("ListPipelineExecutions", json!({ "pipelineName": "deploy" }));
            reply["pipelineExecutionSummaries"][0]["sourceRevisions"][0]["revisionId"].clone()
        };
        assert_eq!(listed(&mut tried).is_null(), late);
        tried.pass_seconds(60);
        assert_eq!(listed(&mut tried), json!(commit));
    }
}

#[test]
fn a_commit_that_is_not_there_fails_the_source_action() {
    let mut tried = Tried::new();
    tried.commit(FILE, "1");
    tried.create("QUEUED", &approval());
    tried.pass_seconds(60);
    approve(&mut tried);
    tried.start(json!({ "sourceRevisions": [named(&"0123456789".repeat(4))] }));
    tried.start(json!({ "sourceRevisions": [named("main")] }));
    tried.pass_seconds(60);
    expect![[r#"
        1 Succeeded of [c1] by CreatePipeline
            Source Succeeded
            Approve Succeeded
        2 Failed of [0123456789012345678901234567890123456789] by StartPipelineExecution
            Source Failed: ConfigurationError: The commit does not exist in the repository named deployment: there is no commit 0123456789012345678901234567890123456789 in this repository
        3 Failed of [main] by StartPipelineExecution
            Source Failed: ConfigurationError: The commit does not exist in the repository named deployment: `main` is not a valid commit ID: expected 40 hexadecimal digits
    "#]].assert_eq(&tried.story());
}

#[test]
fn starts_that_make_no_sense_are_refused() {
    let mut tried = Tried::new();
    let commit = tried.commit(FILE, "1");
    tried.create("QUEUED", &approval());
    let mut refusals = String::new();
    for more in [
        json!({ "sourceRevisions": [{ "actionName": "Approve", "revisionType": "COMMIT_ID", "revisionValue": commit }] }),
        json!({ "sourceRevisions": [{ "actionName": "Source", "revisionType": "IMAGE_DIGEST", "revisionValue": "x" }] }),
        json!({ "sourceRevisions": [{ "actionName": "Source", "revisionType": "TAG", "revisionValue": "x" }] }),
        json!({ "sourceRevisions": [{ "actionName": "Source" }] }),
        json!({ "sourceRevisions": [named(&commit), named(&commit)] }),
        json!({ "variables": [{ "name": "stage", "value": "dev" }] }),
        json!({ "force": true }),
    ] {
        let mut input = more;
        input["name"] = json!("deploy");
        refusals.push_str(&tried.refusal("StartPipelineExecution", input));
        refusals.push('\n');
    }
    tried.numbered("");
    expect![[r#"
        ValidationException: Pipeline 'deploy' has no source action 'Approve'
        ValidationException: Source action 'Source' is a CodeCommit source: it takes a COMMIT_ID, no IMAGE_DIGEST
        ValidationException: 1 validation error detected: Value 'TAG' at 'sourceRevisions.1.member.revisionType' failed to satisfy constraint: Member must satisfy enum value set: [COMMIT_ID, IMAGE_DIGEST, S3_OBJECT_VERSION_ID, S3_OBJECT_KEY]
        ValidationException: 2 validation errors detected: Value null at 'sourceRevisions.1.member.revisionValue' failed to satisfy constraint: Member must not be null; Value null at 'sourceRevisions.1.member.revisionType' failed to satisfy constraint: Member must not be null
        ValidationException: sourceRevisions names the source action 'Source' twice
        ValidationException: Pipeline 'deploy' has no variable 'stage'
        NotInLocalAws: the local accounts do not know this of codepipeline StartPipelineExecution: unknown field `force`, expected one of `name`, `variables`, `clientRequestToken`, `sourceRevisions`; AWS may
    "#]].assert_eq(&refusals);
}

#[test]
fn the_fifty_first_execution_at_once_is_refused() {
    let mut tried = Tried::new();
    tried.commit(FILE, "1");
    tried.create("QUEUED", &approval());
    for _ in 0..49 {
        tried.start(json!({}));
    }
    expect!["ConcurrentPipelineExecutionsLimitExceededException: The pipeline 'deploy' has 50 executions in progress; the limit is 50"]
        .assert_eq(&tried.refusal("StartPipelineExecution", json!({ "name": "deploy" })));
}

#[test]
fn executions_are_listed_in_pages_that_do_not_shift() {
    let mut tried = Tried::new();
    tried.commit(FILE, "1");
    tried.create("QUEUED", &approval());
    for _ in 0..3 {
        tried.pass_seconds(60);
        tried.start(json!({}));
    }
    let ids = tried.execution_ids();
    let page = |tried: &mut Tried, token: Value| {
        let mut input = json!({ "pipelineName": "deploy", "maxResults": 3 });
        if !token.is_null() {
            input["nextToken"] = token;
        }
        let reply = tried.call("ListPipelineExecutions", input);
        let listed = reply["pipelineExecutionSummaries"].as_array().expect("a list").iter();
        (
            listed.map(|it| text(&it["pipelineExecutionId"]).to_owned()).collect::<Vec<_>>(),
            reply["nextToken"].clone(),
        )
    };
    let (first, token) = page(&mut tried, Value::Null);
    tried.start(json!({}));
    let (second, end) = page(&mut tried, token);
    assert_eq!((first, second), (vec![ids[3].clone(), ids[2].clone(), ids[1].clone()], vec![ids[0].clone()]));
    assert_eq!(end, Value::Null);
    expect![[r#"ValidationException: 1 validation error detected: Value '101' at 'maxResults' failed to satisfy constraint: Member must have value less than or equal to 100"#]]
        .assert_eq(&tried.refusal("ListPipelineExecutions", json!({ "pipelineName": "deploy", "maxResults": 101 })));
}

#[test]
fn a_disabled_transition_parks_executions() {
    let mut tried = Tried::new();
    tried.commit(FILE, "1");
    let into = json!({ "pipelineName": "deploy", "stageName": "Deploy", "transitionType": "Inbound" });
    tried.create("QUEUED", &approval());
    let mut disable = into.clone();
    disable["reason"] = json!("release freeze");
    tried.call("DisableStageTransition", disable);
    tried.pass_seconds(60);
    let state = tried.call("GetPipelineState", json!({ "name": "deploy" }));
    let shown = serde_json::to_string_pretty(&state["stageStates"][1]).expect("text");
    let shown = tried.numbered(&shown);
    expect![[r#"
        {
          "actionStates": [
            {
              "actionName": "Approve"
            }
          ],
          "inboundExecution": {
            "pipelineExecutionId": "execution 1",
            "status": "InProgress",
            "type": "STANDARD"
          },
          "inboundExecutions": [
            {
              "pipelineExecutionId": "execution 1",
              "status": "InProgress",
              "type": "STANDARD"
            }
          ],
          "inboundTransitionState": {
            "disabledReason": "release freeze",
            "enabled": false,
            "lastChangedAt": 1800000000.0,
            "lastChangedBy": "arn:aws:iam::111111111111:user/administrator"
          },
          "stageName": "Deploy"
        }
    "#]]
    .assert_eq(&shown);
    tried.call("EnableStageTransition", into);
    expect![[r#"
        1 InProgress of [c1] by CreatePipeline
            Source Succeeded
            Approve InProgress
    "#]]
    .assert_eq(&tried.story());
}

#[test]
fn a_polling_source_starts_an_execution_for_a_new_tip() {
    let mut tried = Tried::new();
    tried.commit(FILE, "1");
    let mut pipeline = pipeline("PARALLEL", &approval());
    pipeline["stages"][0]["actions"][0]["configuration"]
        .as_object_mut()
        .expect("a configuration")
        .remove("PollForSourceChanges");
    tried.call("CreatePipeline", json!({ "pipeline": pipeline }));
    tried.pass(Duration::minutes(5));
    tried.commit(FILE, "2");
    tried.pass(Duration::minutes(5));
    expect![[r#"
        1 InProgress of [c1] by CreatePipeline
            Source Succeeded
            Approve InProgress
        2 InProgress of [c2] by PollForSourceChanges
            Source Succeeded
            Approve InProgress
    "#]]
    .assert_eq(&tried.story());
    tried.call("DeletePipeline", json!({ "name": "deploy" }));
    tried.pass(Duration::days(8));
    assert_eq!(tried.world.next_due(), None);
}

pub(super) fn named(commit: &str) -> Value {
    json!({ "actionName": "Source", "revisionType": "COMMIT_ID", "revisionValue": commit })
}

/// Approves what waits for approval.
pub(super) fn approve(tried: &mut Tried) {
    let state = tried.call("GetPipelineState", json!({ "name": "deploy" }));
    let token = &state["stageStates"][1]["actionStates"][0]["latestExecution"]["token"];
    answer(tried, token, "Approved");
}

fn answer(tried: &mut Tried, token: &Value, status: &str) {
    let input = json!({
        "pipelineName": "deploy", "stageName": "Deploy", "actionName": "Approve", "token": token,
        "result": { "summary": "as you like", "status": status },
    });
    tried.call("PutApprovalResult", input);
}
