//! ECS: what a service runs, and how its deployments went.
//! <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/>

use crate::connection::Clients;
use crate::ecr::timestamp;
use crate::error::{CallError, code_of};
use aws_sdk_ecs::types::{
    DesiredStatus, ServiceDeployment, ServiceDeploymentRollbackMonitorsStatus as MonitorStatus,
    ServiceDeploymentStatus, ServiceRevision, StopServiceDeploymentStopType, Task,
};
use domain::facts::{
    Breaker, Deployment, DeploymentStatus, RunningImage, RunningService, StoppedContainer, StoppedTask,
};
use domain::names::{ServiceDeploymentArn, ServiceId};
use domain::time::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

const SERVICE: &str = "ECS";
/// ECS's own limit for one `DescribeServiceDeployments` and `DescribeServiceRevisions`.
const ARNS_PER_CALL: usize = 20;
/// How many tasks of a service are looked at: for the cause of a failure, or for what they run.
const TASKS_MAX: i32 = 100;
/// How many deployments are looked at where one look is to be enough.
const DEPLOYMENTS_LOOKED_AT: usize = 5;

/// The newest deployments of a service, newest first, and the images of the service revisions that they lead to or went back
/// to, by ARN.
#[derive(Debug, Clone)]
pub(crate) struct ServiceHistory {
    deployments: Vec<ServiceDeployment>,
    images: BTreeMap<String, Vec<RunningImage>>,
}

impl Clients {
    /// A service's newest deployments, newest first, at most `count` and at most 20, each with the images of
    /// its target revision. None when there is no such service.
    ///
    /// # Errors
    /// When ECS gives no usable answer.
    pub async fn deployments(
        &self,
        service: &ServiceId,
        count: usize,
    ) -> Result<Option<Vec<Deployment>>, CallError> {
        let Some(history) = self.service_history(service, count).await? else { return Ok(None) };
        let newest = history.deployments.iter().take(count);
        newest
            .map(|deployment| read_deployment(service, deployment, &history.images))
            .collect::<Result<_, _>>()
            .map(Some)
    }

    /// What a service runs: the images that its newest deployment leads to, or went back to; and when that deployment was
    /// created.
    ///
    /// # Errors
    /// When ECS gives no usable answer.
    pub async fn running(
        &self,
        service: &ServiceId,
    ) -> Result<(RunningService, Option<Timestamp>), CallError> {
        let Some(mut history) = self.service_history(service, 1).await? else {
            return Ok((RunningService::Missing, None));
        };
        let Some(newest) = history.deployments.first() else {
            return Ok((RunningService::NeverDeployed, None));
        };
        let revision = went_back_to(newest).or(target(newest)).unwrap_or_default();
        let (images, status) = (history.images.remove(revision).unwrap_or_default(), status(newest));
        Ok((RunningService::Deployed { images, status }, newest.created_at().map(timestamp)))
    }

    /// A service's newest deployments, at least `count` where there are as many. None when there is no such service.
    async fn service_history(
        &self,
        service: &ServiceId,
        count: usize,
    ) -> Result<Option<ServiceHistory>, CallError> {
        let count = self.at_least(count, DEPLOYMENTS_LOOKED_AT);
        let ask = async {
            let Some(deployments) = self.newest_deployments(service, count).await? else { return Ok(None) };
            let arns = deployments.iter().flat_map(|one| target(one).into_iter().chain(went_back_to(one)));
            let images = self.revision_images(service, arns.map(str::to_owned).collect()).await?;
            Ok(Some(ServiceHistory { deployments, images }))
        };
        self.look(&self.known.deployments, service.clone(), Box::pin(ask)).await
    }

    /// The newest deployments, newest first. None when there is no such service.
    async fn newest_deployments(
        &self,
        service: &ServiceId,
        count: usize,
    ) -> Result<Option<Vec<ServiceDeployment>>, CallError> {
        let operation = "ListServiceDeployments";
        let count = i32::try_from(count.clamp(1, ARNS_PER_CALL)).unwrap_or(1);
        let sent = self
            .ecs()
            .list_service_deployments()
            .cluster(service.cluster.as_str())
            .service(service.service.as_str())
            .max_results(count);
        let listed = match sent.send().await {
            Ok(listed) => listed,
            Err(error) => {
                return match code_of(&error) {
                    Some("ServiceNotFoundException" | "ClusterNotFoundException") => Ok(None),
                    _ => Err(CallError::from_sdk(SERVICE, operation, service, error)),
                };
            }
        };
        let arns = listed.service_deployments().iter().filter_map(|brief| brief.service_deployment_arn());
        let arns: Vec<String> = arns.map(str::to_owned).collect();
        if arns.is_empty() {
            return Ok(Some(Vec::new()));
        }
        let mut described = self.describe_deployments(service, &arns).await?;
        described.sort_by_key(|deployment| std::cmp::Reverse(deployment.created_at().map(timestamp)));
        Ok(Some(described))
    }

