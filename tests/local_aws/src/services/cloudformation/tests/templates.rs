//! The project's own templates, deployed into a fresh account.

use super::*;
use crate::services;

#[test]
fn all_templates_deploy_and_these_are_their_resources() {
    let mut stage = Stage::new();
    stage.deploy_all();
    let mut shown = String::new();
    for stack in ["towpath-deployment-repository", "towpath", "pipeline"] {
        shown.push_str(&format!("{stack}\n"));
        let resources = stage.call("ListStackResources", json!({"StackName": stack})).expect("a list");
        for resource in resources["StackResourceSummaries"].as_array().expect("a list") {
            let text = |member: &str| resource[member].as_str().unwrap_or_default().to_owned();
            shown.push_str(&format!(
                "  {:<38} {:<32} {}\n",
                text("LogicalResourceId"),
                text("ResourceType"),
                text("PhysicalResourceId")
            ));
        }
    }
    expect![[r#""#]].assert_eq(&shown);
}

#[test]
fn a_function_knows_its_environment() {
    let mut stage = Stage::new();
    stage.deploy_all();
    let input = json!({"FunctionName": "towpath-reconcile"});
    let function =
        services::lambda::call(&mut stage.world, &administrator(), "GetFunctionConfiguration", input)
            .expect("a function");
    let shown = serde_json::to_string_pretty(&function["Environment"]["Variables"]).expect("JSON");
    expect![[r#""#]].assert_eq(&shown);
}

#[test]
fn a_template_deployed_again_changes_nothing_and_takes_new_executables_in() {
    let mut stage = Stage::new();
    stage.deploy_all();
    let code = |stage: &mut Stage| {
        let input = json!({"FunctionName": "towpath-on_commit"});
        services::lambda::call(&mut stage.world, &administrator(), "GetFunctionConfiguration", input)
            .expect("a function")["CodeSha256"]
            .clone()
    };
    let events = stage.events("towpath");
    let before = code(&mut stage);
    std::fs::write(stage.functions.path().join("on_commit"), "built anew").expect("an executable");
    stage.deploy("towpath", &own("template.yaml"), &[]).expect("the functions");
    assert_eq!(stage.events("towpath"), events);
    assert_ne!(code(&mut stage), before);
}

#[test]
fn all_templates_go_again_but_for_what_is_retained() {
    let mut stage = Stage::new();
    stage.deploy_all();
    for stack in ["pipeline", "towpath", "towpath-deployment-repository"] {
        stage.call("DeleteStack", json!({"StackName": stack})).expect("deleted");
    }
    let stacks = stage.call("ListStacks", json!({})).expect("a list");
    let states: Vec<String> = stacks["StackSummaries"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|stack| format!("{} {}", stack["StackName"], stack["StackStatus"]))
        .collect();
    expect![[r#""#]].assert_eq(&states.join("\n"));
    let account = stage.world.account(&dev()).expect("an account");
    let left = serde_json::to_value(account).expect("JSON");
    let kept = |pointer: &str| left.pointer(pointer).cloned().unwrap_or_default().to_string();
    expect![[r#""#]].assert_eq(&format!(
        "roles {}\nbuckets {}\nqueues {}\nfunctions {}",
        kept("/iam/roles"),
        kept("/s3/buckets"),
        kept("/sqs/queues"),
        kept("/lambda/functions")
    ));
}

#[test]
fn a_function_without_its_executable_fails_the_stack_by_name() {
    let mut stage = Stage::new();
    std::fs::remove_file(stage.functions.path().join("on_commit")).expect("removed");
    let folder = stage.functions.path().display().to_string();
    let error = stage.deploy("towpath", &own("template.yaml"), &[]).expect_err("a refusal");
    expect!["StackFailed: the stack towpath is ROLLBACK_COMPLETE: The following resource(s) failed to create: [OnCommit]: InvalidParameterValueException: there is no executable FOLDER/on_commit: build the functions first"].assert_eq(&error.to_string().replace(&folder, "FOLDER"));
}

#[test]
fn parameters_reach_patterns_roles_and_alarms() {
    let mut stage = Stage::new();
    let parameters = [("DeploymentBranch", "live"), ("NotifyEmail", "team@example.com"), ("Upstream", "12")];
    let error = stage.deploy("towpath", &own("template.yaml"), &parameters).expect_err("a refusal");
    assert_eq!(
        error.to_string(),
        "ValidationError: Parameter 'Upstream' is `12`; expected a 12-digit account id, or nothing"
    );
    stage.deploy("towpath", &own("template.yaml"), &parameters[..2]).expect("the functions");
    let rule = json!({"Name": "towpath-deployment_branch_moved"});
    let rule =
        services::events::call(&mut stage.world, &administrator(), "DescribeRule", rule).expect("a rule");
    expect![[r#""#]].assert_eq(rule["EventPattern"].as_str().expect("a pattern"));
    let input = json!({"StackName": "towpath", "LogicalResourceId": "NotificationsByEmail"});
    let subscription = stage.call("DescribeStackResources", input).expect("a resource");
    assert_eq!(subscription["StackResources"].as_array().map(Vec::len), Some(1));
}
