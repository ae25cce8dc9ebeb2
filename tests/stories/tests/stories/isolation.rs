//! Every account is on its own: what its roles try in another one is denied, but for what crosses by design.

use client::aws::{Aws, Credentials};
use client::error::ApiError;
use expect_test::expect;
use local_aws::services::Service;
use local_aws::settings::Settings;
use local_aws::{AccountId, Caller};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use stories::{DEV, Failure, PRD, STG, Story};

/// The accounts, in the order of the chain.
const CHAIN: [(&str, &str); 3] = [("dev", DEV), ("stg", STG), ("prd", PRD)];

/// Who becomes Towpath's roles: AWS's services.
const SERVICES: [&str; 6] = [
    "lambda.amazonaws.com",
    "events.amazonaws.com",
    "scheduler.amazonaws.com",
    "ssm.amazonaws.com",
    "codepipeline.amazonaws.com",
    "ecs-tasks.amazonaws.com",
];

/// A session of a role of Towpath's in one account.
#[derive(Clone)]
struct Session {
    role: String,
    environment: &'static str,
    account: &'static str,
    aws: Aws,
}

impl Session {
    /// What this session does in another account, as the tables name it.
    fn goes_to(&self, environment: &str) -> String {
        format!("{} {} → {environment}", self.role, self.environment)
    }
}

/// Makes the chain, with an image repository of one image in each account.
fn chain() -> Result<Story, Failure> {
    let mut story = Story::chain(Settings::default())?;
    for (environment, _) in CHAIN {
        story.at(environment)?;
        story.aws.call("ecr", "CreateRepository", &json!({ "repositoryName": "webapp1" }))?;
        story.push("webapp1", "1111111")?;
    }
    story.at("dev")?;
    Ok(story)
}

/// A session of each role of Towpath's in each account: as AWS gives them to the services that the roles trust, and of
/// those which trust no service, as the next account's promote_image gets them.
fn sessions(story: &mut Story) -> Result<Vec<Session>, Failure> {
    let mut sessions = Vec::new();
    let mut for_downstream = Vec::new();
    for (environment, account) in CHAIN {
        let listed = story.at(environment)?.aws.query("iam", "ListRoles", &[])?;
        let roles = listed.members("Roles").into_iter().filter_map(|role| role.text_of("RoleName"));
        for role in roles.filter(|role| role.starts_with("towpath-")) {
            match session(story, account, role)? {
                Some(aws) => sessions.push(Session { role: role.to_owned(), environment, account, aws }),
                None => for_downstream.push((role.to_owned(), environment, account)),
            }
        }
    }
    for (role, environment, account) in for_downstream {
        let downstream = sessions.iter().filter(|session| session.role == "towpath-promote_image");
        let arn = format!("arn:aws:iam::{account}:role/{role}");
        let aws = downstream.filter_map(|session| session.aws.assume_role(&arn, "crossing").ok()).next();
        let aws = aws.ok_or(format!("nobody may become {role} of {environment}"))?;
        sessions.push(Session { role, environment, account, aws });
    }
    Ok(sessions)
}

/// The role's session, if some service of AWS's may become it.
fn session(story: &Story, account: &str, role: &str) -> Result<Option<Aws>, Failure> {
    let owner: AccountId = account.parse()?;
    let arn = format!("arn:aws:iam::{account}:role/{role}");
    let asked = json!({ "RoleArn": arn, "RoleSessionName": "crossing" });
    let opened = SERVICES.iter().find_map(|service| {
        story.world(|world| {
            let caller = Caller::service(&owner, service);
            world.call(&caller, Service::Sts, "AssumeRole", asked.clone()).ok()
        })
    });
    let Some(opened) = opened else { return Ok(None) };
    let text = |name: &str| opened.pointer(&format!("/Credentials/{name}")).and_then(Value::as_str);
    let credentials = Credentials {
        access_key_id: text("AccessKeyId").unwrap_or_default().to_owned(),
        secret_access_key: text("SecretAccessKey").unwrap_or_default().to_owned(),
        session_token: text("SessionToken").map(str::to_owned),
    };
    let mut aws = Aws::local(story.endpoint(), account);
    aws.credentials = credentials;
    Ok(Some(aws))
}

/// The error's code, or `ok`.
fn answer<T>(result: &Result<T, ApiError>) -> String {
    result.as_ref().map_or_else(|error| error.code.clone(), |_| "ok".to_owned())
}

/// What was tried, and how often it was answered how; where it was answered `ok`, who may.
#[derive(Default)]
struct Table(BTreeMap<String, BTreeMap<String, Vec<String>>>);

impl Table {
    fn note(&mut self, tried: &str, answer: String, who: String) {
        self.0.entry(tried.to_owned()).or_default().entry(answer).or_default().push(who);
    }

