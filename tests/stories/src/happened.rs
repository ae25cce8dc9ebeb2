//! All that happened, as text.

use crate::story::{Failure, Story};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

/// The functions, in the order of the path.
const FUNCTIONS: [&str; 6] =
    ["on_image_push", "promote_image", "on_commit", "on_deployment_change", "roll_back", "reconcile"];

/// What is told where nothing happened.
const NOTHING: &str = "nothing\n";

/// What was told already.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    journal: u64,
    tip: Option<String>,
    lines: BTreeSet<String>,
    records: BTreeMap<&'static str, usize>,
    notifications: usize,
}

impl Story {
    /// Forgets what happened until now.
    ///
    /// # Errors
    /// What AWS says.
    pub fn forget(&mut self) -> Result<(), Failure> {
        self.happened().map(drop)
    }

    /// What happened since the last time, by section; a section in which nothing happened is left out.
    ///
    /// # Errors
    /// What AWS says.
    pub fn happened(&mut self) -> Result<String, Failure> {
        let commits = self.commits()?;
        let sections = [
            ("commits", commits.shown),
            ("executions", self.executions()?),
            ("runs", self.running()?),
            ("evidence", self.evidence()?),
            ("comments", self.comments(&commits.ids)?),
            ("notified", self.notifications()?),
            ("records", self.records()?),
            ("calls", self.calls()),
        ];
        let mut text = String::new();
        for (title, lines) in sections.iter().filter(|(_, lines)| !lines.is_empty()) {
            let _ = writeln!(text, "{title}");
            for line in lines {
                let _ = writeln!(text, "  {}", line.replace('\n', "\n    "));
            }
        }
        Ok(self.names.put_into(&without(&text, &[])))
    }

    /// What came of it since the last time: [`Story::happened`] without calls and records.
    ///
    /// # Errors
    /// What AWS says.
    pub fn outcome(&mut self) -> Result<String, Failure> {
        Ok(without(&self.happened()?, &["records", "calls"]))
    }

    /// What came of it and was recorded since the last time: [`Story::happened`] without calls.
    ///
    /// # Errors
    /// What AWS says.
    pub fn told(&mut self) -> Result<String, Failure> {
        Ok(without(&self.happened()?, &["calls"]))
    }

    /// [`Story::outcome`] of every account in which anything came of it, in the order of the chain.
    ///
    /// # Errors
    /// What AWS says.
    pub fn outcomes(&mut self) -> Result<String, Failure> {
        let here = self.here.place.environment.clone();
        let places = self.accounts().map(|account| &account.place);
        let mut order: Vec<(String, String)> =
            places.map(|place| (place.id.clone(), place.environment.clone())).collect();
        order.sort();
        let mut text = String::new();
        for (_, environment) in order {
            let outcome = self.at(&environment)?.outcome()?;
            if outcome != NOTHING {
                let _ = writeln!(text, "{environment}\n  {}", outcome.trim_end().replace('\n', "\n  "));
            }
        }
        self.at(&here)?;
        Ok(if text.is_empty() { NOTHING.to_owned() } else { text })
    }

    /// A file at the tip, with names in it; `none` when it is not there.
    ///
    /// # Errors
    /// What git says.
    pub fn file(&mut self, path: &str) -> Result<String, Failure> {
        let text = self.file_as_it_is(path)?;
        Ok(self.names.put_into(&text))
    }

    /// A file at the tip; `none` when it is not there.
    ///
    /// # Errors
    /// What git says.
    pub fn file_as_it_is(&mut self, path: &str) -> Result<String, Failure> {
        self.here.git.update()?;
        let content = self.here.git.read(path)?;
        Ok(content.map_or_else(|| "none\n".to_owned(), |bytes| String::from_utf8_lossy(&bytes).into_owned()))
    }

    fn is_new(&mut self, line: &str) -> bool {
        self.here.seen.lines.insert(line.to_owned())
    }

