//! CodePipeline: what a service's pipeline is, what it has run, and its starts and stops.
//! <https://docs.aws.amazon.com/codepipeline/latest/APIReference/>

use crate::connection::Clients;
use crate::ecr::timestamp;
use crate::error::{CallError, code_of};
use aws_sdk_codepipeline::types::{
    ActionCategory, ActionDeclaration, ActionExecutionDetail, ExecutionMode as SdkMode, ExecutionTrigger,
    ExecutionType, PipelineExecutionStatus, PipelineExecutionSummary, PipelineType as SdkType,
    SourceRevisionOverride, SourceRevisionType, StageDeclaration, TriggerType,
};
use domain::facts::{
    DeployAction, DeployWindow, ExecutionKind, ExecutionMode, ExecutionStatus, PipelineDescription,
    PipelineFact, PipelineType, Polling, SourceAction, Trigger,
};
use domain::names::{ActionName, ClusterName, CommitId, ExecutionId, PipelineName, ServiceId};
use domain::plan::{RunningAction, StartPipeline, StopExecution};
use domain::time::Timestamp;
use std::collections::{BTreeMap, HashMap};

const SERVICE: &str = "CodePipeline";
/// The role that starts pipelines, as the ARNs of its sessions and its own name it.
const STARTS_AS: &str = "role/towpath-on_commit";
/// How many executions are looked at where one look is to be enough.
const EXECUTIONS_LOOKED_AT: usize = 20;

/// One execution as `ListPipelineExecutions` tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExecutionSummary {
    /// Its id.
    pub id: ExecutionId,
    /// How far it is.
    pub status: ExecutionStatus,
    /// Whether it is a run or a rollback.
    pub kind: ExecutionKind,
    /// What started it.
    pub trigger: Trigger,
    /// When it was started.
    pub started_at: Option<Timestamp>,
    /// The commit of its source, once it is known.
    pub source: Option<CommitId>,
}

impl Clients {
    /// What a pipeline is made of.
    ///
    /// # Errors
    /// When CodePipeline gives no usable answer.
    pub async fn pipeline(&self, name: &PipelineName) -> Result<PipelineFact, CallError> {
        self.look(&self.known.pipelines, name.clone(), Box::pin(self.ask_pipeline(name))).await
    }

    async fn ask_pipeline(&self, name: &PipelineName) -> Result<PipelineFact, CallError> {
        let thing = format!("pipeline {name}");
        let answer = match self.codepipeline().get_pipeline().name(name.as_str()).send().await {
            Ok(answer) => answer,
            Err(error) if code_of(&error) == Some("PipelineNotFoundException") => {
                return Ok(PipelineFact::Missing);
            }
            Err(error) => return Err(CallError::from_sdk(SERVICE, "GetPipeline", thing, error)),
        };
        let declared = answer
            .pipeline()
            .ok_or_else(|| CallError::malformed(SERVICE, "GetPipeline", &thing, "no pipeline"))?;
        let mut description = PipelineDescription {
            // A pipeline without a type is of the first one.
            pipeline_type: match declared.pipeline_type() {
                Some(SdkType::V2) => PipelineType::V2,
                _ => PipelineType::V1,
            },
            execution_mode: match declared.execution_mode() {
                Some(SdkMode::Queued) => ExecutionMode::Queued,
                Some(SdkMode::Parallel) => ExecutionMode::Parallel,
                _ => ExecutionMode::Superseded,
            },
            sources: Vec::new(),
            deploys: Vec::new(),
        };
        for action in declared.stages().iter().flat_map(StageDeclaration::actions) {
            read_action(&thing, action, &mut description)?;
        }
        Ok(PipelineFact::Found(description))
    }

    /// The newest executions of a pipeline, newest first, at most `count` and at most 100. None when there is
    /// no such pipeline.
    ///
    /// # Errors
    /// When CodePipeline gives no usable answer.
    pub async fn executions(
        &self,
        pipeline: &PipelineName,
        source_action: Option<&ActionName>,
        count: u16,
    ) -> Result<Option<Vec<ExecutionSummary>>, CallError> {
        let thing = format!("pipeline {pipeline}");
        let asked = self.at_least(usize::from(count), EXECUTIONS_LOOKED_AT);
        let ask = Box::pin(self.ask_executions(pipeline, asked));
        let Some(summaries) = self.look(&self.known.executions, pipeline.clone(), ask).await? else {
            return Ok(None);
        };
        let newest = summaries.iter().take(usize::from(count));
        newest.map(|summary| read_summary(&thing, summary, source_action)).collect::<Result<_, _>>().map(Some)
    }

