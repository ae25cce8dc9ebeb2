//! Two accounts, one repository, and images small enough to read.

use crate::caller::Caller;
use crate::clock::Clock;
use crate::error::AwsError;
use crate::names::AccountId;
use crate::services::Service;
use crate::services::ecr::digest::sha256;
use crate::services::ecr::manifest::{OCI_INDEX, OCI_MANIFEST};
use crate::settings::Settings;
use crate::store::Store;
use crate::world::World;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Duration};
use serde_json::{Value, json};

/// The repository of most tests.
pub(super) const NAME: &str = "webapp1";

pub(super) fn dev() -> AccountId {
    "111111111111".parse().unwrap()
}

pub(super) fn stg() -> AccountId {
    "222222222222".parse().unwrap()
}

pub(super) struct Stage {
    pub(super) world: World,
}

impl Stage {
    /// Accounts with nothing in them.
    pub(super) fn empty() -> Self {
        let clock = Clock::Manual(DateTime::from_timestamp(1_767_225_600, 0).unwrap());
        let store = Store::temporary().unwrap();
        let mut world = World::new([dev(), stg()], "eu-west-1", clock, 1, Settings::default(), store);
        world.endpoint = Some("http://127.0.0.1:4566".to_owned());
        Self { world }
    }

    /// With an empty repository in dev.
    pub(super) fn new() -> Self {
        let mut stage = Self::empty();
        stage.ok("CreateRepository", json!({"repositoryName": NAME}));
        stage
    }

    /// What dev's administrator gets.
    pub(super) fn call(&mut self, operation: &str, input: Value) -> Result<Value, AwsError> {
        self.call_as(&Caller::administrator(&dev()), operation, input)
    }

    pub(super) fn call_as(
        &mut self,
        caller: &Caller,
        operation: &str,
        input: Value,
    ) -> Result<Value, AwsError> {
        self.world.call(caller, Service::Ecr, operation, input)
    }

    #[track_caller]
    pub(super) fn ok(&mut self, operation: &str, input: Value) -> Value {
        self.call(operation, input).unwrap()
    }

    /// The refusal as a line: code and text.
    #[track_caller]
    pub(super) fn refusal(&mut self, operation: &str, input: Value) -> String {
        self.call(operation, input).unwrap_err().to_string()
    }

    #[track_caller]
    pub(super) fn code(&mut self, operation: &str, input: Value) -> String {
        self.call(operation, input).unwrap_err().code
    }

    pub(super) fn wait(&mut self, span: Duration) {
        let later = self.world.now() + span;
        self.world.clock.set(later);
    }

    /// Uploads a layer in one part; its digest.
    #[track_caller]
    pub(super) fn layer(&mut self, repository: &str, bytes: &[u8]) -> String {
        let digest = sha256(bytes);
        let upload = self.ok("InitiateLayerUpload", json!({"repositoryName": repository}));
        let part = json!({
            "repositoryName": repository, "uploadId": upload["uploadId"], "partFirstByte": 0,
            "partLastByte": bytes.len() - 1, "layerPartBlob": STANDARD.encode(bytes),
        });
        self.ok("UploadLayerPart", part);
        let complete = json!({
            "repositoryName": repository, "uploadId": upload["uploadId"], "layerDigests": [digest],
        });
        match self.call("CompleteLayerUpload", complete) {
            Err(error) if error.code == "LayerAlreadyExistsException" => digest,
            answer => answer.unwrap()["layerDigest"].as_str().unwrap().to_owned(),
        }
    }

    /// Puts a manifest; its digest.
    #[track_caller]
    pub(super) fn put(&mut self, repository: &str, text: &str, tag: Option<&str>) -> String {
        let mut input = json!({"repositoryName": repository, "imageManifest": text});
        if let Some(tag) = tag {
            input["imageTag"] = json!(tag);
        }
        let image = self.ok("PutImage", input);
        image["image"]["imageId"]["imageDigest"].as_str().unwrap().to_owned()
    }

    /// Pushes an image whose only layer is its name; its digest.
    #[track_caller]
    pub(super) fn push(&mut self, repository: &str, name: &str, tag: Option<&str>) -> String {
        let text = self.manifest(repository, name);
        self.put(repository, &text, tag)
    }

