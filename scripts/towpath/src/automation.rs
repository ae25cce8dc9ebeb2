//! `towpath rollback` and `towpath release`: through the console's own door, so that AWS records who asked.

use crate::account::Account;
use crate::arguments::{Release, Rollback, Saying};
use crate::chain::Chain;
use crate::ending::Ending;
use crate::failure::Failure;
use crate::show::{plain, print, print_json};
use aws::operator::{Automation, AutomationStatus};
use domain::decide::rollback::{Released, Target};
use domain::decision::DecisionKind;
use domain::names::{CommitId, ServiceId};
use domain::text::shown;
use serde::Deserialize;
use serde_json::json;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::{Duration, Instant};

/// How long an answer is waited for: the document's own time-out, and some time for SSM to begin.
const WAIT_MAX: Duration = Duration::from_secs(150);
/// How often SSM is asked: soon at first, since the function answers within a second or two.
const LOOKS: [Duration; 2] = [Duration::from_millis(300), Duration::from_secs(2)];
/// How many looks are soon.
const SOON_LOOKS: u32 = 20;
/// The longest reason and name that the documents take.
const REASON_CHARACTERS: usize = 512;
const WHO_CHARACTERS: usize = 128;

/// One of the documents, and the output that has its answer.
struct Door {
    document: &'static str,
    output: &'static str,
}

const ROLL_BACK: Door = Door { document: "towpath-roll_back", output: "RollBack.Payload" };
const RELEASE: Door = Door { document: "towpath-release", output: "Release.Payload" };

/// The answer of the function `roll_back`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    decision: DecisionKind,
    because: String,
    refusal: Option<String>,
    plan: Vec<String>,
    commit: Option<CommitId>,
}

pub(crate) async fn roll_back(chain: &Chain, arguments: &Rollback, as_json: bool) -> Result<Ending, Failure> {
    let Rollback { service, environment, to, saying } = arguments;
    Target::parse(to).map_err(|error| Failure::usage(format!("--to: {error}")))?;
    let parameters = parameters(service, to, saying)?;
    let account = Account::connect_as(chain.one(environment.as_ref())?, environment.as_ref()).await?;
    account.must_know(service).await?;
    ask(&account, &ROLL_BACK, (service, saying.dry_run), &parameters, as_json).await
}

pub(crate) async fn release(chain: &Chain, arguments: &Release, as_json: bool) -> Result<Ending, Failure> {
    let Release { service, environment, what, saying } = arguments;
    Released::parse(what).map_err(|error| Failure::usage(format!("--what: {error}")))?;
    let parameters = parameters(service, what, saying)?;
    let account = Account::connect_as(chain.one(environment.as_ref())?, environment.as_ref()).await?;
    account.must_know(service).await?;
    ask(&account, &RELEASE, (service, saying.dry_run), &parameters, as_json).await
}

type Parameters = BTreeMap<&'static str, String>;

fn parameters(service: &ServiceId, to: &str, saying: &Saying) -> Result<Parameters, Failure> {
    let Saying { reason, who, dry_run } = saying;
    let mut parameters = BTreeMap::from([
        ("Cluster", service.cluster.to_string()),
        ("Service", service.service.to_string()),
        ("To", to.to_owned()),
        ("Reason", line("--reason", reason, REASON_CHARACTERS)?),
        ("DryRun", dry_run.to_string()),
    ]);
    if let Some(who) = who {
        parameters.insert("Who", line("--who", who, WHO_CHARACTERS)?);
    }
    Ok(parameters)
}

/// A text as the documents take it: SSM would take braces for a variable.
fn line(option: &str, text: &str, most: usize) -> Result<String, Failure> {
    let text = text.trim();
    let is_plain = !text.chars().any(|character| character.is_control() || "{}".contains(character));
    if is_plain && !text.is_empty() && text.chars().count() <= most {
        return Ok(text.to_owned());
    }
    Err(Failure::usage(format!(
        "{option} {}: expected 1 to {most} characters on one line, without {{ and }}",
        shown(text)
    )))
}

