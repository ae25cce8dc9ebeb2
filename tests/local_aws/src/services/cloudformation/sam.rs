//! The SAM transform, as far as a function with a role of its own needs it: one serverless function becomes a
//! function and one event source per event.

use super::properties::Properties;
use super::template::{DependsOn, Resource, Template};
use crate::error::AwsError;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// Properties that go to the function as they are.
const PASSED_ON: [&str; 14] = [
    "Architectures",
    "Description",
    "EphemeralStorage",
    "FunctionName",
    "Handler",
    "KmsKeyArn",
    "Layers",
    "LoggingConfig",
    "MemorySize",
    "ReservedConcurrentExecutions",
    "Role",
    "Runtime",
    "Timeout",
    "TracingConfig",
];

/// The resources that CloudFormation makes of the template.
///
/// # Errors
/// `NotInLocalAws` for a serverless type, property or event that is not done here; `ValidationError` for two
/// resources of one name.
pub(super) fn transform(template: &Template) -> Result<BTreeMap<String, Resource>, AwsError> {
    let mut globals = template.globals.clone();
    let function_globals = match globals.remove("Function") {
        Some(Value::Object(members)) => members,
        None => Map::new(),
        Some(other) => return Err(AwsError::not_in_local_aws(format!("Globals.Function {other}"))),
    };
    Properties::new("Globals", globals).finish()?;
    let mut resources = BTreeMap::new();
    for (id, resource) in &template.resources {
        match resource.kind.as_str() {
            "AWS::Serverless::Function" => {
                for (id, resource) in function(id, resource, &function_globals)? {
                    if template
                        .resources
                        .get(&id)
                        .is_some_and(|there| there.kind != "AWS::Serverless::Function")
                    {
                        return Err(AwsError::new(
                            "ValidationError",
                            format!(
                                "The transform makes a resource {id}, and the template has one of this name"
                            ),
                        ));
                    }
                    resources.insert(id, resource);
                }
            }
            other if other.starts_with("AWS::Serverless::") => {
                return Err(AwsError::not_in_local_aws(format!("the resource type {other} of {id}")));
            }
            _ => {
                resources.insert(id.clone(), resource.clone());
            }
        }
    }
    Ok(resources)
}

fn function(
    id: &str,
    declared: &Resource,
    globals: &Map<String, Value>,
) -> Result<Vec<(String, Resource)>, AwsError> {
    let mut merged = globals.clone();
    merge(&mut merged, &declared.properties);
    let mut properties = Properties::new(id, merged);
    let mut function = Map::new();
    for name in PASSED_ON {
        if let Some(value) = properties.value(name) {
            function.insert(name.to_owned(), value);
        }
    }
    if !function.contains_key("Role") {
        return Err(AwsError::not_in_local_aws(format!("a function without a Role of its own, as {id} is")));
    }
    function.insert("Code".to_owned(), code(id, declared, &mut properties)?);
    if let Some(environment) = properties.value("Environment") {
        function.insert("Environment".to_owned(), environment);
    }
    if let Some(mut dead_letters) = properties.part("DeadLetterQueue")? {
        let _kind = dead_letters.required("Type")?;
        function.insert("DeadLetterConfig".to_owned(), json!({"TargetArn": dead_letters.value("TargetArn")}));
        dead_letters.finish()?;
    }
    let events = properties.part("Events")?;
    properties.finish()?;
    let mut resources = vec![(id.to_owned(), plain("AWS::Lambda::Function", function, declared))];
    if let Some(mut events) = events {
        for name in events.names() {
            let Some(event) = events.part(&name)? else { continue };
            resources.extend(source(id, &name, event, declared)?);
        }
    }
    Ok(resources)
}

/// Where the code lies: `sam build` puts it where the metadata say; here it is the executable of that name.
fn code(id: &str, declared: &Resource, properties: &mut Properties) -> Result<Value, AwsError> {
    let uri = properties.required("CodeUri")?;
    let mut metadata = Properties::new(&format!("{id}.Metadata"), declared.metadata.clone());
    let method = metadata.text("BuildMethod")?;
    let binary = metadata.part("BuildProperties")?.map(|mut build| build.required("Binary")).transpose()?;
    match (uri.as_str(), method.as_deref(), binary) {
        (".", Some("rust-cargolambda"), Some(binary)) => Ok(json!({"Binary": binary})),
        (uri, ..) => Err(AwsError::not_in_local_aws(format!(
            "the code of {id}, CodeUri {uri}: expected CodeUri `.`, BuildMethod rust-cargolambda and a Binary"
        ))),
    }
}

