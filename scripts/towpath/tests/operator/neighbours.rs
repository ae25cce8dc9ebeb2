//! Two environments in virtual time, stg behind dev, with one application in both; and the commits between them.

use crate::desk::{Said, commits, home, slow_clock, stable, towpath};
use client::{Aws, Git, Image, Registry};
use expect_test::expect;
use local_aws::LocalAws;
use local_aws::clock::Clock;
use local_aws::serve::{self, Environment, Options, Running};
use local_aws::settings::Settings;
use serde_json::json;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;
use tokio::runtime::Runtime;

pub(crate) const DEV: &str = "111111111111";
pub(crate) const STG: &str = "222222222222";
const PROJECT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
/// How long, by the accounts' clock, anything may go on.
const REST_WITHIN: chrono::Duration = chrono::Duration::hours(3);

const DEV_RULES: &str = "version: 1
services:
  cluster1/webapp1:
    application: webapp1
    containers:
      webapp1: { repository: webapp1, select: commit }
";

/// The two accounts, and a person's desk with a profile for each.
pub(crate) struct Neighbours {
    local: LocalAws,
    pub(crate) endpoint: String,
    pub(crate) home: TempDir,
    pub(crate) application: Git,
    _running: Running,
    runtime: Runtime,
}

impl Neighbours {
    /// dev has the service and follows its application; stg's rules are these.
    pub(crate) fn with_rules(stg_rules: &str) -> Self {
        let runtime = Runtime::new().unwrap();
        let environment = |name: &str, account: &str| Environment {
            name: name.to_owned(),
            account: account.parse().unwrap(),
        };
        let options = Options {
            port: 0,
            region: "eu-west-1".to_owned(),
            environments: vec![environment("dev", DEV), environment("stg", STG)],
            store: None,
            project: Some(PathBuf::from(PROJECT)),
            functions: executables(),
            settings: Settings::default(),
            seed: 1,
        };
        let clock = Clock::Manual(slow_clock());
        let running = runtime.block_on(serve::start_with_clock(&options, clock)).unwrap();
        let endpoint = running.endpoint.clone();
        let local = running.local.clone();
        for account in [DEV, STG] {
            stop_sweeping(&local, account);
            let aws = Aws::local(&endpoint, account);
            aws.call("codecommit", "CreateRepository", &json!({ "repositoryName": "webapp1" })).unwrap();
            aws.call("ecr", "CreateRepository", &json!({ "repositoryName": "webapp1" })).unwrap();
        }
        let home = home();
        write_profiles(home.path(), &endpoint);
        let application = Git::clone(&endpoint, DEV, "webapp1").unwrap();
        application.run(&["checkout", "--quiet", "-B", "main"]).unwrap();
        let this = Self { local, endpoint, home, application, _running: running, runtime };
        this.write(DEV, "delivery.yaml", DEV_RULES);
        this.write(STG, "delivery.yaml", stg_rules);
        this.rest();
        this
    }

    pub(crate) fn rest(&self) {
        self.runtime.block_on(self.local.rest(REST_WITHIN)).unwrap();
    }

    /// A person's commit to an account's deployment repository.
    pub(crate) fn write(&self, account: &str, path: &str, text: &str) {
        let git = Git::clone(&self.endpoint, account, "deployment").unwrap();
        git.run(&["checkout", "--quiet", "-B", "main"]).unwrap();
        git.write(path, text).unwrap();
        git.commit("Pat Person <pat@example.com>", &format!("Write {path}")).unwrap();
        git.push().unwrap();
    }

    /// A commit to the application in dev; its id.
    pub(crate) fn develop(&self, subject: &str) -> String {
        self.application.write("source", subject).unwrap();
        let commit = self.application.commit("Dora Dev <dora@example.com>", subject).unwrap();
        self.application.push().unwrap();
        commit
    }

