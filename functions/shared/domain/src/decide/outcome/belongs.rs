//! To which pipeline execution a deployment belongs: the one during whose Deploy action it was created.

use super::OutcomeFacts;
use crate::facts::{Deployment, Execution, ExecutionStatus, FileFact, RevisionAtSource, runs};
use crate::names::{BlobId, CommitId};
use crate::revision::RevisionFile;

/// Whose a deployment is.
pub(super) enum Belongs<'a> {
    /// This execution's.
    Execution(Deployed<'a>),
    /// An execution's, of which not enough is known yet.
    NotYet(&'a Execution),
    /// A person's: no execution was deploying, or none that deploys these images.
    ByHand,
}

/// What an execution deployed.
#[derive(Clone, Copy)]
pub(super) struct Deployed<'a> {
    pub(super) execution: &'a Execution,
    pub(super) commit: &'a CommitId,
    pub(super) blob: &'a BlobId,
    pub(super) revision: &'a RevisionFile,
}

/// The newest execution, if it failed. Where the facts tell of no deployment, it failed before ECS was asked for one.
pub(super) fn without_deployment(facts: &OutcomeFacts) -> Option<Deployed<'_>> {
    let execution = facts.executions.first().filter(|newest| newest.status == ExecutionStatus::Failed)?;
    let RevisionAtSource::File { commit, revision, .. } = &execution.source else { return None };
    let FileFact::Present { blob, content: Ok(revision) } = revision else { return None };
    Some(Deployed { execution, commit, blob, revision })
}

pub(super) fn belongs<'a>(facts: &'a OutcomeFacts, deployment: &Deployment) -> Belongs<'a> {
    let is_in_window = |execution: &&Execution| {
        execution.deploy.is_some_and(|window| window.contains(deployment.created_at))
    };
    let Some(execution) = facts.executions.iter().find(is_in_window) else { return Belongs::ByHand };
    let RevisionAtSource::File { commit, revision, .. } = &execution.source else {
        return Belongs::NotYet(execution);
    };
    let FileFact::Present { blob, content: Ok(revision) } = revision else { return Belongs::ByHand };
    if runs(&deployment.images, revision, &facts.children) {
        Belongs::Execution(Deployed { execution, commit, blob, revision })
    } else {
        Belongs::ByHand
    }
}
