//! What a platform team sets up before a history begins.

use crate::{Accounts, Base, DEV, Drive, Failure, ImageKind, Rates};
use chrono::Duration;
use local_aws::services::Service;
use local_aws::services::codecommit::Push;
use local_aws::settings::Settings;
use serde_json::{Value, json};

/// A service of the stage: its containers, each with its image repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StagedService {
    /// Its name in `cluster1`.
    pub name: &'static str,
    /// Its containers; each has a repository of its own name.
    pub containers: &'static [&'static str],
    /// Its application repository, if its rules name one.
    pub application: Option<&'static str>,
}

impl StagedService {
    /// `<cluster>/<service>`.
    pub fn id(&self) -> String {
        format!("cluster1/{}", self.name)
    }

    /// The name of its pipeline.
    pub fn pipeline(&self) -> String {
        format!("deploy-cluster1-{}", self.name)
    }

    /// Whether `delivery.yaml` names it.
    pub fn has_rules(&self) -> bool {
        self.name != "manual1"
    }

    /// Whether a failure holds it instead of reverting it.
    pub fn holds_on_failure(&self) -> bool {
        self.name == "semver1"
    }
}

/// The services, each of another kind.
pub const SERVICES: [StagedService; 4] = [
    StagedService { name: "newest1", containers: &["newest1"], application: None },
    StagedService { name: "semver1", containers: &["semver1"], application: None },
    StagedService { name: "pair1", containers: &["pair1", "pair2"], application: Some("pair") },
    StagedService { name: "manual1", containers: &["manual1"], application: None },
];

/// Their rules.
pub const RULES: &str = "version: 1
services:
  cluster1/newest1:
    containers:
      newest1: { repository: newest1, select: newest }
  cluster1/semver1:
    on_failure: hold
    containers:
      semver1: { repository: semver1, select: { semver: \">=1, <3\" } }
  cluster1/pair1:
    application: pair
    containers:
      pair1: { repository: pair1, select: commit }
      pair2: { repository: pair2, select: commit }
";

/// A file that belongs to people alone.
pub const NOTES: &str = "docs/notes.md";

/// How long the stage may take to come to rest.
const REST_WITHIN: Duration = Duration::hours(3);

/// Sets the stage, at rest.
///
/// # Errors
/// What AWS says.
pub async fn base() -> Result<Base, Failure> {
    let accounts = Accounts::with_stacks(Settings::default())?;
    accounts.call(Service::Scheduler, "DeleteSchedule", json!({ "Name": "towpath-reconcile" }))?;
    accounts.call(Service::Ecs, "CreateCluster", json!({ "clusterName": "cluster1" }))?;
    for service in SERVICES {
        make_service(&accounts, service).await?;
    }
    accounts.call(Service::CodeCommit, "CreateRepository", json!({ "repositoryName": "pair" }))?;
    let put: [(&str, &[u8]); 2] = [("delivery.yaml", RULES.as_bytes()), (NOTES, b"Ours.\n")];
    let push = Push {
        repository: "deployment",
        branch: "main",
        person: "pat",
        put: &put,
        message: "Deliver",
        ..Push::default()
    };
    accounts.commit(&push)?;
    let mut drive = Drive::new(accounts, 1, Rates::CALM, None);
    drive.rest(REST_WITHIN).await?;
    for service in SERVICES {
        make_pipeline(&drive.accounts, service.name)?;
    }
    drive.rest(REST_WITHIN).await?;
    drive.into_accounts().into_base()
}

async fn make_service(accounts: &Accounts, service: StagedService) -> Result<(), Failure> {
    let mut containers: Vec<Value> = Vec::new();
    for name in service.containers {
        accounts.call(Service::Ecr, "CreateRepository", json!({ "repositoryName": name }))?;
        accounts.push_image(name, "placeholder", ImageKind::Good).await?;
        let image = format!("{DEV}.dkr.ecr.eu-west-1.amazonaws.com/{name}:placeholder");
        containers.push(json!({ "name": name, "image": image, "essential": true, "memory": 128 }));
    }
    let name = service.name;
    let definition = json!({ "family": name, "containerDefinitions": containers });
    accounts.call(Service::Ecs, "RegisterTaskDefinition", definition)?;
    let breaker = json!({ "deploymentCircuitBreaker": { "enable": true, "rollback": true } });
    let made = json!({
        "cluster": "cluster1", "serviceName": name, "taskDefinition": name, "desiredCount": 1,
        "deploymentConfiguration": breaker,
    });
    accounts.call(Service::Ecs, "CreateService", made)?;
    Ok(())
}

fn make_pipeline(accounts: &Accounts, service: &str) -> Result<(), Failure> {
    let template = include_str!("../../../infra/pipeline.yaml");
    let parameters = json!([
        { "ParameterKey": "Cluster", "ParameterValue": "cluster1" },
        { "ParameterKey": "Service", "ParameterValue": service },
    ]);
    let input = json!({
        "StackName": format!("pipeline-cluster1-{service}"), "TemplateBody": template, "Parameters": parameters,
    });
    accounts.call(Service::CloudFormation, "CreateStack", input)?;
    Ok(())
}
