use super::*;
use expect_test::{Expect, expect};
use serde_json::{Value, json};

#[expect(clippy::needless_pass_by_value, reason = "a value is made where it is given")]
fn envelope(source: &str, detail_type: &str, resources: Value, detail: Value) -> Value {
    json!({
        "version": "0", "id": "4f5ec4d5-4de4-7aad-a046-56d5cfe1df0e", "detail-type": detail_type,
        "source": source, "account": "123456789012", "time": "2023-05-08T15:13:09Z", "region": "eu-central-1",
        "resources": resources, "detail": detail,
    })
}

const DIGEST: &str = "sha256:3c949327e32569aff0c532905dcb9626892e4c9b109be08027bb1e44f7f96518";

fn push() -> Value {
    let detail = json!({
        "action-type": "PUSH", "result": "SUCCESS", "repository-name": "node", "image-tag": "20-alpine3.16",
        "image-digest": DIGEST, "manifest-media-type": "application/vnd.oci.image.manifest.v1+json",
        "artifact-media-type": "application/vnd.oci.image.config.v1+json",
    });
    envelope("aws.ecr", "ECR Image Action", json!([]), detail)
}

fn moved() -> Value {
    let detail = json!({
        "event": "referenceUpdated", "repositoryName": "MyDemoRepo",
        "repositoryId": "12345678-1234-5678-abcd-12345678abcd", "referenceType": "branch",
        "referenceName": "main", "referenceFullName": "refs/heads/main", "commitId": "7".repeat(40),
        "oldCommitId": "3".repeat(40), "callerUserArn": "arn:aws:sts::123456789012:assumed-role/Admin/Mary_Major",
    });
    let resources = json!(["arn:aws:codecommit:us-east-2:123456789012:MyDemoRepo"]);
    envelope("aws.codecommit", "CodeCommit Repository State Change", resources, detail)
}

fn rollout() -> Value {
    let detail = json!({
        "eventType": "ERROR", "eventName": "SERVICE_DEPLOYMENT_FAILED", "deploymentId": "ecs-svc/123",
        "updatedAt": "2020-05-23T11:11:11Z", "reason": "ECS deployment circuit breaker: tasks failed to start.",
    });
    let resources = json!(["arn:aws:ecs:us-west-2:111122223333:service/default/servicetest"]);
    envelope("aws.ecs", "ECS Deployment State Change", resources, detail)
}

fn execution() -> Value {
    let detail = json!({
        "pipeline": "my-pipeline", "execution-id": "417b6f73-99ef-4105-95f1-11ebb1bcade5",
        "start-time": "2024-12-30T00:43:13.765Z", "state": "SUCCEEDED", "version": 6.0,
        "pipeline-execution-attempt": 1.0,
    });
    let resources = json!(["arn:aws:codepipeline:us-west-2:123456789012:my-pipeline"]);
    envelope("aws.codepipeline", "CodePipeline Pipeline Execution State Change", resources, detail)
}

/// The event with one member of its detail set, or taken out.
fn with(mut event: Value, member: &str, value: Option<Value>) -> Value {
    let detail = event["detail"].as_object_mut().unwrap();
    match value {
        Some(value) => detail.insert(member.to_owned(), value),
        None => detail.remove(member),
    };
    event
}

/// What is read, in a line: the event, or the error.
fn read(body: &str) -> String {
    let shown = match parse(body) {
        Ok(Event::ImagePushed(push)) => {
            format!("pushed {}:{} {} in {}", push.repository, push.tag, push.digest.short(), push.account)
        }
        Ok(Event::EvidenceTold(told)) => format!("evidence told of {} in {}", told.repository, told.account),
        Ok(Event::BranchMoved(moved)) => {
            let old = moved.old.map_or("nothing".to_owned(), |old| old.short().to_owned());
            let who = moved.caller_arn.unwrap_or_else(|| "nobody".to_owned());
            let BranchMoved { repository, branch, new, .. } = moved;
            format!("{repository} {branch} moved from {old} to {} by {who}", new.short())
        }
        Ok(Event::ServiceChanged(changed)) => {
            format!("{} {} in {}", changed.service, changed.event_name, changed.account)
        }
        Ok(Event::PipelineChanged(changed)) => {
            format!("pipeline {} {} in {}", changed.pipeline, changed.state, changed.account)
        }
        Ok(Event::WakeUp(wake_up)) => format!("look at {}: {}", wake_up.service, wake_up.reason),
        Ok(Event::Sweep(sweep)) => format!("sweep after {:?}", sweep.after.map(|after| after.to_string())),
        Ok(Event::Ignored { because, .. }) => format!("ignored: {because}"),
        Err(error) => format!("error: {error}"),
    };
    assert_eq!(shown.lines().count(), 1, "one line: {shown}");
    assert!(shown.len() < 700, "a line that can be read: {} bytes", shown.len());
    shown
}