/// What one event of a function becomes, under the ids that SAM gives.
fn source(
    function_id: &str,
    name: &str,
    mut event: Properties,
    declared: &Resource,
) -> Result<Vec<(String, Resource)>, AwsError> {
    let id = format!("{function_id}{name}");
    let kind = event.required("Type")?;
    let mut properties = event.part("Properties")?.unwrap_or_else(|| Properties::new(&id, Map::new()));
    event.finish()?;
    match kind.as_str() {
        "SQS" => {
            let mut mapping = Map::new();
            mapping.insert("EventSourceArn".to_owned(), json!(properties.value("Queue")));
            mapping.insert("FunctionName".to_owned(), json!({"Ref": function_id}));
            for passed in [
                "BatchSize",
                "Enabled",
                "FilterCriteria",
                "FunctionResponseTypes",
                "MaximumBatchingWindowInSeconds",
                "ScalingConfig",
            ] {
                if let Some(value) = properties.value(passed) {
                    mapping.insert(passed.to_owned(), value);
                }
            }
            properties.finish()?;
            Ok(vec![(id, plain("AWS::Lambda::EventSourceMapping", mapping, declared))])
        }
        "ScheduleV2" => {
            let schedule = schedule(function_id, &id, properties)?;
            Ok(vec![(id, plain("AWS::Scheduler::Schedule", schedule, declared))])
        }
        "EventBridgeRule" => {
            let function_arn = json!({"Fn::GetAtt": [function_id, "Arn"]});
            let mut target = Map::new();
            target.insert("Arn".to_owned(), function_arn.clone());
            target.insert("Id".to_owned(), json!(format!("{id}LambdaTarget")));
            for passed in ["Input", "InputPath", "RetryPolicy"] {
                if let Some(value) = properties.value(passed) {
                    target.insert(passed.to_owned(), value);
                }
            }
            let mut rule = Map::new();
            if let Some(pattern) = properties.value("Pattern") {
                rule.insert("EventPattern".to_owned(), pattern);
            }
            for (given, passed) in
                [("EventBusName", "EventBusName"), ("RuleName", "Name"), ("State", "State")]
            {
                if let Some(value) = properties.value(given) {
                    rule.insert(passed.to_owned(), value);
                }
            }
            properties.finish()?;
            rule.insert("Targets".to_owned(), json!([target]));
            let permission = json!({
                "Action": "lambda:InvokeFunction",
                "FunctionName": {"Ref": function_id},
                "Principal": "events.amazonaws.com",
                "SourceArn": {"Fn::GetAtt": [id, "Arn"]},
            });
            let permission = permission.as_object().cloned().unwrap_or_default();
            let permission_id = format!("{id}Permission");
            Ok(vec![
                (id, plain("AWS::Events::Rule", rule, declared)),
                (permission_id, plain("AWS::Lambda::Permission", permission, declared)),
            ])
        }
        other => Err(AwsError::not_in_local_aws(format!("the event type {other} of {id}"))),
    }
}

fn schedule(function_id: &str, id: &str, mut properties: Properties) -> Result<Map<String, Value>, AwsError> {
    let mut target = Map::new();
    target.insert("Arn".to_owned(), json!({"Fn::GetAtt": [function_id, "Arn"]}));
    for passed in ["RoleArn", "RetryPolicy", "Input"] {
        if let Some(value) = properties.value(passed) {
            target.insert(passed.to_owned(), value);
        }
    }
    if !target.contains_key("RoleArn") {
        return Err(AwsError::not_in_local_aws(format!(
            "a schedule without a RoleArn of its own, as {id} is"
        )));
    }
    let mut schedule = Map::new();
    let name = properties.value("Name").unwrap_or_else(|| json!(id));
    schedule.insert("Name".to_owned(), name);
    let window = properties.value("FlexibleTimeWindow").unwrap_or_else(|| json!({"Mode": "OFF"}));
    schedule.insert("FlexibleTimeWindow".to_owned(), window);
    for passed in ["Description", "ScheduleExpression", "ScheduleExpressionTimezone", "State"] {
        if let Some(value) = properties.value(passed) {
            schedule.insert(passed.to_owned(), value);
        }
    }
    properties.finish()?;
    schedule.insert("Target".to_owned(), Value::Object(target));
    Ok(schedule)
}

fn plain(kind: &str, properties: Map<String, Value>, declared: &Resource) -> Resource {
    Resource {
        kind: kind.to_owned(),
        condition: declared.condition.clone(),
        depends_on: if kind == "AWS::Lambda::Function" {
            declared.depends_on.clone()
        } else {
            DependsOn::default()
        },
        deletion_policy: declared.deletion_policy.clone(),
        update_replace_policy: declared.update_replace_policy.clone(),
        metadata: Map::new(),
        properties,
    }
}

/// Globals give way to the function's own properties; maps are united, and lists too.
fn merge(into: &mut Map<String, Value>, own: &Map<String, Value>) {
    for (name, value) in own {
        match (into.get_mut(name), value) {
            (Some(Value::Object(inherited)), Value::Object(value)) => merge(inherited, value),
            (Some(Value::Array(inherited)), Value::Array(value)) if name != "Architectures" => {
                inherited.extend(value.iter().cloned());
            }
            _ => {
                into.insert(name.clone(), value.clone());
            }
        }
    }
}
