//! `scripts/bench`: what a function costs, next to what a user would write instead. Both handlers do the same work for
//! the same events on the same accounts, over TLS; what they bring about is compared, and must be equal.

mod authority;
mod benchmarks;
mod budget;
mod lambda;
mod measure;
mod process;
mod python;
mod relay;
mod report;
mod scene;

use authority::Authority;
use benchmarks::{BENCHMARKS, Benchmark, Size};
use clap::Parser;
use measure::{Bench, Repetitions};
use python::Python;
use report::Report;
use scene::Places;
use std::path::PathBuf;
use std::process::ExitCode;

/// Whatever went wrong, as text.
pub(crate) type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Where the roots of the public web lie when no Python tells.
const SYSTEM_ROOTS: &str = "/etc/ssl/certs/ca-certificates.crt";

/// Measures the functions' executables: cold start over TLS, warm events, memory, size, calls. Where a Python handler
/// with boto3 does the same work, the two take turns in one run. `scripts/bench copy` measures the copying of images.
#[derive(Debug, Parser)]
#[command(name = "scripts/bench")]
struct Arguments {
    /// Three rounds instead of fifteen: about a minute, and figures that wobble.
    #[arg(long)]
    quick: bool,
    /// How many processes of each handler are started.
    #[arg(long)]
    rounds: Option<usize>,
    /// How many events each process gets after its first.
    #[arg(long)]
    warm: Option<usize>,
    /// Only this function; may be given several times.
    #[arg(long = "function", value_name = "NAME")]
    functions: Vec<String>,
    /// How many images the service's repository holds.
    #[arg(long, default_value_t = 100)]
    images: usize,
    /// How many services a sweep looks at.
    #[arg(long, default_value_t = 10)]
    services: usize,
    /// Writes JSON instead of tables.
    #[arg(long)]
    json: bool,
    /// The Python of the handlers next to ours.
    #[arg(long, default_value = "python3")]
    python: String,
    /// Leaves the Python handlers out.
    #[arg(long)]
    without_python: bool,
    /// The folder with template.yaml and infra/.
    #[arg(long, default_value = ".", hide = true)]
    project: PathBuf,
    /// The folder with the functions' executables; this program's own when absent.
    #[arg(long, hide = true)]
    executables: Option<PathBuf>,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(&arguments) {
        Ok(text) => {
            println!("{text}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("bench: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<String, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let python = find_python(arguments)?;
    let roots = python.as_ref().map_or_else(|| PathBuf::from(SYSTEM_ROOTS), |python| python.roots.clone());
    // Without roots of the public web the bundle holds this run's own alone.
    let roots = std::fs::read_to_string(roots).unwrap_or_default();
    let folder = tempfile::TempDir::with_prefix("towpath-bench-")?;
    let authority = Authority::make(folder.path(), &roots)?;
    let own = std::env::current_exe()?.parent().map(PathBuf::from).unwrap_or_default();
    let places = Places {
        project: arguments.project.canonicalize()?,
        functions: arguments.executables.clone().unwrap_or(own),
    };
    let (rounds, warm) = if arguments.quick { (3, 5) } else { (15, 20) };
    let repetitions =
        Repetitions { rounds: arguments.rounds.unwrap_or(rounds), warm: arguments.warm.unwrap_or(warm) };
    let size = Size { images: arguments.images, services: arguments.services };
    let (handle, python) = (runtime.handle(), python.as_ref());
    let bench = Bench { handle, places: &places, size, repetitions, python, authority: &authority };
    let mut compared = Vec::new();
    for benchmark in chosen(&arguments.functions)? {
        eprintln!("{}: {}…", benchmark.function, benchmark.what);
        compared.push(bench.compare(benchmark)?);
    }
    let report = Report::new(&compared, &places.functions, conditions(&bench, &roots))?;
    if arguments.json { report.json() } else { Ok(report.table()) }
}

fn find_python(arguments: &Arguments) -> Result<Option<Python>, Failure> {
    if arguments.without_python {
        return Ok(None);
    }
    Python::find(&arguments.python, &arguments.project.join("tests/bench/python").canonicalize()?).map(Some)
}

fn chosen(names: &[String]) -> Result<Vec<Benchmark>, Failure> {
    let all: Vec<&str> = BENCHMARKS.iter().map(|benchmark| benchmark.function).collect();
    if let Some(unknown) = names.iter().find(|name| !all.contains(&name.as_str())) {
        return Err(format!("there is no function {unknown}: expected one of {}", all.join(", ")).into());
    }
    let is_chosen =
        |benchmark: &&Benchmark| names.is_empty() || names.iter().any(|name| name == benchmark.function);
    Ok(BENCHMARKS.iter().filter(is_chosen).copied().collect())
}

/// Under what conditions the figures came about, in a sentence or two.
fn conditions(bench: &Bench<'_>, roots: &str) -> String {
    let Repetitions { rounds, warm } = bench.repetitions;
    let Size { images, services } = bench.size;
    let beside = bench.python.map_or_else(String::new, |python| {
        format!(
            " Each cell: Towpath / the same handler in {}, and how many times more that is.",
            python.description
        )
    });
    let cores = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    let roots = roots.matches("BEGIN CERTIFICATE").count();
    format!(
        "Median (least–most) of {rounds} processes, {warm} warm events each, in turns, {cores} cores, TLS verified \
         against {roots} public roots and the run's own; {images} images in the repository, {services} services in the \
         sweep.{beside}"
    )
}