    /// Pushes the image of a commit to an account's registry; its digest.
    pub(crate) fn build(&self, account: &str, commit: &str) -> String {
        let registry = Registry::login(&Aws::local(&self.endpoint, account)).unwrap();
        let image = Image::new("webapp1").version(commit).build().unwrap();
        let digest = registry.push("webapp1", Some(commit), &image).unwrap();
        self.rest();
        digest
    }

    /// The tags of the images in dev's registry, with their digests.
    pub(crate) fn tags(&self) -> Vec<(String, String)> {
        let aws = Aws::local(&self.endpoint, DEV);
        let listed = aws.call("ecr", "ListImages", &json!({ "repositoryName": "webapp1" })).unwrap();
        let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
        let images = listed["imageIds"].as_array().unwrap().iter();
        let mut tags: Vec<_> = images.map(|id| (text(&id["imageTag"]), text(&id["imageDigest"]))).collect();
        tags.sort();
        tags
    }

    /// The tip of the application's branch in stg.
    pub(crate) fn tip(&self) -> Option<String> {
        let asked = json!({ "repositoryName": "webapp1", "branchName": "main" });
        let answer = Aws::local(&self.endpoint, STG).call("codecommit", "GetBranch", &asked).ok()?;
        Some(answer["branch"]["commitId"].as_str().unwrap().to_owned())
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = towpath(self.home.path(), arguments);
        command.env("AWS_ENDPOINT_URL", &self.endpoint);
        command
    }

    /// Types a command while the accounts go on.
    pub(crate) fn say(&self, arguments: &[&str]) -> Said {
        let child = self.command(arguments).spawn().unwrap();
        let waiting = std::thread::spawn(move || child.wait_with_output());
        while !waiting.is_finished() {
            self.rest();
            std::thread::yield_now();
        }
        Said::of(&waiting.join().unwrap().unwrap())
    }

    /// Types a command; what it said, with these values under names of their own.
    pub(crate) fn shows(&self, arguments: &[&str], names: &[(&str, &str)]) -> String {
        let mut text = self.say(arguments).to_string();
        for (value, name) in names {
            let shorts: &[usize] = if value.starts_with("sha256:") { &[19] } else { &[12, 8, 7] };
            text = text.replace(*value, name);
            for length in shorts {
                text = text.replace(&value[..*length], name);
            }
        }
        for account in [DEV, STG] {
            for (value, name) in commits(&self.endpoint, account) {
                text = text.replace(&value, &name);
            }
        }
        stable(&text)
    }
}

fn stop_sweeping(local: &LocalAws, account: &str) {
    let account: local_aws::AccountId = account.parse().unwrap();
    let caller = local_aws::Caller::administrator(&account);
    let input = json!({ "Name": "towpath-reconcile" });
    let mut world = local.lock();
    world.call(&caller, local_aws::services::Service::Scheduler, "DeleteSchedule", input).unwrap();
}

