//! What a pipeline is: the structure that people write and `GetPipeline` gives back.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How executions of one pipeline meet each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(super) enum ExecutionMode {
    /// One after the other, in the order they were started.
    Queued,
    /// A newer one takes the place of an older one that waits.
    Superseded,
    /// None waits for any other.
    Parallel,
}

/// A pipeline's structure. A missing text is an empty one until [`super::structure::check`] has refused it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Declaration {
    #[serde(default)]
    pub(super) name: String,
    #[serde(default)]
    pub(super) role_arn: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) artifact_store: Option<ArtifactStore>,
    #[serde(default)]
    pub(super) stages: Vec<StageDeclaration>,
    #[serde(default = "one")]
    pub(super) version: i64,
    #[serde(default = "superseded")]
    pub(super) execution_mode: String,
    #[serde(default = "type_1")]
    pub(super) pipeline_type: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) variables: Vec<VariableDeclaration>,
}

/// Where artifacts lie.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ArtifactStore {
    #[serde(default, rename = "type")]
    pub(super) store_type: String,
    #[serde(default)]
    pub(super) location: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) encryption_key: Option<EncryptionKey>,
}

/// What artifacts are encrypted with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct EncryptionKey {
    id: String,
    #[serde(rename = "type")]
    key_type: String,
}

/// A variable that a start may set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct VariableDeclaration {
    #[serde(default)]
    pub(super) name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) default_value: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) description: Option<String>,
}

/// A stage.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct StageDeclaration {
    #[serde(default)]
    pub(super) name: String,
    #[serde(default)]
    pub(super) actions: Vec<ActionDeclaration>,
}

/// An action.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ActionDeclaration {
    #[serde(default)]
    pub(super) name: String,
    #[serde(default)]
    pub(super) action_type_id: ActionTypeId,
    #[serde(default = "one")]
    pub(super) run_order: i64,
    #[serde(default)]
    pub(super) configuration: BTreeMap<String, String>,
    #[serde(default)]
    pub(super) output_artifacts: Vec<ArtifactName>,
    #[serde(default)]
    pub(super) input_artifacts: Vec<ArtifactName>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) region: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) namespace: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) timeout_in_minutes: Option<i64>,
}

/// Who does an action, and how.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ActionTypeId {
    #[serde(default)]
    pub(super) category: String,
    #[serde(default)]
    pub(super) owner: String,
    #[serde(default)]
    pub(super) provider: String,
    #[serde(default)]
    pub(super) version: String,
}

/// An artifact that passes from one action to another.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ArtifactName {
    #[serde(default)]
    pub(super) name: String,
}

impl Declaration {
    /// How its executions meet each other.
    pub(super) fn mode(&self) -> ExecutionMode {
        match self.execution_mode.as_str() {
            "QUEUED" => ExecutionMode::Queued,
            "PARALLEL" => ExecutionMode::Parallel,
            _ => ExecutionMode::Superseded,
        }
    }

    /// Whether it is of type V2, which alone has source overrides, modes, variables and stage rollback.
    pub(super) fn is_v2(&self) -> bool {
        self.pipeline_type == "V2"
    }

    /// A stage by its name.
    pub(super) fn stage(&self, name: &str) -> Option<&StageDeclaration> {
        self.stages.iter().find(|stage| stage.name == name)
    }

    /// A stage's place in the pipeline.
    pub(super) fn stage_index(&self, name: &str) -> Option<usize> {
        self.stages.iter().position(|stage| stage.name == name)
    }

    /// The actions of the first stage, which alone are sources.
    pub(super) fn sources(&self) -> impl Iterator<Item = &ActionDeclaration> {
        self.stages.first().into_iter().flat_map(|stage| &stage.actions)
    }

    /// The bucket that artifacts lie in.
    pub(super) fn bucket(&self) -> &str {
        self.artifact_store.as_ref().map_or("", |store| store.location.as_str())
    }
}

impl StageDeclaration {
    /// An action by its name.
    pub(super) fn action(&self, name: &str) -> Option<&ActionDeclaration> {
        self.actions.iter().find(|action| action.name == name)
    }
}

fn one() -> i64 {
    1
}

fn superseded() -> String {
    "SUPERSEDED".to_owned()
}

fn type_1() -> String {
    "V1".to_owned()
}
