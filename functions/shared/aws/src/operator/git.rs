//! What git says to CodeCommit over HTTPS: a user name and a password that is a signature, good for 15 minutes and for one
//! repository. It is what `aws codecommit credential-helper` gives to git.

use crate::connection::Connection;
use domain::names::{Region, RepositoryName};
use domain::time::Timestamp;
use ring::digest::{SHA256, digest};
use ring::hmac::{self, HMAC_SHA256, Key};

/// Where a repository is, and how git is let in.
#[derive(Clone, PartialEq, Eq)]
pub struct GitAccess {
    /// The repository's address.
    pub url: String,
    /// The user name.
    pub username: String,
    /// The password: never shown, never written down.
    pub password: String,
}

impl std::fmt::Debug for GitAccess {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("GitAccess").field("url", &self.url).finish_non_exhaustive()
    }
}

impl GitAccess {
    /// The access that a connection's credentials give to a repository, from now on.
    #[must_use]
    pub fn new(
        connection: &Connection,
        region: &Region,
        repository: &RepositoryName,
        now: Timestamp,
    ) -> Self {
        let own = format!("https://git-codecommit.{region}.{}", region.domain());
        let base = connection.endpoint_url.as_deref().unwrap_or(&own).trim_end_matches('/');
        let path = format!("/v1/repos/{repository}");
        // Without its port, which is no part of what is signed.
        let host = base.split_once("://").map_or(base, |(_, host)| host);
        let host = host.split(':').next().unwrap_or_default();
        let credentials = &connection.credentials;
        let time = compact(now);
        let signature = signature(credentials.secret_access_key(), region, (host, &path), &time);
        let token = credentials.session_token().map(|token| format!("%{token}")).unwrap_or_default();
        Self {
            url: format!("{base}{path}"),
            username: format!("{}{token}", credentials.access_key_id()),
            password: format!("{time}Z{signature}"),
        }
    }
}

/// A time as signatures write it: `20261120T093000`.
fn compact(time: Timestamp) -> String {
    let text = time.to_string();
    text.chars().take(19).filter(|character| !matches!(character, '-' | ':')).collect()
}

/// Signature Version 4 over a request with the method `GIT` and no body.
fn signature(secret: &str, region: &Region, (host, path): (&str, &str), time: &str) -> String {
    let date = time.get(..8).unwrap_or_default();
    let scope = format!("{date}/{region}/codecommit/aws4_request");
    let request = format!("GIT\n{path}\n\nhost:{host}\n\nhost\n");
    let request_hash = hex(digest(&SHA256, request.as_bytes()).as_ref());
    let text = format!("AWS4-HMAC-SHA256\n{time}\n{scope}\n{request_hash}");
    let secret = format!("AWS4{secret}");
    let parts = [date, region.as_str(), "codecommit", "aws4_request", &text];
    let signed = parts.iter().fold(secret.into_bytes(), |key, part| {
        hmac::sign(&Key::new(HMAC_SHA256, &key), part.as_bytes()).as_ref().to_vec()
    });
    hex(&signed)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_credential_types::Credentials;

    fn access(token: Option<&str>) -> GitAccess {
        let credentials = Credentials::new("AKIDEXAMPLE", "secret", token.map(str::to_owned), None, "test");
        let connection = Connection::new(credentials, "eu-west-1".to_owned(), None);
        let (region, repository) =
            (Region::parse("eu-west-1").unwrap(), RepositoryName::parse("webapp1").unwrap());
        GitAccess::new(&connection, &region, &repository, Timestamp::parse("2026-11-20T09:30:00Z").unwrap())
    }

    /// What `aws codecommit credential-helper get` of the AWS CLI answers for these credentials at this time.
    #[test]
    fn git_is_let_in_as_by_the_aws_command_line() {
        let access = access(None);
        assert_eq!(access.url, "https://git-codecommit.eu-west-1.amazonaws.com/v1/repos/webapp1");
        assert_eq!(access.username, "AKIDEXAMPLE");
        assert_eq!(
            access.password,
            "20261120T093000Z4e59a46e8713fb294831edec8b22195ec45f4d3912cdb3e8aa642d6081815b18"
        );
    }

    #[test]
    fn a_session_stands_in_the_user_name_and_nothing_secret_in_a_log() {
        let access = access(Some("token"));
        assert_eq!(access.username, "AKIDEXAMPLE%token");
        let shown = format!("{access:?}");
        assert!(!shown.contains("token") && !shown.contains(&access.password), "{shown}");
    }
}
