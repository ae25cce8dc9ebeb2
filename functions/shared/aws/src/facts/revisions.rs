//! What is read before images are selected: four round trips at most, the commit included.

use super::SERVICES_AT_ONCE;
use super::files::{read_changes, read_hold, read_revision, read_rules};
use super::unread::{Unread, apart};
use super::upstream::{read_sources, sources};
use super::wanted::read_wanted;
use crate::connection::Clients;
use crate::error::{CallError, CallErrorKind};
use crate::stack::Stack;
use domain::decide::revisions::{self, RevisionsFacts, ServiceFacts};
use domain::decision::DecisionKind;
use domain::facts::{ApplicationTip, LastChange, RepositoryImages, RulesFact, RulesOfService};
use domain::names::{CommitId, EventId, ImageDigest, ImageRepositoryName, ImageTag, ServiceId};
use domain::rules::{Application, ServiceRules};
use domain::time::Timestamp;
use domain::trailers::Trailers;
use domain::wake_up::Function;
use futures_util::{StreamExt, stream};
use std::collections::{BTreeMap, BTreeSet};
use tokio::{join, try_join};

/// How many versions of a revision are looked through for images that were promoted before: as far back as a person can
/// be expected to push.
const PROMOTED_VERSIONS_MAX: usize = 100;

/// What an invocation asks about.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RevisionsAsked {
    /// Repositories that were pushed to: every service that uses one is asked about.
    pub repositories: BTreeSet<ImageRepositoryName>,
    /// Repositories upstream of which something was told: every service whose images come from one is asked about.
    pub upstream_repositories: BTreeSet<ImageRepositoryName>,
    /// Applications that were pushed: their tip then, and who pushed it.
    pub applications: BTreeMap<Application, (CommitId, Option<String>)>,
    /// Services to look at.
    pub services: BTreeSet<ServiceId>,
    /// The events that are answered.
    pub events: Vec<EventId>,
}

/// Reads what the selection depends on, and says which services could not be read. None when the deployment
/// repository has no such branch yet. `upstream` is the account before this one.
///
/// # Errors
/// When the rules cannot be read.
pub async fn read_revisions(
    clients: &Clients,
    upstream: Option<&Clients>,
    stack: &Stack,
    asked: &RevisionsAsked,
    (actor, now): (Function, Timestamp),
) -> Result<Option<(RevisionsFacts, Vec<Unread>)>, CallError> {
    let Some((tip, rules)) = read_rules(clients, &stack.repository).await? else { return Ok(None) };
    let read = read_revisions_at(clients, upstream, stack, asked, (actor, now), (tip, rules)).await;
    Ok(Some((read.facts, read.unread)))
}

/// The same as [`read_revisions`], at a tip whose rules are known.
pub(super) async fn read_revisions_at(
    clients: &Clients,
    upstream: Option<&Clients>,
    stack: &Stack,
    asked: &RevisionsAsked,
    (actor, now): (Function, Timestamp),
    (tip, rules): (CommitId, RulesFact),
) -> RevisionsRead {
    let wanted = services_asked_about(&rules, asked);
    let repositories = wanted
        .iter()
        .filter_map(|service| named(&rules, service))
        .flat_map(|rules| rules.containers.values().map(|container| container.repository.clone()));
    let repositories: BTreeSet<ImageRepositoryName> = repositories.collect();
    let services = stream::iter(&wanted)
        .map(|service| async {
            let read = read_service(clients, stack, service, named(&rules, service), &tip);
            (service.clone(), Box::pin(read).await)
        })
        .buffer_unordered(SERVICES_AT_ONCE)
        .collect::<Vec<_>>();
    let sources = sources(&rules, &wanted);
    let (services, here, there) =
        join!(services, read_all_images(clients, &repositories), read_sources(upstream, &sources));
    let (services, unread) = apart(services);
    let (images, not_here) = here;
    let (upstream_facts, not_there) = there;
    let facts = RevisionsFacts {
        now,
        actor,
        events: asked.events.clone(),
        pushers: pushers(asked),
        environment: stack.environment.clone(),
        repository: stack.repository.clone(),
        tip,
        registry: stack.registry.clone(),
        rules,
        services,
        left_out: unread.iter().flat_map(|unread| unread.services.iter().cloned()).collect(),
        images,
        platforms: BTreeMap::new(),
        upstream: upstream_facts,
    };
    let mut read = RevisionsRead { facts, unread };
    read.leave_out(not_here);
    for (source, error) in not_there {
        read.unread_upstream(&source, error);
    }
    Box::pin(read_wanted(clients, upstream, &mut read)).await;
    read
}

/// What was read, and of which services something could not be.
pub(super) struct RevisionsRead {
    pub(super) facts: RevisionsFacts,
    pub(super) unread: Vec<Unread>,
}

impl RevisionsRead {
    /// Leaves out the services whose repository here could not be read: what is here says what may not be gone back on.
    fn leave_out(&mut self, failures: Vec<(ImageRepositoryName, CallError)>) {
        for (repository, error) in failures {
            let users = self.users_of(&repository);
            self.facts.services.retain(|service, _| !users.contains(service));
            self.facts.left_out.extend(users.iter().cloned());
            self.unread.push(Unread { services: users, error });
        }
    }

    /// The services of which a container uses this repository.
    pub(super) fn users_of(&self, repository: &ImageRepositoryName) -> BTreeSet<ServiceId> {
        let uses = |rules: &ServiceRules| {
            rules.containers.values().any(|container| container.repository == *repository)
        };
        let is_user = |service: &&ServiceId| named(&self.facts.rules, service).is_some_and(uses);
        self.facts.services.keys().filter(is_user).cloned().collect()
    }

