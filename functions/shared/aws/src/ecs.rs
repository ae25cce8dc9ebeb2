//! ECS: what a service runs, and how its deployments went.
//! <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/>

use crate::connection::Clients;
use crate::ecr::timestamp;
use crate::error::{CallError, code_of};
use aws_sdk_ecs::types::{
    ServiceDeployment, ServiceDeploymentRollbackMonitorsStatus as MonitorStatus,
    ServiceDeploymentStatus, ServiceRevision, StopServiceDeploymentStopType, Task,
};
use domain::facts::{Breaker, Deployment, DeploymentStatus, RunningImage, StoppedContainer, StoppedTask};
use domain::names::{ClusterName, ServiceDeploymentArn, ServiceId, ServiceName};
use std::collections::{BTreeMap, BTreeSet};

const SERVICE: &str = "ECS";
/// ECS's own limit for one `DescribeServices`.
const SERVICES_PER_CALL: usize = 10;
/// ECS's own limit for one `DescribeServiceDeployments` and `DescribeServiceRevisions`.
const ARNS_PER_CALL: usize = 20;
/// How many stopped tasks are looked at for the cause of a failure.
const STOPPED_TASKS_MAX: i32 = 20;

impl Clients {
    /// Which of these services are there. A service that was deleted is not.
    ///
    /// # Errors
    /// When ECS gives no usable answer.
    pub async fn present_services(
        &self,
        cluster: &ClusterName,
        services: &[&ServiceName],
    ) -> Result<BTreeSet<ServiceName>, CallError> {
        let operation = "DescribeServices";
        let thing = format!("cluster {cluster}");
        let mut present = BTreeSet::new();
        for part in services.chunks(SERVICES_PER_CALL) {
            let names = part.iter().map(|name| name.to_string()).collect();
            let sent = self.ecs.describe_services().cluster(cluster.as_str()).set_services(Some(names));
            let answer = match sent.send().await {
                Ok(answer) => answer,
                Err(error) if code_of(&error) == Some("ClusterNotFoundException") => return Ok(present),
                Err(error) => return Err(CallError::from_sdk(SERVICE, operation, thing, error)),
            };
            for service in answer.services().iter().filter(|service| service.status() != Some("INACTIVE")) {
                present.insert(parsed(operation, &thing, "serviceName", service.service_name())?);
            }
        }
        Ok(present)
    }

    /// A service's newest deployments, newest first, at most `count` and at most 20, each with the images of
    /// its target revision. None when there is no such service.
    ///
    /// # Errors
    /// When ECS gives no usable answer.
    pub async fn deployments(&self, service: &ServiceId, count: usize) -> Result<Option<Vec<Deployment>>, CallError> {
        let operation = "ListServiceDeployments";
        let count = i32::try_from(count.clamp(1, ARNS_PER_CALL)).unwrap_or(1);
        let sent = self
            .ecs
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
        let mut briefs: Vec<_> = listed.service_deployments().iter().collect();
        briefs.sort_by_key(|brief| std::cmp::Reverse(brief.created_at().map(timestamp)));
        let arns: Vec<String> =
            briefs.iter().filter_map(|brief| brief.service_deployment_arn().map(str::to_owned)).collect();
        if arns.is_empty() {
            return Ok(Some(Vec::new()));
        }
        let described = self.describe_deployments(service, &arns).await?;
        let revisions = described.iter().filter_map(|deployment| deployment.target_service_revision()?.arn());
        let images = self.revision_images(service, revisions.map(str::to_owned).collect()).await?;
        let mut deployments =
            described.iter().map(|deployment| read_deployment(service, deployment, &images)).collect::<Result<Vec<_>, _>>()?;
        deployments.sort_by_key(|deployment| std::cmp::Reverse(deployment.created_at));
        Ok(Some(deployments))
    }

    async fn describe_deployments(
        &self,
        service: &ServiceId,
        arns: &[String],
    ) -> Result<Vec<ServiceDeployment>, CallError> {
        let sent = self.ecs.describe_service_deployments().set_service_deployment_arns(Some(arns.to_vec()));
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
            let sent = self.ecs.describe_service_revisions().set_service_revision_arns(Some(part.to_vec()));
            let answer = sent.send().await.map_err(|error| CallError::from_sdk(SERVICE, operation, service, error))?;
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
        let listed = self
            .ecs
            .list_tasks()
            .cluster(service.cluster.as_str())
            .service_name(service.service.as_str())
            .desired_status(aws_sdk_ecs::types::DesiredStatus::Stopped)
            .max_results(STOPPED_TASKS_MAX);
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
            .ecs
            .describe_tasks()
            .cluster(service.cluster.as_str())
            .set_tasks(Some(listed.task_arns().to_vec()));
        let answer =
            sent.send().await.map_err(|error| CallError::from_sdk(SERVICE, "DescribeTasks", service, error))?;
        let mut tasks: Vec<&Task> = answer.tasks().iter().collect();
        tasks.sort_by_key(|task| std::cmp::Reverse(task.stopping_at().or(task.created_at()).map(timestamp)));
        tasks.into_iter().map(|task| read_task(service, task)).collect()
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
            .ecs
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

fn read_deployment(
    service: &ServiceId,
    deployment: &ServiceDeployment,
    images: &BTreeMap<String, Vec<RunningImage>>,
) -> Result<Deployment, CallError> {
    let operation = "DescribeServiceDeployments";
    let thing = service.to_string();
    let target = deployment.target_service_revision().and_then(|revision| revision.arn()).unwrap_or_default();
    let created_at = deployment
        .created_at()
        .ok_or_else(|| CallError::malformed(SERVICE, operation, &thing, "no createdAt"))?;
    Ok(Deployment {
        arn: parsed(operation, &thing, "serviceDeploymentArn", deployment.service_deployment_arn())?,
        status: match deployment.status() {
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
        },
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
