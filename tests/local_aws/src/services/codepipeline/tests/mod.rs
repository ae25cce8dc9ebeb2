//! Stories of pipelines in virtual time.

mod actions;
mod announcements;
mod approvals;
mod deployments;
mod executions;
mod heard;
mod rollbacks;
mod shop;
mod stops;
mod structures;

use crate::clock::Clock;
use crate::services::{self, Service};
use crate::settings::Settings;
use crate::store::Store;
use crate::world::World;
use crate::{AccountId, AwsError, Caller};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Duration};
use serde_json::{Value, json};

const REGION: &str = "eu-west-1";
const FILE: &str = "cluster1/webapp1/revision.json";

/// One account with a repository `deployment` and a role that may do everything.
struct Tried {
    world: World,
    caller: Caller,
    commits: Vec<String>,
}

impl Tried {
    fn new() -> Self {
        Self::with(Settings::default())
    }

    fn with(settings: Settings) -> Self {
        let account: AccountId = "111111111111".parse().expect("an id");
        let now = DateTime::from_timestamp(1_800_000_000, 0).expect("a time");
        let store = Store::temporary().expect("a store");
        let world = World::new([account.clone()], REGION, Clock::Manual(now), 1, settings, store);
        let mut tried = Self { world, caller: Caller::administrator(&account), commits: Vec::new() };
        tried.make_role(&json!({ "Effect": "Allow", "Action": "*", "Resource": "*" }));
        tried.of(Service::CodeCommit, "CreateRepository", json!({ "repositoryName": "deployment" }));
        tried
    }

    fn make_role(&mut self, statement: &Value) {
        let trust = json!({ "Version": "2012-10-17", "Statement": {
            "Effect": "Allow", "Principal": { "Service": ["codepipeline.amazonaws.com", "ecs-tasks.amazonaws.com"] },
            "Action": "sts:AssumeRole",
        } });
        let role = json!({ "RoleName": "pipeline", "AssumeRolePolicyDocument": trust.to_string() });
        self.of(Service::Iam, "CreateRole", role);
        self.allow(statement);
    }

    fn allow(&mut self, statement: &Value) {
        let policy = json!({ "Version": "2012-10-17", "Statement": statement }).to_string();
        let put = json!({ "RoleName": "pipeline", "PolicyName": "p", "PolicyDocument": policy });
        self.of(Service::Iam, "PutRolePolicy", put);
    }

    /// What a service answers that must not refuse.
    fn of(&mut self, service: Service, operation: &str, input: Value) -> Value {
        services::call(&mut self.world, &self.caller, service, operation, input)
            .unwrap_or_else(|error| panic!("{operation}: {error}"))
    }

    fn try_call(&mut self, operation: &str, input: Value) -> Result<Value, AwsError> {
        services::call(&mut self.world, &self.caller, Service::CodePipeline, operation, input)
    }

    fn call(&mut self, operation: &str, input: Value) -> Value {
        self.try_call(operation, input).unwrap_or_else(|error| panic!("{operation}: {error}"))
    }

    fn refusal(&mut self, operation: &str, input: Value) -> String {
        self.try_call(operation, input).expect_err("a refusal").to_string()
    }

    /// Commits one file and remembers the commit: the first is `c1`.
    fn commit(&mut self, path: &str, content: &str) -> String {
        let mut input = json!({
            "repositoryName": "deployment", "branchName": "main", "commitMessage": format!("Commit {}", self.commits.len() + 1),
            "putFiles": [{ "filePath": path, "fileContent": STANDARD.encode(content) }],
        });
        if let Some(parent) = self.commits.last() {
            input["parentCommitId"] = json!(parent);
        }
        let reply = self.of(Service::CodeCommit, "CreateCommit", input);
        let id = reply["commitId"].as_str().expect("an id").to_owned();
        self.commits.push(id.clone());
        id
    }

    fn create(&mut self, mode: &str, second: &Value) {
        let pipeline = pipeline(mode, second);
        self.call("CreatePipeline", json!({ "pipeline": pipeline }));
    }

    fn start(&mut self, more: Value) -> String {
        let mut input = more;
        input["name"] = json!("deploy");
        let reply = self.call("StartPipelineExecution", input);
        reply["pipelineExecutionId"].as_str().expect("an id").to_owned()
    }

