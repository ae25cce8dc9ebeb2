//! The names of a queue: URL and ARN.

use crate::error::AwsError;
use crate::names::{AccountId, Arn};
use crate::world::World;

/// Which queue of which account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Address {
    pub(crate) account: AccountId,
    pub(crate) name: String,
}

impl Address {
    /// Reads `http://<any host>/<account>/<name>`.
    pub(crate) fn of_url(url: &str) -> Result<Self, AwsError> {
        let invalid =
            || AwsError::new("InvalidAddress", format!("The address {url} is not valid for this endpoint."));
        let (_, after_scheme) = url.split_once("://").ok_or_else(invalid)?;
        let mut parts = after_scheme.trim_end_matches('/').split('/').skip(1);
        let account = parts.next().and_then(|account| account.parse().ok()).ok_or_else(invalid)?;
        let name = parts.next().ok_or_else(invalid)?;
        if parts.next().is_some() {
            return Err(invalid());
        }
        Ok(Self { account, name: name.to_owned() })
    }

    /// Reads `arn:aws:sqs:<region>:<account>:<name>`.
    pub(crate) fn of_arn(arn: &str) -> Result<Self, AwsError> {
        let invalid =
            || AwsError::new("InvalidParameterValue", format!("`{arn}` is not the ARN of an SQS queue"));
        let parsed = Arn::parse(arn).filter(|arn| arn.service == "sqs").ok_or_else(invalid)?;
        let account = parsed.account.parse().map_err(|_| invalid())?;
        if parsed.resource.is_empty() || parsed.resource.contains([':', '/']) {
            return Err(invalid());
        }
        Ok(Self { account, name: parsed.resource })
    }

    /// The URL under which this world's endpoint serves the queue.
    pub(crate) fn url(&self, world: &World) -> String {
        let endpoint = world.endpoint.clone();
        let endpoint = endpoint.unwrap_or_else(|| format!("https://sqs.{}.amazonaws.com", world.region));
        format!("{endpoint}/{}/{}", self.account, self.name)
    }

    /// The ARN.
    pub(crate) fn arn(&self, world: &World) -> String {
        world.arn("sqs", &self.account, &self.name)
    }
}
