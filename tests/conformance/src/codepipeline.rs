//! CodePipeline: executions of V2 pipelines in mode QUEUED, and the ECS deploy action.

use crate::answers::Question;
use crate::check::{Check, Stop, Verdict};
use crate::expect::{holds, list, refused, same, text, texts};
use crate::listener::{Listener, has};
use crate::pipelines::{Pipeline, approval_stage, at, deploy_stage};
use crate::resources::GitRepository;
use crate::scene::Scene;
use crate::services::{CONTAINER, Cluster, Family, Service};
use client::wait::{Seen, until};
use serde_json::{Value, json};

/// An execution that no pipeline has.
const NO_EXECUTION: &str = "01234567-89ab-4cde-8f01-23456789abcd";
/// An image that is never pulled: the services here have no tasks.
const IMAGE: &str = "public.ecr.aws/docker/library/busybox";

/// The checks of this file.
pub const CHECKS: &[Check] = &[
    check("A new pipeline runs once by itself", first_run),
    check("A pipeline is described as it was declared, and its name is taken once", declaration),
    check("A pipeline that is not there has its own code", missing_pipeline),
    check("A start at a commit runs that commit, though the branch is elsewhere", start_at_commit),
    check("A start with the same token makes one execution", start_token),
    check("A start that is badly formed is refused", bad_starts),
    check("A V1 pipeline takes no source revision", type_v1),
    check("Executions are listed newest first, in pages", pages),
    check("Queued executions run in their order", queue),
    check("A waiting execution can be stopped, and only once", stop),
    check("An approval is answered once, with its token", approval),
    check("A disabled transition holds executions back", transition),
    check("A stage is rolled back to an execution that succeeded in it", roll_back),
    check("Events tell an execution's start and end", events),
    check("The ECS action deploys the images of a file in a folder", deploy),
    check("The ECS action fails on a file that is no list of images", bad_files),
    check("The ECS action and what its documents leave open", open_questions),
];

const fn check(name: &'static str, run: fn(&Scene) -> Verdict) -> Check {
    Check::new("codepipeline", name, run)
}

fn first_run(scene: &Scene) -> Verdict {
    let (repository, first) = GitRepository::with_files(scene, &[("a", "one")])?;
    let pipeline = Pipeline::new(scene, &repository, &approval_stage())?;
    let execution = until("the first execution", scene.patience(), || match pipeline.executions() {
        Ok(all) if all.is_empty() => Seen::NotYet("no execution".to_owned()),
        outcome => Seen::Done(outcome),
    })??;
    let execution = json!({ "all": execution });
    same("the executions", &list(&execution, "/all").len(), &1)?;
    same("its trigger", &text(&execution, "/all/0/trigger/triggerType")?, &"CreatePipeline")?;
    let id = text(&execution, "/all/0/pipelineExecutionId")?;
    let token = pipeline.approval_token(&id)?;
    let running = json!({ "all": pipeline.executions()? });
    same("its commit", &text(&running, "/all/0/sourceRevisions/0/revisionId")?, &first)?;
    same("its mode", &text(&running, "/all/0/executionMode")?, &"QUEUED")?;
    pipeline.answer(&token, "Approved")?;
    same("its end", &pipeline.ended(&id)?, &"Succeeded")
}

fn declaration(scene: &Scene) -> Verdict {
    let (repository, _) = GitRepository::with_files(scene, &[("a", "one")])?;
    let pipeline = Pipeline::new(scene, &repository, &approval_stage())?;
    let got = scene.call("codepipeline", "GetPipeline", &json!({ "name": pipeline.name }))?;
    same("the version", &got.pointer("/pipeline/version"), &Some(&json!(1)))?;
    for member in ["name", "roleArn", "pipelineType", "executionMode", "artifactStore"] {
        let declared = pipeline.declaration.get(member);
        same(member, &got.pointer(&format!("/pipeline/{member}")), &declared)?;
    }
    let arn = scene.arn("codepipeline", &pipeline.name);
    same("the ARN", &text(&got, "/metadata/pipelineArn")?, &arn)?;
    let again = json!({ "pipeline": pipeline.declaration });
    let refusal = scene.call("codepipeline", "CreatePipeline", &again);
    refused(refusal, &["PipelineNameInUseException"])?;
    let updated = scene.call("codepipeline", "UpdatePipeline", &again)?;
    same("the version after an update", &updated.pointer("/pipeline/version"), &Some(&json!(2)))?;
    let mut one_stage = pipeline.declaration.clone();
    if let Some(stages) = one_stage.pointer_mut("/stages").and_then(Value::as_array_mut) {
        stages.truncate(1);
    }
    let refusal = scene.call("codepipeline", "UpdatePipeline", &json!({ "pipeline": one_stage }));
    refused(refusal, &["InvalidStructureException", "ValidationException"])?;
    Ok(())
}

