//! Functions.

use super::event_invoke_config::EventInvokeConfig;
use crate::error::AwsError;
use crate::names::AccountId;
use crate::services::iam;
use crate::world::World;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;

/// How many invocations an account runs at once.
const ACCOUNT_CONCURRENCY: u32 = 1000;

/// A function as a template describes it, with the executable that it runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Function {
    /// Its name, unique in the account.
    pub name: String,
    /// Its execution role's ARN.
    pub role: String,
    /// The `bootstrap` executable on this machine.
    pub executable: PathBuf,
    /// What `_HANDLER` says; custom runtimes are free to ignore it.
    pub handler: String,
    /// `provided.al2023`, …
    pub runtime: String,
    /// `x86_64` or `arm64`.
    pub architecture: String,
    /// For people.
    pub description: String,
    /// After how many seconds an invocation is ended.
    pub timeout: u32,
    /// MiB; told to the function, not enforced.
    pub memory_size: u32,
    /// Its own environment variables.
    pub environment: BTreeMap<String, String>,
    /// How many invocations run at once at most; unlimited (but for the account) when absent.
    pub reserved_concurrency: Option<u32>,
    /// The ARN of the queue for asynchronous events that failed.
    pub dead_letter_arn: Option<String>,
    /// Tags.
    pub tags: BTreeMap<String, String>,
}

impl Function {
    /// A function with Lambda's defaults.
    pub fn new(name: &str, role: &str, executable: impl Into<PathBuf>) -> Self {
        Self {
            name: name.to_owned(),
            role: role.to_owned(),
            executable: executable.into(),
            handler: "bootstrap".to_owned(),
            runtime: "provided.al2023".to_owned(),
            architecture: "x86_64".to_owned(),
            description: String::new(),
            timeout: 3,
            memory_size: 128,
            environment: BTreeMap::new(),
            reserved_concurrency: None,
            dead_letter_arn: None,
            tags: BTreeMap::new(),
        }
    }

    /// The role's name: the last part of its ARN.
    pub fn role_name(&self) -> &str {
        self.role.rsplit('/').next().unwrap_or_default()
    }

    fn check(&self) -> Result<(), AwsError> {
        let invalid = |text: String| Err(AwsError::new("InvalidParameterValueException", text));
        let plain = |character: char| character.is_ascii_alphanumeric() || matches!(character, '-' | '_');
        if self.name.is_empty() || self.name.len() > 64 || !self.name.chars().all(plain) {
            let text = "expected 1 to 64 letters, digits, hyphens and underscores";
            return invalid(format!("the function name `{}` is invalid: {text}", self.name.escape_debug()));
        }
        if !(1..=900).contains(&self.timeout) {
            return invalid(format!("the timeout {} is invalid: expected 1 to 900 seconds", self.timeout));
        }
        if !(128..=10_240).contains(&self.memory_size) {
            return invalid(format!(
                "the memory size {} is invalid: expected 128 to 10240",
                self.memory_size
            ));
        }
        if !self.role.starts_with("arn:aws:iam::") {
            return invalid(format!("the role `{}` is invalid: expected a role's ARN", self.role));
        }
        Ok(())
    }
}

/// A function and what Lambda keeps about it.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct HeldFunction {
    pub(crate) function: Function,
    /// Changes with every change of code or configuration.
    pub(crate) revision_id: String,
    pub(super) modified: DateTime<Utc>,
    pub(super) code_sha256: String,
    pub(super) code_bytes: u64,
    pub(super) policy: Vec<Value>,
    pub(super) event_invoke_config: Option<EventInvokeConfig>,
    /// Request ids of asynchronous events that wait for a free environment, oldest first.
    pub(super) waiting: VecDeque<String>,
}

impl HeldFunction {
    /// How many of its invocations may run at once.
    pub(super) fn concurrency(&self) -> usize {
        let limit = self.function.reserved_concurrency.unwrap_or(ACCOUNT_CONCURRENCY);
        usize::try_from(limit).unwrap_or(usize::MAX)
    }

    /// The policy document, if anybody was given permissions.
    pub(super) fn policy_document(&self) -> Option<Value> {
        (!self.policy.is_empty())
            .then(|| json!({ "Version": "2012-10-17", "Id": "default", "Statement": self.policy }))
    }

    /// As `GetFunctionConfiguration` shows it.
    pub(super) fn configuration(&self, arn: &str) -> Value {
        let function = &self.function;
        let mut shown = json!({
            "FunctionName": function.name,
            "FunctionArn": arn,
            "Runtime": function.runtime,
            "Role": function.role,
            "Handler": function.handler,
            "CodeSize": self.code_bytes,
            "Description": function.description,
            "Timeout": function.timeout,
            "MemorySize": function.memory_size,
            "LastModified": self.modified.format("%Y-%m-%dT%H:%M:%S%.3f+0000").to_string(),
            "CodeSha256": self.code_sha256,
            "Version": "$LATEST",
            "TracingConfig": { "Mode": "PassThrough" },
            "RevisionId": self.revision_id,
            "State": "Active",
            "LastUpdateStatus": "Successful",
            "PackageType": "Zip",
            "Architectures": [function.architecture],
            "EphemeralStorage": { "Size": 512 },
            "LoggingConfig": { "LogFormat": "Text", "LogGroup": log_group(&function.name) },
        });
        if let Some(members) = shown.as_object_mut() {
            if !function.environment.is_empty() {
                members.insert("Environment".to_owned(), json!({ "Variables": function.environment }));
            }
            if let Some(arn) = &function.dead_letter_arn {
                members.insert("DeadLetterConfig".to_owned(), json!({ "TargetArn": arn }));
            }
        }
        shown
    }
}

