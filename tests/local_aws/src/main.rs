//! `local_aws serve`: the local accounts as a program.

use clap::{Parser, Subcommand};
use local_aws::serve::{self, Environment, Options};
use local_aws::settings::Settings;
use std::path::PathBuf;
use std::process::ExitCode;
use tokio::signal::unix::{SignalKind, signal};

/// AWS accounts on one loopback port, as far as Towpath needs them: CodeCommit over real git, ECR with an
/// OCI endpoint, CodePipeline, ECS, EventBridge, SQS, Lambda and CloudFormation.
///
/// Clients need nothing but AWS_ENDPOINT_URL; the access key id is the account's 12 digits.
#[derive(Debug, Parser)]
#[command(name = "local_aws", arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serves the accounts in the foreground and prints `ready http://127.0.0.1:<port>` when they can be used.
    ///
    /// Deploys the project's own templates first. Ctrl-C or SIGTERM ends it.
    Serve(ServeArguments),
}

#[derive(Debug, clap::Args)]
struct ServeArguments {
    /// The port on 127.0.0.1; 0 picks a free one.
    #[arg(long, default_value_t = 4566)]
    port: u16,
    /// The AWS Region that everything lies in.
    #[arg(long, default_value = "eu-west-1")]
    region: String,
    /// The accounts as a chain; each one's upstream is the one before it.
    #[arg(
        long,
        value_delimiter = ',',
        value_name = "NAME=ACCOUNT,…",
        default_value = "dev=111111111111,stg=222222222222,prd=333333333333"
    )]
    environments: Vec<Environment>,
    /// Keeps everything in this folder between runs; without it all is gone at the end.
    #[arg(long, value_name = "DIR")]
    store: Option<PathBuf>,
    /// The folder with template.yaml and infra/.
    #[arg(long, value_name = "DIR", default_value = ".")]
    project: PathBuf,
    /// The folder with the functions' executables; by default the one that holds this program.
    #[arg(long, value_name = "DIR")]
    functions: Option<PathBuf>,
    /// A JSON file with settings: how long things take, and the facts of AWS that nobody has confirmed.
    #[arg(long, value_name = "FILE")]
    settings: Option<PathBuf>,
    /// Where made-up ids begin.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

#[tokio::main(flavor = "multi_thread")]
async fn main() -> ExitCode {
    let Command::Serve(arguments) = Arguments::parse().command;
    match run(arguments).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("local_aws: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: ServeArguments) -> Result<(), Box<dyn std::error::Error>> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let running = serve::start(&options(arguments)?).await?;
    println!("ready {}", running.endpoint);
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    running.stop().await?;
    Ok(())
}

/// What no single option can be blamed for.
fn check(region: &str, environments: &[Environment]) -> Result<(), String> {
    let region_is_good = !region.is_empty()
        && region.len() <= 30
        && region.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    if !region_is_good {
        return Err(format!("`{region}` is no Region: expected a name such as eu-west-1"));
    }
    for (index, environment) in environments.iter().enumerate() {
        let earlier = environments.iter().take(index);
        for other in earlier {
            if other.name == environment.name {
                return Err(format!(
                    "the environment {} is given twice: expected each name once",
                    other.name
                ));
            }
            if other.account == environment.account {
                let (first, second) = (&other.name, &environment.name);
                return Err(format!(
                    "{first} and {second} are both the account {}: expected one of its own for each",
                    other.account
                ));
            }
        }
    }
    Ok(())
}

fn options(arguments: ServeArguments) -> Result<Options, Box<dyn std::error::Error>> {
    check(&arguments.region, &arguments.environments)?;
    let functions = match arguments.functions {
        Some(folder) => folder,
        None => std::env::current_exe()?.parent().map(PathBuf::from).unwrap_or_default(),
    };
    let settings = match arguments.settings {
        None => Settings::default(),
        Some(path) => {
            let text = std::fs::read_to_string(&path)
                .map_err(|error| format!("cannot read the settings {}: {error}", path.display()))?;
            serde_json::from_str(&text)
                .map_err(|error| format!("the settings {} are wrong: {error}", path.display()))?
        }
    };
    Ok(Options {
        port: arguments.port,
        region: arguments.region,
        environments: arguments.environments,
        store: arguments.store,
        project: Some(arguments.project),
        functions,
        settings,
        seed: arguments.seed,
    })
}
