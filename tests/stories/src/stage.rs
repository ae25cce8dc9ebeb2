//! What a platform team sets up before anything is delivered.

use crate::story::{Failure, PROJECT, Story};
use client::image::Image;
use serde_json::{Value, json};

/// The rules of one service, `cluster1/webapp1`, that runs what was pushed last.
pub const RULES: &str = "version: 1
services:
  cluster1/webapp1:
    containers:
      webapp1: { repository: webapp1, select: newest }
";

impl Story {
    /// An account with one service and its rules, pipeline included, at rest; nothing of it is told.
    ///
    /// # Errors
    /// What AWS says.
    pub fn with_service(settings: local_aws::settings::Settings) -> Result<Self, Failure> {
        let mut story = Self::start(settings)?;
        story.make_service("webapp1", true)?;
        story.commit("Deliver webapp1", &[("delivery.yaml", Some(RULES))])?;
        story.make_pipeline("webapp1")?;
        story.forget()?;
        Ok(story)
    }

    /// Makes an image repository and a service of its name that runs a placeholder.
    ///
    /// # Errors
    /// What AWS says.
    pub fn make_service(&mut self, service: &str, breaker: bool) -> Result<(), Failure> {
        self.aws.call("ecr", "CreateRepository", &json!({ "repositoryName": service }))?;
        self.push_only(service, "placeholder", &Image::new(service).version("placeholder"))?;
        self.make_ecs_service(service, breaker)
    }

    /// Makes a service that is to run a placeholder, whether that image is there or not.
    ///
    /// # Errors
    /// What AWS says.
    pub fn make_ecs_service(&mut self, service: &str, breaker: bool) -> Result<(), Failure> {
        let image = format!("{}.dkr.ecr.eu-west-1.amazonaws.com/{service}:placeholder", self.here.place.id);
        let container = json!({ "name": service, "image": image, "essential": true, "memory": 128 });
        let definition = json!({ "family": service, "containerDefinitions": [container] });
        self.aws.call("ecs", "RegisterTaskDefinition", &definition)?;
        let breaker = json!({ "deploymentCircuitBreaker": { "enable": breaker, "rollback": breaker } });
        let made = json!({
            "cluster": "cluster1", "serviceName": service, "taskDefinition": service, "desiredCount": 1,
            "deploymentConfiguration": breaker,
        });
        self.aws.call("ecs", "CreateService", &made)?;
        self.rest()
    }

    /// Installs `infra/pipeline.yaml` for a service, lets its first run end.
    ///
    /// # Errors
    /// What AWS says.
    pub fn make_pipeline(&mut self, service: &str) -> Result<(), Failure> {
        let template = std::fs::read_to_string(format!("{PROJECT}/infra/pipeline.yaml"))?;
        let stack = format!("pipeline-cluster1-{service}");
        let form = [
            ("StackName", stack.as_str()),
            ("TemplateBody", &template),
            ("Parameters.member.1.ParameterKey", "Cluster"),
            ("Parameters.member.1.ParameterValue", "cluster1"),
            ("Parameters.member.2.ParameterKey", "Service"),
            ("Parameters.member.2.ParameterValue", service),
        ];
        self.aws.query("cloudformation", "CreateStack", &form)?;
        self.rest()
    }

    /// Changes a service's pipeline by hand, as its declaration is in the API.
    ///
    /// # Errors
    /// What AWS says.
    pub fn change_pipeline(&self, service: &str, change: impl FnOnce(&mut Value)) -> Result<(), Failure> {
        let asked = json!({ "name": format!("deploy-cluster1-{service}") });
        let mut found = self.aws.call("codepipeline", "GetPipeline", &asked)?;
        let mut pipeline = found.get_mut("pipeline").map(Value::take).ok_or("no pipeline")?;
        change(&mut pipeline);
        self.aws.call("codepipeline", "UpdatePipeline", &json!({ "pipeline": pipeline }))?;
        Ok(())
    }

    /// An image of that tag as `revision.json` names it.
    pub fn revision(&self, container: &str, reference: &str) -> String {
        let separator = if reference.starts_with("sha256:") { "@" } else { ":" };
        let image = format!(
            "{}.dkr.ecr.eu-west-1.amazonaws.com/{container}{separator}{reference}",
            self.here.place.id
        );
        format!("{:#}\n", json!([{ "name": container, "imageUri": image }]))
    }
}
