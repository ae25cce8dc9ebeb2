//! The demo: an application's way from dev over stg to prd and back, on local accounts.

mod environment;
mod events;
mod mission;
mod setup;
mod show;
mod steps;
mod team;

use clap::Parser;
use local_aws::serve::{self, Environment, Options, Running};
use local_aws::settings::Settings;
use mission::Mission;
use std::path::PathBuf;
use std::process::ExitCode;
use tokio::runtime::Runtime;

/// Plays an application's way through three local accounts: pushed to dev and deployed; pushed to stg, copied by digest
/// and deployed; refused in prd until it is approved; a bad release rolled back from the console, for good; stg rolled back
/// by a push; the fix. Each step shows its proof; the first that does not hold ends the demo.
#[derive(Debug, Parser)]
#[command(name = "scripts/demo")]
struct Arguments {
    /// Leaves the accounts running at the end and prints how to talk to them; Ctrl-C ends them.
    #[arg(long)]
    keep: bool,
    /// The port to serve on; 0 picks a free one.
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// The folder with template.yaml and infra/.
    #[arg(long, default_value = ".", hide = true)]
    project: PathBuf,
}

/// The environments, each the upstream of the next.
const ENVIRONMENTS: [(&str, &str); 3] =
    [("dev", "111111111111"), ("stg", "222222222222"), ("prd", "333333333333")];
const REGION: &str = "eu-west-1";

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match play(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            show::failure(&error);
            ExitCode::FAILURE
        }
    }
}

type Failure = Box<dyn std::error::Error + Send + Sync>;

fn play(arguments: &Arguments) -> Result<(), Failure> {
    let runtime = Runtime::new()?;
    show::step("Start the local accounts dev, stg and prd, and deploy Towpath's own templates into each");
    let running = runtime.block_on(serve::start(&options(arguments)?))?;
    show::proof(&format!("serving {}", running.endpoint));
    let played = Mission::prepare(&running.endpoint, &arguments.project).and_then(|mission| mission.play());
    if arguments.keep {
        show::how_to_talk(&running.endpoint, REGION);
        runtime.block_on(tokio::signal::ctrl_c())?;
    }
    stop(&runtime, running)?;
    played
}

fn stop(runtime: &Runtime, running: Running) -> Result<(), Failure> {
    runtime.block_on(running.stop())?;
    Ok(())
}

fn options(arguments: &Arguments) -> Result<Options, Failure> {
    let environment =
        |(name, account): (&str, &str)| Ok(Environment { name: name.to_owned(), account: account.parse()? });
    let functions = std::env::current_exe()?.parent().map(PathBuf::from).unwrap_or_default();
    Ok(Options {
        port: arguments.port,
        region: REGION.to_owned(),
        environments: ENVIRONMENTS.into_iter().map(environment).collect::<Result<_, Failure>>()?,
        store: None,
        project: Some(arguments.project.clone()),
        functions,
        settings: quick(),
        seed: 1,
    })
}

/// Accounts in which tasks start and stop faster than they usually do: eleven rollouts in less than a minute. Layers come
/// slower than over the loopback.
fn quick() -> Settings {
    let mut settings = Settings::default();
    settings.timing.pipeline_action /= 2.0;
    settings.timing.task_start /= 2.0;
    settings.timing.task_healthy /= 2.0;
    settings.timing.task_drain /= 2.0;
    // A copy takes long enough to be watched.
    settings.timing.layer_mebibyte = 0.1;
    settings
}