    /// Tells for which services something of a repository upstream could not be read. They stay: what needs no upstream, such
    /// as a push back, does not wait for it.
    pub(super) fn unread_upstream(&mut self, source: &ImageRepositoryName, error: CallError) {
        let needs = |service: &&ServiceId| revisions::needs_upstream(&self.facts, service, source);
        let services = self.facts.services.keys().filter(needs).cloned().collect();
        self.unread.push(Unread { services, error });
    }
}

fn services_asked_about(rules: &RulesFact, asked: &RevisionsAsked) -> BTreeSet<ServiceId> {
    let mut services = asked.services.clone();
    if let RulesFact::Read(file) = rules {
        services.extend(asked.repositories.iter().flat_map(|name| file.services_of(name)).cloned());
        let sources = asked.upstream_repositories.iter();
        services.extend(sources.flat_map(|name| file.services_of_source(name)).cloned());
        let applications = asked.applications.keys();
        services.extend(applications.flat_map(|name| file.services_of_application(name)).cloned());
    }
    services
}

fn pushers(asked: &RevisionsAsked) -> BTreeMap<Application, (CommitId, String)> {
    let told = asked.applications.iter().filter_map(|(application, (commit, arn))| {
        Some((application.clone(), (commit.clone(), arn.clone()?)))
    });
    told.collect()
}

pub(super) fn named<'a>(rules: &'a RulesFact, service: &ServiceId) -> Option<&'a ServiceRules> {
    match rules.of_service(service) {
        RulesOfService::Named(rules) => Some(rules),
        RulesOfService::NotNamed | RulesOfService::Invalid(_) => None,
    }
}

async fn read_service(
    clients: &Clients,
    stack: &Stack,
    service: &ServiceId,
    rules: Option<&ServiceRules>,
    tip: &CommitId,
) -> Result<ServiceFacts, CallError> {
    let repository = &stack.repository;
    let is_promoted = rules.is_some_and(|rules| rules.promote.is_some());
    let versions = if is_promoted { PROMOTED_VERSIONS_MAX } else { 1 };
    let (revision, hold, changes, application) = try_join!(
        read_revision(clients, repository, service, tip),
        read_hold(clients, repository, service, tip),
        read_changes(clients, repository, service, tip, versions),
        read_application(clients, rules),
    )?;
    let promoted = if is_promoted { promoted(service, &changes) } else { BTreeSet::new() };
    Ok(ServiceFacts { revision, hold, last_change: changes.into_iter().next(), application, promoted })
}

/// The images that promotions put into a service, each with the tag that it was promoted by.
fn promoted(service: &ServiceId, changes: &[LastChange]) -> BTreeSet<(ImageTag, ImageDigest)> {
    let is_promotion =
        |trailers: &Trailers| trailers.actor.as_deref() == Some(Function::PromoteImage.as_str());
    let promotions = changes
        .iter()
        .filter(|change| change.is_by_towpath())
        .map(|change| Trailers::parse(&change.message))
        .filter(is_promotion);
    let containers = promotions.flat_map(|trailers| {
        let told = trailers.of_service(service).filter(|told| told.decision == Some(DecisionKind::Moved));
        told.map(|told| told.containers.clone()).unwrap_or_default()
    });
    containers.filter_map(|container| Some((container.image_tag?, container.image_digest?))).collect()
}

/// The tip of the application that a service's rules name.
pub(super) async fn read_application(
    clients: &Clients,
    rules: Option<&ServiceRules>,
) -> Result<ApplicationTip, CallError> {
    let Some(application) = rules.and_then(|rules| rules.application.as_ref()) else {
        return Ok(ApplicationTip::NotNamed);
    };
    match clients.branch_tip(&application.repository, &application.branch).await {
        Ok(Some(commit)) => Ok(ApplicationTip::At(commit)),
        Ok(None) => Ok(ApplicationTip::Missing),
        Err(error) if error.code() == Some("RepositoryDoesNotExistException") => Ok(ApplicationTip::Missing),
        Err(error) => Err(error),
    }
}

/// The same where the answer is a help and no more: one that may not be read is taken for missing.
pub(super) async fn read_application_if_allowed(
    clients: &Clients,
    rules: Option<&ServiceRules>,
) -> Result<ApplicationTip, CallError> {
    match read_application(clients, rules).await {
        Err(error) if error.kind() == CallErrorKind::Denied => Ok(ApplicationTip::Missing),
        answer => answer,
    }
}

/// The images of each repository, and those whose images could not be read.
pub(super) async fn read_all_images(
    clients: &Clients,
    repositories: &BTreeSet<ImageRepositoryName>,
) -> (BTreeMap<ImageRepositoryName, RepositoryImages>, Vec<(ImageRepositoryName, CallError)>) {
    let read = stream::iter(repositories)
        .map(|repository| async { (repository.clone(), read_images(clients, repository).await) })
        .buffer_unordered(SERVICES_AT_ONCE)
        .collect::<Vec<_>>()
        .await;
    let (mut images, mut failures) = (BTreeMap::new(), Vec::new());
    for (repository, read) in read {
        match read {
            Ok(read) => {
                images.insert(repository, read);
            }
            Err(error) => failures.push((repository, error)),
        }
    }
    (images, failures)
}

/// The images of a repository.
pub(super) async fn read_images(
    clients: &Clients,
    repository: &ImageRepositoryName,
) -> Result<RepositoryImages, CallError> {
    match clients.images(repository).await {
        Ok(Some(images)) => Ok(RepositoryImages::Listed(images)),
        Ok(None) => Ok(RepositoryImages::Missing),
        Err(error) if error.kind() == CallErrorKind::Denied => {
            Ok(RepositoryImages::Unreadable(error.to_string()))
        }
        Err(error) => Err(error),
    }
}
