//! Buckets: by name; what else is said of them is kept and does nothing, since no object is kept here.

use super::{Identity, Work, identity};
use crate::error::AwsError;
use crate::services::Service;
use crate::services::cloudformation::properties::Properties;
use serde_json::{Map, Value, json};

const CONFIGURATION: [&str; 7] = [
    "BucketEncryption",
    "LifecycleConfiguration",
    "LoggingConfiguration",
    "OwnershipControls",
    "PublicAccessBlockConfiguration",
    "Tags",
    "VersioningConfiguration",
];

pub(super) fn create_bucket(work: &mut Work<'_>, mut properties: Properties) -> Result<Identity, AwsError> {
    let name = properties.text("BucketName")?;
    let name = work.name(name, 63).to_lowercase();
    for passive in CONFIGURATION {
        let _kept_in_the_stack = properties.value(passive);
    }
    properties.finish()?;
    work.call(Service::S3, "CreateBucket", json!({"Bucket": name}))?;
    let arn = format!("arn:aws:s3:::{name}");
    let domain = format!("{name}.s3.amazonaws.com");
    Ok(identity(name, [("Arn", arn), ("DomainName", domain)]))
}

pub(super) fn update_bucket(
    work: &mut Work<'_>,
    there: &Identity,
    old: &Map<String, Value>,
    new: &Map<String, Value>,
) -> Result<Identity, AwsError> {
    work.only(old, new, &CONFIGURATION)?;
    Ok(there.clone())
}

pub(super) fn delete_bucket(work: &mut Work<'_>, there: &Identity, _: Properties) -> Result<(), AwsError> {
    work.call(Service::S3, "DeleteBucket", json!({"Bucket": there.physical_id})).map(|_| ())
}

pub(super) fn create_policy(work: &mut Work<'_>, mut properties: Properties) -> Result<Identity, AwsError> {
    let bucket = properties.required("Bucket")?;
    let policy = properties.value("PolicyDocument").unwrap_or(Value::Null);
    properties.finish()?;
    put_policy(work, &bucket, &policy)?;
    Ok(identity(bucket, []))
}

pub(super) fn update_policy(
    work: &mut Work<'_>,
    there: &Identity,
    old: &Map<String, Value>,
    new: &Map<String, Value>,
) -> Result<Identity, AwsError> {
    work.only(old, new, &["PolicyDocument"])?;
    put_policy(work, &there.physical_id, new.get("PolicyDocument").unwrap_or(&Value::Null))?;
    Ok(there.clone())
}

pub(super) fn delete_policy(work: &mut Work<'_>, there: &Identity, _: Properties) -> Result<(), AwsError> {
    work.call(Service::S3, "DeleteBucketPolicy", json!({"Bucket": there.physical_id})).map(|_| ())
}

fn put_policy(work: &mut Work<'_>, bucket: &str, policy: &Value) -> Result<(), AwsError> {
    let input = json!({"Bucket": bucket, "Policy": policy.to_string()});
    work.call(Service::S3, "PutBucketPolicy", input).map(|_| ())
}
