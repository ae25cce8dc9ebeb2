//! What a function is told at its start: its stack's parameters and its connection to AWS.

use crate::record;
use aws::copy::CopyNews;
use aws::{Applied, Applying, Clients, Connection, MissingVariable, Queues, Stack, UpstreamRole};
use domain::facts::DeploymentRepository;
use domain::names::{EcrRegistry, InvalidName, PipelinePattern, ServiceId};
use domain::plan::{CopyImage, Plan};
use domain::time::Timestamp;
use domain::wake_up::Function;
use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;
use std::time::{Duration, Instant, UNIX_EPOCH};

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
    /// The connection to the account before this one, for the functions that may read it.
    pub upstream: Option<Clients>,
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
const QUEUES: [(Function, &str); 5] = [
    (Function::OnImagePush, "TOWPATH_ON_IMAGE_PUSH_QUEUE"),
    (Function::PromoteImage, "TOWPATH_PROMOTE_IMAGE_QUEUE"),
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
        Self::new(function, &variable, &Connection::from_environment()?)
    }

    /// The same context at the beginning of an invocation: of what the last one read, nothing is known.
    #[must_use]
    pub fn of_invocation(&self) -> Self {
        let upstream = self.upstream.as_ref().map(Clients::knowing_nothing);
        Self { clients: self.clients.knowing_nothing(), upstream, ..self.clone() }
    }

    /// The same context for one part of a sweep: nothing is known, and nothing is asked for twice.
    #[must_use]
    pub fn of_sweep(&self) -> Self {
        let upstream = self.upstream.as_ref().map(Clients::knowing_nothing);
        Self { clients: self.clients.looking_once(), upstream, ..self.clone() }
    }

    /// Carries a plan out, but the steps of these services.
    pub async fn apply(&self, plan: &Plan, deadline: Instant, left_out: &BTreeSet<ServiceId>) -> Applied {
        let copies = |copy: &CopyImage, news: CopyNews<'_>| record::copy(self.function, copy, news);
        let with = Applying {
            environment: &self.stack.environment,
            queues: &self.queues,
            upstream: self.upstream.as_ref(),
            deadline,
            left_out,
            copies: &copies,
        };
        self.clients.apply(plan, &with).await
    }

    /// The context that these variables describe, over this connection.
    ///
    /// # Errors
    /// When a variable is missing or is not what it should be.
    pub fn new(function: Function, lookup: Lookup<'_>, connection: &Connection) -> Result<Self, StartError> {
        let queues = QUEUES.iter().filter_map(|(function, name)| Some((*function, lookup(name)?)));
        let queues: BTreeMap<_, _> = queues.collect();
        let stack = stack(lookup)?;
        let clients = Clients::new(connection, stack.registry.account.clone());
        let upstream = upstream_role(function, &stack, lookup).map(|role| role.clients(connection));
        Ok(Self { function, stack, queues, clients, upstream })
    }

    /// Now, by the connection's clock.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        let since = self.clients.now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_epoch_milliseconds(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }
}

/// An environment variable; an empty one is none.
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Where the parameters come from: the environment, or a test. An empty one is none.
pub type Lookup<'a> = &'a dyn Fn(&str) -> Option<String>;

/// The role by which this function reads the account before this one; none if it may not, or there is none.
fn upstream_role(function: Function, stack: &Stack, lookup: Lookup<'_>) -> Option<UpstreamRole> {
    let (account, arn) = (stack.upstream.clone()?, lookup("TOWPATH_UPSTREAM_ROLE")?);
    // AWS takes 64 characters at most, and no others than these names have.
    let session = format!("{function}-{}", stack.environment);
    Some(UpstreamRole { account, arn, session })
}

fn stack(lookup: Lookup<'_>) -> Result<Stack, StartError> {
    let registry = EcrRegistry {
        account: required(lookup, "TOWPATH_ACCOUNT")?,
        region: required(lookup, "AWS_REGION")?,
    };
    let repository = DeploymentRepository {
        name: required(lookup, "TOWPATH_DEPLOYMENT_REPOSITORY")?,
        branch: required(lookup, "TOWPATH_DEPLOYMENT_BRANCH")?,
    };
    let pattern = text(lookup, "TOWPATH_PIPELINE_PATTERN")?;
    let pipelines = PipelinePattern::parse(&pattern)
        .map_err(|source| StartError::Invalid { name: "TOWPATH_PIPELINE_PATTERN", source })?;
    let upstream = match lookup("TOWPATH_UPSTREAM_ACCOUNT") {
        Some(_) => Some(required(lookup, "TOWPATH_UPSTREAM_ACCOUNT")?),
        None => None,
    };
    Ok(Stack {
        environment: required(lookup, "TOWPATH_ENVIRONMENT")?,
        repository,
        registry,
        upstream,
        pipelines,
        stalled_after: minutes(lookup, "TOWPATH_STALLED_AFTER_MINUTES")?,
    })
}

