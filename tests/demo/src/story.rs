//! The story, step by step.

use crate::Failure;
use crate::show;
use crate::stage::{Execution, Stage, holds};
use client::git::Git;
use client::image::Image;
use client::wait::Seen;
use serde_json::json;

const RULES: &str = "version: 1
services:
  cluster1/webapp1:
    containers:
      webapp1: { repository: webapp1, select: newest }
  cluster1/webapp2:
    containers:
      webapp2: { repository: webapp2, select: newest }
";

/// Plays every step; the first that does not hold ends it.
pub(crate) fn play(stage: &Stage) -> Result<(), Failure> {
    let git = prepare(stage)?;
    let first = push_and_follow(stage, &git, "1.0.0", "4f3c2b1a09f8e7d6c5b4a3928170615243342516")?;
    push_and_follow(stage, &git, "1.1.0", "a1b2c3d4e5f60718293a4b5c6d7e8f9001122334")?;
    commit_something_unrelated(stage, &git)?;
    change_by_hand(stage, &git, &first)?;
    finish(stage, &git)
}

fn prepare(stage: &Stage) -> Result<Git, Failure> {
    show::step(
        "Set dev up as a platform team does: a cluster, two services, their rules and their pipelines",
    );
    stage.aws.call("ecs", "CreateCluster", &json!({ "clusterName": "cluster1" }))?;
    for service in ["webapp1", "webapp2"] {
        stage.make_service(service)?;
    }
    let git = stage.deployment()?;
    git.write("delivery.yaml", RULES)?;
    let rules = git.commit("Pat Platform <pat@example.com>", "Deliver webapp1 and webapp2")?;
    git.push()?;
    show::proof(&format!("git push: delivery.yaml is commit {}", short(&rules)));
    for service in ["webapp1", "webapp2"] {
        stage.make_pipeline(service)?;
        show::proof(&format!(
            "stack pipeline-cluster1-{service}: pipeline deploy-cluster1-{service}, run once by its creation"
        ));
    }
    Ok(git)
}

/// Pushes a version of webapp1 and follows it until it is verified. Returns its image as revision.json names it.
fn push_and_follow(stage: &Stage, git: &Git, version: &str, source_commit: &str) -> Result<String, Failure> {
    show::step(&format!("Push webapp1 {version} to dev's registry, tagged with its source commit"));
    let before = stage.executions("webapp1")?;
    let others_before = stage.executions("webapp2")?;
    let image = Image::new("webapp1").version(version).build()?;
    let digest = stage.registry.push("webapp1", Some(source_commit), &image)?;
    show::proof(&format!("webapp1:{source_commit}\nis {digest}"));

    show::step("revision.json is committed by digest, and says why");
    let (commit, parent) = wait_for_commit(stage, git, &digest)?;
    let message = git.message(&commit)?;
    show::proof(&format!("commit {}\n{}", short(&commit), message.trim_end()));
    for trailer in [
        "Service: cluster1/webapp1",
        &format!("Image-Tag: {source_commit}"),
        &format!("Image-Digest: {digest}"),
    ] {
        holds(message.contains(trailer), format!("the commit message has no `{trailer}`"))?;
    }

    show::step("Exactly that service's pipeline starts, at exactly that commit");
    let execution = wait_for_execution(stage, &before, &commit)?;
    show::proof(&format!("deploy-cluster1-webapp1 {} at {}", execution.id, short(&commit)));
    holds(stage.executions("webapp2")? == others_before, "webapp2's pipeline was started as well")?;
    show::proof("deploy-cluster1-webapp2: nothing new");

    show::step("ECS rolls out");
    let running = wait_for_image(stage, &digest)?;
    show::proof(&format!("cluster1/webapp1 runs {running}"));

    show::step("The outcome is told, and evidence is on the digest");
    let evidence = stage.wait("evidence `verified`", || {
        let evidence = stage.evidence("webapp1", &digest)?;
        Ok(match evidence.into_iter().find(|line| line.contains("verified")) {
            Some(line) => Seen::Done(line),
            None => Seen::NotYet("no evidence".to_owned()),
        })
    })?;
    show::proof(&evidence);
    let comment = stage.wait("the comment on the commit", || {
        let comments = stage.comments(&commit, Some(&parent))?;
        Ok(comments.into_iter().next().map_or_else(|| Seen::NotYet("no comment".to_owned()), Seen::Done))
    })?;
    show::proof(&format!("comment on {}: {comment}", short(&commit)));
    holds(
        stage.executions("webapp1")?.len() == before.len() + 1,
        "webapp1's pipeline was started more than once",
    )?;
    Ok(running)
}

fn commit_something_unrelated(stage: &Stage, git: &Git) -> Result<(), Failure> {
    show::step("Commit something unrelated: nothing starts");
    let before = (stage.executions("webapp1")?, stage.executions("webapp2")?);
    git.update()?;
    git.write("README.md", "What dev runs.\n")?;
    let commit = git.commit("Pat Platform <pat@example.com>", "Say what this repository is")?;
    git.push()?;
    let record = wait_for_record(stage, "on_commit", &commit)?;
    show::proof(&format!("on_commit on {}: {record}", short(&commit)));
    let after = (stage.executions("webapp1")?, stage.executions("webapp2")?);
    holds(before == after, "a pipeline was started")
}

