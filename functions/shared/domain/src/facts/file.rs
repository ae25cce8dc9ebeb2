//! What the deployment repository says at one commit.

use crate::hold::{HoldError, HoldFile};
use crate::names::{BlobId, BranchName, CommitId, RepositoryName, ServiceId};
use crate::revision::{RevisionError, RevisionFile};
use crate::rules::{MissingRepositories, RuleError, RulesFile, ServiceRules};
use crate::time::Timestamp;
use crate::trailers::{AUTHOR_NAME, ServiceTrailers, Trailers};

/// The deployment repository and its branch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeploymentRepository {
    /// The repository.
    pub name: RepositoryName,
    /// The branch that says what runs.
    pub branch: BranchName,
}

/// A file at the commit at which everything was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileFact<T, E> {
    /// It is not there.
    Absent,
    /// It is there.
    Present {
        /// The id of its content.
        blob: BlobId,
        /// Its content, or why it cannot be read.
        content: Result<T, E>,
    },
}

/// A service's `revision.json`.
pub type RevisionFact = FileFact<RevisionFile, RevisionError>;
/// A service's `hold.json`.
pub type HoldFact = FileFact<HoldFile, HoldError>;

impl<T, E> FileFact<T, E> {
    /// The id of the content, if the file is there.
    #[must_use]
    pub fn blob(&self) -> Option<&BlobId> {
        match self {
            Self::Absent => None,
            Self::Present { blob, content: _ } => Some(blob),
        }
    }

    /// The content, if the file is there and can be read.
    #[must_use]
    pub fn content(&self) -> Option<&T> {
        match self {
            Self::Absent => None,
            Self::Present { blob: _, content } => content.as_ref().ok(),
        }
    }
}

/// `delivery.yaml` at the commit at which everything was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RulesFact {
    /// It is not there: no service has rules.
    Absent,
    /// It cannot be read.
    Invalid(RuleError),
    /// It says this.
    Read(RulesFile),
}

/// What the rules say of one service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RulesOfService<'a> {
    /// Nothing.
    NotNamed,
    /// Something that cannot be read.
    Invalid(&'a RuleError),
    /// This.
    Named(&'a ServiceRules),
}

impl RulesFact {
    /// Whether a promotion may create a repository that is missing here.
    #[must_use]
    pub fn missing_repositories(&self) -> MissingRepositories {
        match self {
            Self::Absent | Self::Invalid(_) => MissingRepositories::default(),
            Self::Read(rules) => rules.missing_repositories,
        }
    }

    /// What they say of a service.
    #[must_use]
    pub fn of_service(&self, service: &ServiceId) -> RulesOfService<'_> {
        match self {
            Self::Absent => RulesOfService::NotNamed,
            Self::Invalid(error) => RulesOfService::Invalid(error),
            Self::Read(rules) => match rules.services.get(service) {
                None => RulesOfService::NotNamed,
                Some(Err(error)) => RulesOfService::Invalid(error),
                Some(Ok(rules)) => RulesOfService::Named(rules),
            },
        }
    }
}

/// The last commit that touched a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastChange {
    /// The commit.
    pub commit: CommitId,
    /// Its whole message.
    pub message: String,
    /// Its author, as the commit names them.
    pub author: String,
    /// Who put it into the repository, as the commit names them: somebody else where a person took another's commit over.
    pub committer: String,
    /// When it was made, where the commit tells it.
    pub at: Option<Timestamp>,
}

impl LastChange {
    /// Whether it says that Towpath made it, and nobody has taken it over since: `git cherry-pick`, `git rebase` and
    /// `git commit -C` keep author and message, and name the person as the committer.
    #[must_use]
    pub fn is_by_towpath(&self) -> bool {
        self.author == AUTHOR_NAME && self.committer == AUTHOR_NAME
    }

    /// Whom it is told as the act of: where a person took Towpath's commit over, that person.
    #[must_use]
    pub fn who(&self) -> &str {
        if self.author == AUTHOR_NAME { &self.committer } else { &self.author }
    }

    /// What Towpath's trailers on it say of a service; none if a person made it, also by taking Towpath's commit over or by
    /// copying Towpath's message to another content.
    #[must_use]
    pub fn trailers(&self, service: &ServiceId, revision: &RevisionFile) -> Option<ServiceTrailers> {
        if !self.is_by_towpath() {
            return None;
        }
        let trailers = Trailers::parse(&self.message);
        trailers.of_service(service).filter(|trailers| trailers.fit(revision)).cloned()
    }
}

/// The tip of an application's branch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ApplicationTip {
    /// The rules name no application.
    NotNamed,
    /// The repository or the branch is not there.
    Missing,
    /// It is this commit.
    At(CommitId),
}

impl ApplicationTip {
    /// The commit, if there is one.
    #[must_use]
    pub fn commit(&self) -> Option<&CommitId> {
        match self {
            Self::NotNamed | Self::Missing => None,
            Self::At(commit) => Some(commit),
        }
    }
}
