//! To be written.

use crate::caller::Caller;
use crate::error::AwsError;
use crate::world::World;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What one account holds of this service.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct State {}

/// Carries out one operation.
pub(crate) fn call(
    _world: &mut World,
    _caller: &Caller,
    operation: &str,
    _input: Value,
) -> Result<Value, AwsError> {
    Err(AwsError::not_in_local_aws(format!("the operation ecr {operation}")))
}

/// An image as a container agent finds it when it pulls.
#[derive(Debug, Clone, PartialEq)]
pub struct PulledImage {
    /// The digest that the reference named, or that its tag points to.
    pub digest: String,
    /// The digest of the index's child for linux on this machine's architecture; the same as `digest` for a
    /// single image.
    pub platform_digest: String,
    /// The labels of the image's configuration. `local-aws.exit-code` makes the container exit with that
    /// code soon after it starts, `local-aws.health: unhealthy` fails its health check.
    pub labels: std::collections::BTreeMap<String, String>,
}

/// Pulls an image as ECS does, in the name of a task's execution role: by
/// `<account>.dkr.ecr.<region>.amazonaws.com/<repository>[:tag|@digest]`.
///
/// # Errors
/// The text that ECS shows as `CannotPullContainerError`.
pub(crate) fn pull(_world: &World, _account: &crate::AccountId, _image: &str) -> Result<PulledImage, String> {
    Err("not written yet".to_owned())
}
