//! A function's role grants what its calls need, and nothing else.

#![expect(clippy::unwrap_used, reason = "a test that cannot read the workspace fails")]

use std::collections::{BTreeMap, BTreeSet};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

/// The SDK's clients as they are called, and how IAM spells their services.
const CLIENTS: [(&str, &str); 8] = [
    ("codecommit()", "codecommit"),
    ("codepipeline()", "codepipeline"),
    ("ecr()", "ecr"),
    ("ecs()", "ecs"),
    ("eventbridge()", "events"),
    ("sqs()", "sqs"),
    ("sts", "sts"),
    ("ssm()", "ssm"),
];

/// The role of this account in whose name the next environment's functions read here.
const READ_FROM_OUTSIDE: &str = "read_images";

/// What only the operator's command line calls, with the operator's own credentials.
const OPERATORS_OWN: &str = "functions/shared/aws/src/operator";

/// What Lambda itself does in a function's name: its queue and its log.
const LAMBDAS_OWN: [&str; 5] = [
    "sqs:ReceiveMessage",
    "sqs:DeleteMessage",
    "sqs:GetQueueAttributes",
    "logs:CreateLogStream",
    "logs:PutLogEvents",
];

fn read(path: &str) -> String {
    std::fs::read_to_string(format!("{ROOT}/{path}")).unwrap()
}

/// The IAM action that an operation needs, where it is not the operation's own name.
/// <https://docs.aws.amazon.com/service-authorization/latest/reference/>
fn action(service: &str, operation: &str) -> String {
    match (service, operation) {
        ("ecr", "ListImageReferrers") => "ecr:BatchGetImage".to_owned(),
        ("sqs", "SendMessageBatch") => "sqs:SendMessage".to_owned(),
        _ => format!("{service}:{operation}"),
    }
}

fn pascal_case(snake_case: &str) -> String {
    let words = snake_case.split('_').map(|word| {
        let (first, rest) = word.split_at(1);
        first.to_uppercase() + rest
    });
    words.collect()
}

fn sources(folder: &str) -> String {
    let mut text = String::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.ends_with(OPERATORS_OWN) {
            continue;
        }
        if path.is_dir() {
            text += &sources(path.to_str().unwrap());
        } else {
            text += &std::fs::read_to_string(path).unwrap();
        }
    }
    text
}

/// The actions of all calls that the functions can make: each is written `self.<client>().<operation>()`, the operation
/// perhaps on a line of its own.
fn called() -> BTreeSet<String> {
    let text: String = sources(&format!("{ROOT}/functions/shared/aws/src")).split_whitespace().collect();
    let mut actions = BTreeSet::new();
    for (client, service) in CLIENTS {
        let mark = format!("self.{client}.");
        for (at, _) in text.match_indices(&mark) {
            let rest = &text[at + mark.len()..];
            let operation = &rest[..rest.find('(').unwrap()];
            actions.insert(action(service, &pascal_case(operation)));
        }
    }
    actions
}

/// The actions that `template.yaml` grants to each function, without what Lambda itself does.
fn granted() -> BTreeMap<String, BTreeSet<String>> {
    let mut granted = granted_by_policy();
    // The other roles belong to EventBridge, to Systems Manager, or to the next environment.
    granted.retain(|policy, _| std::path::Path::new(&format!("{ROOT}/functions/{policy}")).exists());
    granted
}

/// The actions that `template.yaml` grants, by the policy's name, without what Lambda itself does for functions.
fn granted_by_policy() -> BTreeMap<String, BTreeSet<String>> {
    let template = read("template.yaml");
    let mut granted: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let (mut policy, mut in_actions) = (None, false);
    for line in template.lines().map(str::trim) {
        if let Some(name) = line.strip_prefix("- PolicyName: ") {
            policy = Some(name.to_owned());
        } else if line.starts_with("Properties:") {
            policy = None;
        }
        in_actions = line.starts_with("Action:") || (in_actions && line.starts_with("- "));
        let Some(policy) = policy.as_ref().filter(|_| in_actions) else { continue };
        let words = line.split([' ', ',', '[', ']']).filter(|word| {
            word.split_once(':').is_some_and(|(service, action)| !service.is_empty() && !action.is_empty())
        });
        let own = words.filter(|word| !LAMBDAS_OWN.contains(word));
        granted.entry(policy.clone()).or_default().extend(own.map(str::to_owned));
    }
    granted
}

