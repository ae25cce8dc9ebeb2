//! Rollouts that fail, by the image's fault or by another's.

use super::stage::Stage;
use crate::faults::TaskFaultKind;
use expect_test::expect;
use serde_json::{Value, json};

fn breaker() -> Value {
    json!({ "deploymentCircuitBreaker": { "enable": true, "rollback": true } })
}

/// A service that runs v1.
fn running(configuration: &Value) -> Stage {
    let mut stage = Stage::new();
    stage.push("v1", &[]);
    stage.create("v1", 1, configuration);
    stage.settle();
    stage.events();
    stage
}

#[test]
fn a_crash_trips_the_breaker_and_rolls_back() {
    let mut stage = running(&breaker());
    stage.push("v2", &[("local-aws.exit-code", "3")]);
    stage.deploy("v2");
    let mut during = String::new();
    while stage.world.step() {
        if stage.service()["deployments"].as_array().unwrap().len() == 3 {
            during = stage.state();
            break;
        }
    }
    expect![[r#"
        service ACTIVE desired 1 running 1 pending 1 of web:1
        deployment D3 PRIMARY IN_PROGRESS web:1 desired 1 running 0 pending 1 failed 0: ECS deployment circuit breaker: rolling back to deploymentId D3.
        deployment D2 ACTIVE FAILED web:2 desired 0 running 0 pending 0 failed 3: ECS deployment circuit breaker: tasks failed to start.
        deployment D1 ACTIVE COMPLETED web:1 desired 1 running 1 pending 0 failed 0: ECS deployment D1 completed.
        service deployment ROLLBACK_IN_PROGRESS of web:2 breaker TRIGGERED 3/3 Service deployment rolled back because the circuit breaker threshold was exceeded.
            rollback to web:1
        service deployment SUCCESSFUL of web:1 breaker MONITORING_COMPLETE 0/3
    "#]].assert_eq(&during);
    stage.settle();
    expect![[r#"
        1.00s SERVICE_DEPLOYMENT_IN_PROGRESS D2: ECS deployment D2 in progress.
        1.00s task T2 PENDING -
        1.50s task T2 RUNNING -
        1.75s task T2 STOPPED - Essential container in task exited 3
        2.25s task T3 PENDING -
        2.75s task T3 RUNNING -
        3.00s task T3 STOPPED - Essential container in task exited 3
        4.00s task T4 PENDING -
        4.50s task T4 RUNNING -
        4.75s task T4 STOPPED - Essential container in task exited 3
        4.75s SERVICE_DEPLOYMENT_FAILED D2: ECS deployment circuit breaker: tasks failed to start.
        4.75s SERVICE_DEPLOYMENT_IN_PROGRESS D3: ECS deployment circuit breaker: rolling back to deploymentId D3.
        4.75s task T5 PENDING -
        5.25s task T5 RUNNING -
        5.75s task T5 RUNNING HEALTHY
        5.75s task T1 DEACTIVATING - Scaling activity initiated by (deployment D3)
        5.95s task T1 STOPPED - Scaling activity initiated by (deployment D3) 143
        5.95s SERVICE_DEPLOYMENT_COMPLETED D3: ECS deployment D3 completed.
        5.95s SERVICE_STEADY_STATE
    "#]].assert_eq(&stage.events());
    expect![[r#"
        service ACTIVE desired 1 running 1 pending 0 of web:1
        deployment D3 PRIMARY COMPLETED web:1 desired 1 running 1 pending 0 failed 0: ECS deployment D3 completed.
        service deployment ROLLBACK_SUCCESSFUL of web:2 breaker TRIGGERED 3/3 Service deployment rolled back because the circuit breaker threshold was exceeded.
            rollback to web:1
        service deployment SUCCESSFUL of web:1 breaker MONITORING_COMPLETE 0/3
    "#]].assert_eq(&stage.state());
    expect![[r#"
        (service web) has started 1 tasks: (task T1).
        (service web) (deployment D1) deployment completed.
        (service web) has reached a steady state.
        (service web) has started 1 tasks: (task T2).
        (service web) has started 1 tasks: (task T3).
        (service web) has started 1 tasks: (task T4).
        (service web) (deployment D2) deployment failed: tasks failed to start.
        (service web) rolling back to deployment D3.
        (service web) has started 1 tasks: (task T5).
        (service web) has stopped 1 running tasks: (task T1).
        (service web) (deployment D3) deployment completed.
        (service web) has reached a steady state.
    "#]]
    .assert_eq(&stage.messages());
}

#[test]
fn without_rollback_a_failed_deployment_stays_and_the_old_tasks_run_on() {
    let mut stage = running(&json!({ "deploymentCircuitBreaker": { "enable": true, "rollback": false } }));
    stage.deploy("missing");
    stage.settle();
    expect![[r#"
        service ACTIVE desired 1 running 1 pending 0 of web:2
        deployment D2 PRIMARY FAILED web:2 desired 0 running 0 pending 0 failed 3: ECS deployment circuit breaker: tasks failed to start.
        deployment D1 ACTIVE COMPLETED web:1 desired 1 running 1 pending 0 failed 0: ECS deployment D1 completed.
        service deployment STOPPED of web:2 breaker TRIGGERED 3/3 Service deployment stopped because the circuit breaker threshold was exceeded.
        service deployment SUCCESSFUL of web:1 breaker MONITORING_COMPLETE 0/3
    "#]].assert_eq(&stage.state());
}

#[test]
fn a_missing_image_says_so_on_the_task() {
    let mut stage = running(&breaker());
    stage.deploy("missing");
    stage.pass(0.6);
    let input = json!({ "cluster": "shop", "serviceName": "web", "desiredStatus": "STOPPED" });
    let arns = stage.ok("ListTasks", input)["taskArns"].clone();
    let task = stage.ok("DescribeTasks", json!({ "cluster": "shop", "tasks": arns }))["tasks"][0].clone();
    assert_eq!(task["stopCode"], "TaskFailedToStart");
    assert!(task["stoppedReason"].as_str().unwrap().starts_with("CannotPullContainerError: "), "{task}");
    assert_eq!(task["containers"][0]["reason"], task["stoppedReason"]);
    stage.settle();
    expect![[r#"
        1.00s SERVICE_DEPLOYMENT_IN_PROGRESS D2: ECS deployment D2 in progress.
        1.00s task T2 PENDING -
        1.50s task T2 STOPPED - CannotPullContainerError: 111111111111.dkr.ecr.eu-west-1.amazonaws.com/web:missing: not found  CannotPullContainerError: 111111111111.dkr.ecr.eu-west-1.amazonaws.com/web:missing: not found
        2.00s task T3 PENDING -
        2.50s task T3 STOPPED - CannotPullContainerError: 111111111111.dkr.ecr.eu-west-1.amazonaws.com/web:missing: not found  CannotPullContainerError: 111111111111.dkr.ecr.eu-west-1.amazonaws.com/web:missing: not found
        3.50s task T4 PENDING -
        4.00s task T4 STOPPED - CannotPullContainerError: 111111111111.dkr.ecr.eu-west-1.amazonaws.com/web:missing: not found  CannotPullContainerError: 111111111111.dkr.ecr.eu-west-1.amazonaws.com/web:missing: not found
        4.00s SERVICE_DEPLOYMENT_FAILED D2: ECS deployment circuit breaker: tasks failed to start.
        4.00s SERVICE_DEPLOYMENT_IN_PROGRESS D3: ECS deployment circuit breaker: rolling back to deploymentId D3.
        4.00s task T5 PENDING -
        4.50s task T5 RUNNING -
        5.00s task T5 RUNNING HEALTHY
        5.00s task T1 DEACTIVATING - Scaling activity initiated by (deployment D3)
        5.20s task T1 STOPPED - Scaling activity initiated by (deployment D3) 143
        5.20s SERVICE_DEPLOYMENT_COMPLETED D3: ECS deployment D3 completed.
        5.20s SERVICE_STEADY_STATE
    "#]].assert_eq(&stage.events());
}

#[test]
fn the_registry_is_asked_for_what_tests_do_not_decide() {
    let mut stage = running(&json!({}));
    stage.deploy("absent");
    stage.pass(0.6);
    let events = stage.events();
    assert!(events.contains("STOPPED - CannotPullContainerError: failed to resolve ref"), "{events}");
}

#[test]
fn an_unhealthy_container_is_stopped_by_the_scheduler() {
    let mut stage = running(&breaker());
    stage.push("v2", &[("local-aws.health", "unhealthy")]);
    stage.deploy("v2");
    stage.pass(1.2);
    expect![[r#"
        1.00s SERVICE_DEPLOYMENT_IN_PROGRESS D2: ECS deployment D2 in progress.
        1.00s task T2 PENDING -
        1.50s task T2 RUNNING -
        1.75s task T2 DEACTIVATING UNHEALTHY Task failed container health checks
        1.95s task T2 STOPPED UNHEALTHY Task failed container health checks 143
    "#]]
    .assert_eq(&stage.events());
    stage.settle();
    assert_eq!(stage.service_deployments()[0]["status"], "ROLLBACK_SUCCESSFUL");
}

#[test]
fn without_a_breaker_it_keeps_trying_with_growing_waits() {
    let mut stage = running(&json!({}));
    stage.push("v2", &[("local-aws.exit-code", "1")]);
    stage.deploy("v2");
    stage.pass(40.0);
    expect![[r#"
        1.00s SERVICE_DEPLOYMENT_IN_PROGRESS D2: ECS deployment D2 in progress.
        1.00s task T2 PENDING -
        1.50s task T2 RUNNING -
        1.75s task T2 STOPPED - Essential container in task exited 1
        2.25s task T3 PENDING -
        2.75s task T3 RUNNING -
        3.00s task T3 STOPPED - Essential container in task exited 1
        4.00s task T4 PENDING -
        4.50s task T4 RUNNING -
        4.75s task T4 STOPPED - Essential container in task exited 1
        4.75s SERVICE_TASK_START_IMPAIRED
        6.75s task T5 PENDING -
        7.25s task T5 RUNNING -
        7.50s task T5 STOPPED - Essential container in task exited 1
        11.50s task T6 PENDING -
        12.00s task T6 RUNNING -
        12.25s task T6 STOPPED - Essential container in task exited 1
        20.25s task T7 PENDING -
        20.75s task T7 RUNNING -
        21.00s task T7 STOPPED - Essential container in task exited 1
        37.00s task T8 PENDING -
        37.50s task T8 RUNNING -
        37.75s task T8 STOPPED - Essential container in task exited 1
    "#]]
    .assert_eq(&stage.events());
    stage.pass(7200.0);
    let failed = stage.service()["deployments"][0]["failedTasks"].as_u64().unwrap();
    assert!((15..60).contains(&failed), "{failed}");
    expect![[r#"
        service ACTIVE desired 1 running 1 pending 0 of web:2
        deployment D2 PRIMARY IN_PROGRESS web:2 desired 1 running 0 pending 0 failed N: ECS deployment D2 in progress.
        deployment D1 ACTIVE COMPLETED web:1 desired 1 running 1 pending 0 failed 0: ECS deployment D1 completed.
        service deployment IN_PROGRESS of web:2 breaker DISABLED N/0
        service deployment SUCCESSFUL of web:1 breaker DISABLED 0/0
    "#]].assert_eq(&stage.state().replace(&failed.to_string(), "N"));
}

#[test]
fn a_first_deployment_that_fails_has_no_way_back() {
    let mut stage = Stage::new();
    stage.create("missing", 1, &breaker());
    stage.settle();
    expect![[r#"
        service ACTIVE desired 1 running 0 pending 0 of web:1
        deployment D1 PRIMARY FAILED web:1 desired 0 running 0 pending 0 failed 3: ECS deployment circuit breaker: tasks failed to start.
        service deployment ROLLBACK_FAILED of web:1 breaker TRIGGERED 3/3 No rollback candidate was found to run the rollback.
    "#]].assert_eq(&stage.state());
}

#[test]
fn a_rollback_whose_image_is_gone_fails_too() {
    let mut stage = running(&breaker());
    stage.delete_image("v1");
    stage.deploy("missing");
    stage.settle();
    expect![[r#"
        service ACTIVE desired 1 running 1 pending 0 of web:1
        deployment D3 PRIMARY FAILED web:1 desired 0 running 0 pending 0 failed 3: ECS deployment circuit breaker: tasks failed to start.
        deployment D2 ACTIVE FAILED web:2 desired 0 running 0 pending 0 failed 3: ECS deployment circuit breaker: tasks failed to start.
        deployment D1 ACTIVE COMPLETED web:1 desired 1 running 1 pending 0 failed 0: ECS deployment D1 completed.
        service deployment ROLLBACK_FAILED of web:2 breaker TRIGGERED 3/3 Service deployment rolled back because the circuit breaker threshold was exceeded.
            rollback to web:1
        service deployment SUCCESSFUL of web:1 breaker MONITORING_COMPLETE 0/3
    "#]].assert_eq(&stage.state());
}

#[test]
fn many_failures_at_once_trip_the_breaker_at_its_threshold() {
    let mut stage = Stage::new();
    stage.push("v1", &[]);
    stage.create("v1", 10, &breaker());
    stage.settle();
    stage.deploy("missing");
    stage.settle();
    let deployment = &stage.service_deployments()[0];
    assert_eq!(deployment["status"], "ROLLBACK_SUCCESSFUL");
    assert_eq!(
        deployment["deploymentCircuitBreaker"],
        json!({ "status": "TRIGGERED", "failureCount": 5, "threshold": 5 })
    );
    assert_eq!(stage.service()["runningCount"], 10);
}

#[test]
fn no_memory_is_told_apart_from_a_bad_image() {
    let mut stage = running(&breaker());
    stage.push("v2", &[]);
    stage.fault(3, TaskFaultKind::NoPlacement("RESOURCE:MEMORY".to_owned()));
    stage.deploy("v2");
    stage.settle();
    expect![[r#"
        1.00s SERVICE_DEPLOYMENT_IN_PROGRESS D2: ECS deployment D2 in progress.
        1.00s SERVICE_TASK_PLACEMENT_FAILURE RESOURCE:MEMORY
        1.50s SERVICE_TASK_PLACEMENT_FAILURE RESOURCE:MEMORY
        2.50s SERVICE_TASK_PLACEMENT_FAILURE RESOURCE:MEMORY
        2.50s SERVICE_DEPLOYMENT_FAILED D2: ECS deployment circuit breaker: tasks failed to start.
        2.50s SERVICE_DEPLOYMENT_IN_PROGRESS D3: ECS deployment circuit breaker: rolling back to deploymentId D3.
        2.50s task T2 PENDING -
        3.00s task T2 RUNNING -
        3.50s task T2 RUNNING HEALTHY
        3.50s task T1 DEACTIVATING - Scaling activity initiated by (deployment D3)
        3.70s task T1 STOPPED - Scaling activity initiated by (deployment D3) 143
        3.70s SERVICE_DEPLOYMENT_COMPLETED D3: ECS deployment D3 completed.
        3.70s SERVICE_STEADY_STATE
    "#]].assert_eq(&stage.events());
    expect![[r#"
        (service web) has started 1 tasks: (task T1).
        (service web) (deployment D1) deployment completed.
        (service web) has reached a steady state.
        (service web) was unable to place a task because no container instance met all of its requirements. Reason: RESOURCE:MEMORY.
        (service web) was unable to place a task because no container instance met all of its requirements. Reason: RESOURCE:MEMORY.
        (service web) was unable to place a task because no container instance met all of its requirements. Reason: RESOURCE:MEMORY.
        (service web) (deployment D2) deployment failed: tasks failed to start.
        (service web) rolling back to deployment D3.
        (service web) has started 1 tasks: (task T2).
        (service web) has stopped 1 running tasks: (task T1).
        (service web) (deployment D3) deployment completed.
        (service web) has reached a steady state.
    "#]].assert_eq(&stage.messages());
}

#[test]
fn no_capacity_for_a_while_only_delays() {
    let mut stage = running(&breaker());
    stage.push("v2", &[]);
    stage.fault(2, TaskFaultKind::NoCapacity);
    stage.deploy("v2");
    stage.settle();
    assert_eq!(stage.service_deployments()[0]["status"], "SUCCESSFUL");
}

#[test]
fn secrets_that_cannot_be_had_are_told_apart_from_a_bad_image() {
    let mut stage = running(&breaker());
    stage.push("v2", &[]);
    stage.fault(3, TaskFaultKind::NoSecrets);
    stage.deploy("v2");
    stage.pass(0.6);
    expect![[r#"
        1.00s SERVICE_DEPLOYMENT_IN_PROGRESS D2: ECS deployment D2 in progress.
        1.00s task T2 PENDING -
        1.50s task T2 STOPPED - ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed: unable to retrieve secret from asm: service call has been retried 1 time(s): secret not found
    "#]].assert_eq(&stage.events());
    stage.settle();
    assert_eq!(stage.service_deployments()[0]["status"], "ROLLBACK_SUCCESSFUL");
}

#[test]
fn a_rollout_that_hangs_stays_in_progress_until_something_else_comes() {
    let mut stage = running(&breaker());
    stage.push("v2", &[]);
    stage.fault(1, TaskFaultKind::Hang);
    stage.deploy("v2");
    stage.settle();
    expect![[r#"
        service ACTIVE desired 1 running 1 pending 1 of web:2
        deployment D2 PRIMARY IN_PROGRESS web:2 desired 1 running 0 pending 1 failed 0: ECS deployment D2 in progress.
        deployment D1 ACTIVE COMPLETED web:1 desired 1 running 1 pending 0 failed 0: ECS deployment D1 completed.
        service deployment IN_PROGRESS of web:2 breaker MONITORING 0/3
        service deployment SUCCESSFUL of web:1 breaker MONITORING_COMPLETE 0/3
    "#]].assert_eq(&stage.state());
    stage.deploy("v2");
    stage.settle();
    expect![[r#"
        service ACTIVE desired 1 running 1 pending 0 of web:3
        deployment D3 PRIMARY COMPLETED web:3 desired 1 running 1 pending 0 failed 0: ECS deployment D3 completed.
        service deployment SUCCESSFUL of web:3 breaker MONITORING_COMPLETE 0/3
        service deployment STOPPED of web:2 breaker MONITORING_COMPLETE 0/3 Service deployment stopped because a new service deployment was started.
        service deployment SUCCESSFUL of web:1 breaker MONITORING_COMPLETE 0/3
    "#]].assert_eq(&stage.state());
}