fn change_by_hand(stage: &Stage, git: &Git, image: &str) -> Result<(), Failure> {
    show::step("A person pushes a changed revision by hand, back to 1.0.0: that pipeline starts once");
    let before = stage.executions("webapp1")?;
    let revision = json!([{ "name": "webapp1", "imageUri": image }]);
    git.update()?;
    git.write("cluster1/webapp1/revision.json", format!("{revision:#}\n"))?;
    let commit =
        git.commit("Sam Service <sam@example.com>", "webapp1: back to 1.0.0 while we look into it")?;
    git.push()?;
    let execution = wait_for_execution(stage, &before, &commit)?;
    show::proof(&format!("deploy-cluster1-webapp1 {} at {}", execution.id, short(&commit)));
    let digest = image.rsplit('@').next().unwrap_or_default();
    show::proof(&format!("cluster1/webapp1 runs {}", wait_for_image(stage, digest)?));
    wait_for_success(stage)?;
    holds(stage.executions("webapp1")?.len() == before.len() + 1, "the pipeline was started more than once")
}

fn finish(stage: &Stage, git: &Git) -> Result<(), Failure> {
    show::step("What runs now");
    git.update()?;
    let mut rows = Vec::new();
    for service in ["webapp1", "webapp2"] {
        let newest = stage.executions(service)?.into_iter().next();
        let image = stage.running_image(service)?;
        let digest = image.rsplit_once('@').map_or("", |(_, digest)| digest);
        let version = if digest.is_empty() { "-".to_owned() } else { tag_of(stage, service, digest)? };
        let state = match (&newest, digest.is_empty()) {
            (_, true) => "never deployed",
            (Some(execution), false) if execution.status == "Succeeded" => "deployed",
            _ => "not deployed",
        };
        let commit = newest.and_then(|execution| execution.commit).unwrap_or_default();
        rows.push(vec![
            format!("cluster1/{service}"),
            short(&version).to_owned(),
            digest.get(..19).unwrap_or("-").to_owned(),
            short(&commit).to_owned(),
            state.to_owned(),
        ]);
    }
    show::table(&["service", "version", "digest", "commit", "state"], &rows);
    holds(rows.iter().any(|row| row.iter().any(|cell| cell == "deployed")), "webapp1 is not deployed")
}

fn tag_of(stage: &Stage, repository: &str, digest: &str) -> Result<String, Failure> {
    let asked = json!({ "repositoryName": repository, "imageIds": [{ "imageDigest": digest }] });
    let answer = stage.aws.call("ecr", "DescribeImages", &asked)?;
    let tag = answer.pointer("/imageDetails/0/imageTags/0").and_then(|tag| tag.as_str());
    Ok(tag.unwrap_or_default().to_owned())
}

/// The commit whose revision.json names this digest, and its parent.
fn wait_for_commit(stage: &Stage, git: &Git, digest: &str) -> Result<(String, String), Failure> {
    stage.wait("the commit", || {
        git.update()?;
        let revision = git.read("cluster1/webapp1/revision.json")?.unwrap_or_default();
        if String::from_utf8_lossy(&revision).contains(digest) {
            Ok(Seen::Done((git.head()?, git.commit_id("HEAD^")?)))
        } else {
            Ok(Seen::NotYet("revision.json names another digest".to_owned()))
        }
    })
}

/// The one new execution of webapp1's pipeline, which must be at this commit.
fn wait_for_execution(stage: &Stage, before: &[Execution], commit: &str) -> Result<Execution, Failure> {
    let execution = stage.wait("the execution", || {
        let now = stage.executions("webapp1")?;
        Ok(match now.into_iter().next() {
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

fn wait_for_image(stage: &Stage, digest: &str) -> Result<String, Failure> {
    stage.wait("the rollout", || {
        let image = stage.running_image("webapp1")?;
        Ok(if image.contains(digest) { Seen::Done(image) } else { Seen::NotYet(format!("it runs {image}")) })
    })
}

fn wait_for_success(stage: &Stage) -> Result<(), Failure> {
    stage.wait("the pipeline to succeed", || {
        let newest = stage.executions("webapp1")?.into_iter().next();
        Ok(match newest {
            Some(execution) if execution.status == "Succeeded" => Seen::Done(()),
            other => Seen::NotYet(format!("{other:?}")),
        })
    })
}

/// The decision that a function recorded about a commit: kind and reason.
fn wait_for_record(stage: &Stage, function: &str, commit: &str) -> Result<String, Failure> {
    stage.wait("the decision record", || {
        let records = stage.records(function, commit)?;
        let Some(line) = records.into_iter().next() else { return Ok(Seen::NotYet("no record".to_owned())) };
        let record: serde_json::Value = serde_json::from_str(&line)?;
        let text =
            |name: &str| record.get(name).and_then(|text| text.as_str()).unwrap_or_default().to_owned();
        Ok(Seen::Done(format!("{}, because {}", text("decision"), text("because"))))
    })
}

fn short(text: &str) -> &str {
    text.get(..8).unwrap_or(text)
}
