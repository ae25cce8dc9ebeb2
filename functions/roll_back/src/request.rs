//! What comes in at the door: from the SSM documents, the operator's command line, or a person at the Lambda console.

use domain::decide::rollback::{Action, Released, Request, Target, Told, Who};
use domain::names::{EventId, ServiceId};
use domain::text::{one_line, shown};
use serde::Deserialize;

/// The longest reason: what SSM takes as a parameter's value.
const REASON_CHARACTERS: usize = 512;
/// The longest name of a person.
const WHO_CHARACTERS: usize = 128;

/// The request as it is written. A member that is not here is a mistake, never ignored: it could be what mattered.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, expecting = "a JSON object")]
struct Written {
    service: String,
    cluster: Option<String>,
    action: String,
    to: Option<String>,
    reason: String,
    automation_execution_id: Option<String>,
    who: Option<String>,
    #[serde(default)]
    dry_run: DryRun,
}

/// Whether anything is done. An SSM Automation hands a Boolean on as JSON or as text, as the document writes it.
#[derive(Debug, Default, Deserialize)]
#[serde(untagged)]
enum DryRun {
    #[default]
    No,
    Said(bool),
    Text(String),
}

/// What a person asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// The request itself.
    pub request: Request,
    /// Whether only the plan is wanted.
    pub dry_run: bool,
    /// The Automation execution that it says it comes from.
    pub execution: Option<EventId>,
    /// The name of who asks, as it was written; empty if it was not.
    pub who: String,
}

/// Why a request is none: which value, and what was expected.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum RequestError {
    /// It is not the JSON object that it should be.
    #[error(
        "the request is not readable ({0}): expected {{\"service\": \"<cluster>/<service>\", \"action\": \"roll_back\" or \"release\", \"to\": …, \"reason\": …, \"who\": …, \"dryRun\": false}}"
    )]
    NotReadable(String),
    /// One of its members is wrong.
    #[error("{member}: {problem}")]
    Invalid {
        /// The member.
        member: &'static str,
        /// What it is, and what was expected.
        problem: String,
    },
}

fn invalid(member: &'static str, problem: impl Into<String>) -> RequestError {
    RequestError::Invalid { member, problem: problem.into() }
}

impl Asked {
    /// The request in an invocation's payload. Without an execution's id the invocation's own makes it the same request
    /// when Lambda is asked again.
    ///
    /// # Errors
    /// When it is not exactly such a request.
    pub fn parse(payload: serde_json::Value, invocation: &str) -> Result<Self, RequestError> {
        let written: Written = serde_json::from_value(payload)
            .map_err(|error| RequestError::NotReadable(one_line(&error.to_string(), 300)))?;
        let service = match written.cluster.as_deref() {
            None | Some("") => written.service.clone(),
            Some(cluster) => format!("{cluster}/{}", written.service),
        };
        let service = ServiceId::parse(&service).map_err(|error| invalid("service", error.to_string()))?;
        let to = written.to.as_deref().filter(|to| !to.is_empty());
        let action = action(&written.action, to)?;
        let reason = line("reason", &written.reason, REASON_CHARACTERS)?;
        let execution = written.automation_execution_id.as_deref().filter(|id| !id.is_empty());
        let event =
            |text| EventId::parse(text).map_err(|error| invalid("automationExecutionId", error.to_string()));
        let id = event(execution.unwrap_or(invocation))?;
        let name = written.who.as_deref().filter(|who| !who.is_empty());
        let name = name.map(|name| line("who", name, WHO_CHARACTERS)).transpose()?;
        let claimed = match (&name, execution) {
            (Some(name), _) => format!("claimed:{name}"),
            (None, Some(execution)) => format!("claimed:SSM execution {execution}"),
            (None, None) => return Err(invalid("who", "it is missing: expected the name of who asks")),
        };
        let dry_run = match written.dry_run {
            DryRun::No => false,
            DryRun::Said(said) => said,
            DryRun::Text(text) => text.parse().map_err(|_| {
                invalid("dryRun", format!("{} is not a Boolean: expected true or false", shown(&text)))
            })?,
        };
        let execution = execution.map(event).transpose()?;
        let who = Who { name, claimed, told: Told::Nothing };
        let request = Request { service, action, reason, who, id };
        Ok(Self { request, dry_run, execution, who: written.who.unwrap_or_default() })
    }
}

