//! The dev account, as a person sees and touches it from outside.

use client::aws::Aws;
use client::error::ApiError;
use client::git::Git;
use client::image::Image;
use client::registry::Registry;
use client::wait::{Seen, until};
use serde_json::{Value, json};
use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::Failure;

/// How long any step may take.
const STEP_TIME_MAX: Duration = Duration::from_secs(40);

/// Where the demo plays.
pub(crate) struct Stage {
    pub(crate) aws: Aws,
    pub(crate) registry: Registry,
    pub(crate) endpoint: String,
    pub(crate) region: String,
    pub(crate) account: String,
    project: PathBuf,
}

/// One execution of a pipeline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Execution {
    pub(crate) id: String,
    pub(crate) status: String,
    pub(crate) commit: Option<String>,
    pub(crate) trigger: String,
}

impl Stage {
    pub(crate) fn new(endpoint: &str, region: &str, account: &str, project: &Path) -> Result<Self, ApiError> {
        let aws = Aws::local(endpoint, account).in_region(region);
        let registry = Registry::login(&aws)?;
        Ok(Self {
            aws,
            registry,
            endpoint: endpoint.to_owned(),
            region: region.to_owned(),
            account: account.to_owned(),
            project: project.to_owned(),
        })
    }

    /// A clone of the deployment repository, as a person has it.
    pub(crate) fn deployment(&self) -> Result<Git, Failure> {
        Ok(Git::clone(&self.endpoint, &self.account, "deployment")?)
    }

    /// Makes an image repository and an ECS service that runs a placeholder from it, as a platform team would.
    pub(crate) fn make_service(&self, service: &str) -> Result<(), Failure> {
        self.aws.call("ecr", "CreateRepository", &json!({ "repositoryName": service }))?;
        self.registry.push(
            service,
            Some("placeholder"),
            &Image::new(service).version("placeholder").build()?,
        )?;
        let image = format!("{}.dkr.ecr.{}.amazonaws.com/{service}:placeholder", self.account, self.region);
        let container = json!({ "name": service, "image": image, "essential": true, "memory": 128 });
        let task_definition = json!({ "family": service, "containerDefinitions": [container] });
        self.aws.call("ecs", "RegisterTaskDefinition", &task_definition)?;
        let breaker = json!({ "deploymentCircuitBreaker": { "enable": true, "rollback": true } });
        let made = json!({
            "cluster": "cluster1", "serviceName": service, "taskDefinition": service, "desiredCount": 1,
            "deploymentConfiguration": breaker,
        });
        self.aws.call("ecs", "CreateService", &made)?;
        self.wait("the service to be steady", || {
            let found = self.service(service)?;
            Ok(match found.pointer("/deployments/0/rolloutState").and_then(Value::as_str) {
                Some("COMPLETED") => Seen::Done(()),
                other => Seen::NotYet(format!("rollout {other:?}")),
            })
        })
    }

    /// Installs `infra/pipeline.yaml` for a service and waits until its first run, which AWS starts by itself, is over.
    pub(crate) fn make_pipeline(&self, service: &str) -> Result<(), Failure> {
        let template = std::fs::read_to_string(self.project.join("infra/pipeline.yaml"))?;
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
        self.wait("the pipeline's first run to end", || {
            let executions = self.executions(service)?;
            Ok(match executions.first() {
                Some(first) if first.status != "InProgress" => Seen::Done(()),
                other => Seen::NotYet(format!("{other:?}")),
            })
        })
    }

    pub(crate) fn service(&self, service: &str) -> Result<Value, Failure> {
        let asked = json!({ "cluster": "cluster1", "services": [service] });
        let answer = self.aws.call("ecs", "DescribeServices", &asked)?;
        Ok(answer.pointer("/services/0").cloned().unwrap_or_default())
    }