    fn commits(&mut self) -> Result<Commits, Failure> {
        if self.here.git.run(&["ls-remote", "--heads", "origin", "main"])?.is_empty() {
            return Ok(Commits::default());
        }
        let tip = self.here.git.update()?;
        let range = self.here.seen.tip.as_ref().map_or_else(|| tip.clone(), |seen| format!("{seen}..{tip}"));
        let log = self.here.git.run(&["log", "--reverse", "--format=%H%x09%an: %s", &range])?;
        self.here.seen.tip = Some(tip);
        let mut commits = Commits::default();
        for (id, subject) in log.lines().filter_map(|line| line.split_once('\t')) {
            let shown = ["diff-tree", "--root", "--no-commit-id", "--name-status", "-r", id];
            let files = self.here.git.run(&shown)?;
            commits.ids.push(id.to_owned());
            commits.shown.push(format!("{id} {subject}\n{}", files.trim_end().replace('\t', " ")));
        }
        Ok(commits)
    }

    fn executions(&mut self) -> Result<Vec<String>, Failure> {
        let pipelines = self.aws.call("codepipeline", "ListPipelines", &json!({}))?;
        let mut lines = Vec::new();
        for pipeline in texts(&pipelines, "/pipelines", "/name") {
            let asked = json!({ "pipelineName": pipeline });
            let answer = self.aws.call("codepipeline", "ListPipelineExecutions", &asked)?;
            let summaries = list(&answer, "/pipelineExecutionSummaries");
            for summary in summaries.iter().rev() {
                let (id, status) = (text(summary, "/pipelineExecutionId"), text(summary, "/status"));
                let commit = text(summary, "/sourceRevisions/0/revisionId");
                if self.is_new(&format!("execution {id} {status}")) {
                    lines.push(format!("{pipeline} {status} at {commit}"));
                }
            }
        }
        Ok(lines)
    }

    fn running(&mut self) -> Result<Vec<String>, Failure> {
        let listed = self.aws.call("ecs", "ListServices", &json!({ "cluster": "cluster1" }))?;
        let mut lines = Vec::new();
        let arns = list(&listed, "/serviceArns");
        for arn in arns.iter().filter_map(Value::as_str) {
            let asked = json!({ "cluster": "cluster1", "services": [arn] });
            let found = self.aws.call("ecs", "DescribeServices", &asked)?;
            let name = text(&found, "/services/0/serviceName");
            let revisions = texts(&found, "/services/0/currentServiceRevisions", "/arn");
            let mut images = Vec::new();
            if !revisions.is_empty() {
                let asked = json!({ "serviceRevisionArns": revisions });
                let answer = self.aws.call("ecs", "DescribeServiceRevisions", &asked)?;
                for revision in list(&answer, "/serviceRevisions") {
                    for container in list(&revision, "/containerImages") {
                        let image = text(&container, "/image");
                        images.push(image.rsplit('/').next().unwrap_or_default().to_owned());
                    }
                }
            }
            let line = format!("cluster1/{name} {}", images.join(" and "));
            if self.here.seen.lines.replace(format!("runs {line}")).is_none() {
                self.here.seen.lines.retain(|seen| {
                    !seen.starts_with(&format!("runs cluster1/{name} ")) || *seen == format!("runs {line}")
                });
                lines.push(line);
            }
        }
        Ok(lines)
    }

    fn evidence(&mut self) -> Result<Vec<String>, Failure> {
        let repositories = self.aws.call("ecr", "DescribeRepositories", &json!({}))?;
        let mut lines = Vec::new();
        for repository in texts(&repositories, "/repositories", "/repositoryName") {
            let asked = json!({ "repositoryName": repository, "filter": { "tagStatus": "TAGGED" } });
            let images = self.aws.call("ecr", "ListImages", &asked)?;
            let digests: BTreeSet<String> = texts(&images, "/imageIds", "/imageDigest").into_iter().collect();
            for digest in digests {
                let asked = json!({ "repositoryName": repository, "subjectId": { "imageDigest": digest } });
                let answer = self.aws.call("ecr", "ListImageReferrers", &asked)?;
                for referrer in list(&answer, "/referrers") {
                    if !self.is_new(&format!("evidence {}", text(&referrer, "/digest"))) {
                        continue;
                    }
                    let annotations = referrer.get("annotations").and_then(Value::as_object);
                    let said: BTreeMap<&str, &str> = annotations
                        .into_iter()
                        .flatten()
                        .map(|(name, value)| {
                            let name = name.rsplit(['.', '/']).next().unwrap_or_default();
                            (name, value.as_str().unwrap_or_default())
                        })
                        .collect();
                    // Commits have other ids in each run.
                    let place =
                        ["account", "kind", "created"].map(|name| said.get(name).map(ToString::to_string));
                    let said = said.iter().filter(|(name, _)| **name != "created");
                    let said: Vec<String> = said.map(|(name, value)| format!("{name}={value}")).collect();
                    lines.push((digest.clone(), place, format!("{digest} {}", said.join(" "))));
                }
            }
        }
        lines.sort();
        Ok(lines.into_iter().map(|(_, _, line)| line).collect())
    }

