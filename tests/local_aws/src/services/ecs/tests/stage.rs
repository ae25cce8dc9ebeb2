//! An account with a cluster and images, and how its story is told.

use crate::caller::Caller;
use crate::clock::Clock;
use crate::error::AwsError;
use crate::faults::{TaskFault, TaskFaultKind};
use crate::names::AccountId;
use crate::services::Service;
use crate::services::ecr::PulledImage;
use crate::settings::Settings;
use crate::store::Store;
use crate::world::World;
use chrono::{DateTime, Duration, Utc};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt::Write;

/// A world with one account that has the cluster `shop`.
pub(super) struct Stage {
    pub(super) world: World,
    pub(super) caller: Caller,
    start: DateTime<Utc>,
    told: usize,
    /// Made-up ids and what the story calls them.
    names: BTreeMap<String, String>,
}

pub(super) fn image(tag: &str) -> String {
    format!("111111111111.dkr.ecr.eu-west-1.amazonaws.com/web:{tag}")
}

fn by_digest(tag: &str) -> String {
    image(tag).replace(&format!(":{tag}"), &format!("@sha256:{tag}-index"))
}

fn not_found(tag: &str) -> String {
    format!("CannotPullContainerError: {}: not found", image(tag))
}

impl Stage {
    pub(super) fn new() -> Self {
        Self::with_settings(Settings::default())
    }

    pub(super) fn with_settings(mut settings: Settings) -> Self {
        // Events are looked at where they are made; nobody waits for their delivery.
        settings.timing.event_delivery = 0.0;
        let account: AccountId = "111111111111".parse().unwrap();
        let start: DateTime<Utc> = "2026-11-02T10:00:00Z".parse().unwrap();
        let store = Store::temporary().unwrap();
        let clock = Clock::Manual(start);
        let world = World::new([account.clone()], "eu-west-1", clock, 7, settings, store);
        let caller = Caller::administrator(&account);
        let mut stage = Self { world, caller, start, told: 0, names: BTreeMap::new() };
        stage.ok("CreateCluster", json!({ "clusterName": "shop" }));
        stage.pull_answers(&image("missing"), Err(not_found("missing")));
        stage
    }

    /// What pulling this image gives.
    pub(super) fn pull_answers(&mut self, image: &str, answer: Result<PulledImage, String>) {
        let images = &mut self.world.account_mut(&self.caller.account).unwrap().ecs.images;
        images.insert(image.to_owned(), answer);
    }

    pub(super) fn call(&mut self, operation: &str, input: Value) -> Result<Value, AwsError> {
        self.world.call(&self.caller, Service::Ecs, operation, input)
    }

    pub(super) fn ok(&mut self, operation: &str, input: Value) -> Value {
        self.call(operation, input).unwrap_or_else(|error| panic!("{operation}: {error}"))
    }

    pub(super) fn refused(&mut self, operation: &str, input: Value) -> String {
        self.call(operation, input).unwrap_err().to_string()
    }

    /// An image with these labels, to be had by tag and by digest.
    pub(super) fn push(&mut self, tag: &str, labels: &[(&str, &str)]) {
        let pulled = PulledImage {
            digest: format!("sha256:{tag}-index"),
            platform_digest: format!("sha256:{tag}-arm64"),
            labels: labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        };
        self.pull_answers(&by_digest(tag), Ok(pulled.clone()));
        self.pull_answers(&image(tag), Ok(pulled));
    }

    pub(super) fn delete_image(&mut self, tag: &str) {
        self.pull_answers(&by_digest(tag), Err(not_found(tag)));
        self.pull_answers(&image(tag), Err(not_found(tag)));
    }

    pub(super) fn fault(&mut self, times: u32, what: TaskFaultKind) {
        let fault = TaskFault { cluster: None, service: Some("web".to_owned()), skip: 0, times, what };
        self.world.faults.add_task_fault(fault);
    }

    /// Registers a task definition that runs this image.
    pub(super) fn register(&mut self, tag: &str) -> String {
        let input = json!({
            "family": "web",
            "containerDefinitions": [{ "name": "app", "image": image(tag), "memory": 128 }],
        });
        let answer = self.ok("RegisterTaskDefinition", input);
        answer["taskDefinition"]["taskDefinitionArn"].as_str().unwrap().to_owned()
    }

    pub(super) fn create(&mut self, tag: &str, desired: u32, configuration: &Value) {
        let task_definition = self.register(tag);
        let input = json!({
            "cluster": "shop", "serviceName": "web", "taskDefinition": task_definition,
            "desiredCount": desired, "deploymentConfiguration": configuration,
        });
        self.ok("CreateService", input);
    }

    pub(super) fn deploy(&mut self, tag: &str) {
        let task_definition = self.register(tag);
        let input = json!({ "cluster": "shop", "service": "web", "taskDefinition": task_definition });
        self.ok("UpdateService", input);
    }

    /// Lets that much time pass.
    pub(super) fn pass(&mut self, seconds: f64) {
        let until = self.world.now() + crate::clock::seconds(seconds);
        while self.world.next_due().is_some_and(|due| due <= until) {
            self.world.step();
        }
        self.world.clock.set(until);
    }

    /// Lets time pass until nothing is left to happen, or an hour has passed.
    pub(super) fn settle(&mut self) {
        let limit = self.world.now() + Duration::hours(1);
        while self.world.next_due().is_some_and(|due| due <= limit) {
            self.world.step();
        }
    }

    pub(super) fn service(&mut self) -> Value {
        let answer = self.ok("DescribeServices", json!({ "cluster": "shop", "services": ["web"] }));
        answer["services"][0].clone()
    }

