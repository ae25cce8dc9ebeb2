//! The buses between the accounts: who may tell what to whom, and how far.

use super::isolation::{CHAIN, answer, chain, told};
use client::aws::Aws;
use expect_test::expect;
use local_aws::AccountId;
use serde_json::{Value, json};
use std::fmt::Write as _;
use stories::{DEV, Failure, PRD, STG, Story};

/// A rule of an account's owner that sends on what that account is told.
fn forward(aws: &Aws, account: &str, bus: &str, to: &str, role: &str) -> Result<(), Failure> {
    let pattern = json!({ "source": ["towpath"] }).to_string();
    let rule = json!({ "Name": "onward", "EventBusName": bus, "EventPattern": pattern });
    aws.call("events", "PutRule", &rule)?;
    let target = json!({
        "Id": "onward", "Arn": format!("arn:aws:events:eu-west-1:{to}:event-bus/towpath"),
        "RoleArn": format!("arn:aws:iam::{account}:role/{role}"),
    });
    aws.call("events", "PutTargets", &json!({ "Rule": "onward", "EventBusName": bus, "Targets": [target] }))?;
    Ok(())
}

/// The errors of one account's events that reached nobody.
fn undelivered(story: &Story, account: &str) -> Result<Vec<String>, Failure> {
    let account: AccountId = account.parse()?;
    let lost =
        story.world(|world| world.account(&account).map(|state| state.events.undelivered().to_vec()))?;
    Ok(lost.into_iter().map(|lost| format!("{}: {}", lost.error_code, lost.error_message)).collect())
}

