//! A dev account of a story's own, and what a person does in it.

use crate::DEV;
use crate::happened::Seen;
use crate::names::Names;
use client::aws::Aws;
use client::git::Git;
use client::image::Image;
use client::registry::Registry;
use local_aws::clock::Clock;
use local_aws::faults::{CallFault, CallFaultKind, EventFault, EventFaultKind, TaskFault, TaskFaultKind};
use local_aws::serve::{self, Environment, Options, Running};
use local_aws::settings::Settings;
use local_aws::{LocalAws, World};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::time::SystemTime;
use tokio::runtime::Runtime;

/// Whatever went wrong, as text.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;

/// What the functions' executables are called.
const FUNCTIONS: [&str; 5] = ["on_image_push", "on_commit", "on_deployment_change", "roll_back", "reconcile"];

/// Where every event of the account is kept.
const EVENTS_QUEUE: &str = "story-events";

/// The project's own folder.
pub(crate) const PROJECT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

/// How long, by the accounts' clock, anything may go on; longer than five receives of a failing message.
const REST_WITHIN: chrono::Duration = chrono::Duration::hours(3);

/// A dev account with Towpath's stacks, served for one story alone.
#[derive(Debug)]
pub struct Story {
    /// The account's owner.
    pub aws: Aws,
    pub(crate) registry: Registry,
    pub(crate) git: Git,
    pub(crate) seen: Seen,
    pub(crate) names: Names,
    pub(crate) local: LocalAws,
    pub(crate) endpoint: String,
    events: Vec<(&'static str, String)>,
    running: Option<Running>,
    runtime: Runtime,
}

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
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        let options = Options {
            port: 0,
            region: "eu-west-1".to_owned(),
            environments: vec![Environment { name: "dev".to_owned(), account: DEV.parse()? }],
            store: None,
            project: Some(PathBuf::from(PROJECT)),
            functions: executables()?,
            settings,
            seed: 1,
        };
        let running = runtime.block_on(serve::start_with_clock(&options, Clock::Manual(now)))?;
        let endpoint = running.endpoint.clone();
        let aws = Aws::local(&endpoint, DEV);
        let mut story = Self {
            registry: Registry::login(&aws)?,
            git: Git::clone(&endpoint, DEV, "deployment")?,
            seen: Seen::default(),
            names: Names::default(),
            events: Vec::new(),
            local: running.local.clone(),
            running: Some(running),
            aws,
            endpoint,
            runtime,
        };
        story.stop_sweeping()?;
        story.keep_events()?;
        story.aws.call("ecs", "CreateCluster", &json!({ "clusterName": "cluster1" }))?;
        story.rest()?;
        Ok(story)
    }

    /// The schedule goes, so that sweeps come only when a story asks for one.
    fn stop_sweeping(&mut self) -> Result<(), Failure> {
        let mut world = self.local.lock();
        let account: local_aws::AccountId = DEV.parse()?;
        let caller = local_aws::Caller::administrator(&account);
        let input = json!({ "Name": "towpath-reconcile" });
        world.call(&caller, local_aws::services::Service::Scheduler, "DeleteSchedule", input)?;
        Ok(())
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
        let digest = self.registry.push(repository, Some(tag), &image.build()?)?;
        self.names.give(&digest, &format!("{repository}:{tag}"));
        Ok(digest)
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
    pub fn commit_only(&mut self, message: &str, files: &[(&str, Option<&str>)]) -> Result<String, Failure> {
        if self.git.run(&["ls-remote", "--heads", "origin", "main"])?.is_empty() {
            self.git.run(&["checkout", "--quiet", "-B", "main"])?;
        } else {
            self.git.update()?;
        }
        for (path, content) in files {
            match content {
                Some(content) => self.git.write(path, content)?,
                None => self.git.delete(path)?,
            }
        }
        let commit = self.git.commit("Pat Person <pat@example.com>", message)?;
        self.git.push()?;
        Ok(commit)
    }

    /// [`Story::commit_only`], and lets everything happen.
    ///
    /// # Errors
    /// As [`Story::commit_only`] and [`Story::rest`].
    pub fn commit(&mut self, message: &str, files: &[(&str, Option<&str>)]) -> Result<String, Failure> {
        let commit = self.commit_only(message, files)?;
        self.rest()?;
        Ok(commit)
    }

    /// A person forces the branch to a commit, and everything happens that follows.
    ///
    /// # Errors
    /// As [`Story::commit`].
    pub fn force(&mut self, commit: &str) -> Result<(), Failure> {
        self.git.update()?;
        self.git.run(&["push", "--quiet", "--force", "origin", &format!("{commit}:refs/heads/main")])?;
        self.rest()
    }

    /// Puts a message on a function's queue; does not wait.
    ///
    /// # Errors
    /// What SQS says.
    pub fn send(&self, function: &str, body: &str) -> Result<(), Failure> {
        let input = json!({ "QueueUrl": self.queue(&format!("towpath-{function}")), "MessageBody": body });
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
        let mut bodies = self.take_all(&format!("towpath-{function}-dead_letters"))?;
        bodies.sort();
        Ok(bodies)
    }

    /// Every event so far, and the function that its source wakes.
    ///
    /// # Errors
    /// What SQS says.
    pub fn events_so_far(&mut self) -> Result<Vec<(&'static str, String)>, Failure> {
        let bodies = self.take_all(EVENTS_QUEUE)?;
        let woken = bodies.into_iter().filter_map(|body| {
            let event: Value = serde_json::from_str(&body).ok()?;
            let function = match event.get("source")?.as_str()? {
                "aws.ecr" => "on_image_push",
                "aws.codecommit" => "on_commit",
                "aws.ecs" | "aws.codepipeline" => "on_deployment_change",
                _ => return None,
            };
            Some((function, body))
        });
        self.events.extend(woken);
        Ok(self.events.clone())
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

    fn take_all(&self, queue: &str) -> Result<Vec<String>, Failure> {
        let url = self.queue(queue);
        let mut bodies = Vec::new();
        loop {
            let input = json!({ "QueueUrl": url, "MaxNumberOfMessages": 10, "WaitTimeSeconds": 0 });
            let answer = self.aws.call("sqs", "ReceiveMessage", &input)?;
            let messages = answer.get("Messages").and_then(Value::as_array).cloned().unwrap_or_default();
            if messages.is_empty() {
                return Ok(bodies);
            }
            for message in &messages {
                let member = |name: &str| message.get(name).and_then(Value::as_str).unwrap_or_default();
                let input = json!({ "QueueUrl": url, "ReceiptHandle": member("ReceiptHandle") });
                self.aws.call("sqs", "DeleteMessage", &input)?;
                bodies.push(member("Body").to_owned());
            }
        }
    }

    /// A rule of the story's own keeps every event, to send it again.
    fn keep_events(&self) -> Result<(), Failure> {
        let rule = format!("arn:aws:events:eu-west-1:{DEV}:rule/story");
        let arn = format!("arn:aws:sqs:eu-west-1:{DEV}:{EVENTS_QUEUE}");
        let policy = json!({ "Version": "2012-10-17", "Statement": [{
            "Effect": "Allow", "Principal": { "Service": "events.amazonaws.com" }, "Action": "sqs:SendMessage",
            "Resource": arn, "Condition": { "ArnEquals": { "aws:SourceArn": rule } },
        }] });
        let attributes = json!({ "Policy": policy.to_string() });
        let input = json!({ "QueueName": EVENTS_QUEUE, "Attributes": attributes });
        self.aws.call("sqs", "CreateQueue", &input)?;
        let pattern = json!({ "source": [{ "prefix": "aws." }] }).to_string();
        self.aws.call("events", "PutRule", &json!({ "Name": "story", "EventPattern": pattern }))?;
        let target = json!({ "Rule": "story", "Targets": [{ "Id": "story", "Arn": arn }] });
        self.aws.call("events", "PutTargets", &target)?;
        Ok(())
    }

    pub(crate) fn queue(&self, name: &str) -> String {
        format!("{}/{DEV}/{name}", self.endpoint)
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
        let fault = EventFault {
            source: Some(source.to_owned()),
            skip: 0,
            times: u32::MAX,
            what: EventFaultKind::Drop,
        };
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
fn executables() -> Result<PathBuf, Failure> {
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
