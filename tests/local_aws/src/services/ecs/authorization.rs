//! Which resource and condition keys each operation is judged by.

use super::names::{self, ServiceName};
use super::tags::Tag;
use crate::caller::Caller;
use crate::error::AwsError;
use crate::services::iam;
use crate::world::World;

/// An action that AWS grants only on every resource.
pub(super) fn on_everything(world: &World, caller: &Caller, action: &str) -> Result<(), AwsError> {
    iam::authorize(world, caller, action, "*", &[])
}

/// An action on a cluster, or on everything within one.
pub(super) fn in_cluster(
    world: &World,
    caller: &Caller,
    action: &str,
    resource: &str,
    cluster: &str,
) -> Result<(), AwsError> {
    let cluster_arn = names::cluster_arn(world, &caller.account, cluster);
    iam::authorize(world, caller, action, resource, &[("ecs:cluster", &cluster_arn)])
}

/// An action on a service.
pub(super) fn on_service(
    world: &World,
    caller: &Caller,
    action: &str,
    name: &ServiceName,
) -> Result<(), AwsError> {
    let service_arn = names::service_arn(world, &caller.account, name);
    in_cluster(world, caller, action, &service_arn, &name.cluster)
}

/// An action on a service deployment or a service revision: its service must be granted as well.
pub(super) fn on_service_history(
    world: &World,
    caller: &Caller,
    action: &str,
    name: &ServiceName,
    arn: &str,
) -> Result<(), AwsError> {
    on_service(world, caller, action, name)?;
    in_cluster(world, caller, action, arn, &name.cluster)
}

/// Tagging what is being created is an action of its own.
pub(super) fn to_tag_on_creation(
    world: &World,
    caller: &Caller,
    operation: &str,
    resource: &str,
    tags: &[Tag],
) -> Result<(), AwsError> {
    if tags.is_empty() {
        return Ok(());
    }
    iam::authorize(world, caller, "ecs:TagResource", resource, &[("ecs:CreateAction", operation)])
}

/// Whoever names a role in a task definition must be allowed to pass it to tasks.
pub(super) fn to_pass_role(world: &World, caller: &Caller, role: &str) -> Result<(), AwsError> {
    let arn = if role.starts_with("arn:") {
        role.to_owned()
    } else {
        format!("arn:aws:iam::{}:role/{role}", caller.account)
    };
    iam::authorize(world, caller, "iam:PassRole", &arn, &[("iam:PassedToService", "ecs-tasks.amazonaws.com")])
}
