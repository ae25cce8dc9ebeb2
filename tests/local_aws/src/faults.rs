//! What the local accounts were told to do wrong.

use serde::{Deserialize, Serialize};

/// A fault to inject into matching calls.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CallFault {
    /// `codecommit`, `ecr`, …; every service when absent.
    pub service: Option<String>,
    /// `CreateCommit`, …; every operation when absent. `DownloadLayer` of `ecr` is a download from a layer's address.
    pub operation: Option<String>,
    /// The caller's short name, such as a function's; everybody when absent.
    pub caller: Option<String>,
    /// How many matching calls pass unharmed first.
    #[serde(default)]
    pub skip: u32,
    /// How many matching calls then fail.
    #[serde(default = "once")]
    pub times: u32,
    /// What happens to them.
    pub what: CallFaultKind,
}

fn once() -> u32 {
    1
}

/// What can happen to a call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum CallFaultKind {
    /// `ThrottlingException`, before any effect.
    Throttle,
    /// `AccessDeniedException`, before any effect.
    Deny,
    /// This error code, before any effect, with status 400.
    Error(String),
    /// HTTP 500 `InternalFailure`, before any effect.
    ServerError,
    /// The connection closes without a reply, before any effect.
    DropRequest,
    /// The connection closes without a reply, after the effect.
    DropReply,
    /// HTTP 500, after the effect.
    ServerErrorAfterEffect,
    /// The reply's body is cut off in the middle.
    TruncateReply,
    /// One byte of the reply's body is another.
    CorruptReply,
}

/// A fault to inject into events on their way from a service to the rules.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EventFault {
    /// `aws.ecr`, …; every source when absent.
    pub source: Option<String>,
    /// How many matching events pass unharmed first.
    #[serde(default)]
    pub skip: u32,
    /// How many matching events are then affected.
    #[serde(default = "once")]
    pub times: u32,
    /// What happens to them.
    pub what: EventFaultKind,
}

/// What can happen to an event.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum EventFaultKind {
    /// It never arrives.
    Drop,
    /// It arrives twice, the second time with the same id.
    Duplicate,
    /// It arrives this many seconds late, so possibly after younger ones.
    Delay(f64),
}

/// A fault to inject where ECS places a task: a failure that is not the image's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TaskFault {
    /// The cluster's name; every cluster when absent.
    pub cluster: Option<String>,
    /// The service's name; every service when absent.
    pub service: Option<String>,
    /// How many tasks of matching services are placed unharmed first.
    #[serde(default)]
    pub skip: u32,
    /// How many tasks are then affected.
    #[serde(default = "once")]
    pub times: u32,
    /// What happens to them.
    pub what: TaskFaultKind,
}

/// What can happen to a task that its image is not to blame for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum TaskFaultKind {
    /// No container instance can take it, for this reason, such as `RESOURCE:MEMORY`.
    NoPlacement(String),
    /// Fargate has no capacity.
    NoCapacity,
    /// Its secrets cannot be had.
    NoSecrets,
    /// It stays pending until something stops it.
    Hang,
}

/// The faults that are still to come.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Faults {
    calls: Vec<CallFault>,
    events: Vec<EventFault>,
    #[serde(default)]
    tasks: Vec<TaskFault>,
}

impl Faults {
    /// Adds a fault for calls.
    pub fn add_call_fault(&mut self, fault: CallFault) {
        self.calls.push(fault);
    }

    /// Adds a fault for events.
    pub fn add_event_fault(&mut self, fault: EventFault) {
        self.events.push(fault);
    }

    /// Adds a fault for tasks.
    pub fn add_task_fault(&mut self, fault: TaskFault) {
        self.tasks.push(fault);
    }

    /// Forgets all faults.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// The fault for this call, if one is due; counts the call either way.
    pub fn for_call(&mut self, service: &str, operation: &str, caller: &str) -> Option<CallFaultKind> {
        let fault = self.calls.iter_mut().find(|fault| {
            fault.times > 0
                && matches_or_absent(fault.service.as_deref(), service)
                && matches_or_absent(fault.operation.as_deref(), operation)
                && matches_or_absent(fault.caller.as_deref(), caller)
        })?;
        count_down(&mut fault.skip, &mut fault.times).then(|| fault.what.clone())
    }

    /// The fault for this event, if one is due; counts the event either way.
    pub fn for_event(&mut self, source: &str) -> Option<EventFaultKind> {
        let fault = self
            .events
            .iter_mut()
            .find(|fault| fault.times > 0 && matches_or_absent(fault.source.as_deref(), source))?;
        count_down(&mut fault.skip, &mut fault.times).then(|| fault.what.clone())
    }

    /// The fault for a task that is being placed, if one is due; counts the task either way.
    pub fn for_task(&mut self, cluster: &str, service: &str) -> Option<TaskFaultKind> {
        let fault = self.tasks.iter_mut().find(|fault| {
            fault.times > 0
                && matches_or_absent(fault.cluster.as_deref(), cluster)
                && matches_or_absent(fault.service.as_deref(), service)
        })?;
        count_down(&mut fault.skip, &mut fault.times).then(|| fault.what.clone())
    }
}

fn matches_or_absent(wanted: Option<&str>, found: &str) -> bool {
    wanted.is_none_or(|wanted| wanted == found)
}

/// Counts one matching occasion; true when the fault strikes.
fn count_down(skip: &mut u32, times: &mut u32) -> bool {
    if *skip > 0 {
        *skip -= 1;
        return false;
    }
    *times -= 1;
    true
}
