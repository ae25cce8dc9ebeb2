//! What cannot be carried out is said in one line, with what to do about it, and nothing is done.

use crate::desk::{DEV, Desk, Said, home, stable, towpath};
use expect_test::{Expect, expect};
use local_aws::faults::CallFaultKind;
use serde_json::json;

/// Says it without any credentials, in a folder with these files.
fn alone(arguments: &[&str], files: &[(&str, &str)], expected: &Expect) {
    let home = home();
    for (name, text) in files {
        std::fs::write(home.path().join(name), text).unwrap();
    }
    let said = Said::of(&towpath(home.path(), arguments).output().unwrap());
    expected.assert_eq(&stable(&said.to_string()).replace(&home.path().display().to_string(), "<home>"));
}

#[test]
fn what_is_no_name_is_refused_before_anything_is_asked() {
    for service in ["webapp1", "../webapp1", "cluster1/..", "a/b/c", "", "cluster1/web app", "c\u{1b}[31m/s"]
    {
        let home = home();
        let said = Said::of(&towpath(home.path(), &["history", service]).output().unwrap());
        assert_eq!((said.code, said.out.as_str()), (Some(2), ""), "{service:?}: {said}");
        assert!(!said.err.contains('\u{1b}'), "{said}");
        assert!(said.err.contains("expected <cluster>/<service>"), "{said}");
    }
    let back = |to, reason| ["rollback", "c/s", "--to", to, "--reason", reason];
    alone(
        &back("../x", "r"),
        &[],
        &expect![[r#"
        error: --to: "../x" is not a revision to roll back to: expected previous, a commit id (or its first 7 digits or more), an image tag, or a digest (sha256:…)
        exit Some(2)
    "#]],
    );
    alone(
        &back("previous", "two\nlines"),
        &[],
        &expect![[r#"
        error: --reason "two\nlines": expected 1 to 512 characters on one line, without { and }
        exit Some(2)
    "#]],
    );
    alone(
        &back("previous", "{{ Who }}"),
        &[],
        &expect![[r#"
        error: --reason "{{ Who }}": expected 1 to 512 characters on one line, without { and }
        exit Some(2)
    "#]],
    );
    alone(
        &["release", "c/s", "--what", "some", "--reason", "r"],
        &[],
        &expect![[r#"
        error: --what: "some" is not a part to release: expected all, hold, or a digest (sha256:…)
        exit Some(2)
    "#]],
    );
    alone(
        &["promote", "c/s", "--from", "a", "--to", "b", "--commit", "-x"],
        &[],
        &expect![[r#"
        error: unexpected argument '-x' found

          tip: to pass '-x' as a value, use '-- -x'

        Usage: towpath promote [OPTIONS] --from <NAME> --to <NAME> <SERVICE>

        For more information, try '--help'.
        exit Some(2)
    "#]],
    );
    alone(
        &["promote", "c/s", "--from", "a", "--to", "b", "--commit", "main"],
        &[],
        &expect![[r#"
        error: --commit "main": expected a commit id of the application, or its first 7 digits or more
        exit Some(2)
    "#]],
    );
    alone(
        &["approve", "c/s", "--in", "b", "--image", "a b"],
        &[],
        &expect![[r#"
        error: --image "a b": expected an image tag, or a digest (sha256:…)
        exit Some(2)
    "#]],
    );
    alone(
        &["status", "--between", "a", "a", "c/s", "-e", "a"],
        &[],
        &expect![[r#"
            error: --between a a: expected two environments
            exit Some(2)
        "#]],
    );
    alone(
        &["status", "--between", "a", "b"],
        &[],
        &expect![[r#"
        error: --between compares one service: expected exactly one <cluster>/<service>
        exit Some(2)
    "#]],
    );
}

#[test]
fn missing_credentials_are_told_with_what_to_do() {
    let region = [("towpath.yaml", "environments: [{ name: dev, region: eu-west-1 }]\n")];
    alone(
        &["status", "--region", "eu-west-1"],
        &[],
        &expect![[r#"
            error: no AWS credentials: there are none
            hint: set AWS_PROFILE, log in with aws sso login, or name a profile: --environment <name>=<profile>
            exit Some(6)
        "#]],
    );
    alone(
        &["status"],
        &[],
        &expect![[r#"
        error: the account of your AWS credentials: no Region is said
        hint: say --region, set AWS_REGION, or write region into the profile or towpath.yaml
        exit Some(6)
    "#]],
    );
    alone(
        &["status"],
        &region,
        &expect![[r#"
        error: no AWS credentials for environment dev: there are none
        hint: set AWS_PROFILE, log in with aws sso login, or name a profile: --environment <name>=<profile>
        exit Some(6)
    "#]],
    );
    alone(
        &["status", "-e", "dev=nobody", "--region", "eu-west-1"],
        &[],
        &expect![[r#"
            error: no AWS credentials for environment dev (profile "nobody"): there are none
            hint: log in: aws sso login --profile nobody; or look at the profile: aws configure list --profile nobody
            exit Some(6)
        "#]],
    );
}

#[test]
fn a_wrong_towpath_yaml_is_told_with_its_place() {
    let check = |text, expected: &Expect| alone(&["status"], &[("towpath.yaml", text)], expected);
    check(
        "",
        &expect![[r#"
        error: towpath.yaml: unexpected end of input at line 1, column 1
        hint: towpath --help shows what towpath.yaml looks like
        exit Some(2)
    "#]],
    );
    check(
        "environments: []\n",
        &expect![[r#"
        error: towpath.yaml names no environment: expected at least one
        exit Some(2)
    "#]],
    );
    check(
        "environments:\n  - { name: dev, profil: x }\n",
        &expect![[r#"
            error: towpath.yaml: line 2 column 18: unknown field `profil`, expected one of name, profile, role, region
            hint: towpath --help shows what towpath.yaml looks like
            exit Some(2)
        "#]],
    );
    check(
        "environments:\n  - { name: ../x }\n",
        &expect![[r#"
            error: towpath.yaml: line 2 column 13: "../x" is not an environment name: expected 1 to 32 lower-case letters, digits or -, the first a letter
            hint: towpath --help shows what towpath.yaml looks like
            exit Some(2)
        "#]],
    );
    check(
        "environments:\n  - { profile: x }\n",
        &expect![[r#"
        error: towpath.yaml: an environment has no name
        exit Some(2)
    "#]],
    );
    check(
        "environments:\n  - { name: dev }\n  - { name: dev }\n",
        &expect![[r#"
        error: environment dev is named twice
        exit Some(2)
    "#]],
    );
    alone(
        &["status", "--config", "other.yaml"],
        &[],
        &expect![[r#"
        error: other.yaml cannot be read: No such file or directory (os error 2)
        exit Some(2)
    "#]],
    );
    alone(
        &["status", "-e", "dev="],
        &[],
        &expect![[r#"
            error: --environment "dev=": no profile behind =
            exit Some(2)
        "#]],
    );
    alone(
        &["history", "c/s", "-e", "dev", "-e", "stg"],
        &[],
        &expect![[r#"
            error: which environment? say --in one of dev, stg
            exit Some(2)
        "#]],
    );
}

#[test]
fn an_environment_that_is_not_there_is_told() {
    let desk = Desk::empty();
    expect![[r#"
        error: there is no environment prd: your AWS credentials are those of dev (account 111111111111)
        hint: say --environment prd=<profile>, or use the credentials of prd
        exit Some(5)
    "#]]
    .assert_eq(&desk.shows(&["history", "c/s", "--in", "prd"]));
    expect![[r#"
        error: environment stg: the account 111111111111 is the environment dev, not stg
        hint: correct the name, the profile or the order in towpath.yaml or --environment
        exit Some(2)
    "#]]
    .assert_eq(&desk.shows(&["status", "-e", "stg"]));
    expect![[r#"
        error: there is no environment prd: known are dev
        hint: add it to towpath.yaml, or say --environment prd=<profile>
        exit Some(5)
    "#]]
    .assert_eq(&desk.shows(&["status", "-e", "dev", "--environments", "prd"]));
    expect![[r#"
        error: which environment is before dev? None before it is named
        hint: name both in towpath.yaml or with --environment, in the order of the path to production
        exit Some(2)
    "#]]
    .assert_eq(&desk.shows(&["approve", "c/s", "--in", "dev"]));
    let mut elsewhere = desk.command(&["status"]);
    expect![[r#"
        error: the account of your AWS credentials: Lambda GetFunctionConfiguration for function towpath-reconcile: UnrecognizedClientException: The security token included in the request is invalid: there is no account 999999999999 here
        hint: log in again, such as: aws sso login --profile <profile>
        exit Some(6)
    "#]]
        .assert_eq(&desk.stable(&desk.run(elsewhere.env("AWS_ACCESS_KEY_ID", "999999999999")).to_string()));
    let role = "environments: [{ name: dev, role: \"arn:aws:iam::111111111111:role/nobody\" }]\n";
    std::fs::write(desk.home.path().join("towpath.yaml"), role).unwrap();
    expect![[r#"
        error: no AWS credentials for environment dev: AccessDenied: User: arn:aws:iam::111111111111:user/administrator is not authorized to perform: sts:AssumeRole on resource: arn:aws:iam::111111111111:role/nobody
        hint: your credentials must be allowed sts:AssumeRole on arn:aws:iam::111111111111:role/nobody, and it must trust them
        exit Some(6)
    "#]].assert_eq(&desk.shows(&["status"]));
    std::fs::remove_file(desk.home.path().join("towpath.yaml")).unwrap();
    let mut nowhere = desk.command(&["status"]);
    let said = desk.run(nowhere.env("AWS_ENDPOINT_URL", "http://127.0.0.1:1"));
    assert_eq!(said.code, Some(1), "{said}");
}

#[test]
fn what_aws_says_no_to_is_told_with_what_to_do() {
    let desk = Desk::with_service();
    let check = |fault, arguments: &[&str], operation: &str, times, expected: &Expect| {
        desk.story.fail_calls(operation, "administrator", times, fault);
        expected.assert_eq(&desk.shows(arguments));
        desk.story.heal();
    };
    let expired = CallFaultKind::Error("ExpiredTokenException".to_owned());
    check(
        expired,
        &["status"],
        "GetFunctionConfiguration",
        9,
        &expect![[r#"
        error: the account of your AWS credentials: Lambda GetFunctionConfiguration for function towpath-reconcile: ExpiredTokenException: told to fail
        hint: log in again, such as: aws sso login --profile <profile>
        exit Some(6)
    "#]],
    );
    check(
        CallFaultKind::Deny,
        &["status"],
        "GetFunctionConfiguration",
        9,
        &expect![[r#"
        error: the account of your AWS credentials: Lambda GetFunctionConfiguration for function towpath-reconcile: AccessDeniedException: User: arn:aws:iam::111111111111:user/administrator is not authorized to perform: lambda:GetFunctionConfiguration on resource: * because it was told to fail (the caller's role lacks this permission)
        hint: ask who administers the account for this permission, or use another profile
        exit Some(6)
    "#]],
    );
    // One service of which AWS tells too little is told so, and not left out.
    check(
        CallFaultKind::Deny,
        &["status"],
        "ListServiceDeployments",
        9,
        &expect![[r#"
        SERVICE  ENVIRONMENT  VERSION  DIGEST  COMMIT  STATE
        cluster1/webapp1  dev  -  -  -  unread

        cluster1/webapp1 in dev is unread: ECS ListServiceDeployments for cluster1/webapp1: AccessDeniedException: User: arn:aws:iam::111111111111:user/administrator is not authorized to perform: ecs:ListServiceDeployments on resource: * because it was told to fail (the caller's role lacks this permission)
        exit Some(1)
    "#]],
    );
    check(
        CallFaultKind::Throttle,
        &["history", "cluster1/webapp1"],
        "GetDifferences",
        9,
        &expect![[r#"
        error: environment dev: CodeCommit GetDifferences for deployment up to <commit 1>: ThrottlingException: Rate exceeded (another try may help)
        exit Some(1)
    "#]],
    );
    let back = ["rollback", "cluster1/webapp1", "--to", "previous", "--reason", "r"];
    check(
        CallFaultKind::Deny,
        &back,
        "StartAutomationExecution",
        9,
        &expect![[r#"
        error: environment dev: SSM StartAutomationExecution for document towpath-roll_back: AccessDeniedException: User: arn:aws:iam::111111111111:user/administrator is not authorized to perform: ssm:StartAutomationExecution on resource: * because it was told to fail (the caller's role lacks this permission)
        hint: ask who administers the account for this permission, or use another profile
        exit Some(6)
    "#]],
    );
    // A call that fails once is tried again.
    let said = desk.say(&["status"]);
    check(
        CallFaultKind::ServerError,
        &["status"],
        "GetFile",
        1,
        &expect![[r#"
        SERVICE  ENVIRONMENT  VERSION  DIGEST  COMMIT  STATE
        cluster1/webapp1  dev  -  -  -  never_deployed

        cluster1/webapp1 in dev is never_deployed: it has no revision.json
          webapp1 runs 111111111111.dkr.ecr.eu-west-1.amazonaws.com/webapp1:placeholder
    "#]],
    );
    assert_eq!(said.code, Some(0), "{said}");
}

#[test]
fn a_role_is_taken_on_where_towpath_yaml_says_so() {
    let desk = Desk::empty();
    let trust = json!({ "Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Action": "sts:AssumeRole", "Principal": { "AWS": format!("arn:aws:iam::{DEV}:root") },
    }] });
    let all = json!({ "Version": "2012-10-17", "Statement": [{ "Effect": "Allow", "Action": "*", "Resource": "*" }] });
    let (trust, all) = (trust.to_string(), all.to_string());
    let role = [("RoleName", "operator"), ("AssumeRolePolicyDocument", trust.as_str())];
    desk.story.aws.query("iam", "CreateRole", &role).unwrap();
    let policy = [("RoleName", "operator"), ("PolicyName", "all"), ("PolicyDocument", all.as_str())];
    desk.story.aws.query("iam", "PutRolePolicy", &policy).unwrap();
    let chain = format!("environments: [{{ name: dev, role: \"arn:aws:iam::{DEV}:role/operator\" }}]\n");
    std::fs::write(desk.home.path().join("towpath.yaml"), chain).unwrap();
    expect![[r#"
        No service has rules or a revision.json yet.
    "#]]
    .assert_eq(&desk.shows(&["status"]));
}
