//! The environment before this one: its registry, read with the role that its stack made for this account.
//! <https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html>

use crate::connection::{Clients, Connection};
use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider, future};
use aws_smithy_async::time::SharedTimeSource;
use domain::names::AccountId;
use std::time::Duration;

/// How long a session is used. AWS gives an hour at least; counted by this machine's own clock from before the call, so
/// that a clock that is wrong does no harm.
const SESSION_USED: Duration = Duration::from_secs(45 * 60);

/// The role of the upstream account that may read its registry and nothing more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpstreamRole {
    /// The account.
    pub account: AccountId,
    /// The role's ARN.
    pub arn: String,
    /// Under which name this function appears in the other account's CloudTrail.
    pub session: String,
}

impl UpstreamRole {
    /// Clients with this role's credentials, which are fetched at the first call and again before they end.
    #[must_use]
    pub fn clients(&self, connection: &Connection) -> Clients {
        let sts = aws_sdk_sts::Client::new(&connection.sdk_config());
        let time_source = connection.time_source.clone();
        let provider = SharedCredentialsProvider::new(AssumedRole { sts, role: self.clone(), time_source });
        Clients::with_credentials(connection, provider, self.account.clone())
    }
}

#[derive(Debug)]
struct AssumedRole {
    sts: aws_sdk_sts::Client,
    role: UpstreamRole,
    time_source: SharedTimeSource,
}

impl AssumedRole {
    async fn assume(&self) -> Result<Credentials, CredentialsError> {
        let before = self.time_source.now();
        let sent = self.sts.assume_role().role_arn(&self.role.arn).role_session_name(&self.role.session);
        let answer = sent.send().await.map_err(CredentialsError::provider_error)?;
        let given = answer.credentials().ok_or_else(|| {
            CredentialsError::provider_error(format!("no credentials for the role {}", self.role.arn))
        })?;
        Ok(Credentials::new(
            given.access_key_id(),
            given.secret_access_key(),
            Some(given.session_token().to_owned()),
            Some(before + SESSION_USED),
            "AssumeRole",
        ))
    }
}

impl ProvideCredentials for AssumedRole {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(self.assume())
    }
}
