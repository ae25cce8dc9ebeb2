//! SSM: who started an execution of an Automation document.
//! <https://docs.aws.amazon.com/systems-manager/latest/APIReference/>

use crate::connection::Clients;
use crate::error::{CallError, code_of};
use aws_sdk_ssm::types::AutomationExecutionStatus;
use domain::facts::{AutomationExecution, AutomationStatus};
use domain::names::EventId;

const SERVICE: &str = "SSM";

impl Clients {
    /// An execution of an Automation document; none when SSM knows none of that id.
    ///
    /// # Errors
    /// When SSM gives no usable answer.
    pub async fn automation_execution(&self, id: &EventId) -> Result<Option<AutomationExecution>, CallError> {
        let operation = "GetAutomationExecution";
        let sent = self.ssm().get_automation_execution().automation_execution_id(id.as_str());
        let answer = match sent.send().await {
            Ok(answer) => answer,
            Err(error) => {
                return match code_of(&error) {
                    // An id that cannot be one is no execution's either.
                    Some("AutomationExecutionNotFoundException" | "ValidationException") => Ok(None),
                    _ => Err(CallError::from_sdk(SERVICE, operation, format!("execution {id}"), error)),
                };
            }
        };
        let Some(execution) = answer.automation_execution else { return Ok(None) };
        let status = match execution.automation_execution_status {
            Some(AutomationExecutionStatus::Inprogress) => AutomationStatus::InProgress,
            Some(status) => AutomationStatus::Other(status.as_str().to_owned()),
            None => AutomationStatus::Other(String::new()),
        };
        Ok(Some(AutomationExecution {
            document: execution.document_name.unwrap_or_default(),
            parameters: execution.parameters.unwrap_or_default().into_iter().collect(),
            status,
            parent: execution.parent_automation_execution_id,
            executed_by: execution.executed_by,
        }))
    }
}
