use super::{keep_time, run};
use crate::clock::Clock;
use crate::names::AccountId;
use crate::services::lambda::{self, Ended, Function};
use crate::services::testing::{DEV, call, role, world};
use crate::services::{Service, logs};
use crate::shared::LocalAws;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::Duration;
use tokio::task::JoinSet;

/// Not a test but the function that the tests run: this very program, as a process that speaks the Runtime
/// API. It does what its events say.
#[test]
fn function_process() {
    let Ok(api) = std::env::var("AWS_LAMBDA_RUNTIME_API") else { return };
    println!("process {} begins", std::process::id());
    loop {
        let (headers, body) = request(&api, "GET", "invocation/next", "");
        let name = "lambda-runtime-aws-request-id: ";
        let request_id = headers.iter().find_map(|header| header.strip_prefix(name)).unwrap().to_owned();
        let event: Value = serde_json::from_str(&body).unwrap();
        let answer = match event["do"].as_str().unwrap() {
            "echo" => json!({ "process": std::process::id(), "event": event }),
            "variables" => {
                let mut names: Vec<String> = std::env::vars().map(|(name, _)| name).collect();
                names.sort();
                json!(names)
            }
            "fail" => {
                let error = r#"{"errorType":"Told","errorMessage":"told to fail"}"#;
                request(&api, "POST", &format!("invocation/{request_id}/error"), error);
                continue;
            }
            "exit" => std::process::exit(3),
            "hang" => loop {
                std::thread::park();
            },
            other => panic!("{other}?"),
        };
        println!("answering {request_id}");
        request(&api, "POST", &format!("invocation/{request_id}/response"), &answer.to_string());
    }
}

/// One HTTP request with a connection of its own; returns headers and body.
fn request(api: &str, method: &str, path: &str, body: &str) -> (Vec<String>, String) {
    let mut stream = TcpStream::connect(api).unwrap();
    let length = body.len();
    write!(stream, "{method} /2018-06-01/runtime/{path} HTTP/1.1\r\nhost: {api}\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}").unwrap();
    let mut reader = BufReader::new(stream);
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        match line.trim_end() {
            "" => break,
            header => headers.push(header.to_owned()),
        }
    }
    let mut body = String::new();
    reader.read_to_string(&mut body).unwrap();
    (headers, body)
}

/// Local accounts with the driver running, and one function in them.
struct Stage {
    local: LocalAws,
    account: AccountId,
    tasks: JoinSet<()>,
    _folder: tempfile::TempDir,
}

impl Stage {
    fn open(timeout: u32) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let bootstrap = folder.path().join("bootstrap");
        let this = std::env::current_exe().unwrap();
        let test = "runtime::tests::function_process --exact --nocapture";
        std::fs::write(&bootstrap, format!("#!/bin/sh\nexec '{}' {test}\n", this.display())).unwrap();
        std::fs::set_permissions(&bootstrap, std::fs::Permissions::from_mode(0o755)).unwrap();
        let mut stage = Self::with_executable(bootstrap, timeout);
        stage._folder = folder;
        stage
    }

    fn with_executable(executable: PathBuf, timeout: u32) -> Self {
        let mut world = world();
        world.clock = Clock::Real;
        world.endpoint = Some("http://127.0.0.1:1".to_owned());
        let role = role(&mut world, DEV, "f", "lambda.amazonaws.com", &["logs:PutLogEvents"]);
        let account: AccountId = DEV.parse().unwrap();
        let mut function = Function::new("f", &role, executable);
        function.timeout = timeout;
        function.environment = [("OWN".to_owned(), "1".to_owned())].into();
        lambda::create_function(&mut world, &account, function).unwrap();
        let local = LocalAws::new(world);
        let mut tasks = JoinSet::new();
        tasks.spawn(run(local.clone()));
        tasks.spawn(keep_time(local.clone()));
        Self { local, account, tasks, _folder: tempfile::tempdir().unwrap() }
    }

    /// Invokes the function and waits for its answer. Returns the request id too.
    async fn invoke(&self, event: &Value) -> (String, Ended) {
        let input = json!({ "FunctionName": "f", "Payload": event.to_string() });
        let begun = call(&mut self.local.lock(), Service::Lambda, "Invoke", input);
        let request_id = begun["RequestId"].as_str().unwrap().to_owned();
        self.local.notify();
        let answered = async {
            loop {
                let changed = self.local.changed();
                if let Some(ended) = lambda::take_answer(&mut self.local.lock(), &self.account, &request_id) {
                    return ended;
                }
                changed.await;
            }
        };
        let ended = tokio::time::timeout(Duration::from_secs(60), answered).await.expect("an answer");
        (request_id, ended)
    }

    fn log_of(&self, request_id: &str) -> String {
        logs::lines_of_request(&self.local.lock(), &self.account, "/aws/lambda/f", request_id, 4096)
    }
}

fn answer(ended: Ended) -> Value {
    match ended {
        Ended::Answer(text) => serde_json::from_str(&text).unwrap(),
        Ended::Error(text) => panic!("{text}"),
    }
}

