//! Whether an image might enter an environment: what its registry upstream said of it in a span of time.

use crate::accounts::Account;
use crate::model::{Model, Span};
use crate::observe::text;
use crate::{Approval, Environment, Failure, StagedService};
use chrono::{DateTime, Duration, Utc};
use local_aws::services::Service;
use serde_json::{Value, json};

/// The registry tells times in whole seconds.
const SECOND: Duration = Duration::seconds(1);

/// An image that enters a service.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Entering<'a> {
    pub(crate) service: StagedService,
    pub(crate) repository: &'a str,
    pub(crate) tag: &'a str,
    pub(crate) digest: &'a str,
}

/// What an environment said of an image for a service.
pub(crate) struct Said {
    pub(crate) kind: String,
    /// When it happened, by its own word.
    pub(crate) created: String,
    /// When it was there to be read.
    pub(crate) at: DateTime<Utc>,
}

impl Entering<'_> {
    /// What it lacked all through the span; nothing if it might enter.
    pub(crate) fn lacks(
        &self,
        upstream: Account<'_>,
        (model, environment): (&Model, Environment),
        span: Span,
    ) -> Result<Option<String>, Failure> {
        let span = Span { from: span.from - SECOND, until: span.until };
        let said = said(upstream, self.repository, self.digest, &self.service.id())?;
        let kinds = kinds(&said, span);
        if kinds.iter().all(|kind| kind == "quarantined") {
            return Ok(Some("upstream had put it in quarantine".to_owned()));
        }
        let is_there = match self.service.approval {
            Approval::Push => model.at(environment).deeds.was_tip(self.tag, span),
            Approval::Tag => model.was_approved(self.repository, self.digest, span),
            Approval::Verified => kinds.iter().any(|kind| kind == "verified"),
        };
        Ok((!is_there).then(|| format!("no approval by {:?}", self.service.approval)))
    }
}

/// What an environment said itself of an image for a service, oldest first.
pub(crate) fn said(
    account: Account<'_>,
    repository: &str,
    digest: &str,
    service: &str,
) -> Result<Vec<Said>, Failure> {
    let asked = json!({ "repositoryName": repository, "subjectId": { "imageDigest": digest } });
    let answer = account.call(Service::Ecr, "ListImageReferrers", asked)?;
    let mut said = Vec::new();
    for referrer in answer.get("referrers").and_then(Value::as_array).into_iter().flatten() {
        let find = |name| annotation(referrer, name);
        if find("service") != service || find("account") != account.environment.account() {
            continue;
        }
        let id = json!([{ "imageDigest": text(referrer, "/digest") }]);
        let asked = json!({ "repositoryName": repository, "imageIds": id });
        let found = account.call(Service::Ecr, "DescribeImages", asked)?;
        let at = found.pointer("/imageDetails/0/imagePushedAt").and_then(Value::as_f64);
        #[expect(clippy::cast_possible_truncation, reason = "milliseconds since 1970 fit")]
        let at = at.and_then(|at| DateTime::from_timestamp_millis((at * 1000.0) as i64));
        let at = at.ok_or("evidence without a time")?;
        said.push(Said { kind: find("kind"), created: find("created"), at });
    }
    said.sort_by(|one, other| one.created.cmp(&other.created));
    Ok(said)
}

/// An annotation by the end of its name.
pub(crate) fn annotation(referrer: &Value, name: &str) -> String {
    let annotations = referrer.get("annotations").and_then(Value::as_object);
    let mut own = annotations.into_iter().flatten().filter(|(key, _)| key.ends_with(name));
    own.find_map(|(_, value)| value.as_str().map(str::to_owned)).unwrap_or_default()
}

/// What held at the beginning of the span and after each word that came in it.
fn kinds(said: &[Said], span: Span) -> Vec<String> {
    let came = said.iter().map(|said| said.at).filter(|at| *at > span.from && *at <= span.until);
    let newest_at = |at: DateTime<Utc>| {
        let newest = said.iter().filter(|said| said.at <= at).max_by_key(|said| &said.created);
        newest.map(|said| said.kind.clone()).unwrap_or_default()
    };
    std::iter::once(span.from).chain(came).map(newest_at).collect()
}
