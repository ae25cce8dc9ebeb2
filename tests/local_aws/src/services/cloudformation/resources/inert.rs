//! Subscriptions and alarms: the local accounts have no service that sends or measures, so these are kept by
//! name in their stack, and do nothing.

use super::{Identity, Work, identity};
use crate::error::AwsError;
use crate::services::cloudformation::properties::Properties;
use serde_json::{Map, Value};

const SUBSCRIPTION: [&str; 5] = ["Endpoint", "FilterPolicy", "Protocol", "RawMessageDelivery", "TopicArn"];
const ALARM: [&str; 17] = [
    "ActionsEnabled",
    "AlarmActions",
    "AlarmDescription",
    "AlarmName",
    "ComparisonOperator",
    "DatapointsToAlarm",
    "Dimensions",
    "EvaluationPeriods",
    "InsufficientDataActions",
    "MetricName",
    "Namespace",
    "OKActions",
    "Period",
    "Statistic",
    "Threshold",
    "TreatMissingData",
    "Unit",
];

pub(super) fn create_subscription(
    work: &mut Work<'_>,
    mut properties: Properties,
) -> Result<Identity, AwsError> {
    let topic = properties.required("TopicArn")?;
    known(properties, &SUBSCRIPTION)?;
    let arn = format!("{topic}:{}", work.world.ids.uuid());
    Ok(identity(arn.clone(), [("Arn", arn)]))
}

pub(super) fn update_subscription(
    work: &mut Work<'_>,
    there: &Identity,
    old: &Map<String, Value>,
    new: &Map<String, Value>,
) -> Result<Identity, AwsError> {
    work.only(old, new, &["FilterPolicy", "RawMessageDelivery"])?;
    Ok(there.clone())
}

pub(super) fn create_alarm(work: &mut Work<'_>, mut properties: Properties) -> Result<Identity, AwsError> {
    let name = properties.text("AlarmName")?;
    known(properties, &ALARM)?;
    let name = work.name(name, 255);
    let arn = work.arn("cloudwatch", &format!("alarm:{name}"));
    Ok(identity(name, [("Arn", arn)]))
}

pub(super) fn update_alarm(
    work: &mut Work<'_>,
    there: &Identity,
    old: &Map<String, Value>,
    new: &Map<String, Value>,
) -> Result<Identity, AwsError> {
    let changeable: Vec<&str> = ALARM.into_iter().filter(|name| *name != "AlarmName").collect();
    work.only(old, new, &changeable)?;
    Ok(there.clone())
}

pub(super) fn delete(_: &mut Work<'_>, _: &Identity, _: Properties) -> Result<(), AwsError> {
    Ok(())
}

/// Refuses a property that CloudFormation does not know of this type.
fn known(mut properties: Properties, names: &[&str]) -> Result<(), AwsError> {
    for name in names {
        let _kept_in_the_stack = properties.value(name);
    }
    properties.finish()
}
