//! One environment's account, as a person sees and touches it from outside.

use client::aws::Aws;
use client::git::Git;
use client::registry::Registry;
use client::wait::{Seen, until};
use serde_json::{Value, json};
use std::fmt::Display;
use std::time::Duration;

use crate::{Failure, REGION};

/// How long any step may take.
const STEP_TIME_MAX: Duration = Duration::from_secs(40);

/// One environment: its account, and a person's clone of its deployment repository.
pub(crate) struct Environment {
    pub(crate) name: String,
    pub(crate) account: String,
    pub(crate) aws: Aws,
    pub(crate) registry: Registry,
    pub(crate) deployment: Git,
    pub(crate) endpoint: String,
}

/// One execution of a pipeline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Execution {
    pub(crate) id: String,
    pub(crate) status: String,
    pub(crate) commit: Option<String>,
    pub(crate) trigger: String,
}

impl Environment {
    pub(crate) fn new(endpoint: &str, name: &str, account: &str) -> Result<Self, Failure> {
        let aws = Aws::local(endpoint, account).in_region(REGION);
        Ok(Self {
            name: name.to_owned(),
            account: account.to_owned(),
            registry: Registry::login(&aws)?,
            deployment: Git::clone(endpoint, account, "deployment")?,
            endpoint: endpoint.to_owned(),
            aws,
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

    /// The records of a kind that a function has written about a text, oldest first.
    pub(crate) fn records(&self, function: &str, kind: &str, about: &str) -> Result<Vec<Value>, Failure> {
        let asked = json!({ "logGroupName": format!("/aws/lambda/towpath-{function}") });
        let answer = self.aws.call("logs", "FilterLogEvents", &asked)?;
        let events = answer.get("events").and_then(Value::as_array).cloned().unwrap_or_default();
        let lines = events.iter().filter_map(|event| event.get("message")?.as_str());
        let records = lines
            .filter(|line| line.contains(about))
            .filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let is_of_kind = |record: &Value| record.get("towpath").and_then(Value::as_str) == Some(kind);
        Ok(records.filter(is_of_kind).collect())
    }

    /// The human name of an image: the tag that is no approval.
    pub(crate) fn version(&self, digest: &str) -> Result<String, Failure> {
        let asked = json!({ "repositoryName": "webapp1", "imageIds": [{ "imageDigest": digest }] });
        let answer = self.aws.call("ecr", "DescribeImages", &asked)?;
        let tags = answer.pointer("/imageDetails/0/imageTags").and_then(Value::as_array).cloned();
        let tags: Vec<String> = tags.iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect();
        Ok(tags.into_iter().find(|tag| !tag.starts_with("approved-")).unwrap_or_default())
    }

    /// How many messages wait on a function's queue, or are being worked on.
    pub(crate) fn waiting(&self, function: &str) -> Result<u64, Failure> {
        let names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"];
        let asked =
            json!({ "QueueUrl": self.queue(&format!("towpath-{function}")), "AttributeNames": names });
        let answer = self.aws.call("sqs", "GetQueueAttributes", &asked)?;
        let number = |name: &str| answer.get("Attributes")?.get(name)?.as_str()?.parse::<u64>().ok();
        Ok(names.into_iter().filter_map(number).sum())
    }

    /// The address of a queue of this account.
    pub(crate) fn queue(&self, name: &str) -> String {
        format!("{}/{}/{name}", self.endpoint, self.account)
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
