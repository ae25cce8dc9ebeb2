//! An execution environment: one process of one function, which handles one invocation after the other.

use super::api::{self, Said};
use super::{Place, output};
use crate::Caller;
use crate::names::AccountId;
use crate::services::lambda::{self, Ended, Function, Invocation};
use crate::services::{iam, logs, sts};
use crate::shared::LocalAws;
use crate::world::World;
use axum::body::Bytes;
use serde_json::json;
use std::io;
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::net::TcpListener;
use tokio::process::{Child, Command};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::Instant;

/// How long a process may take until it asks for its first event.
const INIT_TIME: Duration = Duration::from_secs(10);

/// How long the pipes are given to hand over what a process wrote before it answered.
const QUIET: Duration = Duration::from_millis(2);

/// How many such lines are waited for; a process that never stops writing must not hold up its answer.
const LATE_LINES_MAX: usize = 1000;

/// What the driver is told.
#[derive(Debug)]
pub(super) enum Report {
    /// It can take an invocation.
    Idle,
    /// It has ended; these were given to it too late.
    Gone(Vec<Invocation>),
}

/// An error as functions and Lambda itself report it.
pub(super) fn error_text(kind: &str, message: &str) -> String {
    json!({ "errorType": kind, "errorMessage": message }).to_string()
}

/// What Lambda sets for a function wherever it runs, then the function's own variables.
pub fn variables(world: &mut World, account: &AccountId, function: &Function) -> Vec<(String, String)> {
    let credentials = sts::open_session(world, account, function.role_name(), &function.name);
    let mut variables = vec![
        ("_HANDLER", function.handler.clone()),
        ("AWS_LAMBDA_FUNCTION_NAME", function.name.clone()),
        ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST".to_owned()),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", function.memory_size.to_string()),
        ("AWS_LAMBDA_LOG_GROUP_NAME", lambda::log_group(&function.name)),
        ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand".to_owned()),
        ("AWS_REGION", world.region.clone()),
        ("AWS_DEFAULT_REGION", world.region.clone()),
        ("AWS_ACCESS_KEY_ID", credentials.access_key_id),
        ("AWS_SECRET_ACCESS_KEY", credentials.secret_access_key),
        ("AWS_SESSION_TOKEN", credentials.session_token),
    ];
    variables.extend(world.endpoint.clone().map(|endpoint| ("AWS_ENDPOINT_URL", endpoint)));
    let own = function.environment.iter().map(|(name, value)| (name.clone(), value.clone()));
    variables.into_iter().map(|(name, value)| (name.to_owned(), value)).chain(own).collect()
}

/// A process to be.
pub(super) struct Environment {
    local: LocalAws,
    place: Place,
    reports: mpsc::UnboundedSender<(Place, Report)>,
    log_stream: String,
}

/// A process that runs, with its Runtime API and its pipes. Dropping this kills it.
struct Process {
    child: Child,
    said: mpsc::Receiver<Said>,
    lines: mpsc::Receiver<String>,
    /// The process's request for its next event, while it waits.
    waiting: Option<oneshot::Sender<api::Event>>,
    started: Instant,
    /// How long it took to its first request; told once, in the first report.
    init: Option<Duration>,
    _tasks: JoinSet<()>,
    _folder: tempfile::TempDir,
}

/// How an invocation ended, and whether the process can take another.
struct Outcome {
    ended: Ended,
    alive: bool,
    status: Option<&'static str>,
}

impl Outcome {
    fn last(ended: Ended, status: &'static str) -> Self {
        Self { ended, alive: false, status: Some(status) }
    }
}

impl Environment {
    pub(super) fn new(
        local: LocalAws,
        place: Place,
        reports: mpsc::UnboundedSender<(Place, Report)>,
    ) -> Self {
        let log_stream = {
            let mut world = local.lock();
            let date = world.now().format("%Y/%m/%d").to_string();
            format!("{date}/[$LATEST]{}", world.ids.hex(32))
        };
        Self { local, place, reports, log_stream }
    }

