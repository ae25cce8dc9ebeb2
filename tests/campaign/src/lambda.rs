//! Lambda, played: each function is its handler, called in this process.

use crate::crash::{CURRENT, Crash, Invocation};
use crate::wire::Wire;
use crate::{Accounts, Environment, Failure};
use aws::Connection;
use aws_credential_types::Credentials;
use aws_lambda_events::sqs::SqsEvent;
use domain::wake_up::Function;
use entrypoint::{Context, record};
use local_aws::AccountId;
use local_aws::runtime::variables;
use local_aws::services::lambda::{self, Ended};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long a function may take, by the accounts' clock, before Lambda kills it.
const TIME: Duration = Duration::from_secs(60);

/// The real time that a handler is given: enough, whatever the machine is busy with.
const DEADLINE: Duration = Duration::from_secs(600);

/// The functions that the campaign can run.
const FUNCTIONS: [Function; 6] = [
    Function::OnImagePush,
    Function::PromoteImage,
    Function::OnCommit,
    Function::OnDeploymentChange,
    Function::Reconcile,
    Function::RollBack,
];

/// How one invocation went.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) invocation: lambda::Invocation,
    pub(crate) ended: Ended,
    pub(crate) calls: u32,
    pub(crate) lines: Vec<String>,
}

/// All functions of all accounts.
#[derive(Debug)]
pub(crate) struct Lambda {
    pub(crate) wire: Wire,
    contexts: BTreeMap<(AccountId, String), Rc<Context>>,
}

impl Lambda {
    pub(crate) fn new(wire: Wire) -> Self {
        Self { wire, contexts: BTreeMap::new() }
    }

    /// What a function is told at its start.
    pub(crate) fn context(&mut self, account: &AccountId, name: &str) -> Result<Rc<Context>, Failure> {
        let key = (account.clone(), name.to_owned());
        if let Some(context) = self.contexts.get(&key) {
            return Ok(context.clone());
        }
        let short = name.strip_prefix("towpath-").unwrap_or(name);
        let function = FUNCTIONS.into_iter().find(|function| function.as_str() == short);
        let function = function.ok_or_else(|| format!("the campaign cannot run the function {name}"))?;
        let variables: BTreeMap<String, String> = {
            let mut world = self.wire.local().lock();
            let held = lambda::found(&world, account, name)?;
            variables(&mut world, account, &held).into_iter().collect()
        };
        let lookup = |name: &str| variables.get(name).filter(|value| !value.is_empty()).cloned();
        let needed = |name: &str| lookup(name).ok_or_else(|| format!("no variable {name}"));
        let connection = Connection {
            credentials: Credentials::new(
                needed("AWS_ACCESS_KEY_ID")?,
                needed("AWS_SECRET_ACCESS_KEY")?,
                lookup("AWS_SESSION_TOKEN"),
                None,
                "campaign",
            ),
            region: needed("AWS_REGION")?,
            endpoint_url: lookup("AWS_ENDPOINT_URL"),
            http_client: self.wire.http_client(),
            transfers: self.wire.transfers(),
            time_source: self.wire.time_source(),
        };
        let context = Rc::new(Context::new(function, &lookup, &connection)?);
        self.contexts.insert(key, context.clone());
        Ok(context)
    }
}

/// Runs one invocation to its end, or to its death.
pub(crate) async fn run(
    context: Rc<Context>,
    invocation: lambda::Invocation,
    crash: Option<Crash>,
    hurries: bool,
) -> Ran {
    let lines = record::Lines::default();
    let environment = Environment::of_account(invocation.account.as_str()).unwrap_or(Environment::Dev);
    let own = Invocation::new(environment, &invocation.function, crash);
    // The copier waits until its deadline by the runtime's clock, and looks at this machine's.
    let (runtime, machine) = (tokio::time::Instant::now().into_std(), Instant::now());
    let deadline = if hurries { runtime.min(machine) } else { runtime.max(machine) + DEADLINE };
    let handled = handle(&context, &invocation, deadline);
    let kept = record::keeping(lines.clone(), handled);
    let work = CURRENT.scope(Arc::clone(&own), kept);
    let ended = tokio::select! {
        biased;
        () = own.death() => error("it was killed"),
        ended = tokio::time::timeout(TIME, work) => ended.unwrap_or_else(|_| error("it timed out")),
    };
    let lines = std::mem::take(&mut *lines.lock().unwrap_or_else(std::sync::PoisonError::into_inner));
    Ran { invocation, ended, calls: own.calls(), lines }
}

fn error(message: &str) -> Ended {
    Ended::Error(json!({ "errorType": "Campaign", "errorMessage": message }).to_string())
}

async fn handle(context: &Context, invocation: &lambda::Invocation, deadline: Instant) -> Ended {
    if context.function == Function::RollBack {
        let payload: Value = serde_json::from_str(&invocation.payload).unwrap_or_default();
        return match Box::pin(roll_back::handle(context, payload, &invocation.request_id, deadline)).await {
            Ok(answer) => Ended::Answer(serde_json::to_string(&answer).unwrap_or_default()),
            Err(failure) => error(&failure.to_string()),
        };
    }
    let Ok(event) = serde_json::from_str::<SqsEvent>(&invocation.payload) else {
        return error("the payload is no batch of messages");
    };
    let messages = &event.records;
    let answer = match context.function {
        Function::OnImagePush => {
            Box::pin(entrypoint::batch::answer(context, messages, deadline, &on_image_push::handle)).await
        }
        Function::OnCommit => {
            Box::pin(entrypoint::batch::answer(context, messages, deadline, &on_commit::handle)).await
        }
        Function::OnDeploymentChange => {
            Box::pin(entrypoint::batch::answer(context, messages, deadline, &on_deployment_change::handle))
                .await
        }
        Function::Reconcile => {
            Box::pin(entrypoint::batch::answer(context, messages, deadline, &reconcile::handle)).await
        }
        Function::PromoteImage => {
            Box::pin(entrypoint::batch::answer(context, messages, deadline, &promote_image::handle)).await
        }
        Function::RollBack | Function::ShowStatus => {
            return error("this function has no queue");
        }
    };
    match answer {
        Ok(response) => Ended::Answer(serde_json::to_string(&response).unwrap_or_default()),
        Err(failure) => error(&failure.to_string()),
    }
}

impl Accounts {
    /// Whether any function has answered with an error is for the driver to say; this only hands the answer over.
    pub(crate) fn finish(&self, request_id: &str, ended: Ended) {
        lambda::finished(&mut self.local.lock(), request_id, ended);
    }
}

impl Ran {
    /// The invocation in a few lines.
    pub(crate) fn shown(&self) -> String {
        let failed = match &self.ended {
            Ended::Answer(answer) => answer,
            Ended::Error(error) => error,
        };
        let lambda::Invocation { account, function, .. } = &self.invocation;
        let environment = Environment::of_account(account.as_str()).map_or("", Environment::name);
        let mut text = format!("{environment} {function} made {} calls: {failed}\n", self.calls);
        for line in &self.lines {
            let record: Value = serde_json::from_str(line).unwrap_or_default();
            let member = |name: &str| record.get(name).map(ToString::to_string).unwrap_or_default();
            text += &format!(
                "  {} {} {} {}\n",
                member("service"),
                member("decision"),
                member("because"),
                member("error")
            );
        }
        text
    }
}
