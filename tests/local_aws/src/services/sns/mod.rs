//! Amazon SNS: topics that keep what was published to them. Nothing is delivered to subscribers.

use super::iam;
use crate::caller::{Caller, Identity};
use crate::error::AwsError;
use crate::names::{AccountId, Arn};
use crate::world::World;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// How many messages a topic keeps.
const MESSAGES_KEPT_MAX: usize = 1_000;

/// What one account holds of this service.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct State {
    /// The topics by name.
    pub topics: BTreeMap<String, Topic>,
}

/// One topic.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Topic {
    /// Who may publish, beside the account itself.
    pub policy: Option<Value>,
    /// What was published, oldest first.
    pub messages: Vec<String>,
}

/// Makes a topic; one that is there already stays as it is.
///
/// # Errors
/// When there is no such account.
pub(crate) fn create_topic(world: &mut World, account: &AccountId, name: &str) -> Result<String, AwsError> {
    world.account_mut(account)?.sns.topics.entry(name.to_owned()).or_default();
    Ok(world.arn("sns", account, name))
}

/// Removes a topic, with what it keeps.
///
/// # Errors
/// When there is no such account.
pub(crate) fn delete_topic(world: &mut World, account: &AccountId, name: &str) -> Result<(), AwsError> {
    world.account_mut(account)?.sns.topics.remove(name);
    Ok(())
}

/// Says who may publish to a topic.
///
/// # Errors
/// `NotFound` when there is no such topic.
pub(crate) fn set_policy(world: &mut World, arn: &str, policy: Option<Value>) -> Result<(), AwsError> {
    topic(world, arn)?.policy = policy;
    Ok(())
}

/// Publishes a message on behalf of `source_arn`, such as a rule.
///
/// # Errors
/// `NotFound` when there is no such topic, `AuthorizationError` when neither its policy nor the caller's allows it.
pub(crate) fn publish(
    world: &mut World,
    caller: &Caller,
    arn: &str,
    source_arn: &str,
    message: String,
) -> Result<(), AwsError> {
    let context = [("aws:SourceArn", source_arn)];
    let policy = topic(world, arn)?.policy.clone();
    let by_policy = policy.is_some_and(|policy| {
        iam::resource_policy_allows(world, &policy, caller, "sns:Publish", arn, &context)
    });
    let by_itself = !matches!(caller.identity, Identity::Service(_))
        && iam::authorize(world, caller, "sns:Publish", arn, &context).is_ok();
    if !by_policy && !by_itself {
        let text = format!("{} is not authorized to perform: SNS:Publish on resource: {arn}", caller.arn());
        return Err(AwsError::new("AuthorizationError", text).with_status(403));
    }
    let topic = topic(world, arn)?;
    if topic.messages.len() == MESSAGES_KEPT_MAX {
        topic.messages.remove(0);
    }
    topic.messages.push(message);
    Ok(())
}

fn topic<'a>(world: &'a mut World, arn: &str) -> Result<&'a mut Topic, AwsError> {
    let not_found = || AwsError::new("NotFound", format!("Topic does not exist: {arn}")).with_status(404);
    let parsed = Arn::parse(arn).filter(|arn| arn.service == "sns").ok_or_else(not_found)?;
    let account: AccountId = parsed.account.parse().map_err(|_| not_found())?;
    world.account_mut(&account)?.sns.topics.get_mut(&parsed.resource).ok_or_else(not_found)
}

/// Carries out one operation.
pub(crate) fn call(
    world: &mut World,
    caller: &Caller,
    operation: &str,
    _input: Value,
) -> Result<Value, AwsError> {
    match operation {
        "ListTopics" => {
            iam::authorize(world, caller, "sns:ListTopics", "*", &[])?;
            let names = world.account(&caller.account)?.sns.topics.keys();
            let topics = names.map(|name| json!({ "TopicArn": world.arn("sns", &caller.account, name) }));
            Ok(json!({ "Topics": topics.collect::<Vec<_>>() }))
        }
        _ => Err(AwsError::not_in_local_aws(format!("the operation sns {operation}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use crate::settings::Settings;
    use crate::store::Store;

    #[test]
    fn only_whom_the_policy_names_publishes() {
        let account: AccountId = "111111111111".parse().unwrap();
        let store = Store::temporary().unwrap();
        let clock = Clock::Manual(chrono::DateTime::UNIX_EPOCH);
        let mut world = World::new([account.clone()], "eu-west-1", clock, 1, Settings::default(), store);
        let events = Caller::service(&account, "events.amazonaws.com");
        let rule = "arn:aws:events:eu-west-1:111111111111:rule/told";
        let arn = create_topic(&mut world, &account, "people").unwrap();
        let refused = publish(&mut world, &events, &arn, rule, "one".to_owned()).unwrap_err();
        assert_eq!(refused.code, "AuthorizationError");
        let policy = json!({"Version": "2012-10-17", "Statement": [{
            "Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sns:Publish",
            "Resource": arn, "Condition": {"ArnEquals": {"aws:SourceArn": rule}},
        }]});
        set_policy(&mut world, &arn, Some(policy)).unwrap();
        publish(&mut world, &events, &arn, rule, "two".to_owned()).unwrap();
        assert!(publish(&mut world, &events, &arn, "arn:other", "three".to_owned()).is_err());
        assert_eq!(world.account(&account).unwrap().sns.topics["people"].messages, ["two"]);
    }
}
