//! Carrying a plan out, resource by resource, and taking it back when one of them fails.

use super::intrinsics::{Identity, Scope};
use super::plan::Plan;
use super::resources::{self, Work};
use super::stack::{Member, Output, Stack};
use crate::caller::Caller;
use crate::error::AwsError;
use crate::world::World;
use serde_json::{Map, Value};

/// A stack while it is being changed: it is out of the account's state and goes back at the end.
pub(super) struct Engine<'a> {
    pub(super) world: &'a mut World,
    pub(super) caller: &'a Caller,
    pub(super) stack: Stack,
}

/// What was done to one resource, to be taken back.
enum Done {
    Created(String),
    Updated(Member),
}

impl Engine<'_> {
    /// Makes everything. A failure is not an error here but the stack's status.
    pub(super) fn create(&mut self, plan: &Plan) {
        self.status("CREATE_IN_PROGRESS", Some("User Initiated"));
        let mut done = Vec::new();
        match self.apply(plan, &mut done) {
            Ok(_) => self.status("CREATE_COMPLETE", None),
            Err(reason) => {
                self.status("ROLLBACK_IN_PROGRESS", Some(&reason));
                let whole = self.take_back(done);
                self.status(if whole { "ROLLBACK_COMPLETE" } else { "ROLLBACK_FAILED" }, Some(&reason));
            }
        }
    }

    /// Makes what is new, changes what is there, and lets go of what is no more.
    pub(super) fn update(&mut self, plan: &Plan) {
        self.status("UPDATE_IN_PROGRESS", Some("User Initiated"));
        let before = self.stack.clone();
        let mut done = Vec::new();
        match self.apply(plan, &mut done) {
            Ok(kept) => {
                self.status("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", None);
                let gone: Vec<String> = before
                    .members
                    .iter()
                    .rev()
                    .filter(|member| !kept.contains(&member.logical_id))
                    .map(|member| member.logical_id.clone())
                    .collect();
                for logical_id in gone {
                    self.delete_member(&logical_id);
                }
                self.status("UPDATE_COMPLETE", None);
            }
            Err(reason) => {
                self.status("UPDATE_ROLLBACK_IN_PROGRESS", Some(&reason));
                let whole = self.take_back(done);
                self.stack.outputs = before.outputs;
                self.stack.imports = before.imports;
                self.stack.parameters = before.parameters;
                self.stack.template = before.template;
                self.stack.description = before.description;
                let status = if whole { "UPDATE_ROLLBACK_COMPLETE" } else { "UPDATE_ROLLBACK_FAILED" };
                self.status(status, Some(&reason));
            }
        }
    }

    /// Deletes everything, in reverse order.
    pub(super) fn delete(&mut self) {
        self.status("DELETE_IN_PROGRESS", Some("User Initiated"));
        let ids: Vec<String> =
            self.stack.members.iter().rev().map(|member| member.logical_id.clone()).collect();
        let failed: Vec<String> = ids.into_iter().filter(|id| !self.delete_member(id)).collect();
        if failed.is_empty() {
            self.stack.deleted = Some(self.world.now());
            self.status("DELETE_COMPLETE", None);
        } else {
            let reason = format!("The following resource(s) failed to delete: [{}]. ", failed.join(", "));
            self.status("DELETE_FAILED", Some(&reason));
        }
    }

    /// Makes and changes what the plan says; returns what is part of the stack from now on.
    fn apply(&mut self, plan: &Plan, done: &mut Vec<Done>) -> Result<Vec<String>, String> {
        let place = super::place(self.world, self.caller, &self.stack.name, &self.stack.id);
        let mut scope = plan.scope(&place);
        let ordered = plan.order(&mut scope).map_err(|error| error.message)?;
        for logical_id in &ordered {
            let identity = self.apply_one(plan, &mut scope, logical_id, done)?;
            scope.resources.insert(logical_id.clone(), identity);
        }
        let outputs = outputs(plan, &mut scope).map_err(|error| error.message)?;
        let taken = outputs.iter().filter_map(|output| output.export.as_ref()).find(|name| {
            place.exports.contains_key(*name)
                && !self.stack.outputs.iter().any(|own| own.export.as_ref() == Some(*name))
        });
        if let Some(name) = taken {
            return Err(format!("Export with name {name} is already exported by another stack"));
        }
        self.stack.outputs = outputs;
        self.stack.imports = scope.imported;
        self.stack.parameters = plan.parameters.clone();
        self.stack.hidden = plan.hidden();
        self.stack.template = plan.text.clone();
        self.stack.description = plan.template.description.clone();
        Ok(ordered)
    }

    fn apply_one(
        &mut self,
        plan: &Plan,
        scope: &mut Scope<'_>,
        logical_id: &str,
        done: &mut Vec<Done>,
    ) -> Result<Identity, String> {
        let Some(resource) = plan.resources.get(logical_id) else { return Ok(Identity::default()) };
        let there = self.stack.members.iter().find(|member| member.logical_id == logical_id).cloned();
        let failed = |engine: &mut Self, verb: &str, error: &AwsError| {
            let physical_id = there.as_ref().map(|member| member.physical_id.clone()).unwrap_or_default();
            let subject = (logical_id, physical_id.as_str(), resource.kind.as_str());
            engine.event(subject, &format!("{verb}_FAILED"), Some(&error.to_string()));
            format!("The following resource(s) failed to {}: [{logical_id}]: {error}", verb.to_lowercase())
        };
        let verb = if there.is_some() { "UPDATE" } else { "CREATE" };
        let properties =
            evaluated(scope, &resource.properties).map_err(|error| failed(self, verb, &error))?;
        let retained = resource.deletion_policy.as_deref() == Some("Retain");
        let unchanged = |member: &&Member| member.kind == resource.kind && member.properties == properties;
        if let Some(member) = there.as_ref().filter(unchanged) {
            if let Some(member) = self.member(logical_id) {
                member.retained = retained;
            }
            return Ok(member.identity());
        }
        let physical_id = there.as_ref().map(|member| member.physical_id.clone()).unwrap_or_default();
        let subject = (logical_id, physical_id.as_str(), resource.kind.as_str());
        self.event(subject, &format!("{verb}_IN_PROGRESS"), None);
        let outcome = match &there {
            None => self.work(logical_id, &resource.kind, |work| resources::create(work, &properties)),
            Some(member) if member.kind == resource.kind => self.work(logical_id, &resource.kind, |work| {
                resources::update(work, &member.identity(), &member.properties, &properties)
            }),
            Some(member) => Err(AwsError::not_in_local_aws(format!(
                "an update that makes the {} {logical_id} a {}: give it another logical id",
                member.kind, resource.kind
            ))),
        };
        let identity = outcome.map_err(|error| failed(self, verb, &error))?;
        done.push(there.map_or_else(|| Done::Created(logical_id.to_owned()), Done::Updated));
        self.set_member(logical_id, &resource.kind, &identity, properties, retained, verb);
        Ok(identity)
    }

    fn set_member(
        &mut self,
        logical_id: &str,
        kind: &str,
        identity: &Identity,
        properties: Map<String, Value>,
        retained: bool,
        verb: &str,
    ) {
        let status = format!("{verb}_COMPLETE");
        let member = Member {
            logical_id: logical_id.to_owned(),
            kind: kind.to_owned(),
            physical_id: identity.physical_id.clone(),
            attributes: identity.attributes.clone(),
            properties,
            retained,
            status: status.clone(),
            at: self.world.now(),
        };
        match self.member(logical_id) {
            Some(there) => *there = member,
            None => self.stack.members.push(member),
        }
        self.event((logical_id, &identity.physical_id, kind), &status, None);
    }

    /// Takes back what was done, newest first. False when something stays half done.
    fn take_back(&mut self, done: Vec<Done>) -> bool {
        let mut whole = true;
        for step in done.into_iter().rev() {
            whole &= match step {
                Done::Created(logical_id) => self.delete_member(&logical_id),
                Done::Updated(before) => self.change_back(&before),
            };
        }
        whole
    }

    fn change_back(&mut self, before: &Member) -> bool {
        let Some(now) = self.member(&before.logical_id).cloned() else { return false };
        let outcome = self.work(&before.logical_id, &before.kind, |work| {
            resources::update(work, &now.identity(), &now.properties, &before.properties)
        });
        match outcome {
            Ok(identity) => {
                let properties = before.properties.clone();
                self.set_member(
                    &before.logical_id,
                    &before.kind,
                    &identity,
                    properties,
                    before.retained,
                    "UPDATE",
                );
                true
            }
            Err(error) => {
                let subject = (before.logical_id.as_str(), now.physical_id.as_str(), before.kind.as_str());
                self.event(subject, "UPDATE_FAILED", Some(&error.to_string()));
                false
            }
        }
    }

    /// Deletes one resource, or lets go of one that is to be retained. False when it would not go.
    fn delete_member(&mut self, logical_id: &str) -> bool {
        let Some(member) = self.member(logical_id).cloned() else { return true };
        let subject = (logical_id, member.physical_id.as_str(), member.kind.as_str());
        let outcome = if member.retained {
            self.event(subject, "DELETE_SKIPPED", None);
            Ok(())
        } else {
            self.event(subject, "DELETE_IN_PROGRESS", None);
            self.work(logical_id, &member.kind, |work| {
                resources::delete(work, &member.identity(), &member.properties)
            })
        };
        match outcome {
            Ok(()) => {
                if !member.retained {
                    self.event(subject, "DELETE_COMPLETE", None);
                }
                self.stack.members.retain(|there| there.logical_id != logical_id);
                true
            }
            Err(error) => {
                self.event(subject, "DELETE_FAILED", Some(&error.to_string()));
                false
            }
        }
    }

    fn work<T>(
        &mut self,
        logical_id: &str,
        kind: &str,
        carry_out: impl FnOnce(&mut Work<'_>) -> Result<T, AwsError>,
    ) -> Result<T, AwsError> {
        carry_out(&mut Work {
            world: self.world,
            caller: self.caller,
            stack_name: &self.stack.name,
            logical_id,
            kind,
        })
    }

    fn member(&mut self, logical_id: &str) -> Option<&mut Member> {
        self.stack.members.iter_mut().find(|member| member.logical_id == logical_id)
    }

    fn event(&mut self, subject: (&str, &str, &str), status: &str, reason: Option<&str>) {
        let (id, now) = (self.world.ids.uuid(), self.world.now());
        self.stack.note(id, now, subject, status, reason);
    }

    fn status(&mut self, status: &str, reason: Option<&str>) {
        self.stack.status = status.to_owned();
        self.stack.reason = reason.filter(|reason| *reason != "User Initiated").map(str::to_owned);
        let (name, id) = (self.stack.name.clone(), self.stack.id.clone());
        self.event((&name, &id, "AWS::CloudFormation::Stack"), status, reason);
    }
}

fn evaluated(scope: &mut Scope<'_>, properties: &Map<String, Value>) -> Result<Map<String, Value>, AwsError> {
    let mut evaluated = Map::new();
    for (name, value) in properties {
        if let Some(value) = scope.evaluate(value)? {
            evaluated.insert(name.clone(), value);
        }
    }
    Ok(evaluated)
}

fn outputs(plan: &Plan, scope: &mut Scope<'_>) -> Result<Vec<Output>, AwsError> {
    let mut outputs = Vec::new();
    for (key, declared) in &plan.template.outputs {
        let wanted = declared.condition.as_ref().map_or(Ok(true), |name| scope.condition(name, 0))?;
        if wanted {
            outputs.push(Output {
                key: key.clone(),
                value: scope.evaluate_text(&declared.value)?,
                description: declared.description.clone(),
                export: declared
                    .export
                    .as_ref()
                    .map(|export| scope.evaluate_text(&export.name))
                    .transpose()?,
            });
        }
    }
    Ok(outputs)
}
