//! The files of the deployment repository.

use crate::codecommit::{At, Commit, File};
use crate::connection::Clients;
use crate::error::CallError;
use domain::facts::{DeploymentRepository, FileFact, HoldFact, LastChange, RevisionFact, RulesFact};
use domain::hold::HoldFile;
use domain::names::{CommitId, FilePath, ServiceId};
use domain::revision::RevisionFile;
use domain::rules::RulesFile;

/// `delivery.yaml` at the branch's tip, and that tip, read in one call. None when the branch is not there.
pub(super) async fn read_rules(
    clients: &Clients,
    repository: &DeploymentRepository,
) -> Result<Option<(CommitId, RulesFact)>, CallError> {
    let at = At::Tip(&repository.branch);
    match clients.file(&repository.name, at, &FilePath::rules()).await? {
        Some(File { commit, content, .. }) => {
            let rules = RulesFile::parse(&content).map_or_else(RulesFact::Invalid, RulesFact::Read);
            Ok(Some((commit, rules)))
        }
        None => {
            // A file that is not there does not tell the tip.
            let tip = clients.branch_tip(&repository.name, &repository.branch).await?;
            let Some(tip) = tip else { return Ok(None) };
            let read = clients.file(&repository.name, At::Commit(&tip), &FilePath::rules()).await?;
            let rules = match read {
                Some(file) => {
                    RulesFile::parse(&file.content).map_or_else(RulesFact::Invalid, RulesFact::Read)
                }
                None => RulesFact::Absent,
            };
            Ok(Some((tip, rules)))
        }
    }
}

/// A service's `revision.json` at a commit.
pub(super) async fn read_revision(
    clients: &Clients,
    repository: &DeploymentRepository,
    service: &ServiceId,
    commit: &CommitId,
) -> Result<RevisionFact, CallError> {
    let file = clients.file(&repository.name, At::Commit(commit), &service.revision_path()).await?;
    Ok(fact(file, RevisionFile::parse))
}

/// A service's `hold.json` at a commit.
pub(super) async fn read_hold(
    clients: &Clients,
    repository: &DeploymentRepository,
    service: &ServiceId,
    commit: &CommitId,
) -> Result<HoldFact, CallError> {
    let file = clients.file(&repository.name, At::Commit(commit), &service.hold_path()).await?;
    Ok(fact(file, HoldFile::parse))
}

fn fact<T, E>(file: Option<File>, parse: impl Fn(&[u8]) -> Result<T, E>) -> FileFact<T, E> {
    match file {
        None => FileFact::Absent,
        Some(File { commit: _, blob, content }) => FileFact::Present { blob, content: parse(&content) },
    }
}

/// The last commits, up to this one, that touched a service's `revision.json`; the newest first.
pub(super) async fn read_changes(
    clients: &Clients,
    repository: &DeploymentRepository,
    service: &ServiceId,
    commit: &CommitId,
    count: usize,
) -> Result<Vec<LastChange>, CallError> {
    let versions = clients.history(&repository.name, &service.revision_path(), commit, count).await?;
    let changes = versions.into_iter().map(|version| {
        let Commit { id, message, author, committer, at, .. } = version.commit;
        LastChange { commit: id, message, author, committer, at: Some(at) }
    });
    Ok(changes.collect())
}

/// The last commit, up to this one, that touched a service's `revision.json`.
pub(super) async fn read_last_change(
    clients: &Clients,
    repository: &DeploymentRepository,
    service: &ServiceId,
    commit: &CommitId,
) -> Result<Option<LastChange>, CallError> {
    let changes = read_changes(clients, repository, service, commit, 1).await?;
    Ok(changes.into_iter().next())
}
