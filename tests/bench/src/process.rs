//! One process of a handler, and what it has cost so far.

use crate::Failure;
use crate::lambda::{Answered, RuntimeApi};
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio::runtime::Handle;

/// How to start a handler.
#[derive(Debug, Clone)]
pub(crate) struct Program {
    /// The executable.
    pub(crate) executable: PathBuf,
    /// What it is given.
    pub(crate) arguments: Vec<OsString>,
    /// The environment, but for the address of its Runtime API.
    pub(crate) variables: Vec<(String, OsString)>,
}

/// What one event took.
#[derive(Debug, Clone)]
pub(crate) struct Took {
    /// To the answer; of the first event, from the process's start.
    pub(crate) wall: Duration,
    /// All the process's threads together, until it waits for its next event.
    pub(crate) cpu: Duration,
    /// What it answered.
    pub(crate) answer: String,
}

/// A handler that runs. Dropping this ends it.
pub(crate) struct Process {
    api: RuntimeApi,
    child: Child,
    folder: TempDir,
}

impl Process {
    /// Starts the handler with its first event waiting for it.
    pub(crate) fn start(
        handle: &Handle,
        program: &Program,
        function_arn: &str,
        event: &str,
    ) -> Result<(Self, Took), Failure> {
        let api = RuntimeApi::start(handle, function_arn)?;
        api.send(event)?;
        let folder = TempDir::with_prefix("towpath-bench-")?;
        let said = std::fs::File::create(folder.path().join("said"))?;
        let mut command = Command::new(&program.executable);
        command
            .args(&program.arguments)
            .env_clear()
            .envs(program.variables.iter().map(|(name, value)| (name, value)))
            .env("AWS_LAMBDA_RUNTIME_API", api.address())
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(said.try_clone()?)
            .stderr(said);
        let began = Instant::now();
        let child = command.spawn().map_err(|error| format!("{}: {error}", program.executable.display()))?;
        let mut process = Self { api, child, folder };
        let Answered { at, body } = process.answer()?;
        let cpu = process.cpu()?;
        Ok((process, Took { wall: at.duration_since(began), cpu, answer: body }))
    }

    /// Gives it one more event.
    pub(crate) fn invoke(&mut self, event: &str) -> Result<Took, Failure> {
        let before = self.cpu()?;
        let began = Instant::now();
        self.api.send(event)?;
        let Answered { at, body } = self.answer()?;
        let cpu = self.cpu()?.saturating_sub(before);
        Ok(Took { wall: at.duration_since(began), cpu, answer: body })
    }

    /// Its answer, once it waits for the next event.
    fn answer(&mut self) -> Result<Answered, Failure> {
        self.api.answer().map_err(|error| format!("{error}\n{}", self.said()).into())
    }

    /// What it wrote.
    pub(crate) fn said(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("said")).unwrap_or_default()
    }

    /// The most memory that it ever held at one time, in KiB.
    pub(crate) fn peak_kib(&self) -> Result<u64, Failure> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let number = line.and_then(|line| line.split_whitespace().next());
        Ok(number.ok_or("/proc tells no VmHWM")?.parse()?)
    }

    /// The processor time of its threads, to the nanosecond as the scheduler counts it; `/proc/…/stat` counts in
    /// hundredths of a second.
    fn cpu(&self) -> Result<Duration, Failure> {
        let mut nanoseconds = 0;
        for task in std::fs::read_dir(format!("/proc/{}/task", self.child.id()))? {
            let Ok(text) = std::fs::read_to_string(task?.path().join("schedstat")) else { continue };
            let on_cpu: u64 = text.split_whitespace().next().ok_or("schedstat is empty")?.parse()?;
            nanoseconds += on_cpu;
        }
        Ok(Duration::from_nanos(nanoseconds))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