fn action(name: &str, to: Option<&str>) -> Result<Action, RequestError> {
    match (name, to) {
        ("roll_back", Some(to)) => {
            Target::parse(to).map(Action::RollBack).map_err(|error| invalid("to", error.to_string()))
        }
        ("roll_back", None) => Err(invalid(
            "to",
            "it is missing: expected previous, a commit id, an image tag, or a digest (sha256:…)",
        )),
        ("release", to) => Released::parse(to.unwrap_or("all"))
            .map(Action::Release)
            .map_err(|error| invalid("to", error.to_string())),
        (other, _) => Err(invalid(
            "action",
            format!("{} is not an action: expected roll_back or release", shown(other)),
        )),
    }
}

/// A text of one line that says something.
fn line(member: &'static str, text: &str, most: usize) -> Result<String, RequestError> {
    let fits = !text.trim().is_empty() && text.chars().count() <= most && !text.chars().any(char::is_control);
    if fits {
        return Ok(text.trim().to_owned());
    }
    Err(invalid(member, format!("{} is not a text of 1 to {most} characters on one line", shown(text))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_request_that_says_nothing_is_refused() {
        let error = Asked::parse(json!({}), "i-1").unwrap_err().to_string();
        assert!(
            error.starts_with("the request is not readable (missing field `service`): expected"),
            "{error}"
        );
    }

    #[test]
    fn a_request_is_read_from_each_door() {
        let from_ssm = json!({
            "cluster": "cluster1", "service": "webapp1", "action": "roll_back", "to": "previous",
            "reason": "500s", "who": "", "automationExecutionId": "e-1", "dryRun": "false",
        });
        let asked = Asked::parse(from_ssm, "i-1").unwrap();
        assert_eq!(asked.request.service.to_string(), "cluster1/webapp1");
        assert_eq!(asked.request.who.to_string(), "claimed:SSM execution e-1");
        assert_eq!(asked.request.id.as_str(), "e-1");
        assert!(!asked.dry_run);
        let from_a_person = json!({
            "service": "cluster1/webapp1", "action": "release", "reason": "fixed", "who": "mary", "dryRun": true,
        });
        let asked = Asked::parse(from_a_person, "i-1").unwrap();
        assert_eq!(asked.request.action, Action::Release(Released::All));
        assert_eq!(
            (asked.request.who.to_string().as_str(), asked.request.id.as_str()),
            ("claimed:mary", "i-1")
        );
        assert!(asked.dry_run);
    }

    #[test]
    fn each_wrong_member_is_named_with_its_value() {
        let wrong = [
            ("service", json!("webapp1"), "service: \"webapp1\" is not a service"),
            ("action", json!("undo"), "action: \"undo\" is not an action: expected roll_back or release"),
            ("to", json!("../x"), "to: \"../x\" is not a revision to roll back to"),
            ("to", json!(""), "to: it is missing: expected previous"),
            ("reason", json!(" "), "reason: \" \" is not a text of 1 to 512 characters on one line"),
            ("reason", json!("a\nb"), "reason: \"a\\nb\" is not a text"),
            ("who", json!(""), "who: it is missing"),
            ("dryRun", json!("perhaps"), "dryRun: \"perhaps\" is not a Boolean: expected true or false"),
            ("force", json!(true), "the request is not readable (unknown field `force`"),
        ];
        for (member, value, expected) in wrong {
            let mut request = json!({
                "service": "cluster1/webapp1", "action": "roll_back", "to": "previous", "reason": "r", "who": "m",
            });
            request[member] = value;
            let error = Asked::parse(request, "i-1").unwrap_err().to_string();
            assert!(error.starts_with(expected), "{error}");
        }
    }
}
