//! `towpath promote`: `git push <environment> <commit>:<branch>` of the service's application.

use crate::account::Account;
use crate::arguments::Promote;
use crate::chain::Chain;
use crate::ending::Ending;
use crate::failure::Failure;
use crate::git::Git;
use crate::passage::{Passage, approvals};
use crate::revision::read_current;
use crate::show::{cut, plain, print, print_json};
use domain::names::{CommitId, RepositoryName};
use domain::rules::{Application, Approval, Policy};
use domain::text::shown;
use serde_json::json;
use std::fmt::Write as _;

/// The fewest digits that name a commit.
const FEWEST_DIGITS: usize = 7;
/// How many of the commits that arrive are told.
const SUBJECTS_MAX: usize = 10;
const SUBJECT_CHARACTERS: usize = 90;

/// Where the branch goes, seen from where it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Direction {
    /// It is there.
    Nowhere,
    /// To a commit that has all of what is there, or into an empty repository.
    Forward,
    /// To a commit that lacks some of what is there.
    Back,
}

/// The push that was found out.
struct Push<'a> {
    application: &'a Application,
    commit: CommitId,
    tip: Option<CommitId>,
    direction: Direction,
    arriving: Vec<String>,
}

pub(crate) async fn run(chain: &Chain, arguments: &Promote, as_json: bool) -> Result<Ending, Failure> {
    let Promote { service, from, to, commit, back, dry_run } = arguments;
    if let Some(commit) = commit {
        must_be_commit(commit)?;
    }
    let passage = Passage::find(chain, service, Some(from), to).await?;
    let follows = passage.rules.containers.values().any(|container| container.select == Policy::Commit);
    let Some(application) =
        passage.rules.application.as_ref().filter(|_| follows || passage.asks_for(Approval::Push))
    else {
        return Ok(no_push_needed(&passage, arguments, as_json));
    };
    let git = Git::new()?;
    let push = find_out(&passage, &git, application, commit.as_deref()).await?;
    if push.direction == Direction::Back && !back {
        return Err(goes_back(&passage, &push));
    }
    let is_done = push.direction != Direction::Nowhere;
    if is_done && !dry_run {
        let lease = push.tip.as_ref().filter(|_| push.direction == Direction::Back);
        git.push(&passage.to.git(&application.repository), &push.commit, &application.branch, lease)?;
    }
    let ending = if is_done { Ending::Done } else { Ending::Nothing };
    if as_json {
        print_json(&json!({
            "ending": ending, "service": service, "from": from, "to": to, "dryRun": dry_run,
            "application": application.repository, "branch": application.branch, "commit": push.commit,
            "previousCommit": push.tip, "isBack": push.direction == Direction::Back, "arriving": push.arriving,
            "approve": approvals(&passage.promote),
        }));
    } else {
        print(&told(&passage, arguments, &push));
    }
    Ok(ending)
}

fn must_be_commit(text: &str) -> Result<(), Failure> {
    let is_hexadecimal = text.chars().all(|digit| matches!(digit, '0'..='9' | 'a'..='f'));
    if is_hexadecimal && (FEWEST_DIGITS..=40).contains(&text.len()) {
        return Ok(());
    }
    Err(Failure::usage(format!(
        "--commit {}: expected a commit id of the application, or its first {FEWEST_DIGITS} digits or more",
        shown(text)
    )))
}

/// A service that follows no commit moves by itself.
fn no_push_needed(passage: &Passage, arguments: &Promote, as_json: bool) -> Ending {
    let Promote { service, from, to, .. } = arguments;
    let approve = approvals(&passage.promote);
    if as_json {
        print_json(&json!({
            "ending": Ending::Nothing, "service": service, "from": from, "to": to, "application": null,
            "approve": approve,
        }));
        return Ending::Nothing;
    }
    let service = plain(&service.to_string());
    let mut text = format!(
        "Nothing to push: {service} follows no commit in {to}. It takes what its rules select among the images of {from} whose \
approvals hold ({approve}), by itself: when {from} tells of them, and at each sweep of {to}.\n"
    );
    if passage.rules.containers.values().any(|container| passage.asks_for_tag(container)) {
        let _ = writeln!(text, "To approve what {from} runs: towpath approve {service} --in {to}");
    }
    print(&text);
    Ending::Nothing
}

