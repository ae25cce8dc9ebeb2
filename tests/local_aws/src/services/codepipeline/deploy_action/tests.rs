use super::*;
use expect_test::expect;

fn target() -> Target {
    Target { cluster: "cluster1".to_owned(), service: "webapp1".to_owned() }
}

fn definitions(text: &str) -> String {
    match image_definitions("revision.json", text.as_bytes()) {
        Ok(images) => format!("{images:?}"),
        Err(failure) => format!("{}: {}", failure.code, failure.message),
    }
}

#[test]
fn a_file_is_an_array_of_names_and_images_and_nothing_else() {
    expect![[r#"[ImageDefinition { name: "webapp1", image_uri: "a@sha256:1" }]"#]]
        .assert_eq(&definitions(r#"[{"imageUri":"a@sha256:1","name":"webapp1"}]"#));
    let invalid = "ConfigurationError: The image definitions file revision.json contains invalid JSON format";
    for text in ["", "[]", "{}", r#"[{"name":"a"}]"#, r#"[{"name":"a","imageUri":1}]"#, "[1", "\u{feff}[]"] {
        assert_eq!(definitions(text), invalid, "{text}");
    }
    let longest = format!(r#"[{{"name":"a","imageUri":"b"}}{}]"#, " ".repeat(FILE_SIZE_MAX - 29));
    assert_eq!(longest.len(), FILE_SIZE_MAX);
    assert!(definitions(&longest).starts_with("[ImageDefinition"));
    expect![
        "ConfigurationError: The image definitions file revision.json has 102401 bytes; the limit is 102400"
    ]
    .assert_eq(&definitions(&format!("{longest} ")));
}

#[test]
fn a_revision_takes_over_what_people_wrote_and_not_what_ecs_added() {
    let current = json!({
        "taskDefinition": {
            "taskDefinitionArn": "arn", "revision": 7, "status": "ACTIVE", "registeredBy": "somebody",
            "compatibilities": ["EC2"], "requiresAttributes": [], "family": "webapp1", "cpu": "256",
            "containerDefinitions": [
                { "name": "webapp1", "image": "old", "memory": 1 }, { "name": "envoy", "image": "kept" },
            ],
        },
        "tags": [{ "key": "team", "value": "a" }],
    });
    let image = |name: &str| ImageDefinition { name: name.to_owned(), image_uri: "new".to_owned() };
    let next = revised(&current, &[image("webapp1")]).expect("a revision");
    expect![[r#"{"containerDefinitions":[{"image":"new","memory":1,"name":"webapp1"},{"image":"kept","name":"envoy"}],"cpu":"256","family":"webapp1","tags":[{"key":"team","value":"a"}]}"#]].assert_eq(&next.to_string());
    let failure = revised(&current, &[image("webapp1"), image("webapp2")]).expect_err("a failure");
    assert_eq!(failure, Failure::configuration("The AWS ECS container webapp2 does not exist"));
}

#[test]
fn a_service_that_is_missing_inactive_or_of_another_controller_is_not_deployed_to() {
    let used = |described: Value| match used_task_definition(&described, &target()) {
        Ok(used) => used,
        Err(failure) => failure.message,
    };
    let service = |controller: &str| {
        json!({ "services": [{
            "status": "ACTIVE", "taskDefinition": "webapp1:7", "deploymentController": { "type": controller },
        }] })
    };
    assert_eq!(used(service("ECS")), "webapp1:7");
    let missing = "The AWS ECS service webapp1 does not exist in the cluster cluster1";
    assert_eq!(used(json!({ "services": [], "failures": [{ "reason": "MISSING" }] })), missing);
    assert_eq!(
        used(json!({ "services": [{ "status": "INACTIVE", "taskDefinition": "webapp1:7" }] })),
        missing
    );
    expect!["The AWS ECS service webapp1 has the deployment controller CODE_DEPLOY; this action needs ECS"]
        .assert_eq(&used(service("CODE_DEPLOY")));
}

#[test]
fn only_the_deployment_that_the_action_started_completes_it() {
    let described = |id: &str, status: &str, state: &str| json!({ "services": [{ "deployments": [{ "id": id, "status": status, "rolloutState": state }] }] });
    let updated = json!({ "service": described("ecs-svc/1", "PRIMARY", "IN_PROGRESS")["services"][0] });
    let ours = primary_deployment(&updated).expect("a deployment");
    assert_eq!(progress(&described(&ours, "PRIMARY", "IN_PROGRESS"), &ours), Progress::GoingOn);
    assert_eq!(progress(&described(&ours, "PRIMARY", "COMPLETED"), &ours), Progress::Complete);
    assert_eq!(progress(&described(&ours, "ACTIVE", "COMPLETED"), &ours), Progress::Complete);
    assert_eq!(progress(&described(&ours, "ACTIVE", "FAILED"), &ours), Progress::GoingOn);
    assert_eq!(progress(&described("ecs-svc/2", "PRIMARY", "COMPLETED"), &ours), Progress::GoingOn);
    assert_eq!(progress(&json!({ "services": [] }), &ours), Progress::GoingOn);
}
