//! What a platform team sets up before a history begins.

use crate::accounts::Account;
use crate::{Accounts, Base, Drive, Environment, Failure, ImageKind, Rates, StagedService};
use chrono::Duration;
use local_aws::services::Service;
use local_aws::services::codecommit::Push;
use local_aws::settings::Settings;
use serde_json::{Value, json};

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
    for environment in Environment::ALL {
        let account = accounts.of(environment);
        account.call(Service::Scheduler, "DeleteSchedule", json!({ "Name": "towpath-reconcile" }))?;
        account.call(Service::Ecs, "CreateCluster", json!({ "clusterName": "cluster1" }))?;
        for service in environment.services() {
            make_service(account, *service).await?;
        }
        account.call(Service::CodeCommit, "CreateRepository", json!({ "repositoryName": "pair" }))?;
        let put: [(&str, &[u8]); 2] =
            [("delivery.yaml", environment.rules().as_bytes()), (NOTES, b"Ours.\n")];
        let push = Push {
            repository: "deployment",
            branch: "main",
            person: "pat",
            put: &put,
            message: "Deliver",
            ..Push::default()
        };
        account.commit(&push)?;
    }
    let mut drive = Drive::new(accounts, 1, Rates::CALM, None);
    drive.rest(REST_WITHIN).await?;
    for environment in Environment::ALL {
        for service in environment.services() {
            make_pipeline(drive.accounts.of(environment), service.name)?;
        }
    }
    drive.rest(REST_WITHIN).await?;
    drive.into_accounts().into_base()
}

async fn make_service(account: Account<'_>, service: StagedService) -> Result<(), Failure> {
    let mut containers: Vec<Value> = Vec::new();
    for name in service.containers {
        account.call(Service::Ecr, "CreateRepository", json!({ "repositoryName": name }))?;
        account.push_image(name, "placeholder", ImageKind::Good).await?;
        let image =
            format!("{}.dkr.ecr.eu-west-1.amazonaws.com/{name}:placeholder", account.environment.account());
        containers.push(json!({ "name": name, "image": image, "essential": true, "memory": 128 }));
    }
    let name = service.name;
    let definition = json!({ "family": name, "containerDefinitions": containers });
    account.call(Service::Ecs, "RegisterTaskDefinition", definition)?;
    let breaker = json!({ "deploymentCircuitBreaker": { "enable": true, "rollback": true } });
    let made = json!({
        "cluster": "cluster1", "serviceName": name, "taskDefinition": name, "desiredCount": 1,
        "deploymentConfiguration": breaker,
    });
    account.call(Service::Ecs, "CreateService", made)?;
    Ok(())
}

fn make_pipeline(account: Account<'_>, service: &str) -> Result<(), Failure> {
    let template = include_str!("../../../infra/pipeline.yaml");
    let parameters = json!([
        { "ParameterKey": "Cluster", "ParameterValue": "cluster1" },
        { "ParameterKey": "Service", "ParameterValue": service },
    ]);
    let input = json!({
        "StackName": format!("pipeline-cluster1-{service}"), "TemplateBody": template, "Parameters": parameters,
    });
    account.call(Service::CloudFormation, "CreateStack", input)?;
    Ok(())
}
