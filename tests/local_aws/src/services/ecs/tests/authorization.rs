//! What a role may do is decided by the resources and condition keys that AWS documents.

use super::stage::Stage;
use crate::caller::Caller;
use crate::services::Service;
use serde_json::{Value, json};

/// A service that runs, and a role with these statements who acts from now on.
fn acting_with(statements: &Value) -> Stage {
    let mut stage = Stage::new();
    stage.push("v1", &[]);
    stage.create("v1", 1, &json!({}));
    stage.settle();
    let trust = json!({
        "Version": "2012-10-17",
        "Statement": [{ "Effect": "Allow", "Principal": { "Service": "lambda.amazonaws.com" }, "Action": "sts:AssumeRole" }],
    });
    let policy = json!({ "Version": "2012-10-17", "Statement": statements });
    let requests = [
        ("CreateRole", json!({ "RoleName": "deployer", "AssumeRolePolicyDocument": trust.to_string() })),
        (
            "PutRolePolicy",
            json!({ "RoleName": "deployer", "PolicyName": "p", "PolicyDocument": policy.to_string() }),
        ),
    ];
    for (operation, input) in requests {
        stage.world.call(&stage.caller, Service::Iam, operation, input).unwrap();
    }
    stage.caller = Caller::role(&stage.caller.account, "deployer", "session");
    stage
}

fn denied(stage: &mut Stage, operation: &str, input: Value) {
    let refused = stage.refused(operation, input);
    assert!(refused.starts_with("AccessDeniedException"), "{operation}: {refused}");
}

const SERVICE: &str = "arn:aws:ecs:eu-west-1:111111111111:service/shop/web";

#[test]
fn a_role_without_policy_may_do_nothing() {
    let mut stage = acting_with(&json!([{ "Effect": "Allow", "Action": "s3:*", "Resource": "*" }]));
    denied(&mut stage, "DescribeServices", json!({ "cluster": "shop", "services": ["web"] }));
    denied(&mut stage, "ListServices", json!({ "cluster": "shop" }));
    denied(&mut stage, "UpdateService", json!({ "cluster": "shop", "service": "web", "desiredCount": 2 }));
    denied(&mut stage, "RegisterTaskDefinition", json!({ "family": "web" }));
}

#[test]
fn a_service_is_granted_by_its_arn_and_its_cluster() {
    let mut stage = acting_with(&json!([{
        "Effect": "Allow",
        "Action": ["ecs:DescribeServices", "ecs:UpdateService"],
        "Resource": SERVICE,
        "Condition": { "ArnEquals": { "ecs:cluster": "arn:aws:ecs:eu-west-1:111111111111:cluster/shop" } },
    }]));
    stage.ok("UpdateService", json!({ "cluster": "shop", "service": "web", "desiredCount": 2 }));
    denied(&mut stage, "UpdateService", json!({ "cluster": "shop", "service": "other" }));
    denied(&mut stage, "DescribeServices", json!({ "cluster": "shop", "services": ["web", "other"] }));
}

#[test]
fn a_service_deployment_needs_its_service_as_well() {
    let list = json!({ "cluster": "shop", "service": "web" });
    let own = json!({ "Effect": "Allow", "Action": "ecs:ListServiceDeployments", "Resource": SERVICE });
    let grant = |resource: Value| json!([own, { "Effect": "Allow", "Action": "ecs:DescribeServiceDeployments", "Resource": resource }]);
    let deployments = "arn:aws:ecs:eu-west-1:111111111111:service-deployment/shop/web/*";
    for (resource, allowed) in
        [(json!(deployments), false), (json!(SERVICE), false), (json!([SERVICE, deployments]), true)]
    {
        let mut stage = acting_with(&grant(resource));
        let arn =
            stage.ok("ListServiceDeployments", list.clone())["serviceDeployments"][0]["serviceDeploymentArn"]
                .clone();
        let input = json!({ "serviceDeploymentArns": [arn] });
        if allowed {
            stage.ok("DescribeServiceDeployments", input);
        } else {
            denied(&mut stage, "DescribeServiceDeployments", input);
        }
    }
}

#[test]
fn a_role_in_a_task_definition_must_be_passed_and_a_tag_granted() {
    let definition = |more: Value| {
        let mut input = json!({
            "family": "web", "containerDefinitions": [{ "name": "app", "image": "x", "memory": 128 }],
        });
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        input
    };
    let mut stage = acting_with(&json!([
        { "Effect": "Allow", "Action": "ecs:RegisterTaskDefinition", "Resource": "*" },
        {
            "Effect": "Allow",
            "Action": "iam:PassRole",
            "Resource": "arn:aws:iam::111111111111:role/web-task",
            "Condition": { "StringEquals": { "iam:PassedToService": ["ecs-tasks.amazonaws.com"] } },
        },
    ]));
    stage.ok(
        "RegisterTaskDefinition",
        definition(json!({ "taskRoleArn": "arn:aws:iam::111111111111:role/web-task" })),
    );
    let admin = json!({ "executionRoleArn": "arn:aws:iam::111111111111:role/admin" });
    let refused = stage.refused("RegisterTaskDefinition", definition(admin));
    assert!(refused.contains("iam:PassRole"), "{refused}");
    let refused = stage
        .refused("RegisterTaskDefinition", definition(json!({ "tags": [{ "key": "a", "value": "b" }] })));
    assert!(refused.contains("ecs:TagResource"), "{refused}");
}
