//! What a service has run, for a person to read: its revisions, what was told of them, and what is said of their images.

use super::SERVICES_AT_ONCE;
use super::files::{read_hold, read_rules};
use super::outcome::read_evidence;
use super::starts::images_in;
use crate::codecommit::{Commit, Version};
use crate::connection::Clients;
use crate::error::CallError;
use crate::stack::Stack;
use domain::decide::outcome::told_in;
use domain::decision::DecisionKind;
use domain::evidence::Evidence;
use domain::facts::HoldFact;
use domain::names::{BlobId, ServiceId};
use domain::revision::{RevisionError, RevisionFile};
use futures_util::{StreamExt, TryStreamExt, stream};
use std::collections::BTreeSet;
use tokio::try_join;

/// A service's newest revisions.
#[derive(Debug)]
pub struct HistoryRead {
    /// The revisions, newest first.
    pub revisions: Vec<PastRevision>,
    /// The evidence on their images that lie in this registry.
    pub evidence: Vec<Evidence>,
    /// Its `hold.json` at the tip.
    pub hold: HoldFact,
}

/// A revision, and what was told of it.
#[derive(Debug)]
pub struct PastRevision {
    /// The commit that put it there.
    pub commit: Commit,
    /// Its blob.
    pub blob: BlobId,
    /// Its content, or why it cannot be read.
    pub content: Result<RevisionFile, RevisionError>,
    /// The outcomes that comments on the commit tell.
    pub told: Vec<DecisionKind>,
}

/// Reads a service's newest revisions, at most `limit`. None when the deployment repository has no such branch.
///
/// # Errors
/// When a call gives no usable answer.
pub async fn read_history(
    clients: &Clients,
    stack: &Stack,
    service: &ServiceId,
    limit: usize,
) -> Result<Option<HistoryRead>, CallError> {
    let repository = &stack.repository;
    let Some((tip, _)) = read_rules(clients, repository).await? else { return Ok(None) };
    let path = service.revision_path();
    let (versions, hold) = try_join!(
        clients.history(&repository.name, &path, &tip, limit),
        read_hold(clients, repository, service, &tip),
    )?;
    let revisions: Vec<PastRevision> = stream::iter(versions)
        .map(|version| read_past(clients, stack, service, version))
        .buffered(SERVICES_AT_ONCE)
        .try_collect()
        .await?;
    let files = revisions.iter().filter_map(|revision| revision.content.as_ref().ok());
    let images: BTreeSet<_> = files.flat_map(|file| images_in(&stack.registry, file)).collect();
    let evidence = read_evidence(clients, &images).await?;
    Ok(Some(HistoryRead { revisions, evidence, hold }))
}

async fn read_past(
    clients: &Clients,
    stack: &Stack,
    service: &ServiceId,
    version: Version,
) -> Result<PastRevision, CallError> {
    let repository = &stack.repository.name;
    let Version { commit, blob } = version;
    let (content, comments) = try_join!(
        clients.blob(repository, &blob),
        clients.comments(repository, commit.parent.as_ref(), &commit.id),
    )?;
    let told = comments.iter().filter_map(|comment| told_in(comment, service)).collect();
    Ok(PastRevision { commit, blob, content: RevisionFile::parse(&content), told })
}
