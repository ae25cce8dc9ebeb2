//! Tasks: what they are and how they show themselves.

use super::names;
use super::services::EcsService;
use crate::clock::epoch;
use crate::faults::TaskFaultKind;
use crate::names::AccountId;
use crate::world::World;
use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// One task of a service.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Task {
    pub(super) id: String,
    /// The id of the deployment that started it.
    pub(super) deployment: String,
    pub(super) task_definition: String,
    pub(super) status: TaskStatus,
    /// It runs and its containers have not failed.
    pub(super) healthy: bool,
    pub(super) containers: Vec<Container>,
    /// What it was told to suffer.
    pub(super) fault: Option<TaskFaultKind>,
    pub(super) created_at: DateTime<Utc>,
    pub(super) started_at: Option<DateTime<Utc>>,
    pub(super) stopping_at: Option<DateTime<Utc>>,
    pub(super) stopped_at: Option<DateTime<Utc>>,
    pub(super) stop: Option<Stop>,
    pub(super) updated_at: DateTime<Utc>,
    /// Grows with each change, so that events can be put in order.
    pub(super) version: u64,
    cpu: Option<String>,
    memory: Option<String>,
}

/// How far a task has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum TaskStatus {
    /// Placed; its images are on their way.
    Pending,
    /// Its containers run.
    Running,
    /// It is to stop, and drains.
    Deactivating,
    /// It is gone.
    Stopped,
}

impl TaskStatus {
    fn name(self) -> &'static str {
        match self {
            Self::Pending => "PENDING",
            Self::Running => "RUNNING",
            Self::Deactivating => "DEACTIVATING",
            Self::Stopped => "STOPPED",
        }
    }
}

/// Why a task stopped or is to stop.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Stop {
    pub(super) code: StopCode,
    pub(super) reason: String,
}

/// The kinds of reasons for a stop, by AWS's names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum StopCode {
    TaskFailedToStart,
    EssentialContainerExited,
    ServiceSchedulerInitiated,
}

/// One container of a task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Container {
    id: String,
    pub(super) name: String,
    /// As the task definition names it.
    pub(super) image: String,
    /// Known once it was pulled.
    pub(super) image_digest: Option<String>,
    pub(super) essential: bool,
    pub(super) status: TaskStatus,
    pub(super) exit_code: Option<i32>,
    pub(super) reason: Option<String>,
    /// What its image's labels foretell.
    pub(super) fate: Fate,
}

/// What becomes of a container after its start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Fate {
    Runs,
    Exits(i32),
    TurnsUnhealthy,
}

impl Task {
    /// A task that was just placed, with the containers of its task definition.
    pub(super) fn placed(
        world: &mut World,
        deployment: &str,
        task_definition: &str,
        definition: &super::task_definitions::Definition,
        fault: Option<TaskFaultKind>,
    ) -> Self {
        let now = world.now();
        let containers = definition.container_definitions.iter().map(|container| Container {
            id: world.ids.uuid(),
            name: container.name.clone(),
            image: container.image.clone(),
            image_digest: None,
            essential: container.essential,
            status: TaskStatus::Pending,
            exit_code: None,
            reason: None,
            fate: Fate::Runs,
        });
        let containers = containers.collect();
        Self {
            id: world.ids.hex(32),
            deployment: deployment.to_owned(),
            task_definition: task_definition.to_owned(),
            status: TaskStatus::Pending,
            healthy: false,
            containers,
            fault,
            created_at: now,
            started_at: None,
            stopping_at: None,
            stopped_at: None,
            stop: None,
            updated_at: now,
            version: 1,
            cpu: definition.cpu.clone(),
            memory: definition.memory.clone(),
        }
    }

    /// It has not stopped yet.
    pub(super) fn is_there(&self) -> bool {
        self.status != TaskStatus::Stopped
    }

    /// Nobody has told it to stop.
    pub(super) fn is_wanted(&self) -> bool {
        matches!(self.status, TaskStatus::Pending | TaskStatus::Running)
    }

    pub(super) fn is_running(&self) -> bool {
        self.status == TaskStatus::Running
    }

