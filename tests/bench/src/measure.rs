//! The rounds: every handler in turn, each round the other one first, from the same state of the same account.

use crate::Failure;
use crate::benchmarks::{Benchmark, Size};
use crate::process::{Process, Program, Took};
use crate::python::Python;
use crate::relay::{Passed, Relay};
use crate::scene::{Places, Scene};
use serde_json::Value;
use std::ffi::OsString;
use std::path::Path;
use std::time::Duration;
use tokio::runtime::Handle;

/// How long each request waits while round trips are counted: so long that those that can go side by side do.
const ROUND_TRIP: Duration = Duration::from_millis(40);

/// How often things are done.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Repetitions {
    /// How many processes of each handler are started.
    pub(crate) rounds: usize,
    /// How many events each of them gets after its first.
    pub(crate) warm: usize,
}

/// What was measured of one handler of one function.
#[derive(Debug, Clone)]
pub(crate) struct Measured {
    /// The first event of each process, from the process's start.
    pub(crate) cold: Vec<Took>,
    /// The later events.
    pub(crate) warm: Vec<Took>,
    /// The peak memory of each process, in KiB.
    pub(crate) peak_kib: Vec<u64>,
    /// What passed the relay for one event.
    pub(crate) passed: Passed,
}

/// Both handlers of one function.
#[derive(Debug, Clone)]
pub(crate) struct Compared {
    pub(crate) benchmark: Benchmark,
    pub(crate) towpath: Measured,
    /// None where there is no Python handler.
    pub(crate) python: Option<Measured>,
}

/// Everything that a measurement needs beside the function.
pub(crate) struct Bench<'a> {
    pub(crate) handle: &'a Handle,
    pub(crate) places: &'a Places,
    pub(crate) size: Size,
    pub(crate) repetitions: Repetitions,
    pub(crate) python: Option<&'a Python>,
    pub(crate) authority: &'a crate::authority::Authority,
}

/// One handler in the course of its rounds.
struct Handler {
    program: Program,
    measured: Option<Measured>,
    cold: Vec<Took>,
    warm: Vec<Took>,
    peak_kib: Vec<u64>,
}

impl Bench<'_> {
    /// Measures a function's handlers next to each other.
    pub(crate) fn compare(&self, benchmark: Benchmark) -> Result<Compared, Failure> {
        let (mut scene, event) = benchmark.prepare(self.handle, self.places, self.size)?;
        let relay = self.handle.block_on(Relay::start(self.authority, scene.address().parse()?))?;
        let endpoint = format!("https://{}:{}", crate::authority::HOST, relay.port);
        scene.say_endpoint(&endpoint);
        let mut handlers = self.handlers(benchmark.function, &scene, endpoint)?;
        scene.stand_still()?;
        let course = Course { bench: self, benchmark, scene: &scene, relay: &relay, event: &event };
        let mut effects: Vec<String> = Vec::new();
        for handler in &mut handlers {
            let (measured, effect) = course.count(&handler.program)?;
            handler.measured = Some(measured);
            effects.push(effect);
        }
        if let [ours, theirs] = effects.as_slice()
            && ours != theirs
        {
            let text = format!("{}: the handlers differ:\n{ours}\n{theirs}", benchmark.function);
            return Err(text.into());
        }
        for round in 0..self.repetitions.rounds {
            if round % 2 == 1 {
                handlers.reverse();
            }
            for handler in &mut handlers {
                course.round(handler, effects.first().map(String::as_str))?;
            }
            if round % 2 == 1 {
                handlers.reverse();
            }
        }
        let mut measured = handlers.into_iter().map(Handler::measured);
        let towpath = measured.next().flatten().ok_or("nothing was measured")?;
        Ok(Compared { benchmark, towpath, python: measured.next().flatten() })
    }

    /// Ours, and Python's where there is one.
    fn handlers(&self, function: &str, scene: &Scene, endpoint: String) -> Result<Vec<Handler>, Failure> {
        let mut variables: Vec<(String, OsString)> =
            scene.variables(function)?.into_iter().map(|(name, value)| (name, value.into())).collect();
        variables.push(("AWS_ENDPOINT_URL".to_owned(), endpoint.into()));
        for name in ["SSL_CERT_FILE", "AWS_CA_BUNDLE"] {
            variables.push((name.to_owned(), self.authority.bundle.clone().into()));
        }
        let executable = self.places.functions.join(function);
        let ours = Program { executable, arguments: Vec::new(), variables: variables.clone() };
        let theirs = self.python.and_then(|python| python.program(function, variables));
        Ok([Some(ours), theirs].into_iter().flatten().map(Handler::of).collect())
    }
}

