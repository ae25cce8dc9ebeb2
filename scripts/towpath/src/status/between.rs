//! `towpath status --between`: the application's commits that one environment runs and another does not.

use crate::account::Account;
use crate::arguments::Status;
use crate::chain::Chain;
use crate::ending::Ending;
use crate::failure::Failure;
use crate::revision::{Current, read_current};
use crate::show::{cut, plain, print, print_json, table};
use aws::operator::{SourceCommit, SourceLog};
use domain::names::{CommitId, EnvironmentName, ServiceId};
use domain::rules::Application;
use serde::Serialize;
use serde_json::json;
use std::fmt::Write as _;

const SUBJECT_CHARACTERS: usize = 72;
const AUTHOR_CHARACTERS: usize = 24;

/// A commit in JSON.
#[derive(Serialize)]
struct Shown<'a> {
    id: &'a CommitId,
    at: String,
    author: &'a str,
    subject: &'a str,
}

pub(super) async fn run(
    chain: &Chain,
    arguments: &Status,
    (from, to): (&EnvironmentName, &EnvironmentName),
    as_json: bool,
) -> Result<Ending, Failure> {
    let [service] = arguments.services.as_slice() else {
        return Err(Failure::usage(
            "--between compares one service: expected exactly one <cluster>/<service>",
        ));
    };
    if from == to {
        return Err(Failure::usage(format!("--between {from} {to}: expected two environments")));
    }
    let one = Account::connect_as(chain.one(Some(from))?, Some(from)).await?;
    let other = Account::connect_as(chain.one(Some(to))?, Some(to)).await?;
    let (has, has_not) = (read_current(&one, service).await?, read_current(&other, service).await?);
    let application = application(service, &has, &has_not)?;
    let (has, has_not) = (source(&one, service, &has)?, source(&other, service, &has_not)?);
    let more = log(&one, application, has_not, has).await?;
    let less = log(&one, application, has, has_not).await?;
    if as_json {
        print_json(&json!({
            "service": service, "application": application.repository,
            "from": { "environment": from, "sourceCommit": has },
            "to": { "environment": to, "sourceCommit": has_not },
            "commits": shown(more.as_ref()), "onlyInTo": shown(less.as_ref()),
            "isWhole": more.as_ref().is_some_and(|log| log.is_whole),
        }));
    } else {
        let mut text = format!(
            "{} of {}: {from} runs {}, {to} runs {}\n",
            plain(&service.to_string()),
            application.repository,
            has.short(),
            has_not.short()
        );
        text += &told(&more, &format!("in {from} and not in {to}"));
        if less.as_ref().is_some_and(|log| !log.commits.is_empty()) {
            text += &told(&less, &format!("in {to} and not in {from}"));
        }
        print(&text);
    }
    Ok(Ending::Done)
}

/// The application that both environments' rules name; of two that differ, the one that the commits come from.
fn application<'a>(
    service: &ServiceId,
    has: &'a Current,
    has_not: &'a Current,
) -> Result<&'a Application, Failure> {
    let named = |current: &'a Current| current.rules.as_ref().and_then(|rules| rules.application.as_ref());
    named(has).or_else(|| named(has_not)).ok_or_else(|| {
        Failure::not_found(format!(
            "the rules name no application for {service}, so its source commits are unknown"
        ))
        .hint("name its CodeCommit repository in delivery.yaml: application: <repository>")
    })
}

fn source<'a>(account: &Account, service: &ServiceId, current: &'a Current) -> Result<&'a CommitId, Failure> {
    current.source_commit().ok_or_else(|| {
        let name = account.name();
        Failure::not_found(format!("nothing tells which source commit {service} has in {name}"))
            .hint("it is told by the image's tag or by Towpath's commit; towpath status shows what is known")
    })
}

async fn log(
    account: &Account,
    application: &Application,
    has_not: &CommitId,
    has: &CommitId,
) -> Result<Option<SourceLog>, Failure> {
    let found = account.clients.commits_between(&application.repository, has_not, has).await;
    found.map_err(|error| account.failed(&error))
}

fn shown(log: Option<&SourceLog>) -> Option<Vec<Shown<'_>>> {
    let mut commits = Vec::new();
    for commit in &log?.commits {
        let SourceCommit { id, author, subject, at, .. } = commit;
        commits.push(Shown { id, at: at.to_string(), author, subject });
    }
    Some(commits)
}

fn told(log: &Option<SourceLog>, which: &str) -> String {
    let Some(SourceLog { commits, is_whole }) = log else {
        return format!(
            "\nThe commits {which} are unknown: the application repository there has not both.\n"
        );
    };
    if commits.is_empty() {
        return format!("\nNo commits {which}.\n");
    }
    let mut text = format!(
        "\n{} {which}, newest first:\n",
        if commits.len() == 1 { "1 commit".to_owned() } else { format!("{} commits", commits.len()) }
    );
    let rows = commits.iter().map(|commit| {
        vec![
            commit.id.short().to_owned(),
            commit.at.to_string(),
            cut(&commit.author, AUTHOR_CHARACTERS),
            cut(&commit.subject, SUBJECT_CHARACTERS),
        ]
    });
    text += &table(&["COMMIT", "WHEN", "AUTHOR", "SUBJECT"], rows.collect());
    if !is_whole {
        let _ = writeln!(text, "There may be more: the walk was cut off.");
    }
    text
}