    /// Lets this much time pass.
    fn pass(&mut self, span: Duration) {
        let until = self.world.now() + span;
        while self.world.next_due().is_some_and(|due| due <= until) {
            self.world.step();
        }
        self.world.clock.set(until);
    }

    fn pass_seconds(&mut self, seconds: i64) {
        self.pass(Duration::seconds(seconds));
    }

    /// The ids of the executions, the oldest first.
    fn execution_ids(&mut self) -> Vec<String> {
        let reply = self.call("ListPipelineExecutions", json!({ "pipelineName": "deploy" }));
        let listed = reply["pipelineExecutionSummaries"].as_array().expect("a list");
        listed.iter().rev().map(|it| it["pipelineExecutionId"].as_str().expect("an id").to_owned()).collect()
    }

    /// Every execution with its actions, ids and commits by their numbers.
    fn story(&mut self) -> String {
        let reply = self.call("ListPipelineExecutions", json!({ "pipelineName": "deploy" }));
        let listed = reply["pipelineExecutionSummaries"].as_array().expect("a list").clone();
        let mut lines = Vec::new();
        for (index, summary) in listed.iter().rev().enumerate() {
            let revisions: Vec<&str> = summary["sourceRevisions"]
                .as_array()
                .expect("a list")
                .iter()
                .map(|it| it["revisionId"].as_str().expect("an id"))
                .collect();
            lines.push(format!(
                "{} {} of [{}] by {}",
                index + 1,
                text(&summary["status"]),
                revisions.join(", "),
                text(&summary["trigger"]["triggerType"])
            ));
            let filter = json!({ "pipelineExecutionId": summary["pipelineExecutionId"] });
            let reply =
                self.call("ListActionExecutions", json!({ "pipelineName": "deploy", "filter": filter }));
            for action in reply["actionExecutionDetails"].as_array().expect("a list").iter().rev() {
                let error = &action["output"]["executionResult"]["errorDetails"];
                let error = if error.is_null() {
                    String::new()
                } else {
                    format!(": {}: {}", text(&error["code"]), text(&error["message"]))
                };
                lines.push(format!("    {} {}{error}", text(&action["actionName"]), text(&action["status"])));
            }
        }
        self.numbered(&lines.join("\n"))
    }

    /// A text with executions and commits by their numbers, and without other ids, which depend on how many
    /// any service has made up before.
    fn numbered(&mut self, text: &str) -> String {
        let mut text = text.to_owned();
        for (index, commit) in self.commits.iter().enumerate() {
            text = text.replace(commit, &format!("c{}", index + 1));
        }
        for (index, id) in self.execution_ids().iter().enumerate() {
            text = text.replace(id, &format!("execution {}", index + 1));
        }
        for (ids, shown) in [
            ("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "(id)"),
            ("ecs-svc/[0-9]+", "ecs-svc/(id)"),
            ("deploy/Source/[0-9a-f]{7}", "deploy/Source/(key)"),
        ] {
            text = regex_lite::Regex::new(ids).expect("a pattern").replace_all(&text, shown).into_owned();
        }
        text + "\n"
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or("?")
}

fn pipeline(mode: &str, second: &Value) -> Value {
    json!({
        "name": "deploy",
        "roleArn": "arn:aws:iam::111111111111:role/pipeline",
        "artifactStore": { "type": "S3", "location": "artifacts-1111" },
        "pipelineType": "V2",
        "executionMode": mode,
        "stages": [
            { "name": "Source", "actions": [{
                "name": "Source",
                "actionTypeId": { "category": "Source", "owner": "AWS", "provider": "CodeCommit", "version": "1" },
                "configuration": {
                    "RepositoryName": "deployment", "BranchName": "main", "PollForSourceChanges": "false",
                },
                "outputArtifacts": [{ "name": "Source" }],
            }] },
            { "name": "Deploy", "actions": [second] },
        ],
    })
}

fn approval() -> Value {
    json!({
        "name": "Approve",
        "actionTypeId": { "category": "Approval", "owner": "AWS", "provider": "Manual", "version": "1" },
    })
}

fn deployment() -> Value {
    json!({
        "name": "Deploy",
        "actionTypeId": { "category": "Deploy", "owner": "AWS", "provider": "ECS", "version": "1" },
        "configuration": {
            "ClusterName": "cluster1", "ServiceName": "webapp1", "FileName": FILE, "DeploymentTimeout": "10",
        },
        "inputArtifacts": [{ "name": "Source" }],
    })
}