fn missing_pipeline(scene: &Scene) -> Verdict {
    let name = scene.name("missing");
    let by_name = json!({ "name": name });
    let by_pipeline_name = json!({ "pipelineName": name });
    for operation in ["GetPipeline", "GetPipelineState", "StartPipelineExecution"] {
        let refusal = scene.call("codepipeline", operation, &by_name);
        refused(refusal, &["PipelineNotFoundException"])?;
    }
    for operation in ["ListPipelineExecutions", "ListActionExecutions"] {
        let refusal = scene.call("codepipeline", operation, &by_pipeline_name);
        refused(refusal, &["PipelineNotFoundException"])?;
    }
    scene.call("codepipeline", "DeletePipeline", &by_name)?;
    let (repository, _) = GitRepository::with_files(scene, &[("a", "one")])?;
    let pipeline = Pipeline::new(scene, &repository, &approval_stage())?;
    let missing = pipeline.call("GetPipelineExecution", json!({ "pipelineExecutionId": NO_EXECUTION }));
    refused(missing, &["PipelineExecutionNotFoundException"])?;
    Ok(())
}

/// A pipeline whose first run is over, and two commits of its repository.
fn quiet_pipeline<'a>(scene: &'a Scene) -> Result<(GitRepository<'a>, Pipeline<'a>, String, String), Stop> {
    let (repository, first) = GitRepository::with_files(scene, &[("a", "one")])?;
    let pipeline = Pipeline::new(scene, &repository, &approval_stage())?;
    let all = until("the first execution", scene.patience(), || match pipeline.executions() {
        Ok(all) if all.is_empty() => Seen::NotYet("no execution".to_owned()),
        outcome => Seen::Done(outcome),
    })??;
    let id = text(&json!({ "all": all }), "/all/0/pipelineExecutionId")?;
    pipeline.answer(&pipeline.approval_token(&id)?, "Approved")?;
    pipeline.ended(&id)?;
    let second = repository.commit(Some(&first), &[("a", "two")], "Second\n\nService: x")?;
    Ok((repository, pipeline, first, second))
}

fn start_at_commit(scene: &Scene) -> Verdict {
    let (_repository, pipeline, first, _) = quiet_pipeline(scene)?;
    let id = pipeline.start_at(&first)?;
    let early = json!({ "all": pipeline.executions()? });
    same("the newest", &text(&early, "/all/0/pipelineExecutionId")?, &id)?;
    same("its trigger", &text(&early, "/all/0/trigger/triggerType")?, &"StartPipelineExecution")?;
    let answer = match text(&early, "/all/0/sourceRevisions/0/revisionId") {
        Ok(commit) if commit == first => "there at once",
        Ok(_) => "another commit",
        Err(_) => "not yet there",
    };
    scene.answer(Question::SourceRevisionTiming, answer);
    let token = pipeline.approval_token(&id)?;
    let later = json!({ "all": pipeline.executions()? });
    same("its commit", &text(&later, "/all/0/sourceRevisions/0/revisionId")?, &first)?;
    same("its action", &text(&later, "/all/0/sourceRevisions/0/actionName")?, &"Source")?;
    let filter = json!({ "filter": { "pipelineExecutionId": id } });
    let actions = list(&pipeline.call("ListActionExecutions", filter)?, "/actionExecutionDetails");
    let names: Vec<String> = texts(&json!({ "all": actions }), "/all", "actionName");
    same("its actions, newest first", &names, &["Approve", "Source"])?;
    pipeline.answer(&token, "Rejected")?;
    same("its end after a rejection", &pipeline.ended(&id)?, &"Failed")
}

fn start_token(scene: &Scene) -> Verdict {
    let (_repository, pipeline, first, _) = quiet_pipeline(scene)?;
    let input = json!({ "sourceRevisions": [at(&first)], "clientRequestToken": "0123-abc-DEF" });
    let one = pipeline.start(input.clone())?;
    let two = pipeline.start(input)?;
    let started = pipeline.executions()?.len();
    let answer = match (one == two, started) {
        (true, 2) => "the same execution",
        (true, _) => "the same id, another execution",
        (false, _) => "another execution",
    };
    scene.answer(Question::StartToken, answer);
    let other =
        pipeline.start(json!({ "sourceRevisions": [at(&first)], "clientRequestToken": "0123-xyz" }))?;
    holds("another token makes another execution", other != one)
}

