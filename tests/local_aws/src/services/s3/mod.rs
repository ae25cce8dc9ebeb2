//! Amazon S3: buckets by name and policy, as far as pipelines and templates need them. No object is kept: a
//! pipeline's artifacts stay in the pipeline.

use crate::caller::Caller;
use crate::error::AwsError;
use crate::services::{Service, iam, parse_input};
use crate::world::World;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// What one account holds of this service.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct State {
    buckets: BTreeMap<String, Bucket>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Bucket {
    policy: Option<Value>,
}

/// Carries out one operation.
pub(crate) fn call(
    world: &mut World,
    caller: &Caller,
    operation: &str,
    input: Value,
) -> Result<Value, AwsError> {
    if !OPERATIONS.contains(&operation) {
        return Err(AwsError::not_in_local_aws(format!("the operation s3 {operation}")));
    }
    let Input { bucket, policy } = parse_input(Service::S3, operation, input)?;
    let name = bucket.filter(|name| is_name(name)).ok_or_else(|| {
        AwsError::new(
            "InvalidBucketName",
            "The specified bucket is not valid: expected 3 to 63 of a-z, 0-9, . and -",
        )
    })?;
    let action = if operation == "HeadBucket" { "ListBucket" } else { operation };
    iam::authorize(world, caller, &format!("s3:{action}"), &format!("arn:aws:s3:::{name}"), &[])?;
    if operation == "CreateBucket" {
        return create_bucket(world, caller, name);
    }
    let buckets = &mut world.account_mut(&caller.account)?.s3.buckets;
    let bucket = buckets.get_mut(&name).ok_or_else(|| no_such_bucket(&name))?;
    match operation {
        "DeleteBucket" => {
            buckets.remove(&name);
        }
        "PutBucketPolicy" => {
            let policy: Value = serde_json::from_str(&policy.unwrap_or_default()).map_err(|error| {
                AwsError::new("MalformedPolicy", format!("Policies must be valid JSON: {error}"))
            })?;
            iam::check_resource_policy(&policy)?;
            bucket.policy = Some(policy);
        }
        "DeleteBucketPolicy" => bucket.policy = None,
        "GetBucketPolicy" => {
            let policy = bucket.policy.as_ref().ok_or_else(|| {
                AwsError::new("NoSuchBucketPolicy", "The bucket policy does not exist").with_status(404)
            })?;
            return Ok(json!({"Policy": policy.to_string()}));
        }
        _ => {}
    }
    Ok(json!({}))
}

const OPERATIONS: [&str; 6] = [
    "CreateBucket",
    "DeleteBucket",
    "DeleteBucketPolicy",
    "GetBucketPolicy",
    "HeadBucket",
    "PutBucketPolicy",
];

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Input {
    bucket: Option<String>,
    policy: Option<String>,
}

/// Bucket names are unique among all accounts.
fn create_bucket(world: &mut World, caller: &Caller, name: String) -> Result<Value, AwsError> {
    for account in world.account_ids() {
        if world.account(&account)?.s3.buckets.contains_key(&name) {
            let code =
                if account == caller.account { "BucketAlreadyOwnedByYou" } else { "BucketAlreadyExists" };
            return Err(AwsError::new(code, format!("The requested bucket name {name} is not available."))
                .with_status(409));
        }
    }
    let location = format!("/{name}");
    world.account_mut(&caller.account)?.s3.buckets.insert(name, Bucket::default());
    Ok(json!({"Location": location}))
}

fn is_name(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    (3..=63).contains(&name.len())
        && name.bytes().all(|byte| plain(byte) || byte == b'-' || byte == b'.')
        && name.bytes().next().is_some_and(plain)
        && name.bytes().last().is_some_and(plain)
}

fn no_such_bucket(name: &str) -> AwsError {
    AwsError::new("NoSuchBucket", format!("The specified bucket {name} does not exist")).with_status(404)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use crate::settings::Settings;
    use crate::store::Store;

    #[test]
    fn a_bucket_s_name_is_taken_once_among_all_accounts() {
        let ids = ["111111111111", "222222222222"].map(|id| id.parse().expect("an id"));
        let store = Store::temporary().expect("a store");
        let mut world = World::new(ids.clone(), "eu-west-1", Clock::Real, 1, Settings::default(), store);
        let [first, second] = ids.map(|id| Caller::administrator(&id));
        let mut s3 = |caller: &Caller, operation: &str, name: &str| {
            call(&mut world, caller, operation, json!({"Bucket": name})).map_err(|error| error.code)
        };
        assert_eq!(s3(&first, "HeadBucket", "artifacts"), Err("NoSuchBucket".to_owned()));
        assert!(s3(&first, "CreateBucket", "artifacts").is_ok());
        assert_eq!(s3(&first, "CreateBucket", "artifacts"), Err("BucketAlreadyOwnedByYou".to_owned()));
        assert_eq!(s3(&second, "CreateBucket", "artifacts"), Err("BucketAlreadyExists".to_owned()));
        assert_eq!(s3(&first, "CreateBucket", "Artifacts"), Err("InvalidBucketName".to_owned()));
        assert!(s3(&first, "DeleteBucket", "artifacts").is_ok());
        assert!(s3(&second, "CreateBucket", "artifacts").is_ok());
    }
}
