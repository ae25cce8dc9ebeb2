//! Topics and who may publish to them. Subscriptions are kept by name only: nothing is delivered.

use super::{Identity, Work, identity};
use crate::error::AwsError;
use crate::services::cloudformation::properties::Properties;
use crate::services::sns;
use serde_json::{Map, Value};

pub(super) fn create_topic(work: &mut Work<'_>, mut properties: Properties) -> Result<Identity, AwsError> {
    let name = properties.text("TopicName")?;
    for inert in ["DisplayName", "KmsMasterKeyId", "Tags"] {
        let _ = properties.value(inert);
    }
    properties.finish()?;
    let name = work.name(name, 256);
    let account = work.caller.account.clone();
    let arn = sns::create_topic(work.world, &account, &name)?;
    Ok(identity(arn.clone(), [("TopicArn", arn), ("TopicName", name)]))
}

pub(super) fn update_topic(
    work: &mut Work<'_>,
    there: &Identity,
    old: &Map<String, Value>,
    new: &Map<String, Value>,
) -> Result<Identity, AwsError> {
    work.only(old, new, &["DisplayName", "KmsMasterKeyId", "Tags"])?;
    Ok(there.clone())
}

pub(super) fn delete_topic(work: &mut Work<'_>, there: &Identity, _: Properties) -> Result<(), AwsError> {
    let name = there.physical_id.rsplit(':').next().unwrap_or_default().to_owned();
    let account = work.caller.account.clone();
    sns::delete_topic(work.world, &account, &name)
}

pub(super) fn create_policy(work: &mut Work<'_>, mut properties: Properties) -> Result<Identity, AwsError> {
    put_policy(work, &mut properties)?;
    properties.finish()?;
    let name = work.name(None, 64);
    Ok(identity(name, []))
}

pub(super) fn update_policy(
    work: &mut Work<'_>,
    there: &Identity,
    old: &Map<String, Value>,
    new: &Map<String, Value>,
) -> Result<Identity, AwsError> {
    work.only(old, new, &["PolicyDocument"])?;
    let mut properties = work.properties(new.clone());
    put_policy(work, &mut properties)?;
    Ok(there.clone())
}

pub(super) fn delete_policy(
    work: &mut Work<'_>,
    _: &Identity,
    mut properties: Properties,
) -> Result<(), AwsError> {
    properties.texts("Topics")?.iter().try_for_each(|arn| sns::set_policy(work.world, arn, None))
}

fn put_policy(work: &mut Work<'_>, properties: &mut Properties) -> Result<(), AwsError> {
    let document = properties.value("PolicyDocument");
    properties.texts("Topics")?.iter().try_for_each(|arn| sns::set_policy(work.world, arn, document.clone()))
}
