//! What the service remembers of a pipeline, its executions and their actions.

use super::declaration::{ActionDeclaration, Declaration, ExecutionMode};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A pipeline with its history.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Pipeline {
    /// Tells this pipeline from a deleted one of the same name, whose timers may still be running.
    pub(super) id: String,
    /// The structure as it is now.
    pub(super) declaration: Declaration,
    /// Every structure it had, the first version first.
    pub(super) versions: Vec<Declaration>,
    pub(super) created: DateTime<Utc>,
    pub(super) updated: DateTime<Utc>,
    pub(super) tags: BTreeMap<String, String>,
    /// In the order in which they were started.
    pub(super) executions: Vec<Execution>,
    /// The transitions into stages that somebody touched, by stage.
    pub(super) transitions: BTreeMap<String, Transition>,
    /// Which execution a client request token started.
    pub(super) start_tokens: BTreeMap<String, String>,
    /// The tips that the polling source actions know, by action.
    pub(super) known_tips: BTreeMap<String, String>,
    /// Whether a timer for the next poll is set.
    pub(super) polling: bool,
    /// How often a stage was entered, so that entries can be put in order.
    pub(super) entries: u64,
}

/// Whether executions may pass into a stage.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Transition {
    pub(super) enabled: bool,
    pub(super) changed_by: String,
    pub(super) changed_at: DateTime<Utc>,
    pub(super) disabled_reason: Option<String>,
}

/// One run of a revision through the stages.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Execution {
    pub(super) id: String,
    pub(super) version: i64,
    pub(super) mode: ExecutionMode,
    /// The execution whose artifacts a stage rollback brings back.
    pub(super) rollback_target: Option<String>,
    pub(super) status: ExecutionStatus,
    pub(super) trigger: Trigger,
    pub(super) started: DateTime<Utc>,
    pub(super) updated: DateTime<Utc>,
    /// One more with each retry of a stage.
    pub(super) attempt: u32,
    /// The commits that the start named, by source action.
    pub(super) overrides: BTreeMap<String, String>,
    pub(super) variables: BTreeMap<String, String>,
    pub(super) stop: Option<Stop>,
    /// What each source action took, or was told to take.
    pub(super) revisions: BTreeMap<String, Revision>,
    /// What can be handed to later actions, by artifact name.
    pub(super) artifacts: BTreeMap<String, Artifact>,
    pub(super) place: Place,
    /// The stages it has entered, in the order of their first entry.
    pub(super) stages: Vec<StageRun>,
    /// The actions it has started, in that order.
    pub(super) actions: Vec<ActionRun>,
}

/// Where an execution is. Stages are meant by their index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Place {
    /// Waits to enter the stage.
    Before(usize),
    /// Is in the stage, and locks it.
    In(usize),
    /// Goes no further.
    Ended,
}

/// The API's states of an execution and of a stage in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum ExecutionStatus {
    Cancelled,
    InProgress,
    Stopped,
    Stopping,
    Succeeded,
    Superseded,
    Failed,
}

/// The API's states of an action.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum ActionStatus {
    InProgress,
    Abandoned,
    Succeeded,
    Failed,
}

/// What started an execution.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Trigger {
    pub(super) trigger_type: String,
    pub(super) trigger_detail: String,
}

/// How somebody asked for a stop.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Stop {
    pub(super) abandon: bool,
    pub(super) reason: Option<String>,
}

/// A source revision.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Revision {
    pub(super) artifact: String,
    pub(super) id: String,
    pub(super) summary: Option<String>,
    pub(super) url: Option<String>,
    pub(super) created: DateTime<Utc>,
}

/// A source artifact: here not a ZIP file, but the commit that it would hold.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Artifact {
    pub(super) repository: String,
    pub(super) commit: String,
    pub(super) bucket: String,
    pub(super) key: String,
}

/// A stage as one execution went through it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct StageRun {
    pub(super) name: String,
    pub(super) status: ExecutionStatus,
    pub(super) started: DateTime<Utc>,
    /// The number of this entry among all entries of all stages.
    pub(super) entry: u64,
    pub(super) retries: u32,
    /// The action runs that count, by action: a retry replaces some.
    pub(super) current: BTreeMap<String, String>,
}

/// An action as one execution started it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct ActionRun {
    pub(super) id: String,
    pub(super) stage: String,
    pub(super) action: String,
    pub(super) status: ActionStatus,
    pub(super) started: DateTime<Utc>,
    pub(super) updated: DateTime<Utc>,
    pub(super) updated_by: Option<String>,
    pub(super) result: ActionResult,
    /// What an approver must name.
    pub(super) token: Option<String>,
    /// The rollout that a deploy action waits for.
    pub(super) rollout: Option<Rollout>,
}

