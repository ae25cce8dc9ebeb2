//! The kinds of action that the local accounts can carry out.

use super::declaration::{ActionDeclaration, ActionTypeId};
use crate::error::AwsError;

/// What an action does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ActionKind {
    /// Source/AWS/CodeCommit/1: takes a commit.
    CodeCommitSource,
    /// Deploy/AWS/ECS/1: rolls images out to an ECS service.
    EcsDeploy,
    /// Approval/AWS/Manual/1: waits for a person.
    ManualApproval,
}

/// A configuration key and whether it must be there.
struct Key {
    name: &'static str,
    required: bool,
}

const fn required(name: &'static str) -> Key {
    Key { name, required: true }
}

const fn optional(name: &'static str) -> Key {
    Key { name, required: false }
}

const SOURCE_KEYS: &[Key] = &[
    required("RepositoryName"),
    required("BranchName"),
    optional("PollForSourceChanges"),
    optional("OutputArtifactFormat"),
];
const DEPLOY_KEYS: &[Key] =
    &[required("ClusterName"), required("ServiceName"), optional("FileName"), optional("DeploymentTimeout")];
const APPROVAL_KEYS: &[Key] =
    &[optional("CustomData"), optional("ExternalEntityLink"), optional("NotificationArn")];

/// The longest that the deploy action waits, in minutes; also what it waits when nothing is said.
pub(super) const DEPLOYMENT_TIMEOUT_MAX: i64 = 60;

impl ActionKind {
    /// The kind that this type id names.
    ///
    /// # Errors
    /// `NotInLocalAws` for a type that AWS may have, but the local accounts have not.
    pub(super) fn of(id: &ActionTypeId) -> Result<Self, AwsError> {
        match (id.category.as_str(), id.owner.as_str(), id.provider.as_str(), id.version.as_str()) {
            ("Source", "AWS", "CodeCommit", "1") => Ok(Self::CodeCommitSource),
            ("Deploy", "AWS", "ECS", "1") => Ok(Self::EcsDeploy),
            ("Approval", "AWS", "Manual", "1") => Ok(Self::ManualApproval),
            (category, owner, provider, version) => Err(AwsError::not_in_local_aws(format!(
                "the codepipeline action type {category}/{owner}/{provider}/{version}"
            ))),
        }
    }

    /// How many input artifacts it takes.
    pub(super) fn inputs(self) -> usize {
        usize::from(self == Self::EcsDeploy)
    }

    /// How many output artifacts it gives.
    pub(super) fn outputs(self) -> usize {
        usize::from(self == Self::CodeCommitSource)
    }

    fn keys(self) -> &'static [Key] {
        match self {
            Self::CodeCommitSource => SOURCE_KEYS,
            Self::EcsDeploy => DEPLOY_KEYS,
            Self::ManualApproval => APPROVAL_KEYS,
        }
    }
}

/// Checks an action's configuration.
///
/// # Errors
/// `InvalidActionDeclarationException`, or `NotInLocalAws` for a choice that is not here.
pub(super) fn check_configuration(kind: ActionKind, action: &ActionDeclaration) -> Result<(), AwsError> {
    let name = &action.name;
    for key in kind.keys().iter().filter(|key| key.required) {
        if !action.configuration.contains_key(key.name) {
            let missing = key.name;
            return Err(invalid_action(format!(
                "Action configuration for action '{name}' is missing required configuration '{missing}'"
            )));
        }
    }
    for (key, value) in &action.configuration {
        if !kind.keys().iter().any(|known| known.name == key) {
            return Err(invalid_action(format!(
                "Action configuration for action '{name}' contains unknown configuration '{key}'"
            )));
        }
        if value.contains("#{") {
            return Err(AwsError::not_in_local_aws(format!(
                "variables in the configuration of an action ('{key}' of '{name}' is '{value}')"
            )));
        }
        check_value(name, key, value)?;
    }
    Ok(())
}

fn check_value(action: &str, key: &str, value: &str) -> Result<(), AwsError> {
    let allowed = match key {
        "PollForSourceChanges" => matches!(value, "true" | "false"),
        "OutputArtifactFormat" => matches!(value, "CODE_ZIP" | "CODEBUILD_CLONE_REF"),
        "DeploymentTimeout" => minutes(value).is_some(),
        _ => true,
    };
    if !allowed {
        return Err(invalid_action(format!(
            "Action configuration for action '{action}' has the value '{value}' for '{key}', which is not allowed"
        )));
    }
    if value == "CODEBUILD_CLONE_REF" {
        return Err(AwsError::not_in_local_aws(
            "the OutputArtifactFormat CODEBUILD_CLONE_REF of codepipeline",
        ));
    }
    if key == "NotificationArn" {
        return Err(AwsError::not_in_local_aws("the NotificationArn of a codepipeline approval (SNS)"));
    }
    Ok(())
}

/// A `DeploymentTimeout`, if it is one.
pub(super) fn minutes(text: &str) -> Option<i64> {
    text.parse().ok().filter(|minutes| (1..=DEPLOYMENT_TIMEOUT_MAX).contains(minutes))
}

/// Whether a source action looks for new tips by itself: it does unless it is told not to.
pub(super) fn polls(action: &ActionDeclaration) -> bool {
    action.configuration.get("PollForSourceChanges").is_none_or(|value| value != "false")
}

/// `InvalidActionDeclarationException` with this text.
pub(super) fn invalid_action(message: impl Into<String>) -> AwsError {
    AwsError::new("InvalidActionDeclarationException", message)
}
