//! Functions, what wakes them, and who may invoke them.

use super::{Identity, Work, answered, identity, without_nulls};
use crate::error::AwsError;
use crate::services::Service;
use crate::services::cloudformation::parameters::text;
use crate::services::cloudformation::properties::Properties;
use crate::services::{iam, lambda};
use serde_json::{Map, Value, json};
use std::path::PathBuf;

pub(super) fn create_function(work: &mut Work<'_>, mut properties: Properties) -> Result<Identity, AwsError> {
    let name = properties.text("FunctionName")?;
    let name = work.name(name, 64);
    let arn = work.arn("lambda", &format!("function:{name}"));
    iam::authorize(work.world, work.caller, "lambda:CreateFunction", &arn, &[])?;
    let function = function(work, &name, properties)?;
    lambda::create_function(work.world, &work.caller.account, function)?;
    Ok(identity(name, [("Arn", arn)]))
}

pub(super) fn update_function(
    work: &mut Work<'_>,
    there: &Identity,
    old: &Map<String, Value>,
    new: &Map<String, Value>,
) -> Result<Identity, AwsError> {
    if old.get("FunctionName") != new.get("FunctionName") {
        work.only(old, new, &[])?;
    }
    let mut properties = work.properties(new.clone());
    let _unchanged = properties.value("FunctionName");
    let arn = work.arn("lambda", &format!("function:{}", there.physical_id));
    iam::authorize(work.world, work.caller, "lambda:UpdateFunctionConfiguration", &arn, &[])?;
    let function = function(work, &there.physical_id, properties)?;
    lambda::update_function(work.world, &work.caller.account, function)?;
    Ok(there.clone())
}

pub(super) fn delete_function(work: &mut Work<'_>, there: &Identity, _: Properties) -> Result<(), AwsError> {
    let arn = work.arn("lambda", &format!("function:{}", there.physical_id));
    iam::authorize(work.world, work.caller, "lambda:DeleteFunction", &arn, &[])?;
    lambda::delete_function(work.world, &work.caller.account, &there.physical_id)
}

fn function(work: &Work<'_>, name: &str, mut properties: Properties) -> Result<lambda::Function, AwsError> {
    let role = properties.required("Role")?;
    iam::check_service_role(work.world, &work.caller.account, &role, "lambda.amazonaws.com")?;
    let executable = executable(work, &mut properties)?;
    let mut function = lambda::Function::new(name, &role, executable);
    function.handler = properties.required("Handler")?;
    function.runtime = properties.required("Runtime")?;
    if !function.runtime.starts_with("provided.") {
        return Err(AwsError::not_in_local_aws(format!("the runtime {} of {name}", function.runtime)));
    }
    if let Some(architecture) = properties.texts("Architectures")?.into_iter().next() {
        function.architecture = architecture;
    }
    function.description = properties.text("Description")?.unwrap_or_default();
    function.timeout = within(properties.number("Timeout")?, function.timeout)?;
    function.memory_size = within(properties.number("MemorySize")?, function.memory_size)?;
    function.reserved_concurrency =
        properties.number("ReservedConcurrentExecutions")?.map(|count| within(Some(count), 0)).transpose()?;
    if let Some(mut environment) = properties.part("Environment")? {
        let variables = environment.value("Variables").unwrap_or_default();
        function.environment = variables
            .as_object()
            .into_iter()
            .flatten()
            .map(|(name, value)| (name.clone(), text(value)))
            .collect();
        environment.finish()?;
    }
    if let Some(mut dead_letters) = properties.part("DeadLetterConfig")? {
        function.dead_letter_arn = dead_letters.text("TargetArn")?;
        dead_letters.finish()?;
    }
    if let Some(mut logging) = properties.part("LoggingConfig")? {
        let group = logging.text("LogGroup")?;
        if let Some(other) = group.filter(|group| *group != format!("/aws/lambda/{name}")) {
            return Err(AwsError::not_in_local_aws(format!(
                "the log group {other} for {name}: only /aws/lambda/{name}"
            )));
        }
        logging.finish()?;
    }
    properties.finish()?;
    Ok(function)
}

/// The executable that `Binary` names, in the folder that the local accounts were started with.
fn executable(work: &Work<'_>, properties: &mut Properties) -> Result<PathBuf, AwsError> {
    let mut code = properties.part("Code")?.unwrap_or_else(|| work.properties(Map::new()));
    let binary = code.required("Binary")?;
    code.finish()?;
    let Some(folder) = &work.world.settings.functions_directory else {
        return Err(AwsError::not_in_local_aws(
            "the folder of the functions' executables: none was given at the start",
        ));
    };
    let path = folder.join(&binary);
    if path.is_file() {
        Ok(path)
    } else {
        let what = format!("there is no executable {}: build the functions first", path.display());
        Err(AwsError::new("InvalidParameterValueException", what))
    }
}

