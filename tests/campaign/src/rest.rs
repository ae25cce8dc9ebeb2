//! The invariants that hold when everything has come to rest.

use crate::commits::HoldState;
use crate::model::{Author, Model};
use crate::observe::{Snapshot, digests, text};
use crate::stage::{SERVICES, StagedService};
use crate::violation::{Broken, Violation};
use crate::{Accounts, Failure};
use local_aws::services::Service;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Everything that is looked at.
pub(crate) struct Rest<'a> {
    pub(crate) accounts: &'a Accounts,
    pub(crate) model: &'a Model,
    pub(crate) git: &'a Snapshot,
}

fn broken(invariant: u8, what: String) -> Result<(), Broken> {
    Err(Violation { invariant, what }.into())
}

impl Rest<'_> {
    /// Checks all of them.
    pub(crate) fn check(&self) -> Result<(), Broken> {
        for (path, content) in &self.model.files {
            let found = self.git.files.get(path).map(|file| file.text.as_str());
            if found != Some(content.as_str()) {
                return broken(9, format!("{path} is {found:?}, and people wrote {content:?}"));
            }
        }
        self.images_are_there()?;
        for service in SERVICES {
            self.selection(service)?;
            self.starts(service)?;
            self.runs(service)?;
        }
        Ok(())
    }

    /// Every tag that somebody pushed is where it was.
    fn images_are_there(&self) -> Result<(), Broken> {
        let repositories: BTreeSet<&str> =
            self.model.pushed.iter().map(|image| image.repository.as_str()).collect();
        for repository in repositories {
            let mut tags = BTreeMap::new();
            let mut next = Value::Null;
            loop {
                let mut asked = json!({ "repositoryName": repository });
                if let (Value::String(token), Some(members)) = (&next, asked.as_object_mut()) {
                    members.insert("nextToken".to_owned(), json!(token));
                }
                let answer = self.accounts.call(Service::Ecr, "ListImages", asked)?;
                for image in answer.get("imageIds").and_then(Value::as_array).into_iter().flatten() {
                    tags.insert(text(image, "/imageTag"), text(image, "/imageDigest"));
                }
                next = answer.get("nextToken").cloned().unwrap_or_default();
                if next.is_null() {
                    break;
                }
            }
            for image in self.model.pushed.iter().filter(|image| image.repository == repository) {
                if tags.get(&image.tag) != Some(&image.digest) {
                    return broken(10, format!("the tag {repository}:{} is gone or moved", image.tag));
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
        let state =
            HoldState::at(&hold, revision.map(|file| file.blob.as_str()), self.model, self.accounts.now());
        if state == HoldState::Counts {
            return Ok(());
        }
        let Some(selected) = self.selected(service) else { return Ok(()) };
        let current = revision.map(|file| digests(&file.text)).unwrap_or_default();
        let differing: Vec<&String> = selected
            .iter()
            .filter(|(name, digest)| current.get(*name) != Some(*digest))
            .map(|(_, d)| d)
            .collect();
        if differing.is_empty() {
            return Ok(());
        }
        if revision.is_some()
            && self.git.changed_by.get(&id) == Some(&Author::Person)
            && state != HoldState::Lifted
        {
            return broken(3, format!("a person put {id}'s revision there, and no hold says so"));
        }
        let blocked = selected.iter().any(|(name, digest)| self.git.quarantine(&id, name).contains(digest));
        if blocked {
            return Ok(());
        }
        broken(1, format!("the rules select {selected:?} for {id}, and git says {current:?}"))
    }

    /// What the rules select for a service: none if nothing can be selected for a whole.
    fn selected(&self, service: StagedService) -> Option<BTreeMap<String, String>> {
        let image = |container: &&str| match service.application {
            None => self.model.first(container),
            Some(_) => self.model.build(container, self.model.application_tip()?),
        };
        let pairs = service
            .containers
            .iter()
            .map(|container| Some(((*container).to_owned(), image(container)?.digest.clone())));
        pairs.collect()
    }

    /// One start for one commit.
    fn starts(&self, service: StagedService) -> Result<(), Broken> {
        if self.accounts.local.lock().settings.unconfirmed.start_token_is_forgotten {
            return Ok(());
        }
        let mut seen = BTreeSet::new();
        for execution in self.executions(service)? {
            if text(&execution, "/trigger/triggerType") != "StartPipelineExecution" {
                continue;
            }
            let commit = text(&execution, "/sourceRevisions/0/revisionId");
            if !commit.is_empty() && !seen.insert(commit.clone()) {
                return broken(6, format!("{} was started twice at commit {commit}", service.pipeline()));
            }
        }
        Ok(())
    }

    fn executions(&self, service: StagedService) -> Result<Vec<Value>, Failure> {
        let asked = json!({ "pipelineName": service.pipeline(), "maxResults": 100 });
        let answer = self.accounts.call(Service::CodePipeline, "ListPipelineExecutions", asked)?;
        Ok(answer.get("pipelineExecutionSummaries").and_then(Value::as_array).cloned().unwrap_or_default())
    }

    /// What git says runs, if it can run; and that it went well is told beside its images.
    fn runs(&self, service: StagedService) -> Result<(), Broken> {
        let id = service.id();
        let Some(file) = self.git.revision(&id) else { return Ok(()) };
        let wanted = digests(&file.text);
        if let Some((container, digest)) = wanted.iter().find(|(_, digest)| !self.model.is_good(digest)) {
            return self.is_bad(service, container, digest);
        }
        let running = self.running(service)?;
        if running != wanted {
            return broken(6, format!("git says {wanted:?} for {id}, and {running:?} runs"));
        }
        for (container, digest) in &wanted {
            let said = self.evidence(container, digest, &id)?;
            if said.is_empty() {
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
        if !self.git.quarantine(&id, container).contains(&digest.to_owned()) {
            return broken(5, format!("{id} failed with {digest}, and it is not in quarantine"));
        }
        let blob = self.git.revision(&id).map(|file| file.blob.as_str());
        let state = HoldState::at(&self.git.hold(&id), blob, self.model, self.accounts.now());
        if state == HoldState::Counts || service.holds_on_failure() {
            return Ok(());
        }
        for content in self.git.contents.get(&id).into_iter().flatten() {
            let earlier = digests(content);
            let mut is_healthy = !earlier.is_empty();
            for (container, digest) in &earlier {
                let said = self.evidence(container, digest, &id)?;
                is_healthy &= said.last().is_some_and(|kind| kind == "verified")
                    && !self.git.quarantine(&id, container).contains(digest);
            }
            if is_healthy {
                return broken(5, format!("{id} stays at the bad {digest}, and {earlier:?} was healthy"));
            }
        }
        Ok(())
    }

    /// The digests of the images that a service runs.
    fn running(&self, service: StagedService) -> Result<BTreeMap<String, String>, Failure> {
        let asked = json!({ "cluster": "cluster1", "services": [service.name] });
        let found = self.accounts.call(Service::Ecs, "DescribeServices", asked)?;
        let current = found.pointer("/services/0/currentServiceRevisions").and_then(Value::as_array);
        let arns: Vec<String> =
            current.into_iter().flatten().map(|revision| text(revision, "/arn")).collect();
        if arns.is_empty() {
            return Ok(BTreeMap::new());
        }
        let asked = json!({ "serviceRevisionArns": arns });
        let answer = self.accounts.call(Service::Ecs, "DescribeServiceRevisions", asked)?;
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

    /// What the evidence says of an image for a service, oldest first.
    fn evidence(&self, repository: &str, digest: &str, service: &str) -> Result<Vec<String>, Failure> {
        let asked = json!({ "repositoryName": repository, "subjectId": { "imageDigest": digest } });
        let answer = self.accounts.call(Service::Ecr, "ListImageReferrers", asked)?;
        let mut said = Vec::new();
        for referrer in answer.get("referrers").and_then(Value::as_array).into_iter().flatten() {
            let annotations = referrer.get("annotations").and_then(Value::as_object);
            let find = |name: &str| {
                let mut own = annotations.into_iter().flatten().filter(|(key, _)| key.ends_with(name));
                own.find_map(|(_, value)| value.as_str().map(str::to_owned)).unwrap_or_default()
            };
            if find("service") == service {
                said.push((find("created"), find("kind")));
            }
        }
        said.sort();
        Ok(said.into_iter().map(|(_, kind)| kind).collect())
    }
}
