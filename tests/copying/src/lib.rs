//! Two accounts of their own for one test, and a copier between them: what is there, what was asked.

#![expect(clippy::expect_used, clippy::panic, reason = "a test that cannot set up its accounts fails")]

use aws::copy::{CopyOutcome, CopyRequest, CopySummary, copy_image};
use aws::{CallError, Clients, Connection};
use aws_credential_types::Credentials;
use client::{Artifact, Aws, Ecr};
use domain::names::{AccountId, ImageDigest, ImageRepositoryName};
use domain::rules::MissingRepositories;
use local_aws::faults::{CallFault, CallFaultKind};
use local_aws::serve::{self, Environment, Options, Running};
use local_aws::settings::Settings;
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;

/// The account upstream.
pub const DEV: &str = "111111111111";
/// The account that copies.
pub const STG: &str = "222222222222";
/// The repository in both.
pub const NAME: &str = "webapp1";

/// The two accounts, each with an image repository.
#[derive(Debug)]
pub struct Accounts {
    /// What serves them.
    pub running: Running,
    /// How copies treat a repository that is missing.
    pub missing_repository: MissingRepositories,
    /// How long a copy may take.
    pub time: Duration,
    source: Clients,
    target: Clients,
    // Dropped last: it carries the server.
    runtime: Runtime,
}

/// What a repository holds: the bytes of each manifest, and what each tag names.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Content {
    /// By digest.
    pub manifests: BTreeMap<String, String>,
    /// By tag.
    pub tags: BTreeMap<String, String>,
}

impl Accounts {
    /// Starts them.
    pub fn start() -> Self {
        Self::start_with(Settings::default())
    }

    /// [`Accounts::start`] with these settings.
    pub fn start_with(settings: Settings) -> Self {
        let environment = |(name, id): (&str, &str)| Environment {
            name: name.to_owned(),
            account: id.parse().expect("an account id"),
        };
        let options = Options {
            port: 0,
            region: "eu-west-1".to_owned(),
            environments: [("dev", DEV), ("stg", STG)].map(environment).to_vec(),
            store: None,
            project: None,
            functions: "absent".into(),
            settings,
            seed: 1,
        };
        let runtime = Runtime::new().expect("a runtime");
        let running = runtime.block_on(serve::start(&options)).expect("the local accounts start");
        let clients = |account: &str| {
            let id = AccountId::parse(account).expect("an account id");
            Clients::new(&connection(&running.endpoint, account), id)
        };
        let accounts = Self {
            source: clients(DEV),
            target: clients(STG),
            running,
            missing_repository: MissingRepositories::Refuse,
            time: Duration::from_secs(120),
            runtime,
        };
        accounts.ecr(DEV).create_repository(NAME).expect("a repository upstream");
        accounts.ecr(STG).create_repository(NAME).expect("a repository here");
        accounts
    }

    /// An account's registry, as its owner calls it.
    pub fn ecr(&self, account: &str) -> Ecr {
        Ecr::new(&Aws::local(&self.running.endpoint, account))
    }

    /// Pushes upstream.
    pub fn push(&self, tag: Option<&str>, artifact: &Artifact) -> String {
        match self.ecr(DEV).push(NAME, tag, artifact) {
            Err(error) if error.code == "ImageAlreadyExistsException" => artifact.digest.clone(),
            pushed => pushed.expect("a push upstream"),
        }
    }

    /// Copies.
    ///
    /// # Errors
    /// As [`copy_image`].
    pub fn copy(&self, digest: &str) -> Result<CopyOutcome, CallError> {
        let name = ImageRepositoryName::parse(NAME).expect("a repository's name");
        let digest = ImageDigest::parse(digest).expect("a digest");
        let request = CopyRequest {
            source: &self.source,
            target: &self.target,
            from: &name,
            to: &name,
            digest: &digest,
            missing_repository: self.missing_repository,
            deadline: Instant::now() + self.time,
        };
        self.runtime.block_on(copy_image(&request, |_| {}))
    }

    /// Copies, and it must succeed.
    pub fn copied(&self, digest: &str) -> CopySummary {
        match self.copy(digest) {
            Ok(CopyOutcome::Complete(summary)) => summary,
            other => panic!("not copied: {other:?}"),
        }
    }

