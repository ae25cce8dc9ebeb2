//! SSM Automation: the documents that are the console's door, and how their executions end.
//! <https://docs.aws.amazon.com/systems-manager/latest/APIReference/>

use super::Operator;
use crate::error::CallError;
use aws_sdk_ssm::types::AutomationExecutionStatus;
use std::collections::BTreeMap;

const SERVICE: &str = "SSM";

/// One execution of an Automation document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Automation {
    /// How it stands.
    pub status: AutomationStatus,
    /// Who started it, as AWS knows them.
    pub executed_by: Option<String>,
    /// What its steps gave, by `<step>.<output>`.
    pub outputs: BTreeMap<String, Vec<String>>,
    /// Why it failed, in AWS's words.
    pub failure: Option<String>,
}

/// How an execution stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AutomationStatus {
    /// It is not over.
    Open,
    /// It went well.
    Success,
    /// It ended otherwise; AWS's word for it.
    Ended(String),
}

impl Operator {
    /// Starts an Automation document; returns the execution's id.
    ///
    /// # Errors
    /// When SSM does not start it.
    pub async fn start_automation(
        &self,
        document: &str,
        parameters: &BTreeMap<&str, String>,
    ) -> Result<String, CallError> {
        let operation = "StartAutomationExecution";
        let thing = format!("document {document}");
        let mut sent = self.ssm.start_automation_execution().document_name(document);
        for (name, value) in parameters {
            sent = sent.parameters(*name, vec![value.clone()]);
        }
        let answer =
            sent.send().await.map_err(|error| CallError::from_sdk(SERVICE, operation, &thing, error))?;
        let id = answer.automation_execution_id().map(str::to_owned);
        id.ok_or_else(|| CallError::malformed(SERVICE, operation, thing, "no AutomationExecutionId"))
    }

    /// How an execution stands.
    ///
    /// # Errors
    /// When SSM gives no usable answer.
    pub async fn automation(&self, id: &str) -> Result<Automation, CallError> {
        let operation = "GetAutomationExecution";
        let thing = format!("execution {id}");
        let sent = self.ssm.get_automation_execution().automation_execution_id(id);
        let answer =
            sent.send().await.map_err(|error| CallError::from_sdk(SERVICE, operation, &thing, error))?;
        let found = answer
            .automation_execution()
            .ok_or_else(|| CallError::malformed(SERVICE, operation, thing, "no AutomationExecution"))?;
        let outputs = found.outputs().into_iter().flatten();
        Ok(Automation {
            status: status(found.automation_execution_status()),
            executed_by: found.executed_by().map(str::to_owned),
            outputs: outputs.map(|(name, values)| (name.clone(), values.clone())).collect(),
            failure: found.failure_message().map(str::to_owned),
        })
    }
}

fn status(told: Option<&AutomationExecutionStatus>) -> AutomationStatus {
    use AutomationExecutionStatus as Told;
    match told {
        Some(Told::Success | Told::CompletedWithSuccess) => AutomationStatus::Success,
        Some(
            Told::Failed
            | Told::Cancelled
            | Told::Timedout
            | Told::Rejected
            | Told::Exited
            | Told::CompletedWithFailure,
        ) => AutomationStatus::Ended(told.map_or("", Told::as_str).to_owned()),
        // Whatever else it may be called, now or later, is not an end.
        _ => AutomationStatus::Open,
    }
}
