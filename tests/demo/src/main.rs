//! The demo: one image on its way from the push to a running service, on local accounts.

mod show;
mod stage;
mod story;

use clap::Parser;
use local_aws::serve::{self, Environment, Options, Running};
use local_aws::settings::Settings;
use stage::Stage;
use std::path::PathBuf;
use std::process::ExitCode;
use tokio::runtime::Runtime;

/// Plays one image's way on local accounts: pushed to dev's registry, committed by digest, deployed to ECS,
/// verified. Each step shows its proof; the first that does not hold ends the demo.
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

/// dev's account.
const DEV: &str = "111111111111";
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

type Failure = Box<dyn std::error::Error>;

fn play(arguments: &Arguments) -> Result<(), Failure> {
    let runtime = Runtime::new()?;
    show::step("Start the local accounts and deploy Towpath's own templates into dev");
    let running = runtime.block_on(serve::start(&options(arguments)?))?;
    show::proof(&format!("serving {}", running.endpoint));
    let played = Stage::new(&running.endpoint, REGION, DEV, &arguments.project)
        .map_err(Failure::from)
        .and_then(|stage| story::play(&stage));
    if arguments.keep {
        show::how_to_talk(&running.endpoint, REGION, DEV);
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
    let functions = std::env::current_exe()?.parent().map(PathBuf::from).unwrap_or_default();
    Ok(Options {
        port: arguments.port,
        region: REGION.to_owned(),
        environments: vec![Environment { name: "dev".to_owned(), account: DEV.parse()? }],
        store: None,
        project: Some(arguments.project.clone()),
        functions,
        settings: Settings::default(),
        seed: 1,
    })
}
