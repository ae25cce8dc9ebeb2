//! `local_aws serve` as a program: what it says, how it ends, and what its store keeps.

#![expect(clippy::unwrap_used, reason = "what is not as expected fails the test")]

use client::wait::{Seen, until};
use client::{Aws, Git, Image, Registry};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

const DEV: &str = "111111111111";
const PROGRAM: &str = env!("CARGO_BIN_EXE_local_aws");

fn run(arguments: &[&str]) -> Output {
    Command::new(PROGRAM).args(arguments).stdin(Stdio::null()).output().unwrap()
}

fn refusal(arguments: &[&str]) -> String {
    let output = run(arguments);
    assert!(!output.status.success(), "{arguments:?}");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "", "{arguments:?}");
    String::from_utf8(output.stderr).unwrap()
}

/// The program, serving; killed if a test ends before it does.
struct Program {
    child: Child,
    endpoint: String,
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Program {
    fn start(arguments: &[&str]) -> Self {
        let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
        let environments = format!("--environments=dev={DEV}");
        let mut child = Command::new(PROGRAM)
            .args(["serve", "--port=0", "--project", root, &environments])
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let endpoint = line.trim_end().strip_prefix("ready ").unwrap_or_default().to_owned();
        assert!(endpoint.starts_with("http://127.0.0.1:"), "{line:?}");
        Self { child, endpoint }
    }

    fn aws(&self) -> Aws {
        Aws::local(&self.endpoint, DEV)
    }

    /// Asks it to end and returns its status.
    fn end(mut self, signal: &str) -> Option<i32> {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args([signal, &id]).status().unwrap().success());
        self.child.wait().unwrap().code()
    }

    fn wait(&self, what: &str, service: &str, operation: &str, input: &Value, path: &str, expected: &Value) {
        let look = || match self.aws().call(service, operation, input) {
            Ok(answer) if answer.pointer(path) == Some(expected) => Seen::Done(()),
            Ok(answer) => Seen::NotYet(answer.to_string()),
            Err(error) => Seen::NotYet(error.to_string()),
        };
        until(what, Duration::from_secs(60), look).unwrap();
    }
}

#[test]
fn without_a_command_it_teaches() {
    let text = refusal(&[]);
    assert!(text.contains("Usage: local_aws <COMMAND>") && text.contains("serve"), "{text}");
    let help = run(&["serve", "--help"]);
    assert!(help.status.success());
    let help = String::from_utf8(help.stdout).unwrap();
    for word in [
        "--port",
        "--region",
        "--environments",
        "--store",
        "--settings",
        "ready http://127.0.0.1:",
        "SIGTERM",
    ] {
        assert!(help.contains(word), "{word} is not in:\n{help}");
    }
}