fn write_profiles(home: &Path, endpoint: &str) {
    let profile = |name: &str, credentials: &str| {
        format!("[profile {name}]\nregion = eu-west-1\nendpoint_url = {endpoint}\n{credentials}\n\n")
    };
    let keys = format!("aws_access_key_id = {DEV}\naws_secret_access_key = x");
    // As people have it whose single sign-on hands out credentials through a command.
    let made = format!(r#"{{"Version":1,"AccessKeyId":"{STG}","SecretAccessKey":"x"}}"#);
    let process = format!("credential_process = echo '{made}'");
    std::fs::create_dir(home.join(".aws")).unwrap();
    std::fs::write(home.join(".aws/config"), profile("my-dev", &keys) + &profile("my-stg", &process))
        .unwrap();
    let chain = "environments:\n  - { name: dev, profile: my-dev }\n  - { name: stg, profile: my-stg }\n";
    std::fs::write(home.join("towpath.yaml"), chain).unwrap();
}

/// The folder with the functions' executables: this test's own, above `deps`.
fn executables() -> PathBuf {
    let own = std::env::current_exe().unwrap();
    let folder = own.parent().and_then(Path::parent).unwrap().to_owned();
    assert!(folder.join("on_commit").exists(), "no functions; hint: cargo build --workspace");
    folder
}

/// Rules for stg that follow the application and ask for these approvals.
pub(crate) fn stg_rules(approve: &str) -> String {
    format!("{DEV_RULES}    promote: {{ approve: {approve} }}\n")
}

#[test]
fn the_commits_between_two_environments_are_those_that_a_promotion_would_bring() {
    let world = Neighbours::with_rules(&stg_rules("push"));
    let between = ["status", "cluster1/webapp1", "--between", "dev", "stg"];
    expect![[r#"
        error: nothing tells which source commit cluster1/webapp1 has in dev
        hint: it is told by the image's tag or by Towpath's commit; towpath status shows what is known
        exit Some(5)
    "#]]
    .assert_eq(&world.shows(&between, &[]));
    let one = world.develop("First");
    world.develop("Second");
    let three = world.develop("Third \u{1b}[31m");
    let digest = world.build(DEV, &three);
    let names =
        [(three.as_str(), "<three>"), (one.as_str(), "<one>"), (digest.as_str(), "<digest of three>")];
    let image = format!("{STG}.dkr.ecr.eu-west-1.amazonaws.com/webapp1:{one}");
    let revision = json!([{ "name": "webapp1", "imageUri": image }]).to_string();
    expect![[r#"
        error: nothing tells which source commit cluster1/webapp1 has in stg
        hint: it is told by the image's tag or by Towpath's commit; towpath status shows what is known
        exit Some(5)
    "#]]
    .assert_eq(&world.shows(&between, &names));
    world.write(STG, "cluster1/webapp1/revision.json", &revision);
    world.rest();
    let second = world.application.run(&["rev-parse", "HEAD~1"]).unwrap();
    let names = [names.as_slice(), &[(second.trim(), "<two>")]].concat();
    expect![[r#"
        cluster1/webapp1 of webapp1: dev runs <three>, stg runs <one>

        2 commits in dev and not in stg, newest first:
        COMMIT  WHEN  AUTHOR  SUBJECT
        <three>  <time>  Dora Dev  Third \u{1b}[31m
        <two>  <time>  Dora Dev  Second
    "#]]
    .assert_eq(&world.shows(&between, &names));
    let back = ["status", "cluster1/webapp1", "--between", "stg", "dev"];
    let said = world.say(&back);
    assert_eq!(said.code, Some(0), "{said}");
    expect![[r#"
        SERVICE  ENVIRONMENT  VERSION  DIGEST  COMMIT  STATE
        cluster1/webapp1  dev  <three>  <digest of three>  <commit 2>  never_deployed
          stg  <one>  (by tag)  <commit 2>  never_deployed

        cluster1/webapp1 in dev is never_deployed: there is no such service in ECS
        cluster1/webapp1 in dev is refused: there is no pipeline deploy-cluster1-webapp1; create it, or name the service's pipeline in delivery.yaml (pipeline: …)
        cluster1/webapp1 in stg is never_deployed: there is no such service in ECS
        cluster1/webapp1 in stg is refused: the application repository webapp1 has no branch main; push it, or correct delivery.yaml
        cluster1/webapp1 in stg is refused: there is no pipeline deploy-cluster1-webapp1; create it, or name the service's pipeline in delivery.yaml (pipeline: …)
    "#]]
    .assert_eq(&world.shows(&["status"], &names));
    let json = world.say(&["status", "cluster1/webapp1", "--between", "dev", "stg", "--json"]).json();
    let subjects: Vec<_> =
        json["commits"].as_array().unwrap().iter().map(|commit| &commit["subject"]).collect();
    assert_eq!(subjects, ["Third \u{1b}[31m", "Second"]);
}
