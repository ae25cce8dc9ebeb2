//! `scripts/bench copy`: the image copier next to `skopeo copy`, between the same registries, in one interleaved run.

mod copier;
mod generated;
mod measure;
mod network;
mod registries;
mod report;
mod run;
mod shapes;

use clap::{Parser, Subcommand};
use network::Network;
use std::process::ExitCode;

/// Compares Towpath's image copier with `skopeo copy`.
///
/// Both copy the same images between the same two local registries, one after the other, in turns. After each copy
/// every blob that arrived is hashed again.
#[derive(Debug, Parser)]
#[command(name = "bench_copy")]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    options: run::Options,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serves the registries until its input ends.
    #[command(hide = true)]
    Serve(Network),
    /// Copies one image.
    #[command(hide = true)]
    Copy(copier::Options),
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let done = match arguments.command {
        Some(Command::Serve(network)) => registries::serve(network),
        Some(Command::Copy(options)) => copier::copy(&options),
        None => run::run(&arguments.options),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench copy: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Whatever went wrong, as text.
type Failure = Box<dyn std::error::Error>;
