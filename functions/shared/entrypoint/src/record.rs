//! The log: one line of JSON for each decision, and one for each failure, written where it is handled.

use aws::copy::{CopyNews, CopySummary, Progress};
use domain::decision::Decision;
use domain::names::{EventId, ServiceId};
use domain::plan::{CopyImage, Plan};
use domain::record::{DecisionRecord, RecordContext};
use domain::text::one_line;
use domain::wake_up::Function;
use serde::Serialize;
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::future::Future;
use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};

/// How many of the things that a copy left alone are told one by one.
const TOLD_MAX: usize = 20;
/// How much of the reason is told.
const TOLD_CHARACTERS: usize = 400;

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

/// Writes the records of the services that commits were made for by a plan that was then broken off.
pub fn committed(mut plan: Plan, context: &RecordContext) {
    let is_told = |decision: &Decision| {
        decision.service.as_ref().is_some_and(|service| context.commits.contains_key(service))
    };
    plan.decisions.retain(is_told);
    self::plan(&plan, context, &BTreeSet::new());
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

/// What a copy did.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CopyRecord<'a> {
    towpath: &'static str,
    function: Function,
    services: Vec<String>,
    repository: &'a str,
    digest: &'a str,
    /// The layers and configurations that were sent, and their bytes.
    layers: usize,
    bytes: u64,
    /// Those that were here already.
    layers_here: usize,
    manifests: usize,
    /// How many of the manifests speak of the image.
    referrers: usize,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    left_out: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    kept_tags: Vec<String>,
}

/// Writes what a copy tells of itself.
pub fn copy(function: Function, copy: &CopyImage, news: CopyNews<'_>) {
    match news {
        CopyNews::UnderWay(far) => progress(function, copy, far),
        CopyNews::Complete(summary) => copied(function, copy, summary),
    }
}

fn copied(function: Function, copy: &CopyImage, summary: &CopySummary) {
    let CopySummary { blobs, bytes, skipped, manifests, referrers, kept, left_out } = summary;
    let left_out = left_out.iter().map(|one| format!("{}: {}", one.digest, one.because));
    let kept = kept.iter().map(|kept| {
        format!("{} names {} here, and {} upstream: it stays", kept.tag, kept.here, kept.upstream)
    });
    let record = CopyRecord {
        towpath: "copy",
        function,
        services: copy.services.iter().map(ToString::to_string).collect(),
        repository: copy.to.as_str(),
        digest: copy.digest.as_str(),
        layers: *blobs,
        bytes: *bytes,
        layers_here: *skipped,
        manifests: *manifests,
        referrers: *referrers,
        left_out: told(left_out),
        kept_tags: told(kept),
    };
    // Texts, numbers and lists of texts always serialise.
    line(&serde_json::to_string(&record).unwrap_or_default());
}

/// The first of a list that upstream makes as long as it likes, and how many there are beside.
fn told(list: impl ExactSizeIterator<Item = String>) -> Vec<String> {
    let rest = list.len().saturating_sub(TOLD_MAX);
    let mut told: Vec<String> = list.take(TOLD_MAX).map(|text| one_line(&text, TOLD_CHARACTERS)).collect();
    if rest > 0 {
        told.push(format!("and {rest} more"));
    }
    told
}

/// Writes how far a long copy has come.
fn progress(function: Function, copy: &CopyImage, progress: Progress) {
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

#[cfg(test)]
mod tests {
    use super::*;
    use aws::copy::{KeptTag, LeftOut};
    use domain::names::{AccountId, ImageDigest, ImageRepositoryName, ImageTag};
    use domain::rules::MissingRepositories;
    use expect_test::expect;

    fn digest(number: u32) -> ImageDigest {
        ImageDigest::parse(&format!("sha256:{number:064}")).unwrap()
    }

    fn image() -> CopyImage {
        let name = ImageRepositoryName::parse("webapp1").unwrap();
        CopyImage {
            services: BTreeSet::from([ServiceId::parse("cluster1/webapp1").unwrap()]),
            account: AccountId::parse("111111111111").unwrap(),
            from: name.clone(),
            to: name,
            digest: digest(1),
            missing_repository: MissingRepositories::Refuse,
        }
    }

    async fn written(news: CopyNews<'_>) -> String {
        let lines = Lines::default();
        let write = async { copy(Function::PromoteImage, &image(), news) };
        keeping(Arc::clone(&lines), write).await;
        lines.lock().unwrap().join("\n")
    }

    #[tokio::test]
    async fn a_copy_says_what_it_did_and_what_it_left_alone() {
        let summary = CopySummary::default();
        expect![[r#"{"towpath":"copy","function":"promote_image","services":["cluster1/webapp1"],"repository":"webapp1","digest":"sha256:0000000000000000000000000000000000000000000000000000000000000001","layers":0,"bytes":0,"layersHere":0,"manifests":0,"referrers":0}"#]]
            .assert_eq(&written(CopyNews::Complete(&summary)).await);
        let tag = ImageTag::parse("sha256-1.sig").unwrap();
        let summary = CopySummary {
            blobs: 3,
            bytes: 123_456,
            skipped: 2,
            manifests: 4,
            referrers: 1,
            kept: vec![KeptTag { tag, here: digest(2), upstream: digest(3) }],
            left_out: (4..26)
                .map(|number| LeftOut { digest: digest(number), because: "odd\nly".to_owned() })
                .collect(),
        };
        let line = written(CopyNews::Complete(&summary)).await;
        let record: serde_json::Value = serde_json::from_str(&line).unwrap();
        let left_out = record["leftOut"].as_array().unwrap();
        assert_eq!(left_out.len(), TOLD_MAX + 1);
        expect![[r#"
            [
                "\"sha256:0000000000000000000000000000000000000000000000000000000000000004: odd ly\"",
                "\"and 2 more\"",
                "[\"sha256-1.sig names sha256:0000000000000000000000000000000000000000000000000000000000000002 here, and sha256:0000000000000000000000000000000000000000000000000000000000000003 upstream: it stays\"]",
            ]
        "#]].assert_debug_eq(&[left_out[0].to_string(), left_out[TOLD_MAX].to_string(), record["keptTags"].to_string()]);
    }

    #[tokio::test]
    async fn a_long_copy_says_how_far_it_is() {
        let progress = Progress { blobs_sent: 1, blobs: 3, bytes_sent: 1_000, bytes: 5_000 };
        expect![[r#"{"towpath":"progress","function":"promote_image","services":["cluster1/webapp1"],"repository":"webapp1","digest":"sha256:0000000000000000000000000000000000000000000000000000000000000001","layers":"1 of 3","bytes":"1000 of 5000"}"#]]
            .assert_eq(&written(CopyNews::UnderWay(progress)).await);
    }
}
