//! The door: what wakes a function, as a closed list of typed events. Nothing past this point sees raw JSON.

use aws_lambda_events::eventbridge::EventBridgeEvent;
use domain::names::{
    AccountId, BranchName, ClusterName, CommitId, EventId, ImageDigest, ImageRepositoryName, ImageTag,
    InvalidName, PipelineName, RepositoryName, ServiceId, ServiceName,
};
use domain::sweep_message::SweepMessage;
use domain::text::{one_line, shown};
use domain::wake_up::{WakeUp, WakeUpError};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::str::FromStr;

/// The longest message body that is read: EventBridge's own limit for one event.
const BODY_BYTES_MAX: usize = 1024 * 1024;
/// The longest tag that ECR takes. A container runtime pulls none of more than 128 characters.
const ECR_TAG_CHARACTERS_MAX: usize = 300;
/// How much is told of what a foreign event says.
const TOLD_CHARACTERS: usize = 300;

/// What can wake a function.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// A tag was put on an image: `ECR Image Action`, `PUSH`, `SUCCESS`.
    ImagePushed(ImagePushed),
    /// An environment has said something of an image: Towpath's own `Towpath Evidence`.
    EvidenceTold(EvidenceTold),
    /// A branch was created or moved: `CodeCommit Repository State Change`.
    BranchMoved(BranchMoved),
    /// A service's rollout began or ended: `ECS Deployment State Change`, or the `ECS Service Action` that
    /// tells of trouble on the way.
    ServiceChanged(ServiceChanged),
    /// A pipeline's execution began or ended: `CodePipeline Pipeline Execution State Change`.
    PipelineChanged(PipelineChanged),
    /// The sweep found something to look at.
    WakeUp(WakeUp),
    /// A sweep is due, or goes on.
    Sweep(SweepMessage),
    /// A well-formed event that asks for nothing.
    Ignored {
        /// The event's id.
        id: EventId,
        /// Why, as a sentence.
        because: String,
    },
}

/// A tag was put on an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImagePushed {
    /// The event's id.
    pub id: EventId,
    /// The account whose registry it is.
    pub account: AccountId,
    /// The image repository.
    pub repository: ImageRepositoryName,
    /// The tag.
    pub tag: ImageTag,
    /// What the tag pointed to then.
    pub digest: ImageDigest,
}

/// An environment has said something of an image. It is only told that there is something to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EvidenceTold {
    /// The event's id.
    pub id: EventId,
    /// The account that says it.
    pub account: AccountId,
    /// The image's repository there.
    pub repository: ImageRepositoryName,
}

/// A branch was created or moved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BranchMoved {
    /// The event's id.
    pub id: EventId,
    /// The account whose repository it is.
    pub account: AccountId,
    /// The CodeCommit repository.
    pub repository: RepositoryName,
    /// The branch.
    pub branch: BranchName,
    /// The tip before; none when the branch was created.
    pub old: Option<CommitId>,
    /// The tip after.
    pub new: CommitId,
    /// Who moved it, as AWS tells.
    pub caller_arn: Option<String>,
}

/// A service's rollout began or ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceChanged {
    /// The event's id.
    pub id: EventId,
    /// The account whose service it is.
    pub account: AccountId,
    /// The service.
    pub service: ServiceId,
    /// ECS's name for what happened, such as `SERVICE_DEPLOYMENT_FAILED`.
    pub event_name: String,
}

/// A pipeline's execution began or ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PipelineChanged {
    /// The event's id.
    pub id: EventId,
    /// The account whose pipeline it is.
    pub account: AccountId,
    /// The pipeline.
    pub pipeline: PipelineName,
    /// CodePipeline's name for its state, such as `SUCCEEDED`.
    pub state: String,
}