#[test]
fn a_bad_option_is_told_with_what_was_expected() {
    let mut told = String::new();
    for arguments in [
        &["serve", "--port", "x"][..],
        &["serve", "--port", "65536"],
        &["serve", "--environments", "dev"],
        &["serve", "--environments", "dev=1"],
        &["serve", "--environments", "../x=111111111111"],
        &["serve", "--port", "0", "--environments", "dev=111111111111,dev=222222222222"],
        &["serve", "--port", "0", "--environments", "dev=111111111111,stg=111111111111"],
        &["serve", "--port", "0", "--region", "../x"],
        &["serve", "--port", "0", "--settings", "/absent/settings"],
        &["serve", "--port", "0", "--project", "/absent"],
        &["serve", "--port", "0", "--store", "/proc/absent"],
        &["serve", "--speed", "9"],
    ] {
        let text = refusal(arguments);
        let first = text.lines().next().unwrap_or_default();
        told.push_str(&format!("{}\n  {first}\n", arguments.join(" ")));
    }
    expect_test::expect![[r#"
        serve --port x
          error: invalid value 'x' for '--port <PORT>': invalid digit found in string
        serve --port 65536
          error: invalid value '65536' for '--port <PORT>': 65536 is not in 0..=65535
        serve --environments dev
          error: invalid value 'dev' for '--environments <NAME=ACCOUNT,…>': `dev` is no environment: expected <name>=<12-digit account id>
        serve --environments dev=1
          error: invalid value 'dev=1' for '--environments <NAME=ACCOUNT,…>': `1` is not an account id: expected 12 digits
        serve --environments ../x=111111111111
          error: invalid value '../x=111111111111' for '--environments <NAME=ACCOUNT,…>': `../x` is no environment's name: expected 1 to 20 of a-z and 0-9
        serve --port 0 --environments dev=111111111111,dev=222222222222
          local_aws: the environment dev is given twice: expected each name once
        serve --port 0 --environments dev=111111111111,stg=111111111111
          local_aws: dev and stg are both the account 111111111111: expected one of its own for each
        serve --port 0 --region ../x
          local_aws: `../x` is no Region: expected a name such as eu-west-1
        serve --port 0 --settings /absent/settings
          local_aws: cannot read the settings /absent/settings: No such file or directory (os error 2)
        serve --port 0 --project /absent
          local_aws: cannot read /absent/infra/deployment_repository.yaml: No such file or directory (os error 2); hint: --project names the folder with template.yaml
        serve --port 0 --store /proc/absent
          local_aws: cannot use the store /proc/absent: No such file or directory (os error 2)
        serve --speed 9
          error: unexpected argument '--speed' found
    "#]].assert_eq(&told);
}

#[test]
fn a_taken_port_is_told_in_one_line() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let text = refusal(&["serve", "--port", &port]).replace(&port, "<port>");
    expect_test::expect![[r#"
        local_aws: cannot listen on 127.0.0.1:<port>: Address already in use (os error 98); hint: --port 0 picks a free port
    "#]].assert_eq(&text);
}

#[test]
fn two_at_once_know_nothing_of_each_other() {
    let (one, other) = (Program::start(&[]), Program::start(&[]));
    assert_ne!(one.endpoint, other.endpoint);
    one.aws().call("ecs", "CreateCluster", &json!({ "clusterName": "town" })).unwrap();
    let clusters = other.aws().call("ecs", "ListClusters", &json!({})).unwrap();
    assert_eq!(clusters["clusterArns"], json!([]));
    assert_eq!((one.end("-TERM"), other.end("-INT")), (Some(0), Some(0)));
}

/// Processes whose parent this one is.
fn children(parent: u32) -> Vec<u32> {
    let all = std::fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    all.filter(|id: &u32| {
        let status = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
        let fields = status.rsplit(')').next().unwrap_or_default();
        fields.split_whitespace().nth(1) == Some(&parent.to_string())
    })
    .collect()
}

#[test]
fn its_functions_end_with_it() {
    let folder = Path::new(PROGRAM).parent().unwrap();
    if !folder.join("on_commit").exists() {
        println!("left out: the functions are not built (hint: cargo build --workspace)");
        let all = std::env::var("TOWPATH_TEST_ALL").unwrap_or_default();
        assert!(all.is_empty(), "the functions are not built");
        return;
    }
    for signal in ["-TERM", "-INT"] {
        let program = Program::start(&[]);
        let input = json!({ "repositoryName": "deployment", "branchName": "main", "filePath": "a", "fileContent": "YQ==" });
        program.aws().call("codecommit", "PutFile", &input).unwrap();
        // on_commit is woken by the commit and stays for the next one.
        let id = program.child.id();
        let look = || match children(id) {
            none if none.is_empty() => Seen::NotYet("no process".to_owned()),
            some => Seen::Done(some),
        };
        let functions = until("a function's process", Duration::from_secs(30), look).unwrap();
        assert_eq!(program.end(signal), Some(0));
        for function in functions {
            let runs = || match std::fs::read_to_string(format!("/proc/{function}/comm")) {
                Ok(name) => Seen::NotYet(name),
                Err(_) => Seen::Done(()),
            };
            until("the function's end", Duration::from_secs(10), runs).unwrap();
        }
    }
}

/// A service that runs an image, its pipeline, and a commit that names the image by digest. Returns the commit.
fn set_up(program: &Program) -> String {
    let aws = program.aws();
    aws.call("ecr", "CreateRepository", &json!({ "repositoryName": "web" })).unwrap();
    let image = Image::new("web").build().unwrap();
    Registry::login(&aws).unwrap().push("web", Some("1"), &image).unwrap();
    aws.call("ecs", "CreateCluster", &json!({ "clusterName": "town" })).unwrap();
    let uri = format!("{DEV}.dkr.ecr.eu-west-1.amazonaws.com/web");
    let container = json!({ "name": "web", "image": format!("{uri}:1"), "memory": 128 });
    let definition = json!({ "family": "web", "containerDefinitions": [container] });
    aws.call("ecs", "RegisterTaskDefinition", &definition).unwrap();
    let service =
        json!({ "cluster": "town", "serviceName": "web", "taskDefinition": "web", "desiredCount": 1 });
    aws.call("ecs", "CreateService", &service).unwrap();
    let git = Git::clone(&program.endpoint, DEV, "deployment").unwrap();
    let revision = json!([{ "name": "web", "imageUri": format!("{uri}@{}", image.digest) }]);
    git.write("town/web/revision.json", revision.to_string()).unwrap();
    let commit = git.commit("Pat <pat@example.com>", "web").unwrap();
    git.push().unwrap();
    let template = include_str!("../../../infra/pipeline.yaml");
    let form = [
        ("StackName", "pipeline-town-web"),
        ("TemplateBody", template),
        ("Parameters.member.1.ParameterKey", "Cluster"),
        ("Parameters.member.1.ParameterValue", "town"),
        ("Parameters.member.2.ParameterKey", "Service"),
        ("Parameters.member.2.ParameterValue", "web"),
    ];
    aws.query("cloudformation", "CreateStack", &form).unwrap();
    commit
}

#[test]
fn a_store_survives_a_restart_in_the_middle_of_a_pipeline() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("store");
    let arguments = ["--store", store.to_str().unwrap()];
    let program = Program::start(&arguments);
    let commit = set_up(&program);
    // Ended while the pipeline's first execution, which the stack's creation started, is under way.
    assert_eq!(program.end("-TERM"), Some(0));

    let program = Program::start(&arguments);
    let pipeline = json!({ "pipelineName": "deploy-town-web" });
    let path = "/pipelineExecutionSummaries/0/status";
    program.wait(
        "the execution's end",
        "codepipeline",
        "ListPipelineExecutions",
        &pipeline,
        path,
        &json!("Succeeded"),
    );
    let found = program.aws().call("codepipeline", "ListPipelineExecutions", &pipeline).unwrap();
    assert_eq!(found["pipelineExecutionSummaries"][0]["sourceRevisions"][0]["revisionId"], json!(commit));
    let service = json!({ "cluster": "town", "services": ["web"] });
    program.wait("the task", "ecs", "DescribeServices", &service, "/services/0/runningCount", &json!(1));
    let git = Git::clone(&program.endpoint, DEV, "deployment").unwrap();
    assert_eq!(git.head().unwrap(), commit);
    let image = Image::new("web").build().unwrap();
    let asked = json!({ "repositoryName": "web", "imageIds": [{ "imageTag": "1" }] });
    let got = program.aws().call("ecr", "BatchGetImage", &asked).unwrap();
    assert_eq!(got["images"][0]["imageManifest"], json!(image.manifest));
    let stack = [("StackName", "pipeline-town-web")];
    let stack = format!("{:?}", program.aws().query("cloudformation", "DescribeStacks", &stack).unwrap());
    assert!(stack.contains("CREATE_COMPLETE"), "{stack}");
    // Queues say where they are now, not where they were.
    let queues = program.aws().call("sqs", "ListQueues", &json!({})).unwrap();
    assert!(queues["QueueUrls"][0].as_str().unwrap().starts_with(&program.endpoint), "{queues}");
    assert_eq!(program.end("-INT"), Some(0));
}
