//! A cluster with a service, and images in the registry.

use super::*;

const REGISTRY: &str = "111111111111.dkr.ecr.eu-west-1.amazonaws.com";

impl Tried {
    /// An account where `cluster1/webapp1` runs the image `good`.
    pub(super) fn with_service() -> Self {
        let mut tried = Self::new();
        tried.of(Service::Ecr, "CreateRepository", json!({ "repositoryName": "webapp1" }));
        tried.push_image("good", &json!({}));
        tried.of(Service::Ecs, "CreateCluster", json!({ "clusterName": "cluster1" }));
        let containers = json!([
            { "name": "webapp1", "image": image("good"), "memory": 128 },
            { "name": "envoy", "image": image("good"), "memory": 64 },
        ]);
        let definition = json!({ "family": "webapp1", "containerDefinitions": containers });
        tried.of(Service::Ecs, "RegisterTaskDefinition", definition);
        let breaker = json!({ "enable": true, "rollback": true });
        let service = json!({
            "cluster": "cluster1", "serviceName": "webapp1", "taskDefinition": "webapp1", "desiredCount": 1,
            "deploymentConfiguration": { "deploymentCircuitBreaker": breaker },
        });
        tried.of(Service::Ecs, "CreateService", service);
        tried.pass_seconds(60);
        tried
    }

    /// Puts an image with these labels into the registry.
    pub(super) fn push_image(&mut self, tag: &str, labels: &Value) {
        let configuration = json!({ "os": "linux", "architecture": "amd64", "config": { "Labels": labels } });
        let configuration = self.push_blob(&configuration.to_string());
        let layer = self.push_blob(&format!("the layer of {tag}"));
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": described("application/vnd.oci.image.config.v1+json", &configuration),
            "layers": [described("application/vnd.oci.image.layer.v1.tar", &layer)],
        });
        let put =
            json!({ "repositoryName": "webapp1", "imageManifest": manifest.to_string(), "imageTag": tag });
        self.of(Service::Ecr, "PutImage", put);
    }

    /// The images that the running deployment's containers use, and how its rollout stands.
    pub(super) fn rollouts(&mut self) -> String {
        let input = json!({ "cluster": "cluster1", "services": ["webapp1"] });
        let reply = self.of(Service::Ecs, "DescribeServices", input);
        let deployments = reply["services"][0]["deployments"].as_array().expect("a list").clone();
        let mut lines = String::new();
        for deployment in deployments {
            let used = deployment["taskDefinition"].clone();
            let reply = self.of(Service::Ecs, "DescribeTaskDefinition", json!({ "taskDefinition": used }));
            let containers = reply["taskDefinition"]["containerDefinitions"].as_array().expect("a list");
            let images = containers.iter().map(|it| text(&it["image"]).replace(REGISTRY, ""));
            lines.push_str(&format!(
                "{} {} {}: {}\n",
                text(&deployment["status"]),
                text(&deployment["rolloutState"]),
                text(&used).rsplit('/').next().unwrap_or("?"),
                images.collect::<Vec<String>>().join(", ")
            ));
        }
        lines
    }

    fn push_blob(&mut self, content: &str) -> (String, usize) {
        let repository = json!("webapp1");
        let begun = self.of(Service::Ecr, "InitiateLayerUpload", json!({ "repositoryName": repository }));
        let part = json!({
            "repositoryName": repository, "uploadId": begun["uploadId"],
            "partFirstByte": 0, "partLastByte": content.len() - 1, "layerPartBlob": STANDARD.encode(content),
        });
        self.of(Service::Ecr, "UploadLayerPart", part);
        let hash = ring::digest::digest(&ring::digest::SHA256, content.as_bytes());
        let hex: String = hash.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        let digest = format!("sha256:{hex}");
        let end =
            json!({ "repositoryName": repository, "uploadId": begun["uploadId"], "layerDigests": [digest] });
        self.of(Service::Ecr, "CompleteLayerUpload", end);
        (digest, content.len())
    }
}

pub(super) fn image(tag: &str) -> String {
    format!("{REGISTRY}/webapp1:{tag}")
}

/// An image definitions file that names one image for the container `webapp1`.
pub(super) fn file(tag: &str) -> String {
    json!([{ "name": "webapp1", "imageUri": image(tag) }]).to_string()
}

fn described(media_type: &str, (digest, size): &(String, usize)) -> Value {
    json!({ "mediaType": media_type, "digest": digest, "size": size })
}
