//! `conformance`: runs the suite against the local accounts, or against a real one.

use clap::Parser;
use client::{Aws, Credentials};
use conformance::{Options, Scene, intention, suite};
use std::io::Write as _;
use std::process::ExitCode;

/// Checks AWS's behaviour as far as Towpath relies on it.
#[derive(Debug, Parser)]
#[command(name = "conformance", max_term_width = 100)]
struct Arguments {
    /// The local accounts' address, such as http://127.0.0.1:4566
    #[arg(long, required_unless_present_any = ["aws", "list"], conflicts_with = "aws")]
    endpoint: Option<String>,
    /// The local account
    #[arg(long, default_value = "111111111111", conflicts_with = "aws")]
    account: String,
    /// A real account, with the credentials of the AWS_* variables
    #[arg(long)]
    aws: bool,
    /// A second local account
    #[arg(long, default_value = "222222222222", conflicts_with = "aws")]
    other_account: String,
    /// A role of a second real account, in whose name the checks of two accounts act there
    #[arg(long, value_name = "ARN", requires = "aws")]
    other_role: Option<String>,
    /// The Region
    #[arg(long, default_value = "eu-west-1")]
    region: String,
    /// Starts in a real account, after having told what that means
    #[arg(long)]
    yes: bool,
    /// Only the checks whose line (`service: sentence`) contains this
    #[arg(long, default_value = "")]
    only: String,
    /// Lists the checks and does nothing
    #[arg(long)]
    list: bool,
    /// An S3 bucket for the pipelines' artifacts
    #[arg(long, value_name = "NAME")]
    artifact_bucket: Option<String>,
    /// A role for the pipelines, instead of one made for the run
    #[arg(long, value_name = "ARN")]
    pipeline_role: Option<String>,
    /// Subnets for services and tasks
    #[arg(long, value_name = "ID", value_delimiter = ',')]
    subnets: Vec<String>,
    /// A role with which Fargate may pull images
    #[arg(long, value_name = "ARN")]
    execution_role: Option<String>,
    /// Calls CodeCommit until it throttles
    #[arg(long)]
    provoke_throttling: bool,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(message) => {
            eprintln!("conformance: {message}");
            ExitCode::from(2)
        }
    }
}

/// True when nothing failed.
fn run(arguments: &Arguments) -> Result<bool, String> {
    let mut out = std::io::stdout();
    let mut tell = |line: &str| {
        let _ = writeln!(out, "{line}");
        let _ = out.flush();
    };
    if arguments.list {
        for check in suite::checks() {
            tell(&format!("{}: {}", check.service, check.name));
        }
        return Ok(true);
    }
    let Some(scene) = scene(arguments, &mut tell)? else { return Ok(true) };
    let report = suite::run(&scene, &arguments.only, &mut tell);
    tell("");
    tell(&scene.answers().table());
    for line in report.failed() {
        tell(&line);
    }
    let not_tried = report.not_tried().len();
    if not_tried > 0 {
        tell(&format!("{not_tried} not tried"));
    }
    tell(&report.closing_line());
    Ok(report.failed().is_empty())
}

/// Who calls and where; nothing when the person has not agreed yet.
fn scene(arguments: &Arguments, tell: &mut impl FnMut(&str)) -> Result<Option<Scene>, String> {
    let options = arguments.options();
    if let Some(endpoint) = &arguments.endpoint {
        let aws = Aws::local(endpoint, &arguments.account).in_region(&arguments.region);
        let other = Aws::local(endpoint, &arguments.other_account).in_region(&arguments.region);
        let scene = Scene::new(aws, &arguments.account, options.clone());
        // The local accounts may have been started with one account alone.
        if other.account().is_err() {
            return Ok(Some(scene));
        }
        return Ok(Some(scene.with_other(Scene::new(other, &arguments.other_account, options))));
    }
    let credentials = Credentials::from_environment().map_err(|error| error.message)?;
    let aws = Aws::new(None, &arguments.region, credentials);
    let account =
        aws.account().map_err(|error| format!("STS does not say whose credentials these are: {error}"))?;
    tell(&intention::text(&account, &arguments.region));
    if !arguments.yes {
        tell("Nothing was done. Say --yes to start.");
        return Ok(None);
    }
    let Some(role) = &arguments.other_role else { return Ok(Some(Scene::new(aws, &account, options))) };
    let other = aws.assume_role(role, "conformance").map_err(|error| format!("{role}: {error}"))?;
    let other_account = other.account().map_err(|error| format!("{role}: {error}"))?;
    let other = Scene::new(other, &other_account, options.clone());
    Ok(Some(Scene::new(aws, &account, options).with_other(other)))
}

impl Arguments {
    fn options(&self) -> Options {
        let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        Options {
            artifact_bucket: self.artifact_bucket.clone(),
            pipeline_role: self.pipeline_role.clone(),
            subnets: self.subnets.clone(),
            execution_role: self.execution_role.clone(),
            git_credentials: variable("CODECOMMIT_GIT_USER").zip(variable("CODECOMMIT_GIT_PASSWORD")),
            provoke_throttling: self.provoke_throttling,
        }
    }
}
