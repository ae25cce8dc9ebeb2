//! What is read before images are selected: four round trips at most, the commit included.

use super::SERVICES_AT_ONCE;
use super::files::{read_hold, read_last_change, read_revision, read_rules};
use super::unread::{Unread, apart};
use crate::connection::Clients;
use crate::error::{CallError, CallErrorKind};
use crate::stack::Stack;
use domain::decide::revisions::{RevisionsFacts, ServiceFacts};
use domain::facts::{ApplicationTip, RepositoryImages, RulesFact, RulesOfService};
use domain::names::{CommitId, EventId, ImageRepositoryName, ServiceId};
use domain::rules::ServiceRules;
use domain::time::Timestamp;
use domain::wake_up::Function;
use futures_util::{StreamExt, stream};
use std::collections::{BTreeMap, BTreeSet};
use tokio::{join, try_join};

/// What an invocation asks about.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RevisionsAsked {
    /// Repositories that were pushed to: every service that uses one is asked about.
    pub repositories: BTreeSet<ImageRepositoryName>,
    /// Services to look at.
    pub services: BTreeSet<ServiceId>,
    /// The events that are answered.
    pub events: Vec<EventId>,
}

/// Reads what the selection depends on, and says which services could not be read. None when the deployment
/// repository has no such branch yet.
///
/// # Errors
/// When the rules cannot be read.
pub async fn read_revisions(
    clients: &Clients,
    stack: &Stack,
    asked: &RevisionsAsked,
    actor: Function,
    now: Timestamp,
) -> Result<Option<(RevisionsFacts, Vec<Unread>)>, CallError> {
    let Some((tip, rules)) = read_rules(clients, &stack.repository).await? else { return Ok(None) };
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
    let images = stream::iter(&repositories)
        .map(|repository| async { (repository.clone(), read_images(clients, repository).await) })
        .buffer_unordered(SERVICES_AT_ONCE)
        .collect::<Vec<_>>();
    let (services, read_images) = join!(services, images);
    let (mut services, mut unread) = apart(services);
    let mut images = BTreeMap::new();
    for (repository, read) in read_images {
        match read {
            Ok(read) => {
                images.insert(repository, read);
            }
            Err(error) => {
                let uses = |service: &ServiceId| {
                    let rules = named(&rules, service);
                    rules.is_some_and(|rules| {
                        rules.containers.values().any(|container| container.repository == repository)
                    })
                };
                let users = services.extract_if(.., |service, _| uses(service)).map(|(service, _)| service);
                unread.push(Unread { services: users.collect(), error });
            }
        }
    }
    let facts = RevisionsFacts {
        now,
        actor,
        events: asked.events.clone(),
        repository: stack.repository.clone(),
        tip,
        registry: stack.registry.clone(),
        rules,
        services,
        images,
    };
    Ok(Some((facts, unread)))
}

fn services_asked_about(rules: &RulesFact, asked: &RevisionsAsked) -> BTreeSet<ServiceId> {
    let mut services = asked.services.clone();
    if let RulesFact::Read(file) = rules {
        for repository in &asked.repositories {
            services.extend(file.services_of(repository).cloned());
        }
    }
    services
}

fn named<'a>(rules: &'a RulesFact, service: &ServiceId) -> Option<&'a ServiceRules> {
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
    let (revision, hold, last_change, application) = try_join!(
        read_revision(clients, repository, service, tip),
        read_hold(clients, repository, service, tip),
        read_last_change(clients, repository, service, tip),
        read_application(clients, rules),
    )?;
    Ok(ServiceFacts { revision, hold, last_change, application })
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
