//! How each service is reached: its host, its name in signatures, its protocol.

use crate::error::ApiError;

/// The protocol that a service speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// JSON in and out, the operation in `x-amz-target` behind this prefix; the second part is the version.
    Json(&'static str, &'static str),
    /// A form in, XML out, with this API version.
    Query(&'static str),
    /// JSON to a path of its own for each operation.
    Rest,
}

/// One service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Service {
    /// The name that signatures carry.
    pub signing_name: &'static str,
    /// The first part of its host name.
    pub host: &'static str,
    /// How it speaks.
    pub protocol: Protocol,
}

const SERVICES: [Service; 12] = [
    json("codecommit", "codecommit", "CodeCommit_20150413", "1.1"),
    json("codepipeline", "codepipeline", "CodePipeline_20150709", "1.1"),
    json("ecr", "api.ecr", "AmazonEC2ContainerRegistry_V20150921", "1.1"),
    json("ecs", "ecs", "AmazonEC2ContainerServiceV20141113", "1.1"),
    json("events", "events", "AWSEvents", "1.1"),
    json("sqs", "sqs", "AmazonSQS", "1.0"),
    json("ssm", "ssm", "AmazonSSM", "1.1"),
    json("logs", "logs", "Logs_20140328", "1.1"),
    query("sts", "2011-06-15"),
    query("cloudformation", "2010-05-15"),
    query("iam", "2010-05-08"),
    Service { signing_name: "lambda", host: "lambda", protocol: Protocol::Rest },
];

const fn json(
    name: &'static str,
    host: &'static str,
    target: &'static str,
    version: &'static str,
) -> Service {
    Service { signing_name: name, host, protocol: Protocol::Json(target, version) }
}

const fn query(name: &'static str, version: &'static str) -> Service {
    Service { signing_name: name, host: name, protocol: Protocol::Query(version) }
}

impl Service {
    /// The service of that name.
    ///
    /// # Errors
    /// When this client does not know it.
    pub fn named(name: &str) -> Result<Self, ApiError> {
        let known = SERVICES.iter().find(|service| service.signing_name == name);
        known
            .copied()
            .ok_or_else(|| ApiError::no_reply(format!("this client does not know the service {name}")))
    }

    /// AWS's own address of it, and the Region that a signature for it names.
    pub fn aws(&self, region: &str) -> (String, String) {
        if self.signing_name == "iam" {
            return ("https://iam.amazonaws.com".to_owned(), "us-east-1".to_owned());
        }
        (format!("https://{}.{region}.amazonaws.com", self.host), region.to_owned())
    }
}