    fn shown(&self) -> String {
        let mut text = String::new();
        for (tried, answers) in &self.0 {
            for (answer, who) in answers {
                let count = format!("{answer} ×{}", who.len());
                let _ = writeln!(text, "{tried:<42} {count}");
                for one in who.iter().filter(|_| answer == "ok") {
                    let _ = writeln!(text, "    {one}");
                }
            }
        }
        text
    }
}

/// What can name another account at all: its operation, and the input that names this account.
fn crossings(endpoint: &str, account: &str) -> Vec<(&'static str, &'static str, Value)> {
    let image = |more: Value| {
        let mut input = json!({ "registryId": account, "repositoryName": "webapp1" });
        if let (Some(members), Value::Object(more)) = (input.as_object_mut(), more) {
            members.extend(more);
        }
        input
    };
    let digest = format!("sha256:{}", "0".repeat(64));
    let queue = format!("{endpoint}/{account}/towpath-on_commit");
    let cluster = format!("arn:aws:ecs:eu-west-1:{account}:cluster/cluster1");
    let document = format!("arn:aws:ssm:eu-west-1:{account}:document/towpath-roll_back");
    let layer = json!({ "uploadId": "u", "partFirstByte": 0, "partLastByte": 0, "layerPartBlob": "AA==" });
    let revision = format!("arn:aws:codecommit:eu-west-1:{account}:deployment");
    vec![
        ("ecr", "PutImage", image(json!({ "imageManifest": "{}" }))),
        ("ecr", "InitiateLayerUpload", image(json!({}))),
        ("ecr", "UploadLayerPart", image(layer)),
        ("ecr", "CompleteLayerUpload", image(json!({ "uploadId": "u", "layerDigests": [digest] }))),
        ("ecr", "BatchDeleteImage", image(json!({ "imageIds": [{ "imageTag": "1111111" }] }))),
        ("ecr", "DeleteRepository", image(json!({ "force": true }))),
        ("ecr", "SetRepositoryPolicy", image(json!({ "policyText": "{}" }))),
        ("ecr", "PutImageTagMutability", image(json!({ "imageTagMutability": "IMMUTABLE" }))),
        ("ecr", "CreateRepository", json!({ "registryId": account, "repositoryName": "new" })),
        ("ecr", "DescribeImages", image(json!({}))),
        ("ecr", "BatchGetImage", image(json!({ "imageIds": [{ "imageTag": "1111111" }] }))),
        ("ecr", "GetDownloadUrlForLayer", image(json!({ "layerDigest": digest }))),
        ("sqs", "SendMessage", json!({ "QueueUrl": queue, "MessageBody": "{}" })),
        ("sqs", "ReceiveMessage", json!({ "QueueUrl": queue })),
        ("sqs", "PurgeQueue", json!({ "QueueUrl": queue })),
        ("codecommit", "GetBranch", json!({ "repositoryName": revision, "branchName": "main" })),
        ("ecs", "UpdateService", json!({ "cluster": cluster, "service": "webapp1", "desiredCount": 0 })),
        ("ssm", "StartAutomationExecution", json!({ "DocumentName": document })),
    ]
}

/// An event for a bus of another account.
fn told(bus_account: &str, bus: &str, source: &str, detail_type: &str) -> Value {
    let bus = format!("arn:aws:events:eu-west-1:{bus_account}:event-bus/{bus}");
    json!({ "Entries": [{ "EventBusName": bus, "Source": source, "DetailType": detail_type, "Detail": "{}" }] })
}

#[test]
fn of_all_that_its_roles_try_in_another_account_only_reading_and_telling_succeed() -> Result<(), Failure> {
    let mut story = chain()?;
    let sessions = sessions(&mut story)?;
    let mut table = Table::default();
    for session in &sessions {
        for (environment, account) in CHAIN.into_iter().filter(|(_, account)| *account != session.account) {
            let who = session.goes_to(environment);
            for (service, operation, input) in crossings(story.endpoint(), account) {
                let answer = answer(&session.aws.call(service, operation, &input));
                table.note(&format!("{service} {operation}"), answer, who.clone());
            }
            for bus in ["default", "towpath"] {
                let event = told(account, bus, "towpath", "Towpath Evidence");
                let answer = answer(&session.aws.call("events", "PutEvents", &event));
                table.note(&format!("events PutEvents to {bus}"), answer, who.clone());
            }
            let function = format!("arn:aws:lambda:eu-west-1:{account}:function:towpath-roll_back");
            let answer_of_lambda = answer(&session.aws.invoke(&function, &json!({})));
            table.note("lambda Invoke", answer_of_lambda, who.clone());
            let roles: BTreeSet<&str> = sessions.iter().map(|session| session.role.as_str()).collect();
            for role in roles {
                let arn = format!("arn:aws:iam::{account}:role/{role}");
                let answer = answer(&session.aws.assume_role(&arn, "crossing"));
                table.note("sts AssumeRole", answer, format!("{who} {role}"));
            }
        }
    }
    expect![[""]].assert_eq(&table.shown());
    Ok(())
}
