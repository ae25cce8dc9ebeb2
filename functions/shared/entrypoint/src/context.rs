//! What a function is told at its start: its stack's parameters and its connection to AWS.

use aws::{Clients, Connection, MissingVariable, Queues, Stack};
use domain::facts::DeploymentRepository;
use domain::names::{EcrRegistry, InvalidName, PipelinePattern};
use domain::time::Timestamp;
use domain::wake_up::Function;
use std::collections::BTreeMap;
use std::str::FromStr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// All that an invocation needs beside its event.
#[derive(Debug, Clone)]
pub struct Context {
    /// The function itself.
    pub function: Function,
    /// The stack's parameters.
    pub stack: Stack,
    /// The queues of the functions that this one may wake.
    pub queues: Queues,
    /// The connection to AWS.
    pub clients: Clients,
}

/// A parameter that the function cannot start with.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// It is not set.
    #[error("the environment variable {0} is not set: deploy template.yaml again")]
    Missing(&'static str),
    /// It is not what it should be.
    #[error("the environment variable {name}: {source}")]
    Invalid {
        /// The variable.
        name: &'static str,
        /// What is wrong with it.
        source: InvalidName,
    },
    /// It is not a number of minutes.
    #[error("the environment variable {name} is {value:?}: expected a number of minutes")]
    NotMinutes {
        /// The variable.
        name: &'static str,
        /// Its value.
        value: String,
    },
    /// Lambda's own variables are not there.
    #[error(transparent)]
    Connection(#[from] MissingVariable),
}

/// The variable that names each function's queue.
const QUEUES: [(Function, &str); 4] = [
    (Function::OnImagePush, "TOWPATH_ON_IMAGE_PUSH_QUEUE"),
    (Function::OnCommit, "TOWPATH_ON_COMMIT_QUEUE"),
    (Function::OnDeploymentChange, "TOWPATH_ON_DEPLOYMENT_CHANGE_QUEUE"),
    (Function::Reconcile, "TOWPATH_RECONCILE_QUEUE"),
];

impl Context {
    /// The context that the environment variables of `template.yaml` describe.
    ///
    /// # Errors
    /// When a variable is missing or is not what it should be.
    pub fn from_environment(function: Function) -> Result<Self, StartError> {
        let queues = QUEUES.iter().filter_map(|(function, name)| Some((*function, optional(name)?)));
        let queues: BTreeMap<_, _> = queues.collect();
        let clients = Clients::new(&Connection::from_environment()?);
        Ok(Self { function, stack: stack()?, queues, clients })
    }

    /// Now, by this machine's clock.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_epoch_milliseconds(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }
}

fn stack() -> Result<Stack, StartError> {
    let registry = EcrRegistry { account: required("TOWPATH_ACCOUNT")?, region: required("AWS_REGION")? };
    let repository = DeploymentRepository {
        name: required("TOWPATH_DEPLOYMENT_REPOSITORY")?,
        branch: required("TOWPATH_DEPLOYMENT_BRANCH")?,
    };
    let pattern = text("TOWPATH_PIPELINE_PATTERN")?;
    let pipelines = PipelinePattern::parse(&pattern)
        .map_err(|source| StartError::Invalid { name: "TOWPATH_PIPELINE_PATTERN", source })?;
    let upstream = match optional("TOWPATH_UPSTREAM_ACCOUNT") {
        Some(_) => Some(required("TOWPATH_UPSTREAM_ACCOUNT")?),
        None => None,
    };
    Ok(Stack {
        environment: required("TOWPATH_ENVIRONMENT")?,
        repository,
        registry,
        upstream,
        pipelines,
        stalled_after: minutes("TOWPATH_STALLED_AFTER_MINUTES")?,
    })
}

fn optional(name: &'static str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

fn text(name: &'static str) -> Result<String, StartError> {
    optional(name).ok_or(StartError::Missing(name))
}

fn required<T: FromStr<Err = InvalidName>>(name: &'static str) -> Result<T, StartError> {
    text(name)?.parse().map_err(|source| StartError::Invalid { name, source })
}

fn minutes(name: &'static str) -> Result<Duration, StartError> {
    let value = text(name)?;
    match value.parse::<u64>() {
        Ok(minutes) => Ok(Duration::from_secs(minutes * 60)),
        Err(_) => Err(StartError::NotMinutes { name, value }),
    }
}