/// Whether an action only looks.
fn reads(action: &str) -> bool {
    let operation = action.split_once(':').map(|(_, operation)| operation);
    let verbs = ["Get", "List", "Describe", "BatchGet", "BatchCheck"];
    verbs.iter().any(|verb| operation.is_some_and(|operation| operation.starts_with(verb)))
}

#[test]
fn no_role_grants_what_no_call_needs() {
    let (called, granted) = (called(), granted());
    assert_eq!(granted.len(), 6, "the roles that were found: {:?}", granted.keys());
    let from_outside = granted_by_policy().remove(READ_FROM_OUTSIDE).unwrap();
    for (function, actions) in granted.iter().chain([(&READ_FROM_OUTSIDE.to_owned(), &from_outside)]) {
        let needless: Vec<_> = actions.difference(&called).collect();
        assert_eq!(needless, Vec::<&String>::new(), "granted to {function}, and never called");
    }
}

#[test]
fn every_call_is_granted_to_some_function() {
    let outside = granted_by_policy().remove(READ_FROM_OUTSIDE).unwrap();
    let all: BTreeSet<String> = granted().into_values().flatten().chain(outside).collect();
    let called = called();
    assert!(called.len() > 20, "the calls that were found: {called:?}");
    let denied: Vec<_> = called.difference(&all).collect();
    assert_eq!(denied, Vec::<&String>::new(), "called, and granted to no function");
}

#[test]
fn across_accounts_there_is_only_reading_and_telling() {
    let granted = granted_by_policy();
    let from_outside = &granted[READ_FROM_OUTSIDE];
    assert!(from_outside.iter().all(|action| reads(action)), "{from_outside:?}");
    assert_eq!(granted["tell_downstream"], BTreeSet::from(["events:PutEvents".to_owned()]));
    let template = read("template.yaml");
    let named: BTreeSet<&str> =
        template.lines().filter_map(|line| line.split_once("!Sub ")).map(|(_, text)| text).collect();
    let elsewhere: Vec<&str> = named.into_iter().filter(|text| text.contains("stream}")).collect();
    expect_test::expect![[r#"
        "arn:${AWS::Partition}:events:${AWS::Region}:${Downstream}:event-bus/towpath"
        "arn:${AWS::Partition}:iam::${Downstream}:role/towpath-promote_image"
        "arn:${AWS::Partition}:iam::${Downstream}:role/towpath-reconcile"
        "arn:${AWS::Partition}:iam::${Downstream}:root" }
        "arn:${AWS::Partition}:iam::${Upstream}:role/towpath-read_images"
        "arn:${AWS::Partition}:iam::${Upstream}:root" }"#]]
    .assert_eq(&elsewhere.join("\n"));
}

#[test]
fn only_the_functions_that_write_may_write() {
    let mut writes: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (function, actions) in granted() {
        writes.insert(function, actions.into_iter().filter(|action| !reads(action)).collect());
    }
    expect_test::expect![[r#"
        {
            "on_commit": [
                "codecommit:CreateCommit",
                "codepipeline:StartPipelineExecution",
                "events:PutEvents",
            ],
            "on_deployment_change": [
                "codecommit:CreateCommit",
                "codecommit:PostCommentForComparedCommit",
                "codepipeline:StopPipelineExecution",
                "ecr:CompleteLayerUpload",
                "ecr:InitiateLayerUpload",
                "ecr:PutImage",
                "ecr:UploadLayerPart",
                "events:PutEvents",
            ],
            "on_image_push": [
                "codecommit:CreateCommit",
            ],
            "promote_image": [
                "codecommit:CreateCommit",
                "ecr:CompleteLayerUpload",
                "ecr:CreateRepository",
                "ecr:InitiateLayerUpload",
                "ecr:PutImage",
                "ecr:UploadLayerPart",
                "sqs:SendMessage",
                "sts:AssumeRole",
            ],
            "reconcile": [
                "sqs:SendMessage",
                "sts:AssumeRole",
            ],
            "roll_back": [
                "codecommit:CreateCommit",
                "codepipeline:StopPipelineExecution",
                "ecr:CompleteLayerUpload",
                "ecr:InitiateLayerUpload",
                "ecr:PutImage",
                "ecr:UploadLayerPart",
                "ecs:StopServiceDeployment",
                "events:PutEvents",
                "sqs:SendMessage",
            ],
        }
    "#]]
    .assert_debug_eq(&writes);
}