/// A message that is no event which this function could understand.
#[derive(Debug, thiserror::Error)]
pub enum EventError {
    /// Longer than EventBridge allows.
    #[error("the message has {bytes} bytes: expected at most {BODY_BYTES_MAX}")]
    TooLong {
        /// Its length.
        bytes: usize,
    },
    /// No JSON, or a member is missing or of the wrong type.
    #[error("the message is no event: {problem}")]
    Malformed {
        /// What is wrong with it, and where.
        problem: String,
    },
    /// A name that breaks AWS's rules for it.
    #[error("the event's {member}: {source}")]
    Name {
        /// Where the name stands.
        member: &'static str,
        /// What is wrong with it.
        source: InvalidName,
    },
    /// An identifier that is not there.
    #[error("the event has no {member}")]
    Missing {
        /// Where it should stand.
        member: &'static str,
    },
    /// A wake-up that breaks its format.
    #[error("{0}")]
    WakeUp(#[from] WakeUpError),
}

/// Only what tells the messages apart.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", expecting = "an event as a JSON object")]
struct Kind {
    source: Option<String>,
    detail_type: Option<String>,
}

/// Reads one message's body.
///
/// # Errors
/// When it is no event that Towpath's rules could have sent.
pub fn parse(body: &str) -> Result<Event, EventError> {
    if body.len() > BODY_BYTES_MAX {
        return Err(EventError::TooLong { bytes: body.len() });
    }
    let kind: Kind = from_json(body)?;
    if let Some(wake_up) = WakeUp::parse(body)? {
        return Ok(Event::WakeUp(wake_up));
    }
    if let Some(sweep) = SweepMessage::parse(body)? {
        return Ok(Event::Sweep(sweep));
    }
    match (kind.source.as_deref(), kind.detail_type.as_deref()) {
        (Some("aws.ecr"), Some("ECR Image Action")) => image_action(body),
        (Some("towpath"), Some("Towpath Evidence")) => evidence_told(body),
        (Some("aws.codecommit"), Some("CodeCommit Repository State Change")) => repository_change(body),
        (Some("aws.ecs"), Some("ECS Deployment State Change" | "ECS Service Action")) => service_change(body),
        (Some("aws.codepipeline"), Some("CodePipeline Pipeline Execution State Change")) => {
            pipeline_change(body)
        }
        (Some(source), Some(detail_type)) => {
            let because = format!("Towpath does not act on {} of {}", shown(detail_type), shown(source));
            let envelope: EventBridgeEvent = from_json(body)?;
            ignored(envelope.id, &because)
        }
        (None, _) => Err(EventError::Missing { member: "source" }),
        (_, None) => Err(EventError::Missing { member: "detail-type" }),
    }
}

/// The detail of `ECR Image Action`. An untagged push has an empty tag or none at all.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct ImageAction {
    action_type: String,
    result: String,
    repository_name: String,
    image_digest: Option<String>,
    image_tag: Option<String>,
}

fn image_action(body: &str) -> Result<Event, EventError> {
    let envelope: EventBridgeEvent<ImageAction> = from_json(body)?;
    let ImageAction { action_type, result, repository_name, image_digest, image_tag } = envelope.detail;
    if action_type != "PUSH" || result != "SUCCESS" {
        return ignored(envelope.id, &format!("{action_type} {result} puts no image into the registry"));
    }
    let Some(tag) = image_tag.filter(|tag| !tag.is_empty()) else {
        return ignored(envelope.id, &format!("an untagged push to {repository_name} names no version"));
    };
    if let 129..=ECR_TAG_CHARACTERS_MAX = tag.chars().count() {
        let because =
            format!("the tag {} of {repository_name} is longer than any that is pulled", shown(&tag));
        return ignored(envelope.id, &because);
    }
    Ok(Event::ImagePushed(ImagePushed {
        id: name("id", envelope.id)?,
        account: name("account", envelope.account)?,
        repository: name("detail.repository-name", Some(repository_name))?,
        tag: name("detail.image-tag", Some(tag))?,
        digest: name("detail.image-digest", image_digest)?,
    }))
}

/// The detail of `Towpath Evidence`, as far as it matters here.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Told {
    repository_name: String,
}

fn evidence_told(body: &str) -> Result<Event, EventError> {
    let envelope: EventBridgeEvent<Told> = from_json(body)?;
    Ok(Event::EvidenceTold(EvidenceTold {
        id: name("id", envelope.id)?,
        account: name("account", envelope.account)?,
        repository: name("detail.repository-name", Some(envelope.detail.repository_name))?,
    }))
}

