//! An account in which one event waits for one function, and the account before it where the function needs one. It is
//! prepared by the functions themselves in virtual time, then stands still: every handler finds exactly the same, however
//! often it is asked.

use crate::Failure;
use client::aws::Aws;
use client::git::Git;
use client::image::{Artifact, Image};
use client::registry::Registry;
use local_aws::clock::Clock;
use local_aws::serve::{self, Environment, Options, Running};
use local_aws::services::{Service, sts};
use local_aws::settings::Settings;
use local_aws::{AccountId, Caller};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::time::SystemTime;
use tokio::runtime::Handle;

/// An environment alone.
pub(crate) const ALONE: &[(&str, &str)] = &[("dev", "111111111111")];
/// An environment and the one before it.
pub(crate) const WITH_UPSTREAM: &[(&str, &str)] = &[("dev", "111111111111"), ("stg", "222222222222")];
/// The one Region.
pub(crate) const REGION: &str = "eu-west-1";

/// How long anything may go on, by the accounts' clock.
const REST_WITHIN: chrono::Duration = chrono::Duration::hours(3);

/// Where things lie.
#[derive(Debug, Clone)]
pub(crate) struct Places {
    /// The folder with `template.yaml` and `infra/`.
    pub(crate) project: PathBuf,
    /// The folder with the functions' executables.
    pub(crate) functions: PathBuf,
}

/// The account, which is the last one of its chain.
pub(crate) struct Scene {
    /// Its id.
    account: &'static str,
    pub(crate) aws: Aws,
    pub(crate) registry: Registry,
    pub(crate) git: Git,
    /// The account before it.
    pub(crate) upstream: Option<Upstream>,
    running: Running,
    handle: Handle,
    places: Places,
    still: Option<Still>,
}

/// The account before it.
pub(crate) struct Upstream {
    account: &'static str,
    pub(crate) aws: Aws,
    pub(crate) registry: Registry,
}

/// The account as it stands still.
struct Still {
    world: String,
    tip: String,
}

impl Scene {
    /// Accounts with Towpath's stacks, the last one with a cluster, whose clock is so much slow.
    pub(crate) fn start(
        handle: &Handle,
        places: &Places,
        chain: &[(&'static str, &'static str)],
        slow: chrono::Duration,
    ) -> Result<Self, Failure> {
        let [before @ .., (_, account)] = chain else { return Err("there is no account".into()) };
        let environments = chain.iter().map(|(name, account)| {
            Ok::<_, Failure>(Environment { name: (*name).to_owned(), account: account.parse()? })
        });
        let options = Options {
            port: 0,
            region: REGION.to_owned(),
            environments: environments.collect::<Result<_, _>>()?,
            store: None,
            project: Some(places.project.clone()),
            functions: places.functions.clone(),
            settings: Settings::default(),
            seed: 1,
        };
        let now = Clock::Manual(chrono::DateTime::<chrono::Utc>::from(SystemTime::now()) - slow);
        let running = handle.block_on(serve::start_with_clock(&options, now))?;
        let aws = Aws::local(&running.endpoint, account);
        let upstream = before.last().map(|(_, account)| Upstream::log_in(&running.endpoint, account));
        let scene = Self {
            account,
            registry: Registry::login(&aws)?,
            git: Git::clone(&running.endpoint, account, "deployment")?,
            upstream: upstream.transpose()?,
            aws,
            running,
            handle: handle.clone(),
            places: places.clone(),
            still: None,
        };
        // Sweeps come only when a benchmark asks for one.
        scene.call(Service::Scheduler, "DeleteSchedule", json!({ "Name": "towpath-reconcile" }))?;
        scene.aws.call("ecs", "CreateCluster", &json!({ "clusterName": "cluster1" }))?;
        scene.rest()?;
        Ok(scene)
    }

    /// Where the account is served.
    pub(crate) fn address(&self) -> &str {
        self.running.endpoint.trim_start_matches("http://")
    }

    /// From now on, logins and the addresses of layers lead here.
    pub(crate) fn say_endpoint(&self, endpoint: &str) {
        self.running.local.lock().endpoint = Some(endpoint.to_owned());
    }

    fn call(&self, service: Service, operation: &str, input: Value) -> Result<Value, Failure> {
        let account: AccountId = self.account.parse()?;
        Ok(self.running.local.lock().call(&Caller::administrator(&account), service, operation, input)?)
    }

    /// Lets everything happen that is under way.
    pub(crate) fn rest(&self) -> Result<(), Failure> {
        Ok(self.handle.block_on(self.running.local.rest(REST_WITHIN))?)
    }

