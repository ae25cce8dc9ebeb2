//! `towpath history`: the revisions of a service, newest first.

use crate::account::Account;
use crate::arguments::History;
use crate::chain::Chain;
use crate::ending::Ending;
use crate::failure::Failure;
use crate::revision::images_of;
use crate::show::{cut, plain, print, print_json, table};
use crate::version::{Images, Version, change_of, digests, tags, versions};
use aws::facts::{HistoryRead, PastRevision, read_history};
use domain::decision::DecisionKind;
use domain::evidence::{EvidenceKind, latest};
use domain::names::{CommitId, EventId};
use domain::trailers::Trailers;
use serde::Serialize;
use serde_json::json;
use std::fmt::Write as _;

const WHO_CHARACTERS: usize = 28;
const HEADINGS: [&str; 7] = ["COMMIT", "WHEN", "WHO", "VERSION", "DIGEST", "DECISION", "OUTCOME"];

/// One revision.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    commit: CommitId,
    at: String,
    who: String,
    subject: String,
    /// Towpath's decision; none when a person committed it.
    decision: Option<DecisionKind>,
    approved_by: Vec<String>,
    events: Vec<EventId>,
    containers: Vec<Version>,
    /// What was told of its deployment, newest last.
    told: Vec<DecisionKind>,
    /// What is said now of its images in this environment.
    evidence: Vec<Said>,
    problem: Option<String>,
}

/// What is said of one image.
#[derive(Debug, Serialize)]
struct Said {
    digest: String,
    kind: String,
    at: String,
}

pub(crate) async fn run(chain: &Chain, arguments: &History, as_json: bool) -> Result<Ending, Failure> {
    let History { service, environment, limit } = arguments;
    let place = chain.one(environment.as_ref())?;
    let account = Account::connect_as(place, environment.as_ref()).await?;
    account.must_know(service).await?;
    let read = read_history(&account.clients, &account.stack, service, usize::from(*limit)).await;
    let read = read.map_err(|error| account.failed(&error))?;
    let files = read.iter().flat_map(|read| &read.revisions).filter_map(|past| past.content.as_ref().ok());
    let images = images_of(&account, files).await?;
    let rows: Vec<Row> = read
        .iter()
        .flat_map(|read| {
            read.revisions.iter().map(|revision| row(&account, arguments, (read, &images), revision))
        })
        .collect();
    if as_json {
        print_json(&json!({ "service": service, "environment": account.name(), "revisions": rows }));
    } else if rows.is_empty() {
        print(&format!("{} has no revision in {} yet.\n", plain(&service.to_string()), account.name()));
    } else {
        print(&text(&rows));
    }
    Ok(Ending::Done)
}

fn row(
    account: &Account,
    arguments: &History,
    (read, images): (&HistoryRead, &Images),
    revision: &PastRevision,
) -> Row {
    let (service, commit) = (&arguments.service, &revision.commit);
    let change = change_of(commit);
    let file = revision.content.as_ref().ok();
    let trailers = file.and_then(|file| change.trailers(service, file));
    let all = trailers.as_ref().map(|_| Trailers::parse(&commit.message)).unwrap_or_default();
    let containers = file
        .map(|file| versions(service, file, Some(&change), &account.stack.registry, images))
        .unwrap_or_default();
    let said = containers.iter().filter_map(|version| {
        let digest = version.digest.as_ref()?;
        let evidence = latest(&read.evidence, service, digest)?;
        let (kind, at) = (evidence.kind.to_string(), evidence.at.to_string());
        Some(Said { digest: digest.to_string(), kind, at })
    });
    Row {
        commit: commit.id.clone(),
        at: commit.at.to_string(),
        who: all.actor.unwrap_or_else(|| commit.author.clone()),
        subject: commit.message.lines().next().unwrap_or_default().to_owned(),
        decision: trailers.as_ref().and_then(|trailers| trailers.decision),
        approved_by: trailers.map(|trailers| trailers.approved_by).unwrap_or_default(),
        events: all.events,
        evidence: said.collect(),
        containers,
        told: revision.told.clone(),
        problem: revision.content.as_ref().err().map(ToString::to_string),
    }
}

fn text(rows: &[Row]) -> String {
    let cells = rows.iter().map(|row| {
        vec![
            row.commit.short().to_owned(),
            row.at.clone(),
            cut(name_of(&row.who), WHO_CHARACTERS),
            tags(&row.containers),
            digests(&row.containers),
            row.decision.map_or("by_hand", DecisionKind::as_str).to_owned(),
            outcome(row),
        ]
    });
    let mut text = table(&HEADINGS, cells.collect());
    for row in rows {
        if let Some(problem) = &row.problem {
            let _ = writeln!(text, "{}: {}", row.commit.short(), plain(problem));
        }
    }
    text
}

/// Who it was, for a table: of an ARN what stands behind the account, such as `user/mary`.
fn name_of(who: &str) -> &str {
    if who.starts_with("arn:") { who.rsplit(':').next().unwrap_or(who) } else { who }
}

/// What was told of the deployment, and where the images' evidence says something else now, that too.
fn outcome(row: &Row) -> String {
    let mut words: Vec<String> = row.told.last().map(ToString::to_string).into_iter().collect();
    for said in &row.evidence {
        let is_new = !words.contains(&said.kind);
        if is_new && (words.is_empty() || said.kind != EvidenceKind::Verified.as_str()) {
            words.push(said.kind.clone());
        }
    }
    if words.is_empty() { "-".to_owned() } else { words.join(", ") }
}
