//! Every account is on its own: what its roles try in another one is denied, but for what crosses by design.

use client::aws::{Aws, Credentials};
use client::error::ApiError;
use client::git::Git;
use expect_test::expect;
use local_aws::services::Service;
use local_aws::settings::Settings;
use local_aws::{AccountId, Caller};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use stories::{DEV, Failure, PRD, STG, Story};

/// The accounts, in the order of the chain.
pub(super) const CHAIN: [(&str, &str); 3] = [("dev", DEV), ("stg", STG), ("prd", PRD)];

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
pub(super) fn chain() -> Result<Story, Failure> {
    let mut story = Story::chain(Settings::default())?;
    for (environment, _) in CHAIN {
        story.at(environment)?;
        story.aws.call("ecr", "CreateRepository", &json!({ "repositoryName": "webapp1" }))?;
        story.push("webapp1", "1111111")?;
    }
    story.at("dev")?;
    Ok(story)
}

/// Each account's owner, and a session of each role of Towpath's in each account: as AWS gives them to the services that the roles trust, and of
/// those which trust no service, as the next account's promote_image gets them.
fn sessions(story: &mut Story) -> Result<Vec<Session>, Failure> {
    let mut sessions = Vec::new();
    let mut for_downstream = Vec::new();
    for (environment, account) in CHAIN {
        let aws = story.at(environment)?.aws.clone();
        let listed = aws.query("iam", "ListRoles", &[])?;
        sessions.push(Session { role: "the owner".to_owned(), environment, account, aws });
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
pub(super) fn answer<T>(result: &Result<T, ApiError>) -> String {
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
pub(super) fn told(bus_account: &str, bus: &str, source: &str, detail_type: &str) -> Value {
    let bus = format!("arn:aws:events:eu-west-1:{bus_account}:event-bus/{bus}");
    let detail = json!({ "repository-name": "webapp1" }).to_string();
    json!({ "Entries": [{ "EventBusName": bus, "Source": source, "DetailType": detail_type, "Detail": detail }] })
}

#[test]
fn of_all_that_an_account_tries_in_another_one_only_reading_and_telling_succeed() -> Result<(), Failure> {
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
    expect![[r#"
        codecommit GetBranch                       InvalidRepositoryNameException ×66
        ecr BatchDeleteImage                       AccessDeniedException ×66
        ecr BatchGetImage                          AccessDeniedException ×66
        ecr CompleteLayerUpload                    AccessDeniedException ×66
        ecr CreateRepository                       AccessDeniedException ×66
        ecr DeleteRepository                       AccessDeniedException ×66
        ecr DescribeImages                         AccessDeniedException ×66
        ecr GetDownloadUrlForLayer                 AccessDeniedException ×66
        ecr InitiateLayerUpload                    AccessDeniedException ×66
        ecr PutImage                               AccessDeniedException ×66
        ecr PutImageTagMutability                  AccessDeniedException ×66
        ecr SetRepositoryPolicy                    AccessDeniedException ×66
        ecr UploadLayerPart                        AccessDeniedException ×66
        ecs UpdateService                          InvalidParameterException ×66
        events PutEvents to default                AccessDeniedException ×66
        events PutEvents to towpath                AccessDeniedException ×62
        events PutEvents to towpath                ok ×4
            the owner dev → stg
            towpath-tell_downstream dev → stg
            the owner stg → prd
            towpath-tell_downstream stg → prd
        lambda Invoke                              AccessDeniedException ×66
        sqs PurgeQueue                             AccessDeniedException ×66
        sqs ReceiveMessage                         AccessDeniedException ×66
        sqs SendMessage                            AccessDeniedException ×66
        ssm StartAutomationExecution               AccessDeniedException ×60
        ssm StartAutomationExecution               AutomationDefinitionNotFoundException ×6
        sts AssumeRole                             AccessDenied ×788
        sts AssumeRole                             ok ×4
            towpath-promote_image stg → dev towpath-read_images
            towpath-reconcile stg → dev towpath-read_images
            towpath-promote_image prd → stg towpath-read_images
            towpath-reconcile prd → stg towpath-read_images
    "#]]
    .assert_eq(&table.shown());
    Ok(())
}

/// The session in which stg's promote_image reads in dev.
fn reader(story: &Story) -> Result<Aws, Failure> {
    let promote_image = session(story, STG, "towpath-promote_image")?.ok_or("no such role")?;
    Ok(promote_image.assume_role(&format!("arn:aws:iam::{DEV}:role/towpath-read_images"), "crossing")?)
}

#[test]
fn the_role_that_reads_upstream_reads_images_and_nothing_else() -> Result<(), Failure> {
    let mut story = chain()?;
    story.make_service("webapp2", true)?;
    let reader = reader(&story)?;
    let image = story.aws.call(
        "ecr",
        "BatchGetImage",
        &of_webapp1(json!({ "imageIds": [{ "imageTag": "1111111" }] })),
    )?;
    let text = |pointer: &str| image.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
    let digest = text("/images/0/imageId/imageDigest");
    let manifest: Value = serde_json::from_str(&text("/images/0/imageManifest"))?;
    let layer = manifest.pointer("/layers/0/digest").cloned().unwrap_or_default();
    let mut shown = String::new();
    for (service, operation, input) in in_upstream(story.endpoint(), &digest, &layer) {
        let answer = answer(&reader.call(service, operation, &input));
        let _ = writeln!(shown, "{:<42} {answer}", format!("{service} {operation}"));
    }
    let more = [
        (
            "iam CreateRole",
            reader.query("iam", "CreateRole", &[("RoleName", "r"), ("AssumeRolePolicyDocument", "{}")]),
        ),
        (
            "cloudformation DeleteStack",
            reader.query("cloudformation", "DeleteStack", &[("StackName", "towpath")]),
        ),
    ];
    for (tried, result) in more {
        let _ = writeln!(shown, "{tried:<42} {}", answer(&result));
    }
    for (_, account) in CHAIN {
        let arn = format!("arn:aws:iam::{account}:role/towpath-read_images");
        let tried = format!("sts AssumeRole towpath-read_images of {account}");
        let _ = writeln!(shown, "{tried:<42} {}", answer(&reader.assume_role(&arn, "further")));
    }
    let invoked = answer(&reader.invoke("towpath-roll_back", &json!({})));
    let _ = writeln!(shown, "{:<42} {invoked}", "lambda Invoke");
    let host = story.endpoint().trim_start_matches("http://");
    let key = &reader.credentials.access_key_id;
    let git = Git::clone_from(&format!("http://{key}:x@{host}/v1/repos/deployment"));
    let refused = git.err().map(|error| error.text.lines().next().unwrap_or_default().to_owned());
    let _ = writeln!(shown, "git clone\n    {}", refused.unwrap_or_else(|| "ok".to_owned()));
    expect![[r#"
        ecr DescribeImages                         ok
        ecr BatchGetImage                          ok
        ecr ListImageReferrers                     ok
        ecr GetDownloadUrlForLayer                 ok
        ecr ListImages                             AccessDeniedException
        ecr DescribeRepositories                   AccessDeniedException
        ecr GetAuthorizationToken                  AccessDeniedException
        ecr PutImage                               AccessDeniedException
        ecr InitiateLayerUpload                    AccessDeniedException
        ecr UploadLayerPart                        AccessDeniedException
        ecr CompleteLayerUpload                    AccessDeniedException
        ecr BatchDeleteImage                       AccessDeniedException
        ecr CreateRepository                       AccessDeniedException
        ecr DeleteRepository                       AccessDeniedException
        ecr SetRepositoryPolicy                    AccessDeniedException
        codecommit GetFile                         AccessDeniedException
        codecommit GetBranch                       AccessDeniedException
        codecommit CreateCommit                    AccessDeniedException
        codepipeline StartPipelineExecution        AccessDeniedException
        ecs DescribeServices                       AccessDeniedException
        ecs UpdateService                          AccessDeniedException
        events PutEvents                           AccessDeniedException
        sqs SendMessage                            AccessDeniedException
        ssm StartAutomationExecution               AccessDeniedException
        logs FilterLogEvents                       AccessDeniedException
        iam CreateRole                             AccessDeniedException
        cloudformation DeleteStack                 AccessDeniedException
        sts AssumeRole towpath-read_images of 111111111111 AccessDenied
        sts AssumeRole towpath-read_images of 222222222222 AccessDenied
        sts AssumeRole towpath-read_images of 333333333333 AccessDenied
        lambda Invoke                              AccessDeniedException
        git clone
            remote: User: arn:aws:sts::111111111111:assumed-role/towpath-read_images/crossing is not authorized to perform: codecommit:GitPull on resource: arn:aws:codecommit:eu-west-1:111111111111:deployment because no identity-based policy allows the codecommit:GitPull action
    "#]]
    .assert_eq(&shown);
    Ok(())
}

fn of_webapp1(mut input: Value) -> Value {
    if let Some(members) = input.as_object_mut() {
        members.insert("repositoryName".to_owned(), json!("webapp1"));
    }
    input
}

/// What somebody who stands in upstream's account could try there.
fn in_upstream(endpoint: &str, digest: &str, layer: &Value) -> Vec<(&'static str, &'static str, Value)> {
    let queue = format!("{endpoint}/{DEV}/towpath-on_commit");
    let event = told(DEV, "default", "towpath", "Towpath Evidence");
    let file = json!({ "repositoryName": "deployment", "filePath": "delivery.yaml" });
    let commit =
        json!({ "repositoryName": "deployment", "branchName": "main", "deleteFiles": [{ "filePath": "x" }] });
    let service = json!({ "cluster": "cluster1", "service": "webapp2" });
    let pipeline = json!({ "name": "deploy-cluster1-webapp1" });
    let parts = json!({ "uploadId": "u", "partFirstByte": 0, "partLastByte": 0, "layerPartBlob": "AA==" });
    let completed = json!({ "uploadId": "u", "layerDigests": [digest] });
    let tagged = json!({ "imageManifest": "{}", "imageTag": "approved-stg-1111111" });
    vec![
        ("ecr", "DescribeImages", of_webapp1(json!({}))),
        ("ecr", "BatchGetImage", of_webapp1(json!({ "imageIds": [{ "imageDigest": digest }] }))),
        ("ecr", "ListImageReferrers", of_webapp1(json!({ "subjectId": { "imageDigest": digest } }))),
        ("ecr", "GetDownloadUrlForLayer", of_webapp1(json!({ "layerDigest": layer }))),
        ("ecr", "ListImages", of_webapp1(json!({}))),
        ("ecr", "DescribeRepositories", json!({})),
        ("ecr", "GetAuthorizationToken", json!({})),
        ("ecr", "PutImage", of_webapp1(tagged)),
        ("ecr", "InitiateLayerUpload", of_webapp1(json!({}))),
        ("ecr", "UploadLayerPart", of_webapp1(parts)),
        ("ecr", "CompleteLayerUpload", of_webapp1(completed)),
        ("ecr", "BatchDeleteImage", of_webapp1(json!({ "imageIds": [{ "imageDigest": digest }] }))),
        ("ecr", "CreateRepository", json!({ "repositoryName": "new" })),
        ("ecr", "DeleteRepository", of_webapp1(json!({ "force": true }))),
        ("ecr", "SetRepositoryPolicy", of_webapp1(json!({ "policyText": "{}" }))),
        ("codecommit", "GetFile", file),
        ("codecommit", "GetBranch", json!({ "repositoryName": "deployment", "branchName": "main" })),
        ("codecommit", "CreateCommit", commit),
        ("codepipeline", "StartPipelineExecution", pipeline),
        ("ecs", "DescribeServices", json!({ "cluster": "cluster1", "services": ["webapp2"] })),
        ("ecs", "UpdateService", service),
        ("events", "PutEvents", event),
        ("sqs", "SendMessage", json!({ "QueueUrl": queue, "MessageBody": "{}" })),
        ("ssm", "StartAutomationExecution", json!({ "DocumentName": "towpath-roll_back" })),
        ("logs", "FilterLogEvents", json!({ "logGroupName": "/aws/lambda/towpath-on_commit" })),
    ]
}
