use super::stage::{NAME, Stage, dev, stg};
use crate::caller::Caller;
use crate::services::Service;
use crate::services::ecr::tokens::{Login, LoginRefusal, log_in};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::Duration;
use expect_test::expect;
use serde_json::{Value, json};

fn read_policy(account: &str) -> String {
    json!({"Version": "2012-10-17", "Statement": [{
        "Sid": "Pull", "Effect": "Allow", "Principal": {"AWS": format!("arn:aws:iam::{account}:root")},
        "Action": ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
    }]})
    .to_string()
}

fn set(stage: &mut Stage, policy: &str) {
    stage.ok("SetRepositoryPolicy", json!({"repositoryName": NAME, "policyText": policy}));
}

fn get_image() -> Value {
    json!({"registryId": dev(), "repositoryName": NAME, "imageIds": [{"imageTag": "1"}]})
}

/// A role in stg that may do these things anywhere.
fn role(stage: &mut Stage, actions: &[&str]) -> Caller {
    let administrator = Caller::administrator(&stg());
    let trust = json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole",
    }]});
    let create = json!({"RoleName": "copier", "AssumeRolePolicyDocument": trust.to_string()});
    stage.world.call(&administrator, Service::Iam, "CreateRole", create).unwrap();
    let policy = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": actions, "Resource": "*"},
    ]});
    let put = json!({"RoleName": "copier", "PolicyName": "own", "PolicyDocument": policy.to_string()});
    stage.world.call(&administrator, Service::Iam, "PutRolePolicy", put).unwrap();
    Caller::role(&stg(), "copier", "promote_image")
}

#[test]
fn another_account_gets_in_by_the_repositorys_policy_only() {
    let mut stage = Stage::new();
    stage.push(NAME, "one", Some("1"));
    let other = Caller::administrator(&stg());
    expect!["AccessDeniedException: User: arn:aws:iam::222222222222:user/administrator is not authorized to perform: ecr:BatchGetImage on resource: arn:aws:ecr:eu-west-1:111111111111:repository/webapp1 because no resource-based policy allows the ecr:BatchGetImage action"]
        .assert_eq(&stage.call_as(&other, "BatchGetImage", get_image()).unwrap_err().to_string());
    set(&mut stage, &read_policy("222222222222"));
    assert_eq!(
        stage.call_as(&other, "BatchGetImage", get_image()).unwrap()["images"].as_array().unwrap().len(),
        1
    );
    let put = json!({"registryId": dev(), "repositoryName": NAME, "imageManifest": "{}"});
    assert_eq!(stage.call_as(&other, "PutImage", put).unwrap_err().code, "AccessDeniedException");
    set(&mut stage, &read_policy("333333333333"));
    assert_eq!(
        stage.call_as(&other, "BatchGetImage", get_image()).unwrap_err().code,
        "AccessDeniedException"
    );
}

#[test]
fn the_callers_own_policies_must_allow_it_too() {
    let mut stage = Stage::new();
    stage.push(NAME, "one", Some("1"));
    set(&mut stage, &read_policy("222222222222"));
    let may = role(&mut stage, &["ecr:BatchGetImage"]);
    stage.call_as(&may, "BatchGetImage", get_image()).unwrap();
    let layer = json!({"registryId": dev(), "repositoryName": NAME, "layerDigest": "sha256:0"});
    let refused = stage.call_as(&may, "GetDownloadUrlForLayer", layer).unwrap_err();
    assert!(
        refused.message.ends_with("no identity-based policy allows the ecr:GetDownloadUrlForLayer action")
    );
    // In the own account, too.
    let own = json!({"repositoryName": NAME});
    assert_eq!(stage.call_as(&may, "ListImages", own).unwrap_err().code, "AccessDeniedException");
}

#[test]
fn nobody_outside_learns_which_repositories_exist() {
    let mut stage = Stage::new();
    let other = Caller::administrator(&stg());
    for name in [NAME, "absent"] {
        let input = json!({"registryId": dev(), "repositoryName": name});
        assert_eq!(stage.call_as(&other, "ListImages", input).unwrap_err().code, "AccessDeniedException");
    }
    let all = json!({"registryId": dev()});
    assert_eq!(stage.call_as(&other, "DescribeRepositories", all).unwrap_err().code, "AccessDeniedException");
}