#[test]
fn a_bus_takes_what_upstream_tells_and_nothing_from_strangers() -> Result<(), Failure> {
    let mut story = chain()?;
    let mut shown = String::new();
    for (who, source, detail_type) in [
        ("dev", "towpath", "Towpath Evidence"),
        ("dev", "towpath", "Towpath Notification"),
        ("dev", "aws.ecr", "ECR Image Action"),
        ("dev", "aws.codecommit", "CodeCommit Repository State Change"),
        ("dev", "somebody", "Towpath Evidence"),
        ("prd", "towpath", "Towpath Evidence"),
        ("stg", "towpath", "Towpath Evidence"),
    ] {
        let event = told(STG, "towpath", source, detail_type);
        let sent = story.at(who)?.aws.call("events", "PutEvents", &event);
        let refused = sent.as_ref().ok().and_then(|sent| sent.pointer("/Entries/0/ErrorCode")?.as_str());
        let answer = refused.map_or_else(|| answer(&sent), str::to_owned);
        let _ = writeln!(shown, "{who} tells stg {detail_type} of {source}: {answer}");
    }
    story.rest()?;
    let events = story.at("stg")?.events_so_far()?;
    let arrived = events.iter().filter(|(function, _)| *function == "promote_image");
    for (_, body) in arrived {
        let event: Value = serde_json::from_str(body)?;
        let text = |name: &str| event.get(name).and_then(Value::as_str).unwrap_or_default();
        let _ = writeln!(
            shown,
            "arrived at the bus: {} of {} from {}",
            text("detail-type"),
            text("source"),
            text("account")
        );
    }
    let records = story.told()?;
    let records = records.lines().filter(|line| line.contains("promote_image"));
    records.for_each(|record| shown.push_str(&format!("{}\n", record.trim())));
    expect![[r#"
        dev tells stg Towpath Evidence of towpath: ok
        dev tells stg Towpath Notification of towpath: AccessDeniedException
        dev tells stg ECR Image Action of aws.ecr: NotAuthorizedForSourceException
        dev tells stg CodeCommit Repository State Change of aws.codecommit: AccessDeniedException
        dev tells stg Towpath Evidence of somebody: AccessDeniedException
        prd tells stg Towpath Evidence of towpath: AccessDeniedException
        stg tells stg Towpath Evidence of towpath: ok
        arrived at the bus: ECR Image Action of aws.ecr from 111111111111
        arrived at the bus: Towpath Evidence of towpath from 111111111111
        arrived at the bus: Towpath Evidence of towpath from 222222222222
        2 × promote_image: - ignored: the deployment repository deployment has no branch main yet
    "#]]
    .assert_eq(&shown);
    Ok(())
}

#[test]
fn no_rule_leads_past_the_next_account_or_back() -> Result<(), Failure> {
    let mut story = chain()?;
    let mut shown = String::new();
    // Each account's owner, who may do anything there, makes rules of the owner's own.
    for (who, bus, to, role) in [
        ("dev", "default", PRD, "towpath-tell_downstream"),
        ("dev", "default", PRD, "everything"),
        ("stg", "towpath", PRD, "everything"),
        ("stg", "default", DEV, "everything"),
        ("prd", "default", STG, "everything"),
        ("dev", "default", STG, "nothing"),
        ("dev", "default", STG, "for_lambda"),
    ] {
        let account = account_of(who);
        let aws = story.at(who)?.aws.clone();
        make_role(&aws, "everything", "events", Some("events:PutEvents"))?;
        make_role(&aws, "nothing", "events", None)?;
        make_role(&aws, "for_lambda", "lambda", Some("events:PutEvents"))?;
        forward(&aws, account, bus, to, role)?;
        let before = undelivered(&story, account)?.len();
        // On stg's bus lies what dev tells; on its own bus, what an account tells itself.
        let sender = if bus == "towpath" { "dev" } else { who };
        let event = told(account_of(sender), "default", "towpath", "Towpath Evidence");
        story.at(sender)?.aws.call("events", "PutEvents", &event)?;
        story.rest()?;
        let _ = writeln!(shown, "a rule in {who} on {bus}, to {} as {role}", environment_of(to));
        for lost in undelivered(&story, account)?.iter().skip(before) {
            let _ = writeln!(shown, "    {lost}");
        }
        let gone = json!({ "Rule": "onward", "EventBusName": bus, "Ids": ["onward"] });
        story.at(who)?.aws.call("events", "RemoveTargets", &gone)?;
    }
    let foreign = forward(&story.at("prd")?.aws, STG, "default", STG, "towpath-tell_downstream");
    let answer = foreign.map_or_else(|error| error.to_string(), |()| "ok".to_owned());
    let _ = writeln!(shown, "a rule in prd with a role of stg\n    {answer}");
    expect![[r#"
        a rule in dev on default, to prd as towpath-tell_downstream
            NO_PERMISSIONS: User: arn:aws:sts::111111111111:assumed-role/towpath-tell_downstream/events is not authorized to perform: events:PutEvents on resource: arn:aws:events:eu-west-1:333333333333:event-bus/towpath because no identity-based policy allows the events:PutEvents action
        a rule in dev on default, to prd as everything
            NO_PERMISSIONS: User: arn:aws:sts::111111111111:assumed-role/everything/events is not authorized to perform: events:PutEvents on resource: arn:aws:events:eu-west-1:333333333333:event-bus/towpath because no resource-based policy allows the events:PutEvents action
        a rule in stg on towpath, to prd as everything
            THIRD_ACCOUNT_HOP_DETECTED: an event that was forwarded once is not forwarded again
        a rule in stg on default, to dev as everything
            NO_RESOURCE: Event bus towpath does not exist.
        a rule in prd on default, to stg as everything
            NO_PERMISSIONS: User: arn:aws:sts::333333333333:assumed-role/everything/events is not authorized to perform: events:PutEvents on resource: arn:aws:events:eu-west-1:222222222222:event-bus/towpath because no resource-based policy allows the events:PutEvents action
        a rule in dev on default, to stg as nothing
            NO_PERMISSIONS: User: arn:aws:sts::111111111111:assumed-role/nothing/events is not authorized to perform: events:PutEvents on resource: arn:aws:events:eu-west-1:222222222222:event-bus/towpath because no identity-based policy allows the events:PutEvents action
        a rule in dev on default, to stg as for_lambda
            NO_PERMISSIONS: EventBridge cannot assume the role arn:aws:iam::111111111111:role/for_lambda
        a rule in prd with a role of stg
            AccessDeniedException (400): User: arn:aws:iam::333333333333:user/administrator is not authorized to perform: iam:PassRole on resource: arn:aws:iam::222222222222:role/towpath-tell_downstream because the role belongs to another account
    "#]].assert_eq(&shown);
    Ok(())
}

fn account_of(environment: &str) -> &'static str {
    CHAIN.iter().find(|(name, _)| *name == environment).map_or("", |(_, account)| account)
}

fn environment_of(account: &str) -> &'static str {
    CHAIN.iter().find(|(_, id)| *id == account).map_or("", |(name, _)| name)
}

/// Makes a role that a service trusts and that may do one thing everywhere, or nothing.
pub(super) fn make_role(aws: &Aws, role: &str, service: &str, action: Option<&str>) -> Result<(), Failure> {
    let trust = json!({ "Version": "2012-10-17", "Statement": {
        "Effect": "Allow", "Principal": { "Service": format!("{service}.amazonaws.com") }, "Action": "sts:AssumeRole",
    } });
    let input = [("RoleName", role), ("AssumeRolePolicyDocument", &trust.to_string())];
    match aws.query("iam", "CreateRole", &input) {
        Err(error) if error.code != "EntityAlreadyExists" => return Err(error.into()),
        _ => {}
    }
    let Some(action) = action else { return Ok(()) };
    let policy = json!({ "Version": "2012-10-17", "Statement": {
        "Effect": "Allow", "Action": action, "Resource": "*",
    } });
    let policy = policy.to_string();
    aws.query(
        "iam",
        "PutRolePolicy",
        &[("RoleName", role), ("PolicyName", "one"), ("PolicyDocument", &policy)],
    )?;
    Ok(())
}
