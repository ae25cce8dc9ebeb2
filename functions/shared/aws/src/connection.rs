//! How the function reaches AWS: credentials, Region and endpoint from the environment that Lambda sets, and
//! one HTTP client for all services.

use crate::codecommit::{Commit, File, Version};
use crate::ecs::ServiceHistory;
use crate::error::CallError;
use crate::once::{Answer, Once};
use crate::retry::XmlThrottle;
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_codepipeline::types::PipelineExecutionSummary;
use aws_smithy_async::rt::sleep::TokioSleep;
use aws_smithy_async::time::{SharedTimeSource, SystemTimeSource};
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use aws_smithy_http_client::{Builder, Connector};
use aws_smithy_runtime_api::client::http::{HttpConnectorSettings, SharedHttpClient, SharedHttpConnector};
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use aws_types::SdkConfig;
use aws_types::region::Region;
use domain::facts::PipelineFact;
use domain::names::{
    AccountId, BlobId, CommitId, FilePath, ImageDigest, ImageRepositoryName, PipelineName, RepositoryName,
    ServiceId,
};
use std::hash::Hash;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime};

/// How often one call is tried, the first time included. The queue's redelivery comes after that.
const CALL_ATTEMPTS_MAX: u32 = 4;
/// How long one attempt may take: well below any function's time-out, so that a lost reply leaves time to look.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a connection for layers may take to be made.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// The environment lacks something that Lambda always sets.
#[derive(Debug, thiserror::Error)]
#[error("the environment variable {name} is not set: outside Lambda, set it by hand")]
pub struct MissingVariable {
    name: &'static str,
}

/// What a client needs to know to reach AWS.
#[derive(Debug, Clone)]
pub struct Connection {
    /// The account's credentials.
    pub credentials: Credentials,
    /// The Region, such as `eu-west-1`.
    pub region: String,
    /// One address for all services instead of AWS's own: the local accounts.
    pub endpoint_url: Option<String>,
    /// What carries the requests.
    pub http_client: SharedHttpClient,
    /// What carries the bytes of layers.
    pub transfers: Transfers,
    /// What is taken for now: this machine's clock, or a clock that stands still.
    pub time_source: SharedTimeSource,
}

impl Connection {
    /// The connection that Lambda's environment describes.
    ///
    /// # Errors
    /// When a variable that Lambda always sets is missing.
    pub fn from_environment() -> Result<Self, MissingVariable> {
        let credentials = Credentials::new(
            required("AWS_ACCESS_KEY_ID")?,
            required("AWS_SECRET_ACCESS_KEY")?,
            std::env::var("AWS_SESSION_TOKEN").ok(),
            None,
            "environment",
        );
        let endpoint_url = std::env::var("AWS_ENDPOINT_URL").ok().filter(|url| !url.is_empty());
        Ok(Self::new(credentials, required("AWS_REGION")?, endpoint_url))
    }

    /// A connection by this machine's clock and the network.
    #[must_use]
    pub fn new(credentials: Credentials, region: String, endpoint_url: Option<String>) -> Self {
        Self {
            credentials,
            region,
            endpoint_url,
            http_client: https_client(),
            transfers: Transfers::default(),
            time_source: SharedTimeSource::new(SystemTimeSource::new()),
        }
    }

    /// What the SDK's clients are made from.
    pub(crate) fn sdk_config(&self) -> SdkConfig {
        self.sdk_config_with(SharedCredentialsProvider::new(self.credentials.clone()))
    }

    /// The same, with other credentials.
    pub(crate) fn sdk_config_with(&self, credentials: SharedCredentialsProvider) -> SdkConfig {
        let mut builder = SdkConfig::builder()
            .behavior_version(aws_sdk_codecommit::config::BehaviorVersion::latest())
            .credentials_provider(credentials)
            .region(Region::new(self.region.clone()))
            .http_client(self.http_client.clone())
            .sleep_impl(TokioSleep::new())
            .time_source(self.time_source.clone())
            .retry_config(RetryConfig::standard().with_max_attempts(CALL_ATTEMPTS_MAX))
            .timeout_config(TimeoutConfig::builder().operation_attempt_timeout(ATTEMPT_TIMEOUT).build());
        builder.set_endpoint_url(self.endpoint_url.clone());
        builder.build()
    }
}

/// What carries the bytes of layers, which are no calls of an API. The network's is made with the first use: most functions
/// have none.
#[derive(Debug, Clone, Default)]
pub struct Transfers(Arc<OnceLock<SharedHttpConnector>>);

impl Transfers {
    fn connector(&self) -> &SharedHttpConnector {
        self.0.get_or_init(|| {
            let settings = HttpConnectorSettings::builder().connect_timeout(CONNECT_TIMEOUT).build();
            let tls = Provider::Rustls(CryptoMode::Ring);
            let connector = Connector::builder().tls_provider(tls).sleep_impl(TokioSleep::new());
            SharedHttpConnector::new(connector.connector_settings(settings).build())
        })
    }
}

impl From<SharedHttpConnector> for Transfers {
    fn from(connector: SharedHttpConnector) -> Self {
        Self(Arc::new(OnceLock::from(connector)))
    }
}

