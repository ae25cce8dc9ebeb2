//! Clusters, task definitions and services. A service counts as made once ECS has taken it: its first rollout
//! goes on while the stack is complete already.

use super::{Identity, Work, answered, camel_case, identity};
use crate::error::AwsError;
use crate::services::Service;
use crate::services::cloudformation::properties::Properties;
use serde_json::{Map, Value, json};

/// Maps whose keys are people's own.
const MAPS: [&str; 4] = ["DockerLabels", "DriverOpts", "Labels", "Options"];

pub(super) fn create_cluster(work: &mut Work<'_>, mut properties: Properties) -> Result<Identity, AwsError> {
    let name = properties.text("ClusterName")?;
    let name = work.name(name, 255);
    let input = members(properties, &[("clusterName", json!(name))])?;
    let answer = work.call(Service::Ecs, "CreateCluster", input)?;
    Ok(identity(name, [("Arn", answered(&answer, "/cluster/clusterArn")?)]))
}

pub(super) fn update_cluster(
    work: &mut Work<'_>,
    there: &Identity,
    old: &Map<String, Value>,
    new: &Map<String, Value>,
) -> Result<Identity, AwsError> {
    work.only(old, new, &[])?;
    Ok(there.clone())
}

pub(super) fn delete_cluster(work: &mut Work<'_>, there: &Identity, _: Properties) -> Result<(), AwsError> {
    work.call(Service::Ecs, "DeleteCluster", json!({"cluster": there.physical_id})).map(|_| ())
}

pub(super) fn create_task_definition(
    work: &mut Work<'_>,
    mut properties: Properties,
) -> Result<Identity, AwsError> {
    let family = properties.text("Family")?;
    let family = work.name(family, 255);
    let input = members(properties, &[("family", json!(family))])?;
    let answer = work.call(Service::Ecs, "RegisterTaskDefinition", input)?;
    let arn = answered(&answer, "/taskDefinition/taskDefinitionArn")?;
    Ok(identity(arn.clone(), [("TaskDefinitionArn", arn)]))
}

/// A task definition never changes: the family gets a new revision, and the old one is taken out of use.
pub(super) fn update_task_definition(
    work: &mut Work<'_>,
    there: &Identity,
    old: &Map<String, Value>,
    new: &Map<String, Value>,
) -> Result<Identity, AwsError> {
    if new.get("Family").is_none() || old.get("Family") != new.get("Family") {
        work.only(old, new, &[])?;
    }
    let properties = work.properties(new.clone());
    let made = create_task_definition(work, properties)?;
    let properties = work.properties(old.clone());
    delete_task_definition(work, there, properties)?;
    Ok(made)
}

pub(super) fn delete_task_definition(
    work: &mut Work<'_>,
    there: &Identity,
    _: Properties,
) -> Result<(), AwsError> {
    let input = json!({"taskDefinition": there.physical_id});
    work.call(Service::Ecs, "DeregisterTaskDefinition", input).map(|_| ())
}

pub(super) fn create_service(work: &mut Work<'_>, mut properties: Properties) -> Result<Identity, AwsError> {
    let name = properties.text("ServiceName")?;
    let name = work.name(name, 255);
    let input = members(properties, &[("serviceName", json!(name))])?;
    let answer = work.call(Service::Ecs, "CreateService", input)?;
    let arn = answered(&answer, "/service/serviceArn")?;
    Ok(identity(arn.clone(), [("Name", name), ("ServiceArn", arn)]))
}

pub(super) fn update_service(
    work: &mut Work<'_>,
    there: &Identity,
    old: &Map<String, Value>,
    new: &Map<String, Value>,
) -> Result<Identity, AwsError> {
    let changeable = [
        "DeploymentConfiguration",
        "DesiredCount",
        "EnableExecuteCommand",
        "HealthCheckGracePeriodSeconds",
        "NetworkConfiguration",
        "TaskDefinition",
    ];
    work.only(old, new, &changeable)?;
    let mut properties = work.properties(new.clone());
    let cluster = properties.text("Cluster")?;
    let mut changed = Map::new();
    for name in changeable {
        if let Some(value) = properties.value(name).filter(|value| old.get(name) != Some(value)) {
            changed.insert(name.to_owned(), value);
        }
    }
    let changed = work.properties(changed);
    let given = [("cluster", json!(cluster)), ("service", json!(there.physical_id))];
    let input = members(changed, &given)?;
    work.call(Service::Ecs, "UpdateService", input)?;
    Ok(there.clone())
}

pub(super) fn delete_service(
    work: &mut Work<'_>,
    there: &Identity,
    mut properties: Properties,
) -> Result<(), AwsError> {
    let cluster = properties.text("Cluster")?;
    let input = json!({"cluster": cluster, "service": there.physical_id, "force": true});
    work.call(Service::Ecs, "DeleteService", input).map(|_| ())
}

/// The remaining properties as the API's members: ECS itself refuses those that it does not know.
fn members(mut properties: Properties, given: &[(&str, Value)]) -> Result<Value, AwsError> {
    let mut members = Map::new();
    for name in properties.names() {
        let number = matches!(name.as_str(), "DesiredCount" | "HealthCheckGracePeriodSeconds");
        let flag = matches!(name.as_str(), "EnableECSManagedTags" | "EnableExecuteCommand");
        let value = if number {
            properties.number(&name)?.map(Value::from)
        } else if flag {
            properties.flag(&name)?.map(Value::from)
        } else {
            properties.value(&name).map(|value| camel_case(value, &MAPS))
        };
        if let Some(value) = value {
            members.insert(super::lower_first(&name), value);
        }
    }
    members.extend(
        given
            .iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(name, value)| ((*name).to_owned(), value.clone())),
    );
    Ok(Value::Object(members))
}
