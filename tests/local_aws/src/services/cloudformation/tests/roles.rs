//! What each function's role lets it do, and what not.

use super::*;
use crate::services::iam;

/// Every action that some function needs, with a resource that it is done to.
const ACTIONS: &[(&str, &str)] = &[
    ("codecommit:GetBlob", "codecommit:deployment"),
    ("codecommit:GetBranch", "codecommit:deployment"),
    ("codecommit:GetBranch", "codecommit:webapp1"),
    ("codecommit:GetCommit", "codecommit:deployment"),
    ("codecommit:GetDifferences", "codecommit:deployment"),
    ("codecommit:GetFile", "codecommit:deployment"),
    ("codecommit:GetFolder", "codecommit:deployment"),
    ("codecommit:ListFileCommitHistory", "codecommit:deployment"),
    ("codecommit:GetCommentsForComparedCommit", "codecommit:deployment"),
    ("codecommit:PostCommentForComparedCommit", "codecommit:deployment"),
    ("codecommit:CreateCommit", "codecommit:deployment"),
    ("codecommit:CreateCommit", "codecommit:webapp1"),
    ("codecommit:GitPush", "codecommit:deployment"),
    ("codecommit:DeleteBranch", "codecommit:deployment"),
    ("codepipeline:GetPipeline", "codepipeline:deploy-cluster1-webapp1"),
    ("codepipeline:GetPipeline", "codepipeline:other"),
    ("codepipeline:GetPipelineExecution", "codepipeline:deploy-cluster1-webapp1"),
    ("codepipeline:ListActionExecutions", "codepipeline:deploy-cluster1-webapp1"),
    ("codepipeline:ListPipelineExecutions", "codepipeline:deploy-cluster1-webapp1"),
    ("codepipeline:StartPipelineExecution", "codepipeline:deploy-cluster1-webapp1"),
    ("codepipeline:StartPipelineExecution", "codepipeline:other"),
    ("codepipeline:StopPipelineExecution", "codepipeline:deploy-cluster1-webapp1"),
    ("ecr:BatchCheckLayerAvailability", "ecr:repository/webapp1"),
    ("ecr:BatchDeleteImage", "ecr:repository/webapp1"),
    ("ecr:BatchGetImage", "ecr:repository/webapp1"),
    ("ecr:CompleteLayerUpload", "ecr:repository/webapp1"),
    ("ecr:CreateRepository", "ecr:repository/webapp1"),
    ("ecr:DescribeImages", "ecr:repository/webapp1"),
    ("ecr:GetDownloadUrlForLayer", "ecr:repository/webapp1"),
    ("ecr:InitiateLayerUpload", "ecr:repository/webapp1"),
    ("ecr:PutImage", "ecr:repository/webapp1"),
    ("ecr:UploadLayerPart", "ecr:repository/webapp1"),
    ("ecs:DescribeServiceDeployments", "ecs:service-deployment/cluster1/webapp1/id"),
    ("ecs:DescribeServiceDeployments", "ecs:service/cluster1/webapp1"),
    ("ecs:DescribeServiceRevisions", "ecs:service-revision/cluster1/webapp1/id"),
    ("ecs:DescribeServices", "ecs:service/cluster1/webapp1"),
    ("ecs:DescribeTaskDefinition", "*"),
    ("ecs:DescribeTasks", "ecs:task/cluster1/id"),
    ("ecs:ListServiceDeployments", "ecs:service/cluster1/webapp1"),
    ("ecs:ListTasks", "*"),
    ("ecs:StopServiceDeployment", "ecs:service-deployment/cluster1/webapp1/id"),
    ("ecs:UpdateService", "ecs:service/cluster1/webapp1"),
    ("logs:PutLogEvents", "logs:log-group:/aws/lambda/towpath-on_commit:log-stream:s"),
    ("logs:PutLogEvents", "logs:log-group:/aws/lambda/towpath-on_image_push:log-stream:s"),
    ("sqs:ReceiveMessage", "sqs:towpath-on_commit"),
    ("sqs:ReceiveMessage", "sqs:towpath-on_deployment_change"),
    ("sqs:ReceiveMessage", "sqs:towpath-on_image_push"),
    ("sqs:ReceiveMessage", "sqs:towpath-promote_image"),
    ("sqs:ReceiveMessage", "sqs:towpath-reconcile"),
    ("sqs:SendMessage", "sqs:towpath-on_commit"),
    ("sqs:SendMessage", "sqs:towpath-on_deployment_change"),
    ("sqs:SendMessage", "sqs:towpath-on_image_push"),
    ("sqs:SendMessage", "sqs:towpath-promote_image"),
    ("sqs:SendMessage", "sqs:towpath-reconcile"),
    ("sqs:SendMessage", "sqs:towpath-reconcile-dead_letters"),
    ("events:PutEvents", "events:event-bus/default"),
    ("events:PutEvents", "events:event-bus/other"),
    ("events:PutEvents", "arn:aws:events:eu-west-1:333333333333:event-bus/default"),
    ("events:PutEvents", "arn:aws:events:eu-west-1:333333333333:event-bus/towpath"),
    ("events:PutEvents", "arn:aws:events:eu-west-1:222222222222:event-bus/towpath"),
    ("iam:PassRole", "*"),
    ("sts:AssumeRole", "*"),
    ("sts:AssumeRole", "arn:aws:iam::222222222222:role/towpath-read_images"),
    ("sts:AssumeRole", "arn:aws:iam::222222222222:role/towpath-promote_image"),
    ("sts:AssumeRole", "arn:aws:iam::333333333333:role/towpath-read_images"),
];