/// What came of an action.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct ActionResult {
    pub(super) external_id: Option<String>,
    pub(super) summary: Option<String>,
    pub(super) url: Option<String>,
    pub(super) error: Option<Failure>,
    pub(super) variables: BTreeMap<String, String>,
}

/// Why an action failed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Failure {
    pub(super) code: String,
    pub(super) message: String,
}

/// A deployment of an ECS service that an action started.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Rollout {
    pub(super) deployment: String,
    pub(super) deadline: DateTime<Utc>,
}

impl Failure {
    /// The action's own work went wrong.
    pub(super) fn job_failed(message: impl Into<String>) -> Self {
        Self { code: "JobFailed".to_owned(), message: message.into() }
    }

    /// The action is told something that cannot be done.
    pub(super) fn configuration(message: impl Into<String>) -> Self {
        Self { code: "ConfigurationError".to_owned(), message: message.into() }
    }

    /// The role may not.
    pub(super) fn permission(message: impl Into<String>) -> Self {
        Self { code: "PermissionError".to_owned(), message: message.into() }
    }
}

impl ExecutionStatus {
    /// As the API writes it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Cancelled => "Cancelled",
            Self::InProgress => "InProgress",
            Self::Stopped => "Stopped",
            Self::Stopping => "Stopping",
            Self::Succeeded => "Succeeded",
            Self::Superseded => "Superseded",
            Self::Failed => "Failed",
        }
    }

    /// Whether it may still change by itself.
    pub(super) fn is_going_on(self) -> bool {
        matches!(self, Self::InProgress | Self::Stopping)
    }
}

impl ActionStatus {
    /// As the API writes it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::InProgress => "InProgress",
            Self::Abandoned => "Abandoned",
            Self::Succeeded => "Succeeded",
            Self::Failed => "Failed",
        }
    }
}

impl Pipeline {
    /// An execution by its id.
    pub(super) fn execution(&self, id: &str) -> Option<&Execution> {
        self.executions.iter().find(|execution| execution.id == id)
    }

    /// An execution by its id, to change it.
    pub(super) fn execution_mut(&mut self, id: &str) -> Option<&mut Execution> {
        self.executions.iter_mut().find(|execution| execution.id == id)
    }

    /// The structure that an execution runs through.
    pub(super) fn structure(&self, version: i64) -> Option<&Declaration> {
        self.versions.iter().find(|declaration| declaration.version == version)
    }

    /// What an action run was told to do.
    pub(super) fn action_of(&self, version: i64, run: &ActionRun) -> Option<&ActionDeclaration> {
        self.structure(version)?.stage(&run.stage)?.action(&run.action)
    }

    /// Whether executions may pass into a stage.
    pub(super) fn admits_to(&self, stage: &str) -> bool {
        self.transitions.get(stage).is_none_or(|transition| transition.enabled)
    }

    /// The latest entry into a stage, by whichever execution.
    pub(super) fn latest_in(&self, stage: &str) -> Option<(&Execution, &StageRun)> {
        self.executions
            .iter()
            .filter_map(|execution| Some((execution, execution.stage(stage)?)))
            .max_by_key(|(_, run)| run.entry)
    }
}

impl Execution {
    /// Its way through a stage.
    pub(super) fn stage(&self, name: &str) -> Option<&StageRun> {
        self.stages.iter().find(|stage| stage.name == name)
    }

    /// Its way through a stage, to change it.
    pub(super) fn stage_mut(&mut self, name: &str) -> Option<&mut StageRun> {
        self.stages.iter_mut().find(|stage| stage.name == name)
    }

    /// An action run by its id.
    pub(super) fn action(&self, id: &str) -> Option<&ActionRun> {
        self.actions.iter().find(|action| action.id == id)
    }

    /// An action run by its id, to change it.
    pub(super) fn action_mut(&mut self, id: &str) -> Option<&mut ActionRun> {
        self.actions.iter_mut().find(|action| action.id == id)
    }

    /// The ids of the action runs that are not over.
    pub(super) fn actions_in_progress(&self) -> Vec<String> {
        let going_on = self.actions.iter().filter(|run| run.status == ActionStatus::InProgress);
        going_on.map(|run| run.id.clone()).collect()
    }

    /// `STANDARD` or `ROLLBACK`.
    pub(super) fn execution_type(&self) -> &'static str {
        if self.rollback_target.is_some() { "ROLLBACK" } else { "STANDARD" }
    }
}
