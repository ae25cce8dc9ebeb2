//! What stands in the deployment repository, commit by commit.

use crate::Failure;
use crate::accounts::Account;
use crate::model::{Author, View};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use local_aws::services::Service;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// A file at a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Its blob.
    pub blob: String,
    /// Its content.
    pub text: String,
}

/// The repository at one commit.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    /// Its files.
    pub files: BTreeMap<String, File>,
    /// Who changed a `revision.json` last, by service.
    pub changed_by: BTreeMap<String, Author>,
    /// The services that were rolled back, and that nobody has moved or released since.
    pub rolled_back: BTreeMap<String, String>,
    /// All contents that each service's `revision.json` had.
    pub contents: BTreeMap<String, Vec<String>>,
    /// Each container and digest that Towpath ever moved to, as its trailers say.
    pub moved: BTreeSet<(String, String)>,
}

impl Snapshot {
    /// A service's `revision.json`.
    pub fn revision(&self, service: &str) -> Option<&File> {
        self.files.get(&format!("{service}/revision.json"))
    }

    /// The digest that a service's `revision.json` gives a container.
    pub fn digest(&self, service: &str, container: &str) -> Option<String> {
        digests(&self.revision(service)?.text).remove(container)
    }

    /// A service's `hold.json`.
    pub fn hold(&self, service: &str) -> Value {
        let file = self.files.get(&format!("{service}/hold.json"));
        file.and_then(|file| serde_json::from_str(&file.text).ok()).unwrap_or_default()
    }

    /// When a digest was put into quarantine.
    pub fn quarantined_at(&self, service: &str, container: &str, digest: &str) -> Option<DateTime<Utc>> {
        let hold = self.hold(service);
        let mut entries = hold.get("quarantine").and_then(Value::as_array).into_iter().flatten();
        let is_it =
            |entry: &&Value| text(entry, "/container") == container && text(entry, "/digest") == digest;
        text(entries.find(is_it)?, "/at").parse().ok()
    }

    /// The digests in quarantine for a container.
    pub fn quarantine(&self, service: &str, container: &str) -> Vec<String> {
        let hold = self.hold(service);
        let entries = hold.get("quarantine").and_then(Value::as_array).cloned().unwrap_or_default();
        let own = entries.iter().filter(|entry| text(entry, "/container") == container);
        own.map(|entry| text(entry, "/digest")).collect()
    }
}

/// A commit and what it changed.
#[derive(Debug, Clone)]
pub struct Commit {
    /// Its id.
    pub id: String,
    /// The commit before it.
    pub parent: String,
    /// Its message.
    pub message: String,
    /// Who made it.
    pub author: Author,
    /// The paths that it changed.
    pub paths: Vec<String>,
    /// The repository before it.
    pub before: Snapshot,
    /// The repository at it.
    pub after: Snapshot,
    /// All contents that each service's `revision.json` had before, also at commits that a forced push took away: what ran
    /// and was healthy can be gone back to.
    pub contents: BTreeMap<String, Vec<String>>,
}

impl Commit {
    /// A trailer of a service: the first of this name after `Service: <service>`.
    pub fn trailer(&self, service: &str, name: &str) -> Option<&str> {
        let opening = format!("Service: {service}");
        let mut lines = self.message.lines().skip_while(|line| *line != opening).skip(1);
        lines
            .by_ref()
            .take_while(|line| !line.starts_with("Service: "))
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }

    /// What was decided about a service.
    pub fn decision(&self, service: &str) -> Option<&str> {
        self.trailer(service, "Decision")
    }
}

/// The repository as it was seen so far.
#[derive(Debug, Default)]
pub struct Observed {
    /// Where the branch is.
    pub tip: String,
    snapshots: BTreeMap<String, Snapshot>,
    contents: BTreeMap<String, Vec<String>>,
    /// How many commits were seen.
    pub commits: usize,
}

/// What the branch did since somebody looked.
#[derive(Debug)]
pub enum News {
    /// These commits came on top, oldest first.
    Commits(Vec<Commit>),
    /// The branch is at a commit that does not stem from the one before.
    Moved,
}

impl Observed {
    /// The repository at the tip.
    pub fn now(&self) -> Snapshot {
        self.snapshots.get(&self.tip).cloned().unwrap_or_default()
    }