impl Handler {
    fn of(program: Program) -> Self {
        Self { program, measured: None, cold: Vec::new(), warm: Vec::new(), peak_kib: Vec::new() }
    }

    fn measured(self) -> Option<Measured> {
        let Self { program: _, measured, cold, warm, peak_kib } = self;
        Some(Measured { cold, warm, peak_kib, ..measured? })
    }
}

/// The course of one function's benchmark.
struct Course<'a> {
    bench: &'a Bench<'a>,
    benchmark: Benchmark,
    scene: &'a Scene,
    relay: &'a Relay,
    event: &'a str,
}

impl Course<'_> {
    fn start(&self, program: &Program) -> Result<(Process, Took), Failure> {
        let arn = self.scene.function_arn(self.benchmark.function);
        Process::start(self.bench.handle, program, &arn, self.event)
    }

    /// One event with every request so slow that those which wait for none other go side by side; and its effect.
    fn count(&self, program: &Program) -> Result<(Measured, String), Failure> {
        self.scene.restore()?;
        let before = (self.benchmark.effect)(self.scene)?;
        self.relay.reset(ROUND_TRIP);
        let (process, took) = self.start(program)?;
        let passed = self.relay.passed();
        let effect = (self.benchmark.effect)(self.scene)?;
        let shown = || format!("{}\n{}", took.answer, process.said());
        if is_failure(&took.answer) {
            return Err(format!("{}: the event came back: {}", self.name(program), shown()).into());
        }
        if before == effect && self.benchmark.function != "reconcile" {
            return Err(format!("{}: the event changed nothing: {}", self.name(program), shown()).into());
        }
        let (cold, warm, peak_kib) = (Vec::new(), Vec::new(), Vec::new());
        Ok((Measured { cold, warm, peak_kib, passed }, effect))
    }

    /// One process: its first event, and those after it.
    fn round(&self, handler: &mut Handler, effect: Option<&str>) -> Result<(), Failure> {
        self.scene.restore()?;
        self.relay.reset(Duration::ZERO);
        let (mut process, took) = self.start(&handler.program)?;
        self.check(&handler.program, effect)?;
        handler.cold.push(took);
        for _ in 0..self.bench.repetitions.warm {
            self.scene.restore()?;
            handler.warm.push(process.invoke(self.event)?);
        }
        self.check(&handler.program, effect)?;
        handler.peak_kib.push(process.peak_kib()?);
        Ok(())
    }

    fn check(&self, program: &Program, effect: Option<&str>) -> Result<(), Failure> {
        let now = (self.benchmark.effect)(self.scene)?;
        match effect {
            Some(effect) if effect != now => {
                Err(format!("{}: this time it made {now}, before {effect}", self.name(program)).into())
            }
            _ => Ok(()),
        }
    }

    fn name(&self, program: &Program) -> String {
        let file = program.executable.file_name().map(|name| name.display().to_string());
        format!("{} by {}", self.benchmark.function, file.unwrap_or_default())
    }
}

/// Whether an answer says that messages must come back.
fn is_failure(answer: &str) -> bool {
    let answer: Value = serde_json::from_str(answer).unwrap_or_default();
    let failures = answer.pointer("/batchItemFailures").and_then(Value::as_array);
    failures.is_some_and(|failures| !failures.is_empty())
}

/// The size of an executable, and of a zip archive with it alone, as `sam build` makes it. What is far beyond any
/// release build is not zipped: that would only take time.
pub(crate) fn sizes(executable: &Path) -> Result<(u64, Option<u64>), Failure> {
    /// What a zip archive adds to one file named `bootstrap`: two headers with its name, and the end record.
    const ARCHIVE_BYTES: u64 = 30 + 46 + 2 * 9 + 22;
    const ZIPPED_MAX: usize = 32 << 20;
    let bytes = std::fs::read(executable)?;
    let size = bytes.len() as u64;
    if bytes.len() > ZIPPED_MAX {
        return Ok((size, None));
    }
    let mut encoder = flate2::write::DeflateEncoder::new(std::io::sink(), flate2::Compression::default());
    std::io::Write::write_all(&mut encoder, &bytes)?;
    encoder.try_finish()?;
    Ok((size, Some(encoder.total_out() + ARCHIVE_BYTES)))
}