    pub(super) fn service_deployments(&mut self) -> Vec<Value> {
        let list = self.ok("ListServiceDeployments", json!({ "cluster": "shop", "service": "web" }));
        let briefs = list["serviceDeployments"].as_array().unwrap().clone();
        let arns: Vec<&Value> = briefs.iter().map(|brief| &brief["serviceDeploymentArn"]).collect();
        let described = self.ok("DescribeServiceDeployments", json!({ "serviceDeploymentArns": arns }));
        described["serviceDeployments"].as_array().unwrap().clone()
    }

    /// The events since the last telling, one a line.
    pub(super) fn events(&mut self) -> String {
        let announced = &self.world.account(&self.caller.account).unwrap().ecs.announced;
        let events: Vec<_> = announced.iter().skip(self.told).cloned().collect();
        self.told = announced.len();
        let mut story = String::new();
        for (time, event) in events {
            let detail = &event.detail;
            let seconds = (time - self.start).num_milliseconds() as f64 / 1000.0;
            let line = match event.detail_type.as_str() {
                "ECS Deployment State Change" => {
                    let id = detail["deploymentId"].as_str().unwrap();
                    format!("{} {id}: {}", text(&detail["eventName"]), text(&detail["reason"]))
                }
                "ECS Service Action" => {
                    format!("{} {}", text(&detail["eventName"]), text(&detail["reason"]))
                }
                _ => {
                    let container = &detail["containers"][0];
                    let said = ["exitCode", "reason"].map(|member| text(&container[member]));
                    format!(
                        "task {} {} {} {} {}",
                        text(&detail["taskArn"]).rsplit('/').next().unwrap(),
                        text(&detail["lastStatus"]),
                        text(&detail["healthStatus"]).replace("UNKNOWN", "-"),
                        text(&detail["stoppedReason"]),
                        said.join(" "),
                    )
                }
            };
            writeln!(story, "{seconds:.2}s {}", line.trim_end()).unwrap();
        }
        self.renamed(&story)
    }

    /// The messages of the service, oldest first.
    pub(super) fn messages(&mut self) -> String {
        let service = self.service();
        let messages = service["events"].as_array().unwrap().iter().rev();
        let lines: Vec<&str> = messages.map(|message| message["message"].as_str().unwrap()).collect();
        self.renamed(&(lines.join("\n") + "\n"))
    }

    /// How the service stands, in both tellings.
    pub(super) fn state(&mut self) -> String {
        let service = self.service();
        let mut story = format!(
            "service {} desired {} running {} pending {} of {}\n",
            text(&service["status"]),
            service["desiredCount"],
            service["runningCount"],
            service["pendingCount"],
            text(&service["taskDefinition"]).rsplit('/').next().unwrap(),
        );
        for deployment in service["deployments"].as_array().unwrap() {
            writeln!(
                story,
                "deployment {} {} {} {} desired {} running {} pending {} failed {}: {}",
                text(&deployment["id"]),
                text(&deployment["status"]),
                text(&deployment["rolloutState"]),
                text(&deployment["taskDefinition"]).rsplit('/').next().unwrap(),
                deployment["desiredCount"],
                deployment["runningCount"],
                deployment["pendingCount"],
                deployment["failedTasks"],
                text(&deployment["rolloutStateReason"]),
            )
            .unwrap();
        }
        for deployment in self.service_deployments() {
            let breaker = &deployment["deploymentCircuitBreaker"];
            writeln!(
                story,
                "service deployment {} of {} breaker {} {}/{} {}",
                text(&deployment["status"]),
                self.task_definition_of(&deployment["targetServiceRevision"]["arn"]),
                text(&breaker["status"]),
                breaker["failureCount"],
                breaker["threshold"],
                text(&deployment["statusReason"]),
            )
            .unwrap();
            if deployment["rollback"].is_object() {
                let to = self.task_definition_of(&deployment["rollback"]["serviceRevisionArn"]);
                writeln!(story, "    rollback to {to}").unwrap();
            }
        }
        let story: String = story.lines().map(|line| format!("{}\n", line.trim_end())).collect();
        self.renamed(&story)
    }

    fn task_definition_of(&mut self, revision: &Value) -> String {
        let answer = self.ok("DescribeServiceRevisions", json!({ "serviceRevisionArns": [revision] }));
        text(&answer["serviceRevisions"][0]["taskDefinition"]).rsplit('/').next().unwrap().to_owned()
    }

    /// Calls the made-up ids D1, D2, … and T1, T2, … in the order of their appearance.
    fn renamed(&mut self, story: &str) -> String {
        let state = &self.world.account(&self.caller.account).unwrap().ecs;
        let announced = state.announced.iter().map(|(_, event)| &event.detail);
        let mut ids: Vec<String> = announced
            .flat_map(|detail| [&detail["deploymentId"], &detail["taskArn"]])
            .filter_map(|id| id.as_str())
            .map(|id| if id.starts_with("arn:") { id.rsplit('/').next().unwrap() } else { id }.to_owned())
            .collect();
        let service = &state.clusters["shop"].services["web"];
        ids.extend(service.deployments.iter().rev().map(|deployment| deployment.id.clone()));
        for id in ids {
            let letter = if id.starts_with("ecs-svc/") { 'D' } else { 'T' };
            let count = self.names.values().filter(|name| name.starts_with(letter)).count();
            self.names.entry(id).or_insert_with(|| format!("{letter}{}", count + 1));
        }
        self.names.iter().fold(story.to_owned(), |story, (id, name)| story.replace(id, name))
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
