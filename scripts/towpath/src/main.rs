#![doc = include_str!("../README.md")]

mod account;
mod approve;
mod arguments;
mod automation;
mod chain;
mod ending;
mod failure;
mod git;
mod history;
mod passage;
mod promote;
mod revision;
mod show;
mod status;
mod version;

use arguments::{Arguments, Command};
use chain::Chain;
use clap::Parser;
use ending::Ending;
use failure::Failure;
use std::process::ExitCode;
use tokio::runtime::Builder;

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(said) => return help_or_usage(&said).into(),
    };
    let as_json = arguments.common.json;
    let ending = match carry_out(&arguments) {
        Ok(ending) => ending,
        Err(failure) => show::print_failure(&failure, as_json),
    };
    ending.into()
}

/// Help goes to the standard output. A wrong command line is told with what was typed, which may come from anywhere.
fn help_or_usage(said: &clap::Error) -> Ending {
    let text = said.to_string();
    if !said.use_stderr() {
        show::print(&text);
        return Ending::Done;
    }
    let lines = text.lines().map(show::plain).collect::<Vec<_>>().join("\n");
    show::print_error(&format!("{lines}\n"));
    Ending::Usage
}

fn carry_out(arguments: &Arguments) -> Result<Ending, Failure> {
    let runtime = Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::failed(format!("no runtime: {error}")))?;
    runtime.block_on(run(arguments))
}

async fn run(arguments: &Arguments) -> Result<Ending, Failure> {
    let as_json = arguments.common.json;
    let chain = Chain::read(&arguments.common)?;
    match &arguments.command {
        Command::Status(asked) => Box::pin(status::run(&chain, asked, as_json)).await,
        Command::History(asked) => Box::pin(history::run(&chain, asked, as_json)).await,
        Command::Rollback(asked) => Box::pin(automation::roll_back(&chain, asked, as_json)).await,
        Command::Release(asked) => Box::pin(automation::release(&chain, asked, as_json)).await,
        Command::Approve(asked) => Box::pin(approve::run(&chain, asked, as_json)).await,
        Command::Promote(asked) => Box::pin(promote::run(&chain, asked, as_json)).await,
    }
}