/// The detail of `CodeCommit Repository State Change`. Which members are there depends on the kind of change.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct RepositoryChange {
    event: String,
    repository_name: String,
    reference_type: Option<String>,
    reference_name: Option<String>,
    commit_id: Option<String>,
    old_commit_id: Option<String>,
    caller_user_arn: Option<String>,
}

fn repository_change(body: &str) -> Result<Event, EventError> {
    let envelope: EventBridgeEvent<RepositoryChange> = from_json(body)?;
    let change = envelope.detail;
    let moves = matches!(change.event.as_str(), "referenceCreated" | "referenceUpdated");
    if !moves || change.reference_type.as_deref() != Some("branch") {
        return ignored(
            envelope.id,
            &format!("{} moves no branch of {}", change.event, change.repository_name),
        );
    }
    let old = change.old_commit_id.map(|old| name("detail.oldCommitId", Some(old))).transpose()?;
    Ok(Event::BranchMoved(BranchMoved {
        id: name("id", envelope.id)?,
        account: name("account", envelope.account)?,
        repository: name("detail.repositoryName", Some(change.repository_name))?,
        branch: name("detail.referenceName", change.reference_name)?,
        old,
        new: name("detail.commitId", change.commit_id)?,
        caller_arn: change.caller_user_arn,
    }))
}

/// The detail of `ECS Deployment State Change` and `ECS Service Action`: the service stands in `resources`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ServiceChange {
    event_name: String,
}

fn service_change(body: &str) -> Result<Event, EventError> {
    let envelope: EventBridgeEvent<ServiceChange> = from_json(body)?;
    let arn = envelope.resources.unwrap_or_default().into_iter().next();
    let arn = arn.ok_or(EventError::Missing { member: "resources[0]" })?;
    // arn:aws:ecs:<region>:<account>:service/<cluster>/<service>; the old format has no cluster.
    let resource = arn.splitn(6, ':').nth(5).unwrap_or_default();
    let mut parts = resource.split('/');
    let (Some("service"), Some(cluster), Some(service), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        let because =
            format!("{} does not name cluster and service; the account uses the old ARN format", shown(&arn));
        return ignored(envelope.id, &because);
    };
    let cluster: ClusterName = name("resources[0]", Some(cluster.to_owned()))?;
    let service: ServiceName = name("resources[0]", Some(service.to_owned()))?;
    Ok(Event::ServiceChanged(ServiceChanged {
        id: name("id", envelope.id)?,
        account: name("account", envelope.account)?,
        service: ServiceId { cluster, service },
        event_name: envelope.detail.event_name,
    }))
}

/// The detail of `CodePipeline Pipeline Execution State Change`. Its numbers are floats, and nothing here needs them.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct PipelineChange {
    pipeline: String,
    state: String,
}

fn pipeline_change(body: &str) -> Result<Event, EventError> {
    let envelope: EventBridgeEvent<PipelineChange> = from_json(body)?;
    Ok(Event::PipelineChanged(PipelineChanged {
        id: name("id", envelope.id)?,
        account: name("account", envelope.account)?,
        pipeline: name("detail.pipeline", Some(envelope.detail.pipeline))?,
        state: envelope.detail.state,
    }))
}

fn ignored(id: Option<String>, because: &str) -> Result<Event, EventError> {
    Ok(Event::Ignored { id: name("id", id)?, because: one_line(because, TOLD_CHARACTERS) })
}

fn from_json<T: DeserializeOwned>(body: &str) -> Result<T, EventError> {
    let mut deserializer = serde_json::Deserializer::from_str(body);
    serde_path_to_error::deserialize(&mut deserializer).map_err(|error| EventError::Malformed {
        // What has the wrong type is quoted in full, however long it is.
        problem: one_line(&error.to_string(), TOLD_CHARACTERS),
    })
}

fn name<T: FromStr<Err = InvalidName>>(member: &'static str, text: Option<String>) -> Result<T, EventError> {
    let text = text.ok_or(EventError::Missing { member })?;
    text.parse().map_err(|source| EventError::Name { member, source })
}

#[cfg(test)]
mod tests;