fn error(ended: Ended) -> Value {
    match ended {
        Ended::Error(text) => serde_json::from_str(&text).unwrap(),
        Ended::Answer(text) => panic!("{text}"),
    }
}

#[tokio::test]
async fn one_warm_process_answers_one_event_after_the_other() {
    let stage = Stage::open(60);
    let (first_id, first) = stage.invoke(&json!({"do": "echo", "n": 1})).await;
    let (_, second) = stage.invoke(&json!({"do": "echo", "n": 2})).await;
    let (first, second) = (answer(first), answer(second));
    assert_eq!((&first["event"]["n"], &second["event"]["n"]), (&json!(1), &json!(2)));
    assert_eq!(first["process"], second["process"]);
    let log = stage.log_of(&first_id);
    for line in [
        format!("START RequestId: {first_id}"),
        format!("answering {first_id}"),
        format!("END RequestId: {first_id}\nREPORT"),
    ] {
        assert!(log.contains(&line), "{log}");
    }
}

#[tokio::test]
async fn a_function_sees_what_lambda_sets_and_nothing_else() {
    let stage = Stage::open(60);
    let (_, names) = stage.invoke(&json!({"do": "variables"})).await;
    let names = answer(names);
    // The shell that stands before the test's function adds its own.
    let shells = ["PWD", "OLDPWD", "SHLVL", "_"];
    let names: Vec<&str> = names
        .as_array()
        .unwrap()
        .iter()
        .map(|name| name.as_str().unwrap())
        .filter(|name| !shells.contains(name))
        .collect();
    expect_test::expect![[r#"
        [
            "AWS_ACCESS_KEY_ID",
            "AWS_DEFAULT_REGION",
            "AWS_ENDPOINT_URL",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
            "AWS_LAMBDA_FUNCTION_NAME",
            "AWS_LAMBDA_FUNCTION_VERSION",
            "AWS_LAMBDA_INITIALIZATION_TYPE",
            "AWS_LAMBDA_LOG_GROUP_NAME",
            "AWS_LAMBDA_LOG_STREAM_NAME",
            "AWS_LAMBDA_RUNTIME_API",
            "AWS_REGION",
            "AWS_SECRET_ACCESS_KEY",
            "AWS_SESSION_TOKEN",
            "LAMBDA_TASK_ROOT",
            "LANG",
            "OWN",
            "PATH",
            "TZ",
            "_HANDLER",
        ]
    "#]]
    .assert_debug_eq(&names);
}

#[tokio::test]
async fn a_reported_error_keeps_the_process() {
    let stage = Stage::open(60);
    let (_, failed) = stage.invoke(&json!({"do": "fail"})).await;
    assert_eq!(error(failed), json!({"errorType": "Told", "errorMessage": "told to fail"}));
    answer(stage.invoke(&json!({"do": "echo"})).await.1);
}

#[tokio::test]
async fn a_process_that_exits_is_an_error_and_the_next_event_gets_another() {
    let stage = Stage::open(60);
    let (request_id, exited) = stage.invoke(&json!({"do": "exit"})).await;
    let message = format!("RequestId: {request_id} Error: Runtime exited with error: exit status: 3");
    assert_eq!(error(exited), json!({"errorType": "Runtime.ExitError", "errorMessage": message}));
    answer(stage.invoke(&json!({"do": "echo"})).await.1);
}

#[tokio::test]
async fn a_process_that_hangs_is_killed_in_time() {
    let mut stage = Stage::open(1);
    answer(stage.invoke(&json!({"do": "echo"})).await.1);
    let (request_id, hung) = stage.invoke(&json!({"do": "hang"})).await;
    let message = format!("RequestId: {request_id} Error: Task timed out after 1.00 seconds");
    assert_eq!(error(hung), json!({"errorType": "Sandbox.Timedout", "errorMessage": message}));
    let process = answer(stage.invoke(&json!({"do": "echo"})).await.1)["process"].clone();
    stage.tasks.shutdown().await;
    assert!(is_gone(process.as_u64().unwrap()).await, "process {process} outlives the local accounts");
}

/// A killed child stays in the process table until the runtime has waited for it.
async fn is_gone(process: u64) -> bool {
    for _ in 0..500 {
        match std::fs::read_to_string(format!("/proc/{process}/stat")) {
            Ok(stat) if !stat.contains(") Z ") => tokio::time::sleep(Duration::from_millis(10)).await,
            _ => return true,
        }
    }
    false
}

#[tokio::test]
async fn an_executable_that_is_not_there_is_an_error() {
    let stage = Stage::with_executable(PathBuf::from("/no/such/bootstrap"), 3);
    let (request_id, refused) = stage.invoke(&json!({"do": "echo"})).await;
    let message = format!(
        "RequestId: {request_id} Error: cannot start /no/such/bootstrap: No such file or directory (os error 2)"
    );
    assert_eq!(error(refused), json!({"errorType": "Runtime.InvalidEntrypoint", "errorMessage": message}));
}