    /// Puts a tag on what was copied.
    ///
    /// # Errors
    /// As [`Clients::tag_image`].
    pub fn tag(&self, digest: &str, tag: &str) -> Result<aws::copy::Tagged, CallError> {
        let name = ImageRepositoryName::parse(NAME).expect("a repository's name");
        let digest = ImageDigest::parse(digest).expect("a digest");
        let tag = domain::names::ImageTag::parse(tag).expect("a tag");
        self.runtime.block_on(self.target.tag_image(&name, &digest, &tag))
    }

    /// What an account's repository holds.
    pub fn content(&self, account: &str) -> Content {
        let ecr = self.ecr(account);
        let mut content = Content::default();
        let mut next = serde_json::Value::Null;
        loop {
            let mut input = serde_json::json!({ "maxResults": 1000 });
            if let (false, Some(members)) = (next.is_null(), input.as_object_mut()) {
                members.insert("nextToken".to_owned(), next);
            }
            let page = ecr.call("ListImages", NAME, input).expect("a list of images");
            for id in page.get("imageIds").and_then(serde_json::Value::as_array).into_iter().flatten() {
                let member = |name: &str| id.get(name).and_then(serde_json::Value::as_str).map(str::to_owned);
                let digest = member("imageDigest").expect("an image's digest");
                let (_, text) = ecr.manifest(NAME, &digest).expect("a manifest");
                if let Some(tag) = member("imageTag") {
                    content.tags.insert(tag, digest.clone());
                }
                content.manifests.insert(digest, text);
            }
            next = page.get("nextToken").cloned().unwrap_or_default();
            if next.is_null() {
                return content;
            }
        }
    }

    /// The bytes of every blob of an artifact, as this account's repository gives them out.
    pub fn blobs(&self, account: &str, artifact: &Artifact) -> BTreeMap<String, Vec<u8>> {
        let digests: BTreeSet<String> =
            artifact.all_blobs().into_iter().map(|blob| blob.digest.clone()).collect();
        let ecr = self.ecr(account);
        digests
            .into_iter()
            .map(|digest| {
                let bytes = ecr.layer(NAME, &digest).expect("a layer");
                (digest, bytes)
            })
            .collect()
    }

    /// The calls since the last look, in their order: who was asked, the operation, what it was about.
    pub fn journal(&self) -> Vec<(&'static str, String, String)> {
        let mut world = self.running.local.lock();
        let entries = world.journal.after(0).map(|entry| {
            let account = if entry.account == DEV { "dev" } else { "stg" };
            (account, entry.operation.clone(), entry.subject.clone())
        });
        let entries = entries.collect();
        world.journal = local_aws::journal::Journal::default();
        entries
    }

    /// How often each operation was called since the last look, with who was asked, in the order of their names.
    pub fn calls(&self) -> Vec<String> {
        counted(&self.journal())
    }

    /// Lets calls of an operation fail.
    pub fn fail(&self, operation: &str, skip: u32, times: u32, what: CallFaultKind) {
        let fault = CallFault {
            service: Some("ecr".to_owned()),
            operation: Some(operation.to_owned()),
            caller: None,
            skip,
            times,
            what,
        };
        self.running.local.lock().faults.add_call_fault(fault);
    }

    /// No more faults.
    pub fn heal(&self) {
        self.running.local.lock().faults.clear();
    }
}

/// How often each operation was called, with who was asked, in the order of their names.
pub fn counted(journal: &[(&'static str, String, String)]) -> Vec<String> {
    let mut counted: BTreeMap<String, usize> = BTreeMap::new();
    for (account, operation, _) in journal {
        *counted.entry(format!("{account} {operation}")).or_default() += 1;
    }
    counted.into_iter().map(|(call, times)| format!("{call}: {times}")).collect()
}

/// How the copier reaches an account.
pub fn connection(endpoint: &str, account: &str) -> Connection {
    let credentials = Credentials::new(account, "local", None, None, "test");
    Connection::new(credentials, "eu-west-1".to_owned(), Some(endpoint.to_owned()))
}
