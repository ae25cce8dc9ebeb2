//! The invariants that hold when everything has come to rest.

use crate::accounts::Account;
use crate::approvals::{Entering, said};
use crate::commits::HoldState;
use crate::model::{Author, Pushed, Span, View};
use crate::observe::{Snapshot, digests, text};
use crate::violation::{Broken, Violation};
use crate::{Environment, Failure, StagedService};
use chrono::{DateTime, Utc};
use local_aws::services::Service;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Everything that is looked at.
pub(crate) struct Rest<'a> {
    pub(crate) account: Account<'a>,
    pub(crate) view: View<'a>,
    pub(crate) git: &'a Snapshot,
}

fn broken(invariant: u8, what: String) -> Result<(), Broken> {
    Err(Violation { invariant, what }.into())
}

impl Rest<'_> {
    /// Checks all of them.
    pub(crate) fn check(&self) -> Result<(), Broken> {
        for (path, content) in &self.view.deeds.files {
            let found = self.git.files.get(path).map(|file| file.text.as_str());
            if found != Some(content.as_str()) {
                return broken(9, format!("{path} is {found:?}, and people wrote {content:?}"));
            }
        }
        self.images_are_there()?;
        for service in self.account.environment.services() {
            self.selection(*service)?;
            self.starts(*service)?;
            self.runs(*service)?;
        }
        Ok(())
    }

    fn now(&self) -> DateTime<Utc> {
        self.account.accounts.now()
    }

    /// Every tag that somebody pushed is where it was; and in an environment with an upstream, every other names what it
    /// names there.
    fn images_are_there(&self) -> Result<(), Broken> {
        let View { model, environment, deeds } = self.view;
        let own = if environment == Environment::Dev { &model.pushed } else { &deeds.aside };
        for repository in environment.services().iter().flat_map(|service| service.containers) {
            let tags = self.account.tags(repository)?;
            let mut pushed = own.iter().filter(|image| image.repository == *repository);
            if let Some(image) = pushed.find(|image| tags.get(&image.tag) != Some(&image.digest)) {
                return broken(10, format!("the tag {repository}:{} is gone or moved", image.tag));
            }
            for (tag, digest) in tags {
                let names_it = |image: &Pushed| {
                    image.repository == *repository && image.tag == tag && image.digest == digest
                };
                let is_known = tag == "placeholder"
                    || own.iter().any(names_it)
                    || environment == Environment::Dev && tag.starts_with("approved-")
                    || environment != Environment::Dev && model.pushed.iter().any(names_it);
                if !is_known {
                    let number = if environment == Environment::Dev { 11 } else { 4 };
                    return broken(number, format!("nobody pushed {repository}:{tag} as {digest}"));
                }
            }
        }
        Ok(())
    }

    /// Git says what the rules select, or why not.
    fn selection(&self, service: StagedService) -> Result<(), Broken> {
        let id = service.id();
        if !service.has_rules() {
            return Ok(());
        }
        let revision = self.git.revision(&id);
        let hold = self.git.hold(&id);
        let state = HoldState::at(&hold, revision.map(|file| file.blob.as_str()), self.view, self.now());
        if state == HoldState::Counts {
            return Ok(());
        }
        let Some(selected) = self.selected(service)? else { return Ok(()) };
        let current = revision.map(|file| digests(&file.text)).unwrap_or_default();
        let differing: Vec<(&String, &String)> =
            selected.iter().filter(|(name, digest)| current.get(*name) != Some(*digest)).collect();
        if differing.is_empty() {
            return Ok(());
        }
        let is_by_person = self.git.changed_by.get(&id) == Some(&Author::Person);
        // What a person took away stays away.
        if revision.is_none() && is_by_person {
            return Ok(());
        }
        if is_by_person && state != HoldState::Lifted {
            return broken(3, format!("a person put {id}'s revision there, and no hold says so"));
        }
        let is_quarantined = selected.iter().any(|(name, it)| self.git.quarantine(&id, name).contains(it));
        let is_blocked =
            differing.iter().any(|(name, digest)| self.is_blocked(&id, name, digest, current.get(*name)));
        if is_quarantined || is_blocked {
            return Ok(());
        }
        broken(1, format!("the rules select {selected:?} for {id}, and git says {current:?}"))
    }

    /// Whether an image may not take its place: not later than what is there or than what is in quarantine, or its tag is
    /// another image's here.
    fn is_blocked(&self, service: &str, container: &str, digest: &String, current: Option<&String>) -> bool {
        let View { model, deeds, .. } = self.view;
        let place = |digest: &String| model.place(container, digest);
        let is_not_later = |other: &String| match (place(digest), place(other)) {
            (Some(place), Some(other)) => place <= other,
            _ => digest == other,
        };
        let tag = model.image(container, digest).map(|image| image.tag.as_str());
        let takes_its_tag = |aside: &Pushed| aside.repository == container && Some(aside.tag.as_str()) == tag;
        current.is_some_and(is_not_later)
            || self.git.quarantine(service, container).iter().any(is_not_later)
            || deeds.aside.iter().any(takes_its_tag)
    }

    /// What the rules select for a service: none if nothing can be selected for a whole.
    fn selected(&self, service: StagedService) -> Result<Option<BTreeMap<String, String>>, Failure> {
        let mut selected = BTreeMap::new();
        for container in service.containers {
            let Some(image) = self.selected_image(service, container)? else { return Ok(None) };
            selected.insert((*container).to_owned(), image.digest.clone());
        }
        Ok(Some(selected))
    }

    fn selected_image(&self, service: StagedService, repository: &str) -> Result<Option<&Pushed>, Failure> {
        let View { model, environment, deeds } = self.view;
        let mut may_enter = BTreeSet::new();
        for image in model.pushed.iter().filter(|image| image.repository == repository) {
            if environment == Environment::Dev || self.may_enter(service, image)? {
                may_enter.insert(&image.digest);
            }
        }
        let may = |image: &Pushed| may_enter.contains(&image.digest);
        Ok(match service.application {
            None => model.first(repository, may),
            Some(_) => deeds
                .application_tip()
                .and_then(|tip| model.build(repository, tip))
                .filter(|image| may(image)),
        })
    }

    /// Whether an image of upstream may enter now, or entered before under a commit that was pushed again.
    fn may_enter(&self, service: StagedService, image: &Pushed) -> Result<bool, Failure> {
        let Pushed { repository, tag, digest, .. } = image;
        let is_here = self.git.moved.contains(&(repository.clone(), digest.clone()));
        if service.application.is_some() && is_here {
            return Ok(true);
        }
        let entering = Entering { service, repository, tag, digest };
        let span = Span { from: self.now(), until: self.now() };
        let upstream = self.account.accounts.of(Environment::Dev);
        Ok(entering.lacks(upstream, (self.view.model, self.view.environment), span)?.is_none())
    }

    /// One start for one commit, and another only where one for another commit came between.
    fn starts(&self, service: StagedService) -> Result<(), Broken> {
        if self.account.accounts.local.lock().settings.unconfirmed.start_token_is_forgotten {
            return Ok(());
        }
        let mut newer = String::new();
        for execution in self.executions(service)? {
            if !text(&execution, "/trigger/triggerDetail").contains("towpath-on_commit") {
                continue;
            }
            let commit = text(&execution, "/sourceRevisions/0/revisionId");
            if !commit.is_empty() && newer == commit {
                return broken(6, format!("{} was started twice at commit {commit}", service.pipeline()));
            }
            newer = commit;
        }
        Ok(())
    }

    fn executions(&self, service: StagedService) -> Result<Vec<Value>, Failure> {
        let asked = json!({ "pipelineName": service.pipeline(), "maxResults": 100 });
        let answer = self.account.call(Service::CodePipeline, "ListPipelineExecutions", asked)?;
        Ok(answer.get("pipelineExecutionSummaries").and_then(Value::as_array).cloned().unwrap_or_default())
    }

    /// What git says runs, if it can run; and that it went well is told beside its images.
    fn runs(&self, service: StagedService) -> Result<(), Broken> {
        let id = service.id();
        let Some(file) = self.git.revision(&id) else { return Ok(()) };
        let wanted = digests(&file.text);
        if let Some((container, digest)) = wanted.iter().find(|(_, digest)| !self.view.model.is_good(digest))
        {
            return self.is_bad(service, container, digest);
        }
        // What a person started at an earlier commit is left as it is.
        let newest = self.executions(service)?.first().map(|newest| text(newest, "/trigger/triggerDetail"));
        if newest.is_some_and(|by| by.contains(":user/")) {
            return Ok(());
        }
        let running = self.running(service)?;
        if running != wanted {
            return broken(6, format!("git says {wanted:?} for {id}, and {running:?} runs"));
        }
        // The outcome of a deployment that is no longer the newest is told within half an hour, or not at all.
        if !self.newest_went_well(service)? {
            return Ok(());
        }
        for (container, digest) in &wanted {
            if said(self.account, container, digest, &id)?.is_empty() {
                return broken(7, format!("{id} runs {digest}, and no evidence says how it went"));
            }
        }
        Ok(())
    }

    /// A bad image stays in git only where a person put it, or where nothing better is known.
    fn is_bad(&self, service: StagedService, container: &str, digest: &str) -> Result<(), Broken> {
        let id = service.id();
        if self.git.changed_by.get(&id) == Some(&Author::Person) || !service.has_rules() {
            return Ok(());
        }
        if self.git.rolled_back.contains_key(&id) {
            return Ok(());
        }
        let hold = self.git.hold(&id);
        let blob = self.git.revision(&id).map(|file| file.blob.as_str());
        let state = HoldState::at(&hold, blob, self.view, self.now());
        // A person forced the branch to it.
        if state == HoldState::Counts && text(&hold, "/hold/by") == "on_commit" && self.view.deeds.was_forced
        {
            return Ok(());
        }
        if !self.git.quarantine(&id, container).contains(&digest.to_owned()) {
            return broken(5, format!("{id} failed with {digest}, and it is not in quarantine"));
        }
        if state == HoldState::Counts || service.holds_on_failure() {
            return Ok(());
        }
        let failed_at = self.git.quarantined_at(&id, container, digest);
        for content in self.git.contents.get(&id).into_iter().flatten() {
            let earlier = digests(content);
            let mut is_healthy = !earlier.is_empty();
            for (container, digest) in &earlier {
                // What is known to be healthy only since does not count: the failure was answered without it.
                let said = said(self.account, container, digest, &id)?;
                is_healthy &=
                    said.last().is_some_and(|said| said.kind == "verified" && Some(said.at) < failed_at)
                        && !self.git.quarantine(&id, container).contains(digest);
            }
            if is_healthy {
                return broken(5, format!("{id} stays at the bad {digest}, and {earlier:?} was healthy"));
            }
        }
        Ok(())
    }

    /// Whether ECS completed the newest deployment of a service.
    fn newest_went_well(&self, service: StagedService) -> Result<bool, Failure> {
        let asked = json!({ "cluster": "cluster1", "service": service.name });
        let answer = self.account.call(Service::Ecs, "ListServiceDeployments", asked)?;
        Ok(text(&answer, "/serviceDeployments/0/status") == "SUCCESSFUL")
    }

    /// The digests of the images that a service runs.
    fn running(&self, service: StagedService) -> Result<BTreeMap<String, String>, Failure> {
        let asked = json!({ "cluster": "cluster1", "services": [service.name] });
        let found = self.account.call(Service::Ecs, "DescribeServices", asked)?;
        let current = found.pointer("/services/0/currentServiceRevisions").and_then(Value::as_array);
        let arns: Vec<String> =
            current.into_iter().flatten().map(|revision| text(revision, "/arn")).collect();
        if arns.is_empty() {
            return Ok(BTreeMap::new());
        }
        let asked = json!({ "serviceRevisionArns": arns });
        let answer = self.account.call(Service::Ecs, "DescribeServiceRevisions", asked)?;
        let mut running = BTreeMap::new();
        for revision in answer.get("serviceRevisions").and_then(Value::as_array).into_iter().flatten() {
            for image in revision.get("containerImages").and_then(Value::as_array).into_iter().flatten() {
                let uri = text(image, "/image");
                let digest = uri.split_once('@').map(|(_, digest)| digest.to_owned()).unwrap_or(uri);
                running.insert(text(image, "/containerName"), digest);
            }
        }
        Ok(running)
    }
}
