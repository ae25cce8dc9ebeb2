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

    /// The processor time of its threads, to the nanosecond as the scheduler counts it. Where threads have ended, as much as
    /// `/proc/…/stat` tells, which counts them too, but in hundredths of a second.
    fn cpu(&self) -> Result<Duration, Failure> {
        let process = format!("/proc/{}", self.child.id());
        let mut nanoseconds = 0;
        for task in std::fs::read_dir(format!("{process}/task"))? {
            let Ok(text) = std::fs::read_to_string(task?.path().join("schedstat")) else { continue };
            let on_cpu: u64 = text.split_whitespace().next().ok_or("schedstat is empty")?.parse()?;
            nanoseconds += on_cpu;
        }
        let stat = std::fs::read_to_string(format!("{process}/stat"))?;
        Ok(Duration::from_nanos(nanoseconds).max(ticks(&stat).ok_or("/proc tells no processor time")?))
    }
}

/// The user's and the system's time in the text of `/proc/…/stat`. Behind the program's name, which may have any
/// characters, they are the 12th and 13th field.
fn ticks(stat: &str) -> Option<Duration> {
    const TICK: Duration = Duration::from_millis(10);
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_whitespace().skip(11);
    let (user, system): (u32, u32) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    Some(TICK * (user + system))
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_processor_time_of_a_process_stands_behind_its_name() {
        assert_eq!(ticks(""), None);
        let stat = "7 (a (b) c) S 1 2 3 4 5 6 7 8 9 10 30 12 13 14";
        assert_eq!(ticks(stat), Some(Duration::from_millis(420)));
    }
}