    /// The comments on the commits of this time and on earlier ones of which any was told.
    fn comments(&mut self, ids: &[String]) -> Result<Vec<String>, Failure> {
        for id in ids {
            self.here.seen.lines.insert(format!("commit {id}"));
        }
        let log = match &self.here.seen.tip {
            Some(tip) => self.here.git.run(&["log", "--reverse", "--format=%H %P", tip])?,
            None => return Ok(Vec::new()),
        };
        let mut lines = Vec::new();
        for line in log.lines() {
            let mut ids = line.split(' ');
            let (id, parent) = (ids.next().unwrap_or(line), ids.next().unwrap_or_default());
            let mut asked = json!({ "repositoryName": "deployment", "afterCommitId": id });
            if let (false, Some(members)) = (parent.is_empty(), asked.as_object_mut()) {
                members.insert("beforeCommitId".to_owned(), json!(parent));
            }
            let answer = self.aws.call("codecommit", "GetCommentsForComparedCommit", &asked)?;
            for data in list(&answer, "/commentsForComparedCommitData") {
                for comment in list(&data, "/comments") {
                    if self.is_new(&format!("comment {}", text(&comment, "/commentId"))) {
                        lines.push(format!("{id} {}", text(&comment, "/content").trim_end()));
                    }
                }
            }
        }
        Ok(lines)
    }

    fn notifications(&mut self) -> Result<Vec<String>, Failure> {
        let account = self.here.place.id.parse::<local_aws::AccountId>()?;
        let messages = self.world(|world| {
            let topics = world.account(&account).map(|account| account.sns.topics.values()).into_iter();
            topics.flatten().flat_map(|topic| topic.messages.clone()).collect::<Vec<String>>()
        });
        let shown = |message: &String| {
            let event: Value = serde_json::from_str(message).unwrap_or_default();
            event.get("detail").map_or_else(|| message.clone(), |detail| format!("{detail:#}"))
        };
        let new = messages.iter().skip(self.here.seen.notifications).map(shown).collect();
        self.here.seen.notifications = messages.len();
        Ok(new)
    }

    /// The functions' own records, without what the other sections show.
    fn records(&mut self) -> Result<Vec<String>, Failure> {
        let mut lines = Vec::new();
        for function in self.functions() {
            let asked = json!({ "logGroupName": format!("/aws/lambda/towpath-{function}") });
            let mut messages = Vec::new();
            let mut token = None;
            loop {
                let mut asked = asked.clone();
                if let (Some(token), Some(members)) = (token.take(), asked.as_object_mut()) {
                    members.insert("nextToken".to_owned(), Value::String(token));
                }
                let answer = self.aws.call("logs", "FilterLogEvents", &asked)?;
                messages.extend(texts(&answer, "/events", "/message"));
                token = answer.get("nextToken").and_then(Value::as_str).map(str::to_owned);
                if token.is_none() {
                    break;
                }
            }
            let told = self.here.seen.records.insert(function, messages.len()).unwrap_or_default();
            lines.extend(messages.iter().skip(told).filter_map(|message| record(function, message)));
        }
        Ok(counted(&lines))
    }

    /// The functions that are here.
    fn functions(&self) -> impl Iterator<Item = &'static str> + use<> {
        let (is_installed, has_upstream) = (self.here.is_installed, self.here.has_upstream());
        let is_here = move |function: &&str| is_installed && (has_upstream || *function != "promote_image");
        FUNCTIONS.into_iter().filter(is_here)
    }

    fn calls(&mut self) -> Vec<String> {
        let (after, account) = (self.here.seen.journal, self.here.place.id.clone());
        let mut counts: BTreeMap<(String, String), usize> = BTreeMap::new();
        let last = self.world(|world| {
            for entry in world.journal.after(after).filter(|entry| entry.account == account) {
                let answer =
                    if entry.answer == "ok" { String::new() } else { format!(" ({})", entry.answer) };
                let call = format!("{} {}{answer}", entry.service, entry.operation);
                *counts.entry((entry.caller.clone(), call)).or_default() += 1;
            }
            world.journal.last_number()
        });
        self.here.seen.journal = last;
        let mut lines = Vec::new();
        for function in FUNCTIONS {
            let name = format!("towpath-{function}");
            let own = counts.iter().filter(|((caller, _), _)| *caller == name);
            let total: usize = own.clone().map(|(_, count)| count).sum();
            if total > 0 {
                let calls = own.map(|((_, call), count)| format!("{count} {call}"));
                lines.push(format!("{function}: {total}\n{}", calls.collect::<Vec<_>>().join("\n")));
            }
        }
        lines
    }
}