fn check(events: &[Value], expected: &Expect) {
    let lines: Vec<String> = events.iter().map(|event| read(&event.to_string())).collect();
    expected.assert_eq(&lines.join("\n"));
}

#[test]
fn an_image_action_is_a_push_only_with_a_tag() {
    check(
        &[
            push(),
            with(with(push(), "manifest-media-type", None), "artifact-media-type", None),
            with(push(), "image-tag", Some(json!("0012e34"))),
            with(push(), "image-tag", Some(json!(""))),
            with(push(), "image-tag", None),
            with(push(), "image-tag", Some(json!("a".repeat(128)))),
            with(push(), "image-tag", Some(json!("a".repeat(129)))),
            with(push(), "image-tag", Some(json!("a".repeat(300)))),
            with(push(), "image-tag", Some(json!("a".repeat(301)))),
            with(push(), "action-type", Some(json!("DELETE"))),
            with(push(), "action-type", Some(json!("UPDATE_STORAGE_CLASS"))),
            with(push(), "result", Some(json!("FAILED"))),
        ],
        &expect![[r#"
            pushed node:20-alpine3.16 sha256:3c949327e325 in 123456789012
            pushed node:20-alpine3.16 sha256:3c949327e325 in 123456789012
            pushed node:0012e34 sha256:3c949327e325 in 123456789012
            ignored: an untagged push to node names no version
            ignored: an untagged push to node names no version
            pushed node:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa sha256:3c949327e325 in 123456789012
            ignored: the tag "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa…" (129 characters) of node is longer than any that is pulled
            ignored: the tag "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa…" (300 characters) of node is longer than any that is pulled
            error: the event's detail.image-tag: "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa…" (301 characters) is not an image tag: expected 1 to 128 letters, digits, _, . or -, the first not . or - (a digest is written after @)
            ignored: DELETE SUCCESS puts no image into the registry
            ignored: UPDATE_STORAGE_CLASS SUCCESS puts no image into the registry
            ignored: PUSH FAILED puts no image into the registry"#]],
    );
}

#[test]
fn a_repository_change_is_a_move_only_of_a_branch() {
    let merged = with(with(moved(), "mergeOption", Some(json!("THREE_WAY_MERGE"))), "callerUserArn", None);
    check(
        &[
            moved(),
            with(with(moved(), "event", Some(json!("referenceCreated"))), "oldCommitId", None),
            with(with(moved(), "event", Some(json!("referenceDeleted"))), "commitId", None),
            with(merged, "sourceCommitId", Some(json!("4".repeat(40)))),
            with(moved(), "referenceType", Some(json!("tag"))),
            envelope(
                "aws.codecommit",
                "CodeCommit Repository State Change",
                json!([]),
                json!({"event": "unreferencedMergeCommitCreated", "repositoryName": "MyDemoRepo", "commitId": "4"}),
            ),
        ],
        &expect![[r#"
            MyDemoRepo main moved from 33333333 to 77777777 by arn:aws:sts::123456789012:assumed-role/Admin/Mary_Major
            MyDemoRepo main moved from nothing to 77777777 by arn:aws:sts::123456789012:assumed-role/Admin/Mary_Major
            ignored: referenceDeleted moves no branch of MyDemoRepo
            MyDemoRepo main moved from 33333333 to 77777777 by nobody
            ignored: referenceUpdated moves no branch of MyDemoRepo
            ignored: unreferencedMergeCommitCreated moves no branch of MyDemoRepo"#]],
    );
}

#[test]
fn a_rollout_is_told_of_its_service() {
    let mut old_format = rollout();
    old_format["resources"] = json!(["arn:aws:ecs:us-west-2:111122223333:service/servicetest"]);
    let mut of_a_task = rollout();
    of_a_task["resources"] = json!(["arn:aws:ecs:us-west-2:111122223333:task/default/0123"]);
    let mut of_nothing = rollout();
    of_nothing["resources"] = json!([]);
    let impaired = envelope(
        "aws.ecs",
        "ECS Service Action",
        json!(["arn:aws:ecs:us-west-2:111122223333:service/default/servicetest"]),
        json!({"eventType": "WARN", "eventName": "SERVICE_TASK_START_IMPAIRED",
            "clusterArn": "arn:aws:ecs:us-west-2:111122223333:cluster/default", "createdAt": "2020-05-23T12:31:14Z"}),
    );
    check(
        &[rollout(), impaired, old_format, of_a_task, of_nothing],
        &expect![[r#"
            default/servicetest SERVICE_DEPLOYMENT_FAILED in 123456789012
            default/servicetest SERVICE_TASK_START_IMPAIRED in 123456789012
            ignored: "arn:aws:ecs:us-west-2:111122223333:service/servicetest" does not name cluster and service; the account uses the old ARN format
            ignored: "arn:aws:ecs:us-west-2:111122223333:task/default/0123" does not name cluster and service; the account uses the old ARN format
            error: the event has no resources[0]"#]],
    );
}

#[test]
fn numbers_of_a_pipeline_event_may_be_floats_integers_or_texts() {
    check(
        &[
            execution(),
            with(execution(), "version", Some(json!(1))),
            with(with(execution(), "version", Some(json!("1"))), "start-time", None),
        ],
        &expect![[r#"
            pipeline my-pipeline SUCCEEDED in 123456789012
            pipeline my-pipeline SUCCEEDED in 123456789012
            pipeline my-pipeline SUCCEEDED in 123456789012"#]],
    );
}

#[test]
fn towpaths_own_messages_are_read() {
    check(
        &[
            json!({"towpath": "wake-up", "version": 1, "service": "cluster1/webapp1", "reason": "a start is owed"}),
            json!({"towpath": "wake-up", "version": 2, "service": "cluster1/webapp1", "reason": "x"}),
            json!({"towpath": "wake-up", "version": 1, "service": "../x", "reason": "x"}),
            json!({"towpath": "sweep", "version": 1}),
            json!({"towpath": "sweep", "version": 1, "after": "cluster1/webapp1"}),
            json!({"towpath": "something"}),
        ],
        &expect![[r#"
            look at cluster1/webapp1: a start is owed
            error: the wake-up has version 2: expected version 1
            error: the wake-up cannot be read: "../x" is not a service: expected <cluster>/<service>, each 1 to 255 letters, digits, - or _ at line 1 column 30
            sweep after None
            sweep after Some("cluster1/webapp1")
            error: the event has no source"#]],
    );
}

#[test]
fn what_nobody_asked_for_is_ignored_by_name() {
    check(
        &[
            envelope("aws.ecr", "ECR Image Scan", json!([]), json!({"scan-status": "COMPLETE"})),
            envelope("aws.ecr", "ECR Replication Action", json!([]), json!({})),
            envelope("aws.codecommit", "CodeCommit Pull Request State Change", json!([]), json!({})),
            envelope("aws.codepipeline", "CodePipeline Stage Execution State Change", json!([]), json!({})),
            envelope("aws.ecs", "ECS Task State Change", json!([]), json!({})),
            envelope("mine\n", &"x".repeat(300), json!([]), json!({})),
        ],
        &expect![[r#"
            ignored: Towpath does not act on "ECR Image Scan" of "aws.ecr"
            ignored: Towpath does not act on "ECR Replication Action" of "aws.ecr"
            ignored: Towpath does not act on "CodeCommit Pull Request State Change" of "aws.codecommit"
            ignored: Towpath does not act on "CodePipeline Stage Execution State Change" of "aws.codepipeline"
            ignored: Towpath does not act on "ECS Task State Change" of "aws.ecs"
            ignored: Towpath does not act on "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…" (300 characters) of "mine\n""#]],
    );
}

#[test]
fn a_bad_name_is_told_with_its_value_and_what_was_expected() {
    let long = "x".repeat(300);
    let bad_ids = |mut event: Value, id: &str| {
        event["id"] = json!(id);
        event
    };
    check(
        &[
            with(push(), "repository-name", Some(json!("../x"))),
            with(push(), "repository-name", Some(json!("a/../../b"))),
            with(push(), "repository-name", Some(json!(""))),
            with(push(), "repository-name", Some(json!(long))),
            with(push(), "image-tag", Some(json!("a\u{1b}[31m\nb"))),
            with(push(), "image-tag", Some(json!(DIGEST))),
            with(push(), "image-tag", Some(json!(long))),
            with(push(), "image-digest", Some(json!("sha256:short"))),
            with(push(), "image-digest", None),
            with(moved(), "repositoryName", Some(json!("a/../../b"))),
            with(moved(), "referenceName", Some(json!("../x"))),
            with(moved(), "referenceName", Some(json!(""))),
            with(moved(), "commitId", Some(json!("main"))),
            with(moved(), "oldCommitId", Some(json!("7777777"))),
            with(moved(), "commitId", None),
            with(execution(), "pipeline", Some(json!("a b"))),
            bad_ids(push(), ""),
            bad_ids(push(), "a\nb"),
        ],
        &expect![[r#"
            error: the event's detail.repository-name: "../x" is not an image repository name: expected 2 to 256 lower-case letters and digits, with single ., _, __, - or / between them
            error: the event's detail.repository-name: "a/../../b" is not an image repository name: expected 2 to 256 lower-case letters and digits, with single ., _, __, - or / between them
            error: the event's detail.repository-name: "" is not an image repository name: expected 2 to 256 lower-case letters and digits, with single ., _, __, - or / between them
            error: the event's detail.repository-name: "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…" (300 characters) is not an image repository name: expected 2 to 256 lower-case letters and digits, with single ., _, __, - or / between them
            error: the event's detail.image-tag: "a\u{1b}[31m\nb" is not an image tag: expected 1 to 128 letters, digits, _, . or -, the first not . or - (a digest is written after @)
            error: the event's detail.image-tag: "sha256:3c949327e32569aff0c532905dcb9626892e4c9b109be08027bb1e44f7f96518" is not an image tag: expected 1 to 128 letters, digits, _, . or -, the first not . or - (a digest is written after @)
            ignored: the tag "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…" (300 characters) of node is longer than any that is pulled
            error: the event's detail.image-digest: "sha256:short" is not an image digest: expected sha256: and 64 hexadecimal digits
            error: the event has no detail.image-digest
            error: the event's detail.repositoryName: "a/../../b" is not a repository name: expected 1 to 100 letters, digits, ., _ or -, not ending in .git
            error: the event's detail.referenceName: "../x" is not a branch name: expected a git branch name of 1 to 256 characters, such as main
            error: the event's detail.referenceName: "" is not a branch name: expected a git branch name of 1 to 256 characters, such as main
            error: the event's detail.commitId: "main" is not a commit id: expected 40 hexadecimal digits
            error: the event's detail.oldCommitId: "7777777" is not a commit id: expected 40 hexadecimal digits
            error: the event has no detail.commitId
            error: the event's detail.pipeline: "a b" is not a pipeline name: expected 1 to 100 letters, digits, ., @, - or _
            error: the event's id: "" is not an event id: expected 1 to 128 letters, digits, -, _, . or :
            error: the event's id: "a\nb" is not an event id: expected 1 to 128 letters, digits, -, _, . or :"#]],
    );
}

#[test]
fn what_is_no_event_is_told_in_one_line() {
    let mut without_account = push();
    without_account.as_object_mut().unwrap().remove("account");
    let wrong_type = with(push(), "image-tag", Some(json!({"a": "x".repeat(1000)})));
    let long_value = with(push(), "repository-name", Some(json!([1, 2])));
    let two_megabytes = with(push(), "image-tag", Some(json!("x".repeat(2 * 1024 * 1024)))).to_string();
    let bodies = [
        String::new(),
        "no JSON".to_owned(),
        "null".to_owned(),
        "[]".to_owned(),
        "{}".to_owned(),
        r#"{"source":"aws.ecr"}"#.to_owned(),
        r#"{"source":"aws.ecr","detail-type":"ECR Image Action"}"#.to_owned(),
        json!({"source": "x".repeat(1000), "detail-type": 1}).to_string(),
        without_account.to_string(),
        wrong_type.to_string(),
        long_value.to_string(),
        two_megabytes,
    ];
    let lines: Vec<String> = bodies.iter().map(|body| read(body)).collect();
    expect![[r#"
        error: the message is no event: EOF while parsing a value at line 1 column 0
        error: the message is no event: expected ident at line 1 column 2
        error: the message is no event: invalid type: null, expected an event as a JSON object at line 1 column 4
        error: the message is no event: invalid length 0, expected an event as a JSON object at line 1 column 2
        error: the event has no source
        error: the event has no detail-type
        error: the message is no event: missing field `detail` at line 1 column 53
        error: the message is no event: detail-type: invalid type: integer `1`, expected a string at line 1 column 16
        error: the event has no account
        error: the message is no event: detail.image-tag: invalid type: map, expected a string at line 1 column 223
        error: the message is no event: detail.repository-name: invalid type: sequence, expected a string at line 1 column 324
        error: the message has 2097669 bytes: expected at most 1048576"#]].assert_eq(&lines.join("\n"));
}
