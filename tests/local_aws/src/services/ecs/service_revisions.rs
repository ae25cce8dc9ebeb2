//! Service revisions: what a deployment of a service is made of, down to the digests.

use super::names::{self, ServiceName};
use super::services::{self, EcsService};
use super::tasks::without_nulls;
use super::{authorization, task_definitions};
use crate::caller::Caller;
use crate::clock::epoch;
use crate::error::AwsError;
use crate::names::AccountId;
use crate::services::{Service, parse_input};
use crate::world::World;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

pub(super) const DESCRIBED_MAX: usize = 20;

/// One revision of a service.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct ServiceRevision {
    pub(super) arn: String,
    pub(super) task_definition: String,
    pub(super) images: Vec<ContainerImage>,
    created_at: DateTime<Utc>,
}

/// A container and its image.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct ContainerImage {
    pub(super) container: String,
    /// As the task definition names it.
    pub(super) image: String,
    /// Resolved when the deployment begins, or by the first task that can pull it; never for a container that
    /// opted out of version consistency.
    pub(super) digest: Option<String>,
    /// Whether the digest, once resolved, is what all tasks of the revision run.
    pub(super) keeps_its_digest: bool,
}

impl ServiceRevision {
    /// A new revision of a service that names this task definition.
    pub(super) fn made(
        world: &mut World,
        account: &AccountId,
        name: &ServiceName,
        task_definition: &str,
    ) -> Self {
        let id = names::nineteen_digits(&mut world.ids);
        let resource = format!("service-revision/{}/{}/{id}", name.cluster, name.service);
        let images = task_definitions::by_arn(world, account, task_definition)
            .map(|found| found.definition.container_definitions.as_slice())
            .unwrap_or_default()
            .iter()
            .map(|container| ContainerImage {
                container: container.name.clone(),
                image: container.image.clone(),
                digest: None,
                keeps_its_digest: container.keeps_its_digest(),
            })
            .collect();
        Self {
            arn: world.arn("ecs", account, &resource),
            task_definition: task_definition.to_owned(),
            images,
            created_at: world.now(),
        }
    }

    fn shown(&self, world: &World, account: &AccountId, service: &EcsService) -> Value {
        let with_digest = !world.settings.unconfirmed.revision_without_digest;
        let images = self.images.iter().map(|image| {
            Value::Object(without_nulls(json!({
                "containerName": image.container,
                "image": image.image,
                "imageDigest": image.digest.as_ref().filter(|_| with_digest),
            })))
        });
        Value::Object(without_nulls(json!({
            "serviceRevisionArn": self.arn,
            "serviceArn": names::service_arn(world, account, &service.name),
            "clusterArn": names::cluster_arn(world, account, &service.name.cluster),
            "taskDefinition": self.task_definition,
            "launchType": service.launch_type,
            "platformVersion": service.platform_version,
            "loadBalancers": [],
            "serviceRegistries": [],
            "networkConfiguration": service.network_configuration,
            "containerImages": images.collect::<Vec<_>>(),
            "guardDutyEnabled": false,
            "createdAt": epoch(self.created_at),
        })))
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct DescribeServiceRevisionsInput {
    #[serde(default)]
    service_revision_arns: Vec<String>,
}

pub(super) fn describe(world: &mut World, caller: &Caller, input: Value) -> Result<Value, AwsError> {
    let input: DescribeServiceRevisionsInput = parse_input(Service::Ecs, "DescribeServiceRevisions", input)?;
    check_count("serviceRevisionArns", input.service_revision_arns.len())?;
    let (mut revisions, mut failures) = (Vec::new(), Vec::new());
    for arn in &input.service_revision_arns {
        let (name, _) = names::of_service_history(caller, arn, "service-revision")?;
        authorization::on_service_history(world, caller, "ecs:DescribeServiceRevisions", &name, arn)?;
        let service = services::service(world, &caller.account, &name).ok();
        let found = service.and_then(|service| Some((service, service.revision(arn)?)));
        match found {
            Some((service, revision)) => revisions.push(revision.shown(world, &caller.account, service)),
            None => failures.push(json!({ "arn": arn, "reason": "MISSING" })),
        }
    }
    Ok(json!({ "serviceRevisions": revisions, "failures": failures }))
}

/// Checks how many things a request wants described.
///
/// # Errors
/// `InvalidParameterException` for none or more than twenty.
pub(super) fn check_count(member: &str, count: usize) -> Result<(), AwsError> {
    if (1..=DESCRIBED_MAX).contains(&count) {
        return Ok(());
    }
    Err(AwsError::new(
        "InvalidParameterException",
        format!("{member} has {count} ARNs; it must have 1 to {DESCRIBED_MAX}"),
    ))
}
