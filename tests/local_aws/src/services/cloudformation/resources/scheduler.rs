//! Schedules.

use super::{Identity, Work, answered, identity, without_nulls};
use crate::error::AwsError;
use crate::services::Service;
use crate::services::cloudformation::properties::Properties;
use serde_json::{Map, Value, json};

pub(super) fn create(work: &mut Work<'_>, mut properties: Properties) -> Result<Identity, AwsError> {
    let name = properties.text("Name")?;
    let name = work.name(name, 64);
    put(work, "CreateSchedule", name, properties)
}

pub(super) fn update(
    work: &mut Work<'_>,
    there: &Identity,
    old: &Map<String, Value>,
    new: &Map<String, Value>,
) -> Result<Identity, AwsError> {
    let changeable = [
        "Description",
        "FlexibleTimeWindow",
        "ScheduleExpression",
        "ScheduleExpressionTimezone",
        "State",
        "Target",
    ];
    work.only(old, new, &changeable)?;
    let mut properties = work.properties(new.clone());
    properties.text("Name")?;
    put(work, "UpdateSchedule", there.physical_id.clone(), properties)
}

pub(super) fn delete(work: &mut Work<'_>, there: &Identity, _: Properties) -> Result<(), AwsError> {
    work.call(Service::Scheduler, "DeleteSchedule", json!({"Name": there.physical_id})).map(|_| ())
}

fn put(
    work: &mut Work<'_>,
    operation: &str,
    name: String,
    mut properties: Properties,
) -> Result<Identity, AwsError> {
    let input = without_nulls(json!({
        "Name": name,
        "Description": properties.text("Description")?,
        "FlexibleTimeWindow": properties.value("FlexibleTimeWindow"),
        "ScheduleExpression": properties.required("ScheduleExpression")?,
        "ScheduleExpressionTimezone": properties.text("ScheduleExpressionTimezone")?,
        "State": properties.text("State")?,
        "Target": properties.value("Target"),
    }));
    properties.finish()?;
    let arn = answered(&work.call(Service::Scheduler, operation, input)?, "/ScheduleArn")?;
    Ok(identity(name, [("Arn", arn)]))
}