async fn find_out<'a>(
    passage: &Passage,
    git: &Git,
    application: &'a Application,
    asked: Option<&str>,
) -> Result<Push<'a>, Failure> {
    let (from, to) = (&passage.from, &passage.to);
    let current = read_current(from, &passage.service_before).await?;
    let before = current.rules.as_ref().and_then(|rules| rules.application.as_ref());
    let repository = before.map_or(&application.repository, |before| &before.repository);
    let asked = match asked {
        Some(asked) => asked.to_owned(),
        None => current.source_commit().map(ToString::to_string).ok_or_else(|| {
            Failure::not_found(format!(
                "nothing tells which source commit {} has in {}",
                passage.service_before,
                from.name()
            ))
            .hint("say it: --commit <commit id of the application>")
        })?,
    };
    must_be_there(from, repository, application).await?;
    git.fetch(&from.git(repository), "from")?;
    let commit = git.commit(&asked).ok_or_else(|| {
        Failure::not_found(format!("the repository {repository} in {} has no commit {asked}", from.name()))
            .hint("push it there first; only what a branch there reaches can be promoted")
    })?;
    let tip = must_be_there(to, &application.repository, application).await?;
    if tip.is_some() {
        git.fetch(&to.git(&application.repository), "to")?;
    }
    let direction = match &tip {
        Some(tip) if *tip == commit => Direction::Nowhere,
        Some(tip) if !git.is_ancestor(tip, &commit)? => Direction::Back,
        Some(_) | None => Direction::Forward,
    };
    let arriving = git.subjects(tip.as_ref(), &commit, SUBJECTS_MAX)?;
    Ok(Push { application, commit, tip, direction, arriving })
}

/// The tip of the application's branch; its repository must be there.
async fn must_be_there(
    account: &Account,
    repository: &RepositoryName,
    application: &Application,
) -> Result<Option<CommitId>, Failure> {
    let tip = account.clients.branch_tip(repository, &application.branch).await;
    tip.map_err(|error| match error.code() {
        Some("RepositoryDoesNotExistException") => Failure::not_found(format!(
            "there is no CodeCommit repository {repository} in {}",
            account.name()
        ))
        .hint(format!("create it: aws codecommit create-repository --repository-name {repository}")),
        _ => account.failed(&error),
    })
}

fn goes_back(passage: &Passage, push: &Push<'_>) -> Failure {
    let (to, application) = (passage.to.name(), &push.application.repository);
    let tip = push.tip.as_ref().map(CommitId::short).unwrap_or_default();
    Failure::refused(format!(
        "{} has not all of what {application} has in {to} ({tip}): the push would go back",
        push.commit.short()
    ))
    .hint("say --back to go back, which is a rollback by git; towpath rollback also holds the service there")
}

fn told(passage: &Passage, arguments: &Promote, push: &Push<'_>) -> String {
    let Promote { service, from, to, dry_run, .. } = arguments;
    let Push { application: Application { repository, branch }, commit, tip, direction, arriving } = push;
    let was =
        tip.as_ref().map_or("which was empty".to_owned(), |tip| format!("which was at {}", tip.short()));
    let mut text = match (direction, dry_run) {
        (Direction::Nowhere, _) => format!("{repository} in {to} is at {} already.\n", commit.short()),
        (_, true) => format!("Would push {commit} to {branch} of {repository} in {to}, {was}.\n"),
        (_, false) => format!("Pushed {commit} to {branch} of {repository} in {to}, {was}.\n"),
    };
    if *direction == Direction::Back {
        text += "It goes back: what was there stays reachable from where it came.\n";
    }
    for subject in arriving {
        let _ = writeln!(text, "  {}", cut(subject, SUBJECT_CHARACTERS));
    }
    if arriving.len() == SUBJECTS_MAX {
        text += "  …\n";
    }
    let service = plain(&service.to_string());
    let approve = approvals(&passage.promote);
    let _ = writeln!(
        text,
        "Next, promote_image in {to} looks for the image of {} in {from}, checks its approvals ({approve}), copies it and commits \
the revision; an image that is there already takes effect at once.",
        commit.short()
    );
    if passage.asks_for(Approval::Tag) {
        let _ = writeln!(text, "The tag is given by: towpath approve {service} --in {to} --image {commit}");
    }
    let _ = writeln!(text, "Watch it: towpath status {service} --environments {from},{to}");
    text
}