fn text(lookup: Lookup<'_>, name: &'static str) -> Result<String, StartError> {
    lookup(name).ok_or(StartError::Missing(name))
}

fn required<T: FromStr<Err = InvalidName>>(lookup: Lookup<'_>, name: &'static str) -> Result<T, StartError> {
    text(lookup, name)?.parse().map_err(|source| StartError::Invalid { name, source })
}

fn minutes(lookup: Lookup<'_>, name: &'static str) -> Result<Duration, StartError> {
    let value = text(lookup, name)?;
    let seconds = value.parse::<u64>().ok().and_then(|minutes| minutes.checked_mul(60));
    seconds.map(Duration::from_secs).ok_or(StartError::NotMinutes { name, value })
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    const VARIABLES: [(&str, &str); 7] = [
        ("AWS_REGION", "eu-west-1"),
        ("TOWPATH_ACCOUNT", "111111111111"),
        ("TOWPATH_DEPLOYMENT_BRANCH", "main"),
        ("TOWPATH_DEPLOYMENT_REPOSITORY", "deployment"),
        ("TOWPATH_ENVIRONMENT", "dev"),
        ("TOWPATH_PIPELINE_PATTERN", "deploy-{cluster}-{service}"),
        ("TOWPATH_STALLED_AFTER_MINUTES", "15"),
    ];

    /// The stack with one variable set to another value, or not set.
    fn stack_with(changed: &str, value: Option<&str>) -> Result<Stack, StartError> {
        stack(&|name| {
            if name == changed {
                return value.map(str::to_owned);
            }
            let found = VARIABLES.iter().find(|(variable, _)| *variable == name);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn the_first_environment_has_no_upstream() {
        assert_eq!(stack_with("", None).unwrap().upstream, None);
        let second = stack_with("TOWPATH_UPSTREAM_ACCOUNT", Some("222222222222")).unwrap();
        assert_eq!(second.upstream.map(|account| account.to_string()), Some("222222222222".to_owned()));
    }

    #[test]
    fn each_missing_variable_is_named() {
        for (name, _) in VARIABLES {
            let error = stack_with(name, None).unwrap_err().to_string();
            assert_eq!(
                error,
                format!("the environment variable {name} is not set: deploy template.yaml again")
            );
        }
    }

    #[test]
    fn each_invalid_variable_is_told_in_a_line_with_its_value() {
        let optional = ("TOWPATH_UPSTREAM_ACCOUNT", "");
        let names = VARIABLES.into_iter().chain([optional]).map(|(name, _)| name);
        let lines: Vec<String> =
            names.map(|name| stack_with(name, Some("../x\n")).unwrap_err().to_string()).collect();
        expect![[r#"
            the environment variable AWS_REGION: "../x\n" is not a Region: expected a name such as eu-west-1
            the environment variable TOWPATH_ACCOUNT: "../x\n" is not an account id: expected 12 digits
            the environment variable TOWPATH_DEPLOYMENT_BRANCH: "../x\n" is not a branch name: expected a git branch name of 1 to 256 characters, such as main
            the environment variable TOWPATH_DEPLOYMENT_REPOSITORY: "../x\n" is not a repository name: expected 1 to 100 letters, digits, ., _ or -, not ending in .git
            the environment variable TOWPATH_ENVIRONMENT: "../x\n" is not an environment name: expected 1 to 32 lower-case letters, digits or -, the first a letter
            the environment variable TOWPATH_PIPELINE_PATTERN: "../x\n" is not a pipeline pattern: expected a pipeline name with {cluster} and {service} in it, such as deploy-{cluster}-{service}
            the environment variable TOWPATH_STALLED_AFTER_MINUTES is "../x\n": expected a number of minutes
            the environment variable TOWPATH_UPSTREAM_ACCOUNT: "../x\n" is not an account id: expected 12 digits"#]].assert_eq(&lines.join("\n"));
        let huge = stack_with("TOWPATH_STALLED_AFTER_MINUTES", Some(&u64::MAX.to_string()));
        assert!(matches!(huge, Err(StartError::NotMinutes { .. })), "{huge:?}");
    }
}
