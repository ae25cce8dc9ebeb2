//! What each function is measured at: one event that makes it do its usual work.

use crate::Failure;
use crate::budget::{Budget, Figure, MEMORY};
use crate::scene::{ALONE, Places, Scene, WITH_UPSTREAM};
use client::image::{Artifact, Image};
use serde_json::{Value, json};
use tokio::runtime::Handle;

/// How many lines each layer of a promoted image has.
const LAYER_LINES: usize = 10_000;
const COMPLETED: &str = "SERVICE_DEPLOYMENT_COMPLETED";

/// How large the account is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Size {
    /// How many images the service's repository holds.
    pub(crate) images: usize,
    /// How many services a sweep looks at.
    pub(crate) services: usize,
}

/// A function at its usual work.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Benchmark {
    /// The function.
    pub(crate) function: &'static str,
    /// What it does, for people.
    pub(crate) what: &'static str,
    /// What it may cost, beside what is true of every function.
    pub(crate) budgets: &'static [Budget],
    /// The accounts, of which the last one is measured.
    chain: &'static [(&'static str, &'static str)],
    /// How many hours the account's clock is slow: to the functions, what happens in it happened so long ago.
    hours_ago: i64,
    /// Prepares the account; gives the event.
    prepare: fn(&mut Scene, Size) -> Result<String, Failure>,
    /// What the event has brought about, to be compared between handlers.
    pub(crate) effect: fn(&Scene) -> Result<String, Failure>,
}

/// All of them.
pub(crate) const BENCHMARKS: [Benchmark; 6] = [
    Benchmark {
        function: "on_image_push",
        what: "an image push becomes a commit",
        budgets: &[
            MEMORY,
            Budget { figure: Figure::Calls, bound: 7.0 },
            Budget { figure: Figure::Sequential, bound: 4.0 },
        ],
        chain: ALONE,
        hours_ago: 0,
        prepare: pushed,
        effect: commit,
    },
    Benchmark {
        function: "promote_image",
        what: "an approved image is copied from upstream and becomes a commit",
        budgets: &[Budget { figure: Figure::PeakMemory, bound: 50.3 }],
        chain: WITH_UPSTREAM,
        hours_ago: 0,
        prepare: approved,
        effect: promoted,
    },
    Benchmark {
        function: "on_commit",
        what: "a commit starts its pipeline",
        budgets: &[MEMORY],
        chain: ALONE,
        hours_ago: 0,
        prepare: committed,
        effect: executions,
    },
    Benchmark {
        function: "on_deployment_change",
        what: "a rollout that went well is verified",
        budgets: &[MEMORY],
        chain: ALONE,
        hours_ago: 0,
        prepare: deployed,
        effect: told,
    },
    Benchmark {
        function: "roll_back",
        what: "the revision before comes back, and is held",
        budgets: &[],
        chain: ALONE,
        hours_ago: 0,
        prepare: delivered_twice,
        effect: rolled_back,
    },
    Benchmark {
        function: "reconcile",
        what: "a sweep finds all as it should be",
        budgets: &[],
        chain: ALONE,
        hours_ago: 3,
        prepare: at_rest,
        effect: woken,
    },
];

impl Benchmark {
    /// An account in which this benchmark's event waits, and the event.
    pub(crate) fn prepare(
        &self,
        handle: &Handle,
        places: &Places,
        size: Size,
    ) -> Result<(Scene, String), Failure> {
        let mut scene = Scene::start(handle, places, self.chain, chrono::Duration::hours(self.hours_ago))?;
        let event = (self.prepare)(&mut scene, size)?;
        Ok((scene, event))
    }
}

/// A service that delivers what is pushed, and has done so once.
fn delivers(scene: &Scene, size: Size) -> Result<(), Failure> {
    scene.make_service("webapp1")?;
    // Before the rules are there, so that nothing comes of these.
    for number in 2..size.images {
        let image = Image::new("webapp1").version(&format!("{number}"));
        scene.registry.push("webapp1", Some(&tag(number)), &image.build()?)?;
    }
    scene.rest()?;
    scene.commit_rules(&rules(&["webapp1".to_owned()]))?;
    scene.make_pipeline("webapp1")?;
    scene.push("webapp1", &tag(0))?;
    scene.rest()
}

fn pushed(scene: &mut Scene, size: Size) -> Result<String, Failure> {
    delivers(scene, size)?;
    scene.keep_messages("on_image_push")?;
    scene.push("webapp1", &tag(1))?;
    scene.rest()?;
    scene.message("on_image_push", &["ECR Image Action", &tag(1)])
}

