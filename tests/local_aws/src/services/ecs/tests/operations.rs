//! Operations, their answers and their refusals.

use super::stage::{Stage, image};
use crate::settings::Settings;
use expect_test::expect;
use serde_json::{Value, json};

#[test]
fn an_empty_account_lists_nothing() {
    let mut stage = Stage::new();
    assert_eq!(stage.ok("ListServices", json!({ "cluster": "shop" })), json!({ "serviceArns": [] }));
    assert_eq!(stage.ok("ListTasks", json!({ "cluster": "shop" })), json!({ "taskArns": [] }));
    assert_eq!(stage.ok("ListTaskDefinitions", json!({})), json!({ "taskDefinitionArns": [] }));
}

#[test]
fn what_is_not_there_is_refused_by_name() {
    let mut stage = Stage::new();
    stage.push("v1", &[]);
    let definition = stage.register("v1");
    let service = |more: Value| {
        let mut input = json!({
            "cluster": "shop", "serviceName": "web", "desiredCount": 1, "taskDefinition": definition,
        });
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        input
    };
    let cases = [
        ("RunTask", json!({})),
        ("CreateService", service(json!({ "loadBalancers": [] }))),
        ("CreateService", service(json!({ "schedulingStrategy": "DAEMON" }))),
        ("CreateService", service(json!({ "deploymentController": { "type": "CODE_DEPLOY" } }))),
        ("CreateService", service(json!({ "deploymentConfiguration": { "strategy": "BLUE_GREEN" } }))),
        ("CreateService", service(json!({ "deploymentConfiguration": { "alarms": {} } }))),
        ("RegisterTaskDefinition", json!({ "family": "web", "pidMode": "host" })),
    ];
    let refused: String = cases.map(|(operation, input)| stage.refused(operation, input) + "\n").concat();
    expect![[r#"
        NotInLocalAws: the local accounts do not know the operation ecs RunTask; AWS may
        NotInLocalAws: the local accounts do not know this of ecs CreateService: unknown field `loadBalancers`, expected one of `cluster`, `serviceName`, `taskDefinition`, `desiredCount`, `launchType`, `platformVersion`, `deploymentConfiguration`, `networkConfiguration`, `schedulingStrategy`, `deploymentController`, `availabilityZoneRebalancing`, `tags`, `enableECSManagedTags`, `propagateTags`, `enableExecuteCommand`, `clientToken`; AWS may
        NotInLocalAws: the local accounts do not know this of ecs CreateService: unknown variant `DAEMON`, expected `REPLICA`; AWS may
        NotInLocalAws: the local accounts do not know this of ecs CreateService: unknown variant `CODE_DEPLOY`, expected `ECS`; AWS may
        NotInLocalAws: the local accounts do not know this of ecs CreateService: unknown variant `BLUE_GREEN`, expected `ROLLING`; AWS may
        NotInLocalAws: the local accounts do not know this of ecs CreateService: unknown field `alarms`, expected one of `deploymentCircuitBreaker`, `maximumPercent`, `minimumHealthyPercent`, `strategy`; AWS may
        NotInLocalAws: the local accounts do not know this of ecs RegisterTaskDefinition: unknown field `pidMode`, expected one of `containerDefinitions`, `taskRoleArn`, `executionRoleArn`, `networkMode`, `requiresCompatibilities`, `cpu`, `memory`, `runtimePlatform`, `ephemeralStorage`, `volumes`, `placementConstraints`; AWS may
    "#]].assert_eq(&refused);
}

#[test]
fn mistakes_get_aws_s_errors() {
    let mut stage = Stage::new();
    stage.push("v1", &[]);
    stage.create("v1", 1, &json!({}));
    let eleven: Vec<String> = (0..11).map(|number| format!("s{number}")).collect();
    let cases = [
        ("DescribeServices", json!({ "cluster": "nowhere", "services": ["web"] })),
        ("DescribeServices", json!({ "cluster": "shop" })),
        ("DescribeServices", json!({ "cluster": "shop", "services": eleven })),
        (
            "DescribeServices",
            json!({ "cluster": "arn:aws:ecs:eu-west-1:222222222222:cluster/shop", "services": ["web"] }),
        ),
        ("UpdateService", json!({ "cluster": "shop", "service": "other" })),
        ("UpdateService", json!({ "cluster": "shop", "service": "web", "taskDefinition": "other" })),
        ("UpdateService", json!({ "cluster": "shop", "service": "web", "desiredCount": -1 })),
        (
            "CreateService",
            json!({ "cluster": "shop", "serviceName": "web", "taskDefinition": "web", "desiredCount": 1 }),
        ),
        ("CreateService", json!({ "cluster": "shop", "serviceName": "../x" })),
        ("DescribeTaskDefinition", json!({ "taskDefinition": "web:9" })),
        ("DeregisterTaskDefinition", json!({ "taskDefinition": "web" })),
        ("RegisterTaskDefinition", json!({ "family": "a b" })),
        ("RegisterTaskDefinition", json!({ "family": "web", "containerDefinitions": [] })),
        (
            "RegisterTaskDefinition",
            json!({ "family": "web", "containerDefinitions": [{ "name": "app", "image": "x" }] }),
        ),
        (
            "RegisterTaskDefinition",
            json!({ "family": "web", "memory": "512", "containerDefinitions": [{ "name": "app", "image": "x y" }] }),
        ),
        (
            "RegisterTaskDefinition",
            json!({ "family": "web", "memory": "512", "cpu": "256", "requiresCompatibilities": ["FARGATE"], "containerDefinitions": [{ "name": "app", "image": "x" }] }),
        ),
        (
            "RegisterTaskDefinition",
            json!({ "family": "web", "memory": "100", "cpu": "256", "networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"], "containerDefinitions": [{ "name": "app", "image": "x" }] }),
        ),
        ("DescribeTasks", json!({ "cluster": "shop", "tasks": [] })),
        ("ListTasks", json!({ "cluster": "shop", "startedBy": "x", "serviceName": "web" })),
        ("DescribeServiceDeployments", json!({ "serviceDeploymentArns": ["x"] })),
        ("DescribeServiceRevisions", json!({})),
        (
            "StopServiceDeployment",
            json!({ "serviceDeploymentArn": "arn:aws:ecs:eu-west-1:111111111111:service-deployment/shop/web/x" }),
        ),
        (
            "StopServiceDeployment",
            json!({ "serviceDeploymentArn": "arn:aws:ecs:eu-west-1:111111111111:service-deployment/shop/web/x", "stopType": "ABORT" }),
        ),
        ("DeleteCluster", json!({ "cluster": "shop" })),
    ];
    let refused: String =
        cases.map(|(operation, input)| format!("{operation} {}\n", stage.refused(operation, input))).concat();
    expect![[r#"
        DescribeServices ClusterNotFoundException: Cluster not found.
        DescribeServices InvalidParameterException: Services cannot be empty.
        DescribeServices InvalidParameterException: 11 services were named; at most 10 can be.
        DescribeServices InvalidParameterException: Identifier is for 222222222222. Your accountId is 111111111111
        UpdateService ServiceNotFoundException: Service not found.
        UpdateService ClientException: TaskDefinition not found.
        UpdateService InvalidParameterException: desiredCount was -1; it must be between 0 and 5000
        CreateService InvalidParameterException: Creation of service was not idempotent.
        CreateService InvalidParameterException: Service name must be 1 to 255 letters (uppercase and lowercase), numbers, underscores, and hyphens.
        DescribeTaskDefinition ClientException: Unable to describe task definition.
        DeregisterTaskDefinition InvalidParameterException: Revision is missing.
        RegisterTaskDefinition ClientException: Family contains invalid characters. Up to 255 letters (uppercase and lowercase), numbers, hyphens, and underscores are allowed.
        RegisterTaskDefinition ClientException: Container list cannot be empty.
        RegisterTaskDefinition ClientException: Invalid setting for container 'app'. At least one of 'memory' or 'memoryReservation' must be specified.
        RegisterTaskDefinition ClientException: Container.image contains invalid characters or is too long: x y
        RegisterTaskDefinition ClientException: Fargate only supports network mode ‘awsvpc’.
        RegisterTaskDefinition ClientException: No Fargate configuration exists for given values: 256 CPU, 100 memory. See the Amazon ECS documentation for the valid values.
        DescribeTasks InvalidParameterException: Tasks cannot be empty.
        ListTasks InvalidParameterException: startedBy must be the only filter when it is used.
        DescribeServiceDeployments InvalidParameterException: Invalid service deployment ARN: x
        DescribeServiceRevisions InvalidParameterException: serviceRevisionArns has 0 ARNs; it must have 1 to 20
        StopServiceDeployment ServiceDeploymentNotFoundException: Service deployment not found.
        StopServiceDeployment InvalidParameterException: stopType ABORT is not valid; the valid value is ROLLBACK.
        DeleteCluster ClusterContainsServicesException: The Cluster cannot be deleted while Services are active.
    "#]].assert_eq(&refused);
}

#[test]
fn what_is_missing_is_a_failure_in_a_good_answer() {
    let mut stage = Stage::new();
    let answer = stage.ok("DescribeServices", json!({ "cluster": "shop", "services": ["web"] }));
    let arn = "arn:aws:ecs:eu-west-1:111111111111:service/shop/web";
    assert_eq!(answer, json!({ "services": [], "failures": [{ "arn": arn, "reason": "MISSING" }] }));
    let arn = "arn:aws:ecs:eu-west-1:111111111111:service-revision/shop/web/1";
    let answer = stage.ok("DescribeServiceRevisions", json!({ "serviceRevisionArns": [arn] }));
    assert_eq!(answer, json!({ "serviceRevisions": [], "failures": [{ "arn": arn, "reason": "MISSING" }] }));
    let answer = stage.ok("DescribeClusters", json!({}));
    assert_eq!(answer["failures"][0]["reason"], "MISSING");
}

#[test]
fn a_task_definition_comes_back_as_it_can_be_registered_again() {
    let mut stage = Stage::new();
    let container = json!({
        "name": "app", "image": image("v1"), "memory": 128,
        "portMappings": [{ "containerPort": 80 }], "environment": [{ "name": "A", "value": "b" }],
    });
    let input = json!({ "family": "web", "containerDefinitions": [container], "taskRoleArn": "arn:aws:iam::111111111111:role/web" });
    stage.ok("RegisterTaskDefinition", input);
    let shown =
        stage.ok("DescribeTaskDefinition", json!({ "taskDefinition": "web" }))["taskDefinition"].clone();
    let mut again = json!({ "family": "web" });
    for member in ["containerDefinitions", "taskRoleArn", "volumes", "placementConstraints"] {
        again[member] = shown[member].clone();
    }
    let second = stage.ok("RegisterTaskDefinition", again)["taskDefinition"].clone();
    assert_eq!(
        (&second["revision"], &second["containerDefinitions"]),
        (&json!(2), &shown["containerDefinitions"])
    );
    expect![[r#"
        {
          "compatibilities": [
            "EC2"
          ],
          "containerDefinitions": [
            {
              "cpu": 0,
              "environment": [
                {
                  "name": "A",
                  "value": "b"
                }
              ],
              "essential": true,
              "image": "111111111111.dkr.ecr.eu-west-1.amazonaws.com/web:v1",
              "memory": 128,
              "mountPoints": [],
              "name": "app",
              "portMappings": [
                {
                  "containerPort": 80
                }
              ],
              "systemControls": [],
              "volumesFrom": []
            }
          ],
          "family": "web",
          "placementConstraints": [],
          "registeredAt": 1793613600.0,
          "registeredBy": "arn:aws:iam::111111111111:user/administrator",
          "requiresAttributes": [],
          "revision": 1,
          "status": "ACTIVE",
          "taskDefinitionArn": "arn:aws:ecs:eu-west-1:111111111111:task-definition/web:1",
          "taskRoleArn": "arn:aws:iam::111111111111:role/web",
          "volumes": []
        }
    "#]]
    .assert_eq(&(serde_json::to_string_pretty(&shown).unwrap() + "\n"));
}

#[test]
fn a_deregistered_revision_is_described_and_not_used() {
    let mut stage = Stage::new();
    stage.register("v1");
    let second = stage.register("v2");
    stage.ok("DeregisterTaskDefinition", json!({ "taskDefinition": second }));
    let newest = stage.ok("DescribeTaskDefinition", json!({ "taskDefinition": "web" }));
    assert_eq!(newest["taskDefinition"]["revision"], 1);
    let old = stage.ok("DescribeTaskDefinition", json!({ "taskDefinition": "web:2" }));
    assert_eq!(old["taskDefinition"]["status"], "INACTIVE");
    let input =
        json!({ "cluster": "shop", "serviceName": "web", "desiredCount": 1, "taskDefinition": "web:2" });
    assert_eq!(stage.refused("CreateService", input), "ClientException: TaskDefinition is inactive");
    assert!(stage.register("v3").ends_with("web:3"));
    let listed = stage.ok("ListTaskDefinitions", json!({ "sort": "DESC", "maxResults": 1 }));
    assert!(listed["taskDefinitionArns"][0].as_str().unwrap().ends_with("web:3"), "{listed}");
    assert!(listed["nextToken"].is_string(), "{listed}");
}

#[test]
fn a_tag_means_the_digest_it_had_when_the_deployment_began() {
    let mut stage = Stage::new();
    stage.push("v1", &[]);
    stage.create("v1", 1, &json!({}));
    stage.settle();
    let images = digests(&mut stage);
    assert_eq!(
        images,
        json!([{ "containerName": "app", "image": image("v1"), "imageDigest": "sha256:v1-index" }])
    );

    // The tag moves to another image; what is scaled out is still the first.
    stage.push("other", &[]);
    let other = stage.world.account(&stage.caller.account).unwrap().ecs.images[&image("other")].clone();
    stage.pull_answers(&image("v1"), other);
    stage.ok("UpdateService", json!({ "cluster": "shop", "service": "web", "desiredCount": 2 }));
    stage.settle();
    assert_eq!(running_digests(&mut stage), ["sha256:v1-index", "sha256:v1-index"]);

    // A new deployment looks again.
    stage.ok("UpdateService", json!({ "cluster": "shop", "service": "web", "forceNewDeployment": true }));
    stage.settle();
    assert_eq!(running_digests(&mut stage), ["sha256:other-index", "sha256:other-index"]);
}

fn digests(stage: &mut Stage) -> Value {
    let arn = stage.service()["currentServiceRevisions"][0]["arn"].clone();
    let answer = stage.ok("DescribeServiceRevisions", json!({ "serviceRevisionArns": [arn] }));
    answer["serviceRevisions"][0]["containerImages"].clone()
}

fn running_digests(stage: &mut Stage) -> Vec<String> {
    let arns = stage.ok("ListTasks", json!({ "cluster": "shop" }))["taskArns"].clone();
    let tasks = stage.ok("DescribeTasks", json!({ "cluster": "shop", "tasks": arns }))["tasks"].clone();
    let tasks = tasks.as_array().unwrap().iter();
    tasks.map(|task| task["containers"][0]["imageDigest"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn the_digests_that_aws_shows_can_be_had_both_ways() {
    let mut settings = Settings::default();
    settings.unconfirmed.revision_without_digest = true;
    settings.unconfirmed.task_reports_child_digest = true;
    let mut stage = Stage::with_settings(settings);
    stage.push("v1", &[]);
    stage.create("v1", 1, &json!({}));
    stage.settle();
    assert_eq!(digests(&mut stage), json!([{ "containerName": "app", "image": image("v1") }]));
    assert_eq!(running_digests(&mut stage), ["sha256:v1-arm64"]);
}

#[test]
fn service_deployments_are_filtered_and_paged() {
    let mut stage = Stage::new();
    stage.push("v1", &[]);
    stage.create("v1", 1, &json!({}));
    stage.settle();
    for _ in 0..2 {
        stage.pass(10.0);
        stage.ok("UpdateService", json!({ "cluster": "shop", "service": "web", "forceNewDeployment": true }));
        stage.settle();
    }
    let list = |stage: &mut Stage, more: Value| {
        let mut input = json!({ "cluster": "shop", "service": "web" });
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        stage.ok("ListServiceDeployments", input)
    };
    let all = list(&mut stage, json!({}))["serviceDeployments"].clone();
    let page = list(&mut stage, json!({ "maxResults": 2 }));
    let rest = list(&mut stage, json!({ "maxResults": 2, "nextToken": page["nextToken"] }));
    assert_eq!(page["serviceDeployments"], json!([all[0], all[1]]));
    assert_eq!(rest["serviceDeployments"], json!([all[2]]));
    let after = list(&mut stage, json!({ "createdAt": { "after": all[2]["createdAt"] } }));
    assert_eq!(after["serviceDeployments"], json!([all[0], all[1]]));
    assert_eq!(list(&mut stage, json!({ "status": ["STOPPED"] }))["serviceDeployments"], json!([]));
}

#[test]
fn tags_are_kept_with_what_they_are_on() {
    let mut stage = Stage::new();
    let arn = stage.register("v1");
    stage.ok("TagResource", json!({ "resourceArn": arn, "tags": [{ "key": "team", "value": "a" }, { "key": "x", "value": "y" }] }));
    stage.ok("UntagResource", json!({ "resourceArn": arn, "tagKeys": ["x"] }));
    let tags = stage.ok("ListTagsForResource", json!({ "resourceArn": arn }));
    assert_eq!(tags, json!({ "tags": [{ "key": "team", "value": "a" }] }));
    let reserved = stage.refused("TagResource", json!({ "resourceArn": arn, "tags": [{ "key": "aws:x" }] }));
    assert!(reserved.starts_with("InvalidParameterException"), "{reserved}");
}

#[test]
fn a_deleted_cluster_is_described_as_inactive() {
    let mut stage = Stage::new();
    stage.ok("DeleteCluster", json!({ "cluster": "shop" }));
    let answer = stage.ok("DescribeClusters", json!({ "clusters": ["shop"] }));
    assert_eq!(answer["clusters"][0]["status"], "INACTIVE");
    assert_eq!(stage.ok("ListClusters", json!({})), json!({ "clusterArns": [] }));
    assert!(
        stage.refused("ListServices", json!({ "cluster": "shop" })).starts_with("ClusterNotFoundException")
    );
}