    async fn describe_deployments(
        &self,
        service: &ServiceId,
        arns: &[String],
    ) -> Result<Vec<ServiceDeployment>, CallError> {
        let sent = self.ecs().describe_service_deployments().set_service_deployment_arns(Some(arns.to_vec()));
        let answer = sent
            .send()
            .await
            .map_err(|error| CallError::from_sdk(SERVICE, "DescribeServiceDeployments", service, error))?;
        Ok(answer.service_deployments.unwrap_or_default())
    }

    /// The images of service revisions, by the revision's ARN.
    async fn revision_images(
        &self,
        service: &ServiceId,
        arns: BTreeSet<String>,
    ) -> Result<BTreeMap<String, Vec<RunningImage>>, CallError> {
        let operation = "DescribeServiceRevisions";
        let arns: Vec<String> = arns.into_iter().collect();
        let mut images = BTreeMap::new();
        for part in arns.chunks(ARNS_PER_CALL) {
            let sent = self.ecs().describe_service_revisions().set_service_revision_arns(Some(part.to_vec()));
            let answer =
                sent.send().await.map_err(|error| CallError::from_sdk(SERVICE, operation, service, error))?;
            for revision in answer.service_revisions() {
                let arn = revision.service_revision_arn().unwrap_or_default().to_owned();
                images.insert(arn, read_images(service, revision)?);
            }
        }
        Ok(images)
    }

    /// The newest tasks of a service that stopped. ECS forgets them after about an hour.
    ///
    /// # Errors
    /// When ECS gives no usable answer.
    pub async fn stopped_tasks(&self, service: &ServiceId) -> Result<Vec<StoppedTask>, CallError> {
        let mut tasks = self.tasks(service, DesiredStatus::Stopped).await?;
        tasks.sort_by_key(|task| std::cmp::Reverse(task.stopping_at().or(task.created_at()).map(timestamp)));
        tasks.iter().map(|task| read_task(service, task)).collect()
    }

    /// What ECS said of a service since then, newest first.
    ///
    /// # Errors
    /// When ECS gives no usable answer.
    pub async fn service_messages(
        &self,
        service: &ServiceId,
        since: Timestamp,
    ) -> Result<Vec<String>, CallError> {
        let sent = self
            .ecs()
            .describe_services()
            .cluster(service.cluster.as_str())
            .services(service.service.as_str());
        let answer = match sent.send().await {
            Ok(answer) => answer,
            Err(error) if code_of(&error) == Some("ClusterNotFoundException") => return Ok(Vec::new()),
            Err(error) => return Err(CallError::from_sdk(SERVICE, "DescribeServices", service, error)),
        };
        let mut events: Vec<_> =
            answer.services().iter().flat_map(aws_sdk_ecs::types::Service::events).collect();
        events.retain(|event| event.created_at().is_some_and(|at| timestamp(at) >= since));
        events.sort_by_key(|event| std::cmp::Reverse(event.created_at().map(timestamp)));
        Ok(events.into_iter().filter_map(|event| event.message().map(str::to_owned)).collect())
    }

    /// The images of a service's running tasks, task by task.
    ///
    /// # Errors
    /// When ECS gives no usable answer.
    pub async fn running_tasks(&self, service: &ServiceId) -> Result<Vec<Vec<RunningImage>>, CallError> {
        let tasks = self.tasks(service, DesiredStatus::Running).await?;
        let running = tasks.iter().filter(|task| task.last_status() == Some("RUNNING"));
        running.map(|task| read_task_images(service, task)).collect()
    }

    async fn tasks(&self, service: &ServiceId, desired: DesiredStatus) -> Result<Vec<Task>, CallError> {
        let listed = self
            .ecs()
            .list_tasks()
            .cluster(service.cluster.as_str())
            .service_name(service.service.as_str())
            .desired_status(desired)
            .max_results(TASKS_MAX);
        let listed = match listed.send().await {
            Ok(listed) => listed,
            Err(error) => {
                return match code_of(&error) {
                    Some("ServiceNotFoundException" | "ClusterNotFoundException") => Ok(Vec::new()),
                    _ => Err(CallError::from_sdk(SERVICE, "ListTasks", service, error)),
                };
            }
        };
        if listed.task_arns().is_empty() {
            return Ok(Vec::new());
        }
        let sent = self
            .ecs()
            .describe_tasks()
            .cluster(service.cluster.as_str())
            .set_tasks(Some(listed.task_arns().to_vec()));
        let answer = sent
            .send()
            .await
            .map_err(|error| CallError::from_sdk(SERVICE, "DescribeTasks", service, error))?;
        Ok(answer.tasks.unwrap_or_default())
    }

    /// Stops a rollout: ECS goes back to the revision before. One that has ended already is success.
    ///
    /// # Errors
    /// When ECS refuses it, or gives no usable answer.
    pub async fn stop_deployment(
        &self,
        service: &ServiceId,
        deployment: &ServiceDeploymentArn,
    ) -> Result<(), CallError> {
        let sent = self
            .ecs()
            .stop_service_deployment()
            .service_deployment_arn(deployment.as_str())
            .stop_type(StopServiceDeploymentStopType::Rollback);
        match sent.send().await {
            Ok(_) => Ok(()),
            Err(error) => match code_of(&error) {
                Some("ConflictException" | "ServiceDeploymentNotFoundException") => Ok(()),
                _ => Err(CallError::from_sdk(SERVICE, "StopServiceDeployment", service, error)),
            },
        }
    }
}