/// A service here that promotes what is approved upstream, and has done so once.
fn approved(scene: &mut Scene, size: Size) -> Result<String, Failure> {
    scene.make_service("webapp1")?;
    let upstream = scene.upstream.as_ref().ok_or("there is no upstream")?;
    upstream.aws.call("ecr", "CreateRepository", &json!({ "repositoryName": "webapp1" }))?;
    let images = (2..size.images).chain([0]).collect::<Vec<_>>();
    for number in images {
        upstream.push("webapp1", &tag(number), &layered(number)?)?;
    }
    upstream.push("webapp1", &approval(0), &layered(0)?)?;
    scene.rest()?;
    let promotes = "    promote: { approve: tag }\n";
    scene.commit_rules(&(rules(&["webapp1".to_owned()]) + promotes))?;
    scene.make_pipeline("webapp1")?;
    scene.send(
        "promote_image",
        r#"{"towpath":"wake-up","version":1,"service":"cluster1/webapp1","reason":""}"#,
    )?;
    scene.rest()?;
    scene.keep_messages("promote_image")?;
    let upstream = scene.upstream.as_ref().ok_or("there is no upstream")?;
    upstream.push("webapp1", &tag(1), &layered(1)?)?;
    upstream.push("webapp1", &approval(1), &layered(1)?)?;
    scene.rest()?;
    scene.message("promote_image", &["ECR Image Action", &approval(1)])
}

fn committed(scene: &mut Scene, size: Size) -> Result<String, Failure> {
    delivers(scene, size)?;
    scene.keep_messages("on_commit")?;
    scene.push("webapp1", &tag(1))?;
    scene.rest()?;
    scene.message("on_commit", &["referenceUpdated"])
}

fn deployed(scene: &mut Scene, size: Size) -> Result<String, Failure> {
    delivers(scene, size)?;
    scene.keep_messages("on_deployment_change")?;
    scene.push("webapp1", &tag(1))?;
    scene.rest()?;
    scene.message("on_deployment_change", &[COMPLETED])
}

fn delivered_twice(scene: &mut Scene, size: Size) -> Result<String, Failure> {
    delivers(scene, size)?;
    scene.push("webapp1", &tag(1))?;
    scene.rest()?;
    Ok(json!({
        "service": "cluster1/webapp1", "action": "roll_back", "to": "previous",
        "reason": "slow answers", "who": "pat", "automationExecutionId": "3a6b3e0c-97bd-4f49-9f3c-2d1d3a0d5e61",
    })
    .to_string())
}