    pub(super) fn is_pending(&self) -> bool {
        self.status == TaskStatus::Pending
    }

    fn desired_status(&self) -> &'static str {
        if self.is_wanted() { "RUNNING" } else { "STOPPED" }
    }

    /// As DescribeTasks shows it.
    pub(super) fn shown(&self, world: &World, account: &AccountId, service: &EcsService) -> Value {
        let mut members = self.members(world, account, service);
        let times = [
            ("createdAt", Some(self.created_at)),
            ("startedAt", self.started_at),
            ("stoppingAt", self.stopping_at),
            ("stoppedAt", self.stopped_at),
        ];
        for (name, time) in times {
            if let Some(time) = time {
                members.insert(name.to_owned(), epoch(time));
            }
        }
        members.insert("tags".to_owned(), json!([]));
        Value::Object(members)
    }

    /// As its events show it.
    pub(super) fn event_detail(&self, world: &World, account: &AccountId, service: &EcsService) -> Value {
        let mut members = self.members(world, account, service);
        let times = [
            ("createdAt", Some(self.created_at)),
            ("startedAt", self.started_at),
            ("stoppingAt", self.stopping_at),
            ("stoppedAt", self.stopped_at),
            ("updatedAt", Some(self.updated_at)),
        ];
        for (name, time) in times {
            if let Some(time) = time {
                members.insert(name.to_owned(), time.to_rfc3339_opts(SecondsFormat::Millis, true).into());
            }
        }
        Value::Object(members)
    }

    /// What an answer and an event have in common.
    fn members(&self, world: &World, account: &AccountId, service: &EcsService) -> Map<String, Value> {
        let cluster = &service.name.cluster;
        let arn = names::task_arn(world, account, cluster, &self.id);
        let containers: Vec<Value> =
            self.containers.iter().map(|container| container.shown(world, account, cluster, &arn)).collect();
        let shown = json!({
            "attachments": [],
            "clusterArn": names::cluster_arn(world, account, cluster),
            "containers": containers,
            "cpu": self.cpu,
            "desiredStatus": self.desired_status(),
            "group": format!("service:{}", service.name.service),
            "healthStatus": self.health_status(),
            "lastStatus": self.status.name(),
            "launchType": service.launch_type,
            "memory": self.memory,
            "overrides": { "containerOverrides": [] },
            "platformVersion": service.platform_version,
            "startedBy": self.deployment,
            "stopCode": self.stop.as_ref().map(|stop| format!("{:?}", stop.code)),
            "stoppedReason": self.stop.as_ref().map(|stop| &stop.reason),
            "taskArn": arn,
            "taskDefinitionArn": self.task_definition,
            "version": self.version,
        });
        without_nulls(shown)
    }

    fn health_status(&self) -> &'static str {
        let unhealthy = self.containers.iter().any(|container| {
            container.fate == Fate::TurnsUnhealthy
                && container.status != TaskStatus::Pending
                && !self.is_wanted()
        });
        match (unhealthy, self.healthy) {
            (true, _) => "UNHEALTHY",
            (false, true) => "HEALTHY",
            (false, false) => "UNKNOWN",
        }
    }
}

impl Container {
    fn shown(&self, world: &World, account: &AccountId, cluster: &str, task_arn: &str) -> Value {
        let task = task_arn.rsplit('/').next().unwrap_or_default();
        Value::Object(without_nulls(json!({
            "containerArn": world.arn("ecs", account, &format!("container/{cluster}/{task}/{}", self.id)),
            "exitCode": self.exit_code,
            "image": self.image,
            "imageDigest": self.image_digest,
            "lastStatus": self.status.name(),
            "name": self.name,
            "networkInterfaces": [],
            "reason": self.reason,
            "taskArn": task_arn,
        })))
    }
}

/// The members of an object that have a value.
pub(super) fn without_nulls(value: Value) -> Map<String, Value> {
    let Value::Object(mut members) = value else { return Map::new() };
    members.retain(|_, member| !member.is_null());
    members
}
