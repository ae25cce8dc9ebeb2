//! A stack: what was asked for, what is there, and what happened.

use super::change_sets::ChangeSet;
use super::intrinsics::Identity;
use crate::services::form;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// A stack.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Stack {
    pub(super) name: String,
    pub(super) id: String,
    pub(super) status: String,
    pub(super) reason: Option<String>,
    pub(super) description: Option<String>,
    pub(super) parameters: BTreeMap<String, String>,
    /// Parameters whose values are not shown.
    pub(super) hidden: BTreeSet<String>,
    pub(super) template: String,
    pub(super) capabilities: Vec<String>,
    pub(super) tags: Vec<Tag>,
    pub(super) created: DateTime<Utc>,
    pub(super) updated: Option<DateTime<Utc>>,
    pub(super) deleted: Option<DateTime<Utc>>,
    /// In the order in which they were made.
    pub(super) members: Vec<Member>,
    pub(super) outputs: Vec<Output>,
    /// Exports of other stacks that this one uses.
    pub(super) imports: BTreeSet<String>,
    /// Oldest first.
    pub(super) events: Vec<Event>,
    pub(super) change_sets: BTreeMap<String, ChangeSet>,
}

/// A tag of the stack.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Tag {
    key: String,
    value: String,
}

/// A resource of the stack.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Member {
    pub(super) logical_id: String,
    pub(super) kind: String,
    pub(super) physical_id: String,
    pub(super) attributes: BTreeMap<String, String>,
    /// As the resource was made, without functions.
    pub(super) properties: Map<String, Value>,
    /// Stays when the stack lets go of it.
    pub(super) retained: bool,
    pub(super) status: String,
    pub(super) at: DateTime<Utc>,
}

impl Member {
    pub(super) fn identity(&self) -> Identity {
        Identity { physical_id: self.physical_id.clone(), attributes: self.attributes.clone() }
    }

    pub(super) fn describe(&self) -> Value {
        json!({
            "LogicalResourceId": self.logical_id,
            "PhysicalResourceId": self.physical_id,
            "ResourceType": self.kind,
            "ResourceStatus": self.status,
        })
    }
}

/// A value that the stack tells.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Output {
    pub(super) key: String,
    pub(super) value: String,
    pub(super) description: Option<String>,
    pub(super) export: Option<String>,
}

/// Something that happened to the stack or one of its resources.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Event {
    id: String,
    logical_id: String,
    physical_id: String,
    kind: String,
    status: String,
    reason: Option<String>,
    at: DateTime<Utc>,
}

impl Stack {
    /// Notes an event of a resource, or of the stack itself when it bears the stack's name.
    pub(super) fn note(
        &mut self,
        event_id: String,
        at: DateTime<Utc>,
        subject: (&str, &str, &str),
        status: &str,
        reason: Option<&str>,
    ) {
        let (logical_id, physical_id, kind) = subject;
        self.events.push(Event {
            id: event_id,
            logical_id: logical_id.to_owned(),
            physical_id: physical_id.to_owned(),
            kind: kind.to_owned(),
            status: status.to_owned(),
            reason: reason.map(str::to_owned),
            at,
        });
    }

    pub(super) fn describe(&self) -> Value {
        let parameters: Vec<Value> = self
            .parameters
            .iter()
            .map(|(key, value)| {
                let shown = if self.hidden.contains(key) { "****" } else { value };
                json!({"ParameterKey": key, "ParameterValue": shown})
            })
            .collect();
        let outputs: Vec<Value> = self
            .outputs
            .iter()
            .map(|output| {
                json!({
                    "OutputKey": output.key,
                    "OutputValue": output.value,
                    "Description": output.description,
                    "ExportName": output.export,
                })
            })
            .collect();
        json!({
            "StackId": self.id,
            "StackName": self.name,
            "Description": self.description,
            "Parameters": parameters,
            "CreationTime": form::time(self.created),
            "LastUpdatedTime": self.updated.map(form::time),
            "DeletionTime": self.deleted.map(form::time),
            "RollbackConfiguration": {},
            "StackStatus": self.status,
            "StackStatusReason": self.reason,
            "DisableRollback": false,
            "NotificationARNs": [],
            "Capabilities": self.capabilities,
            "Outputs": outputs,
            "Tags": self.tags,
            "EnableTerminationProtection": false,
            "DriftInformation": {"StackDriftStatus": "NOT_CHECKED"},
        })
    }

    pub(super) fn summary(&self) -> Value {
        json!({
            "StackId": self.id,
            "StackName": self.name,
            "TemplateDescription": self.description,
            "CreationTime": form::time(self.created),
            "LastUpdatedTime": self.updated.map(form::time),
            "DeletionTime": self.deleted.map(form::time),
            "StackStatus": self.status,
            "StackStatusReason": self.reason,
            "DriftInformation": {"StackDriftStatus": "NOT_CHECKED"},
        })
    }

    /// The events, newest first.
    pub(super) fn describe_events(&self) -> impl Iterator<Item = Value> {
        self.events.iter().rev().map(|event| {
            json!({
                "EventId": event.id,
                "StackId": self.id,
                "StackName": self.name,
                "LogicalResourceId": event.logical_id,
                "PhysicalResourceId": event.physical_id,
                "ResourceType": event.kind,
                "ResourceStatus": event.status,
                "ResourceStatusReason": event.reason,
                "Timestamp": form::time(event.at),
            })
        })
    }
}
