//! A function's role grants what its calls need, and nothing else.

#![expect(clippy::unwrap_used, reason = "a test that cannot read the workspace fails")]

use std::collections::{BTreeMap, BTreeSet};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

/// The SDK's clients as fields, and how IAM spells their services.
const CLIENTS: [(&str, &str); 7] = [
    ("codecommit", "codecommit"),
    ("codepipeline", "codepipeline"),
    ("ecr", "ecr"),
    ("ecs", "ecs"),
    ("eventbridge", "events"),
    ("sqs", "sqs"),
    ("ssm()", "ssm"),
];

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
        if path.is_dir() {
            text += &sources(path.to_str().unwrap());
        } else {
            text += &std::fs::read_to_string(path).unwrap();
        }
    }
    text
}

/// The actions of all calls that the functions can make: each is written `self.<client>.<operation>()`, the operation
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

/// The actions that `template.yaml` grants to each function, by the policy's name, without what Lambda itself does.
fn granted() -> BTreeMap<String, BTreeSet<String>> {
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
    // The schedule's role belongs to EventBridge Scheduler and not to a function.
    granted.retain(|policy, _| std::path::Path::new(&format!("{ROOT}/functions/{policy}")).exists());
    granted
}

#[test]
fn no_role_grants_what_no_call_needs() {
    let (called, granted) = (called(), granted());
    assert_eq!(granted.len(), 5, "the roles that were found: {:?}", granted.keys());
    for (function, actions) in &granted {
        let needless: Vec<_> = actions.difference(&called).collect();
        assert_eq!(needless, Vec::<&String>::new(), "granted to {function}, and never called");
    }
}

#[test]
fn every_call_is_granted_to_some_function() {
    let all: BTreeSet<String> = granted().into_values().flatten().collect();
    let called = called();
    assert!(called.len() > 20, "the calls that were found: {called:?}");
    let denied: Vec<_> = called.difference(&all).collect();
    assert_eq!(denied, Vec::<&String>::new(), "called, and granted to no function");
}

#[test]
fn only_the_functions_that_write_may_write() {
    let reads = |action: &&String| {
        ["Get", "List", "Describe", "BatchGet"]
            .iter()
            .any(|verb| action.split_once(':').is_some_and(|(_, operation)| operation.starts_with(verb)))
    };
    let mut writes: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (function, actions) in granted() {
        writes.insert(function, actions.iter().filter(|action| !reads(action)).cloned().collect());
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
            "reconcile": [
                "sqs:SendMessage",
            ],
            "roll_back": [
                "codecommit:CreateCommit",
                "codepipeline:StopPipelineExecution",
                "ecr:CompleteLayerUpload",
                "ecr:InitiateLayerUpload",
                "ecr:PutImage",
                "ecr:UploadLayerPart",
                "ecs:StopServiceDeployment",
                "sqs:SendMessage",
            ],
        }
    "#]]
    .assert_debug_eq(&writes);
}