/// The log group that a function writes to.
pub(crate) fn log_group(function: &str) -> String {
    format!("/aws/lambda/{function}")
}

/// A function's ARN.
pub(crate) fn arn(world: &World, account: &AccountId, name: &str) -> String {
    world.arn("lambda", account, &format!("function:{name}"))
}

/// `2026-11-21T03:04:05.678Z`, as invocation records have it.
pub(super) fn timestamp(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// Makes a function.
///
/// # Errors
/// `ResourceConflictException` when the name is taken, `InvalidParameterValueException` for what Lambda does
/// not allow.
pub fn create_function(world: &mut World, account: &AccountId, function: Function) -> Result<(), AwsError> {
    function.check()?;
    check_role(world, account, &function)?;
    let functions = &world.account(account)?.lambda.functions;
    if functions.contains_key(&function.name) {
        let text = format!("Function already exist: {}", function.name);
        return Err(AwsError::new("ResourceConflictException", text).with_status(409));
    }
    let name = function.name.clone();
    let held = hold(world, function);
    world.account_mut(account)?.lambda.functions.insert(name, held);
    Ok(())
}

/// Gives a function new code or another configuration; permissions and its event invoke configuration stay.
///
/// # Errors
/// `ResourceNotFoundException` when it is not there, else as [`create_function`].
pub fn update_function(world: &mut World, account: &AccountId, function: Function) -> Result<(), AwsError> {
    function.check()?;
    check_role(world, account, &function)?;
    self::function(world, account, &function.name)?;
    let new = hold(world, function);
    let old = function_mut(world, account, &new.function.name)?;
    *old = HeldFunction {
        policy: std::mem::take(&mut old.policy),
        event_invoke_config: old.event_invoke_config.take(),
        waiting: std::mem::take(&mut old.waiting),
        ..new
    };
    Ok(())
}

/// Deletes a function. Its event source mappings stay and do nothing, as in AWS.
///
/// # Errors
/// `ResourceNotFoundException` when it is not there.
pub fn delete_function(world: &mut World, account: &AccountId, name: &str) -> Result<(), AwsError> {
    function(world, account, name)?;
    world.account_mut(account)?.lambda.functions.remove(name);
    Ok(())
}

fn check_role(world: &World, account: &AccountId, function: &Function) -> Result<(), AwsError> {
    iam::check_service_role(world, account, &function.role, "lambda.amazonaws.com").map_err(|_| {
        let text = "The role defined for the function cannot be assumed by Lambda.";
        AwsError::new("InvalidParameterValueException", text)
    })
}

fn hold(world: &mut World, function: Function) -> HeldFunction {
    // An executable that cannot be read is reported when it is to run, as Lambda does for a broken package.
    let code = std::fs::read(&function.executable).unwrap_or_default();
    let digest = ring::digest::digest(&ring::digest::SHA256, &code);
    HeldFunction {
        function,
        revision_id: world.ids.uuid(),
        modified: world.now(),
        code_sha256: STANDARD.encode(digest),
        code_bytes: u64::try_from(code.len()).unwrap_or(u64::MAX),
        policy: Vec::new(),
        event_invoke_config: None,
        waiting: VecDeque::new(),
    }
}

/// A function by its name.
pub(crate) fn function<'a>(
    world: &'a World,
    account: &AccountId,
    name: &str,
) -> Result<&'a HeldFunction, AwsError> {
    let arn = arn(world, account, name);
    world.account(account)?.lambda.functions.get(name).ok_or_else(|| not_found(&arn))
}

/// What a function is made of.
///
/// # Errors
/// `ResourceNotFoundException`.
pub fn found(world: &World, account: &AccountId, name: &str) -> Result<Function, AwsError> {
    function(world, account, name).map(|held| held.function.clone())
}

pub(super) fn function_mut<'a>(
    world: &'a mut World,
    account: &AccountId,
    name: &str,
) -> Result<&'a mut HeldFunction, AwsError> {
    let arn = arn(world, account, name);
    world.account_mut(account)?.lambda.functions.get_mut(name).ok_or_else(|| not_found(&arn))
}

fn not_found(arn: &str) -> AwsError {
    AwsError::new("ResourceNotFoundException", format!("Function not found: {arn}")).with_status(404)
}

/// The account and name that a function's name, partial ARN or ARN stands for.
pub(super) fn located(given: &str, own: &AccountId) -> Result<(AccountId, String), AwsError> {
    let invalid = || {
        let text =
            format!("`{given}` is not a function: expected a name, `<account>:function:<name>` or an ARN");
        AwsError::new("InvalidParameterValueException", text)
    };
    let parts: Vec<&str> = given.split(':').collect();
    let (account, name, qualifier) = match parts.as_slice() {
        [name] => (own.clone(), *name, None),
        [name, qualifier] => (own.clone(), *name, Some(*qualifier)),
        ["arn", _, "lambda", _, account, "function", name] | [account, "function", name] => {
            (account.parse().map_err(|_| invalid())?, *name, None)
        }
        ["arn", _, "lambda", _, account, "function", name, qualifier]
        | [account, "function", name, qualifier] => {
            (account.parse().map_err(|_| invalid())?, *name, Some(*qualifier))
        }
        _ => return Err(invalid()),
    };
    check_qualifier(name, qualifier)?;
    Ok((account, name.to_owned()))
}

/// Only `$LATEST` is there: the local accounts know no published versions or aliases.
pub(super) fn check_qualifier(name: &str, qualifier: Option<&str>) -> Result<(), AwsError> {
    match qualifier {
        None | Some("$LATEST") => Ok(()),
        Some(other) => {
            let text = format!("Function not found: {name}:{other}");
            Err(AwsError::new("ResourceNotFoundException", text).with_status(404))
        }
    }
}
