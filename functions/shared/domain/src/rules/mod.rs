//! `delivery.yaml`: what people decided about how their services move.

mod conditions;
mod error;
mod policy;
mod read;
mod tree;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

pub use conditions::Conditions;
pub use error::{RuleError, RuleProblem};
pub use policy::{Policy, TagPattern, VersionRange};

use crate::names::{BranchName, ContainerName, ImageRepositoryName, PipelineName, RepositoryName, ServiceId};
use crate::wake_up::Function;

/// The largest `delivery.yaml` that is read.
pub const MAXIMUM_RULES_BYTES: usize = 1024 * 1024;

/// The content of `delivery.yaml`. A service that is wrong is wrong alone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RulesFile {
    /// Each service that the rules name.
    pub services: BTreeMap<ServiceId, Result<ServiceRules, RuleError>>,
    /// The keys below `services` that are no service.
    pub invalid: Vec<RuleError>,
    /// Whether a promotion may create an image repository that is missing here.
    pub missing_repositories: MissingRepositories,
}

/// The rules of one service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceRules {
    /// The application repository whose branch tip says which commit should run.
    pub application: Option<Application>,
    /// Its containers that Towpath moves.
    pub containers: BTreeMap<ContainerName, ContainerRules>,
    /// What an image needs before it enters from upstream; none: images are pushed here.
    pub promote: Option<Promote>,
    /// What happens when a deployment fails through its image.
    pub on_failure: OnFailure,
    /// Its pipeline, where the stack's pattern does not fit.
    pub pipeline: Option<PipelineName>,
}

/// A branch of an application repository in this account.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Application {
    /// The repository.
    pub repository: RepositoryName,
    /// Its branch.
    pub branch: BranchName,
}

/// The rules of one container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContainerRules {
    /// The ECR repository of its images.
    pub repository: ImageRepositoryName,
    /// Which of them should run.
    pub select: Policy,
    /// What they must be like to be candidates.
    pub conditions: Conditions,
    /// The repository upstream, where it bears another name.
    pub from: Option<ImageRepositoryName>,
}

/// What an image needs before it enters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Promote {
    /// The approvals: all of them.
    pub approve: BTreeSet<Approval>,
    /// The service upstream, where it bears another name.
    pub from: Option<ServiceId>,
}

/// A way in which an image is approved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Approval {
    /// A push of its commit to the application repository here.
    Push,
    /// A tag `approved-<environment>-<tag>` on its digest upstream.
    Tag,
    /// Upstream's evidence that it runs there.
    Verified,
}

/// What happens when a deployment fails through its image.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnFailure {
    /// The last healthy revision is committed back, and the image goes into quarantine.
    #[default]
    Revert,
    /// The revision stays in git, and a hold with it.
    Hold,
    /// A person is told.
    Notify,
}

/// Whether a promotion may create an image repository that is missing here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MissingRepositories {
    /// It may not: a person creates it.
    #[default]
    Refuse,
    /// It may.
    Create,
}

impl RulesFile {
    /// The rules that a file's bytes hold.
    ///
    /// # Errors
    /// When the file as a whole cannot be read. An error in one service is kept with that service.
    pub fn parse(bytes: &[u8]) -> Result<Self, RuleError> {
        read::rules(bytes)
    }

    /// The services that use a repository's images, in their order. A service whose rules are wrong is none of them.
    pub fn services_of<'a>(
        &'a self,
        repository: &'a ImageRepositoryName,
    ) -> impl Iterator<Item = &'a ServiceId> {
        self.services.iter().filter_map(move |(service, rules)| {
            let rules = rules.as_ref().ok()?;
            rules.containers.values().any(|container| container.repository == *repository).then_some(service)
        })
    }

    /// The services whose images come from a repository upstream, in their order.
    pub fn services_of_source<'a>(
        &'a self,
        repository: &'a ImageRepositoryName,
    ) -> impl Iterator<Item = &'a ServiceId> {
        self.services.iter().filter_map(move |(service, rules)| {
            let rules = rules.as_ref().ok().filter(|rules| rules.promote.is_some())?;
            rules.containers.values().any(|container| container.source() == repository).then_some(service)
        })
    }

    /// The services whose application this branch is, in their order.
    pub fn services_of_application<'a>(
        &'a self,
        application: &'a Application,
    ) -> impl Iterator<Item = &'a ServiceId> {
        self.services.iter().filter_map(move |(service, rules)| {
            let rules = rules.as_ref().ok()?;
            (rules.application.as_ref() == Some(application)).then_some(service)
        })
    }
}

impl ContainerRules {
    /// The repository upstream that its images come from, where they do.
    #[must_use]
    pub fn source(&self) -> &ImageRepositoryName {
        self.from.as_ref().unwrap_or(&self.repository)
    }
}

impl ServiceRules {
    /// The function that selects the service's images.
    #[must_use]
    pub fn owner(&self) -> Function {
        match self.promote {
            Some(_) => Function::PromoteImage,
            None => Function::OnImagePush,
        }
    }
}

impl fmt::Display for Application {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}", self.repository, self.branch)
    }
}

#[cfg(test)]
mod tests;
