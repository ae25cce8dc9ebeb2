//! What a person does at the console's door, and at the Lambda function behind it.

use crate::story::{Failure, Story};
use serde_json::{Value, json};

impl Story {
    /// Starts an Automation document on `cluster1/webapp1` and does not wait; gives the execution's id.
    ///
    /// # Errors
    /// What SSM says.
    pub fn automate_only(&self, document: &str, more: &[(&str, &str)]) -> Result<String, Failure> {
        let mut parameters =
            json!({ "Cluster": ["cluster1"], "Service": ["webapp1"], "Reason": ["it answers 500"] });
        for (name, value) in more {
            if let Some(members) = parameters.as_object_mut() {
                members.insert((*name).to_owned(), json!([value]));
            }
        }
        let input = json!({ "DocumentName": document, "Parameters": parameters });
        let started = self.aws.call("ssm", "StartAutomationExecution", &input)?;
        let id = started.get("AutomationExecutionId").and_then(Value::as_str);
        Ok(id.ok_or("an execution without an id")?.to_owned())
    }

    /// The answer of the function that an execution invoked.
    ///
    /// # Errors
    /// When the execution did not end well.
    pub fn answer(&self, execution: &str) -> Result<Value, Failure> {
        let asked = json!({ "AutomationExecutionId": execution });
        let found = self.aws.call("ssm", "GetAutomationExecution", &asked)?;
        let member = |pointer: &str| found.pointer(&format!("/AutomationExecution/{pointer}"));
        if member("AutomationExecutionStatus").and_then(Value::as_str) != Some("Success") {
            return Err(found.to_string().into());
        }
        let outputs = member("Outputs").and_then(Value::as_object);
        let payload = outputs.and_then(|outputs| outputs.values().next()?.get(0)?.as_str());
        Ok(serde_json::from_str(payload.ok_or("no payload")?)?)
    }

    /// [`Story::automate_only`], lets everything happen, and gives the function's answer.
    ///
    /// # Errors
    /// As [`Story::automate_only`], [`Story::rest`] and [`Story::answer`].
    pub fn automate(&self, document: &str, more: &[(&str, &str)]) -> Result<Value, Failure> {
        let execution = self.automate_only(document, more)?;
        self.rest()?;
        self.answer(&execution)
    }

    /// A person rolls back `cluster1/webapp1` in ECS while its newest deployment rolls out, and everything happens.
    ///
    /// # Errors
    /// What ECS says.
    pub fn roll_back_in_ecs(&self) -> Result<(), Failure> {
        let asked = json!({ "cluster": "cluster1", "service": "webapp1" });
        let deployments = self.aws.call("ecs", "ListServiceDeployments", &asked)?;
        let newest = deployments.pointer("/serviceDeployments/0/serviceDeploymentArn");
        let stop = json!({ "serviceDeploymentArn": newest, "stopType": "ROLLBACK" });
        self.aws.call("ecs", "StopServiceDeployment", &stop)?;
        self.rest()
    }

    /// Invokes `roll_back` itself, lets everything happen, and gives its answer, or its error.
    ///
    /// # Errors
    /// What Lambda says.
    pub fn ask(&self, payload: &Value) -> Result<Value, Failure> {
        let invoked = self.aws.invoke("towpath-roll_back", payload)?;
        self.rest()?;
        Ok(serde_json::from_str(&invoked.payload)?)
    }

    /// A function's answer in a line, with names in it.
    pub fn shown(&mut self, answer: &Value) -> String {
        let text = |member: &str| answer.get(member).and_then(Value::as_str).unwrap_or_default();
        let shown = match text("refusal") {
            "" => format!("{}: {}", text("decision"), text("because")),
            refusal => format!("{} ({refusal}): {}", text("decision"), text("because")),
        };
        let shown = if answer.get("decision").is_some() { shown } else { answer.to_string() };
        self.names.put_into(&shown) + "\n"
    }

    /// The tip of the deployment branch.
    ///
    /// # Errors
    /// What git says.
    pub fn tip(&mut self) -> Result<String, Failure> {
        Ok(self.here.git.update()?)
    }

    /// The message of the newest commit, with names in it.
    ///
    /// # Errors
    /// What git says.
    pub fn newest_message(&mut self) -> Result<String, Failure> {
        let tip = self.here.git.update()?;
        let message = self.here.git.run(&["log", "-1", "--format=%B", &tip])?;
        Ok(self.names.put_into(&message))
    }

    /// What starts a service's pipeline at the commit before the tip.
    ///
    /// # Errors
    /// What CodeCommit says.
    pub fn start_before_the_tip(&mut self, service: &str) -> Result<Value, Failure> {
        let asked = json!({ "repositoryName": "deployment", "commitId": self.tip()? });
        let commit = self.aws.call("codecommit", "GetCommit", &asked)?;
        let source = json!({
            "actionName": "Source", "revisionType": "COMMIT_ID",
            "revisionValue": commit.pointer("/commit/parents/0"),
        });
        Ok(json!({ "name": format!("deploy-cluster1-{service}"), "sourceRevisions": [source] }))
    }
}