    /// Looks at the branch.
    ///
    /// # Errors
    /// What CodeCommit says.
    pub fn look(&mut self, account: Account<'_>, view: View<'_>) -> Result<News, Failure> {
        let asked = json!({ "repositoryName": "deployment", "branchName": "main" });
        let answer = account.call(Service::CodeCommit, "GetBranch", asked)?;
        let tip = text(&answer, "/branch/commitId");
        let mut new: Vec<(String, Value)> = Vec::new();
        let mut id = tip.clone();
        while !id.is_empty() && !self.snapshots.contains_key(&id) {
            let asked = json!({ "repositoryName": "deployment", "commitId": id });
            let answer = account.call(Service::CodeCommit, "GetCommit", asked)?;
            let parent = text(&answer, "/commit/parents/0");
            new.push((id, answer));
            id = parent;
        }
        let stems_from_old = id == self.tip;
        let mut commits = Vec::new();
        let mut parent = id;
        for (id, answer) in new.into_iter().rev() {
            let before = self.snapshots.get(&parent).cloned().unwrap_or_default();
            let mut commit = read((account, view), (&id, &parent), &answer, before)?;
            commit.contents.clone_from(&self.contents);
            for service in commit.paths.iter().filter_map(|path| path.strip_suffix("/revision.json")) {
                let text = commit.after.revision(service).map(|file| file.text.clone());
                self.contents.entry(service.to_owned()).or_default().extend(text);
            }
            self.snapshots.insert(id.clone(), commit.after.clone());
            self.commits += 1;
            commits.push(commit);
            parent = id;
        }
        self.tip = tip;
        Ok(if stems_from_old { News::Commits(commits) } else { News::Moved })
    }
}

fn read(
    (account, view): (Account<'_>, View<'_>),
    (id, parent): (&str, &str),
    answer: &Value,
    before: Snapshot,
) -> Result<Commit, Failure> {
    let mut asked = json!({ "repositoryName": "deployment", "afterCommitSpecifier": id });
    if let (false, Some(members)) = (parent.is_empty(), asked.as_object_mut()) {
        members.insert("beforeCommitSpecifier".to_owned(), json!(parent));
    }
    let differences = account.call(Service::CodeCommit, "GetDifferences", asked)?;
    let author = if view.deeds.person_commits.contains(id) { Author::Person } else { Author::Towpath };
    let mut after = before.clone();
    let mut paths = Vec::new();
    for difference in differences.get("differences").and_then(Value::as_array).into_iter().flatten() {
        let (old, new) = (text(difference, "/beforeBlob/path"), text(difference, "/afterBlob/path"));
        if new.is_empty() {
            after.files.remove(&old);
            paths.push(old);
            continue;
        }
        let blob = text(difference, "/afterBlob/blobId");
        let asked = json!({ "repositoryName": "deployment", "blobId": blob });
        let content = text(&account.call(Service::CodeCommit, "GetBlob", asked)?, "/content");
        let content = String::from_utf8_lossy(&STANDARD.decode(content)?).into_owned();
        if let Some(service) = new.strip_suffix("/revision.json") {
            after.contents.entry(service.to_owned()).or_default().push(content.clone());
        }
        after.files.insert(new.clone(), File { blob, text: content });
        paths.push(new);
    }
    for service in paths.iter().filter_map(|path| path.strip_suffix("/revision.json")) {
        after.changed_by.insert(service.to_owned(), author);
        after.rolled_back.remove(service);
    }
    let message = text(answer, "/commit/message");
    let (id, parent) = (id.to_owned(), parent.to_owned());
    let contents = BTreeMap::new();
    let mut commit = Commit { id, parent, message, author, paths, before, after, contents };
    let services: Vec<String> = commit.after.changed_by.keys().cloned().collect();
    for service in services {
        match commit.decision(&service) {
            Some("rolled_back") => {
                let tip = view.deeds.application_tip().unwrap_or_default().to_owned();
                commit.after.rolled_back.insert(service, tip);
            }
            Some("released") => {
                commit.after.rolled_back.remove(&service);
            }
            Some("moved") if author == Author::Towpath => {
                let text = commit.after.revision(&service).map(|file| file.text.clone()).unwrap_or_default();
                commit.after.moved.extend(digests(&text));
            }
            _ => {}
        }
    }
    Ok(commit)
}

/// The digests that a `revision.json` gives its containers.
pub fn digests(revision: &str) -> BTreeMap<String, String> {
    let entries: Vec<Value> = serde_json::from_str(revision).unwrap_or_default();
    let pairs = entries.iter().filter_map(|entry| {
        let (_, digest) = entry.get("imageUri")?.as_str()?.split_once('@')?;
        Some((entry.get("name")?.as_str()?.to_owned(), digest.to_owned()))
    });
    pairs.collect()
}

pub(crate) fn text(value: &Value, pointer: &str) -> String {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
}

impl Observed {
    /// The commit so many before the tip, by first parents; none where that would be before the stage was set.
    ///
    /// # Errors
    /// What CodeCommit says.
    pub fn ancestor(&self, account: Account<'_>, back: usize) -> Result<Option<String>, Failure> {
        let mut id = self.tip.clone();
        for _ in 0..back {
            let asked = json!({ "repositoryName": "deployment", "commitId": id });
            id = text(&account.call(Service::CodeCommit, "GetCommit", asked)?, "/commit/parents/0");
            if id.is_empty() {
                return Ok(None);
            }
        }
        Ok(Some(id))
    }
}