    async fn ask_executions(
        &self,
        pipeline: &PipelineName,
        count: usize,
    ) -> Result<Option<Vec<PipelineExecutionSummary>>, CallError> {
        let sent = self
            .codepipeline()
            .list_pipeline_executions()
            .pipeline_name(pipeline.as_str())
            .max_results(i32::try_from(count.clamp(1, 100)).unwrap_or(100));
        match sent.send().await {
            Ok(answer) => Ok(Some(answer.pipeline_execution_summaries.unwrap_or_default())),
            Err(error) if code_of(&error) == Some("PipelineNotFoundException") => Ok(None),
            Err(error) => {
                let thing = format!("pipeline {pipeline}");
                Err(CallError::from_sdk(SERVICE, "ListPipelineExecutions", thing, error))
            }
        }
    }

    /// While the newest executions' Deploy actions of this name ran, by execution.
    ///
    /// # Errors
    /// When CodePipeline gives no usable answer.
    pub async fn deploy_windows(
        &self,
        pipeline: &PipelineName,
        deploy_action: &ActionName,
    ) -> Result<BTreeMap<ExecutionId, DeployWindow>, CallError> {
        let thing = format!("pipeline {pipeline}");
        let operation = "ListActionExecutions";
        let sent =
            self.codepipeline().list_action_executions().pipeline_name(pipeline.as_str()).max_results(100);
        let answer = match sent.send().await {
            Ok(answer) => answer,
            Err(error) if code_of(&error) == Some("PipelineNotFoundException") => return Ok(BTreeMap::new()),
            Err(error) => return Err(CallError::from_sdk(SERVICE, operation, thing, error)),
        };
        let mut windows: BTreeMap<ExecutionId, DeployWindow> = BTreeMap::new();
        for detail in answer.action_execution_details() {
            if detail.action_name() != Some(deploy_action.as_str()) {
                continue;
            }
            let Some(window) = window_of(detail) else { continue };
            let id = CallError::parsed(SERVICE, operation, &thing, "id", detail.pipeline_execution_id())?;
            // A retried action ran more than once: the window spans all its runs.
            let whole = windows.get(&id).map_or(window, |other| DeployWindow {
                began_at: window.began_at.min(other.began_at),
                ended_at: window.ended_at.zip(other.ended_at).map(|(one, other)| one.max(other)),
            });
            windows.insert(id, whole);
        }
        Ok(windows)
    }

    /// Starts a pipeline at a commit. The token makes a repetition the same start.
    ///
    /// # Errors
    /// When CodePipeline refuses it, or gives no usable answer.
    pub async fn start_pipeline(&self, start: &StartPipeline) -> Result<ExecutionId, CallError> {
        let StartPipeline { service: _, pipeline, source_action, commit, token } = start;
        let thing = format!("pipeline {pipeline} at commit {commit}");
        let operation = "StartPipelineExecution";
        let source = SourceRevisionOverride::builder()
            .action_name(source_action.as_str())
            .revision_type(SourceRevisionType::CommitId)
            .revision_value(commit.as_str())
            .build()
            .map_err(|error| CallError::malformed(SERVICE, operation, &thing, error))?;
        let sent = self
            .codepipeline()
            .start_pipeline_execution()
            .name(pipeline.as_str())
            .client_request_token(token.as_str())
            .source_revisions(source);
        let answer =
            sent.send().await.map_err(|error| CallError::from_sdk(SERVICE, operation, &thing, error))?;
        CallError::parsed(SERVICE, operation, &thing, "pipelineExecutionId", answer.pipeline_execution_id())
    }

    /// Stops an execution. One that has ended already is success.
    ///
    /// # Errors
    /// When CodePipeline refuses it, or gives no usable answer.
    pub async fn stop_execution(&self, stop: &StopExecution) -> Result<(), CallError> {
        let StopExecution { service: _, pipeline, execution, running_action, reason } = stop;
        let sent = self
            .codepipeline()
            .stop_pipeline_execution()
            .pipeline_name(pipeline.as_str())
            .pipeline_execution_id(execution.as_str())
            .abandon(*running_action == RunningAction::Abandon)
            .reason(reason);
        match sent.send().await {
            Ok(_) => Ok(()),
            Err(error) => match code_of(&error) {
                Some("PipelineExecutionNotStoppableException" | "DuplicatedStopRequestException") => Ok(()),
                _ => {
                    let thing = format!("execution {execution} of pipeline {pipeline}");
                    Err(CallError::from_sdk(SERVICE, "StopPipelineExecution", thing, error))
                }
            },
        }
    }
}