/// The functions' roles, and the two for what crosses accounts.
const ROLES: [&str; 8] = [
    "on_image_push",
    "promote_image",
    "on_commit",
    "on_deployment_change",
    "roll_back",
    "reconcile",
    "read_images",
    "tell_downstream",
];

fn arn(resource: &str) -> String {
    let Some((service, name)) = resource.split_once(':').filter(|(service, _)| *service != "arn") else {
        return resource.to_owned();
    };
    format!("arn:aws:{service}:eu-west-1:{DEV}:{name}")
}

fn may(stage: &Stage, role: &str, action: &str, resource: &str, reference: &str) -> bool {
    let caller = Caller::role(&dev(), role, role);
    let context = [("codecommit:References", reference), ("events:source", "towpath")];
    iam::authorize(&stage.world, &caller, action, &arn(resource), &context).is_ok()
}

#[test]
fn each_role_allows_what_its_function_does_and_nothing_else() {
    let mut stage = Stage::new();
    let between = [("Upstream", "222222222222"), ("Downstream", "333333333333")];
    stage.deploy("towpath", &own("template.yaml"), &between).expect("the functions");
    let mut shown = String::new();
    for (action, resource) in ACTIONS {
        let allowed =
            |name: &&str| may(&stage, &format!("towpath-{name}"), action, resource, "refs/heads/main");
        let roles: Vec<&str> = ROLES.into_iter().filter(allowed).collect();
        let roles = if roles.is_empty() { "nobody".to_owned() } else { roles.join(", ") };
        shown.push_str(&format!("{action} {resource}: {roles}\n"));
    }
    expect![[r#"
        codecommit:GetBlob codecommit:deployment: on_deployment_change, roll_back, reconcile
        codecommit:GetBranch codecommit:deployment: on_image_push, promote_image, on_commit, on_deployment_change, roll_back, reconcile
        codecommit:GetBranch codecommit:webapp1: on_image_push, promote_image, on_commit, on_deployment_change, roll_back, reconcile
        codecommit:GetCommit codecommit:deployment: on_image_push, promote_image, on_commit, on_deployment_change, roll_back, reconcile
        codecommit:GetDifferences codecommit:deployment: on_commit, reconcile
        codecommit:GetFile codecommit:deployment: on_image_push, promote_image, on_commit, on_deployment_change, roll_back, reconcile
        codecommit:GetFolder codecommit:deployment: nobody
        codecommit:ListFileCommitHistory codecommit:deployment: on_image_push, promote_image, on_commit, on_deployment_change, roll_back, reconcile
        codecommit:GetCommentsForComparedCommit codecommit:deployment: on_deployment_change, reconcile
        codecommit:PostCommentForComparedCommit codecommit:deployment: on_deployment_change
        codecommit:CreateCommit codecommit:deployment: on_image_push, promote_image, on_commit, on_deployment_change, roll_back
        codecommit:CreateCommit codecommit:webapp1: nobody
        codecommit:GitPush codecommit:deployment: nobody
        codecommit:DeleteBranch codecommit:deployment: nobody
        codepipeline:GetPipeline codepipeline:deploy-cluster1-webapp1: on_commit, on_deployment_change, roll_back, reconcile
        codepipeline:GetPipeline codepipeline:other: nobody
        codepipeline:GetPipelineExecution codepipeline:deploy-cluster1-webapp1: nobody
        codepipeline:ListActionExecutions codepipeline:deploy-cluster1-webapp1: on_deployment_change, reconcile
        codepipeline:ListPipelineExecutions codepipeline:deploy-cluster1-webapp1: on_commit, on_deployment_change, roll_back, reconcile
        codepipeline:StartPipelineExecution codepipeline:deploy-cluster1-webapp1: on_commit
        codepipeline:StartPipelineExecution codepipeline:other: nobody
        codepipeline:StopPipelineExecution codepipeline:deploy-cluster1-webapp1: on_deployment_change, roll_back
        ecr:BatchCheckLayerAvailability ecr:repository/webapp1: promote_image
        ecr:BatchDeleteImage ecr:repository/webapp1: nobody
        ecr:BatchGetImage ecr:repository/webapp1: on_image_push, promote_image, on_commit, on_deployment_change, roll_back, reconcile, read_images
        ecr:CompleteLayerUpload ecr:repository/webapp1: promote_image, on_deployment_change, roll_back
        ecr:CreateRepository ecr:repository/webapp1: promote_image
        ecr:DescribeImages ecr:repository/webapp1: on_image_push, promote_image, roll_back, reconcile, read_images
        ecr:GetDownloadUrlForLayer ecr:repository/webapp1: on_image_push, reconcile, read_images
        ecr:InitiateLayerUpload ecr:repository/webapp1: promote_image, on_deployment_change, roll_back
        ecr:PutImage ecr:repository/webapp1: promote_image, on_deployment_change, roll_back
        ecr:UploadLayerPart ecr:repository/webapp1: promote_image, on_deployment_change, roll_back
        ecs:DescribeServiceDeployments ecs:service-deployment/cluster1/webapp1/id: on_commit, on_deployment_change, roll_back, reconcile
        ecs:DescribeServiceDeployments ecs:service/cluster1/webapp1: on_commit, on_deployment_change, roll_back, reconcile
        ecs:DescribeServiceRevisions ecs:service-revision/cluster1/webapp1/id: on_commit, on_deployment_change, roll_back, reconcile
        ecs:DescribeServices ecs:service/cluster1/webapp1: on_deployment_change, reconcile
        ecs:DescribeTaskDefinition *: nobody
        ecs:DescribeTasks ecs:task/cluster1/id: on_deployment_change, reconcile
        ecs:ListServiceDeployments ecs:service/cluster1/webapp1: on_commit, on_deployment_change, roll_back, reconcile
        ecs:ListTasks *: on_deployment_change, reconcile
        ecs:StopServiceDeployment ecs:service-deployment/cluster1/webapp1/id: roll_back
        ecs:UpdateService ecs:service/cluster1/webapp1: nobody
        logs:PutLogEvents logs:log-group:/aws/lambda/towpath-on_commit:log-stream:s: on_commit
        logs:PutLogEvents logs:log-group:/aws/lambda/towpath-on_image_push:log-stream:s: on_image_push
        sqs:ReceiveMessage sqs:towpath-on_commit: on_commit
        sqs:ReceiveMessage sqs:towpath-on_deployment_change: on_deployment_change
        sqs:ReceiveMessage sqs:towpath-on_image_push: on_image_push
        sqs:ReceiveMessage sqs:towpath-promote_image: promote_image
        sqs:ReceiveMessage sqs:towpath-reconcile: reconcile
        sqs:SendMessage sqs:towpath-on_commit: reconcile
        sqs:SendMessage sqs:towpath-on_deployment_change: reconcile
        sqs:SendMessage sqs:towpath-on_image_push: roll_back, reconcile
        sqs:SendMessage sqs:towpath-promote_image: promote_image, roll_back, reconcile
        sqs:SendMessage sqs:towpath-reconcile: reconcile
        sqs:SendMessage sqs:towpath-reconcile-dead_letters: nobody
        events:PutEvents events:event-bus/default: on_commit, on_deployment_change, roll_back
        events:PutEvents events:event-bus/other: nobody
        events:PutEvents arn:aws:events:eu-west-1:333333333333:event-bus/default: nobody
        events:PutEvents arn:aws:events:eu-west-1:333333333333:event-bus/towpath: tell_downstream
        events:PutEvents arn:aws:events:eu-west-1:222222222222:event-bus/towpath: nobody
        iam:PassRole *: nobody
        sts:AssumeRole *: nobody
        sts:AssumeRole arn:aws:iam::222222222222:role/towpath-read_images: promote_image, reconcile
        sts:AssumeRole arn:aws:iam::222222222222:role/towpath-promote_image: nobody
        sts:AssumeRole arn:aws:iam::333333333333:role/towpath-read_images: nobody
    "#]].assert_eq(&shown);
}

#[test]
fn commits_go_to_the_deployment_branch_only() {
    let mut stage = Stage::new();
    stage.deploy_all();
    for role in ["towpath-on_image_push", "towpath-on_deployment_change"] {
        assert!(may(&stage, role, "codecommit:CreateCommit", "codecommit:deployment", "refs/heads/main"));
        assert!(!may(&stage, role, "codecommit:CreateCommit", "codecommit:deployment", "refs/heads/other"));
    }
}

#[test]
fn a_name_prefix_shuts_out_everything_else() {
    let mut stage = Stage::new();
    stage.deploy("towpath", &own("template.yaml"), &[("NamePrefix", "team1-")]).expect("the functions");
    let may = |action: &str, resource: &str| {
        may(&stage, "towpath-on_deployment_change", action, resource, "refs/heads/main")
    };
    assert!(may("ecr:PutImage", "ecr:repository/team1-webapp1"));
    assert!(!may("ecr:PutImage", "ecr:repository/webapp1"));
    assert!(may("ecs:ListServiceDeployments", "ecs:service/cluster1/team1-webapp1"));
    assert!(!may("ecs:ListServiceDeployments", "ecs:service/cluster1/webapp1"));
}

#[test]
fn the_pipelines_role_deploys_and_passes_roles_to_tasks_only() {
    let mut stage = Stage::new();
    stage.deploy_all();
    let caller = Caller::role(&dev(), "towpath-pipeline", "execution");
    let may = |action: &str, resource: &str, context: &[(&str, &str)]| {
        iam::authorize(&stage.world, &caller, action, resource, context).is_ok()
    };
    let role = format!("arn:aws:iam::{DEV}:role/task");
    assert!(may("iam:PassRole", &role, &[("iam:PassedToService", "ecs-tasks.amazonaws.com")]));
    assert!(!may("iam:PassRole", &role, &[("iam:PassedToService", "lambda.amazonaws.com")]));
    assert!(may("ecs:UpdateService", &arn("ecs:service/cluster1/webapp1"), &[]));
    assert!(may("codecommit:UploadArchive", &arn("codecommit:deployment"), &[]));
    assert!(!may("codecommit:UploadArchive", &arn("codecommit:webapp1"), &[]));
    assert!(may("s3:PutObject", &format!("arn:aws:s3:::towpath-artifacts-{DEV}-eu-west-1/x/y"), &[]));
    assert!(!may("s3:PutObject", "arn:aws:s3:::other/x", &[]));
}
