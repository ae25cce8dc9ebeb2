//! Log groups.

use super::{Identity, Work, identity};
use crate::error::AwsError;
use crate::services::Service;
use crate::services::cloudformation::properties::Properties;
use serde_json::{Map, Value, json};

pub(super) fn create(work: &mut Work<'_>, mut properties: Properties) -> Result<Identity, AwsError> {
    let name = properties.text("LogGroupName")?;
    let name = work.name(name, 512);
    let retention = properties.number("RetentionInDays")?;
    properties.finish()?;
    work.call(Service::Logs, "CreateLogGroup", json!({"logGroupName": name}))?;
    put_retention(work, &name, retention)?;
    let arn = work.arn("logs", &format!("log-group:{name}:*"));
    Ok(identity(name, [("Arn", arn)]))
}

pub(super) fn update(
    work: &mut Work<'_>,
    there: &Identity,
    old: &Map<String, Value>,
    new: &Map<String, Value>,
) -> Result<Identity, AwsError> {
    work.only(old, new, &["RetentionInDays"])?;
    let retention = work.properties(new.clone()).number("RetentionInDays")?;
    match retention {
        Some(_) => put_retention(work, &there.physical_id, retention)?,
        None => {
            let input = json!({"logGroupName": there.physical_id});
            work.call(Service::Logs, "DeleteRetentionPolicy", input)?;
        }
    }
    Ok(there.clone())
}

pub(super) fn delete(work: &mut Work<'_>, there: &Identity, _: Properties) -> Result<(), AwsError> {
    work.call(Service::Logs, "DeleteLogGroup", json!({"logGroupName": there.physical_id})).map(|_| ())
}

fn put_retention(work: &mut Work<'_>, name: &str, days: Option<i64>) -> Result<(), AwsError> {
    let Some(days) = days else { return Ok(()) };
    let input = json!({"logGroupName": name, "retentionInDays": days});
    work.call(Service::Logs, "PutRetentionPolicy", input).map(|_| ())
}
