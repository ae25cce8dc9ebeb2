//! Who asks: what SSM says of the execution in whose name a request comes, or why that is not believed.
//!
//! An execution's id alone proves nothing, since whoever may invoke the function can name any. It is believed while the
//! execution runs, if it was started with exactly what is asked for here.

use std::fmt;

use super::request::{Action, Released, Request, Target};
use crate::facts::{AutomationExecution, AutomationStatus};
use crate::names::CommitId;
use crate::text::{one_line, shown};

const ARN_CHARACTERS: usize = 300;
const PROBLEM_CHARACTERS: usize = 200;

/// The document that rolls back.
const ROLL_BACK_DOCUMENT: &str = "towpath-roll_back";
/// The document that releases.
const RELEASE_DOCUMENT: &str = "towpath-release";

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Who {
    /// The name that the request gives, if it gives one.
    pub name: Option<String>,
    /// What is recorded where AWS says nothing: `claimed:` and that name, or whatever else there is.
    pub claimed: String,
    /// What AWS says.
    pub told: Told,
}

/// What AWS says of who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    /// The request came without an execution.
    Nothing,
    /// This ARN started the execution, to ask for just this.
    By(String),
    /// The execution does not prove it.
    Doubted(Doubt),
}

/// Why an execution does not prove who asks.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Doubt {
    /// SSM did not answer.
    #[error("the execution cannot be read: {0}")]
    NotRead(String),
    /// SSM does not know it.
    #[error("there is no such execution")]
    NotThere,
    /// It is of another document.
    #[error("the execution is of the document {}", shown(.0))]
    OtherDocument(String),
    /// Another automation started it, and not a person.
    #[error("the execution was started by the automation {}", shown(.0))]
    Child(String),
    /// It was started with something else.
    #[error("the execution was started with another {0}")]
    OtherParameter(&'static str),
    /// It does not run.
    #[error("the execution does not run: it is {}", shown(.0))]
    NotRunning(String),
    /// SSM does not say who started it.
    #[error("the execution does not tell who started it")]
    NoStarter,
    /// It was used for something else before.
    #[error("the execution was used for commit {} already", .0.short())]
    Used(CommitId),
}

impl fmt::Display for Who {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.told {
            Told::By(arn) => formatter.write_str(arn),
            Told::Nothing | Told::Doubted(_) => formatter.write_str(&self.claimed),
        }
    }
}

impl Who {
    /// What stands beside it in the commit.
    pub(super) fn remark(&self) -> Option<String> {
        match &self.told {
            Told::Nothing => None,
            Told::By(_) => self.name.as_ref().map(|name| format!("for {name}, as the request says")),
            Told::Doubted(doubt) => Some(format!("who asks is not proved: {doubt}")),
        }
    }
}

impl Request {
    /// What an execution proves of who asks; `dry_run` and `who` as the request has them.
    #[must_use]
    pub fn told_by(&self, execution: &AutomationExecution, dry_run: bool, who: &str) -> Told {
        match self.starter(execution, dry_run, who) {
            Ok(arn) => Told::By(arn),
            Err(doubt) => Told::Doubted(doubt),
        }
    }

    /// Whether this text, as a document's parameter, names what is asked for.
    fn asks_for(&self, to: &str) -> bool {
        match &self.action {
            Action::RollBack(target) => Target::parse(to).is_ok_and(|to| to == *target),
            Action::Release(released) => Released::parse(to).is_ok_and(|to| to == *released),
        }
    }

    fn starter(&self, execution: &AutomationExecution, dry_run: bool, who: &str) -> Result<String, Doubt> {
        let AutomationExecution { document, parameters: _, status, parent, executed_by } = execution;
        let (expected, default_to) = match &self.action {
            Action::RollBack(_) => (ROLL_BACK_DOCUMENT, "previous"),
            Action::Release(_) => (RELEASE_DOCUMENT, "all"),
        };
        if document != expected {
            return Err(Doubt::OtherDocument(document.clone()));
        }
        if let Some(parent) = parent {
            return Err(Doubt::Child(parent.clone()));
        }
        let given = |name: &'static str, default: &'static str| -> Result<&str, Doubt> {
            match execution.parameters.get(name).map(Vec::as_slice) {
                None | Some([]) => Ok(default),
                Some([one]) => Ok(one.as_str()),
                Some(_) => Err(Doubt::OtherParameter(name)),
            }
        };
        let same = |name, is_same: bool| if is_same { Ok(()) } else { Err(Doubt::OtherParameter(name)) };
        same("Cluster", given("Cluster", "")? == self.service.cluster.as_str())?;
        same("Service", given("Service", "")? == self.service.service.as_str())?;
        same("To", self.asks_for(given("To", default_to)?))?;
        same("Reason", given("Reason", "")?.trim() == self.reason)?;
        same("Who", given("Who", "")?.trim() == who.trim())?;
        same(
            "DryRun",
            given("DryRun", "false")?.eq_ignore_ascii_case(if dry_run { "true" } else { "false" }),
        )?;
        match status {
            AutomationStatus::InProgress => {}
            AutomationStatus::Other(status) => return Err(Doubt::NotRunning(status.clone())),
        }
        let arn = executed_by.as_deref().map(|arn| one_line(arn, ARN_CHARACTERS));
        arn.filter(|arn| arn.starts_with("arn:")).ok_or(Doubt::NoStarter)
    }
}