fn read_action(
    thing: &str,
    action: &ActionDeclaration,
    description: &mut PipelineDescription,
) -> Result<(), CallError> {
    let Some(kind) = action.action_type_id() else { return Ok(()) };
    let configured = |name: &str| configuration(action.configuration(), name);
    let name = || CallError::parsed(SERVICE, "GetPipeline", thing, "action name", Some(action.name()));
    match (kind.category(), kind.provider()) {
        (ActionCategory::Source, "CodeCommit") => description.sources.push(SourceAction {
            name: name()?,
            repository: configured("RepositoryName").and_then(|text| text.parse().ok()),
            branch: configured("BranchName").and_then(|text| text.parse().ok()),
            polling: match configured("PollForSourceChanges") {
                Some(text) if text.eq_ignore_ascii_case("false") => Polling::Off,
                Some(_) | None => Polling::On,
            },
        }),
        (ActionCategory::Deploy, "ECS") => description.deploys.push(DeployAction {
            name: name()?,
            cluster: configured("ClusterName").and_then(|text| ClusterName::parse(text).ok()),
            service: configured("ServiceName").and_then(|text| text.parse().ok()),
            file: configured("FileName").unwrap_or("imagedefinitions.json").to_owned(),
        }),
        _ => {}
    }
    Ok(())
}

fn configuration<'a>(all: Option<&'a HashMap<String, String>>, name: &str) -> Option<&'a str> {
    all.and_then(|all| all.get(name)).map(String::as_str)
}

fn read_summary(
    thing: &str,
    summary: &PipelineExecutionSummary,
    source_action: Option<&ActionName>,
) -> Result<ExecutionSummary, CallError> {
    let operation = "ListPipelineExecutions";
    let revisions = summary.source_revisions().iter();
    let mut ours = revisions
        .filter(|revision| source_action.is_none_or(|action| action.as_str() == revision.action_name()));
    let source = ours.next().and_then(|revision| revision.revision_id());
    Ok(ExecutionSummary {
        id: CallError::parsed(
            SERVICE,
            operation,
            thing,
            "pipelineExecutionId",
            summary.pipeline_execution_id(),
        )?,
        status: match summary.status() {
            Some(PipelineExecutionStatus::Cancelled) => ExecutionStatus::Cancelled,
            Some(PipelineExecutionStatus::Failed) => ExecutionStatus::Failed,
            Some(PipelineExecutionStatus::Stopped) => ExecutionStatus::Stopped,
            Some(PipelineExecutionStatus::Stopping) => ExecutionStatus::Stopping,
            Some(PipelineExecutionStatus::Succeeded) => ExecutionStatus::Succeeded,
            Some(PipelineExecutionStatus::Superseded) => ExecutionStatus::Superseded,
            // A status of the future may still deploy something.
            _ => ExecutionStatus::InProgress,
        },
        kind: match summary.execution_type() {
            Some(ExecutionType::Rollback) => ExecutionKind::Rollback,
            _ => ExecutionKind::Standard,
        },
        trigger: match summary.trigger().and_then(|trigger| trigger.trigger_type()) {
            Some(TriggerType::AutomatedRollback) => Trigger::AutomatedRollback,
            Some(TriggerType::CloudWatchEvent) => Trigger::CloudWatchEvent,
            Some(TriggerType::CreatePipeline) => Trigger::CreatePipeline,
            Some(TriggerType::ManualRollback) => Trigger::ManualRollback,
            Some(TriggerType::PollForSourceChanges) => Trigger::PollForSourceChanges,
            Some(TriggerType::StartPipelineExecution) => started_by(summary.trigger()),
            Some(other) => Trigger::Other(other.as_str().to_owned()),
            None => Trigger::Other("not told".to_owned()),
        },
        started_at: summary.start_time().map(timestamp),
        source: source
            .map(|id| CallError::parsed(SERVICE, operation, thing, "revisionId", Some(id)))
            .transpose()?,
    })
}

/// Who made the call that started an execution. The detail is an ARN, and that of a role's session names the role.
fn started_by(trigger: Option<&ExecutionTrigger>) -> Trigger {
    match trigger.and_then(ExecutionTrigger::trigger_detail) {
        Some(arn) if arn.starts_with("arn:") && !arn.contains(STARTS_AS) => {
            Trigger::StartedBy(arn.to_owned())
        }
        Some(_) | None => Trigger::StartPipelineExecution,
    }
}

fn window_of(detail: &ActionExecutionDetail) -> Option<DeployWindow> {
    use aws_sdk_codepipeline::types::ActionExecutionStatus as Status;
    let began_at = detail.start_time().map(timestamp)?;
    let ended = matches!(detail.status(), Some(Status::Succeeded | Status::Failed | Status::Abandoned));
    let ended_at = detail.last_update_time().map(timestamp).filter(|_| ended);
    Some(DeployWindow { began_at, ended_at })
}

/// The service that a pipeline deploys, by its Deploy action; none when it deploys none, or several.
pub fn service_of(description: &PipelineDescription) -> Option<ServiceId> {
    let [deploy] = description.deploys.as_slice() else { return None };
    Some(ServiceId { cluster: deploy.cluster.clone()?, service: deploy.service.clone()? })
}
