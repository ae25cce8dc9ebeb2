//! Small worlds for the tests of the decisions.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::decide::outcome::{EarlierRevision, OutcomeFacts};
use crate::decide::revisions::{RevisionsFacts, ServiceFacts};
use crate::decide::starts::{Asked, StartFacts, StartsFacts};
use crate::decision::DecisionKind;
use crate::evidence::{Evidence, EvidenceKind};
use crate::facts::{
    ApplicationTip, Breaker, DeployAction, DeployWindow, Deployment, DeploymentRepository, DeploymentStatus,
    Execution, ExecutionKind, ExecutionMode, ExecutionStatus, FileFact, HoldFact, IndexChildren, LastChange,
    PipelineDescription, PipelineFact, PipelineType, Polling, RepositoryImages, RevisionAtSource,
    RevisionFact, RulesFact, RunningImage, RunningService, SourceAction, StoppedContainer, StoppedTask,
    Trigger,
};
use crate::hold::HoldFile;
use crate::image::Image;
use crate::names::*;
use crate::revision::RevisionFile;
use crate::rules::RulesFile;
use crate::time::Timestamp;
use crate::trailers::{CommitMessage, ContainerTrailers, ServiceTrailers, Trailers};
use crate::wake_up::Function;

pub(crate) const WEBAPP1: &str = "cluster1/webapp1";

pub(crate) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_epoch_seconds(1_800_000_000 + seconds)
}

pub(crate) fn service(name: &str) -> ServiceId {
    ServiceId::parse(name).unwrap()
}

pub(crate) fn container(name: &str) -> ContainerName {
    ContainerName::parse(name).unwrap()
}

/// A digest whose first digits are the number: people see the first twelve.
pub(crate) fn digest(number: u32) -> ImageDigest {
    ImageDigest::parse(&format!("sha256:{number:04}{}", "0".repeat(60))).unwrap()
}

pub(crate) fn commit(number: u32) -> CommitId {
    CommitId::parse(&format!("{number:08}{}", "c".repeat(32))).unwrap()
}

pub(crate) fn blob(number: u32) -> BlobId {
    BlobId::parse(&format!("{number:08}{}", "b".repeat(32))).unwrap()
}

pub(crate) fn registry() -> EcrRegistry {
    EcrRegistry {
        account: AccountId::parse("111111111111").unwrap(),
        region: Region::parse("eu-west-1").unwrap(),
    }
}

pub(crate) fn deployment() -> DeploymentRepository {
    DeploymentRepository {
        name: RepositoryName::parse("deployment").unwrap(),
        branch: BranchName::parse("main").unwrap(),
    }
}

pub(crate) fn image_repository(name: &str) -> ImageRepositoryName {
    ImageRepositoryName::parse(name).unwrap()
}

pub(crate) fn image(number: u32, pushed_at: i64, tags: &[&str]) -> Image {
    Image {
        digest: digest(number),
        tags: tags.iter().map(|tag| ImageTag::parse(tag).unwrap()).collect(),
        pushed_at: at(pushed_at),
        manifest_media_type: None,
        artifact_media_type: None,
        subject: None,
    }
}

/// A revision of containers, each with its repository's image of that number.
pub(crate) fn revision(images: &[(&str, &str, u32)]) -> RevisionFile {
    let images: BTreeMap<_, _> = images
        .iter()
        .map(|(name, repository, number)| {
            (
                container(name),
                ImageUri::by_digest(&registry(), &image_repository(repository), &digest(*number)),
            )
        })
        .collect();
    RevisionFile::of_images(&images)
}

/// The revision at the tip; its blob's number stands for its content.
pub(crate) fn present(number: u32, file: RevisionFile) -> RevisionFact {
    FileFact::Present { blob: blob(number), content: Ok(file) }
}

pub(crate) fn hold_present(file: HoldFile) -> HoldFact {
    FileFact::Present { blob: blob(99), content: Ok(file) }
}

pub(crate) fn rules(text: &str) -> RulesFact {
    RulesFact::Read(RulesFile::parse(text.as_bytes()).unwrap())
}

/// Rules with one container `webapp1` in the repository `webapp1`.
pub(crate) fn rules_of(select: &str, more: &str) -> RulesFact {
    rules(&format!(
        "version: 1\nservices:\n  {WEBAPP1}:\n    application: webapp1\n    containers:\n      webapp1: {{ repository: webapp1, select: {select} }}\n{more}"
    ))
}

