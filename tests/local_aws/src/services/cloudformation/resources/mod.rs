//! What each resource type becomes: calls to its service, in the name of whoever changes the stack. A type or
//! property that is not here is refused by name.

mod codecommit;
mod codepipeline;
mod ecr;
mod ecs;
mod events;
mod iam;
mod inert;
mod lambda;
mod logs;
mod s3;
mod scheduler;
mod sns;
mod sqs;
mod ssm;

use super::intrinsics::Identity;
use super::properties::Properties;
use crate::caller::Caller;
use crate::error::AwsError;
use crate::services::{self, Service};
use crate::world::World;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// A resource that is being worked on.
#[derive(Debug)]
pub(super) struct Work<'a> {
    pub(super) world: &'a mut World,
    pub(super) caller: &'a Caller,
    pub(super) stack_name: &'a str,
    pub(super) logical_id: &'a str,
    pub(super) kind: &'a str,
}

impl Work<'_> {
    /// Calls a service.
    fn call(&mut self, service: Service, operation: &str, input: Value) -> Result<Value, AwsError> {
        services::call(self.world, self.caller, service, operation, input)
    }

    fn arn(&self, service: &str, resource: &str) -> String {
        self.world.arn(service, &self.caller.account, resource)
    }

    /// The name for a resource that the template does not name, as CloudFormation makes it up.
    fn generated_name(&mut self, longest: usize) -> String {
        let suffix = self.world.ids.hex(12).to_uppercase();
        let stem = format!("{}-{}", self.stack_name, self.logical_id);
        let room = longest.saturating_sub(suffix.len() + 1);
        let stem: String = stem.chars().take(room).collect();
        format!("{stem}-{suffix}")
    }

    /// The template's name for the resource, or a generated one.
    fn name(&mut self, given: Option<String>, longest: usize) -> String {
        given.unwrap_or_else(|| self.generated_name(longest))
    }

    fn properties(&self, members: Map<String, Value>) -> Properties {
        Properties::new(&format!("{} {}", self.kind, self.logical_id), members)
    }

    /// Refuses an update of anything but these properties: the service cannot change the others in place.
    fn only(
        &self,
        old: &Map<String, Value>,
        new: &Map<String, Value>,
        changeable: &[&str],
    ) -> Result<(), AwsError> {
        let changed = |name: &&String| old.get(*name) != new.get(*name);
        match old.keys().chain(new.keys()).filter(changed).find(|name| !changeable.contains(&name.as_str())) {
            None => Ok(()),
            Some(name) => Err(AwsError::not_in_local_aws(format!(
                "an update that changes {name} of {} {}: give the resource another logical id",
                self.kind, self.logical_id
            ))),
        }
    }
}

