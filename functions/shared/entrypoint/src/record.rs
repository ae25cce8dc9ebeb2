//! The log: one line of JSON for each decision, and one for each failure, written where it is handled.

use aws::copy::Progress;
use domain::decision::Decision;
use domain::names::{EventId, ServiceId};
use domain::plan::{CopyImage, Plan};
use domain::record::{DecisionRecord, RecordContext};
use domain::wake_up::Function;
use serde::Serialize;
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::future::Future;
use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};

/// Lines in the order in which they were written.
pub type Lines = Arc<Mutex<Vec<String>>>;

tokio::task_local! {
    static KEPT: Lines;
}

/// Does some work whose lines are kept instead of written: for a caller that runs handlers in its own process.
pub async fn keeping<W: Future>(lines: Lines, work: W) -> W::Output {
    KEPT.scope(lines, work).await
}

/// Writes the records of a plan, but those of the services that it was not carried out for.
pub fn plan(plan: &Plan, context: &RecordContext, left_out: &BTreeSet<ServiceId>) {
    let mut plan = Cow::Borrowed(plan);
    if !left_out.is_empty() {
        let is_told =
            |decision: &Decision| decision.service.as_ref().is_none_or(|service| !left_out.contains(service));
        plan.to_mut().decisions.retain(is_told);
    }
    DecisionRecord::of_plan(&plan, context).iter().for_each(|record| line(&record.line()));
}

/// How far a long copy has come.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ProgressRecord<'a> {
    towpath: &'static str,
    function: Function,
    services: Vec<String>,
    repository: &'a str,
    digest: &'a str,
    layers: String,
    bytes: String,
}

/// Writes how far a long copy has come.
pub fn progress(function: Function, copy: &CopyImage, progress: Progress) {
    let Progress { blobs_sent, blobs, bytes_sent, bytes } = progress;
    let record = ProgressRecord {
        towpath: "progress",
        function,
        services: copy.services.iter().map(ToString::to_string).collect(),
        repository: copy.to.as_str(),
        digest: copy.digest.as_str(),
        layers: format!("{blobs_sent} of {blobs}"),
        bytes: format!("{bytes_sent} of {bytes}"),
    };
    // Texts and lists of texts always serialise.
    line(&serde_json::to_string(&record).unwrap_or_default());
}

/// Writes the record of one decision that nothing is done for.
pub fn decision(decision: &Decision, context: &RecordContext) {
    line(&DecisionRecord::of_decision(decision, context, Vec::new()).line());
}

/// A failure that another try, or a person, has to mend.
#[derive(Serialize)]
struct FailureRecord<'a> {
    towpath: &'static str,
    function: Function,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    events: &'a [EventId],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    services: Vec<String>,
    error: String,
    transient: bool,
}

/// Writes the record of a call that gave no success.
pub fn failure<'a>(
    function: Function,
    events: &[EventId],
    services: impl IntoIterator<Item = &'a ServiceId>,
    error: &aws::CallError,
) {
    let services = services.into_iter().map(ToString::to_string).collect();
    let transient = error.is_transient();
    let record =
        FailureRecord { towpath: "failure", function, events, services, error: error.to_string(), transient };
    // Texts and lists of texts always serialise.
    line(&serde_json::to_string(&record).unwrap_or_default());
}

/// Writes that work was left to the queue's next delivery.
pub fn gave_up(function: Function, events: &[EventId], because: &str) {
    let error = because.to_owned();
    let record =
        FailureRecord { towpath: "failure", function, events, services: Vec::new(), error, transient: true };
    // Texts and lists of texts always serialise.
    line(&serde_json::to_string(&record).unwrap_or_default());
}

/// Writes a line of metrics.
pub fn metrics(metrics: &impl Serialize) {
    // Texts and numbers always serialise.
    line(&serde_json::to_string(metrics).unwrap_or_default());
}

/// One line to standard output, which Lambda puts into the function's log stream.
fn line(text: &str) {
    let keep = |lines: &Lines| lines.lock().unwrap_or_else(PoisonError::into_inner).push(text.to_owned());
    if KEPT.try_with(keep).is_ok() {
        return;
    }
    // A log that cannot be written is no reason to leave the work undone.
    let _ = writeln!(std::io::stdout().lock(), "{text}");
}
