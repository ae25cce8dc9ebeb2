//! Rollouts that go well, or are overtaken or stopped.

use super::stage::Stage;
use expect_test::expect;
use serde_json::json;

#[test]
fn nothing_to_do_is_nothing_done() {
    let mut stage = Stage::new();
    stage.push("v1", &[]);
    stage.create("v1", 1, &json!({}));
    stage.settle();
    let (events, before) = (stage.events().lines().count(), stage.service());
    let task_definition = before["taskDefinition"].clone();
    stage.ok(
        "UpdateService",
        json!({ "cluster": "shop", "service": "web", "desiredCount": 1, "taskDefinition": task_definition }),
    );
    stage.settle();
    assert!(events > 0);
    assert_eq!((stage.events().as_str(), stage.service()), ("", before));
}

#[test]
fn a_first_deployment_takes_its_time_and_completes() {
    let mut stage = Stage::new();
    stage.push("v1", &[]);
    stage.create("v1", 2, &json!({}));
    expect![[r#"
        service ACTIVE desired 2 running 0 pending 0 of web:1
        deployment D1 PRIMARY IN_PROGRESS web:1 desired 2 running 0 pending 0 failed 0: ECS deployment D1 in progress.
        service deployment PENDING of web:1 breaker DISABLED 0/0
    "#]].assert_eq(&stage.state());
    stage.pass(0.6);
    expect![[r#"
        service ACTIVE desired 2 running 2 pending 0 of web:1
        deployment D1 PRIMARY IN_PROGRESS web:1 desired 2 running 2 pending 0 failed 0: ECS deployment D1 in progress.
        service deployment IN_PROGRESS of web:1 breaker DISABLED 0/0
    "#]].assert_eq(&stage.state());
    stage.settle();
    expect![[r#"
        0.00s SERVICE_DEPLOYMENT_IN_PROGRESS D1: ECS deployment D1 in progress.
        0.00s task T1 PENDING -
        0.00s task T2 PENDING -
        0.50s task T1 RUNNING -
        0.50s task T2 RUNNING -
        1.00s task T1 RUNNING HEALTHY
        1.00s task T2 RUNNING HEALTHY
        1.00s SERVICE_DEPLOYMENT_COMPLETED D1: ECS deployment D1 completed.
        1.00s SERVICE_STEADY_STATE
    "#]]
    .assert_eq(&stage.events());
    expect![[r#"
        service ACTIVE desired 2 running 2 pending 0 of web:1
        deployment D1 PRIMARY COMPLETED web:1 desired 2 running 2 pending 0 failed 0: ECS deployment D1 completed.
        service deployment SUCCESSFUL of web:1 breaker DISABLED 0/0
    "#]].assert_eq(&stage.state());
    expect![[r#"
        (service web) has started 2 tasks: (task T1) (task T2).
        (service web) (deployment D1) deployment completed.
        (service web) has reached a steady state.
    "#]]
    .assert_eq(&stage.messages());
}

#[test]
fn a_second_deployment_starts_before_it_stops() {
    let mut stage = Stage::new();
    stage.push("v1", &[]);
    stage.push("v2", &[]);
    stage.create("v1", 1, &json!({}));
    stage.settle();
    stage.events();
    stage.deploy("v2");
    stage.pass(0.7);
    expect![[r#"
        service ACTIVE desired 1 running 2 pending 0 of web:2
        deployment D2 PRIMARY IN_PROGRESS web:2 desired 1 running 1 pending 0 failed 0: ECS deployment D2 in progress.
        deployment D1 ACTIVE COMPLETED web:1 desired 1 running 1 pending 0 failed 0: ECS deployment D1 completed.
        service deployment IN_PROGRESS of web:2 breaker DISABLED 0/0
        service deployment SUCCESSFUL of web:1 breaker DISABLED 0/0
    "#]].assert_eq(&stage.state());
    stage.settle();
    expect![[r#"
        1.00s SERVICE_DEPLOYMENT_IN_PROGRESS D2: ECS deployment D2 in progress.
        1.00s task T2 PENDING -
        1.50s task T2 RUNNING -
        2.00s task T2 RUNNING HEALTHY
        2.00s task T1 DEACTIVATING - Scaling activity initiated by (deployment D2)
        2.20s task T1 STOPPED - Scaling activity initiated by (deployment D2) 143
        2.20s SERVICE_DEPLOYMENT_COMPLETED D2: ECS deployment D2 completed.
        2.20s SERVICE_STEADY_STATE
    "#]]
    .assert_eq(&stage.events());
    expect![[r#"
        service ACTIVE desired 1 running 1 pending 0 of web:2
        deployment D2 PRIMARY COMPLETED web:2 desired 1 running 1 pending 0 failed 0: ECS deployment D2 completed.
        service deployment SUCCESSFUL of web:2 breaker DISABLED 0/0
        service deployment SUCCESSFUL of web:1 breaker DISABLED 0/0
    "#]].assert_eq(&stage.state());
}

#[test]
fn where_there_is_no_room_old_tasks_stop_first() {
    let mut stage = Stage::new();
    stage.push("v1", &[]);
    stage.push("v2", &[]);
    stage.create("v1", 1, &json!({ "maximumPercent": 100, "minimumHealthyPercent": 0 }));
    stage.settle();
    stage.events();
    stage.deploy("v2");
    stage.settle();
    expect![[r#"
        1.00s SERVICE_DEPLOYMENT_IN_PROGRESS D2: ECS deployment D2 in progress.
        1.00s task T1 DEACTIVATING - Scaling activity initiated by (deployment D2)
        1.20s task T1 STOPPED - Scaling activity initiated by (deployment D2) 143
        1.20s task T2 PENDING -
        1.70s task T2 RUNNING -
        2.20s task T2 RUNNING HEALTHY
        2.20s SERVICE_DEPLOYMENT_COMPLETED D2: ECS deployment D2 completed.
        2.20s SERVICE_STEADY_STATE
    "#]]
    .assert_eq(&stage.events());
}

#[test]
fn percentages_that_leave_no_room_block_and_say_so_once() {
    let mut stage = Stage::new();
    stage.push("v1", &[]);
    stage.push("v2", &[]);
    stage.create("v1", 1, &json!({ "maximumPercent": 150 }));
    stage.settle();
    stage.deploy("v2");
    stage.settle();
    expect![[r#"
        service ACTIVE desired 1 running 1 pending 0 of web:2
        deployment D2 PRIMARY IN_PROGRESS web:2 desired 1 running 0 pending 0 failed 0: ECS deployment D2 in progress.
        deployment D1 ACTIVE COMPLETED web:1 desired 1 running 1 pending 0 failed 0: ECS deployment D1 completed.
        service deployment IN_PROGRESS of web:2 breaker DISABLED 0/0
        service deployment SUCCESSFUL of web:1 breaker DISABLED 0/0
    "#]].assert_eq(&stage.state());
    expect![[r#"
        (service web) has started 1 tasks: (task T1).
        (service web) (deployment D1) deployment completed.
        (service web) has reached a steady state.
        (service web) was unable to stop or start tasks during a deployment because of the service deployment configuration. Update the minimumHealthyPercent or maximumPercent value and try again.
    "#]].assert_eq(&stage.messages());
}

#[test]
fn a_newer_deployment_supersedes_the_running_one() {
    let mut stage = Stage::new();
    for tag in ["v1", "v2", "v3"] {
        stage.push(tag, &[]);
    }
    stage.create("v1", 1, &json!({ "deploymentCircuitBreaker": { "enable": true, "rollback": true } }));
    stage.settle();
    stage.events();
    stage.deploy("v2");
    stage.pass(0.6);
    stage.deploy("v3");
    expect![[r#"
        service ACTIVE desired 1 running 2 pending 0 of web:3
        deployment D3 PRIMARY IN_PROGRESS web:3 desired 1 running 0 pending 0 failed 0: ECS deployment D3 in progress.
        deployment D2 ACTIVE IN_PROGRESS web:2 desired 1 running 1 pending 0 failed 0: ECS deployment D2 in progress.
        deployment D1 ACTIVE COMPLETED web:1 desired 1 running 1 pending 0 failed 0: ECS deployment D1 completed.
        service deployment PENDING of web:3 breaker MONITORING 0/3
        service deployment STOP_REQUESTED of web:2 breaker MONITORING 0/3 Service deployment stopped because a new service deployment was started.
        service deployment SUCCESSFUL of web:1 breaker MONITORING_COMPLETE 0/3
    "#]].assert_eq(&stage.state());
    stage.settle();
    expect![[r#"
        1.00s SERVICE_DEPLOYMENT_IN_PROGRESS D2: ECS deployment D2 in progress.
        1.00s task T2 PENDING -
        1.50s task T2 RUNNING -
        1.60s SERVICE_DEPLOYMENT_IN_PROGRESS D3: ECS deployment D3 in progress.
        1.60s task T2 DEACTIVATING - Scaling activity initiated by (deployment D3)
        1.80s task T2 STOPPED - Scaling activity initiated by (deployment D3) 143
        1.80s task T3 PENDING -
        2.30s task T3 RUNNING -
        2.80s task T3 RUNNING HEALTHY
        2.80s task T1 DEACTIVATING - Scaling activity initiated by (deployment D3)
        3.00s task T1 STOPPED - Scaling activity initiated by (deployment D3) 143
        3.00s SERVICE_DEPLOYMENT_COMPLETED D3: ECS deployment D3 completed.
        3.00s SERVICE_STEADY_STATE
    "#]]
    .assert_eq(&stage.events());
    expect![[r#"
        service ACTIVE desired 1 running 1 pending 0 of web:3
        deployment D3 PRIMARY COMPLETED web:3 desired 1 running 1 pending 0 failed 0: ECS deployment D3 completed.
        service deployment SUCCESSFUL of web:3 breaker MONITORING_COMPLETE 0/3
        service deployment STOPPED of web:2 breaker MONITORING_COMPLETE 0/3 Service deployment stopped because a new service deployment was started.
        service deployment SUCCESSFUL of web:1 breaker MONITORING_COMPLETE 0/3
    "#]].assert_eq(&stage.state());
}

#[test]
fn a_rollout_keeps_to_its_percentages_at_every_moment() {
    for desired in 1..=5_u64 {
        for (most, least) in [(200, 100), (150, 50), (200, 0), (100, 0), (125, 75)] {
            let mut stage = Stage::new();
            stage.push("v1", &[]);
            stage.push("v2", &[]);
            let configuration = json!({ "maximumPercent": most, "minimumHealthyPercent": least });
            stage.create("v1", u32::try_from(desired).unwrap(), &configuration);
            stage.settle();
            stage.deploy("v2");
            while stage.world.step() {
                let service = stage.service();
                let running = service["runningCount"].as_u64().unwrap();
                let there = running + service["pendingCount"].as_u64().unwrap();
                assert!(there * 100 <= desired * most, "{there} of {desired} at {most}/{least}");
                assert!(running * 100 >= desired * least, "{running} of {desired} at {most}/{least}");
            }
            let blocked = desired * most / 100 == desired && (desired * least).div_ceil(100) == desired;
            let status = if blocked { "IN_PROGRESS" } else { "SUCCESSFUL" };
            assert_eq!(stage.service_deployments()[0]["status"], status, "{desired} at {most}/{least}");
        }
    }
}

#[test]
fn a_newer_deployment_ends_a_rollback() {
    let mut stage = Stage::new();
    stage.push("v1", &[]);
    stage.push("v3", &[]);
    stage.create("v1", 1, &json!({ "deploymentCircuitBreaker": { "enable": true, "rollback": true } }));
    stage.settle();
    stage.deploy("missing");
    while stage.service_deployments()[0]["status"] != "ROLLBACK_IN_PROGRESS" {
        assert!(stage.world.step());
    }
    stage.deploy("v3");
    stage.settle();
    expect![[r#"
        service ACTIVE desired 1 running 1 pending 0 of web:3
        deployment D4 PRIMARY COMPLETED web:3 desired 1 running 1 pending 0 failed 0: ECS deployment D4 completed.
        service deployment SUCCESSFUL of web:3 breaker MONITORING_COMPLETE 0/3
        service deployment ROLLBACK_FAILED of web:2 breaker TRIGGERED 3/3 Service deployment stopped because a new service deployment was started.
            rollback to web:1
        service deployment SUCCESSFUL of web:1 breaker MONITORING_COMPLETE 0/3
    "#]].assert_eq(&stage.state());
}

#[test]
fn a_deployment_stopped_by_hand_goes_back_to_the_last_complete_one() {
    let mut stage = Stage::new();
    stage.push("v1", &[]);
    stage.push("v2", &[]);
    stage.create("v1", 1, &json!({}));
    stage.settle();
    stage.events();
    stage.deploy("v2");
    stage.pass(0.6);
    let arn = stage.service()["currentServiceDeployment"].clone();
    stage.ok("StopServiceDeployment", json!({ "serviceDeploymentArn": arn, "stopType": "ROLLBACK" }));
    expect![[r#"
        service ACTIVE desired 1 running 2 pending 0 of web:2
        deployment D2 PRIMARY IN_PROGRESS web:2 desired 1 running 1 pending 0 failed 0: ECS deployment D2 in progress.
        deployment D1 ACTIVE COMPLETED web:1 desired 1 running 1 pending 0 failed 0: ECS deployment D1 completed.
        service deployment ROLLBACK_REQUESTED of web:2 breaker DISABLED 0/0
        service deployment SUCCESSFUL of web:1 breaker DISABLED 0/0
    "#]].assert_eq(&stage.state());
    stage.settle();
    expect![[r#"
        1.00s SERVICE_DEPLOYMENT_IN_PROGRESS D2: ECS deployment D2 in progress.
        1.00s task T2 PENDING -
        1.50s task T2 RUNNING -
        1.60s SERVICE_DEPLOYMENT_IN_PROGRESS D3: ECS deployment D3 in progress.
        1.60s task T2 DEACTIVATING - Scaling activity initiated by (deployment D3)
        1.80s task T2 STOPPED - Scaling activity initiated by (deployment D3) 143
        1.80s task T3 PENDING -
        2.30s task T3 RUNNING -
        2.80s task T3 RUNNING HEALTHY
        2.80s task T1 DEACTIVATING - Scaling activity initiated by (deployment D3)
        3.00s task T1 STOPPED - Scaling activity initiated by (deployment D3) 143
        3.00s SERVICE_DEPLOYMENT_COMPLETED D3: ECS deployment D3 completed.
        3.00s SERVICE_STEADY_STATE
    "#]]
    .assert_eq(&stage.events());
    expect![[r#"
        service ACTIVE desired 1 running 1 pending 0 of web:1
        deployment D3 PRIMARY COMPLETED web:1 desired 1 running 1 pending 0 failed 0: ECS deployment D3 completed.
        service deployment ROLLBACK_SUCCESSFUL of web:2 breaker DISABLED 0/0 Service deployment rolled back because StopServiceDeployment asked for it.
            rollback to web:1
        service deployment SUCCESSFUL of web:1 breaker DISABLED 0/0
    "#]].assert_eq(&stage.state());
    let again = stage.refused("StopServiceDeployment", json!({ "serviceDeploymentArn": arn }));
    assert!(again.starts_with("ConflictException"), "{again}");
}

#[test]
fn a_pending_deployment_can_be_stopped_and_a_first_one_has_no_way_back() {
    let mut stage = Stage::new();
    stage.push("v1", &[]);
    stage.create("v1", 1, &json!({}));
    let arn = stage.service()["currentServiceDeployment"].clone();
    stage.ok("StopServiceDeployment", json!({ "serviceDeploymentArn": arn }));
    stage.settle();
    expect![[r#"
        service ACTIVE desired 1 running 0 pending 0 of web:1
        deployment D1 PRIMARY FAILED web:1 desired 0 running 0 pending 0 failed 0: No rollback candidate was found to run the rollback.
        service deployment ROLLBACK_FAILED of web:1 breaker DISABLED 0/0 No rollback candidate was found to run the rollback.
    "#]].assert_eq(&stage.state());
    assert_eq!(stage.events(), "");
}

#[test]
fn a_service_of_none_deploys_and_can_be_scaled_and_deleted() {
    let mut stage = Stage::new();
    stage.push("v1", &[]);
    stage.create("v1", 0, &json!({}));
    stage.settle();
    stage.ok("UpdateService", json!({ "cluster": "shop", "service": "web", "desiredCount": 3 }));
    stage.settle();
    stage.ok("UpdateService", json!({ "cluster": "shop", "service": "web", "desiredCount": 1 }));
    stage.settle();
    expect![[r#"
        (service web) (deployment D1) deployment completed.
        (service web) has reached a steady state.
        (service web) has started 3 tasks: (task T1) (task T2) (task T3).
        (service web) has reached a steady state.
        (service web) has stopped 2 running tasks: (task T3) (task T2).
        (service web) has reached a steady state.
    "#]]
    .assert_eq(&stage.messages());
    expect![[r#"
        service ACTIVE desired 1 running 1 pending 0 of web:1
        deployment D1 PRIMARY COMPLETED web:1 desired 1 running 1 pending 0 failed 0: ECS deployment D1 completed.
        service deployment SUCCESSFUL of web:1 breaker DISABLED 0/0
    "#]].assert_eq(&stage.state());
    let refused = stage.refused("DeleteService", json!({ "cluster": "shop", "service": "web" }));
    assert!(refused.contains("scaled above 0"), "{refused}");
    let answer = stage.ok("DeleteService", json!({ "cluster": "shop", "service": "web", "force": true }));
    assert_eq!(answer["service"]["status"], "DRAINING");
    stage.settle();
    assert_eq!(stage.service()["status"], "INACTIVE");
    assert_eq!(stage.ok("ListServices", json!({ "cluster": "shop" }))["serviceArns"], json!([]));
}

#[test]
fn the_same_requests_give_the_same_story() {
    let story = || {
        let mut stage = Stage::new();
        stage.push("v1", &[]);
        stage.create("v1", 3, &json!({}));
        stage.settle();
        serde_json::to_string(&stage.service()).unwrap()
    };
    assert_eq!(story(), story());
}

#[test]
fn a_rollout_goes_on_after_a_restart() {
    let mut stage = Stage::new();
    stage.push("v1", &[]);
    stage.create("v1", 1, &json!({}));
    stage.pass(0.6);
    let saved = stage.world.save().unwrap();
    let mut other = Stage::new();
    other.world.load(&saved).unwrap();
    other.world.clock.set(stage.world.now());
    other.settle();
    assert_eq!(other.service()["deployments"][0]["rolloutState"], "COMPLETED");
}
