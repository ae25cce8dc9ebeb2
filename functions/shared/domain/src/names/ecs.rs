//! The names of ECS, and of a service's folder in the deployment repository.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{FilePath, InvalidName, is_made_of, name};

/// Whether `text` is a name as ECS takes it for clusters, services and containers.
fn is_ecs_name(text: &str) -> bool {
    is_made_of(text, 1, 255, |character| character.is_ascii_alphanumeric() || "-_".contains(character))
}

name!(
    /// The name of an ECS cluster.
    ClusterName,
    "cluster name",
    "1 to 255 letters, digits, - or _",
    is_ecs_name
);

name!(
    /// The name of an ECS service within its cluster.
    ServiceName,
    "service name",
    "1 to 255 letters, digits, - or _",
    is_ecs_name
);

name!(
    /// The name of a container in a task definition.
    ContainerName,
    "container name",
    "1 to 255 letters, digits, - or _",
    is_ecs_name
);

name!(
    /// The ARN of one deployment of a service.
    ServiceDeploymentArn,
    "service deployment ARN",
    "arn:…:ecs:…:service-deployment/<cluster>/<service>/<id>",
    |text| {
        is_made_of(text, 20, 1024, |character| character.is_ascii_graphic())
            && text.starts_with("arn:")
            && text.contains(":service-deployment/")
    }
);

/// A service: `<cluster>/<service>`, which is also its folder in the deployment repository.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ServiceId {
    /// The cluster.
    pub cluster: ClusterName,
    /// The service in it.
    pub service: ServiceName,
}

/// The file that says what a service should run.
const REVISION_FILE: &str = "revision.json";
/// The file that says why a service may not move.
const HOLD_FILE: &str = "hold.json";

impl ServiceId {
    /// The service that `<cluster>/<service>` names.
    ///
    /// # Errors
    /// When the text is not two names with one slash between them.
    pub fn parse(text: &str) -> Result<Self, InvalidName> {
        let parsed = text.split_once('/').and_then(|(cluster, service)| {
            Some(Self {
                cluster: ClusterName::parse(cluster).ok()?,
                service: ServiceName::parse(service).ok()?,
            })
        });
        parsed.ok_or_else(|| {
            InvalidName::new("service", text, "<cluster>/<service>, each 1 to 255 letters, digits, - or _")
        })
    }

    /// The service whose `revision.json` lies at `path`; none if it is another file.
    #[must_use]
    pub fn of_revision_path(path: &str) -> Option<Self> {
        Self::parse(path.strip_suffix(REVISION_FILE)?.strip_suffix('/')?).ok()
    }

    /// The service whose `hold.json` lies at `path`; none if it is another file.
    #[must_use]
    pub fn of_hold_path(path: &str) -> Option<Self> {
        Self::parse(path.strip_suffix(HOLD_FILE)?.strip_suffix('/')?).ok()
    }

    /// Where its `revision.json` lies.
    #[must_use]
    pub fn revision_path(&self) -> FilePath {
        self.path(REVISION_FILE)
    }

    /// Where its `hold.json` lies.
    #[must_use]
    pub fn hold_path(&self) -> FilePath {
        self.path(HOLD_FILE)
    }

    fn path(&self, file: &str) -> FilePath {
        FilePath::of_checked_parts(&[self.cluster.as_str(), self.service.as_str(), file])
    }
}

impl fmt::Display for ServiceId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.cluster, self.service)
    }
}

impl FromStr for ServiceId {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        Self::parse(text)
    }
}

impl TryFrom<String> for ServiceId {
    type Error = InvalidName;

    fn try_from(text: String) -> Result<Self, InvalidName> {
        Self::parse(&text)
    }
}

impl From<ServiceId> for String {
    fn from(service: ServiceId) -> Self {
        service.to_string()
    }
}
