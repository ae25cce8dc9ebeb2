//! `PutApprovalResult`.

use super::action_types::ActionKind;
use super::constraints::{APPROVAL_SUMMARY, Constraints, NAME, UUID, invalid};
use super::engine::{self, Engine};
use super::records::{ActionResult, ActionStatus, Failure};
use super::{SERVICE, authorize};
use crate::caller::Caller;
use crate::clock;
use crate::error::AwsError;
use crate::services::parse_input;
use crate::world::World;
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Input {
    pipeline_name: Option<String>,
    stage_name: Option<String>,
    action_name: Option<String>,
    result: Option<ApprovalResult>,
    token: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ApprovalResult {
    summary: Option<String>,
    status: Option<String>,
}

/// An approver's answer.
struct Answer<'a> {
    approved: bool,
    summary: &'a str,
    by: String,
}

/// Takes an approver's answer.
pub(super) fn put_approval_result(
    world: &mut World,
    caller: &Caller,
    input: Value,
) -> Result<Value, AwsError> {
    let input: Input = parse_input(SERVICE, "PutApprovalResult", input)?;
    let mut constraints = Constraints::default();
    let name = constraints.required("pipelineName", input.pipeline_name.as_deref(), &NAME);
    let stage = constraints.required("stageName", input.stage_name.as_deref(), &NAME);
    let action = constraints.required("actionName", input.action_name.as_deref(), &NAME);
    let token = constraints.required("token", input.token.as_deref(), &UUID);
    if input.result.is_none() {
        constraints.missing("result");
    }
    let (mut summary, mut status) = ("", None);
    if let Some(result) = &input.result {
        summary = constraints.required("result.summary", result.summary.as_deref(), &APPROVAL_SUMMARY);
        status = result.status.as_deref();
        if status.is_none() {
            constraints.missing("result.status");
        }
        constraints.one_of("result.status", status, &["Approved", "Rejected"]);
    }
    constraints.finish()?;
    authorize(world, caller, "PutApprovalResult", &format!("{name}/{stage}/{action}"))?;
    let answer = Answer { approved: status == Some("Approved"), summary, by: caller.arn() };
    engine::run(world, &caller.account, name, |engine| engine.answer(stage, action, token, &answer))?;
    Ok(json!({ "approvedAt": clock::epoch(world.now()) }))
}

impl Engine<'_> {
    fn answer(
        &mut self,
        stage: &str,
        action: &str,
        token: &str,
        answer: &Answer<'_>,
    ) -> Result<(), AwsError> {
        let (id, action_id) = self.asked(stage, action, token)?;
        if let Some(run) = self.touch(&id).and_then(|execution| execution.action_mut(&action_id)) {
            run.updated_by = Some(answer.by.clone());
        }
        let summary = Some(answer.summary.to_owned()).filter(|summary| !summary.is_empty());
        let (status, error) = if answer.approved {
            (ActionStatus::Succeeded, None)
        } else {
            (ActionStatus::Failed, Some(Failure::job_failed(format!("Rejected by {}", answer.by))))
        };
        let result = ActionResult { summary, error, ..ActionResult::default() };
        self.settle(&id, &action_id, status, result);
        Ok(())
    }

    /// The execution and the action run that wait for an answer with this token.
    fn asked(&self, stage: &str, action: &str, token: &str) -> Result<(String, String), AwsError> {
        let pipeline = &self.pipeline.declaration.name;
        let Some(declared) = self.pipeline.declaration.stage(stage) else {
            return Err(super::stage_not_found(pipeline, stage));
        };
        let Some(declared) = declared.action(action) else {
            return Err(AwsError::new(
                "ActionNotFoundException",
                format!("The stage '{stage}' of the pipeline '{pipeline}' has no action '{action}'"),
            ));
        };
        if ActionKind::of(&declared.action_type_id)? != ActionKind::ManualApproval {
            return Err(invalid(format!("The action '{action}' is no approval")));
        }
        let mut runs = self
            .pipeline
            .executions
            .iter()
            .flat_map(|execution| execution.actions.iter().map(move |run| (execution, run)));
        let found = runs.find(|(_, run)| {
            run.stage == stage && run.action == action && run.token.as_deref() == Some(token)
        });
        match found {
            Some((execution, run)) if run.status == ActionStatus::InProgress => {
                Ok((execution.id.clone(), run.id.clone()))
            }
            Some(_) => Err(AwsError::new(
                "ApprovalAlreadyCompletedException",
                format!("The approval action '{action}' has already been approved or rejected, or is over"),
            )),
            None => Err(AwsError::new(
                "InvalidApprovalTokenException",
                format!("The token {token} belongs to no approval of the action '{action}'"),
            )),
        }
    }
}
