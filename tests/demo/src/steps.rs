//! The steps that come more than once, each with its proof.

use crate::Failure;
use crate::environment::{Environment, Execution, holds};
use crate::show;
use crate::team::Release;
use client::wait::Seen;
use serde_json::{Value, json};

/// How a release got into an environment.
pub(crate) struct Deployed {
    /// The commit of the deployment repository.
    pub(crate) commit: String,
    /// Its message.
    pub(crate) message: String,
}

/// Follows a release from the commit of its revision to the evidence that it runs well. `before` are the executions
/// that were there.
pub(crate) fn follow(
    environment: &Environment,
    release: &Release,
    before: &[Execution],
) -> Result<Deployed, Failure> {
    let deployed = committed(environment, &release.digest)?;
    let execution = started(environment, before, &deployed.commit)?;
    runs(environment, &release.digest)?;
    let evidence = verified(environment, release)?;
    let execution = short(&execution.id).to_owned();
    show::proof(&format!(
        "{}: commit {} → execution {execution} → ECS runs {} → {evidence}",
        environment.name,
        short(&deployed.commit),
        short_digest(&release.digest)
    ));
    let started = environment.executions("webapp1")?.len() - before.len();
    holds(started == 1, format!("the pipeline was started {started} times"))?;
    Ok(deployed)
}

/// The commit whose revision.json names this digest.
pub(crate) fn committed(environment: &Environment, digest: &str) -> Result<Deployed, Failure> {
    let git = &environment.deployment;
    environment.wait("the commit", || {
        git.update()?;
        let revision = git.read("cluster1/webapp1/revision.json")?.unwrap_or_default();
        if String::from_utf8_lossy(&revision).contains(digest) {
            let commit = git.head()?;
            Ok(Seen::Done(Deployed { message: git.message(&commit)?, commit }))
        } else {
            Ok(Seen::NotYet("revision.json names another digest".to_owned()))
        }
    })
}

/// The one new execution, which must be at this commit.
fn started(environment: &Environment, before: &[Execution], commit: &str) -> Result<Execution, Failure> {
    let execution = environment.wait("the execution", || {
        Ok(match environment.executions("webapp1")?.into_iter().next() {
            Some(newest) if !before.iter().any(|old| old.id == newest.id) && newest.commit.is_some() => {
                Seen::Done(newest)
            }
            other => Seen::NotYet(format!("{other:?}")),
        })
    })?;
    holds(
        execution.commit.as_deref() == Some(commit),
        format!("the pipeline runs at {:?}", execution.commit),
    )?;
    holds(execution.trigger == "StartPipelineExecution", format!("it was started by {}", execution.trigger))?;
    Ok(execution)
}

/// Waits until ECS runs this digest.
pub(crate) fn runs(environment: &Environment, digest: &str) -> Result<(), Failure> {
    environment.wait("the rollout", || {
        let image = environment.running_image("webapp1")?;
        Ok(if image.contains(digest) { Seen::Done(()) } else { Seen::NotYet(format!("it runs {image}")) })
    })
}

/// Waits for this environment's own evidence that the release runs well.
fn verified(environment: &Environment, release: &Release) -> Result<String, Failure> {
    let own = format!("io.towpath.environment={}", environment.name);
    environment.wait("evidence `verified`", || {
        let evidence = environment.evidence("webapp1", &release.digest)?;
        let is_there = evidence.iter().any(|line| line.contains(&own) && line.contains("verified"));
        let told = format!("evidence `verified` by {}", environment.name);
        Ok(if is_there { Seen::Done(told) } else { Seen::NotYet("no evidence".to_owned()) })
    })
}

/// Waits for a function's decision about something: kind and reason.
pub(crate) fn decided(
    environment: &Environment,
    function: &str,
    kind: &str,
    about: &str,
) -> Result<String, Failure> {
    environment.wait("the decision record", || {
        let records = environment.records(function, "decision", about)?;
        let found = records.into_iter().find(|record| text(record, "decision") == kind);
        Ok(match found {
            Some(record) => Seen::Done(format!("{kind}: {}", text(&record, "because"))),
            None => Seen::NotYet(format!("no record `{kind}` about {about}")),
        })
    })
}

/// Shows how an image is copied, as the function that does it tells on the way and at the end.
pub(crate) fn copied(environment: &Environment, digest: &str) -> Result<(), Failure> {
    let name = &environment.name;
    let mut shown = 0;
    let done = environment.wait("the record of the copy", || {
        let done = environment.records("promote_image", "copy", digest)?.into_iter().next();
        let progress = environment.records("promote_image", "progress", digest)?;
        for record in progress.iter().skip(shown) {
            let [layers, bytes] = ["layers", "bytes"].map(|member| text(record, member));
            let (sent, all) = bytes.split_once(" of ").unwrap_or_default();
            let [sent, all] = [sent, all].map(|bytes| megabytes(bytes.parse().unwrap_or_default()));
            show::proof(&format!("{name}: {layers} layers, {sent} of {all} MB"));
        }
        shown = progress.len();
        Ok(done.map_or_else(|| Seen::NotYet("no record".to_owned()), Seen::Done))
    })?;
    let number = |member: &str| done.get(member).and_then(Value::as_u64).unwrap_or_default();
    show::proof(&format!(
        "{name}: copied: {} layers ({} MB) were sent, {} were here already; {} manifests, {} of which speak of the image",
        number("layers"),
        megabytes(number("bytes")),
        number("layersHere"),
        number("manifests"),
        number("referrers"),
    ));
    Ok(())
}

fn text(record: &Value, member: &str) -> String {
    record.get(member).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn megabytes(bytes: u64) -> String {
    format!("{:.1}", bytes as f64 / 1e6)
}

/// Fills the console's form: starts an Automation document, and waits for what it answers.
pub(crate) fn automate(environment: &Environment, document: &str, form: &Value) -> Result<String, Failure> {
    let started = json!({ "DocumentName": document, "Parameters": form });
    let started = environment.aws.call("ssm", "StartAutomationExecution", &started)?;
    let id = started.get("AutomationExecutionId").cloned().unwrap_or_default();
    let ended = environment.wait("the Automation execution", || {
        let asked = json!({ "AutomationExecutionId": id });
        let answer = environment.aws.call("ssm", "GetAutomationExecution", &asked)?;
        let execution = answer.get("AutomationExecution").cloned().unwrap_or_default();
        let status = execution.get("AutomationExecutionStatus").and_then(Value::as_str).unwrap_or_default();
        match status {
            "Success" => {
                let outputs = execution.get("Outputs").and_then(Value::as_object).cloned();
                let payload = outputs.iter().flatten().find_map(|(_, output)| output.get(0)?.as_str());
                Ok(Seen::Done(Ok(payload.unwrap_or_default().to_owned())))
            }
            "Pending" | "InProgress" => Ok(Seen::NotYet(status.to_owned())),
            other => Ok(Seen::Done(Err(format!("{other}: {execution}")))),
        }
    })?;
    Ok(ended?)
}

/// The first digits of a commit or an execution.
pub(crate) fn short(text: &str) -> &str {
    text.get(..8).unwrap_or(text)
}

/// The first digits of a digest.
pub(crate) fn short_digest(text: &str) -> &str {
    text.get(..19).unwrap_or(text)
}