type Create = fn(&mut Work<'_>, Properties) -> Result<Identity, AwsError>;
type Update =
    fn(&mut Work<'_>, &Identity, &Map<String, Value>, &Map<String, Value>) -> Result<Identity, AwsError>;
type Delete = fn(&mut Work<'_>, &Identity, Properties) -> Result<(), AwsError>;

struct Handler {
    create: Create,
    update: Update,
    delete: Delete,
}

fn handler(kind: &str) -> Option<Handler> {
    let (create, update, delete): (Create, Update, Delete) = match kind {
        "AWS::CloudWatch::Alarm" => (inert::create_alarm, inert::update_alarm, inert::delete),
        "AWS::CodeCommit::Repository" => (codecommit::create, codecommit::update, codecommit::delete),
        "AWS::CodePipeline::Pipeline" => (codepipeline::create, codepipeline::update, codepipeline::delete),
        "AWS::ECR::Repository" => (ecr::create, ecr::update, ecr::delete),
        "AWS::ECS::Cluster" => (ecs::create_cluster, ecs::update_cluster, ecs::delete_cluster),
        "AWS::ECS::Service" => (ecs::create_service, ecs::update_service, ecs::delete_service),
        "AWS::ECS::TaskDefinition" => {
            (ecs::create_task_definition, ecs::update_task_definition, ecs::delete_task_definition)
        }
        "AWS::Events::EventBus" => (events::create_bus, events::update_bus, events::delete_bus),
        "AWS::Events::EventBusPolicy" => {
            (events::create_bus_policy, events::update_bus_policy, events::delete_bus_policy)
        }
        "AWS::Events::Rule" => (events::create_rule, events::update_rule, events::delete_rule),
        "AWS::IAM::ManagedPolicy" => {
            (iam::create_managed_policy, iam::update_managed_policy, iam::delete_managed_policy)
        }
        "AWS::IAM::Policy" => (iam::create_policy, iam::update_policy, iam::delete_policy),
        "AWS::IAM::Role" => (iam::create_role, iam::update_role, iam::delete_role),
        "AWS::Lambda::EventSourceMapping" => {
            (lambda::create_mapping, lambda::update_mapping, lambda::delete_mapping)
        }
        "AWS::Lambda::Function" => {
            (lambda::create_function, lambda::update_function, lambda::delete_function)
        }
        "AWS::Lambda::Permission" => {
            (lambda::create_permission, lambda::update_permission, lambda::delete_permission)
        }
        "AWS::Logs::LogGroup" => (logs::create, logs::update, logs::delete),
        "AWS::S3::Bucket" => (s3::create_bucket, s3::update_bucket, s3::delete_bucket),
        "AWS::S3::BucketPolicy" => (s3::create_policy, s3::update_policy, s3::delete_policy),
        "AWS::SNS::Subscription" => (inert::create_subscription, inert::update_subscription, inert::delete),
        "AWS::SNS::Topic" => (sns::create_topic, sns::update_topic, sns::delete_topic),
        "AWS::SNS::TopicPolicy" => (sns::create_policy, sns::update_policy, sns::delete_policy),
        "AWS::SQS::Queue" => (sqs::create_queue, sqs::update_queue, sqs::delete_queue),
        "AWS::SQS::QueuePolicy" => (sqs::create_policy, sqs::update_policy, sqs::delete_policy),
        "AWS::SSM::Document" => (ssm::create, ssm::update, ssm::delete),
        "AWS::Scheduler::Schedule" => (scheduler::create, scheduler::update, scheduler::delete),
        _ => return None,
    };
    Some(Handler { create, update, delete })
}

/// Refuses a type that is not done here.
pub(super) fn check_kind(logical_id: &str, kind: &str) -> Result<(), AwsError> {
    handler(kind)
        .map(|_| ())
        .ok_or_else(|| AwsError::not_in_local_aws(format!("the resource type {kind} of {logical_id}")))
}

/// Makes a resource.
pub(super) fn create(work: &mut Work<'_>, properties: &Map<String, Value>) -> Result<Identity, AwsError> {
    check_kind(work.logical_id, work.kind)?;
    let Some(handler) = handler(work.kind) else { return Ok(Identity::default()) };
    let properties = work.properties(properties.clone());
    (handler.create)(work, properties)
}

/// Changes a resource in place.
pub(super) fn update(
    work: &mut Work<'_>,
    identity: &Identity,
    old: &Map<String, Value>,
    new: &Map<String, Value>,
) -> Result<Identity, AwsError> {
    check_kind(work.logical_id, work.kind)?;
    let Some(handler) = handler(work.kind) else { return Ok(identity.clone()) };
    (handler.update)(work, identity, old, new)
}

/// Deletes a resource. One that is gone already is no error.
pub(super) fn delete(
    work: &mut Work<'_>,
    identity: &Identity,
    properties: &Map<String, Value>,
) -> Result<(), AwsError> {
    check_kind(work.logical_id, work.kind)?;
    let Some(handler) = handler(work.kind) else { return Ok(()) };
    let properties = work.properties(properties.clone());
    match (handler.delete)(work, identity, properties) {
        Err(error) if is_gone(&error) => Ok(()),
        other => other,
    }
}

fn is_gone(error: &AwsError) -> bool {
    let code = error.code.as_str();
    code == "NoSuchEntity"
        || code == "NoSuchBucket"
        || code == "AWS.SimpleQueueService.NonExistentQueue"
        || code.ends_with("NotFoundException")
        || code.ends_with("DoesNotExistException")
        || code.ends_with("DoesNotExist")
}

/// An identity with these attributes.
fn identity<const N: usize>(physical_id: impl Into<String>, attributes: [(&str, String); N]) -> Identity {
    let attributes: BTreeMap<String, String> =
        attributes.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    Identity { physical_id: physical_id.into(), attributes }
}

/// A text member of an answer.
fn answered(answer: &Value, pointer: &str) -> Result<String, AwsError> {
    answer.pointer(pointer).and_then(Value::as_str).map(str::to_owned).ok_or_else(|| {
        AwsError::new(
            "InternalFailure",
            format!("a service of the local accounts answered without {pointer}"),
        )
        .with_status(500)
    })
}

/// A property's value as API members: `PascalCase` becomes `camelCase`, except the keys of maps that people
/// fill, which are named here.
fn camel_case(value: Value, maps: &[&str]) -> Value {
    match value {
        Value::Array(items) => items.into_iter().map(|item| camel_case(item, maps)).collect(),
        Value::Object(members) => members
            .into_iter()
            .map(|(name, value)| {
                let is_map = maps.contains(&name.as_str());
                (lower_first(&name), if is_map { value } else { camel_case(value, maps) })
            })
            .collect(),
        scalar => scalar,
    }
}

fn lower_first(name: &str) -> String {
    let mut characters = name.chars();
    characters.next().map_or_else(String::new, |first| first.to_lowercase().chain(characters).collect())
}

/// An object without the members that are null.
fn without_nulls(mut value: Value) -> Value {
    if let Some(members) = value.as_object_mut() {
        members.retain(|_, member| !member.is_null());
    }
    value
}