/// What carries the requests: HTTPS with the roots of this machine, HTTP where an address says so.
#[must_use]
pub fn https_client() -> SharedHttpClient {
    Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https()
}

fn required(name: &'static str) -> Result<String, MissingVariable> {
    std::env::var(name).ok().filter(|value| !value.is_empty()).ok_or(MissingVariable { name })
}

/// One client per service, all over one connection to one account.
#[derive(Debug, Clone)]
pub struct Clients {
    pub(crate) account: AccountId,
    pub(crate) codecommit: aws_sdk_codecommit::Client,
    pub(crate) codepipeline: aws_sdk_codepipeline::Client,
    pub(crate) ecr: aws_sdk_ecr::Client,
    pub(crate) ecs: aws_sdk_ecs::Client,
    pub(crate) eventbridge: aws_sdk_eventbridge::Client,
    pub(crate) sqs: aws_sdk_sqs::Client,
    transfers: Transfers,
    time_source: SharedTimeSource,
    config: SdkConfig,
    pub(crate) known: Arc<Known>,
    looks: Looks,
}

/// How often what can change is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Looks {
    /// Each time: what is decided is carried out.
    EachTime,
    /// Once: whoever only compares is told by its first look.
    Once,
}

/// What this invocation has read already: what can never change, and what one that looks once need not ask again.
#[derive(Debug, Default)]
pub(crate) struct Known {
    pub(crate) files: Once<(RepositoryName, CommitId, FilePath), Option<File>>,
    pub(crate) blobs: Once<(RepositoryName, BlobId), Vec<u8>>,
    pub(crate) commits: Once<(RepositoryName, CommitId), Option<Commit>>,
    pub(crate) histories: Once<(RepositoryName, CommitId, FilePath, usize), Vec<Version>>,
    pub(crate) manifests: Once<(ImageRepositoryName, ImageDigest), Option<(String, String)>>,
    pub(crate) pipelines: Once<PipelineName, PipelineFact>,
    pub(crate) executions: Once<PipelineName, Option<Vec<PipelineExecutionSummary>>>,
    pub(crate) deployments: Once<ServiceId, Option<ServiceHistory>>,
}

impl Clients {
    /// Clients over this connection, whose credentials are of this account. No call is made yet.
    pub fn new(connection: &Connection, account: AccountId) -> Self {
        let credentials = SharedCredentialsProvider::new(connection.credentials.clone());
        Self::with_credentials(connection, credentials, account)
    }

    pub(crate) fn with_credentials(
        connection: &Connection,
        credentials: SharedCredentialsProvider,
        account: AccountId,
    ) -> Self {
        let config = &connection.sdk_config_with(credentials);
        let codecommit =
            aws_sdk_codecommit::config::Builder::from(config).retry_classifier(XmlThrottle).build();
        Self {
            account,
            codecommit: aws_sdk_codecommit::Client::from_conf(codecommit),
            codepipeline: aws_sdk_codepipeline::Client::new(config),
            ecr: aws_sdk_ecr::Client::new(config),
            ecs: aws_sdk_ecs::Client::new(config),
            eventbridge: aws_sdk_eventbridge::Client::new(config),
            sqs: aws_sdk_sqs::Client::new(config),
            transfers: connection.transfers.clone(),
            known: Arc::default(),
            looks: Looks::EachTime,
            time_source: connection.time_source.clone(),
            config: config.clone(),
        }
    }

    /// The client of SSM, made when it is asked for: so only the function that calls it carries its code.
    pub(crate) fn ssm(&self) -> aws_sdk_ssm::Client {
        aws_sdk_ssm::Client::new(&self.config)
    }

    /// Now, by the connection's clock.
    #[must_use]
    pub fn now(&self) -> SystemTime {
        self.time_source.now()
    }

    /// The same clients, which know nothing yet: each invocation, and each part of a long one, begins with these, so that
    /// what is kept stays small.
    #[must_use]
    pub fn knowing_nothing(&self) -> Self {
        Self { known: Arc::default(), ..self.clone() }
    }

    /// The same clients, which know nothing yet and ask for nothing twice, not even for what can change: for a sweep, which
    /// compares what it reads in several ways and carries nothing of it out.
    #[must_use]
    pub fn looking_once(&self) -> Self {
        Self { looks: Looks::Once, ..self.knowing_nothing() }
    }

    /// The answer to something that can change; the one that is known, where one look is enough.
    pub(crate) async fn look<K: Eq + Hash, V: Clone>(
        &self,
        known: &Once<K, V>,
        key: K,
        ask: impl Future<Output = Result<V, CallError>>,
    ) -> Result<V, CallError> {
        match self.looks {
            Looks::EachTime => ask.await,
            Looks::Once => known.ask(key, async { Ok(Answer::Lasting(ask.await?)) }).await,
        }
    }

    /// As many as are asked for; where one look is enough, as many as any other asks for.
    pub(crate) fn at_least(&self, count: usize, others: usize) -> usize {
        match self.looks {
            Looks::EachTime => count,
            Looks::Once => count.max(others),
        }
    }

    /// What carries the bytes of layers.
    pub(crate) fn transfers(&self) -> &SharedHttpConnector {
        self.transfers.connector()
    }
}
