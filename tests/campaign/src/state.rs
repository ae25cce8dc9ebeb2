//! What is there in the end, as text that two runs of one flow can be compared by: without the ids and times that no two
//! runs share.

use crate::accounts::Account;
use crate::approvals::annotation;
use crate::observe::text;
use crate::{Accounts, Environment, Failure, StagedService};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use local_aws::services::Service;
use serde_json::{Value, json};
use std::fmt::Write as _;

impl Accounts {
    /// The content of the deployment repository, the starts of pipelines, what runs, evidence, and what was told at
    /// commits.
    ///
    /// # Errors
    /// What AWS says.
    pub fn state(&self) -> Result<String, Failure> {
        let states = Environment::ALL.into_iter().map(|environment| self.of(environment).state());
        states.collect()
    }
}

impl Account<'_> {
    fn state(&self) -> Result<String, Failure> {
        let mut state = format!("{}\n", self.environment.name());
        let (files, commits) = (self.files()?, self.commits()?);
        writeln!(state, "commits")?;
        for (_, subject, told) in &commits {
            writeln!(state, "  {subject}")?;
            for line in told {
                writeln!(state, "    told: {line}")?;
            }
        }
        writeln!(state, "files\n{files}")?;
        for service in self.environment.services() {
            writeln!(state, "{}", service.id())?;
            for start in self.starts(*service, &commits)? {
                writeln!(state, "  {start}")?;
            }
            writeln!(state, "  runs {}", self.images(*service)?)?;
            for container in service.containers {
                for line in self.evidence(container)? {
                    writeln!(state, "  {container} {line}")?;
                }
            }
        }
        Ok(state)
    }

    fn files(&self) -> Result<String, Failure> {
        let mut shown = String::new();
        let mut paths = vec!["delivery.yaml".to_owned(), crate::stage::NOTES.to_owned()];
        for service in self.environment.services() {
            paths.extend(["revision.json", "hold.json"].map(|file| format!("{}/{file}", service.id())));
        }
        for path in paths {
            let asked = json!({ "repositoryName": "deployment", "filePath": path });
            let Ok(file) = self.call(Service::CodeCommit, "GetFile", asked) else { continue };
            let content = STANDARD.decode(text(&file, "/fileContent"))?;
            let content = String::from_utf8_lossy(&content);
            // When something was held or put into quarantine differs from run to run.
            let lines = content.lines().filter(|line| !line.trim_start().starts_with("\"at\""));
            writeln!(shown, "  {path}: {}", lines.map(str::trim).collect::<Vec<_>>().join(" "))?;
        }
        Ok(shown)
    }

    /// The commits, oldest first: id, subject, and what was told there.
    fn commits(&self) -> Result<Vec<(String, String, Vec<String>)>, Failure> {
        let asked = json!({ "repositoryName": "deployment", "branchName": "main" });
        let mut id = text(&self.call(Service::CodeCommit, "GetBranch", asked)?, "/branch/commitId");
        let mut commits = Vec::new();
        while !id.is_empty() {
            let asked = json!({ "repositoryName": "deployment", "commitId": id });
            let answer = self.call(Service::CodeCommit, "GetCommit", asked)?;
            let parent = text(&answer, "/commit/parents/0");
            let subject = text(&answer, "/commit/message").lines().next().unwrap_or_default().to_owned();
            let told = self.told(&id, &parent)?;
            commits.push((id, without_ids(&subject), told));
            id = parent;
        }
        commits.reverse();
        Ok(commits)
    }

    fn told(&self, id: &str, parent: &str) -> Result<Vec<String>, Failure> {
        let mut asked = json!({ "repositoryName": "deployment", "afterCommitId": id });
        if let (false, Some(members)) = (parent.is_empty(), asked.as_object_mut()) {
            members.insert("beforeCommitId".to_owned(), json!(parent));
        }
        let answer = self.call(Service::CodeCommit, "GetCommentsForComparedCommit", asked)?;
        let mut told = Vec::new();
        for data in
            answer.get("commentsForComparedCommitData").and_then(Value::as_array).into_iter().flatten()
        {
            for comment in data.get("comments").and_then(Value::as_array).into_iter().flatten() {
                told.push(text(comment, "/content").lines().next().unwrap_or_default().to_owned());
            }
        }
        told.sort();
        Ok(told)
    }

    fn starts(
        &self,
        service: StagedService,
        commits: &[(String, String, Vec<String>)],
    ) -> Result<Vec<String>, Failure> {
        let asked = json!({ "pipelineName": service.pipeline() });
        let answer = self.call(Service::CodePipeline, "ListPipelineExecutions", asked)?;
        let summaries = answer.get("pipelineExecutionSummaries").and_then(Value::as_array);
        let starts = summaries.into_iter().flatten().rev().map(|execution| {
            let commit = text(execution, "/sourceRevisions/0/revisionId");
            let subject =
                commits.iter().find(|(id, ..)| *id == commit).map(|(_, subject, _)| subject.as_str());
            format!("{} at {}", text(execution, "/status"), subject.unwrap_or("another commit"))
        });
        Ok(starts.collect())
    }

    fn images(&self, service: StagedService) -> Result<String, Failure> {
        let asked = json!({ "cluster": "cluster1", "services": [service.name] });
        let found = self.call(Service::Ecs, "DescribeServices", asked)?;
        let revisions = found.pointer("/services/0/currentServiceRevisions").and_then(Value::as_array);
        let arns: Vec<String> =
            revisions.into_iter().flatten().map(|revision| text(revision, "/arn")).collect();
        let asked = json!({ "serviceRevisionArns": arns });
        let answer = self.call(Service::Ecs, "DescribeServiceRevisions", asked)?;
        let mut images = Vec::new();
        for revision in answer.get("serviceRevisions").and_then(Value::as_array).into_iter().flatten() {
            for image in revision.get("containerImages").and_then(Value::as_array).into_iter().flatten() {
                images.push(text(image, "/image").rsplit('/').next().unwrap_or_default().to_owned());
            }
        }
        images.sort();
        Ok(images.join(" and "))
    }

    fn evidence(&self, repository: &str) -> Result<Vec<String>, Failure> {
        let asked = json!({ "repositoryName": repository, "filter": { "tagStatus": "TAGGED" } });
        let listed = self.call(Service::Ecr, "ListImages", asked)?;
        let mut lines = Vec::new();
        for image in listed.get("imageIds").and_then(Value::as_array).into_iter().flatten() {
            let subject = json!({ "imageDigest": text(image, "/imageDigest") });
            let asked = json!({ "repositoryName": repository, "subjectId": subject });
            let answer = self.call(Service::Ecr, "ListImageReferrers", asked)?;
            for referrer in answer.get("referrers").and_then(Value::as_array).into_iter().flatten() {
                let (account, kind) = (annotation(referrer, "account"), annotation(referrer, "kind"));
                lines.push(format!("{} {kind} in {account}", text(image, "/imageTag")));
            }
        }
        lines.sort();
        Ok(lines)
    }
}

/// A subject without the commit that it names.
fn without_ids(subject: &str) -> String {
    let is_id = |word: &&str| word.len() >= 7 && word.bytes().all(|byte| byte.is_ascii_hexdigit());
    let words = subject.split(' ').map(|word| if is_id(&word) { "…" } else { word });
    words.collect::<Vec<_>>().join(" ")
}