impl Doubt {
    /// A call to SSM that gave no answer.
    #[must_use]
    pub fn not_read(problem: &str) -> Self {
        Self::NotRead(one_line(problem, PROBLEM_CHARACTERS))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use expect_test::expect;

    use super::*;
    use crate::fixtures::{WEBAPP1, service};
    use crate::names::EventId;

    const ARN: &str = "arn:aws:sts::111111111111:assumed-role/Operators/mary";

    fn asks(action: Action) -> Request {
        Request {
            service: service(WEBAPP1),
            action,
            reason: "500s".to_owned(),
            who: Who { name: None, claimed: "claimed:mary".to_owned(), told: Told::Nothing },
            id: EventId::parse("e-1").unwrap(),
        }
    }

    fn execution(document: &str, parameters: &[(&str, &str)]) -> AutomationExecution {
        let parameters =
            parameters.iter().map(|(name, value)| ((*name).to_owned(), vec![(*value).to_owned()]));
        AutomationExecution {
            document: document.to_owned(),
            parameters: parameters.collect::<BTreeMap<_, _>>(),
            status: AutomationStatus::InProgress,
            parent: None,
            executed_by: Some(ARN.to_owned()),
        }
    }

    fn back() -> AutomationExecution {
        execution(ROLL_BACK_DOCUMENT, &[("Cluster", "cluster1"), ("Service", "webapp1"), ("Reason", "500s")])
    }

    #[test]
    fn who_started_a_running_execution_with_just_this_is_believed() {
        let previous = asks(Action::RollBack(Target::Previous));
        assert_eq!(previous.told_by(&back(), false, ""), Told::By(ARN.to_owned()));
        // SSM may tell the defaults too, and writes a Boolean either way.
        let mut whole = back();
        for (name, value) in [("To", "previous"), ("Who", "mary"), ("DryRun", "True")] {
            whole.parameters.insert(name.to_owned(), vec![value.to_owned()]);
        }
        assert_eq!(previous.told_by(&whole, true, "mary"), Told::By(ARN.to_owned()));
        let release = asks(Action::Release(Released::All));
        let execution = AutomationExecution { document: RELEASE_DOCUMENT.to_owned(), ..back() };
        assert_eq!(release.told_by(&execution, false, ""), Told::By(ARN.to_owned()));
    }

    #[test]
    fn anything_else_is_doubted_with_the_reason() {
        let request = asks(Action::RollBack(Target::Previous));
        let with = |name: &str, value: &str| {
            let mut execution = back();
            execution.parameters.insert(name.to_owned(), vec![value.to_owned()]);
            execution
        };
        let several = || {
            let mut execution = back();
            execution.parameters.insert("To".to_owned(), vec!["previous".to_owned(), "1111111".to_owned()]);
            execution
        };
        let doubted = [
            AutomationExecution { document: RELEASE_DOCUMENT.to_owned(), ..back() },
            AutomationExecution { document: "somebody-elses\n".to_owned(), ..back() },
            AutomationExecution { parent: Some("e-0".to_owned()), ..back() },
            with("Cluster", "cluster2"),
            with("Service", "webapp2"),
            with("To", "1111111"),
            with("Reason", "other"),
            with("Who", "john"),
            with("DryRun", "true"),
            several(),
            AutomationExecution { parameters: BTreeMap::new(), ..back() },
            AutomationExecution { status: AutomationStatus::Other("Success".to_owned()), ..back() },
            AutomationExecution { executed_by: None, ..back() },
            AutomationExecution { executed_by: Some("mary".to_owned()), ..back() },
        ];
        let doubts: String = doubted
            .iter()
            .map(|execution| match request.told_by(execution, false, "") {
                Told::Doubted(doubt) => format!("{doubt}\n"),
                told @ (Told::Nothing | Told::By(_)) => format!("{told:?}\n"),
            })
            .collect();
        expect![[r#"
            the execution is of the document "towpath-release"
            the execution is of the document "somebody-elses\n"
            the execution was started by the automation "e-0"
            the execution was started with another Cluster
            the execution was started with another Service
            the execution was started with another To
            the execution was started with another Reason
            the execution was started with another Who
            the execution was started with another DryRun
            the execution was started with another To
            the execution was started with another Cluster
            the execution does not run: it is "Success"
            the execution does not tell who started it
            the execution does not tell who started it
        "#]]
        .assert_eq(&doubts);
    }
}
