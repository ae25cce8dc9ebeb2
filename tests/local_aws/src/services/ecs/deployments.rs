//! Deployments, in both of AWS's tellings: the classic `deployments[]` of a service, and service deployments. A
//! service deployment that rolls back has two classic ones: what failed, and the way back.

use super::deployment_configuration::DeploymentConfiguration;
use super::names::{self, ServiceName};
use crate::names::AccountId;
use crate::world::World;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// A classic deployment: a set of tasks of one revision.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Deployment {
    /// `ecs-svc/<digits>`.
    pub(super) id: String,
    /// The ARN of the service deployment it belongs to.
    pub(super) service_deployment: String,
    /// The ARN of its service revision.
    pub(super) revision: String,
    pub(super) task_definition: String,
    pub(super) begun: bool,
    pub(super) is_rollback: bool,
    pub(super) state: RolloutState,
    pub(super) reason: String,
    /// Tasks that failed since one was healthy.
    pub(super) failed_tasks: u32,
    /// How often it waited before it tried again, since a task was healthy.
    pub(super) retries: u32,
    /// It waits now.
    pub(super) waiting: bool,
    /// People were told that its tasks keep failing.
    pub(super) impaired: bool,
    /// People were told that its service's percentages leave it no room.
    pub(super) blocked: bool,
    pub(super) created_at: DateTime<Utc>,
    pub(super) updated_at: DateTime<Utc>,
}

/// How a classic deployment stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum RolloutState {
    InProgress,
    Completed,
    Failed,
}

impl RolloutState {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::InProgress => "IN_PROGRESS",
            Self::Completed => "COMPLETED",
            Self::Failed => "FAILED",
        }
    }
}

impl Deployment {
    /// A deployment that has not begun.
    pub(super) fn made(
        world: &mut World,
        service_deployment: &str,
        revision: &str,
        task_definition: &str,
    ) -> Self {
        let id = format!("ecs-svc/{}", names::nineteen_digits(&mut world.ids));
        let now = world.now();
        Self {
            service_deployment: service_deployment.to_owned(),
            revision: revision.to_owned(),
            task_definition: task_definition.to_owned(),
            begun: false,
            is_rollback: false,
            state: RolloutState::InProgress,
            reason: format!("ECS deployment {id} in progress."),
            id,
            failed_tasks: 0,
            retries: 0,
            waiting: false,
            impaired: false,
            blocked: false,
            created_at: now,
            updated_at: now,
        }
    }
}

/// A service deployment: a change of what a service runs, to its end.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct ServiceDeployment {
    pub(super) arn: String,
    /// The ARN of the service revision it brings.
    pub(super) target: String,
    /// The ARNs of the service revisions that ran when it was made.
    pub(super) sources: Vec<String>,
    pub(super) status: DeploymentStatus,
    pub(super) status_reason: Option<String>,
    pub(super) configuration: DeploymentConfiguration,
    pub(super) breaker: BreakerStatus,
    pub(super) failure_count: u32,
    pub(super) threshold: u32,
    pub(super) rollback: Option<Rollback>,
    pub(super) created_at: DateTime<Utc>,
    pub(super) started_at: Option<DateTime<Utc>>,
    pub(super) finished_at: Option<DateTime<Utc>>,
    pub(super) stopped_at: Option<DateTime<Utc>>,
    pub(super) updated_at: DateTime<Utc>,
}

/// The way back of a service deployment.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Rollback {
    pub(super) reason: String,
    pub(super) started_at: DateTime<Utc>,
    /// The ARN of the service revision it goes back to.
    pub(super) revision: String,
}

/// How a service deployment stands, by AWS's names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(super) enum DeploymentStatus {
    Pending,
    InProgress,
    StopRequested,
    Stopped,
    Successful,
    RollbackRequested,
    RollbackInProgress,
    RollbackSuccessful,
    RollbackFailed,
}

impl DeploymentStatus {
    pub(super) fn is_final(self) -> bool {
        matches!(self, Self::Stopped | Self::Successful | Self::RollbackSuccessful | Self::RollbackFailed)
    }
}

/// What the circuit breaker does, by AWS's names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(super) enum BreakerStatus {
    Disabled,
    Monitoring,
    MonitoringComplete,
    Triggered,
}

impl ServiceDeployment {
    /// A service deployment that has not begun.
    pub(super) fn made(
        world: &mut World,
        account: &AccountId,
        name: &ServiceName,
        target: &str,
        sources: Vec<String>,
        configuration: &DeploymentConfiguration,
        desired: u32,
    ) -> Self {
        let id = names::service_deployment_id(&mut world.ids);
        let resource = format!("service-deployment/{}/{}/{id}", name.cluster, name.service);
        let breaker = configuration.breaker();
        let now = world.now();
        Self {
            arn: world.arn("ecs", account, &resource),
            target: target.to_owned(),
            sources,
            status: DeploymentStatus::Pending,
            status_reason: None,
            breaker: breaker.map_or(BreakerStatus::Disabled, |_| BreakerStatus::Monitoring),
            threshold: breaker.map_or(0, |breaker| breaker.threshold(desired)),
            failure_count: 0,
            configuration: configuration.clone(),
            rollback: None,
            created_at: now,
            started_at: None,
            finished_at: None,
            stopped_at: None,
            updated_at: now,
        }
    }

    /// Moves on; a final status also notes when.
    pub(super) fn become_status(
        &mut self,
        status: DeploymentStatus,
        now: DateTime<Utc>,
        reason: Option<&str>,
    ) {
        self.status = status;
        self.updated_at = now;
        if let Some(reason) = reason {
            self.status_reason = Some(reason.to_owned());
        }
        if status.is_final() {
            self.finished_at = Some(now);
        }
        if status == DeploymentStatus::Stopped {
            self.stopped_at = Some(now);
        }
        if self.breaker == BreakerStatus::Monitoring && status.is_final() {
            self.breaker = BreakerStatus::MonitoringComplete;
        }
    }
}