#[test]
fn a_policy_is_kept_as_it_was_written_and_checked() {
    let mut stage = Stage::new();
    let input = json!({"repositoryName": NAME});
    assert_eq!(stage.code("GetRepositoryPolicy", input.clone()), "RepositoryPolicyNotFoundException");
    assert_eq!(stage.code("DeleteRepositoryPolicy", input.clone()), "RepositoryPolicyNotFoundException");
    let policy = read_policy("222222222222").replace(',', ", ");
    set(&mut stage, &policy);
    let expected = json!({"registryId": dev(), "repositoryName": NAME, "policyText": policy});
    assert_eq!(stage.ok("GetRepositoryPolicy", input.clone()), expected);
    assert_eq!(stage.ok("DeleteRepositoryPolicy", input.clone()), expected);
    assert_eq!(stage.code("GetRepositoryPolicy", input), "RepositoryPolicyNotFoundException");
    let refusals: Vec<String> = [
        "x".to_owned(),
        "{}".to_owned(),
        read_policy("222222222222").replace("Allow", "Maybe"),
        read_policy("222222222222").replace("\"Sid\"", "\"Resource\""),
        " ".repeat(10_241),
    ]
    .into_iter()
    .map(|policy| stage.refusal("SetRepositoryPolicy", json!({"repositoryName": NAME, "policyText": policy})))
    .collect();
    expect![[r#"
        InvalidParameterException: Invalid parameter at 'PolicyText' failed to satisfy constraint: 'Invalid repository policy provided: expected value at line 1 column 1'
        InvalidParameterException: Invalid parameter at 'PolicyText' failed to satisfy constraint: 'Invalid repository policy provided: it has no Statement'
        InvalidParameterException: Invalid parameter at 'PolicyText' failed to satisfy constraint: 'Invalid repository policy provided: Syntax errors in policy: unknown variant `Maybe`, expected `Allow` or `Deny`'
        InvalidParameterException: Invalid parameter at 'PolicyText' failed to satisfy constraint: 'Invalid repository policy provided: a statement has a Resource, which is always the repository'
        InvalidParameterException: Invalid parameter at 'policyText' failed to satisfy constraint: 'must have length less than or equal to 10240'"#]].assert_eq(&refusals.join("\n"));
}

fn credentials(answer: &Value) -> (String, String) {
    let token = answer["authorizationData"][0]["authorizationToken"].as_str().unwrap();
    let text = String::from_utf8(STANDARD.decode(token).unwrap()).unwrap();
    let (user, password) = text.split_once(':').unwrap();
    (user.to_owned(), password.to_owned())
}

#[test]
fn a_password_tells_who_it_was_given_to_for_twelve_hours() {
    let mut stage = Stage::new();
    let caller = role(&mut stage, &["ecr:GetAuthorizationToken"]);
    let answer = stage.call_as(&caller, "GetAuthorizationToken", json!({})).unwrap();
    assert_eq!(answer["authorizationData"][0]["expiresAt"], json!(1_767_225_600.0 + 12.0 * 3600.0));
    assert_eq!(answer["authorizationData"][0]["proxyEndpoint"], "http://127.0.0.1:4566");
    let (user, password) = credentials(&answer);
    assert_eq!(user, "AWS");
    let login = Login { caller: caller.clone(), registry: stg() };
    assert_eq!(log_in(&stage.world, &user, &password), Ok(login));
    stage.wait(Duration::hours(12));
    assert_eq!(log_in(&stage.world, &user, &password), Err(LoginRefusal::Expired));
    let other = json!({"registryIds": [dev()]});
    let (user, password) = credentials(&stage.call_as(&caller, "GetAuthorizationToken", other).unwrap());
    assert_eq!(log_in(&stage.world, &user, &password), Ok(Login { caller, registry: dev() }));
}

#[test]
fn an_account_id_is_its_administrator_and_others_are_nobody() {
    let stage = Stage::new();
    let administrator = Login { caller: Caller::administrator(&dev()), registry: dev() };
    assert_eq!(log_in(&stage.world, "111111111111", "x"), Ok(administrator));
    for (user, password) in
        [("999999999999", "x"), ("AWS", "x"), ("AWS", "e30="), ("somebody", "x"), ("", "")]
    {
        assert_eq!(log_in(&stage.world, user, password), Err(LoginRefusal::Unknown), "{user}:{password}");
    }
}