pub(crate) fn by_mary(number: u32) -> LastChange {
    LastChange {
        commit: commit(number),
        message: "Try another image\n".to_owned(),
        author: "Mary Major".to_owned(),
        committer: "Mary Major".to_owned(),
        at: Some(at(50)),
    }
}

/// A commit of Towpath's that put these images into a service.
pub(crate) fn by_towpath(
    number: u32,
    name: &str,
    decision: DecisionKind,
    images: &[(&str, u32, &str)],
) -> LastChange {
    let containers = images
        .iter()
        .map(|(name, number, tag)| ContainerTrailers {
            image_tag: ImageTag::parse(tag).ok(),
            image_digest: Some(digest(*number)),
            ..ContainerTrailers::of(container(name))
        })
        .collect();
    let trailers = ServiceTrailers {
        service: service(name),
        decision: Some(decision),
        approved_by: Vec::new(),
        containers,
    };
    let message = CommitMessage {
        subject: "moved".to_owned(),
        body: Vec::new(),
        trailers: Trailers { actor: None, events: Vec::new(), services: vec![trailers] },
    };
    LastChange {
        commit: commit(number),
        message: message.to_string(),
        author: "Towpath".to_owned(),
        committer: "Towpath".to_owned(),
        at: Some(at(50)),
    }
}

/// One service whose `webapp1` was moved to image 1 by Towpath; the repository holds images 1 and, pushed later, 2.
pub(crate) fn revisions_facts(rules: RulesFact) -> RevisionsFacts {
    let read = ServiceFacts {
        revision: present(1, revision(&[("webapp1", "webapp1", 1)])),
        hold: FileFact::Absent,
        last_change: Some(by_towpath(1, WEBAPP1, DecisionKind::Moved, &[("webapp1", 1, "1111111")])),
        application: ApplicationTip::At(CommitId::parse("2222222aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa").unwrap()),
        promoted: BTreeSet::new(),
    };
    let images = vec![image(1, 10, &["1111111", "1.0.0"]), image(2, 20, &["2222222", "1.1.0"])];
    RevisionsFacts {
        now: at(100),
        actor: Function::OnImagePush,
        events: vec![EventId::parse("event-1").unwrap()],
        pushers: BTreeMap::new(),
        environment: EnvironmentName::parse("dev").unwrap(),
        repository: deployment(),
        tip: commit(7),
        registry: registry(),
        rules,
        upstream: None,
        services: BTreeMap::from([(service(WEBAPP1), read)]),
        left_out: BTreeSet::new(),
        platforms: BTreeMap::new(),
        images: BTreeMap::from([(image_repository("webapp1"), RepositoryImages::Listed(images))]),
    }
}

pub(crate) fn pipeline_name() -> PipelineName {
    PipelineName::parse("deploy-cluster1-webapp1").unwrap()
}

pub(crate) fn action(name: &str) -> ActionName {
    ActionName::parse(name).unwrap()
}

/// The pipeline of a service as the stack makes it.
pub(crate) fn pipeline(name: &str) -> PipelineDescription {
    let service = service(name);
    PipelineDescription {
        pipeline_type: PipelineType::V2,
        execution_mode: ExecutionMode::Queued,
        sources: vec![SourceAction {
            name: action("Source"),
            repository: Some(deployment().name),
            branch: Some(deployment().branch),
            polling: Polling::Off,
        }],
        deploys: vec![DeployAction {
            name: action("Deploy"),
            file: service.revision_path().to_string(),
            cluster: Some(service.cluster),
            service: Some(service.service),
        }],
    }
}

pub(crate) fn execution(id: &str, status: ExecutionStatus, source: RevisionAtSource) -> Execution {
    Execution {
        id: ExecutionId::parse(id).unwrap(),
        status,
        kind: ExecutionKind::Standard,
        trigger: Trigger::StartPipelineExecution,
        started_at: Some(at(10)),
        source,
        deploy: None,
    }
}

/// A source commit at which the revision had this content.
pub(crate) fn source(number: u32, content: u32) -> RevisionAtSource {
    RevisionAtSource::Blob { commit: commit(number), blob: Some(blob(content)) }
}

pub(crate) fn running(number: u32) -> Vec<RunningImage> {
    vec![RunningImage {
        container: container("webapp1"),
        image: format!("{}/webapp1@{}", registry(), digest(number)),
        digest: Some(digest(number)),
    }]
}