    /// The executions of a service's pipeline, newest first.
    pub(crate) fn executions(&self, service: &str) -> Result<Vec<Execution>, Failure> {
        let asked = json!({ "pipelineName": format!("deploy-cluster1-{service}") });
        let answer = self.aws.call("codepipeline", "ListPipelineExecutions", &asked)?;
        let summaries =
            answer.get("pipelineExecutionSummaries").and_then(Value::as_array).cloned().unwrap_or_default();
        let text =
            |summary: &Value, path: &str| summary.pointer(path).and_then(Value::as_str).map(str::to_owned);
        let execution = |summary: &Value| Execution {
            id: text(summary, "/pipelineExecutionId").unwrap_or_default(),
            status: text(summary, "/status").unwrap_or_default(),
            commit: text(summary, "/sourceRevisions/0/revisionId"),
            trigger: text(summary, "/trigger/triggerType").unwrap_or_default(),
        };
        Ok(summaries.iter().map(execution).collect())
    }

    /// The image that a service's newest revision runs, as ECS tells it.
    pub(crate) fn running_image(&self, service: &str) -> Result<String, Failure> {
        let found = self.service(service)?;
        let revision =
            found.pointer("/currentServiceRevisions/0/arn").and_then(Value::as_str).unwrap_or_default();
        let asked = json!({ "serviceRevisionArns": [revision] });
        let answer = self.aws.call("ecs", "DescribeServiceRevisions", &asked)?;
        let image = answer.pointer("/serviceRevisions/0/containerImages/0/image").and_then(Value::as_str);
        Ok(image.unwrap_or_default().to_owned())
    }

    /// What Towpath's evidence says of a digest: one line each.
    pub(crate) fn evidence(&self, repository: &str, digest: &str) -> Result<Vec<String>, Failure> {
        let asked = json!({ "repositoryName": repository, "subjectId": { "imageDigest": digest } });
        let answer = self.aws.call("ecr", "ListImageReferrers", &asked)?;
        let referrers = answer.get("referrers").and_then(Value::as_array).cloned().unwrap_or_default();
        let line = |referrer: &Value| {
            let annotations =
                referrer.get("annotations").and_then(Value::as_object).cloned().unwrap_or_default();
            let said = annotations
                .iter()
                .map(|(name, value)| format!("{name}={}", value.as_str().unwrap_or_default()));
            said.collect::<Vec<_>>().join(" ")
        };
        Ok(referrers.iter().map(line).collect())
    }

    /// The comments on a commit.
    pub(crate) fn comments(&self, commit: &str, parent: Option<&str>) -> Result<Vec<String>, Failure> {
        let mut asked = json!({ "repositoryName": "deployment", "afterCommitId": commit });
        if let (Some(parent), Some(members)) = (parent, asked.as_object_mut()) {
            members.insert("beforeCommitId".to_owned(), json!(parent));
        }
        let answer = self.aws.call("codecommit", "GetCommentsForComparedCommit", &asked)?;
        let data = answer
            .get("commentsForComparedCommitData")
            .and_then(Value::as_array)
            .cloned()
            .unwrap_or_default();
        let comments = data.iter().filter_map(|data| data.get("comments")?.as_array()).flatten();
        Ok(comments.filter_map(|comment| Some(comment.get("content")?.as_str()?.to_owned())).collect())
    }

    /// The decision records that a function has written about a text, oldest first.
    pub(crate) fn records(&self, function: &str, about: &str) -> Result<Vec<String>, Failure> {
        let asked = json!({ "logGroupName": format!("/aws/lambda/towpath-{function}") });
        let answer = self.aws.call("logs", "FilterLogEvents", &asked)?;
        let events = answer.get("events").and_then(Value::as_array).cloned().unwrap_or_default();
        let lines = events.iter().filter_map(|event| event.get("message")?.as_str().map(str::to_owned));
        Ok(lines.filter(|line| line.contains("\"decision\"") && line.contains(about)).collect())
    }

    /// Looks until it is so, at most as long as a step may take.
    pub(crate) fn wait<T>(
        &self,
        what: &str,
        mut look: impl FnMut() -> Result<Seen<T>, Failure>,
    ) -> Result<T, Failure> {
        until(what, STEP_TIME_MAX, || look().unwrap_or_else(|error| Seen::NotYet(error.to_string())))
            .map_err(Failure::from)
    }
}

/// Fails the step unless it holds.
pub(crate) fn holds(it_does: bool, otherwise: impl Display) -> Result<(), Failure> {
    if it_does { Ok(()) } else { Err(otherwise.to_string().into()) }
}