/// The service revision that a deployment leads to.
fn target(deployment: &ServiceDeployment) -> Option<&str> {
    deployment.target_service_revision().and_then(|revision| revision.arn())
}

/// The service revision that a deployment went back to.
fn went_back_to(deployment: &ServiceDeployment) -> Option<&str> {
    deployment.rollback().and_then(|rollback| rollback.service_revision_arn())
}

fn read_deployment(
    service: &ServiceId,
    deployment: &ServiceDeployment,
    images: &BTreeMap<String, Vec<RunningImage>>,
) -> Result<Deployment, CallError> {
    let operation = "DescribeServiceDeployments";
    let thing = service.to_string();
    let target = target(deployment).unwrap_or_default();
    let created_at = deployment
        .created_at()
        .ok_or_else(|| CallError::malformed(SERVICE, operation, &thing, "no createdAt"))?;
    Ok(Deployment {
        arn: parsed(operation, &thing, "serviceDeploymentArn", deployment.service_deployment_arn())?,
        status: status(deployment),
        created_at: timestamp(created_at),
        finished_at: deployment.finished_at().or(deployment.stopped_at()).map(timestamp),
        reason: deployment.status_reason().map(str::to_owned),
        images: images.get(target).cloned().unwrap_or_default(),
        breaker: match deployment.deployment_circuit_breaker().and_then(|breaker| breaker.status()) {
            Some(MonitorStatus::Triggered) => Breaker::Triggered,
            Some(MonitorStatus::Monitoring | MonitorStatus::MonitoringComplete) => Breaker::Monitoring,
            _ => Breaker::Disabled,
        },
    })
}

fn status(deployment: &ServiceDeployment) -> DeploymentStatus {
    match deployment.status() {
        Some(ServiceDeploymentStatus::Pending) => DeploymentStatus::Pending,
        Some(ServiceDeploymentStatus::RollbackFailed) => DeploymentStatus::RollbackFailed,
        Some(ServiceDeploymentStatus::RollbackInProgress) => DeploymentStatus::RollbackInProgress,
        Some(ServiceDeploymentStatus::RollbackRequested) => DeploymentStatus::RollbackRequested,
        Some(ServiceDeploymentStatus::RollbackSuccessful) => DeploymentStatus::RollbackSuccessful,
        Some(ServiceDeploymentStatus::StopRequested) => DeploymentStatus::StopRequested,
        Some(ServiceDeploymentStatus::Stopped) => DeploymentStatus::Stopped,
        Some(ServiceDeploymentStatus::Successful) => DeploymentStatus::Successful,
        // A status of the future is not an end that we know.
        _ => DeploymentStatus::InProgress,
    }
}

fn read_images(service: &ServiceId, revision: &ServiceRevision) -> Result<Vec<RunningImage>, CallError> {
    let operation = "DescribeServiceRevisions";
    let thing = service.to_string();
    let read = |image: &aws_sdk_ecs::types::ContainerImage| {
        Ok(RunningImage {
            container: parsed(operation, &thing, "containerName", image.container_name())?,
            image: image.image().unwrap_or_default().to_owned(),
            digest: image.image_digest().and_then(|digest| digest.parse().ok()),
        })
    };
    revision.container_images().iter().map(read).collect()
}

fn read_task(service: &ServiceId, task: &Task) -> Result<StoppedTask, CallError> {
    let thing = service.to_string();
    let read = |container: &aws_sdk_ecs::types::Container| {
        Ok(StoppedContainer {
            container: parsed("DescribeTasks", &thing, "container name", container.name())?,
            exit_code: container.exit_code(),
            reason: container.reason().map(str::to_owned),
        })
    };
    Ok(StoppedTask {
        stop_code: task.stop_code().map(|code| code.as_str().to_owned()),
        stopped_reason: task.stopped_reason().map(str::to_owned),
        containers: task.containers().iter().map(read).collect::<Result<_, _>>()?,
    })
}

fn read_task_images(service: &ServiceId, task: &Task) -> Result<Vec<RunningImage>, CallError> {
    let thing = service.to_string();
    let read = |container: &aws_sdk_ecs::types::Container| {
        Ok(RunningImage {
            container: parsed("DescribeTasks", &thing, "container name", container.name())?,
            image: container.image().unwrap_or_default().to_owned(),
            digest: container.image_digest().and_then(|digest| digest.parse().ok()),
        })
    };
    task.containers().iter().map(read).collect()
}

fn parsed<T: std::str::FromStr>(
    operation: &'static str,
    thing: &str,
    member: &str,
    text: Option<&str>,
) -> Result<T, CallError>
where
    T::Err: std::fmt::Display,
{
    CallError::parsed(SERVICE, operation, thing, member, text)
}