fn bad_starts(scene: &Scene) -> Verdict {
    let (_repository, pipeline, first, _) = quiet_pipeline(scene)?;
    let token = pipeline.start(json!({ "clientRequestToken": "with/slash" }));
    refused(token, &["ValidationException"])?;
    let long = pipeline.start(json!({ "clientRequestToken": "x".repeat(129) }));
    refused(long, &["ValidationException"])?;
    let mut revision = at(&first);
    if let Some(members) = revision.as_object_mut() {
        members.insert("actionName".to_owned(), json!("Nowhere"));
    }
    let action = pipeline.start(json!({ "sourceRevisions": [revision] }));
    refused(action, &["ValidationException"])?;
    same("the executions", &pipeline.executions()?.len(), &1)
}

fn type_v1(scene: &Scene) -> Verdict {
    let (repository, first) = GitRepository::with_files(scene, &[("a", "one")])?;
    let pipeline = Pipeline::of_type(scene, &repository, &approval_stage(), "V1", "SUPERSEDED")?;
    refused(pipeline.start_at(&first), &["ValidationException"])?;
    Ok(())
}

fn pages(scene: &Scene) -> Verdict {
    let (_repository, pipeline, first, _) = quiet_pipeline(scene)?;
    let mut started = Vec::new();
    for _ in 0..3 {
        started.push(pipeline.start_at(&first)?);
    }
    let input = json!({ "pipelineName": pipeline.name, "maxResults": 2 });
    let pages = scene.pages(
        "codepipeline",
        "ListPipelineExecutions",
        &input,
        "pipelineExecutionSummaries",
        "nextToken",
    )?;
    let largest = pages.iter().map(Vec::len).max().unwrap_or_default();
    holds(format!("no page has more than 2 executions (one has {largest})"), largest <= 2)?;
    let all = texts(&json!({ "all": pages.concat() }), "/all", "pipelineExecutionId");
    same("the executions", &all.len(), &4)?;
    started.reverse();
    let newest: Vec<String> = all.into_iter().take(3).collect();
    same("newest first", &newest, &started)?;
    let too_many = pipeline.call("ListPipelineExecutions", json!({ "maxResults": 101 }));
    refused(too_many, &["ValidationException"])?;
    let bad = pipeline.call("ListPipelineExecutions", json!({ "nextToken": "no such token" }));
    refused(bad, &["InvalidNextTokenException", "ValidationException"])?;
    Ok(())
}

fn queue(scene: &Scene) -> Verdict {
    let (_repository, pipeline, first, second) = quiet_pipeline(scene)?;
    let one = pipeline.start_at(&first)?;
    let two = pipeline.start_at(&second)?;
    let token = pipeline.approval_token(&one)?;
    same("the second meanwhile", &pipeline.status(&two)?, &"InProgress")?;
    pipeline.answer(&token, "Approved")?;
    let token = pipeline.approval_token(&two)?;
    same("the first's end", &pipeline.ended(&one)?, &"Succeeded")?;
    pipeline.answer(&token, "Approved")?;
    same("the second's end", &pipeline.ended(&two)?, &"Succeeded")
}

fn stop(scene: &Scene) -> Verdict {
    let (_repository, pipeline, first, _) = quiet_pipeline(scene)?;
    let id = pipeline.start_at(&first)?;
    pipeline.approval_token(&id)?;
    let stop = |id: &str| {
        let input = json!({ "pipelineExecutionId": id, "abandon": true, "reason": "by the suite" });
        pipeline.call("StopPipelineExecution", input)
    };
    same("the answer", &text(&stop(&id)?, "/pipelineExecutionId")?, &id)?;
    same("the end", &pipeline.ended(&id)?, &"Stopped")?;
    let codes = ["PipelineExecutionNotStoppableException", "DuplicatedStopRequestException"];
    refused(stop(&id), &codes)?;
    refused(
        stop(NO_EXECUTION),
        &["PipelineExecutionNotStoppableException", "PipelineExecutionNotFoundException"],
    )?;
    let stopped = json!({ "all": pipeline.executions()? });
    same("the reason", &text(&stopped, "/all/0/stopTrigger/reason")?, &"by the suite")?;
    let long = json!({ "pipelineExecutionId": id, "reason": "x".repeat(201) });
    refused(pipeline.call("StopPipelineExecution", long), &["ValidationException"])?;
    Ok(())
}

