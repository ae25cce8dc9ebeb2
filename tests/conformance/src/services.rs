//! Clusters and services that checks make. Each goes when its value goes.

use crate::check::Stop;
use crate::expect::{list, text};
use crate::scene::Scene;
use client::ApiError;
use client::wait::{Seen, until};
use serde_json::{Value, json};

/// The name of the container that every task definition here has.
pub const CONTAINER: &str = "webapp1";

/// An ECS cluster.
#[derive(Debug)]
pub struct Cluster<'a> {
    /// Its name.
    pub name: String,
    scene: &'a Scene,
}

impl<'a> Cluster<'a> {
    /// An empty one, of nobody's machines.
    ///
    /// # Errors
    /// What ECS says.
    pub fn new(scene: &'a Scene) -> Result<Self, Stop> {
        let name = scene.name("cluster");
        scene.call("ecs", "CreateCluster", &json!({ "clusterName": name }))?;
        Ok(Self { name, scene })
    }

    /// One operation, with this cluster in its input.
    ///
    /// # Errors
    /// What ECS says.
    pub fn call(&self, operation: &str, mut input: Value) -> Result<Value, ApiError> {
        if let Some(members) = input.as_object_mut() {
            members.insert("cluster".to_owned(), json!(self.name));
        }
        self.scene.call("ecs", operation, &input)
    }
}

impl Drop for Cluster<'_> {
    fn drop(&mut self) {
        let deadline = self.scene.patience();
        // A cluster goes once its services' tasks have.
        let _ = until("the cluster to be empty", deadline, || match self.call("DeleteCluster", json!({})) {
            Err(error) if error.code.starts_with("ClusterContains") => Seen::NotYet(error.code),
            Ok(_) | Err(_) => Seen::Done(()),
        });
    }
}

/// A family of task definitions.
#[derive(Debug)]
pub struct Family<'a> {
    /// Its name.
    pub name: String,
    scene: &'a Scene,
}

impl<'a> Family<'a> {
    /// One without revisions.
    pub fn new(scene: &'a Scene) -> Self {
        Self { name: scene.name("family"), scene }
    }

    /// A revision whose container runs this image; its ARN. It can run on Fargate where the person gave subnets.
    ///
    /// # Errors
    /// What ECS says.
    pub fn register(&self, image: &str) -> Result<String, Stop> {
        let mut input = json!({
            "family": self.name,
            "containerDefinitions": [{ "name": CONTAINER, "image": image, "essential": true, "memory": 128 }],
        });
        if let (true, Some(members)) = (self.scene.is_real(), input.as_object_mut()) {
            members.insert("requiresCompatibilities".to_owned(), json!(["EC2", "FARGATE"]));
            members.insert("networkMode".to_owned(), json!("awsvpc"));
            members.insert("cpu".to_owned(), json!("256"));
            members.insert("memory".to_owned(), json!("512"));
            if let Some(role) = &self.scene.options.execution_role {
                members.insert("executionRoleArn".to_owned(), json!(role));
            }
            if image.starts_with("public.ecr.aws/") {
                let command = json!({
                    "name": CONTAINER,
                    "image": image,
                    "essential": true,
                    "command": ["sleep", "3600"],
                });
                members.insert("containerDefinitions".to_owned(), json!([command]));
            }
        }
        let registered = self.scene.call("ecs", "RegisterTaskDefinition", &input)?;
        text(&registered, "/taskDefinition/taskDefinitionArn")
    }
}

impl Drop for Family<'_> {
    fn drop(&mut self) {
        let input = json!({ "familyPrefix": self.name });
        let Ok(all) = self.scene.call("ecs", "ListTaskDefinitions", &input) else { return };
        for arn in list(&all, "/taskDefinitionArns") {
            let _ = self.scene.call("ecs", "DeregisterTaskDefinition", &json!({ "taskDefinition": arn }));
        }
    }
}

/// An ECS service.
#[derive(Debug)]
pub struct Service<'a> {
    /// Its name.
    pub name: String,
    /// Its cluster's name.
    pub cluster: &'a Cluster<'a>,
    scene: &'a Scene,
}

