#![doc = include_str!("../README.md")]

mod request;

pub use request::{Asked, RequestError};

use aws::facts::read_rollback;
use domain::decide::rollback::{Doubt, Request, Told, Who, decide};
use domain::decision::{Decision, DecisionKind};
use domain::names::{CommitId, ServiceId};
use domain::plan::Plan;
use domain::record::RecordContext;
use domain::refusal::Refusal;
use entrypoint::{Context, Mode, NotSettled, Read, Settled, answer, record, tell_troubles};
use serde::Serialize;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// What is left of the invocation's time when no new attempt is begun.
pub const TIME_TO_ANSWER: Duration = Duration::from_secs(10);

/// How long SSM is asked who started the execution.
const TIME_TO_PROVE: Duration = Duration::from_secs(5);

/// What the person who asked is told.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Answer {
    /// What was decided.
    pub decision: DecisionKind,
    /// Why.
    pub because: String,
    /// The name of the reason for not acting, where somebody can mend it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refusal: Option<&'static str>,
    /// What was done, or in a dry run would be.
    pub plan: Vec<String>,
    /// The commit that was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub commit: Option<CommitId>,
    /// Whether nothing was done because only the plan was asked for.
    pub dry_run: bool,
}

/// Why there is no answer. The same request may be sent again: what was done already is not done twice.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// It is not a request.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// Nothing was done.
    #[error("nothing was done: {0}")]
    NotSettled(#[from] NotSettled),
    /// Some of it was done.
    #[error("{done}; but not all that follows was done: {problem}; send the same request again")]
    HalfDone {
        /// What was decided.
        done: String,
        /// What went wrong.
        problem: String,
    },
}

impl From<Failure> for lambda_runtime::Diagnostic {
    fn from(failure: Failure) -> Self {
        let error_type = match &failure {
            Failure::Request(_) => "InvalidRequest",
            Failure::NotSettled(_) => "NotSettled",
            Failure::HalfDone { .. } => "HalfDone",
        };
        Self { error_type: error_type.to_owned(), error_message: failure.to_string() }
    }
}

/// Answers one request.
///
/// # Errors
/// When it is no request, or AWS gave no usable answer.
pub async fn handle(
    context: &Context,
    payload: serde_json::Value,
    invocation: &str,
    deadline: Instant,
) -> Result<Answer, Failure> {
    let asked = Asked::parse(payload, invocation).inspect_err(|error| refuse(context, error))?;
    let proved = who_asks(context, &asked).await;
    let Asked { request, dry_run, .. } = asked;
    let request = Request { who: Who { told: proved, ..request.who.clone() }, ..request };
    let mode = if dry_run { Mode::DryRun } else { Mode::Apply };
    let read = async || {
        let read = Box::pin(read_rollback(&context.clients, &context.stack, &request.service, context.now()))
            .await?;
        Ok(read.map(|facts| {
            let tip = facts.tip.clone();
            Read { facts, tip, unread: Vec::new() }
        }))
    };
    let nothing = || {
        let because = "the deployment repository has no such branch";
        Plan::nothing(Decision::of(&request.service, DecisionKind::Nothing, because))
    };
    let events = [request.id.clone()];
    let settled =
        answer(context, &events, (mode, deadline), read, |facts| decide(facts, &request), nothing).await?;
    told(&request.service, settled, dry_run)
}

/// What SSM says of who asks. Without an answer in time the rollback goes on, as somebody's who is not known: it may be
/// urgent.
async fn who_asks(context: &Context, asked: &Asked) -> Told {
    let Some(execution) = &asked.execution else { return Told::Nothing };
    let called = context.clients.automation_execution(execution);
    match tokio::time::timeout(TIME_TO_PROVE, Box::pin(called)).await {
        Ok(Ok(Some(found))) => asked.request.told_by(&found, asked.dry_run, &asked.who),
        Ok(Ok(None)) => Told::Doubted(Doubt::NotThere),
        Ok(Err(error)) => Told::Doubted(Doubt::not_read(&error.to_string())),
        Err(_) => {
            let seconds = TIME_TO_PROVE.as_secs();
            Told::Doubted(Doubt::not_read(&format!("SSM gave no answer within {seconds} seconds")))
        }
    }
}

fn told(service: &ServiceId, settled: Settled, dry_run: bool) -> Result<Answer, Failure> {
    let Settled { mut plan, mut about, troubles, unfinished: _ } = settled;
    let mut problem = None;
    if let Some(trouble) = troubles.first() {
        let said = trouble.error.to_string();
        if trouble.error.is_rejected_commit() {
            // The commit comes first, and nothing is done without it.
            plan = Plan::nothing(Decision::refused(service, Refusal::not_committed(service, &said)));
        } else {
            problem = Some(said);
        }
    }
    tell_troubles(&about, &plan, troubles);
    // A request is about one service, and has one decision.
    let (decision, because, refusal) = match plan.decisions.first() {
        Some(decision) => {
            (decision.kind, decision.because.clone(), decision.refusal.as_ref().map(Refusal::kind))
        }
        None => (DecisionKind::Nothing, String::new(), None),
    };
    if let Some(problem) = problem {
        return Err(Failure::HalfDone { done: because, problem });
    }
    let plan = plan.steps.iter().map(ToString::to_string).collect();
    Ok(Answer { decision, because, refusal, plan, commit: about.commits.remove(service), dry_run })
}

/// Records a request that is none, so that nothing is dropped in silence.
fn refuse(context: &Context, error: &RequestError) {
    let decision =
        Decision { service: None, kind: DecisionKind::Invalid, because: error.to_string(), refusal: None };
    let about =
        RecordContext { function: context.function, events: Vec::new(), tip: None, commits: BTreeMap::new() };
    record::decision(&decision, &about);
}