fn within(number: Option<i64>, default: u32) -> Result<u32, AwsError> {
    number.map_or(Ok(default), |number| {
        u32::try_from(number).map_err(|_| {
            AwsError::new(
                "InvalidParameterValueException",
                format!("{number} is out of range for a function"),
            )
        })
    })
}

const MAPPING_CHANGEABLE: [&str; 5] =
    ["BatchSize", "Enabled", "FunctionResponseTypes", "MaximumBatchingWindowInSeconds", "ScalingConfig"];

pub(super) fn create_mapping(work: &mut Work<'_>, mut properties: Properties) -> Result<Identity, AwsError> {
    let source = properties.required("EventSourceArn")?;
    let function = properties.required("FunctionName")?;
    let mut input = mapping_settings(&mut properties)?;
    properties.finish()?;
    if let Some(members) = input.as_object_mut() {
        members.insert("EventSourceArn".to_owned(), json!(source));
        members.insert("FunctionName".to_owned(), json!(function));
    }
    let uuid = answered(&work.call(Service::Lambda, "CreateEventSourceMapping", input)?, "/UUID")?;
    let arn = work.arn("lambda", &format!("event-source-mapping:{uuid}"));
    Ok(identity(uuid.clone(), [("EventSourceMappingArn", arn), ("Id", uuid)]))
}

pub(super) fn update_mapping(
    work: &mut Work<'_>,
    there: &Identity,
    old: &Map<String, Value>,
    new: &Map<String, Value>,
) -> Result<Identity, AwsError> {
    work.only(old, new, &MAPPING_CHANGEABLE)?;
    let mut properties = work.properties(new.clone());
    let mut input = mapping_settings(&mut properties)?;
    if let Some(members) = input.as_object_mut() {
        members.insert("UUID".to_owned(), json!(there.physical_id));
    }
    work.call(Service::Lambda, "UpdateEventSourceMapping", input)?;
    Ok(there.clone())
}

pub(super) fn delete_mapping(work: &mut Work<'_>, there: &Identity, _: Properties) -> Result<(), AwsError> {
    work.call(Service::Lambda, "DeleteEventSourceMapping", json!({"UUID": there.physical_id})).map(|_| ())
}

fn mapping_settings(properties: &mut Properties) -> Result<Value, AwsError> {
    let mut settings = json!({
        "BatchSize": properties.number("BatchSize")?,
        "Enabled": properties.flag("Enabled")?,
        "FunctionResponseTypes": properties.value("FunctionResponseTypes"),
        "MaximumBatchingWindowInSeconds": properties.number("MaximumBatchingWindowInSeconds")?,
    });
    if let Some(mut scaling) = properties.part("ScalingConfig")?
        && let Some(members) = settings.as_object_mut()
    {
        let most = scaling.number("MaximumConcurrency")?;
        members.insert("ScalingConfig".to_owned(), without_nulls(json!({"MaximumConcurrency": most})));
        scaling.finish()?;
    }
    Ok(without_nulls(settings))
}

pub(super) fn create_permission(
    work: &mut Work<'_>,
    mut properties: Properties,
) -> Result<Identity, AwsError> {
    let statement = work.generated_name(100);
    let input = without_nulls(json!({
        "FunctionName": properties.required("FunctionName")?,
        "StatementId": statement,
        "Action": properties.required("Action")?,
        "Principal": properties.required("Principal")?,
        "SourceArn": properties.text("SourceArn")?,
        "SourceAccount": properties.text("SourceAccount")?,
    }));
    properties.finish()?;
    work.call(Service::Lambda, "AddPermission", input)?;
    Ok(identity(statement.clone(), [("Id", statement)]))
}

pub(super) fn update_permission(
    work: &mut Work<'_>,
    there: &Identity,
    old: &Map<String, Value>,
    new: &Map<String, Value>,
) -> Result<Identity, AwsError> {
    work.only(old, new, &[])?;
    Ok(there.clone())
}

pub(super) fn delete_permission(
    work: &mut Work<'_>,
    there: &Identity,
    mut properties: Properties,
) -> Result<(), AwsError> {
    let input =
        json!({"FunctionName": properties.required("FunctionName")?, "StatementId": there.physical_id});
    work.call(Service::Lambda, "RemovePermission", input).map(|_| ())
}
