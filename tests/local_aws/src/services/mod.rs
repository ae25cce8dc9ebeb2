//! The services, one folder each. A service changes only its own part of [`AccountState`], answers its
//! operations in `call`, and goes on by itself through its timers in `due`.

pub(crate) mod access;
pub mod cloudformation;
pub mod codecommit;
pub mod codepipeline;
pub mod ecr;
pub mod ecs;
pub mod events;
pub(crate) mod form;
pub mod iam;
pub mod lambda;
pub mod logs;
pub(crate) mod page;
pub mod s3;
pub mod scheduler;
pub mod sns;
pub mod sqs;
pub mod ssm;
pub mod sts;
#[cfg(test)]
pub(crate) mod testing;

use crate::caller::Caller;
use crate::error::AwsError;
use crate::names::AccountId;
use crate::world::World;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The services that the local accounts know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Service {
    /// AWS CloudFormation.
    CloudFormation,
    /// AWS CodeCommit.
    CodeCommit,
    /// AWS CodePipeline.
    CodePipeline,
    /// Amazon Elastic Container Registry.
    Ecr,
    /// Amazon Elastic Container Service.
    Ecs,
    /// Amazon EventBridge.
    Events,
    /// AWS Identity and Access Management.
    Iam,
    /// AWS Lambda.
    Lambda,
    /// Amazon CloudWatch Logs.
    Logs,
    /// Amazon S3: buckets by name only.
    S3,
    /// Amazon EventBridge Scheduler.
    Scheduler,
    /// Amazon Simple Notification Service: topics that keep what was published.
    Sns,
    /// Amazon Simple Queue Service.
    Sqs,
    /// AWS Systems Manager: Automation.
    Ssm,
    /// AWS Security Token Service.
    Sts,
}

impl Service {
    /// The name that ARNs, IAM actions and the journal use.
    pub fn name(self) -> &'static str {
        match self {
            Self::CloudFormation => "cloudformation",
            Self::CodeCommit => "codecommit",
            Self::CodePipeline => "codepipeline",
            Self::Ecr => "ecr",
            Self::Ecs => "ecs",
            Self::Events => "events",
            Self::Iam => "iam",
            Self::Lambda => "lambda",
            Self::Logs => "logs",
            Self::S3 => "s3",
            Self::Scheduler => "scheduler",
            Self::Sns => "sns",
            Self::Sqs => "sqs",
            Self::Ssm => "ssm",
            Self::Sts => "sts",
        }
    }
}

/// What one account holds, service by service.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct AccountState {
    /// Stacks.
    pub cloudformation: cloudformation::State,
    /// Git repositories.
    pub codecommit: codecommit::State,
    /// Pipelines and their executions.
    pub codepipeline: codepipeline::State,
    /// Image repositories.
    pub ecr: ecr::State,
    /// Clusters, services, task definitions.
    pub ecs: ecs::State,
    /// Event buses and rules.
    pub events: events::State,
    /// Roles and policies.
    pub iam: iam::State,
    /// Functions and event source mappings.
    pub lambda: lambda::State,
    /// Log groups.
    pub logs: logs::State,
    /// Buckets.
    pub s3: s3::State,
    /// Schedules.
    pub scheduler: scheduler::State,
    /// Topics.
    pub sns: sns::State,
    /// Queues.
    pub sqs: sqs::State,
    /// Automation documents and executions.
    #[serde(default)]
    pub ssm: ssm::State,
    /// Sessions given out.
    pub sts: sts::State,
}

/// What a service asked to be woken for.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Timer {
    /// A pipeline goes on.
    CodePipeline(codepipeline::Timer),
    /// A rollout goes on.
    Ecs(ecs::Timer),
    /// An event arrives at its rules.
    Events(events::Timer),
    /// A batch window ends, or a retry is due.
    Lambda(lambda::Timer),
    /// A schedule fires.
    Scheduler(scheduler::Timer),
    /// A message becomes visible again.
    Sqs(sqs::Timer),
}

impl Timer {
    /// Whether it comes again and again, whatever happens: a schedule, or a look at a pipeline's source.
    pub(crate) fn recurs(&self) -> bool {
        matches!(
            self,
            Self::Scheduler(_)
                | Self::Events(events::Timer::Fire { .. })
                | Self::CodePipeline(codepipeline::Timer::SourcesPolled { .. })
        )
    }
}

/// Carries out one operation.
///
/// # Errors
/// Whatever the service answers; `NotInLocalAws` for an operation that is not there.
pub fn call(
    world: &mut World,
    caller: &Caller,
    service: Service,
    operation: &str,
    input: Value,
) -> Result<Value, AwsError> {
    match service {
        Service::CloudFormation => cloudformation::call(world, caller, operation, input),
        Service::CodeCommit => codecommit::call(world, caller, operation, input),
        Service::CodePipeline => codepipeline::call(world, caller, operation, input),
        Service::Ecr => ecr::call(world, caller, operation, input),
        Service::Ecs => ecs::call(world, caller, operation, input),
        Service::Events => events::call(world, caller, operation, input),
        Service::Iam => iam::call(world, caller, operation, input),
        Service::Lambda => lambda::call(world, caller, operation, input),
        Service::Logs => logs::call(world, caller, operation, input),
        Service::S3 => s3::call(world, caller, operation, input),
        Service::Scheduler => scheduler::call(world, caller, operation, input),
        Service::Sns => sns::call(world, caller, operation, input),
        Service::Sqs => sqs::call(world, caller, operation, input),
        Service::Ssm => ssm::call(world, caller, operation, input),
        Service::Sts => sts::call(world, caller, operation, input),
    }
}

/// Hands a timer back to the service that set it.
pub(crate) fn due(world: &mut World, account: &AccountId, timer: Timer) {
    match timer {
        Timer::CodePipeline(timer) => codepipeline::due(world, account, timer),
        Timer::Ecs(timer) => ecs::due(world, account, timer),
        Timer::Events(timer) => events::due(world, account, timer),
        Timer::Lambda(timer) => lambda::due(world, account, timer),
        Timer::Scheduler(timer) => scheduler::due(world, account, timer),
        Timer::Sqs(timer) => sqs::due(world, account, timer),
    }
}

/// The typed input of an operation. Input types deny unknown fields, so that a member which the local
/// accounts would ignore is refused by name instead.
///
/// # Errors
/// `NotInLocalAws` for an unknown member, `SerializationException` for a wrong type.
pub(crate) fn parse_input<T: DeserializeOwned>(
    service: Service,
    operation: &str,
    input: Value,
) -> Result<T, AwsError> {
    serde_json::from_value(input).map_err(|error| {
        let text = error.to_string();
        if text.starts_with("unknown field") || text.starts_with("unknown variant") {
            AwsError::not_in_local_aws(format!("this of {} {operation}: {text}", service.name()))
        } else {
            AwsError::new("SerializationException", format!("{} {operation}: {text}", service.name()))
        }
    })
}