    /// Starts the process and hands it invocations until it dies or nobody sends any more.
    pub(super) async fn live(self, mut work: mpsc::Receiver<Invocation>) {
        let function = self.function();
        let started = match &function {
            Some(function) => self.start(function).await.map_err(|error| error.to_string()),
            None => Err("the function was deleted".to_owned()),
        };
        match (started, function) {
            (Ok(process), Some(function)) => self.serve(process, &function, &mut work).await,
            (Err(error), _) => self.refuse(&mut work, &error).await,
            (Ok(_), None) => {}
        }
        work.close();
        let mut unanswered = Vec::new();
        while let Some(invocation) = work.recv().await {
            unanswered.push(invocation);
        }
        self.report(Report::Gone(unanswered));
    }

    fn account(&self) -> &AccountId {
        &self.place.function.0
    }

    fn name(&self) -> &str {
        &self.place.function.1
    }

    fn function(&self) -> Option<Function> {
        let world = self.local.lock();
        lambda::function(&world, self.account(), self.name()).ok().map(|held| held.function.clone())
    }

    fn report(&self, report: Report) {
        // The driver is gone only when everything ends.
        let _ = self.reports.send((self.place.clone(), report));
    }

    fn finish(&self, request_id: &str, ended: Ended) {
        lambda::finished(&mut self.local.lock(), request_id, ended);
        self.local.notify();
    }

    /// Writes to the function's log, as far as its role may.
    fn log(&self, lines: &[String]) {
        let mut world = self.local.lock();
        let group = lambda::log_group(self.name());
        let lines = match self.may_log(&world, &group) {
            Ok(()) => lines,
            Err(refusal) => &[refusal],
        };
        logs::append(&mut world, self.account(), &group, &self.log_stream, lines);
    }

    fn may_log(&self, world: &World, group: &str) -> Result<(), String> {
        let role = lambda::function(world, self.account(), self.name())
            .map(|held| held.function.role_name().to_owned())
            .unwrap_or_default();
        let caller = Caller::role(self.account(), &role, self.name());
        let resource =
            world.arn("logs", self.account(), &format!("log-group:{group}:log-stream:{}", self.log_stream));
        iam::authorize(world, &caller, "logs:PutLogEvents", &resource, &[]).map_err(|_| {
            format!("local_aws: the role {role} lacks logs:PutLogEvents on {resource}; AWS would show no log")
        })
    }

