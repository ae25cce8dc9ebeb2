use super::*;
use crate::clock::Clock;
use crate::settings::Settings;
use crate::store::Store;
use chrono::DateTime;
use expect_test::expect;
use serde_json::json;

const DEV: &str = "111111111111";

fn dev() -> AccountId {
    DEV.parse().expect("an id")
}

fn world() -> World {
    let now = DateTime::from_timestamp(1_800_000_000, 0).expect("a time");
    let store = Store::temporary().expect("a store");
    World::new([dev()], "eu-west-1", Clock::Manual(now), 1, Settings::default(), store)
}

fn iam(world: &mut World, operation: &str, input: Value) -> Result<Value, AwsError> {
    call(world, &Caller::administrator(&dev()), operation, input)
}

fn role_with(world: &mut World, statement: &Value) -> Caller {
    let trust = json!({"Version": "2012-10-17", "Statement":
        {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}});
    iam(world, "CreateRole", json!({"RoleName": "r", "AssumeRolePolicyDocument": trust.to_string()}))
        .expect("a role");
    let policy = json!({"Version": "2012-10-17", "Statement": statement}).to_string();
    iam(world, "PutRolePolicy", json!({"RoleName": "r", "PolicyName": "p", "PolicyDocument": policy}))
        .expect("a policy");
    Caller::role(&dev(), "r", "s")
}

#[test]
fn a_role_that_is_not_there_or_has_no_policy_may_do_nothing() {
    let world = world();
    let caller = Caller::role(&dev(), "r", "s");
    let error = authorize(&world, &caller, "ecr:PutImage", "*", &[]).expect_err("a refusal");
    expect![[r#"AccessDeniedException: User: arn:aws:sts::111111111111:assumed-role/r/s is not authorized to perform: ecr:PutImage on resource: * because no identity-based policy allows the ecr:PutImage action"#]]
        .assert_eq(&error.to_string());
}

#[test]
fn a_role_may_do_what_its_policy_allows_on_the_resource_under_the_condition() {
    let mut world = world();
    let repository = "arn:aws:codecommit:eu-west-1:111111111111:deployment";
    let caller = role_with(
        &mut world,
        &json!({"Effect": "Allow", "Action": ["codecommit:CreateCommit", "codecommit:Get*"], "Resource": repository,
            "Condition": {"StringEqualsIfExists": {"codecommit:References": "refs/heads/main"}}}),
    );
    let may = |action: &str, resource: &str, reference: &str| {
        authorize(&world, &caller, action, resource, &[("codecommit:References", reference)]).is_ok()
    };
    assert!(may("codecommit:CreateCommit", repository, "refs/heads/main"));
    assert!(may("codecommit:GETBRANCH", repository, "refs/heads/main"));
    assert!(!may("codecommit:CreateCommit", repository, "refs/heads/other"));
    assert!(!may(
        "codecommit:CreateCommit",
        "arn:aws:codecommit:eu-west-1:111111111111:other",
        "refs/heads/main"
    ));
    assert!(!may("codecommit:DeleteBranch", repository, "refs/heads/main"));
    assert!(authorize(&world, &caller, "codecommit:GetFile", repository, &[]).is_ok());
}

#[test]
fn an_explicit_deny_wins_and_says_so() {
    let mut world = world();
    let caller = role_with(
        &mut world,
        &json!([{"Effect": "Allow", "Action": "*", "Resource": "*"},
            {"Effect": "Deny", "NotAction": "ecr:BatchGetImage", "NotResource": "arn:aws:ecr:*:*:repository/open/*"}]),
    );
    let repository = |name: &str| format!("arn:aws:ecr:eu-west-1:111111111111:repository/{name}");
    assert!(authorize(&world, &caller, "ecr:BatchGetImage", &repository("a"), &[]).is_ok());
    assert!(authorize(&world, &caller, "ecr:PutImage", &repository("open/a"), &[]).is_ok());
    let error = authorize(&world, &caller, "ecr:PutImage", &repository("a"), &[]).expect_err("a refusal");
    assert!(error.message.ends_with("with an explicit deny in an identity-based policy"), "{error}");
}

#[test]
fn an_attached_policy_counts_until_it_is_detached() {
    let mut world = world();
    let caller =
        role_with(&mut world, &json!({"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": "*"}));
    let document = json!({"Version": "2012-10-17", "Statement":
        [{"Effect": "Allow", "Action": "ecs:DescribeTaskDefinition", "Resource": "*"}]});
    let arn = "arn:aws:iam::111111111111:policy/read";
    iam(&mut world, "CreatePolicy", json!({"PolicyName": "read", "PolicyDocument": document.to_string()}))
        .expect("a policy");
    let may = |world: &World| authorize(world, &caller, "ecs:DescribeTaskDefinition", "*", &[]).is_ok();
    assert!(!may(&world));
    iam(&mut world, "AttachRolePolicy", json!({"RoleName": "r", "PolicyArn": arn})).expect("attached");
    assert!(may(&world));
    let error = iam(&mut world, "DeletePolicy", json!({"PolicyArn": arn})).expect_err("a refusal");
    assert_eq!(error.code, "DeleteConflict");
    iam(&mut world, "DetachRolePolicy", json!({"RoleName": "r", "PolicyArn": arn})).expect("detached");
    assert!(!may(&world));
}

#[test]
fn a_queue_lets_in_only_the_rule_that_its_policy_names() {
    let queue = "arn:aws:sqs:eu-west-1:111111111111:towpath-on_commit";
    let rule = "arn:aws:events:eu-west-1:111111111111:rule/towpath-on_commit";
    let policy = json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sqs:SendMessage",
        "Resource": queue, "Condition": {"ArnEquals": {"aws:SourceArn": rule}}}]});
    check_resource_policy(&policy).expect("a policy that can be judged");
    let events = Caller::service(&dev(), "events.amazonaws.com");
    let may = |caller: &Caller, source: &str| {
        resource_policy_allows(
            &world(),
            &policy,
            caller,
            "sqs:SendMessage",
            queue,
            &[("aws:SourceArn", source)],
        )
    };
    assert!(may(&events, rule));
    assert!(!may(&events, "arn:aws:events:eu-west-1:111111111111:rule/other"));
    assert!(!may(&Caller::service(&dev(), "lambda.amazonaws.com"), rule));
    assert!(!may(&Caller::administrator(&dev()), rule));
}

