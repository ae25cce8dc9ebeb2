//! What is seen of the functions' calls on their way: what each of them had read when it acted, and what its act showed
//! to others at that very moment.

use crate::crash::Invocation;
use crate::model::Span;
use crate::observe::text;
use crate::violation::Violation;
use crate::wire::Call;
use crate::{Environment, Failure};
use chrono::{DateTime, Utc};
use local_aws::services::Service;
use local_aws::{AccountId, AwsError, Caller, LocalAws};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// What one environment may ask of the account before it.
const READS: [&str; 5] = [
    "DescribeImages",
    "BatchGetImage",
    "ListImageReferrers",
    "GetDownloadUrlForLayer",
    "BatchCheckLayerAvailability",
];

/// A tag that became visible in an environment with an upstream.
#[derive(Debug, Clone)]
pub(crate) struct Tagged {
    pub(crate) environment: Environment,
    pub(crate) repository: String,
    pub(crate) tag: String,
    pub(crate) digest: String,
    pub(crate) span: Span,
}

/// A commit that was sent.
#[derive(Debug, Clone)]
struct Sent {
    environment: Environment,
    parent: String,
    at: DateTime<Utc>,
    looked: BTreeMap<String, DateTime<Utc>>,
}

/// What was seen so far.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    /// The tags that became visible since somebody took them.
    pub(crate) tagged: Vec<Tagged>,
    pub(crate) violations: Vec<Violation>,
    known: BTreeSet<(Environment, String, String)>,
    sent: Vec<Sent>,
}

impl Watch {
    /// A call that is about to be made.
    pub(crate) fn before(&mut self, now: DateTime<Utc>, invocation: &Invocation, call: &Call) {
        if !call.is_across() {
            return;
        }
        if !READS.contains(&call.operation.as_str()) {
            let Call { function, operation, account, .. } = call;
            let what = format!("{function} calls {operation} in account {account:?}, not its own");
            self.violations.push(Violation { invariant: 11, what });
        }
        if call.operation == "DescribeImages" {
            invocation.looks(&text(&call.input, "/repositoryName"), now);
        }
    }

    /// A call that was made.
    pub(crate) fn after(&mut self, local: &LocalAws, invocation: &Invocation, call: &Call) {
        let environment = invocation.environment;
        if environment == Environment::Dev {
            return;
        }
        match call.operation.as_str() {
            "CreateCommit" => {
                let (parent, at) = (text(&call.input, "/parentCommitId"), local.lock().now());
                self.sent.push(Sent { environment, parent, at, looked: invocation.looked() });
            }
            "PutImage" => {
                let repository = text(&call.input, "/repositoryName");
                let tag = text(&call.input, "/imageTag");
                if let Err(failure) = self.tag(local, invocation, repository, tag) {
                    let what = format!("the campaign cannot look at what was put: {failure}");
                    self.violations.push(Violation { invariant: 4, what });
                }
            }
            _ => {}
        }
    }

    /// When what a commit says was read and when it was made: of each image repository, as often as a commit with this
    /// parent was sent.
    pub(crate) fn spans(&self, environment: Environment, parent: &str, repository: &str) -> Vec<Span> {
        let own = self.sent.iter().filter(|sent| sent.environment == environment && sent.parent == parent);
        let span = |sent: &Sent| Span {
            from: sent.looked.get(repository).copied().unwrap_or(sent.at),
            until: sent.at,
        };
        own.map(span).collect()
    }

    /// Looks at a tag that may have become visible just now.
    fn tag(
        &mut self,
        local: &LocalAws,
        invocation: &Invocation,
        repository: String,
        tag: String,
    ) -> Result<(), Failure> {
        let environment = invocation.environment;
        let key = (environment, repository.clone(), tag.clone());
        // Evidence and signatures have no tag, or one that names the digest of another.
        if tag.is_empty() || tag.starts_with("sha256-") || self.known.contains(&key) {
            return Ok(());
        }
        let registry = Registry { local, account: environment.account().parse()?, repository: &repository };
        let Some(digest) = registry.tagged(&tag)? else { return Ok(()) };
        if let Some(missing) = registry.missing(&digest)? {
            let what = format!("{repository}:{tag} names {digest}, and {missing} is not there");
            self.violations.push(Violation { invariant: 4, what });
        }
        self.known.insert(key);
        let until = local.lock().now();
        let from = invocation.looked().get(&repository).copied().unwrap_or(until);
        self.tagged.push(Tagged { environment, repository, tag, digest, span: Span { from, until } });
        Ok(())
    }
}

/// A repository as its owner sees it.
struct Registry<'a> {
    local: &'a LocalAws,
    account: AccountId,
    repository: &'a str,
}

impl Registry<'_> {
    fn call(&self, operation: &str, input: Value) -> Result<Value, AwsError> {
        let caller = Caller::administrator(&self.account);
        self.local.lock().call(&caller, Service::Ecr, operation, input)
    }

    /// What a tag names, if it is there.
    fn tagged(&self, tag: &str) -> Result<Option<String>, Failure> {
        let asked = json!({ "repositoryName": self.repository, "imageIds": [{ "imageTag": tag }] });
        match self.call("DescribeImages", asked) {
            Ok(answer) => Ok(Some(text(&answer, "/imageDetails/0/imageDigest"))),
            Err(error) if error.code == "ImageNotFoundException" => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// The content of a manifest, if it is there.
    fn manifest(&self, digest: &str) -> Result<Option<Value>, Failure> {
        let id = json!({ "imageDigest": digest });
        let asked = json!({ "repositoryName": self.repository, "imageIds": [id] });
        let answer = self.call("BatchGetImage", asked)?;
        let Some(image) = answer.pointer("/images/0") else { return Ok(None) };
        Ok(Some(serde_json::from_str(&text(image, "/imageManifest"))?))
    }

    /// What of an image is not there.
    fn missing(&self, digest: &str) -> Result<Option<String>, Failure> {
        let Some(content) = self.manifest(digest)? else {
            return Ok(Some(format!("manifest {digest}")));
        };
        for child in content.get("manifests").and_then(Value::as_array).into_iter().flatten() {
            if let Some(missing) = self.missing(&text(child, "/digest"))? {
                return Ok(Some(missing));
            }
        }
        let layers = content.get("layers").and_then(Value::as_array).into_iter().flatten();
        let digests: Vec<String> =
            layers.chain(content.get("config")).map(|blob| text(blob, "/digest")).collect();
        if digests.is_empty() {
            return Ok(None);
        }
        let asked = json!({ "repositoryName": self.repository, "layerDigests": digests });
        let answer = self.call("BatchCheckLayerAvailability", asked)?;
        let found = answer.get("layers").and_then(Value::as_array).into_iter().flatten();
        let available: BTreeSet<String> = found
            .filter(|layer| text(layer, "/layerAvailability") == "AVAILABLE")
            .map(|layer| text(layer, "/layerDigest"))
            .collect();
        Ok(digests
            .into_iter()
            .find(|digest| !available.contains(digest))
            .map(|digest| format!("layer {digest}")))
    }
}