/// One service whose revision at the tip (content 2, image 2) was just committed; its pipeline last deployed content 1.
pub(crate) fn starts_facts() -> StartsFacts {
    let read = StartFacts {
        asked: Asked::Commit { commit: commit(7), blob: Some(blob(2)) },
        revision: present(2, revision(&[("webapp1", "webapp1", 2)])),
        hold: FileFact::Absent,
        last_change: Some(by_towpath(7, WEBAPP1, DecisionKind::Moved, &[("webapp1", 2, "2222222")])),
        pipeline_name: Ok(pipeline_name()),
        pipeline: PipelineFact::Found(pipeline(WEBAPP1)),
        executions: vec![execution("e-1", ExecutionStatus::Succeeded, source(1, 1))],
        started_change: None,
        is_newest_in_history: false,
        forced: None,
        runs: RunningService::Deployed { images: running(1), status: DeploymentStatus::Successful },
        children: IndexChildren::new(),
    };
    StartsFacts {
        now: at(100),
        environment: EnvironmentName::parse("dev").unwrap(),
        repository: deployment(),
        tip: commit(7),
        tip_made_at: Some(at(50)),
        services: BTreeMap::from([(service(WEBAPP1), read)]),
    }
}

pub(crate) fn deployment_of(
    number: u32,
    image: u32,
    status: DeploymentStatus,
    created_at: i64,
) -> Deployment {
    Deployment {
        arn: ServiceDeploymentArn::parse(&format!(
            "arn:aws:ecs:eu-west-1:111111111111:service-deployment/{WEBAPP1}/{number}"
        ))
        .unwrap(),
        status,
        created_at: at(created_at),
        finished_at: None,
        reason: None,
        images: running(image),
        breaker: Breaker::Monitoring,
    }
}

/// An execution that deployed image 2 (content 2, commit 7) from second 60 on.
pub(crate) fn deploying(status: ExecutionStatus) -> Execution {
    let revision = present(2, revision(&[("webapp1", "webapp1", 2)]));
    let source = RevisionAtSource::File { commit: commit(7), revision, message: String::new() };
    let deploy = Some(DeployWindow { began_at: at(60), ended_at: None });
    Execution { deploy, ..execution("e-2", status, source) }
}

pub(crate) fn evidence(kind: EvidenceKind, number: u32) -> Evidence {
    Evidence {
        kind,
        environment: EnvironmentName::parse("dev").unwrap(),
        service: service(WEBAPP1),
        repository: image_repository("webapp1"),
        digest: digest(number),
        commit: commit(number),
        at: at(1),
    }
}

pub(crate) fn crashed() -> StoppedTask {
    StoppedTask {
        stop_code: Some("EssentialContainerExited".to_owned()),
        stopped_reason: Some("Essential container in task exited".to_owned()),
        containers: vec![StoppedContainer {
            container: container("webapp1"),
            exit_code: Some(1),
            reason: None,
        }],
    }
}

/// One service at commit 7, where Towpath moved it from image 1, which is verified, to image 2, which is being deployed.
pub(crate) fn outcome_facts(status: DeploymentStatus, tasks: &[StoppedTask]) -> OutcomeFacts {
    OutcomeFacts {
        now: at(100),
        environment: EnvironmentName::parse("dev").unwrap(),
        events: vec![EventId::parse("event-1").unwrap()],
        repository: deployment(),
        tip: commit(7),
        registry: registry(),
        service: service(WEBAPP1),
        rules: rules_of("newest", ""),
        revision: present(2, revision(&[("webapp1", "webapp1", 2)])),
        hold: FileFact::Absent,
        application: ApplicationTip::NotNamed,
        last_change: Some(by_towpath(7, WEBAPP1, DecisionKind::Moved, &[("webapp1", 2, "2222222")])),
        deployments: vec![
            deployment_of(2, 2, status, 61),
            deployment_of(1, 1, DeploymentStatus::Successful, 11),
        ],
        pipeline: Some(pipeline_name()),
        executions: vec![
            deploying(ExecutionStatus::InProgress),
            execution("e-1", ExecutionStatus::Succeeded, source(1, 1)),
        ],
        children: IndexChildren::new(),
        gone: BTreeSet::new(),
        evidence: vec![evidence(EvidenceKind::Verified, 1)],
        stopped_tasks: tasks.to_vec(),
        messages: Vec::new(),
        earlier: vec![EarlierRevision {
            commit: commit(1),
            blob: blob(1),
            file: revision(&[("webapp1", "webapp1", 1)]),
        }],
        recent_reverts: 0,
        told: Vec::new(),
        stalled_after: Duration::from_secs(15 * 60),
    }
}