fn approval(scene: &Scene) -> Verdict {
    let (_repository, pipeline, first, _) = quiet_pipeline(scene)?;
    let id = pipeline.start_at(&first)?;
    let token = pipeline.approval_token(&id)?;
    refused(pipeline.answer(NO_EXECUTION, "Approved"), &["InvalidApprovalTokenException"])?;
    pipeline.answer(&token, "Approved")?;
    same("the end", &pipeline.ended(&id)?, &"Succeeded")?;
    let codes = ["ApprovalAlreadyCompletedException", "InvalidApprovalTokenException"];
    refused(pipeline.answer(&token, "Approved"), &codes)?;
    Ok(())
}

fn transition(scene: &Scene) -> Verdict {
    let (_repository, pipeline, first, _) = quiet_pipeline(scene)?;
    let input = json!({ "stageName": "Approve", "transitionType": "Inbound", "reason": "by the suite" });
    pipeline.call("DisableStageTransition", input)?;
    let id = pipeline.start_at(&first)?;
    let state = until("the execution before the stage", scene.patience(), || {
        match scene.call("codepipeline", "GetPipelineState", &json!({ "name": pipeline.name })) {
            Err(error) => Seen::Done(Err(Stop::from(error))),
            Ok(state) => match state.pointer("/stageStates/1/inboundExecution").is_some() {
                true => Seen::Done(Ok(state)),
                false => Seen::NotYet("no inbound execution".to_owned()),
            },
        }
    })??;
    let enabled = state.pointer("/stageStates/1/inboundTransitionState/enabled");
    same("the transition", &enabled, &Some(&json!(false)))?;
    let inbound = text(&state, "/stageStates/1/inboundExecution/pipelineExecutionId")?;
    same("the execution that waits", &inbound, &id)?;
    let input = json!({ "stageName": "Approve", "transitionType": "Inbound" });
    pipeline.call("EnableStageTransition", input)?;
    pipeline.approval_token(&id)?;
    Ok(())
}

fn events(scene: &Scene) -> Verdict {
    let listener = Listener::of(scene, &["aws.codepipeline"])?;
    let (_repository, pipeline, first, _) = quiet_pipeline(scene)?;
    let id = pipeline.start_at(&first)?;
    pipeline.answer(&pipeline.approval_token(&id)?, "Approved")?;
    let kind = "CodePipeline Pipeline Execution State Change";
    let of = |event: &Value, state: &str| {
        event.get("detail-type").and_then(Value::as_str) == Some(kind)
            && has(event, "execution-id", &id)
            && has(event, "state", state)
    };
    let started = listener.event("the start", |event| of(event, "STARTED"))?;
    let trigger = text(&started, "/detail/execution-trigger/trigger-type")?;
    same("its trigger", &trigger, &"StartPipelineExecution")?;
    let ended = listener.event("the end", |event| of(event, "SUCCEEDED"))?;
    same("the pipeline", &text(&ended, "/detail/pipeline")?, &pipeline.name)?;
    let arn = scene.arn("codepipeline", &pipeline.name);
    same("the resources", &crate::listener::resources(&ended), &[arn])?;
    let version = ended.pointer("/detail/version").map_or("absent".to_owned(), Value::to_string);
    scene.answer(Question::PipelineEventVersion, version);
    listener.event("an action's end", |event| {
        event.get("detail-type").and_then(Value::as_str) == Some("CodePipeline Action Execution State Change")
            && has(event, "execution-id", &id)
            && has(event, "action", "Source")
            && has(event, "state", "SUCCEEDED")
    })?;
    Ok(())
}