#[test]
fn an_image_repository_s_policy_needs_no_resource() {
    let policy = json!({"Version": "2012-10-17", "Statement": {"Effect": "Allow",
        "Principal": {"AWS": "arn:aws:iam::111111111111:root"}, "Action": "ecr:BatchGetImage"}});
    let repository = "arn:aws:ecr:eu-west-1:222222222222:repository/webapp1";
    let caller = Caller::role(&dev(), "copier", "s");
    assert!(resource_policy_allows(&world(), &policy, &caller, "ecr:BatchGetImage", repository, &[]));
    assert!(!resource_policy_allows(&world(), &policy, &caller, "ecr:PutImage", repository, &[]));
}

#[test]
fn documents_that_would_not_be_judged_rightly_are_refused_by_name() {
    let mut world = world();
    role_with(&mut world, &json!({"Effect": "Allow", "Action": "ecr:PutImage", "Resource": "*"}));
    let mut refusals = String::new();
    for statement in [
        json!({"Effect": "Allow", "Action": "ecr:PutImage"}),
        json!({"Effect": "Allow", "Action": "PutImage", "Resource": "*"}),
        json!({"Effect": "Maybe", "Action": "ecr:PutImage", "Resource": "*"}),
        json!({"Effect": "Allow", "Action": "ecr:PutImage", "Resource": "repository/a"}),
        json!({"Effect": "Allow", "Action": "ecr:PutImage", "Resource": "*", "Principal": "*"}),
        json!({"Effect": "Allow", "Action": "ecr:PutImage", "Resource": "arn:aws:ecr:*:*:repository/${aws:PrincipalTag/team}"}),
        json!({"Effect": "Allow", "Action": "ecr:PutImage", "Resource": "*", "Condition": {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}}),
        json!({"Effect": "Allow", "Action": "ecr:PutImage", "Resource": "*", "Condition": {"StringEquals": {"aws:PrincipalOrgID": "o"}}}),
        json!({"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": "*", "Condition": {"StringEquals": {"aws:ResourceTag/towpath": "t"}}}),
        json!({"Effect": "Allow", "Action": "ecr:PutImage", "Resource": "*", "Condition": {"StringEquals": {"ecr:ResourceTag/": "t"}}}),
        json!({"Effect": "Allow", "Action": "ecr:PutImage", "Resource": "*", "Actoin": "x"}),
    ] {
        let policy = json!({"Version": "2012-10-17", "Statement": [statement]}).to_string();
        let error = iam(
            &mut world,
            "PutRolePolicy",
            json!({"RoleName": "r", "PolicyName": "p", "PolicyDocument": policy}),
        )
        .expect_err("a refusal");
        refusals.push_str(&format!("{error}\n"));
    }
    expect![[r#"
        MalformedPolicyDocument: Syntax errors in policy: a statement must have either Resource or NotResource
        MalformedPolicyDocument: Syntax errors in policy: Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.: `PutImage`
        MalformedPolicyDocument: Syntax errors in policy: unknown variant `Maybe`, expected `Allow` or `Deny`
        MalformedPolicyDocument: Syntax errors in policy: Resource repository/a must be in ARN format or "*".
        MalformedPolicyDocument: Syntax errors in policy: Policy document should not specify a principal.
        NotInLocalAws: the local accounts do not know policy variables, as in `arn:aws:ecr:*:*:repository/${aws:PrincipalTag/team}`; AWS may
        NotInLocalAws: the local accounts do not know the condition operator IpAddress; AWS may
        NotInLocalAws: the local accounts do not know the condition key aws:PrincipalOrgID; AWS may
        NotInLocalAws: the local accounts do not know the condition key aws:ResourceTag/towpath for sqs:SendMessage; AWS may
        NotInLocalAws: the local accounts do not know the condition key ecr:ResourceTag/; AWS may
        MalformedPolicyDocument: Syntax errors in policy: unknown field `Actoin`, expected one of `Sid`, `Effect`, `Principal`, `Action`, `NotAction`, `Resource`, `NotResource`, `Condition`
    "#]].assert_eq(&refusals);
}

#[test]
fn the_tags_of_image_repositories_are_judged_under_either_name() {
    for key in ["ecr:ResourceTag/towpath", "aws:ResourceTag/towpath"] {
        let mut world = world();
        let caller = role_with(
            &mut world,
            &json!({"Effect": "Allow", "Action": "ecr:DescribeImages", "Resource": "*",
                "Condition": {"StringEquals": {key: "yes"}}}),
        );
        let mut describe = |repository: &str, tags: Value| {
            let input = json!({"repositoryName": repository, "tags": tags});
            let administrator = Caller::administrator(&dev());
            world
                .call(&administrator, crate::services::Service::Ecr, "CreateRepository", input)
                .expect("made");
            let input = json!({"repositoryName": repository});
            world
                .call(&caller, crate::services::Service::Ecr, "DescribeImages", input)
                .map_err(|error| error.code)
        };
        assert!(describe("tagged", json!([{"Key": "towpath", "Value": "yes"}])).is_ok());
        let refused = Err("AccessDeniedException".to_owned());
        assert_eq!(describe("other", json!([{"Key": "towpath", "Value": "no"}])), refused);
        assert_eq!(describe("untagged", json!([])), refused);
    }
}

#[test]
fn roles_are_listed_page_by_page_and_deleted_only_when_bare() {
    let mut world = world();
    role_with(&mut world, &json!({"Effect": "Allow", "Action": "ecr:PutImage", "Resource": "*"}));
    let trust = json!({"Version": "2012-10-17", "Statement":
        {"Effect": "Allow", "Principal": {"AWS": DEV}, "Action": "sts:AssumeRole"}});
    iam(&mut world, "CreateRole", json!({"RoleName": "z", "AssumeRolePolicyDocument": trust.to_string()}))
        .expect("a role");
    let first = iam(&mut world, "ListRoles", json!({"MaxItems": "1"})).expect("a page");
    assert_eq!(first["Roles"][0]["RoleName"], "r");
    assert_eq!(first["IsTruncated"], true);
    let second = iam(&mut world, "ListRoles", json!({"Marker": first["Marker"]})).expect("a page");
    assert_eq!(second["Roles"][0]["RoleName"], "z");
    assert_eq!(second["IsTruncated"], false);

    let error = iam(&mut world, "DeleteRole", json!({"RoleName": "r"})).expect_err("a refusal");
    assert_eq!(error.to_string(), "DeleteConflict: Cannot delete entity, must delete policies first.");
    iam(&mut world, "DeleteRolePolicy", json!({"RoleName": "r", "PolicyName": "p"})).expect("deleted");
    iam(&mut world, "DeleteRole", json!({"RoleName": "r"})).expect("deleted");
    let error = iam(&mut world, "GetRole", json!({"RoleName": "r"})).expect_err("a refusal");
    assert_eq!(error.to_string(), "NoSuchEntity: The role with name r cannot be found.");
}

#[test]
fn a_service_may_take_only_a_role_that_trusts_it() {
    let mut world = world();
    role_with(&mut world, &json!({"Effect": "Allow", "Action": "ecr:PutImage", "Resource": "*"}));
    let arn = "arn:aws:iam::111111111111:role/r";
    assert!(check_service_role(&world, &dev(), arn, "lambda.amazonaws.com").is_ok());
    let error = check_service_role(&world, &dev(), arn, "codepipeline.amazonaws.com").expect_err("a refusal");
    assert_eq!(
        error.message,
        "The role arn:aws:iam::111111111111:role/r cannot be assumed by codepipeline.amazonaws.com."
    );
    assert!(
        check_service_role(&world, &dev(), "arn:aws:iam::111111111111:role/none", "lambda.amazonaws.com")
            .is_err()
    );
}