fn at_rest(scene: &mut Scene, size: Size) -> Result<String, Failure> {
    let services: Vec<String> = (1..=size.services).map(|number| format!("webapp{number}")).collect();
    for service in &services {
        scene.make_service(service)?;
    }
    scene.commit_rules(&rules(&services))?;
    for service in &services {
        scene.make_pipeline(service)?;
        scene.push(service, &tag(0))?;
        scene.rest()?;
    }
    for function in ["reconcile", "on_image_push", "on_commit", "on_deployment_change"] {
        scene.keep_messages(function)?;
    }
    scene.send("reconcile", r#"{"towpath":"sweep","version":1}"#)?;
    scene.message("reconcile", &["sweep"])
}

/// A tag as a build gives it: a commit id.
fn tag(number: usize) -> String {
    format!("{number:04x}").repeat(10)
}

/// The tag that approves an image's.
fn approval(number: usize) -> String {
    format!("approved-stg-{}", tag(number))
}

/// An image of three layers.
fn layered(number: usize) -> Result<Artifact, Failure> {
    let layer = |name: &str| format!("{name} of {number}\n").repeat(LAYER_LINES);
    let image = Image::new("webapp1").layer("base", layer("base")).layer("libraries", layer("libraries"));
    Ok(image.layer("application", layer("application")).build()?)
}

fn rules(services: &[String]) -> String {
    let mut rules = "version: 1\nservices:\n".to_owned();
    for service in services {
        rules += &format!(
            "  cluster1/{service}:\n    containers:\n      {service}: {{ repository: {service}, select: newest }}\n"
        );
    }
    rules
}

/// The commit at the tip, to the letter.
fn commit(scene: &Scene) -> Result<String, Failure> {
    let tip = scene.tip()?;
    let asked = json!({ "repositoryName": "deployment", "commitId": tip });
    let answer = scene.aws.call("codecommit", "GetCommit", &asked)?;
    Ok(answer.get("commit").map(Value::to_string).unwrap_or_default())
}

/// The commit at the tip, and every image of the registry.
fn promoted(scene: &Scene) -> Result<String, Failure> {
    let images = scene.aws.call("ecr", "DescribeImages", &json!({ "repositoryName": "webapp1" }))?;
    let mut shown: Vec<String> = list(&images, "/imageDetails").iter().map(Value::to_string).collect();
    shown.sort();
    Ok(format!("{}\n{}", commit(scene)?, shown.join("\n")))
}

/// What each execution of the pipeline took, newest first. Their own ids are drawn at random.
fn executions(scene: &Scene) -> Result<String, Failure> {
    let asked = json!({ "pipelineName": "deploy-cluster1-webapp1" });
    let answer = scene.aws.call("codepipeline", "ListPipelineExecutions", &asked)?;
    let executions = list(&answer, "/pipelineExecutionSummaries");
    let sources =
        executions.iter().filter_map(|execution| execution.pointer("/sourceRevisions/0/revisionId"));
    Ok(format!("executions of {:?}", sources.collect::<Vec<_>>()))
}

/// How many messages wait for the functions that a sweep may wake.
fn woken(scene: &Scene) -> Result<String, Failure> {
    let functions = ["on_image_push", "on_commit", "on_deployment_change"];
    let waiting = functions.iter().map(|function| Ok(format!("{function} {}", scene.waiting(function)?)));
    Ok(waiting.collect::<Result<Vec<_>, Failure>>()?.join(", "))
}

/// What the revision is, what is held and kept out, what the commit says, and what beside the image that is left. The hold
/// says when, so the commits' ids differ.
fn rolled_back(scene: &Scene) -> Result<String, Failure> {
    let file = |name: &str| {
        let path = format!("cluster1/webapp1/{name}");
        let asked = json!({ "repositoryName": "deployment", "commitSpecifier": "main", "filePath": path });
        scene.aws.call("codecommit", "GetFile", &asked)
    };
    let revision = file("revision.json")?;
    let tip = scene.tip()?;
    scene.git.run(&["fetch", "--quiet"])?;
    let hold = scene.git.run(&["show", &format!("{tip}:cluster1/webapp1/hold.json")]).unwrap_or_default();
    let mut hold: Value = serde_json::from_str(&hold).unwrap_or_default();
    for part in ["/hold", "/quarantine/0"] {
        hold.pointer_mut(part).and_then(Value::as_object_mut).and_then(|part| part.remove("at"));
    }
    let asked = json!({ "repositoryName": "deployment", "commitId": tip });
    let commit = scene.aws.call("codecommit", "GetCommit", &asked)?;
    let message = commit.pointer("/commit/message").and_then(Value::as_str).unwrap_or_default();
    let blob = revision.get("blobId").cloned().unwrap_or_default();
    Ok(format!("revision {blob}, {hold}\n{message}\n{}", evidence(scene)?.join("\n")))
}

/// What is said of the newest image and of the commit that brought it.
fn told(scene: &Scene) -> Result<String, Failure> {
    let mut said = evidence(scene)?;
    let tip = scene.tip()?;
    let asked = json!({ "repositoryName": "deployment", "commitId": &tip });
    let commit = scene.aws.call("codecommit", "GetCommit", &asked)?;
    let parent = commit.pointer("/commit/parents/0").cloned().unwrap_or_default();
    let asked = json!({ "repositoryName": "deployment", "beforeCommitId": parent, "afterCommitId": tip });
    let answer = scene.aws.call("codecommit", "GetCommentsForComparedCommit", &asked)?;
    for data in list(&answer, "/commentsForComparedCommitData") {
        let comments = list(&data, "/comments");
        said.extend(comments.iter().filter_map(|comment| Some(comment.get("content")?.to_string())));
    }
    Ok(said.join("\n"))
}

/// What is said beside the newest image, but when.
fn evidence(scene: &Scene) -> Result<Vec<String>, Failure> {
    let asked = json!({ "repositoryName": "webapp1", "imageIds": [{ "imageTag": tag(1) }] });
    let images = scene.aws.call("ecr", "DescribeImages", &asked)?;
    let digest = images.pointer("/imageDetails/0/imageDigest").cloned().unwrap_or_default();
    let asked = json!({ "repositoryName": "webapp1", "subjectId": { "imageDigest": digest } });
    let answer = scene.aws.call("ecr", "ListImageReferrers", &asked)?;
    let mut said: Vec<String> = Vec::new();
    for referrer in list(&answer, "/referrers") {
        let annotations = referrer.get("annotations").and_then(Value::as_object).into_iter().flatten();
        let lasting = annotations.filter(|(name, _)| !name.ends_with("created"));
        said.extend(lasting.map(|(name, value)| format!("{name}={value}")));
    }
    said.sort();
    Ok(said)
}

fn list(value: &Value, path: &str) -> Vec<Value> {
    value.pointer(path).and_then(Value::as_array).cloned().unwrap_or_default()
}
