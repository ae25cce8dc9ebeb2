//! What git says of one service now.

use crate::account::Account;
use crate::failure::Failure;
use crate::version::{Images, Version, change_of, versions};
use aws::codecommit::At;
use aws::facts::read_history;
use domain::facts::{RepositoryImages, RulesFact, RulesOfService};
use domain::names::{CommitId, FilePath, ServiceId};
use domain::revision::RevisionFile;
use domain::rules::{RulesFile, ServiceRules};
use std::collections::BTreeSet;

/// What git says of a service at the branch's tip.
#[derive(Debug)]
pub(crate) struct Current {
    /// Its rules, if it has any.
    pub(crate) rules: Option<ServiceRules>,
    /// The containers of its revision; none when it has no revision that can be read.
    pub(crate) versions: Vec<Version>,
}

impl Current {
    /// The source commit that it should run: of the containers that follow the application's commit, else of the first
    /// that tells one.
    pub(crate) fn source_commit(&self) -> Option<&CommitId> {
        self.versions.iter().find_map(|version| version.source_commit.as_ref())
    }
}

/// Reads what git says of a service, which must be known.
pub(crate) async fn read_current(account: &Account, service: &ServiceId) -> Result<Current, Failure> {
    account.must_know(service).await?;
    let rules = read_rules(account, service).await?;
    let read = read_history(&account.clients, &account.stack, service, 1).await;
    let read = read.map_err(|error| account.failed(&error))?;
    let newest = read.and_then(|read| read.revisions.into_iter().next());
    let versions = match newest {
        Some(newest) => match &newest.content {
            Ok(file) => {
                let change = change_of(&newest.commit);
                let images = images_of(account, std::iter::once(file)).await?;
                versions(service, file, Some(&change), &account.stack.registry, &images)
            }
            Err(_) => Vec::new(),
        },
        None => Vec::new(),
    };
    Ok(Current { rules, versions })
}

/// The images of this registry's repositories that revisions name: they tell the tags that no commit tells.
pub(crate) async fn images_of(
    account: &Account,
    files: impl Iterator<Item = &RevisionFile>,
) -> Result<Images, Failure> {
    let registry = &account.stack.registry;
    let entries = files.flat_map(RevisionFile::entries);
    let repositories: BTreeSet<_> = entries.filter_map(|entry| entry.image.repository_in(registry)).collect();
    let mut images = Images::new();
    for repository in repositories {
        let listed = account.clients.images(repository).await.map_err(|error| account.failed(&error))?;
        images.insert(repository.clone(), listed.map_or(RepositoryImages::Missing, RepositoryImages::Listed));
    }
    Ok(images)
}

/// The rules of a service; none when it has none.
pub(crate) async fn read_rules(
    account: &Account,
    service: &ServiceId,
) -> Result<Option<ServiceRules>, Failure> {
    let repository = &account.stack.repository;
    let at = At::Tip(&repository.branch);
    let file = account.clients.file(&repository.name, at, &FilePath::rules()).await;
    let Some(file) = file.map_err(|error| account.failed(&error))? else { return Ok(None) };
    let rules = RulesFile::parse(&file.content).map_or_else(RulesFact::Invalid, RulesFact::Read);
    match rules.of_service(service) {
        RulesOfService::NotNamed => Ok(None),
        RulesOfService::Named(rules) => Ok(Some(rules.clone())),
        RulesOfService::Invalid(error) => Err(Failure::refused(format!("{}: {error}", account.name()))),
    }
}