impl<'a> Service<'a> {
    /// A service of this many tasks, with circuit breaker and rollback. Tasks need subnets in a real account.
    ///
    /// # Errors
    /// What ECS says.
    pub fn new(
        scene: &'a Scene,
        cluster: &'a Cluster<'a>,
        tasks: u32,
        definition: &str,
    ) -> Result<Self, Stop> {
        let name = scene.name("service");
        let mut input = json!({
            "serviceName": name,
            "taskDefinition": definition,
            "desiredCount": tasks,
            "launchType": "EC2",
            "deploymentConfiguration": { "deploymentCircuitBreaker": { "enable": true, "rollback": true } },
        });
        if let (true, Some(members)) = (scene.is_real(), input.as_object_mut()) {
            if tasks > 0 {
                let network = json!({ "subnets": scene.options.subnets, "assignPublicIp": "ENABLED" });
                members.insert("launchType".to_owned(), json!("FARGATE"));
                members.insert("networkConfiguration".to_owned(), json!({ "awsvpcConfiguration": network }));
            } else if let Some(subnet) = scene.options.subnets.first() {
                let network = json!({ "subnets": [subnet] });
                members.insert("networkConfiguration".to_owned(), json!({ "awsvpcConfiguration": network }));
            }
        }
        cluster.call("CreateService", input)?;
        Ok(Self { name, cluster, scene })
    }

    /// One operation, with this service and its cluster in its input.
    ///
    /// # Errors
    /// What ECS says.
    pub fn call(&self, operation: &str, mut input: Value) -> Result<Value, ApiError> {
        if let Some(members) = input.as_object_mut() {
            members.insert("service".to_owned(), json!(self.name));
        }
        self.cluster.call(operation, input)
    }

    /// What ECS says of it.
    ///
    /// # Errors
    /// What ECS says went wrong.
    pub fn described(&self) -> Result<Value, Stop> {
        let reply = self.cluster.call("DescribeServices", json!({ "services": [self.name] }))?;
        let service = reply.pointer("/services/0").cloned();
        service.ok_or_else(|| Stop::Failed(format!("expected the service {}, saw {reply}", self.name)))
    }

    /// Its deployments, newest first.
    ///
    /// # Errors
    /// What ECS says.
    pub fn deployments(&self) -> Result<Vec<Value>, Stop> {
        Ok(list(&self.call("ListServiceDeployments", json!({}))?, "/serviceDeployments"))
    }

    /// Waits until its newest deployment is over; what ECS describes of it.
    ///
    /// # Errors
    /// What ECS says; also when it takes too long.
    pub fn deployed(&self) -> Result<Value, Stop> {
        until("the newest deployment's end", self.scene.patience(), || match self.newest() {
            Err(stop) => Seen::Done(Err(stop)),
            Ok(newest) => {
                let status = newest.get("status").and_then(Value::as_str).unwrap_or("no deployment");
                if Self::is_over(&newest) { Seen::Done(Ok(newest)) } else { Seen::NotYet(status.to_owned()) }
            }
        })?
    }

    /// Whether a described deployment is over, well or badly.
    pub fn is_over(deployment: &Value) -> bool {
        let status = deployment.get("status").and_then(Value::as_str).unwrap_or_default();
        status.ends_with("SUCCESSFUL") || status.ends_with("FAILED") || status == "STOPPED"
    }

    /// What ECS describes of the newest deployment; `null` while there is none.
    ///
    /// # Errors
    /// What ECS says.
    pub fn newest(&self) -> Result<Value, Stop> {
        let all = self.deployments()?;
        let Some(arn) = all.first().and_then(|newest| newest.get("serviceDeploymentArn")) else {
            return Ok(Value::Null);
        };
        let input = json!({ "serviceDeploymentArns": [arn] });
        let reply = self.scene.call("ecs", "DescribeServiceDeployments", &input)?;
        Ok(reply.pointer("/serviceDeployments/0").cloned().unwrap_or_default())
    }

    /// A revision of it.
    ///
    /// # Errors
    /// What ECS says.
    pub fn revision(&self, arn: &str) -> Result<Value, Stop> {
        let input = json!({ "serviceRevisionArns": [arn] });
        let reply = self.scene.call("ecs", "DescribeServiceRevisions", &input)?;
        let revision = reply.pointer("/serviceRevisions/0").cloned();
        revision.ok_or_else(|| Stop::Failed(format!("expected the revision {arn}, saw {reply}")))
    }
}

impl Drop for Service<'_> {
    fn drop(&mut self) {
        let _ = self.call("DeleteService", json!({ "force": true }));
    }
}