    /// Makes an image repository and a service of its name that runs a placeholder.
    pub(crate) fn make_service(&self, service: &str) -> Result<(), Failure> {
        self.aws.call("ecr", "CreateRepository", &json!({ "repositoryName": service }))?;
        self.push(service, "placeholder")?;
        let image = format!("{}.dkr.ecr.{REGION}.amazonaws.com/{service}:placeholder", self.account);
        let container = json!({ "name": service, "image": image, "essential": true, "memory": 128 });
        let definition = json!({ "family": service, "containerDefinitions": [container] });
        self.aws.call("ecs", "RegisterTaskDefinition", &definition)?;
        let breaker = json!({ "deploymentCircuitBreaker": { "enable": true, "rollback": true } });
        let made = json!({
            "cluster": "cluster1", "serviceName": service, "taskDefinition": service, "desiredCount": 1,
            "deploymentConfiguration": breaker,
        });
        self.aws.call("ecs", "CreateService", &made)?;
        self.rest()
    }

    /// Installs `infra/pipeline.yaml` for a service and lets its first run end.
    pub(crate) fn make_pipeline(&self, service: &str) -> Result<(), Failure> {
        let template = std::fs::read_to_string(self.places.project.join("infra/pipeline.yaml"))?;
        let stack = format!("pipeline-cluster1-{service}");
        let form = [
            ("StackName", stack.as_str()),
            ("TemplateBody", &template),
            ("Parameters.member.1.ParameterKey", "Cluster"),
            ("Parameters.member.1.ParameterValue", "cluster1"),
            ("Parameters.member.2.ParameterKey", "Service"),
            ("Parameters.member.2.ParameterValue", service),
        ];
        self.aws.query("cloudformation", "CreateStack", &form)?;
        self.rest()
    }

    /// Pushes a small image through the registry protocol, and does not wait.
    pub(crate) fn push(&self, repository: &str, tag: &str) -> Result<(), Failure> {
        self.registry.push(repository, Some(tag), &Image::new(repository).version(tag).build()?)?;
        Ok(())
    }

    /// A person commits the rules, and everything happens that follows.
    pub(crate) fn commit_rules(&self, rules: &str) -> Result<(), Failure> {
        self.git.run(&["checkout", "--quiet", "-B", "main"])?;
        self.git.write("delivery.yaml", rules)?;
        self.git.commit("Pat Person <pat@example.com>", "Deliver")?;
        self.git.push()?;
        self.rest()
    }

    /// From now on, a function's messages stay in its queue.
    pub(crate) fn keep_messages(&self, function: &str) -> Result<(), Failure> {
        let asked = json!({ "FunctionName": format!("towpath-{function}") });
        let found = self.call(Service::Lambda, "ListEventSourceMappings", asked)?;
        let id = found.pointer("/EventSourceMappings/0/UUID").and_then(Value::as_str).unwrap_or_default();
        self.call(Service::Lambda, "UpdateEventSourceMapping", json!({ "UUID": id, "Enabled": false }))?;
        self.rest()
    }

    /// Puts a message on a function's queue.
    pub(crate) fn send(&self, function: &str, body: &str) -> Result<(), Failure> {
        let input = json!({ "QueueUrl": self.queue(function), "MessageBody": body });
        self.aws.call("sqs", "SendMessage", &input)?;
        Ok(())
    }

    fn queue(&self, function: &str) -> String {
        format!("{}/{}/towpath-{function}", self.running.endpoint, self.account)
    }

    /// How many messages wait in a function's queue.
    pub(crate) fn waiting(&self, function: &str) -> Result<String, Failure> {
        let name = "ApproximateNumberOfMessages";
        let asked = json!({ "QueueUrl": self.queue(function), "AttributeNames": [name] });
        let answer = self.aws.call("sqs", "GetQueueAttributes", &asked)?;
        let number = answer.pointer(&format!("/Attributes/{name}")).and_then(Value::as_str);
        Ok(number.ok_or("SQS tells no number of messages")?.to_owned())
    }

    /// The first message in a function's queue that has all these words, as Lambda hands it over.
    pub(crate) fn message(&self, function: &str, words: &[&str]) -> Result<String, Failure> {
        let url = self.queue(function);
        loop {
            let asked = json!({ "QueueUrl": url, "MaxNumberOfMessages": 1, "WaitTimeSeconds": 0 });
            let answer = self.aws.call("sqs", "ReceiveMessage", &asked)?;
            let message = answer
                .pointer("/Messages/0")
                .ok_or_else(|| format!("{function} was sent nothing with {words:?}"))?;
            let body = message.get("Body").and_then(Value::as_str).unwrap_or_default();
            if words.iter().all(|word| body.contains(word)) {
                return Ok(self.batch(function, message));
            }
        }
    }

    /// From here on, nothing moves: [`Scene::restore`] comes back to this.
    pub(crate) fn stand_still(&mut self) -> Result<(), Failure> {
        let tip = self.tip()?;
        self.git.update()?;
        let world = self.running.local.lock().save()?;
        self.still = Some(Still { world: self.without_upstream(&world)?, tip });
        Ok(())
    }