    async fn start(&self, function: &Function) -> io::Result<Process> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let folder = tempfile::Builder::new().prefix("local_aws-function-").tempdir()?;
        let mut child = Command::new(&function.executable)
            .env_clear()
            .envs(self.variables(function, &address.to_string()))
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // A person's Ctrl-C ends the local accounts, and they end their functions.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()?;
        let (said_sender, said) = mpsc::channel(4);
        let (lines_sender, lines) = mpsc::channel(1024);
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let _ = axum::serve(listener, api::router(said_sender)).await;
        });
        if let Some(pipe) = child.stdout.take() {
            tasks.spawn(output::send_lines(pipe, lines_sender.clone()));
        }
        if let Some(pipe) = child.stderr.take() {
            tasks.spawn(output::send_lines(pipe, lines_sender));
        }
        let started = Instant::now();
        Ok(Process { child, said, lines, waiting: None, started, init: None, _tasks: tasks, _folder: folder })
    }

    /// All that the process finds in its environment; nothing of this process's own.
    fn variables(&self, function: &Function, api: &str) -> Vec<(String, String)> {
        let mut world = self.local.lock();
        let folder = function.executable.parent().map(|folder| folder.display().to_string());
        let runtimes = [
            ("PATH", "/usr/local/bin:/usr/bin:/bin".to_owned()),
            ("LANG", "en_US.UTF-8".to_owned()),
            ("TZ", ":UTC".to_owned()),
            ("LAMBDA_TASK_ROOT", folder.unwrap_or_default()),
            ("AWS_LAMBDA_RUNTIME_API", api.to_owned()),
            ("AWS_LAMBDA_LOG_STREAM_NAME", self.log_stream.clone()),
        ];
        let runtimes = runtimes.into_iter().map(|(name, value)| (name.to_owned(), value));
        runtimes.chain(variables(&mut world, self.account(), function)).collect()
    }

    /// Answers the one invocation that a process was to be started for.
    async fn refuse(&self, work: &mut mpsc::Receiver<Invocation>, error: &str) {
        let Some(invocation) = work.recv().await else { return };
        let shown = self.function().map(|function| function.executable.display().to_string());
        let message = format!(
            "RequestId: {} Error: cannot start {}: {error}",
            invocation.request_id,
            shown.unwrap_or_default()
        );
        self.log(std::slice::from_ref(&message));
        self.finish(&invocation.request_id, Ended::Error(error_text("Runtime.InvalidEntrypoint", &message)));
    }

    async fn serve(&self, mut process: Process, function: &Function, work: &mut mpsc::Receiver<Invocation>) {
        loop {
            tokio::select! {
                // What it said before it ended counts.
                biased;
                invocation = work.recv() => {
                    let Some(invocation) = invocation else { return };
                    if !self.handle(&mut process, function, invocation).await {
                        return;
                    }
                    self.report(Report::Idle);
                }
                Some(said) = process.said.recv() => process.note_between(said),
                Some(line) = process.lines.recv() => self.log(&[line]),
                status = process.child.wait() => {
                    // Between invocations: nobody waits for it, the next invocation gets another.
                    self.log(&[exit_text(status)]);
                    return;
                }
            }
        }
    }

    /// Carries out one invocation; false when the process cannot take another.
    async fn handle(&self, process: &mut Process, function: &Function, invocation: Invocation) -> bool {
        let request_id = invocation.request_id.clone();
        self.log(&[format!("START RequestId: {request_id} Version: $LATEST")]);
        let mut began = Instant::now();
        let outcome = match self.wait_until_ready(process, &request_id).await {
            Err(outcome) => outcome,
            Ok(()) => {
                began = Instant::now();
                self.invoke(process, function, invocation).await
            }
        };
        let took = began.elapsed();
        for _ in 0..LATE_LINES_MAX {
            let Ok(Some(line)) = tokio::time::timeout(QUIET, process.lines.recv()).await else { break };
            self.log(&[line]);
        }
        self.log(&[
            format!("END RequestId: {request_id}"),
            process.report_line(&request_id, function, took, outcome.status),
        ]);
        self.finish(&request_id, outcome.ended);
        outcome.alive
    }

    /// Waits until the process asks for an event.
    async fn wait_until_ready(&self, process: &mut Process, request_id: &str) -> Result<(), Outcome> {
        let deadline = process.started.max(Instant::now() - INIT_TIME) + INIT_TIME;
        let deadline = deadline.max(Instant::now() + Duration::from_secs(1));
        while process.waiting.is_none() {
            tokio::select! {
                biased;
                Some(said) = process.said.recv() => {
                    if let Said::InitError { body } = said {
                        return Err(Outcome::last(reported(&body, request_id), "error"));
                    }
                    process.note_between(said);
                }
                Some(line) = process.lines.recv() => self.log(&[line]),
                status = process.child.wait() => return Err(self.exited(status, request_id)),
                () = tokio::time::sleep_until(deadline) => {
                    return Err(self.timed_out(request_id, INIT_TIME));
                }
            }
        }
        Ok(())
    }

    /// Hands over the event and waits for the answer.
    async fn invoke(&self, process: &mut Process, function: &Function, invocation: Invocation) -> Outcome {
        let limit = Duration::from_secs(u64::from(function.timeout));
        let deadline = Instant::now() + limit;
        let until = SystemTime::now() + limit;
        let request_id = invocation.request_id;
        let event = api::Event {
            request_id: request_id.clone(),
            deadline_milliseconds: until.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis(),
            function_arn: lambda::function_arn(&self.local.lock(), self.account(), self.name()),
            payload: invocation.payload,
        };
        if let Some(waiting) = process.waiting.take() {
            // A process that hung up has exited or asks again; both are seen below.
            let _ = waiting.send(event);
        }
        loop {
            tokio::select! {
                biased;
                Some(said) = process.said.recv() => match said {
                    Said::Answer { request_id: of, body } if of == request_id => {
                        let answer = String::from_utf8_lossy(&body).into_owned();
                        return Outcome { ended: Ended::Answer(answer), alive: true, status: None };
                    }
                    Said::Error { request_id: of, body } if of == request_id => {
                        return Outcome { ended: reported(&body, &request_id), alive: true, status: None };
                    }
                    Said::InitError { body } => return Outcome::last(reported(&body, &request_id), "error"),
                    other => process.note_between(other),
                },
                Some(line) = process.lines.recv() => self.log(&[line]),
                status = process.child.wait() => return self.exited(status, &request_id),
                () = tokio::time::sleep_until(deadline) => return self.timed_out(&request_id, limit),
            }
        }
    }

    fn exited(&self, status: io::Result<ExitStatus>, request_id: &str) -> Outcome {
        let message = format!("RequestId: {request_id} Error: {}", exit_text(status));
        self.log(std::slice::from_ref(&message));
        Outcome::last(Ended::Error(error_text("Runtime.ExitError", &message)), "error")
    }

    /// The process is killed when it is dropped.
    fn timed_out(&self, request_id: &str, limit: Duration) -> Outcome {
        let message =
            format!("RequestId: {request_id} Error: Task timed out after {:.2} seconds", limit.as_secs_f64());
        self.log(std::slice::from_ref(&message));
        Outcome::last(Ended::Error(error_text("Sandbox.Timedout", &message)), "timeout")
    }
}

