//! One environment's account, reached with standard AWS credentials, and what its stack was told at its installation.

use crate::chain::Place;
use crate::ending::Ending;
use crate::failure::Failure;
use aws::operator::{GitAccess, Operator};
use aws::{Clients, Connection, Stack, https_client};
use aws_config::sts::AssumeRoleProvider;
use aws_config::{BehaviorVersion, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::ProvideCredentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_smithy_types::error::metadata::ErrorMetadata;
use aws_types::region::Region as SdkRegion;
use domain::facts::DeploymentRepository;
use domain::names::{EcrRegistry, EnvironmentName, InvalidName, PipelinePattern, RepositoryName, ServiceId};
use domain::text::shown;
use domain::time::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The function whose variables are those of the whole stack: it looks at everything.
const FUNCTION: &str = "towpath-reconcile";
/// How many known names an error shows.
const NAMED_MAX: usize = 10;

/// An environment that answers.
#[derive(Debug)]
pub(crate) struct Account {
    /// What the stack's functions were told.
    pub(crate) stack: Stack,
    /// What the functions ask with.
    pub(crate) clients: Clients,
    /// What only a person asks with.
    pub(crate) operator: Operator,
    connection: Connection,
}

impl Account {
    /// Reaches an environment, and finds out what Towpath was told there.
    pub(crate) async fn connect(place: &Place) -> Result<Self, Failure> {
        let label = place.label();
        let config = load(place).await;
        let region = config.region().map(ToString::to_string).ok_or_else(|| {
            Failure::new(Ending::NoAccess, format!("{label}: no Region is said"))
                .hint("say --region, set AWS_REGION, or write region into the profile or towpath.yaml")
        })?;
        let credentials = credentials(place, &config).await?;
        let connection =
            Connection::new(credentials, region.clone(), config.endpoint_url().map(str::to_owned));
        let operator = Operator::new(&connection);
        let variables = operator.function_variables(FUNCTION).await;
        let variables = variables.map_err(|error| Failure::of_call(&label, &error))?;
        let variables = variables.ok_or_else(|| {
            let hint = "install it with template.yaml, or choose another profile or Region";
            Failure::not_found(format!("{label}: Towpath is not installed there in {region} (no {FUNCTION})"))
                .hint(hint)
        })?;
        let stack = stack(&variables, &region).map_err(|problem| {
            Failure::failed(format!("{label}: {FUNCTION} is told {problem}"))
                .hint("install the version of Towpath that this towpath belongs to")
        })?;
        if let Some(name) = place.name.as_ref().filter(|name| **name != stack.environment) {
            let is = &stack.environment;
            return Err(Failure::usage(format!(
                "{label}: the account {} is the environment {is}, not {name}",
                stack.registry.account
            ))
            .hint("correct the name, the profile or the order in towpath.yaml or --environment"));
        }
        let clients = Clients::new(&connection, stack.registry.account.clone());
        Ok(Self { stack, clients, operator, connection })
    }

    /// Reaches the environment `name`, by the only place that there is or by its own.
    pub(crate) async fn connect_as(place: &Place, name: Option<&EnvironmentName>) -> Result<Self, Failure> {
        let account = Self::connect(place).await?;
        match name.filter(|name| **name != account.stack.environment) {
            None => Ok(account),
            Some(name) => Err(Failure::not_found(format!(
                "there is no environment {name}: your AWS credentials are those of {} (account {})",
                account.stack.environment, account.stack.registry.account
            ))
            .hint(format!("say --environment {name}=<profile>, or use the credentials of {name}"))),
        }
    }

    /// The environment's name.
    pub(crate) fn name(&self) -> &EnvironmentName {
        &self.stack.environment
    }

    /// How git is let into a repository here, from now on for a quarter of an hour.
    pub(crate) fn git(&self, repository: &RepositoryName) -> GitAccess {
        GitAccess::new(&self.connection, &self.stack.registry.region, repository, now())
    }

    /// A call that failed here.
    pub(crate) fn failed(&self, error: &aws::CallError) -> Failure {
        Failure::of_call(&format!("environment {}", self.name()), error)
    }

    /// Every service that the rules or a `revision.json` name here.
    pub(crate) async fn services(&self) -> Result<BTreeSet<ServiceId>, Failure> {
        let read = aws::facts::read_services(&self.clients, &self.stack).await;
        Ok(read.map_err(|error| self.failed(&error))?.unwrap_or_default())
    }

    /// A service must be known here.
    pub(crate) async fn must_know(&self, service: &ServiceId) -> Result<(), Failure> {
        let known = self.services().await?;
        if known.contains(service) {
            return Ok(());
        }
        Err(unknown_service(service, &format!("in {}", self.name()), &known))
    }
}

/// That nobody knows a service, and which services are known.
pub(crate) fn unknown_service(service: &ServiceId, place: &str, known: &BTreeSet<ServiceId>) -> Failure {
    let problem = format!("there is no service {service} {place}");
    if known.is_empty() {
        let hint = "no service has rules or a revision.json there yet: commit delivery.yaml";
        return Failure::not_found(problem).hint(hint);
    }
    let mut names: Vec<String> = known.iter().take(NAMED_MAX).map(ToString::to_string).collect();
    if known.len() > NAMED_MAX {
        names.push(format!("and {} more", known.len() - NAMED_MAX));
    }
    Failure::not_found(problem).hint(format!("known are {}", names.join(", ")))
}

/// Now, by this machine's clock.
pub(crate) fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_epoch_milliseconds(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

async fn load(place: &Place) -> SdkConfig {
    let mut loader = aws_config::defaults(BehaviorVersion::latest()).http_client(https_client());
    if let Some(profile) = &place.profile {
        loader = loader.profile_name(profile);
    }
    if let Some(region) = &place.region {
        loader = loader.region(SdkRegion::new(region.to_string()));
    }
    loader.load().await
}

async fn credentials(place: &Place, config: &SdkConfig) -> Result<Credentials, Failure> {
    let found = match (&place.role, config.credentials_provider()) {
        (Some(role), _) => {
            let provider =
                AssumeRoleProvider::builder(role).session_name("towpath").configure(config).build();
            provider.await.provide_credentials().await
        }
        (None, Some(provider)) => provider.provide_credentials().await,
        (None, None) => Err(CredentialsError::not_loaded_no_source()),
    };
    found.map_err(|error| no_credentials(place, &error))
}

fn no_credentials(place: &Place, error: &CredentialsError) -> Failure {
    let because = match error {
        CredentialsError::CredentialsNotLoaded(_) => "there are none".to_owned(),
        _ => innermost(error),
    };
    let hint = match (&place.role, &place.profile) {
        (Some(role), _) => {
            format!("your credentials must be allowed sts:AssumeRole on {role}, and it must trust them")
        }
        (None, Some(profile)) => format!(
            "log in: aws sso login --profile {profile}; or look at the profile: aws configure list --profile {profile}"
        ),
        (None, None) => {
            "set AWS_PROFILE, log in with aws sso login, or name a profile: --environment <name>=<profile>"
                .to_owned()
        }
    };
    let of = place.name.as_ref().map(|_| format!(" for {}", place.label())).unwrap_or_default();
    Failure::new(Ending::NoAccess, format!("no AWS credentials{of}: {because}")).hint(hint)
}

/// What happened, without the layers that only say that something did.
fn innermost(error: &(dyn std::error::Error + 'static)) -> String {
    let mut said = error;
    while let Some(source) = said.source() {
        said = source;
    }
    match said.downcast_ref::<ErrorMetadata>() {
        None => said.to_string(),
        Some(metadata) => {
            let code = metadata.code().unwrap_or("unknown error");
            format!("{code}: {}", metadata.message().unwrap_or("AWS does not say more"))
        }
    }
}

type Variables = BTreeMap<String, String>;

/// The stack as its functions read it from their variables.
fn stack(variables: &Variables, region: &str) -> Result<Stack, String> {
    let pattern = text(variables, "TOWPATH_PIPELINE_PATTERN")?;
    let minutes = text(variables, "TOWPATH_STALLED_AFTER_MINUTES")?;
    let minutes = minutes.parse::<u64>().ok().and_then(|minutes| minutes.checked_mul(60));
    let upstream = variables.get("TOWPATH_UPSTREAM_ACCOUNT").filter(|account| !account.is_empty());
    let region = domain::names::Region::parse(region).map_err(|error| error.to_string())?;
    Ok(Stack {
        environment: parsed(variables, "TOWPATH_ENVIRONMENT")?,
        repository: DeploymentRepository {
            name: parsed(variables, "TOWPATH_DEPLOYMENT_REPOSITORY")?,
            branch: parsed(variables, "TOWPATH_DEPLOYMENT_BRANCH")?,
        },
        registry: EcrRegistry { account: parsed(variables, "TOWPATH_ACCOUNT")?, region },
        upstream: match upstream {
            None => None,
            Some(_) => Some(parsed(variables, "TOWPATH_UPSTREAM_ACCOUNT")?),
        },
        pipelines: PipelinePattern::parse(pattern).map_err(|error| error.to_string())?,
        stalled_after: minutes
            .map(Duration::from_secs)
            .ok_or("TOWPATH_STALLED_AFTER_MINUTES, which is no number of minutes")?,
    })
}

fn text<'a>(variables: &'a Variables, name: &str) -> Result<&'a str, String> {
    variables.get(name).map(String::as_str).ok_or_else(|| format!("no {name}"))
}

fn parsed<T: FromStr<Err = InvalidName>>(variables: &Variables, name: &str) -> Result<T, String> {
    let value = text(variables, name)?;
    value.parse().map_err(|error: InvalidName| format!("{name}={}: {error}", shown(value)))
}
