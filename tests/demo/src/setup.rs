//! What a platform team sets up in an account beside Towpath: image and application repositories, a cluster, a service, its
//! pipeline and its rules.

use crate::environment::Environment;
use crate::{Failure, REGION};
use client::image::Image;
use client::wait::Seen;
use serde_json::{Value, json};
use std::path::Path;

/// The rules of an environment: dev takes what is pushed, the next ones what is pushed **and** approved there.
pub(crate) fn rules(environment: &str) -> String {
    let (select, promote) = match environment {
        "dev" => ("newest", ""),
        "stg" => ("commit", "    promote: { approve: push }\n"),
        _ => ("commit", "    promote: { approve: [push, tag] }\n"),
    };
    format!(
        "version: 1
services:
  cluster1/webapp1:
    application: webapp1
    containers:
      webapp1: {{ repository: webapp1, select: {select} }}
{promote}"
    )
}

/// Sets one environment up and waits until its first, empty pipeline run is over. Gives the commit of the rules.
pub(crate) fn prepare(environment: &Environment, project: &Path) -> Result<String, Failure> {
    make_service(environment)?;
    environment.deployment.write("delivery.yaml", rules(&environment.name))?;
    let commit = environment.deployment.commit("Pat Platform <pat@example.com>", "Deliver webapp1")?;
    environment.deployment.push()?;
    make_pipeline(environment, project)?;
    Ok(commit)
}

/// An ECS service that runs a placeholder until its first deployment.
fn make_service(environment: &Environment) -> Result<(), Failure> {
    let aws = &environment.aws;
    aws.call("ecr", "CreateRepository", &json!({ "repositoryName": "webapp1" }))?;
    aws.call("codecommit", "CreateRepository", &json!({ "repositoryName": "webapp1" }))?;
    let placeholder = Image::new("webapp1").version("placeholder").build()?;
    environment.registry.push("webapp1", Some("placeholder"), &placeholder)?;
    let image = format!("{}.dkr.ecr.{REGION}.amazonaws.com/webapp1:placeholder", environment.account);
    let container = json!({ "name": "webapp1", "image": image, "essential": true, "memory": 128 });
    let task_definition = json!({ "family": "webapp1", "containerDefinitions": [container] });
    aws.call("ecs", "CreateCluster", &json!({ "clusterName": "cluster1" }))?;
    aws.call("ecs", "RegisterTaskDefinition", &task_definition)?;
    let breaker = json!({ "deploymentCircuitBreaker": { "enable": true, "rollback": true } });
    let made = json!({
        "cluster": "cluster1", "serviceName": "webapp1", "taskDefinition": "webapp1", "desiredCount": 1,
        "deploymentConfiguration": breaker,
    });
    aws.call("ecs", "CreateService", &made)?;
    environment.wait("the service to be steady", || {
        let found = environment.service("webapp1")?;
        Ok(match found.pointer("/deployments/0/rolloutState").and_then(Value::as_str) {
            Some("COMPLETED") => Seen::Done(()),
            other => Seen::NotYet(format!("rollout {other:?}")),
        })
    })
}

/// Installs `infra/pipeline.yaml` and waits until the pipeline's first run, which AWS starts by itself, is over.
fn make_pipeline(environment: &Environment, project: &Path) -> Result<(), Failure> {
    let template = std::fs::read_to_string(project.join("infra/pipeline.yaml"))?;
    let form = [
        ("StackName", "pipeline-cluster1-webapp1"),
        ("TemplateBody", &template),
        ("Parameters.member.1.ParameterKey", "Cluster"),
        ("Parameters.member.1.ParameterValue", "cluster1"),
        ("Parameters.member.2.ParameterKey", "Service"),
        ("Parameters.member.2.ParameterValue", "webapp1"),
    ];
    environment.aws.query("cloudformation", "CreateStack", &form)?;
    environment.wait("the pipeline's first run to end", || {
        let executions = environment.executions("webapp1")?;
        Ok(match executions.first() {
            Some(first) if first.status != "InProgress" => Seen::Done(()),
            other => Seen::NotYet(format!("{other:?}")),
        })
    })
}