impl Process {
    /// What it says while no invocation is under way that it could be about.
    fn note_between(&mut self, said: Said) {
        if let Said::Next(waiting) = said {
            self.waiting = Some(waiting);
            if self.init.is_none() {
                self.init = Some(self.started.elapsed());
            }
        }
    }

    fn report_line(
        &mut self,
        request_id: &str,
        function: &Function,
        took: Duration,
        status: Option<&str>,
    ) -> String {
        let milliseconds = |span: Duration| span.as_secs_f64() * 1000.0;
        let mut line = format!(
            "REPORT RequestId: {request_id}\tDuration: {:.2} ms\tBilled Duration: {:.0} ms\tMemory Size: {} MB",
            milliseconds(took),
            milliseconds(took).ceil(),
            function.memory_size
        );
        if let Some(most) = self.child.id().and_then(peak_memory_mebibytes) {
            line.push_str(&format!("\tMax Memory Used: {most} MB"));
        }
        if let Some(init) = self.init.replace(Duration::ZERO).filter(|init| !init.is_zero()) {
            line.push_str(&format!("\tInit Duration: {:.2} ms", milliseconds(init)));
        }
        if let Some(status) = status {
            line.push_str(&format!("\tStatus: {status}"));
        }
        line
    }
}

/// The most memory that a process had, where the operating system tells.
fn peak_memory_mebibytes(process_id: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process_id}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: u64 = line.trim().trim_end_matches(" kB").parse().ok()?;
    Some(kibibytes.div_ceil(1024))
}

fn reported(body: &Bytes, request_id: &str) -> Ended {
    let text = String::from_utf8_lossy(body).into_owned();
    if text.trim().is_empty() {
        let message = format!("RequestId: {request_id} Error: the function reported an error without a word");
        return Ended::Error(error_text("Runtime.Unknown", &message));
    }
    Ended::Error(text)
}

fn exit_text(status: io::Result<ExitStatus>) -> String {
    match status {
        Ok(status) if status.success() => "Runtime exited without providing a reason".to_owned(),
        Ok(status) => format!("Runtime exited with error: {status}"),
        Err(error) => format!("Runtime exited with error: {error}"),
    }
}
