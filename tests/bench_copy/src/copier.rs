//! One copy by Towpath's copier, in a process of its own as it is in a function.

use crate::Failure;
use crate::registries::{DEV, STG};
use aws::copy::{CopyOutcome, CopyRequest, Tagged, copy_image};
use aws::{Clients, Connection};
use aws_credential_types::Credentials;
use domain::names::{AccountId, ImageDigest, ImageRepositoryName, ImageTag};
use domain::rules::MissingRepositories;
use std::time::{Duration, Instant};

/// How long a copy may take: as long as a function.
const TIME: Duration = Duration::from_secs(900);

/// What to copy.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Where the registries are.
    #[arg(long)]
    endpoint: String,
    /// The repository, of the same name in both.
    #[arg(long)]
    repository: String,
    /// The image.
    #[arg(long)]
    digest: String,
    /// The tag that it gets at the end.
    #[arg(long)]
    tag: String,
}

/// Copies it, and puts its tag.
pub(crate) fn copy(options: &Options) -> Result<(), Failure> {
    let repository = ImageRepositoryName::parse(&options.repository)?;
    let digest = ImageDigest::parse(&options.digest)?;
    let tag = ImageTag::parse(&options.tag)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let (source, target) = (clients(options, DEV)?, clients(options, STG)?);
        let request = CopyRequest {
            source: &source,
            target: &target,
            from: &repository,
            to: &repository,
            digest: &digest,
            missing_repository: MissingRepositories::Refuse,
            deadline: Instant::now() + TIME,
        };
        match copy_image(&request, |progress| eprintln!("{progress:?}")).await? {
            CopyOutcome::Complete(_) => {}
            other => return Err(format!("not copied: {other:?}").into()),
        }
        match target.tag_image(&repository, &digest, &tag).await? {
            Tagged::Done | Tagged::AlreadyThere => Ok(()),
            other => Err(format!("not tagged: {other:?}").into()),
        }
    })
}

fn clients(options: &Options, account: &str) -> Result<Clients, Failure> {
    let credentials = Credentials::new(account, "local", None, None, "bench");
    let connection = Connection::new(credentials, "eu-west-1".to_owned(), Some(options.endpoint.clone()));
    Ok(Clients::new(&connection, AccountId::parse(account)?))
}
