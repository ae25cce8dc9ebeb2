//! Accounts of a story's own, and what a person does in them.

use crate::account::Account;
use crate::install::{Place, open_account};
use crate::names::Names;
use crate::{DEV, PRD, STG};
use client::aws::Aws;
use client::git::Git;
use client::image::Image;
use local_aws::clock::Clock;
use local_aws::faults::{CallFault, CallFaultKind, EventFault, EventFaultKind, TaskFault, TaskFaultKind};
use local_aws::serve::{self, Environment, Options, Running};
use local_aws::settings::Settings;
use local_aws::{LocalAws, World};
use serde_json::json;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::SystemTime;
use tokio::runtime::Runtime;

/// Whatever went wrong, as text.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;

/// What the functions' executables are called.
const FUNCTIONS: [&str; 6] =
    ["on_image_push", "promote_image", "on_commit", "on_deployment_change", "roll_back", "reconcile"];

/// The project's own folder.
pub(crate) const PROJECT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

/// How long, by the accounts' clock, anything may go on; longer than five receives of a failing message.
const REST_WITHIN: chrono::Duration = chrono::Duration::hours(9);

/// Accounts with Towpath's stacks, served for one story alone: dev, or a chain that begins with it. The story
/// stands in one of them at a time; what it does and what it tells, happens there.
#[derive(Debug)]
pub struct Story {
    /// The owner of the account in which the story stands.
    pub aws: Aws,
    pub(crate) here: Account,
    elsewhere: Vec<Account>,
    pub(crate) applications: BTreeMap<String, Git>,
    pub(crate) names: Names,
    pub(crate) local: LocalAws,
    pub(crate) endpoint: String,
    running: Option<Running>,
    runtime: Runtime,
}

/// Files that a person changes, and what they say then; none deletes a file.
pub type Files<'a> = [(&'a str, Option<&'a str>)];

impl Story {
    /// Starts the account, with Towpath's stacks in it. Its sweeps come only when the story asks for one.
    ///
    /// # Errors
    /// When an executable is missing or the account does not start.
    pub fn start(settings: Settings) -> Result<Self, Failure> {
        Self::start_at(settings, chrono::DateTime::from(SystemTime::now()))
    }

    /// [`Story::start`] with a clock that shows this time. The functions go by the machine's clock: to them, what
    /// happens in an account whose clock is slow happened long ago.
    ///
    /// # Errors
    /// As [`Story::start`].
    pub fn start_at(settings: Settings, now: chrono::DateTime<chrono::Utc>) -> Result<Self, Failure> {
        Self::serve(settings, now, &[("dev", DEV)])
    }

    /// Starts dev, stg and prd, each the upstream of the next. The story stands in dev.
    ///
    /// # Errors
    /// As [`Story::start`].
    pub fn chain(settings: Settings) -> Result<Self, Failure> {
        Self::chain_at(settings, chrono::DateTime::from(SystemTime::now()))
    }

    /// [`Story::chain`] with a clock that shows this time, as in [`Story::start_at`].
    ///
    /// # Errors
    /// As [`Story::start`].
    pub fn chain_at(settings: Settings, now: chrono::DateTime<chrono::Utc>) -> Result<Self, Failure> {
        Self::serve(settings, now, &[("dev", DEV), ("stg", STG), ("prd", PRD)])
    }

    /// Starts dev and stg alone, and dev is stg's upstream. The story stands in dev.
    ///
    /// # Errors
    /// As [`Story::start`].
    pub fn pair(settings: Settings) -> Result<Self, Failure> {
        Self::pair_at(settings, chrono::DateTime::from(SystemTime::now()))
    }

    /// [`Story::pair`] with a clock that shows this time, as in [`Story::start_at`].
    ///
    /// # Errors
    /// As [`Story::start`].
    pub fn pair_at(settings: Settings, now: chrono::DateTime<chrono::Utc>) -> Result<Self, Failure> {
        Self::serve(settings, now, &[("dev", DEV), ("stg", STG)])
    }

    /// Starts the accounts that dev and stg will be, each with an empty deployment repository and nothing of Towpath's,
    /// until the story installs it. The story stands in dev.
    ///
    /// # Errors
    /// As [`Story::start`].
    pub fn before_towpath(settings: Settings) -> Result<Self, Failure> {
        Self::before_towpath_at(settings, chrono::DateTime::from(SystemTime::now()))
    }