/// The text without these sections.
fn without(happened: &str, sections: &[&str]) -> String {
    let mut rest = String::new();
    let mut is_shown = true;
    for line in happened.lines() {
        if !line.starts_with(' ') {
            is_shown = !sections.contains(&line);
        }
        if is_shown && !line.trim().is_empty() {
            rest.push_str(line);
            rest.push('\n');
        }
    }
    if rest.is_empty() { NOTHING.to_owned() } else { rest }
}

#[derive(Default)]
struct Commits {
    ids: Vec<String>,
    shown: Vec<String>,
}

/// A line of a function's log: a decision or a failure in short, anything unexpected whole.
fn record(function: &str, message: &str) -> Option<String> {
    let lambdas_own = ["START ", "END ", "REPORT ", "INIT_START "];
    if lambdas_own.iter().any(|beginning| message.starts_with(beginning)) {
        return None;
    }
    let Ok(record) = serde_json::from_str::<Value>(message) else {
        return Some(format!("{function}: {message}"));
    };
    let about = text(&record, "/service");
    let about = if about.is_empty() { "-".to_owned() } else { about };
    match text(&record, "/towpath").as_str() {
        "decision" => {
            let refusal = text(&record, "/refusal");
            let refusal = if refusal.is_empty() { refusal } else { format!(" ({refusal})") };
            let mut line = format!(
                "{function}: {about} {}{refusal}: {}",
                text(&record, "/decision"),
                text(&record, "/because")
            );
            for step in list(&record, "/plan") {
                let _ = write!(line, "\n- {}", step.as_str().unwrap_or_default());
            }
            Some(line)
        }
        "copy" => Some(copied(function, &record)),
        // How often a copy tells how far it is depends on the machine: see `Story::progress`.
        "progress" => None,
        "failure" => Some(format!("{function}: failed: {}", text(&record, "/error"))),
        _ if record.get("_aws").is_some() => None,
        _ => Some(format!("{function}: {message}")),
    }
}

/// What a copy did.
fn copied(function: &str, record: &Value) -> String {
    let number = |member: &str| record.get(member).and_then(Value::as_u64).unwrap_or_default();
    let mut line = format!(
        "{function}: copied {}@{}: {} layers ({} bytes), {} were here, {} manifests, {} of them speak of it",
        text(record, "/repository"),
        text(record, "/digest"),
        number("layers"),
        number("bytes"),
        number("layersHere"),
        number("manifests"),
        number("referrers")
    );
    for (title, member) in [("left out", "/leftOut"), ("kept", "/keptTags")] {
        for one in list(record, member) {
            let _ = write!(line, "\n- {title}: {}", one.as_str().unwrap_or_default());
        }
    }
    line
}

/// Equal lines once, with their number.
fn counted(lines: &[String]) -> Vec<String> {
    let mut counted: Vec<(&String, usize)> = Vec::new();
    for line in lines {
        match counted.iter_mut().find(|(known, _)| *known == line) {
            Some((_, count)) => *count += 1,
            None => counted.push((line, 1)),
        }
    }
    let shown = counted.into_iter().map(|(line, count)| match count {
        1 => line.clone(),
        count => format!("{count} × {line}"),
    });
    shown.collect()
}

fn text(value: &Value, pointer: &str) -> String {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn list(value: &Value, pointer: &str) -> Vec<Value> {
    value.pointer(pointer).and_then(Value::as_array).cloned().unwrap_or_default()
}

fn texts(value: &Value, pointer: &str, member: &str) -> Vec<String> {
    list(value, pointer).iter().map(|item| text(item, member)).collect()
}
