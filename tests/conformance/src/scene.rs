//! Where the checks run, and under which names.

use crate::answers::{Answers, Question};
use crate::check::Stop;
use client::{ApiError, Aws, Ecr};
use serde_json::Value;
use std::cell::{Cell, RefCell};
use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::time::Duration;

/// How long a check waits for something in the local accounts.
const PATIENCE_LOCAL: Duration = Duration::from_secs(20);
/// How long a check waits for something in a real account.
const PATIENCE_AWS: Duration = Duration::from_secs(600);
/// How many pages are read of one listing.
const PAGES_MAX: usize = 200;

/// What the person who starts the suite gives it beside credentials.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// A bucket that pipelines may keep their artifacts in.
    pub artifact_bucket: Option<String>,
    /// A role that pipelines may use; made for the run when there is none.
    pub pipeline_role: Option<String>,
    /// Subnets that Fargate tasks may run in; without, no task is started in a real account.
    pub subnets: Vec<String>,
    /// A role with which Fargate may pull images.
    pub execution_role: Option<String>,
    /// User name and password of HTTPS git credentials.
    pub git_credentials: Option<(String, String)>,
    /// Whether CodeCommit may be called until it throttles.
    pub provoke_throttling: bool,
}

/// One run of the suite.
#[derive(Debug)]
pub struct Scene {
    /// Who calls.
    pub aws: Aws,
    /// In which account.
    pub account: String,
    /// What else was given.
    pub options: Options,
    other: Option<Box<Self>>,
    run: String,
    made: Cell<u32>,
    answers: RefCell<Answers>,
}

impl Scene {
    /// A run as this caller, with a name of its own for everything that it makes.
    pub fn new(aws: Aws, account: &str, options: Options) -> Self {
        // Runs beside each other must not take each other's names: the standard library's hash keys are random.
        let random = RandomState::new().build_hasher().finish();
        let run = format!("{:08x}", random & 0xFFFF_FFFF);
        let answers = RefCell::new(Answers::default());
        Self { aws, account: account.to_owned(), options, other: None, run, made: Cell::new(0), answers }
    }

    /// The same with a second account beside it.
    #[must_use]
    pub fn with_other(self, other: Self) -> Self {
        Self { other: Some(Box::new(other)), ..self }
    }

    /// The second account.
    ///
    /// # Errors
    /// That it was not tried, when there is none.
    pub fn other(&self) -> Result<&Self, Stop> {
        let missing = || Stop::NotTried("it takes a second account: name one with --other-role".to_owned());
        self.other.as_deref().ok_or_else(missing)
    }

    /// Whether this is AWS itself.
    pub fn is_real(&self) -> bool {
        self.aws.endpoint.is_none()
    }

    /// How long to wait for something at most.
    pub fn patience(&self) -> Duration {
        if self.is_real() { PATIENCE_AWS } else { PATIENCE_LOCAL }
    }

    /// A name that nobody else has: `conformance-<kind>-<run>-<number>`.
    pub fn name(&self, kind: &str) -> String {
        let number = self.made.get() + 1;
        self.made.set(number);
        format!("conformance-{kind}-{}-{number}", self.run)
    }

    /// One operation.
    ///
    /// # Errors
    /// What the service says.
    pub fn call(&self, service: &str, operation: &str, input: &Value) -> Result<Value, ApiError> {
        self.aws.call(service, operation, input)
    }

    /// The account's own image registry.
    pub fn ecr(&self) -> Ecr {
        Ecr::new(&self.aws)
    }

    /// An ARN in this account and Region.
    pub fn arn(&self, service: &str, resource: &str) -> String {
        format!("arn:aws:{service}:{}:{}:{resource}", self.aws.region, self.account)
    }

    /// Takes note of the answer to an open question.
    pub fn answer(&self, question: Question, answer: impl Into<String>) {
        self.answers.borrow_mut().note(question, answer);
    }

    /// What was answered so far.
    pub fn answers(&self) -> Answers {
        self.answers.borrow().clone()
    }

    /// All pages of a listing: the operation is called until it gives no token. `member` names the list, `token`
    /// the token, which goes in under the same name.
    ///
    /// # Errors
    /// What the service says; also when the pages do not end.
    pub fn pages(
        &self,
        service: &str,
        operation: &str,
        input: &Value,
        member: &str,
        token: &str,
    ) -> Result<Vec<Vec<Value>>, Stop> {
        let mut pages = Vec::new();
        let mut input = input.clone();
        while pages.len() < PAGES_MAX {
            let reply = self.call(service, operation, &input)?;
            pages.push(crate::expect::list(&reply, &format!("/{member}")));
            match (reply.get(token).and_then(Value::as_str), input.as_object_mut()) {
                (Some(next), Some(members)) => members.insert(token.to_owned(), Value::from(next)),
                _ => return Ok(pages),
            };
        }
        Err(Stop::Failed(format!("expected the pages of {service} {operation} to end, saw {PAGES_MAX}")))
    }
}

#[cfg(test)]
mod tests {
    use super::{Options, Scene};
    use client::Aws;

    #[test]
    fn no_name_is_given_twice() {
        let aws = Aws::local("http://127.0.0.1:1", "111111111111");
        let scene = Scene::new(aws, "111111111111", Options::default());
        let (first, second) = (scene.name("queue"), scene.name("queue"));
        assert_ne!(first, second);
        assert!(first.starts_with("conformance-queue-"), "{first}");
        assert!(!scene.is_real());
    }
}