    /// [`Story::before_towpath`] with a clock that shows this time, as in [`Story::start_at`].
    ///
    /// # Errors
    /// As [`Story::start`].
    pub fn before_towpath_at(
        settings: Settings,
        now: chrono::DateTime<chrono::Utc>,
    ) -> Result<Self, Failure> {
        Self::serve_accounts(settings, now, &[("dev", DEV), ("stg", STG)])
    }

    fn serve(
        settings: Settings,
        now: chrono::DateTime<chrono::Utc>,
        environments: &[(&str, &str)],
    ) -> Result<Self, Failure> {
        let mut story = Self::serve_accounts(settings, now, environments)?;
        for (environment, _) in environments {
            story.at(environment)?.install()?;
        }
        let first = environments.first().map(|(environment, _)| *environment);
        story.at(first.unwrap_or_default())?;
        Ok(story)
    }

    fn serve_accounts(
        settings: Settings,
        now: chrono::DateTime<chrono::Utc>,
        environments: &[(&str, &str)],
    ) -> Result<Self, Failure> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        let places = Place::of_chain(environments);
        let served = places
            .iter()
            .map(|place| Ok(Environment { name: place.environment.clone(), account: place.id.parse()? }));
        let options = Options {
            port: 0,
            region: "eu-west-1".to_owned(),
            environments: served.collect::<Result<_, Failure>>()?,
            store: None,
            // What is installed, and when, a story says.
            project: None,
            functions: executables()?,
            settings,
            seed: 1,
        };
        let running = runtime.block_on(serve::start_with_clock(&options, Clock::Manual(now)))?;
        let (local, endpoint) = (running.local.clone(), running.endpoint.clone());
        let accounts = places.iter().map(|place| open_account(&local, &endpoint, place));
        let mut elsewhere = accounts.collect::<Result<Vec<Account>, Failure>>()?;
        let here = elsewhere.remove(0);
        let story = Self {
            aws: here.aws.clone(),
            here,
            elsewhere,
            applications: BTreeMap::new(),
            names: Names::default(),
            local,
            running: Some(running),
            endpoint,
            runtime,
        };
        story.rest()?;
        Ok(story)
    }

    /// From now on, the story stands in this environment's account.
    ///
    /// # Errors
    /// When there is no such environment.
    pub fn at(&mut self, environment: &str) -> Result<&mut Self, Failure> {
        if self.here.place.environment != environment {
            let mut others = self.elsewhere.iter_mut();
            let there = others.find(|account| account.place.environment == environment);
            std::mem::swap(&mut self.here, there.ok_or("there is no such environment")?);
            self.aws = self.here.aws.clone();
        }
        Ok(self)
    }

    /// The accounts, in no order that matters.
    pub(crate) fn accounts(&self) -> impl Iterator<Item = &Account> {
        std::iter::once(&self.here).chain(&self.elsewhere)
    }

    /// Where the account is served.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Lets everything happen that is under way.
    ///
    /// # Errors
    /// When it never ends.
    pub fn rest(&self) -> Result<(), Failure> {
        Ok(self.runtime.block_on(self.local.rest(REST_WITHIN))?)
    }

    /// Lets that many minutes pass.
    ///
    /// # Errors
    /// When a function hangs.
    pub fn let_pass(&self, minutes: i64) -> Result<(), Failure> {
        Ok(self.runtime.block_on(self.local.let_pass(chrono::Duration::minutes(minutes)))?)
    }

    /// Pushes an image through the registry protocol and does not wait. Its digest is called `<repository:tag>`.
    ///
    /// # Errors
    /// What the registry says.
    pub fn push_only(&mut self, repository: &str, tag: &str, image: &Image) -> Result<String, Failure> {
        let digest = self.here.registry.push(repository, Some(tag), &image.build()?)?;
        self.names.give(&digest, &format!("{repository}:{tag}"));
        Ok(digest)
    }

    /// From now on, this digest or commit is called so.
    pub fn call_it(&mut self, value: &str, name: &str) {
        self.names.give(value, name);
    }

    /// A text with names for the ids, digests and times in it.
    pub fn named(&mut self, text: &str) -> String {
        self.names.put_into(text)
    }

    /// Pushes a good image and lets everything happen.
    ///
    /// # Errors
    /// As [`Story::push_only`] and [`Story::rest`].
    pub fn push(&mut self, repository: &str, tag: &str) -> Result<String, Failure> {
        let digest = self.push_only(repository, tag, &Image::new(repository).version(tag))?;
        self.rest()?;
        Ok(digest)
    }

    /// Pushes an image whose container exits, and lets everything happen.
    ///
    /// # Errors
    /// As [`Story::push`].
    pub fn push_bad(&mut self, repository: &str, tag: &str) -> Result<String, Failure> {
        let digest = self.push_only(repository, tag, &Image::new(repository).version(tag).exit_code(1))?;
        self.rest()?;
        Ok(digest)
    }

    /// A person pulls, changes files (`None` deletes) and pushes one commit; does not wait.
    ///
    /// # Errors
    /// What git says.
    pub fn commit_only(&mut self, message: &str, files: &Files<'_>) -> Result<String, Failure> {
        if self.here.git.run(&["ls-remote", "--heads", "origin", "main"])?.is_empty() {
            self.here.git.run(&["checkout", "--quiet", "-B", "main"])?;
        } else {
            self.here.git.update()?;
        }
        let commit = self.change(message, files)?;
        self.here.git.push()?;
        Ok(commit)
    }

    /// [`Story::commit_only`], and lets everything happen.
    ///
    /// # Errors
    /// As [`Story::commit_only`] and [`Story::rest`].
    pub fn commit(&mut self, message: &str, files: &Files<'_>) -> Result<String, Failure> {
        let commit = self.commit_only(message, files)?;
        self.rest()?;
        Ok(commit)
    }

    /// A person makes several commits, pushes them at once, and everything happens that follows.
    ///
    /// # Errors
    /// As [`Story::commit`].
    pub fn commit_several(&mut self, commits: &[(&str, &Files<'_>)]) -> Result<(), Failure> {
        self.here.git.update()?;
        for (message, files) in commits {
            self.change(message, files)?;
        }
        self.here.git.push()?;
        self.rest()
    }

    /// A person changes files on a branch of their own, made before the newest commit, merges it, and everything happens
    /// that follows.
    ///
    /// # Errors
    /// As [`Story::commit`].
    pub fn merge(&mut self, message: &str, files: &Files<'_>) -> Result<(), Failure> {
        let tip = self.here.git.update()?;
        self.here.git.run(&["checkout", "--quiet", "-B", "theirs", "HEAD~1"])?;
        self.change(message, files)?;
        self.here.git.run(&["checkout", "--quiet", "-B", "main", &tip])?;
        let person = ["-c", "user.name=Pat Person", "-c", "user.email=pat@example.com"];
        let merge = ["merge", "--quiet", "--no-ff", "-m", "Merge theirs", "theirs"];
        self.here.git.run(&[&person[..], &merge].concat())?;
        self.here.git.push()?;
        self.rest()
    }

    fn change(&self, message: &str, files: &Files<'_>) -> Result<String, Failure> {
        for (path, content) in files {
            match content {
                Some(content) => self.here.git.write(path, content)?,
                None => self.here.git.delete(path)?,
            }
        }
        Ok(self.here.git.commit("Pat Person <pat@example.com>", message)?)
    }

    /// A person brings a file back as it was at a commit, with `git commit --reuse-message`, which keeps the author and the
    /// message of that commit; and everything happens that follows.
    ///
    /// # Errors
    /// As [`Story::commit`].
    pub fn commit_again(&mut self, commit: &str, path: &str) -> Result<(), Failure> {
        self.here.git.update()?;
        self.here.git.run(&["checkout", "--quiet", commit, "--", path])?;
        let person = ["-c", "user.name=Pat Person", "-c", "user.email=pat@example.com"];
        self.here.git.run(&[&person[..], &["commit", "--quiet", "--reuse-message", commit]].concat())?;
        self.here.git.push()?;
        self.rest()
    }

    /// A person forces the branch to a commit, and everything happens that follows.
    ///
    /// # Errors
    /// As [`Story::commit`].
    pub fn force(&mut self, commit: &str) -> Result<(), Failure> {
        self.here.git.update()?;
        self.here.git.run(&["push", "--quiet", "--force", "origin", &format!("{commit}:refs/heads/main")])?;
        self.rest()
    }

    /// Puts a message on a function's queue; does not wait.
    ///
    /// # Errors
    /// What SQS says.
    pub fn send(&self, function: &str, body: &str) -> Result<(), Failure> {
        let input =
            json!({ "QueueUrl": self.here.queue(&format!("towpath-{function}")), "MessageBody": body });
        self.aws.call("sqs", "SendMessage", &input)?;
        Ok(())
    }

    /// Asks for a sweep and lets everything happen.
    ///
    /// # Errors
    /// As [`Story::send`] and [`Story::rest`].
    pub fn sweep(&self) -> Result<(), Failure> {
        self.send("reconcile", r#"{"towpath":"sweep","version":1}"#)?;
        self.rest()
    }

    /// Takes what lies in a function's dead-letter queue.
    ///
    /// # Errors
    /// What SQS says.
    pub fn dead_letters(&self, function: &str) -> Result<Vec<String>, Failure> {
        let mut bodies = self.here.take_all(&format!("towpath-{function}-dead_letters"))?;
        bodies.sort();
        Ok(bodies)
    }

    /// Every event so far, and the function that it wakes.
    ///
    /// # Errors
    /// What SQS says.
    pub fn events_so_far(&mut self) -> Result<Vec<(&'static str, String)>, Failure> {
        self.here.events_so_far()
    }

    /// Sends every event of [`Story::events_so_far`] again, the newest first, and lets everything happen.
    ///
    /// # Errors
    /// As [`Story::send`] and [`Story::rest`].
    pub fn replay(&mut self) -> Result<(), Failure> {
        for (function, body) in self.events_so_far()?.iter().rev() {
            self.send(function, body)?;
        }
        self.rest()
    }

    /// Makes matching calls of a function fail, after `skip` that do not.
    pub fn fail_calls(&self, operation: &str, caller: &str, times: u32, what: CallFaultKind) {
        let fault = CallFault {
            service: None,
            operation: Some(operation.to_owned()),
            caller: Some(caller.to_owned()),
            skip: 0,
            times,
            what,
        };
        self.local.lock().faults.add_call_fault(fault);
    }

    /// Makes the events of a source get lost from now on.
    pub fn lose_events(&self, source: &str) {
        self.disturb_events(Some(source), EventFaultKind::Drop);
    }

    /// Makes every event arrive twice from now on.
    pub fn double_events(&self) {
        self.disturb_events(None, EventFaultKind::Duplicate);
    }

    fn disturb_events(&self, source: Option<&str>, what: EventFaultKind) {
        let fault = EventFault { source: source.map(str::to_owned), skip: 0, times: u32::MAX, what };
        self.local.lock().faults.add_event_fault(fault);
    }

    /// Makes the next tasks of a service fail.
    pub fn fail_tasks(&self, service: &str, times: u32, what: TaskFaultKind) {
        let fault = TaskFault {
            cluster: Some("cluster1".to_owned()),
            service: Some(service.to_owned()),
            skip: 0,
            times,
            what,
        };
        self.local.lock().faults.add_task_fault(fault);
    }

    /// Ends all faults.
    pub fn heal(&self) {
        self.local.lock().faults.clear();
    }

    /// Looks into the accounts.
    pub fn world<T>(&self, look: impl FnOnce(&mut World) -> T) -> T {
        look(&mut self.local.lock())
    }
}

impl Drop for Story {
    fn drop(&mut self) {
        if let Some(running) = self.running.take() {
            // A temporary store: there is nothing to lose.
            let _ = self.runtime.block_on(running.stop());
        }
    }
}

/// Where the executables lie: beside the folder of this test's own.
pub(crate) fn executables() -> Result<PathBuf, Failure> {
    let test = std::env::current_exe()?;
    let folder = test.parent().and_then(Path::parent).ok_or("a test without a folder")?;
    let missing = FUNCTIONS.iter().find(|function| !folder.join(function).is_file());
    match missing {
        None => Ok(folder.to_owned()),
        Some(function) => {
            let place = folder.join(function);
            Err(format!("{} is missing; run cargo build --workspace first", place.display()).into())
        }
    }
}
