//! The names of clusters, services and tasks, short and as ARNs in the long format.

use crate::caller::Caller;
use crate::error::AwsError;
use crate::ids::Ids;
use crate::names::{AccountId, Arn};
use crate::world::World;
use serde::{Deserialize, Serialize};

/// The cluster that a request means when it names none.
const DEFAULT_CLUSTER: &str = "default";
/// The longest name of a cluster, service or family.
const NAME_LENGTH_MAX: usize = 255;

/// A service within one account.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct ServiceName {
    /// The cluster's name.
    pub(super) cluster: String,
    /// The service's name.
    pub(super) service: String,
}

impl ServiceName {
    pub(super) fn new(cluster: &str, service: &str) -> Self {
        Self { cluster: cluster.to_owned(), service: service.to_owned() }
    }
}

pub(super) fn cluster_arn(world: &World, account: &AccountId, cluster: &str) -> String {
    world.arn("ecs", account, &format!("cluster/{cluster}"))
}

pub(super) fn service_arn(world: &World, account: &AccountId, name: &ServiceName) -> String {
    world.arn("ecs", account, &format!("service/{}/{}", name.cluster, name.service))
}

pub(super) fn task_arn(world: &World, account: &AccountId, cluster: &str, task: &str) -> String {
    world.arn("ecs", account, &format!("task/{cluster}/{task}"))
}

/// Nineteen digits that begin with none of the zeros: the ids of deployments and service revisions.
pub(super) fn nineteen_digits(ids: &mut Ids) -> String {
    const SMALLEST: u64 = 1_000_000_000_000_000_000;
    (SMALLEST + ids.number() % (9 * SMALLEST)).to_string()
}

/// Twenty-one letters, digits, `-` and `_`: the ids of service deployments.
pub(super) fn service_deployment_id(ids: &mut Ids) -> String {
    const LETTERS: &[u8; 64] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz-";
    let mut numbers = [ids.number(), ids.number(), ids.number()];
    (0..21_usize)
        .filter_map(|place| {
            let number = numbers.get_mut(place / 10)?;
            let letter = LETTERS.get(usize::try_from(*number % 64).ok()?)?;
            *number /= 64;
            Some(char::from(*letter))
        })
        .collect()
}

/// The cluster that a request names: short, by ARN, or the default one when it names none.
///
/// # Errors
/// `InvalidParameterException` for what cannot be a cluster of this account.
pub(super) fn cluster_of_input(caller: &Caller, cluster: Option<&str>) -> Result<String, AwsError> {
    let Some(text) = cluster.filter(|text| !text.is_empty()) else { return Ok(DEFAULT_CLUSTER.to_owned()) };
    short_name(caller, text, "cluster")?.filter(|name| is_name(name)).ok_or_else(|| {
        AwsError::new("InvalidParameterException", "Invalid identifier: Identifier is not valid.")
    })
}

/// The service that a request names, short or by ARN, in the cluster that it names.
///
/// # Errors
/// `InvalidParameterException` for what cannot be a service of this account and cluster.
pub(super) fn service_of_input(caller: &Caller, cluster: &str, text: &str) -> Result<ServiceName, AwsError> {
    let invalid = || {
        AwsError::new("InvalidParameterException", format!("Invalid service name: {}", text.escape_debug()))
    };
    let path = short_name(caller, text, "service")?.ok_or_else(invalid)?;
    let (named, service) = match path.split_once('/') {
        Some(parts) if text.starts_with("arn:") => parts,
        // A name, or an ARN in the short format.
        _ => (cluster, path.as_str()),
    };
    if !is_name(service) {
        return Err(invalid());
    }
    if named != cluster {
        return Err(AwsError::new(
            "InvalidParameterException",
            format!("Identifier is for cluster {named}. Your cluster is {cluster}"),
        ));
    }
    Ok(ServiceName::new(cluster, service))
}

/// What follows `<kind>/` in an ARN, or the text itself when it is no ARN; `None` for an ARN of another kind.
pub(super) fn short_name(caller: &Caller, text: &str, kind: &str) -> Result<Option<String>, AwsError> {
    if !text.starts_with("arn:") {
        return Ok(Some(text.to_owned()));
    }
    let Some(arn) = Arn::parse(text).filter(|arn| arn.service == "ecs") else { return Ok(None) };
    if arn.account != caller.account.as_str() {
        return Err(AwsError::new(
            "InvalidParameterException",
            format!("Identifier is for {}. Your accountId is {}", arn.account, caller.account),
        ));
    }
    Ok(arn.resource.strip_prefix(&format!("{kind}/")).map(str::to_owned))
}

/// The cluster, service and id in an ARN of a `service-deployment` or `service-revision` of this account.
///
/// # Errors
/// `InvalidParameterException` when it is none.
pub(super) fn of_service_history(
    caller: &Caller,
    text: &str,
    kind: &str,
) -> Result<(ServiceName, String), AwsError> {
    let path = short_name(caller, text, kind)?.filter(|_| text.starts_with("arn:"));
    let mut parts = path.as_deref().unwrap_or_default().split('/');
    match (parts.next(), parts.next(), parts.next(), parts.next()) {
        (Some(cluster), Some(service), Some(id), None) if !id.is_empty() => {
            Ok((ServiceName::new(cluster, service), id.to_owned()))
        }
        _ => Err(AwsError::new(
            "InvalidParameterException",
            format!("Invalid {} ARN: {}", kind.replace('-', " "), text.escape_debug()),
        )),
    }
}

/// Up to 255 letters, digits, hyphens and underscores.
pub(super) fn is_name(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= NAME_LENGTH_MAX
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}