    /// A manifest whose layers are there already.
    #[track_caller]
    pub(super) fn manifest(&mut self, repository: &str, name: &str) -> String {
        let config = format!("{{\"config\":{{\"Labels\":{{\"name\":\"{name}\"}}}}}}");
        self.layer(repository, config.as_bytes());
        self.layer(repository, name.as_bytes());
        image_text(&config, name).to_string()
    }

    /// Pushes something that refers to an image; its digest.
    #[track_caller]
    pub(super) fn refer(&mut self, subject: &str, artifact_type: &str, note: &str) -> String {
        self.layer(NAME, b"{}");
        let text = json!({
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "artifactType": artifact_type,
            "config": descriptor("application/vnd.oci.empty.v1+json", b"{}"),
            "layers": [],
            "subject": {"mediaType": OCI_MANIFEST, "digest": subject, "size": 1},
            "annotations": {"note": note},
        });
        self.put(NAME, &text.to_string(), None)
    }

    /// Lets everything happen that was set off.
    fn settle(&mut self) {
        for _ in 0..20 {
            self.world.step();
        }
    }

    /// Collects all events of dev's ECR from now on.
    pub(super) fn watch_events(&mut self) {
        self.settle();
        let caller = Caller::administrator(&dev());
        let queue = json!({"QueueName": "seen"});
        self.world.call(&caller, Service::Sqs, "CreateQueue", queue).unwrap();
        let arn = "arn:aws:sqs:eu-west-1:111111111111:seen";
        let policy = json!({"Version": "2012-10-17", "Statement": [{
            "Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": arn,
        }]});
        let attributes = json!({
            "QueueUrl": "http://127.0.0.1:4566/111111111111/seen", "Attributes": {"Policy": policy.to_string()},
        });
        self.world.call(&caller, Service::Sqs, "SetQueueAttributes", attributes).unwrap();
        let rule = json!({"Name": "all", "EventPattern": "{\"source\":[\"aws.ecr\"]}"});
        self.world.call(&caller, Service::Events, "PutRule", rule).unwrap();
        let targets = json!({"Rule": "all", "Targets": [{"Id": "1", "Arn": arn}]});
        self.world.call(&caller, Service::Events, "PutTargets", targets).unwrap();
    }

    /// What came since the last look: detail type, resources and detail, a line each.
    pub(super) fn events(&mut self) -> String {
        self.settle();
        let caller = Caller::administrator(&dev());
        let mut lines = Vec::new();
        loop {
            let input =
                json!({"QueueUrl": "http://127.0.0.1:4566/111111111111/seen", "MaxNumberOfMessages": 10});
            let answer = self.world.call(&caller, Service::Sqs, "ReceiveMessage", input).unwrap();
            let Some(messages) = answer.get("Messages").and_then(Value::as_array) else { break };
            for message in messages {
                let event: Value = serde_json::from_str(message["Body"].as_str().unwrap()).unwrap();
                let line = format!("{} {} {}", event["detail-type"], event["resources"], event["detail"]);
                lines.push(shortened(&line));
            }
        }
        lines.join("\n")
    }
}

/// Digests cut to their first digits, to be read.
pub(super) fn shortened(text: &str) -> String {
    let mut parts = text.split("sha256:");
    let mut short = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let is_digest = part.len() >= 64 && part[..64].bytes().all(|byte| byte.is_ascii_hexdigit());
        let text = if is_digest { format!("{}…{}", &part[..6], &part[64..]) } else { part.to_owned() };
        short.push_str("sha256:");
        short.push_str(&text);
    }
    short
}

pub(super) fn descriptor(media_type: &str, bytes: &[u8]) -> Value {
    json!({"mediaType": media_type, "digest": sha256(bytes), "size": bytes.len()})
}

/// An image of this configuration and one layer.
pub(super) fn image_text(config: &str, layer: &str) -> Value {
    json!({
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": descriptor("application/vnd.oci.image.config.v1+json", config.as_bytes()),
        "layers": [descriptor("application/vnd.oci.image.layer.v1.tar+gzip", layer.as_bytes())],
    })
}

/// An index of these children: digest and `os/architecture`.
pub(super) fn index_text(children: &[(&str, &str)]) -> String {
    let child = |(digest, platform): &(&str, &str)| {
        let (os, architecture) = platform.split_once('/').unwrap();
        json!({
            "mediaType": OCI_MANIFEST, "digest": digest, "size": 1,
            "platform": {"os": os, "architecture": architecture},
        })
    };
    let manifests: Vec<Value> = children.iter().map(child).collect();
    json!({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": manifests}).to_string()
}