async fn ask(
    account: &Account,
    door: &Door,
    (service, dry_run): (&ServiceId, bool),
    parameters: &Parameters,
    as_json: bool,
) -> Result<Ending, Failure> {
    let started = account.operator.start_automation(door.document, parameters).await;
    let id = started.map_err(|error| match error.code() {
        Some("AutomationDefinitionNotFoundException") => {
            Failure::not_found(format!("there is no document {} in {}", door.document, account.name()))
                .hint("install the version of Towpath that this towpath belongs to")
        }
        _ => account.failed(&error),
    })?;
    let ended = wait(account, door, &id).await?;
    let answer = read_answer(door, &id, &ended)?;
    let ending = match answer.decision {
        DecisionKind::Refused => Ending::Refused,
        DecisionKind::Nothing => Ending::Nothing,
        _ => Ending::Done,
    };
    if as_json {
        print_json(&json!({
            "ending": ending, "service": service, "environment": account.name(), "dryRun": dry_run,
            "decision": answer.decision, "because": answer.because, "refusal": answer.refusal,
            "plan": answer.plan, "commit": answer.commit, "execution": id, "executedBy": ended.executed_by,
        }));
    } else {
        print(&told(account, service, dry_run, &answer, &id, &ended));
    }
    Ok(ending)
}

/// The execution's end. What is not over in time goes on without us.
async fn wait(account: &Account, door: &Door, id: &str) -> Result<Automation, Failure> {
    let begun = Instant::now();
    let mut looks = 0;
    loop {
        let found = account.operator.automation(id).await.map_err(|error| account.failed(&error))?;
        if found.status != AutomationStatus::Open {
            return Ok(found);
        }
        if begun.elapsed() > WAIT_MAX {
            let problem = format!("the execution {id} of {} is not over yet", door.document);
            return Err(Failure::failed(problem).hint(format!(
                "it goes on: aws ssm get-automation-execution --automation-execution-id {id}"
            )));
        }
        let [soon, later] = LOOKS;
        tokio::time::sleep(if looks < SOON_LOOKS { soon } else { later }).await;
        looks += 1;
    }
}

fn read_answer(door: &Door, id: &str, ended: &Automation) -> Result<Answer, Failure> {
    let unclear = |what: String| {
        Failure::failed(format!("the execution {id} of {} {what}", door.document))
            .hint(format!("aws ssm get-automation-execution --automation-execution-id {id}"))
    };
    if let AutomationStatus::Ended(word) = &ended.status {
        let why = ended.failure.as_deref().unwrap_or("SSM does not say why");
        return Err(unclear(format!("ended with {word}: {why}")));
    }
    let payload = ended.outputs.get(door.output).and_then(|values| values.first());
    let payload = payload.ok_or_else(|| unclear(format!("has no output {}", door.output)))?;
    serde_json::from_str(payload).map_err(|error| unclear(format!("gave no readable answer: {error}")))
}

fn told(
    account: &Account,
    service: &ServiceId,
    dry_run: bool,
    answer: &Answer,
    id: &str,
    ended: &Automation,
) -> String {
    let (service, because) = (plain(&service.to_string()), plain(&answer.because));
    let mut text = format!("{service} in {}: {}: {because}\n", account.name(), answer.decision);
    if !answer.plan.is_empty() {
        text += if dry_run { "It would be done:\n" } else { "Done:\n" };
    }
    for step in &answer.plan {
        for (index, line) in step.lines().enumerate() {
            let mark = if index == 0 { "- " } else { "  " };
            let _ = writeln!(text, "{mark}{}", plain(line));
        }
    }
    if let Some(commit) = &answer.commit {
        let _ = writeln!(text, "Commit {commit} of {}.", account.stack.repository.name);
    }
    let who = ended.executed_by.as_deref().map(|who| format!(" by {}", plain(who))).unwrap_or_default();
    let _ = writeln!(text, "Execution {id}{who}.");
    text
}