fn roll_back(scene: &Scene) -> Verdict {
    let listener = Listener::of(scene, &["aws.codepipeline"])?;
    let (_repository, pipeline, first, second) = quiet_pipeline(scene)?;
    let target = text(&json!({ "all": pipeline.executions()? }), "/all/0/pipelineExecutionId")?;
    let newer = pipeline.start_at(&second)?;
    pipeline.answer(&pipeline.approval_token(&newer)?, "Approved")?;
    pipeline.ended(&newer)?;
    let roll_back = |target: &str| {
        let input = json!({ "stageName": "Approve", "targetPipelineExecutionId": target });
        pipeline.call("RollbackStage", input)
    };
    let codes = ["PipelineExecutionNotFoundException", "UnableToRollbackStageException"];
    refused(roll_back(NO_EXECUTION), &codes)?;
    let id = text(&roll_back(&target)?, "/pipelineExecutionId")?;
    holds("the rollback is an execution of its own", id != target && id != newer)?;
    pipeline.answer(&pipeline.approval_token(&id)?, "Approved")?;
    same("its end", &pipeline.ended(&id)?, &"Succeeded")?;
    let all = json!({ "all": pipeline.executions()? });
    same("its type", &text(&all, "/all/0/executionType")?, &"ROLLBACK")?;
    same("its trigger", &text(&all, "/all/0/trigger/triggerType")?, &"ManualRollback")?;
    let of = text(&all, "/all/0/rollbackMetadata/rollbackTargetPipelineExecutionId")?;
    same("what it rolled back to", &of, &target)?;
    same("its commit", &text(&all, "/all/0/sourceRevisions/0/revisionId")?, &first)?;
    let started = listener.event("the rollback's start", |event| {
        has(event, "execution-id", &id)
            && has(event, "state", "STARTED")
            && event.pointer("/detail/stage").is_none()
    })?;
    let members = started.get("detail").and_then(Value::as_object);
    let names: Vec<&str> = members.map(|all| all.keys().map(String::as_str).collect()).unwrap_or_default();
    let trigger = text(&started, "/detail/execution-trigger/trigger-type").unwrap_or("none".to_owned());
    scene.answer(Question::RollbackEvent, format!("trigger-type {trigger}; {}", names.join(", ")));
    Ok(())
}

/// An image by digest; digests of nothing, since nothing pulls them.
fn image(number: u32) -> String {
    format!("{IMAGE}@sha256:{number:064x}")
}

/// Runs the pipeline on this `revision.json`; the execution's status and the image of the service then.
fn deployed(scene: &Scene, revision: &str) -> Result<(String, String), Stop> {
    if scene.is_real() && scene.options.subnets.is_empty() {
        return Err(Stop::NotTried("a service in a real account needs --subnets".to_owned()));
    }
    let cluster = Cluster::new(scene)?;
    let family = Family::new(scene);
    let service = Service::new(scene, &cluster, 0, &family.register(&image(0))?)?;
    service.deployed()?;
    let path = format!("{}/{}/revision.json", cluster.name, service.name);
    let (repository, _) = GitRepository::with_files(scene, &[(&path, revision)])?;
    let pipeline = Pipeline::new(scene, &repository, &deploy_stage(&cluster.name, &service.name))?;
    let all = until("the first execution", scene.patience(), || match pipeline.executions() {
        Ok(all) if all.is_empty() => Seen::NotYet("no execution".to_owned()),
        outcome => Seen::Done(outcome),
    })??;
    let id = text(&json!({ "all": all }), "/all/0/pipelineExecutionId")?;
    let status = pipeline.ended(&id)?;
    let definition = text(&service.described()?, "/taskDefinition")?;
    let described = scene.call("ecs", "DescribeTaskDefinition", &json!({ "taskDefinition": definition }))?;
    Ok((status, text(&described, "/taskDefinition/containerDefinitions/0/image")?))
}

fn deploy(scene: &Scene) -> Verdict {
    let revision = json!([{ "name": CONTAINER, "imageUri": image(1) }]);
    let (status, running) = deployed(scene, &revision.to_string())?;
    let answer = if running == image(1) { "deployed" } else { "not deployed" };
    scene.answer(Question::EcsActionDigestAndPath, format!("{status}, {answer}"));
    same("the end and the image", &(status.as_str(), running.as_str()), &("Succeeded", image(1).as_str()))
}

fn bad_files(scene: &Scene) -> Verdict {
    for revision in ["{}", "no JSON", "[{\"name\": \"webapp1\"}]"] {
        let (status, running) = deployed(scene, revision)?;
        same(format!("the end of {revision}"), &status, &"Failed")?;
        same("the image", &running, &image(0))?;
    }
    Ok(())
}

fn open_questions(scene: &Scene) -> Verdict {
    let revision = json!([{ "name": CONTAINER, "imageUri": image(2), "extra": true }]);
    let (status, running) = deployed(scene, &revision.to_string())?;
    let answer = if running == image(2) { "deployed" } else { "not deployed" };
    scene.answer(Question::EcsActionExtraKeys, format!("{status}, {answer}"));
    let revision = json!([{ "name": "unknown", "imageUri": image(3) }]);
    let (status, running) = deployed(scene, &revision.to_string())?;
    scene.answer(Question::EcsActionUnknownContainer, status);
    same("the image after an unknown container", &running, &image(0))
}
