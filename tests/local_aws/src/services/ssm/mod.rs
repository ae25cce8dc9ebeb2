//! AWS Systems Manager, as far as Automation goes: documents of `schemaVersion` 0.3 whose steps invoke Lambda functions, and
//! their executions.

mod automation;
mod document;
mod documents;
mod substitute;
#[cfg(test)]
mod tests;

use super::Service;
use crate::caller::Caller;
use crate::error::AwsError;
use crate::world::World;
use automation::Execution;
pub(crate) use automation::invoked;
use documents::Document;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// What one account holds of this service.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct State {
    /// By name.
    documents: BTreeMap<String, Document>,
    /// By execution id.
    executions: BTreeMap<String, Execution>,
}

/// Carries out one operation.
pub(crate) fn call(
    world: &mut World,
    caller: &Caller,
    operation: &str,
    input: Value,
) -> Result<Value, AwsError> {
    match operation {
        "CreateDocument" => documents::create(world, caller, parse(operation, input)?),
        "UpdateDocument" => documents::update(world, caller, parse(operation, input)?),
        "DeleteDocument" => documents::delete(world, caller, &parse(operation, input)?),
        "DescribeDocument" => documents::describe(world, caller, &parse(operation, input)?),
        "GetDocument" => documents::get(world, caller, &parse(operation, input)?),
        "ListDocuments" => documents::list(world, caller, &parse(operation, input)?),
        "StartAutomationExecution" => automation::start(world, caller, parse(operation, input)?),
        "GetAutomationExecution" => automation::get(world, caller, &parse(operation, input)?),
        _ => Err(AwsError::not_in_local_aws(format!("the operation ssm {operation}"))),
    }
}

fn parse<T: DeserializeOwned>(operation: &str, input: Value) -> Result<T, AwsError> {
    super::parse_input(Service::Ssm, operation, input)
}