    /// A saved world without the account before this one: no handler changes anything there, and the sessions that it has
    /// opened there since must stay good.
    fn without_upstream(&self, world: &str) -> Result<String, Failure> {
        let mut world: Value = serde_json::from_str(world)?;
        if let (Some(upstream), Some(accounts)) = (&self.upstream, world.get_mut("accounts")) {
            accounts.as_object_mut().and_then(|accounts| accounts.remove(upstream.account));
        }
        Ok(world.to_string())
    }

    /// Undoes what was done since [`Scene::stand_still`].
    pub(crate) fn restore(&self) -> Result<(), Failure> {
        let still = self.still.as_ref().ok_or("the scene does not stand still")?;
        if self.tip()? != still.tip {
            self.git.run(&["reset", "--quiet", "--hard", &still.tip])?;
            self.git.force_push()?;
        }
        self.running.local.lock().load(&still.world)?;
        Ok(())
    }

    /// The commit at the tip of the deployment branch.
    pub(crate) fn tip(&self) -> Result<String, Failure> {
        let asked = json!({ "repositoryName": "deployment", "branchName": "main" });
        let answer = self.aws.call("codecommit", "GetBranch", &asked)?;
        Ok(answer.pointer("/branch/commitId").and_then(Value::as_str).unwrap_or_default().to_owned())
    }

    /// What Lambda sets for a function, its own variables included, with a session of its role.
    pub(crate) fn variables(&self, function: &str) -> Result<Vec<(String, String)>, Failure> {
        let name = format!("towpath-{function}");
        let found =
            self.call(Service::Lambda, "GetFunctionConfiguration", json!({ "FunctionName": &name }))?;
        let role = found.get("Role").and_then(Value::as_str).unwrap_or_default();
        let role = role.rsplit('/').next().unwrap_or_default();
        let session = {
            let mut world = self.running.local.lock();
            sts::open_session(&mut world, &self.account.parse()?, role, &name)
        };
        let mut variables = vec![
            ("PATH".to_owned(), "/usr/local/bin:/usr/bin:/bin".to_owned()),
            ("LANG".to_owned(), "en_US.UTF-8".to_owned()),
            ("TZ".to_owned(), ":UTC".to_owned()),
            ("AWS_LAMBDA_FUNCTION_NAME".to_owned(), name),
            ("AWS_LAMBDA_FUNCTION_VERSION".to_owned(), "$LATEST".to_owned()),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE".to_owned(), "256".to_owned()),
            ("AWS_LAMBDA_LOG_GROUP_NAME".to_owned(), "bench".to_owned()),
            ("AWS_LAMBDA_LOG_STREAM_NAME".to_owned(), "bench".to_owned()),
            ("AWS_REGION".to_owned(), REGION.to_owned()),
            ("AWS_DEFAULT_REGION".to_owned(), REGION.to_owned()),
            ("AWS_ACCESS_KEY_ID".to_owned(), session.access_key_id),
            ("AWS_SECRET_ACCESS_KEY".to_owned(), session.secret_access_key),
            ("AWS_SESSION_TOKEN".to_owned(), session.session_token),
        ];
        let own = found.pointer("/Environment/Variables").and_then(Value::as_object).into_iter().flatten();
        variables.extend(own.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned()))));
        Ok(variables)
    }

    /// The functions' ARN, as a process is told it.
    pub(crate) fn function_arn(&self, function: &str) -> String {
        format!("arn:aws:lambda:{REGION}:{}:function:towpath-{function}", self.account)
    }

    /// A batch of one message, as Lambda's event source mapping hands it over.
    fn batch(&self, function: &str, message: &Value) -> String {
        let member = |name: &str| message.get(name).cloned().unwrap_or_default();
        let record = json!({
            "messageId": member("MessageId"), "receiptHandle": member("ReceiptHandle"), "body": member("Body"),
            "attributes": {
                "ApproximateReceiveCount": "1", "SentTimestamp": "1545082649183",
                "SenderId": "AIDAIENQZJOLO23YVJ4VO", "ApproximateFirstReceiveTimestamp": "1545082649185",
            },
            "messageAttributes": {}, "md5OfBody": member("MD5OfBody"), "eventSource": "aws:sqs",
            "eventSourceARN": format!("arn:aws:sqs:{REGION}:{}:towpath-{function}", self.account), "awsRegion": REGION,
        });
        json!({ "Records": [record] }).to_string()
    }
}

impl Upstream {
    fn log_in(endpoint: &str, account: &'static str) -> Result<Self, Failure> {
        let aws = Aws::local(endpoint, account);
        Ok(Self { account, registry: Registry::login(&aws)?, aws })
    }

    /// Pushes an image through the registry protocol, and does not wait.
    pub(crate) fn push(&self, repository: &str, tag: &str, image: &Artifact) -> Result<(), Failure> {
        self.registry.push(repository, Some(tag), image)?;
        Ok(())
    }
}
